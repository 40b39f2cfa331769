"""Compiled kernels for neighbours in the maximum norm, with numba; results equal those of `_neighbours` to the bit.

Every kernel works on a range of rows and holds no lock, so that threads share one search by taking a range each; the
threads of numba are not used, for they cannot be entered from two Python threads at once. Bounds of boxes are
coordinates of points, and rounding is monotone, so what a bound excludes the comparison of rounded differences would
exclude too.

`dims` is a tuple as long as the points have columns: its length is part of its type, so loops over columns unroll,
which halves the time in few columns. What is compiled (2 to 5 s for each number of columns in `WIDTHS`) numba
keeps on disk.
"""

# numba has no types and may not be installed; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false, reportMissingParameterType=false
# pyright: reportUnknownParameterType=false, reportMissingImports=false, reportUnknownLambdaType=false

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

from infocore._validate import Floats, Ints
from infocore.estimators._tiles import share

__all__ = ["Tree", "counts", "fused", "grow", "kth_distances", "plane"]

# Rows in a leaf, at most, of trees that are searched and of trees that count (measured).
LEAF, COUNTING_LEAF = 24, 48
# Points in a cell of the grid on average, and those that a point may find in its own before the tree is faster.
CELL, CROWD = 2, 50
# Numbers of columns that are compiled: others are filled up to the next, for each costs about 2 s, once.
WIDTHS = (2, 3, 4, 6, 12)
# Columns of the distance rows made at a time by `fused`: fits the first-level cache.
TILE = 512
# Distances looked at together before one of them is looked at alone.
GROUP = 16


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the lock; keep the machine code on disk where there is a place for it."""
    # there is no NaN here, and the sign of a zero distance says nothing: that much freedom is what loops need
    how: dict[str, Any] = {"nogil": True, "fastmath": {"nnan", "nsz"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **how)(function)
    except RuntimeError:  # no folder can be written
        return numba.njit(**how)(function)


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
            _nearest(dims, *self[:5], ks, out, place, place + 1)
        return out[places, 0]

    def within(self, rows: Ints, radii: Floats) -> Ints:
        """Count what is strictly within a radius above 0 of each of some rows, itself included."""
        places, dims = self._places(rows), (0,) * len(self.points)
        at, out = np.zeros((len(self.order), 1)), np.empty((len(self.order), 1), np.int64)
        at[places, 0] = radii
        for place in places:
            _inside(dims, *self[:5], at, True, out, place, place + 1)
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
    return Tree(*_grow((0,) * len(columns), columns, levels))


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
    share(lambda a, b: _inside(dims, *tree[:5], radii, strict, found, a, b), len(points), workers)
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
    start, members, crowd = _cells(orders[0], orders[1], edges)
    if crowd <= CROWD:
        grid = x[members], y[members], members, start, edges, *ordered
        share(lambda a, b: _gridded(*grid, ks, radii, nx, ny, a, b), n, workers)
        return radii, nx, ny
    tree = grow(np.stack([x, y], axis=1))
    near = _in_tree_order(tree, ks, workers)

    def work(a: int, b: int) -> None:
        _between(ordered[0], tree.points[0], tree.order, near, nx, a, b)
        _between(ordered[1], tree.points[1], tree.order, near, ny, a, b)

    share(work, n, workers)
    radii[tree.order] = near
    return radii, nx, ny


def fused(x: Floats, y: Floats, ks: Ints, workers: int) -> tuple[Floats, Ints, Ints]:
    """As `plane` for any number of columns, by all distances, of which none is kept."""
    n = len(x)
    radii, nx, ny = np.empty((n, len(ks))), np.empty((n, len(ks)), np.int64), np.empty((n, len(ks)), np.int64)
    columns = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)
    share(lambda a, b: _fused(*columns, ks, radii, nx, ny, a, b), n, workers)
    return radii, nx, ny


def _in_tree_order(tree: Tree, ks: Ints, workers: int) -> Floats:
    dims, out = (0,) * len(tree.points), np.empty((tree.points.shape[1], len(ks)))
    share(lambda a, b: _nearest(dims, *tree[:5], ks, out, a, b), len(out), workers)
    return out


@_jit
def _select(dims, points, order, first, last, middle, axis):  # pragma: no cover - compiled
    """Put the row of rank `middle` along an axis at its place, smaller ones before it (Hoare)."""
    key = points[axis]
    while first < last:
        a, b, c = key[first], key[(first + last) // 2], key[last]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first, last
        while i <= j:
            while key[i] < pivot:
                i += 1
            while key[j] > pivot:
                j -= 1
            if i <= j:
                for m in range(len(dims)):
                    kept = points[m, i]
                    points[m, i] = points[m, j]
                    points[m, j] = kept
                row = order[i]
                order[i] = order[j]
                order[j] = row
                i += 1
                j -= 1
        if middle <= j:
            last = j
        elif middle >= i:
            first = i
        else:
            return


@_jit
def _grow(dims, points, levels):  # pragma: no cover - compiled
    nodes = 2 ** (levels + 1) - 1
    order = np.arange(points.shape[1])
    start, stop = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    low, high = np.empty((nodes, len(dims))), np.empty((nodes, len(dims)))
    stop[0] = points.shape[1]
    for node in range(nodes):
        s, e = start[node], stop[node]
        axis = 0
        for m in range(len(dims)):
            column = points[m, s:e]
            least = most = column[0]
            for value in column:
                least = value if value < least else least
                most = value if value > most else most
            low[node, m], high[node, m] = least, most
            if most - least > high[node, axis] - low[node, axis]:
                axis = m
        if 2 * node + 2 < nodes:
            middle = (s + e) // 2
            _select(dims, points, order, s, e - 1, middle, axis)
            start[2 * node + 1], stop[2 * node + 1] = s, middle
            start[2 * node + 2], stop[2 * node + 2] = middle, e
    return points, start, stop, low, high, order


@_jit
def _gap(dims, points, i, low, high, node):  # pragma: no cover - compiled
    """Distance from a point to a box, 0 inside."""
    gap = 0.0
    for m in range(len(dims)):
        below, above = low[node, m] - points[m, i], points[m, i] - high[node, m]
        outside = below if below > above else above
        gap = outside if outside > gap else gap
    return gap


@_jit
def _keep(near, distance):  # pragma: no cover - compiled
    """Put a distance in its place among the smallest so far."""
    at = len(near) - 1
    while at > 0 and near[at - 1] > distance:
        near[at] = near[at - 1]
        at -= 1
    near[at] = distance


@_jit
def _scan(dims, points, i, first, last, near):  # pragma: no cover - compiled
    """Keep the smallest distances from row i to the rows of a leaf."""
    for j in range(first, last):
        distance = 0.0
        for m in range(len(dims)):
            gap = abs(points[m, j] - points[m, i])
            distance = gap if gap > distance else distance
        if distance < near[-1] and j != i:
            _keep(near, distance)


@_jit
def _nearest(dims, points, start, stop, low, high, ks, out, a, b):  # pragma: no cover - compiled
    first_leaf = len(start) // 2
    near, stack, gaps = np.empty(ks[-1]), np.empty(128, np.int64), np.empty(128)
    leaf = first_leaf
    for i in range(a, b):
        while stop[leaf] <= i:
            leaf += 1
        near[:] = np.inf
        _scan(dims, points, i, start[leaf], stop[leaf], near)
        node = leaf
        while node > 0:  # upwards, and down into the other half of each box on the way
            stack[0] = node + 1 if node % 2 else node - 1
            gaps[0] = _gap(dims, points, i, low, high, stack[0])
            top = 1
            while top:
                top -= 1
                at = stack[top]
                if gaps[top] >= near[-1]:
                    continue
                if at >= first_leaf:
                    _scan(dims, points, i, start[at], stop[at], near)
                    continue
                close, far = 2 * at + 1, 2 * at + 2
                to_close, to_far = _gap(dims, points, i, low, high, close), _gap(dims, points, i, low, high, far)
                if to_far < to_close:
                    close, far, to_close, to_far = far, close, to_far, to_close
                stack[top], gaps[top] = far, to_far
                stack[top + 1], gaps[top + 1] = close, to_close
                top += 2
            node = (node - 1) // 2
        for c in range(len(ks)):
            out[i, c] = near[ks[c] - 1]


@_jit
def _inside(dims, points, start, stop, low, high, radii, strict, out, a, b):  # pragma: no cover - compiled
    first_leaf = len(start) // 2
    stack = np.empty(128, np.int64)
    for i in range(a, b):
        for c in range(radii.shape[1]):
            # a distance is below r exactly if it is at most the number before r
            r = np.nextafter(radii[i, c], -1.0) if strict else radii[i, c]
            found, top = 0, 1
            stack[0] = 0
            while top:
                top -= 1
                at = stack[top]
                gap, reach = 0.0, 0.0
                for m in range(len(dims)):
                    below, above = points[m, i] - low[at, m], high[at, m] - points[m, i]
                    least = below if below < above else above
                    most = below if below > above else above
                    gap = -least if -least > gap else gap
                    reach = most if most > reach else reach
                if gap > r:
                    continue
                if reach <= r:
                    found += stop[at] - start[at]
                elif at < first_leaf:
                    stack[top], stack[top + 1] = 2 * at + 1, 2 * at + 2
                    top += 2
                else:
                    for j in range(start[at], stop[at]):
                        distance = 0.0
                        for m in range(len(dims)):
                            far = abs(points[m, j] - points[m, i])
                            distance = far if far > distance else distance
                        found += distance <= r
            out[i, c] = found if r >= 0 else 0


@_jit
def _search(ordered, low, high, v, r):  # pragma: no cover - compiled
    """Elements of a sorted array, from low to high, strictly within r of a value."""
    # halving without branches; the comparison is the very one that defines the count
    size = high - low
    while size > 0:
        half = size // 2
        outside = v - ordered[low + half] >= r
        low = low + half + 1 if outside else low
        size = size - half - 1 if outside else half
    first, size = low, high - low
    while size > 0:
        half = size // 2
        within = ordered[low + half] - v < r
        low = low + half + 1 if within else low
        size = size - half - 1 if within else half
    return low - first


@_jit
def _between(ordered, values, order, radii, out, a, b):  # pragma: no cover - compiled
    """Elements strictly within the radii of each value; row i is written where order[i] says."""
    for i in range(a, b):
        for c in range(radii.shape[1]):
            out[order[i], c] = _search(ordered, 0, len(ordered), values[i], radii[i, c])


@_jit
def _cells(order_x, order_y, edges):  # pragma: no cover - compiled
    """Sort points into cells of ranks; the places where cells start, their members, and how many share one's cell."""
    n, side = len(order_x), len(edges) - 1
    cell = np.empty(n, np.int64)
    for c in range(side):
        for i in range(edges[c], edges[c + 1]):
            cell[order_x[i]] = c * side
    for c in range(side):
        for i in range(edges[c], edges[c + 1]):
            cell[order_y[i]] += c
    start = np.zeros(side * side + 1, np.int64)
    for i in range(n):
        start[cell[i] + 1] += 1
    crowd = 0.0
    for c in range(1, len(start)):
        crowd += float(start[c]) ** 2
        start[c] += start[c - 1]
    filled, members = start[:-1].copy(), np.empty(n, np.int64)
    for i in range(n):
        members[filled[cell[i]]] = i
        filled[cell[i]] += 1
    return start, members, crowd / n


