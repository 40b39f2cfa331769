"""Sources of images and tables, from files that the tests write."""

import contextlib
import gzip
import hashlib
import importlib
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cmim.data import images, rows
from cmim.data.sources import Source, open_source, save_rows
from infocore.errors import (
    DataError,
    InfoError,
    KindError,
    MissingExtraError,
    NonFiniteError,
    ParameterError,
    ShapeError,
)

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
TABLE = RNG.standard_normal((7, 3)).astype(np.float32)
open_unchecked = getattr(open_source, "__wrapped__", open_source)


def collect(source: Source, size: int) -> np.ndarray:
    got = list(source.batches(size))
    assert all(batch.dtype == np.float32 and batch.shape[1:] == source.shape for batch in got)
    assert [len(batch) for batch in got] == [size] * (len(source) // size) + [len(source) % size] * bool(
        len(source) % size
    )
    return np.concatenate(got)


def npy(path: Path, array) -> Path:
    np.save(path, array)
    return path


def parquet(path: Path, columns: dict, **settings) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path, **settings)
    return path


def folder(path: Path, pictures: dict) -> Path:
    for name, pixels in pictures.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path / name)
    return path


# every kind


def every_kind(tmp_path: Path) -> dict[str, tuple[Source, np.ndarray]]:
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *GREY.shape)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(header + GREY.tobytes())
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + GREY.tobytes()))
    np.savez(tmp_path / "a.npz", x=GREY)
    grey = GREY / np.float32(255)
    return {
        "set": (open_source("digits"), images.digits().images),
        "folder": (open_source(folder(tmp_path / "f", {f"{i}.png": p for i, p in enumerate(GREY)})), grey),
        ".npy": (open_source(npy(tmp_path / "a.npy", GREY)), grey),
        ".npz": (open_source(tmp_path / "a.npz"), grey),
        ".parquet": (open_source(parquet(tmp_path / "a.parquet", dict(zip("abc", TABLE.T, strict=True)))), TABLE),
        "IDX": (open_source(tmp_path / "t10k-images-idx3-ubyte"), grey),
        "IDX.gz": (open_source(tmp_path / "t10k-images-idx3-ubyte.gz"), grey),
    }


def test_every_kind_keeps_the_promises_of_a_source(tmp_path):
    for kind, (source, want) in every_kind(tmp_path).items():
        assert len(source) == len(want) and source.shape == want.shape[1:], kind
        for size in (1, 2, len(want), len(want) + 1):
            assert np.array_equal(collect(source, size), want), kind
        whole = source.read()
        assert np.array_equal(whole, want) and whole.dtype == np.float32, kind
        whole[:] = -1  # belongs to the caller
        assert np.array_equal(source.read(), want), kind
        assert len(source.sha256) == 64 and source.sha256 == source.sha256, kind
        copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes; workers get sources so
        assert np.array_equal(copy.read(), want) and copy.sha256 == source.sha256, kind


def test_names_and_origins(tmp_path, monkeypatch):
    kinds = every_kind(tmp_path)
    assert {kind: source.name for kind, (source, _) in kinds.items()} == {
        "set": "digits",
        "folder": "f",
        ".npy": "a",
        ".npz": "a",
        ".parquet": "a",
        "IDX": "t10k-images-idx3-ubyte",
        "IDX.gz": "t10k-images-idx3-ubyte",
    }
    assert kinds[".npy"][0].origin == str(tmp_path / "a.npy")
    monkeypatch.chdir(tmp_path / "f")
    assert open_source(".").name == "f"
    assert "labels" not in repr(kinds[".npy"][0])


@pytest.mark.parametrize(
    ("here", "beside"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz"),
    ],
)
def test_labels_of_idx_lie_beside_the_images(tmp_path, here, beside):
    def write(name: str, array: np.ndarray) -> None:
        blob = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        (tmp_path / name).write_bytes(gzip.compress(blob) if name.endswith(".gz") else blob)

    write(here, GREY)
    alone = open_source(tmp_path / here)
    assert alone.labels is None and alone.origin == str(tmp_path / here)
    labels = np.arange(len(GREY), dtype=np.uint8)[::-1]
    write(beside, labels)
    found = open_source(tmp_path / here)
    assert found.labels is not None and found.labels.tolist() == labels.tolist()
    assert found.origin == f"{tmp_path / here} with labels of {beside}"
    assert found.sha256 == alone.sha256
    write(beside, labels[1:])
    with pytest.raises(ShapeError, match=rf"{beside} must hold a label for each of the {len(GREY)} images"):
        open_source(tmp_path / here)


