"""Copulas that are not elliptical: Clayton, Gumbel, Frank, and a checkerboard.

R. Nelsen, "An Introduction to Copulas", 2nd ed., Springer 2006, ch. 4; sampling as in J. Mai, M. Scherer, "Simulating
Copulas", 2nd ed., World Scientific 2017.
"""

import dataclasses
import math

import numpy as np

from infocore._validate import Floats

__all__ = ["Checkerboard", "Clayton", "Frank", "Gumbel"]


@dataclasses.dataclass(frozen=True)
class Clayton:
    """Clayton copula, uniform margins: the small values go together, the large ones hardly.

    Parameters
    ----------
    theta : float
    """

    theta: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        t = self.theta
        u, w = 1.0 - rng.random((n, 1)), 1.0 - rng.random((n, 1))
        v = (u**-t * (w ** (-t / (1.0 + t)) - 1.0) + 1.0) ** (-1.0 / t)
        return u, v, self.pointwise(u, v)

    def pointwise(self, u: Floats, v: Floats) -> Floats:
        """Pointwise information of pairs, the log of the copula density; shape (n,), nats."""
        t = self.theta
        a, b = np.log(u[:, 0]), np.log(v[:, 0])
        both = np.log(np.expm1(-t * a) + np.exp(-t * b))
        return math.log1p(t) - (1.0 + t) * (a + b) - (2.0 + 1.0 / t) * both


@dataclasses.dataclass(frozen=True)
class Gumbel:
    """Gumbel copula, margins of the Gumbel law: the largest values go together.

    Parameters
    ----------
    theta : float
    """

    theta: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        t = self.theta
        # a positive stable frailty with exponent 1 / theta, after Kanter
        angle, e = rng.uniform(0.0, np.pi, (n, 1)), rng.standard_exponential((n, 1))
        frailty = np.sin(angle / t) / np.sin(angle) ** t * (np.sin((1.0 - 1.0 / t) * angle) / e) ** (t - 1.0)
        a = rng.standard_exponential((n, 2)) / frailty
        x = -np.log(a) / t
        return x[:, :1], x[:, 1:], self.pointwise(x[:, :1], x[:, 1:])

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        t = self.theta
        log_a, log_b = -x[:, 0], -y[:, 0]
        log_s = np.logaddexp(t * log_a, t * log_b)
        length = np.exp(log_s / t)
        margins = np.exp(log_a) + np.exp(log_b) + (t - 1.0) * (log_a + log_b)
        return margins - length + (2.0 / t - 2.0) * log_s + np.log1p((t - 1.0) / length)


@dataclasses.dataclass(frozen=True)
class Frank:
    """Frank copula, uniform margins: dependent in the middle, not in the tails.

    Parameters
    ----------
    theta : float
    """

    theta: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        t = self.theta
        u, w = 1.0 - rng.random((n, 1)), 1.0 - rng.random((n, 1))
        v = -np.log1p(w * math.expm1(-t) / (w + (1.0 - w) * np.exp(-t * u))) / t
        return u, v, self.pointwise(u, v)

    def pointwise(self, u: Floats, v: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        t = self.theta
        rest = -math.expm1(-t) - np.expm1(-t * u[:, 0]) * np.expm1(-t * v[:, 0])
        return math.log(-t * math.expm1(-t)) - t * (u[:, 0] + v[:, 0]) - 2.0 * np.log(rest)


@dataclasses.dataclass(frozen=True)
class Checkerboard:
    """Density constant on the cells of a square grid, uniform margins.

    Parameters
    ----------
    cells : array of shape (K, K)
        Probabilities; every row and column sums to 1 / K.
    """

    cells: Floats

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        k = len(self.cells)
        cell = rng.choice(k * k, n, p=self.cells.ravel())
        x, y = (cell // k + rng.random(n)) / k, (cell % k + rng.random(n)) / k
        # a sum can round up to the next cell, so the density comes from the cell that was drawn
        return x[:, None], y[:, None], np.log(k * k * self.cells.ravel()[cell])

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        return float((self.cells * self._pointwise).sum())

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        return math.sqrt(float((self.cells * (self._pointwise - self.information) ** 2).sum()))

    @property
    def _pointwise(self) -> Floats:
        return np.log(self.cells.size * self.cells)
