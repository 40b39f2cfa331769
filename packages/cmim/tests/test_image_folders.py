"""Folders of images: labels, formats, colours, sizes, and images that cannot be read."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cmim.data.sources import open_source
from infocore.errors import DataError, ParameterError, ShapeError

from .source_files import GREY, RNG, folder

open_unchecked = getattr(open_source, "__wrapped__", open_source)


def test_a_folder_named_as_a_set(tmp_path, monkeypatch):
    folder(tmp_path / "digits", {"a.png": GREY[0]})
    monkeypatch.chdir(tmp_path)
    assert len(open_source("digits")) == 1797
    assert len(open_source("./digits")) == len(open_source(Path("digits"))) == 1


@pytest.mark.unchecked
@pytest.mark.parametrize("size", [(0, 4), (4,), (4, 4, 3), 4, (4.0, 4), (True, 4), "44", ()])
def test_size(tmp_path, size):
    with pytest.raises(ParameterError, match=r"`size` must be \(height, width\)"):
        open_unchecked(folder(tmp_path / "f", {"a.png": GREY[0]}), size=size)


@pytest.mark.unchecked
def test_mode(tmp_path):
    with pytest.raises(ParameterError, match=r"`mode`.*'L'"):
        open_unchecked(folder(tmp_path / "f", {"a.png": GREY[0]}), mode="L")


def test_folder_is_sorted_by_path_and_labelled_by_the_first_folder(tmp_path):
    names = ["b/2.png", "b/1.PNG", "a/z/0.png", "a/1.png", "a.b/1.png", "B/1.png", "a/10.png"]
    source = open_source(folder(tmp_path, dict(zip(names, GREY, strict=True))))
    (tmp_path / "b" / "notes.txt").write_text("not an image")
    order = sorted(range(7), key=lambda i: names[i])  # "B" < "a.b/" < "a/": of posix paths, not of their parts
    assert [names[i] for i in order][:3] == ["B/1.png", "a.b/1.png", "a/1.png"]
    assert source.labels.tolist() == ["B", "a.b", "a", "a", "a", "b", "b"]
    assert np.array_equal(source.read(), GREY[order] / np.float32(255))


def test_folder_without_subfolders_has_no_labels(tmp_path):
    assert open_source(folder(tmp_path, {"a.png": GREY[0], "b.png": GREY[1]})).labels is None


def test_folder_with_images_inside_and_beside_folders(tmp_path):
    folder(tmp_path, {"a.png": GREY[0], "x/b.png": GREY[1], "x/c.png": GREY[2]})
    with pytest.raises(DataError, match=r"1 of 3 do not, a\.png for one"):
        open_source(tmp_path)


def test_folder_without_images(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"")
    with pytest.raises(DataError, match=r"no images.*\.png, \.jpg, \.jpeg, \.bmp, \.tif, \.tiff, \.webp, \.pgm"):
        open_source(tmp_path)


def test_links_to_folders(tmp_path):
    folder(tmp_path / "real", {"a.png": GREY[0]})
    folder(tmp_path / "f", {"x/a.png": GREY[0]})
    try:
        (tmp_path / "g").symlink_to(tmp_path / "real")
        (tmp_path / "f" / "y").symlink_to(tmp_path / "f")
    except OSError:
        pytest.skip("no links here")
    assert len(open_source(tmp_path / "g")) == 1
    with pytest.raises(DataError, match=r"y is a link to a folder"):
        open_source(tmp_path / "f")


def test_subfolder_that_cannot_be_read(tmp_path, monkeypatch):
    folder(tmp_path / "f", {"x/a.png": GREY[0], "y/a.png": GREY[1]})
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("y"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"y cannot be read \(Permission denied\)"):
        open_source(tmp_path / "f")


def test_folder_sha256_is_that_of_sha256sum(tmp_path):
    source = open_source(folder(tmp_path, {"b/1.png": GREY[0], "a/1.png": GREY[1]}))
    sums = [(hashlib.sha256((tmp_path / n).read_bytes()).hexdigest(), n) for n in ("a/1.png", "b/1.png")]
    assert source.sha256 == hashlib.sha256("".join(f"{s}  {n}\n" for s, n in sums).encode()).hexdigest()
    before = source.sha256
    (tmp_path / "b").rename(tmp_path / "c")
    assert open_source(tmp_path).sha256 != before


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "webp", "pgm", "jpg", "jpeg"])
def test_formats(tmp_path, suffix):
    picture = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8)
    settings = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(picture).save(tmp_path / f"a.{suffix}", **settings)
    got = open_source(tmp_path).read()[0]
    assert got == pytest.approx(picture / 255, abs=2 / 255 if suffix.startswith("jp") else 1e-7)


def test_colour(tmp_path):
    colours = RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    folder(tmp_path, {"a.png": colours, "b.png": GREY[0]})
    rgb = open_source(tmp_path, mode="rgb")
    assert rgb.shape == (4, 5, 3)
    assert np.array_equal(rgb.read()[0], colours / np.float32(255))
    assert np.array_equal(rgb.read()[1], np.repeat(GREY[0][..., None], 3, 2) / np.float32(255))
    grey = open_source(tmp_path)
    assert grey.shape == (4, 5)
    luma = colours @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R 601-2
    assert grey.read()[0] == pytest.approx(luma, abs=1 / 255)


@pytest.mark.parametrize("kind", ["1", "LA", "RGBA", "CMYK"])
def test_other_modes(tmp_path, kind):
    picture = Image.new(kind, (5, 4), (0, 0, 0, 0) if kind == "CMYK" else "white")
    picture.save(tmp_path / "a.tif")
    assert np.array_equal(open_source(tmp_path).read(), np.ones((1, 4, 5)))
    assert np.array_equal(open_source(tmp_path, mode="rgb").read(), np.ones((1, 4, 5, 3)))


def test_palette_with_transparency_is_read_without_a_warning(tmp_path):
    picture = Image.fromarray(GREY[0]).convert("P")
    picture.save(tmp_path / "a.png", transparency=bytes(range(256)))
    assert np.array_equal(open_source(tmp_path).read()[0], GREY[0] / np.float32(255))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits(tmp_path, suffix):
    deep = (np.arange(20, dtype=np.uint16) * 3449).reshape(4, 5)  # up to 65531; cut to 8 bits, most would be 255
    Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
    assert np.array_equal(open_source(tmp_path).read()[0], deep.astype(np.float32) / np.float32(65535))
    assert open_source(tmp_path, mode="rgb").read()[0, 3, 4].tolist() == pytest.approx([65531 / 65535] * 3)
    assert open_source(tmp_path, size=(1, 1)).read().item() == pytest.approx(deep.mean() / 65535, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_images_of_unknown_range(tmp_path, dtype):
    Image.fromarray(GREY[0].astype(dtype)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif .*range is not known"):
        open_source(tmp_path)


def test_images_of_several_pictures(tmp_path):
    first, *rest = [Image.fromarray(picture) for picture in GREY[:3]]
    first.save(tmp_path / "a.tif", save_all=True, append_images=rest)
    with pytest.raises(DataError, match=r"a\.tif .*3 pictures"):
        open_source(tmp_path)
    (tmp_path / "a.tif").unlink()
    first.save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=rest)  # as telephones write them
    assert open_source(tmp_path).shape == (4, 5)


def test_sizes_must_be_equal_or_given(tmp_path):
    folder(tmp_path, {"a.png": np.full((4, 6), 51, np.uint8), "b.png": np.full((8, 2), 102, np.uint8)})
    source = open_source(tmp_path)
    with pytest.raises(ShapeError, match=r"a\.png has height and width \(4, 6\), b\.png has \(8, 2\).*`size`"):
        source.read()
    got = open_source(tmp_path, size=(3, 5)).read()
    assert got.shape == (2, 3, 5) and np.array_equal(got[:, 0, 0], np.float32([51, 102]) / np.float32(255))


def test_resizing_is_antialiased(tmp_path):
    board = np.indices((64, 64)).sum(0) % 2 * 255  # without antialiasing: 0 or 255
    folder(tmp_path, {"a.png": board.astype(np.uint8)})
    assert open_source(tmp_path, size=(8, 8)).read() == pytest.approx(np.full((1, 8, 8), 0.5), abs=0.02)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp", "pgm"])
def test_truncated_images(tmp_path, suffix):
    folder(tmp_path, {f"a.{suffix}": np.tile(GREY[0], (16, 16)), f"b.{suffix}": np.tile(GREY[1], (16, 16))})
    path = tmp_path / f"b.{suffix}"
    whole = path.read_bytes()
    source = open_source(tmp_path)
    for part in (len(whole) - 100, len(whole) // 2, 60, 3, 0):
        path.write_bytes(whole[:part])
        batches = source.batches(1)
        next(batches)
        with pytest.raises(DataError, match=rf"b\.{suffix} cannot be read as an image"):
            next(batches)


def test_first_image_is_no_image(tmp_path):
    (tmp_path / "a.png").write_text("a web page")
    with pytest.raises(DataError, match=r"a\.png cannot be read as an image \(UnidentifiedImageError"):
        open_source(tmp_path)


@pytest.mark.parametrize("limit", [15, 5])  # 20 pixels: Pillow warns above the limit and refuses above twice the limit
def test_decompression_bombs(tmp_path, monkeypatch, limit):
    folder(tmp_path, {"a.png": GREY[0]})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match=r"a\.png .*DecompressionBomb"):
        open_source(tmp_path)
    monkeypatch.undo()
