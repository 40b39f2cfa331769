"""Greatest expected logarithm of a linear function, by a primal-dual interior-point method, with a certificate."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from infocore.errors import ConvergenceWarning, ParameterError
from infocore.rate._interior import interior, positive_solve, step_length
from infocore.semantic import Floats

__all__ = ["Growth", "free_positions", "long_only"]

_CENTRE = 0.1  # share of the complementarity that the next step aims at


@dataclasses.dataclass(frozen=True, eq=False)
class Growth:
    """Weights, their growth in nats, a bound on what is missing to the greatest, and the steps taken."""

    weights: Floats
    growth: float
    gap: float
    n_iter: int


def long_only(returns: Floats, p: Floats, *, tol: float, max_iter: int) -> Growth:
    r"""Maximise :math:`\sum_s P_s \log (R q)_s` over :math:`q \ge 0, \sum q = 1`.

    It is the problem of rate-distortion, with returns in the place of ``exp(slope * reward)``. By Jensen no portfolio
    grows faster by more than :math:`\log \max_k \sum_s P_s R_{sk} / (R q)_s`.
    """
    r, p = returns[p > 0], p[p > 0]
    law, gap, step = interior(r, p / p.sum(), tol, max_iter)
    _tell(gap, tol, step)
    return Growth(law, float(p @ np.log(r @ law)), gap, step)


def free_positions(returns: Floats, p: Floats, cash: float, *, short: bool, tol: float, max_iter: int) -> Growth:
    r"""Maximise :math:`\sum_s P_s \log (c + \sum_k q_k (R_{sk} - c))` over q >= 0, or over all q if `short`.

    The certificate is a price for each scenario, pi >= 0, at which no position gains: then growth is at most
    :math:`\sum_s P_s \log P_s / \pi_s`, scaled so that cash costs what it returns.
    """
    excess, p = returns[p > 0] / cash - 1, p[p > 0]
    _refuse_arbitrage(excess, p, short)
    n = excess.shape[1]
    # in units in which the largest gain or loss of a position is all of the capital
    unit = np.abs(excess).max(0)
    unit[unit == 0] = 1.0  # which is cash
    excess = excess / unit
    q, dual = np.full(n, 0.0 if short else 0.5 / n), np.full(n, 1.0)
    best = (math.inf, q, 0)
    for step in range(max_iter + 1):
        held = np.full(n, True) if short else q > dual  # of the product of both, which goes to 0
        trial = np.where(held, q, 0.0)
        wealth = 1 + excess @ trial
        gap = _priced(excess, p, wealth, held) if wealth.min() > 0 else math.inf
        if gap < best[0]:
            best = (gap, trial, step)
        if gap <= tol or step == max_iter:
            break
        wealth = 1 + excess @ q
        if wealth.min() <= 0:  # to rounding: a scenario as good as impossible is as good as ruin
            break
        x = excess / wealth[:, None]
        slope, curve = p @ x, x.T @ (p[:, None] * x)
        if short:
            move, pull = positive_solve(curve, np.zeros(n), slope), np.zeros(n)
        else:
            mu = _CENTRE * float(q @ dual) / n
            move = positive_solve(curve, dual / q, slope + mu / q)
            pull = mu / q - dual - dual / q * move
        length = min(step_length(wealth, excess @ move), 1.0 if short else step_length(q, move))
        while short and float(p @ np.log1p(length * (x @ move))) < 0 and length > 1e-12:
            length /= 2  # Newton's full step may pass over the top
        q = q + length * move
        if not short:
            dual = dual + step_length(dual, pull) * pull
    gap, q, step = best
    _tell(gap, tol, step)
    return Growth(q / unit, float(p @ np.log1p(excess @ q)) + math.log(cash), gap, step)


def _priced(excess: Floats, p: Floats, wealth: Floats, held: NDArray[np.bool_]) -> float:
    """Bound what is missing to the greatest growth by prices of the scenarios at which no position gains."""
    price = p / wealth
    tied = held | (price @ excess > 0)  # what is held must gain nothing, the rest must not gain
    for _ in range(5):
        e = excess[:, tied]
        log_tilt = np.zeros(len(price))
        for _ in range(30):  # Newton's steps to prices tilted exponentially, which stay positive
            trial = price * np.exp(log_tilt)
            gains, rounding = trial @ excess, 4e-16 * len(trial) * (trial @ np.abs(excess))
            if (np.abs(gains) <= np.maximum(rounding, 1e-15))[tied].all():
                break
            move = e @ positive_solve(e.T @ (trial[:, None] * e), np.zeros(e.shape[1]), gains[tied])
            log_tilt = log_tilt - move * min(1.0, 5.0 / float(np.abs(move).max()))
        else:
            return math.inf
        still = (gains > rounding) & ~tied
        if not still.any():
            return max(float(p @ (np.log(p) - np.log(trial / trial.sum()) - np.log(wealth))), 0.0)
        tied = tied | still
    return math.inf


def _refuse_arbitrage(excess: Floats, p: Floats, short: bool) -> None:
    bounds = (-1, 1) if short else (0, 1)
    found = linprog(-(p @ excess), A_ub=-excess, b_ub=np.zeros(len(excess)), bounds=bounds, method="highs")
    if found.status == 0 and -found.fun > 1e-9 * float(np.abs(excess).max()):
        raise ParameterError(
            "log_optimal: with `positions` other than 'long' growth has no bound: some portfolio never loses against "
            f"`cash` and gains {-found.fun:.3g} on average, weights {np.round(found.x, 3).tolist()}."
        )


def _tell(gap: float, tol: float, steps: int) -> None:
    if gap > tol:
        warnings.warn(
            f"log_optimal: stopped after {steps} Newton steps with a gap of {gap:.3g} nats, above `tol` = {tol:g}; "
            "raise `max_iter`, or ask for less.",
            ConvergenceWarning,
            stacklevel=4,
        )
