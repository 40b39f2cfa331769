"""Rows that are saved as they come, whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cmim.data._files import Rows, import_pyarrow
from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["save_rows"]

_GROUP = 2**22  # values of a row group of Parquet that is written: 16 MiB


def save_rows(path: str | os.PathLike[str], batches: Iterable[Rows], n: int | None = None) -> Path:
    """Write rows to a new file as they come, in constant memory, and whole or not at all.

    Parameters
    ----------
    path : path
        Must end in ``.npy`` or ``.parquet`` (columns ``f0`` to ``f{D-1}``, which needs pyarrow), and not be there yet.
    batches : iterable of arrays of shape (b, D)
        float32 and finite. It is read once.
    n : int, optional
        How many rows there will be, if known. It is checked.

    Returns
    -------
    Path
        `path`. Until all rows are written the file has another name, in the same folder; after an error it is deleted.

    Raises
    ------
    DataError
        If the file exists or cannot be written.
    ParameterError
        If the ending is not one of the two, or `n` is not a whole number of at least 1.
    ShapeError
        If a batch is not of shape (b, D), or there are no rows, or not `n` of them.
    KindError
        If a batch is not float32.
    NonFiniteError
        If a batch holds NaN or infinity.
    MissingExtraError
        If pyarrow is needed and not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_rows(f"{folder}/codes.npy", (np.full((2, 3), i, np.float32) for i in range(4)))
    ...     np.load(path)[:, 0]
    array([0., 0., 1., 1., 2., 2., 3., 3.], dtype=float32)
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".npy", ".parquet"):
        raise ParameterError(f"save_rows: `path` must end in .npy or .parquet; got {path}.")
    if n is not None and (isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1):
        raise ParameterError(f"save_rows: `n` must be a whole number of at least 1; got {n!r}.")
    if kind == ".parquet":
        import_pyarrow("save_rows")
    _refuse_existing(path)
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with _writing(path):
            file = part.open("xb")
        with file:
            _write(file, path, batches, n)
        _refuse_existing(path)
        with _writing(path):
            part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path


def _write(file: IO[bytes], path: Path, batches: Iterable[Rows], n: int | None) -> None:
    sink: _Npy | _Parquet | None = None
    at = 0
    try:
        for batch in batches:
            batch = _sound(np.asarray(batch), sink.width if sink else None, at)
            at += len(batch)
            if n is not None and at > n:
                raise ShapeError(f"save_rows: `n` said {n} rows, and `batches` holds more.")
            with _writing(path):
                if sink is None:
                    sink = (_Npy if path.suffix.lower() == ".npy" else _Parquet)(file, batch.shape[1])
                sink.write(batch)
        if at == 0 or at != (n or at):
            raise ShapeError(f"save_rows: `batches` holds {at} rows; expected {n or 'at least one'}.")
    finally:  # after an error too, as long as the file is open: a writer of Parquet closes itself otherwise, too late
        if sink is not None:
            with _writing(path):
                sink.close()
    with _writing(path):
        file.flush()
        os.fsync(file.fileno())


def _sound(batch: NDArray[Any], width: int | None, at: int) -> Rows:
    if batch.dtype != np.float32:
        raise KindError(f"save_rows: `batches` must be float32; rows from {at} on are {batch.dtype}. Convert them.")
    if batch.ndim != 2 or batch.shape[1] != (width or batch.shape[1] or -1):
        raise ShapeError(
            f"save_rows: `batches` must be of shape (b, {width or 'D'}); rows from {at} on have shape {batch.shape}."
        )
    if not np.isfinite(batch).all():
        raise NonFiniteError(
            f"save_rows: `batches` holds NaN or infinity in row {at + int(np.isfinite(batch).all(1).argmin())}. "
            "Drop or mend such rows first."
        )
    return np.ascontiguousarray(batch)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise DataError(f"save_rows: {path} exists, and is not overwritten. Choose another name, or delete it.")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise DataError(
            f"save_rows: {path} cannot be written ({e.strerror or e}). Check the folder, and the space on its disk."
        ) from e


class _Npy:
    """Writes a header without rows first, and the right one, which is as long, at the end."""

    def __init__(self, file: IO[bytes], width: int) -> None:
        self.file, self.width, self.rows = file, width, 0
        self._header()

    def _header(self) -> None:
        descr = np.lib.format.dtype_to_descr(np.dtype(np.float32))
        head = {"descr": descr, "fortran_order": False, "shape": (self.rows, self.width)}
        np.lib.format.write_array_header_1_0(self.file, head)

    def write(self, batch: Rows) -> None:
        self.file.write(batch.data)
        self.rows += len(batch)

    def close(self) -> None:
        self.file.seek(0)
        self._header()


class _Parquet:
    """Collects batches to row groups of a sensible size."""

    def __init__(self, file: IO[bytes], width: int) -> None:
        self.width, self.waiting, self.rows = width, [], 0
        self.pa, pq = import_pyarrow("save_rows")
        fields = [self.pa.field(f"f{j}", self.pa.float32(), nullable=False) for j in range(width)]
        self.schema = self.pa.schema(fields)
        self.writer = pq.ParquetWriter(file, self.schema, use_dictionary=False)

    def write(self, batch: Rows) -> None:
        if self.rows and (self.rows + len(batch)) * self.width > _GROUP:
            self._group()
        self.waiting.append(batch.copy())  # the iterator may use its buffer again
        self.rows += len(batch)

    def _group(self) -> None:
        columns = np.concatenate(self.waiting).T
        self.waiting, self.rows = [], 0
        arrays = [self.pa.array(np.ascontiguousarray(column)) for column in columns]
        self.writer.write_table(self.pa.Table.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        try:
            if self.rows:
                self._group()
        finally:
            self.writer.close()
