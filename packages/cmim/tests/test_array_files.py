"""Files of arrays, .npy and .npz: what is read of them, what is refused, and damage."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cmim.data.sources import open_source
from infocore.errors import DataError, InfoError, KindError, NonFiniteError, ParameterError, ShapeError

from .source_files import GREY, TABLE, collect, npy, parquet


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
