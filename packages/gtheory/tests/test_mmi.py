"""Partitions with most information: worked examples, brute force, KL-means, and where the iteration is stuck."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory.learning import mmi_partition, mmi_partition_dp
from infocore.errors import (
    ConvergenceWarning,
    InvalidDistributionError,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
)

from .partition_laws import FIVE, TEST_2X2, TEST_3X3, Z, bits


def labels_of(*cuts):
    """Labels that rise after each cut."""
    return np.searchsorted(cuts, Z, side="left")


def cuts_of(labels):
    return tuple(Z[np.flatnonzero(np.diff(labels))].tolist())


# golden: worked examples; the recalled paths of the first two are the paper's as remembered


def test_two_classes_move_from_50_to_54_and_that_is_the_optimum():
    found = mmi_partition(*TEST_2X2, 2, start=labels_of(50))
    assert [cuts_of(labels) for labels in found.path] == [(50,), (53,), (54,)]
    assert found.history == pytest.approx([0.4564995, 0.4730384, 0.4744269], abs=1e-6)
    assert found.information == pytest.approx(bits(*TEST_2X2, found.labels), abs=1e-12)
    best = mmi_partition_dp(*TEST_2X2, 2)
    assert cuts_of(best.labels) == (54,)
    assert best.information == pytest.approx(0.4744269, abs=1e-6)
    assert found.unit == "bits"


def test_three_classes_from_a_bad_start_take_11_moves_to_the_optimum():
    found = mmi_partition(*TEST_3X3, 3, start=labels_of(9, 20))
    best = mmi_partition_dp(*TEST_3X3, 3)
    assert found.n_iter == 11
    assert cuts_of(found.labels) == cuts_of(best.labels) == (35, 65)
    assert found.information == pytest.approx(0.8395384, abs=1e-6)
    assert found.information == pytest.approx(best.information, abs=1e-12)


def test_three_classes_from_a_good_start_stop_a_cell_away_from_it():
    found = mmi_partition(*TEST_3X3, 3, start=labels_of(50, 60))
    assert [cuts_of(labels) for labels in found.path[1:]] == [(41, 64), (38, 65), (37, 65), (36, 65)]
    assert cuts_of(found.labels) in [(35, 65), (36, 66), (35, 66), (36, 65)]
    assert 0 < mmi_partition_dp(*TEST_3X3, 3).information - found.information <= 0.0006


def test_counter_example_to_global_convergence():
    # Five classes, five labels, 200 random interval starts: 153 end at 1.464 to 1.465 bits, 47 at 1.391 to 1.395.
    # The iteration stands still at the latter, so it is not globally convergent; the optimum is 1.4651.
    rng = np.random.default_rng(0)
    starts = [labels_of(*np.sort(rng.choice(Z[:-1], 4, replace=False))) for _ in range(200)]
    ends = np.array([mmi_partition(*FIVE, 5, start=start).information for start in starts])
    best = mmi_partition_dp(*FIVE, 5).information
    low = ends < 1.43
    assert (low.sum(), (~low).sum()) == (47, 153)
    assert ends[~low] == pytest.approx(1.465, abs=2e-3)
    assert ends[low].min() >= 1.391 - 2e-3
    assert ends[low].max() <= 1.395 + 2e-3
    assert best == pytest.approx(1.4651335, abs=1e-6)
    assert ends.max() <= best + 1e-12
    stuck = mmi_partition(*FIVE, 5, start=starts[int(np.argmin(ends))])
    assert mmi_partition(*FIVE, 5, start=stuck.labels).n_iter == 0  # a fixed point, 0.07 bits short


def test_restarts_find_what_one_start_may_miss():
    found = mmi_partition(*FIVE, 5, n_init=20)
    assert len(found.restarts) == 20
    assert min(found.restarts) < 1.40
    assert found.information == max(found.restarts) == found.history[-1]
    assert mmi_partition_dp(*FIVE, 5).information - found.information < 2e-3


def kl_means(posterior, weights, labels, n_labels):
    """Lloyd's iteration with KL(P(x|z) || centre), written without the theory."""
    sequence = [labels]
    while True:
        centres = np.array(
            [np.average(posterior[labels == j], axis=0, weights=weights[labels == j]) for j in range(n_labels)]
        )
        divergence = (posterior[:, None] * np.log(posterior[:, None] / centres)).sum(2)
        labels = divergence.argmin(1)
        if (labels == sequence[-1]).all():
            return sequence
        sequence.append(labels)


