"""Ranks of columns, without scipy.stats, which takes half a second to load."""

# numpy types what it returns here as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

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
        twice = np.searchsorted(ordered, column) + np.searchsorted(ordered, column, "right")  # 2 rank - 1
        out[:, j] = twice / (2 * len(a))
    return out
