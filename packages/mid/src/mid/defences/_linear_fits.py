r"""Numerical core of `mid.MIDLinearRegression`: closed forms, gradients of the entropy estimates, and the solver.

Everything is for the scalar release in units of its noise, :math:`m_i = \mu_i / \sigma`, with probabilities
:math:`p_i` of the records. All estimates depend on m alone, so with the gradient g of the information in m

.. math:: \partial I / \partial \mu = g / \sigma, \qquad \partial I / \partial \log \sigma = - \sum_i g_i m_i .
"""

import dataclasses
import math
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from infocore.errors import ConvergenceWarning
from mid import information

__all__ = ["Entropy", "Split", "closed_form", "exact_grid", "leakage", "minimum", "split", "thin", "with_gradient"]

Floats = NDArray[np.float64]
Entropy = Literal["gaussian", "kl_upper", "taylor2", "exact"]

_LEAST_NOISE, _MOST_NOISE = 1e-4, 1e2  # bounds of the learned noise, in standard deviations of the least-squares fit
_POLISHED = 30  # parameters up to which Newton's steps follow the search
_STEP = 0.1  # grid step of the integral, in standard deviations of the noise
_REACH = 10.0


@dataclasses.dataclass(frozen=True)
class Split:
    """A least-squares fit in two orthogonal parts, the one whose information has a price and the rest.

    Parameters
    ----------
    basis : array of shape (n, r)
        Columns with mean 0 and covariance 1 (weighted) that span the priced part.
    target : array of shape (r,)
        Least-squares coefficients in that basis; their squared norm is the variance of the fit.
    to_columns : array of shape (r, dx)
        Coefficients on the columns of X for each basis vector.
    rest : array of shape (dx,)
        Coefficients of the part without a price.
    """

    basis: Floats
    target: Floats
    to_columns: Floats
    rest: Floats


def split(x: Floats, y: Floats, p: Floats, priced: list[int] | None) -> Split:
    """Least squares on centred data, apart for the priced columns as far as the others do not predict them.

    Parameters
    ----------
    x : array of shape (n, dx)
        Records, centred.
    y : array of shape (n,)
        Targets, centred.
    p : array of shape (n,)
        Probabilities of the records.
    priced : list of int or None
        Columns of the sensitive attribute; None for all columns.

    Returns
    -------
    Split
        The two parts. By the Frisch-Waugh theorem their sum is the least-squares fit.
    """
    dx = x.shape[1]
    root = np.sqrt(p)[:, None]
    rest = np.zeros(dx)
    chosen = list(range(dx)) if priced is None else priced
    others = [j for j in range(dx) if j not in set(chosen)]
    part, back = x[:, chosen], np.eye(dx)[chosen]
    if others:
        known = x[:, others]
        slope = np.linalg.lstsq(root * known, root * np.column_stack([part, y]), rcond=None)[0]
        scale = np.sqrt(p @ part**2)
        part = part - known @ slope[:, :-1]
        part = np.where(np.sqrt(p @ part**2) > 1e-9 * scale, part, 0.0)  # what the others determine has no price
        rest[others] = slope[:, -1]
        back[:, others] = -slope[:, :-1].T
    _, s, vt = np.linalg.svd(root * part, full_matrices=False)
    keep = s > np.finfo(float).eps * max(x.shape) * (s[0] if len(s) else 0.0)
    inverse = vt[keep].T / s[keep]
    basis = part @ inverse
    return Split(basis, basis.T @ (p * y), inverse.T @ back, rest)


def closed_form(v0: float, lam: float, variance: float | None) -> tuple[float, float]:
    """Shrinkage and noise variance that minimise error plus `lam` times the Gaussian information.

    Parameters
    ----------
    v0 : float
        Variance of the priced part of the least-squares fit.
    lam : float
        Price of a nat.
    variance : float or None
        Noise variance if it is given; None if it is part of the optimum.

    Returns
    -------
    tuple of two floats
        The factor s and the noise variance, by eq. 22 or eq. 21.
    """
    if variance is not None:
        return _best_shrinkage(v0, lam, variance), variance
    if lam >= 2.0 * v0:
        return 0.0, 0.0
    s = 1.0 - lam / (2.0 * v0)
    return s, 0.5 * lam * s


