"""Arrays of NumPy in files: .npy, mapped a batch at a time, and .npz, loaded whole."""

import functools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cmim.data._files import Opened, Rows, checked_labels, file_sha256, reading, scaled
from infocore.errors import DataError, KindError, ParameterError, ShapeError

__all__ = ["array_rows", "open_array", "open_npy", "open_npz"]


def open_array(path: Path, array: NDArray[Any], labels: NDArray[Any] | None = None) -> Opened:
    """Hold an array that was loaded from `path`."""
    _check(path, array.shape, array.dtype)
    stream, digest = functools.partial(array_rows, array), functools.partial(file_sha256, path)
    return Opened(array.shape[1:], labels, len(array), stream, digest)


def open_npy(path: Path) -> Opened:
    """Look at the header of a .npy file, and whether the file is as long as that says."""
    with reading(path), path.open("rb") as file:
        shape, dtype = _header(file)
    _check(path, shape, dtype)
    with reading(path):
        np.lib.format.open_memmap(path, mode="r")
    return Opened(shape[1:], None, shape[0], functools.partial(_npy_rows, path), functools.partial(file_sha256, path))


def open_npz(path: Path, key: str | None, label: str | None) -> Opened:
    """Load the samples and labels of a .npz file; of its other arrays only headers are read."""
    found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    with reading(path), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                found[member.removesuffix(".npy")] = _header(file)
    for argument, name in (("key", key), ("label", label)):
        if name is not None and name not in found:
            raise ParameterError(
                f"open_source: `{argument}` must be an array of {path}, one of {list(found)}; got {name!r}."
            )
    key = key or _samples(path, {name: shape for name, (shape, _) in found.items()}, label)
    if key == label:
        raise ParameterError(f"open_source: `key` and `label` must be two arrays of {path}; got {key!r} twice.")
    _check(path, *found[key])
    pairs = [(found[key][0][0],), (found[key][0][0], 1)]
    if label is None:
        label = next((name for name in ("y", "labels") if name in found and found[name][0] in pairs), None)
    elif found[label][0] not in pairs:
        raise ShapeError(
            f"open_source: `label` must hold a value for each of the {pairs[0][0]} rows of {key!r}; in {path}, "
            f"{label!r} has shape {found[label][0]}."
        )
    if label is not None and found[label][1].hasobject:
        raise _pickled(path, label)
    with reading(path), np.load(path, allow_pickle=False) as archive:
        labels = None if label is None else checked_labels(path, label, archive[label].reshape(-1))
        return open_array(path, archive[key], labels)


def array_rows(array: NDArray[Any], size: int) -> Iterator[Rows]:
    """Yield the rows of an array in memory."""
    for at in range(0, len(array), size):
        yield scaled(array[at : at + size])


def _npy_rows(path: Path, size: int) -> Iterator[Rows]:
    at = 0
    while True:  # mapped anew for each batch, so that pages that were read do not add up in the resident memory
        with reading(path):
            array = np.lib.format.open_memmap(path, mode="r")
        if at >= len(array):
            return
        yield scaled(array[at : at + size])
        at += size


def _samples(path: Path, shapes: dict[str, tuple[int, ...]], label: str | None) -> str:
    wide = [name for name, shape in shapes.items() if len(shape) >= 2 and name != label]
    usual = [name for name in wide if name in ("x", "X", "images")]
    for names in (wide, usual):
        if len(names) == 1:
            return names[0]
    raise ParameterError(f"open_source: `key` must say which array of {path} to read; their shapes are {shapes}.")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _check(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if dtype.hasobject:
        raise _pickled(path, "the array")
    if dtype.kind not in "biuf":
        raise KindError(f"open_source: {path} must hold real numbers; got dtype {dtype}. Encode the rest as numbers.")
    if len(shape) not in (2, 3) and not (len(shape) == 4 and shape[-1] == 3):
        raise ShapeError(
            f"open_source: {path} must have a row per sample, of shape (n, d), (n, h, w) or (n, h, w, 3); got {shape}. "
            "Move channels last, and drop axes of length 1."
        )
    if 0 in shape:
        raise ShapeError(f"open_source: {path} must have at least one row and one value in it; got shape {shape}.")


def _pickled(path: Path, what: str) -> DataError:
    return DataError(
        f"open_source: {path} holds pickled objects ({what}), which can run code when they are read, so they are not. "
        "Save them as arrays of numbers or strings."
    )
