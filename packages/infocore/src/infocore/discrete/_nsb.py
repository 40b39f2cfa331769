r"""Entropy by Nemenman, Shafee and Bialek: a prior that is nearly flat in the entropy itself.

A symmetric Dirichlet law of concentration :math:`\beta` on K values fixes the entropy almost, near
:math:`\xi(\beta) = \psi(K\beta + 1) - \psi(\beta + 1)`. NSB mixes these laws so that :math:`\xi` is uniform. The
mixture has one dimension and is summed here on a grid of :math:`t = \log\beta`: in it the integrand is smooth and falls
off exponentially on both sides, so that the trapezoidal rule is exact to rounding. Every difference of gamma functions
is taken where it does not cancel.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import Floats
from infocore.discrete._fingerprint import Fingerprint, alphabet_size, fingerprint, whole_counts

__all__ = ["Posterior", "nsb", "nsb_entropy"]

NODES = 401
# Weights below exp(-DEPTH) of the largest are left out.
DEPTH = 45.0
# From here on, asymptotic series of the gamma functions are better than differences of their values.
LARGE = 30.0


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Mean and standard deviation of a posterior.

    Parameters
    ----------
    mean, standard_deviation : float
        In nats.
    """

    mean: float
    standard_deviation: float


def nsb_entropy(counts: ArrayLike, *, alphabet: int | None = None) -> Posterior:
    r"""Posterior of the entropy under the prior of Nemenman, Shafee and Bialek.

    .. math:: p(\beta \mid c) \propto \frac{d\xi}{d\beta} \frac{\Gamma(K\beta)}{\Gamma(n + K\beta)}
        \prod_i \frac{\Gamma(c_i + \beta)}{\Gamma(\beta)}, \qquad \xi(\beta) = \psi(K\beta + 1) - \psi(\beta + 1)

    The moments of the entropy at given :math:`\beta` are those of Wolpert and Wolf.

    Parameters
    ----------
    counts : array of any shape
        Non-negative whole numbers; zeros are values that were not seen.
    alphabet : int, optional
        Number K of values that can occur, seen or not. The default, the number seen, is a guess from below: where some
        values were not seen, entropy is then underestimated, and the standard deviation does not know of it.

    Returns
    -------
    Posterior
        Finite for all counts: one value, one row, no coincidences, 10^6 rows.

    Raises
    ------
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        If `alphabet` is less than the number of values seen.

    References
    ----------
    .. [1] I. Nemenman, F. Shafee, W. Bialek, "Entropy and Inference, Revisited", NIPS 14, 2002.
    .. [2] D. Wolpert, D. Wolf, "Estimating functions of probability distributions from a finite set of samples",
       Physical Review E 52, 1995.
    .. [3] E. Archer, I. M. Park, J. Pillow, "Bayesian Entropy Estimation for Countable Discrete Distributions", JMLR
       15, 2014, eqs. 12 and 17 to 18.

    Examples
    --------
    >>> found = nsb_entropy([4, 3, 2, 1, 1, 1], alphabet=20)
    >>> round(found.mean, 4), round(found.standard_deviation, 4)
    (2.0986, 0.3261)
    """
    f = fingerprint(whole_counts(counts, "nsb_entropy"))
    return nsb(f, alphabet_size(alphabet, f.seen, "nsb_entropy"))


def nsb(f: Fingerprint, size: int) -> Posterior:
    """Return the posterior from a fingerprint and an alphabet size."""
    if size == 1:
        return Posterior(0.0, 0.0)
    t = _grid(f, size)
    log_weight = _log_weight(t, f, size)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    means, variances = _wolpert_wolf(np.exp(t), f, size)
    mean = float(weight @ means)
    return Posterior(mean, math.sqrt(float(weight @ (variances + (means - mean) ** 2))))


