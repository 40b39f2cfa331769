r"""From a law and a reward to a certified point of the curve: the checks, the problem, and the channel of its solution.

With :math:`w_j = \sum_i P(x_i) e^{s r_{ij}} / \lambda_i`, the minimum of ``rate - s * reward`` lies between
:math:`F(q) - \log \max_j w_j` and :math:`F(q)`, whatever q is [1]_.

References
----------
.. [1] R. Blahut, "Computation of Channel Capacity and Rate-Distortion Functions", IEEE Trans. Inf. Theory 18:460, 1972.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.rate._descent import Problem, descend
from infocore.rate._interior import interior
from infocore.rate._points import RatePoint, check_settings, report
from infocore.semantic import Floats, distribution, real

_STALLED = 200  # steps of the descent after which, or once it stalls, the way through the interior is tried
_INTERIOR = 1500  # columns up to which


def solve(
    px: ArrayLike, reward: ArrayLike, slope: float, tol: float, max_iter: int, start: ArrayLike | None, caller: str
) -> RatePoint:
    """Solve the problem of `blahut_arimoto` for the function named `caller`, which words the errors."""
    p = distribution(px, caller, "px")
    gain = checked_reward(reward, slope, caller)
    m, n = gain.shape
    name = "distortion" if is_distortion(caller) else "reward"
    if m != len(p):
        raise ShapeError(f"{caller}: `{name}` must have one row per entry of `px`, {len(p)}; got shape {gain.shape}.")
    check_settings(tol, max_iter, caller)
    law = None
    if start is not None:
        law = distribution(start, caller, "start")
        if len(law) != n:
            raise ShapeError(f"{caller}: `start` must have one entry per column of `{name}`, {n}; got {len(law)}.")
    p = p / p.sum()  # the certificate is about laws, and `px` may be off by 1e-8
    happens = p > 0
    weight = p[happens]
    problem = Problem(
        columns=kernel(gain, slope)[happens],
        linear=np.zeros(n),
        value=lambda lam: -float(weight @ np.log(lam)),
        slope=lambda lam: -weight / lam,
        bend=lambda lam: np.sqrt(weight) / lam,
        gap=lambda w, mean: float(np.log(w.max() / mean)),
        multiplier=lambda w, mean: w / mean,
    )
    few = n <= _INTERIOR
    q, gap, n_iter = descend(problem, np.full(n, 1.0 / n), law, tol, min(max_iter, _STALLED) if few else max_iter)
    if gap > tol and few and n_iter < max_iter:
        inside, inside_gap, steps = interior(problem.columns, weight, tol, max_iter - n_iter)
        n_iter += steps
        if inside_gap < gap:
            q, gap = inside, inside_gap
    converged = report(gap, tol, n_iter, max_iter, caller)
    return point_of(p, _tilted(q, gain, slope), gain, slope, gap, n_iter, converged)


def point_of(px: Floats, ch: Floats, gain: Floats, slope: float, gap: float, n_iter: int, converged: bool) -> RatePoint:
    """Return the point that a channel defines."""
    from scipy.special import xlogy

    joint = px[:, None] * ch
    py = joint.sum(0)
    rate = max(0.0, float(np.sum(xlogy(joint, ch) - xlogy(joint, py))))
    reward = float(np.sum(joint * np.where(joint > 0, gain, 0.0)))  # what cannot be may have reward -inf
    return RatePoint(rate, reward, float(slope), py, ch, gap, n_iter, converged)


def _tilted(law: Floats, gain: Floats, slope: float) -> Floats:
    """Return the channel of a solution; an x that never happens may have no finite reward under it, and takes any."""
    tilt = kernel(gain, slope)
    mass = tilt * law
    lost = mass.sum(1) <= 0
    mass[lost] = tilt[lost]
    return mass / mass.sum(1, keepdims=True)


def is_distortion(caller: str) -> bool:
    """Say whether the user of a function speaks of distortion or of reward."""
    return caller != "blahut_arimoto" and caller != "tilted_channel"


def kernel(gain: Floats, slope: float) -> Floats:
    """Return exp(slope * gain) with the largest entry of each row scaled to 1."""
    tilt = slope * gain
    return np.exp(tilt - tilt.max(1, keepdims=True))


def checked_reward(reward: ArrayLike, slope: float, caller: str) -> Floats:
    """Check that a reward and a slope define a problem that has a solution."""
    name = "distortion" if is_distortion(caller) else "reward"
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
