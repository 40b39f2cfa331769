"""From Shannon channels, counts and likelihoods to semantic channels, and back to predictions.

Bayes' three theorems (recalled) are here: `conditional_truth` relates two logical probabilities, `semantic_bayes`
goes from truth functions to likelihoods and `truth_from_likelihood` back. That of two statistical probabilities,
``P(x|y) = P(x) P(y|x) / P(y)``, is `semantic_bayes` of a channel, as the scale of a column does not matter.
`logical_probability` and `semantic_bayes` are infocore's, under the name that users of the theory look for.
"""

import numpy as np
from numpy.typing import ArrayLike

from gtheory.truth import Coupling, conjunction
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import (
    TOLERANCE,
    Floats,
    distribution,
    logical_probability,
    real,
    semantic_bayes,
)

__all__ = ["conditional_truth", "logical_probability", "optimal_truth", "semantic_bayes", "truth_from_likelihood"]


def optimal_truth(
    ch: ArrayLike | None = None,
    *,
    counts: ArrayLike | None = None,
    instances: ArrayLike | None = None,
    smoothing: float = 0.0,
) -> Floats:
    r"""Truth functions that fit how labels are used, :math:`T^*(\theta_j|x) = P(y_j|x) / \max_x P(y_j|x)`.

    They make G as large as it can be, equal to the Shannon information R, and predict ``P(x|y_j)`` under any other
    prior of x too, as only the shape of ``P(y_j|x)`` in x enters.

    Parameters
    ----------
    ch : array of shape (m, n), optional
        ``P(y_j|x_i)`` in [0, 1]. Rows need not sum to 1, as one x may carry several labels.
    counts : array of shape (m, n), optional
        How often label j was given to x_i. Either `ch` or `counts`.
    instances : array of shape (m,), optional
        With `counts`: how often each x was seen. The row sums by default, which is right for one label per instance;
        where an instance carries several labels, or none, give it.
    smoothing : float
        With `counts`: pseudo-counts added, for each x, to each label's count; with `instances`, where each label is
        a question of its own, to the counts of having it and of not having it. Then nothing is NaN: an x that was
        never seen has every label at the same rate.

    Returns
    -------
    ndarray of shape (m, n)
        Each column has maximum 1. NaN where nothing is known: in the rows of x that were never seen and in the
        columns of labels that were never used. (Not 0, which would mean certainly false.)

    Raises
    ------
    ParameterError
        If not exactly one of `ch` and `counts` is given, `instances` or `smoothing` without `counts`, or `smoothing`
        is negative or not finite.
    ShapeError, KindError
        If the arrays do not fit together or are not real.
    NonFiniteError
        If they hold NaN or infinity.
    InvalidDistributionError
        If `ch` leaves [0, 1], a count is negative, or a label was given more often than its x was seen.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (formula recalled).

    Examples
    --------
    >>> optimal_truth([[0.9, 0.1], [0.2, 0.8]]).round(4).tolist()
    [[1.0, 0.125], [0.2222, 1.0]]
    >>> optimal_truth(counts=[[3, 1], [0, 0], [1, 3]]).round(4).tolist()
    [[1.0, 0.3333], [nan, nan], [0.3333, 1.0]]
    """
    caller = "optimal_truth"
    if (ch is None) == (counts is None):
        raise ParameterError(f"{caller}: give either `ch` or `counts`; got {'neither' if ch is None else 'both'}.")
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise ParameterError(f"{caller}: `smoothing` must be finite and not negative; got {smoothing!r}.")
    if ch is not None:
        if smoothing > 0:
            raise ParameterError(f"{caller}: `smoothing` goes with `counts`; a channel has its rates already.")
        if instances is not None:
            raise ParameterError(f"{caller}: `instances` goes with `counts`; a channel has its rates already.")
        rate = _finite(real(ch, caller, "ch", ndim=2), caller, "ch")
        if rate.min() < 0 or rate.max() > 1:
            raise InvalidDistributionError(
                f"{caller}: `ch` must hold probabilities in [0, 1]; got {rate.min():.6g} to {rate.max():.6g}. "
                "For counts use `counts`."
            )
    else:
        table = _finite(real(np.asarray(counts), caller, "counts", ndim=2), caller, "counts")
        if table.min() < 0:
            raise InvalidDistributionError(f"{caller}: `counts` must not be negative; got {table.min():.6g}.")
        seen = table.sum(1)
        if instances is not None:
            seen = _finite(real(instances, caller, "instances", ndim=1), caller, "instances")
            if len(seen) != len(table):
                raise ShapeError(
                    f"{caller}: `instances` must have one entry per row of `counts`, {len(table)}; got {len(seen)}."
                )
            if (table > seen[:, None]).any():
                row = int(np.argmax((table > seen[:, None]).any(1)))
                raise InvalidDistributionError(
                    f"{caller}: `counts` gives a label to x {row} {table[row].max():g} times, but by `instances` "
                    f"it was seen {seen[row]:g} times."
                )
        table = table + smoothing
        seen = seen + smoothing * (2 if instances is not None else table.shape[1])
        rate = np.where(seen[:, None] > 0, table / np.where(seen > 0, seen, 1.0)[:, None], np.nan)
    known = ~np.isnan(rate)
    top = np.where(known, rate, 0.0).max(0)
    return np.where(top > 0, rate / np.where(top > 0, top, 1.0), np.nan)


