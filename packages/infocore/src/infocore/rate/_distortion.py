"""Rate-distortion and rate-reward at a given slope, and the channel that a law and a slope define."""

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.rate._points import RatePoint
from infocore.rate._solver import checked_reward, kernel, solve
from infocore.semantic import Floats, distribution


def rate_distortion(
    px: ArrayLike, distortion: ArrayLike, slope: float, *, tol: float = 1e-6, max_iter: int = 1000
) -> RatePoint:
    r"""Point of the rate-distortion function R(D) where its slope is ``-slope``.

    Parameters
    ----------
    px : array of shape (m,)
        Source law; sums to 1.
    distortion : array of shape (m, n)
        ``d(x_i, y_j)``; any alphabet sizes, +inf forbids a pair.
    slope : float
        ``-dR/dD > 0``, in nats per unit of distortion.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    RatePoint
        With `rate` in nats and `distortion`; ``rate + slope * distortion`` is within `gap` of its minimum.

    Raises
    ------
    ParameterError
        If `slope` or `tol` is not positive, or `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together or some x has no finite distortion.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first; the gap that was left is in the message and in the result.

    References
    ----------
    .. [1] R. Blahut, "Computation of Channel Capacity and Rate-Distortion Functions", IEEE Trans. Inf. Theory 18:460,
       1972.

    Examples
    --------
    >>> import math
    >>> point = rate_distortion([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], slope=1.0)
    >>> round(point.distortion, 6), round(point.rate / math.log(2), 6)  # 1 - h(D) bits
    (0.268941, 0.160058)
    """
    if not slope > 0:
        raise ParameterError(f"rate_distortion: `slope` must be positive, it is -dR/dD; got {slope!r}.")
    cost = np.asarray(distortion)
    return solve(px, -cost if cost.dtype.kind in "iuf" else cost, slope, tol, max_iter, None, "rate_distortion")


def blahut_arimoto(
    px: ArrayLike,
    reward: ArrayLike,
    slope: float,
    *,
    start: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> RatePoint:
    r"""Minimise ``rate - slope * reward`` over channels.

    .. math:: \min_{P(y|x)} I(X; Y) - s\, E\, r(X, Y)
              = \min_q -\sum_i P(x_i) \log \sum_j q_j e^{s r_{ij}}

    Parameters
    ----------
    px : array of shape (m,)
        Source law; sums to 1.
    reward : array of shape (m, n)
        ``r(x_i, y_j)``, of any sign; -inf forbids a pair and needs a positive slope.
    slope : float
        s, of any sign; negative slopes trace the branch where reward is avoided.
    start : array of shape (n,), optional
        Output law to start from, as the solution at a neighbouring slope. Uniform by default.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    RatePoint
        In nats. Where several laws are optimal (slope 0, or a straight piece of the curve) `rate` and `reward` are
        those of one of them; only ``rate - slope * reward`` is determined, to within `gap`.

    Raises
    ------
    ParameterError
        If `slope` is not finite, `tol` not positive, or `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, a law is none, or some x has no finite reward.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first; the gap that was left is in the message and in the result.

    Notes
    -----
    With :math:`w_j = \sum_i P(x_i) e^{s r_{ij}} / \lambda_i`, the minimum lies between :math:`F(q) - \log \max_j w_j`
    and :math:`F(q)`; that difference is `gap`.

    References
    ----------
    .. [1] R. Blahut, "Computation of Channel Capacity and Rate-Distortion Functions", IEEE Trans. Inf. Theory 18:460,
       1972.
    .. [2] Y. Kim, P. Carbonetto, M. Stephens, M. Anitescu, "A Fast Algorithm for Maximum Likelihood Estimation of
       Mixture Proportions", J. Comput. Graph. Stat. 29:261, 2020 (Newton steps for the same objective).

    Examples
    --------
    >>> point = blahut_arimoto([0.5, 0.5], [[0.0, -1.0], [-1.0, 0.0]], slope=1.0)
    >>> round(point.rate, 6), round(point.reward, 6), point.gap <= 1e-6
    (0.110944, -0.268941, True)
    """
    return solve(px, reward, slope, tol, max_iter, start, "blahut_arimoto")


def tilted_channel(py: ArrayLike, reward: ArrayLike, slope: float) -> Floats:
    r"""Channel :math:`P(y_j|x_i) = q_j e^{s r_{ij}} / \lambda_i` that an output law and a slope define.

    Parameters
    ----------
    py : array of shape (n,)
        Reference law q of the output.
    reward : array of shape (m, n)
        ``r(x_i, y_j)``; -inf forbids a pair and needs a positive slope.
    slope : float
        s.

    Returns
    -------
    ndarray of shape (m, n)
        Rows sum to 1. The law of y that results is q only at the optimum.

    Raises
    ------
    ParameterError
        If `slope` is not finite.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `py` is no law, or some x has no finite reward under it.

    Examples
    --------
    >>> tilted_channel([0.5, 0.5], [[0.0, -np.inf], [0.0, 0.0]], 1.0).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    caller = "tilted_channel"
    q = distribution(py, caller, "py")
    gain = checked_reward(reward, slope, caller)
    if gain.shape[1] != len(q):
        raise ShapeError(f"{caller}: `py` must have one entry per column of `reward`, {gain.shape[1]}; got {len(q)}.")
    mass = kernel(gain, slope) * q
    total = mass.sum(1, keepdims=True)
    if np.any(total <= 0):
        row = int(np.argmin(total))
        raise InvalidDistributionError(f"{caller}: x {row} has no finite reward with any y that `py` allows.")
    return mass / total
