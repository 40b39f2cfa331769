r"""Cross moments of simple functions of ranks: which columns take part in a relation, and what refutes a copula.

Each side is described by polynomials of its columns' levels and of its radius. A sample holds thousands of cross
moments of the two sides, each known to :math:`1/\sqrt n`; the largest deviation from what a law predicts, in standard
errors, refutes that law even where few columns of many are involved, which no trained network sees at the same n.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from infocore._ranks import cdf_levels
from infocore._validate import Floats
from infocore.estimators._elliptical import Ellipse

__all__ = ["Misfit", "largest_moments", "misfit", "taking_part"]

# Up to this many columns a side, products of two columns are looked at too.
FEW_COLUMNS = 10
# Rows drawn from the law for each row of data: what they add to the standard error is a quarter of its square.
DRAWS = 4
# Numbers in one block of moments: more rows than fit are summed block by block.
BLOCK = 4_000_000


@dataclasses.dataclass(frozen=True)
class Misfit:
    """The cross moment that deviates most from what a law predicts.

    Parameters
    ----------
    deviation : float
        In standard errors.
    threshold : float
        What the largest of so many deviations exceeds in a share of at most `size` of samples of that law.
    moments : int
        How many were looked at.
    """

    deviation: float
    threshold: float
    moments: int

    @property
    def refuted(self) -> bool:
        """Whether the law is refuted."""
        return self.deviation > self.threshold


def misfit(levels: Floats, e: Ellipse, rng: np.random.Generator, size: float = 0.05) -> Misfit:
    """Compare the cross moments of a sample with those of the copula that was fitted to it.

    The moments of the copula are those of a sample drawn from it. That its parameters were fitted to the same rows
    makes the test conservative, as does the union bound for its size.

    Parameters
    ----------
    levels : array of shape (n, d)
        Of x, then of y, in (0, 1).
    e : Ellipse
        Fitted law.
    rng : numpy Generator
        Of the sample drawn from the law.
    size : float
        Of the test.

    Returns
    -------
    Misfit
    """
    n = len(levels)
    mean, variance = _moments(levels, e.dx)
    drawn_mean, drawn_variance = _moments(_draw(e, DRAWS * n, rng), e.dx)
    error = np.sqrt(np.maximum(variance, drawn_variance) / n + drawn_variance / (DRAWS * n))
    deviation = float(np.max(np.abs(mean - drawn_mean) / np.where(error > 0, error, np.inf)))
    return Misfit(deviation, _threshold(mean.size, size), mean.size)


def taking_part(x: Floats, y: Floats, size: float = 0.05) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which columns of each side have a cross moment with the other that independence would not show.

    Parameters
    ----------
    x, y : array of shape (n, dx), (n, dy)
        Levels, in (0, 1).
    size : float
        Of the test that nothing takes part.

    Returns
    -------
    array of shape (dx,), array of shape (dy,)
        All False where no moment says anything: that is no proof of independence.
    """
    of_x, of_y, threshold = largest_moments(x, y, size)
    return of_x > threshold, of_y > threshold


def largest_moments(x: Floats, y: Floats, size: float = 0.05) -> tuple[Floats, Floats, float]:
    """Return the largest cross moment that each column has a part in, in standard errors of independent sides.

    Parameters
    ----------
    x, y : array of shape (n, dx), (n, dy)
        Levels, in (0, 1).
    size : float
        Of the test that nothing takes part.

    Returns
    -------
    array of shape (dx,), array of shape (dy,)
    float
        What the largest of all moments exceeds in a share of at most `size` of samples of independent sides.
    """
    mean, variance = _moments(np.concatenate([x, y], axis=1), x.shape[1])
    z = np.abs(mean) / np.sqrt(np.maximum(variance, 1e-300) / len(x))
    of_x, of_y = ((_owners(d) * each).max(1) for d, each in ((x.shape[1], z.max(1)), (y.shape[1], z.max(0))))
    return of_x, of_y, _threshold(mean.size, size)


def _threshold(moments: int, size: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(size / (2 * moments)))


def _draw(e: Ellipse, n: int, rng: np.random.Generator) -> Floats:
    """Levels of rows of the law."""
    z = rng.standard_normal((n, len(e.scatter))) @ np.linalg.cholesky(e.scatter).T
    return cdf_levels(z if math.isinf(e.dof) else z / np.sqrt(rng.chisquare(e.dof, (n, 1)) / e.dof))


def _moments(levels: Floats, dx: int) -> tuple[Floats, Floats]:
    """Means and variances of the products of each function of x with each function of y."""
    fx, fy = _functions(levels[:, :dx]), _functions(levels[:, dx:])
    n, rows = len(levels), max(1, BLOCK // (fx.shape[1] + fy.shape[1]))
    mean = np.zeros((fx.shape[1], fy.shape[1]))
    square = np.zeros_like(mean)
    for start in range(0, n, rows):
        a, b = fx[start : start + rows], fy[start : start + rows]
        mean += a.T @ b / n
        square += (a * a).T @ (b * b) / n
    return mean, square - mean**2


def _functions(levels: Floats) -> Floats:
    """Functions of the columns of one side, with mean zero over the rows."""
    from scipy.special import ndtri

    d = levels.shape[1]
    columns = _legendre(2.0 * levels - 1.0)
    every = [*columns]
    if d > 1:
        radius = cdf_levels((ndtri(levels) ** 2).sum(1, keepdims=True))
        first, second, *_ = _legendre(2.0 * radius - 1.0)
        every += [columns[0] * first, columns[0] * second, first, second]
        if d <= FEW_COLUMNS:
            i, j = np.triu_indices(d, 1)
            every.append(columns[0][:, i] * columns[0][:, j])
    f = np.concatenate(every, axis=1)
    return f - f.mean(0)


def _legendre(t: Floats) -> list[Floats]:
    """Legendre polynomials of degree one to four, of mean square one on (-1, 1); bounded, so means are normal soon."""
    square = t * t
    return [
        math.sqrt(3.0) * t,
        math.sqrt(5.0) * (1.5 * square - 0.5),
        math.sqrt(7.0) * (2.5 * square - 1.5) * t,
        3.0 * (4.375 * square * square - 3.75 * square + 0.375),
    ]


def _owners(d: int) -> Floats:
    """Which columns each function of `_functions` speaks of, of shape (d, functions); the radius speaks of none."""
    one = np.eye(d)
    every = [one] * 4
    if d > 1:
        every += [one, one, np.zeros((d, 2))]
        if d <= FEW_COLUMNS:
            i, j = np.triu_indices(d, 1)
            every.append(one[:, i] + one[:, j])
    return np.concatenate(every, axis=1)
