import math

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from infocore.errors import ParameterError
from mid import MIDLinearRegression, information


@parametrize_with_checks(
    [
        MIDLinearRegression(lam=0.01, release_as="mean"),
        MIDLinearRegression(lam=0.01, variant="fixed_sigma", sigma=0.3, release_as="mean"),
        MIDLinearRegression(lam=0.01),
    ]
)
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def data(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3)) @ np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.2], [0.0, 0.0, 0.5]])
    return x, x @ np.array([0.5, -1.0, 2.0]) + 3.0 + 0.7 * rng.standard_normal(n)


def least_squares(x, y):
    ols = LinearRegression().fit(x, y)
    return ols, float(np.var(ols.predict(x))), float(np.mean((y - ols.predict(x)) ** 2))


@pytest.mark.parametrize("a", [0.05, 0.3, 0.7])
def test_learned_sigma_is_the_minimum_found_numerically(a):
    x, y = data()
    _, v0, _ = least_squares(x, y)
    lam = 2 * v0 * a
    xc, yc = x - x.mean(0), y - y.mean()

    def cost(theta):  # error + sigma^2 + lam * Gaussian information; log-variance keeps sigma positive
        mu = xc @ theta[:3]
        variance = math.exp(theta[3])
        return np.mean((yc - mu) ** 2) + variance + lam * 0.5 * math.log1p(np.mean(mu**2) / variance)

    best = minimize(cost, [0.1, 0.1, 0.1, 0.0], method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
    model = MIDLinearRegression(lam).fit(x, y)
    assert model.coef_ == pytest.approx(best.x[:3], abs=1e-4)
    assert model.release_std_**2 == pytest.approx(math.exp(best.x[3]), abs=1e-4)
    assert model.intercept_ == pytest.approx(y.mean() - x.mean(0) @ model.coef_, abs=1e-12)


@pytest.mark.parametrize("a", [0.05, 0.3, 0.7])
def test_learned_sigma_costs_half_of_lam(a):
    x, y = data()
    _, v0, error = least_squares(x, y)
    model = MIDLinearRegression(2 * v0 * a, release_as="mean").fit(x, y)
    expected = np.mean((y - model.predict(x)) ** 2) + model.release_std_**2
    assert expected == pytest.approx(error + a * v0, abs=1e-9)
    # eq. 23 by the Gaussian estimator, an identity: 0.5 log(2 v0 / lam)
    mu = model.predict(x)
    assert information.gaussian(mu, model.release_std_) == pytest.approx(0.5 * math.log(1 / a), abs=1e-9)
    assert model.information_bounds_[0] <= model.information_ <= model.information_bounds_[1] + 1e-9

    noisy = clone(model).set_params(release_as="sample").fit(x, y)
    errors = np.array([(y - noisy.predict(x)) ** 2 for _ in range(50)])
    spread = errors.mean(1).std(ddof=1) / math.sqrt(50)
    assert abs(errors.mean() - expected) < 4 * spread


@pytest.mark.parametrize("a", [0.05, 0.3])
def test_information_of_a_gaussian_fit(a):
    # n = 20 000: the empirical law of the fit is within 0.5 % of Gaussian in information
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20_000, 2))
    y = x @ np.array([1.0, -2.0])
    _, v0, _ = least_squares(x, y)
    model = MIDLinearRegression(2 * v0 * a).fit(x, y)
    assert model.information_ == pytest.approx(0.5 * math.log(1 / a), rel=0.02)
    assert model.information_bounds_[0] < model.information_ < model.information_bounds_[1]


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("a", [0.01, 0.2, 1.0, 3.0, 30.0])
def test_fixed_sigma_is_the_global_minimum(sigma, a):
    x, y = data()
    ols, v0, _ = least_squares(x, y)
    lam = a * v0
    model = MIDLinearRegression(lam, variant="fixed_sigma", sigma=sigma).fit(x, y)
    s = model.shrinkage_
    assert s == pytest.approx(1 / (1 + lam / (2 * (sigma**2 + s**2 * v0))), abs=1e-6)  # eq. 21

    def cost(c):
        return (1 - c) ** 2 * v0 + lam * 0.5 * np.log1p(c**2 * v0 / sigma**2)

    grid = np.linspace(0, 1, 100_001)
    at = grid[np.argmin(cost(grid))]
    best = minimize_scalar(
        cost, bounds=(max(0, at - 1e-4), min(1, at + 1e-4)), method="bounded", options={"xatol": 1e-10}
    )
    assert cost(s) <= best.fun + 1e-10
    assert model.coef_ == pytest.approx(s * ols.coef_, abs=1e-9)
    assert model.release_std_ == sigma


