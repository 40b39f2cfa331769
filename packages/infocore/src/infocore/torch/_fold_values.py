"""What the folds of a cross-fit say together: a value, what it certifies, and what speaks against it."""

import dataclasses
import math
from typing import Any

from infocore._validate import Floats
from infocore.errors import SaturationWarning
from infocore.estimators._base import Doubt
from infocore.torch._fits import largest_part

__all__ = ["CrossFit", "near_ceiling"]

# Share of the distance from the held-out to the training value that is put back, and that is in doubt; and share of
# what twice the rows brought that is in doubt.
SHARE, DOUBT, DOUBT_OF_SCALING = 2 / 3, 1 / 2, 2 / 3
# Standard errors from which on a rise with the rows is one, and share of the value from which on it is much.
CLEAR, MUCH = 3.0, 1 / 4
# Share of its ceiling from which on a value is said to be near it.
SATURATED = 0.8


@dataclasses.dataclass(frozen=True)
class CrossFit:
    """What the folds of a cross-fit say together.

    Parameters
    ----------
    held_out : float
        Mean over folds of the value on rows that took no part in the fit: a lower bound in expectation, nats.
    trained : float
        Mean over folds of the value on rows that were trained on, nats.
    pointwise : array of shape (n,)
        Score of each pair against its fold, by the critic that has not seen it; their mean is `held_out`.
    folds : tuple of dict
        Steps, weight decay and values of each fold.
    halved : float
        Value on the first fold of a critic trained on half of its rows, nats.
    growth, growth_error : float
        By how much that of all its rows is above, and the standard error of this difference, nats.
    notes : tuple of str
        What speaks against the training.
    """

    held_out: float
    trained: float
    pointwise: Floats
    folds: tuple[dict[str, Any], ...]
    halved: float
    growth: float
    growth_error: float
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """`held_out` and two thirds of the way to `trained`, or up to all of it if scaling in n says so, nats."""
        way = self.trained - self.held_out
        return self.held_out + max(SHARE * way, min(self._scaling, way))

    @property
    def facts(self) -> dict[str, Any]:
        """What diagnostics hold of it."""
        names = "held_out", "trained", "halved", "growth"
        return {name: getattr(self, name) for name in names} | {"folds": list(self.folds)}

    @property
    def doubt(self) -> float:
        """Standard error of what is put back, nats."""
        return max(DOUBT * abs(self.trained - self.held_out), DOUBT_OF_SCALING * self._scaling)

    @property
    def _scaling(self) -> float:
        """What twice the rows brought, 0 if by chance: as much again is missing if that goes as 1 / n."""
        return self.growth - self.growth_error if self._clear else 0.0

    @property
    def _clear(self) -> bool:
        # of nothing there can be no more: below zero less overfitting is all that a rise can be
        return self.held_out > 0 and self.growth > CLEAR * self.growth_error

    @property
    def saturated(self) -> list[Doubt]:
        """Say that the value is near what scores of a fold can show."""
        return near_ceiling(self.value, largest_part(len(self.pointwise), len(self.folds)))

    @property
    def rising(self) -> list[Doubt]:
        """Say that twice the rows taught much more than overfitting explains, or a good part of all: more would too."""
        explained = DOUBT * (self.trained - self.held_out) + self.growth_error
        if not self._clear or self.growth <= min(explained, MUCH * self.held_out):
            return []
        text = "still rising with the rows, so that it may read low"
        return [Doubt(text, None, f"{self.halved:.2f} nats learned from half of them, {self.growth:.2f} more from all")]


def near_ceiling(value: float, rows: int) -> list[Doubt]:
    """Say that a value is near the logarithm of the rows that are scored together."""
    cap = math.log(rows)
    if value <= SATURATED * cap:
        return []
    text = f"{value:.2f} nats is near the ceiling log {rows} = {cap:.2f} of a critic: the information may be far more"
    return [Doubt(text, SaturationWarning)]
