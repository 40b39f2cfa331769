"""Semantic information: what labels say about x, beside the rate that carries them. Results carry their unit."""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from infocore import semantic
from infocore.errors import ParameterError
from infocore.semantic import Floats, logical_probability

__all__ = ["SemanticInformation", "nats_per_unit", "semantic_distortion", "semantic_information", "unit_name"]

_UNITS = {2.0: "bits", math.e: "nats", 10.0: "hartleys"}
_ZERO_RATE = 1e-12  # nats; a rate below this is 0 with rounding


@dataclasses.dataclass(frozen=True, eq=False)
class SemanticInformation:
    r"""Semantic and Shannon information of labels in use, in the unit of `base`.

    Parameters
    ----------
    G : float
        Semantic mutual information; may be negative, and -inf where a label is used of an x it is certainly false of.
    R : float
        Shannon mutual information of x and the label; at least `G`.
    base : float
        Base of the logarithms: 2 for bits.
    semantic_entropy : float
        ``-sum_j P(y_j) log T(theta_j)``.
    fuzzy_entropy : float
        ``-sum_ij P(x_i, y_j) log T(theta_j|x_i)``, the mean semantic distortion; `G` is the difference.
    per_label : ndarray of shape (n,)
        Information of each label about x; NaN for a label that is never used.
    pointwise : ndarray of shape (m, n)
        ``log T(theta_j|x_i) / T(theta_j)``: information of label j about x_i. It is what `rate_fidelity` takes.
    py : ndarray of shape (n,)
        How often each label is used.
    logical_probability : ndarray of shape (n,)
        How often each label is true.
    """

    G: float
    R: float
    base: float
    semantic_entropy: float
    fuzzy_entropy: float
    per_label: Floats
    pointwise: Floats
    py: Floats
    logical_probability: Floats

    @property
    def loss(self) -> float:
        """R - G, the mean divergence of what labels predict from what they accompany; never negative."""
        return self.R - self.G

    @property
    def efficiency(self) -> float:
        """G / R, at most 1; NaN where R is 0 (below 1e-12 nats), as it is then undefined."""
        return self.G / self.R if self.R * math.log(self.base) > _ZERO_RATE else math.nan

    @property
    def unit(self) -> str:
        """Name of the unit: "bits", "nats", "hartleys" or the base."""
        return unit_name(self.base)

    def __str__(self) -> str:
        """One line: G, R and efficiency."""
        return f"G = {self.G:.4f}, R = {self.R:.4f} {self.unit}, efficiency {self.efficiency:.4f}"


def semantic_information(
    px: ArrayLike, truth: ArrayLike, ch: ArrayLike | None = None, base: float = 2, *, log: bool = False
) -> SemanticInformation:
    r"""Semantic mutual information of labels with given truth functions, used through a Shannon channel.

    .. math:: G = \sum_{ij} P(x_i) P(y_j|x_i) \log \frac{T(\theta_j|x_i)}{T(\theta_j)}

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    ch : array of shape (m, n), optional
        ``P(y_j|x_i)``; rows sum to 1. It can be left out only where the truth matrix is itself a channel (its rows
        sum to 1, as for a crisp or fuzzy partition): each label is then used as often as it is true, and G = R. For
        other truth matrices there may be no channel that they match, or many, so none is assumed.
    base : float
        Base of the logarithms: 2 for bits, ``math.e`` for nats.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    SemanticInformation
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `base` is not above 1, or `ch` is left out and the rows of `truth` do not sum to 1.
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` or a row of `ch` is no distribution (sums are held to 1e-8), `truth` leaves [0, 1], or a label that is
        used is false wherever `px` is positive.

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999 (recalled).

    Examples
    --------
    >>> print(semantic_information([0.5, 0.5], [[1.0, 0.2], [0.2, 1.0]], [[0.9, 0.1], [0.1, 0.9]]))
    G = 0.5048, R = 0.5310 bits, efficiency 0.9506
    """
    nats = nats_per_unit(base, "semantic_information")
    if ch is None:
        # checks px and truth first, so that what is said below is about a valid truth matrix
        logical_probability(px, truth, log=log)
        values = np.asarray(truth, dtype=np.float64)
        ch = np.exp(values) if log else values
        sums = ch.sum(1)
        if np.abs(sums - 1.0).max() > semantic.TOLERANCE:
            raise ParameterError(
                "semantic_information: `ch` can be left out only where the rows of `truth` sum to 1, so that labels "
                f"can be used as often as they are true; got sums from {sums.min():.6g} to {sums.max():.6g}. Give the "
                "channel `ch`, or find one with `rate_fidelity`."
            )
    info = semantic.semantic_information(px, truth, ch, log=log)
    return SemanticInformation(
        G=info.g / nats,
        R=info.r / nats,
        base=float(base),
        semantic_entropy=info.semantic_entropy / nats,
        fuzzy_entropy=info.fuzzy_entropy / nats,
        per_label=info.per_label / nats,
        pointwise=info.pointwise / nats,
        py=info.py,
        logical_probability=info.logical_probability,
    )


def semantic_distortion(truth: ArrayLike, base: float = 2, *, log: bool = False) -> Floats:
    r"""Distortion of saying a label of an x, :math:`d(y_j|x_i) = \log 1 / T(\theta_j|x_i)`.

    Its mean under the joint law is the fuzzy entropy; `gtheory.truth.from_distortion` is the way back (from nats).

    Parameters
    ----------
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    base : float
        Base of the logarithms: 2 for bits.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    ndarray of shape (m, n)
        In the unit of `base`; infinite where the label is certainly false.

    Raises
    ------
    ParameterError
        If `base` is not above 1.
    ShapeError, KindError, NonFiniteError
        If `truth` is not a real matrix, or holds NaN.
    InvalidDistributionError
        If it leaves [0, 1].

    Examples
    --------
    >>> semantic_distortion([[1.0, 0.25], [0.0, 1.0]]).tolist()
    [[0.0, 2.0], [inf, 0.0]]
    """
    caller = "semantic_distortion"
    nats = nats_per_unit(base, caller)
    matrix = semantic.real(truth, caller, "truth", ndim=2)
    log_truth = semantic.truth_values(matrix, caller, rows=len(matrix), log=log)
    return np.maximum(-log_truth, 0.0) / nats  # within the tolerance above 1 it is rounding


def nats_per_unit(base: float, caller: str) -> float:
    """Nats in one unit of information to the base given.

    Parameters
    ----------
    base : float
        Above 1.
    caller : str
        Who asks, for the message.

    Returns
    -------
    float
        ``log(base)``.

    Raises
    ------
    ParameterError
        If `base` is not finite and above 1.
    """
    if not (math.isfinite(base) and base > 1):
        raise ParameterError(f"{caller}: `base` must be above 1 (2 for bits, math.e for nats); got {base!r}.")
    return math.log(base)


def unit_name(base: float) -> str:
    """Name of the unit of information to the base given.

    Parameters
    ----------
    base : float
        Above 1.

    Returns
    -------
    str
        "bits", "nats", "hartleys", or the base itself.
    """
    return _UNITS.get(float(base), f"units of log {base:g}")
