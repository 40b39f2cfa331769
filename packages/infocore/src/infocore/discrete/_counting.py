"""Pairs of codes counted into a table, and what the table says of the pointwise information of the rows."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from infocore._validate import Floats, Ints
from infocore.discrete._fingerprint import Fingerprint, fingerprint

__all__ = ["Counted", "count_pairs", "surprisal_correlations"]

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

    def pointwise(self) -> Floats:
        """Return the pointwise information of each row of the sample under the empirical law, nats."""
        if self.occupied is None:
            of_row = self.cells.ravel()[self.key]
        else:
            of_row = self.cells[np.searchsorted(self.occupied, self.key)]
        log_x, log_y = _logs(self.rows), _logs(self.columns)
        return math.log(self.n) + np.log(of_row) - log_x[self.key // self.width] - log_y[self.key % self.width]

    def moments(self) -> tuple[float, float]:
        """Return the mean and the variance of the pointwise information over the rows, found from the cells alone."""
        log_x, log_y = _logs(self.rows), _logs(self.columns) - math.log(self.n)
        if self.occupied is not None:
            term = np.log(self.cells) - log_x[self.occupied // self.width] - log_y[self.occupied % self.width]
            first, second = float(self.cells @ term), float(self.cells @ (term * term))
        else:
            first = second = 0.0
            for start, counts, term in self._blocks():
                weights = counts.astype(np.float64)
                term -= log_x[start : start + len(counts), None]
                term -= log_y
                first += float(np.vdot(weights, term))
                term *= term
                second += float(np.vdot(weights, term))
        mean = first / self.n
        return mean, max(second / self.n - mean * mean, 0.0) * self.n / max(self.n - 1, 1)

    def plug_in(self) -> float:
        """Return the mean of the pointwise information, nats: less work than `moments`."""
        if self.occupied is not None:
            joint = float(self.cells @ np.log(self.cells))
        else:
            joint = sum(float(terms.sum()) for _, _, terms in self._blocks(weighted=True))
        margins = float(self.rows @ _logs(self.rows)) + float(self.columns @ _logs(self.columns))
        return math.log(self.n) + (joint - margins) / self.n

    def seen(self) -> tuple[int, int, int]:
        """Return the numbers of values of x, of y and of pairs that were seen."""
        return int(np.count_nonzero(self.rows)), int(np.count_nonzero(self.columns)), int(np.count_nonzero(self.cells))

    def _blocks(self, *, weighted: bool = False) -> Iterator[tuple[int, Ints, Floats]]:
        """Go through a full table some rows at a time: the first row, the counts, and log c (or c log c), 0 for 0."""
        largest = int(self.cells.max())
        known = None
        if 4 * largest < self.cells.size:  # few different counts, and looking a logarithm up is faster than taking it
            known = _logs(np.arange(largest + 1)) * (np.arange(largest + 1) if weighted else 1)
        step = max(1, BLOCK // self.width)
        for start in range(0, len(self.rows), step):
            counts = self.cells[start : start + step]
            if known is None:
                yield start, counts, _logs(counts) * (counts if weighted else 1)
            else:
                yield start, counts, np.take(known, counts, mode="clip")

    def surprisal_correlations(self) -> Floats:
        """Return the correlations that the function of this name finds in the cells."""
        keys = np.flatnonzero(self.cells) if self.occupied is None else self.occupied
        counts = self.cells.ravel()[keys] if self.occupied is None else self.cells
        return surprisal_correlations(counts, self.rows[keys // self.width], self.columns[keys % self.width])


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
    return np.log(np.maximum(counts, 1))
