"""What readers of files share: one error for damage, float32 for what they hold, pyarrow if it is there."""

import contextlib
import hashlib
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infocore.errors import DataError, InfoError, KindError, MissingExtraError, NonFiniteError

__all__ = ["Opened", "Rows", "checked_labels", "file_sha256", "import_pyarrow", "labels_file", "reading", "scaled"]

Rows = NDArray[np.float32]


class Opened(NamedTuple):
    """What is known of a file once it is open, and how to read the rest."""

    shape: tuple[int, ...]
    labels: NDArray[Any] | None
    rows: int
    stream: Callable[[int], Iterator[Rows]]
    digest: Callable[[], str]
    columns: tuple[str, ...] | None = None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what readers raise at a file into a `DataError`."""
    try:
        yield
    except InfoError:
        raise
    except MemoryError as e:
        raise DataError(f"Source: {path} does not fit into memory. Save it as .npy, which is read in pieces.") from e
    except Exception as e:  # readers raise whatever their parsers do, from tokenize.TokenError to zlib.error
        raise DataError(f"Source: {path} cannot be read or is damaged ({e}). Check it, or write it again.") from e


def scaled(array: NDArray[Any]) -> Rows:
    """Copy real numbers to float32; bytes are divided by 255."""
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is then refused
        rows = np.array(array, np.float32, order="C")
    if array.dtype == np.uint8:
        rows /= 255
    return rows


def checked_labels(path: Path, label: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels if they are numbers, none missing, or strings."""
    if labels.dtype.kind not in "biufUS":
        raise KindError(
            f"open_source: `label` must hold numbers or strings; {label!r} of {path} is {labels.dtype}. Encode them."
        )
    missing = int((~np.isfinite(labels)).sum()) if labels.dtype.kind == "f" else 0
    if missing:
        raise NonFiniteError(
            f"open_source: `label` {label!r} of {path} holds null, NaN or infinity in {missing} of {len(labels)} rows. "
            "Drop those rows first."
        )
    return labels


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, which is read in pieces."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def labels_file(images: Path) -> Path | None:
    """Return the IDX file of labels that lies beside one of images, if there is one."""
    name = re.sub(r"images([-.])idx3-", r"labels\1idx1-", images.name)
    names = (name, name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz")
    beside = (images.with_name(each) for each in names if name != images.name)
    return next((path for path in beside if path.is_file()), None)


def import_pyarrow(caller: str) -> tuple[Any, Any]:
    """Return pyarrow and its module of Parquet."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as e:
        raise MissingExtraError(f"{caller}: Parquet needs pyarrow, which is not installed: pip install pyarrow") from e
