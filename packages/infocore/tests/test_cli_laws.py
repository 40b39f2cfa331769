"""The commands on laws of known information, `tasks`, `battery` and `bench`, and what Ctrl-C leaves."""

import contextlib
import json

import pytest
from typer.testing import CliRunner

from infocore.battery import battery
from infocore.cli import app, main
from infocore.estimators import DiscreteMI, GaussianMI
from infocore.tasks import TASKS, task
from infocore.trials import read_trials, run_trials, summarise

LAWS = "1v1-normal-0.75,1v1-additive-0.75"


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def code(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    told = capsys.readouterr()
    return stop.value.code, told.out, told.err


def test_tasks_as_a_table_and_as_json():
    rows = json.loads(run("tasks", "--json").stdout)
    assert [row["name"] for row in rows] == list(TASKS)
    row = rows[0]
    law = TASKS[row["name"]]
    assert row == {
        "name": law.name, "family": law.family, "dim_x": law.dim_x, "dim_y": law.dim_y, "source": law.source,
        "information": law.information, "floor": law.floor(10_000),
    }  # fmt: skip
    table = run("tasks").stdout.splitlines()
    assert len(table) == 1 + len(TASKS)
    assert table[1].split() == ["1v1-normal-0.75", "gaussian", "copula", "1", "1", "0.4133", "0.0060"]


def test_tasks_of_a_family(capsys):
    rows = json.loads(run("tasks", "--family", "student", "--json").stdout)
    assert {row["family"] for row in rows} == {"student"}
    assert 0 < len(rows) < len(TASKS)
    got, out, err = code(capsys, "tasks", "--family", "nope")
    assert (got, out) == (2, "")
    assert "`--family` must be one of 'additive', " in err
    assert "; got 'nope'" in err


# the Gaussian estimator rightly fails where a map bends a column; counts obey every law
@pytest.mark.parametrize(
    ("method", "estimator", "want"), [("gaussian", GaussianMI(), 1), ("discrete", DiscreteMI(), 0)]
)
def test_battery_exits_with_what_it_found(method, estimator, want):
    done = run("battery", method, "--n", 2000, "--seed", 3, "--json")
    report = battery(estimator, n=2000, rng=3)
    assert json.loads(done.stdout) == report.to_dict()
    assert (done.exit_code, report.passed) == (want, not want)
    table = run("battery", method, "--n", 2000, "--seed", 3)
    assert table.stdout == f"{report}\n"


@pytest.mark.parametrize("command", ["battery", "bench"])
def test_methods_that_are_none(command, capsys):
    got, out, err = code(capsys, command, "kraskov")
    assert (got, out) == (2, "")
    assert "the method must be one of auto, gaussian, " in err
    got, _, err = code(capsys, command, "ksg", "--fast")
    assert (got, "`--fast` is for auto; got it with ksg" in err) == (2, True)


def test_bench_as_json_and_as_a_table():
    told = json.loads(run("bench", "gaussian", "--laws", LAWS, "--n", 200, "--seeds", 2, "--json").stdout)
    want = run_trials(GaussianMI(), [task(name) for name in LAWS.split(",")], n=200, seeds=range(2), name="gaussian")
    assert [(t["task"], t["seed"], t["value"], t["low"]) for t in told["trials"]] == [
        (t.task, t.seed, t.value, t.low) for t in want
    ]
    s = summarise(want)
    assert (told["summary"]["mean_absolute_error"], told["summary"]["trials"]) == (s.mean_absolute_error, 4)
    lines = run("bench", "gaussian", "--laws", LAWS, "--n", 200, "--seeds", 2).stdout.splitlines()
    first = want[0]
    assert lines[1].split() == [
        first.task, "0", f"{first.truth:.3f}", f"{first.value:.3f}", f"{first.value - first.truth:+.3f}",
        f"{abs(first.value - first.truth) / first.floor:.1f}",
        "yes" if first.low <= first.truth <= first.high else "no", "gaussian",
    ]  # fmt: skip
    assert "4 estimates, 0 failed" in lines
    assert f"absolute error: mean {s.mean_absolute_error:.4f} nats, median {s.median_absolute_error:.4f}; " in lines[7]


def test_bench_where_the_floor_is_zero_is_still_json():
    done = run("bench", "gaussian", "--laws", "tails-pareto-0", "--n", 100, "--json")
    told = json.loads(done.stdout, parse_constant=pytest.fail)
    assert told["summary"]["floor_ratio"] == "nan"
    table = run("bench", "gaussian", "--laws", "tails-pareto-0", "--n", 100).stdout
    assert table.splitlines()[1].split()[5] == "-"
    assert "nan" not in table


def test_bench_of_a_method_that_refuses_every_law_shows_why():
    done = run("bench", "discrete", "--laws", LAWS, "--n", 100)
    assert done.exit_code == 1
    assert done.stdout.count("KindError('discrete: hardly a value of column(s) x occurs twice") == 2
    assert done.stdout.endswith("2 estimates, all failed\n")
    told = json.loads(run("bench", "discrete", "--laws", LAWS, "--n", 100, "--json").stdout)
    assert told["summary"] is None
    assert [t["value"] for t in told["trials"]] == [None, None]


def test_bench_goes_on_with_a_file(tmp_path, capsys):
    out = tmp_path / "t.jsonl"
    arguments = ["bench", "gaussian", "--laws", LAWS, "--n", 200, "--out", out]
    assert run(*arguments).exit_code == 0
    before = read_trials(out)
    got, _, err = code(capsys, *arguments)
    assert (got, "t.jsonl is there; go on with it by --resume, or name another file" in err) == (2, True)
    assert read_trials(out) == before
    more = run(*arguments, "--seeds", 2, "--resume", "--json")
    assert [t["seconds"] for t in json.loads(more.stdout)["trials"][:2]] == [t.seconds for t in before]
    assert [(t.task, t.seed) for t in read_trials(out)[2:]] == [(name, 1) for name in LAWS.split(",")]
    got, _, err = code(capsys, "bench", "gaussian", "--resume")
    assert (got, "`--resume` needs the file to go on with, `--out`" in err) == (2, True)


def test_spaces_between_laws_are_nothing():
    done = run("bench", "gaussian", "--laws", f" {LAWS.replace(',', ' , ')} ", "--n", 100, "--json")
    assert [t["task"] for t in json.loads(done.stdout)["trials"]] == LAWS.split(",")


def test_bench_names_what_is_no_law(capsys):
    got, _, err = code(capsys, "bench", "gaussian", "--laws", "1v1-normal-0.7")
    assert got == 2
    assert "`--laws` must be bmi, more, all, or names that `infocore tasks` lists" in err
    assert "did you mean 1v1-normal-0.75" in err


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C when the third estimate is told of."""

    @contextlib.contextmanager
    def progress(total, *, show):
        told = iter(range(total))

        def advance():
            if next(told) == 2:
                raise KeyboardInterrupt

        yield advance

    monkeypatch.setattr("infocore.cli._progress", progress)


def test_ctrl_c_shows_and_keeps_what_is_done(interrupted, tmp_path, monkeypatch):
    out = tmp_path / "t.jsonl"
    arguments = ["bench", "gaussian", "--laws", LAWS, "--n", 200, "--seeds", 3, "--out", out, "--json"]
    done = run(*arguments)
    assert done.exit_code == 130
    assert f"interrupted after 3 estimates; they are in {out}, and --resume goes on with it" in done.stderr
    kept = [(t.task, t.seed) for t in read_trials(out)]
    assert kept == [(t["task"], t["seed"]) for t in json.loads(done.stdout)["trials"]]
    assert len(kept) == 3
    monkeypatch.undo()
    told = json.loads(run(*arguments, "--resume").stdout)
    assert len(told["trials"]) == 6
    assert [(t.task, t.seed) for t in read_trials(out)[:3]] == kept


def test_ctrl_c_without_a_file_shows_what_is_done(interrupted):
    done = run("bench", "gaussian", "--laws", LAWS, "--n", 200, "--seeds", 3)
    assert done.exit_code == 130
    assert "3 estimates, 0 failed" in done.stdout
    assert done.stderr.endswith("interrupted after 3 estimates\n")


def test_ctrl_c_before_the_first_estimate_names_no_file_that_is_not_there(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("infocore.trials.run_trials", stopped)
    out = tmp_path / "t.jsonl"
    arguments = ["bench", "gaussian", "--laws", LAWS, "--n", 200, "--out", out]
    done = run(*arguments)
    assert (done.exit_code, done.stdout, out.exists()) == (130, "", False)
    assert done.stderr.endswith("interrupted after 0 estimates\n")
    out.write_text("")
    assert run(*arguments, "--resume").stderr.endswith(f"interrupted after 0 estimates; --resume goes on with {out}\n")
