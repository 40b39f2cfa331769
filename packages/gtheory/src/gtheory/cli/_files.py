"""Tables from files, columns from tables, figures into files."""

# pandas has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import csv
import importlib
import math
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from infocore.errors import DataError, MissingExtraError, NonFiniteError, ParameterError
from infocore.semantic import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_figure", "column", "numbers", "read_counts", "read_frame", "save_figure", "write_frame"]

_FIGURES = (".svg", ".png", ".pdf")


def read_counts(file: pathlib.Path) -> tuple[Floats, list[str], list[str]]:
    """Read a table of counts from a CSV file, with or without a header row and a column of names.

    Parameters
    ----------
    file : Path
        Rows are values of x, columns labels. If a field of the first row is no number, that row holds the labels'
        names; if a field of the first column below it is none, that column holds the names of x.

    Returns
    -------
    counts : ndarray of shape (m, n)
    rows, labels : list of str
        Names, or positions where there are none.

    Raises
    ------
    DataError
        If the file is not text, holds no table, a row has another length, a field is no count, or a row or column has
        no counts at all.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            lines = [(reader.line_num, row) for reader in (csv.reader(handle),) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"gtheory rate: {file} cannot be read as CSV text: {e}.") from e
    header = lines.pop(0)[1] if lines and any(not _is_number(field) for field in lines[0][1][1:]) else None
    named = any(not _is_number(row[0]) for _, row in lines)
    if not lines or len(lines[0][1]) <= named:
        raise DataError(f"gtheory rate: {file} holds no table of counts; give rows of x and columns of labels.")
    width = len(lines[0][1])
    for number, row in lines:
        if len(row) != width:
            raise DataError(f"gtheory rate: line {number} of {file} has {len(row)} fields; the first has {width}.")
        for field in row[named:]:
            if not (_is_number(field) and 0 <= float(field) < math.inf):
                raise DataError(f"gtheory rate: line {number} of {file} holds {field!r}, which is not a count.")
    if header is not None and len(header) not in (width, width - named):
        raise DataError(f"gtheory rate: the header of {file} has {len(header)} fields; the first row has {width}.")
    counts = np.array([[float(field) for field in row[named:]] for _, row in lines])
    names = [row[0] if named else str(i) for i, (_, row) in enumerate(lines)]
    labels = header[-counts.shape[1] :] if header is not None else [str(j) for j in range(counts.shape[1])]
    for what, sums, called in (("row", counts.sum(1), names), ("column", counts.sum(0), labels)):
        empty = np.flatnonzero(sums == 0)
        if len(empty):
            raise DataError(
                f"gtheory rate: {what} {called[empty[0]]!r} of {file} has no counts ({len(empty)} such), so its law is "
                f"undefined. Remove that {what}."
            )
    return counts, names, labels


def read_frame(file: pathlib.Path, caller: str) -> Any:
    """Read a table with a header.

    Parameters
    ----------
    file : Path
        CSV, or Parquet by its suffix.
    caller : str
        The command, for the message.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataError
        If the file cannot be read, or holds no rows.
    """
    import pandas as pd

    parquet = file.suffix.lower() in (".parquet", ".pq")
    try:
        if parquet:
            importlib.import_module("pyarrow")
        frame = pd.read_parquet(file) if parquet else pd.read_csv(file)
    except ImportError as e:
        raise MissingExtraError(f"{caller}: Parquet needs pyarrow: pip install 'infocore[parquet]'") from e
    except (OSError, ValueError) as e:  # pandas' parser errors are ValueErrors
        raise DataError(f"{caller}: {file} cannot be read as {'Parquet' if parquet else 'CSV'}: {e}") from e
    if not len(frame):
        raise DataError(f"{caller}: {file} holds no rows below its header.")
    return frame


def column(frame: Any, name: str, file: pathlib.Path, caller: str) -> Any:
    """Take a column by its name.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table.
    name : str
        The column.
    file : Path
        Where the table is from, for the message.
    caller : str
        The command, for the message.

    Returns
    -------
    pandas.Series

    Raises
    ------
    ParameterError
        If there is no such column.
    """
    if name not in frame.columns:
        raise ParameterError(f"{caller}: {file} has no column {name!r}; it has {', '.join(map(str, frame.columns))}.")
    return frame[name]


def numbers(frame: Any, names: Sequence[str], file: pathlib.Path, caller: str) -> Floats:
    """Take columns of numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table.
    names : sequence of str
        The columns.
    file : Path
        Where the table is from, for the message.
    caller : str
        The command, for the message.

    Returns
    -------
    ndarray of shape (n, len(names))

    Raises
    ------
    ParameterError
        If there is no such column.
    DataError
        If a column holds what is no number.
    NonFiniteError
        If values are missing or infinite.
    """
    found = [column(frame, name, file, caller) for name in names]
    for name, values in zip(names, found, strict=True):
        if values.dtype.kind not in "iufb":
            raise DataError(f"{caller}: column {name!r} of {file} must hold numbers; got {values.dtype}.")
    matrix = np.stack([values.to_numpy(dtype=np.float64) for values in found], axis=1)
    bad = ~np.isfinite(matrix)
    if bad.any():
        named = ", ".join(f"{name} ({count})" for name, count in zip(names, bad.sum(0), strict=True) if count)
        raise NonFiniteError(f"{caller}: {file} has missing or infinite values in {named}. Drop or impute those rows.")
    return matrix


def save_figure(figure: "Figure", file: pathlib.Path, caller: str) -> None:
    """Write a figure, whole or not at all.

    Parameters
    ----------
    figure : Figure
        What to write.
    file : Path
        Its suffix is the format: svg, png or pdf.
    caller : str
        The command, for the message.

    Raises
    ------
    ParameterError
        If the suffix is none of them.
    DataError
        If the file cannot be written.
    """
    check_figure(file, caller)
    _whole(file, lambda path: figure.savefig(path, dpi=150), caller)


def write_frame(frame: Any, file: pathlib.Path, caller: str) -> None:
    """Write a table as CSV, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        What to write.
    file : Path
        Where to.
    caller : str
        The command, for the message.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    _whole(file, lambda path: frame.to_csv(path, index=False), caller)


def _whole(file: pathlib.Path, write: Callable[[str], Any], caller: str) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=file.suffix)
        os.close(handle)
        try:
            write(name)
            pathlib.Path(name).chmod(0o644)
            pathlib.Path(name).replace(file)
        except BaseException:
            pathlib.Path(name).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise DataError(f"{caller}: {file} cannot be written: {e}") from e


def check_figure(file: pathlib.Path | None, caller: str) -> None:
    """Refuse a figure's file before the work is done."""
    if file is not None and file.suffix.lower() not in _FIGURES:
        raise ParameterError(f"{caller}: `--plot` must end in {', '.join(_FIGURES)}; got {file}.")


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
