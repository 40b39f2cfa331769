"""The semantic Bayes classifier: learned against other solvers and closed forms, used under other priors."""

import math

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from gtheory.learning import RadialBasis, SemanticBayesClassifier, _families
from gtheory.truth import Crisp, Gaussian, Logistic
from infocore.errors import (
    ConvergenceWarning,
    InvalidDistributionError,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
)

GRID = np.linspace(0.0, 100.0, 401)[:, None]


@parametrize_with_checks(
    [
        SemanticBayesClassifier(),
        SemanticBayesClassifier("linear", decision="posterior"),
        SemanticBayesClassifier("kernel"),
        SemanticBayesClassifier(RadialBasis(n_centres=5), alpha=0.1),
    ]
)
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


# golden: ages of a population; boundaries and bits were computed from the formulas by another hand


def ages_classifier():
    ages = np.arange(101.0)[:, None]
    px = 1 / (1 + np.exp((ages[:, 0] - 70) / 8))
    functions = [Logistic(18.0, -0.8), Gaussian(22.0, 6.0), Logistic(18.0, 0.8), Logistic(65.0, 0.4)]
    names = ["Non-adult", "Youth", "Adult", "Elder"]
    return SemanticBayesClassifier.from_truth(functions, ages, px, classes=names), ages


def test_the_most_informative_label_changes_at_the_ages_of_the_brief():
    model, ages = ages_classifier()
    labels = model.predict(ages)
    changes = [(int(a), str(labels[a])) for a in range(1, 101) if labels[a] != labels[a - 1]]
    assert labels[0] == "Non-adult"
    assert changes == [(17, "Youth"), (32, "Adult"), (61, "Elder")]
    assert model.logical_probability_ == pytest.approx([0.262898, 0.213140, 0.737102, 0.121376], abs=1e-6)


def test_bits_at_the_age_of_ten():
    model, _ = ages_classifier()
    bits = model.information([[10.0]])[0]
    assert bits == pytest.approx([1.925, -0.6553, -8.7956, -28.6969], abs=5e-4)
    assert model.information([[10.0]], base=math.e)[0] == pytest.approx(bits * math.log(2), rel=1e-12)
    assert model.decision_function([[10.0]])[0] == pytest.approx(bits)


# what is learned, against other solvers


def sample(n=600, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(40, 15, (n, 1))
    return x, (rng.random(n) < 0.8 * np.exp(-((x[:, 0] - 50) ** 2) / 128)).astype(int)


def test_the_gaussian_family_is_the_optimum_over_centre_and_width():
    x, y = sample()
    mean, sd = x.mean(), x.std()

    def loss(theta):  # T = exp(-(x - c)^2 / 2 s^2) from its own formula, by derivative-free search
        log_truth = -0.5 * ((x[:, 0] - theta[0]) / math.exp(theta[1])) ** 2
        return np.log(np.mean(np.exp(log_truth))) - log_truth[y == 1].mean()

    best = minimize(loss, [mean, math.log(sd)], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14})
    model = SemanticBayesClassifier(alpha=1e-9).fit(x, y)
    assert model.information_[1] * math.log(2) == pytest.approx(-best.fun, abs=1e-9)
    log_truth = -0.5 * ((x[:, 0] - best.x[0]) / math.exp(best.x[1])) ** 2
    # T is scaled by its maximum over the rows
    np.testing.assert_allclose(model.predict_truth(x)[:, 1], np.exp(log_truth - log_truth.max()), atol=1e-6)
    assert model.predict_truth(x).max(0) == pytest.approx([1.0, 1.0])
    assert model.logical_probability_ == pytest.approx(model.predict_truth(x).mean(0), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 1.0])
def test_the_ridge_is_on_scaled_features_per_positive(alpha):
    rng = np.random.default_rng(1)
    x = rng.normal(0, [1.0, 5.0], (60, 2))
    y = (x[:, 0] + 0.1 * x[:, 1] + rng.normal(0, 0.5, 60) > 0.8).astype(int)
    z, positive = StandardScaler().fit_transform(x), y == 1
    ridge = alpha / positive.sum()
    eta = cp.Variable(2)
    objective = z[positive].mean(0) @ eta - cp.log_sum_exp(z @ eta) + math.log(60) - ridge / 2 * cp.sum_squares(eta)
    best = cp.Problem(cp.Maximize(objective)).solve(solver=cp.CLARABEL)
    model = SemanticBayesClassifier("linear", alpha=alpha).fit(x, y)
    information = model.information(x, base=math.e)[:, 1]
    found = np.linalg.lstsq(np.c_[z, np.ones(60)], information)[0][:2]
    assert information[positive].mean() - ridge / 2 * found @ found == pytest.approx(best, abs=1e-7)  # the solver's gap
    predicted = np.exp(information) / 60
    np.testing.assert_allclose(z[positive].mean(0) - predicted @ z, ridge * found, atol=1e-10)


