"""Maps of one side that can be undone: they bend a sample and leave its information as it is."""

# numpy and scipy type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses

import numpy as np

from infocore._validate import Floats
from infocore.tasks._task import Map

__all__ = [
    "Chain",
    "Linear",
    "MixtureQuantile",
    "Spiral",
    "Wiggle",
    "equicorrelated",
    "half_cube",
    "normal_cdf",
    "swiss_roll",
]

# Bisection between these bounds stops when float64 cannot tell the ends apart.
HALVINGS = 60


@dataclasses.dataclass(frozen=True)
class Chain:
    """Several maps, first to last."""

    maps: tuple[Map, ...]

    def __call__(self, a: Floats) -> Floats:
        for step in self.maps:
            a = step(a)
        return a


@dataclasses.dataclass(frozen=True)
class Linear:
    """Rows times an invertible matrix: ``a`` of shape (n, d) to ``a @ matrix.T``."""

    matrix: Floats

    def __call__(self, a: Floats) -> Floats:
        return a @ self.matrix.T

    def inverse(self, b: Floats) -> Floats:
        """Undo the map."""
        return np.asarray(np.linalg.solve(self.matrix, b.T).T, np.float64)


def equicorrelated(d: int, correlation: float) -> Linear:
    """Turn d independent standard normals into d columns of unit variance and one pairwise correlation.

    The mean of the columns is a multiple of the first normal alone.
    """
    towards = np.full(d, 1.0 / np.sqrt(d))
    towards[0] -= 1.0
    length = float(towards @ towards)
    reflection = np.eye(d) - (2.0 / length) * np.outer(towards, towards) if length > 0 else np.eye(d)
    scale = np.full(d, np.sqrt(1.0 - correlation))
    scale[0] = np.sqrt(1.0 + (d - 1) * correlation)
    return Linear(reflection * scale)


def normal_cdf(a: Floats) -> Floats:
    """Distribution function of the standard normal, column by column."""
    from scipy.special import ndtr

    return np.asarray(ndtr(a), np.float64)


def half_cube(a: Floats) -> Floats:
    """Signed power 3/2, column by column: longer tails."""
    return a * np.sqrt(np.abs(a))


@dataclasses.dataclass(frozen=True)
class Wiggle:
    r"""Add sines to every column: :math:`t + \sum_j a_j \sin(b_j t + c_j)`.

    Parameters
    ----------
    waves : tuple of (amplitude, frequency, phase)
        The map increases, and so can be undone, if ``sum(abs(amplitude * frequency)) < 1``.
    """

    waves: tuple[tuple[float, float, float], ...]

    def __call__(self, a: Floats) -> Floats:
        return a + np.add.reduce([height * np.sin(frequency * a + phase) for height, frequency, phase in self.waves])


@dataclasses.dataclass(frozen=True)
class MixtureQuantile:
    """Standard normal to the quantile of a mixture of unit normals, so that the margin has several modes.

    Parameters
    ----------
    weights, means : tuple of float
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]

    def cdf(self, t: Floats) -> Floats:
        """Distribution function of the mixture."""
        return np.add.reduce([w * normal_cdf(t - m) for w, m in zip(self.weights, self.means, strict=True)])

    def __call__(self, a: Floats) -> Floats:
        goal = normal_cdf(a)
        low = np.full_like(goal, min(self.means) - 10.0)
        high = np.full_like(goal, max(self.means) + 10.0)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < goal
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)


@dataclasses.dataclass(frozen=True)
class Spiral:
    r"""Turn two columns by an angle that grows with the squared length of the whole row.

    The length does not change, so the same turn backwards undoes it.

    Parameters
    ----------
    i, j : int
        The columns; the turn goes from i towards j.
    speed : float
        Radians per unit of squared length.
    """

    i: int
    j: int
    speed: float

    def __call__(self, a: Floats) -> Floats:
        return self._turn(a, self.speed)

    def inverse(self, b: Floats) -> Floats:
        """Undo the map."""
        return self._turn(b, -self.speed)

    def _turn(self, a: Floats, speed: float) -> Floats:
        angle = speed * np.einsum("nd,nd->n", a, a)
        cos, sin = np.cos(angle), np.sin(angle)
        out = a.copy()
        out[:, self.i] = cos * a[:, self.i] - sin * a[:, self.j]
        out[:, self.j] = sin * a[:, self.i] + cos * a[:, self.j]
        return out


def swiss_roll(a: Floats) -> Floats:
    """Roll the unit interval up in the plane, (n, 1) to (n, 2), as one turn and a half of a spiral."""
    angle = 1.5 * np.pi * (1.0 + 2.0 * a)
    return np.concatenate([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 21.0
