r"""Information of a noisy scalar release, :math:`\hat Y = \mu(X) + \sigma \varepsilon` with standard normal noise.

`mu` holds the predictor's value at n records, so the release has the law of a Gaussian mixture with n equal
components (eq. 13) and :math:`I(X; \hat Y) = h(\hat Y) - \tfrac12 \log(2\pi e \sigma^2)` (eq. 14). The functions are
estimates of that number in nats, from the exact integral to cheap bounds; for every mixture

.. math:: I_{\mathrm{bhattacharyya}} \le I_{\mathrm{exact}} \le \min(I_{\mathrm{kl\_upper}}, I_{\mathrm{gaussian}}).

The estimators are standard results; their use as a regulariser of a linear model is MID-style and derived here, not a
formula seen in the MID paper. Equation numbers are those of the package's guide.

References
----------
- A. Kolchinsky, B. D. Tracey, "Estimating Mixture Entropy with Pairwise Distances", Entropy 19(7), 2017.
- M. F. Huber, T. Bailey, H. Durrant-Whyte, U. D. Hanebeck, "On Entropy Approximation for Gaussian Mixture Random
  Vectors", IEEE MFI 2008.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from infocore.errors import NonFiniteError, ParameterError, ShapeError

__all__ = ["bhattacharyya_lower", "exact", "gaussian", "kl_upper", "taylor0", "taylor2"]

Floats = NDArray[np.float64]

_REACH = 10.0  # standard deviations beyond which a component adds less than exp(-50)
_STEP = 0.1  # grid step of the integral, in standard deviations
_CELLS = 1 << 21  # entries of the largest block of pairwise terms held at once (16 MB)


def gaussian(mu: ArrayLike, sigma: float) -> float:
    r"""Upper bound by matching the variance: :math:`\tfrac12 \log(1 + v / \sigma^2)`, eq. 15.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats; an upper bound, tight when `mu` is Gaussian.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        If `mu` is not a non-empty vector of finite numbers, or `sigma` is not positive and finite.

    Examples
    --------
    >>> round(gaussian([-1.0, 1.0], 1.0), 4)  # 0.5 log 2
    0.3466
    """
    m = _checked(mu, sigma, "gaussian")
    return 0.5 * math.log1p(float(np.var(m / sigma)))


def kl_upper(mu: ArrayLike, sigma: float) -> float:
    r"""Pairwise Kullback-Leibler upper bound, eq. 16.

    .. math:: -\frac1n \sum_i \log \frac1n \sum_j e^{-(\mu_i - \mu_j)^2 / 2\sigma^2}

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats; an upper bound, at most ``log n``. Takes time proportional to n squared.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As in `gaussian`.

    Examples
    --------
    >>> round(kl_upper([0.0, 100.0], 1.0), 4)  # two records that cannot be confused: log 2
    0.6931
    """
    return _pairwise(_checked(mu, sigma, "kl_upper") / sigma)


def bhattacharyya_lower(mu: ArrayLike, sigma: float) -> float:
    r"""Pairwise Bhattacharyya lower bound, eq. 17: `kl_upper` at twice the noise.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats; a lower bound. Takes time proportional to n squared.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As in `gaussian`.

    Examples
    --------
    >>> bhattacharyya_lower([3.0, 3.0], 1.0) == 0  # the release does not depend on the record
    True
    """
    return _pairwise(_checked(mu, sigma, "bhattacharyya_lower") / (2.0 * sigma))


def taylor0(mu: ArrayLike, sigma: float) -> float:
    r"""Huber's expansion to order 0, eq. 18: exactly `kl_upper` minus one half.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats; no bound, and negative when the release says little.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As in `gaussian`.

    Examples
    --------
    >>> taylor0([3.0, 3.0], 1.0)
    -0.5
    """
    return _pairwise(_checked(mu, sigma, "taylor0") / sigma) - 0.5


def taylor2(mu: ArrayLike, sigma: float) -> float:
    r"""Huber's expansion to order 2, eq. 19: the curvature of the log-density at each component added to `taylor0`.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats; no bound, but often close to `exact`.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As in `gaussian`.

    Examples
    --------
    >>> abs(taylor2([3.0, 3.0], 1.0)) < 1e-12
    True
    """
    m = _checked(mu, sigma, "taylor2") / sigma
    value, curvature = 0.0, 0.0
    for rows in _blocks(m):
        offset = m[None, :] - rows[:, None]
        log_kernel = -0.5 * offset**2
        log_total = _log_sum_exp(log_kernel)[:, None]
        weight = np.exp(log_kernel - log_total)
        slope = (weight * offset).sum(1)
        value -= float(log_total.sum())
        curvature += float(((weight * offset**2).sum(1) - slope**2 - 1.0).sum())
    return value / len(m) + math.log(len(m)) - 0.5 - 0.5 * curvature / len(m)


def exact(mu: ArrayLike, sigma: float) -> float:
    r"""The information itself, by trapezoid integration of :math:`-p \log p`, eq. 20.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.

    Returns
    -------
    float
        In nats, for the empirical law of `mu`; at most ``log n``.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As in `gaussian`.

    Notes
    -----
    The grid has ten points per standard deviation and is laid only where the density is above ``exp(-50)``, so small
    noise costs no memory; the trapezoid rule converges faster than any power of the step for such densities.

    Examples
    --------
    >>> round(exact([0.0, 100.0], 1.0), 6)  # two records that cannot be confused: log 2
    0.693147
    """
    m = np.sort(_checked(mu, sigma, "exact") / sigma)
    m = m - m[0]
    gaps = np.flatnonzero(np.diff(m) > 2.0 * _REACH)  # between groups the density vanishes
    starts, ends = np.append(0, gaps + 1), np.append(gaps, len(m) - 1)
    entropy = 0.0
    for first, last in zip(starts, ends, strict=True):
        low = m[first] - _REACH
        points = math.ceil((m[last] - m[first] + 2.0 * _REACH) / _STEP)
        width = max(1, _CELLS // len(m))
        for at in range(0, points, width):
            z = low + _STEP * np.arange(at, min(at + width, points))
            near = m[np.searchsorted(m, z[0] - _REACH) : np.searchsorted(m, z[-1] + _REACH)]
            if len(near):
                log_p = _log_sum_exp(-0.5 * (z[:, None] - near[None, :]) ** 2)
                log_p -= math.log(len(m)) + 0.5 * math.log(2.0 * math.pi)
                entropy -= _STEP * float((np.exp(log_p) * log_p).sum())
    return entropy - 0.5 * math.log(2.0 * math.pi * math.e)


def _checked(mu: ArrayLike, sigma: float, caller: str) -> Floats:
    m = np.asarray(mu, dtype=np.float64)
    if m.ndim != 1 or len(m) == 0:
        raise ShapeError(f"{caller}: `mu` must be a vector with one value per record; got shape {m.shape}.")
    bad = int((~np.isfinite(m)).sum())
    if bad:
        raise NonFiniteError(f"{caller}: `mu` holds NaN or infinity in {bad} of {len(m)} records; remove them first.")
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ParameterError(
            f"{caller}: `sigma` must be positive and finite; got {sigma!r}. Without noise a release carries all the "
            "information of the predictor."
        )
    return m


def _log_sum_exp(a: Floats) -> Floats:
    result: Any = logsumexp(a, axis=1)
    return result


def _blocks(m: Floats) -> Iterator[Floats]:
    rows = max(1, _CELLS // len(m))
    for at in range(0, len(m), rows):
        yield m[at : at + rows]


def _pairwise(m: Floats) -> float:
    """Minus the mean over i of ``log mean_j exp(-(m_i - m_j)^2 / 2)``."""
    total = sum(float(_log_sum_exp(-0.5 * (rows[:, None] - m[None, :]) ** 2).sum()) for rows in _blocks(m))
    return math.log(len(m)) - total / len(m)
