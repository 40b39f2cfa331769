"""The application, what its commands share, and the way it ends."""

import pathlib
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from cmim._version import __version__
from infocore._console import print_json, run, say
from infocore.errors import ParameterError

__all__ = [
    "DATA_HELP",
    "IMAGES",
    "IMAGE_SETS",
    "MOLECULES",
    "MOLECULES_HELP",
    "MOLECULE_SETS",
    "Column",
    "Json",
    "Places",
    "Quiet",
    "app",
    "bar",
    "check_in",
    "check_out",
    "facts_file",
    "main",
    "print_json",
    "progress",
    "refuse",
    "run_and_data",
    "say",
]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
IMAGES, MOLECULES = "Only for images and rows of numbers", "Only for molecules"
IMAGE_SETS = ("digits", "mnist5k", "fashion", "fashion-test")
MOLECULE_SETS = ("moses", "moses-test", "moses-test-scaffolds")
DATA_HELP = f"A folder of images, .npy, .npz, .parquet, IDX, or: {', '.join(IMAGE_SETS)}."
MOLECULES_HELP = (
    f"Molecules: .csv, .tsv, .smi, .txt, each also .gz, .parquet, a folder of these, or: {', '.join(MOLECULE_SETS)}."
)
Column = Annotated[
    str, typer.Option("--smiles-column", help="Column of SMILES, of a table.", rich_help_panel=MOLECULES)
]
Places = Annotated[
    list[str],
    typer.Argument(
        help=f"RUN: folder that `cmim train` wrote; for molecules, without one, the model that comes with the package. "
        f"DATA: {DATA_HELP} {MOLECULES_HELP}",
        metavar="[RUN] DATA",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks on stderr.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Auto-encoders that keep the information: train, embed, evaluate, sample.

    Images: cmim train digits --out run, then: cmim evaluate run

    Molecules: cmim embed molecules.csv --out z.parquet, or: cmim sample --around CCO --out near.png
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else."""
    run(app, "cmim", argv, (ValueError, OSError, MemoryError, ImportError))


def check_in(ctx: typer.Context, argument: str, place: str | pathlib.Path | None, names: Iterable[str] = ()) -> None:
    """Refuse to read a file or folder that is not there, unless it is the name of something."""
    if place is None or place in (known := tuple(names)) or pathlib.Path(place).exists():
        return
    named = f", or one of: {', '.join(known)}" if known else ""
    raise ParameterError(
        f"cmim {ctx.info_name}: `{argument}` must be a file or folder{named}; there is no {place}. Check the path."
    )


def check_out(out: pathlib.Path, *suffixes: str) -> None:
    """Refuse a file that cannot be written, before the work is done."""
    if out.suffix.lower() not in suffixes:
        raise ParameterError(f"cmim: `--out` must end in {' or '.join(suffixes)}; got {out}.")
    if not out.parent.is_dir():
        raise ParameterError(f"cmim: `--out` {out} is in a folder that does not exist. Make it first.")
    for file in (out, facts_file(out)):
        if file.exists():
            raise ParameterError(f"cmim: `--out`: {file} exists, and none is ever overwritten. Choose a new name.")


def facts_file(out: pathlib.Path) -> pathlib.Path:
    """Return where the settings of an output are written."""
    return out.with_name(out.name + ".toml")


def refuse(ctx: typer.Context, panel: str) -> None:
    """Refuse flags that stand under a heading of the help, since they do not apply."""
    flags = [
        f"--{name}" if len(name) > 1 else f"-{name}"
        for parameter in ctx.command.params
        if getattr(parameter, "rich_help_panel", None) == panel
        and getattr(ctx.get_parameter_source(str(parameter.name)), "name", "") == "COMMANDLINE"
        for name in [max((opt.lstrip("-") for opt in parameter.opts), key=len)]
    ]
    if flags:
        what = "molecules" if panel == IMAGES else "images and rows of numbers"
        raise ParameterError(
            f"cmim {ctx.info_name}: {', '.join(flags)} must be left out for {what}; see cmim {ctx.info_name} --help."
        )


def run_and_data(ctx: typer.Context, places: list[str]) -> tuple[pathlib.Path | None, str]:
    """Tell a run, if there is one, from data; both must be there."""
    from cmim.cli._toml import is_molecules

    *runs, data = places
    if len(runs) > 1:
        raise ParameterError(f"cmim {ctx.info_name}: give [RUN] DATA; got {' '.join(places)}.")
    if not runs and (pathlib.Path(data) / "config.toml").is_file():
        raise ParameterError(f"cmim {ctx.info_name}: {data} is a run; give the data after it.")
    run = pathlib.Path(runs[0]) if runs else None
    check_in(ctx, "RUN", run)
    check_in(ctx, "DATA", data, MOLECULE_SETS if run is None or is_molecules(run) else IMAGE_SETS)
    return run, data


def bar(quiet: bool) -> Any:
    """Return a progress bar on stderr, which is drawn on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = quiet or not Console(stderr=True).is_terminal
    return Progress(*columns, console=Console(stderr=True, quiet=hidden), disable=hidden)  # older rich ends with a line


def progress(quiet: bool) -> Callable[[str, int, int], None]:
    """Return what says on stderr how much of something is done, or nothing if that is not wanted."""

    def told(name: str, done: int, total: int) -> None:
        if not quiet:
            say(f"  {name}: {done} of {total}")

    return told
