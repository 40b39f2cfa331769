"""Neighbours in the maximum norm by compiled loops, `_kernels`; results equal those of `_neighbours` to the bit."""

# the kernels have no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any, NamedTuple

import numpy as np

from infocore._validate import Floats, Ints
from infocore.estimators._kernels import all_distances, between, cells, gridded, grow_tree, inside, nearest
from infocore.estimators._tiles import share

__all__ = ["Tree", "counts", "fused", "grow", "kth_distances", "plane"]

# Rows in a leaf, at most, of trees that are searched and of trees that count (measured).
LEAF, COUNTING_LEAF = 24, 48
# Points in a cell of the grid on average, and those that a point may find in its own before the tree is faster.
CELL, CROWD = 2, 50
# Numbers of columns that are compiled: others are filled up to the next, for each costs about 2 s, once.
WIDTHS = (2, 3, 4, 6, 12)


class Tree(NamedTuple):
    """A balanced tree of boxes: node i has children 2 i + 1 and 2 i + 2 and the rows ``start[i] : stop[i]``."""

    points: Floats
    """Rows in the order of the leaves, (d, n)."""
    start: Ints
    stop: Ints
    low: Floats
    high: Floats
    """Corners of the box around each node, (nodes, d)."""
    order: Ints
    """Row of the input at each place."""

    def kth(self, rows: Ints, k: int) -> Floats:
        """Return the distances of some rows to their k-th nearest others."""
        places, ks, dims = self._places(rows), np.array([k]), (0,) * len(self.points)
        out = np.empty((len(self.order), 1))
        for place in places:
            nearest(dims, *self[:5], ks, out, place, place + 1)
        return out[places, 0]

    def within(self, rows: Ints, radii: Floats) -> Ints:
        """Count what is strictly within a radius above 0 of each of some rows, itself included."""
        places, dims = self._places(rows), (0,) * len(self.points)
        at, out = np.zeros((len(self.order), 1)), np.empty((len(self.order), 1), np.int64)
        at[places, 0] = radii
        for place in places:
            inside(dims, *self[:5], at, True, out, place, place + 1)
        return out[places, 0]

    def _places(self, rows: Ints) -> Ints:
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(places))
        return places[rows]


def grow(points: Floats, leaf: int = LEAF) -> Tree:
    """Build the tree of an array of shape (n, d)."""
    levels = 0
    while len(points) >> levels > leaf:
        levels += 1
    n, d = points.shape
    columns = np.zeros((next((w for w in WIDTHS if w >= d), d), n))  # columns of zeros change no distance
    columns[:d] = points.T
    return Tree(*grow_tree((0,) * len(columns), columns, levels))


def kth_distances(points: Floats, ks: Ints, workers: int, kept: list[Any] | None = None) -> Floats:
    """Distances to the ks-th nearest others of each row, ks ascending; shape (n, len(ks))."""
    tree = grow(points)
    if kept is not None:
        kept.append(tree)
    found, out = _in_tree_order(tree, ks, workers), np.empty((len(points), len(ks)))
    out[tree.order] = found
    return out


def counts(points: Floats, radii: Floats, *, strict: bool, workers: int, kept: list[Any] | None = None) -> Ints:
    """Rows within each row's radii, itself included; `radii` and the result have shape (n, number of radii)."""
    tree = grow(points, COUNTING_LEAF)
    if kept is not None:
        kept.append(tree)
    found, out = np.empty(radii.shape, np.int64), np.empty(radii.shape, np.int64)
    radii, dims = radii[tree.order], (0,) * len(tree.points)
    share(lambda a, b: inside(dims, *tree[:5], radii, strict, found, a, b), len(points), workers)
    out[tree.order] = found
    return out


def plane(x: Floats, y: Floats, orders: tuple[Ints, Ints], ks: Ints, workers: int) -> tuple[Floats, Ints, Ints]:
    """For one column a side: the ks-th joint distances, (n, len(ks)), and what lies strictly within them in x and y.

    A grid of cells with equally many values in every row and every column, about two points a cell; where points
    crowd in few of its cells, as for a strong relation, the tree.
    """
    n = len(x)
    ordered = x[orders[0]], y[orders[1]]
    radii, nx, ny = np.empty((n, len(ks))), np.empty((n, len(ks)), np.int64), np.empty((n, len(ks)), np.int64)
    side = max(1, int((n / CELL) ** 0.5))
    edges = -(-np.arange(side + 1) * n // side)  # the first rank of each row of cells
    start, members, crowd = cells(orders[0], orders[1], edges)
    if crowd <= CROWD:
        grid = x[members], y[members], members, start, edges, *ordered
        share(lambda a, b: gridded(*grid, ks, radii, nx, ny, a, b), n, workers)
        return radii, nx, ny
    tree = grow(np.stack([x, y], axis=1))
    near = _in_tree_order(tree, ks, workers)

    def work(a: int, b: int) -> None:
        between(ordered[0], tree.points[0], tree.order, near, nx, a, b)
        between(ordered[1], tree.points[1], tree.order, near, ny, a, b)

    share(work, n, workers)
    radii[tree.order] = near
    return radii, nx, ny


def fused(x: Floats, y: Floats, ks: Ints, workers: int) -> tuple[Floats, Ints, Ints]:
    """As `plane` for any number of columns, by all distances, of which none is kept."""
    n = len(x)
    radii, nx, ny = np.empty((n, len(ks))), np.empty((n, len(ks)), np.int64), np.empty((n, len(ks)), np.int64)
    columns = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)
    share(lambda a, b: all_distances(*columns, ks, radii, nx, ny, a, b), n, workers)
    return radii, nx, ny


def _in_tree_order(tree: Tree, ks: Ints, workers: int) -> Floats:
    dims, out = (0,) * len(tree.points), np.empty((tree.points.shape[1], len(ks)))
    share(lambda a, b: nearest(dims, *tree[:5], ks, out, a, b), len(out), workers)
    return out
