r"""Base laws of the BMI benchmark: Gaussian, Student, and uniform noise on a uniform signal.

Value and spread are closed forms. In the Student law with dispersion identity and :math:`\nu` degrees of freedom,
d columns a side, put :math:`a = \nu/2 + d`, :math:`b = (\nu + d)/2`. With D from a Dirichlet law of parameters
:math:`(d/2, d/2, \nu/2)`, the shares of the two squared lengths and of the common scale, the pointwise information is

.. math:: \log\frac{\Gamma(a)\Gamma(\nu/2)}{\Gamma(b)^2} - \tfrac{\nu}{2} \log D_3 + b\log(1 - D_1) + b\log(1 - D_2)

whose mean needs digammas, whose variance trigammas and one integral over two independent beta variables.
"""

# scipy types some of what it returns as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import functools
import math

import numpy as np

from infocore._validate import Floats

__all__ = ["Additive", "Gaussian", "Student"]

# Nodes a side for the one integral of the Student spread: the last of 200 changes its seventh digit.
NODES = 200


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Standard normal columns, of which the first ones on each side correlate in pairs.

    Parameters
    ----------
    dim_x, dim_y : int
    correlations : tuple of float
        Between x_0 and y_0, x_1 and y_1, ...; the other columns are noise.
    """

    dim_x: int
    dim_y: int
    correlations: tuple[float, ...]

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        r = np.array(self.correlations)
        k = len(r)
        x, y = rng.standard_normal((n, self.dim_x)), rng.standard_normal((n, self.dim_y))
        y[:, :k] = r * x[:, :k] + np.sqrt(1.0 - r**2) * y[:, :k]
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs of this law, before any map; shape (n,), nats."""
        r = np.array(self.correlations)
        u, v = x[:, : len(r)], y[:, : len(r)]
        return ((r * u * v - 0.5 * r**2 * (u**2 + v**2)) / (1.0 - r**2)).sum(1) + self.information

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        return -0.5 * sum(math.log1p(-(r**2)) for r in self.correlations)

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        return math.sqrt(sum(r**2 for r in self.correlations))


@dataclasses.dataclass(frozen=True)
class Student:
    """Multivariate Student law with identity dispersion: uncorrelated, dependent through the common scale.

    Parameters
    ----------
    dim : int
        Columns a side.
    dof : int
        Degrees of freedom.
    """

    dim: int
    dof: int

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        d, nu = self.dim, self.dof
        scale = np.sqrt(nu / rng.chisquare(nu, (n, 1)))
        x, y = scale * rng.standard_normal((n, d)), scale * rng.standard_normal((n, d))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs of this law, before any map; shape (n,), nats."""
        d, nu = self.dim, self.dof
        a, b = np.einsum("nd,nd->n", x, x) / nu, np.einsum("nd,nd->n", y, y) / nu
        apart = np.log1p(a) + np.log1p(b)
        return _constant(d, nu) - (0.5 * nu + d) * np.log1p(a + b) + 0.5 * (nu + d) * apart

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        from scipy.special import digamma

        d, nu = self.dim, self.dof
        a, b = 0.5 * nu + d, 0.5 * (nu + d)
        log_scale = float(digamma(0.5 * nu) - digamma(a))
        return _constant(d, nu) - 0.5 * nu * log_scale + 2.0 * b * float(digamma(b) - digamma(a))

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        return _student_spread(self.dim, self.dof)


def _constant(d: int, nu: int) -> float:
    """The part of the pointwise information of the Student law that does not depend on the pair."""
    return math.lgamma(0.5 * nu + d) + math.lgamma(0.5 * nu) - 2.0 * math.lgamma(0.5 * (nu + d))


@functools.cache
def _student_spread(d: int, nu: int) -> float:
    from scipy.special import digamma, polygamma, roots_jacobi

    a, b = 0.5 * nu + d, 0.5 * (nu + d)
    one = float(polygamma(1, b) - polygamma(1, a))  # variance of log(1 - D_1), and its covariance with log D_3
    scale = float(polygamma(1, 0.5 * nu) - polygamma(1, a))
    # 1 - D_1 = u and 1 - D_2 = 1 - u (1 - v), with u and v independent beta variables
    u, wu = roots_jacobi(NODES, 0.5 * d - 1.0, b - 1.0)
    v, wv = roots_jacobi(NODES, 0.5 * d - 1.0, 0.5 * nu - 1.0)
    u, v = 0.5 * (1.0 + u), 0.5 * (1.0 + v)
    weights = np.outer(wu / wu.sum(), wv / wv.sum())
    product = np.log(u)[:, None] * np.log1p(-u[:, None] * (1.0 - v))
    cross = float((weights * product).sum()) - float(digamma(b) - digamma(a)) ** 2
    variance = 0.25 * nu**2 * scale + 2.0 * b**2 * (one + cross) - 2.0 * nu * b * one
    return math.sqrt(variance)


@dataclasses.dataclass(frozen=True)
class Additive:
    """Uniform signal on [0, 1], and the signal with uniform noise between -noise and noise.

    Parameters
    ----------
    noise : float
    """

    noise: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        e = self.noise
        x = rng.random((n, 1))
        y = x + rng.uniform(-e, e, (n, 1))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:  # noqa: ARG002 - the noise has one density wherever it is
        """Pointwise information of pairs of this law; shape (n,), nats."""
        e = self.noise
        # p(y) is the length of the signals that can have led to y, over the length of the noise
        length = np.minimum(1.0, y + e) - np.maximum(0.0, y - e)
        return -np.log(length[:, 0])

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        e = self.noise
        return e - math.log(2.0 * e) if e <= 0.5 else 0.25 / e

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        e = self.noise
        return math.sqrt(e * (1.0 - e)) if e <= 0.5 else math.sqrt(0.25 / e - (0.25 / e) ** 2)
