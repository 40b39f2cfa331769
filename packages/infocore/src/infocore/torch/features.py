"""What a critic is shown of a side: ranks, squares, a radius and indicator columns, all learned from training rows."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Sample

__all__ = ["Features", "RankTransform"]

# Up to this many numeric columns their squares are shown too; beyond, they double the weights and help no more.
FEW_COLUMNS = 10
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
    and two or more together a radius, the normal score of their squared length: dependence of scale alone, as of
    Student laws, and rotations by radius are then a few steps of training away, and information does not change.
    Discrete columns give an indicator for each value.

    Parameters
    ----------
    side : Sample
        Checked sample, whose kinds decide.
    rows : int array
        The rows to learn from.
    """

    def __init__(self, side: Sample, rows: NDArray[np.int64]) -> None:
        self.numeric = [j for j, nominal in enumerate(side.nominal) if not nominal]
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
            parts.append(z)
            if len(self.numeric) <= FEW_COLUMNS:
                parts.append((z * z - 1.0) / ROOT_TWO)
            if len(self.numeric) > 1:
                parts.append(self.radius(_squared_length(z)))
        for j in self.coded:
            hot = side.values[:, j, None] == self.kept[j][None, :]
            parts.extend([hot, ~hot.any(1, keepdims=True)] if len(self.kept[j]) == MOST_INDICATORS else [hot])
        return np.concatenate(parts, axis=1).astype(np.float32)


def _squared_length(z: Floats) -> Floats:
    return (z * z).sum(1, keepdims=True)


def _frequent(column: NDArray[Any]) -> NDArray[Any]:
    value, count = np.unique(column, return_counts=True)
    return value[np.argsort(-count, kind="stable")[:MOST_INDICATORS]]
