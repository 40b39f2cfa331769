import itertools
import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from infocore.errors import ParameterError
from mid.defences.functional import FunctionalMechanismRegression, sensitivity


@parametrize_with_checks([FunctionalMechanismRegression(5.0, (-100.0, 100.0), (-200.0, 200.0), clip=True)])
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def data(n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform([0.0, 10.0, -1.0], [100.0, 20.0, 1.0], (n, 3))
    return x, x @ np.array([0.5, -1.0, 3.0]) + 20.0 + rng.uniform(-5, 5, n)


BOUNDS = {"bounds_x": ([0.0, 10.0, -1.0], [100.0, 20.0, 1.0]), "bounds_y": (-20.0, 80.0)}


def statistics(x, y):
    """What the mechanism releases about one record, by its definition."""
    d = len(x)
    return np.array([*x, y, *(x[j] * x[k] for j in range(d) for k in range(j, d)), *(x * y)])


@pytest.mark.parametrize("d", [1, 2, 3])
def test_sensitivity_by_brute_force(d):
    # all pairs of neighbouring records on the corners, edges and centre of the cube
    records = [statistics(np.array(z[:-1]), z[-1]) for z in itertools.product([-1.0, 0.0, 1.0], repeat=d + 1)]
    records = np.array(records)
    worst = max(np.abs(records - r).sum(1).max() for r in records)
    assert worst <= sensitivity(d)
    assert worst >= sensitivity(d) - d  # the squares and the products are not all extreme together
    if d == 1:
        assert worst == sensitivity(1) == 5.0
    rng = np.random.default_rng(0)
    for _ in range(500):
        a, b = rng.uniform(-1, 1, (2, d + 1))
        assert np.abs(statistics(a[:-1], a[-1]) - statistics(b[:-1], b[-1])).sum() <= sensitivity(d)


def test_noise_is_that_of_the_sensitivity(monkeypatch):
    # the mean absolute value of Laplace noise is its scale; 300 fits of one feature, 3 numbers each: s.e. 3 %
    x, y = np.zeros((10, 1)), np.zeros(10)
    seen = []
    real = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda a: (seen.append(a[0, 1]), real(a))[1])
    for seed in range(900):
        FunctionalMechanismRegression(2.0, (-1.0, 1.0), (-1.0, 1.0), random_state=seed).fit(x, y)
    assert np.mean(np.abs(seen)) == pytest.approx(sensitivity(1) / 2.0, rel=0.13)  # 4 s.e.


def test_noise_of_the_products_with_the_target():
    # Records of zeros: only noise is left of the products. The penalty is so large that the slope is that noise over
    # the penalty, and the intercept is noise over the number of records; 900 fits: s.e. 3 %
    x, y = np.zeros((10_000, 1)), np.zeros(10_000)
    settings = {"epsilon": 2.0, "bounds_x": (-1.0, 1.0), "bounds_y": (-1.0, 1.0), "regularisation": 1e7}
    models = [FunctionalMechanismRegression(**settings, random_state=s).fit(x, y) for s in range(900)]
    scale = sensitivity(1) / 2.0
    slopes = np.array([m.coef_[0] for m in models]) * 1e7 * math.sqrt(2.0) * scale
    intercepts = np.array([m.intercept_ for m in models]) * len(x)
    assert np.mean(np.abs(slopes)) == pytest.approx(scale, rel=0.13)  # 4 s.e.
    assert np.mean(np.abs(intercepts)) == pytest.approx(scale, rel=0.13)


def test_the_number_of_records_gets_no_noise(monkeypatch):
    seen = []
    real = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda a: (seen.append(a[0, 0]), real(a))[1])
    FunctionalMechanismRegression(0.5, **BOUNDS, random_state=0).fit(*data(37))
    assert seen == [37.0]


def test_no_budget_limit_is_least_squares():
    x, y = data()
    model = FunctionalMechanismRegression(math.inf, **BOUNDS).fit(x, y)
    ols = LinearRegression().fit(x, y)
    assert model.coef_ == pytest.approx(ols.coef_, abs=1e-9)
    assert model.intercept_ == pytest.approx(ols.intercept_, abs=1e-8)
    assert (model.epsilon_, model.noise_scale_, model.trimmed_) == (math.inf, 0.0, 0)


def test_a_large_budget_comes_close():
    x, y = data()
    model = FunctionalMechanismRegression(1e7, **BOUNDS, random_state=0).fit(x, y)
    assert model.coef_ == pytest.approx(LinearRegression().fit(x, y).coef_, rel=1e-3)


def test_error_falls_with_the_budget():
    # 50 seeds each; measured means in units of Var(y): 4.1, 0.27, 0.039, 0.034, 0.034; least squares 0.034
    x, y = data(500)
    errors = [
        np.mean(
            [
                np.mean((y - FunctionalMechanismRegression(e, **BOUNDS, random_state=s).fit(x, y).predict(x)) ** 2)
                for s in range(50)
            ]
        )
        for e in (0.1, 1.0, 10.0, 100.0, 1000.0)
    ]
    assert errors == sorted(errors, reverse=True)
    ols = np.mean((y - LinearRegression().fit(x, y).predict(x)) ** 2)
    assert errors[-1] == pytest.approx(ols, rel=0.05)