def test_sha256_is_of_the_bytes(tmp_path):
    for kind, (source, _) in every_kind(tmp_path).items():
        if kind not in ("set", "folder"):
            assert source.sha256 == hashlib.sha256(Path(source.origin).read_bytes()).hexdigest(), kind
    assert open_source("digits").sha256 == images.digits().sha256


@pytest.mark.unchecked
@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3", None])
def test_batch_size(size):
    with pytest.raises(ParameterError, match=r"`batch_size`.*got"):
        open_source("digits").batches(size)  # at once, not at the first batch


def test_a_file_that_was_changed_or_vanished(tmp_path):
    path = npy(tmp_path / "a.npy", TABLE)
    source = open_source(path)
    for other in (TABLE[:5], np.concatenate([TABLE, TABLE]), TABLE[:, :2]):
        npy(path, other)
        with pytest.raises(DataError, match=r"a\.npy had 7 rows of shape \(3,\).*changed"):
            source.read()
        with pytest.raises(DataError, match="changed"):
            list(source.batches(4))
    path.unlink()
    for call in (source.read, lambda: source.sha256):
        with pytest.raises(DataError, match=r"a\.npy cannot be read"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_what_is_not_finite_is_named_with_its_rows(tmp_path, bad):
    table = TABLE.astype(np.float64)
    table[4, 1] = bad
    source = open_source(npy(tmp_path / "a.npy", table))
    batches = source.batches(3)
    assert len(next(batches)) == 3
    with pytest.raises(NonFiniteError, match=r"a\.npy.* in 1 of its rows 3 to 5"):
        next(batches)


# names, paths, arguments


def test_sets_by_name(tmp_path, monkeypatch):
    assert open_source("digits").labels.tolist() == images.digits().labels.tolist()
    monkeypatch.setenv("INFOLEARN_DATA", str(tmp_path))
    asked = []

    def fashion(split):
        asked.append(split)
        return images.digits()

    monkeypatch.setitem(open_unchecked.__globals__["_SETS"], "mnist5k", lambda: fashion("mnist5k"))
    monkeypatch.setattr(images, "_FASHION_FOLDER", tmp_path)
    open_source("mnist5k")
    assert asked == ["mnist5k"]
    with pytest.raises(DataError, match="train-images-idx3"):
        open_source("fashion")
    with pytest.raises(DataError, match="t10k-images-idx3"):
        open_source("fashion-test")
    monkeypatch.undo()


def test_a_folder_named_as_a_set(tmp_path, monkeypatch):
    folder(tmp_path / "digits", {"a.png": GREY[0]})
    monkeypatch.chdir(tmp_path)
    assert len(open_source("digits")) == 1797
    assert len(open_source("./digits")) == len(open_source(Path("digits"))) == 1


def test_what_is_not_there_or_not_offered(tmp_path):
    with pytest.raises(DataError, match=r"no mnist, and no set of that name.*mnist5k, fashion"):
        open_source("mnist")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(KindError, match=r"a\.csv is of a kind.*\.png.*\.npy, \.npz, \.parquet, IDX.*digits"):
        open_source(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("set", {"size": (8, 8)}),
        ("set", {"mode": "rgb"}),
        ("folder", {"label": "a"}),
        (".npy", {"key": "x"}),
        (".npz", {"columns": ["a"]}),
        (".parquet", {"key": "a"}),
        ("IDX", {"label": "y"}),
    ],
)
def test_arguments_that_do_not_apply_are_refused(tmp_path, kind, argument):
    source, _ = every_kind(tmp_path)[kind]
    with pytest.raises(ParameterError, match=f"`{next(iter(argument))}` does not apply.* takes .*Leave it out"):
        open_source("digits" if kind == "set" else source.origin, **argument)


@pytest.mark.unchecked
@pytest.mark.parametrize("size", [(0, 4), (4,), (4, 4, 3), 4, (4.0, 4), (True, 4), "44", ()])
def test_size(tmp_path, size):
    with pytest.raises(ParameterError, match=r"`size` must be \(height, width\)"):
        open_unchecked(folder(tmp_path / "f", {"a.png": GREY[0]}), size=size)


