"""Trials over laws of known information: what is run, kept, gone on with and put together."""

import contextlib
import dataclasses
import functools
import json
import math
import threading
import warnings
import zlib

import joblib
import numpy as np
import pytest

from infocore.errors import DataError, KindError, ParameterError
from infocore.estimators import GaussianMI
from infocore.tasks import task
from infocore.trials import Summary, Trial, read_trials, run_trials, summarise

LAWS = [task("1v1-normal-0.75"), task("1v1-additive-0.75")]
BLANK = Trial("law", "e", 100, 0, 1.0, 0.1, 1.0, 1.0, None, None, "m", 1.0)


class Counting:
    """Counts its calls, and fails where it is told to."""

    def __init__(self, fail_at=None, error=None):
        self.calls, self.fail_at, self.error = [], fail_at, error

    def __repr__(self):
        return "Counting()"

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        self.calls.append((float(x[0, 0]), rng, ci_level))
        if self.fail_at in (rng, "always"):
            raise self.error
        return GaussianMI().estimate(x, y, ci_level=ci_level)


def plainly(trials):
    return [dataclasses.replace(t, seconds=0.0) for t in trials]


def test_a_trial_is_the_estimate_of_the_stated_sample():
    t = run_trials(GaussianMI(), [LAWS[0]], n=300, seeds=[7], ci_level=0.5)[0]
    drawn = LAWS[0].draw(300, rng=np.random.default_rng([7, zlib.crc32(LAWS[0].name.encode())]))
    want = GaussianMI().estimate(drawn.x, drawn.y, ci_level=0.5)
    assert (t.value, (t.low, t.high), t.method, t.ci_level) == (want.value, want.ci, "gaussian", 0.5)
    assert (t.task, t.estimator, t.n, t.seed, t.error) == ("1v1-normal-0.75", "GaussianMI()", 300, 7, None)
    # -log(1 - .75^2) / 2, and the mean of log p(x, y) / p(x) p(y) over the very sample
    assert t.truth == pytest.approx(-0.5 * math.log(1 - 0.75**2))
    x, y = drawn.x[:, 0], drawn.y[:, 0]
    ratio = t.truth + 0.5 * (x**2 + y**2) - (x**2 - 1.5 * x * y + y**2) / (2 * (1 - 0.75**2))
    assert t.oracle == pytest.approx(ratio.mean())
    # the pointwise information of a normal pair has variance rho^2
    assert t.floor == pytest.approx(math.sqrt(2 / math.pi / 300) * 0.75)
    assert t.seconds > 0


def test_order_names_and_telling():
    told = []
    trials = run_trials(GaussianMI(), {law.name: law for law in LAWS}, n=100, seeds=(2, 0), name="g", tell=told.append)
    assert [(t.task, t.seed) for t in trials] == [(law.name, seed) for seed in (2, 0) for law in LAWS]
    assert {t.estimator for t in trials} == {"g"}
    assert sorted(map(repr, told)) == sorted(map(repr, trials))


def test_any_number_of_workers_gives_the_same():
    one, two = (run_trials(GaussianMI(), LAWS, n=100, seeds=range(3), n_jobs=jobs) for jobs in (1, 2))
    assert plainly(one) == plainly(two)


def test_callables():
    def half(x, y):
        return np.float64(0.5)

    t = run_trials(half, LAWS[:1], n=50)[0]
    assert (t.value, t.low, t.high, t.method, t.estimator) == (0.5, None, None, "half", "half")
    assert run_trials(lambda x, y: 0.25, LAWS[:1], n=50)[0].value == 0.25


@pytest.mark.parametrize("error", [KindError("no"), ValueError("no"), RuntimeError("no"), ZeroDivisionError("no")])
def test_a_failure_is_kept_and_the_run_goes_on(error):
    trials = run_trials(Counting(1, error), LAWS[:1], n=50, seeds=range(3))
    assert [t.value is None for t in trials] == [False, True, False]
    failed = trials[1]
    assert failed.error == repr(error)
    assert (failed.low, failed.high, failed.method) == (None, None, "")
    assert failed.truth == trials[0].truth


def test_a_wrong_call_ends_the_run():
    with pytest.raises(TypeError, match="no"):
        run_trials(Counting("always", TypeError("no")), LAWS[:1], n=50)


def test_resume_runs_what_is_missing_only(tmp_path):
    out = tmp_path / "t.jsonl"
    whole = run_trials(Counting(), LAWS, n=50, seeds=range(3))
    first = run_trials(Counting(), LAWS, n=50, seeds=range(2), out=out)
    assert [Trial(**json.loads(line)) for line in out.read_text().splitlines()] == read_trials(out) == first
    again = Counting()
    # numpy's numbers are the same seeds
    trials = run_trials(again, LAWS, n=np.int64(50), seeds=np.arange(3), out=out)
    assert plainly(trials) == plainly(whole)
    assert trials[:4] == first  # seconds too: they were read
    assert [rng for _, rng, _ in again.calls] == [2, 2]
    assert read_trials(out) == trials
    # another level, size or name is another estimate
    for other in ({"ci_level": 0.5}, {"n": 60}, {"name": "other"}):
        fresh = Counting()
        run_trials(fresh, LAWS[:1], out=out, **{"n": 50} | other)
        assert len(fresh.calls) == 1
    assert len(read_trials(out)) == 9


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_resume_from_a_line_that_was_cut_off(tmp_path, kept):
    out = tmp_path / "t.jsonl"
    whole = run_trials(Counting(), LAWS, n=50, seeds=range(2), out=out)
    text = out.read_text()
    start = text.rindex("\n", 0, -1) + 1
    out.write_text(text[: start + kept] if kept > 0 else text[:kept])
    with pytest.raises(DataError, match=r"line 4 of .*t\.jsonl is no trial") if kept > 0 else contextlib.nullcontext():
        read_trials(out)
    again = Counting()
    trials = run_trials(again, LAWS, n=50, seeds=range(2), out=out)
    assert plainly(trials) == plainly(whole)
    assert len(again.calls) == 1
    assert read_trials(out) == trials


