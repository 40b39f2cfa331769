"""All distances in the maximum norm by strips of rows, with numpy: where there are too many columns for a tree.

Distances are made in float32, four times the speed; every comparison that its rounding leaves open is made again in
float64, so that the result is the exact one.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Ints

__all__ = ["all_distances", "share"]

# Elements of a strip of distances: a few rows, which stay in the second-level cache.
STRIP = 80_000
# Columns of a strip made at a time.
BLOCK = 10_000
# Rows among which the first bound on the k-th distance is looked for.
FIRST = 1024
# Rounding of float32 in units of the largest coordinate: of two coordinates, and of their difference.
SLACK = 2.0**-21
# Beyond this ratio of the largest coordinate to the middle half of a column, rounding leaves too much open.
TAILS = 1000


def all_distances(x: Floats, y: Floats, ks: Ints, workers: int) -> tuple[Floats, Ints, Ints]:
    """Joint distances to the ks-th nearest others, and what lies strictly within them in x and in y.

    Parameters
    ----------
    x, y : arrays of shape (n, dx), (n, dy)
    ks : int array, ascending
    workers : int
        Threads; -1 for all.

    Returns
    -------
    radii : array of shape (n, len(ks))
    nx, ny : int arrays of shape (n, len(ks))
        The row itself included; 0 where the radius is 0.
    """
    n, k, both = len(x), int(ks[-1]), np.concatenate([x, y], axis=1)
    largest = float(np.abs(both).max())
    middle = np.subtract(*np.quantile(both, [0.75, 0.25], axis=0)).min()
    rough = largest <= TAILS * middle
    scale, slack = (largest, SLACK) if rough else (1.0, 0.0)
    sides = [np.ascontiguousarray((a / scale).T, dtype=np.float32 if rough else np.float64) for a in (x, y)]
    radii, found = np.empty((n, len(ks))), np.empty((2, n, len(ks)), np.int64)
    rows = max(1, min(n, STRIP // n))

    def work(first: int, last: int) -> None:
        gaps = [np.empty((rows, n), sides[0].dtype) for _ in sides]
        for a in range(first, last, rows):
            b = min(a + rows, last)
            here = np.arange(a, b)
            to_x, to_y = (_strip(side, a, b, gap) for side, gap in zip(sides, gaps, strict=True))
            joint = np.maximum(to_x, to_y)
            joint[here - a, here] = np.inf
            some = joint[:, : max(FIRST, k + 1)]
            bound = np.partition(some, k - 1, axis=1)[:, k - 1].astype(np.float64)
            i, j = np.divmod(np.flatnonzero(joint <= (bound + 2 * slack)[:, None]), n)
            exact = np.abs(both[a + i] - both[j]).max(axis=1)
            order = np.lexsort((exact, i))
            starts = np.searchsorted(i, here - a)
            for c, kth in enumerate(ks):
                r = exact[order][starts + kth - 1]
                radii[a:b, c] = r
                for out, gap, side in zip(found, (to_x, to_y), (x, y), strict=True):
                    out[a:b, c] = _within(gap, side, a, r, scale, slack)

    share(work, n, workers)
    return radii, found[0], found[1]


def share(work: Callable[[int, int], Any], n: int, workers: int) -> None:
    """Cut n rows into ranges, a few for each thread, and do them all."""
    workers = (os.cpu_count() or 1) if workers < 0 else workers
    if workers <= 1:
        work(0, n)
        return
    edges = [i * n // (8 * workers) for i in range(8 * workers + 1)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))


def _strip(columns: NDArray[Any], a: int, b: int, gap: NDArray[Any]) -> NDArray[Any]:
    """Distances from rows a to b to all, in place."""
    n = columns.shape[1]
    spare = np.empty((b - a, min(n, BLOCK)), columns.dtype)
    for first in range(0, n, BLOCK):
        out = gap[: b - a, first : first + BLOCK]
        part = spare[:, : out.shape[1]]
        for m, column in enumerate(columns):
            into = part if m else out
            np.subtract(column[first : first + BLOCK], column[a:b, None], out=into)
            np.abs(into, out=into)
            if m:
                np.maximum(out, part, out=out)
    return gap[: b - a]


def _within(gap: NDArray[Any], side: Floats, a: int, r: Floats, scale: float, slack: float) -> Ints:
    """Rows strictly within r of rows a, a + 1, ...; what lies too close to r to tell is measured again."""
    if not slack:
        return np.count_nonzero(gap < r[:, None], axis=1)
    # one more rounding when the bounds themselves become float32, for which SLACK has room
    surely, hardly = ((r / scale + by)[:, None].astype(np.float32) for by in (-slack, slack))
    inside = np.count_nonzero(gap < surely, axis=1)
    unsure = np.flatnonzero(np.count_nonzero(gap <= hardly, axis=1) > inside)
    if len(unsure):
        i, j = np.nonzero((gap[unsure] >= surely[unsure]) & (gap[unsure] <= hardly[unsure]))
        i = unsure[i]
        true = np.abs(side[a + i] - side[j]).max(axis=1) < r[i]
        inside = inside + np.bincount(i[true], minlength=len(r))
    return inside
