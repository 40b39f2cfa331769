r"""Partitions of what is seen into labels that say as much as can be said about a hidden class.

The class x is hidden, z is seen, a label y = f(z) is to be chosen so that I(X; Y) is largest. The channel-matching
(CM) iteration gives each z the label of most semantic information, then lets the labels mean what they are now used
for. It is Lloyd's iteration with the divergence ``KL(P(x|z) || P(x|y))`` (derived), so it never lowers I(X; Y) and
may end in a local optimum; dynamic programming finds the best intervals of an ordered z exactly.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import dataclasses
import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from gtheory.information import nats_per_unit, unit_name
from infocore._validate import generator
from infocore.errors import ConvergenceWarning, KindError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, channel, distribution, real

__all__ = ["MMIPartition", "mmi_partition", "mmi_partition_dp"]

Ints = NDArray[np.int64]

_FLOOR = 1e-300  # under logarithms in searches only, never in information that is reported
_NO_GAIN = 1e-15  # nats; what a move must bring to be no rounding


@dataclasses.dataclass(frozen=True, eq=False)
class MMIPartition:
    """A partition of z into labels, with the information that they carry about the class, in the unit of `base`.

    Parameters
    ----------
    labels : ndarray of shape (N,)
        Label of each z, from 0.
    information : float
        I(X; Y).
    ceiling : float
        I(X; Z), which no partition exceeds.
    base : float
        Base of the logarithms: 2 for bits.
    history : tuple of float
        Information of the start and after each step; of the answer alone where nothing was iterated.
    path : tuple of ndarray of shape (N,)
        Labels of the start and after each step.
    restarts : tuple of float
        Information at the end of each start that was tried.
    """

    labels: Ints
    information: float
    ceiling: float
    base: float
    history: tuple[float, ...]
    path: tuple[Ints, ...]
    restarts: tuple[float, ...]

    @property
    def unit(self) -> str:
        """Name of the unit of information."""
        return unit_name(self.base)

    @property
    def n_iter(self) -> int:
        """Steps that changed the partition."""
        return len(self.path) - 1


def mmi_partition_dp(
    posterior: ArrayLike, weights: ArrayLike, n_labels: int, *, z: ArrayLike | None = None, base: float = 2
) -> MMIPartition:
    """Best partition of an ordered z into intervals, by dynamic programming.

    Parameters
    ----------
    posterior : array of shape (N, m)
        ``P(x_i|z_k)``; rows sum to 1.
    weights : array of shape (N,)
        ``P(z_k)``; sums to 1.
    n_labels : int
        Number of intervals, from 1 to N.
    z : array of shape (N,), optional
        Values to order the rows by; as they are given if left out.
    base : float
        Base of the logarithms: 2 for bits, ``math.e`` for nats.

    Returns
    -------
    MMIPartition
        Labels rise along z. `information` is the largest of any partition into that many intervals. With two classes
        and ``z=posterior[:, 1]`` it is the largest of all partitions whatever (known result of Kurkoski and Yagi,
        recalled); with more classes another order, or no intervals at all, may do better.

    Raises
    ------
    ParameterError
        If `n_labels` is not from 1 to N, or `base` not above 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `weights` is no distribution or a row of `posterior` is none.

    Notes
    -----
    ``n_labels N^2 / 2`` sums, ``m N^2 / 2`` logarithms and memory for ``n_labels N`` numbers: a fraction of a second
    for N = 2000.

    References
    ----------
    .. [1] B. Kurkoski, H. Yagi, "Quantization of Binary-Input Discrete Memoryless Channels", IEEE Trans. Inf. Theory
       60:4544, 2014 (recalled).

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([0.05, 0.1, 0.2, 0.8, 0.9])
    >>> best = mmi_partition_dp(np.c_[1 - p, p], np.full(5, 0.2), 2)
    >>> best.labels.tolist(), round(best.information, 4)
    ([0, 0, 0, 1, 1], 0.4207)
    """
    caller = "mmi_partition_dp"
    nats = nats_per_unit(base, caller)
    post, w = _problem(posterior, weights, n_labels, caller)
    order = np.arange(len(w))
    if z is not None:
        values = real(z, caller, "z", ndim=1)
        if len(values) != len(w):
            raise ShapeError(f"{caller}: `z` must have one value per row of `posterior`, {len(w)}; got {len(values)}.")
        if not np.isfinite(values).all():
            raise NonFiniteError(f"{caller}: `z` holds NaN or infinity.")
        order = np.argsort(values, kind="stable")
    joint = w[:, None] * post
    cuts = _best_cuts(joint[order], n_labels)
    labels = np.empty(len(w), np.int64)
    labels[order] = np.searchsorted(cuts, np.arange(len(w)), side="right")
    information = _information(joint, labels, n_labels) / nats
    return MMIPartition(
        labels,
        information,
        _information(joint, np.arange(len(w)), len(w)) / nats,
        float(base),
        (information,),
        (labels,),
        (information,),
    )


def mmi_partition(
    posterior: ArrayLike,
    weights: ArrayLike,
    n_labels: int,
    *,
    start: ArrayLike | None = None,
    n_init: int = 10,
    rng: int | np.random.Generator = 0,
    max_iter: int = 1000,
    base: float = 2,
) -> MMIPartition:
    """Partition z into labels by the channel-matching iteration, from a given start or the best of several random ones.

    Each step takes the semantic channel that matches the labels as used, ``I_ij = log P(y_j|x_i) / P(y_j)``, and gives
    each z the label with the largest ``sum_i P(x_i|z) I_ij``; of equals, the first. A label that ends up empty
    takes the z with the largest ``P(z) KL(P(x|z) || P(x|y))``, which does not lower the information.

    Parameters
    ----------
    posterior : array of shape (N, m)
        ``P(x_i|z_k)``; rows sum to 1.
    weights : array of shape (N,)
        ``P(z_k)``; sums to 1.
    n_labels : int
        Number of labels, from 1 to N.
    start : int array of shape (N,), optional
        Labels, from 0 to ``n_labels - 1``, to start from; there is then one start.
    n_init : int
        Random starts: rows drawn one after another, the more likely the further they are from those drawn before,
        as in k-means++.
    rng : int or numpy.random.Generator
        Seed of the random starts.
    max_iter : int
        Most steps of one start.
    base : float
        Base of the logarithms: 2 for bits, ``math.e`` for nats.

    Returns
    -------
    MMIPartition
        Of the best start, with its path. A label may be unused where no further split brings information.

    Raises
    ------
    ParameterError
        If `n_labels` is not from 1 to N, `n_init` or `max_iter` below 1, `rng` no seed, `start` leaves the labels, or
        `base` is not above 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `weights` is no distribution or a row of `posterior` is none.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came before the partition stood still.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (the iteration, recalled; its equivalence to Lloyd's derived).

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([0.05, 0.1, 0.2, 0.8, 0.9])
    >>> found = mmi_partition(np.c_[1 - p, p], np.full(5, 0.2), 2, start=[0, 1, 1, 1, 1])
    >>> [labels.tolist() for labels in found.path]
    [[0, 1, 1, 1, 1], [0, 0, 0, 1, 1]]
    """
    caller = "mmi_partition"
    nats = nats_per_unit(base, caller)
    post, w = _problem(posterior, weights, n_labels, caller)
    for name, value in (("n_init", n_init), ("max_iter", max_iter)):
        if value < 1:
            raise ParameterError(f"{caller}: `{name}` must be at least 1; got {value!r}.")
    if start is None:
        source = generator(rng, caller)
        starts = [_random_start(post, w, n_labels, source) for _ in range(n_init)]
    else:
        starts = [_given_start(start, len(w), n_labels, caller)]
    joint = w[:, None] * post
    runs = [_ascend(post, w, labels, n_labels, max_iter) for labels in starts]
    path, history = max(runs, key=lambda run: run[1][-1])
    return MMIPartition(
        path[-1],
        history[-1] / nats,
        _information(joint, np.arange(len(w)), len(w)) / nats,
        float(base),
        tuple(value / nats for value in history),
        tuple(path),
        tuple(values[-1] / nats for _, values in runs),
    )


def matched_information(joint: Floats, labels: Ints, n_labels: int) -> Floats:
    """Semantic channel that matches labels as used, ``I_ij = log P(x_i|y_j) / P(x_i)``.

    Parameters
    ----------
    joint : array of shape (N, m)
        ``P(z_k, x_i)``.
    labels : int array of shape (N,)
        Label of each z.
    n_labels : int
        Number of labels.

    Returns
    -------
    ndarray of shape (m, n_labels)
        In nats, with a floor of 1e-300 under what is 0, so that sums stay finite: it is for choosing labels. -inf in
        the column of a label without weight.
    """
    cells = _cells(joint, labels, n_labels)
    mass = cells.sum(1)
    used = mass > 0
    likelihood = cells[used] / mass[used, None]
    information = np.full((joint.shape[1], n_labels), -np.inf)
    information[:, used] = (np.log(np.maximum(likelihood, _FLOOR)) - np.log(np.maximum(joint.sum(0), _FLOOR))).T
    return information


def _ascend(
    post: Floats, weights: Floats, labels: Ints, n_labels: int, max_iter: int
) -> tuple[list[Ints], list[float]]:
    """Channel-matching steps from a start: the labels and the information at each."""
    joint = weights[:, None] * post
    path, history = [labels], [_information(joint, labels, n_labels)]
    for _ in range(max_iter):
        labels = _refill(post, weights, _step(post, joint, path[-1], n_labels), n_labels)
        information = _information(joint, labels, n_labels)
        if (labels == path[-1]).all() or information - history[-1] <= _NO_GAIN:
            # rows without weight moved no information, but their labels are asked for too
            path[-1] = np.where(weights > 0, path[-1], labels)
            return path, history
        path.append(labels)
        history.append(information)
    warnings.warn(
        f"mmi_partition: labels still moved after `max_iter` = {max_iter} steps.", ConvergenceWarning, stacklevel=3
    )
    return path, history


def _step(post: Floats, joint: Floats, labels: Ints, n_labels: int) -> Ints:
    information = matched_information(joint, labels, n_labels)
    used = np.flatnonzero(information[0] > -np.inf)
    scores = np.full((len(post), n_labels), -np.inf)
    scores[:, used] = post @ information[:, used]
    return scores.argmax(1).astype(np.int64)


def _refill(post: Floats, weights: Floats, labels: Ints, n_labels: int) -> Ints:
    """Give each empty label the z that its own label describes worst, while that brings information."""
    labels = labels.copy()
    joint = weights[:, None] * post
    for empty in np.flatnonzero(np.bincount(labels, weights, n_labels) == 0):
        cells = _cells(joint, labels, n_labels)
        centres = cells / np.maximum(cells.sum(1), _FLOOR)[:, None]
        loss = weights * (xlogy(post, post) - xlogy(post, np.maximum(centres[labels], _FLOOR))).sum(1)
        worst = int(np.argmax(loss))
        if loss[worst] <= _NO_GAIN:
            break
        labels[worst] = empty
    return labels


def _random_start(post: Floats, weights: Floats, n_labels: int, rng: np.random.Generator) -> Ints:
    px = weights @ post
    entropy = xlogy(post, post).sum(1)
    divergence = np.full((len(post), n_labels), np.inf)
    chance = weights
    for j in range(n_labels):
        centre = 0.5 * (post[rng.choice(len(post), p=chance / chance.sum())] + px)  # finite divergence from all
        divergence[:, j] = entropy - xlogy(post, np.where(px > 0, centre, 1.0)).sum(1)
        far = weights * np.maximum(divergence[:, : j + 1].min(1), 0.0)
        chance = far if far.sum() > 0 else weights
    return divergence.argmin(1).astype(np.int64)


def _given_start(start: ArrayLike, rows: int, n_labels: int, caller: str) -> Ints:
    labels = np.asarray(start)
    if labels.dtype.kind not in "iu":
        raise KindError(f"{caller}: `start` must hold integer labels; got dtype {labels.dtype}.")
    if labels.shape != (rows,):
        raise ShapeError(f"{caller}: `start` must have one label per row, shape ({rows},); got {labels.shape}.")
    if labels.min() < 0 or labels.max() >= n_labels:
        raise ParameterError(
            f"{caller}: `start` must hold labels from 0 to {n_labels - 1}; got {labels.min()} to {labels.max()}."
        )
    return labels.astype(np.int64)


def _best_cuts(joint: Floats, n_labels: int) -> Ints:
    """First rows of the second and later intervals that carry most information."""
    total = len(joint)
    sums = np.vstack([np.zeros(joint.shape[1]), np.cumsum(joint, axis=0)])
    best = np.full((n_labels, total + 1), -np.inf)  # of the first `end` rows in `label + 1` intervals
    first = np.zeros((n_labels, total + 1), np.int64)
    for end in range(1, total + 1):
        cells = np.maximum(sums[end] - sums[:end], 0.0)
        value = xlogy(cells, cells).sum(1)
        mass = cells.sum(1)
        value -= xlogy(mass, mass)
        best[0, end] = value[0]
        candidates = best[:-1, :end] + value
        where = candidates.argmax(1)
        first[1:, end] = where
        best[1:, end] = candidates[np.arange(n_labels - 1), where]
    cuts = np.zeros(n_labels - 1, np.int64)
    end = total
    for label in range(n_labels - 1, 0, -1):
        end = cuts[label - 1] = first[label, end]
    return cuts


def _cells(joint: Floats, labels: Ints, n_labels: int) -> Floats:
    return np.stack([np.bincount(labels, column, n_labels).astype(np.float64) for column in joint.T], axis=1)


def _information(joint: Floats, labels: Ints, n_labels: int) -> float:
    cells = _cells(joint, labels, n_labels)
    independent = cells.sum(1)[:, None] * joint.sum(0)
    return float(xlogy(cells, cells).sum() - xlogy(cells, independent).sum())


def _problem(posterior: ArrayLike, weights: ArrayLike, n_labels: int, caller: str) -> tuple[Floats, Floats]:
    w = distribution(weights, caller, "weights")
    post = channel(posterior, caller, "posterior")
    if len(post) != len(w):
        raise ShapeError(f"{caller}: `posterior` must have one row per entry of `weights`, {len(w)}; got {len(post)}.")
    if not 1 <= n_labels <= len(w):
        raise ParameterError(f"{caller}: `n_labels` must be from 1 to the number of rows, {len(w)}; got {n_labels!r}.")
    return post, w