@pytest.mark.parametrize("truth", ["linear", "diagonal", "gaussian", "kernel"])
def test_at_the_optimum_predicted_and_positive_means_of_the_features_agree(truth):
    # moment matching, the condition of an optimum without ridge
    rng = np.random.default_rng(2)
    x = rng.standard_normal((300, 2)) @ np.array([[1.0, 0.7], [0.0, 1.0]])
    y = (rng.random(300) < np.exp(-0.5 * (x[:, 0] - 1) ** 2 - 0.3 * x[:, 1] ** 2)).astype(int)
    family = RadialBasis(n_centres=6) if truth == "kernel" else truth
    model = SemanticBayesClassifier(family, alpha=1e-9).fit(x, y)
    predicted = np.exp(model.information(x, base=math.e)[:, 1]) / 300
    features = {
        "linear": x,
        "diagonal": np.hstack([x, x**2]),
        "gaussian": np.hstack([x, x**2, x[:, :1] * x[:, 1:]]),
    }.get(truth)
    if features is None:
        z, distinct = StandardScaler().fit_transform(x), np.unique(x[y == 1], axis=0)
        chosen = np.sort(np.random.default_rng(0).choice(len(distinct), 6, replace=False))
        centres = (distinct[chosen] - x.mean(0)) / x.std(0)
        features = np.exp(-0.5 * ((z[:, None] - centres) ** 2).sum(2))  # gamma = 1 / 2 columns
    assert predicted.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(predicted @ features, features[y == 1].mean(0), atol=1e-7)


def test_a_table_is_how_often_a_label_is_given_over_its_maximum():
    x = np.repeat([[0.0], [1.0], [2.0]], [4, 4, 2], axis=0)
    y = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1, 1])  # P(1|x) = 1/4, 3/4, 1
    model = SemanticBayesClassifier("tabulated", decision="posterior").fit(x, y)
    assert model.predict_truth([[0.0], [1.0], [2.0]]) == pytest.approx(np.array([[1, 0.25], [1 / 3, 0.75], [0, 1]]))
    assert model.logical_probability_ == pytest.approx([0.4 / 0.75, 0.6])
    assert model.predict_proba([[0.0], [1.0], [2.0]])[:, 1] == pytest.approx([0.25, 0.75, 1.0])
    assert model.predict([[0.0], [1.0], [2.0]]).tolist() == [0, 1, 1]
    # P(y) = (.4, .6) -> (.8, .2): odds of 1 fall by a factor 6
    odds = np.array([1 / 3, 3.0]) / 6
    assert model.predict_proba([[0.0], [1.0]], label_prior=[0.8, 0.2])[:, 1] == pytest.approx(odds / (1 + odds))
    with pytest.raises(ParameterError, match=r"1 rows whose values were never seen.*\(3.0,\)"):
        model.predict([[0.0], [3.0]])


