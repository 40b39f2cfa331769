"""From channels and counts to truth functions, and predictions under another prior."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory.channels import (
    conditional_truth,
    logical_probability,
    optimal_truth,
    semantic_bayes,
    truth_from_likelihood,
)
from gtheory.information import semantic_information
from gtheory.truth import conjunction
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError


@given(seed=st.integers(0, 10**6))
def test_optimal_truth_is_worth_the_whole_rate_and_nothing_is_worth_more(seed):
    rng = np.random.default_rng(seed)
    px, ch = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3), 5)
    best = semantic_information(px, optimal_truth(ch), ch)
    assert pytest.approx(best.R, abs=1e-12) == best.G
    other = optimal_truth(ch) * rng.uniform(0.5, 1.0, ch.shape)
    assert semantic_information(px, other, ch).G <= best.G + 1e-12
    np.testing.assert_allclose(semantic_bayes(px, optimal_truth(ch)), px[:, None] * ch / (px @ ch), atol=1e-12)


def test_truth_learned_under_one_prior_predicts_under_another():
    # two Gaussian priors over ages and a labelling rule that does not change
    x = np.arange(101.0)
    rule = 0.7 / (1 + np.exp(-0.5 * (x - 18)))
    ch = np.stack([rule, 1 - rule], 1)
    old, new = (np.exp(-((x - mean) ** 2) / (2 * 15**2)) for mean in (40, 60))
    old, new = old / old.sum(), new / new.sum()
    # learned from the joint law under the old prior, as counts would be
    truth = optimal_truth(counts=1e6 * old[:, None] * ch)
    want = new[:, None] * ch / (new @ ch)
    np.testing.assert_allclose(semantic_bayes(new, truth), want, atol=1e-12)
    assert np.abs(semantic_bayes(old, truth) - want).max() > 0.01  # the priors do differ


def test_counts_of_one_label_each_and_of_several():
    np.testing.assert_allclose(optimal_truth(counts=[[3, 1], [1, 3]]), [[1, 1 / 3], [1 / 3, 1]])
    # 4 and 10 instances; label 0 on 2 and 10 of them: rates 0.5 and 1; label 1 on 4 and 5: 1 and 0.5
    np.testing.assert_allclose(optimal_truth(counts=[[2, 4], [10, 5]], instances=[4, 10]), [[0.5, 1.0], [1.0, 0.5]])


HALF = [0.5, 0.5]


def test_what_was_never_seen_is_undefined_and_not_false():
    truth = optimal_truth(counts=[[3, 0, 1], [0, 0, 0], [0, 0, 2]])
    assert np.isnan(truth[1]).all()
    assert np.isnan(truth[:, 1]).all()
    assert truth[2, 0] == 0.0
    with pytest.raises(NonFiniteError, match="`truth`"):
        semantic_information([0.5, 0.0, 0.5], truth, np.full((3, 3), 1 / 3))


def test_smoothing_adds_pseudo_counts_and_leaves_nothing_undefined():
    # rates (3+1)/(4+2), 1/2, (1+1)/(4+2); of the other label the rest
    np.testing.assert_allclose(
        optimal_truth(counts=[[3, 1], [0, 0], [1, 3]], smoothing=1), [[1, 0.5], [0.75, 0.75], [0.5, 1]]
    )
    # each label alone: (2+1)/(4+2) = 1/2 beside (10+1)/(10+2) = 11/12, and 5/6 beside 1/2
    got = optimal_truth(counts=[[2, 4], [10, 5]], instances=[4, 10], smoothing=1)
    np.testing.assert_allclose(got, [[6 / 11, 1.0], [1.0, 0.6]])
    np.testing.assert_allclose(optimal_truth(counts=[[2], [10]], instances=[4, 10], smoothing=1), got[:, :1])
    np.testing.assert_allclose(optimal_truth(counts=[[3, 0], [1, 0]], smoothing=1e-9)[:, 0], [1.0, 1.0], atol=1e-8)


@given(seed=st.integers(0, 10**6))
def test_truth_to_likelihood_and_back_is_the_identity(seed):
    rng = np.random.default_rng(seed)
    px = rng.dirichlet(np.ones(6))
    truth = rng.random((6, 4)) ** 3 * (rng.random((6, 4)) < 0.8)
    truth[rng.integers(0, 6, 4), np.arange(4)] = 1.0
    likelihood = semantic_bayes(px, truth)
    np.testing.assert_allclose(truth_from_likelihood(px, likelihood), truth, rtol=1e-12, atol=1e-15)
    # the logical probability is 1 over the largest ratio of likelihood to prior
    np.testing.assert_allclose(logical_probability(px, truth), 1 / (likelihood / px[:, None]).max(0), rtol=1e-12)
    back = truth_from_likelihood(
        px, semantic_bayes(px, np.log(truth, where=truth > 0, out=np.full((6, 4), -np.inf)), log=True), log=True
    )
    np.testing.assert_allclose(np.exp(back), truth, rtol=1e-12)


@given(seed=st.integers(0, 10**6))
def test_bayes_theorem_of_two_statistical_probabilities_is_that_of_a_channel(seed):
    rng = np.random.default_rng(seed)
    px, ch = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3), 5)
    posterior = semantic_bayes(px, ch)
    np.testing.assert_allclose(posterior, px[:, None] * ch / (px @ ch), rtol=1e-12)
    np.testing.assert_allclose(truth_from_likelihood(px, posterior), optimal_truth(ch), rtol=1e-12)


@given(seed=st.integers(0, 10**6))
def test_truth_learned_under_any_prior_predicts_under_any_other(seed):
    rng = np.random.default_rng(seed)
    old, new = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    ch = rng.dirichlet(np.ones(3), 6)
    truth = truth_from_likelihood(old, old[:, None] * ch / (old @ ch))
    np.testing.assert_allclose(semantic_bayes(new, truth), new[:, None] * ch / (new @ ch), atol=1e-12)


def test_what_does_not_occur_has_no_truth():
    truth = truth_from_likelihood([0.5, 0.0, 0.5], [[1.0], [0.0], [0.0]])
    assert truth.tolist()[0] == [1.0] and truth.tolist()[2] == [0.0]
    assert np.isnan(truth[1])
    with pytest.raises(InvalidDistributionError, match="lets label 1 predict an x of which `px` is 0"):
        truth_from_likelihood([1.0, 0.0], [[1.0, 0.5], [0.0, 0.5]])


@given(seed=st.integers(0, 10**6), coupling=st.sampled_from(["comonotone", "independent", "countermonotone"]))
def test_bayes_theorem_of_two_logical_probabilities(seed, coupling):
    rng = np.random.default_rng(seed)
    px = rng.dirichlet(np.ones(6))
    a, b = rng.random((2, 6))
    b_if_a = conditional_truth(px, b, a, coupling=coupling)
    a_if_b = conditional_truth(px, a, b, coupling=coupling)
    assert b_if_a * (px @ a) == pytest.approx(a_if_b * (px @ b), abs=1e-12)
    assert b_if_a * (px @ a) == pytest.approx(px @ conjunction(a, b, coupling=coupling), abs=1e-12)
    assert 0 <= b_if_a <= 1 + 1e-12
    assert conditional_truth(px, a, a, coupling="comonotone") == pytest.approx(1.0, abs=1e-12)


def test_conditional_truth_of_crisp_labels_is_conditional_probability():
    px = np.array([0.1, 0.2, 0.3, 0.4])
    for coupling in ("comonotone", "independent", "countermonotone"):
        assert conditional_truth(px, [1, 1, 0, 0], [0, 1, 1, 0], coupling=coupling) == pytest.approx(0.2 / 0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: truth_from_likelihood(HALF, [[1.0]]), ShapeError, "one row per entry of `px`, 2; got shape"),
        (lambda: truth_from_likelihood([1.0], [[np.nan]]), NonFiniteError, "`likelihood` holds NaN"),
        (lambda: truth_from_likelihood(HALF, [[1.0, 0.5], [0.0, 0.6]]), InvalidDistributionError, "1.1 in column 1"),
        (lambda: truth_from_likelihood(HALF, [[1.5], [-0.5]]), InvalidDistributionError, "sum of nan in column 0"),
        (lambda: conditional_truth([1.0], [1.0], [0.5], coupling="min"), ParameterError, "`coupling` must be one of"),
        (lambda: conditional_truth(HALF, [1.0], [0, 1], coupling="independent"), ShapeError, "`truth` must have one"),
        (
            lambda: conditional_truth(HALF, [1, 1], [0, 2], coupling="independent"),
            InvalidDistributionError,
            "`given` m",
        ),
        (lambda: conditional_truth(HALF, [np.nan, 1], [0, 1], coupling="independent"), NonFiniteError, "`truth` holds"),
        (
            lambda: conditional_truth(HALF, [1, 1], [0, 0], coupling="independent"),
            InvalidDistributionError,
            "`given` is",
        ),
    ],
)
def test_what_the_theorems_refuse_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ParameterError, "either `ch` or `counts`; got neither"),
        ({"ch": [[1.0]], "counts": [[1]]}, ParameterError, "got both"),
        ({"ch": [[1.0]], "instances": [1]}, ParameterError, "`instances` goes with `counts`"),
        ({"ch": [[1.0]], "smoothing": 1}, ParameterError, "`smoothing` goes with `counts`"),
        ({"counts": [[1]], "smoothing": -1}, ParameterError, "`smoothing` must be finite and not negative; got -1"),
        ({"ch": [[2.0]]}, InvalidDistributionError, r"`ch` must hold probabilities.*2 to 2"),
        ({"ch": [[np.nan]]}, NonFiniteError, "`ch` holds NaN"),
        ({"counts": [[-1]]}, InvalidDistributionError, "`counts` must not be negative"),
        ({"counts": [[1]], "instances": [1, 2]}, ShapeError, "one entry per row of `counts`, 1; got 2"),
        ({"counts": [[1], [5]], "instances": [1, 4]}, InvalidDistributionError, "to x 1 5 times.*seen 4 times"),
    ],
)
def test_what_is_refused_is_named(arguments, error, message):
    with pytest.raises(error, match=f"optimal_truth: .*{message}"):
        optimal_truth(**arguments)
