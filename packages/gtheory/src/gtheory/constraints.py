r"""Semantic constraints in the place of distortion: the rate R(Theta), and the law of greatest entropy.

`rate_of_truth` bounds how true y is of each x, where `rate_fidelity` bounds how much is said: the difference is that
the logical probability of a vague label counts against it in the second only.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, logsumexp

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import InvalidDistributionError, ParameterError
from infocore.rate import blahut_arimoto
from infocore.semantic import Floats, distribution, real, truth_values

__all__ = ["MaximumEntropy", "TruthRate", "maximum_entropy", "rate_of_truth"]


@dataclasses.dataclass(frozen=True, eq=False)
class TruthRate:
    r"""A point of R(Theta), in the unit of `base`.

    Parameters
    ----------
    R : float
        Rate, the mutual information of x and y.
    distortion : float
        Mean semantic distortion, ``E log 1/T``.
    information : float
        Semantic information of the constraints about y, :math:`E \log T(\theta_{x}|y) / \sum_y P(y) T(\theta_x|y)`. At
        s = 1 equal to `R`: the least mutual information is a semantic one.
    s : float
        Slope, ``-dR/d distortion``.
    base : float
        Base of the logarithms: 2 for bits.
    py : ndarray of shape (n,)
        Law of y.
    ch : ndarray of shape (m, n)
        ``P(y_j|x_i)``.
    gap : float
        ``R + s * distortion`` is at most this much above its least.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    R: float
    distortion: float
    information: float
    s: float
    base: float
    py: Floats
    ch: Floats
    gap: float
    converged: bool

    @property
    def unit(self) -> str:
        """Name of the unit of `R`, `distortion`, `information` and `gap`."""
        return unit_name(self.base)


@dataclasses.dataclass(frozen=True, eq=False)
class MaximumEntropy:
    """The law nearest to a prior that is so true, in the unit of `base`.

    Parameters
    ----------
    px : ndarray of shape (m,)
        :math:`P(x) T^s / Z`: among all laws with its mean of log T the one of least divergence from the prior, and so
        of greatest entropy where the prior is uniform.
    entropy : float
        Its entropy.
    information : float
        Its divergence from the prior. For a uniform prior ``entropy = log m - information``.
    mean_log_truth : float
        The constraint that it meets, ``E log T``.
    s : float
        Multiplier of the constraint.
    base : float
        Base of the logarithms: 2 for bits.
    """

    px: Floats
    entropy: float
    information: float
    mean_log_truth: float
    s: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `entropy`, `information` and `mean_log_truth`."""
        return unit_name(self.base)


def rate_of_truth(
    px: ArrayLike,
    truth: ArrayLike,
    s: float = 1.0,
    *,
    base: float = 2,
    log: bool = False,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> TruthRate:
    r"""Least rate at which y is as true of x as s asks for, R(Theta).

    .. math:: P(y|x) = P(y)\, T(\theta_x|y)^s / \lambda_x

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    truth : array of shape (m, n)
        ``T(theta_x|y)``: to what degree y will do for x. With ``exp(-d)`` it is the rate-distortion function; crisp
        truth is a limit on errors, which no y may exceed.
    s : float
        Slope, positive; with crisp truth it has no part.
    base : float
        Base of the logarithms: 2 for bits.
    log : bool
        Whether `truth` holds log T.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    TruthRate

    Raises
    ------
    ParameterError
        If `s` is not positive and finite, or `base` not above 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `px` is no law, `truth` leaves [0, 1], or no y will do for some x.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first.

    References
    ----------
    .. [1] C. Lu, "The P-T Probability Framework for Semantic Communication, Falsification, Confirmation, and Bayesian
       Reasoning", Philosophies 5:25, 2020 (idea; form recalled).

    Examples
    --------
    >>> point = rate_of_truth([0.5, 0.5], [[1.0, 0.2], [0.2, 1.0]])
    >>> round(point.R, 6), round(point.information, 6)
    (0.349978, 0.349978)
    """
    caller = "rate_of_truth"
    nats = nats_per_unit(base, caller)
    if not (math.isfinite(s) and s > 0):
        raise ParameterError(f"{caller}: `s` must be positive and finite; got {s!r}.")
    p = distribution(px, caller, "px")
    log_t = truth_values(truth, caller, rows=len(p), log=log)
    point = blahut_arimoto(p, log_t, s, tol=tol, max_iter=max_iter)
    joint = p[:, None] * point.ch
    with np.errstate(divide="ignore"):
        log_lp = np.asarray(logsumexp(log_t + np.log(point.py), axis=1))
    said = np.where(joint > 0, np.where(joint > 0, log_t, 0.0) - np.where(p > 0, log_lp, 0.0)[:, None], 0.0)
    return TruthRate(
        R=point.rate / nats,
        distortion=-point.reward / nats,
        information=float(np.sum(joint * said)) / nats,
        s=float(s),
        base=float(base),
        py=point.py,
        ch=point.ch,
        gap=point.gap / nats,
        converged=point.converged,
    )


def maximum_entropy(
    truth: ArrayLike, px: ArrayLike | None = None, s: float = 1.0, *, base: float = 2, log: bool = False
) -> MaximumEntropy:
    """Law of greatest entropy among those as true.

    Parameters
    ----------
    truth : array of shape (m,)
        Degrees of truth of a label.
    px : array of shape (m,), optional
        Prior; uniform by default.
    s : float
        Multiplier of the constraint on ``E log T``: 0 leaves the prior, larger is truer.
    base : float
        Base of the logarithms: 2 for bits.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    MaximumEntropy

    Raises
    ------
    ParameterError
        If `s` is negative or not finite, or `base` not above 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `px` is no law, `truth` leaves [0, 1] or is 0 wherever the prior is not.

    References
    ----------
    .. [1] E. Jaynes, "Information Theory and Statistical Mechanics", Physical Review 106:620, 1957.

    Examples
    --------
    >>> found = maximum_entropy([1.0, 0.5, 0.25])
    >>> found.px.round(4).tolist(), round(found.entropy + found.information, 6)  # log2(3)
    ([0.5714, 0.2857, 0.1429], 1.584963)
    """
    caller = "maximum_entropy"
    nats = nats_per_unit(base, caller)
    if not (math.isfinite(s) and s >= 0):
        raise ParameterError(f"{caller}: `s` must be finite and not negative; got {s!r}.")
    column = real(truth, caller, "truth", ndim=1)
    p = np.full(len(column), 1 / len(column)) if px is None else distribution(px, caller, "px")
    log_t = truth_values(column[:, None], caller, rows=len(p), log=log)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        tilted = np.log(p) + (s * log_t if s > 0 else 0.0)
    if np.isneginf(tilted).all():
        raise InvalidDistributionError(f"{caller}: `truth` is 0 wherever the prior is not, so no law satisfies it.")
    law = np.exp(tilted - float(np.asarray(logsumexp(tilted))))
    some = law > 0
    return MaximumEntropy(
        px=law,
        entropy=float(entr(law).sum()) / nats,
        information=float(np.sum(law[some] * (np.log(law[some]) - np.log(p[some])))) / nats,
        mean_log_truth=float(np.sum(law[some] * log_t[some])) / nats,
        s=float(s),
        base=float(base),
    )
