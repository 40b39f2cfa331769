"""Compiled counts for one column a side, made again and again for other orders of y, with numba.

Where points lie in a plane in no order, the k nearest of most are few ranks away in one of the two columns: the k
smallest distances over a window of ranks are kept for all rows at once, and are right wherever the next value outside
of the window is farther away. What is left is searched one by one. There is hardly a branch to guess, and that is what
the search of a grid or a tree spends its time on when every order is new. Results equal those of `_fast.plane` to the
bit; that is faster for many rows.
"""

# numba has no types and may not be installed; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false, reportMissingParameterType=false
# pyright: reportUnknownParameterType=false, reportMissingImports=false

import math

import numpy as np

from infocore._validate import Floats, Ints
from infocore.estimators._kernels import jit

__all__ = ["counts", "worth"]

# Window of ranks on each side, in units of the root of k n, and the work a row up to which it pays (measured).
WINDOW, WORK = 0.5, 600.0


def worth(n: int, k: int) -> bool:
    """Whether these kernels beat the grid of `_fast.plane`."""
    return k * math.sqrt(k * n) <= WORK


def counts(x: Floats, y: Floats, orders: tuple[Ints, Ints], k: int) -> tuple[Ints, Ints]:
    """Rows strictly within each row's k-th joint distance in x, and in y, the row itself included.

    Parameters
    ----------
    x, y : arrays of shape (n,), n > k
    orders : two int arrays of shape (n,)
        What sorts x and y.
    k : int

    Returns
    -------
    nx, ny : int arrays of shape (n,)
        Not above 0 where the distance is 0.
    """
    n = len(x)
    reach = min(n - 1, max(k, math.ceil(WINDOW * math.sqrt(k * n))))
    sorted_x, sorted_y = x[orders[0]], y[orders[1]]
    beside_x = y[orders[0]]
    near_x, near_y = np.empty((2, k, n))
    _near(sorted_x, beside_x, near_x, reach)
    _near(sorted_y, x[orders[1]], near_y, reach)
    radii_x, radii_y = np.empty((2, n))
    _settle(sorted_x, beside_x, sorted_y, *orders, near_x, near_y, reach, radii_x, radii_y)
    nx, ny = np.empty((2, n), np.int64)
    _within(sorted_x, radii_x, orders[0], nx)
    _within(sorted_y, radii_y, orders[1], ny)
    return nx, ny


@jit
def _near(ordered, beside, near, reach):  # pragma: no cover - compiled
    """Keep the smallest distances, ascending, of each point to those at most `reach` ranks away: near is (k, n)."""
    k, n = near.shape
    near[:] = np.inf
    forward, back = np.empty(n), np.empty(n)
    for t in range(1, reach + 1):
        m = n - t
        here, there, here_beside, there_beside = ordered[:m], ordered[t:], beside[:m], beside[t:]
        for i in range(m):
            dx, dy = abs(there[i] - here[i]), abs(there_beside[i] - here_beside[i])
            distance = dx if dx > dy else dy
            forward[i] = distance
            back[i] = distance
        # the larger of each pair goes on to the next place: loops over points, which have no branch, one a place
        for c in range(k):
            kept = near[c, :m]
            for i in range(m):
                was, distance = kept[i], forward[i]
                kept[i] = distance if distance < was else was
                forward[i] = was if distance < was else distance
        for c in range(k):
            kept = near[c, t:]
            for i in range(m):
                was, distance = kept[i], back[i]
                kept[i] = distance if distance < was else was
                back[i] = was if distance < was else distance


@jit
def _settle(
    sorted_x, beside_x, sorted_y, order_x, order_y, near_x, near_y, reach, radii_x, radii_y
):  # pragma: no cover - compiled
    """Write each row's k-th distance, by its rank in x and in y."""
    k, n = near_x.shape
    place, near = np.empty(n, np.int64), np.empty(k)
    for m in range(n):
        place[order_y[m]] = m
    for i in range(n):
        m = place[order_x[i]]
        at_x, at_y = sorted_x[i], sorted_y[m]
        r = near_x[k - 1, i]
        outside = at_x - sorted_x[i - reach - 1] if i > reach else np.inf
        if i + reach + 1 < n:
            above = sorted_x[i + reach + 1] - at_x
            outside = above if above < outside else outside
        if outside < r:
            r = near_y[k - 1, m]
            outside = at_y - sorted_y[m - reach - 1] if m > reach else np.inf
            if m + reach + 1 < n:
                above = sorted_y[m + reach + 1] - at_y
                outside = above if above < outside else outside
            if outside < r:
                for c in range(k):
                    near[c] = near_x[c, i]
                for step in (-1, 1):
                    j = i + step * (reach + 1)
                    while 0 <= j < n and abs(sorted_x[j] - at_x) < near[k - 1]:
                        dx, dy = abs(sorted_x[j] - at_x), abs(beside_x[j] - at_y)
                        distance = dx if dx > dy else dy
                        if distance < near[k - 1]:
                            at = k - 1
                            while at > 0 and near[at - 1] > distance:
                                near[at] = near[at - 1]
                                at -= 1
                            near[at] = distance
                        j += step
                r = near[k - 1]
        radii_x[i] = r
        radii_y[m] = r


@jit
def _within(ordered, radii, order, out):  # pragma: no cover - compiled
    """Count strictly within the radius of each: two binary searches, each step of which is made for all points."""
    n = len(ordered)
    below, upto = np.zeros(n, np.int32), np.zeros(n, np.int32)
    size = n
    while size > 1:
        half = np.int32(size // 2)
        for i in range(n):
            below[i] += half if ordered[i] - ordered[below[i] + half - 1] >= radii[i] else 0
            upto[i] += half if ordered[upto[i] + half - 1] - ordered[i] < radii[i] else 0
        size -= size // 2
    for i in range(n):
        last = ordered[upto[i]] - ordered[i] < radii[i]
        first = ordered[i] - ordered[below[i]] >= radii[i]
        out[order[i]] = upto[i] + last - below[i] - first