def test_other_labels_and_negatives_do_not_enter():
    x, y = sample()
    other = (x[:, 0] > 45).astype(int)
    alone = SemanticBayesClassifier().fit(x, np.c_[y, y])
    beside = SemanticBayesClassifier().fit(x, np.c_[y, other])
    unlabelled = SemanticBayesClassifier().fit(x, np.where(y == 1, 1.0, np.nan)[:, None])
    np.testing.assert_allclose(beside.predict_truth(x)[:, 0], alone.predict_truth(x)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(unlabelled.predict_truth(x)[:, 0], alone.predict_truth(x)[:, 0], rtol=1e-12)


# the population at predict time


def normal(mean, sd):
    p = np.exp(-0.5 * ((GRID[:, 0] - mean) / sd) ** 2)
    return p / p.sum()


def on_grid(px, rate, **settings):
    """Fit to the exact law: each x with label 1 in weight P(x) rate(x), else 0."""
    x = np.concatenate([GRID, GRID])
    y = np.repeat([1, 0], len(GRID))
    return SemanticBayesClassifier(**settings).fit(x, y, np.concatenate([px * rate, px * (1 - rate)]))


@pytest.mark.parametrize(
    ("settings", "tolerance"), [({"truth": "tabulated"}, 1e-12), ({"truth": "gaussian", "alpha": 1e-10}, 1e-7)]
)
def test_a_label_learned_under_one_prior_predicts_under_another(settings, tolerance):
    before, after = normal(40, 15), normal(60, 15)
    rate = 0.7 * np.exp(-((GRID[:, 0] - 50) ** 2) / 128)
    model = on_grid(before, rate, **settings)
    shifted = model.with_prior(GRID, after)
    truth = after * rate / (after @ rate)  # P'(x|y=1), in closed form
    predicted = after * np.exp(shifted.information(GRID, base=math.e)[:, 1])
    np.testing.assert_allclose(predicted, truth, atol=tolerance)
    # the mean of a normal prior times a Gaussian truth function
    assert predicted @ GRID[:, 0] == pytest.approx((50 / 64 + 60 / 225) / (1 / 64 + 1 / 225), abs=1e-4)
    assert shifted.logical_probability_[1] == pytest.approx(after @ rate / 0.7, abs=1e-6)
    assert shifted.label_frequency_[1] == pytest.approx(after @ rate, abs=1e-6)
    np.testing.assert_allclose(shifted.predict_proba(GRID), model.predict_proba(GRID), atol=1e-9)
    assert model.logical_probability_[1] == pytest.approx(before @ rate / 0.7, abs=1e-6)  # itself unchanged


def test_predict_takes_a_sample_of_the_new_population():
    model, _ = ages_classifier()
    rng = np.random.default_rng(0)
    old = rng.uniform(60, 100, (500, 1))
    here = model.predict([[65.0]], prior=old)
    assert here.tolist() == model.with_prior(old).predict([[65.0]]).tolist()
    # where nearly all are old, being an Elder says little and Adult next to nothing
    assert model.with_prior(old).information([[65.0]])[0, 3] < 0 < model.information([[65.0]])[0, 3]


def test_most_information_need_not_be_true():
    # among those over 60 the one of 62 is the least unlike a minor: log T - log mean T > 0 with T = exp(-35.2)
    model, _ = ages_classifier()
    old = np.linspace(60, 100, 401)[:, None]
    assert model.predict([[62.0]], prior=old).tolist() == ["Non-adult"]
    assert model.predict_truth([[62.0]])[0, 0] == pytest.approx(math.exp(-35.2), rel=1e-9)


# multilabel


def test_rules_for_several_labels():
    x, y = sample()
    both = np.c_[y, x[:, 0] > 30].astype(int)
    model = SemanticBayesClassifier().fit(x, both)
    assert model.multilabel_
    assert (model.predict(x) == (model.predict_truth(x) >= 0.5)).all()
    assert ((model.decision_function(x) > 0) == (model.predict_truth(x) > 0.5)).all()
    informed = clone(model).set_params(decision="information").fit(x, both)
    assert (informed.predict(x) == (informed.information(x) > 0)).all()
    assert not hasattr(model, "predict_proba")
    assert (SemanticBayesClassifier().fit(x, csr_matrix(both)).predict(x) == model.predict(x)).all()


def test_truth_of_one_half_is_enough():
    x = np.repeat([[0.0], [1.0]], 4, axis=0)
    table = SemanticBayesClassifier("tabulated").fit(x, np.c_[[1, 0, 0, 0, 1, 1, 0, 0], [1] * 8])
    assert table.predict_truth([[0.0]])[0, 0] == 0.5
    assert table.predict([[0.0], [1.0]]).tolist() == [[1, 1], [1, 1]]
    informed = SemanticBayesClassifier("tabulated", decision="information").fit(x, np.c_[[1, 0] * 4, [1] * 8])
    assert informed.predict([[0.0]]).tolist() == [[0, 0]]  # a tautology has no information


def test_missing_labels_by_either_assumption():
    px = normal(40, 15)
    rate = 0.7 * np.exp(-((GRID[:, 0] - 50) ** 2) / 128)
    want = rate / rate.max()
    x = np.concatenate([GRID, GRID, GRID])
    y = np.repeat([1.0, 0.0, np.nan], len(GRID))[:, None]

    def truth(seen_of_positives, seen_of_negatives, population):
        weights = [
            px * rate * seen_of_positives,
            px * (1 - rate) * seen_of_negatives,
            px * (rate * (1 - seen_of_positives) + (1 - rate) * (1 - seen_of_negatives)),
        ]
        model = SemanticBayesClassifier(alpha=1e-10, population=population).fit(x, y, np.concatenate(weights))
        return model.predict_truth(GRID)[:, 0]

    some = np.full(len(GRID), 0.3)
    by_x = 1 / (1 + np.exp((GRID[:, 0] - 45) / 5))  # labelled mostly below 45
    np.testing.assert_allclose(truth(some, 0 * some, "all"), want, atol=1e-5)  # positive and unlabelled
    np.testing.assert_allclose(truth(by_x, by_x, "known"), want, atol=1e-5)
    # each assumption fails where the other holds: the label is read as that of those who were asked, or as nothing
    assert np.abs(truth(by_x, by_x, "all") - want).max() > 0.3
    assert np.abs(truth(some, 0 * some, "known") - want).max() > 0.3


# weights


@pytest.mark.parametrize("truth", ["gaussian", "linear", "kernel", "tabulated"])
def test_a_weight_is_a_row_repeated(truth):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 4, (80, 2)).astype(float) if truth == "tabulated" else rng.standard_normal((300, 2))
    y = rng.integers(0, 3, len(x))
    weights = rng.integers(0, 4, len(x))
    keep = np.repeat(np.arange(len(x)), weights)
    a = SemanticBayesClassifier(truth).fit(x, y, weights)
    b = SemanticBayesClassifier(truth).fit(x[keep], y[keep])
    np.testing.assert_allclose(a.predict_truth(x[keep]), b.predict_truth(x[keep]), rtol=1e-8)
    np.testing.assert_allclose(a.predict_proba(x[keep]), b.predict_proba(x[keep]), rtol=1e-8)
    np.testing.assert_allclose(a.information_, b.information_, rtol=1e-8)


