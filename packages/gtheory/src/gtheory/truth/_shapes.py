"""Truth functions with a shape: Gaussian, logistic, interval, crisp, and any of them with some disbelief."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import brentq

from gtheory.truth._base import TruthFunction, finite, numbers, positive
from infocore.errors import NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, real

__all__ = ["Crisp", "Disbelief", "Gaussian", "Interval", "Logistic", "MultivariateGaussian"]

_TINY = float(np.finfo(np.float64).tiny)


@dataclasses.dataclass(frozen=True)
class Gaussian(TruthFunction):
    r"""About `mean`: :math:`T(x) = e^{-(x - \mu)^2 / 2\sigma^2}`, as of a reading, a pointer or a forecast.

    Parameters
    ----------
    mean : float
        Where the label is wholly true.
    sd : float
        How far it is meant to reach; positive.

    Raises
    ------
    ParameterError
        If `mean` is not finite or `sd` not positive and finite.

    Examples
    --------
    >>> Gaussian(50.0, 2.0)([50.0, 54.0]).round(4).tolist()
    [1.0, 0.1353]
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        finite("Gaussian", "mean", self.mean)
        positive("Gaussian", "sd", self.sd)

    def log(self, x: ArrayLike) -> Floats:
        """Return -(x - mean)^2 / (2 sd^2)."""
        with np.errstate(over="ignore"):  # beyond 1e154 sd the logarithm itself is -inf
            return -0.5 * ((numbers(x) - self.mean) / self.sd) ** 2


@dataclasses.dataclass(frozen=True)
class MultivariateGaussian(TruthFunction):
    r"""About `mean` in several variables: :math:`T(x) = e^{-(x - \mu)^\top \Sigma^{-1} (x - \mu) / 2}`.

    Parameters
    ----------
    mean : sequence of float, of length d
        Where the label is wholly true.
    cov : d sequences of d floats
        How far it is meant to reach, as a covariance matrix: symmetric and positive definite.

    Raises
    ------
    ShapeError, KindError
        If `mean` and `cov` do not fit together or are not real; and from ``log`` and a call, if the last axis of x
        is not d long.
    NonFiniteError
        If one holds NaN or infinity.
    ParameterError
        If `cov` is not symmetric (to 1e-9 of its standard deviations), or not positive definite in float64.

    Examples
    --------
    >>> near = MultivariateGaussian((0.0, 0.0), ((1.0, 0.8), (0.8, 1.0)))
    >>> near([[1.0, 1.0], [1.0, -1.0]]).round(4).tolist()
    [0.5738, 0.0067]
    """

    mean: tuple[float, ...]
    cov: tuple[tuple[float, ...], ...]
    _root: Floats = dataclasses.field(init=False, repr=False, compare=False)  # lower Cholesky factor of cov

    def __post_init__(self) -> None:
        caller = "MultivariateGaussian"
        mean, cov = real(self.mean, caller, "mean", ndim=1), real(self.cov, caller, "cov", ndim=2)
        d = len(mean)
        if cov.shape != (d, d):
            raise ShapeError(f"{caller}: `cov` must have shape {(d, d)} as `mean` has length {d}; got {cov.shape}.")
        for name, values in (("mean", mean), ("cov", cov)):
            if not np.isfinite(values).all():
                raise NonFiniteError(f"{caller}: `{name}` holds NaN or infinity.")
        variances = np.diag(cov)
        if variances.min() <= 0:
            raise ParameterError(
                f"{caller}: `cov` must be positive definite; got a variance of {variances.min():.6g} on its diagonal."
            )
        sd = np.sqrt(variances)
        correlation = cov / sd / sd[:, None]
        if np.abs(correlation - correlation.T).max() > 1e-9:
            raise ParameterError(
                f"{caller}: `cov` must be symmetric; got entries that differ from their mirror images by up to "
                f"{np.abs(cov - cov.T).max():.6g}."
            )
        # the correlation matrix, so that a variance may be as small as it likes beside another
        try:
            root = np.linalg.cholesky((correlation + correlation.T) / 2)
        except np.linalg.LinAlgError:
            root = np.zeros((d, d))
        if np.diag(root).min() ** 2 <= d * np.finfo(np.float64).eps:
            raise ParameterError(
                f"{caller}: `cov` must be positive definite; got a smallest eigenvalue of its correlation matrix of "
                f"{np.linalg.eigvalsh(correlation)[0]:.3g}."
            )
        object.__setattr__(self, "mean", tuple(mean.tolist()))
        object.__setattr__(self, "cov", tuple(map(tuple, cov.tolist())))
        object.__setattr__(self, "_root", sd[:, None] * root)

    def log(self, x: ArrayLike) -> Floats:
        """Return minus half the squared Mahalanobis distance of each x, on the last axis, to the mean."""
        points, d = numbers(x), len(self.mean)
        if points.ndim == 0 or points.shape[-1] != d:
            raise ShapeError(
                f"MultivariateGaussian: `x` must have a last axis of length {d}, as `mean` has; got shape "
                f"{points.shape}."
            )
        with np.errstate(over="ignore"):
            steps = (points - np.array(self.mean)).reshape(-1, d).T
            white = numbers(solve_triangular(self._root, steps, lower=True, check_finite=False))
            return -0.5 * np.sum(white**2, axis=0).reshape(points.shape[:-1])