@pytest.mark.unchecked
def test_mode(tmp_path):
    with pytest.raises(ParameterError, match=r"`mode`.*'L'"):
        open_unchecked(folder(tmp_path / "f", {"a.png": GREY[0]}), mode="L")


# folders of images


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


# .npy and .npz


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.float16, np.float32, np.float64, ">f8"])
def test_only_bytes_are_scaled(tmp_path, dtype):
    array = (GREY > 127).astype(dtype)
    assert np.array_equal(open_source(npy(tmp_path / "a.npy", array)).read(), GREY > 127)
    bytes_ = open_source(npy(tmp_path / "b.npy", GREY)).read()
    assert np.array_equal(bytes_, GREY / np.float32(255)) and bytes_.max() <= 1


def test_columns_first(tmp_path):
    source = open_source(npy(tmp_path / "a.npy", np.asfortranarray(GREY)))
    assert np.array_equal(collect(source, 2), GREY / np.float32(255))


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.array([[1, "a"]], object), DataError, "pickled objects"),
        (np.array([["a", "b"]]), KindError, "dtype <U1"),
        (np.ones((2, 2), complex), KindError, "complex128"),
        (np.zeros((2, 2), [("a", "f4")]), KindError, "'a'"),
        (np.zeros((2, 2), [("a", object)]), DataError, "pickled objects"),
        (np.ones(3), ShapeError, r"got \(3,\)"),
        (np.float64(1), ShapeError, r"got \(\)"),
        (np.ones((2, 3, 4, 4)), ShapeError, r"got \(2, 3, 4, 4\).*channels last"),
        (np.ones((2, 3, 4, 1)), ShapeError, "axes of length 1"),
        (np.ones((0, 3)), ShapeError, r"got shape \(0, 3\)"),
        (np.ones((3, 0)), ShapeError, r"got shape \(3, 0\)"),
    ],
)
def test_arrays_that_are_refused(tmp_path, array, error, message):
    with pytest.raises(error, match=r"a\.npy.*" + message):
        open_source(npy(tmp_path / "a.npy", array))
    np.savez(tmp_path / "a.npz", x=array)
    with pytest.raises(error, match=r"a\.npz.*" + message):
        open_source(tmp_path / "a.npz", key="x")


def test_colour_arrays(tmp_path):
    assert open_source(npy(tmp_path / "a.npy", np.ones((2, 4, 5, 3)))).shape == (4, 5, 3)


