"""The rate-distortion curve: many slopes, each begun at its neighbour's solution, and the rate at one distortion."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import ParameterError
from infocore.rate._points import RateCurve, RatePoint, check_settings, report
from infocore.rate._solver import checked_reward, point_of, solve
from infocore.semantic import Floats, distribution


def rate_distortion_curve(
    px: ArrayLike, distortion: ArrayLike, slopes: Iterable[float], *, tol: float = 1e-6, max_iter: int = 1000
) -> RateCurve:
    """Points of the rate-distortion function R(D) with the slopes asked for.

    Parameters
    ----------
    px : array of shape (m,)
        Source law; sums to 1.
    distortion : array of shape (m, n)
        ``d(x_i, y_j)``; any alphabet sizes, +inf forbids a pair.
    slopes : iterable of float
        Values of ``-dR/dD > 0``, in nats per unit of distortion, in any order.
    tol : float
        Largest duality gap to stop at, in nats, at each slope.
    max_iter : int
        Largest number of iterations at each slope.

    Returns
    -------
    RateCurve
        In the order of `slopes`. In nats.

    Raises
    ------
    ParameterError
        If there is no slope, one is not positive and finite, `tol` is not positive, or `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together or some x has no finite distortion.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first at some slope; the gap that was left is in the message and in the result.

    Examples
    --------
    >>> curve = rate_distortion_curve([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], [1.0, 3.0])
    >>> curve.distortion.round(6).tolist(), curve.rate.round(6).tolist()
    ([0.268941, 0.047426], [0.110944, 0.502282])
    """
    caller = "rate_distortion_curve"
    wanted = [float(s) for s in slopes]
    if not wanted or not all(s > 0 for s in wanted):
        raise ParameterError(f"{caller}: `slopes` must hold positive numbers, each a -dR/dD; got {wanted}.")
    cost = np.asarray(distortion)
    gain = -cost if cost.dtype.kind in "iuf" else cost
    points: dict[float, RatePoint] = {}
    start: Floats | None = None
    for s in sorted(set(wanted)):
        points[s] = solve(px, gain, s, tol, max_iter, start, caller)
        start = points[s].py
    return RateCurve(tuple(points[s] for s in wanted))


def rate_for_distortion(
    px: ArrayLike, distortion: ArrayLike, level: float, *, tol: float = 1e-6, max_iter: int = 1000
) -> RatePoint:
    r"""Rate-distortion function at a given distortion.

    .. math:: R(D) = \min_{P(y|x):\, E\, d(X, Y) \le D} I(X; Y) = \max_{s \ge 0} \min_{P(y|x)} I(X; Y) + s (E\, d - D)

    Parameters
    ----------
    px : array of shape (m,)
        Source law; sums to 1.
    distortion : array of shape (m, n)
        ``d(x_i, y_j)``; any alphabet sizes, +inf forbids a pair.
    level : float
        D, the largest mean distortion allowed.
    tol : float
        Largest gap to stop at, in nats: the right side bounds the rate from below, the channel from above.
    max_iter : int
        Largest number of iterations at each slope that is tried.

    Returns
    -------
    RatePoint
        With a channel of mean distortion at most `level` and a `rate` that is within `gap` of R(D). Its `slope` is one
        of ``-dR/dD`` at D: 0 where a constant does, infinite at the smallest distortion there is. In nats.

    Raises
    ------
    ParameterError
        If `level` is below the smallest mean distortion of any channel, `tol` is not positive, or `max_iter` not at
        least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together or some x has no finite distortion.

    Warns
    -----
    ConvergenceWarning
        If the gap stayed above `tol`; it is in the message and in the result.

    Notes
    -----
    Two channels bracket D; the point of the curve whose tangent is parallel to their chord replaces one of them. A
    straight piece of the curve, on which no single slope has distortion D, ends this at once: the mixture of the two is
    optimal. Distortions are counted from each x's smallest one, so that a rate that rises within a tiny range of D is
    found as well; D itself is meant to within its rounding, and so is a tie between two y.

    Examples
    --------
    >>> import math
    >>> point = rate_for_distortion([0.5, 0.5], [[0.0, 1.0], [1.0, 0.0]], 0.1)
    >>> round(point.distortion, 9), round(point.rate / math.log(2), 5)  # 1 - h(0.1) bits
    (0.1, 0.531)
    """
    caller = "rate_for_distortion"
    check_settings(tol, max_iter, caller)
    cost = np.asarray(distortion)
    gain = checked_reward(-cost if cost.dtype.kind in "iuf" else cost, 1.0, caller)
    inner = 0.1 * tol
    p = distribution(px, caller, "px")
    least = gain.max(1)
    excess = gain - least[:, None]
    eps = np.finfo(float).eps
    tied = excess >= -16 * eps * np.abs(least)[:, None]
    near = _at(solve(p, np.where(tied, 0.0, -np.inf), 1.0, inner, max_iter, None, caller), p, excess, np.inf)
    floor = -float(p @ least)
    allowed = level - floor
    if not allowed >= -1e-12 * (1.0 + abs(floor)):
        raise ParameterError(
            f"{caller}: `level` must be at least {floor:.9g}, the smallest mean distortion of any channel; "
            f"got {level!r}."
        )
    if allowed <= near.distortion + 4 * eps * (abs(level) + abs(floor)):
        return _at(near, p, gain, np.inf)
    far = _cheapest(p, excess, inner, max_iter, caller)
    if allowed >= far.distortion:
        return _at(far, p, np.where(p[:, None] > 0, gain, 0.0), 0.0)
    n_iter, whole = near.n_iter + far.n_iter, near.converged and far.converged
    lower, upper, slope = far.rate - far.gap, near.rate, 0.0
    best = near
    for _ in range(100):
        share = (far.distortion - allowed) / (far.distortion - near.distortion)
        mixed = point_of(p, share * near.ch + (1.0 - share) * far.ch, excess, slope, 0.0, 0, True)
        if mixed.rate <= upper:
            best, upper = mixed, mixed.rate
        chord = (near.rate - far.rate) / (far.distortion - near.distortion)
        if upper - lower <= tol or not 0 < chord < np.inf:
            break
        point = solve(p, excess, chord, inner, max_iter, mixed.py / mixed.py.sum(), caller)
        n_iter, whole = n_iter + point.n_iter, whole and point.converged
        bound = point.rate - point.gap + chord * (point.distortion - allowed)
        if bound > lower:
            lower, slope = bound, chord
        if not near.distortion < point.distortion < far.distortion:
            break  # the chord is the curve, to within the tolerance of the solver
        near, far = (point, far) if point.distortion <= allowed else (near, point)
    gap = max(0.0, upper - lower)
    converged = report(gap, tol, n_iter, n_iter + 1 if whole else max_iter, caller)
    return point_of(p, best.ch, gain, slope, gap, n_iter, converged)


def _cheapest(p: Floats, gain: Floats, tol: float, max_iter: int, caller: str) -> RatePoint:
    """Return a channel of the smallest rate there is: a constant, unless each y is forbidden for some x."""
    cost = -np.where(p[:, None] > 0, gain, 0.0)
    allowed = np.isfinite(cost)
    mean = p @ cost if allowed.all() else np.where(allowed.all(0), p @ np.where(allowed, cost, 0.0), np.inf)
    if np.isfinite(mean).any():
        ch = np.zeros(gain.shape)
        ch[:, np.argmin(mean)] = 1.0
        return point_of(p, ch, np.where(p[:, None] > 0, gain, 0.0), 0.0, 0.0, 0, True)
    allowed = np.where(np.isfinite(gain), 0.0, -np.inf)
    return _at(solve(p, allowed, 1.0, tol, max_iter, None, caller), p, gain, 0.0)


def _at(point: RatePoint, p: Floats, gain: Floats, slope: float) -> RatePoint:
    return point_of(p, point.ch, gain, slope, point.gap, point.n_iter, point.converged)
