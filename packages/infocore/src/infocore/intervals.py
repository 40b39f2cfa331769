"""Standard errors, intervals and tests for estimates of information.

The pointwise information minus its mean is the efficient influence function of mutual information, so its standard
deviation over root n is the standard error of every efficient estimator. Each estimator here is a mean of fitted
pointwise terms and hands them over.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore._validate import Floats, check_level, generator, paired
from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from infocore.result import MIEstimate

__all__ = [
    "PermutationTest",
    "block_ids",
    "influence_standard_error",
    "normal_interval",
    "permutation_test",
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


def block_ids(blocks: Any, n: int, caller: str) -> NDArray[np.int64]:
    """Turn a block length, or one label a row, into block numbers 0, 1, ...

    Parameters
    ----------
    blocks : int or array of shape (n,)
        Length of consecutive blocks (for series), or the label of each row's group (for repeated measurements).
    n : int
        Number of rows.
    caller : str
        For the messages.

    Returns
    -------
    int array of shape (n,)

    Raises
    ------
    ParameterError
        If a length is not in 1 .. n/2.
    ShapeError
        If there is not one label a row.
    TooFewSamplesError
        If all rows are in one block.

    Examples
    --------
    >>> block_ids(2, 5, "doc").tolist()
    [0, 0, 1, 1, 2]
    """
    if isinstance(blocks, (int, np.integer)) and not isinstance(blocks, bool):
        if not 1 <= blocks <= n / 2:
            raise ParameterError(f"{caller}: a block length must be in 1 .. n/2 = {n // 2}; got {blocks}.")
        return np.arange(n, dtype=np.int64) // int(blocks)
    labels = np.asarray(blocks)
    if labels.shape != (n,):
        raise ShapeError(f"{caller}: `blocks` must be a length or one label for each of {n} rows; got {labels.shape}.")
    ids = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    if ids.max() == 0:
        raise TooFewSamplesError(f"{caller}: all rows are in one block, which says nothing of the error.")
    return ids


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


@dataclasses.dataclass(frozen=True)
class PermutationTest:
    """Result of `permutation_test`.

    Parameters
    ----------
    p_value : float
        Share of shuffles, the data as given among them, with an estimate at least as large.
    estimate : MIEstimate
        The estimate on the data as given.
    null : array of shape (n_permutations,)
        The estimates under shuffling, nats.
    """

    p_value: float
    estimate: MIEstimate
    null: Floats


def permutation_test(
    x: ArrayLike, y: ArrayLike, estimator: Any, *, n: int = 200, rng: int | np.random.Generator = 0
) -> PermutationTest:
    """Test independence: shuffle the rows of y and estimate again.

    Parameters
    ----------
    x, y : array-like of shape (n,) or (n, d)
        Paired samples.
    estimator : estimator
        Anything with ``fit_estimate(x, y, rng=) -> MIEstimate``, such as ``KSG()``.
    n : int
        Number of shuffles; the smallest p-value is ``1 / (n + 1)``.
    rng : int or numpy Generator
        Seed of the shuffles.

    Returns
    -------
    PermutationTest
        `p_value` is valid at every sample size: under independence P(p <= a) <= a.

    Raises
    ------
    ParameterError
        If `n` is below 1.

    References
    ----------
    .. [1] B. Phipson, G. Smyth, "Permutation P-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.estimators import GaussianMI
    >>> data = np.random.default_rng(0).standard_normal((2, 200))
    >>> permutation_test(data[0], data[0] + data[1], GaussianMI(), n=99).p_value
    0.01
    """
    if n < 1:
        raise ParameterError(f"permutation_test: `n` must be at least 1; got {n}.")
    draws = generator(rng, "permutation_test")
    pair = paired(x, y, "permutation_test")
    seed = int(draws.integers(2**31))
    seen: MIEstimate = estimator.fit_estimate(x, y, rng=seed)
    take = y.iloc if hasattr(y, "iloc") else np.asarray(y)  # type: ignore[union-attr]
    null = np.array(
        [estimator.fit_estimate(x, take[draws.permutation(pair.n)], rng=seed).value for _ in range(n)], np.float64
    )
    return PermutationTest((1 + int(np.count_nonzero(null >= seen.value))) / (n + 1), seen, null)
