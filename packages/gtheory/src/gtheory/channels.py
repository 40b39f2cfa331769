"""From Shannon channels and counts to semantic channels, and back to predictions.

`logical_probability` and `semantic_bayes` are infocore's, under the name that users of the theory look for.
"""

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, logical_probability, real, semantic_bayes

__all__ = ["logical_probability", "optimal_truth", "semantic_bayes"]


def optimal_truth(
    ch: ArrayLike | None = None, *, counts: ArrayLike | None = None, instances: ArrayLike | None = None
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

    Returns
    -------
    ndarray of shape (m, n)
        Each column has maximum 1. NaN where nothing is known: in the rows of x that were never seen and in the
        columns of labels that were never used. (Not 0, which would mean certainly false.)

    Raises
    ------
    ParameterError
        If not exactly one of `ch` and `counts` is given, or `instances` without `counts`.
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
    if ch is not None:
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
        rate = np.where(seen[:, None] > 0, table / np.where(seen > 0, seen, 1.0)[:, None], np.nan)
    known = ~np.isnan(rate)
    top = np.where(known, rate, 0.0).max(0)
    return np.where(top > 0, rate / np.where(top > 0, top, 1.0), np.nan)


def _finite(values: Floats, caller: str, name: str) -> Floats:
    if not np.isfinite(values).all():
        raise NonFiniteError(f"{caller}: `{name}` holds NaN or infinity; an x that was never seen has counts of 0.")
    return values