@_jit
def _look(px, py, i, vx, vy, first, last, near):  # pragma: no cover - compiled
    """Keep the smallest distances from point i, at (vx, vy), to a run of points; return the largest kept."""
    worst = near[-1]
    for j in range(first, last):
        dx, dy = abs(px[j] - vx), abs(py[j] - vy)
        distance = dx if dx > dy else dy
        if distance < worst and j != i:
            _keep(near, distance)
            worst = near[-1]
    return worst


@_jit
def _gridded(px, py, members, start, edges, sorted_x, sorted_y, ks, radii, nx, ny, a, b):  # pragma: no cover - compiled
    side = len(edges) - 1
    near = np.empty(ks[-1])
    cell = np.searchsorted(start, a, side="right") - 1
    for i in range(a, b):
        while start[cell + 1] <= i:
            cell += 1
        x0 = x1 = cell // side
        y0 = y1 = cell % side
        near[:] = np.inf
        vx, vy = px[i], py[i]
        worst = _look(px, py, i, vx, vy, start[cell], start[cell + 1], near)
        growing = True
        while growing:  # a row or column of cells on each side that may hold something nearer
            growing = False
            if x0 > 0 and vx - sorted_x[edges[x0] - 1] < worst:
                x0 -= 1
                growing = True
                worst = _look(px, py, i, vx, vy, start[x0 * side + y0], start[x0 * side + y1 + 1], near)
            if x1 + 1 < side and sorted_x[edges[x1 + 1]] - vx < worst:
                x1 += 1
                growing = True
                worst = _look(px, py, i, vx, vy, start[x1 * side + y0], start[x1 * side + y1 + 1], near)
            if y0 > 0 and vy - sorted_y[edges[y0] - 1] < worst:
                y0 -= 1
                growing = True
                for c in range(x0, x1 + 1):
                    worst = _look(px, py, i, vx, vy, start[c * side + y0], start[c * side + y0 + 1], near)
            if y1 + 1 < side and sorted_y[edges[y1 + 1]] - vy < worst:
                y1 += 1
                growing = True
                for c in range(x0, x1 + 1):
                    worst = _look(px, py, i, vx, vy, start[c * side + y1], start[c * side + y1 + 1], near)
        row = members[i]
        for c in range(len(ks)):
            # what is outside these cells is no nearer than the k-th
            r = near[ks[c] - 1]
            radii[row, c] = r
            nx[row, c] = _search(sorted_x, edges[x0], edges[x1 + 1], vx, r)
            ny[row, c] = _search(sorted_y, edges[y0], edges[y1 + 1], vy, r)


