"""Columns whose tails are so heavy that their standard deviation is that of a few rows."""

import math

import numpy as np

from infocore._validate import Floats, Sample

__all__ = ["heavy_tails", "tail_index"]

# Tail index below which the variance is infinite or nearly so.
HEAVY = 2.5
# Fewer rows than this do not tell: the largest 20 of them are no tail.
ENOUGH = 400


def tail_index(column: Floats) -> float:
    """Hill's estimate of the power with which the larger tail falls, from the largest 2 % (at least 20) of the rows.

    Parameters
    ----------
    column : array of shape (n,)

    Returns
    -------
    float
        Large for light tails; infinite where the largest values are equal.

    References
    ----------
    .. [1] B. Hill, "A simple general approach to inference about the tail of a distribution", Ann. Statist. 3, 1975.
    """
    size = np.sort(np.abs(column / 2 - np.median(column) / 2))[::-1]  # halves, whose difference cannot overflow
    top = max(20, len(size) // 50)
    if top + 1 > len(size) or size[top] <= 0:
        return math.inf
    mean = float(np.log(size[:top] / size[top]).mean())
    return math.inf if mean <= 0 else 1.0 / mean


def heavy_tails(side: Sample) -> list[str]:
    """Return the names of the columns of numbers whose variance is infinite or nearly so."""
    if len(side.values) < ENOUGH:
        return []
    kept = [j for j, nominal in enumerate(side.nominal) if not nominal and side.kinds[j] != "discrete"]
    return [side.names[j] for j in kept if tail_index(side.values[:, j].astype(np.float64)) < HEAVY]
