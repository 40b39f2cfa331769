"""Images and tables that are read a batch at a time: folders, .npy, .npz, .parquet, IDX and the sets by name."""

import dataclasses
import functools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from cmim.data import images
from cmim.data._arrays import array_rows, open_array, open_npy, open_npz
from cmim.data._files import Rows, labels_file
from cmim.data._folder import SUFFIXES, open_folder
from cmim.data._parquet import open_parquet
from cmim.data.images import ImageData
from cmim.data.rows import save_rows as save_rows
from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["Source", "open_source", "save_rows"]

_SETS: dict[str, Callable[[], ImageData]] = {
    "digits": images.digits,
    "mnist5k": images.mnist5k,
    "fashion": functools.partial(images.fashion, split="train"),
    "fashion-test": functools.partial(images.fashion, split="test"),
}
_ARGUMENTS: dict[str, tuple[str, ...]] = {  # what each kind of source understands beside its path
    "set": (),
    "folder": ("size", "mode"),
    "IDX": (),
    ".npy": (),
    ".npz": ("key", "label"),
    ".parquet": ("columns", "label"),
}
_CHUNK = 2**22  # values of a batch when all rows are read: 16 MiB


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Samples of one shape, read a batch at a time and as often as wanted; made by `open_source`.

    It keeps no file open, and of a folder, .npy or .parquet no more than names and labels in memory.

    Parameters
    ----------
    name : str
        For titles and tables.
    origin : str
        Path or package that is read, and the file of its labels if that is another.
    shape : tuple of int
        Of one sample: (h, w), (h, w, 3) or (d,).
    labels : array of shape (n,), or None
        Integers, numbers or strings.
    rows : int
        How many samples there are, n.
    stream : callable
        ``stream(batch_size)`` starts from the first row and yields arrays of shape (b, ...). `batches` checks them.
    digest : callable
        ``digest()`` reads everything and returns its sha256.
    columns : tuple of str, optional
        Columns that are read, of a table that has names for them.

    Examples
    --------
    >>> source = open_source("digits")
    >>> len(source), source.shape, source.labels[:3].tolist()
    (1797, (8, 8), [0, 1, 2])
    >>> [batch.shape for batch in source.batches(1000)]
    [(1000, 8, 8), (797, 8, 8)]
    """

    name: str
    origin: str
    shape: tuple[int, ...]
    labels: NDArray[Any] | None = dataclasses.field(repr=False)
    rows: int
    stream: Callable[[int], Iterator[Rows]] = dataclasses.field(repr=False)
    digest: Callable[[], str] = dataclasses.field(repr=False)
    columns: tuple[str, ...] | None = dataclasses.field(default=None, repr=False)

    def __len__(self) -> int:
        return self.rows

    @property
    def sha256(self) -> str:
        """Of the file's bytes (a set by name: `ImageData.sha256`), read anew each time, in constant memory.

        Of a folder: what ``sha256sum`` prints for the list that ``sha256sum`` makes of its images, sorted by name.
        """
        return self.digest()

    def batches(self, batch_size: int) -> Iterator[Rows]:
        """Read the rows in order.

        Parameters
        ----------
        batch_size : int
            Rows a batch; the last one has what is left.

        Returns
        -------
        iterator of arrays of shape (b, *shape)
            float32 and finite.

        Raises
        ------
        ParameterError
            If `batch_size` is not a whole number of at least 1.
        NonFiniteError
            If a batch holds NaN, infinity, a null, or a number beyond float32.
        ShapeError
            If a sample is not of the shape of the first.
        DataError
            If a file cannot be read, or was changed since it was opened.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ParameterError(
                f"Source.batches: `batch_size` must be a whole number of at least 1; got {batch_size!r}."
            )
        return self._checked(int(batch_size))

    def read(self) -> Rows:
        """Read all rows at once.

        Returns
        -------
        array of shape (n, *shape)
            float32 and finite. It is a new array, and yours to change.

        Raises
        ------
        NonFiniteError, ShapeError, DataError
            As `batches`.
        """
        whole = np.empty((self.rows, *self.shape), np.float32)
        at = 0
        for batch in self.batches(max(1, _CHUNK // math.prod(self.shape))):
            whole[at : at + len(batch)] = batch
            at += len(batch)
        return whole

    def _checked(self, size: int) -> Iterator[Rows]:
        at = 0
        for batch in self.stream(size):
            if batch.shape[1:] != self.shape or at + len(batch) > self.rows:
                break
            sound = np.isfinite(batch.reshape(len(batch), -1)).all(1)
            if not sound.all():
                raise NonFiniteError(
                    f"Source.batches: {self.origin} holds NaN, infinity or numbers beyond float32 in "
                    f"{int((~sound).sum())} of its rows {at} to {at + len(batch) - 1}. Drop or impute those rows first."
                )
            at += len(batch)
            yield batch
        if at != self.rows:
            raise DataError(
                f"Source.batches: {self.origin} had {self.rows} rows of shape {self.shape} when it was opened, and was "
                f"changed since (seen at row {at}). Open it again."
            )


def open_source(
    path_or_name: str | os.PathLike[str],
    *,
    key: str | None = None,
    label: str | None = None,
    columns: str | Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    mode: Literal["grey", "rgb"] = "grey",
) -> Source:
    """Open images or a table, to be read a batch at a time.

    Parameters
    ----------
    path_or_name : path or str
        A folder of images, a file, or one of the sets "digits", "mnist5k", "fashion" and "fashion-test". (For a
        folder of such a name write ``./digits``.) What becomes of each:

        - Images (.png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp, .pgm, at any depth, sorted by relative path) are
          scaled to [0, 1], 16-bit ones too. Pixels are taken as stored: transparency and EXIF rotation are ignored.
          If they lie in sub-folders, the name of the outermost one is the label.
        - ``.npy`` is memory-mapped. uint8 is divided by 255, booleans become 0 and 1, other real numbers stay what
          they are. ``.npz`` is treated alike, but has to be loaded whole.
        - ``.parquet`` is read in pieces; its numbers stay what they are.
        - IDX files of bytes are loaded whole and divided by 255. Labels are those of the file beside it, if there is
          one: of ``train-images-idx3-ubyte``, gzipped or not, ``train-labels-idx1-ubyte``, gzipped or not.
    key : str, optional
        Array of an ``.npz`` to read; if not given, its only one of two or more axes, or else "x", "X" or "images".
    label : str, optional
        Array of an ``.npz``, or column of a ``.parquet``, that holds the labels. If not given, an ``.npz``'s "y" or
        "labels" is taken if it has a value per row, and a ``.parquet`` has no labels.
    columns : str or sequence of str, optional
        Columns of a ``.parquet`` to read, in this order: numeric ones, or one that holds lists of equal lengths. If
        not given, all numeric ones but `label`, or the only one of lists if none is numeric.
    size : (int, int), optional
        Height and width to which images are resized (bilinear, antialiased); if not given, all must be equal.
    mode : {"grey", "rgb"}
        Whether an image of a folder becomes (h, w) or (h, w, 3).

    Returns
    -------
    Source
        Its shape and labels are known; the rest is read when asked for.

    Raises
    ------
    DataError
        If a file is absent, damaged, holds pickled objects, or a folder holds no images.
    ParameterError
        If an argument does not go with this kind of file, or names nothing in it.
    KindError
        If the kind of file is not offered, or does not hold real numbers.
    ShapeError
        If there are no rows, or a row is not of shape (h, w), (h, w, 3) or (d,), or there are more or fewer labels.
    NonFiniteError
        If a label is missing, or the first list of a column. (Other rows are looked at when they are read.)
    MissingExtraError
        If pyarrow is needed and not installed.

    Examples
    --------
    >>> open_source("digits")
    Source(name='digits', origin='scikit-learn load_digits', shape=(8, 8), rows=1797)
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/small.npz", x=np.full((4, 2, 2), 51, np.uint8), y=["a", "b", "b", "a"])
    ...     small = open_source(f"{folder}/small.npz")
    >>> small.read()[0, 0].tolist(), small.labels.tolist()
    ([0.2..., 0.2...], ['a', 'b', 'b', 'a'])
    """
    if mode not in ("grey", "rgb"):
        raise ParameterError(f"open_source: `mode` must be 'grey' or 'rgb'; got {mode!r}.")
    path = Path(path_or_name)
    given = {"key": key, "label": label, "columns": columns, "size": size, "mode": None if mode == "grey" else mode}
    by_name = isinstance(path_or_name, str) and path_or_name in _SETS
    kind = "set" if by_name else _kind(path)
    for name, value in given.items():
        if value is not None and name not in _ARGUMENTS[kind]:
            takes = " and ".join(f"`{taken}`" for taken in _ARGUMENTS[kind]) or "no further argument"
            raise ParameterError(
                f"open_source: `{name}` does not apply to {path} ({kind}), which takes {takes}; got {value!r}. "
                "Leave it out."
            )
    if by_name:
        data = _SETS[str(path_or_name)]()
        stream, digest = functools.partial(array_rows, data.images), functools.partial(_set_sha256, data)
        return Source(data.name, data.source, data.images.shape[1:], data.labels, len(data.images), stream, digest)
    origin = str(path)
    if kind == "folder":
        opened = open_folder(path, _size(size), mode)
    elif kind == "IDX":
        array, beside = images.read_idx(path), labels_file(path)
        opened = open_array(path, array, None if beside is None else _idx_labels(path, len(array), beside))
        origin += "" if beside is None else f" with labels of {beside.name}"
    elif kind == ".npy":
        opened = open_npy(path)
    elif kind == ".npz":
        opened = open_npz(path, key, label)
    else:
        opened = open_parquet(path, (columns,) if isinstance(columns, str) else columns, label)
    full = Path(os.path.abspath(path))
    return Source(full.name if kind == "folder" else full.stem, origin, *opened)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise DataError(
            f"open_source: there is no {path}, and no set of that name (there are {', '.join(_SETS)}). Check the path."
        )
    if path.name.endswith(("-ubyte", "-ubyte.gz")):
        return "IDX"
    if path.suffix.lower() in _ARGUMENTS:
        return path.suffix.lower()
    raise KindError(
        f"open_source: {path} is of a kind that is not offered. Offered are a folder of images "
        f"({', '.join(SUFFIXES)}), .npy, .npz, .parquet, IDX (*-ubyte, *-ubyte.gz) and the sets {', '.join(_SETS)}. "
        "Convert it to one of these."
    )


def _idx_labels(path: Path, rows: int, beside: Path) -> NDArray[np.int64]:
    labels = images.read_idx(beside)
    if labels.shape != (rows,):
        raise ShapeError(
            f"open_source: {beside} must hold a label for each of the {rows} images of {path}; its shape is "
            f"{labels.shape}. Put the right file there, or move it away."
        )
    return labels.astype(np.int64)


def _size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    sides: tuple[Any, ...] = tuple(size) if isinstance(size, Sequence) else ()
    if [isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s > 0 for s in sides] != [True, True]:
        raise ParameterError(f"open_source: `size` must be (height, width), whole numbers above 0; got {size!r}.")
    return int(sides[0]), int(sides[1])


def _set_sha256(data: ImageData) -> str:
    return data.sha256