# 20 shuffles of the folds: iris 0.962 (s.d. 0.006), wine 0.987 (0.007); least = mean - 3 s.d.
@pytest.mark.parametrize(("load", "least"), [(load_iris, 0.945), (load_wine, 0.965)])
def test_balanced_accuracy_on_real_data(load, least):
    x, y = load(return_X_y=True)
    assert balanced_accuracy_score(y, cross_val_predict(SemanticBayesClassifier(), x, y, cv=5)) > least


def test_data_frames():
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = SemanticBayesClassifier().fit(x, y)
    assert model.feature_names_in_.tolist() == x.columns.tolist()
    assert (model.predict(x) == SemanticBayesClassifier().fit(x.to_numpy(), y.to_numpy()).predict(x.to_numpy())).all()
    labels = pd.DataFrame({"small": (y == 0).astype(float), "large": (y == 2).astype(float)})
    labels.iloc[3, 0] = np.nan
    assert SemanticBayesClassifier().fit(x, labels).predict(x).shape == (150, 2)
    search = GridSearchCV(SemanticBayesClassifier(), {"truth": ["linear", RadialBasis(10)], "alpha": [0.1, 1.0]}, cv=3)
    assert search.fit(x, y).best_score_ > 0.9


def test_decisions_by_truth_and_by_posterior():
    x, y = load_wine(return_X_y=True)
    model = SemanticBayesClassifier("diagonal").fit(x, y)
    truth = clone(model).set_params(decision="truth").fit(x, y)
    assert (truth.predict(x) == model.predict_truth(x).argmax(1)).all()
    posterior = clone(model).set_params(decision="posterior").fit(x, y)
    assert (posterior.predict(x) == model.predict_proba(x).argmax(1)).all()
    np.testing.assert_allclose(
        posterior.decision_function(x) - model.decision_function(x),
        np.log2(model.label_frequency_) + np.zeros((178, 1)),
    )


def test_far_away_values_stay_finite_and_truth_stays_in_its_range():
    x, y = sample()
    for truth in ("gaussian", "linear", "kernel"):
        model = SemanticBayesClassifier(truth).fit(x, y)
        far = np.array([[-1e4], [1e4]])
        assert np.isfinite(model.information(far)).all()
        assert ((model.predict_truth(far) >= 0) & (model.predict_truth(far) <= 1)).all()


def test_a_constant_column_is_of_no_consequence():
    x, y = sample()
    with_constant = SemanticBayesClassifier().fit(np.c_[x, np.full(len(x), 0.1)], y)
    np.testing.assert_allclose(
        with_constant.predict_truth(np.c_[x, np.full(len(x), 9.0)]),
        SemanticBayesClassifier().fit(x, y).predict_truth(x),
        rtol=1e-9,
    )


