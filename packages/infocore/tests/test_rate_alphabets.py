"""Large, rectangular, sparse and degenerate alphabets: each gap is held against bounds that are worked out here."""

import math
import warnings

import numpy as np
import pytest

from infocore.errors import ConvergenceWarning
from infocore.rate import blahut_arimoto, channel_capacity, rate_distortion


def gaussian(m, n, skew=False):
    x, y = np.linspace(-4, 4, m), np.linspace(-4, 4, n)
    px = np.exp(-((x - 1) ** 2) / 2) + 0.3 * np.exp(-((x + 2) ** 2) * 10) if skew else np.exp(-(x**2) / 2)
    return px / px.sum(), (x[:, None] - y) ** 2


def value_and_bound(px, cost, slope, point):
    """Return the Lagrangian of the point's channel, and a lower bound on every channel's that its output law proves.

    F* >= sum p log(1/lambda) - log max_j sum_i p_i k_ij / lambda_i, for any positive lambda.
    """
    joint = px[:, None] * point.ch
    used = joint > 0
    py = np.broadcast_to(joint.sum(0), joint.shape)
    rate, distortion = float(np.sum(joint[used] * np.log(point.ch[used] / py[used]))), float(np.sum(joint * cost))
    assert point.rate == pytest.approx(rate, abs=1e-10)
    assert point.distortion == pytest.approx(distortion, rel=1e-10)
    shift = cost.min(1)
    kernel = np.exp(-slope * (cost - shift[:, None]))
    lam = kernel @ point.py
    lower = slope * float(px @ shift) - float(px @ np.log(lam)) - math.log((kernel.T @ (px / lam)).max())
    return rate + slope * distortion, lower


def certified(px, cost, slope, point):
    """Check a point's gap against the minimum, which a much closer solution encloses."""
    value, _ = value_and_bound(px, cost, slope, point)
    upper, lower = value_and_bound(px, cost, slope, rate_distortion(px, cost, slope, tol=1e-10))
    assert -1e-12 <= upper - lower <= 1e-8  # 5e-11 at most over these problems, measured
    assert value - point.gap <= upper + 1e-12
    assert value >= lower - 1e-12


@pytest.mark.parametrize("slope", [0.5, 1.0, 4.0, 16.0])
@pytest.mark.parametrize("shape", [(256, 256), (100, 400), (400, 100)])
@pytest.mark.parametrize("skew", [False, True])
def test_squared_error_to_a_gap_of_1e_6(shape, slope, skew):
    px, cost = gaussian(*shape, skew)
    point = rate_distortion(px, cost, slope)
    assert point.gap <= 1e-6
    assert point.n_iter < 60  # plain: not in 10^5 at slopes 1 and 4
    certified(px, cost, slope, point)


@pytest.mark.parametrize("slope", [1.0, 16.0])
def test_a_thousand_by_a_thousand(slope):
    px, cost = gaussian(1000, 1000)
    point = rate_distortion(px, cost, slope)
    assert point.gap <= 1e-6
    certified(px, cost, slope, point)
    # a Gaussian source, but for the tails that the grid lacks: 5.2e-4 and 5.7e-4 less, measured; at 256 the same
    assert point.rate == pytest.approx(0.5 * math.log(2 * slope), abs=7e-4)


def test_long_plain_iterations_agree():
    # 40,000 of Blahut-Arimoto's own steps from the uniform law, whose value can only be too large
    px, cost = gaussian(40, 30, skew=True)
    kernel, q = np.exp(-4.0 * cost), np.full(30, 1 / 30)
    for _ in range(40_000):
        q = q * ((px / (kernel @ q)) @ kernel)
    plain = -float(px @ np.log(kernel @ q))
    left = math.log(((px / (kernel @ q)) @ kernel).max())
    point = rate_distortion(px, cost, 4.0, tol=1e-9)
    value = point.rate + 4.0 * point.distortion
    assert value <= plain + 1e-9
    assert value >= plain - left - 1e-9
    assert left < 1e-5


