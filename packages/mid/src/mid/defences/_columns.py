"""Columns of the sensitive attribute, named by position or by name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from infocore.errors import ParameterError

__all__ = ["Columns", "positions"]

Columns = int | str | Sequence[int] | Sequence[str]


def positions(columns: Columns, n_columns: int, names: Any, caller: str) -> list[int]:
    """Positions of columns given by position or name.

    Parameters
    ----------
    columns : int, str, or sequence of either
        One column, or the several that together hold one attribute.
    n_columns : int
        How many columns there are.
    names : sequence of str or None
        Their names, if they have any.
    caller : str
        Who asks.

    Returns
    -------
    list of int
        Positions, in the order given.

    Raises
    ------
    ParameterError
        If there is no column, one is given twice, a position is out of range, or a name is not among the names.

    Examples
    --------
    >>> positions(["dose", -3], 3, ["age", "sex", "dose"], "example")
    [2, 0]
    """
    wanted = [columns] if isinstance(columns, (int, str, np.integer)) else list(columns)
    known = [] if names is None else list(names)
    found: list[int] = []
    for column in wanted:
        if isinstance(column, str):
            if column not in known:
                have = f"the columns are {known}" if known else "`X` has no column names; give positions"
                raise ParameterError(f"{caller}: `sensitive` column {column!r} is not there; {have}.")
            found.append(known.index(column))
        elif (
            isinstance(column, (int, np.integer)) and not isinstance(column, bool) and -n_columns <= column < n_columns
        ):
            found.append(int(column) % n_columns)
        else:
            raise ParameterError(
                f"{caller}: `sensitive` column {column!r} is not a name or a position below {n_columns}."
            )
    if not found or len(set(found)) < len(found):
        raise ParameterError(f"{caller}: `sensitive` must name at least one column, and none twice; got {columns!r}.")
    return found