def damaged(whole: bytes) -> list[bytes]:
    rng = np.random.default_rng(1)
    cut = [whole[:k] for k in (0, 1, 5, 8, 11, 40, len(whole) // 2, len(whole) - 1)]
    for _ in range(300):
        one = bytearray(whole)
        for k in rng.integers(0, len(whole), rng.integers(1, 4)):
            one[k] = rng.integers(0, 256)
        cut.append(bytes(one))
    return cut


@pytest.mark.filterwarnings("ignore::UserWarning")  # NumPy's, for headers that Python 2 could have written
def test_damage_is_an_error_of_ours_or_not_seen(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=TABLE, y=np.arange(7))
    files = [npy(tmp_path / "a.npy", TABLE), tmp_path / "a.npz"]
    with contextlib.suppress(pytest.skip.Exception):
        files.append(parquet(tmp_path / "a.parquet", {"a": TABLE[:, 0], "b": list(TABLE)}))
    for path in files:
        refused = 0
        given = {"columns": "b", "label": "a"} if path.suffix == ".parquet" else {}
        for blob in damaged(path.read_bytes()):
            path.write_bytes(blob)
            try:
                open_source(path, **given).read()
            except InfoError:
                refused += 1
        assert refused > 50, path


def test_npy_that_is_an_npz(tmp_path):
    np.savez(tmp_path / "a.npz", x=TABLE)
    with pytest.raises(DataError, match=r"a\.npy cannot be read or is damaged"):
        open_source((tmp_path / "a.npz").rename(tmp_path / "a.npy"))


def test_npy_shorter_than_its_header_says(tmp_path):
    path = npy(tmp_path / "a.npy", TABLE)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"a\.npy cannot be read or is damaged"):
        open_source(path)


@pytest.mark.parametrize(
    ("arrays", "given", "want", "labels"),
    [
        ({"a": GREY}, {}, GREY, None),
        ({"a": GREY, "b": np.arange(3)}, {}, GREY, None),
        ({"x": GREY, "z": TABLE}, {}, GREY, None),
        ({"X": GREY, "z": TABLE}, {}, GREY, None),
        ({"images": GREY, "z": TABLE}, {}, GREY, None),
        ({"x": GREY, "z": TABLE}, {"key": "z"}, TABLE, None),
        ({"x": GREY, "y": np.arange(7)}, {}, GREY, list(range(7))),
        ({"x": GREY, "labels": np.arange(7)}, {}, GREY, list(range(7))),
        ({"x": GREY, "y": np.arange(7)[:, None]}, {}, GREY, list(range(7))),
        ({"x": GREY, "y": np.arange(3)}, {}, GREY, None),  # of another array
        ({"x": GREY, "t": np.array(list("abcdefg"))}, {"label": "t"}, GREY, list("abcdefg")),
        ({"a": GREY, "t": np.arange(7)[:, None]}, {"label": "t"}, GREY, list(range(7))),
    ],
)
def test_npz(tmp_path, arrays, given, want, labels):
    np.savez(tmp_path / "a.npz", **arrays)
    source = open_source(tmp_path / "a.npz", **given)
    assert np.array_equal(source.read(), want / np.float32(255) if want is GREY else want)
    assert (None if source.labels is None else source.labels.tolist()) == labels


@pytest.mark.parametrize(
    ("arrays", "given", "error", "message"),
    [
        ({"a": GREY, "b": TABLE}, {}, ParameterError, r"`key` must say.*'b': \(7, 3\)"),
        ({"x": GREY, "images": GREY}, {}, ParameterError, "`key` must say"),
        ({"a": np.arange(7)}, {}, ParameterError, "`key` must say"),
        ({"x": GREY}, {"key": "z"}, ParameterError, r"`key` must be an array.*\['x'\].*'z'"),
        ({"x": GREY}, {"label": "z"}, ParameterError, "`label` must be an array.*'z'"),
        ({"x": GREY}, {"key": "x", "label": "x"}, ParameterError, "two arrays"),
        ({"x": GREY, "t": np.arange(6)}, {"label": "t"}, ShapeError, r"each of the 7 rows.*'t' has shape \(6,\)"),
        ({"x": GREY, "t": TABLE}, {"label": "t"}, ShapeError, r"\(7, 3\)"),
        ({"x": GREY, "y": np.array([None] * 7)}, {}, DataError, r"pickled objects \(y\)"),
        ({"x": GREY, "y": np.ones(7, complex)}, {}, KindError, "`label` must hold numbers or strings"),
        ({"x": GREY, "y": np.array([np.nan] * 2 + [1.0] * 5)}, {}, NonFiniteError, "2 of 7 rows"),
    ],
)
def test_npz_that_is_refused(tmp_path, arrays, given, error, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(error, match=message):
        open_source(tmp_path / "a.npz", **given)


def test_npz_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")
    with pytest.raises(DataError, match=r"a\.npz cannot be read or is damaged"):
        open_source(tmp_path / "a.npz")


def test_npz_that_is_too_large(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=GREY)

    def load(*args, **settings):
        raise MemoryError

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(DataError, match=r"a\.npz does not fit into memory.*\.npy"):
        open_source(tmp_path / "a.npz")


def test_pickles_are_never_run(tmp_path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return Path.touch, (ran,)

    array = np.array([[Evil()]], object)
    np.savez(tmp_path / "a.npz", x=array)
    np.savez(tmp_path / "b.npz", x=np.ones((1, 1)), y=array[0])
    for path in (npy(tmp_path / "a.npy", array), tmp_path / "a.npz", tmp_path / "b.npz"):
        with pytest.raises(DataError, match="pickled"):
            open_source(path)
    assert not ran.exists()


# .parquet


def test_parquet_columns(tmp_path):
    pytest.importorskip("pyarrow")
    path = parquet(
        tmp_path / "a.parquet",
        {
            "f": TABLE[:, 0],
            "i": np.arange(7) + 2**60 + 1,
            "s": list("abcdefg"),
            "b": [True, False] * 3 + [True],
            "h": TABLE[:, 1].astype(np.float16),
            "u": np.arange(7, dtype=np.uint8) * 30,
            "f.g": np.arange(7.0),
        },
        row_group_size=3,
    )
    source = open_source(path)
    assert source.shape == (6,) and source.labels is None
    whole = collect(source, 2)
    assert np.array_equal(whole[:, 0], TABLE[:, 0])
    assert whole[:, 1].tolist() == (np.arange(7) + 2**60 + 1).astype(np.float32).tolist()
    assert whole[:, 2].tolist() == [1, 0, 1, 0, 1, 0, 1]
    assert np.array_equal(whole[:, 3], TABLE[:, 1].astype(np.float16))
    assert whole[:, 4].tolist() == [0, 30, 60, 90, 120, 150, 180]  # a table's bytes stay what they are
    assert np.array_equal(open_source(path, columns=["u", "f"]).read(), whole[:, [4, 0]])
    assert np.array_equal(open_source(path, columns="f").read(), whole[:, :1])
    labelled = open_source(path, label="s")
    assert labelled.shape == (6,) and labelled.labels.tolist() == list("abcdefg")
    assert open_source(path, label="i").shape == (5,)
    assert open_source(path, label="i").labels.tolist() == [2**60 + 1 + i for i in range(7)]
    assert open_source(path, label="b").labels.dtype == bool


def test_parquet_of_decimals_and_categories(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from decimal import Decimal

    kind = pa.array(["u", "v", "u"]).dictionary_encode()
    path = parquet(tmp_path / "a.parquet", {"d": pa.array([Decimal("1.5"), Decimal("2.5"), Decimal("0.5")]), "k": kind})
    source = open_source(path, label="k")
    assert source.read().tolist() == [[1.5], [2.5], [0.5]] and source.labels.tolist() == ["u", "v", "u"]


@pytest.mark.parametrize("kind", ["fixed", "list", "large"])
def test_parquet_lists(tmp_path, kind):
    pa = pytest.importorskip("pyarrow")
    types = {"fixed": pa.list_(pa.float32(), 3), "list": pa.list_(pa.float64()), "large": pa.large_list(pa.float32())}
    lists = pa.array(TABLE.tolist(), types[kind])
    path = parquet(tmp_path / "a.parquet", {"v": lists, "s": ["x"] * 7}, row_group_size=2)
    assert np.array_equal(collect(open_source(path), 3), TABLE)
    path = parquet(tmp_path / "b.parquet", {"v": lists, "n": np.arange(7)})
    with pytest.raises(ParameterError, match=r"`columns` must say.*lists \(v\).*numbers \(n\)"):
        open_source(path)
    assert open_source(path, columns="v").shape == (3,)
    assert open_source(path, label="n").shape == (3,)
    path = parquet(tmp_path / "c.parquet", {"v": pa.array([[1.0, 2, 3], None, [1, None, 2]], types[kind])})
    with pytest.raises(NonFiniteError, match="'v' in 2 of 3 rows"):
        open_source(path).read()
    path = parquet(tmp_path / "d.parquet", {"v": pa.array([None, [1.0, 2, 3], None], types[kind])})
    with pytest.raises(NonFiniteError, match="'v' in 2 of 3 rows"):
        open_source(path)
    path = parquet(tmp_path / "e.parquet", {"v": lists, "w": lists})
    with pytest.raises(ParameterError, match="`columns` must say"):
        open_source(path)
    if kind != "fixed":
        path = parquet(tmp_path / "f.parquet", {"v": pa.array([[1.0, 2], [3, 4], [5, 6], [7]], types[kind])})
        with pytest.raises(ShapeError, match="row 0 has 2 values, row 3 has 1"):
            list(open_source(path).batches(2))
        path = parquet(tmp_path / "g.parquet", {"v": pa.array([[], [3, 4]], types[kind])})
        with pytest.raises(ShapeError, match="row 0 is empty"):
            open_source(path)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"columns": ["z"]}, ParameterError, r"`columns` must name columns.*\['z'\]"),
        ({"columns": ["a", "a"]}, ParameterError, "each once"),
        ({"columns": []}, ParameterError, r"got \[\]"),
        ({"columns": ["s"]}, KindError, r"\['s'\] of"),
        ({"columns": ["a", "v"]}, ParameterError, "one column of lists, or some of numbers"),
        ({"columns": ["a"], "label": "a"}, ParameterError, "must not hold the label"),
        ({"label": "z"}, ParameterError, "`label` must be a column.*'z'"),
        ({"columns": "a", "label": "v"}, KindError, "`label` must hold numbers or strings"),
        ({"columns": "a", "label": "m"}, NonFiniteError, "'m'.* null in 1 of 3 rows"),
        ({"columns": "a", "label": "q"}, NonFiniteError, "'q'.* in 1 of 3 rows"),
        ({"columns": ["a", "m", "q", "o"]}, NonFiniteError, "'m' in 1, 'q' in 1, 'o' in 2 of 3 rows"),
    ],
)
def test_parquet_that_is_refused(tmp_path, given, error, message):
    path = parquet(
        tmp_path / "a.parquet",
        {
            "a": [1.0, 2, 3],
            "s": list("xyz"),
            "v": [[1.0], [2.0], [3.0]],
            "m": [1, None, 3],
            "q": [1.0, 2.0, np.nan],
            "o": [np.inf, 1e300, 0],
        },
    )
    with pytest.raises(error, match=message):
        list(open_source(path, **given).batches(1))