@_jit
def _fused(x, y, ks, radii, nx, ny, a, b):  # pragma: no cover - compiled
    n = x.shape[1]
    gap_x, gap_y, near = np.empty(n), np.empty(n), np.empty(ks[-1])
    for i in range(a, b):
        near[:] = np.inf
        for first in range(0, n, TILE):
            last = min(first + TILE, n)
            for gaps, columns in ((gap_x, x), (gap_y, y)):
                gap, other, own = gaps[first:last], columns[0, first:last], columns[0, i]
                for j in range(last - first):
                    gap[j] = abs(other[j] - own)
                for m in range(1, len(columns)):
                    other, own = columns[m, first:last], columns[m, i]
                    for j in range(last - first):
                        far, so_far = abs(other[j] - own), gap[j]
                        gap[j] = far if far > so_far else so_far
            if first <= i < last:
                gap_x[i] = np.inf  # no neighbour of itself
            for s in range(first, last, GROUP):
                e = min(s + GROUP, last)
                to_x, to_y, least = gap_x[s:e], gap_y[s:e], np.inf
                for j in range(e - s):
                    joint = to_x[j] if to_x[j] > to_y[j] else to_y[j]
                    least = joint if joint < least else least
                if least < near[-1]:
                    for j in range(e - s):
                        joint = to_x[j] if to_x[j] > to_y[j] else to_y[j]
                        if joint < near[-1]:
                            _keep(near, joint)
        gap_x[i] = 0.0
        for c in range(len(ks)):
            r = near[ks[c] - 1]
            in_x, in_y = 0, 0
            for j in range(n):
                in_x += gap_x[j] < r
                in_y += gap_y[j] < r
            radii[i, c], nx[i, c], ny[i, c] = r, in_x, in_y