def truth_from_likelihood(px: ArrayLike, likelihood: ArrayLike, *, log: bool = False) -> Floats:
    r"""Truth functions behind likelihoods, :math:`T(\theta_j|x) = T(\theta_j) P(x|\theta_j) / P(x)`.

    The way back from `semantic_bayes` (Bayes' theorem III). That the truth function reaches 1 somewhere makes the
    logical probability :math:`T(\theta_j) = 1 / \max_x [P(x|\theta_j) / P(x)]`; `logical_probability` of the result
    is that.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    likelihood : array of shape (m, n)
        ``P(x_i|theta_j)``; each column sums to 1. ``P(x|y)``, estimated under the same prior, is one.
    log : bool
        Whether `likelihood` holds logarithms; the result is then a logarithm too.

    Returns
    -------
    ndarray of shape (m, n)
        Each column has maximum 1. NaN in the rows of x that do not occur, as nothing is known there.

    Raises
    ------
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` or a column of `likelihood` is no distribution, or a label predicts an x that does not occur.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (recalled; derived).

    Examples
    --------
    >>> truth_from_likelihood([0.5, 0.5], [[0.8, 0.0], [0.2, 1.0]]).round(6).tolist()
    [[1.0, 0.0], [0.25, 1.0]]
    """
    caller = "truth_from_likelihood"
    p = distribution(px, caller, "px")
    given = real(likelihood, caller, "likelihood", ndim=2)
    if len(given) != len(p):
        raise ShapeError(
            f"{caller}: `likelihood` must have one row per entry of `px`, {len(p)}; got shape {given.shape}."
        )
    if np.isnan(given).any() or (given == np.inf).any():
        raise NonFiniteError(f"{caller}: `likelihood` holds NaN or infinity.")
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        log_like = given if log else np.log(given)
        sums = np.exp(log_like).sum(0)
    worst = int(np.argmax(np.abs(sums - 1.0))) if np.isfinite(sums).all() else int(np.argmin(np.isfinite(sums)))
    if not abs(sums[worst] - 1.0) <= TOLERANCE:
        raise InvalidDistributionError(
            f"{caller}: each column of `likelihood` must be a distribution over x, non-negative with sum 1; got a sum "
            f"of {sums[worst]:.9g} in column {worst}. For `P(y|x)` use `optimal_truth`."
        )
    absent = p == 0
    if (log_like[absent] > -np.inf).any():
        label = int(np.argmax((log_like[absent] > -np.inf).any(0)))
        raise InvalidDistributionError(
            f"{caller}: `likelihood` lets label {label} predict an x of which `px` is 0; no truth function does."
        )
    ratio = log_like[~absent] - np.log(p[~absent])[:, None]
    log_truth = np.full(given.shape, np.nan)
    log_truth[~absent] = ratio - ratio.max(0)
    return log_truth if log else np.exp(log_truth)


def conditional_truth(px: ArrayLike, truth: ArrayLike, given: ArrayLike, *, coupling: Coupling) -> float:
    r"""Logical probability of one label where another is true, :math:`T(B|A) = T(A \wedge B) / T(A)`.

    With the two exchanged it obeys Bayes' theorem I, ``T(B|A) T(A) = T(A|B) T(B)``.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1.
    truth : array of shape (m,)
        ``T(B|x)``, in [0, 1].
    given : array of shape (m,)
        ``T(A|x)``, in [0, 1].
    coupling : {"comonotone", "independent", "countermonotone"}
        How the random sets of the two are drawn together, as in `gtheory.truth.conjunction`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ParameterError
        If `coupling` is not one of its values.
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If `px` is no distribution, a truth leaves [0, 1], or `given` is false wherever `px` is positive.

    References
    ----------
    .. [1] C. Lu, "The P-T Probability Framework for Semantic Communication, Falsification, Confirmation, and Bayesian
       Reasoning", Philosophies 5:25, 2020 (recalled; the choice of couplings derived).

    Examples
    --------
    >>> adult, old = [0.1, 0.9, 1.0], [0.0, 0.1, 0.9]
    >>> round(conditional_truth([0.3, 0.5, 0.2], old, adult, coupling="comonotone"), 6)
    0.338235
    >>> conditional_truth([0.3, 0.5, 0.2], adult, old, coupling="comonotone")
    1.0
    """
    caller = "conditional_truth"
    p = distribution(px, caller, "px")
    columns: list[Floats] = []
    for name, values in (("truth", truth), ("given", given)):
        column = real(values, caller, name, ndim=1)
        if len(column) != len(p):
            raise ShapeError(f"{caller}: `{name}` must have one entry per entry of `px`, {len(p)}; got {len(column)}.")
        _finite(column, caller, name)
        if column.min() < 0 or column.max() > 1 + TOLERANCE:
            raise InvalidDistributionError(
                f"{caller}: `{name}` must hold degrees of truth in [0, 1]; got {column.min():.6g} to "
                f"{column.max():.6g}."
            )
        columns.append(np.minimum(column, 1.0))  # within the tolerance above 1 it is rounding
    of, condition = columns
    both = float(p @ conjunction(of, condition, coupling=coupling))
    alone = float(p @ condition)
    if alone == 0:
        raise InvalidDistributionError(
            f"{caller}: `given` is false wherever `px` is positive, so what holds where it is true is undefined."
        )
    return both / alone


def _finite(values: Floats, caller: str, name: str) -> Floats:
    if not np.isfinite(values).all():
        raise NonFiniteError(f"{caller}: `{name}` holds NaN or infinity. An x that was never seen has counts of 0.")
    return values
