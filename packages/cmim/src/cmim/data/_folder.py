"""Folders of images: their names and labels, and how one is decoded."""

import functools
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cmim.data._files import Opened, Rows, file_sha256
from infocore.errors import DataError, ShapeError

__all__ = ["SUFFIXES", "open_folder"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm")


def open_folder(folder: Path, size: tuple[int, int] | None, mode: str) -> Opened:
    """List a folder's images and decode the first."""
    names = _names(folder)
    if not names:
        raise DataError(
            f"open_source: {folder} and its sub-folders hold no images. Looked for are {', '.join(SUFFIXES)}."
        )
    tops = [name.split("/", 1)[0] if "/" in name else None for name in names]
    loose = [name for name, top in zip(names, tops, strict=True) if top is None]
    if loose and len(loose) < len(names):
        raise DataError(
            f"open_source: images of {folder} must all lie in sub-folders, whose names are the labels, or none; "
            f"{len(loose)} of {len(names)} do not, {loose[0]} for one. Move those into a sub-folder."
        )
    labels = None if loose else np.array(tops, dtype=np.str_)
    shape = _pixels(folder / names[0], size, mode).shape
    stream = functools.partial(_rows, folder, names, shape, size, mode)
    return Opened(shape, labels, len(names), stream, functools.partial(_sha256, folder, names))


def _names(folder: Path) -> tuple[str, ...]:
    def refuse(e: OSError) -> None:
        raise DataError(f"open_source: the folder {e.filename} cannot be read ({e.strerror}).") from e

    names: list[str] = []
    for here, below, files in os.walk(folder, onerror=refuse):
        for name in below:
            if Path(here, name).is_symlink():
                raise DataError(
                    f"open_source: {Path(here, name)} is a link to a folder, which is not followed. Copy the images, "
                    "or remove the link."
                )
        found = [Path(here, file) for file in files if file.lower().endswith(SUFFIXES)]
        names += [path.relative_to(folder).as_posix() for path in found]
    return tuple(sorted(names))


def _rows(
    folder: Path, names: tuple[str, ...], shape: tuple[int, ...], size: tuple[int, int] | None, mode: str, rows: int
) -> Iterator[Rows]:
    for at in range(0, len(names), rows):
        some = names[at : at + rows]
        batch = np.empty((len(some), *shape), np.float32)
        for i, name in enumerate(some):
            pixels = _pixels(folder / name, size, mode)
            if pixels.shape != shape:
                raise ShapeError(
                    f"Source: images of {folder} must be of one size unless `size` is given; {names[0]} has height and "
                    f"width {shape[:2]}, {name} has {pixels.shape[:2]}. Give open_source a `size`."
                )
            batch[i] = pixels
        yield batch


def _pixels(path: Path, size: tuple[int, int] | None, mode: str) -> Rows:
    """Decode an image, whole or not at all, to values in [0, 1]."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return _decoded(image, size, mode)
    except Exception as e:  # Pillow's readers raise whatever their parsers do, from SyntaxError to struct.error
        raise DataError(
            f"Source: {path} cannot be read as an image ({type(e).__name__}: {e}). Mend the file, or take it out."
        ) from e


def _decoded(image: Image.Image, size: tuple[int, int] | None, mode: str) -> Rows:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # an MPO's first picture is the photograph, the others its previews
        raise ValueError(f"it holds {frames} pictures where one is expected")
    deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")  # PGM comes scaled to 16 bits
    if image.mode in ("I", "F") and not deep:
        raise ValueError(f"its values have 32 bits (mode {image.mode}), so their range is not known")
    if deep:
        image = Image.fromarray(np.asarray(image, np.float32) / np.float32(65535))
    else:
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        image = image.convert("RGB" if mode == "rgb" else "L")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.array(image, np.float32)
    if not deep:
        return pixels / np.float32(255)
    return np.repeat(pixels[:, :, None], 3, 2) if mode == "rgb" else pixels


def _sha256(folder: Path, names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{file_sha256(folder / name)}  ".encode() + os.fsencode(name) + b"\n")
    return digest.hexdigest()
