"""What a critic is shown of a side: ranks, squares, a radius and indicator columns, all learned from training rows."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._ranks import cdf_levels
from infocore._validate import Floats, Pair, Sample
from infocore.estimators._auto.moments import taking_part

__all__ = ["Features", "RankTransform", "features_of"]

# Up to this many numeric columns their squares are shown too; beyond, they double the weights and help no more.
FEW_COLUMNS = 10
# Of more columns, scale of one that no cross moment with the other side speaks for: the critic still sees it, and has
# to want it. At 0.1 two columns of 25 are found with a third of the overfitting (measured, spirals in 25 + 25 columns);
# with fewer columns it costs more than it saves.
REST = 0.1
# Up to this many numeric columns the products of two of them are shown, and up to this many the first harmonics of
# their levels: relations that bend or repeat within a few columns are learned in a third of the steps (measured on
# random flows and waves); with more columns the added inputs cost more by overfitting.
PRODUCTS, HARMONICS = 6, 3
# ... if there are so many rows to learn from: with 500 the added inputs are overfitted (spirals in 3 + 3 columns, n =
# 1000: 0.43 nats low with them, 0.08 without).
ENOUGH = 2000
# Indicators a nominal or discrete column has at most; rarer values share the last.
MOST_INDICATORS = 50
# Standard deviation of the squared normal score is root two.
ROOT_TWO = 2.0**0.5


class RankTransform:
    """Normal scores of each column's ranks among the rows it was made from.

    Parameters
    ----------
    rows : array of shape (n, d)
        Reference rows.
    """

    def __init__(self, rows: Floats) -> None:
        self.sorted = np.sort(rows, axis=0)

    def __call__(self, a: Floats) -> Floats:
        """Transform rows.

        Parameters
        ----------
        a : array of shape (m, d)

        Returns
        -------
        array of shape (m, d)
        """
        from scipy.special import ndtri

        n = len(self.sorted)
        columns = [
            (np.searchsorted(reference, column, "left") + np.searchsorted(reference, column, "right")) / 2.0
            for reference, column in zip(self.sorted.T, a.T, strict=True)
        ]
        return ndtri((np.stack(columns, axis=1) + 0.5) / (n + 1.0))


class Features:
    """Inputs of a critic for one side of a sample.

    Numeric columns give normal scores of their ranks (no unit, no heavy tail), up to ten of them also their squares,
    up to six the products of two, up to three their first harmonics (these two from 2000 rows on), and two or more
    together a radius, the normal score of their squared length: dependence of scale alone, as of Student laws, and
    rotations by radius are then a few steps of training away, and information does not change.
    Discrete columns give an indicator for each value.

    Parameters
    ----------
    side : Sample
        Checked sample, whose kinds decide.
    rows : int array
        The rows to learn from.
    scale : array of shape (numeric columns,), optional
        By which their normal scores are multiplied; squares are shown of those that have the largest.
    """

    def __init__(self, side: Sample, rows: NDArray[np.int64], scale: Floats | None = None) -> None:
        self.rows = len(rows)
        self.numeric = numeric_columns(side)
        self.scale = np.ones(len(self.numeric)) if scale is None else scale
        self.coded = [j for j, kind in enumerate(side.kinds) if kind == "discrete"]
        self.kept = {j: _frequent(side.values[rows, j]) for j in self.coded}
        self.ranks = self.radius = None
        if self.numeric:
            numbers = side.values[rows][:, self.numeric].astype(np.float64)
            self.ranks = RankTransform(numbers)
            self.radius = RankTransform(_squared_length(self.ranks(numbers)))

    def __call__(self, side: Sample) -> NDArray[np.float32]:
        """Make the inputs of every row.

        Parameters
        ----------
        side : Sample

        Returns
        -------
        float32 array of shape (n, inputs)
        """
        parts: list[Any] = []
        if self.ranks is not None and self.radius is not None:
            z = self.ranks(side.values[:, self.numeric].astype(np.float64))
            parts.append(z * self.scale)
            main = self.scale == self.scale.max()
            if main.sum() <= FEW_COLUMNS:
                parts.append((z[:, main] ** 2 - 1.0) / ROOT_TWO)
            if self.rows >= ENOUGH:
                parts.extend(_bent(z))
            if len(self.numeric) > 1:
                parts.append(self.radius(_squared_length(z)))
        for j in self.coded:
            hot = side.values[:, j, None] == self.kept[j][None, :]
            parts.extend([hot, ~hot.any(1, keepdims=True)] if len(self.kept[j]) == MOST_INDICATORS else [hot])
        return np.concatenate(parts, axis=1).astype(np.float32)


def _bent(z: Floats) -> list[Floats]:
    """Products of two columns, and harmonics of the levels, where columns are few."""
    from scipy.special import ndtr

    parts: list[Floats] = []
    if z.shape[1] <= PRODUCTS:
        i, j = np.triu_indices(z.shape[1], 1)
        parts.append(z[:, i] * z[:, j])
    if z.shape[1] <= HARMONICS:
        angle = np.pi * (2.0 * ndtr(z) - 1.0)
        parts += [ROOT_TWO * f(k * angle) for k in (1, 2) for f in (np.sin, np.cos)]
    return parts


def features_of(pair: Pair, rows: NDArray[np.int64]) -> tuple[Features, Features]:
    """Make the inputs of both sides, with the columns that seem to take part in the relation to the fore.

    Parameters
    ----------
    pair : Pair
    rows : int array
        The rows to learn from.

    Returns
    -------
    tuple of Features
    """
    numbers = [s.values[rows][:, numeric_columns(s)].astype(np.float64) for s in (pair.x, pair.y)]
    scales: list[Floats | None] = [None, None]
    if all(a.shape[1] for a in numbers) and max(a.shape[1] for a in numbers) > FEW_COLUMNS:
        part = taking_part(cdf_levels(numbers[0]), cdf_levels(numbers[1]))
        scales = [np.where(p, 1.0, REST) if p.any() and len(p) > FEW_COLUMNS else None for p in part]
    return Features(pair.x, rows, scales[0]), Features(pair.y, rows, scales[1])


def numeric_columns(side: Sample) -> list[int]:
    """Columns that hold numbers and not names of classes."""
    return [j for j, nominal in enumerate(side.nominal) if not nominal]


def _squared_length(z: Floats) -> Floats:
    return (z * z).sum(1, keepdims=True)


def _frequent(column: NDArray[Any]) -> NDArray[Any]:
    value, count = np.unique(column, return_counts=True)
    return value[np.argsort(-count, kind="stable")[:MOST_INDICATORS]]
