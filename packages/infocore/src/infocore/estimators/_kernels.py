"""The loops of `_fast`, compiled with numba: trees of boxes, a grid of the plane, and all distances.

Every kernel works on a range of rows and holds no lock, so that threads share one search by taking a range each; the
threads of numba are not used, for they cannot be entered from two Python threads at once. Bounds of boxes are
coordinates of points, and rounding is monotone, so what a bound excludes the comparison of rounded differences would
exclude too.

`dims` is a tuple as long as the points have columns: its length is part of its type, so loops over columns unroll,
which halves the time in few columns. What is compiled (2 to 5 s for each number of columns) numba keeps on disk.
"""

# numba has no types and may not be installed; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false, reportMissingParameterType=false
# pyright: reportUnknownParameterType=false, reportMissingImports=false, reportUnknownLambdaType=false

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

__all__ = ["all_distances", "between", "cells", "gridded", "grow_tree", "inside", "jit", "nearest"]

# Columns of the distance rows made at a time by `all_distances`: fits the first-level cache.
TILE = 512
# Distances looked at together before one of them is looked at alone.
GROUP = 16


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the lock; keep the machine code on disk where there is a place for it."""
    # there is no NaN here, and the sign of a zero distance says nothing: that much freedom is what loops need
    how: dict[str, Any] = {"nogil": True, "fastmath": {"nnan", "nsz"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **how)(function)
    except RuntimeError:  # no folder can be written
        return numba.njit(**how)(function)


@jit
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


@jit
def grow_tree(dims, points, levels):  # pragma: no cover - compiled
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


@jit
def _gap(dims, points, i, low, high, node):  # pragma: no cover - compiled
    """Distance from a point to a box, 0 inside."""
    gap = 0.0
    for m in range(len(dims)):
        below, above = low[node, m] - points[m, i], points[m, i] - high[node, m]
        outside = below if below > above else above
        gap = outside if outside > gap else gap
    return gap


@jit
def _keep(near, distance):  # pragma: no cover - compiled
    """Put a distance in its place among the smallest so far."""
    at = len(near) - 1
    while at > 0 and near[at - 1] > distance:
        near[at] = near[at - 1]
        at -= 1
    near[at] = distance


@jit
def _scan(dims, points, i, first, last, near):  # pragma: no cover - compiled
    """Keep the smallest distances from row i to the rows of a leaf."""
    for j in range(first, last):
        distance = 0.0
        for m in range(len(dims)):
            gap = abs(points[m, j] - points[m, i])
            distance = gap if gap > distance else distance
        if distance < near[-1] and j != i:
            _keep(near, distance)


@jit
def nearest(dims, points, start, stop, low, high, ks, out, a, b):  # pragma: no cover - compiled
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


@jit
def inside(dims, points, start, stop, low, high, radii, strict, out, a, b):  # pragma: no cover - compiled
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


@jit
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


@jit
def between(ordered, values, order, radii, out, a, b):  # pragma: no cover - compiled
    """Elements strictly within the radii of each value; row i is written where order[i] says."""
    for i in range(a, b):
        for c in range(radii.shape[1]):
            out[order[i], c] = _search(ordered, 0, len(ordered), values[i], radii[i, c])


@jit
def cells(order_x, order_y, edges):  # pragma: no cover - compiled
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


@jit
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


@jit
def gridded(px, py, members, start, edges, sorted_x, sorted_y, ks, radii, nx, ny, a, b):  # pragma: no cover - compiled
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


@jit
def all_distances(x, y, ks, radii, nx, ny, a, b):  # pragma: no cover - compiled
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