def test_parquet_without_numbers_or_rows_or_with_two_columns_of_a_name(tmp_path):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(KindError, match=r"a\.parquet must have columns of numbers.*'s': 'other'"):
        open_source(parquet(tmp_path / "a.parquet", {"s": ["x"]}))
    with pytest.raises(ShapeError, match="at least one row"):
        open_source(parquet(tmp_path / "b.parquet", {"a": pa.array([], pa.float32())}))
    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["a", "a"])
    importlib.import_module("pyarrow.parquet").write_table(table, tmp_path / "c.parquet")
    with pytest.raises(DataError, match=r"c\.parquet has several columns of one name"):
        open_source(tmp_path / "c.parquet")


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"")
    real = importlib.import_module

    def without(name, *more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", without)
    for call in (
        lambda: open_source(tmp_path / "a.parquet"),
        lambda: save_rows(tmp_path / "b.parquet", [TABLE]),
    ):
        with pytest.raises(MissingExtraError, match="pip install pyarrow") as caught:
            call()
        assert isinstance(caught.value, ImportError)


# saving


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".NPY"])
@pytest.mark.parametrize("n", [None, 7])
def test_save_and_open_again(tmp_path, suffix, n):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = save_rows(tmp_path / f"a{suffix}", iter([TABLE[:2], TABLE[2:2], TABLE[2:6], TABLE[6:]]), n)
    assert path == tmp_path / f"a{suffix}" and os.listdir(tmp_path) == [path.name]
    assert np.array_equal(open_source(path).read(), TABLE)
    if suffix == ".npy":
        assert np.array_equal(np.load(path), TABLE)
    if suffix == ".parquet":
        table = importlib.import_module("pyarrow.parquet").read_table(path)
        assert table.column_names == ["f0", "f1", "f2"] and table.schema.field(0).type == "float"


