"""What files of a corpus are, and rows of text found in them without holding them."""

import codecs
import contextlib
import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from cmim.molecules._unread import Unread
from infocore.errors import DataError, ParameterError

__all__ = ["COLUMN", "File", "Kind", "Piece", "look_text", "place_of", "read_text", "sha256"]

COLUMN = "open_corpus: `column`"  # whose value will not do
Kind = Literal["parquet", "csv", "tsv", "smi", "txt"]

_CHUNK = 2**20  # bytes of a text file that are looked at together
_TABLES = {"csv": ",", "tsv": "\t"}
_QUOTE, _LINE, _RETURN = b'"\n\r'
_SUMS: dict[tuple[Path, int, int], str] = {}


class File(NamedTuple):
    path: Path
    kind: Kind
    packed: bool
    size: int
    mtime_ns: int
    column: str
    names: tuple[str, ...] = ()  # of all columns, and the place of the one above: of what has columns
    place: int = 0


class Piece(NamedTuple):
    """Rows of a file: of row groups, or of bytes, `start` to `stop`."""

    file: int
    rows: int
    start: int
    stop: int
    skip: int = 0  # rows of the row groups that come before


def place_of(file: File, names: Sequence[str], caller: str = COLUMN) -> int:
    """Return the place of the column, if there is one of that name."""
    if names.count(file.column) != 1:
        raise ParameterError(
            f"{caller} must be the exact name of one column of {file.path}, which has {list(names)}; got "
            f"{file.column!r}." + (" The first line of a table names its columns." if file.kind in _TABLES else "")
        )
    return names.index(file.column)


def sha256(file: File) -> str:
    """Return the sum of the bytes of a file, which is kept for as long as its size and time are the same."""
    key = file.path, file.size, file.mtime_ns
    if key not in _SUMS:
        with file.path.open("rb") as opened:
            _SUMS[key] = hashlib.file_digest(opened, "sha256").hexdigest()
    return _SUMS[key]


class _Summed:
    """A file whose sha256 grows with what is read of it."""

    def __init__(self, file: Any) -> None:
        self.file, self.sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        found = self.file.read(size)
        self.sum.update(found)
        return found


def look_text(file: File, block_rows: int) -> tuple[File, Sequence[tuple[int, int, int]]]:
    with file.path.open("rb") as opened:
        summed = _Summed(opened)
        with contextlib.closing(gzip.GzipFile(fileobj=summed)) if file.packed else contextlib.nullcontext() as unpacked:  # type: ignore[arg-type]
            head, cuts = _scan(file, unpacked or summed, block_rows)
    _SUMS[file.path, file.size, file.mtime_ns] = summed.sum.hexdigest()
    if file.kind not in _TABLES:
        return file, cuts
    names = next(iter(_cells(file, _bytes(file, 0, head))), [])
    if not names:
        raise DataError(f"open_corpus: {file.path} is empty. A table begins with a line that names its columns.")
    return file._replace(names=tuple(names), place=place_of(file, names)), cuts