def minimum(
    parts: Split, p: Floats, lam: float, variance: float | None, entropy: Entropy, rows: NDArray[np.intp]
) -> tuple[Floats, float]:
    r"""Coefficients and noise variance that minimise error plus `lam` times an estimate of the information.

    .. math:: J(a, \sigma) = |a - a_0|^2 + [\sigma^2] + \lambda\, \hat I(Z a / \sigma)

    by L-BFGS from the closed form of the Gaussian estimate and from less shrinkage. The least J wins; the constant
    predictor wins if none is below it.

    Parameters
    ----------
    parts : Split
        Basis Z and least-squares coefficients :math:`a_0`.
    p : array of shape (n,)
        Probabilities of the records.
    lam : float
        Price of a nat, positive.
    variance : float or None
        Noise variance if given; None if learned, and then part of J.
    entropy : {"kl_upper", "taylor2", "exact"}
        The estimate.
    rows : array of int
        Records that the estimate reads.

    Returns
    -------
    tuple of an array of shape (r,) and a float
        The coefficients a and the noise variance.
    """
    v0 = float(parts.target @ parts.target)
    if not v0 > 0:
        return np.zeros_like(parts.target), 0.0 if variance is None else variance
    # in units of the least-squares fit all numbers are of order one
    goal, price = parts.target / math.sqrt(v0), lam / v0
    given = None if variance is None else variance / v0
    z, q = parts.basis[rows], p if len(rows) == len(p) else np.full(len(rows), 1.0 / len(rows))
    r = len(goal)

    def cost(theta: Floats) -> tuple[float, Floats]:
        a, log_sigma = theta[:r], theta[r] if given is None else 0.5 * math.log(given)
        sigma = math.exp(log_sigma)
        m = z @ a / sigma
        value, slope = with_gradient(m, q, entropy)
        gradient = 2.0 * (a - goal) + price * (z.T @ slope) / sigma
        total = float((a - goal) @ (a - goal)) + price * value
        if given is not None:
            return total, gradient
        return total + sigma**2, np.append(gradient, 2.0 * sigma**2 - price * float(slope @ m))

    limits: list[tuple[float | None, float | None]] = [(None, None)] * r
    limits += [(math.log(_LEAST_NOISE), math.log(_MOST_NOISE))] if given is None else []
    shrunk, _ = closed_form(1.0, price, given)
    best, least, left = np.zeros(r + (given is None)), 1.0, 0.0
    for s in sorted({max(shrunk, 0.05), 0.5 * (1.0 + shrunk), 1.0}):
        start = s * goal
        if given is None:
            start = np.append(start, 0.5 * math.log(max(0.5 * price * min(s, 0.95), _LEAST_NOISE**2)))
        options: Any = {"maxiter": 200, "ftol": 1e-13, "gtol": 1e-8}
        found: Any = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
        if found.fun < least - 1e-9:
            best, least, left = found.x, float(found.fun), _gradient_left(found.x, found.jac, limits)
    if least < 1.0 and len(best) <= _POLISHED:
        best, left = _polished(cost, best, left, limits)
    if left > 1e-3:
        warnings.warn(
            f"MIDLinearRegression: the search for the optimum with entropy={entropy!r} stopped with a gradient of "
            f"{left:.1e} in units of the least-squares fit.",
            ConvergenceWarning,
            stacklevel=3,
        )
    if given is not None:
        return best * math.sqrt(v0), float(variance or 0.0)
    if least == 1.0:
        return np.zeros(r), 0.0
    return best[:r] * math.sqrt(v0), v0 * math.exp(2.0 * best[r])


