"""The one place where samples are validated: what comes in is checked, typed and named once, here.

A column is *discrete* if it holds few values that recur (text, booleans and categories always are), *continuous* if
hardly a value recurs, *mixed* otherwise: an atom in a density, rounded measurements, counts with many values.
"""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import sys
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from infocore.errors import (
    DegenerateWarning,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
    TooFewSamplesError,
)

__all__ = ["Floats", "Ints", "Kind", "Pair", "Sample", "check_level", "codes", "generator", "holes", "paired", "sample"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["continuous", "discrete", "mixed"]

# Up to this many values, or the root of n if that is more, a column with repeats is read as discrete: then a joint
# table has about n cells at most, and the plug-in estimate still has something to count.
FEW_VALUES = 20
LARGEST_INTEGER = 2**53
# A column is continuous although values recur, as single precision and a row copied twice make them, if at most this
# share of its rows and never more than so many have the same value: for normals this moves k-NN by at most 0.002 nats
# at n = 300 and 0.001 at n = 3000 (measured), and three equal rows are too few to be all of k = 3 neighbours.
RARELY, AT_ONCE = 0.1, 3


@dataclasses.dataclass(frozen=True)
class Sample:
    """One side of a paired sample, checked.

    Parameters
    ----------
    values : array of shape (n, d)
        float64, or int64 if every column holds integers; text and categories as codes 0, 1, ...
    kinds : tuple of {"continuous", "discrete", "mixed"}
        One a column.
    nominal : tuple of bool
        True where the numbers are only codes (text, categories), so that distances and means say nothing.
    constant : tuple of bool
        True where a column has one value.
    recurring : tuple of bool
        True where some value of a column occurs twice.
    names : tuple of str
        One a column: the data frame's, or ``x``, or ``x0``, ``x1``, ...
    """

    values: NDArray[Any]
    kinds: tuple[Kind, ...]
    nominal: tuple[bool, ...]
    constant: tuple[bool, ...]
    recurring: tuple[bool, ...]
    names: tuple[str, ...]

    def numbers(self, caller: str) -> Floats:
        """Return the values as float64, or refuse where they are only codes.

        Raises
        ------
        KindError
            If a column holds text or categories.
        """
        text = [name for name, nominal in zip(self.names, self.nominal, strict=True) if nominal]
        if text:
            raise KindError(
                f"{caller}: column(s) {', '.join(text)} hold text or categories, which have no distances or means; "
                'use method="discrete" or "mixed", or encode them yourself.'
            )
        return self.values.astype(np.float64, copy=False)

    def informative(self) -> "Sample":
        """Return the sample without its constant columns, which carry no information."""
        if not any(self.constant):
            return self
        keep = [j for j, constant in enumerate(self.constant) if not constant]
        return self.take(keep)

    def take(self, columns: Sequence[int]) -> "Sample":
        """Return some columns."""
        return Sample(
            self.values[:, list(columns)],
            tuple(self.kinds[j] for j in columns),
            tuple(self.nominal[j] for j in columns),
            tuple(self.constant[j] for j in columns),
            tuple(self.recurring[j] for j in columns),
            tuple(self.names[j] for j in columns),
        )


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two samples whose rows belong together.

    Parameters
    ----------
    x, y : Sample
        Of equal length.
    flags : tuple of str
        What is degenerate about them: ``"constant column a"``, ``"12 repeated rows"``.
    """

    x: Sample
    y: Sample
    flags: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.x.values.shape[0])

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of the columns that vary, on either side."""
        return {*self.x.informative().kinds, *self.y.informative().kinds}


def paired(x: Any, y: Any, caller: str, *, min_samples: int = 2, warn: bool = True) -> Pair:
    """Check two samples and that they are paired.

    Parameters
    ----------
    x, y : array-like of shape (n,) or (n, d), or pandas Series or DataFrame
        Numbers, booleans, text or categories.
    caller : str
        Who asks; every message starts with it.
    min_samples : int
        The smallest n the method can say anything about.
    warn : bool
        Whether constant columns are warned of; they are in the flags in any case.

    Returns
    -------
    Pair

    Raises
    ------
    ShapeError
        If an array is not (n,) or (n, d) with d > 0, or the lengths differ.
    NonFiniteError
        If there is NaN, infinity or a missing value.
    KindError
        If there are complex numbers, dates, objects, or integers beyond 2**53.
    TooFewSamplesError
        If n is below `min_samples`.

    Warns
    -----
    DegenerateWarning
        For constant columns.
    """
    a, b = sample(x, caller, "x"), sample(y, caller, "y")
    if len(a.values) != len(b.values):
        raise ShapeError(
            f"{caller}: `x` and `y` are paired row by row, so they need one length; "
            f"got {len(a.values)} and {len(b.values)} rows."
        )
    n = len(a.values)
    if n < min_samples:
        raise TooFewSamplesError(f"{caller}: needs at least {min_samples} rows; got {n}.")
    flags = [
        f"constant column {name}"
        for side in (a, b)
        for name, constant in zip(side.names, side.constant, strict=True)
        if constant
    ]
    if flags and warn:
        warnings.warn(
            f"{caller}: {', '.join(flags)}: what never changes carries no information, and adds none to the estimate.",
            DegenerateWarning,
            stacklevel=4,
        )
    repeats = _repeated_rows(a, b)
    if repeats:  # rounding does this as well as copying, so it is a note and no warning
        flags.append(f"{repeats} repeated rows")
    return Pair(a, b, tuple(flags))


def sample(values: Any, caller: str, name: str) -> Sample:
    """Check one sample.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, d), or pandas Series or DataFrame
    caller, name : str
        For the messages.

    Returns
    -------
    Sample

    Raises
    ------
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        As `paired`.
    """
    columns, names = _columns(values, caller, name)
    if not columns:
        raise ShapeError(f"{caller}: `{name}` has no columns.")
    if len(columns[0]) == 0:
        raise TooFewSamplesError(f"{caller}: `{name}` is empty.")
    read = [
        _read(column, caller, f"`{name}`" if title == name else f"column `{title}` of `{name}`")
        for column, title in zip(columns, names, strict=True)
    ]
    bad = np.zeros(len(columns[0]), np.bool_)
    where: list[str] = []
    for (column, _), title in zip(read, names, strict=True):
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            bad |= ~np.isfinite(column)
            where.append(title)
    if bad.any():
        inside = f" (in {', '.join(where)})" if len(names) > 1 else ""
        raise NonFiniteError(
            f"{caller}: `{name}` holds NaN, infinity or missing values in {int(bad.sum())} of {len(bad)} rows{inside}. "
            "Drop or impute those rows first; we never do it silently, because dropping rows changes the distribution "
            "that is measured."
        )
    facts = [_kind(column, nominal) for column, nominal in read]
    return Sample(
        np.stack([column for column, _ in read], axis=1) if len(read) > 1 else read[0][0][:, None],
        tuple(kind for kind, _, _ in facts),
        tuple(nominal for _, nominal in read),
        tuple(constant for _, constant, _ in facts),
        tuple(recurring for _, _, recurring in facts),
        names,
    )


def codes(values: NDArray[Any]) -> tuple[Ints, int]:
    """Number the distinct rows of an array.

    Parameters
    ----------
    values : array of shape (n, d)

    Returns
    -------
    codes : int array of shape (n,)
        Equal rows have equal codes.
    size : int
        One more than the largest code. Not every code below it need occur.
    """
    n = len(values)
    out, size = np.zeros(n, np.int64), 1
    for column in values.T:
        new, k = _column_codes(column)
        if size * k > max(4 * n, 1 << 20):
            # too many for a table: keep only the combinations that occur
            _, out = np.unique(out, return_inverse=True)
            _, new = np.unique(new, return_inverse=True)
            size, k = int(out.max()) + 1, int(new.max()) + 1
        out, size = (new, k) if size == 1 else (out * k + new, size * k)
    return out, size


def check_level(ci_level: float, caller: str) -> float:
    """Return a confidence level in (0, 1), or refuse it."""
    if not (isinstance(ci_level, Real) and 0 < ci_level < 1):
        raise ParameterError(f"{caller}: `ci_level` must be between 0 and 1, such as 0.9; got {ci_level!r}.")
    return float(ci_level)


def generator(rng: int | np.random.Generator, caller: str) -> np.random.Generator:
    """Return a generator from a seed or a generator; None is refused, so that no result depends on the clock."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not hasattr(rng, "__index__") or rng < 0:
        raise ParameterError(f"{caller}: `rng` must be a seed >= 0 or a numpy Generator; got {rng!r}.")
    return np.random.default_rng(int(rng))


def holes(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which entries are missing: NaN, None, NaT and pandas' NA."""
    if array.dtype.kind in "fcmM":
        return array != array
    if array.dtype.kind not in "OT":
        return np.zeros(array.shape, np.bool_)
    return np.array(
        [
            v is None or type(v).__name__ in ("NAType", "NaTType") or (isinstance(v, float) and v != v)
            for v in array.tolist()
        ],
        np.bool_,
    )


def _columns(values: Any, caller: str, name: str) -> tuple[list[Any], tuple[str, ...]]:
    """Take the input apart into columns and their names."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.DataFrame):
        return [values.iloc[:, j] for j in range(values.shape[1])], tuple(str(c) for c in values.columns)
    if pandas is not None and isinstance(values, (pandas.Series, pandas.Index)):
        return [values], (name if values.name is None else str(values.name),)
    if isinstance(values, np.ma.MaskedArray):
        mask: NDArray[np.bool_] = np.array(np.ma.getmaskarray(values), np.bool_, ndmin=1)
        hidden = int(np.count_nonzero(np.count_nonzero(mask.reshape(mask.shape[0], -1), axis=1)))
        if hidden:
            raise NonFiniteError(
                f"{caller}: `{name}` is masked in {hidden} of {mask.shape[0]} rows, which are missing values. "
                "Drop or impute those rows first."
            )
    try:
        array = np.asarray(values)
    except ValueError as e:
        raise ShapeError(f"{caller}: `{name}` has rows of different lengths; {e}.") from e
    except (TypeError, RuntimeError) as e:
        raise KindError(f"{caller}: `{name}` cannot be read as an array: {e}") from e
    if array.ndim not in (1, 2):
        came = "Flatten each row first." if array.ndim else f"It is one {type(values).__name__}, not an array."
        raise ShapeError(f"{caller}: `{name}` must have shape (n,) or (n, d); got {array.shape}. {came}")
    if array.ndim == 1:
        return [array], (name,)
    d = array.shape[1]
    return [array[:, j] for j in range(d)], (name,) if d == 1 else tuple(f"{name}{j}" for j in range(d))


def _read(column: Any, caller: str, name: str) -> tuple[NDArray[Any], bool]:
    """Turn a column into float64 or int64; say whether its numbers are only codes."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(column, (pandas.Series, pandas.Index)):
        series = column
        if isinstance(series.dtype, pandas.CategoricalDtype):
            number = np.asarray(pandas.Categorical(series).codes).astype(np.int64)
            return (np.where(number < 0, np.nan, number), True) if (number < 0).any() else (number, True)
        if pandas.api.types.is_extension_array_dtype(series.dtype) and pandas.api.types.is_numeric_dtype(series.dtype):
            column = series.to_numpy(np.float64, na_value=np.nan) if series.hasnans else series.to_numpy()
    array = np.asarray(column)
    match array.dtype.kind:
        case "f":
            return array.astype(np.float64, copy=False), False
        case "b":
            return array.astype(np.int64), False
        case "i" | "u":
            if array.size and (int(array.max()) > LARGEST_INTEGER or int(array.min()) < -LARGEST_INTEGER):
                raise KindError(
                    f"{caller}: {name} holds integers beyond 2**53, which float64 cannot tell apart; if they are "
                    "identifiers, pass them as text."
                )
            return array.astype(np.int64, copy=False), False
        case "U" | "S":
            return np.unique(array, return_inverse=True)[1].astype(np.int64), True
        case "O" | "T":
            return _read_objects(array, caller, name)
        case _:
            raise KindError(
                f"{caller}: {name} must hold real numbers, booleans, text or categories; got dtype {array.dtype}."
            )


def _read_objects(array: NDArray[Any], caller: str, name: str) -> tuple[NDArray[Any], bool]:
    """Text, or what has holes in text or booleans; anything else is refused."""
    missing = holes(array)
    others = {type(v).__name__ for v in array[~missing].tolist() if not isinstance(v, (str, bytes))}
    if missing.any() and others <= {"bool", "bool_"}:  # text and booleans, of which the holes are to be named
        return np.where(missing, np.nan, 0.0), True
    if others:
        raise KindError(
            f"{caller}: {name} is an array of objects ({', '.join(sorted(others))}); convert it to numbers, "
            "booleans, text or categories first, so that nothing is guessed."
        )
    return np.unique(array.astype(str), return_inverse=True)[1].astype(np.int64), True


def _column_codes(column: NDArray[Any]) -> tuple[Ints, int]:
    """Number the values of one column, by subtraction where the integers are dense, else by sorting."""
    if column.dtype.kind == "i":
        low, high = int(column.min()), int(column.max())
        if high - low < max(4 * len(column), 1 << 16):
            return (column - low if low else column), high - low + 1
    _, inverse = np.unique(column, return_inverse=True)
    return inverse.astype(np.int64, copy=False), int(inverse.max()) + 1


def _kind(column: NDArray[Any], nominal: bool) -> tuple[Kind, bool, bool]:
    """Kind of a finite column, whether it is constant, and whether a value recurs."""
    n = len(column)
    low, high = column.min(), column.max()
    if column.dtype.kind == "i" and int(high) - int(low) < max(4 * n, 1 << 16):
        counts = np.bincount(column - low if low else column)
        distinct = int(np.count_nonzero(counts))
        alone, most = int(np.count_nonzero(counts == 1)), int(counts.max())
    else:
        ordered = np.sort(column)
        same = ordered[1:] == ordered[:-1]
        distinct, alone, most = n - int(np.count_nonzero(same)), n, 1
        if distinct < n:
            counts = np.diff(np.flatnonzero(np.concatenate([[True], ~same, [True]])))
            alone, most = int(np.count_nonzero(counts == 1)), int(counts.max())
    if nominal or distinct == 1 or (2 * distinct <= n and distinct <= max(FEW_VALUES, math.isqrt(n))):
        return "discrete", distinct == 1, distinct < n
    rare = most <= AT_ONCE and n - alone <= RARELY * n
    return ("continuous" if rare else "mixed"), False, distinct < n


def _repeated_rows(x: Sample, y: Sample) -> int:
    """Count rows that repeat another, where in every column a value recurs and some column is not discrete."""
    if not all(x.recurring + y.recurring) or {*x.kinds, *y.kinds} <= {"discrete"}:
        return 0
    both, _ = codes(np.concatenate([x.values.astype(np.float64), y.values.astype(np.float64)], axis=1))
    return len(both) - len(np.unique(both))
