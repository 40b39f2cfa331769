"""The `gtheory` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

import csv
import json
import math
import pathlib
import sys
import warnings
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gtheory.channels import optimal_truth
from gtheory.confirm import confirmation
from gtheory.information import semantic_information
from gtheory.rate import rate_fidelity_curve
from infocore.errors import ConvergenceWarning, DataError, InfoError
from infocore.semantic import Floats

__all__ = ["app", "main", "read_counts"]

app = typer.Typer(
    help="Semantic information after C. Lu, from the command line.", no_args_is_help=True, add_completion=False
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def confirm(
    a: Annotated[float, typer.Argument(help="Count of e1 and h1.", min=0)],
    b: Annotated[float, typer.Argument(help="Count of e0 and h1.", min=0)],
    c: Annotated[float, typer.Argument(help="Count of e1 and h0: counter-examples.", min=0)],
    d: Annotated[float, typer.Argument(help="Count of e0 and h0.", min=0)],
    as_json: Json = False,
) -> None:
    """Confirmation measures of the rule "if e1 then h1" from a 2 x 2 table of counts."""
    result = confirmation(a, b, c, d)
    if as_json:
        _print_json({"command": "confirm", "unit": result.unit, **result.measures(), "reasons": dict(result.reasons)})
        return
    table = Table(title=f"Confirmation of e1 -> h1 (R and L in {result.unit})")
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("why undefined")
    for name, value in result.measures().items():
        table.add_row(name, f"{value:.4f}", result.reasons.get(name, ""))
    Console().print(table)


@app.command()
def rate(
    file: Annotated[
        pathlib.Path,
        typer.Argument(help="Table of counts as CSV: rows x, columns labels.", exists=True, dir_okay=False),
    ],
    s: Annotated[list[float] | None, typer.Option("--s", help="Slope dR/dG; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """G, R and points of R(G) of the labels in a table of counts, with truth functions fitted to it."""
    counts, rows, labels = read_counts(file)
    px = counts.sum(1) / counts.sum()
    ch = counts / counts.sum(1, keepdims=True)
    info = semantic_information(px, optimal_truth(counts=counts), ch)
    curve = rate_fidelity_curve(px, info.pointwise, s or (0.5, 1.0, 2.0))
    if as_json:
        points = [
            {"s": p.s, "G": p.G, "R": p.R, "gap": p.gap, "converged": p.converged, "py": p.py.tolist()}
            for p in (*curve.points, curve.matching)
        ]
        _print_json(
            {
                "command": "rate", "unit": info.unit, "x": rows, "labels": labels, "G": info.G, "R": info.R,
                "efficiency": info.efficiency, "logical_probability": info.logical_probability.tolist(),
                "points": points[:-1], "matching": points[-1],
            }
        )  # fmt: skip
        return
    table = Table(title=f"R(G) of {file.name} in {info.unit}: table itself G = {info.G:.4f}, R = {info.R:.4f}")
    for name in ("s", "G", "R", "G/R", "gap"):
        table.add_column(name, justify="right")
    for p in curve.points:
        share = p.G / p.R if p.R > 1e-9 else math.nan
        table.add_row(f"{p.s:g}", f"{p.G:.4f}", f"{p.R:.4f}", f"{share:.4f}", f"{p.gap:.1e}")
    console = Console()
    console.print(table)
    console.print(f"matching point (s = 1): R - G = {curve.matching.R - curve.matching.G:.2e} {info.unit}")


def read_counts(file: pathlib.Path) -> tuple[Floats, list[str], list[str]]:
    """Read a table of counts from a CSV file, with or without a header row and a column of names.

    Parameters
    ----------
    file : Path
        Rows are values of x, columns labels. If a field of the first row is no number, that row holds the labels'
        names; if a field of the first column below it is none, that column holds the names of x.

    Returns
    -------
    counts : ndarray of shape (m, n)
    rows, labels : list of str
        Names, or positions where there are none.

    Raises
    ------
    DataError
        If the file is not text, holds no table, a row has another length, a field is no count, or a row or column has
        no counts at all.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            lines = [(reader.line_num, row) for reader in (csv.reader(handle),) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"gtheory rate: {file} cannot be read as CSV text: {e}.") from e
    header = lines.pop(0)[1] if lines and any(not _is_number(field) for field in lines[0][1][1:]) else None
    named = any(not _is_number(row[0]) for _, row in lines)
    if not lines or len(lines[0][1]) <= named:
        raise DataError(f"gtheory rate: {file} holds no table of counts; give rows of x and columns of labels.")
    width = len(lines[0][1])
    for number, row in lines:
        if len(row) != width:
            raise DataError(f"gtheory rate: line {number} of {file} has {len(row)} fields; the first has {width}.")
        for field in row[named:]:
            if not (_is_number(field) and 0 <= float(field) < math.inf):
                raise DataError(f"gtheory rate: line {number} of {file} holds {field!r}, which is not a count.")
    if header is not None and len(header) not in (width, width - named):
        raise DataError(f"gtheory rate: the header of {file} has {len(header)} fields; the first row has {width}.")
    counts = np.array([[float(field) for field in row[named:]] for _, row in lines])
    names = [row[0] if named else str(i) for i, (_, row) in enumerate(lines)]
    labels = header[-counts.shape[1] :] if header is not None else [str(j) for j in range(counts.shape[1])]
    for what, sums, called in (("row", counts.sum(1), names), ("column", counts.sum(0), labels)):
        empty = np.flatnonzero(sums == 0)
        if len(empty):
            raise DataError(
                f"gtheory rate: {what} {called[empty[0]]!r} of {file} has no counts ({len(empty)} such), so its law is "
                f"undefined. Remove that {what}."
            )
    return counts, names, labels


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConvergenceWarning)
        warnings.showwarning = _to_stderr
        try:
            app()
        except InfoError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(1)


def _to_stderr(message: Warning | str, *_: Any) -> None:
    typer.echo(f"warning: {message}", err=True)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _print_json(result: dict[str, Any]) -> None:
    typer.echo(json.dumps(_plain(result), allow_nan=False))


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they become the strings "nan", "inf", "-inf"."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
