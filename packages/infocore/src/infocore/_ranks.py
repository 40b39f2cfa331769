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
    n = len(a)
    out = np.empty(a.shape)
    distinct = (np.arange(n) + 0.5) / n
    for j, column in enumerate(a.T):
        order = np.argsort(column)
        ordered = column[order]
        if (ordered[1:] > ordered[:-1]).all():
            out[order, j] = distinct
        else:
            twice = np.searchsorted(ordered, column) + np.searchsorted(ordered, column, "right")  # 2 rank - 1
            out[:, j] = twice / (2 * n)
    return out
