"""NeuralTruthClassifier: scikit-learn's contract, known laws, missing labels, held-out information, every refusal."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from gtheory import semantic_information
from gtheory.torch import NeuralTruthClassifier
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError

SHORT = NeuralTruthClassifier(hidden=(16,), epochs=25, batch_size=32, learning_rate=3e-2, validation_fraction=0.0)


@parametrize_with_checks([SHORT])
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def two_normals(n, rare, seed):
    """N(-1, 1) and, as often as `rare`, N(1, 1): the log-ratio is 2 x."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rare).astype(int)
    return rng.standard_normal((n, 1)) + 2 * y[:, None] - 1, y


GRID = np.linspace(-1.5, 1.5, 13)[:, None]


@functools.cache
def linear(rare):
    return NeuralTruthClassifier(hidden=(32,), batch_size=256, learning_rate=1e-2, random_state=1).fit(
        *two_normals(4000, rare, 0)
    )


# 10 seeds: the largest error of log-odds on the grid is 0.25 (s.d. 0.11) for equal classes, 0.48 (0.27) for one in 20;
# tolerance: mean + 3 s.d.
@pytest.mark.parametrize(("rare", "tolerance"), [(0.5, 0.57), (0.05, 1.28)])
def test_difference_of_information_is_the_log_ratio_whatever_the_frequencies(rare, tolerance):
    information = linear(rare).information(GRID, base=math.e)
    np.testing.assert_allclose(information[:, 1] - information[:, 0], 2 * GRID[:, 0], atol=tolerance)


def test_information_and_truth_are_those_of_the_whole_sample():
    model, (x, y) = linear(0.05), two_normals(4000, 0.05, 0)
    assert model.predict_truth(x).max(0) == pytest.approx([1, 1], abs=1e-12)
    assert model.predict_truth(x).mean(0) == pytest.approx(model.logical_probability_, rel=1e-9)
    want = np.log2(model.predict_truth(x) / model.logical_probability_)
    np.testing.assert_allclose(model.information(x), want, atol=1e-9)
    np.testing.assert_allclose(model.information(x, base=math.e), want * math.log(2), atol=1e-9)
    g = semantic_information(np.full(4000, 1 / 4000), model.predict_truth(x), np.eye(2)[y]).G
    assert g == pytest.approx(np.mean(model.information(x)[np.arange(4000), y]), abs=1e-9)


def test_posteriors_follow_the_prior_that_is_given():
    model, (x, y) = linear(0.05), two_normals(4000, 0.05, 0)
    assert model.label_frequency_ == pytest.approx([1 - y.mean(), y.mean()])
    information = model.information(GRID, base=math.e)
    for prior in ([0.5, 0.5], [0.9, 0.1], [0.0, 1.0]):
        want = np.exp(information) * prior
        np.testing.assert_allclose(model.predict_proba(GRID, label_prior=prior), want / want.sum(1, keepdims=True))
    np.testing.assert_array_equal(model.predict_proba(GRID), model.predict_proba(GRID, model.label_frequency_))
    assert (model.predict(GRID) == information.argmax(1)).all()
    posterior = clone(model).set_params(decision="posterior").fit(x, y)
    assert (posterior.predict(GRID) == posterior.predict_proba(GRID).argmax(1)).all()
    assert (model.predict(GRID) == 1).sum() > (posterior.predict(GRID) == 1).sum()
    assert model.decision_function(GRID) == pytest.approx(np.diff(model.information(GRID), axis=1)[:, 0])


# 10 seeds, labels known of a third of the rows: largest error 0.11 (s.d. 0.06); tolerance: mean + 3 s.d.
def test_labels_are_learned_without_negatives():
    x, y = two_normals(6000, 0.3, 3)
    seen = np.random.default_rng(4).random(6000) < 1 / 3
    table = np.where((y == 1) & seen, 1.0, np.nan)[:, None]  # positive and unlabelled: no negative is known
    model = NeuralTruthClassifier((), "sigmoid", batch_size=256, learning_rate=3e-2).fit(x, table)
    want = np.log(expit(2 * GRID + math.log(0.3 / 0.7)))  # log P(y|x), up to a constant
    got = np.log(model.predict_truth(GRID))
    np.testing.assert_allclose(got - got.mean(), want - want.mean(), atol=0.3)
    assert model.multilabel_ and model.label_frequency_ is None
    assert not hasattr(model, "predict_proba")


# one x in three, 10 seeds of 3,000: largest error 0.050 and 0.026 (s.d. 0.017); tolerance: mean + 3 s.d.
def test_population_decides_what_a_label_missing_by_x_means():
    rng = np.random.default_rng(5)
    kind = rng.integers(3, size=3000)
    p_label, p_known = np.array([0.2, 0.4, 0.8]), np.array([0.3, 0.6, 0.9])
    y = np.where(rng.random(3000) < p_known[kind], rng.random(3000) < p_label[kind], np.nan)[:, None]
    truth = {
        population: NeuralTruthClassifier((), population=population, batch_size=256, learning_rate=3e-2)
        .fit(np.eye(3)[kind], y)
        .predict_truth(np.eye(3))[:, 0]
        for population in ("all", "known")
    }
    np.testing.assert_allclose(truth["known"], p_label / 0.8, atol=0.1)
    np.testing.assert_allclose(truth["all"], p_label * p_known / 0.72, atol=0.08)  # it says in part where it is known