@pytest.mark.parametrize("k", [3, 60])
def test_hamming_with_unequal_letters_by_water_filling(k):
    # with e = exp(-s): lambda_j = e + (1 - e) q_j, and w_j = 1 for the letters that are used, the most probable ones,
    # makes p_j / lambda_j the same for all of them; their number is the largest that leaves every q positive
    px = np.sort(np.random.default_rng(k).dirichlet(np.ones(k)))[::-1]
    e = math.exp(-3.0)
    point = rate_distortion(px, 1 - np.eye(k), 3.0, tol=1e-10)
    for size in range(1, k + 1):
        used = px[:size]
        level = used.sum() / (size * e + (1 - e))
        q = (used / level - e) / (1 - e)
        if q[-1] <= 0:
            break
        lam = np.concatenate([e + (1 - e) * q, np.full(k - size, e)])
        value = -float(px @ np.log(lam))
    assert point.rate + 3.0 * point.distortion == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_agreement_with_a_convex_solver(seed):
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    px, cost, slope = rng.dirichlet(np.ones(6)), rng.random((6, 9)), 5.0
    q = cvxpy.Variable(9, nonneg=True)
    value = -(px @ cvxpy.log(np.exp(-slope * cost) @ q))
    problem = cvxpy.Problem(cvxpy.Minimize(value), [cvxpy.sum(q) == 1])
    problem.solve(solver="CLARABEL")
    point = rate_distortion(px, cost, slope, tol=1e-9)
    assert point.rate + slope * point.distortion == pytest.approx(float(problem.value), abs=1e-6)
    w = rng.dirichlet(np.full(5, 0.4), 8)
    p = cvxpy.Variable(8, nonneg=True)
    noise = np.sum(w * np.log(np.maximum(w, 1e-300)), 1)
    information = cvxpy.sum(cvxpy.entr(w.T @ p)) + noise @ p
    cvxpy.Problem(cvxpy.Maximize(information), [cvxpy.sum(p) == 1]).solve(solver="CLARABEL")
    assert channel_capacity(w, tol=1e-9).capacity == pytest.approx(float(information.value), abs=1e-6)


def test_capacities_of_large_channels():
    rng = np.random.default_rng(1)
    sparse = rng.random((500, 500)) * (rng.random((500, 500)) < 0.01)
    sparse[np.arange(500), rng.integers(0, 500, 500)] += 0.5
    channels = [
        rng.dirichlet(np.full(256, 0.05), 256),
        rng.dirichlet(np.ones(256), 256),
        rng.dirichlet(np.full(400, 0.1), 100),
        rng.dirichlet(np.full(100, 0.1), 400),
        sparse / sparse.sum(1, keepdims=True),
    ]
    for w in channels:
        point = channel_capacity(w)
        assert point.gap <= 1e-6
        reached = w[:, point.py > 0]
        assert w[:, point.py == 0].sum() == 0
        divergence = np.sum(np.where(reached > 0, reached * np.log(np.maximum(reached, 1e-300)), 0.0), 1)
        divergence -= reached @ np.log(point.py[point.py > 0])
        assert divergence.max() - point.capacity <= point.gap + 1e-10
        assert point.capacity == pytest.approx(float(point.px @ divergence), abs=1e-10)


