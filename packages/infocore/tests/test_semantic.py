"""Semantic information on arrays: identities, invariances, limits, and every refusal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infocore import bounds
from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ShapeError
from infocore.semantic import channel, logical_probability, semantic_bayes, semantic_information

PX = np.array([0.5, 0.5])
TRUTH = np.array([[1.0, 0.2], [0.2, 1.0]])
CH = np.array([[0.9, 0.1], [0.1, 0.9]])


def problem(seed, m=6, n=4):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(m)), rng.uniform(0.05, 1.0, (m, n)), rng.dirichlet(np.ones(n), m)


@given(seed=st.integers(0, 10**6))
def test_g_is_entropy_difference_r_minus_loss_and_likelihood_gain(seed):
    px, truth, ch = problem(seed)
    info = semantic_information(px, truth, ch)
    # a second implementation, term by term
    py = px @ ch
    post = px[:, None] * ch / py
    like = px[:, None] * truth / (px @ truth)
    loss = sum(py[j] * np.sum(post[:, j] * np.log(post[:, j] / like[:, j])) for j in range(len(py)))
    log_likelihood = np.sum(px[:, None] * ch * np.log(like))
    entropy = -np.sum(px * np.log(px))
    assert info.g == pytest.approx(info.semantic_entropy - info.fuzzy_entropy, abs=1e-12)
    assert info.r - info.g == pytest.approx(loss, abs=1e-12)
    assert info.g == pytest.approx(log_likelihood + entropy, abs=1e-12)
    assert info.g == pytest.approx(py @ info.per_label, abs=1e-12)
    assert info.r == pytest.approx(np.sum(px[:, None] * ch * np.log(ch / py)), abs=1e-12)
    assert info.g <= info.r + 1e-12


@given(seed=st.integers(0, 10**6))
def test_information_ignores_the_scale_of_a_column(seed):
    px, truth, ch = problem(seed)
    scale = np.random.default_rng(seed).uniform(0.01, 1.0, truth.shape[1])
    assert semantic_information(px, truth * scale, ch).g == pytest.approx(
        semantic_information(px, truth, ch).g, abs=1e-12
    )


@given(seed=st.integers(0, 10**6))
def test_truth_to_likelihood_and_back(seed):
    px, truth, _ = problem(seed)
    truth = truth / truth.max(0)
    like = semantic_bayes(px, truth)
    ratio = like / px[:, None]
    np.testing.assert_allclose(like.sum(0), 1.0, atol=1e-12)
    np.testing.assert_allclose(ratio / ratio.max(0), truth, atol=1e-12)
    np.testing.assert_allclose(1.0 / ratio.max(0), logical_probability(px, truth), atol=1e-12)


@given(seed=st.integers(0, 10**6), size=st.integers(1, 9), scale=st.floats(0.01, 20.0))
def test_a_batch_of_scores_gives_the_bound_of_the_score_matrix(seed, size, scale):
    scores = scale * np.random.default_rng(seed).standard_normal((size, size))
    log_truth = scores - scores.max(0)
    info = semantic_information(np.full(size, 1 / size), log_truth, np.eye(size), log=True)
    assert info.g == pytest.approx(float(bounds.semantic(scores)), abs=1e-12)
    assert info.g == pytest.approx(float(bounds.infonce(scores.T)), abs=1e-12)
    assert info.r == pytest.approx(np.log(size), abs=1e-12)


def test_log_truth_survives_where_truth_underflows():
    log_truth = np.array([[0.0, -2000.0], [-2000.0, 0.0]])
    swapped = semantic_information(PX, log_truth, np.eye(2)[::-1], log=True)
    assert swapped.g == pytest.approx(np.log(2) - 2000.0)  # each label names the wrong x
    assert logical_probability(PX, log_truth, log=True) == pytest.approx([-np.log(2)] * 2)
    np.testing.assert_allclose(semantic_bayes(PX, log_truth, log=True), log_truth, atol=1e-12)


def test_crisp_falsehood_costs_everything_and_crisp_truth_is_worth_minus_log_lp():
    px, truth = np.array([0.2, 0.3, 0.5]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    right = semantic_information(px, truth, truth)
    assert right.per_label.tolist() == pytest.approx([-np.log(0.2), -np.log(0.8)])
    assert right.g == pytest.approx(right.r)
    wrong = semantic_information(px, truth, [[0.9, 0.1], [0.0, 1.0], [0.0, 1.0]])
    assert wrong.g == -np.inf
    assert wrong.fuzzy_entropy == np.inf
    assert wrong.per_label[0] == pytest.approx(-np.log(0.2))


def test_an_unused_label_may_be_false_everywhere_and_has_no_information_of_its_own():
    info = semantic_information(PX, [[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]])
    assert info.g == 0.0
    assert info.r == 0.0
    assert np.isnan(info.per_label[1])
    assert np.isnan(info.pointwise[:, 1]).all()


def test_an_x_that_never_happens_changes_nothing():
    full = semantic_information(PX, TRUTH, CH)
    padded = semantic_information([0.5, 0.5, 0.0], np.vstack([TRUTH, [0.0, 1.0]]), np.vstack([CH, [1.0, 0.0]]))
    assert padded.g == pytest.approx(full.g, abs=1e-15)
    assert padded.r == pytest.approx(full.r, abs=1e-15)


@pytest.mark.parametrize(
    ("px", "truth", "ch", "error", "message"),
    [
        ([0.5, 0.4], TRUTH, CH, InvalidDistributionError, "`px` must be a distribution.*sum 0.9"),
        ([1.5, -0.5], TRUTH, CH, InvalidDistributionError, "`px`.*smallest entry -0.5"),
        ([0.5, np.nan], TRUTH, CH, NonFiniteError, "`px`.*1 of 2"),
        ([[0.5, 0.5]], TRUTH, CH, ShapeError, "`px` must have one axis"),
        ([], TRUTH, CH, ShapeError, "`px`.*not be empty"),
        (["a", "b"], TRUTH, CH, KindError, "`px` must hold real numbers"),
        (PX, TRUTH[:1], CH, ShapeError, "`truth` must have one row per entry of `px`, 2"),
        (PX, TRUTH[0], CH, ShapeError, "`truth` must have two axes"),
        (PX, [[1.0, 0.2], [1.0]], CH, ShapeError, "`truth` must be rectangular"),
        (PX, TRUTH + 0.1, CH, InvalidDistributionError, r"`truth` must hold degrees of truth in \[0, 1\].*1.1"),
        (PX, TRUTH - 0.3, CH, InvalidDistributionError, "`truth` must hold degrees"),
        (PX, [[1.0, np.nan], [0.2, 1.0]], CH, NonFiniteError, "`truth`.*1 of 2 rows"),
        (PX, [[1.0, 0.0], [1.0, 0.0]], CH, InvalidDistributionError, "label 1 false wherever"),
        (PX, TRUTH, CH[:, :1], ShapeError, r"`ch` must have shape \(2, 2\)"),
        (PX, TRUTH, np.add(CH, [[0.0, 0.0], [0.0, 2e-8]]), InvalidDistributionError, "row of `ch`.*in row 1"),
        (PX, TRUTH, [[1.1, -0.1], [0.5, 0.5]], InvalidDistributionError, "row of `ch`.*smallest entry -0.1"),
        (PX, TRUTH, [[1.0, 0.0], [np.inf, 0.0]], NonFiniteError, "`ch`.*1 of 2 rows"),
    ],
)
def test_what_is_refused_is_named(px, truth, ch, error, message):
    with pytest.raises(error, match=f"semantic_information: .*{message}"):
        semantic_information(px, truth, ch)


def test_log_truth_above_zero_is_refused_and_so_is_asking_about_a_label_that_is_never_true():
    with pytest.raises(InvalidDistributionError, match="log T, at most 0"):
        logical_probability(PX, TRUTH, log=True)
    with pytest.raises(InvalidDistributionError, match=r"semantic_bayes.*label 0 false"):
        semantic_bayes([1.0, 0.0], [[0.0, 1.0], [1.0, 1.0]])


def test_sums_are_held_to_1e_8():
    assert channel(np.add(CH, [[0.0, 0.0], [0.0, 5e-9]]), "test", "ch").shape == (2, 2)
