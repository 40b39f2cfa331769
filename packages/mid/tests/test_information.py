import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid import information

ALL = [
    information.gaussian,
    information.kl_upper,
    information.bhattacharyya_lower,
    information.taylor0,
    information.taylor2,
    information.exact,
]


def random_mixture(seed):
    """Two to sixty components, equal or weighted, spread over 1e-2 to 1e2 noises."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    mu = rng.standard_normal(n) if seed % 2 else rng.choice(rng.standard_normal(4), n) + 0.1 * rng.standard_normal(n)
    weight = rng.integers(0, 4, n) + np.eye(n, dtype=int)[0] if seed % 3 == 0 else None
    return mu, float(10 ** rng.uniform(-2, 2)), weight


@pytest.mark.parametrize("seed", range(200))
def test_bounds_on_random_mixtures(seed):
    mu, sigma, weight = random_mixture(seed)
    exact = information.exact(mu, sigma, weight)
    pairwise = information.kl_upper(mu, sigma, weight)
    assert information.bhattacharyya_lower(mu, sigma, weight) <= exact + 1e-6
    assert exact <= min(pairwise, information.gaussian(mu, sigma, weight)) + 1e-6
    assert information.taylor0(mu, sigma, weight) == pytest.approx(pairwise - 0.5, abs=1e-10)


@pytest.mark.parametrize("function", ALL)
def test_a_weight_is_that_many_records(function):
    mu, weight = two_humps()[::30], np.random.default_rng(0).integers(0, 5, 40)
    assert function(mu, 0.1, weight) == pytest.approx(function(np.repeat(mu, weight), 0.1), abs=1e-12)
    assert function(mu, 0.1, 7.0 * np.ones(40)) == pytest.approx(function(mu, 0.1), abs=1e-12)
    with pytest.raises(ShapeError, match=rf"{function.__name__}: `weight`.*\(3,\)"):
        function(mu, 0.1, np.ones(3))
    for bad in (np.zeros(40), -np.ones(40), np.full(40, np.nan)):
        with pytest.raises(ParameterError, match="`weight`"):
            function(mu, 0.1, bad)


def two_humps():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(-0.3, 0.08, 600), rng.normal(0.2, 0.05, 600)])


# Measured by another implementation: exact, lower, pairwise upper, Gaussian, order 0, order 2.
@pytest.mark.parametrize(
    ("sigma", "want"),
    [
        (0.02, (1.8716, 1.6589, 2.3162, 2.5617, 1.8162, 1.8730)),
        (0.05, (1.1682, 1.0086, 1.4676, 1.6608, 0.9676, 1.1710)),
        (0.10, (0.8197, 0.7179, 1.0086, 1.0191, 0.5086, 0.8559)),
        (0.20, (0.4680, 0.3315, 0.7179, 0.4909, 0.2179, 0.5127)),
    ],
)
def test_golden_table(sigma, want):
    mu = two_humps()
    order = ("exact", "bhattacharyya_lower", "kl_upper", "gaussian", "taylor0", "taylor2")
    got = [getattr(information, name)(mu, sigma) for name in order]
    assert got == pytest.approx(want, abs=5e-4)


@settings(max_examples=100, deadline=None)
@given(
    mu=st.lists(st.floats(-50, 50), min_size=1, max_size=25),
    sigma=st.floats(0.01, 20.0),
)
def test_bounds_enclose_the_exact_value(mu, sigma):
    exact = information.exact(mu, sigma)
    assert information.bhattacharyya_lower(mu, sigma) <= exact + 1e-6
    assert exact <= min(information.kl_upper(mu, sigma), information.gaussian(mu, sigma)) + 1e-6
    assert information.taylor0(mu, sigma) == pytest.approx(information.kl_upper(mu, sigma) - 0.5, abs=1e-10)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_exact_against_adaptive_quadrature(sigma):
    mu = np.array([-1.0, 0.0, 0.3, 2.0])

    def minus_p_log_p(z):
        p = stats.norm.pdf(z, mu, sigma).mean()
        return -p * math.log(p) if p > 0 else 0.0

    points = np.concatenate([mu, mu - 2 * sigma, mu + 2 * sigma])
    h = integrate.quad(minus_p_log_p, mu[0] - 12 * sigma, mu[-1] + 12 * sigma, points=points, limit=400, epsabs=1e-10)[
        0
    ]
    want = h - 0.5 * math.log(2 * math.pi * math.e * sigma**2)
    assert information.exact(mu, sigma) == pytest.approx(want, abs=1e-8)


def test_taylor2_against_numeric_second_derivative():
    mu, sigma, d = two_humps()[::40], 0.1, 1e-4

    def log_p(z):
        return np.log(stats.norm.pdf(z[:, None], mu[None, :], sigma).mean(1))

    curvature = (log_p(mu + d) - 2 * log_p(mu) + log_p(mu - d)) / d**2
    want = information.taylor0(mu, sigma) - 0.5 * sigma**2 * curvature.mean()
    assert information.taylor2(mu, sigma) == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("sigma", [1e-9, 1e-3])
def test_vanishing_noise_reveals_the_record(sigma):
    # 40 records 1.0 apart: exp(-D / 2 sigma^2) underflows, the information is log 40 and the order-0 value half less
    mu = np.arange(40.0)
    assert information.exact(mu, sigma) == pytest.approx(math.log(40), abs=1e-9)
    assert information.kl_upper(mu, sigma) == pytest.approx(math.log(40), abs=1e-9)
    assert information.bhattacharyya_lower(mu, sigma) == pytest.approx(math.log(40), abs=1e-9)
    assert information.taylor2(mu, sigma) == pytest.approx(math.log(40), abs=1e-9)


def test_gaussian_mu_attains_the_gaussian_value():
    mu = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    # the quantile grid's variance is 0.9990, hence the tolerance
    assert information.exact(mu, 0.5) == pytest.approx(0.5 * math.log(5.0), abs=1e-3)


def test_value_is_the_same_in_blocks(monkeypatch):
    mu = two_humps()
    whole = [f(mu, 0.05) for f in ALL]
    monkeypatch.setattr(information, "_CELLS", 5000)
    assert [f(mu, 0.05) for f in ALL] == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("function", ALL)
def test_refusals(function):
    with pytest.raises(ShapeError, match=rf"{function.__name__}: `mu`.*\(2, 2\)"):
        function(np.zeros((2, 2)), 1.0)
    with pytest.raises(ShapeError, match="`mu`"):
        function([], 1.0)
    with pytest.raises(NonFiniteError, match="1 of 2"):
        function([0.0, math.nan], 1.0)
    for sigma in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ParameterError, match="`sigma`"):
            function([0.0, 1.0], sigma)
