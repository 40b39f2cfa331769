"""Log-optimal portfolios against closed forms and a convex solver; the worth of a forecast against its information."""

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from gtheory.portfolio import backtest, capital, information_value, log_optimal
from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError, ShapeError

PRIOR = np.array([0.5, 0.3, 0.2])
RACE = np.diag(1 / PRIOR)


def test_the_coin_that_doubles_or_halves():
    coin = log_optimal([[2.0], [0.5]], cash=1.0)
    assert coin.weights[0] == pytest.approx(0.5, abs=1e-6)
    assert coin.multiple == pytest.approx(1.0606602, abs=1e-6)  # sqrt(1.125)
    assert (coin.growth, coin.cash, coin.unit) == (pytest.approx(math.log2(1.125) / 2), pytest.approx(0.5), "bits")
    shifted = log_optimal([[2.0], [0.5]], [0.7, 0.3], cash=1.0, positions="borrow")
    assert shifted.weights[0] == pytest.approx(1.1, abs=1e-5)
    assert shifted.cash == pytest.approx(-0.1, abs=1e-5)


@given(st.floats(0.02, 0.98), st.floats(0.05, 4), st.floats(0.05, 0.95), st.floats(-0.02, 0.05))
def test_two_outcomes_have_a_closed_form(p, up, down, rate):
    # q* = -(p1 r1 + p2 r2) / (r1 r2) of returns above cash, times its return
    up += rate  # so that the better outcome is above cash
    got = log_optimal([[1 + up], [1 - down]], [p, 1 - p], cash=1 + rate, positions="any")
    r1, r2 = up - rate, -down - rate
    want = -(p * r1 + (1 - p) * r2) / (r1 * r2) * (1 + rate)
    assert got.weights[0] == pytest.approx(want, rel=1e-4, abs=1e-5)
    growth = p * math.log(1 + rate + want * r1) + (1 - p) * math.log(1 + rate + want * r2)
    assert got.growth * math.log(2) == pytest.approx(growth, abs=1e-9)


@pytest.mark.parametrize("p", [0.55, 0.6, 0.9])
def test_kelly_at_even_money(p):
    got = log_optimal([[2.0], [0.0]], [p, 1 - p], cash=1.0)
    assert got.weights[0] == pytest.approx(2 * p - 1, abs=1e-5)
    assert got.growth == pytest.approx(1 + p * math.log2(p) + (1 - p) * math.log2(1 - p), abs=1e-9)
    if p == 0.6:
        assert got.growth == pytest.approx(0.029049, abs=1e-6)


@pytest.mark.parametrize(
    ("k", "stake", "multiple", "capped"),
    [
        (2, 0.4606, 1.1191, 1.1191),
        (3, 0.4216, 1.1745, 1.1642),
        (4, 0.3831, 1.2259, 1.1873),
        (10, 0.1992, 1.4064, 1.2264),
    ],
)
def test_independent_coins(k, stake, multiple, capped):
    returns = np.array(list(itertools.product((2.0, 0.5), repeat=k)))
    free = log_optimal(returns, cash=1.0, positions="borrow")
    assert free.weights.tolist() == pytest.approx([stake] * k, abs=1e-4)
    assert free.multiple == pytest.approx(multiple, abs=1e-4)
    assert log_optimal(returns, cash=1.0).multiple == pytest.approx(capped, abs=1e-4)


def test_fifty_coins_by_their_number_of_heads():
    heads = np.arange(51)
    basket = (1 + (heads - 0.5 * (50 - heads)) / 50)[:, None]  # one share of each coin
    p = binom.pmf(heads, 50, 0.5)
    assert log_optimal(basket, p, cash=1.0).multiple == pytest.approx(1.2455, abs=1e-4)
    with warnings.catch_warnings():
        # all tails has probability 1e-15 and leaves as little: below rounding, so the certificate stays wide
        warnings.simplefilter("ignore", ConvergenceWarning)
        free = log_optimal(basket, p, cash=1.0, positions="borrow")
    assert free.weights[0] / 50 == pytest.approx(0.0400, abs=1e-4)
    assert free.multiple == pytest.approx(1.4846, abs=1e-4)
    # the closed form of one variable, by another solver
    best = minimize_scalar(lambda q: -p @ np.log(1 + q * (heads - 0.5 * (50 - heads))), bounds=(0, 0.04 - 1e-12))
    assert free.growth * math.log(2) == pytest.approx(-best.fun, abs=1e-4)