def _scan(file: File, opened: Any, block_rows: int) -> tuple[int, list[tuple[int, int, int]]]:
    """Return where the header ends, and rows, first byte and end of each piece, in one pass over the file."""
    table = file.kind in _TABLES
    cuts: list[tuple[int, int, int]] = []
    at = quotes = rows = start = stop = 0
    last = -1  # line end
    head = None if table else 0
    for before, chunk, after in _chunks(opened):
        data = np.frombuffer(chunk, np.uint8)
        ends = np.flatnonzero(data == _LINE)
        if at == 0 and chunk.startswith(codecs.BOM_UTF8):
            last = len(codecs.BOM_UTF8) - 1
        if table:
            marks = np.flatnonzero(data == _QUOTE)
            if len(marks):
                _check_quotes(file, at, np.concatenate([_byte(before), data, _byte(after)]), marks, quotes)
            ends = ends[(quotes + np.searchsorted(marks, ends)) % 2 == 0]
            quotes += len(marks)
            longs = np.diff(ends, prepend=last - at)
            returned = np.where(ends > 0, data[ends - 1], before) == _RETURN
            last = at + int(ends[-1]) if len(ends) else last
            ends = ends[(longs > 1) & ~((longs == 2) & returned)]  # the others end blank lines
        ends = ends + at + 1
        at += len(data)
        if head is None and len(ends):
            head = start = int(ends[0])
            ends = ends[1:]
        for stop in map(int, ends[block_rows - rows - 1 :: block_rows]):
            cuts.append((block_rows, start, stop))
            start = stop
        rows = (rows + len(ends)) % block_rows
        stop = int(ends[-1]) if len(ends) else stop
    if quotes % 2:
        raise DataError(f"open_corpus: {file.path} has a quote that is opened and not closed. Write it again.")
    return head or 0, [*cuts, (rows, start, stop)] if rows else cuts


def _chunks(opened: Any) -> Iterator[tuple[int, bytes, int]]:
    """Yield the bytes of a file in chunks, with the byte before and the byte after; every line has an end."""
    before, chunk = _LINE, opened.read(max(_CHUNK, len(codecs.BOM_UTF8)))
    while chunk:
        after = opened.read(_CHUNK)
        if not after and chunk[-1] != _LINE:
            chunk += b"\n"
        yield before, chunk, after[0] if after else _LINE
        before, chunk = chunk[-1], after


def _check_quotes(file: File, at: int, data: Any, marks: Any, quotes: int) -> None:
    """Refuse quotes in the middle of a cell; `data` has a byte more on either side."""
    opening = (quotes + np.arange(len(marks))) % 2 == 0
    beside = data[np.where(opening, marks, marks + 2)]
    fine = np.isin(beside, np.frombuffer(b'"\n\r' + _TABLES[file.kind].encode(), np.uint8))
    fine |= opening & (at + marks == len(codecs.BOM_UTF8)) & (beside == codecs.BOM_UTF8[-1])
    if not fine.all():
        raise DataError(
            f"open_corpus: {file.path} has a quote in the middle of a cell, at byte {at + int(marks[fine.argmin()])}. "
            "Put quotes around the cell and double those inside, as csv.writer does."
        )


def _byte(value: int) -> Any:
    return np.array([value], np.uint8)


def _bytes(file: File, start: int, stop: int) -> str:
    """Return the text between two places; that of a packed file is read from its beginning."""
    with gzip.open(file.path) if file.packed else file.path.open("rb") as opened:
        opened.seek(start)
        text = opened.read(stop - start).decode(errors="replace")
    return text.removeprefix("\ufeff") if start == 0 else text


def _cells(file: File, text: str) -> Iterator[list[str]]:
    return (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_TABLES[file.kind]) if row)


def _unread(file: File, row: Sequence[str]) -> Unread:
    told = f"not a row of the table: {len(row)} cell{'s' * (len(row) > 1)} where the header has {len(file.names)}"
    return Unread(row[file.place] if len(row) > file.place else None, told)


def read_text(file: File, piece: Piece) -> list[str | Unread | None]:
    text = _bytes(file, piece.start, piece.stop)
    found: list[str | Unread | None]
    if file.kind in _TABLES:
        found = [row[file.place] if len(row) == len(file.names) else _unread(file, row) for row in _cells(file, text)]
    else:
        lines = text.removesuffix("\n").split("\n")
        found = [line.split(None, 1)[0] if line.strip() else "" for line in lines] if file.kind == "smi" else [*lines]
    if len(found) != piece.rows:
        raise DataError(
            f"open_corpus: bytes {piece.start} to {piece.stop} of {file.path} hold {len(found)} rows for `csv`, and "
            f"{piece.rows} by their line ends. Write it again, with line ends of \\n or \\r\\n."
        )
    return found
