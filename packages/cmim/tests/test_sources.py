"""What holds of a source of images or of a table, whatever kind of file it is: promises, names, arguments."""

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from cmim.data import images
from cmim.data.sources import Source, open_source
from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

from .source_files import GREY, TABLE, collect, folder, npy, parquet

open_unchecked = getattr(open_source, "__wrapped__", open_source)


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
