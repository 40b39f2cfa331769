r"""Control towards a goal: how much of what was wanted each bit of control brings about.

A goal is a truth function: to what degree each outcome satisfies it. Control changes the law of outcomes from P(x) to
P(x|a). Its cost is the information R = KL(P(x|a) || P(x)), what it achieves is the semantic information G of the goal
about the outcomes, and its efficiency is G / R.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import logsumexp, xlogy

from gtheory._gaussian_control import GaussianControl, gaussian_control
from gtheory.information import nats_per_unit, unit_name
from gtheory.rate import rate_fidelity
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, distribution, real, truth_values

__all__ = [
    "ControlPoint",
    "GaussianControl",
    "best_gaussian",
    "control_curve",
    "controlled_distribution",
    "gaussian_control",
]

Criterion = Literal["efficiency", "free_energy", "information"]


@dataclasses.dataclass(frozen=True, eq=False)
class ControlPoint:
    r"""Control of one strength, in the unit of `base`.

    Parameters
    ----------
    px : ndarray of shape (m, n)
        Law of outcomes under each action, in columns.
    shares : ndarray of shape (n,)
        How often each action is taken.
    G : float
        Purposive information: :math:`\sum_j P(a_j) \sum_x P(x|a_j) \log T(\theta_j|x)/T(\theta_j)`.
    R : float
        Cost: :math:`\sum_j P(a_j) \mathrm{KL}(P(x|a_j) \,\|\, P(x))`.
    G_per_goal, R_per_goal : ndarray of shape (n,)
        The terms of the sums.
    s : float
        Strength of control; NaN where the law was not made by one.
    base : float
        Base of the logarithms: 2 for bits.
    """

    px: Floats
    shares: Floats
    G: float
    R: float
    G_per_goal: Floats
    R_per_goal: Floats
    s: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `G` and `R`."""
        return unit_name(self.base)

    @property
    def efficiency(self) -> float:
        """``G / R``; NaN where nothing is controlled (R below 1e-12 nats)."""
        return self.G / self.R if self.R * math.log(self.base) > 1e-12 else math.nan


def controlled_distribution(
    px: ArrayLike,
    truth: ArrayLike,
    s: float = 1.0,
    *,
    active: bool,
    shares: ArrayLike | None = None,
    base: float = 2,
    log: bool = False,
) -> ControlPoint:
    r"""Outcomes under control of strength s towards one goal or several.

    .. math:: P(x|a_j) = P(x)\, T(\theta_j|x)^s \Big/ \sum_{x'} P(x')\, T(\theta_j|x')^s

    Parameters
    ----------
    px : array of shape (m,)
        Law of outcomes without control; sums to 1.
    truth : array of shape (m, n)
        Degrees to which outcomes satisfy the goals, goals in columns.
    s : float
        Strength, positive. At 1 the efficiency is 1: control brings about just what the goal says. Above, more of it is
        achieved, at a price per bit that rises.
    active : bool
        True: actions change how often outcomes occur, each by the formula above. False: they only sort what occurs
        anyway, so that outcomes keep their law, :math:`\sum_j P(a_j) P(x|a_j) = P(x)`; then it is a point of R(G),
        and G can be negative, as some outcomes satisfy no goal.
    shares : array of shape (n,), optional
        How often each action is taken; equal by default. Not with ``active=False``, which finds them.
    base : float
        Base of the logarithms: 2 for bits.
    log : bool
        Whether `truth` holds log T, which does not underflow.

    Returns
    -------
    ControlPoint

    Raises
    ------
    ParameterError
        If `s` is not positive and finite, `base` not above 1, or `shares` is given with ``active=False``.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, a law is none, `truth` leaves [0, 1], or a goal is false of every outcome
        that occurs.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory for Range Control with Tradeoff between Purposiveness and Efficiency",
       arXiv:2411.05789, 2024 (trade-off, from the abstract; formulas recalled). The law is that of KL control.

    Examples
    --------
    Ages at death, which should be at least 60 (inputs recalled, results ours):

    >>> import numpy as np
    >>> age = np.arange(101.0)
    >>> px = np.exp(-((age - 50) ** 2) / 200)
    >>> goal = 1 / (1 + np.exp(-0.8 * (age - 60)))
    >>> for s in (1.0, 5.0):
    ...     point = controlled_distribution(px / px.sum(), goal[:, None], s, active=True)
    ...     print(f"G = {point.G:.4f}, R = {point.R:.4f}, efficiency {point.efficiency:.4f}")
    G = 2.1302, R = 2.1302, efficiency 1.0000
    G = 2.5334, R = 2.8797, efficiency 0.8797
    """
    caller = "controlled_distribution"
    nats_per_unit(base, caller)
    if not (math.isfinite(s) and s > 0):
        raise ParameterError(f"{caller}: `s` must be positive and finite; got {s!r}.")
    p, log_t, log_lp = _goals(px, truth, log, caller)
    n = log_t.shape[1]
    if not active:
        if shares is not None:
            raise ParameterError(f"{caller}: `shares` follow from ``active=False``; leave them out.")
        point = rate_fidelity(p, log_t - log_lp, s, base=math.e)
        joint = p[:, None] * point.ch
        used = joint.sum(0)
        law = np.where(used > 0, joint / np.where(used > 0, used, 1.0), p[:, None])
        return _point(p, law, used, log_t, log_lp, s, base)
    weights = np.full(n, 1 / n) if shares is None else distribution(shares, caller, "shares")
    if len(weights) != n:
        raise ShapeError(f"{caller}: `shares` must have one entry per goal, {n}; got {len(weights)}.")
    with np.errstate(divide="ignore"):
        tilted = np.log(p)[:, None] + s * log_t
    law = np.exp(tilted - np.asarray(logsumexp(tilted, axis=0)))
    return _point(p, law, weights, log_t, log_lp, s, base)


