r"""Rate-distortion, rate-reward and channel capacity, each with a certificate of how far it is from the optimum.

All are convex problems over one law on a simplex. Blahut-Arimoto's multiplicative step always descends but slows to a
crawl at small slopes and where several laws are optimal; a Newton step, a non-negative least-squares problem, takes
over where it does better. Neither decides when to stop: the duality gap does.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.optimize import nnls
from scipy.special import xlogy

from infocore.errors import ConvergenceWarning, InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, channel, distribution, real

__all__ = ["CapacityPoint", "RatePoint", "blahut_arimoto", "channel_capacity", "rate_distortion", "tilted_channel"]

_LENGTHS = (0.999, 0.5, 0.1)  # of Newton's step: never the whole of it, so that nothing is excluded for good
_NEWTON_COLUMNS = 600  # above this the cube of the alphabet costs more than multiplicative steps


@dataclasses.dataclass(frozen=True, eq=False)
class RatePoint:
    r"""A point of a rate-reward curve; with reward = -distortion, of a rate-distortion curve. In nats.

    Parameters
    ----------
    rate : float
        Mutual information of `px` and `ch`.
    reward : float
        Mean reward under `px` and `ch`.
    slope : float
        Slope s of the curve here, ``d rate / d reward``.
    py : ndarray of shape (n,)
        Output law of `ch`.
    ch : ndarray of shape (m, n)
        The channel ``P(y_j|x_i)``.
    gap : float
        ``rate - slope * reward`` is at most this much above the smallest value any channel has.
    n_iter : int
        Iterations taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    rate: float
    reward: float
    slope: float
    py: Floats
    ch: Floats
    gap: float
    n_iter: int
    converged: bool

    @property
    def distortion(self) -> float:
        """Mean distortion, where the reward is its negative."""
        return -self.reward


