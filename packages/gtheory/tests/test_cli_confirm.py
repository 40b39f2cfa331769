"""`gtheory confirm`: four counts or two columns of a file, intervals, a figure."""

import json

import pytest

from gtheory import confirmation, confirmation_intervals


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "cases.csv"
    rows = [("pos", "ill")] * 20 + [("neg", "ill")] * 15 + [("pos", "well")] * 8 + [("neg", "well")] * 70
    path.write_text("test,state\n" + "".join(f"{e},{h}\n" for e, h in rows), encoding="utf-8")
    return path


def test_four_counts_give_every_measure_and_its_interval(run):
    code, out, err = run("confirm", 20, 180, 8, 792, "--json", "--seed", 3)
    got = json.loads(out)
    want = confirmation(20, 180, 8, 792).measures()
    assert (code, err, got["unit"], got["reasons"], got["table"]) == (0, "", "bits", {}, [20, 180, 8, 792])
    assert {name: got[name] for name in want} == pytest.approx(want)
    intervals = confirmation_intervals(20, 180, 8, 792, rng=3)
    assert got["intervals"]["b1"] == pytest.approx([intervals.low["b1"], intervals.high["b1"]])
    assert "intervals" not in json.loads(run("confirm", 20, 180, 8, 792, "--json", "--interval", "none")[1])


def test_a_file_is_counted(run, cases):
    arguments = ("confirm", cases, "--evidence", "test=pos", "--hypothesis", "state=ill")
    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["table"] == [20, 15, 8, 70]
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert "20, 15, 8, 70" in out
    assert "0.8205" in out  # b1: 1 - (8/78) / (20/35)


def test_undefined_measures_say_why(run):
    code, out, err = run("confirm", 10, 0, 90, 0)
    assert (code, err) == (0, "")
    assert "P(e0) is 0" in out
    assert json.loads(run("confirm", 10, 0, 90, 0, "--json")[1])["npv"] == "nan"


def test_exact_intervals_where_a_count_is_0(run):
    sampled = json.loads(run("confirm", 30, 10, 0, 60, "--json")[1])
    exact = json.loads(run("confirm", 30, 10, 0, 60, "--json", "--interval", "exact")[1])
    assert sampled["intervals"]["b1"] == ["nan", "nan"]
    assert "in every resample" in sampled["intervals_reasons"]["b1"]
    assert exact["intervals"]["b1"][1] == 1.0


def test_shares_have_no_intervals(run):
    code, out, err = run("confirm", 0.1, 0.2, 0.3, 0.4, "--json")
    assert (code, err) == (0, "no intervals: shares say nothing of how many were seen\n")
    assert "intervals" not in json.loads(out)


def test_a_figure_is_drawn(run, tmp_path):
    path = tmp_path / "measures.svg"
    assert run("confirm", 20, 180, 8, 0, "--plot", path)[0] == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xml") and "</svg>" in text
    assert [p.name for p in tmp_path.iterdir()] == ["measures.svg"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((0, 0, 0, 0), 1, "are all 0"),
        ((1, 2), 2, "four counts, or one file; got 2 arguments"),
        (("x", 1, 1, 1), 2, "must be numbers; got x 1 1 1"),
        ((1, 1, 1, 1, "--plot", "a.gif"), 2, "must end in .svg, .png, .pdf"),
        ((1, 1, 1, 1, "--ci-level", 2), 2, "`ci_level` must be"),
        (("CASES",), 2, "name e1 and h1 by --evidence and --hypothesis"),
        (("CASES", "--evidence", "test", "--hypothesis", "state=ill"), 2, "--evidence must be COLUMN=VALUE"),
        (("CASES", "--evidence", "temp=1", "--hypothesis", "state=ill"), 2, "no column 'temp'; it has test, state"),
        (("CASES", "--evidence", "test=yes", "--hypothesis", "state=ill"), 2, "column 'test' holds neg, pos"),
        (("absent.csv", "--evidence", "a=1", "--hypothesis", "b=1"), 1, "absent.csv cannot be read as CSV"),
    ],
)
def test_what_is_refused_is_named_on_stderr(run, cases, arguments, code, message):
    got, out, err = run("confirm", *(cases if a == "CASES" else a for a in arguments))
    assert (got, out) == (code, "")
    assert err.startswith("error: ") and message in err


def test_missing_values_are_not_counted_as_no(run, tmp_path):
    path = tmp_path / "gaps.csv"
    path.write_text("a,b\n1,x\n,x\n0,y\n", encoding="utf-8")
    code, _, err = run("confirm", path, "--evidence", "a=1.0", "--hypothesis", "b=x")
    assert code == 2
    assert "column 'a'" in err and "1 missing" in err
