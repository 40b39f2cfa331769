"""Exact counts of neighbours in the maximum norm, ties included.

Every count compares ``|x_j - x_i|`` as rounded by float64 with a radius that is itself such a difference, so "strictly
inside" is exact: with data on a grid, a bound ``x_i + r`` rounded once more would move points across it.

Four kernels give the same numbers: trees and all distances, each in numpy and scipy or compiled (numba, the extra
``[fast]``). `kernel_for` says which is used.
"""

# scipy and scikit-learn have no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import functools
import importlib
import importlib.util
import math
import sys
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infocore._ranks import cdf_levels
from infocore._validate import Floats
from infocore.estimators._tiles import all_distances

__all__ = [
    "Joint",
    "Kernel",
    "below_one",
    "counts_within",
    "groups",
    "joint_counts",
    "k_nearest",
    "kernel_for",
    "kth_distances",
    "normal_scores",
    "standardised",
]

Ints = NDArray[np.int64]
Kernel = Literal["tree", "distances", "compiled tree", "compiled distances"]

# Below this many rows scipy needs milliseconds, and loading numba half a second.
WORTH_COMPILED = 2000
# Below this many rows scikit-learn's tree gains less than its import takes.
WORTH_SKLEARN = 4000


class Joint(NamedTuple):
    """Joint neighbours and what lies within their distance in either margin, for several k at once."""

    radii: Floats
    """Distances to the k-th neighbours, (n, number of ks)."""
    nx: Ints
    """Rows strictly within them in x, the row itself included; 0 where the radius is 0."""
    ny: Ints


@functools.cache
def has_numba() -> bool:
    """Whether the extra ``[fast]`` is installed."""
    return importlib.util.find_spec("numba") is not None


def kernel_for(n: int, columns: int) -> Kernel:
    """Choose how to search n rows with so many columns, both sides together.

    A tree wins over all distances while ``columns <= 1.2 log n``, without numba ``1.5 log n`` (measured on normal data
    from n = 1000 to 30 000).
    """
    # once they are loaded, compiled kernels win at any size
    compiled = has_numba() and (n >= WORTH_COMPILED or "infocore.estimators._fast" in sys.modules)
    if columns <= (1.2 if compiled else 1.5) * math.log(n):
        return "compiled tree" if compiled else "tree"
    return "compiled distances" if compiled else "distances"


def standardised(a: Floats) -> Floats:
    """Columns shifted to mean 0 and scaled to standard deviation 1; none may be constant."""
    a = below_one(a)
    centred = a - a.mean(0)
    # by the range first, so that the squares of tiny values do not leave float64
    centred = centred / np.abs(centred).max(0)
    return centred / centred.std(0)


def below_one(a: Floats) -> Floats:
    """Columns divided by a power of two that brings them below 1, which rounds nothing and keeps sums finite."""
    return np.ldexp(a, -np.frexp(np.abs(a).max(0))[1])


def normal_scores(a: Floats) -> Floats:
    """Columns replaced by the normal quantiles of their ranks, ``(rank - 1/2) / n``; ties share their mean rank."""
    from scipy.special import ndtri

    return ndtri(cdf_levels(a))


