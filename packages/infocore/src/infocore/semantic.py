r"""Semantic information on arrays: truth matrices, logical probability, semantic Bayes, G and R.

Rows are values of x, columns are labels y. ``px`` (m,) is the prior, ``truth`` (m, n) holds ``T(theta_j|x_i)`` in
[0, 1], ``ch`` (m, n) the Shannon channel ``P(y_j|x_i)``. A truth function is a membership function: its columns need
not sum to anything, and scaling a column changes no information. Everything is in nats and computed in log space;
``log=True`` takes ``log T`` where T itself would underflow.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, xlogy

from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ShapeError

__all__ = [
    "Floats",
    "SemanticInformation",
    "channel",
    "distribution",
    "logical_probability",
    "real",
    "semantic_bayes",
    "semantic_information",
    "truth_values",
]

Floats = NDArray[np.float64]

TOLERANCE = 1e-8  # how far a sum may be from 1, and a truth value above 1, before it is an error rather than rounding


@dataclasses.dataclass(frozen=True, eq=False)
class SemanticInformation:
    r"""What a semantic channel says about x when its labels are used through a Shannon channel. In nats.

    Parameters
    ----------
    g : float
        Semantic mutual information :math:`G = \sum_{ij} P(x_i, y_j) \log T(\theta_j|x_i)/T(\theta_j)`. Negative where
        the labels mislead, -inf where one is used of an x it is certainly false of.
    r : float
        Shannon mutual information :math:`R = I(X; Y) \ge G`.
    semantic_entropy : float
        :math:`-\sum_j P(y_j) \log T(\theta_j)`.
    fuzzy_entropy : float
        :math:`-\sum_{ij} P(x_i, y_j) \log T(\theta_j|x_i)`, the mean semantic distortion; ``g`` is the difference.
    pointwise : ndarray of shape (m, n)
        :math:`I(x_i; \theta_j) = \log T(\theta_j|x_i)/T(\theta_j)`. NaN in the column of a label that is never used
        and false everywhere.
    per_label : ndarray of shape (n,)
        Mean of `pointwise` under :math:`P(x|y_j)`. NaN for a label that is never used, as that law is undefined.
    py : ndarray of shape (n,)
        How often each label is used.
    logical_probability : ndarray of shape (n,)
        How often each label is true.
    """

    g: float
    r: float
    semantic_entropy: float
    fuzzy_entropy: float
    pointwise: Floats
    per_label: Floats
    py: Floats
    logical_probability: Floats


def logical_probability(px: ArrayLike, truth: ArrayLike, *, log: bool = False) -> Floats:
    r"""Logical probability of each label, :math:`T(\theta_j) = \sum_i P(x_i) T(\theta_j|x_i)`.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    log : bool
        Whether `truth` holds log T; the result is then a logarithm too.

    Returns
    -------
    ndarray of shape (n,)
        The probability that a label is true of x. Over labels it may sum to more than 1.

    Raises
    ------
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` is no distribution or `truth` leaves [0, 1].

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999 (recalled).

    Examples
    --------
    >>> logical_probability([0.5, 0.5], [[1.0, 0.2], [0.2, 1.0]]).round(6).tolist()
    [0.6, 0.6]
    """
    caller = "logical_probability"
    p = distribution(px, caller, "px")
    log_truth = truth_values(truth, caller, rows=len(p), log=log)
    log_lp = _log_lp(p, log_truth)
    return log_lp if log else np.exp(log_lp)


def semantic_bayes(px: ArrayLike, truth: ArrayLike, *, log: bool = False) -> Floats:
    r"""Law of x that a label predicts, :math:`P(x|\theta_j) = P(x) T(\theta_j|x) / T(\theta_j)`.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1. It need not be the prior under which `truth` was learned.
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    log : bool
        Whether `truth` holds log T; the result is then a logarithm too.

    Returns
    -------
    ndarray of shape (m, n)
        Likelihoods: each column sums to 1.

    Raises
    ------
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` is no distribution, `truth` leaves [0, 1], or a label is false wherever `px` is positive.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (recalled).

    Examples
    --------
    >>> semantic_bayes([0.5, 0.5], [[1.0, 0.0], [0.25, 1.0]]).round(6).tolist()
    [[0.8, 0.0], [0.2, 1.0]]
    """
    caller = "semantic_bayes"
    p = distribution(px, caller, "px")
    log_truth = truth_values(truth, caller, rows=len(p), log=log)
    log_lp = _log_lp(p, log_truth)
    _refuse_false(log_lp, np.ones(len(log_lp), dtype=bool), caller)
    log_like = _log(p)[:, None] + log_truth - log_lp
    return log_like if log else np.exp(log_like)


def semantic_information(px: ArrayLike, truth: ArrayLike, ch: ArrayLike, *, log: bool = False) -> SemanticInformation:
    r"""Semantic mutual information G of a truth matrix used through a Shannon channel, beside its rate R.

    .. math:: G = \sum_{ij} P(x_i) P(y_j|x_i) \log \frac{T(\theta_j|x_i)}{T(\theta_j)}
                = R - \sum_j P(y_j)\, \mathrm{KL}\bigl(P(x|y_j) \,\|\, P(x|\theta_j)\bigr)

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    truth : array of shape (m, n)
        Truth matrix in [0, 1], or its logarithm with ``log=True``.
    ch : array of shape (m, n)
        ``P(y_j|x_i)``; rows sum to 1.
    log : bool
        Whether `truth` holds log T.

    Returns
    -------
    SemanticInformation
        In nats.

    Raises
    ------
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` or a row of `ch` is no distribution (sums are held to 1e-8), `truth` leaves [0, 1], or a label that is
        used is false wherever `px` is positive.

    Notes
    -----
    G is the mean log normalised likelihood, a lower bound on R of the Barber-Agakov type; it meets R where
    ``P(x|theta_j) = P(x|y_j)`` for every label in use.

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999 (recalled).
    .. [2] D. Barber, F. Agakov, "The IM Algorithm", NIPS 2003.

    Examples
    --------
    >>> info = semantic_information([0.5, 0.5], [[1.0, 0.2], [0.2, 1.0]], [[0.9, 0.1], [0.1, 0.9]])
    >>> round(info.g, 4), round(info.r, 4)
    (0.3499, 0.3681)
    """
    caller = "semantic_information"
    p = distribution(px, caller, "px")
    log_truth = truth_values(truth, caller, rows=len(p), log=log)
    w = channel(ch, caller, "ch", shape=log_truth.shape)
    joint = p[:, None] * w
    py = joint.sum(0)
    used = py > 0
    log_lp = _log_lp(p, log_truth)
    _refuse_false(log_lp, used, caller)
    known = log_lp > -np.inf
    pointwise = np.where(known, log_truth - np.where(known, log_lp, 0.0), np.nan)
    terms = _times(joint, pointwise)
    per_label = np.where(used, terms.sum(0) / np.where(used, py, 1.0), np.nan)
    return SemanticInformation(
        g=float(terms.sum()),
        r=float(np.sum(xlogy(joint, w) - xlogy(joint, py))),
        semantic_entropy=-float(_times(py, log_lp).sum()),
        fuzzy_entropy=-float(_times(joint, log_truth).sum()),
        pointwise=pointwise,
        per_label=per_label,
        py=py,
        logical_probability=np.exp(log_lp),
    )


def distribution(values: ArrayLike, caller: str, name: str) -> Floats:
    """Check that `values` is a probability vector and return it as float64.

    Parameters
    ----------
    values : array of shape (k,)
        Non-negative, with sum 1 to within 1e-8.
    caller, name : str
        Who asks and for which argument, for the message.

    Returns
    -------
    ndarray of shape (k,)

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If it is not one-dimensional, not real, not finite, negative somewhere or has another sum.
    """
    p = real(values, caller, name, ndim=1)
    _refuse_nonfinite(~np.isfinite(p), caller, name)
    if p.min() < 0 or abs(p.sum() - 1.0) > TOLERANCE:
        raise InvalidDistributionError(
            f"{caller}: `{name}` must be a distribution, non-negative with sum 1; got smallest entry {p.min():.3g} and "
            f"sum {p.sum():.9g}. Divide counts by their total."
        )
    return p


def channel(values: ArrayLike, caller: str, name: str, *, shape: tuple[int, ...] | None = None) -> Floats:
    """Check that each row of `values` is a probability vector and return the matrix as float64.

    Parameters
    ----------
    values : array of shape (m, n)
        Row i is a law given x_i: non-negative, with sum 1 to within 1e-8.
    caller, name : str
        Who asks and for which argument, for the message.
    shape : tuple of int, optional
        Shape that it must have.

    Returns
    -------
    ndarray of shape (m, n)

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If it is not a matrix of that shape, not real, not finite, negative somewhere or a row has another sum.
    """
    w = real(values, caller, name, ndim=2)
    if shape is not None and w.shape != shape:
        raise ShapeError(f"{caller}: `{name}` must have shape {shape}, rows x and columns labels; got {w.shape}.")
    _refuse_nonfinite(~np.isfinite(w), caller, name)
    sums = w.sum(1)
    worst = int(np.argmax(np.abs(sums - 1.0)))
    if w.min() < 0 or abs(sums[worst] - 1.0) > TOLERANCE:
        raise InvalidDistributionError(
            f"{caller}: each row of `{name}` must be a distribution over labels, non-negative with sum 1; got smallest "
            f"entry {w.min():.3g} and a sum of {sums[worst]:.9g} in row {worst}. Divide counts by their row sums."
        )
    return w


def truth_values(values: ArrayLike, caller: str, *, rows: int, log: bool) -> Floats:
    """Check a truth matrix and return its logarithm.

    Parameters
    ----------
    values : array of shape (rows, n)
        In [0, 1] to within 1e-8, or with ``log=True`` the logarithms: at most 0, -inf allowed.
    caller : str
        Who asks, for the message.
    rows : int
        Number of values of x.
    log : bool
        Whether `values` are logarithms.

    Returns
    -------
    ndarray of shape (rows, n)
        log T.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If it is no matrix with that many rows, not real, holds NaN, or leaves [0, 1].
    """
    t = real(values, caller, "truth", ndim=2)
    if len(t) != rows:
        raise ShapeError(f"{caller}: `truth` must have one row per entry of `px`, {rows}; got shape {t.shape}.")
    _refuse_nonfinite(np.isnan(t), caller, "truth")
    low, high = (-np.inf, 0.0) if log else (0.0, 1.0)
    if t.min() < low or t.max() > high + TOLERANCE:
        what = "log T, at most 0" if log else "degrees of truth in [0, 1]"
        raise InvalidDistributionError(
            f"{caller}: `truth` must hold {what}; got values from {t.min():.6g} to {t.max():.6g}. "
            "Divide each column by its maximum: information does not depend on a column's scale."
        )
    return t if log else _log(t)


def _log_lp(px: Floats, log_truth: Floats) -> Floats:
    return np.asarray(logsumexp(log_truth + _log(px)[:, None], axis=0), dtype=np.float64)


def _refuse_false(log_lp: Floats, used: NDArray[np.bool_], caller: str) -> None:
    """A label that is used, or asked about, must be true of something that can happen."""
    false = np.flatnonzero(used & (log_lp == -np.inf))
    if len(false):
        raise InvalidDistributionError(
            f"{caller}: `truth` makes label {false[0]} false wherever `px` is positive (logical probability 0; "
            f"{len(false)} of {len(log_lp)} labels), so what it says about x is undefined. Leave such labels out, or "
            "give them a truth function with some disbelief."
        )


def _log(values: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _times(weights: Floats, values: Floats) -> Floats:
    """`weights * values` with 0 times anything 0, as 0 log 0 = 0."""
    return np.where(weights > 0, weights * np.where(weights > 0, values, 0.0), 0.0)


def real(values: Any, caller: str, name: str, *, ndim: int) -> Floats:
    """Check that `values` is a real array with `ndim` axes, not empty, and return it as float64.

    Parameters
    ----------
    values : array
        Numbers; they may be infinite or NaN.
    caller, name : str
        Who asks and for which argument, for the message.
    ndim : {1, 2}
        Number of axes.

    Returns
    -------
    ndarray

    Raises
    ------
    ShapeError, KindError
        If it has other axes, is empty, ragged, or not real.
    """
    try:
        a = np.asarray(values)
    except ValueError as e:
        raise ShapeError(f"{caller}: `{name}` must be rectangular; its rows have different lengths.") from e
    if a.dtype.kind not in "biuf":
        raise KindError(f"{caller}: `{name}` must hold real numbers; got dtype {a.dtype}.")
    if a.ndim != ndim or a.size == 0:
        axes = "one axis" if ndim == 1 else "two axes, rows x and columns labels"
        raise ShapeError(f"{caller}: `{name}` must have {axes} and not be empty; got shape {a.shape}.")
    return a.astype(np.float64)


def _refuse_nonfinite(bad: NDArray[np.bool_], caller: str, name: str) -> None:
    if bad.any():
        rows = int(bad.any(axis=tuple(range(1, bad.ndim))).sum()) if bad.ndim > 1 else int(bad.sum())
        raise NonFiniteError(
            f"{caller}: `{name}` holds NaN or infinity in {rows} of {len(bad)} rows. Where a law was never observed it "
            "is undefined: leave those x out and renormalise, or measure them."
        )