def control_curve(
    px: ArrayLike,
    truth: ArrayLike,
    s_values: Iterable[float] = (0.5, 1.0, 2.0, 5.0, 20.0),
    *,
    active: bool,
    shares: ArrayLike | None = None,
    base: float = 2,
    log: bool = False,
) -> tuple[ControlPoint, ...]:
    """Controlled outcomes at several strengths.

    Parameters
    ----------
    px, truth, active, shares, base, log
        As in `controlled_distribution`.
    s_values : iterable of float
        Strengths, positive.

    Returns
    -------
    tuple of ControlPoint
        In their order.

    Raises
    ------
    ParameterError
        If there are no strengths, and as `controlled_distribution` does.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        As `controlled_distribution` does.

    Examples
    --------
    >>> curve = control_curve([0.5, 0.5], [[1.0], [0.2]], active=True)
    >>> [round(point.efficiency, 3) for point in curve]
    [0.18, 1.0, 0.847, 0.739, 0.737]
    """
    strengths = [float(s) for s in s_values]
    if not strengths:
        raise ParameterError("control_curve: `s_values` must hold at least one strength; got none.")
    return tuple(
        controlled_distribution(px, truth, s, active=active, shares=shares, base=base, log=log) for s in strengths
    )


def best_gaussian(
    px: ArrayLike,
    x: ArrayLike,
    truth: ArrayLike,
    *,
    criterion: Criterion,
    sd: float | None = None,
    base: float = 2,
    log: bool = False,
) -> ControlPoint:
    r"""Best control where only normal laws of outcomes can be brought about.

    Parameters
    ----------
    px : array of shape (m,)
        Law of outcomes without control, on the grid `x`.
    x : array of shape (m,)
        Outcomes, numbers in rising order.
    truth : array of shape (m,)
        Degree to which each satisfies the goal.
    criterion : {"efficiency", "free_energy", "information"}
        "efficiency": most G / R, the principle of maximum information efficiency. "free_energy": least R - G, the
        excess of variational free energy over the entropy of P(x) (derived: F = R - G + H(X), with the likelihood
        P(x|theta)). "information": most G, whatever it costs.
    sd : float, optional
        Standard deviation of the law, if it is given; else it is sought too, from a cell of the grid up.
    base : float
        Base of the logarithms: 2 for bits.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    ControlPoint
        With the discretised normal law of one goal; `s` is NaN.

    Raises
    ------
    ParameterError
        If `criterion` or `sd` is none of its values.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        As `controlled_distribution` does, or if `x` does not rise.

    Notes
    -----
    The law is searched on a grid of means and standard deviations, then climbed from the best. Efficiency is not
    defined where nothing is controlled; laws with R below 1e-3 nats are left out.

    Examples
    --------
    >>> import numpy as np
    >>> age = np.arange(101.0)
    >>> px = np.exp(-((age - 50) ** 2) / 200)
    >>> goal = 1 / (1 + np.exp(-0.8 * (age - 60)))
    >>> best = best_gaussian(px / px.sum(), age, goal, criterion="efficiency", sd=4.0)
    >>> round(float(age @ best.px[:, 0]), 2), round(best.efficiency, 4)
    (64.33, 0.9601)
    """
    caller = "best_gaussian"
    nats_per_unit(base, caller)
    if criterion not in ("efficiency", "free_energy", "information"):
        raise ParameterError(
            f"{caller}: `criterion` must be 'efficiency', 'free_energy' or 'information'; got {criterion!r}."
        )
    column = real(truth, caller, "truth", ndim=1)
    p, log_t, log_lp = _goals(px, column[:, None], log, caller)
    grid = real(x, caller, "x", ndim=1)
    if len(grid) != len(p):
        raise ShapeError(f"{caller}: `x` must have one entry per entry of `px`, {len(p)}; got {len(grid)}.")
    if not (np.isfinite(grid).all() and len(grid) > 1 and (np.diff(grid) > 0).all()):
        raise NonFiniteError(f"{caller}: `x` must hold finite numbers in rising order.")
    if sd is not None and not (math.isfinite(sd) and sd > 0):
        raise ParameterError(f"{caller}: `sd` must be positive and finite; got {sd!r}.")
    cell, width = float(np.diff(grid).min()), float(grid[-1] - grid[0])

    def law(mean: float, log_sd: float) -> Floats:
        z = -0.5 * ((grid - mean) / math.exp(log_sd)) ** 2
        return np.exp(z - float(np.asarray(logsumexp(z))))[:, None]

    def loss(where: Any) -> float:
        log_sd = math.log(sd) if sd is not None else float(np.clip(where[1], math.log(cell), math.log(width)))
        q = law(float(np.clip(where[0], grid[0], grid[-1])), log_sd)
        point = _point(p, q, np.ones(1), log_t, log_lp, math.nan, math.e)
        if criterion == "free_energy":
            return point.R - point.G if math.isfinite(point.R) else 1e300
        if criterion == "information":
            return -point.G
        return -point.G / point.R if 1e-3 < point.R < math.inf else 1e300

    log_sds = [math.log(sd)] if sd is not None else np.linspace(math.log(cell), math.log(width), 25).tolist()
    starts = [(mean, log_sd) for mean in np.linspace(grid[0], grid[-1], 81).tolist() for log_sd in log_sds]
    start = min(starts, key=loss)
    tuned = minimize(loss, start[:1] if sd is not None else start, method="Nelder-Mead",
                     options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 2000})  # fmt: skip
    mean = float(np.clip(tuned.x[0], grid[0], grid[-1]))
    log_sd = math.log(sd) if sd is not None else float(np.clip(tuned.x[1], math.log(cell), math.log(width)))
    return _point(p, law(mean, log_sd), np.ones(1), log_t, log_lp, math.nan, base)


