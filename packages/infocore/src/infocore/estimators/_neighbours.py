"""Exact counts of neighbours in the maximum norm, ties included.

Every count compares ``|x_j - x_i|`` as rounded by float64 with a radius that is itself such a difference, so "strictly
inside" is exact: with data on a grid, a bound ``x_i + r`` rounded once more would move points across it.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats

__all__ = ["counts_within", "groups", "k_nearest", "standardised"]

Ints = NDArray[np.int64]


def standardised(a: Floats) -> Floats:
    """Columns shifted to mean 0 and scaled to standard deviation 1; none may be constant."""
    centred = a - a.mean(0)
    # by the range first, so that neither the squares of huge values nor those of tiny ones leave float64
    centred = centred / np.abs(centred).max(0)
    return centred / centred.std(0)


def k_nearest(points: Floats, k: int, workers: int) -> tuple[Floats, Ints]:
    """Distances to, and rows of, the k nearest others of each point.

    Parameters
    ----------
    points : array of shape (n, d), n > k
    k : int
    workers : int
        Threads; -1 for all.

    Returns
    -------
    distances : array of shape (n, k), ascending
    rows : int array of shape (n, k)
    """
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(points)
    distances, rows = tree.query(points, k=k + 1, p=np.inf, workers=workers)
    # the first is the point itself, or a copy of it, which is the same to every distance
    return distances[:, 1:], rows[:, 1:]


def counts_within(points: Floats, radii: Floats, *, strict: bool, workers: int = 1) -> Ints:
    """Count, for each point, the points within its radius, itself included.

    Parameters
    ----------
    points : array of shape (n, d)
    radii : array of shape (n,)
    strict : bool
        Count distances below the radius, or up to and with it.
    workers : int
        Threads, for d > 1.

    Returns
    -------
    int array of shape (n,)
        With `strict` and radius 0, zero.
    """
    if points.shape[1] == 1:
        return _counts_sorted(points[:, 0], radii, strict=strict)
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(points)
    inner = np.nextafter(radii, -np.inf) if strict else radii
    found: Ints = tree.query_ball_point(points, np.maximum(inner, 0.0), p=np.inf, return_length=True, workers=workers)
    return np.where(inner < 0, 0, found)


def groups(codes: Ints) -> Iterator[Ints]:
    """Rows of each distinct code."""
    order = np.argsort(codes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _counts_sorted(x: Floats, radii: Floats, *, strict: bool) -> Ints:
    """One dimension: two binary searches, then steps of one distinct value until the comparison itself holds."""
    value, times = np.unique(x, return_counts=True)
    below = np.concatenate([[0], np.cumsum(times)])
    last = len(value) - 1

    def inside(at: Ints) -> NDArray[np.bool_]:
        gap = np.abs(value[np.clip(at, 0, last)] - x)
        return (at >= 0) & (at <= last) & ((gap < radii) if strict else (gap <= radii))

    own = np.searchsorted(value, x)
    low = np.minimum(np.searchsorted(value, x - radii), own)
    high = np.maximum(np.searchsorted(value, x + radii, side="right") - 1, own)
    for edge, out in ((low, -1), (high, 1)):
        while (move := ~inside(edge) & (edge != own)).any():
            edge[move] -= out
        while (move := inside(edge + out)).any():
            edge[move] += out
    return np.where(inside(own), below[high + 1] - below[low], 0)
