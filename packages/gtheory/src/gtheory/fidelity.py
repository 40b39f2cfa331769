"""The rate for a wanted amount of semantic information, and whether that amount is determined at a slope."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, linprog

from gtheory.information import nats_per_unit
from gtheory.rate import RateFidelityPoint, rate_fidelity
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError, TrainingError
from infocore.rate import rate_for_distortion
from infocore.semantic import Floats, distribution, real

__all__ = ["fidelity_range", "rate_for_fidelity"]


def rate_for_fidelity(
    px: ArrayLike,
    information: ArrayLike,
    G: float,
    *,
    branch: Literal["upper", "lower"] = "upper",
    mode: Literal["free", "fixed"] = "free",
    py: ArrayLike | None = None,
    base: float = 2,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> RateFidelityPoint:
    r"""R(G) at a wanted G: the least rate at which labels can convey so much.

    .. math:: R(G) = \min_{P(y|x):\, E\, I(x; \theta_y) \ge G} I(X; Y)

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    information : array of shape (m, n)
        ``I(x_i; theta_j)`` in the unit of `base`: the `pointwise` of `semantic_information`. -inf is allowed on the
        upper branch.
    G : float
        What is wanted, in the unit of `base`.
    branch : {"upper", "lower"}
        Whether at least G is wanted, or at most: the labels of a liar. Both are 0 where a single label does.
    mode : {"free", "fixed"}
        Whether the label law is optimised, or held at `py`; then G is reached exactly, and `branch` has no part.
    py : array of shape (n,), optional
        Label law, for mode "fixed".
    base : float
        Base of the logarithms: 2 for bits.
    tol : float
        Largest gap to stop at, in nats.
    max_iter : int
        Largest number of iterations at each slope that is tried.

    Returns
    -------
    RateFidelityPoint
        With a channel that has the G wanted (or better, where its rate is 0) and a rate that is proved to be within
        `gap` of the least. `s` is a slope of R(G) there: 0 where one label does, infinite at the end. Where R(G) is
        straight, the channel is a mixture of two.

    Raises
    ------
    ParameterError
        If no channel has so much, or on the lower branch so little; if `branch`, `mode` or `base` is none of its
        values, mode "fixed" lacks `py`, or some information is -inf on the lower branch.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, a law is none, or every label is false of some x.

    Warns
    -----
    ConvergenceWarning
        If the gap stayed above `tol`.

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999, Sec. 6
       (idea); the search is that of rate-distortion at a given distortion.

    Examples
    --------
    >>> import numpy as np
    >>> information = np.log2(np.array([[1.0, 0.2], [0.2, 1.0]]) / 0.6)
    >>> point = rate_for_fidelity([0.5, 0.5], information, 0.5)
    >>> round(point.G, 6), round(point.R, 5), point.s > 1
    (0.5, 0.52452, True)
    """
    caller = "rate_for_fidelity"
    nats = nats_per_unit(base, caller)
    if branch not in ("upper", "lower"):
        raise ParameterError(f"{caller}: `branch` must be 'upper' or 'lower'; got {branch!r}.")
    if mode not in ("free", "fixed"):
        raise ParameterError(f"{caller}: `mode` must be 'free' or 'fixed'; got {mode!r}.")
    p = distribution(px, caller, "px")
    gain = real(information, caller, "information", ndim=2) * nats
    if len(gain) != len(p):
        raise ShapeError(f"{caller}: `information` must have one row per entry of `px`, {len(p)}; got {len(gain)}.")
    lost = np.flatnonzero(np.isneginf(gain).all(1))
    if len(lost):
        raise InvalidDistributionError(
            f"{caller}: every label is certainly false of x {lost[0]} ({len(lost)} of {len(gain)} rows of "
            "`information`). Add a label that is true of it, or leave that x out and renormalise."
        )
    wanted = float(G) * nats
    if mode == "fixed":
        if py is None:
            raise ParameterError(f"{caller}: mode 'fixed' holds the label law, so it needs `py`.")
        return _held(p, gain, distribution(py, caller, "py"), wanted, base, caller)
    if branch == "lower" and np.isneginf(gain).any():
        raise ParameterError(
            f"{caller}: `information` is -inf somewhere, so that any G below is reached for nothing. Give the truth "
            "functions some disbelief."
        )
    sign = 1.0 if branch == "upper" else -1.0
    best = sign * gain
    limit = float(np.sum(np.where(p > 0, p * np.where(p > 0, best.max(1), 0.0), 0.0)))
    _refuse_beyond(
        sign * wanted, limit, f"{'at most' if sign > 0 else 'at least'} {sign * limit / nats:.9g}", G, caller
    )
    point = rate_for_distortion(p, -best, -min(sign * wanted, limit), tol=tol, max_iter=max_iter)
    return RateFidelityPoint(
        G=-sign * point.distortion / nats,
        R=point.rate / nats,
        s=sign * point.slope,
        base=float(base),
        py=point.py,
        ch=point.ch,
        gap=point.gap / nats,
        n_iter=point.n_iter,
        converged=point.converged,
    )


def fidelity_range(
    px: ArrayLike, information: ArrayLike, s: float = 1.0, *, base: float = 2, tol: float = 1e-9
) -> tuple[float, float]:
    r"""Smallest and largest G at a slope: several label laws can be optimal, each with its own G.

    What is unique at a slope is :math:`\lambda_i = \sum_j P(y_j) e^{s I_{ij}}`, as ``-sum P(x) log lambda`` is strictly
    convex in it. The laws that have that lambda are a polytope, on which G is linear: two linear programmes.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    information : array of shape (m, n)
        ``I(x_i; theta_j)`` in the unit of `base`.
    s : float
        Slope; not 0.
    base : float
        Base of the logarithms: 2 for bits.
    tol : float
        Gap to which lambda is found, in nats.

    Returns
    -------
    low, high : float
        Equal, to within what the solver leaves, where G is determined. In the unit of `base`; R is
        ``s * G`` plus a constant.

    Raises
    ------
    ParameterError, ShapeError, KindError, NonFiniteError, InvalidDistributionError
        As `rate_fidelity` does, and if `s` is 0.
    TrainingError
        If the linear programme cannot be solved.

    Notes
    -----
    Laws count as optimal that have lambda to a share of ``sqrt(2 tol)``, about what a gap of `tol` allows: the range is
    wider than the true one by as much.

    Examples
    --------
    Non-adult and adult are each other's complement, so that at s = 1 nothing tells how much is left to "youth":

    >>> import numpy as np
    >>> from gtheory import truth_matrix
    >>> from gtheory.truth import Gaussian, Logistic
    >>> age = np.arange(101.0)
    >>> px = 1 / (1 + np.exp((age - 70) / 8))
    >>> px /= px.sum()
    >>> truth = truth_matrix([Logistic(18, -0.8), Gaussian(22, 6), Logistic(18, 0.8)], age)
    >>> low, high = fidelity_range(px, np.log2(truth / (px @ truth)))
    >>> high - low < 1e-3  # "youth" is not in the mixture: it is determined here
    True
    """
    caller = "fidelity_range"
    nats = nats_per_unit(base, caller)
    if s == 0:
        raise ParameterError(f"{caller}: `s` must not be 0, where every law is optimal.")
    point = rate_fidelity(px, information, s, base=base, tol=tol)
    p = distribution(px, caller, "px")
    happens = p > 0
    tilt = s * real(information, caller, "information", ndim=2)[happens] * nats
    kernel = np.exp(tilt - tilt.max(1, keepdims=True))
    law = point.py
    lam = kernel @ law
    per_label = (p[happens] / lam) @ (kernel * np.where(np.isneginf(tilt), 0.0, tilt / s))
    slack = math.sqrt(2 * max(point.gap * nats, tol))
    rows = kernel / lam[:, None]
    ends: list[float] = []
    for sign in (1.0, -1.0):
        found: Any = linprog(
            sign * per_label,
            A_ub=np.concatenate([rows, -rows]),
            b_ub=np.concatenate([np.full(len(rows), 1 + slack), np.full(len(rows), slack - 1)]),
            A_eq=np.ones((1, len(law))),
            b_eq=[1.0],
            bounds=(0, None),
            method="highs",
        )
        if found.status != 0:
            raise TrainingError(f"{caller}: the linear programme of {rows.shape[1]} labels failed: {found.message}")
        ends.append(sign * float(found.fun) / nats)
    low, high = ends
    return min(low, point.G), max(high, point.G)


def _held(p: Floats, gain: Floats, law: Floats, wanted: float, base: float, caller: str) -> RateFidelityPoint:
    """Find the slope at which a held label law has the G wanted."""
    nats = math.log(base)
    if len(law) != gain.shape[1]:
        raise ShapeError(f"{caller}: `py` must have one entry per label, {gain.shape[1]}; got {len(law)}.")
    used = np.where(law > 0, 0.0, -np.inf)
    ends: list[float] = []
    for sign in (-1.0, 1.0):
        best = (sign * gain + used).max(1)
        ends.append(sign * float(np.sum(np.where(p > 0, p * np.where(p > 0, best, 0.0), 0.0))))
    low, high = ends
    _refuse_beyond(wanted, high, f"from {low / nats:.9g} to {high / nats:.9g}", wanted / nats, caller)
    _refuse_beyond(-wanted, -low, f"from {low / nats:.9g} to {high / nats:.9g}", wanted / nats, caller)

    def at(s: float) -> RateFidelityPoint:
        return rate_fidelity(p, gain, s, "fixed", law, base=math.e)

    bottom = 0.0 if np.isneginf(gain).any() else -1.0
    if np.isneginf(gain).any() and wanted <= (nearly := at(1e-12).G):
        raise ParameterError(
            f"{caller}: some information is -inf, so a held law has G above {nearly / nats:.6g}; got "
            f"{wanted / nats:.6g}."
        )
    top = 1.0
    while wanted > at(top).G and top < 1e12:
        top *= 4
    while bottom < 0 and wanted < at(bottom).G and bottom > -1e12:
        bottom *= 4

    def excess(s: float) -> float:
        return at(s).G - wanted

    s: Any = brentq(excess, bottom or 1e-12, top, xtol=1e-14, rtol=np.float64(1e-14), maxiter=200)
    point = at(float(s))
    gap = abs(float(s) * (point.G - wanted)) / nats
    return RateFidelityPoint(
        point.G / nats, point.R / nats, float(s), float(base), point.py, point.ch, gap, 0, gap * nats <= 1e-9
    )


def _refuse_beyond(wanted: float, limit: float, reach: str, given: float, caller: str) -> None:
    if not wanted <= limit + 1e-12 * (1.0 + abs(limit)):
        raise ParameterError(f"{caller}: `G` must be {reach}, which is what channels have; got {given!r}.")