def test_several_labels_a_row():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 2))
    y = (x + 0.5 * rng.standard_normal((1500, 2)) > [0, 1]).astype(float)
    y[rng.random(y.shape) < 0.2] = np.nan
    model = NeuralTruthClassifier(hidden=(16,), truth="sigmoid", learning_rate=1e-2, epochs=60).fit(x, y)
    grid = np.array([[2.0, 2.0], [2.0, -1.0], [-1.0, 2.0], [-1.0, -1.0]])
    want = [[1, 1], [1, 0], [0, 1], [0, 0]]
    assert model.predict(grid).tolist() == want
    assert (model.decision_function(grid) > 0).astype(int).tolist() == want
    np.testing.assert_allclose(model.decision_function(grid), model.information(grid))
    true = clone(model).set_params(decision="truth").fit(x, y)
    assert true.predict(grid).tolist() == want
    assert (true.predict(x) == (true.predict_truth(x) >= 0.5)).all()


# 10 seeds of 4,000 rows, 800 held out: mean 0.484 bits, s.d. 0.015, where the law has 0.486; tolerance: bias + 3 s.d.
def test_held_out_information_is_that_of_the_law():
    model = linear(0.5)
    t = np.linspace(-8, 8, 4001)
    p, q = norm.pdf(t, -1), norm.pdf(t, 1)
    bits = np.trapezoid(p * np.log2(2 * p / (p + q)), t)
    assert model.held_out_information_ == pytest.approx(bits, abs=0.047)
    assert model.held_out_information_ == max(v for _, v in model.history_.validation) / math.log(2)
    assert model.history_.stopped_early


def test_rows_held_out_keep_classes_in_proportion_and_leave_a_positive():
    model = clone(linear(0.5))
    model.multilabel_ = False
    given = np.eye(3)[np.repeat([0, 1, 2], [100, 50, 1])]
    train, held = model._split(given, np.random.default_rng(0))
    assert given[held].sum(0).tolist() in ([20, 10, 0], [19, 10, 0], [20, 9, 0])
    assert sorted([*train, *held]) == list(range(151)) and given[train, 2].sum() == 1
    lone = clone(SHORT).set_params(validation_fraction=0.5)
    with pytest.raises(ParameterError, match="of 4 rows too few carry labels"):
        lone.fit(np.zeros((4, 1)), [[1, np.nan]] + [[0, 0]] * 2 + [[0, 1]])


def test_same_seed_same_network_and_no_rows_held_out():
    x, y = two_normals(200, 0.5, 7)
    first, again, other = (clone(SHORT).set_params(random_state=s).fit(x, y).information(x) for s in (4, 4, 5))
    assert (first == again).all() and not (first == other).all()
    assert math.isnan(clone(SHORT).fit(x, y).held_out_information_)
    assert len(clone(SHORT).fit(x, y).history_.losses) == 25 * (200 // 32)
    assert next(SHORT.fit(x, y).module_.parameters()).dtype == torch.float64


@pytest.mark.parametrize(
    "settings",
    [{"truth": "softmax"}, {"decision": "odds"}, {"population": "some"}, {"epochs": 0}, {"batch_size": 0},
     {"patience": 0}, {"validation_fraction": 1.0}, {"validation_fraction": -0.1}],
)  # fmt: skip
def test_settings_that_are_refused(settings):
    with pytest.raises(ParameterError, match=f"NeuralTruthClassifier: `{next(iter(settings))}` must be"):
        clone(SHORT).set_params(**settings).fit(np.zeros((4, 1)), [0, 0, 1, 1])


def test_what_else_is_refused():
    x, y = two_normals(100, 0.5, 8)
    with pytest.raises(NotFittedError):
        NeuralTruthClassifier().information(x)
    table = np.stack([y, np.zeros(100)], 1)
    with pytest.raises(InvalidDistributionError, match="gives label 1 to no row \\(1 of 2 labels\\)"):
        SHORT.fit(x, table)
    with pytest.raises(ParameterError, match="decision='posterior' is for class vectors"):
        clone(SHORT).set_params(decision="posterior").fit(x, np.stack([y, 1 - y], 1))
    model = clone(SHORT).fit(x, y)
    with pytest.raises(ShapeError, match="one entry per class, 2; got 3"):
        model.predict_proba(x, label_prior=[0.2, 0.3, 0.5])
    with pytest.raises(InvalidDistributionError, match="`label_prior` must be a distribution"):
        model.predict_proba(x, label_prior=[0.2, 0.3])
    with pytest.raises(ParameterError, match="`base` must be above 1"):
        model.information(x, base=1)
