"""Checks that the estimators of this folder share."""

# scikit-learn's types are partly unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, real

__all__ = ["check_choice", "labelled", "sample_weights", "validate"]

validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default


def labelled(
    model: Any, X: ArrayLike, y: Any, caller: str
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[Any], bool]:
    """Check records with a class vector or an indicator matrix.

    Parameters
    ----------
    model : estimator
        Whose `n_features_in_` and names of columns are set.
    X : array of shape (n, d)
        Records.
    y : array of shape (n,) or (n, L)
        Classes, or 0 and 1 with NaN where a label is missing. A single column without NaN is a class vector.
    caller : str
        Who asks, for the message.

    Returns
    -------
    x : ndarray of shape (n, d)
    given : ndarray of shape (n, L)
        1 where a row carries a label, else 0.
    known : bool ndarray of shape (n, L)
        Whether that is known.
    classes : ndarray of shape (L,)
        Names of the labels.
    multilabel : bool
        Whether `y` is an indicator matrix.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
        If they are not that.
    """
    table = None if y is None else np.asarray(y.toarray() if issparse(y) else y)
    if table is None or table.ndim != 2 or (table.shape[1] == 1 and not _has_nan(table)):
        x, target = validate(model, X, y, dtype=np.float64)
        check_classification_targets(target)
        classes, codes = np.unique(target, return_inverse=True)
        given = np.eye(len(classes))[codes]
        return x, given, np.ones(given.shape, np.bool_), classes, False
    x = validate(model, X, dtype=np.float64)
    try:
        table = table.astype(np.float64)
    except (TypeError, ValueError) as e:
        raise KindError(f"{caller}: `y` with several columns must be a matrix of 0, 1 and NaN; {e}.") from e
    if len(table) != len(x):
        raise ShapeError(f"{caller}: `y` must have one row per row of `X`, {len(x)}; got {len(table)}.")
    if np.isinf(table).any():
        raise NonFiniteError(f"{caller}: `y` holds infinity; a missing label is NaN.")
    known = ~np.isnan(table)
    other = table[known & (table != 0) & (table != 1)]
    if len(other):
        raise InvalidDistributionError(
            f"{caller}: `y` with several columns must hold 0, 1 and NaN for a missing label; got {other[0]:g}."
        )
    return x, np.where(known, table, 0.0), known, np.arange(table.shape[1]), True


def sample_weights(values: ArrayLike | None, rows: int, caller: str) -> Floats:
    """Check sample weights and return them as float64; ones if there are none.

    Parameters
    ----------
    values : array of shape (rows,) or None
        Finite, not negative, not all zero.
    rows : int
        Number of samples.
    caller : str
        Who asks, for the message.

    Returns
    -------
    ndarray of shape (rows,)

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If they are not that.
    """
    if values is None:
        return np.ones(rows)
    weights = real(values, caller, "sample_weight", ndim=1)
    if len(weights) != rows:
        raise ShapeError(f"{caller}: `sample_weight` must have one entry per row, {rows}; got {len(weights)}.")
    if not np.isfinite(weights).all():
        raise NonFiniteError(f"{caller}: `sample_weight` holds NaN or infinity.")
    if weights.min() < 0 or weights.sum() == 0:
        raise InvalidDistributionError(
            f"{caller}: `sample_weight` must not be negative, nor zero everywhere; got {weights.min():.6g} to "
            f"{weights.max():.6g}."
        )
    return weights


def check_choice(value: Any, allowed: tuple[str, ...], caller: str, name: str) -> None:
    """Refuse a setting that is not one of its values.

    Parameters
    ----------
    value : object
        What was given.
    allowed : tuple of str
        What may be.
    caller, name : str
        Who asks and for which argument, for the message.

    Raises
    ------
    ParameterError
        If `value` is not among `allowed`.
    """
    if value not in allowed:
        raise ParameterError(f"{caller}: `{name}` must be one of {', '.join(map(repr, allowed))}; got {value!r}.")


def _has_nan(table: NDArray[Any]) -> bool:
    return table.dtype.kind == "f" and bool(np.isnan(table).any())
