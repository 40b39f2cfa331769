"""Dependence that no correlation shows: curves, rings, a changing variance, and what only two columns together say."""

# scipy types some of what it returns as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import functools
import math

import numpy as np

from infocore._validate import Floats
from infocore.tasks._task import Map

__all__ = ["Curve", "Modulated", "Parity", "Product", "Ring", "parabola", "sine"]

# Nodes of the integrals over what is not seen; twice as many change no pointwise information by 1e-9.
NODES = 400
LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


@dataclasses.dataclass(frozen=True)
class Curve:
    """A signal uniform on [-1, 1], and a function of it with Gaussian noise.

    Parameters
    ----------
    function : callable
    noise : float
        Standard deviation.
    """

    function: Map
    noise: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = rng.uniform(-1.0, 1.0, (n, 1))
        y = self.function(x) + self.noise * rng.standard_normal((n, 1))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        node, weight = _legendre()
        # the factor of the Gaussian density is in both terms and drops out
        all_signals = np.exp(-0.5 * ((y - self.function(node)) / self.noise) ** 2) @ (0.5 * weight)
        return -0.5 * ((y - self.function(x))[:, 0] / self.noise) ** 2 - np.log(all_signals)


@functools.cache
def _legendre() -> tuple[Floats, Floats]:
    node, weight = np.polynomial.legendre.leggauss(NODES)
    return np.asarray(node, np.float64), np.asarray(weight, np.float64)


def parabola(x: Floats) -> Floats:
    """Square."""
    return x**2


def sine(x: Floats) -> Floats:
    """Sine of two periods over [-1, 1]."""
    return np.sin(2.0 * np.pi * x)


@dataclasses.dataclass(frozen=True)
class Ring:
    """A point on the unit circle, both coordinates with Gaussian noise.

    Parameters
    ----------
    noise : float
        Standard deviation.
    """

    noise: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        angle = rng.uniform(0.0, 2.0 * np.pi, (n, 1))
        x = np.cos(angle) + self.noise * rng.standard_normal((n, 1))
        y = np.sin(angle) + self.noise * rng.standard_normal((n, 1))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        from scipy.special import i0e

        variance = self.noise**2
        radius = np.hypot(x, y)[:, 0]
        joint = -0.5 * (radius - 1.0) ** 2 / variance + np.log(i0e(radius / variance))
        return joint - self._margin(x) - self._margin(y)

    def _margin(self, a: Floats) -> Floats:
        """Log density of one coordinate; the circle is periodic, so equal steps converge exponentially."""
        node = np.cos(2.0 * np.pi * np.arange(NODES) / NODES)
        return np.log(np.exp(-0.5 * ((a - node) / self.noise) ** 2).mean(1))


@dataclasses.dataclass(frozen=True)
class Modulated:
    """A standard normal, and its product with another: x sets the scale of y and nothing else."""

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = rng.standard_normal((n, 1))
        y = x * rng.standard_normal((n, 1))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        r"""Pointwise information of pairs, from the density :math:`K_0(|y|)/\pi` of the product; shape (n,), nats."""
        from scipy.special import k0e

        a, b = np.abs(x[:, 0]), np.abs(y[:, 0])
        return -0.5 * (b / a) ** 2 - np.log(a) - LOG_ROOT + math.log(np.pi) - np.log(k0e(b)) + b


@dataclasses.dataclass(frozen=True)
class Product:
    """Two standard normals, and their product with Gaussian noise.

    Parameters
    ----------
    noise : float
        Standard deviation.
    """

    noise: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = rng.standard_normal((n, 2))
        y = x.prod(1, keepdims=True) + self.noise * rng.standard_normal((n, 1))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        # y is normal given the first factor t; the trapezoidal rule is exponentially accurate on its Gaussian weight
        t = np.linspace(0.0, 9.0, NODES)
        variance = t**2 + self.noise**2
        weight = np.exp(-0.5 * t**2 - LOG_ROOT) / np.sqrt(variance) * (2.0 * t[1])
        weight[0] *= 0.5
        of_y = np.log(np.exp(-0.5 * y**2 / variance) @ weight)
        return -0.5 * ((y[:, 0] - x.prod(1)) / self.noise) ** 2 - math.log(self.noise) - of_y


@dataclasses.dataclass(frozen=True)
class Parity:
    """Standard normals, and one more whose sign is mostly that of the product of the others.

    Parameters
    ----------
    dim_x : int
        At least 2; any fewer of the columns are independent of y.
    flips : float
        How often the sign is the wrong one.
    """

    dim_x: int
    flips: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = rng.standard_normal((n, self.dim_x))
        wrong = rng.random(n) < self.flips
        sign = np.sign(x).prod(1) * np.where(wrong, -1.0, 1.0)
        y = sign * np.abs(rng.standard_normal(n))
        return x, y[:, None], np.log(np.where(wrong, 2.0 * self.flips, 2.0 * (1.0 - self.flips)))

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        p = self.flips
        return math.log(2.0) + p * math.log(p) + (1.0 - p) * math.log1p(-p)

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        p = self.flips
        return math.sqrt(p * (1.0 - p)) * abs(math.log((1.0 - p) / p))
