"""Standard errors, intervals and tests for estimates of information.

The pointwise information minus its mean is the efficient influence function of mutual information, so its standard
deviation over root n is the standard error of every efficient estimator. Each estimator here is a mean of fitted
pointwise terms and hands them over.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore._blocks import block_ids as block_ids
from infocore._blocks import by_rows, estimating
from infocore._validate import Floats, check_level, generator, paired
from infocore.dependence import effective_sample_size as effective_sample_size
from infocore.dependence import optimal_block_length as optimal_block_length
from infocore.dependence import stationary_bootstrap_interval as stationary_bootstrap_interval
from infocore.dependence import with_interval
from infocore.errors import ParameterError, TooFewSamplesError
from infocore.permutation import PermutationTest as PermutationTest
from infocore.permutation import analytic_null as analytic_null
from infocore.permutation import permutation_test as permutation_test
from infocore.result import MIEstimate

__all__ = [
    "PermutationTest",
    "analytic_null",
    "block_ids",
    "effective_sample_size",
    "influence_standard_error",
    "normal_interval",
    "optimal_block_length",
    "permutation_test",
    "stationary_bootstrap_interval",
    "subsampling_interval",
    "subsampling_standard_error",
]


def influence_standard_error(
    pointwise: Floats, *, degrees: float = 0.0, noise: float = 0.0, blocks: NDArray[np.int64] | None = None
) -> float:
    r"""Standard error of a mean of pointwise terms.

    .. math:: \sqrt{(s^2 + v) / n + d / (2 n^2)}

    Parameters
    ----------
    pointwise : array of shape (n,)
        Fitted pointwise information, nats.
    degrees : float
        Degrees of freedom d of the fitted dependence. The second term is the variance of a chi-square over 2n, which
        is all there is where x and y are independent and the first term vanishes (derived).
    noise : float
        Variance v that a row adds beyond the spread of its term, which neighbours share.
    blocks : int array of shape (n,), optional
        Rows with one number belong together: the blocks are independent, their rows need not be.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TooFewSamplesError
        If there are fewer than two rows or blocks.

    Examples
    --------
    >>> import numpy as np
    >>> influence_standard_error(np.array([0.0, 1.0, 0.0, 1.0]))
    0.28867513459481287
    """
    n = len(pointwise)
    centred = pointwise - pointwise.mean()
    sums = centred if blocks is None else np.bincount(blocks, centred)
    g = len(sums)
    if g < 2:
        raise TooFewSamplesError(f"influence_standard_error: needs two rows or blocks; got {g}.")
    variance = float(sums @ sums) * g / (g - 1) / n**2
    return math.sqrt(variance + noise / n + degrees / (2.0 * n**2))


def normal_interval(value: float, standard_error: float, ci_level: float) -> tuple[float, float]:
    """Normal interval around a value; it may reach below zero, and is not cut there.

    Parameters
    ----------
    value, standard_error : float
        In any one unit.
    ci_level : float
        In (0, 1).

    Returns
    -------
    tuple of two floats

    Raises
    ------
    ParameterError
        If `ci_level` is not in (0, 1).

    Examples
    --------
    >>> [round(end, 3) for end in normal_interval(0.0, 1.0, 0.9)]
    [-1.645, 1.645]
    """
    from scipy.special import ndtri

    half = float(ndtri(0.5 + check_level(ci_level, "normal_interval") / 2)) * standard_error
    return value - half, value + half


def subsampling_standard_error(
    x: ArrayLike,
    y: ArrayLike,
    value: Callable[[Any, Any], float],
    *,
    parts: int = 10,
    rng: int | np.random.Generator = 0,
) -> float:
    r"""Standard error from disjoint subsamples, :math:`s_{parts} / \sqrt{parts}`; no row occurs twice, as k-NN needs.

    Parameters
    ----------
    x, y : array of shape (n,) or (n, d)
        Paired samples.
    value : callable
        ``value(x, y)``: the estimate from a subsample, nats.
    parts : int
        Number of subsamples, at least 2.
    rng : int or numpy Generator
        Deals the rows out.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ParameterError
        If `parts` is below 2 or leaves fewer than two rows each.

    References
    ----------
    .. [1] D. Politis, J. Romano, M. Wolf, "Subsampling", Springer 1999.

    Examples
    --------
    >>> import numpy as np
    >>> data = np.random.default_rng(0).standard_normal(4000)
    >>> round(subsampling_standard_error(data, data, lambda a, b: float(a.mean()), parts=40), 4)  # truth 0.0158
    0.0158
    """
    a, b = np.asarray(x), np.asarray(y)
    if parts < 2 or len(a) < 2 * parts:
        raise ParameterError(f"subsampling_standard_error: `parts` must be in 2 .. n/2; got {parts} for n={len(a)}.")
    order = generator(rng, "subsampling_standard_error").permutation(len(a))
    values = [value(a[rows], b[rows]) for rows in np.array_split(order, parts)]
    return float(np.std(values, ddof=1)) / math.sqrt(parts)


def subsampling_interval(
    x: ArrayLike,
    y: ArrayLike,
    estimator: Any,
    *,
    m: int | None = None,
    repetitions: int = 100,
    ci_level: float = 0.9,
    consecutive: bool = False,
    rng: int | np.random.Generator = 0,
) -> MIEstimate:
    r"""Estimate with an interval from m of the n rows at a time, without replacement: no row occurs twice.

    The spread of :math:`\sqrt{m / (1 - m/n)}\,(\hat I_m - \langle \hat I_m \rangle)` over subsamples stands for that of
    :math:`\sqrt{n}\,(\hat I_n - I)`.

    Parameters
    ----------
    x, y : array-like of shape (n,) or (n, d)
        Paired samples.
    estimator : estimator or callable
        With ``fit_estimate(x, y, rng=) -> MIEstimate``, such as ``KSG()``, which the bootstrap breaks, or
        ``f(x, y) -> float`` in nats.
    m : int, optional
        Rows of a subsample; by default ``n ** 0.7``, or with `consecutive` ``n ** 0.6``.
    repetitions : int
        Number of subsamples, at least 10.
    ci_level : float
        Nominal coverage.
    consecutive : bool
        Take windows of m rows in a row, for series: what depends stays together.
    rng : int or numpy Generator
        Draws the subsamples.

    Returns
    -------
    MIEstimate
        That of the estimator with `standard_error` and `ci` replaced.

    Raises
    ------
    ParameterError
        If `m` is not in 4 .. n - 1, `repetitions` is below 10, `ci_level` is not in (0, 1), or `estimator` is neither
        an estimator nor callable.
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        As the estimator, on m rows.

    Notes
    -----
    The subsamples are centred at their own mean, not at the estimate, since the bias of k-NN falls with n and would
    shift the interval. Bias itself no interval here knows.

    Measured coverage of nominal 0.9 for ``KSG()`` on normal laws, n = 500, 60 subsamples of ``n ** 0.7``, over 150
    samples: rho 0, 0.89; 0.6, 0.91; 0.9, 0.91, and the standard error within 6 % of the true spread. With ``n ** 0.8``
    0.90, 0.93 and 0.89, the error 7 to 17 % too large. Windows of ``n ** 0.6`` rows of autoregressive series
    of coefficient 0.8, n = 1000, 100 samples: rho 0.6, 0.79; 0.9, 0.80, the standard error 12 to 16 % too small.

    References
    ----------
    .. [1] D. Politis, J. Romano, "Large sample confidence regions based on subsamples under minimal assumptions", Ann.
       Stat. 22, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.estimators import KSG
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> e = subsampling_interval(x, x + rng.standard_normal(1000), KSG())  # truth 0.347
    >>> e.ci[0] < 0.347 < e.ci[1]
    True
    """
    caller = "subsampling_interval"
    check_level(ci_level, caller)
    if repetitions < 10:
        raise ParameterError(f"{caller}: `repetitions` must be at least 10; got {repetitions}.")
    estimator = estimating(estimator, caller)
    draws = generator(rng, caller)
    n = paired(x, y, caller).n
    rows = m if m is not None else round(n ** (0.6 if consecutive else 0.7))
    if not 4 <= rows < n:
        raise ParameterError(f"{caller}: `m` must be in 4 .. n - 1 = {n - 1}; got {rows}.")
    seed = int(draws.integers(2**31))
    seen: MIEstimate = estimator.fit_estimate(x, y, rng=seed)
    first, second = by_rows(x), by_rows(y)
    values = np.empty(repetitions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said once, of the whole sample
        for i in range(repetitions):
            if consecutive:
                start = int(draws.integers(n - rows + 1))
                taken = np.arange(start, start + rows)
            else:
                taken = draws.permutation(n)[:rows]
            values[i] = estimator.fit_estimate(first[taken], second[taken], rng=seed).value
    # subsamples share rows with the sample: their spread about it lacks the share m / n
    errors = (values - values.mean()) * math.sqrt(rows / n / (1 - rows / n))
    low, high = np.quantile(errors, [(1 - ci_level) / 2, (1 + ci_level) / 2])
    return with_interval(
        seen,
        float(errors.std(ddof=1)),
        (seen.value - float(high), seen.value - float(low)),
        ci_level,
        {"interval": "subsampling", "m": int(rows), "repetitions": repetitions},
    )
