"""The command: what goes to stdout, what to stderr, and the exit codes."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import infocore
from infocore.api import mutual_information
from infocore.cli import app, main
from infocore.config import read_config, resolve
from infocore.errors import DataError, ParameterError
from infocore.result import MIEstimate

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 200))
C = np.where(A + B > 0, "high", "low")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "data.csv"
    rows = [f"{a!r},{b!r},{c},1" for a, b, c in zip(A.tolist(), B.tolist(), C, strict=True)]
    path.write_text("\n".join(["a,b,c,one", *rows]) + "\n")
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["mi", *map(str, arguments)])


def test_one_line(table):
    done = run(table, "--x", "a", "--x", "b", "--y", "c", "--units", "bits", "--fast")
    assert done.exit_code == 0
    want = mutual_information(np.stack([A, B], 1), C, units="bits", fast=True)
    assert done.stdout == f"{want}\n"
    assert done.stderr == ""


def test_json_holds_the_resolved_settings(table):
    done = run(table, "--x", "a", "--y", "b", "--method", "gaussian", "--ci-level", "0.8", "--seed", "3", "--json")
    told = json.loads(done.stdout)
    assert told["config"] == {
        "data": str(table), "x": ["a"], "y": ["b"], "method": "gaussian", "fast": False, "units": "nats",
        "ci_level": 0.8, "seed": 3, "blocks": None,
    }  # fmt: skip
    assert told["version"] == infocore.__version__
    want = mutual_information(A, B, method="gaussian", ci_level=0.8)
    assert told["result"]["value"] == pytest.approx(want.value, abs=1e-12)
    assert told["result"]["ci"] == pytest.approx(list(want.ci))


@pytest.mark.parametrize("blocks", ["10", "group"])
def test_blocks_are_a_length_or_a_column(tmp_path, blocks):
    path = tmp_path / "series.csv"
    group = np.repeat(np.arange(20), 10)
    pd.DataFrame({"a": A, "b": B, "group": [f"g{i}" for i in group]}).to_csv(path, index=False)
    done = run(path, "--x", "a", "--y", "b", "--method", "gaussian", "--blocks", blocks, "--json")
    told = json.loads(done.stdout)
    assert told["config"]["blocks"] == (10 if blocks == "10" else "group")
    want = mutual_information(A, B, method="gaussian", blocks=group)
    assert told["result"]["standard_error"] == pytest.approx(want.standard_error, rel=1e-9)
    assert want.standard_error != mutual_information(A, B, method="gaussian").standard_error
    refused = run(path, "--x", "a", "--y", "b", "--blocks", "nobody")
    assert refused.exit_code != 0


@pytest.mark.parametrize(
    "arguments",
    [
        "mi DATA --x a b --y c",
        "mi DATA --x a --x b --y c",
        "mi DATA --y c --x a b -q",
        "mi --x a b --y c -q DATA",
        "mi --x a b --y c DATA",  # of the names after --y only one is a file
        "mi --x a b DATA --y c",
        "mi --seed 0 DATA --x=a --x b --y c",
        "mi --x a b --y c -- DATA",
    ],
)
def test_an_option_takes_several_names(table, capsys, arguments):
    got, out, err = code(capsys, "--json", "--method", "mixed", *arguments.replace("DATA", str(table)).split()[1:])
    assert (got, err) == (0, "")
    told = json.loads(out)["config"]
    assert (told["x"], told["y"], told["data"]) == (["a", "b"], ["c"], str(table))


@pytest.mark.parametrize("names", [["--x", "a", "b", "--y", "c"], ["--x", "a", "DATA", "--y", "c", "DATA"]])
def test_names_among_which_there_is_not_just_one_file(table, capsys, names):
    got, out, err = code(capsys, *[str(table) if name == "DATA" else name for name in names])
    assert (got, out) == (2, "")
    assert "error: infocore mi: the file must stand before the options" in err


def test_help_comes_before_any_doubt_about_names(capsys):
    assert code(capsys, "--x", "a", "b", "--help")[0] == 0


def test_messages_go_to_stderr(table):
    loud = run(table, "--x", "a", "--x", "one", "--y", "b", "-v")
    assert "warning: auto: constant column one" in loud.stderr
    assert "read 200 rows" in loud.stderr
    assert "x: a (continuous), one (discrete)\ny: b (continuous)\nmethod: " in loud.stderr
    assert "\nreason: " in loud.stderr
    assert loud.stdout.count("\n") == 1
    assert run(table, "--x", "a", "--x", "one", "--y", "b", "-q").stderr == ""
    assert "method: gaussian" not in run(table, "--x", "a", "--y", "b", "--method", "gaussian").stderr


def test_flags_win_over_the_file(table, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"x": ["a"], "y": ["b"], "method": "gaussian", "seed": 9}))
    told = json.loads(run(table, "--config", config, "--y", "c", "--method", "mixed", "--json").stdout)["config"]
    assert (told["x"], told["y"], told["method"], told["seed"]) == (["a"], ["c"], "mixed", 9)


def code(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["mi", *map(str, arguments)])
    told = capsys.readouterr()
    return stop.value.code, told.out, told.err


@pytest.mark.parametrize(
    ("arguments", "want", "message"),
    [
        (["--x", "a", "--y", "b"], 0, ""),
        (["--x", "a", "--y", "nope"], 2, "has no column nope; it has a, b, c, one"),
        (["--x", "a"], 2, "--y must name a column of "),
        ([], 2, "--x and --y must name a column of "),
        (["--y", "a"], 2, "or several (--x a b); it has a, b, c, one"),
        (["--x", "a", "b", "a", "--y", "c"], 2, "infocore mi: `--x` names a more than once"),
        (["--x", "a", "--y", "b", "--blocks", "900"], 2, "error: infocore mi: "),
        (["--x", "a", "--y", "b", "--method", "nope"], 2, "method: Input should be 'auto'"),
        (["--x", "a", "--y", "b", "--ci-level", "2"], 2, "ci_level"),
        (["--x", "a", "--y", "b", "--nope"], 2, "No such option"),
        (["--x", "c", "--y", "b", "--method", "gaussian"], 1, "error: infocore mi: gaussian: column(s) c hold text"),
    ],
)
def test_exit_codes(table, capsys, arguments, want, message):
    got, out, err = code(capsys, table, *arguments)
    assert got == want
    assert message in err
    assert (out == "") == (want != 0)


def test_files_that_are_none(tmp_path, capsys):
    got, _, err = code(capsys, tmp_path / "no.csv", "--x", "a", "--y", "b", "--config", tmp_path / "no.json")
    assert (got, err.startswith("error: infocore mi: ")) == (1, True)
    assert code(capsys, tmp_path / "no.csv", "--x", "a", "--y", "b")[0] == 1
    (tmp_path / "empty.csv").write_text("")
    got, _, err = code(capsys, tmp_path / "empty.csv", "--x", "a", "--y", "b")
    assert (got, "cannot be read as CSV" in err) == (1, True)


def test_fast_and_progress_reach_the_call(table, monkeypatch):
    seen = []

    def record(x, y, **settings):
        seen.append((settings["fast"], settings["progress"]))
        return MIEstimate(value=0.0)

    monkeypatch.setattr("infocore.cli.mutual_information", record)
    for flags in ([], ["--fast"], ["--progress"]):
        assert run(table, "--x", "a", "--y", "b", *flags).exit_code == 0
    assert seen == [(False, False), (True, False), (False, True)]


def test_what_was_noticed_is_said_a_line_each(table, monkeypatch):
    told = {
        "kinds": {"x": {"a": "mixed"}, "y": {"b": "discrete"}},
        "notes": ["tails", "few"],
        "reason": "so",
    }
    e = MIEstimate(value=0.0, method="m", diagnostics=told)
    monkeypatch.setattr("infocore.cli.mutual_information", lambda x, y, **settings: e)
    lines = run(table, "--x", "a", "--y", "b", "-v").stderr.splitlines()
    assert lines[1:] == [
        "x: a (mixed)",
        "y: b (discrete)",
        "method: m",
        "reason: so",
        "note: tails",
        "note: few",
    ]


def test_fast_is_for_auto(table, capsys):
    got, out, err = code(capsys, table, "--x", "a", "--y", "b", "--method", "ksg", "--fast")
    assert (got, out) == (2, "")
    assert '`fast` is for method="auto"' in err


def test_parquet_with_mixed_columns(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
    frame = pd.DataFrame({"a": A, "c": pd.Categorical(C), "flag": B > 0, "b": B, "count": np.arange(200) // 2})
    for name in ("data.parquet", "data.PQ"):
        path = tmp_path / name
        frame.to_parquet(path)
        done = run(path, "--x", "a", "--x", "c", "--x", "flag", "--y", "b", "--fast", "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        told = json.loads(done.stdout)["result"]
        assert told["diagnostics"]["kinds"]["x"] == {"a": "continuous", "c": "discrete", "flag": "discrete"}
        want = mutual_information(frame[["a", "c", "flag"]], frame["b"], fast=True)
        assert told["value"] == pytest.approx(want.value, abs=1e-12)
    # the same columns as text give the same answer
    frame.to_csv(tmp_path / "data.csv", index=False)
    same = run(tmp_path / "data.csv", "--x", "a", "--x", "c", "--x", "flag", "--y", "b", "--fast", "--json")
    assert json.loads(same.stdout)["result"]["value"] == pytest.approx(told["value"], abs=1e-12)
    got, _, err = code(capsys, path, "--x", "nope", "--y", "b")
    assert (got, "has no column nope; it has a, c, flag, b, count" in err) == (2, True)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    got, _, err = code(capsys, tmp_path / "broken.parquet", "--x", "a", "--y", "b")
    assert (got, "broken.parquet cannot be read as Parquet" in err) == (1, True)


def test_parquet_without_pyarrow_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    got, _, err = code(capsys, tmp_path / "data.parquet", "--x", "a", "--y", "b")
    assert got == 1
    assert "pip install -c constraints.txt './packages/infocore[parquet]'" in err


def test_settings_files_that_are_none(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_config(broken)
    broken.write_text("[]")
    with pytest.raises(DataError, match="one JSON object; got list"):
        read_config(broken)
    with pytest.raises(ParameterError, match="colour: Extra inputs"):
        resolve({"data": "d.csv", "x": ["a"], "y": ["b"], "colour": 1}, {})


def test_version_and_help():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"{infocore.__version__}\n")
    assert "mutual information" in CliRunner().invoke(app, ["--help"]).stdout.lower()


def test_as_a_process_without_torch(table):
    code = (
        "import sys; sys.modules['torch'] = None; from infocore.cli import main;"
        f"main(['mi', {str(table)!r}, '--x', 'a', '--y', 'c', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["result"]["method"] == "mixed"
