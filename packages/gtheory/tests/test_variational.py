"""Semantic variational Bayes: the mixture it is at s = 1, the objective, certificates, truth against likelihood."""

import math
import warnings

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_iris
from sklearn.utils.estimator_checks import parametrize_with_checks

from gtheory import rate_fidelity, semantic_information
from gtheory.learning import CMMixture, SemanticVB
from infocore.errors import ConvergenceWarning, ParameterError, TooFewSamplesError

IRIS = load_iris().data


@parametrize_with_checks([SemanticVB(2), SemanticVB(3, s=2.0), SemanticVB(2, constraint="truth", max_iter=20)])
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_with_likelihoods_at_slope_one_it_is_the_mixture():
    ours = SemanticVB(3, tol=1e-9, max_iter=500).fit(IRIS)
    # the same fixed point: EnM with many inner steps, begun at its end
    model = CMMixture(
        3, n_inner=300, tol=1e-9, max_iter=500, weights_init=ours.weights_, means_init=ours.means_,
        covariances_init=ours.covariances_,
    ).fit(IRIS)  # fmt: skip
    assert model.n_iter_ <= 3
    np.testing.assert_allclose(model.means_, ours.means_, atol=1e-3)
    np.testing.assert_allclose(model.weights_, ours.weights_, atol=1e-4)
    # R - G is the mean log likelihood, and so the free energy less the entropy of P(x)
    assert -ours.history_.objective[-1] == pytest.approx(model.lower_bound_, abs=1e-6)


@pytest.mark.parametrize("constraint", ["likelihood", "truth"])
@pytest.mark.parametrize("s", [0.7, 1.0, 3.0])
def test_the_objective_never_rises(constraint, s):
    x = IRIS[:, 2:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        h = SemanticVB(3, constraint=constraint, s=s, tol=0.0, max_iter=25, alpha=1e-3).fit(x).history_
    assert np.diff(h.objective).max() <= (1e-9 if constraint == "likelihood" else 1e-4)  # the ridge is not in it
    assert h.objective[-1] < h.objective[0]
    np.testing.assert_allclose(h.objective, h.R - s * h.G, atol=1e-12)


def test_truth_functions_on_a_grid_are_what_the_rest_of_the_package_says():
    grid = np.linspace(-12, 12, 241)
    p = 0.6 * norm.pdf(grid, -2, 1) + 0.4 * norm.pdf(grid, 3, 1.5)
    p /= p.sum()
    model = SemanticVB(2, constraint="truth", tol=1e-6, max_iter=500, alpha=1e-6).fit(grid[:, None], sample_weight=p)
    truth = np.stack([f.log(grid[:, None]) for f in model.truth_functions_], axis=1)
    use = model.predict_proba(grid[:, None])
    info = semantic_information(p, truth, use, log=True)
    assert pytest.approx((model.G_, model.R_), abs=1e-6) == (info.G, info.R)
    assert info.logical_probability.tolist() == pytest.approx(model.logical_probability_.tolist(), abs=1e-9)
    point = rate_fidelity(p, info.pointwise, 1.0, tol=1e-9)
    assert pytest.approx(model.R_ - model.G_, abs=1e-8) == point.R - point.G
    assert model.gap_ * math.log(2) <= 1e-9
    assert 0.99 < model.efficiency_ <= 1 + 1e-9  # two labels can say all there is to say of two normal lumps


def test_truth_allows_for_a_prior_of_any_shape():
    # a uniform population: a normal likelihood must explain P(x), truth need not
    x = np.random.default_rng(0).uniform(0, 100, (2000, 1))
    likelihood, truth = SemanticVB(2).fit(x), SemanticVB(2, constraint="truth").fit(x)
    assert pytest.approx(0, abs=5e-3) == truth.R_ - truth.G_
    loss = -likelihood.history_.objective[-1] + math.log(100)  # mean log likelihood against that of the uniform law
    assert loss < -0.02
    assert math.isnan(likelihood.G_)
    assert math.isnan(likelihood.efficiency_)


def test_sharper_use_costs_efficiency():
    x = IRIS[:, [2]]
    found = {s: SemanticVB(3, constraint="truth", s=s, max_iter=300).fit(x) for s in (1.0, 4.0)}
    assert found[4.0].G_ > found[1.0].G_
    assert found[4.0].efficiency_ < found[1.0].efficiency_
    p1, p4 = (found[s].predict_proba(x) for s in (1.0, 4.0))
    assert p4.max(1).mean() > p1.max(1).mean()


def test_whole_weights_are_repetition():
    counts = np.random.default_rng(0).integers(0, 3, len(IRIS))
    weighted = SemanticVB(2).fit(IRIS, sample_weight=counts)
    repeated = SemanticVB(2).fit(np.repeat(IRIS, counts, axis=0))
    np.testing.assert_allclose(weighted.means_, repeated.means_, atol=1e-7)
    assert pytest.approx(repeated.R_, abs=1e-8) == weighted.R_


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"constraint": "distortion"}, ParameterError, "`constraint` must be one of"),
        ({"s": 0}, ParameterError, "`s` must be positive and finite"),
        ({"n_components": 0}, ParameterError, "`n_components` must be a whole number"),
        ({"n_components": 999}, TooFewSamplesError, "at most the number of rows"),
        ({"tol": -1.0}, ParameterError, "`tol` must not be negative"),
    ],
)
def test_what_is_refused_is_named(settings, error, message):
    with pytest.raises(error, match=message):
        SemanticVB(**settings).fit(IRIS)


def test_too_few_iterations_are_told():
    with pytest.warns(ConvergenceWarning, match="stopped after `max_iter` = 1"):
        SemanticVB(3, max_iter=1, tol=0.0).fit(IRIS)