def test_equal_chances_make_the_standard_deviation_the_risk():
    # R_g = sqrt((1 + E)^2 - sd^2), exactly
    up, down = 0.3, -0.2
    whole = capital([[1 + up], [1 + down]], [1.0])[-1]
    mean, sd = (up + down) / 2, (up - down) / 2
    assert math.sqrt(whole) == pytest.approx(math.sqrt((1 + mean) ** 2 - sd**2), abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("positions", ["long", "borrow", "any"])
def test_a_convex_solver_agrees(seed, positions):
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(25, 60)), int(rng.integers(1, 6))
    returns, p = np.exp(rng.normal(0, 0.3, (n, k))), rng.dirichlet(np.ones(n))
    q = cvxpy.Variable(k, nonneg=positions != "any")
    wealth = returns @ q if positions == "long" else 1 + (returns - 1) @ q
    limits = [cvxpy.sum(q) == 1] if positions == "long" else []
    problem = cvxpy.Problem(cvxpy.Maximize(p @ cvxpy.log(wealth)), limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it may be inaccurate: it is compared to 2e-8
        problem.solve(solver="CLARABEL")
    got = log_optimal(returns, p, cash=None if positions == "long" else 1.0, positions=positions, base=math.e)
    assert got.growth == pytest.approx(problem.value, abs=2e-8)  # what the solver leaves
    assert got.gap <= 1e-11


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_certificate_holds_against_random_portfolios(seed):
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 20), rng.integers(1, 8)
    returns = np.exp(rng.normal(0, rng.choice([0.01, 0.3, 2]), (n, k)))
    returns[rng.random((n, k)) < 0.2] = 0
    returns[:, 0] = np.maximum(returns[:, 0], 0.1)
    p = rng.dirichlet(np.full(n, 0.5))
    got = log_optimal(returns, p, base=math.e)
    assert got.converged
    assert got.weights.min() >= 0
    assert got.weights.sum() == pytest.approx(1, abs=1e-12)
    others = rng.dirichlet(np.full(k, 0.3), size=200)
    with np.errstate(divide="ignore"):
        growth = np.where(p > 0, p, 0) @ np.log(np.maximum(returns @ others.T, 0))
    assert (growth <= got.growth + got.gap + 1e-12).all()
    # the certificate is the Kuhn-Tucker condition
    slope = p @ (returns / (returns @ got.weights)[:, None])
    assert math.log(slope.max()) <= got.gap + 1e-12


def test_redundant_assets_do_not_matter():
    coin = np.array([[2.0, 1.0], [0.5, 1.0]])
    doubled = np.column_stack([coin, coin, coin @ [0.5, 0.5]])
    one, many = log_optimal(coin), log_optimal(doubled)
    assert many.growth == pytest.approx(one.growth, abs=1e-10)
    assert many.converged


def test_a_complete_market_pays_what_the_forecast_says():
    said, bought = [], []
    for forecast in ((0.7, 0.2, 0.1), (0.3, 0.4, 0.3)):
        worth = information_value(RACE, PRIOR, forecast)
        assert worth.value == pytest.approx(worth.information, abs=1e-9)
        assert worth.informed.weights.tolist() == pytest.approx(forecast, abs=1e-5)  # bet as you believe
        said.append(worth.information)
        bought.append(worth.value)
    assert np.mean(bought) == pytest.approx(0.1216102, abs=1e-7)
    wrong = [
        information_value(RACE, PRIOR, model, actual)
        for model, actual in (((0.6, 0.2, 0.2), (0.7, 0.2, 0.1)), ((0.3, 0.45, 0.25), (0.3, 0.4, 0.3)))
    ]
    assert np.mean([w.value for w in wrong]) == pytest.approx(0.0883027, abs=1e-7)
    assert np.mean([w.information for w in wrong]) == pytest.approx(0.0883027, abs=1e-7)


def test_odds_do_not_matter_to_the_value():
    for odds in ([2.0, 3.0, 4.0], [1.1, 9.0, 2.0]):
        worth = information_value(np.diag(odds), PRIOR, [0.2, 0.5, 0.3])
        assert worth.value == pytest.approx(worth.information, abs=1e-8)


