"""Rows that belong together, and rows by number: what intervals and tests share."""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ParameterError, ShapeError, TooFewSamplesError

__all__ = ["block_ids", "by_rows"]


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
        If a length is not in 1 .. n/2.
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
            raise ParameterError(f"{caller}: a block length must be in 1 .. n/2 = {n // 2}; got {blocks}.")
        return np.arange(n, dtype=np.int64) // int(blocks)
    labels = np.asarray(blocks)
    if labels.shape != (n,):
        raise ShapeError(f"{caller}: `blocks` must be a length or one label for each of {n} rows; got {labels.shape}.")
    ids = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    if ids.max() == 0:
        raise TooFewSamplesError(f"{caller}: all rows are in one block, which says nothing of the error.")
    return ids


def by_rows(values: Any) -> Any:
    """Return what, indexed with row numbers, gives those rows: of arrays and of data frames alike."""
    return values.iloc if hasattr(values, "iloc") else np.asarray(values)
