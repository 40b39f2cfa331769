r"""Information of a noisy scalar release, :math:`\hat Y = \mu(X) + \sigma \varepsilon` with standard normal noise.

`mu` holds the predictor's value at n records, so the release has the law of a Gaussian mixture with n components, equal
or weighted (eq. 13), and :math:`I(X; \hat Y) = h(\hat Y) - \tfrac12 \log(2\pi e \sigma^2)` (eq. 14). The functions are
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
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_CELLS = 1 << 21  # entries of the largest block of pairwise terms held at once (16 MB)


def gaussian(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""Upper bound by matching the variance: :math:`\tfrac12 \log(1 + v / \sigma^2)`, eq. 15.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

    Returns
    -------
    float
        In nats; an upper bound, tight when `mu` is Gaussian.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        If `mu` is not a non-empty vector of finite numbers, `sigma` is not positive and finite, or `weight` does not
        hold one finite number of at least 0 per record, not all 0.

    Examples
    --------
    >>> round(gaussian([-1.0, 1.0], 1.0), 4)  # 0.5 log 2
    0.3466
    """
    m, p = _checked(mu, sigma, weight, "gaussian")
    m = m - float(p @ m)
    return 0.5 * math.log1p(float(p @ m**2))


def kl_upper(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""Pairwise Kullback-Leibler upper bound, eq. 16.

    .. math:: -\frac1n \sum_i \log \frac1n \sum_j e^{-(\mu_i - \mu_j)^2 / 2\sigma^2}

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

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
    return _pairwise(*_checked(mu, sigma, weight, "kl_upper"))


def bhattacharyya_lower(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""Pairwise Bhattacharyya lower bound, eq. 17: `kl_upper` at twice the noise.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

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
    m, p = _checked(mu, sigma, weight, "bhattacharyya_lower")
    return _pairwise(0.5 * m, p)


def taylor0(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""Huber's expansion to order 0, eq. 18: exactly `kl_upper` minus one half.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

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
    return _pairwise(*_checked(mu, sigma, weight, "taylor0")) - 0.5


def taylor2(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""Huber's expansion to order 2, eq. 19: the curvature of the log-density at each component added to `taylor0`.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

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
    m, p = _checked(mu, sigma, weight, "taylor2")
    log_p = np.log(p)
    value, curvature = 0.0, 0.0
    for rows in _blocks(len(m)):
        offset = m[None, :] - m[rows, None]
        log_kernel = log_p - 0.5 * offset**2
        log_total = _log_sum_exp(log_kernel)
        near = np.exp(log_kernel - log_total[:, None])
        slope = (near * offset).sum(1)
        value -= float(p[rows] @ log_total)
        curvature += float(p[rows] @ ((near * offset**2).sum(1) - slope**2 - 1.0))
    return value - 0.5 - 0.5 * curvature


def exact(mu: ArrayLike, sigma: float, weight: ArrayLike | None = None) -> float:
    r"""The information itself, by trapezoid integration of :math:`-p \log p`, eq. 20.

    Parameters
    ----------
    mu : array of shape (n,)
        The predictor's value at each record.
    sigma : float
        Standard deviation of the release noise, positive.
    weight : array of shape (n,), optional
        How often each record counts; an integer weight is that many equal records.

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
    m, p = _checked(mu, sigma, weight, "exact")
    order = np.argsort(m, kind="stable")
    m, log_weight = m[order] - m[order[0]], np.log(p[order])
    gaps = np.flatnonzero(np.diff(m) > 2.0 * _REACH)  # between groups the density vanishes
    starts, ends = np.append(0, gaps + 1), np.append(gaps, len(m) - 1)
    entropy = 0.0
    for first, last in zip(starts, ends, strict=True):
        low = m[first] - _REACH
        points = math.ceil((m[last] - m[first] + 2.0 * _REACH) / _STEP)
        width = max(1, _CELLS // len(m))
        for at in range(0, points, width):
            z = low + _STEP * np.arange(at, min(at + width, points))
            near = slice(np.searchsorted(m, z[0] - _REACH), np.searchsorted(m, z[-1] + _REACH))
            if near.stop > near.start:
                log_p = _log_sum_exp(log_weight[near] - 0.5 * (z[:, None] - m[near]) ** 2) - _LOG_ROOT_TWO_PI
                entropy -= _STEP * float((np.exp(log_p) * log_p).sum())
    return entropy - 0.5 - _LOG_ROOT_TWO_PI


def _checked(mu: ArrayLike, sigma: float, weight: ArrayLike | None, caller: str) -> tuple[Floats, Floats]:
    """Values in units of the noise and their probabilities, without records of weight 0."""
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
    if weight is None:
        return m / sigma, np.full(len(m), 1.0 / len(m))
    w = np.asarray(weight, dtype=np.float64)
    if w.shape != m.shape:
        raise ShapeError(f"{caller}: `weight` must hold one number per record, {len(m)}; got shape {w.shape}.")
    if not (np.isfinite(w).all() and (w >= 0).all() and w.any()):
        raise ParameterError(f"{caller}: `weight` must hold finite numbers of at least 0, not all of them 0.")
    return m[w > 0] / sigma, w[w > 0] / w.sum()


def _log_sum_exp(a: Floats) -> Floats:
    result: Any = logsumexp(a, axis=1)
    return result


def _blocks(n: int) -> Iterator[slice]:
    rows = max(1, _CELLS // n)
    for at in range(0, n, rows):
        yield slice(at, min(at + rows, n))


def _pairwise(m: Floats, p: Floats) -> float:
    """Minus the mean over i of ``log mean_j exp(-(m_i - m_j)^2 / 2)``."""
    log_p = np.log(p)
    return -sum(
        float(p[rows] @ _log_sum_exp(log_p - 0.5 * (m[rows, None] - m[None, :]) ** 2)) for rows in _blocks(len(m))
    )