def test_a_two_outcome_asset_with_any_position_is_a_complete_market():
    worth = information_value([[2.0], [0.5]], [0.5, 0.5], [0.7, 0.3], cash=1.0, positions="any")
    assert worth.value == pytest.approx(0.118709, abs=1e-6)
    assert worth.value == pytest.approx(worth.information, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_an_incomplete_market_pays_less(seed):
    rng = np.random.default_rng(seed)
    n, k = 6, 3
    returns = np.exp(rng.normal(0, 0.4, (n, k)))
    prior, right = rng.dirichlet(np.ones(n), size=2)
    worth = information_value(returns, prior, right, base=math.e)
    assert -1e-9 <= worth.value <= worth.information + 1e-9
    misled = information_value(returns, right, prior, right, base=math.e)  # who knows, and is told otherwise
    assert misled.value <= 1e-9


def test_capital_is_rebalanced():
    assert capital([[2.0, 1.0], [0.5, 1.0]], [0.5, 0.5]).tolist() == [1.0, 1.5, 1.125]
    assert capital([[2.0], [0.5]], [0.5], cash=1.0).tolist() == [1.0, 1.5, 1.125]


def test_a_backtest_does_not_look_ahead():
    rng = np.random.default_rng(0)
    returns = np.exp(rng.normal(0, 0.1, (60, 3)))
    run = backtest(returns, window=20, every=7)
    changed = returns.copy()
    changed[48:] = 1.0
    again = backtest(changed, window=20, every=7)
    assert run.starts == (20, 27, 34, 41, 48, 55)
    assert run.capital[:29].tolist() == again.capital[:29].tolist()  # 28 periods, up to the 48th
    assert run.weights[3].tolist() == pytest.approx(log_optimal(returns[21:41]).weights.tolist(), abs=1e-3)
    assert run.growth == pytest.approx(math.log2(run.capital[-1]) / 40)


def test_nobody_can_be_saved_from_ruin_and_impossible_ruin_does_not_matter():
    with pytest.raises(InvalidDistributionError, match="all 0 in scenario 1, which can happen"):
        log_optimal([[1.0, 2.0], [0.0, 0.0]])
    assert log_optimal([[1.0, 2.0], [0.0, 0.0]], [1.0, 0.0]).weights[1] == pytest.approx(1, abs=1e-9)
    assert log_optimal([[1.0, 2.0], [0.0, 0.0]], cash=1.0).cash > 0.3


def test_growth_without_bound_is_refused():
    with pytest.raises(ParameterError, match="growth has no bound"):
        log_optimal([[1.2], [1.0]], cash=1.0, positions="borrow")
    with pytest.raises(ParameterError, match="growth has no bound"):
        log_optimal([[0.8], [0.9]], cash=1.0, positions="any")
    assert log_optimal([[0.8], [0.9]], cash=1.0, positions="borrow").cash == pytest.approx(1, abs=1e-9)


def test_too_few_steps_are_told():
    with pytest.warns(ConvergenceWarning, match="stopped after 2 Newton steps"):
        got = log_optimal(RACE, [0.7, 0.2, 0.1], max_iter=2)
    assert not got.converged
    assert got.growth + got.gap >= log_optimal(RACE, [0.7, 0.2, 0.1]).growth


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: log_optimal([[1.0, -0.1]]), InvalidDistributionError, "gross returns.*-0.1"),
        (lambda: log_optimal([[1.0, math.nan]]), InvalidDistributionError, "1 that are not finite"),
        (lambda: log_optimal([1.0, 2.0]), ShapeError, "`returns`"),
        (lambda: log_optimal([[1.0], [1.0]], [0.5, 0.6]), InvalidDistributionError, "`probabilities` must be"),
        (lambda: log_optimal([[1.0], [1.0]], [1.0]), ShapeError, "one row per scenario, 1; got 2"),
        (lambda: log_optimal([[1.0]], positions="short"), ParameterError, "`positions` must be"),
        (lambda: log_optimal([[1.0]], positions="any"), ParameterError, "needs `cash`"),
        (lambda: log_optimal([[1.0]], cash=0.0), ParameterError, "`cash` must be"),
        (lambda: log_optimal([[1.0]], base=1.0), ParameterError, "`base` must be"),
        (lambda: information_value(RACE, PRIOR, [0.5, 0.5]), ShapeError, "`model` must have one entry"),
        (lambda: information_value(RACE, PRIOR, PRIOR, [1.0, 1.0, 1.0]), InvalidDistributionError, "`actual` must be"),
        (lambda: capital([[1.0, 1.0]], [0.4, 0.4]), InvalidDistributionError, "must sum to 1 where there is no `cash`"),
        (lambda: capital([[1.0, 1.0]], [1.0]), ShapeError, "one entry per asset, 2; got 1"),
        (lambda: backtest([[1.0]] * 3, window=3), ParameterError, "`window` must be at least 1 and below the 3"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
