"""Rows that belong together, and rows by number: what intervals and tests share."""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import holes
from infocore.errors import NonFiniteError, ParameterError, ShapeError, TooFewSamplesError
from infocore.result import MIEstimate

__all__ = ["block_ids", "by_rows", "estimating"]


def block_ids(blocks: Any, n: int, caller: str) -> NDArray[np.int64]:
    """Turn a block length, or one label a row, into block numbers 0, 1, ...

    Parameters
    ----------
    blocks : int or array of shape (n,)
        Length of consecutive blocks (for series), or the label of each row's group (for repeated measurements).
    n : int
        Number of rows.
    caller : str
        For the messages.

    Returns
    -------
    int array of shape (n,)

    Raises
    ------
    ParameterError
        If a length is not in 1 .. n/2, or the labels are of sorts that have no order together.
    NonFiniteError
        If a label is missing.
    ShapeError
        If there is not one label a row.
    TooFewSamplesError
        If all rows are in one block.

    Examples
    --------
    >>> block_ids(2, 5, "doc").tolist()
    [0, 0, 1, 1, 2]
    """
    if isinstance(blocks, (int, np.integer)) and not isinstance(blocks, bool):
        if not 1 <= blocks <= n / 2:
            raise ParameterError(f"{caller}: `blocks`, a block length, must be in 1 .. n/2 = {n // 2}; got {blocks}.")
        return np.arange(n, dtype=np.int64) // int(blocks)
    # a list with holes that became an array by itself would hold them as text
    labels = np.asarray(blocks) if hasattr(blocks, "__array__") else np.asarray(blocks, object)
    if labels.shape != (n,):
        raise ShapeError(f"{caller}: `blocks` must be a length or one label for each of {n} rows; got {labels.shape}.")
    missing = int(holes(labels).sum())
    if missing:
        raise NonFiniteError(
            f"{caller}: `blocks` has no label for {missing} of {n} rows. Give each of them the label of its group, or "
            "one of its own if it belongs to none."
        )
    try:
        ids = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    except TypeError as e:
        raise ParameterError(f"{caller}: `blocks` must hold labels of one sort, such as text or integers; {e}.") from e
    if ids.max() == 0:
        raise TooFewSamplesError(f"{caller}: all rows are in one block, which says nothing of the error.")
    return ids


def estimating(estimator: Any, caller: str) -> Any:
    """Return an estimator, also of a plain function.

    Parameters
    ----------
    estimator : estimator or callable
        With ``fit_estimate(x, y, rng=) -> MIEstimate``, or ``f(x, y) -> float`` in nats.
    caller : str
        For the messages.

    Returns
    -------
    estimator

    Raises
    ------
    ParameterError
        If it is neither, such as the name of a method, or a class and not an estimator made of it.
    """
    if not isinstance(estimator, type):
        if hasattr(estimator, "fit_estimate"):
            return estimator
        if callable(estimator):
            return _Function(estimator)
    raise ParameterError(
        f"{caller}: `estimator` must be an estimator, such as KSG(), or a function f(x, y) -> float; got {estimator!r}."
    )


class _Function:
    """An estimator that asks a function."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function
        self.method = str(getattr(function, "__name__", type(function).__name__))

    def fit_estimate(self, x: Any, y: Any, rng: Any = 0) -> MIEstimate:  # noqa: ARG002 - as every estimator is called
        """Return what the function says."""
        found = self.function(x, y)
        return found.to("nats") if isinstance(found, MIEstimate) else MIEstimate(value=float(found), method=self.method)


def by_rows(values: Any) -> Any:
    """Return what, indexed with row numbers, gives those rows: of arrays and of data frames alike."""
    return values.iloc if hasattr(values, "iloc") else np.asarray(values)
