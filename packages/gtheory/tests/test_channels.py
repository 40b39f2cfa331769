"""From channels and counts to truth functions, and predictions under another prior."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import optimal_truth, semantic_bayes, semantic_information
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


def test_what_was_never_seen_is_undefined_and_not_false():
    truth = optimal_truth(counts=[[3, 0, 1], [0, 0, 0], [0, 0, 2]])
    assert np.isnan(truth[1]).all()
    assert np.isnan(truth[:, 1]).all()
    assert truth[2, 0] == 0.0
    with pytest.raises(NonFiniteError, match="`truth`"):
        semantic_information([0.5, 0.0, 0.5], truth, np.full((3, 3), 1 / 3))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ParameterError, "either `ch` or `counts`; got neither"),
        ({"ch": [[1.0]], "counts": [[1]]}, ParameterError, "got both"),
        ({"ch": [[1.0]], "instances": [1]}, ParameterError, "`instances` goes with `counts`"),
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