@dataclasses.dataclass(frozen=True, eq=False)
class CapacityPoint:
    """Capacity of a channel. In nats.

    Parameters
    ----------
    capacity : float
        Mutual information of `px` through the channel: a lower bound on the capacity, short of it by at most `gap`.
    px : ndarray of shape (m,)
        Input law.
    py : ndarray of shape (n,)
        Output law.
    gap : float
        Duality gap.
    n_iter : int
        Iterations taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    capacity: float
    px: Floats
    py: Floats
    gap: float
    n_iter: int
    converged: bool


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
    return _solve(px, -cost if cost.dtype.kind in "iuf" else cost, slope, tol, max_iter, None, "rate_distortion")


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
    return _solve(px, reward, slope, tol, max_iter, start, "blahut_arimoto")


def channel_capacity(ch: ArrayLike, *, tol: float = 1e-6, max_iter: int = 1000) -> CapacityPoint:
    r"""Capacity of a discrete memoryless channel.

    Parameters
    ----------
    ch : array of shape (m, n)
        ``P(y_j|x_i)``; rows sum to 1.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    CapacityPoint
        In nats.

    Raises
    ------
    ParameterError
        If `tol` is not positive or `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If `ch` is no channel.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first; the gap that was left is in the message and in the result.

    Notes
    -----
    The capacity lies between :math:`I(p)` and :math:`\max_i \mathrm{KL}(P(y|x_i) \| P(y))`; the difference is `gap`.

    References
    ----------
    .. [1] S. Arimoto, "An Algorithm for Computing the Capacity of Arbitrary Discrete Memoryless Channels", IEEE Trans.
       Inf. Theory 18:14, 1972.

    Examples
    --------
    >>> import math
    >>> point = channel_capacity([[1.0, 0.0], [0.5, 0.5]])  # Z-channel: log2(5/4) bits
    >>> round(point.capacity / math.log(2), 6)
    0.321928
    """
    caller = "channel_capacity"
    w = channel(ch, caller, "ch")
    _check_settings(tol, max_iter, caller)
    negentropy = xlogy(w, w).sum(1)

    def look(p: Floats) -> _Local:
        py = p @ w
        divergence = negentropy - xlogy(w, np.where(py > 0, py, 1.0)).sum(1)
        information = float(p @ divergence)
        root = np.sqrt(np.where(py > 0, py, np.inf))
        return _Local(-information, divergence, float(divergence.max()) - information, -divergence, (w / root).T)

    p, local, n_iter = _descend(np.full(len(w), 1.0 / len(w)), look, tol, max_iter)
    converged = _report(local.gap, tol, max_iter, caller)
    return CapacityPoint(-local.value, p, p @ w, local.gap, n_iter, converged)


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
    gain = _reward(reward, slope, caller)
    if gain.shape[1] != len(q):
        raise ShapeError(f"{caller}: `py` must have one entry per column of `reward`, {gain.shape[1]}; got {len(q)}.")
    mass = _kernel(gain, slope) * q
    total = mass.sum(1, keepdims=True)
    if np.any(total <= 0):
        row = int(np.argmin(total))
        raise InvalidDistributionError(f"{caller}: x {row} has no finite reward with any y that `py` allows.")
    return mass / total


def _mean_reward(joint: Floats, reward: Floats) -> float:
    """Mean of `reward` under `joint`, where pairs of probability 0 may have reward -inf."""
    return float(np.sum(joint * np.where(joint > 0, reward, 0.0)))


@dataclasses.dataclass(frozen=True, eq=False)
class _Local:
    """What the descent needs to know at a law: f, Blahut-Arimoto's log step, the gap, gradient, root of the Hessian."""

    value: float
    log_step: Floats
    gap: float
    gradient: Floats
    factor: Floats  # Hessian = factor.T @ factor


def _solve(
    px: ArrayLike, reward: ArrayLike, slope: float, tol: float, max_iter: int, start: ArrayLike | None, caller: str
) -> RatePoint:
    p = distribution(px, caller, "px")
    gain = _reward(reward, slope, caller)
    m, n = gain.shape
    name = "distortion" if caller == "rate_distortion" else "reward"
    if m != len(p):
        raise ShapeError(f"{caller}: `{name}` must have one row per entry of `px`, {len(p)}; got shape {gain.shape}.")
    _check_settings(tol, max_iter, caller)
    q = np.full(n, 1.0 / n)
    if start is not None:
        law = distribution(start, caller, "start")
        if len(law) != n:
            raise ShapeError(f"{caller}: `start` must have one entry per column of `{name}`, {n}; got {len(law)}.")
        q = 0.999 * law + 0.001 * q  # an x whose every y starts at 0 would have no law
    kernel = _kernel(gain, slope)

    def look(law: Floats) -> _Local:
        lam = kernel @ law
        w = kernel.T @ (p / lam)
        with np.errstate(divide="ignore"):
            step = np.log(w)
        # the scales of the kernel's rows would add a constant to the value
        return _Local(-float(p @ np.log(lam)), step, float(step.max()), 1.0 - w, (np.sqrt(p) / lam)[:, None] * kernel)

    q, local, n_iter = _descend(q, look, tol, max_iter)
    converged = _report(local.gap, tol, max_iter, caller)
    ch = tilted_channel(q, gain, slope)
    joint = p[:, None] * ch
    py = joint.sum(0)
    rate = float(np.sum(xlogy(joint, ch) - xlogy(joint, py)))
    return RatePoint(rate, _mean_reward(joint, gain), float(slope), py, ch, local.gap, n_iter, converged)


def _descend(law: Floats, look: Callable[[Floats], _Local], tol: float, max_iter: int) -> tuple[Floats, _Local, int]:
    """Descend on the simplex until the gap is `tol`, by Newton's step where it goes lower, else Blahut-Arimoto's."""
    local = look(law)
    n_iter = 0
    while local.gap > tol and n_iter < max_iter:
        n_iter += 1
        plain = _multiplied(law, local.log_step)
        best, best_local = plain, look(plain)
        target = _newton_target(law, local)
        for length in _LENGTHS if target is not None else ():
            trial: Floats = (1.0 - length) * law + length * np.asarray(target)
            trial_local = look(trial)
            if trial_local.value < best_local.value or (
                trial_local.value <= best_local.value + 1e-14 and trial_local.gap < best_local.gap
            ):
                best, best_local = trial, trial_local
                break
        law, local = best, best_local
    return law, local, n_iter


def _multiplied(law: Floats, log_step: Floats) -> Floats:
    raised = np.maximum(law * np.exp(log_step - log_step.max()), 1e-200)  # never 0: what is 0 cannot come back
    return raised / raised.sum()


def _newton_target(law: Floats, local: _Local) -> Floats | None:
    """Minimise the quadratic model over the simplex, as non-negative least squares with a row that holds the sum."""
    n = len(law)
    if n > _NEWTON_COLUMNS:
        return None
    hessian = local.factor.T @ local.factor
    scale = float(hessian.diagonal().max())
    gradient = local.gradient - law @ local.gradient  # a constant changes nothing on the simplex
    hessian[np.diag_indices(n)] += 1e-10 * scale  # proximal term: labels that do the same stay where they are
    try:
        lower = cholesky(hessian, lower=True)
        aim = lower.T @ law - solve_triangular(lower, gradient, lower=True)
        rows = np.vstack([lower.T, np.full((1, n), 100.0 * np.sqrt(scale))])
        target, _ = nnls(rows, np.append(aim, 100.0 * np.sqrt(scale)))
    except (LinAlgError, RuntimeError):  # not positive definite to rounding, or no end in sight: the other step serves
        return None
    total = float(target.sum())
    return target / total if np.isfinite(total) and total > 0 else None


def _kernel(gain: Floats, slope: float) -> Floats:
    """exp(slope * gain) with the largest entry of each row scaled to 1."""
    tilt = slope * gain
    return np.exp(tilt - tilt.max(1, keepdims=True))


def _reward(reward: ArrayLike, slope: float, caller: str) -> Floats:
    name = "distortion" if caller == "rate_distortion" else "reward"
    gain = real(reward, caller, name, ndim=2)
    if not np.isfinite(slope):
        raise ParameterError(f"{caller}: `slope` must be finite; got {slope!r}.")
    if np.isnan(gain).any() or (gain == np.inf).any():
        forbidden = "+inf" if name == "distortion" else "-inf"
        raise NonFiniteError(
            f"{caller}: `{name}` must hold numbers or, for a pair that cannot be, {forbidden}; got NaN or the other "
            f"infinity in {int((np.isnan(gain) | (gain == np.inf)).any(1).sum())} of {len(gain)} rows."
        )
    if slope <= 0 and (gain == -np.inf).any():
        raise ParameterError(
            f"{caller}: `slope` must be positive where a pair has reward -inf, as only then is that pair excluded; got "
            f"{slope!r}. Give the truth functions some disbelief, or the reward a floor."
        )
    lost = np.flatnonzero(gain.max(1) == -np.inf)
    if len(lost):
        raise InvalidDistributionError(
            f"{caller}: `{name}` allows no y for x {lost[0]} ({len(lost)} of {len(gain)} rows), so no channel has a "
            "finite mean. Add a label that is true of it, or leave that x out and renormalise."
        )
    return gain


def _check_settings(tol: float, max_iter: int, caller: str) -> None:
    if not tol > 0:
        raise ParameterError(f"{caller}: `tol` must be positive, in nats; got {tol!r}.")
    if max_iter < 1:
        raise ParameterError(f"{caller}: `max_iter` must be at least 1; got {max_iter!r}.")


def _report(gap: float, tol: float, max_iter: int, caller: str) -> bool:
    if gap <= tol:
        return True
    warnings.warn(
        f"{caller}: stopped after `max_iter` = {max_iter} iterations with a duality gap of {gap:.3g} nats, above `tol` "
        f"= {tol:.3g}. The result is valid to within that gap; raise `max_iter` or `tol`.",
        ConvergenceWarning,
        stacklevel=3,
    )
    return False
