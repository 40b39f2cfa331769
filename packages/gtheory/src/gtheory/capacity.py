r"""Semantic channel capacity: the most semantic information that labels with given truth functions can carry.

The problem is not concave, so what is found is a lower bound, attained by the laws returned, with an upper bound
beside it. Where the two meet the capacity is known.
"""

import dataclasses
import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError
from infocore.semantic import Floats, real, semantic_information, truth_values

__all__ = ["SemanticCapacity", "semantic_capacity"]

_MET = 1e-9  # nats; bounds closer than this have met
_ROUNDING = 1e-12  # nats; bounds closer than this are equal, whichever is above


@dataclasses.dataclass(frozen=True, eq=False)
class SemanticCapacity:
    """Bounds of a semantic channel's capacity, in the unit of `base`, and how the lower one is reached.

    Parameters
    ----------
    lower : float
        Semantic information of `px` and `ch`, the most that was found.
    upper : float
        What no laws exceed.
    base : float
        Base of the logarithms: 2 for bits.
    px : ndarray of shape (m,)
        Law of x that reaches `lower`; at most as many x occur as there are labels.
    ch : ndarray of shape (m, n)
        ``P(y_j|x_i)``, 1 for the label that says most of each x and 0 for the others.
    converged : bool
        Whether the climb to `lower` came to rest.
    """

    lower: float
    upper: float
    base: float
    px: Floats
    ch: Floats
    converged: bool

    @property
    def certified(self) -> bool:
        """Whether the bounds have met (to 1e-9 nats), so that `lower` is the capacity."""
        return (self.upper - self.lower) * nats_per_unit(self.base, "SemanticCapacity") <= _MET

    @property
    def unit(self) -> str:
        """Name of the unit of the bounds."""
        return unit_name(self.base)


def semantic_capacity(
    truth: ArrayLike,
    base: float = 2,
    *,
    n_starts: int = 32,
    rng: int | np.random.Generator = 0,
    max_iter: int = 5000,
    log: bool = False,
) -> SemanticCapacity:
    r"""Largest semantic information over laws of x and channels, for given truth functions.

    .. math:: C_T = \max_{P(x)} \sum_i P(x_i) \max_j \log \frac{T(\theta_j|x_i)}{T(\theta_j)}

    Parameters
    ----------
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    base : float
        Base of the logarithms: 2 for bits.
    n_starts : int
        Number of laws of x to climb from: the uniform one, then by turns one on a few x and one on all.
    rng : int or Generator
        Seed of the starts.
    max_iter : int
        Largest number of steps of a climb.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    SemanticCapacity
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `base` is not above 1, or `n_starts` or `max_iter` not positive.
    ShapeError, KindError, NonFiniteError
        If `truth` is not a real matrix, or holds NaN.
    InvalidDistributionError
        If it leaves [0, 1], or every label is false of every x.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came before the best climb was at rest; it is a lower bound all the same.

    Notes
    -----
    For a fixed law of x the best channel gives each x the label that says most of it. For fixed labels the
    information is the entropy of the labels plus a function that is convex in the law of x; each step puts its
    tangent in its place, which never lowers the information. (It follows that one x for each label is enough.)

    The upper bound: with q_j how often label j is used and z_j the smallest truth of label j over its largest,
    ``T(theta_j)`` is at least ``q_j + (1 - q_j) z_j`` times the mean truth of label j where it is used, so that

    .. math:: C_T \le \max_q \sum_j q_j \log \frac{1}{z_j + (1 - z_j) q_j}

    over at most min(m, n) labels, which is a concave problem. It is exact where all labels are equally true off
    their own x, and loose where they overlap their neighbours only. (Both derived.)

    References
    ----------
    .. [1] C. Lu, Entropy 27:461, 2025 (its subject; the definition recalled, the algorithm and bound derived).
    .. [2] T. Leinster, M. Meckes, "Maximizing Diversity in Biology and Beyond", Entropy 18:88, 2016: with one x for
       each label the problem is theirs, of species and their similarity, which has a closed form where symmetric.

    Examples
    --------
    >>> found = semantic_capacity([[1.0, 0.2], [0.2, 1.0]])
    >>> round(found.lower, 6), round(found.upper, 6), found.certified  # log2(2 / 1.2)
    (0.736966, 0.736966, True)
    """
    caller = "semantic_capacity"
    nats = nats_per_unit(base, caller)
    if n_starts < 1 or max_iter < 1:
        raise ParameterError(
            f"{caller}: `n_starts` and `max_iter` must be positive; got {n_starts!r} and {max_iter!r}."
        )
    matrix = real(truth, caller, "truth", ndim=2)
    log_truth = truth_values(matrix, caller, rows=len(matrix), log=log)
    top = log_truth.max(0)
    true = np.flatnonzero(top > -np.inf)
    if not len(true):
        raise InvalidDistributionError(f"{caller}: `truth` makes every label false of every x; nothing can be said.")
    scaled = log_truth[:, true] - top[true]  # information does not depend on a column's scale
    rng = np.random.default_rng(rng)
    climbs = [_climb(start, scaled, max_iter) for start in _starts(scaled.shape, n_starts, rng)]
    px, rested = max(climbs, key=lambda climb: _best_labels(climb[0], scaled)[1])
    if not rested:
        warnings.warn(
            f"{caller}: the best climb was still rising after {max_iter} steps; raise `max_iter`.",
            ConvergenceWarning,
            stacklevel=2,
        )
    labels, _ = _best_labels(px, scaled)
    ch = np.zeros(matrix.shape)
    ch[np.arange(len(ch)), true[labels]] = 1.0
    lower, upper = semantic_information(px, log_truth, ch, log=True).g, _upper(scaled)
    return SemanticCapacity(
        lower=lower / nats,
        upper=(lower if abs(upper - lower) <= _ROUNDING else upper) / nats,
        base=float(base),
        px=px,
        ch=ch,
        converged=rested,
    )


