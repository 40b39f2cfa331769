"""Partitions with most information: worked examples, brute force, KL-means, and where the iteration is stuck."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from gtheory.learning import MMIClassifier, mmi_classifier, mmi_partition, mmi_partition_dp
from infocore.errors import (
    ConvergenceWarning,
    InvalidDistributionError,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
    TooFewSamplesError,
)

Z = np.arange(1, 101)


def problem(prior, means, sds):
    """P(x|z) and P(z) on z = 1 .. 100, each class a normal law on that grid."""
    density = np.exp(-0.5 * ((Z[:, None] - np.array(means)) / np.array(sds)) ** 2)
    joint = density / density.sum(0) * prior
    return joint / joint.sum(1, keepdims=True), joint.sum(1)


def labels_of(*cuts):
    """Labels that rise after each cut."""
    return np.searchsorted(cuts, Z, side="left")


def cuts_of(labels):
    return tuple(Z[np.flatnonzero(np.diff(labels))].tolist())


def bits(posterior, weights, labels):
    """I(X; Y) from its definition, cell by cell."""
    joint = posterior * weights[:, None]
    total = 0.0
    for j in np.unique(labels):
        cell = joint[labels == j].sum(0)
        for x in np.flatnonzero(cell):
            total += cell[x] * np.log2(cell[x] / cell.sum() / joint[:, x].sum())
    return total


TEST_2X2 = problem([0.8, 0.2], [30, 70], [15, 10])
TEST_3X3 = problem([0.5, 0.35, 0.15], [20, 50, 80], [15, 10, 10])
FIVE = problem([0.3, 0.25, 0.2, 0.15, 0.1], [15, 32, 50, 68, 85], [7] * 5)


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


# the classifier


@parametrize_with_checks(
    [MMIClassifier(), MMIClassifier(posterior=DecisionTreeClassifier(max_depth=2, random_state=0))]
)
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def medical(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.2, "ill", "healthy")
    return np.where(y == "ill", rng.normal(70, 10, n), rng.normal(30, 15, n))[:, None], y


class Exact(LogisticRegression):
    """P(x|z) of the 2x2 test from its formula."""

    def predict_proba(self, X):
        joint = np.exp(-0.5 * ((X - [30, 70]) / [15, 10]) ** 2) / [15, 10] * [0.8, 0.2]
        return joint / joint.sum(1, keepdims=True)


def test_on_the_medical_test_it_cuts_where_the_information_is():
    x, y = medical()
    exact = Exact().fit(x, y)
    model = MMIClassifier(posterior=FrozenEstimator(exact)).fit(x, y)
    z = np.arange(1.0, 101.0)[:, None]
    predicted = model.predict(z)
    cut = int(np.argmax(predicted == "ill"))  # the last z that is healthy
    assert (predicted[cut:] == "ill").all()
    # 20 samples of 2000: 54 in each, as of the law (between whole numbers 54.50, s.d. 0.19); the most probable class
    # changes at 57.8
    assert abs(cut - 54) <= 1
    assert model.certificate_.kind == "global"
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-9)
    # the information that labels and true classes share in the sample; 20 samples: difference -0.006 (s.d. 0.017)
    assert mutual_info_score(y, model.predict(x)) / np.log(2) == pytest.approx(model.information_, abs=0.06)
    assert model.classes_.tolist() == ["healthy", "ill"]
    assert ((model.decision_function(x) > 0) == (model.predict(x) == "ill")).all()


def test_labels_beyond_the_classes_carry_more():
    x, y = load_iris(return_X_y=True)
    as_classes = MMIClassifier().fit(x, y)
    assert as_classes.score(x, y) > 0.95
    assert as_classes.labels_.tolist() != [] and set(as_classes.labels_) == {0, 1, 2}
    finer = MMIClassifier(n_labels=5).fit(x, y)
    assert finer.labels_.tolist() == [0, 1, 2, 3, 4]
    assert set(finer.predict(x)) == {0, 1, 2, 3, 4}
    assert as_classes.information_ < finer.information_ < finer.partition_.ceiling
    assert finer.certificate_.kind == "ceiling"
    assert finer.certificate_.gap == pytest.approx(finer.partition_.ceiling - finer.information_)
    assert finer.decision_function(x).shape == (150, 5)
    assert finer.history_[-1] == finer.information_


def test_what_is_stated_is_what_the_predicted_labels_have():
    x, y = load_iris(return_X_y=True)
    model = MMIClassifier(n_labels=4).fit(x, y)
    post = model.posterior_.predict_proba(x)
    assert model.information_ == pytest.approx(bits(post, np.full(150, 1 / 150), model.predict(x)), abs=1e-9)
    # the mean over rows of what the label that each gets says of it
    assert model.information_ == pytest.approx(model.decision_function(x).max(1).mean(), abs=1e-9)


def ends_and_middle():
    x = np.arange(9.0)[:, None]
    return x, np.array(["a", "a", "a", "b", "c", "b", "a", "a", "a"])


def test_a_partition_that_is_no_intervals_can_beat_the_best_intervals():
    x, y = ends_and_middle()
    tree = DecisionTreeClassifier(max_leaf_nodes=3, random_state=0)
    model = MMIClassifier(n_labels=2, posterior=tree).fit(x, y)
    assert model.certificate_.kind == "intervals"
    assert model.certificate_.gap < -0.1
    assert model.information_ == pytest.approx(0.918296, abs=1e-6)  # h(1/3): the ends against the middle
    assert len(set(model.predict(x)[[0, 1, 2, 6, 7, 8]])) == 1


def test_two_classes_are_ordered_by_posterior_not_by_the_column():
    x, y = ends_and_middle()
    y = np.where(y == "a", "a", "b")
    model = MMIClassifier(posterior=DecisionTreeClassifier(random_state=0)).fit(x, y)
    assert model.certificate_.kind == "global"
    assert model.certificate_.value == pytest.approx(0.918296, abs=1e-6)
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-12)
    assert model.certificate_.unit == "bits"


def test_rows_that_the_posterior_does_not_tell_apart_are_one():
    x, y = load_iris(return_X_y=True)
    tree = DecisionTreeClassifier(max_leaf_nodes=4, random_state=0)
    model = MMIClassifier(posterior=tree).fit(x, y)
    assert len(model.partition_.labels) == len(np.unique(model.posterior_.predict_proba(x), axis=0)) == 4


def test_dynamic_programming_takes_over_where_starts_failed(monkeypatch):
    z, (posterior, weights) = Z[:, None].astype(float), FIVE
    law = FrozenEstimator(Table().fit(z, np.arange(100) % 5))
    alone = mmi_partition(posterior, weights, 5, n_init=1, rng=np.random.default_rng(0))
    assert alone.information < 1.4
    y = np.arange(100) % 5
    model = MMIClassifier(posterior=law, n_init=1).fit(z, y, sample_weight=weights)
    assert model.information_ == pytest.approx(1.4651335, abs=1e-6)
    assert model.partition_.restarts[0] == pytest.approx(alone.information)
    assert len(model.partition_.restarts) == 2
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-9)
    monkeypatch.setattr(mmi_classifier, "_DP_ROWS", 50)
    assert MMIClassifier(posterior=law, n_init=1).fit(z, y, sample_weight=weights).certificate_.kind == "ceiling"


class Table(LogisticRegression):
    """P(x|z) of the five classes."""

    def predict_proba(self, X):
        return FIVE[0][X[:, 0].astype(int) - 1]


def test_data_frames_and_weights():
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = MMIClassifier().fit(x, y)
    assert model.feature_names_in_.tolist() == x.columns.tolist()
    assert (model.predict(x) == MMIClassifier().fit(x.to_numpy(), y.to_numpy()).predict(x.to_numpy())).all()
    weights = np.random.default_rng(0).integers(0, 3, 150)
    keep = np.repeat(np.arange(150), weights)
    # the posterior's own tolerance is 1e-4
    solver = LogisticRegression(tol=1e-10, max_iter=1000)
    a = MMIClassifier(posterior=solver).fit(x, y, sample_weight=pd.Series(weights))
    b = MMIClassifier(posterior=solver).fit(x.iloc[keep], y.iloc[keep])
    assert a.information_ == pytest.approx(b.information_, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, y: MMIClassifier(n_labels=0).fit(x, y), ParameterError, "`n_labels` must be at least 1; got 0"),
        (lambda x, y: MMIClassifier(n_init=0).fit(x, y), ParameterError, "`n_init` must be at least 1; got 0"),
        (lambda x, y: MMIClassifier(n_labels=10).fit(x, y), TooFewSamplesError, "tells apart, 9; got 10"),
        (lambda x, y: MMIClassifier(posterior=LinearSVC()).fit(x, y), ParameterError, "LinearSVC has none.*Calibrated"),
        (
            lambda x, y: MMIClassifier(posterior=KNeighborsClassifier()).fit(x, y, np.ones(9)),
            ParameterError,
            "KNeighborsClassifier, takes none",
        ),
        (lambda x, y: MMIClassifier().fit(x, y, -np.ones(9)), InvalidDistributionError, "must not be negative"),
    ],
)
def test_settings_that_cannot_be_used(call, error, message):
    with pytest.raises(error, match=message):
        call(*ends_and_middle())


def test_the_wrapper_that_the_message_names_works():
    x, y = load_iris(return_X_y=True)
    assert (
        MMIClassifier(posterior=CalibratedClassifierCV(LinearSVC(dual=False, random_state=0))).fit(x, y).score(x, y)
        > 0.9
    )
