"""Ranks of columns, without scipy.stats, which takes half a second to load."""

import numpy as np

from infocore._validate import Floats

__all__ = ["cdf_levels"]


def cdf_levels(a: Floats) -> Floats:
    """Ranks of each column as levels in (0, 1), ``(rank - 1/2) / n``; tied values share their mean rank.

    Parameters
    ----------
    a : array of shape (n, d)

    Returns
    -------
    array of shape (n, d)
    """
    out = np.empty(a.shape)
    for j, column in enumerate(a.T):
        ordered = np.sort(column)
        twice = np.searchsorted(ordered, column) + np.searchsorted(ordered, column, side="right")  # 2 rank - 1
        out[:, j] = twice / (2 * len(a))
    return out