def test_bounds_from_zero_still_give_noise():
    # a peer used the lower bound twice: with bounds (0, 100) it added none
    x = np.linspace(0.0, 100.0, 50)[:, None]
    models = [
        FunctionalMechanismRegression(1.0, (0.0, 100.0), (0.0, 100.0), random_state=seed).fit(x, x[:, 0])
        for seed in range(5)
    ]
    assert all(m.noise_scale_ == sensitivity(1) for m in models)
    assert len({float(m.coef_[0]) for m in models}) == 5
    assert np.std([m.coef_[0] for m in models]) > 0.01


def test_scale_of_the_data_does_not_matter():
    x, y = data()
    plain = FunctionalMechanismRegression(10.0, **BOUNDS, random_state=3).fit(x, y)
    low, high = (np.asarray(b) * 1000 + 7 for b in BOUNDS["bounds_x"])
    moved = FunctionalMechanismRegression(10.0, (low, high), (-200.0, 800.0), random_state=3).fit(x * 1000 + 7, 10 * y)
    assert moved.predict(x * 1000 + 7) == pytest.approx(10 * plain.predict(x), abs=1e-6)


def test_directions_without_curvature_are_left_out():
    x, y = data(20)
    model = FunctionalMechanismRegression(0.01, **BOUNDS, random_state=0, regularisation=0.0).fit(x, y)
    assert 0 < model.trimmed_ <= 4
    assert np.isfinite(model.predict(x)).all()


def test_the_system_draws_the_noise_unless_a_seed_is_given():
    x, y = data()
    fits = [FunctionalMechanismRegression(1.0, **BOUNDS, random_state=s).fit(x, y).coef_[0] for s in (None, None, 5, 5)]
    assert fits[0] != fits[1]
    assert fits[2] == fits[3]


def test_values_outside_the_bounds():
    x, y = data()
    x[0, 0] = 200.0
    with pytest.raises(ParameterError, match="`X` lies outside `bounds_x` in 1 of 2000 rows"):
        FunctionalMechanismRegression(1.0, **BOUNDS).fit(x, y)
    clipped = FunctionalMechanismRegression(1.0, **BOUNDS, clip=True, random_state=0).fit(x, y)
    x[0, 0] = 100.0
    assert (clipped.coef_ == FunctionalMechanismRegression(1.0, **BOUNDS, random_state=0).fit(x, y).coef_).all()
    y[:2] = 1e6
    with pytest.raises(ParameterError, match="`y` lies outside `bounds_y` in 2 of 2000 rows"):
        FunctionalMechanismRegression(1.0, **BOUNDS).fit(x, y)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"regularisation": -1.0}, "regularisation"),
        ({"regularisation": math.inf}, "regularisation"),
        ({"bounds_x": (0.0, 0.0)}, "bounds_x"),
        ({"bounds_x": ([0.0, 1.0], [1.0, 2.0])}, "bounds_x"),
        ({"bounds_y": (0.0, math.inf)}, "bounds_y"),
        ({"bounds_y": 3.0}, "bounds_y"),
    ],
)
def test_refusals(settings, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        FunctionalMechanismRegression(**{"epsilon": 1.0, **BOUNDS, **settings}).fit(*data(50))


def test_what_the_budget_bounds():
    # Pr[win | record in the data] <= e^eps Pr[win | another in its place], for the event "the slope is above a half";
    # 800 fits each: standard error of each share at most 0.018
    x, y = np.array([[1.0], [-1.0], [0.2], [-0.3], [0.0], [1.0]]), np.array([1.0, -1.0, 0.0, 0.0, 0.5, 1.0])
    replaced_x, replaced_y = x.copy(), y.copy()
    replaced_x[-1], replaced_y[-1] = 0.0, -1.0
    for epsilon in (0.5, 2.0):
        shares = [
            np.mean(
                [
                    FunctionalMechanismRegression(epsilon, (-1, 1), (-1, 1), random_state=s).fit(*d).intercept_ > 0.1
                    for s in range(800)
                ]
            )
            for d in ((x, y), (replaced_x, replaced_y))
        ]
        assert shares[0] > shares[1]  # the record can be felt
        assert shares[0] <= math.exp(epsilon) * shares[1] + 3 * 0.018 * (1 + math.exp(epsilon))


def test_no_budget_bounds_what_answers_tell_of_their_record():
    # A "training" that returns one rule whatever the data is (0, 0)-private: all data sets give the same model. Its
    # answers still name the attribute, because that is the best prediction: privacy of training bounds no leakage.
    def train(x, y):
        return lambda x: 2.0 * x[:, 0] + x[:, 1]

    rng = np.random.default_rng(0)
    s, other = rng.integers(2, size=2_000).astype(float), rng.standard_normal(2_000)
    x = np.column_stack([s, other])
    f, g = train(x, None), train(x[:1], None)
    answers = f(x)
    assert (answers == g(x)).all()
    distance = [np.abs(answers - f(np.column_stack([np.full(2_000, v), other]))) for v in (0.0, 1.0)]
    guess = np.argmin(distance, axis=0)
    imputed = max(np.mean(s == 0), np.mean(s == 1))  # the other column tells nothing
    assert np.mean(guess == s) - imputed > 0.45
