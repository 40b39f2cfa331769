"""The `infocore` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

import contextlib
import json
import math
import pathlib
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Annotated, Any

import typer

from infocore import __version__
from infocore._command import Command
from infocore._console import run, say
from infocore._tables import column_names, read_table
from infocore.api import METHODS, estimator_of, mutual_information
from infocore.config import MIConfig, read_config, resolve
from infocore.errors import ParameterError
from infocore.result import MIEstimate, plain

__all__ = ["app", "main"]

app = typer.Typer(
    help="Mutual information, with what the number certifies.", no_args_is_help=True, add_completion=False
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Mutual information, with what the number certifies."""


@app.command(cls=Command)
def mi(
    data: Annotated[pathlib.Path, typer.Argument(help="CSV file with a header, or Parquet.")],
    x: Annotated[list[str] | None, typer.Option("--x", help="Columns of x, one or more: --x a b.")] = None,
    y: Annotated[list[str] | None, typer.Option("--y", help="Columns of y, one or more.")] = None,
    method: Annotated[str | None, typer.Option(help=f"One of {', '.join(METHODS)}; auto if not given.")] = None,
    fast: Annotated[bool | None, typer.Option("--fast", help="With auto: train no critic.")] = None,
    units: Annotated[str | None, typer.Option(help="nats (if not given) or bits.")] = None,
    ci_level: Annotated[float | None, typer.Option(help="Level of the interval; 0.9 if not given.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of splits and training; 0 if not given.")] = None,
    blocks: Annotated[str | None, typer.Option(help="Block length of a series, or a column of group labels.")] = None,
    config: Annotated[pathlib.Path | None, typer.Option(help="JSON file with these settings; flags win.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the resolved settings.")] = False,
    progress: Annotated[bool, typer.Option(help="Progress bars of training on stderr.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what was read and chosen.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on stderr.")] = False,
) -> None:
    """Mutual information of columns of a CSV or Parquet file."""
    flags = {"data": data, "x": x, "y": y, "method": method, "fast": fast, "units": units, "ci_level": ci_level}
    flags |= {"seed": seed, "blocks": int(blocks) if blocks is not None and blocks.isdecimal() else blocks}
    given = {} if config is None else read_config(config)
    absent = [f"--{side}" for side in "xy" if not (flags[side] or given.get(side))]
    if absent:
        raise ParameterError(
            f"infocore mi: {' and '.join(absent)} must name a column of {data}, or several (--x a b); it has "
            f"{', '.join(column_names(data))}."
        )
    settings = resolve(given, flags)
    frame, doubts = _read(settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimate = mutual_information(
            frame[list(settings.x)],
            frame[list(settings.y)],
            method=settings.method,
            fast=settings.fast,
            progress=progress,
            units=settings.units,
            ci_level=settings.ci_level,
            blocks=frame[settings.blocks].to_numpy() if isinstance(settings.blocks, str) else settings.blocks,
            rng=settings.seed,
        )
    if not quiet:
        for said in (*doubts, *(warning.message for warning in caught)):
            say(f"warning: {said}")
    if verbose:
        say(f"read {len(frame)} rows of {settings.data}")
        say(_told(estimate))
    if as_json:
        answer = {
            "command": "mi",
            "version": __version__,
            "config": settings.model_dump(mode="json"),
            "result": estimate.to_dict(),
        }
        typer.echo(json.dumps(answer, indent=2, allow_nan=False))
    else:
        typer.echo(str(estimate))


@app.command(cls=Command)
def tasks(
    family: Annotated[str | None, typer.Option(help="Only laws of this family.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Laws with exact information: name, columns, nats, and the floor of the error at n = 10,000."""
    from infocore.tasks import TASKS

    families = sorted({law.family for law in TASKS.values()})
    if family is not None and family not in families:
        named = ", ".join(map(repr, families))  # some have a comma in their name
        raise ParameterError(f"infocore tasks: `--family` must be one of {named}; got {family!r}.")
    rows = [
        {"name": law.name, "family": law.family, "dim_x": law.dim_x, "dim_y": law.dim_y, "source": law.source}
        | {"information": law.information, "floor": law.floor(10_000)}
        for law in TASKS.values()
        if family in (None, law.family)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, allow_nan=False))
        return
    typer.echo(f"{'name':48} {'family':16} {'dx':>3} {'dy':>3} {'nats':>8} {'floor':>7}")
    for row in rows:
        typer.echo(
            f"{row['name']:48} {row['family']:16} {row['dim_x']:3} {row['dim_y']:3} {row['information']:8.4f} "
            f"{row['floor']:7.4f}"
        )


@app.command(cls=Command)
def battery(
    method: Annotated[str, typer.Argument(help=f"One of {', '.join(METHODS)}.")] = "auto",
    n: Annotated[int, typer.Option(min=100, help="Rows of the samples.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples and training.")] = 0,
    fast: Annotated[bool, typer.Option("--fast", help="With auto: train no critic.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Self-consistency of a method: independence, data processing, additivity, symmetry, invariance, chain rule.

    Exits with 1 if a row fails: the method is wrong on such data.
    """
    from infocore.battery import battery as run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = run(_method(method, fast), n=n, rng=seed)
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else str(report))
    if not report.passed:
        raise typer.Exit(1)


@app.command(cls=Command)
def bench(
    method: Annotated[str, typer.Argument(help=f"One of {', '.join(METHODS)}.")] = "auto",
    laws: Annotated[str, typer.Option(help="bmi (40), more (45), all, or names joined by commas.")] = "bmi",
    n: Annotated[int, typer.Option(min=50, help="Sample size.")] = 10_000,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ... of the samples.")] = 1,
    out: Annotated[pathlib.Path | None, typer.Option(help="JSON Lines file; what it holds is not run again.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an --out file that is there.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes (joblib).")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="With auto: train no critic.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Error, floor ratio and coverage of a method over laws of known information.

    "x floor" is the error over that of an efficient estimator, and "in" says
    whether the 90 % interval holds the truth. After Ctrl-C what is done is
    shown, and --resume goes on with what --out holds.
    """
    from infocore.tasks import BMI_V1, MORE, TASKS, task
    from infocore.trials import Trial, run_trials

    if out is not None and out.exists() and not resume:
        raise ParameterError(f"infocore bench: {out} is there; go on with it by --resume, or name another file.")
    if resume and out is None:
        raise ParameterError("infocore bench: `--resume` needs the file to go on with, `--out`.")
    named = {"bmi": BMI_V1, "more": MORE, "all": TASKS}
    try:
        names = [name.strip() for name in laws.split(",")]
        chosen = list(named[names[0]].values()) if names[0] in named and len(names) == 1 else [task(n) for n in names]
    except ParameterError as e:
        raise ParameterError(
            f"infocore bench: `--laws` must be {', '.join(named)}, or names that `infocore tasks` lists: {e}"
        ) from e
    done: list[Trial] = []
    total = len(chosen) * seeds
    try:
        with _progress(total, show=not quiet) as advance:

            def tell(trial: Trial) -> None:
                done.append(trial)
                advance()

            trials = run_trials(
                _method(method, fast),
                chosen,
                n=n,
                seeds=range(seeds),
                name=method + ("-fast" if fast else ""),
                out=out,
                n_jobs=jobs,
                tell=tell,
            )
    except KeyboardInterrupt as e:
        if done:
            _show_trials(done, as_json)
        kept = "" if out is None or not out.exists() else f"; --resume goes on with {out}"
        if kept and done:
            kept = f"; they are in {out}, and --resume goes on with it"
        say(f"interrupted after {len(done)} estimates{kept}")
        raise typer.Exit(130) from e
    _show_trials(trials, as_json)
    if all(t.value is None for t in trials):
        raise typer.Exit(1)


def main(argv: list[str] | None = None) -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else."""
    run(app, "infocore", argv)


def _show_trials(trials: Sequence[Any], as_json: bool) -> None:
    """Print what was estimated, and what it says together; a method that refuses every law has nothing to say."""
    import dataclasses

    from infocore.trials import summarise

    summary = None if all(t.value is None for t in trials) else summarise(trials)
    if as_json:
        answer = {"summary": summary and dataclasses.asdict(summary), "trials": [dataclasses.asdict(t) for t in trials]}
        typer.echo(json.dumps(plain(answer), indent=2, allow_nan=False))
        return
    typer.echo(f"{'law':48} {'seed':>4} {'truth':>7} {'value':>8} {'error':>8} {'x floor':>7} in  method")
    for t in trials:
        if t.value is None:
            typer.echo(f"{t.task:48} {t.seed:4} {t.truth:7.3f} {t.error}")
            continue
        ratio = f"{abs(t.value - t.truth) / t.floor:7.1f}" if t.floor > 0 else "      -"
        held = "-" if t.low is None or t.high is None else "yes" if t.low <= t.truth <= t.high else "no"
        typer.echo(
            f"{t.task:48} {t.seed:4} {t.truth:7.3f} {t.value:8.3f} {t.value - t.truth:+8.3f} {ratio} {held:3} "
            f"{t.method}"
        )
    if summary is None:
        typer.echo(f"\n{len(trials)} estimates, all failed")
        return
    within = ", ".join(f"{limit} nats {share:.0%}" for limit, share in summary.within.items())
    mean, median = summary.mean_absolute_error, summary.median_absolute_error
    floors = f"; {summary.floor_ratio:.1f} times the floor" if math.isfinite(summary.floor_ratio) else ""
    lines = [
        f"{summary.trials} estimates, {summary.failed} failed",
        f"absolute error: mean {mean:.4f} nats, median {median:.4f}{floors}",
        f"within {within}",
    ]
    if summary.coverage is not None:
        wide = "" if summary.width is None else f", mean width {summary.width:.1f} floors"
        lines.append(f"intervals that hold the truth: {summary.coverage:.0%}{wide}")
    typer.echo("\n" + "\n".join([*lines, f"time: median {summary.seconds:.3g} s"]))


def _method(name: str, fast: bool) -> Any:
    """Return the estimator of a name."""
    if name not in METHODS:
        raise ParameterError(f"infocore: the method must be one of {', '.join(METHODS)}; got {name!r}.")
    if fast and name != "auto":
        raise ParameterError(f"infocore: `--fast` is for auto; got it with {name}.")
    return estimator_of(name, fast=fast)


@contextlib.contextmanager
def _progress(total: int, *, show: bool) -> Generator[Callable[[], None], None, None]:
    """Show a progress bar on stderr; yield what moves it on by one."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True, quiet=not show), disable=not show, transient=True) as bar:
        row = bar.add_task("estimates", total=total)
        yield lambda: bar.advance(row)


def _read(settings: MIConfig) -> tuple[Any, list[str]]:
    """Read the columns asked for, and what is to be said of them."""
    labels = [settings.blocks] if isinstance(settings.blocks, str) else []
    header = column_names(settings.data)
    absent = [name for name in dict.fromkeys((*settings.x, *settings.y, *labels)) if name not in header]
    if absent:
        raise ParameterError(
            f"infocore mi: {settings.data} has no column {', '.join(absent)}; it has {', '.join(header)}."
        )
    for side, names in (("--x", settings.x), ("--y", settings.y)):
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise ParameterError(f"infocore mi: `{side}` names {', '.join(twice)} more than once; name it once.")
    return read_table(settings.data, [*settings.x, *settings.y], labels)


def _told(estimate: MIEstimate) -> str:
    """Say what the columns are taken for, what was chosen and why, and what was noticed: a line each."""
    facts = estimate.diagnostics
    lines = [
        f"{side}: " + ", ".join(f"{name} ({kind})" for name, kind in columns.items())
        for side, columns in facts.get("kinds", {}).items()
    ]
    reason = [f"reason: {facts['reason']}"] if "reason" in facts else []
    notes = [f"note: {note}" for note in facts.get("notes", ())]
    return "\n".join([*lines, f"method: {estimate.method}", *reason, *notes])