@pytest.mark.parametrize("k", [2, 300])
def test_erasure_symmetric_and_z_channels_of_any_size(k):
    erasure = np.hstack([0.8 * np.eye(k), np.full((k, 1), 0.2)])
    assert channel_capacity(erasure, tol=1e-9).capacity == pytest.approx(0.8 * math.log(k), abs=1e-8)
    flip = 0.1
    noisy = (1 - flip - flip / (k - 1)) * np.eye(k) + flip / (k - 1)
    want = math.log(k) + (1 - flip) * math.log(1 - flip) + flip * math.log(flip / (k - 1))
    assert channel_capacity(noisy, tol=1e-9).capacity == pytest.approx(want, abs=1e-8)
    # k/2 Z-channels side by side: log of their number more, as each adds exp(C)
    z = np.kron(np.eye(k // 2), [[1.0, 0.0], [0.5, 0.5]])
    assert channel_capacity(z, tol=1e-9).capacity == pytest.approx(math.log(1.25 * (k // 2)), abs=1e-8)


@pytest.mark.parametrize("tiny", [1e-30, 1e-200, 1e-300, 5e-324])
def test_probabilities_near_the_smallest_double(tiny):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        point = blahut_arimoto([0.5, 0.5 - tiny, tiny], -10.0 * (1 - np.eye(3)), 3.0, tol=1e-10)
        assert point.gap <= 1e-10
        assert point.rate == pytest.approx(math.log(2), abs=1e-9)
        capacity = channel_capacity([[1 - tiny, tiny, 0.0], [0.0, 1 - tiny, tiny], [0.5, 0.5, 0.0]], tol=1e-10)
        assert capacity.capacity == pytest.approx(math.log(2), abs=1e-9)


def test_an_x_that_never_happens_may_be_left_without_any_y_that_is_used():
    point = rate_distortion([0.5, 0.5, 0.0], [[0, 0, math.inf], [0, 1, math.inf], [math.inf, math.inf, 1]], 1.0)
    assert point.ch[2].tolist() == [0.0, 0.0, 1.0]
    assert point.py[2] == 0.0


@pytest.mark.parametrize("seed", [527, 1311, 1682, 1837, 2307, 2352])
def test_weights_that_differ_by_many_orders_are_all_found(seed):
    # of 3,000 random problems those on which a version without scaling, or with steps to 0, stopped at 1e-9 to 0.02
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 9, 2)
    if seed % 2:
        px = rng.dirichlet(np.full(m, rng.choice([0.05, 1])))
        reward, slope = rng.normal(0, rng.choice([0.01, 1, 30]), (m, n)), rng.normal() * rng.choice([0.01, 1, 10])
        point = blahut_arimoto(px, np.round(reward) if seed % 3 == 0 else reward, slope, tol=1e-12)
    else:
        point = channel_capacity(rng.dirichlet(np.full(n, rng.choice([0.02, 0.3, 3])), m), tol=1e-12)
    assert point.gap <= 1e-12
    assert point.n_iter < 80


def test_no_progress_is_noticed():
    # rounding lets this one no nearer than 2e-14: 72 steps, and 1,000 if nobody looked
    rng = np.random.default_rng(1600)
    m, n = rng.integers(1, 9, 2)
    w = rng.dirichlet(np.full(n, rng.choice([0.02, 0.3, 3])), m)
    with pytest.warns(ConvergenceWarning, match="made no progress for a while"):
        point = channel_capacity(w, tol=1e-15)
    assert point.n_iter < 200
    assert point.gap < 1e-12


def test_a_start_at_the_solution_saves_most_steps():
    px, cost = gaussian(80, 80)
    cold = blahut_arimoto(px, -cost, 2.0, tol=1e-7)
    assert cold.n_iter >= 15
    assert blahut_arimoto(px, -cost, 2.0, start=cold.py, tol=1e-6).n_iter <= 6  # 5, measured


def test_where_every_newton_step_fails_the_rest_still_ends(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr("scipy.optimize.nnls", fails)
    monkeypatch.setattr("scipy.linalg.cholesky", fails)
    px, cost = gaussian(20, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        point = rate_distortion(px, cost, 1.0, tol=1e-3)
    monkeypatch.undo()
    assert point.gap <= 1e-3
    certified(px, cost, 1.0, point)


@pytest.mark.parametrize("slope", [1.0, 4.0, 16.0])
def test_a_tolerance_below_the_rounding_error_ends_with_what_can_be_had(slope):
    px, cost = gaussian(60, 60)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        point = rate_distortion(px, cost, slope, tol=1e-18)
    assert point.n_iter < 500
    assert 0 <= point.gap < 1e-12
    assert point.converged == (not caught)
    if caught:
        assert "made no progress for a while" in str(caught[0].message)


def test_where_the_descent_stalls_the_interior_does_not():
    # steps up and down complement each other in many ways: in a tenth of these the descent alone stays above 1e-9
    for seed in range(60):
        rng = np.random.default_rng(seed)
        m, n = rng.integers(20, 65, 2)
        px = rng.dirichlet(np.full(m, rng.choice([0.1, 1, 5])))
        x, y = np.sort(rng.random(m)), np.sort(rng.random(n))
        truth = 1 / (1 + np.exp(-rng.choice([-1, 1], n) * rng.choice([5, 50, 500]) * (x[:, None] - y)))
        reward = np.log(truth / truth.max(0)) - np.log(px @ (truth / truth.max(0)))
        point = blahut_arimoto(px, reward, 1.0, tol=1e-9)
        assert point.converged
        kernel = np.exp(reward - reward.max(1, keepdims=True))
        merits = (px / (kernel @ point.py)) @ kernel
        assert np.log(merits.max()) <= 2e-9  # `py` is a step beyond the law that has the gap