@pytest.mark.parametrize("line", ["{", "[]", '{"task": "a"}', '{"colour": 1}', ""])
def test_a_line_that_is_no_trial_is_named_and_nothing_is_changed(tmp_path, line):
    out = tmp_path / "t.jsonl"
    run_trials(Counting(), LAWS, n=50, out=out)
    first, second = out.read_text().splitlines()
    out.write_text(f"{first}\n{line}\n{second}\n{{")
    before = out.read_text()
    for call in (lambda: read_trials(out), lambda: run_trials(Counting(), LAWS, n=50, out=out)):
        with pytest.raises(DataError, match=r"line 2 of .*t\.jsonl is no trial"):
            call()
    assert out.read_text() == before


# threads, for joblib's processes, told to stop, now and then raise a KeyError of their own in a thread of theirs
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_keeps_what_is_done(tmp_path, jobs):
    out, told = tmp_path / "t.jsonl", []

    def stop(trial):
        told.append(trial)
        if len(told) == 3:
            raise KeyboardInterrupt

    with joblib.parallel_config("threading", n_jobs=jobs):
        with pytest.raises(KeyboardInterrupt):
            run_trials(GaussianMI(), LAWS, n=50, seeds=range(4), out=out, tell=stop)
        assert read_trials(out) == told
        trials = run_trials(GaussianMI(), LAWS, n=50, seeds=range(4), out=out)
    assert plainly(trials) == plainly(run_trials(GaussianMI(), LAWS, n=50, seeds=range(4)))


class Overlapping:
    """The estimate of seed 1 starts within that of seed 0, and ends after it; both warn."""

    def __init__(self):
        self.started, self.ended = threading.Event(), threading.Event()

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        if rng == 0:
            self.started.wait(10)
        else:
            self.started.set()
            self.ended.wait(10)
        warnings.warn("not to be seen")
        return GaussianMI().estimate(x, y)


def test_threads_leave_no_filter_behind():
    before = list(warnings.filters)
    estimator = Overlapping()
    with joblib.parallel_config("threading", n_jobs=2):
        told = run_trials(estimator, LAWS[:1], n=50, seeds=range(2), tell=lambda t: estimator.ended.set())
    assert [t.error for t in told] == [None, None]
    assert warnings.filters == before


def test_what_would_not_be_known_again_needs_a_name(tmp_path):
    class Nameless:
        def fit_estimate(self, x, y, rng=0, ci_level=0.9):
            return GaussianMI().estimate(x, y)

    def f(x, y, z):
        return z

    for estimator in (Nameless(), lambda x, y: 0.0, functools.partial(f, z=1.0)):
        with pytest.raises(ParameterError, match=r"`out` needs `name`, for .* would not be known again"):
            run_trials(estimator, LAWS, n=50, out=tmp_path / "t.jsonl")
        assert len(run_trials(estimator, LAWS, n=50, out=tmp_path / "t.jsonl", name=repr(type(estimator)))) == 2


def test_a_folder_that_is_not_there_is_said_before_any_work(tmp_path):
    estimator = Counting()
    with pytest.raises(DataError, match=r"folder that is not there: .*nowhere"):
        run_trials(estimator, LAWS, n=50, out=tmp_path / "nowhere" / "t.jsonl")
    assert estimator.calls == []


def test_summary_by_hand():
    made = functools.partial(dataclasses.replace, BLANK)
    trials = [
        made(value=1.01, low=0.9, high=1.1, seconds=1.0),  # error .01, held, 2 floors wide
        made(value=1.04, low=1.02, high=1.06, seconds=2.0),  # error .04, not held, 0.4 floors wide
        made(value=0.91, low=0.8, high=1.0, seconds=3.0),  # error .09, held at its edge, 2 floors wide
        made(value=1.3, seconds=10.0),  # error .3, no interval
        made(truth=0.0, floor=0.0, value=0.0, low=-0.1, high=0.1, seconds=4.0),  # no floor, so no width
        made(value=None, error="no"),
        made(value=float("nan")),
    ]
    got = summarise(trials)
    assert (got.trials, got.failed) == (7, 2)
    assert got.mean_absolute_error == pytest.approx(0.44 / 5)
    assert got.median_absolute_error == pytest.approx(0.04)
    assert got.within == {"0.02": pytest.approx(0.4), "0.05": pytest.approx(0.6), "0.1": pytest.approx(0.8)}
    assert got.floor_ratio == pytest.approx(0.44 / 0.4)
    assert got.coverage == pytest.approx(3 / 4)
    assert got.width == pytest.approx(4.4 / 3)
    assert got.seconds == 3.0


def test_summary_without_floors_intervals_or_values():
    got = summarise([dataclasses.replace(BLANK, truth=0.0, floor=0.0)])
    assert math.isnan(got.floor_ratio)
    assert (got.coverage, got.width) == (None, None)
    assert isinstance(got, Summary)
    with pytest.raises(DataError, match="none of 2 trials has a finite value"):
        summarise([dataclasses.replace(BLANK, value=None)] * 2)
