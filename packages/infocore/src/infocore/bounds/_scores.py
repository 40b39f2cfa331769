"""The matrix of scores: its checks, each positive beside the log-mean-exp around it, and means over its parts."""

import math
from collections.abc import Callable
from typing import Any, Literal

from infocore._namespace import Array, namespace
from infocore.errors import ParameterError, ShapeError

__all__ = ["against_product", "influence", "matrix", "pointwise"]


def pointwise(
    scores: Array, *, over: Literal["x", "y"], positive: Literal["included", "excluded"] = "included"
) -> Array:
    r"""Each positive score minus the log-mean-exp of the scores around it.

    .. math:: r_i = s_{ii} - \log \frac1K \sum_k e^{s_{ik}} \quad (\text{over y}), \qquad
              r_i = s_{ii} - \log \frac1B \sum_k e^{s_{ki}} \quad (\text{over x})

    Parameters
    ----------
    scores : array of shape (B, K), K >= B
        ``scores[i, k] = f(x_i, y_k)``, positives on the diagonal. Negatives may be -inf, positives must be finite.
    over : {"y", "x"}
        What the mean runs over: "y" along row i (other y for this x), "x" along column i (other x for this y, which
        needs K = B). The two estimate different quantities, so there is no default.
    positive : {"included", "excluded"}
        Whether the mean holds the positive itself. "excluded" is the mean over the K - 1 others: a consistent
        estimate of the population quantity, but no bound; with no other (K = 1) it is +inf.

    Returns
    -------
    array of shape (B,)
        In nats, of the library, dtype and device of `scores`.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, is empty, has fewer columns than rows, or is not square with ``over="x"``.
    ParameterError
        If `over` or `positive` is not one of its values.

    Notes
    -----
    Computed as ``log K - logsumexp_k(s_ik - s_ii)``: the differences are taken first, so a large common offset of
    the scores costs no precision.

    Examples
    --------
    >>> import numpy as np
    >>> pointwise(np.array([[2.0, 0.0], [0.0, 2.0]]), over="y").round(4).tolist()
    [0.5662, 0.5662]
    """
    if over not in ("x", "y"):
        raise ParameterError(f"pointwise: `over` must be 'x' or 'y'; got {over!r}.")
    if positive not in ("included", "excluded"):
        raise ParameterError(f"pointwise: `positive` must be 'included' or 'excluded'; got {positive!r}.")
    xp, s = matrix(scores, "pointwise", square=over == "x")
    if over == "x":
        s = s.T
    r = xp.diagonal(s)
    gap = s - r[:, None]
    count = s.shape[1]
    if positive == "excluded":
        if count == 1:
            return xp.full_like(r, math.inf)
        gap, count = xp.fill_diagonal(gap, -math.inf), count - 1
    return math.log(count) - xp.logsumexp(gap, 1)


def influence(scores: Array, *, over: Literal["x", "y"]) -> Array:
    r"""Influence of each pair on the mean of `pointwise`, for standard errors.

    A pair takes part in the mean twice: as a positive, through its own :math:`r_i`, and as a negative of the others,
    through :math:`1 - \frac1B \sum_k K w_{ki}` with :math:`w_k` the softmax of row k. The standard deviation of the
    sum over :math:`\sqrt B` is the standard error of the mean for a critic fitted on other data.

    Parameters
    ----------
    scores : array of shape (B, B)
        ``scores[i, k] = f(x_i, y_k)``, positives on the diagonal.
    over : {"y", "x"}
        As in `pointwise`.

    Returns
    -------
    array of shape (B,)
        Values whose mean is that of ``pointwise(scores, over=over)``, in nats.

    Raises
    ------
    ShapeError
        If `scores` is not a square matrix.

    Examples
    --------
    >>> import numpy as np
    >>> influence(np.array([[2.0, 0.0], [0.0, 2.0]]), over="y").round(4).tolist()
    [0.5662, 0.5662]
    """
    xp, s = matrix(scores, "influence", square=True)
    r = pointwise(s, over=over)
    if over == "x":
        s = s.T
    count = s.shape[0]
    lifted = s - xp.diagonal(s)[:, None] + r[:, None]  # log(K w_ki): log-mean-exp of a row is 0
    as_negative = xp.exp(xp.logsumexp(lifted, 0) - math.log(count))
    return r + 1.0 - as_negative


def matrix(scores: Any, caller: str, *, square: bool = False, negatives: bool = False) -> tuple[Any, Array]:
    """Check the shape of a score matrix once, and return it with the functions of its library."""
    xp = namespace(scores)
    s = xp.asarray(scores, f"{caller}: `scores`")
    if s.ndim != 2:
        raise ShapeError(f"{caller}: `scores` must be a matrix, rows x and columns y; got {s.ndim} axes.")
    rows, columns = s.shape
    if rows == 0 or columns < rows:
        raise ShapeError(
            f"{caller}: `scores` needs a positive for each row on its diagonal, so at least one row and as many "
            f"columns as rows; got shape ({rows}, {columns})."
        )
    if square and rows != columns:
        raise ShapeError(f"{caller}: the mean over x needs a square matrix; got shape ({rows}, {columns}).")
    if negatives and columns < 2:
        raise ShapeError(f"{caller}: one pair holds no negatives; `scores` needs at least two columns.")
    return xp, s


def against_product(
    xp: Any, s: Array, joint: Callable[[Any], Any], product: Callable[[Any], Any], *, hole: float
) -> Array:
    """Mean of `joint` over the diagonal minus mean of `product` over the rest; `product(hole)` is 0."""
    rows, columns = s.shape
    rest = product(xp.fill_diagonal(s, hole)).sum()
    return xp.mean(joint(xp.diagonal(s))) - rest / (rows * (columns - 1))
