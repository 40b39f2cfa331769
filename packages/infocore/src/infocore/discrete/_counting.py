"""Pairs of codes counted into a table, and what the table says of the pointwise information of the rows."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Ints, codes
from infocore.discrete._fingerprint import Fingerprint, fingerprint

__all__ = ["Counted", "Influence", "count_pairs", "surprisal_correlations", "table_codes"]

Influence = tuple[Callable[[Ints], Floats], Callable[[Ints], Floats], Callable[[Ints], Floats]]

# Cells of the table that are worked on together, so that they stay in the cache.
BLOCK = 1 << 16


@dataclasses.dataclass(frozen=True)
class Counted:
    """A pair of discrete samples, counted.

    Parameters
    ----------
    key : int array of shape (n,)
        The cell of each row: ``x * width + y``.
    width : int
        Number of columns of the table.
    cells : int array
        Counts: of shape (height, width) if `occupied` is None, else of the occupied cells only.
    occupied : int array, optional
        The keys of the cells in `cells`, ascending.
    rows, columns : int array
        Marginal counts.
    """

    key: Ints
    width: int
    cells: Ints
    occupied: Ints | None
    rows: Ints
    columns: Ints

    @property
    def n(self) -> int:
        """Number of rows of the sample."""
        return len(self.key)

    def fingerprints(self) -> tuple[Fingerprint, Fingerprint, Fingerprint]:
        """Return the fingerprints of x, of y and of the pairs."""
        return fingerprint(self.rows), fingerprint(self.columns), fingerprint(self.cells)

    def pointwise(self, influence: Influence | None = None) -> Floats:
        """Return the terms of the rows of the sample: pointwise information, or what `influence` makes of counts."""
        of_x, of_y, of_cell = influence or (self._log_share, _logs, _logs)
        if self.occupied is None:
            of_row = self.cells.ravel()[self.key]
        else:
            of_row = self.cells[np.searchsorted(self.occupied, self.key)]
        return of_cell(of_row) - of_x(self.rows)[self.key // self.width] - of_y(self.columns)[self.key % self.width]

    def moments(self, influence: Influence | None = None, occurring: Floats | None = None) -> tuple[float, float]:
        """Return the mean and the variance of those terms over the rows, found from the cells alone.

        Parameters
        ----------
        influence : three functions, optional
            Of the counts of x, of y and of the pairs: a term is the third less the first two. By default they are
            logarithms, and the term the pointwise information in nats.
        occurring : array, optional
            The distinct counts of the pairs, if they are known already, which saves work where a count is large.

        Returns
        -------
        tuple of two floats
        """
        of_x, of_y, of_cell = influence or (self._log_share, _logs, _logs)
        x, y = of_x(self.rows), of_y(self.columns)
        if self.occupied is not None:
            term = of_cell(self.cells) - x[self.occupied // self.width] - y[self.occupied % self.width]
            first, second = float(self.cells @ term), float(self.cells @ (term * term))
        else:
            first = second = 0.0
            for start, counts, term in self._blocks(of_cell, occurring):
                weights = counts.astype(np.float64)
                term -= x[start : start + len(counts), None]
                term -= y
                first += float(np.vdot(weights, term))
                term *= term
                second += float(np.vdot(weights, term))
        mean = first / self.n
        return mean, max(second / self.n - mean * mean, 0.0) * self.n / max(self.n - 1, 1)

    def plug_in(self) -> float:
        """Return the mean of the pointwise information, nats: less work than `moments`."""
        if self.occupied is not None:
            joint = float(_weighted_logs(self.cells).sum())
        else:
            joint = sum(float(terms.sum()) for _, _, terms in self._blocks(_weighted_logs))
        margins = float(_weighted_logs(self.rows).sum()) + float(_weighted_logs(self.columns).sum())
        return math.log(self.n) + (joint - margins) / self.n

    def _log_share(self, counts: Ints) -> Floats:
        return _logs(counts) - math.log(self.n)

    def _blocks(
        self, of_count: Callable[[Ints], Floats], occurring: Floats | None = None
    ) -> Iterator[tuple[int, Ints, Floats]]:
        """Go through a full table some rows at a time: the first row, the counts, and a function of each."""
        largest, known = int(self.cells.max()), None
        if 4 * largest < self.cells.size:  # few different counts, and looking a value up is faster than computing it
            if occurring is None:
                known = of_count(np.arange(largest + 1))
            else:
                known = np.zeros(largest + 1)
                distinct = occurring.astype(np.int64)
                known[distinct] = of_count(distinct)
        step = max(1, BLOCK // self.width)
        for start in range(0, len(self.rows), step):
            counts = self.cells[start : start + step]
            yield start, counts, of_count(counts) if known is None else np.take(known, counts, mode="clip")

    def seen(self) -> tuple[int, int, int]:
        """Return the numbers of values of x, of y and of pairs that were seen."""
        return int(np.count_nonzero(self.rows)), int(np.count_nonzero(self.columns)), int(np.count_nonzero(self.cells))

    def surprisal_correlations(self) -> Floats:
        """Return the correlations that the function of this name finds in the cells."""
        keys = np.flatnonzero(self.cells) if self.occupied is None else self.occupied
        counts = self.cells.ravel()[keys] if self.occupied is None else self.cells
        return surprisal_correlations(counts, self.rows[keys // self.width], self.columns[keys % self.width])


def table_codes(values: NDArray[Any]) -> tuple[Ints, int]:
    """Return codes of rows as `codes` does, sooner where the values are codes already.

    Parameters
    ----------
    values : array of shape (n, d)

    Returns
    -------
    codes : int array of shape (n,)
    size : int
        One more than the largest.
    """
    if values.shape[1] == 1 and values.dtype == np.int64:
        column = values[:, 0]
        # read without a sign, a negative number is huge: one pass says whether these are codes already
        top = int(column.view(np.uint64).max())
        if top < max(4 * len(column), 1 << 16):
            return column, top + 1
    return codes(values)


def surprisal_correlations(cells: Ints, rows: Ints, columns: Ints) -> Floats:
    """Correlate the logarithms of p(x), p(y) and p(x, y) over a sample.

    Parameters
    ----------
    cells, rows, columns : int array of shape (m,)
        For each occupied cell its count, and the counts of its row and its column.

    Returns
    -------
    array of shape (3, 3)
    """
    n = float(cells.sum())
    logs = np.log(np.stack([rows, columns, cells]))
    logs -= (logs @ cells / n)[:, None]
    covariance = (logs * cells) @ logs.T / n
    scale = np.sqrt(np.diag(covariance))
    varies = scale > 1e-9  # what never changes, up to rounding, is correlated with nothing
    out = np.eye(3)
    out[np.ix_(varies, varies)] = covariance[varies][:, varies] / np.outer(scale[varies], scale[varies])
    return out


def count_pairs(x: Ints, height: int, y: Ints, width: int) -> Counted:
    """Count pairs.

    Parameters
    ----------
    x, y : int array of shape (n,)
        Codes, from 0.
    height, width : int
        One more than the largest code that may occur.

    Returns
    -------
    Counted
        As a full table where that has not many more cells than there are rows.
    """
    key = x * width + y if height > 1 else y
    if height * width <= max(4 * len(key), 1 << 20):
        cells = np.bincount(key, minlength=height * width).reshape(height, width)
        return Counted(key, width, cells, None, cells.sum(1), cells.sum(0))
    occupied, cells = np.unique(key, return_counts=True)
    return Counted(key, width, cells, occupied, np.bincount(x, minlength=height), np.bincount(y, minlength=width))


def _logs(counts: Ints) -> Floats:
    """Logarithms, and 0 of an empty cell, whose weight is 0."""
    return np.log(np.maximum(counts, 1))


def _weighted_logs(counts: Ints) -> Floats:
    return counts * _logs(counts)