def _starts(shape: tuple[int, int], count: int, rng: np.random.Generator) -> list[Floats]:
    m, n = shape
    starts = [np.full(m, 1.0 / m)]
    while len(starts) < count:
        if len(starts) % 2:
            few = int(rng.integers(min(2, m), min(m, n) + 1)) if min(m, n) > 1 else 1
            start = np.zeros(m)
            start[rng.choice(m, few, replace=False)] = 1.0 / few
        else:
            start = rng.dirichlet(np.full(m, 0.5))
        starts.append(start)
    return starts


def _best_labels(px: Floats, log_truth: Floats) -> tuple[NDArray[np.intp], float]:
    """Label that says most of each x (m,), and what that is on average."""
    information = _pointwise(px, log_truth)
    labels = information.argmax(1)
    best = information[np.arange(len(px)), labels]
    here = px > 0
    return labels, float(px[here] @ best[here])


def _pointwise(px: Floats, log_truth: Floats) -> Floats:
    """Information of each label about each x; -inf for labels that are false of all that occurs."""
    lp = px @ np.exp(log_truth)
    with np.errstate(divide="ignore"):
        return np.where(lp > 0, log_truth - np.log(np.where(lp > 0, lp, 1.0)), -np.inf)


def _climb(px: Floats, log_truth: Floats, max_iter: int) -> tuple[Floats, bool]:
    """Raise the information of `px` until it rests; also returns whether it did."""
    truth = np.exp(log_truth)
    rows = np.arange(len(px))
    value, patience = -np.inf, 0
    for _ in range(max_iter):
        information = _pointwise(px, log_truth)
        labels = information.argmax(1)
        best = information[rows, labels]
        here = px > 0
        reached = float(px[here] @ best[here])
        patience = patience + 1 if reached - value < 1e-13 else 0
        if patience == 3:
            return px, True
        value = reached
        used = np.bincount(labels, weights=px, minlength=truth.shape[1])
        lp = px @ truth
        share = np.where(lp > 0, used / np.where(lp > 0, lp, 1.0), 0.0)
        with np.errstate(divide="ignore"):
            gain = best + np.log(used[labels]) - truth @ share
        # the tangent is linear within the x of one label, so the best of them takes all
        order = np.lexsort((gain, labels))
        last = np.append(labels[order][1:] != labels[order][:-1], True)
        chosen = order[last & (gain[order] > -np.inf)]
        px = np.zeros(len(px))
        px[chosen] = np.exp(gain[chosen] - gain[chosen].max())
        px /= px.sum()
    return px, False


def _upper(log_truth: Floats) -> float:
    """Maximum of the concave bound, by bisection on its multiplier; any multiplier gives an upper bound."""
    m, n = log_truth.shape
    z = np.sort(np.exp(log_truth.min(0)))[: min(m, n)]  # the labels that the bound likes most

    def law(price: float) -> Floats:
        """How often each label is used where use costs `price`: the slope of the bound in q falls."""
        low, high = np.zeros(len(z)), np.ones(len(z))
        for _ in range(80):
            q = (low + high) / 2
            a = z + (1 - z) * q
            rising = -np.log(a) - (1 - z) * q / a > price
            low, high = np.where(rising, q, low), np.where(rising, high, q)
        return (low + high) / 2

    least, most = -1.0, 2.0 + np.log(len(z))
    for _ in range(80):
        price = (least + most) / 2
        least, most = (price, most) if law(price).sum() > 1 else (least, price)
    q = law(most)
    return float(most + np.sum(-q * np.log(z + (1 - z) * q) - most * q))
