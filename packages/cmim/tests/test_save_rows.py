"""Rows are saved whole or not at all, and neither saving nor reading needs memory for all of them."""

import contextlib
import importlib
import os
import tracemalloc

import numpy as np
import pytest

from cmim.data import rows
from cmim.data.sources import open_source, save_rows
from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

from .source_files import GREY, RNG, TABLE, folder, npy

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
    pa = pytest.importorskip("pyarrow")
    pool = pa.default_memory_pool()
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
    if rows_per_group == 2**14 or int(pa.__version__.split(".")[0]) > 22:  # older pyarrow holds 72 of a large group
        assert most < 40 * 2**20  # pyarrow's own memory; measured: 13.8, and 350 with what pyarrow does by default
