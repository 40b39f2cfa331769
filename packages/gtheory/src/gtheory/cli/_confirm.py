"""`gtheory confirm`: how strongly a table, or two columns of a file, support a rule."""

# pandas has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import pathlib
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from gtheory.cli._app import Json, Plot, app, print_json
from gtheory.cli._files import check_figure, column, read_frame, save_figure
from gtheory.confirm import confirmation
from gtheory.confirm_intervals import confirmation_intervals
from infocore.errors import ParameterError

__all__ = ["confirm"]

_CALLER = "gtheory confirm"
_MEANING = {
    "b1": "b*: e1 -> h1, whatever the prior", "b0": "b*: e0 -> h0", "c1": "c*: h1 given e1", "c0": "c*: h0 given e0",
    "F1": "Kemeny, Oppenheim; of b*", "F0": "Kemeny, Oppenheim; of b*",
    "D": "P(h1|e1) - P(h1)", "M": "P(e1|h1) - P(e1)",
    "R": "log P(h1|e1)/P(h1)", "C": "P(h1, e1) - P(e1) P(h1)", "Z": "D over its largest size",
    "S": "P(h1|e1) - P(h1|e0)", "N": "P(e1|h1) - P(e1|h0)", "L": "log P(e1|h1)/P(e1|h0)", "sensitivity": "P(e1|h1)",
    "specificity": "P(e0|h0)", "ppv": "P(h1|e1)", "npv": "P(h0|e0)", "lr": "P(e1|h1)/P(e1|h0)",
}  # fmt: skip


@app.command()
def confirm(
    table: Annotated[
        list[str],
        typer.Argument(
            help="Four counts: of e1 and h1, e0 and h1, e1 and h0 (counter-examples), e0 and h0;"
            " or a CSV or Parquet file with --evidence and --hypothesis.",
            metavar="A B C D | FILE",
        ),
    ],
    evidence: Annotated[str | None, typer.Option(help="COLUMN=VALUE that is e1; every other value is e0.")] = None,
    hypothesis: Annotated[str | None, typer.Option(help="COLUMN=VALUE that is h1; every other value is h0.")] = None,
    interval: Annotated[
        Literal["bootstrap", "exact", "none"], typer.Option(help="Intervals, from counts.")
    ] = "bootstrap",
    design: Annotated[
        Literal["joint", "hypothesis"], typer.Option(help="What was drawn: cases, or so many of h1 and of h0.")
    ] = "joint",
    ci_level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.")] = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Confirmation measures of the rule "if e1 then h1", with intervals."""
    check_figure(plot, _CALLER)
    cells = _counts(table) if len(table) == 4 else _count(table, evidence, hypothesis)
    result = confirmation(*cells)
    whole = all(float(cell).is_integer() for cell in cells)
    intervals = None
    if interval != "none" and whole:
        intervals = confirmation_intervals(
            *(int(cell) for cell in cells), method=interval, design=design, ci_level=ci_level, rng=seed
        )
    elif interval != "none":
        typer.echo("no intervals: shares say nothing of how many were seen", err=True)
    if plot is not None:
        from gtheory.plots import plot_confirmation

        save_figure(plot_confirmation(result, intervals), plot, _CALLER)
    if as_json:
        answer: dict[str, Any] = {"command": "confirm", "unit": result.unit, "table": list(cells), **result.measures()}
        answer["reasons"] = dict(result.reasons)
        if intervals is not None:
            answer["intervals"] = {name: [intervals.low[name], intervals.high[name]] for name in intervals.low}
            answer |= {"ci_level": ci_level, "interval": interval, "design": design}
            answer["intervals_reasons"] = dict(intervals.reasons)
        print_json(answer)
        return
    a, b, c, d = (f"{cell:g}" for cell in cells)
    shown = Table(title=f"e1 -> h1, from {a}, {b}, {c}, {d}; R and L in {result.unit}", title_justify="left")
    shown.add_column("measure", no_wrap=True)
    shown.add_column("value", justify="right")
    if intervals is not None:
        shown.add_column(f"{ci_level:.0%} interval", justify="right")
    shown.add_column("what it is")
    notes: dict[str, int] = {}
    for name, value in result.measures().items():
        row = [name, f"{value:.4f}"]
        if name in result.reasons:
            row[1] += f" ({notes.setdefault(result.reasons[name], len(notes) + 1)})"
        if intervals is not None:
            why = intervals.reasons.get(name)
            ends = f"{intervals.low[name]:.3f} to {intervals.high[name]:.3f}"
            row.append(f"({notes.setdefault(why, len(notes) + 1)})" if why else ends)
        shown.add_row(*row, _MEANING[name])
    console = Console()
    console.print(shown)
    for note, number in notes.items():
        told = note.replace("method='exact'", "--interval exact")
        console.print(f"({number}) {told}", highlight=False, soft_wrap=True)


def _counts(fields: list[str]) -> tuple[float, float, float, float]:
    try:
        a, b, c, d = (float(field) for field in fields)
    except ValueError as e:
        raise ParameterError(f"{_CALLER}: the four counts must be numbers; got {' '.join(fields)}.") from e
    return a, b, c, d


def _count(fields: list[str], evidence: str | None, hypothesis: str | None) -> tuple[int, int, int, int]:
    """Count the four cells in two columns of a file."""
    if len(fields) != 1:
        raise ParameterError(f"{_CALLER}: give four counts, or one file; got {len(fields)} arguments.")
    file = pathlib.Path(fields[0])
    if evidence is None or hypothesis is None:
        raise ParameterError(f"{_CALLER}: with a file, name e1 and h1 by --evidence and --hypothesis COLUMN=VALUE.")
    frame = read_frame(file, _CALLER)
    found = []
    for option, wanted in (("--evidence", evidence), ("--hypothesis", hypothesis)):
        name, equals, value = wanted.partition("=")
        if not equals:
            raise ParameterError(f"{_CALLER}: {option} must be COLUMN=VALUE; got {wanted!r}.")
        values = column(frame, name, file, _CALLER)
        if values.isna().any():
            raise ParameterError(
                f"{_CALLER}: column {name!r} of {file} has {int(values.isna().sum())} missing values; drop those rows, "
                "or say what they are."
            )
        is_one = values.astype(str) == value
        if not is_one.any():
            some = ", ".join(sorted(set(values.astype(str)))[:8])
            raise ParameterError(f"{_CALLER}: no row of {file} has {wanted}; column {name!r} holds {some}.")
        found.append(is_one.to_numpy())
    e1, h1 = found
    return int((e1 & h1).sum()), int((~e1 & h1).sum()), int((e1 & ~h1).sum()), int((~e1 & ~h1).sum())