def with_gradient(m: Floats, p: Floats, entropy: Entropy) -> tuple[float, Floats]:
    """An estimate of the information at unit noise, and its gradient.

    Parameters
    ----------
    m : array of shape (n,)
        Values of the predictor in units of the noise.
    p : array of shape (n,)
        Probabilities of the records, positive.
    entropy : {"gaussian", "kl_upper", "taylor2", "exact"}
        The estimate, as the function of that name in `mid.information`.

    Returns
    -------
    tuple of a float and an array of shape (n,)
        Nats, and their derivatives in `m`.
    """
    if entropy == "gaussian":
        offset = m - p @ m
        v = float(p @ offset**2)
        return 0.5 * math.log1p(v), p * offset / (1.0 + v)
    if entropy == "exact":
        return _exact_with_gradient(m, p)
    order_two = entropy == "taylor2"
    log_p = np.log(p)
    value, slope = 0.0, np.zeros(len(m))
    block = max(1, (1 << 21) // len(m))
    for at in range(0, len(m), block):
        rows = slice(at, at + block)
        gap = m[rows, None] - m[None, :]
        near = -0.5 * gap**2 + log_p
        top = near.max(1, keepdims=True)
        near = np.exp(near - top)
        total = near.sum(1, keepdims=True)
        near /= total  # each row: how probable it is that its centre was drawn from each component
        value -= float(p[rows] @ (np.log(total) + top)[:, 0])
        pull = p[rows, None] * near * gap
        slope[rows] += pull.sum(1)
        slope -= pull.sum(0)
        if order_two:  # minus half the mean posterior variance
            e = (near * gap).sum(1, keepdims=True) - gap
            spread = (near * e**2).sum(1, keepdims=True)
            value -= 0.5 * float(p[rows] @ spread[:, 0])
            slope[rows] -= 0.5 * p[rows] * (near * (e**2 - spread) * e).sum(1)
            slope -= 0.5 * (p[rows, None] * near * (2.0 * e + (e**2 - spread) * gap)).sum(0)
    return value, slope


def _exact_with_gradient(m: Floats, p: Floats) -> tuple[float, Floats]:
    r"""Exact information; :math:`\partial I / \partial m_a = -p_a \int (z - m_a)\,\varphi(z - m_a) \log p(z)\,dz`."""
    order = np.argsort(m, kind="stable")
    sorted_m, weight = m[order], p[order]
    value, slope = 0.0, np.zeros(len(m))
    for z in exact_grid(sorted_m):
        near = slice(np.searchsorted(sorted_m, z[0] - _REACH), np.searchsorted(sorted_m, z[-1] + _REACH))
        if near.stop <= near.start:
            continue
        gap = z[:, None] - sorted_m[near]
        kernel = np.exp(-0.5 * gap**2) * weight[near] / math.sqrt(2.0 * math.pi)
        density = kernel.sum(1)
        log_density = np.log(np.maximum(density, 1e-300))  # density 0 adds 0
        value -= _STEP * float(density @ log_density)
        kernel *= gap
        slope[near] -= _STEP * (log_density @ kernel)
    back = np.empty_like(slope)
    back[order] = slope
    return value - 0.5 * math.log(2.0 * math.pi * math.e), back


def exact_grid(m: Floats) -> list[Floats]:
    """Grid points where a mixture with sorted centres `m` has density, in blocks that fit in memory.

    Parameters
    ----------
    m : array of shape (n,)
        Sorted centres, in units of the noise.

    Returns
    -------
    list of arrays
        Equally spaced points.
    """
    gaps = np.flatnonzero(np.diff(m) > 2.0 * _REACH)
    blocks: list[Floats] = []
    width = max(1, min(100, (1 << 21) // len(m)))  # 100 points are 10 standard deviations: few centres are near
    for first, last in zip(np.append(0, gaps + 1), np.append(gaps, len(m) - 1), strict=True):
        points = math.ceil((m[last] - m[first] + 2.0 * _REACH) / _STEP)
        blocks += [m[first] - _REACH + _STEP * np.arange(at, min(at + width, points)) for at in range(0, points, width)]
    return blocks


def thin(values: Floats, p: Floats, at_most: int) -> NDArray[np.intp]:
    """Records that stand for all: every one, or `at_most` at equally spaced quantiles of `values`.

    Parameters
    ----------
    values : array of shape (n,)
        What to order by.
    p : array of shape (n,)
        Probabilities of the records.
    at_most : int
        How many to keep.

    Returns
    -------
    array of int
        Positions in `values`, each with the same weight if there are fewer than n.
    """
    if len(values) <= at_most:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    levels = (np.arange(at_most) + 0.5) / at_most
    return order[np.minimum(np.searchsorted(np.cumsum(p[order]), levels), len(values) - 1)]


def leakage(mu: Floats, sigma: float, p: Floats, at_most: int) -> tuple[float, tuple[float, float]]:
    """Exact information of a scalar release, and the bounds on it.

    Parameters
    ----------
    mu : array of shape (n,)
        Values of the predictor.
    sigma : float
        Noise; 0 for none.
    p : array of shape (n,)
        Probabilities of the records.
    at_most : int
        Above this many rows, the pairwise bounds read that many quantiles.

    Returns
    -------
    tuple of a float and a tuple of two floats
        Nats: the exact value, and the Bhattacharyya and the smaller of the two upper bounds.
    """
    if not np.ptp(mu) > 0:
        return 0.0, (0.0, 0.0)
    if sigma == 0.0:
        return math.inf, (math.inf, math.inf)
    rows = thin(mu, p, at_most)
    few = (mu[rows], sigma, p[rows] if len(rows) == len(mu) else None)
    upper = min(information.kl_upper(*few), information.gaussian(mu, sigma, p))
    return information.exact(mu, sigma, p), (information.bhattacharyya_lower(*few), upper)


def _best_shrinkage(v0: float, lam: float, variance: float) -> float:
    """Solve eq. 21, a cubic in s: of its roots in (0, 1], the one with the least cost."""
    cubic = [2.0 * v0, -2.0 * v0, 2.0 * variance + lam, -2.0 * variance]
    roots = np.roots(cubic)
    real = roots.real[np.abs(roots.imag) < 1e-6]
    candidates = np.clip(real[(real > -1e-9) & (real < 1 + 1e-9)], 0.0, 1.0)
    cost = (1.0 - candidates) ** 2 * v0 + 0.5 * lam * np.log1p(candidates**2 * v0 / variance)
    return float(candidates[np.argmin(cost)])


def _polished(cost: Any, at: Floats, left: float, limits: Any) -> tuple[Floats, float]:
    """Newton's steps on the gradient: near the flat minimum L-BFGS stops where the cost no longer shows a fall."""
    h = 1e-5
    for _ in range(5):
        gradient = cost(at)[1]
        free = np.array(
            [(low is None or x > low) and (high is None or x < high) for x, (low, high) in zip(at, limits, strict=True)]
        )
        steps = h * np.eye(len(at))[free]
        curvature = np.array([(cost(at + d)[1] - cost(at - d)[1])[free] for d in steps]) / (2.0 * h)
        values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
        if not values[0] > 1e-9:
            break
        trial = at.copy()
        trial[free] -= vectors @ ((vectors.T @ gradient[free]) / values)
        slope = _gradient_left(trial, cost(trial)[1], limits)
        if slope >= left or np.abs(trial - at).max() > 0.1:
            break
        at, left = trial, slope
    return at, left


def _gradient_left(at: Floats, gradient: Floats, limits: list[tuple[float | None, float | None]]) -> float:
    """Largest entry of the gradient that does not point out of the limits."""
    left = np.array(gradient, dtype=np.float64)
    for i, (low, high) in enumerate(limits):
        if (low is not None and at[i] <= low and left[i] > 0) or (high is not None and at[i] >= high and left[i] < 0):
            left[i] = 0.0
    return float(np.abs(left).max(initial=0.0))
