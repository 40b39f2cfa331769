"""The rate-fidelity function R(G): the fewest bits per label that carry G bits of semantic information.

It is the rate-distortion function with a reward in place of a distortion, ``I(x; theta) = log T(theta|x)/T(theta)``;
the solver and its certificate are infocore's.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import ParameterError, ShapeError
from infocore.rate import blahut_arimoto, tilted_channel
from infocore.semantic import Floats, distribution

__all__ = ["RateFidelityCurve", "RateFidelityPoint", "rate_fidelity", "rate_fidelity_curve"]


@dataclasses.dataclass(frozen=True, eq=False)
class RateFidelityPoint:
    r"""A point of R(G), in the unit of `base`.

    Parameters
    ----------
    G : float
        Semantic information, the mean of the information matrix under the channel.
    R : float
        Rate. In mode "free" the mutual information of x and the label; in mode "fixed" the divergence of the channel
        from the label law that was given, which is larger where the channel's own label law differs.
    s : float
        Slope ``dR/dG``.
    base : float
        Base of the logarithms: 2 for bits.
    py : ndarray of shape (n,)
        Label law: in mode "free" that of `ch`, in mode "fixed" the one given.
    ch : ndarray of shape (m, n)
        The channel ``P(y_j|x_i)``.
    gap : float
        ``R - s * G`` is at most this much above the smallest value that any channel has.
    n_iter : int
        Iterations taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    G: float
    R: float
    s: float
    base: float
    py: Floats
    ch: Floats
    gap: float
    n_iter: int
    converged: bool

    @property
    def unit(self) -> str:
        """Name of the unit of `G`, `R` and `gap`."""
        return unit_name(self.base)


@dataclasses.dataclass(frozen=True, eq=False)
class RateFidelityCurve:
    """Points of R(G), and the point where it comes closest to R = G.

    Parameters
    ----------
    points : tuple of RateFidelityPoint
        In the order of the slopes asked for.
    matching : RateFidelityPoint
        A point at s = 1, where ``R - G`` is smallest: the loss that remains when the channel is matched to the
        labels' meaning as well as it can be. That loss is determined (to within `gap`); G and R themselves need not
        be, as several label laws can be optimal there.
    """

    points: tuple[RateFidelityPoint, ...]
    matching: RateFidelityPoint

    @property
    def G(self) -> Floats:
        """Semantic information of each point."""
        return np.array([point.G for point in self.points])

    @property
    def R(self) -> Floats:
        """Rate of each point."""
        return np.array([point.R for point in self.points])

    @property
    def s(self) -> Floats:
        """Slope of each point."""
        return np.array([point.s for point in self.points])


