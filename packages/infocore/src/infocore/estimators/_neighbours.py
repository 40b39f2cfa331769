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
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from infocore._ranks import cdf_levels
from infocore._validate import Floats
from infocore.estimators._tiles import all_distances

__all__ = [
    "Joint",
    "Kernel",
    "Searched",
    "below_one",
    "counts_sorted",
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


class Searched(Protocol):
    """A tree that was searched for all rows, and may be asked for some of them again."""

    def kth(self, rows: Ints, k: int) -> Floats:
        """Return the distances of some rows to their k-th nearest others."""
        ...

    def within(self, rows: Ints, radii: Floats) -> Ints:
        """Count what is strictly within a radius above 0 of each of some rows, itself included."""
        ...


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
    kept: list[Searched] | None = None,
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
    kept : list, optional
        Takes the trees that are built: of both sides together, and of x and of y where they have several columns.

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
    radii = kth_distances(np.concatenate([x, y], axis=1), ks, workers=workers, kernel=kernel, kept=kept)
    if orders:
        nx, ny = (_counts_in_order(a[:, 0], by, radii, strict=True) for a, by in zip((x, y), orders, strict=True))
    else:
        nx, ny = (counts_within(a, radii, strict=True, workers=workers, kernel=kernel, kept=kept) for a in (x, y))
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


def kth_distances(
    points: Floats,
    ks: Ints,
    *,
    workers: int = 1,
    kernel: Kernel | None = None,
    kept: list[Searched] | None = None,
) -> Floats:
    """Distances to the ks-th nearest others of each point.

    Parameters
    ----------
    points : array of shape (n, d)
    ks : int array, ascending, below n
    workers : int
        Threads; -1 for all.
    kernel : Kernel, optional
        Of the two trees; `kernel_for` if not given.
    kept : list, optional
        Takes the tree.

    Returns
    -------
    array of shape (n, len(ks))
    """
    n, d = points.shape
    if (kernel or kernel_for(n, d)) == "compiled tree":
        return _compiled().kth_distances(points, ks, workers, kept)
    tree = _Tree(points, workers, counting=False)
    if kept is not None:
        kept.append(tree)
    order, found = tree.order, tree.nearest(tree.order, ks)
    # points were asked for in the order of the leaves, so that one search finds in the cache what the last one read
    out = np.empty((n, len(ks)))
    out[order] = found
    return out


def counts_within(
    points: Floats,
    radii: Floats,
    *,
    strict: bool,
    workers: int = 1,
    kernel: Kernel | None = None,
    kept: list[Searched] | None = None,
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
    kept : list, optional
        Takes the tree, for d > 1.

    Returns
    -------
    int array of the shape of `radii`
        With `strict` and radius 0, zero.
    """
    if radii.ndim == 1:
        return counts_within(points, radii[:, None], strict=strict, workers=workers, kernel=kernel, kept=kept)[:, 0]
    n, d = points.shape
    if d == 1:
        return _counts_in_order(points[:, 0], np.argsort(points[:, 0]), radii, strict=strict)
    if (kernel or kernel_for(n, d)) == "compiled tree":
        return _compiled().counts(points, radii, strict=strict, workers=workers, kept=kept)
    tree = _Tree(points, workers, counting=True)
    if kept is not None:
        kept.append(tree)
    order, inner = tree.order, np.nextafter(radii, -np.inf) if strict else radii
    out = np.empty(radii.shape, np.int64)
    for c in range(radii.shape[1]):
        out[order, c] = tree.count(order, np.maximum(inner[order, c], 0.0))
    return np.where(inner < 0, 0, out)


class _Tree:
    """The tree of scikit-learn or that of scipy, whichever is sooner done."""

    def __init__(self, points: Floats, workers: int, *, counting: bool) -> None:
        n, d = points.shape
        self.points, self.workers = points, workers
        self.sklearn = (counting or d > 2) and workers == 1 and n >= WORTH_SKLEARN
        self.tree: Any
        if self.sklearn:
            from sklearn.neighbors import KDTree

            self.tree = KDTree(points, leaf_size=36 if counting else 6, metric="chebyshev")
            self.order = np.asarray(self.tree.idx_array)
        else:
            from scipy.spatial import cKDTree

            # a tree without care is built in half the time, and costs a search of few columns nothing
            careful = counting or d > 2
            self.tree = cKDTree(points, balanced_tree=careful, compact_nodes=careful)
            self.order = self.tree.indices

    def nearest(self, rows: Ints, ks: Ints) -> Floats:
        """Distances of some rows to the ks-th nearest others, (rows, len(ks))."""
        if self.sklearn:
            return self.tree.query(self.points[rows], int(ks[-1]) + 1)[0][:, ks]
        return self.tree.query(self.points[rows], k=(ks + 1).tolist(), p=np.inf, workers=self.workers)[0]

    def count(self, rows: Ints, radii: Floats) -> Ints:
        """Count up to and with the radius of each."""
        if self.sklearn:
            return self.tree.query_radius(self.points[rows], radii, count_only=True)
        return self.tree.query_ball_point(self.points[rows], radii, p=np.inf, return_length=True, workers=self.workers)

    def kth(self, rows: Ints, k: int) -> Floats:
        return self.nearest(rows, np.array([k]))[:, 0]

    def within(self, rows: Ints, radii: Floats) -> Ints:
        # a distance is below r exactly if it is at most the number before r
        return self.count(rows, np.nextafter(radii, -1.0))


def groups(codes: Ints) -> Iterator[Ints]:
    """Rows of each distinct code."""
    order = np.argsort(codes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def counts_sorted(ordered: Floats, radii: Floats, *, strict: bool) -> Ints:
    """As `counts_within`, of sorted numbers with one radius each, shape (n,).

    Two binary searches, each step of which is made for all: half the time of `searchsorted` at n = 10 000, less on new
    radii, whose steps no processor can guess; and the comparison is the one that defines the count.
    """
    below, above = (np.greater_equal, np.less) if strict else (np.greater, np.less_equal)
    ends = np.zeros((2, len(ordered)), np.intp)  # how many are too low, and how many are not too high
    size = len(ordered)
    while size:
        half = max(size // 2, 1)
        looked = ordered.take(ends + (half - 1))
        np.subtract(ordered, looked[0], out=looked[0])
        looked[1] -= ordered
        ends[0] += half * below(looked[0], radii)
        ends[1] += half * above(looked[1], radii)
        size = 0 if size == 1 else size - half
    return np.maximum(ends[1] - ends[0], 0)  # strictly within 0 is nothing


def _counts_in_order(x: Floats, order: Ints, radii: Floats, *, strict: bool) -> Ints:
    out = np.empty(radii.shape, np.int64)
    for c in range(radii.shape[1]):
        out[order, c] = counts_sorted(x[order], radii[order, c], strict=strict)
    return out


@functools.cache
def _compiled() -> Any:
    # by name, so that no type checker and no packager takes numba for a requirement
    return importlib.import_module("infocore.estimators._fast")
