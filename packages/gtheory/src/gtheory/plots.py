"""Figures of the theory's objects. Each function returns a matplotlib Figure and leaves pyplot's state alone."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from gtheory.confirm import Confirmation
from gtheory.confirm_intervals import ConfirmationIntervals
from gtheory.rate import RateFidelityCurve
from infocore.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_confirmation", "plot_growth", "plot_history", "plot_partition", "plot_rate_fidelity", "plot_truth"]

_BOUNDED = ("b1", "b0", "c1", "c0", "F1", "F0", "Z", "S", "N")


def plot_rate_fidelity(curve: RateFidelityCurve) -> "Figure":
    """Draw R(G), the line R = G, and the point at s = 1 where they come closest.

    Parameters
    ----------
    curve : RateFidelityCurve
        Of `rate_fidelity_curve`; with slopes of both signs it is the whole bowl.

    Returns
    -------
    Figure
    """
    figure, axes = _figure((6.0, 4.2))
    order = np.argsort(curve.s)
    unit = curve.matching.unit
    axes.plot(curve.G[order], curve.R[order], marker="o", markersize=3, label="R(G)")
    axes.plot(curve.matching.G, curve.matching.R, "s", color="black", label="s = 1: R - G is least")
    axes.axline((0, 0), slope=1, color="grey", linewidth=1, label="R = G")
    axes.set(xlabel=f"G ({unit})", ylabel=f"R ({unit})")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def plot_truth(x: ArrayLike, truth: ArrayLike, labels: Sequence[str] | None = None, *, xlabel: str = "x") -> "Figure":
    """Draw truth functions over x.

    Parameters
    ----------
    x : array of shape (m,)
        Numbers, or names, which are then placed in their order.
    truth : array of shape (m, n)
        Degrees of truth, labels in columns.
    labels : sequence of str, of length n, optional
        Names of the labels.
    xlabel : str
        Name of x.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        If `truth` is not a matrix with a row for each x, or `labels` not as many as its columns.
    """
    values, places = np.asarray(truth, dtype=np.float64), np.asarray(x)
    if values.ndim != 2 or places.shape != values.shape[:1]:
        raise ShapeError(f"plot_truth: `truth` must have a row for each x; got {values.shape} and {places.shape}.")
    names = [str(j) for j in range(values.shape[1])] if labels is None else list(labels)
    if len(names) != values.shape[1]:
        raise ShapeError(f"plot_truth: `labels` must name {values.shape[1]} columns; got {len(names)}.")
    figure, axes = _figure((6.0, 3.2))
    numeric = places.dtype.kind in "iufb"
    order = np.argsort(places, kind="stable") if numeric else np.arange(len(places))
    for j, name in enumerate(names):
        style = {} if numeric else {"marker": "o", "linestyle": ":"}
        axes.plot(places[order], values[order, j], label=name, **style)
    axes.set(xlabel=xlabel, ylabel="degree of truth", ylim=(-0.03, 1.03))
    axes.legend(frameon=False)
    return figure


def plot_confirmation(result: Confirmation, intervals: ConfirmationIntervals | None = None) -> "Figure":
    """Draw the measures that lie in [-1, 1], with their intervals where there are any.

    Parameters
    ----------
    result : Confirmation
        Of `confirmation`.
    intervals : ConfirmationIntervals, optional
        Of `confirmation_intervals`, for the same table.

    Returns
    -------
    Figure
    """
    figure, axes = _figure((6.0, 3.6))
    values = result.measures()
    for row, name in enumerate(reversed(_BOUNDED)):
        if intervals is not None:
            axes.plot([intervals.low[name], intervals.high[name]], [row, row], color="tab:blue", linewidth=2)
        axes.plot(values[name], row, "o", color="black")
        if np.isnan(values[name]):
            axes.text(0.02, row, result.reasons[name], va="center", color="grey")
    axes.axvline(0, color="grey", linewidth=1)
    axes.set(xlim=(-1.05, 1.05), xlabel="degree of confirmation")
    axes.set_yticks(range(len(_BOUNDED)), list(reversed(_BOUNDED)))
    return figure


def plot_partition(
    z: ArrayLike, posterior: ArrayLike, labels: ArrayLike, classes: Sequence[str] | None = None, *, zlabel: str = "z"
) -> "Figure":
    """Draw posteriors of the classes over a scalar z, on the cells of a partition.

    Parameters
    ----------
    z : array of shape (N,)
        Values of the observation.
    posterior : array of shape (N, m)
        P(class|z).
    labels : array of shape (N,)
        Cell of each z.
    classes : sequence of str, of length m, optional
        Names of the classes.
    zlabel : str
        Name of z.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        If the arrays do not fit together.
    """
    places, p, cells = np.asarray(z, dtype=np.float64), np.asarray(posterior), np.asarray(labels)
    if p.ndim != 2 or places.shape != p.shape[:1] or cells.shape != p.shape[:1]:
        raise ShapeError(
            f"plot_partition: `z`, `posterior` and `labels` must have as many rows; got {places.shape}, {p.shape}, "
            f"{cells.shape}."
        )
    order = np.argsort(places, kind="stable")
    places, p, cells = places[order], p[order], cells[order]
    figure, axes = _figure((6.0, 3.2))
    for c in range(p.shape[1]):
        axes.plot(places, p[:, c], label=str(c) if classes is None else classes[c])
    ends = [0, *(np.flatnonzero(np.diff(cells)) + 1), len(cells)]
    kinds = {cell: f"C{k}" for k, cell in enumerate(np.unique(cells))}
    for start, stop in itertools.pairwise(ends):
        left = places[0] if start == 0 else (places[start - 1] + places[start]) / 2
        right = places[-1] if stop == len(cells) else (places[stop - 1] + places[stop]) / 2
        axes.axvspan(left, right, color=kinds[cells[start]], alpha=0.12, linewidth=0)
    axes.set(xlabel=zlabel, ylabel="P(class | z)", ylim=(-0.03, 1.03))
    axes.legend(frameon=False, title="shaded: cells")
    return figure


def plot_history(history: Mapping[str, ArrayLike], *, ylabel: str) -> "Figure":
    """Draw quantities over iterations.

    Parameters
    ----------
    history : mapping of str to array of shape (n_iter,)
        What to draw, by name.
    ylabel : str
        What the numbers are, with their unit.

    Returns
    -------
    Figure

    Raises
    ------
    ParameterError
        If there is nothing to draw.
    """
    if not history:
        raise ParameterError("plot_history: `history` must hold at least one quantity; got none.")
    figure, axes = _figure((6.0, 3.6))
    for name, values in history.items():
        axes.plot(np.asarray(values, dtype=np.float64), marker="o", markersize=3, label=name)
    axes.set(xlabel="iteration", ylabel=ylabel)
    axes.legend(frameon=False)
    return figure


def plot_growth(paths: Mapping[str, ArrayLike], *, xlabel: str = "period") -> "Figure":
    """Draw capital over time, on a logarithmic scale.

    Parameters
    ----------
    paths : mapping of str to array of shape (S + 1,)
        Capital by strategy, from 1.
    xlabel : str
        Name of the periods.

    Returns
    -------
    Figure

    Raises
    ------
    ParameterError
        If there is nothing to draw.
    """
    if not paths:
        raise ParameterError("plot_growth: `paths` must hold at least one strategy; got none.")
    figure, axes = _figure((6.0, 3.6))
    for name, values in paths.items():
        axes.plot(np.asarray(values, dtype=np.float64), label=name, linewidth=1.2)
    axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel="capital")
    axes.legend(frameon=False)
    return figure


def _figure(size: tuple[float, float]) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()
