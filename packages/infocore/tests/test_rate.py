"""Blahut-Arimoto with a certificate: closed forms, independent solvers, weak duality, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from infocore.errors import (
    ConvergenceWarning,
    InvalidDistributionError,
    NonFiniteError,
    ParameterError,
    ShapeError,
)
from infocore.rate import blahut_arimoto, channel_capacity, rate_distortion, tilted_channel

HAMMING = [[0.0, 1.0], [1.0, 0.0]]


def h(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def lagrangian(px, ch, reward, slope):
    joint = px[:, None] * ch
    safe = np.where(joint > 0, joint, 1.0)
    rate = np.sum(joint * np.log(safe / px[:, None] / np.where(joint > 0, joint.sum(0), 1.0)))
    return rate - slope * np.sum(joint * reward)


@pytest.mark.parametrize("slope", [0.1, 1.0, 3.0])
def test_binary_symmetric_source(slope):
    point = rate_distortion([0.5, 0.5], HAMMING, slope, tol=1e-12)
    assert point.distortion == pytest.approx(1 / (1 + math.exp(slope)), abs=1e-9)
    assert point.rate == pytest.approx(math.log(2) - h(point.distortion), abs=1e-9)


@pytest.mark.parametrize("p", [0.1, 0.3])
def test_biased_binary_source(p):
    # R(D) = h(p) - h(D) for D < p, with slope log((1 - D) / D)
    want = 0.05
    point = rate_distortion([1 - p, p], HAMMING, math.log((1 - want) / want), tol=1e-12)
    assert point.distortion == pytest.approx(want, abs=1e-7)
    assert point.rate == pytest.approx(h(p) - h(want), abs=1e-7)


@pytest.mark.parametrize(
    ("ch", "bits"),
    [
        ([[0.9, 0.1], [0.1, 0.9]], 1 - h(0.1) / math.log(2)),  # binary symmetric
        ([[1.0, 0.0], [0.5, 0.5]], math.log2(1.25)),  # Z-channel
        ([[0.7, 0.3, 0.0], [0.0, 0.3, 0.7]], 0.7),  # erasure
        ([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.25, 0.25]], 1.0),  # third input is useless
        ([[0.5, 0.5], [0.5, 0.5]], 0.0),
        (np.eye(5), math.log2(5)),
    ],
)
def test_capacities_in_closed_form(ch, bits):
    point = channel_capacity(ch, tol=1e-10)
    assert point.capacity == pytest.approx(bits * math.log(2), abs=2e-10)
    assert point.converged
    assert point.px.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(point.py, point.px @ np.asarray(ch), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")  # scipy below 1.15
def test_channel_solver_agrees_with_slsqp_on_the_primal():
    # 8 grey levels, Gaussian labels: independent value R - 2 G = -1.688796 bits
    x = np.arange(8.0)
    truth = np.exp(-((x[:, None] - x) ** 2) / (2 * 0.8**2))
    px = np.full(8, 1 / 8)
    reward = np.log(truth / (px @ truth))
    point = blahut_arimoto(px, reward, 2.0, tol=1e-10)
    assert (point.rate - 2 * point.reward) / math.log(2) == pytest.approx(-1.688796, abs=1e-6)
    rows = [{"type": "eq", "fun": lambda v, i=i: v.reshape(8, 8)[i].sum() - 1.0} for i in range(8)]
    solved = minimize(
        lambda v: lagrangian(px, v.reshape(8, 8), reward, 2.0),
        np.full(64, 1 / 8),
        jac=lambda v: (px[:, None] * (np.log(v.reshape(8, 8) / (px @ v.reshape(8, 8))) - 2.0 * reward)).ravel(),
        method="SLSQP",
        bounds=[(1e-12, 1.0)] * 64,
        constraints=rows,
        options={"maxiter": 500, "ftol": 1e-13},
    )
    assert solved.fun == pytest.approx(point.rate - 2 * point.reward, abs=1e-6)


def test_capacity_agrees_with_slsqp():
    ch = np.random.default_rng(3).dirichlet(np.full(6, 0.3), 9)
    point = channel_capacity(ch, tol=1e-9)
    solved = minimize(
        lambda p: -lagrangian(p + 1e-15, ch, np.zeros(ch.shape), 0.0),
        np.full(9, 1 / 9),
        method="SLSQP",
        bounds=[(0.0, 1.0)] * 9,
        constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1.0}],
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert -solved.fun == pytest.approx(point.capacity, abs=1e-7)
    assert np.count_nonzero(point.px < 1e-6) >= 3  # at most as many inputs as outputs are needed


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), slope=st.floats(-3, 3), m=st.integers(1, 6), n=st.integers(1, 6))
def test_no_channel_goes_below_the_certificate(seed, slope, m, n):
    rng = np.random.default_rng(seed)
    px, reward = rng.dirichlet(np.ones(m)), rng.normal(0, 2, (m, n))
    point = blahut_arimoto(px, reward, slope, tol=1e-9)
    value = point.rate - slope * point.reward
    assert point.gap <= 1e-9
    assert value == pytest.approx(lagrangian(px, point.ch, reward, slope), abs=1e-12)
    np.testing.assert_allclose(point.ch.sum(1), 1.0, atol=1e-12)
    np.testing.assert_allclose(px @ point.ch, point.py, atol=1e-12)
    for _ in range(20):
        assert lagrangian(px, rng.dirichlet(np.full(n, 0.5), m), reward, slope) >= value - point.gap - 1e-12
        mixed = 0.99 * point.ch + 0.01 * rng.dirichlet(np.full(n, 0.5), m)
        assert lagrangian(px, mixed, reward, slope) >= value - point.gap - 1e-12


def test_the_gap_left_by_an_early_stop_is_the_dual_one():
    ch = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7]])
    with pytest.warns(ConvergenceWarning):
        point = channel_capacity(ch, tol=1e-15, max_iter=1)
    divergence = np.sum(ch * np.log(np.where(ch > 0, ch, 1.0) / point.py), 1)
    assert point.gap > 1e-9
    assert point.gap == pytest.approx(divergence.max() - point.px @ divergence, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 7), n=st.integers(1, 7))
def test_no_input_law_goes_above_the_capacity_certificate(seed, m, n):
    rng = np.random.default_rng(seed)
    ch = rng.dirichlet(np.full(n, 0.3), m)
    point = channel_capacity(ch, tol=1e-9)
    assert point.gap <= 1e-9
    for _ in range(20):
        p = rng.dirichlet(np.full(m, 0.5))
        assert lagrangian(p, ch, np.zeros(ch.shape), 0.0) <= point.capacity + point.gap + 1e-12


def test_slow_cases_of_the_plain_iteration_take_few_steps():
    # at slopes near 0 the multiplicative step alone takes 67,020 iterations; with two optimal pairs of labels, 10^6
    px, ch = np.array([0.8, 0.2]), np.array([[0.9, 0.1], [0.2, 0.8]])
    reward = np.log(ch / (px @ ch))
    assert blahut_arimoto(px, reward, 0.001, tol=1e-13).n_iter < 50
    x = np.arange(101.0)
    prior = 1 / (1 + np.exp((x - 70) / 8))
    prior = prior / prior.sum()
    young = 1 / (1 + np.exp(0.8 * (x - 18)))
    truth = np.stack([young, np.exp(-((x - 22) ** 2) / 72), 1 - young, 1 / (1 + np.exp(-0.4 * (x - 65)))], 1)
    point = blahut_arimoto(prior, np.log(truth / (prior @ truth)), 1.0, tol=1e-11)
    assert point.n_iter < 50
    assert point.rate - point.reward == pytest.approx(0.0, abs=1e-10)


def test_a_forbidden_pair_is_never_used_and_an_impossible_x_does_not_matter():
    point = rate_distortion([0.5, 0.5, 0.0], [[0.0, math.inf], [math.inf, 0.0], [5.0, 7.0]], 1.0, tol=1e-10)
    assert point.rate == pytest.approx(math.log(2))
    assert point.distortion == 0.0
    assert point.ch[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_large_slopes_and_rewards_do_not_overflow():
    point = blahut_arimoto([0.5, 0.5], [[1e4, -1e4], [-1e4, 1e4]], 10.0)
    assert point.rate == pytest.approx(math.log(2))
    assert point.reward == pytest.approx(1e4)


def test_a_fine_grid_of_labels_ends_at_the_certificate():
    # a Gaussian source at slope 2: R = log(2 slope) / 2; grids fine enough to err by 1e-7, measured
    x = np.linspace(-6, 6, 200)
    px = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    point = rate_distortion(px, (x[:, None] - np.linspace(-4, 4, 700)) ** 2, 2.0, tol=1e-9)
    assert point.converged
    assert point.rate == pytest.approx(0.5 * math.log(4), abs=1e-6)
    assert point.distortion == pytest.approx(0.25, abs=1e-6)


def test_where_newton_fails_the_plain_step_serves(monkeypatch):
    def fails(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr("scipy.optimize.nnls", fails)
    point = rate_distortion([0.3, 0.7], HAMMING, 3.0, tol=1e-10)
    assert point.converged
    assert point.rate == pytest.approx(h(0.3) - h(1 / (1 + math.exp(3))), abs=1e-8)


def test_a_start_changes_the_path_and_not_the_answer():
    px, reward = np.array([0.3, 0.7]), -np.array([[0.0, 1.0, 0.4], [1.0, 0.0, 0.4]])
    cold = blahut_arimoto(px, reward, 4.0, tol=1e-11)
    warm = blahut_arimoto(px, reward, 4.0, start=cold.py, tol=1e-11)
    corner = blahut_arimoto(px, reward, 4.0, start=[0.0, 0.0, 1.0], tol=1e-11)
    forbidden = [[0.0, -math.inf], [-math.inf, 0.0]]
    assert blahut_arimoto(px, forbidden, 1.0, start=[1.0, 0.0], tol=1e-9).py.tolist() == pytest.approx([0.3, 0.7])
    for other in (warm, corner):
        assert other.rate - 4 * other.reward == pytest.approx(cold.rate - 4 * cold.reward, abs=1e-10)


def test_stopping_early_warns_and_carries_the_gap():
    px, reward = np.array([0.3, 0.7]), -np.array(HAMMING)
    with pytest.warns(ConvergenceWarning, match="blahut_arimoto.*`max_iter` = 1 .*duality gap"):
        point = blahut_arimoto(px, reward, 2.0, tol=1e-14, max_iter=1)
    exact = blahut_arimoto(px, reward, 2.0, tol=1e-13)
    assert not point.converged
    assert point.n_iter == 1
    excess = (point.rate - 2 * point.reward) - (exact.rate - 2 * exact.reward)
    assert -1e-13 <= excess <= point.gap
    with pytest.warns(ConvergenceWarning, match="channel_capacity"):
        channel_capacity([[1.0, 0.0], [0.5, 0.5]], tol=1e-14, max_iter=1)


def test_tilted_channel_by_hand():
    # 0.75 e^0 : 0.25 e^1
    want = 0.75 / (0.75 + 0.25 * math.e)
    assert tilted_channel([0.75, 0.25], [[0.0, 1.0]], 1.0)[0].tolist() == pytest.approx([want, 1 - want])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rate_distortion([1.0], [[0.0]], 0.0), ParameterError, "rate_distortion: `slope` must be positive"),
        (lambda: rate_distortion([1.0], [[math.inf]], 1.0), InvalidDistributionError, "no y for x 0"),
        (lambda: rate_distortion([1.0], [[-math.inf]], 1.0), NonFiniteError, "`distortion`.*NaN or the other"),
        (lambda: blahut_arimoto([1.0], [[math.nan]], 1.0), NonFiniteError, "`reward`.*1 of 1 rows"),
        (lambda: blahut_arimoto([1.0], [[0.0, -math.inf]], -1.0), ParameterError, "`slope` must be positive where"),
        (lambda: blahut_arimoto([1.0], [[0.0]], math.inf), ParameterError, "`slope` must be finite"),
        (lambda: blahut_arimoto([1.0], [[0.0]], 1.0, tol=0.0), ParameterError, "`tol` must be positive"),
        (lambda: channel_capacity([[1.0]], max_iter=0), ParameterError, "channel_capacity: `max_iter`"),
        (lambda: blahut_arimoto([1.0], [[0.0], [1.0]], 1.0), ShapeError, "`reward` must have one row per entry"),
        (lambda: blahut_arimoto([1.0], [[0.0]], 1.0, start=[0.5, 0.5]), ShapeError, "`start` must have one entry"),
        (lambda: blahut_arimoto([0.9], [[0.0]], 1.0), InvalidDistributionError, "`px` must be a distribution"),
        (lambda: channel_capacity([[0.9]]), InvalidDistributionError, "row of `ch`"),
        (lambda: tilted_channel([0.5, 0.5], [[0.0]], 1.0), ShapeError, "`py` must have one entry per column"),
        (lambda: tilted_channel([1.0, 0.0], [[-math.inf, 0.0]], 1.0), InvalidDistributionError, "that `py` allows"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