@pytest.mark.parametrize(
    ("law", "start"),
    [
        (TEST_2X2, labels_of(50)),
        (TEST_3X3, labels_of(50, 60)),
        (TEST_3X3, labels_of(9, 20)),
        (FIVE, labels_of(10, 20, 30, 40)),
        (FIVE, labels_of(60, 70, 80, 90)),
    ],
)
def test_the_iteration_is_kl_means(law, start):
    n_labels = int(start.max()) + 1
    ours = mmi_partition(*law, n_labels, start=start).path
    theirs = kl_means(*law, start, n_labels)
    assert len(ours) == len(theirs)
    assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


def plane():
    """Two-dimensional reference: 160 x 140 integers, four normal components of three classes."""
    grid = np.stack(np.meshgrid(np.arange(160.0), np.arange(140.0), indexing="ij"), axis=-1).reshape(-1, 2)

    def normal(mean, s11, s22, s12):
        e = grid - mean
        density = np.exp(-0.5 * (e @ np.linalg.inv([[s11, s12], [s12, s22]]) * e).sum(1))
        return density / density.sum()

    joint = np.c_[
        0.2 * normal((50, 50), 75, 200, 50),
        0.5 * normal((75, 90), 200, 75, -50),
        0.2 * normal((100, 50), 125, 125, 75) + 0.1 * normal((120, 80), 75, 125, 0),
    ]
    return grid, joint / joint.sum(1, keepdims=True), joint.sum(1)


def test_two_dimensional_reference_is_within_one_percent_after_three_steps():
    grid, posterior, weights = plane()
    reference = 1.311784
    vertical = mmi_partition(posterior, weights, 3, start=np.searchsorted([60, 90], grid[:, 0]))
    horizontal = mmi_partition(posterior, weights, 3, start=np.searchsorted([50, 80], grid[:, 1]))
    assert vertical.history[:4] == pytest.approx([0.707096, 1.303585, 1.311534, 1.311770], abs=1e-6)
    assert horizontal.history[:4] == pytest.approx([0.555698, 0.913392, 1.292974, 1.311454], abs=1e-6)
    for found in (vertical, horizontal):
        assert found.history[3] >= 0.99 * reference
        assert found.information == pytest.approx(reference, abs=1e-4)
        assert found.ceiling == pytest.approx(1.390877, abs=1e-6)
    bad = mmi_partition(posterior, weights, 3, start=np.searchsorted([20, 40], grid[:, 0]))
    assert bad.history[4] >= 0.99 * reference
    assert bad.information == pytest.approx(reference, abs=1e-4)


# dynamic programming against all partitions there are


def random_problem(seed, n, m):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(m, 0.7), n), rng.dirichlet(np.ones(n))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_labels", [2, 3])
def test_with_two_classes_intervals_of_the_posterior_beat_every_partition(seed, n_labels):
    posterior, weights = random_problem(seed, 7, 2)
    every = max(bits(posterior, weights, np.array(labels)) for labels in itertools.product(range(n_labels), repeat=7))
    best = mmi_partition_dp(posterior, weights, n_labels, z=posterior[:, 1])
    assert best.information == pytest.approx(every, abs=1e-12)
    assert best.information == pytest.approx(bits(posterior, weights, best.labels), abs=1e-12)
    assert (np.diff(best.labels[np.argsort(posterior[:, 1])]) >= 0).all()
    assert mmi_partition(posterior, weights, n_labels).information <= best.information + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_best_of_all_intervals(seed):
    posterior, weights = random_problem(seed, 10, 3)
    z = np.random.default_rng(seed).permutation(10)
    order = np.argsort(z)
    for n_labels in (1, 2, 4, 10):
        every = []
        for cuts in itertools.combinations(range(1, 10), n_labels - 1):
            labels = np.empty(10, int)
            labels[order] = np.searchsorted(cuts, np.arange(10), side="right")
            every.append(bits(posterior, weights, labels))
        best = mmi_partition_dp(posterior, weights, n_labels, z=z)
        assert best.information == pytest.approx(max(every), abs=1e-12)
        assert len(np.unique(best.labels)) == n_labels
    assert best.information == pytest.approx(best.ceiling)  # a label each


# laws of the iteration


