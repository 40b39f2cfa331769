"""Columns of a CSV or Parquet file, for the command: what does not fit is refused, and what was guessed is said."""

# pandas has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import contextlib
import csv
import importlib
import itertools
import pathlib
import warnings
import zlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from infocore.errors import DataError, KindError, MissingExtraError

__all__ = ["column_names", "read_table"]

# Year, month and day, or day, month and year, and perhaps a time; cells with dots alone could be versions.
DATES = r"\s*(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?:[T ]\d{1,2}:\d{2}.*)?\s*"


def column_names(path: pathlib.Path) -> list[str]:
    """Read the names of the columns.

    Parameters
    ----------
    path : path
        CSV with a header, or Parquet.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        If the file cannot be read, or two columns have one name.
    MissingExtraError
        If it is Parquet and pyarrow is not installed.
    """
    import pandas as pd

    with _readable(path):
        if _is_parquet(path):
            names = written = _parquet().read_schema(path).names
        else:
            names = pd.read_csv(path, nrows=0).columns
            # pandas would call the second of them a.1
            written = next(_records(path), (0, []))[1]
        twice = [name for name in dict.fromkeys(written) if name and written.count(name) > 1]
        if twice:
            raise DataError(
                f"infocore mi: the header of {path} has more than one column of the name {', '.join(twice)}; give each "
                "a name of its own."
            )
        return [str(name) for name in names]


def read_table(path: pathlib.Path, columns: Sequence[str], labels: Sequence[str] = ()) -> tuple[Any, list[str]]:
    """Read some columns, and no others.

    Parameters
    ----------
    path : path
        CSV with a header, or Parquet.
    columns : sequence of str
        What is measured.
    labels : sequence of str
        What only says which rows belong together, so that text of any sort will do.

    Returns
    -------
    frame : pandas.DataFrame
    doubts : list of str
        Which columns of a CSV file are read as labels although most of their cells are written as numbers.

    Raises
    ------
    DataError
        If the file cannot be read, or a line of a CSV file has more or fewer fields than its header.
    KindError
        If most cells of a column of a CSV file are dates, which are refused in Parquet too.
    """
    import pandas as pd

    wanted = list(dict.fromkeys((*columns, *labels)))
    with _readable(path):
        if _is_parquet(path):
            return pd.read_parquet(path, columns=wanted), []
        _check_fields(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            frame = pd.read_csv(path, usecols=wanted)
        # a long file is typed piece by piece: numbers in one and text in the next are text in all
        split = [name for name in wanted if _sort(frame[name]).startswith("mixed")]
        if split:
            frame[split] = pd.read_csv(path, usecols=split, dtype=str)[split]
        text = [name for name in dict.fromkeys(columns) if _sort(frame[name]) == "string"]
        return frame, [said for name in text for said in _doubts(path, frame[name])]


def _sort(column: Any) -> str:
    from pandas.api.types import infer_dtype

    return infer_dtype(column, skipna=True)


def _doubts(path: pathlib.Path, column: Any) -> list[str]:
    """Say of a column of text that most of it is numbers; refuse one that is dates."""
    cells = column.dropna()
    dates = cells.str.fullmatch(DATES)
    if 2 * dates.sum() > len(cells):
        cell, line = _first(path, cells, dates)
        raise KindError(
            f"infocore mi: column {column.name} of {path} holds dates, the first {cell!r} on line {line}; turn them "
            "into numbers, such as days since the first, or into names of the groups that they stand for."
        )
    number = _numeric(cells)
    # commas, of thousands or of decimals, are not read, but meant as numbers
    meant = _numeric(cells.str.replace(",", "", regex=False))
    if number.all() or 2 * meant.sum() <= len(cells):
        return []
    cell, line = _first(path, cells, ~number)
    return [
        f"column {column.name}: {int((~number).sum())} of {len(cells)} cells are no numbers, the first {cell!r} on "
        f"line {line}, so all of them are read as labels"
    ]


def _numeric(cells: Any) -> Any:
    """Say which cells are numbers."""
    import pandas as pd

    read: Any = pd.to_numeric(cells, errors="coerce")
    return read.notna()


def _first(path: pathlib.Path, cells: Any, chosen: Any) -> tuple[str, int]:
    """Return the first of the cells chosen, and its line in the file."""
    row = chosen.idxmax()
    line, _ = next(itertools.islice(_records(path), int(row) + 1, None))
    return cells[row], line


def _check_fields(path: pathlib.Path) -> None:
    """Refuse lines with too many fields, which pandas would cut, or too few, which it would fill.

    Raises
    ------
    DataError
        At the first such line.
    """
    with _lines(path) as lines:
        commas = {-1 if '"' in line else line.count(",") for line in lines if not line.isspace()}
    if len(commas) == 1 and -1 not in commas:  # a third of the time of the parser that quotes need
        return
    records = _records(path)
    _, names = next(records, (0, []))
    for line, fields in records:
        if len(fields) != len(names):
            raise DataError(
                f"infocore mi: line {line} of {path} has {len(fields)} fields, and its header {len(names)}: "
                f"{', '.join(names)}. Put cells that hold a comma in quotes."
            )


def _records(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
    """First line and fields of what pandas reads as rows of a CSV file, the header among them."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        with _lines(path) as lines:
            reader = csv.reader(lines)
            line = 1
            for fields in reader:
                if len(fields) > 1 or (fields and fields[0].strip()):
                    yield line, fields
                line = reader.line_num + 1
    finally:
        csv.field_size_limit(limit)


@contextlib.contextmanager
def _lines(path: pathlib.Path) -> Generator[Any]:
    """Open a text file as pandas does, packed or not."""
    from pandas.io.common import get_handle

    with get_handle(path, "r", encoding="utf-8-sig", compression="infer") as file:
        yield file.handle


def _is_parquet(path: pathlib.Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


@contextlib.contextmanager
def _readable(path: pathlib.Path) -> Generator[None, None, None]:
    """Say of what cannot be read which file it is, and as what it was read."""
    try:
        yield
    except (DataError, KindError):
        raise
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as e:  # pandas' and pyarrow's are ValueErrors
        kind = "Parquet" if _is_parquet(path) else "CSV"
        raise DataError(f"infocore mi: {path} cannot be read as {kind}: {e}") from e


def _parquet() -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as e:
        raise MissingExtraError(
            "infocore mi: Parquet needs pyarrow, which is not installed. In a checkout: "
            "pip install -c constraints.txt './packages/infocore[parquet]'"
        ) from e
