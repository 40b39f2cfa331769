"""`SensitiveAttribute`: which columns are guessed, and among which values."""

import dataclasses
import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from infocore.errors import DegenerateWarning, KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["SensitiveAttribute", "as_table"]

Ints = NDArray[np.int64]
MOST_VALUES = 50  # candidate values; a query is asked for each of them


def as_table(X: ArrayLike, caller: str, name: str = "X") -> pd.DataFrame:
    """Return records as a data frame; the columns of an array are called 0, 1, ...

    Parameters
    ----------
    X : array or data frame of shape (n, dx)
        Records.
    caller, name : str
        For the message.

    Returns
    -------
    data frame of n rows
        With rows numbered from 0.

    Raises
    ------
    ShapeError
        If `X` has not two axes, or several columns of one name.
    """
    if isinstance(X, pd.DataFrame):
        twice = X.columns[X.columns.duplicated()].unique()
        if len(twice):
            raise ShapeError(
                f"{caller}: `{name}` has several columns called {', '.join(map(str, twice))}; rename them."
            )
        return X.reset_index(drop=True)
    array = np.asarray(X)
    if array.ndim != 2:
        raise ShapeError(f"{caller}: `{name}` must be a table of shape (n, dx); got shape {array.shape}.")
    return pd.DataFrame(array)


@dataclasses.dataclass(frozen=True)
class SensitiveAttribute:
    """Columns that together hold one sensitive attribute, and the values it can take.

    Make one with `SensitiveAttribute.of`.

    Parameters
    ----------
    columns : tuple
        Names, or numbers of the columns of an array. Several columns (a one-hot group) are one attribute.
    values : data frame of m rows
        The candidates: what the columns hold for each value.
    labels : tuple of str
        What the candidates are called.
    edges : tuple of float, optional
        Inner edges of the bins of a continuous column; None for one with few values.
    array : bool
        Whether records are arrays, and questions are to be asked with arrays.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [30, 40, 50], "smoker": ["no", "yes", "no"]})
    >>> smoker = SensitiveAttribute.of(table, "smoker")
    >>> smoker.labels, smoker.codes(table).tolist()
    (('no', 'yes'), [0, 1, 0])
    >>> smoker.substitute(table, 1)["smoker"].tolist()
    ['yes', 'yes', 'yes']
    """

    columns: tuple[Any, ...]
    values: pd.DataFrame
    labels: tuple[str, ...]
    edges: tuple[float, ...] | None = None
    array: bool = False

    @classmethod
    def of(cls, X: ArrayLike, columns: Any, *, bins: int | None = None) -> "SensitiveAttribute":
        """Read the attribute's values from records.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records of the population.
        columns : name, number, or sequence of them
            Where the attribute is.
        bins : int, optional
            For one continuous column: it is guessed up to one of so many bins of about equal mass, and the median of a
            bin is what the target is asked with.

        Returns
        -------
        SensitiveAttribute
            With its candidates sorted.

        Raises
        ------
        ParameterError
            If a column is not there, has one value only, or has more than 50 values and `bins` is not given; or if
            `bins` is given for several columns or is not from 2 to 50.
        NonFiniteError
            If a sensitive value is missing.
        KindError
            If a column mixes text and numbers.
        """
        caller = "SensitiveAttribute.of"
        table = as_table(X, caller)
        several = isinstance(columns, (Sequence, np.ndarray, pd.Index)) and not isinstance(columns, str)
        names = tuple(np.asarray(columns, object).tolist()) if several else (columns,)
        absent = [str(c) for c in names if c not in table.columns]
        if absent or not names:
            raise ParameterError(
                f"{caller}: `columns` must name columns of the table, {', '.join(map(str, table.columns))}; got "
                f"{', '.join(absent) or 'none'}."
            )
        part: Any = table[list(names)]
        missing = int(part.isna().any(axis=1).sum())
        if missing:
            raise NonFiniteError(
                f"{caller}: column(s) {', '.join(map(str, names))} hold missing values in {missing} of {len(part)} "
                "rows; leave those records out, or make 'missing' a value of its own."
            )
        made = isinstance(X, pd.DataFrame)
        if bins is not None:
            return _binned(part, names, bins, not made)
        values = part.drop_duplicates()
        try:
            values = values.sort_values(list(names)).reset_index(drop=True)
        except TypeError as e:
            raise KindError(
                f"{caller}: column(s) {', '.join(map(str, names))} mix text and numbers, so that 1 and '1' would be "
                "two values; make them one kind."
            ) from e
        if len(values) > MOST_VALUES:
            raise ParameterError(
                f"{caller}: column(s) {', '.join(map(str, names))} hold {len(values)} values, more than {MOST_VALUES}: "
                "each is a question to the target. Give `bins=` to guess a bin, or group the values."
            )
        if len(values) < 2:
            raise ParameterError(f"{caller}: column(s) {', '.join(map(str, names))} hold one value: nothing to guess.")
        return cls(names, values, _labels(values), None, not made)

    @property
    def size(self) -> int:
        """Number m of candidates."""
        return len(self.values)

    def codes(self, X: ArrayLike) -> Ints:
        """Number of each record's true candidate.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Whole records.

        Returns
        -------
        array of shape (n,)
            From 0 to m - 1.

        Raises
        ------
        ParameterError
            If a record holds a value that is no candidate.
        """
        table = as_table(X, "SensitiveAttribute.codes")
        if self.edges is not None:
            column = table[self.columns[0]].to_numpy(np.float64)
            return np.searchsorted(np.array(self.edges), column, side="right").astype(np.int64)
        keys = {tuple(row): k for k, row in enumerate(self.values.itertuples(index=False, name=None))}
        found = [keys.get(tuple(row), -1) for row in table[list(self.columns)].itertuples(index=False, name=None)]
        codes = np.array(found, np.int64)
        if (codes < 0).any():
            row = table[list(self.columns)].iloc[int(np.argmax(codes < 0))].tolist()
            raise ParameterError(
                f"SensitiveAttribute.codes: {int((codes < 0).sum())} of {len(codes)} records hold a value that is no "
                f"candidate, such as {row}; the candidates are {', '.join(self.labels)}."
            )
        return codes

    def substitute(self, X: pd.DataFrame, candidate: int) -> Any:
        """Records with the attribute set to one candidate, as the target is asked with them.

        Parameters
        ----------
        X : data frame of n rows
            Records; what the sensitive columns hold, if anything, is not read.
        candidate : int
            Number of the candidate.

        Returns
        -------
        data frame of n rows, or array of shape (n, dx)
            In the form in which the target's records came.
        """
        return self.asked(self.put(X, candidate))

    def put(self, X: pd.DataFrame, candidate: int) -> pd.DataFrame:
        """Records with the attribute set to one candidate.

        Parameters
        ----------
        X : data frame of n rows
            Records.
        candidate : int
            Number of the candidate.

        Returns
        -------
        data frame of n rows
            The others are left alone.
        """
        out = X.copy()
        for name in self.columns:
            out[name] = self.values[name].iloc[candidate]
        return out

    def asked(self, X: pd.DataFrame) -> Any:
        """Records in the form in which the target is asked.

        Parameters
        ----------
        X : data frame of n rows
            Whole records.

        Returns
        -------
        data frame of n rows, or array of shape (n, dx)
            An array if the attribute was read from one.
        """
        return X.to_numpy() if self.array else X

    def hide(self, X: ArrayLike) -> pd.DataFrame:
        """Records without the attribute: what an attacker knows of them.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Whole records.

        Returns
        -------
        data frame of n rows
            Without the sensitive columns.
        """
        return as_table(X, "SensitiveAttribute.hide").drop(columns=list(self.columns))