@given(seed=st.integers(0, 10**6), n_labels=st.integers(1, 6), m=st.integers(2, 4))
def test_information_never_falls_and_stays_below_its_ceiling(seed, n_labels, m):
    posterior, weights = random_problem(seed, 25, m)
    found = mmi_partition(posterior, weights, n_labels, rng=seed, n_init=2)
    assert (np.diff(found.history) > 0).all()
    assert found.information <= found.ceiling + 1e-12
    assert found.information == pytest.approx(bits(posterior, weights, found.labels), abs=1e-9)
    assert found.ceiling == pytest.approx(bits(posterior, weights, np.arange(25)), abs=1e-9)
    assert len(np.unique(found.labels)) == n_labels
    in_nats = mmi_partition(posterior, weights, n_labels, rng=seed, n_init=2, base=np.e)
    assert in_nats.information == pytest.approx(found.information * np.log(2), abs=1e-12)


def test_an_empty_label_takes_the_z_that_its_label_describes_worst():
    posterior = np.array([[1.0, 0.0], [0.9, 0.1], [0.1, 0.9]])
    found = mmi_partition(posterior, np.full(3, 1 / 3), 2, start=[0, 0, 0])
    assert found.labels.tolist() == [0, 0, 1]
    # labels that say the same are one, and the others go where they are needed
    alike = mmi_partition([[0.5, 0.5], [0.5, 0.5], [1, 0], [0, 1]], np.full(4, 0.25), 3, start=[0, 1, 2, 2])
    assert alike.information == pytest.approx(0.5)
    same = mmi_partition(np.full((4, 2), 0.5), np.full(4, 0.25), 3)  # nothing to tell apart: one label is enough
    assert same.information == pytest.approx(0.0, abs=1e-12)


def test_impossible_classes_and_weightless_rows():
    posterior = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.9, 0.1], [1.0, 0.0, 0.0], [0.05, 0.95, 0.0]])
    weights = np.array([0.3, 0.3, 0.4, 0.0, 0.0])
    found = mmi_partition(posterior, weights, 2, start=[0, 1, 1, 1, 0])
    assert found.labels.tolist() == [0, 1, 1, 0, 1]  # rows without weight are labelled too
    assert found.information == pytest.approx(bits(posterior, weights, found.labels))
    assert mmi_partition_dp(posterior, weights, 2).information == pytest.approx(found.information)


def test_steps_run_out():
    with pytest.warns(ConvergenceWarning, match="`max_iter` = 2 steps"):
        assert mmi_partition(*TEST_3X3, 3, start=labels_of(9, 20), max_iter=2).n_iter == 2


P, W = random_problem(0, 6, 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mmi_partition(P, 2 * W, 2), InvalidDistributionError, "`weights` must be a distribution"),
        (lambda: mmi_partition_dp(2 * P, W, 2), InvalidDistributionError, "row of `posterior` must be a distribution"),
        (lambda: mmi_partition(P[1:], W, 2), ShapeError, "one row per entry of `weights`, 6; got 5"),
        (lambda: mmi_partition(P, W, 7), ParameterError, "`n_labels` must be from 1 to the number of rows, 6; got 7"),
        (lambda: mmi_partition_dp(P, W, 0), ParameterError, "`n_labels` must be from 1"),
        (lambda: mmi_partition(P, W, 2, n_init=0), ParameterError, "`n_init` must be at least 1"),
        (lambda: mmi_partition(P, W, 2, max_iter=0), ParameterError, "`max_iter` must be at least 1"),
        (lambda: mmi_partition(P, W, 2, rng=None), ParameterError, "`rng` must be a seed"),
        (lambda: mmi_partition(P, W, 2, base=1), ParameterError, "`base` must be above 1"),
        (lambda: mmi_partition(P, W, 2, start=[0.0] * 6), KindError, "`start` must hold integer labels"),
        (lambda: mmi_partition(P, W, 2, start=[0, 1]), ShapeError, r"shape \(6,\); got \(2,\)"),
        (lambda: mmi_partition(P, W, 2, start=[0, 1, 2, 0, 0, 0]), ParameterError, "labels from 0 to 1; got 0 to 2"),
        (lambda: mmi_partition_dp(P, W, 2, z=[1, 2]), ShapeError, "`z` must have one value per row of `posterior`, 6"),
        (lambda: mmi_partition_dp(P, W, 2, z=[np.nan] * 6), NonFiniteError, "`z` holds NaN"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
