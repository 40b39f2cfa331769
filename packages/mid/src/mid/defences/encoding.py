"""A table for linear models and trees: numbers to [0, 1], categories to 0/1 columns, and which are the attribute."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

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
    """
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
        Their numbers.
    """
    wanted = {f"x{c}" if isinstance(c, int) else str(c) for c in columns}  # an array's columns have no names
    return [j for j, name in enumerate(encoder.get_feature_names_out()) if _source(str(name)) in wanted]


def _source(name: str) -> str:
    return name.split("__", 1)[1].rsplit("_", 1)[0] if name.startswith("onehotencoder") else name.split("__", 1)[-1]