def rate_fidelity(
    px: ArrayLike,
    information: ArrayLike,
    s: float,
    mode: Literal["free", "fixed"] = "free",
    py: ArrayLike | None = None,
    base: float = 2,
    *,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> RateFidelityPoint:
    r"""Point of the rate-fidelity function R(G) with slope s.

    .. math:: P(y_j|x_i) = P(y_j) e^{s I_{ij}} / \lambda_i, \qquad R(s) = s G(s) - \sum_i P(x_i) \log \lambda_i

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    information : array of shape (m, n)
        ``I(x_i; theta_j)`` in the unit of `base`: the `pointwise` of `semantic_information`. -inf is allowed with a
        positive slope.
    s : float
        Slope ``dR/dG``, of any sign. Large s asks for all the information there is; s < 0 for as little as can be.
        At s = 0 the rate is 0 and G one of several values.
    mode : {"free", "fixed"}
        Whether the label law is optimised, which gives R(G), or held at `py`, which gives the bowl of a given source
        of labels.
    py : array of shape (n,), optional
        Label law: required in mode "fixed"; in mode "free" where to start from.
    base : float
        Base of the logarithms: 2 for bits, ``math.e`` for nats.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    RateFidelityPoint
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `mode` or `base` is not one of its values, mode "fixed" lacks `py`, `s` is not finite, or not positive
        where some information is -inf.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, a law is none, or every label is false of some x.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first; the gap that was left is in the message and in the result.

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999, Sec. 6
       (form recalled, checked against R(D)).

    Examples
    --------
    >>> import numpy as np
    >>> information = np.log2(np.array([[1.0, 0.2], [0.2, 1.0]]) / 0.6)
    >>> point = rate_fidelity([0.5, 0.5], information, s=1)
    >>> round(point.G, 6), round(point.R, 6)  # matched: R = G
    (0.349978, 0.349978)
    """
    caller = "rate_fidelity"
    nats = nats_per_unit(base, caller)
    if mode not in ("free", "fixed"):
        raise ParameterError(f"{caller}: `mode` must be 'free' or 'fixed'; got {mode!r}.")
    reward = np.asarray(information)
    reward = reward * nats if reward.dtype.kind in "biuf" else reward
    if mode == "free":
        point = blahut_arimoto(px, reward, s, start=py, tol=tol, max_iter=max_iter)
        return RateFidelityPoint(
            point.reward / nats,
            point.rate / nats,
            float(s),
            float(base),
            point.py,
            point.ch,
            point.gap / nats,
            point.n_iter,
            point.converged,
        )
    if py is None:
        raise ParameterError(f"{caller}: mode 'fixed' holds the label law, so it needs `py`.")
    p, law = distribution(px, caller, "px"), distribution(py, caller, "py")
    ch = tilted_channel(law, reward, s)
    if len(ch) != len(p):
        raise ShapeError(f"{caller}: `information` must have one row per entry of `px`, {len(p)}; got {len(ch)}.")
    joint = p[:, None] * ch
    g = float(np.sum(joint * np.where(joint > 0, reward, 0.0)))
    r = float(np.sum(xlogy(joint, ch) - xlogy(joint, law)))
    return RateFidelityPoint(g / nats, r / nats, float(s), float(base), law, ch, gap=0.0, n_iter=0, converged=True)


def rate_fidelity_curve(
    px: ArrayLike,
    information: ArrayLike,
    s_values: Iterable[float] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
    mode: Literal["free", "fixed"] = "free",
    py: ArrayLike | None = None,
    base: float = 2,
    *,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> RateFidelityCurve:
    """Points of R(G) at several slopes, each started from its neighbour's solution, and the matching point.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    information : array of shape (m, n)
        ``I(x_i; theta_j)`` in the unit of `base`: the `pointwise` of `semantic_information`.
    s_values : iterable of float
        Slopes, in any order. s = 1 is solved whether or not it is among them.
    mode, py, base, tol, max_iter
        As in `rate_fidelity`.

    Returns
    -------
    RateFidelityCurve
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `s_values` is empty, and as `rate_fidelity` does.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        As `rate_fidelity` does.

    Warns
    -----
    ConvergenceWarning
        For each point where `max_iter` came first.

    Examples
    --------
    >>> import numpy as np
    >>> information = np.log2(np.array([[1.0, 0.2], [0.2, 1.0]]) / 0.6)
    >>> curve = rate_fidelity_curve([0.5, 0.5], information, [0.5, 1, 2])
    >>> curve.G.round(4).tolist(), curve.R.round(4).tolist()
    ([0.0195, 0.35, 0.6477], [0.108, 0.35, 0.7648])
    """
    slopes = [float(s) for s in s_values]
    if not slopes:
        raise ParameterError("rate_fidelity_curve: `s_values` must hold at least one slope; got none.")
    solved: dict[float, RateFidelityPoint] = {}
    law = py
    for s in sorted({*slopes, 1.0}):
        solved[s] = rate_fidelity(px, information, s, mode, law, base, tol=tol, max_iter=max_iter)
        law = solved[s].py
    return RateFidelityCurve(tuple(solved[s] for s in slopes), solved[1.0])