def test_saved_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "other").touch()
    assert save_rows(tmp_path / "a.npy", [TABLE]).stat().st_mode == (tmp_path / "other").stat().st_mode


def test_header_grows_in_place():
    sizes = set()
    for n in (0, 9, 10**6, 10**18):
        with contextlib.closing(importlib.import_module("io").BytesIO()) as file:
            sink = rows._Npy(file, 3)
            sink.rows = n
            sink.close()
            sizes.add(file.tell())
    assert len(sizes) == 1


def test_one_buffer_for_all_batches(tmp_path):
    pytest.importorskip("pyarrow")

    def reused():
        buffer = np.empty((2, 3), np.float32)
        for i in range(3):
            buffer[:] = i
            yield buffer

    for suffix in (".npy", ".parquet"):
        got = open_source(save_rows(tmp_path / f"a{suffix}", reused())).read()
        assert got[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_row_groups_are_not_as_small_as_batches(tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    path = save_rows(tmp_path / "a.parquet", (TABLE[i : i + 1] for i in range(7)))
    assert pq.ParquetFile(path).num_row_groups == 1
    monkeypatch.setattr(rows, "_GROUP", 9)
    path = save_rows(tmp_path / "b.parquet", (TABLE[i : i + 1] for i in range(7)))
    assert pq.ParquetFile(path).num_row_groups == 3
    assert np.array_equal(open_source(path).read(), TABLE)


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
@pytest.mark.parametrize(
    ("batches", "n", "error", "message"),
    [
        ([], None, ShapeError, "0 rows; expected at least one"),
        ([TABLE[:0]], None, ShapeError, "0 rows"),
        ([TABLE], 8, ShapeError, "7 rows; expected 8"),
        ([TABLE, TABLE], 8, ShapeError, "8 rows, and `batches` holds more"),
        ([TABLE, TABLE[:, :2]], None, ShapeError, r"\(b, 3\); rows from 7 on have shape \(7, 2\)"),
        ([TABLE[0]], None, ShapeError, r"\(b, D\).*\(3,\)"),
        ([TABLE[:, :0]], None, ShapeError, r"\(7, 0\)"),
        ([TABLE, TABLE.astype(float)], None, KindError, "rows from 7 on are float64"),
        ([TABLE, np.float32([[0, 0, 0], [0, np.nan, 0]])], None, NonFiniteError, "in row 8"),
        ([TABLE], 0, ParameterError, "`n` must be"),
    ],
)
def test_rows_that_are_not_saved(tmp_path, suffix, batches, n, error, message):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    with pytest.raises(error, match=message):
        save_rows(tmp_path / f"a{suffix}", iter(batches), n)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
@pytest.mark.parametrize("error", [RuntimeError, OSError, KeyboardInterrupt])
def test_an_iterator_that_fails_leaves_nothing(tmp_path, suffix, error):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")

    def failing():
        yield TABLE
        assert not (tmp_path / f"a{suffix}").exists() and len(os.listdir(tmp_path)) == 1
        raise error("mine")

    with pytest.raises(error, match="mine"):
        save_rows(tmp_path / f"a{suffix}", failing())
    assert os.listdir(tmp_path) == []


def test_existing_files_are_refused(tmp_path):
    path = npy(tmp_path / "a.npy", GREY)
    before = path.read_bytes()

    def none():
        raise AssertionError("nothing should be computed for a file that cannot be written")
        yield

    with pytest.raises(DataError, match=r"a\.npy exists, and is not overwritten"):
        save_rows(path, none())

    def meanwhile():
        npy(tmp_path / "b.npy", GREY)
        yield TABLE

    with pytest.raises(DataError, match=r"b\.npy exists"):
        save_rows(tmp_path / "b.npy", meanwhile())
    assert path.read_bytes() == (tmp_path / "b.npy").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "b.npy"]


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(DataError, match=r"cannot be written \(No such file or directory\)"):
        save_rows(tmp_path / "none" / "a.npy", [TABLE])
    with pytest.raises(ParameterError, match=r"must end in \.npy or \.parquet; got .*a\.csv"):
        save_rows(tmp_path / "a.csv", [TABLE])


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_a_full_disk(tmp_path, monkeypatch, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        save_rows(tmp_path / f"a{suffix}", [TABLE])
    assert os.listdir(tmp_path) == []


# memory


@contextlib.contextmanager
def peak_below(mebibytes: float):
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak < mebibytes


def test_npy_streams(tmp_path):
    path = tmp_path / "a.npy"
    with peak_below(20):  # of 200 MiB; measured: 8.0
        save_rows(path, (np.full((1024, 1024), i, np.float32) for i in range(50)))
    assert path.stat().st_size > 200 * 2**20
    with peak_below(20):  # measured: 9.0
        source = open_source(path)
        assert len(source.sha256) == 64
        assert sum(float(batch[0, 0]) for batch in source.batches(1024)) == sum(range(50))


def test_folder_streams(tmp_path):
    folder(tmp_path, {f"{i:03}.png": np.full((256, 256), i, np.uint8) for i in range(160)})
    with peak_below(12):  # of 40 MiB as float32; measured: 9.3
        source = open_source(tmp_path)
        assert [int(batch[0, 0, 0] * 255 + 0.5) for batch in source.batches(16)] == list(range(0, 160, 16))
        assert len(source.sha256) == 64


@pytest.mark.parametrize("rows_per_group", [2**14, 2**20])
def test_parquet_streams(tmp_path, monkeypatch, rows_per_group):
    pool = pytest.importorskip("pyarrow").default_memory_pool()
    before = pool.bytes_allocated()
    path = tmp_path / "a.parquet"
    monkeypatch.setattr(rows, "_GROUP", rows_per_group * 64)
    with peak_below(1000 if rows_per_group > 2**14 else 30):  # measured: 12.8; a group is held until it is written
        save_rows(path, (RNG.random((2**14, 64), np.float32) for _ in range(50)))
    assert path.stat().st_size > 190 * 2**20
    most = 0
    with peak_below(20):  # measured: 9.0
        for _ in open_source(path).batches(256):
            most = max(most, pool.bytes_allocated() - before)
    assert most < 40 * 2**20  # pyarrow's own memory; measured: 13.8, and 350 with what pyarrow does by default
