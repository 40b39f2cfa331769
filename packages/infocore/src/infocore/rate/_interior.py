r"""Maximise the mean logarithm of a mixture over the simplex, by a primal-dual interior-point method.

Active sets and Newton's steps (`_descent`) stall where several laws are nearly as good, as where labels nearly
complement each other; a path through the interior does not. The sum of the weights need not be held:
:math:`\sum_j q_j - \sum_i P_i \log (C q)_i` over q >= 0 has its minimum on the simplex, as the gradient of the second
term times q is 1. Each step solves an n x n system, so this is for up to a thousand columns or two.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import math

import numpy as np

from infocore.semantic import Floats

__all__ = ["interior", "positive_solve", "step_length"]

_BACK = 0.995  # how far a step may go towards the edge of what is allowed
_CENTRE = 0.1  # share of the complementarity that the next step aims at


def interior(columns: Floats, weight: Floats, tol: float, max_iter: int) -> tuple[Floats, float, int]:
    r"""Maximise :math:`\sum_i P_i \log (C q)_i`.

    Parameters
    ----------
    columns : ndarray of shape (m, n)
        C, non-negative; each row has a positive entry.
    weight : ndarray of shape (m,)
        P, positive, with sum 1.
    tol : float
        Gap to stop at.
    max_iter : int
        Largest number of steps.

    Returns
    -------
    law : ndarray of shape (n,)
        The one with the smallest gap that was met.
    gap : float
        :math:`\log \max_j \sum_i P_i C_{ij} / (C q)_i`: no law does better by more.
    n_iter : int
        Steps taken to it.
    """
    q, dual = np.full(columns.shape[1], 1.0 / columns.shape[1]), np.ones(columns.shape[1])
    best = (math.inf, q, 0)
    for step in range(max_iter + 1):
        law = q / q.sum()
        merits = weight @ (columns / (columns @ law)[:, None])
        gap = max(math.log(merits.max()), 0.0)
        if gap < best[0]:
            best = (gap, law, step)
        if gap <= tol or step == max_iter or step > best[2] + 30:
            break
        x = columns / (columns @ q)[:, None]
        mu = _CENTRE * float(q @ dual) / len(q)
        move = positive_solve(x.T @ (weight[:, None] * x), dual / q, weight @ x - 1 + mu / q)
        pull = mu / q - dual - dual / q * move
        q = q + step_length(q, move) * move
        dual = dual + step_length(dual, pull) * pull
    gap, law, step = best
    return law, gap, step


def positive_solve(curve: Floats, ridge: Floats, right: Floats) -> Floats:
    """Solve a positive definite system; columns alike make it singular to rounding, and then a trace is added."""
    from scipy.linalg import cho_factor, cho_solve

    matrix = curve + np.diag(ridge)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    unit = matrix / scale[:, None] / scale
    for trace in (0.0, 1e-14, 1e-12, 1e-10, 1e-8):
        try:
            factor = cho_factor(unit + trace * np.eye(len(unit)))
        except np.linalg.LinAlgError:
            continue
        return np.asarray(cho_solve(factor, right / scale)) / scale
    return np.asarray(np.linalg.lstsq(unit, right / scale, rcond=None)[0]) / scale


def step_length(place: Floats, move: Floats) -> float:
    """Length of a step that keeps `place` positive, at most 1."""
    down = move < 0
    return min(1.0, _BACK * float(np.min(-place[down] / move[down]))) if down.any() else 1.0
