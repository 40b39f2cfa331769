"""Columns of files: lines that do not fit are refused by number, and numbers that are read as labels are said."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from infocore._tables import column_names, read_table
from infocore.api import mutual_information
from infocore.cli import app, main
from infocore.errors import DataError, KindError

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 60)).round(3)


def write(path, cells, other=B):
    """One file with the columns a, of these cells, and b."""
    path.write_text("\n".join(["a,b", *(f"{a},{b}" for a, b in zip(cells, other, strict=True))]) + "\n")
    return path


def told(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["mi", *map(str, arguments), "--x", "a", "--y", "b", "--method", "mixed"])
    streams = capsys.readouterr()
    return stop.value.code, streams.out, streams.err


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["price,b", "2,0.1", "1,234.50,0.3"], "line 3 of .* has 3 fields, and its header 2: price, b"),
        (["price,b", "2,0.1", "", '"1,5",0.3', "7"], "line 5 of .* has 1 fields, and its header 2"),
        (["price,b", '"2\n3",0.1', "4,5,6"], "line 4 of .* has 3 fields"),  # a cell of two lines
        (["price,b", "r1,2,3", "r2,4,5"], "line 2 of .* has 3 fields"),  # row names without a header
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_lines_with_other_fields_than_the_header_are_refused(tmp_path, lines, message, name):
    text = ("\n".join(lines) + "\n").encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with pytest.raises(DataError, match=message):
        read_table(path, ["price", "b"])


def test_blank_lines_and_long_cells_are_no_fault(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeffa,b,rest\n\n1,2," + "x" * 200_000 + "\n   \n3,4,y\n\n", encoding="utf-8")
    frame, doubts = read_table(path, ["a", "b"])
    assert (frame.to_numpy().tolist(), doubts) == ([[1, 2], [3, 4]], [])


@pytest.mark.parametrize("header", ["\ufeffa,a,b", '"a",b,a'])
def test_two_columns_of_one_name_are_refused(tmp_path, header):
    path = tmp_path / "t.csv"
    path.write_text(f"{header}\n1,2,3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"header of .*t.csv has more than one column of the name a;"):
        column_names(path)
    path.write_text("a,,,a.1\n1,2,3,4\n")  # no name is no name twice
    assert column_names(path)[::3] == ["a", "a.1"]


@pytest.mark.parametrize("damage", [lambda a: a[:-20], lambda a: a[:10] + b"\xff" + a[11:]])
def test_a_damaged_archive_is_named(tmp_path, damage):
    path = tmp_path / "t.csv.gz"
    rows = "".join(f"{a},{b}\n" for a, b in RNG.standard_normal((1000, 2)))
    path.write_bytes(damage(gzip.compress(f"a,b\n{rows}".encode())))
    with pytest.raises(DataError, match=r"t.csv.gz cannot be read as CSV"):
        read_table(path, ["a", "b"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({3: "abc", 7: "?"}, "column a: 2 of 60 cells are no numbers, the first 'abc' on line 5, so all of them are"),
        ({59: '"1,234.5"'}, "column a: 1 of 60 cells are no numbers, the first '1,234.5' on line 61, so all"),
        ({i: f'"{a:.3f}"'.replace(".", ",") for i, a in enumerate(A)}, "60 of 60 cells are no numbers, the first '0,"),
    ],
)
def test_numbers_that_are_read_as_labels_are_said(tmp_path, capsys, change, said):
    cells = [change.get(i, a) for i, a in enumerate(A)]
    path = write(tmp_path / "t.csv", cells)
    code, out, err = told(capsys, path)
    assert (code, out.count("\n")) == (0, 1)
    assert said in err
    assert err.startswith("warning: column a: ")
    assert told(capsys, path, "-q")[2] == ""
    assert told(capsys, write(tmp_path / "whole.csv", A))[2] == ""


def test_labels_are_no_doubt(tmp_path):
    for cells in (["u", "v"] * 30, ["u", "v", "1"] * 20, ["1.2.3", "1.2.4"] * 30):
        assert read_table(write(tmp_path / "t.csv", cells), ["a", "b"])[1] == []


def test_the_line_counts_blank_lines_and_lines_inside_cells(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,c\n1,"u\nv"\n\n2,w\n3,w\nno,w\n')
    assert "the first 'no' on line 7" in read_table(path, ["a", "c"])[1][0]


def test_a_long_column_is_of_one_sort(tmp_path):
    # pandas types some 100,000 rows at a time, and then holds numbers and text
    cells = ["1.50"] * 300_000 + ["none such"]
    frame, doubts = read_table(write(tmp_path / "t.csv", cells, range(len(cells))), ["a", "b"])
    assert frame["a"].tolist() == cells
    assert "column a: 1 of 300001 cells are no numbers, the first 'none such' on line 300002" in doubts[0]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%Y-%m-%dT%H:%M:%SZ"])
def test_dates_are_refused_in_csv_as_in_parquet(tmp_path, capsys, form):
    days = pd.date_range("2020-01-01", periods=60)
    path = write(tmp_path / "t.csv", days.strftime(form))
    code, out, err = told(capsys, path)
    assert (code, out) == (1, "")
    assert f"column a of {path} holds dates, the first {days[0].strftime(form)!r} on line 2" in err
    # a date may well be the label of a block
    cells = days.strftime(form).repeat(2)[:60]
    frame, _ = read_table(write(path, cells), ["b"], ["a"])
    assert frame["a"].tolist() == list(cells)


def test_dates_in_parquet(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": pd.date_range("2020-01-01", periods=60), "b": B}).to_parquet(path)
    code, out, err = told(capsys, path)
    assert (code, out, "column `a` of `x` must hold real numbers" in err) == (1, "", True)


def test_dates_with_a_hole_in_them(tmp_path):
    cells = ["", *(f"2020-01-{i:02}" for i in range(1, 32))]
    with pytest.raises(KindError, match="the first '2020-01-01' on line 3"):
        read_table(write(tmp_path / "t.csv", cells, range(32)), ["a", "b"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_booleans_with_holes_say_how_many(tmp_path, capsys, kind):
    frame = pd.DataFrame({"a": [True, None, False] * 20, "b": B})
    path = tmp_path / f"t.{kind}"
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    code, _, err = told(capsys, path)
    assert (code, "`x` holds NaN, infinity or missing values in 20 of 60 rows" in err) == (1, True)


def test_blocks_with_holes_say_how_many(tmp_path):
    frame = pd.DataFrame({"a": A, "b": B, "who": ["u", None, "v"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["mi", str(tmp_path / "t.csv"), "--x", "a", "--y", "b", "--method", "gaussian", "--blocks", "who"]
    refused = CliRunner().invoke(app, arguments)
    assert "`blocks` has no label for 20 of 60 rows" in str(refused.exception)
    frame.fillna("w").to_csv(tmp_path / "t.csv", index=False)
    done = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["result"]
    want = mutual_information(A, B, method="gaussian", blocks=np.array(["u", "w", "v"] * 20))
    assert done["standard_error"] == pytest.approx(want.standard_error, rel=1e-9)
