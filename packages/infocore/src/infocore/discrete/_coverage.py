"""How much of the law was seen at all, and the two corrections that are built on it."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import Floats, Ints
from infocore.discrete._fingerprint import Fingerprint, fingerprint, whole_counts

__all__ = ["chao_shen", "chao_wang_jost", "chao_wang_jost_influence", "good_turing", "sample_coverage"]


def sample_coverage(counts: ArrayLike) -> float:
    r"""Probability of the values that were seen, estimated by Good and Turing [1]_.

    .. math:: \hat C = 1 - f_1 / n

    with :math:`f_1` the number of values seen once.

    Parameters
    ----------
    counts : array of any shape
        Non-negative whole numbers; zeros are values that were not seen.

    Returns
    -------
    float
        In [0, 1]. Well below 1, every estimate of entropy says something of values that nobody saw.

    Raises
    ------
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.

    References
    ----------
    .. [1] I. J. Good, "The Population Frequencies of Species and the Estimation of Population Parameters",
       Biometrika 40, 1953.

    Examples
    --------
    >>> sample_coverage([5, 3, 1, 1])
    0.8
    """
    return good_turing(fingerprint(whole_counts(counts, "sample_coverage")))


def good_turing(f: Fingerprint) -> float:
    """Return the Good-Turing coverage."""
    return 1.0 - f.seen_exactly(1) / f.n


def chao_shen(f: Fingerprint) -> float:
    r"""Horvitz-Thompson sum over the values seen, with probabilities shrunk to the coverage [1]_.

    .. math:: \hat H = -\sum_i \frac{\tilde p_i \log \tilde p_i}{1 - (1 - \tilde p_i)^n}, \qquad
        \tilde p_i = \hat C c_i / n

    Notes
    -----
    Where every value was seen once, :math:`f_1 = n` would make the coverage 0 and the sum undefined: one less,
    :math:`\hat C = 1/n`, is used then.

    References
    ----------
    .. [1] A. Chao, T.-J. Shen, "Nonparametric estimation of Shannon's index of diversity when there are unseen
       species in sample", Environmental and Ecological Statistics 10, 2003.
    """
    n, singles = f.n, f.seen_exactly(1)
    if f.seen == 1:
        return 0.0
    p = (1.0 - min(singles, n - 1) / n) * f.counts / n
    included = -np.expm1(n * np.log1p(-p))
    return float(f.times @ (-p * np.log(p) / included))


def chao_wang_jost(f: Fingerprint) -> float:
    r"""Entropy from the slope of the species accumulation curve, extrapolated beyond the sample [1]_.

    .. math:: \hat H = \sum_i \frac{c_i}{n} \bigl(\psi(n) - \psi(c_i)\bigr)
        + \frac{f_1}{n} (1 - A)^{1-n} \Bigl\{-\log A - \sum_{r=1}^{n-1} \frac{(1 - A)^r}{r}\Bigr\}

    with :math:`A = 2 f_2 / ((n - 1) f_1 + 2 f_2)`, or :math:`2 / ((n - 1)(f_1 - 1) + 2)` where no value was seen
    twice.

    References
    ----------
    .. [1] A. Chao, Y. T. Wang, L. Jost, "Entropy and the species accumulation curve: a novel entropy estimator via
       discovery rates of new species", Methods in Ecology and Evolution 4, 2013, eq. 7.
    """
    from scipy.special import digamma

    seen = float((f.counts * f.times) @ (digamma(f.n) - digamma(f.counts))) / f.n
    return seen + _unseen(f.n, f.seen_exactly(1), f.seen_exactly(2))


def chao_wang_jost_influence(f: Fingerprint) -> Callable[[Ints], Floats]:
    """Return what a row adds to the entropy, as a function of the count of its value: the jackknife's pseudo-value.

    Parameters
    ----------
    f : Fingerprint
        Of at least two rows.

    Returns
    -------
    callable
        Array of counts, each of which occurs or is 0, to ``(n - 1) (H - H')`` with H' the estimate when one row of
        such a value is taken out.
    """
    from scipy.special import digamma

    n, once, twice = f.n, f.seen_exactly(1), f.seen_exactly(2)
    before = chao_wang_jost(f)
    inner = float((f.counts * f.times) @ digamma(f.counts))
    # taking a row out of a value seen 1, 2, 3 or more times moves these two numbers
    moved = [(once, twice), (once - 1, twice), (once + 1, twice - 1), (once, twice + 1), (once, twice)]
    unseen = np.array([_unseen(n - 1, max(one, 0.0), max(two, 0.0)) for one, two in moved])

    def influence(counts: Ints) -> Floats:
        c = np.maximum(counts, 1)
        # c psi(c) less (c - 1) psi(c - 1) is psi(c) + 1, and psi(1) for the last row of a value
        left = inner - digamma(c) - (c > 1)
        return (n - 1) * (before - digamma(n - 1) + left / (n - 1) - unseen[np.minimum(counts, 4)])

    return influence


def _unseen(n: float, once: float, twice: float) -> float:
    """The second sum of Chao-Wang-Jost, from the numbers of values seen once and twice."""
    if not once:
        return 0.0
    a = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * (once - 1) + 2)
    return once / n * _tail(a, n)


def _tail(a: float, n: float) -> float:
    r"""The unseen part of Chao-Wang-Jost, without the power that overflows and the difference that cancels.

    The braces are :math:`\sum_{r \ge n} q^r / r` with q = 1 - a, so that the product is
    :math:`q \int_0^1 t^{n-1} / (1 - qt)\, dt`. With :math:`t = e^{-u/n}`, :math:`u = e^v` the integrand is smooth and
    falls off exponentially on both sides, where the trapezoidal rule converges faster than any power of the step.
    """
    q = 1.0 - a
    if q <= 0.0:
        return 0.0
    v = np.arange(min(0.0, math.log(n * a)) - 45.0, 4.5, 0.1)
    u = np.exp(v)
    return 0.1 * q / n * float(np.sum(u * np.exp(-u) / (a - q * np.expm1(-u / n))))
