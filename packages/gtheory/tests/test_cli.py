"""`gtheory rate`, and what all commands share: results on stdout, messages on stderr, exit codes 0, 1 and 2."""

import json

import numpy as np
import pytest

from gtheory import optimal_truth, rate_fidelity, rate_fidelity_curve, semantic_information
from gtheory.cli import read_counts
from infocore.errors import DataError


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "counts.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


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
    assert "determined" in out


def test_the_rate_of_a_wanted_g_and_the_bowl(run, table, tmp_path):
    path, figure = table("age,child,adult\nyoung,30,2\nold,5,40\n"), tmp_path / "bowl.svg"
    code, out, err = run("rate", path, "--fidelity", 0.4, "--json", "--plot", figure)
    got = json.loads(out)
    assert (code, err) == (0, "")
    assert got["wanted"][0]["G"] == pytest.approx(0.4, abs=1e-6)
    assert got["wanted"][0]["R"] >= 0.4
    assert "</svg>" in figure.read_text(encoding="utf-8")
    code, out, err = run("rate", path, "-g", 3)
    assert (code, out) == (2, "")
    assert "`G` must be at most" in err


def test_truth_functions_and_a_prior_from_a_file(run, table):
    path = table("age,share,child,adult\nyoung,1,1.0,0.1\nold,3,0.2,1.0\n")
    code, out, err = run("rate", path, "--prior", "share", "--s", 2, "--json")
    got = json.loads(out)
    assert (code, err, got["x"], got["labels"]) == (0, "", ["young", "old"], ["child", "adult"])
    truth, px = np.array([[1.0, 0.1], [0.2, 1.0]]), np.array([0.25, 0.75])
    want = rate_fidelity(px, np.log2(truth / (px @ truth)), 2)
    assert (got["points"][0]["G"], got["points"][0]["R"]) == pytest.approx((want.G, want.R), abs=1e-5)
    assert got["logical_probability"] == pytest.approx((px @ truth).tolist())
    assert run("rate", path, "--prior", "age")[0] == 1
    assert "no column 'weight'" in run("rate", path, "--prior", "weight")[2]


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

    monkeypatch.setattr("gtheory.cli._rate.rate_fidelity_curve", impatient)
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
