"""Tables in Parquet: which columns are read, and which are refused."""

import importlib

import numpy as np
import pytest

from cmim.data.sources import open_source, save_rows
from infocore.errors import DataError, KindError, MissingExtraError, NonFiniteError, ParameterError, ShapeError

from .source_files import TABLE, collect, parquet


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
    if kind != "fixed" or int(pa.__version__.split(".")[0]) > 24:  # older pyarrow does not write these
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
