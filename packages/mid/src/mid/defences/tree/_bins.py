"""Columns as small integer codes: at most `max_bins` intervals of a number, or the categories of a categorical one."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ParameterError

__all__ = ["Column", "bin_columns", "encode"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """How one column is coded.

    `edges` holds the thresholds of a number in increasing order (code t means the value is at most ``edges[t]``), or
    the sorted categories.
    """

    edges: Floats
    categorical: bool

    @property
    def size(self) -> int:
        """Number of codes; a category that was not seen has this number as its code."""
        return len(self.edges) + (not self.categorical)

    def encode(self, x: Floats) -> Codes:
        """Code of each value, shape (n,)."""
        code = np.searchsorted(self.edges, x, side="left")
        if self.categorical:
            code[self.edges[np.minimum(code, len(self.edges) - 1)] != x] = len(self.edges)
        return code.astype(np.int32)


def bin_columns(x: Floats, weight: Floats, categorical: NDArray[np.bool_], max_bins: int, caller: str) -> list[Column]:
    """Choose the codes of every column of `x` (n, dx) from its values and their weights."""
    return [
        _categories(x[:, j], max_bins, f"{caller}: column {j} of `categorical_features`")
        if categorical[j]
        else Column(_thresholds(x[:, j], weight, max_bins), False)
        for j in range(x.shape[1])
    ]


def encode(columns: list[Column], x: Floats) -> Codes:
    """Codes of all columns, shape (n, dx)."""
    codes = np.empty(x.shape, dtype=np.int32)
    for j, column in enumerate(columns):
        codes[:, j] = column.encode(x[:, j])
    return codes


def _categories(x: Floats, max_bins: int, what: str) -> Column:
    values = np.unique(x)
    if len(values) > max_bins:
        raise ParameterError(
            f"{what} holds {len(values)} different values, more than `max_bins` = {max_bins}. Join rare categories "
            "first, or treat the column as a number."
        )
    return Column(values, True)


def _thresholds(x: Floats, weight: Floats, max_bins: int) -> Floats:
    """Midpoints between neighbouring values: all of them if they are few, else those nearest to weighted quantiles."""
    values, inverse = np.unique(x, return_inverse=True)
    if len(values) <= max_bins:
        at: Any = np.arange(len(values) - 1)
    else:
        reached = np.cumsum(np.bincount(inverse, weight))
        at = np.unique(np.searchsorted(reached, reached[-1] * np.arange(1, max_bins) / max_bins))
        at = at[at < len(values) - 1]
    low, high = values[at], values[at + 1]
    middle = low / 2 + high / 2
    return np.where(middle < high, middle, low)  # between neighbouring floats there is no middle