def _grid(f: Fingerprint, size: int) -> Floats:
    """Return equidistant nodes in log beta, from where the weight becomes negligible to where it is so again."""
    from scipy.optimize import brentq, minimize_scalar

    # below 1/K and above n the log-weight is linear in t with slopes of at least 1
    coarse = np.arange(-math.log(size) - DEPTH - 15.0, math.log(f.n) + DEPTH + 15.0, 0.5)
    weights = _log_weight(coarse, f, size)

    def at(t: float, floor: float = 0.0) -> float:
        return float(_log_weight(np.array([t]), f, size)[0]) - floor

    def below(t: float) -> float:
        return -at(t)

    k = min(max(int(np.argmax(weights)), 1), len(coarse) - 2)
    mode = float(minimize_scalar(below, bounds=(coarse[k - 1], coarse[k + 1]), method="bounded").x)
    floor = max(at(mode), float(weights[k])) - DEPTH
    above = np.flatnonzero(weights > floor)
    first, last = (min(k, int(above[0])), max(k, int(above[-1]))) if len(above) else (k, k)
    low = float(coarse[max(first - 1, 0)])
    high = float(coarse[min(last + 1, len(coarse) - 1)])
    start: Any = brentq(at, low, mode, (floor,), xtol=1e-6) if at(low) < floor else low
    stop: Any = brentq(at, mode, high, (floor,), xtol=1e-6) if at(high) < floor else high
    return np.linspace(start, stop, NODES)


def _log_weight(t: Floats, f: Fingerprint, size: int) -> Floats:
    """Log of prior times likelihood times beta at beta = exp(t), up to a constant."""
    beta = np.exp(t)
    likelihood = _log_rising(beta[:, None], f.counts) @ f.times - _log_rising(size * beta, np.array(f.n))
    return t + np.log(_prior(beta, size)) + likelihood


def _log_rising(x: Floats, m: Floats) -> Floats:
    r"""Return :math:`\log \Gamma(x + m) - \log \Gamma(x) - m \log x`, which tends to 0 as x grows."""
    from scipy.special import gammaln

    x, m = np.broadcast_arrays(x, m)
    out = np.empty(x.shape)
    large = x > LARGE
    a, b = x[large], x[large] + m[large]
    out[large] = (b - 0.5) * np.log1p(m[large] / a) - m[large] + _stirling(b) - _stirling(a)
    a, b = x[~large], x[~large] + m[~large]
    out[~large] = gammaln(b) - gammaln(a) - m[~large] * np.log(a)
    return out


def _stirling(x: Floats) -> Floats:
    """What Stirling's formula for log Gamma leaves, below 1e-17 wrong from LARGE on."""
    y = 1 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x


def _prior(beta: Floats, size: int) -> Floats:
    r"""Return :math:`d\xi/d\beta = K \psi_1(K\beta + 1) - \psi_1(\beta + 1)`; 1 / beta cancels where beta is large."""
    from scipy.special import polygamma

    out = np.empty(beta.shape)
    large = beta > LARGE
    b, k = beta[large], float(size)
    out[large] = (
        (1 - 1 / k) / 2 - (1 - k**-2) / (6 * b) + (1 - k**-4) / (30 * b**3) - (1 - k**-6) / (42 * b**5)
    ) / b**2
    b = beta[~large]
    out[~large] = k * polygamma(1, k * b + 1) - polygamma(1, b + 1)
    return out


def _wolpert_wolf(beta: Floats, f: Fingerprint, size: int) -> tuple[Floats, Floats]:
    r"""Mean and variance of the entropy given beta, for each beta.

    With :math:`a_i = c_i + \beta` and their sum A the mean is :math:`h = \psi(A + 1) - \sum_i a_i \psi(a_i + 1) / A`.
    Written around it, with :math:`d_i = \psi(a_i + 1) - \psi(A + 2) + h` and
    :math:`r(a) = a (a + 1) \psi_1(a + 1) - a`, the variance has no difference of large numbers:

    .. math:: \frac{\sum_i a_i d_i^2 + \sum_i r(a_i) - r(A) - A / (A + 1)^2}{A (A + 1)}
    """
    from scipy.special import digamma

    counts, times = np.append(f.counts, 0.0), np.append(f.times, float(size - f.seen))
    a = beta[:, None] + counts
    total = f.n + size * beta
    psi = digamma(a + 1)
    mean = digamma(total + 1) - (a * psi) @ times / total
    d = psi - (digamma(total + 2) - mean)[:, None]
    above = (a * d**2 + _excess(a)) @ times - _excess(total) - total / (total + 1) ** 2
    return mean, np.maximum(above, 0.0) / (total * (total + 1))


def _excess(a: Floats) -> Floats:
    r"""Return :math:`a (a + 1) \psi_1(a + 1) - a`, which tends to 1/2."""
    from scipy.special import polygamma

    out = np.empty(a.shape)
    large = a > LARGE
    b = a[large]
    y = 1 / (b * b)
    s = -0.5 + (1 / 6 - y * (1 / 30 - y * (1 / 42 - y / 30))) / b
    out[large] = 1 + s + s / b
    b = a[~large]
    out[~large] = b * (b + 1) * polygamma(1, b + 1) - b
    return out