def test_the_optimum_jumps_when_the_noise_is_small():
    # two basins: just below lam = 0.4 v0 the fit is nearly kept, a little above it is nearly given up
    x, y = data()
    _, v0, _ = least_squares(x, y)
    s = [
        MIDLinearRegression(lam, variant="fixed_sigma", sigma=0.02).fit(x, y).shrinkage_
        for lam in np.linspace(0.01, 0.5, 50) * v0
    ]
    steps = -np.diff(s)
    assert steps.max() > 0.5
    assert np.sort(steps)[-2] < 0.1


@pytest.mark.parametrize("a", [1.0, 1.5, 100.0])
def test_too_dear_a_nat_gives_the_constant(a):
    x, y = data()
    _, v0, _ = least_squares(x, y)
    model = MIDLinearRegression(2 * v0 * a).fit(x, y)
    assert model.predict(x) == pytest.approx(np.full(len(y), y.mean()), abs=1e-6)
    assert (model.information_, model.information_bounds_, model.release_std_) == (
        pytest.approx(0.0, abs=1e-6),
        (pytest.approx(0.0, abs=1e-6), pytest.approx(0.0, abs=1e-6)),
        pytest.approx(0.0, abs=1e-6),
    )


def test_free_information_is_least_squares():
    x, y = data()
    model = MIDLinearRegression(0.0).fit(x, y)
    assert model.coef_ == pytest.approx(LinearRegression().fit(x, y).coef_, abs=1e-10)
    assert model.information_ == math.inf


def test_noise_is_fresh_at_every_call_and_repeats_after_fit():
    x, y = data()
    model = MIDLinearRegression(1.0, random_state=7).fit(x, y)
    first, second = model.predict(x), model.predict(x)
    # 400 differences of two draws: s.d. sqrt(2) sigma, its standard error 3.5 %
    assert np.std(first - second) == pytest.approx(math.sqrt(2) * model.release_std_, rel=0.15)
    again = model.fit(x, y)
    assert (again.predict(x) == first).all()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"lam": -1.0}, "lam"),
        ({"lam": math.nan}, "lam"),
        ({"lam": 1.0, "variant": "ridge"}, "variant"),
        ({"lam": 1.0, "release_as": "logits"}, "release_as"),
        ({"lam": 1.0, "sigma": 0.1}, "sigma"),
        ({"lam": 1.0, "variant": "fixed_sigma"}, "sigma"),
        ({"lam": 1.0, "variant": "fixed_sigma", "sigma": 0.0}, "sigma"),
    ],
)
def test_refusals(settings, name):
    with pytest.raises(ParameterError, match=f"MIDLinearRegression: `{name}`"):
        MIDLinearRegression(**settings).fit(*data())


def test_bounds_of_many_rows_read_quantiles():
    x, y = data(n=6_000)
    model = MIDLinearRegression(1.0).fit(x, y)
    mu = x @ model.coef_ + model.intercept_
    # 4 000 quantiles of 6 000 values: the pairwise bounds move by less than 1e-3
    assert model.information_bounds_[0] == pytest.approx(
        information.bhattacharyya_lower(mu, model.release_std_), abs=1e-3
    )
