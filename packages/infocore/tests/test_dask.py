"""Trials and all pairs on a Dask cluster, through joblib: the numbers are those without one, to the last bit."""

import dataclasses

import joblib
import numpy as np
import pytest

from infocore.estimators import KSG, GaussianCopulaMI, ksg_matrix
from infocore.tasks import task
from infocore.trials import read_trials, run_trials

distributed = pytest.importorskip("distributed", reason="needs the extra [dask]")

LAWS = [task("1v1-normal-0.75"), task("curve-sine"), task("student-identity-1-1-1")]


@pytest.fixture(autouse=True)
def no_global_side_effects():
    """Not watched here: Dask's own threads draw from Python's random, whatever we do."""


@pytest.fixture(scope="module")
def client():
    """Two workers in this process: the tasks are pickled, scheduled and sent all the same."""
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def plainly(trials):
    return [dataclasses.replace(t, seconds=0.0) for t in trials]


@pytest.mark.parametrize("estimator", [KSG(), GaussianCopulaMI()])
def test_trials(client, estimator, tmp_path):
    here = run_trials(estimator, LAWS, n=200, seeds=range(3))
    out, told = tmp_path / "t.jsonl", []
    with joblib.parallel_config("dask"):
        there = run_trials(estimator, LAWS, n=200, seeds=range(3), out=out, tell=told.append)
    assert plainly(there) == plainly(here)
    assert len(told) == len(read_trials(out)) == 9


class Somewhere:
    """Says on which worker it was asked."""

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        return dataclasses.replace(KSG().estimate(x, y), method=f"worker {distributed.get_worker().name}")


def test_the_work_is_done_by_workers(client):
    with joblib.parallel_config("dask"):
        found = run_trials(Somewhere(), LAWS, n=100)
    assert {t.method for t in found} <= {"worker 0", "worker 1"}


def test_all_pairs(client):
    table = np.random.default_rng(0).standard_normal((200, 4))
    table[:, 1] += table[:, 0]
    here = ksg_matrix(table)
    before = client.cluster.scheduler.transition_counter
    with joblib.parallel_config("dask"):
        there = ksg_matrix(table)
    assert client.cluster.scheduler.transition_counter > before
    assert np.array_equal(here, there)
