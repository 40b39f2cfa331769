"""The command, in this process: results on stdout, messages on stderr, exit codes 0, 1 and 2."""

import json
import sys

import pytest

from gtheory import confirmation, optimal_truth, rate_fidelity, rate_fidelity_curve, semantic_information
from gtheory.cli import main, read_counts
from infocore.errors import DataError


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["gtheory", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "counts.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_confirm_prints_every_measure(run):
    code, out, err = run("confirm", 20, 180, 8, 792, "--json")
    got = json.loads(out)
    assert (code, err, got["unit"], got["reasons"]) == (0, "", "bits", {})
    assert {name: got[name] for name in confirmation(20, 180, 8, 792).measures()} == pytest.approx(
        confirmation(20, 180, 8, 792).measures()
    )
    code, out, _ = run("confirm", 10, 0, 90, 0)
    assert code == 0
    assert "P(e0) is 0" in out
    assert json.loads(run("confirm", 10, 0, 90, 0, "--json")[1])["npv"] == "nan"


def test_rate_prints_the_points_asked_for(run, table):
    path = table("age,child,adult\nyoung,30,2\nold,5,40\n")
    code, out, err = run("rate", path, "--s", 2, "--s", 0.5, "--json")
    got = json.loads(out)
    assert (code, err, got["unit"], got["x"], got["labels"]) == (0, "", "bits", ["young", "old"], ["child", "adult"])
    px, ch = [32 / 77, 45 / 77], [[30 / 32, 2 / 32], [5 / 45, 40 / 45]]
    info = semantic_information(px, optimal_truth(ch), ch)
    assert (got["G"], got["R"]) == pytest.approx((info.G, info.R))
    assert [p["s"] for p in got["points"]] == [2, 0.5]
    point = rate_fidelity(px, info.pointwise, 2)
    assert (got["points"][0]["G"], got["points"][0]["R"]) == pytest.approx((point.G, point.R), abs=1e-4)
    assert got["matching"]["R"] - got["matching"]["G"] == pytest.approx(0, abs=1e-6)
    code, out, err = run("rate", path)
    assert (code, err) == (0, "")
    assert "matching point" in out


@pytest.mark.parametrize(
    "text",
    ["30,2\n5,40\n", "a,b\n30,2\n5,40\n", "x,30,2\ny,5,40\n", ",a,b\nx,30,2\n\ny,5,40\n", "a,b\nx,30,2\ny,5,40\n"],
)
def test_tables_with_and_without_names(table, text):
    counts, rows, labels = read_counts(table(text))
    assert counts.tolist() == [[30, 2], [5, 40]]
    assert rows == (["x", "y"] if "x" in text else ["0", "1"])
    assert labels == (["a", "b"] if "a" in text else ["0", "1"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no table of counts"),
        ("x,a,b\n", "holds no table of counts"),
        ("x\ny\n", "holds no table of counts"),
        ("1,2\n3\n", "line 2 .* has 1 fields; the first has 2"),
        ("a,b\n1,2\n3,many\n", "line 3 .*'many', which is not a count"),
        ("1,2\n3,-4\n", "line 2 .*'-4', which is not a count"),
        ("1,2\n3,nan\n", "'nan', which is not a count"),
        ("a,b,c,d\n1,2\n3,4\n", "header .* has 4 fields"),
        ("1,2\n0,0\n", "row '1' .* has no counts"),
        ("a,b\n1,0\n3,0\n", "column 'b' .* has no counts"),
    ],
)
def test_bad_tables_fail_with_a_line_on_stderr(run, table, text, message):
    path = table(text)
    with pytest.raises(DataError, match=message):
        read_counts(path)
    code, out, err = run("rate", path)
    assert (code, out) == (1, "")
    assert err.startswith("error: gtheory rate: ")


def test_what_is_not_text_is_refused(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as CSV text"):
        read_counts(path)


def test_a_gap_that_is_left_is_told_on_stderr(run, table, monkeypatch):
    def impatient(px, information, s):
        return rate_fidelity_curve(px, information, s, tol=1e-12, max_iter=1)

    monkeypatch.setattr("gtheory.cli.rate_fidelity_curve", impatient)
    code, out, err = run("rate", table("30,2\n5,40\n"), "--s", 2, "--json")
    assert code == 0
    assert json.loads(out)["points"][0]["converged"] is False
    assert err.startswith("warning: blahut_arimoto: stopped after `max_iter` = 1")


def test_failure_and_misuse_have_their_codes(run, tmp_path):
    assert run("confirm", 0, 0, 0, 0)[0] == 1
    for arguments in (("confirm", 1, 2), ("confirm", "x", 1, 1, 1), ("rate", tmp_path / "absent.csv"), ("nothing",)):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err