X, Y = sample(60)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SemanticBayesClassifier("sine").fit(X, Y), ParameterError, "`truth` must be one of 'gaussian'"),
        (lambda: SemanticBayesClassifier(decision="best").fit(X, Y), ParameterError, "`decision` must be one of"),
        (lambda: SemanticBayesClassifier(population="none").fit(X, Y), ParameterError, "`population` must be one of"),
        (lambda: SemanticBayesClassifier(alpha=0.0).fit(X, Y), ParameterError, "`alpha` must be positive"),
        (lambda: RadialBasis(n_centres=0), ParameterError, "`n_centres` must be at least 1"),
        (lambda: RadialBasis(gamma=0.0), ParameterError, "`gamma` must be positive"),
        (
            lambda: SemanticBayesClassifier(decision="posterior").fit(X, np.c_[Y, Y]),
            ParameterError,
            "'posterior' is for class vectors",
        ),
        (lambda: SemanticBayesClassifier().fit(X, np.c_[Y, 2 * Y]), InvalidDistributionError, "missing label; got 2"),
        (lambda: SemanticBayesClassifier().fit(X, np.c_[Y, Y][1:]), ShapeError, "one row per row of `X`, 60; got 59"),
        (lambda: SemanticBayesClassifier().fit(X, np.c_[Y, Y + np.inf]), NonFiniteError, "a missing label is NaN"),
        (lambda: SemanticBayesClassifier().fit(X, [["a", "b"]] * 60), KindError, "must be a matrix of 0, 1 and NaN"),
        (
            lambda: SemanticBayesClassifier().fit(X, np.c_[Y, 0 * Y]),
            InvalidDistributionError,
            r"label (np.int64\()?1\)? to no",
        ),
        (
            lambda: SemanticBayesClassifier().fit(X, Y, 1 - Y),
            InvalidDistributionError,
            "class or label .*1 of 2 labels",
        ),
        (lambda: SemanticBayesClassifier().fit(X, Y, Y - 0.5), InvalidDistributionError, "must not be negative"),
        (lambda: SemanticBayesClassifier().fit(X, Y, [1.0]), ShapeError, "one entry per row, 60; got 1"),
        (lambda: SemanticBayesClassifier().fit(X, Y, Y * np.nan), NonFiniteError, "`sample_weight` holds NaN"),
        (
            lambda: SemanticBayesClassifier("tabulated", population="known").fit(
                [[0], [0], [1]], [[1, 1], [0, 0], [np.nan, 1]]
            ),
            ParameterError,
            r"label 0 is known for no row with values \(.*1.0.*\)",
        ),
        (
            lambda: SemanticBayesClassifier().fit(X, Y).predict_proba(X, label_prior=[0.2, 0.3, 0.5]),
            ShapeError,
            "one entry per class, 2; got 3",
        ),
        (
            lambda: SemanticBayesClassifier().fit(X, Y).predict_proba(X, label_prior=[0.2, 0.3]),
            InvalidDistributionError,
            "`label_prior` must be a distribution",
        ),
        (lambda: SemanticBayesClassifier.from_truth([], X), ParameterError, "at least one truth function"),
        (
            lambda: SemanticBayesClassifier.from_truth([Gaussian(0, 1)], X, classes=["a", "b"]),
            ParameterError,
            "1 functions and 2 classes",
        ),
        (
            lambda: SemanticBayesClassifier.from_truth([Gaussian(0, 1)], np.c_[X, X]),
            ShapeError,
            "Gaussian.log must return one value per row",
        ),
        (
            lambda: SemanticBayesClassifier.from_truth([Crisp(lambda x: x > 1e6)], X),
            InvalidDistributionError,
            "false of the whole population",
        ),
        (
            lambda: SemanticBayesClassifier.from_truth([Crisp(lambda x: x > 30), Crisp(lambda x: x > 40)], X).predict(
                [[50.0], [20.0]]
            ),
            InvalidDistributionError,
            "certainly false of 1 of 2 rows of `X`, the first row 1",
        ),
        (lambda: SemanticBayesClassifier().fit(X, Y).information(X, base=1), ParameterError, "`base` must be above 1"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_search_that_ran_out_of_steps_says_so(monkeypatch):
    monkeypatch.setattr(_families, "_MAX_STEPS", 1)
    with pytest.warns(ConvergenceWarning, match="nats from its optimum after 1 steps"):
        SemanticBayesClassifier().fit(X, Y)


def test_known_truth_functions_have_no_posterior():
    model, _ = ages_classifier()
    assert not hasattr(model, "predict_proba")
    assert not hasattr(model.with_prior([[20.0], [30.0]]), "predict_proba")
