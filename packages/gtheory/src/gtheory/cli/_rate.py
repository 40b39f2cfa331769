"""`gtheory rate`: what labels mean, what they carry, and the least rate at which they could say as much."""

# pandas has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import math
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gtheory.channels import optimal_truth
from gtheory.cli._app import File, Json, Plot, app, print_json
from gtheory.cli._files import check_figure, numbers, read_counts, read_frame, save_figure
from gtheory.fidelity import fidelity_range, rate_for_fidelity
from gtheory.information import semantic_information
from gtheory.rate import RateFidelityPoint, rate_fidelity_curve
from infocore.errors import DataError
from infocore.semantic import Floats, logical_probability

__all__ = ["rate"]

_CALLER = "gtheory rate"


@app.command()
def rate(
    file: File,
    prior: Annotated[
        str | None,
        typer.Option(help="Column of P(x): the other columns of numbers are then degrees of truth, and not counts."),
    ] = None,
    s: Annotated[list[float] | None, typer.Option("--s", help="Slope dR/dG; may be repeated.")] = None,
    fidelity: Annotated[
        list[float] | None, typer.Option("--fidelity", "-g", help="G in bits whose least rate is wanted; repeatable.")
    ] = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Points of R(G) of the labels in a table: rows x, columns labels.

    The table holds counts, from which truth functions are fitted, or (with --prior) the truth functions themselves.
    """
    check_figure(plot, _CALLER)
    table: dict[str, Any] = {}
    if prior is None:
        counts, rows, labels = read_counts(file)
        px = counts.sum(1) / counts.sum()
        info = semantic_information(px, optimal_truth(counts=counts), counts / counts.sum(1, keepdims=True))
        information, share = info.pointwise, info.logical_probability
        table = {"G": info.G, "R": info.R, "efficiency": info.efficiency}
    else:
        px, truth, rows, labels = _truth(file, prior)
        share = logical_probability(px, truth)
        with np.errstate(divide="ignore"):
            information = np.log2(truth) - np.log2(share)
    curve = rate_fidelity_curve(px, information, s or (0.5, 1.0, 2.0))
    low, high = fidelity_range(px, information)
    wanted = [rate_for_fidelity(px, information, g) for g in fidelity or ()]
    if plot is not None:
        from gtheory.plots import plot_rate_fidelity

        save_figure(plot_rate_fidelity(_bowl(px, information)), plot, _CALLER)
    if as_json:
        print_json(
            {
                "command": "rate", "unit": "bits", "x": rows, "labels": labels, **table,
                "logical_probability": share.tolist(), "points": [_plain(p) for p in curve.points],
                "matching": _plain(curve.matching), "matching_G_range": [low, high],
                "wanted": [_plain(p) for p in wanted],
            }
        )  # fmt: skip
        return
    console = Console()
    title = f"R(G) of {file.name} in bits"
    if table:
        title += f"; labels as they are used: G = {table['G']:.4f}, R = {table['R']:.4f}"
    console.print(title, highlight=False, soft_wrap=True)
    shown = Table()
    for name in ("s", "G", "R", "G/R", "gap"):
        shown.add_column(name, justify="right")
    for p in (*curve.points, *wanted):
        efficiency = p.G / p.R if p.R > 1e-9 else math.nan
        shown.add_row(f"{p.s:.4g}", f"{p.G:.4f}", f"{p.R:.4f}", f"{efficiency:.4f}", f"{p.gap:.1e}")
    console.print(shown)
    console.print(
        f"matching point (s = 1): R - G = {curve.matching.R - curve.matching.G:.2e} bits; G is "
        + (f"{low:.4f} to {high:.4f}, as several label laws are best" if high - low > 1e-3 else "determined"),
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _truth(file: Any, prior: str) -> tuple[Floats, Floats, list[str], list[str]]:
    """Read a prior and degrees of truth; a column that holds no numbers holds the names of x."""
    frame = read_frame(file, _CALLER)
    px = numbers(frame, [prior], file, _CALLER)[:, 0]
    labels = [str(name) for name in frame.columns if name != prior and frame[name].dtype.kind in "iufb"]
    names = [name for name in frame.columns if name != prior and frame[name].dtype.kind not in "iufb"]
    if not labels or len(names) > 1:
        raise DataError(
            f"{_CALLER}: {file} must hold {prior!r}, a column of degrees of truth for each label, and at most one "
            f"column of names; got {len(labels)} and {len(names)}."
        )
    rows = frame[names[0]].astype(str).tolist() if names else [str(i) for i in range(len(frame))]
    if (px < 0).any() or px.sum() <= 0:
        raise DataError(f"{_CALLER}: column {prior!r} of {file} must hold probabilities or counts; got {px.min():g}.")
    return px / px.sum(), numbers(frame, labels, file, _CALLER), rows, labels


def _bowl(px: Floats, information: Floats) -> Any:
    """Points of both branches; where a label is certainly false of something, of the upper one only."""
    slopes = np.geomspace(0.05, 40, 24)
    both = slopes if np.isneginf(information).any() else np.concatenate([-slopes[::-1], slopes])
    return rate_fidelity_curve(px, information, both, tol=1e-5)


def _plain(p: RateFidelityPoint) -> dict[str, Any]:
    return {"s": p.s, "G": p.G, "R": p.R, "gap": p.gap, "converged": p.converged, "py": p.py.tolist()}