def joint_counts(
    x: Floats,
    y: Floats,
    ks: Ints,
    *,
    workers: int = 1,
    kernel: Kernel | None = None,
    orders: tuple[Ints, Ints] | None = None,
) -> Joint:
    """One search of the joint space for all k, and the counts in the margins.

    Parameters
    ----------
    x, y : arrays of shape (n, dx), (n, dy)
    ks : int array, ascending, below n
    workers : int
        Threads; -1 for all.
    kernel : Kernel, optional
        Instead of the choice of `kernel_for`; the result is the same.
    orders : two int arrays of shape (n,), optional
        What sorts x and y, where dx = dy = 1 and it is known.

    Returns
    -------
    Joint
    """
    kernel = kernel or kernel_for(len(x), x.shape[1] + y.shape[1])
    if kernel == "distances":
        return Joint(*all_distances(x, y, ks, workers))
    if kernel == "compiled distances":
        return Joint(*_compiled().fused(x, y, ks, workers))
    plane = x.shape[1] == y.shape[1] == 1
    if plane:
        orders = orders or (np.argsort(x[:, 0]), np.argsort(y[:, 0]))
        if kernel == "compiled tree":
            first, second = (np.ascontiguousarray(a[:, 0]) for a in (x, y))
            return Joint(*_compiled().plane(first, second, orders, ks, workers))
    radii = kth_distances(np.concatenate([x, y], axis=1), ks, workers=workers, kernel=kernel)
    if orders:
        nx, ny = (_counts_sorted(a[:, 0], by, radii, strict=True) for a, by in zip((x, y), orders, strict=True))
    else:
        nx, ny = (counts_within(a, radii, strict=True, workers=workers, kernel=kernel) for a in (x, y))
    return Joint(radii, nx, ny)


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
        Which of several at one distance is not defined.
    """
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(points)
    distances, rows = tree.query(points, k=k + 1, p=np.inf, workers=workers)
    # the first is the point itself, or a copy of it, which is the same to every distance
    return distances[:, 1:], rows[:, 1:]


def kth_distances(points: Floats, ks: Ints, *, workers: int = 1, kernel: Kernel | None = None) -> Floats:
    """Distances to the ks-th nearest others of each point.

    Parameters
    ----------
    points : array of shape (n, d)
    ks : int array, ascending, below n
    workers : int
        Threads; -1 for all.
    kernel : Kernel, optional
        Of the two trees; `kernel_for` if not given.

    Returns
    -------
    array of shape (n, len(ks))
    """
    n, d = points.shape
    if (kernel or kernel_for(n, d)) == "compiled tree":
        return _compiled().kth_distances(points, ks, workers)
    if d > 2 and workers == 1 and n >= WORTH_SKLEARN:
        from sklearn.neighbors import KDTree

        other: Any = KDTree(points, leaf_size=6, metric="chebyshev")
        order = np.asarray(other.idx_array)
        found = other.query(points[order], int(ks[-1]) + 1)[0][:, ks]
    else:
        from scipy.spatial import cKDTree

        # a tree without care is built in half the time, and costs a search of few columns nothing
        careful = d > 2
        tree: Any = cKDTree(points, balanced_tree=careful, compact_nodes=careful)
        order = tree.indices
        found = tree.query(points[order], k=(ks + 1).tolist(), p=np.inf, workers=workers)[0]
    # points were asked for in the order of the leaves, so that one search finds in the cache what the last one read
    out = np.empty((n, len(ks)))
    out[order] = found
    return out


def counts_within(
    points: Floats, radii: Floats, *, strict: bool, workers: int = 1, kernel: Kernel | None = None
) -> Ints:
    """Count, for each point, the points within its radius, itself included.

    Parameters
    ----------
    points : array of shape (n, d)
    radii : array of shape (n,) or (n, m)
        One radius a point, or several.
    strict : bool
        Count distances below the radius, or up to and with it.
    workers : int
        Threads, for d > 1.
    kernel : Kernel, optional
        Of the two trees; `kernel_for` if not given.

    Returns
    -------
    int array of the shape of `radii`
        With `strict` and radius 0, zero.
    """
    if radii.ndim == 1:
        return counts_within(points, radii[:, None], strict=strict, workers=workers, kernel=kernel)[:, 0]
    n, d = points.shape
    if d == 1:
        return _counts_sorted(points[:, 0], np.argsort(points[:, 0]), radii, strict=strict)
    if (kernel or kernel_for(n, d)) == "compiled tree":
        return _compiled().counts(points, radii, strict=strict, workers=workers)
    inner = np.nextafter(radii, -np.inf) if strict else radii
    if workers == 1 and n >= WORTH_SKLEARN:
        from sklearn.neighbors import KDTree

        other: Any = KDTree(points, leaf_size=36, metric="chebyshev")
        order = np.asarray(other.idx_array)
        count = functools.partial(other.query_radius, count_only=True)
    else:
        from scipy.spatial import cKDTree

        tree: Any = cKDTree(points)
        order = tree.indices
        count = functools.partial(tree.query_ball_point, p=np.inf, return_length=True, workers=workers)
    out = np.empty(radii.shape, np.int64)
    for c in range(radii.shape[1]):
        out[order, c] = count(points[order], np.maximum(inner[order, c], 0.0))
    return np.where(inner < 0, 0, out)


def groups(codes: Ints) -> Iterator[Ints]:
    """Rows of each distinct code."""
    order = np.argsort(codes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


@functools.cache
def _compiled() -> Any:
    # by name, so that no type checker and no packager takes numba for a requirement
    return importlib.import_module("infocore.estimators._fast")


def _counts_sorted(x: Floats, order: Ints, radii: Floats, *, strict: bool) -> Ints:
    """One dimension: how far each reaches upwards, and downwards, which is upwards with the signs turned."""
    up, turned = x[order], -x[order[::-1]]
    out = np.empty(radii.shape, np.int64)
    for c in range(radii.shape[1]):
        r = radii[order, c]
        above, below = _reach(up, r, strict=strict), _reach(turned, r[::-1], strict=strict)[::-1]
        out[order, c] = np.where((r > 0) | ((r == 0) & (not strict)), above - (len(x) - below), 0)
    return out


def _reach(ordered: Floats, radii: Floats, *, strict: bool) -> Ints:
    """One past the last that is within the radius of each: a binary search, then steps until the comparison holds."""
    last = len(ordered) - 1

    def inside(at: Ints, rows: Any) -> NDArray[np.bool_]:
        gap = ordered[at] - ordered[rows]
        return (gap < radii[rows]) if strict else (gap <= radii[rows])

    edge = np.searchsorted(ordered, ordered + radii, side="right")
    every = slice(None)
    # what equals a point is as far as it is: steps go from value to value
    todo = np.flatnonzero(~inside(np.maximum(edge - 1, 0), every) & (radii > 0))
    while len(todo):
        edge[todo] = np.searchsorted(ordered, ordered[edge[todo] - 1])
        todo = todo[~inside(edge[todo] - 1, todo)]
    todo = np.flatnonzero(inside(np.minimum(edge, last), every) & (edge <= last))
    while len(todo):
        edge[todo] = np.searchsorted(ordered, ordered[edge[todo]], side="right")
        todo = todo[edge[todo] <= last]
        todo = todo[inside(edge[todo], todo)]
    return edge
