"""The information bottleneck for finite alphabets: the best encoder that was found, and what bounds all others.

A stationary encoder need not be the best. So a point carries, beside its residual, the gap to a bound that holds for
all encoders, and the name of that bound.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import warnings
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import generator
from infocore.errors import ConvergenceWarning, ParameterError
from infocore.rate._bottleneck_bounds import (
    checked_joint,
    contraction_bound,
    line_bound,
)
from infocore.rate._bottleneck_search import Law, best_encoder, convex_start
from infocore.rate._points import check_settings
from infocore.semantic import Floats


@dataclasses.dataclass(frozen=True, eq=False)
class BottleneckPoint:
    r"""An encoder of x that keeps information on y. In nats.

    Parameters
    ----------
    rate : float
        ``I(X; T)``.
    relevance : float
        ``I(T; Y)``, at most `rate` and at most ``I(X; Y)``.
    beta : float
        Trade-off that was asked for.
    encoder : ndarray of shape (m, k)
        ``P(t|x_i)`` of the k clusters that are used.
    pt : ndarray of shape (k,)
        Law of the clusters.
    decoder : ndarray of shape (k, n)
        ``P(y_j|t)``.
    gap : float
        ``rate - beta * relevance`` is at most this much above the smallest value that any encoder with any number of
        clusters has.
    certificate : {"envelope", "contraction"}
        What `gap` rests on. "envelope": a search over all laws of x, which ends near 0 at a global optimum; made where
        the laws of y given x lie on a line, as with binary x or y. "contraction": only that information shrinks on its
        way through ``P(y|x)`` and cannot exceed ``I(X; Y)``; true, and as a rule far from tight.
    critical_beta : float
        Up to here telling nothing is a local optimum: `infocore.rate.critical_beta`.
    residual : float
        Largest total variation by which one more update would change a row of the encoder: 0 at a stationary point.
    n_iter : int
        Updates taken, over all starts.
    converged : bool
        Whether `residual` is within the tolerance asked for. It says nothing on global optimality; `gap` does.
    """

    rate: float
    relevance: float
    beta: float
    encoder: Floats
    pt: Floats
    decoder: Floats
    gap: float
    certificate: Literal["envelope", "contraction"]
    critical_beta: float
    residual: float
    n_iter: int
    converged: bool

    @property
    def objective(self) -> float:
        """What is minimised: ``rate - beta * relevance``, in nats."""
        return self.rate - self.beta * self.relevance


def information_bottleneck(
    joint: ArrayLike,
    beta: float,
    *,
    n_clusters: int | None = None,
    restarts: int = 4,
    rng: int | np.random.Generator = 0,
    tol: float = 1e-7,
    max_iter: int = 10_000,
) -> BottleneckPoint:
    r"""Encoder of x with small ``I(X; T) - beta * I(T; Y)``.

    Parameters
    ----------
    joint : array of shape (m, n)
        ``P(x_i, y_j)``; sums to 1. Any alphabet sizes.
    beta : float
        Nats of rate that a nat of information on y is worth. Positive; up to 1, telling nothing is optimal.
    n_clusters : int, optional
        Most clusters the encoder may have. By default m, and more never help.
    restarts : int
        Random encoders to start from, besides the one from a convex problem.
    rng : int or numpy.random.Generator
        Seed of the random starts.
    tol : float
        Largest `residual` to stop at.
    max_iter : int
        Largest number of updates from each start.

    Returns
    -------
    BottleneckPoint
        The best local optimum that was met, with a gap that holds against all encoders. In nats.

    Raises
    ------
    ParameterError
        If `beta` is not positive and finite, `n_clusters` not at least 1, `restarts` negative, `tol` not positive, or
        `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If `joint` is no law of two variables.

    Warns
    -----
    ConvergenceWarning
        If the best start was still moving after `max_iter` updates.

    References
    ----------
    .. [1] N. Tishby, F. Pereira, W. Bialek, "The Information Bottleneck Method", arXiv:physics/0004057, 2000.
    .. [2] R. Varadhan, C. Roland, "Simple and Globally Convergent Methods for Accelerating the Convergence of Any EM
       Algorithm", Scand. J. Stat. 35:335, 2008 (the extrapolation of the updates).

    Examples
    --------
    >>> point = information_bottleneck([[0.45, 0.05], [0.05, 0.45]], 3.0)
    >>> round(point.rate, 4), round(point.relevance, 4), point.gap < 1e-6, point.certificate
    (0.6578, 0.3581, True, 'envelope')
    """
    return information_bottleneck_curve(
        joint, [beta], n_clusters=n_clusters, restarts=restarts, rng=rng, tol=tol, max_iter=max_iter
    )[0]


def information_bottleneck_curve(
    joint: ArrayLike,
    betas: Iterable[float],
    *,
    n_clusters: int | None = None,
    restarts: int = 4,
    rng: int | np.random.Generator = 0,
    tol: float = 1e-7,
    max_iter: int = 10_000,
) -> tuple[BottleneckPoint, ...]:
    """Encoders for several trade-offs, annealed: from large to small `beta`, each is also a start of the next.

    Parameters
    ----------
    joint : array of shape (m, n)
        ``P(x_i, y_j)``; sums to 1. Any alphabet sizes.
    betas : iterable of float
        Trade-offs, positive, in any order.
    n_clusters, restarts, rng, tol, max_iter
        As in `information_bottleneck`.

    Returns
    -------
    tuple of BottleneckPoint
        In the order of `betas`. In nats.

    Raises
    ------
    ParameterError, ShapeError, KindError, NonFiniteError, InvalidDistributionError
        As in `information_bottleneck`; also if there is no beta.

    Warns
    -----
    ConvergenceWarning
        If the best start of some beta was still moving after `max_iter` updates.

    Examples
    --------
    >>> points = information_bottleneck_curve([[0.45, 0.05], [0.05, 0.45]], [1.5, 1.6, 4.0])
    >>> [round(point.relevance, 3) for point in points]  # nothing is told up to 1.5625
    [0.0, 0.056, 0.366]
    """
    caller = "information_bottleneck"
    table = checked_joint(joint, caller)
    wanted = [float(beta) for beta in betas]
    if not wanted or not all(0 < beta < np.inf for beta in wanted):
        raise ParameterError(f"{caller}: `beta` must be positive and finite; got {wanted}.")
    if n_clusters is not None and n_clusters < 1:
        raise ParameterError(f"{caller}: `n_clusters` must be at least 1; got {n_clusters!r}.")
    if restarts < 0:
        raise ParameterError(f"{caller}: `restarts` must not be negative; got {restarts!r}.")
    check_settings(tol, max_iter, caller)
    random = generator(rng, caller)
    law = Law.of(table)
    limit = len(law.px) if n_clusters is None else n_clusters
    previous: list[Floats] = []
    points: dict[float, BottleneckPoint] = {}
    for beta in sorted(set(wanted), reverse=True):
        starts = [convex_start(law, beta, limit), *previous]
        starts += [random.dirichlet(np.full(limit, 0.3), len(law.px)) for _ in range(restarts)]
        encoder, residual, n_iter = best_encoder(law, beta, starts, tol, max_iter)
        previous = [encoder]
        if residual > tol:
            warnings.warn(
                f"{caller}: stopped after `max_iter` = {max_iter} updates at beta = {beta:.6g}, where one more changes "
                f"the encoder by {residual:.3g}, above `tol` = {tol:.3g}. Its rate, relevance and gap are true of it; "
                "raise `max_iter` for a stationary point.",
                ConvergenceWarning,
                stacklevel=2 if len(wanted) > 1 else 3,
            )
        points[beta] = _point(law, beta, encoder, residual, n_iter, tol)
    return tuple(points[beta] for beta in wanted)


def _point(law: Law, beta: float, encoder: Floats, residual: float, n_iter: int, tol: float) -> BottleneckPoint:
    from scipy.special import logsumexp, xlogy

    rate, relevance, pt, decoder = law.measured(encoder)
    value = rate - beta * relevance
    lower = contraction_bound(law.w, beta, law.information)
    certificate: Literal["envelope", "contraction"] = "contraction"
    if law.place is not None:
        # the affine function that touches at the clusters' laws, where the equations hold
        log_total = logsumexp(law.exponents(encoder, beta), axis=1)
        multipliers = np.log(law.px) - log_total
        least, _ = line_bound(law.w, law.place, beta, multipliers, 1e-9)
        entropies = -xlogy(law.px, law.px).sum() + beta * xlogy(law.py, law.py).sum()
        envelope = float(entropies + law.px @ multipliers + least)
        if envelope >= lower:
            lower, certificate = envelope, "envelope"
    whole = np.tile(pt, (len(law.happens), 1))
    whole[law.happens] = encoder
    return BottleneckPoint(
        rate, relevance, beta, whole, pt, decoder, max(0.0, value - lower), certificate, law.critical_beta, residual,
        n_iter, residual <= tol,
    )  # fmt: skip
