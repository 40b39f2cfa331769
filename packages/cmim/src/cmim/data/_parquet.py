"""Parquet, read in pieces: which columns, how many values a row, which labels."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cmim.data._files import Opened, Rows, checked_labels, file_sha256, import_pyarrow, reading, scaled
from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["open_parquet"]

_BUFFER = 2**16  # bytes of a column that are read ahead; without it, a row group's columns are read whole
_PIECE = 2**20  # values that are read at once, at least a batch: many small reads of many columns are slow


def open_parquet(path: Path, columns: Sequence[str] | None, label: str | None) -> Opened:
    """Look at a Parquet file's schema, its labels and, for lists, its first row."""
    pa, pq = import_pyarrow("open_source")
    with reading(path), pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        if len(set(schema.names)) != len(schema.names):
            raise DataError(f"open_source: {path} has several columns of one name ({schema.names}). Rename them.")
        kinds = {field.name: _kind(pa, field.type) for field in schema}
        if label is not None and label not in kinds:
            raise ParameterError(
                f"open_source: `label` must be a column of {path}, one of {list(kinds)}; got {label!r}."
            )
        chosen = _default(path, kinds, label) if columns is None else _asked(path, kinds, columns, label)
        if rows == 0:
            raise ShapeError(f"open_source: {path} must have at least one row; it has none.")
        labels = None if label is None else _labels(pa, path, label, file.read(columns=[label]).column(label))
        width = _width(path, file, chosen[0]) if kinds[chosen[0]] == "list" else None
    shape = (len(chosen) if width is None else width,)
    stream, digest = functools.partial(_rows, path, chosen, width), functools.partial(file_sha256, path)
    return Opened(shape, labels, rows, stream, digest, chosen)


def _kind(pa: Any, kind: Any) -> Literal["number", "list", "other"]:
    of = pa.types
    if of.is_integer(kind) or of.is_floating(kind) or of.is_boolean(kind) or of.is_decimal(kind):
        return "number"
    if of.is_list(kind) or of.is_large_list(kind) or of.is_fixed_size_list(kind):
        return "list" if _kind(pa, kind.value_type) == "number" else "other"
    return "other"


def _default(path: Path, kinds: dict[str, str], label: str | None) -> tuple[str, ...]:
    numbers = tuple(name for name, kind in kinds.items() if kind == "number" and name != label)
    lists = tuple(name for name, kind in kinds.items() if kind == "list" and name != label)
    if not numbers and not lists:
        raise KindError(f"open_source: {path} must have columns of numbers, or one of lists of them; it has {kinds}.")
    if lists and (numbers or len(lists) > 1):
        raise ParameterError(
            f"open_source: `columns` must say what of {path} to read: one column of lists ({', '.join(lists)}) or some "
            f"of numbers ({', '.join(numbers) or 'there are none'})."
        )
    return numbers or lists


def _asked(path: Path, kinds: dict[str, str], columns: Sequence[str], label: str | None) -> tuple[str, ...]:
    chosen = tuple(columns)
    strange = [name for name in chosen if name not in kinds]
    if not chosen or strange or len(set(chosen)) != len(chosen):
        raise ParameterError(
            f"open_source: `columns` must name columns of {path}, each once; got {list(chosen)}, and there are "
            f"{list(kinds)}."
        )
    if label in chosen:
        raise ParameterError(f"open_source: `columns` must not hold the label; got {label!r}. Leave it out of one.")
    other = [name for name in chosen if kinds[name] == "other"]
    if other:
        raise KindError(f"open_source: `columns` must hold real numbers; {other} of {path} do not. Encode them.")
    if len(chosen) > 1 and any(kinds[name] == "list" for name in chosen):
        raise ParameterError(
            f"open_source: `columns` must be one column of lists, or some of numbers; got {list(chosen)}. Choose."
        )
    return chosen


def _labels(pa: Any, path: Path, label: str, column: Any) -> NDArray[Any]:
    if column.null_count:
        raise NonFiniteError(
            f"open_source: `label` {label!r} of {path} holds null in {column.null_count} of {len(column)} rows. "
            "Drop those rows first."
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array(column.to_pylist(), np.str_)
    return checked_labels(path, label, column.to_numpy())


def _width(path: Path, file: Any, name: str) -> int:
    first = next(file.iter_batches(batch_size=1, columns=[name])).column(name)
    if first.null_count:
        nulls = sum(piece.column(name).null_count for piece in file.iter_batches(columns=[name]))
        raise _missing(path, file.metadata.num_rows, {name: nulls})
    width = len(first[0])
    if width == 0:
        raise ShapeError(f"open_source: the lists of {name!r} of {path} must hold at least one value; row 0 is empty.")
    return width


def _missing(path: Path, rows: int, counts: dict[str, int]) -> NonFiniteError:
    found = ", ".join(f"{name!r} in {count}" for name, count in counts.items() if count)
    return NonFiniteError(
        f"Source: columns of {path} hold null, NaN, infinity or numbers beyond float32: {found} of {rows} rows. "
        "Drop or impute those rows first."
    )


def _rows(path: Path, columns: tuple[str, ...], width: int | None, size: int) -> Iterator[Rows]:
    """Yield the numbers of the columns, or of the one column of lists if their `width` is given."""
    batches = max(1, _PIECE // (size * (width or len(columns))))
    for rows in _pieces(path, columns, width, batches * size):
        if not np.isfinite(rows).all():
            raise _missing(path, *_count(path, columns, width))
        for at in range(0, len(rows), size):
            yield rows[at : at + size]


def _count(path: Path, columns: tuple[str, ...], width: int | None) -> tuple[int, dict[str, int]]:
    """Read on to the end, so that all that is missing is named at once."""
    rows, counts = 0, np.zeros(len(columns), np.int64)
    for piece in _pieces(path, columns, width, max(1, _PIECE // (width or len(columns)))):
        bad = ~np.isfinite(piece)
        counts += bad.sum(0) if width is None else bad.any(1).sum()
        rows += len(piece)
    return rows, dict(zip(columns, counts.tolist(), strict=True))


def _pieces(path: Path, columns: tuple[str, ...], width: int | None, size: int) -> Iterator[Rows]:
    _, pq = import_pyarrow("Source.batches")
    with reading(path):
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER)  # pyarrow's default keeps what was read
    at = 0
    with file:
        pieces = file.iter_batches(batch_size=size, columns=list(columns))
        while True:
            with reading(path):
                piece = next(pieces, None)
            if piece is None:
                return
            if width is None:
                rows = np.empty((len(piece), len(columns)), np.float32)
                for j, name in enumerate(columns):
                    rows[:, j] = _numbers(piece.column(name))
            else:
                rows = _lists(path, piece.column(columns[0]), width, at)
            at += len(rows)
            yield rows


def _numbers(array: Any) -> Rows:
    """Return an Arrow array as float32, with NaN for null."""
    return scaled(array.cast("double", safe=False).to_numpy(zero_copy_only=False))


def _lists(path: Path, array: Any, width: int, at: int) -> Rows:
    there = array.is_valid().to_numpy(zero_copy_only=False)
    if hasattr(array, "offsets"):  # lists of fixed size have none
        wrong = array.value_lengths().fill_null(width).to_numpy(zero_copy_only=False) != width
        if wrong.any():
            row = int(wrong.argmax())
            raise ShapeError(
                f"Source: the lists of {path} must be of one length; row 0 has {width} values, row {at + row} has "
                f"{len(array[row])}. Pad or cut them."
            )
    rows = np.full((len(array), width), np.nan, np.float32)
    rows[there] = _numbers(array.flatten()).reshape(-1, width)
    return rows