@dataclasses.dataclass(frozen=True)
class Logistic(TruthFunction):
    r"""At least, or at most, `centre`: :math:`T(x) = 1 / (1 + e^{-k(x - c)})`.

    Parameters
    ----------
    centre : float
        Where the label is half true.
    slope : float
        k: positive for "at least", negative for "at most"; not 0.

    Raises
    ------
    ParameterError
        If `centre` or `slope` is not finite, or `slope` is 0.

    Examples
    --------
    >>> adult = Logistic(18.0, 0.8)
    >>> adult([17.0, 18.0, 30.0]).round(4).tolist()
    [0.31, 0.5, 0.9999]
    """

    centre: float
    slope: float

    def __post_init__(self) -> None:
        finite("Logistic", "centre", self.centre)
        finite("Logistic", "slope", self.slope)
        if self.slope == 0:
            raise ParameterError("Logistic: `slope` must not be 0, which would mean nothing; got 0.")

    def log(self, x: ArrayLike) -> Floats:
        """Return -log(1 + exp(-slope (x - centre)))."""
        with np.errstate(over="ignore"):
            return -np.logaddexp(0.0, -self.slope * (numbers(x) - self.centre))


@dataclasses.dataclass(frozen=True)
class Interval(TruthFunction):
    r"""Between `low` and `high`, with soft edges: a step up times a step down, over the maximum of the product.

    .. math:: T(x) \propto \frac{1}{1 + e^{-k(x - a)}} \cdot \frac{1}{1 + e^{k'(x - b)}}

    Parameters
    ----------
    low, high : float
        a < b, the middles of the edges. Where edges are far apart, the label is half true there.
    slope : float
        k, the steepness of the edges; positive.
    slope_high : float, optional
        k', the steepness of the upper edge, if it is another one.

    Raises
    ------
    ParameterError
        If an edge is not finite, `low` is not below `high`, or a slope is not positive and finite.

    Examples
    --------
    >>> adolescent = Interval(12.0, 18.0, 2.0)
    >>> adolescent([10.0, 12.0, 15.0, 18.0]).round(4).tolist()
    [0.0181, 0.5025, 1.0, 0.5025]
    """

    low: float
    high: float
    slope: float
    slope_high: float | None = None
    _peak: float = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        finite("Interval", "low", self.low)
        finite("Interval", "high", self.high)
        if not self.low < self.high:
            raise ParameterError(f"Interval: `low` must be below `high`; got {self.low!r} and {self.high!r}.")
        positive("Interval", "slope", self.slope)
        if self.slope_high is not None:
            positive("Interval", "slope_high", self.slope_high)
        object.__setattr__(self, "_peak", self._find_peak())

    @property
    def slopes(self) -> tuple[float, float]:
        """Steepness of the lower and of the upper edge."""
        return self.slope, self.slope if self.slope_high is None else self.slope_high

    @property
    def peak(self) -> float:
        """Where the label is wholly true."""
        return self._peak

    def log(self, x: ArrayLike) -> Floats:
        """Return the logarithm of the product, less that of its maximum."""
        # its own rounding may lift the maximum above 0
        return np.minimum(self._product(numbers(x)) - self._product(numbers(self._peak)), 0.0)

    def _product(self, x: Floats) -> Floats:
        up, down = self.slopes
        with np.errstate(over="ignore"):
            return -np.logaddexp(0.0, -up * (x - self.low)) - np.logaddexp(0.0, down * (x - self.high))

    def _find_peak(self) -> float:
        up, down = self.slopes
        if up == down:
            return self.low + (self.high - self.low) / 2
        width = self.high - self.low

        def rise(step: float) -> float:
            """Log of the ratio of the two parts of the derivative at low + step; it falls, the product is concave."""
            climb = math.log(up) - np.logaddexp(0.0, up * step)
            fall = math.log(down) - np.logaddexp(0.0, -down * (step - width))
            return float(climb - fall)

        reach = 1.0 / min(up, down)
        left, right = 0.0, width
        while rise(left) < 0:
            left, reach = left - reach, 2 * reach
        while rise(right) > 0:
            right, reach = right + reach, 2 * reach
        return self.low + float(np.asarray(brentq(rise, left, right, xtol=_TINY, maxiter=500)))


