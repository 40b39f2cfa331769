"""A table for linear models and trees: numbers to [0, 1], categories to 0/1 columns, and which are the attribute."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from infocore.errors import ParameterError

__all__ = ["encoder_for", "own_columns"]

_MOST_CATEGORIES = 30


def encoder_for(x: pd.DataFrame) -> Any:
    """Encoder of a table for linear models and trees: numbers to [0, 1], categories to 0/1 columns.

    Parameters
    ----------
    x : data frame of n rows
        Of the population.

    Returns
    -------
    transformer
        Not fitted; numbers outside the range it will be fitted on are cut to it.

    Raises
    ------
    ParameterError
        If columns are numbered, and not 0, 1, ... in this order: a number would be read as a position.
    """
    numbered = [c for c in x.columns if isinstance(c, int)]
    if numbered and numbered != list(range(x.shape[1])):
        raise ParameterError(f"encoder_for: numbered columns must be 0, 1, ... in this order; got {list(x.columns)}.")
    numbers = [c for c in x.columns if pd.api.types.is_numeric_dtype(x[c])]
    others = [c for c in x.columns if c not in numbers]
    return make_column_transformer(
        (MinMaxScaler(clip=True), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=_MOST_CATEGORIES), others),
    )


def own_columns(encoder: Any, columns: Sequence[Any]) -> list[int]:
    """Columns of an encoder's output that hold an attribute.

    Parameters
    ----------
    encoder : transformer
        Fitted, from `encoder_for`.
    columns : sequence
        Of the table.

    Returns
    -------
    list of int
        Their numbers, in order.

    Raises
    ------
    ParameterError
        If the encoder reads no column of such a name.
    """
    wanted, met, own = set(columns), set(), list[int]()
    for name, part, read in encoder.transformers_:
        at = encoder.output_indices_[name].start
        for column, width in zip(read, _widths(part, len(read)), strict=True):
            if column in wanted:
                met.add(column)
                own += range(at, at + width)
            at += width
    if absent := wanted - met:
        raise ParameterError(f"own_columns: the encoder reads no column {', '.join(sorted(map(str, absent)))}.")
    return sorted(own)


def _widths(part: Any, n_read: int) -> list[int]:
    """How many columns a transformer makes of each that it reads; rare categories share one."""
    if not isinstance(part, OneHotEncoder) or not n_read:
        return [1] * n_read
    rare = [0 if some is None else len(some) - 1 for some in part.infrequent_categories_]
    return [len(values) - fewer for values, fewer in zip(part.categories_, rare, strict=True)]