def _goals(px: ArrayLike, truth: ArrayLike, log: bool, caller: str) -> tuple[Floats, Floats, Floats]:
    """Return the prior, log T and the logarithm of each goal's logical probability."""
    p = distribution(px, caller, "px")
    log_t = truth_values(truth, caller, rows=len(p), log=log)
    with np.errstate(divide="ignore"):
        log_lp = np.asarray(logsumexp(log_t + np.log(p)[:, None], axis=0))
    if np.isneginf(log_lp).any():
        raise InvalidDistributionError(
            f"{caller}: `truth` is 0 of every outcome that occurs in column {int(np.argmin(log_lp))}; a goal that "
            "nothing satisfies cannot be controlled for."
        )
    return p, log_t, log_lp


def _point(
    p: Floats, law: Floats, shares: Floats, log_t: Floats, log_lp: Floats, s: float, base: float
) -> ControlPoint:
    information, nats = log_t - log_lp, math.log(base)
    g = np.sum(np.where(law > 0, law * np.where(law > 0, information, 0.0), 0.0), axis=0)
    with np.errstate(divide="ignore"):
        log_p = np.log(p)[:, None]
        r = np.sum(np.where(law > 0, xlogy(law, law) - law * log_p, 0.0), axis=0)
    return ControlPoint(
        px=law,
        shares=shares,
        G=float(np.sum(np.where(shares > 0, shares * np.where(shares > 0, g, 0.0), 0.0))) / nats,
        R=float(np.sum(np.where(shares > 0, shares * np.where(shares > 0, r, 0.0), 0.0))) / nats,
        G_per_goal=g / nats,
        R_per_goal=r / nats,
        s=float(s),
        base=float(base),
    )