@dataclasses.dataclass(frozen=True)
class Crisp(TruthFunction):
    """True on a set, false off it.

    Parameters
    ----------
    contains : callable
        Takes an array of x and returns an array of booleans: whether each is in the set.

    Examples
    --------
    >>> Crisp(lambda x: abs(x - 50) < 5)([44.0, 50.0]).tolist()
    [0.0, 1.0]
    """

    contains: Callable[[NDArray[Any]], NDArray[np.bool_]]

    def log(self, x: ArrayLike) -> Floats:
        """Return 0 on the set and -inf off it."""
        return np.where(self.contains(np.asarray(x)), 0.0, -np.inf)


@dataclasses.dataclass(frozen=True)
class Disbelief(TruthFunction):
    r"""A label that is not wholly believed: :math:`b' + (1 - b') T(x)` (recalled form).

    A wrong label then costs a finite amount of information, at most ``log(b' / T(theta))``.

    Parameters
    ----------
    truth : TruthFunction
        What the label would mean if it were believed.
    degree : float
        b' in [0, 1]: 0 leaves `truth` as it is, 1 makes the label say nothing.

    Raises
    ------
    ParameterError
        If `degree` is outside [0, 1].

    Examples
    --------
    >>> Disbelief(Crisp(lambda x: x > 0), 0.1)([-1.0, 1.0]).round(6).tolist()
    [0.1, 1.0]
    """

    truth: TruthFunction
    degree: float

    def __post_init__(self) -> None:
        if not 0 <= self.degree <= 1:
            raise ParameterError(f"Disbelief: `degree` must be in [0, 1]; got {self.degree!r}.")

    def log(self, x: ArrayLike) -> Floats:
        """Return log(b' + (1 - b') T(x))."""
        if self.degree == 0:
            return self.truth.log(x)
        if self.degree == 1:
            return np.zeros_like(self.truth.log(x))
        doubted = np.logaddexp(math.log(self.degree), math.log1p(-self.degree) + self.truth.log(x))
        return np.minimum(doubted, 0.0)  # above 0 it is rounding