def _binned(part: pd.DataFrame, names: tuple[Any, ...], bins: int, array: bool) -> SensitiveAttribute:
    caller = "SensitiveAttribute.of"
    if len(names) != 1 or not 2 <= bins <= MOST_VALUES or not pd.api.types.is_numeric_dtype(part[names[0]]):
        raise ParameterError(
            f"{caller}: `bins` must be from 2 to {MOST_VALUES}, for one column of numbers; got {bins} for {names}."
        )
    column = part[names[0]].to_numpy(np.float64)
    edges = np.unique(np.quantile(column, np.arange(1, bins) / bins, method="inverted_cdf"))
    edges = edges[edges > column.min()]
    if not len(edges):
        raise ParameterError(f"{caller}: column {names[0]} cannot be cut into bins: nearly all its values are equal.")
    if len(edges) < bins - 1:
        message = f"{caller}: column {names[0]} has {len(edges) + 1} bins in place of {bins}: values recur."
        warnings.warn(message, DegenerateWarning, stacklevel=3)
    codes = np.searchsorted(edges, column, side="right")
    medians = [float(np.quantile(column[codes == k], 0.5, method="nearest")) for k in range(len(edges) + 1)]
    shown = ["-inf", *(f"{e:.4g}" for e in edges), "inf"]
    labels = tuple(f"[{low}, {high})" for low, high in itertools.pairwise(shown))
    return SensitiveAttribute(names, pd.DataFrame({names[0]: medians}), labels, tuple(edges.tolist()), array)


def _labels(values: pd.DataFrame) -> tuple[str, ...]:
    rows = values.itertuples(index=False, name=None)
    return tuple(", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in row) for row in rows)
