"""Rate-distortion by slope and by distortion: closed forms, a second solver, and the bounds that are claimed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError, ShapeError
from infocore.rate import rate_distortion, rate_distortion_curve, rate_for_distortion


def uniform_hamming(k, level):
    """R(D) of a uniform source of k letters: log k - h(D) - D log(k - 1), in nats."""
    if level >= 1 - 1 / k:
        return 0.0
    own = -level * math.log(level) - (1 - level) * math.log1p(-level) if level > 0 else 0.0
    return math.log(k) - own - level * math.log(k - 1) if k > 1 else 0.0


def lagrangian(px, ch, cost, slope):
    joint = px[:, None] * ch
    py = np.broadcast_to(joint.sum(0), joint.shape)
    used = joint > 0
    return np.sum(joint[used] * np.log(ch[used] / py[used])) + slope * np.sum(joint * cost)


@pytest.mark.parametrize("k", [2, 4, 30])
def test_uniform_source_under_hamming_distortion(k):
    for level in (0.0, 1e-6, 0.01, 0.2, 0.45, 0.9, 1.0):
        point = rate_for_distortion(np.full(k, 1 / k), 1 - np.eye(k), level, tol=1e-9)
        assert point.rate == pytest.approx(uniform_hamming(k, level), abs=2e-9)
        assert point.distortion <= level + 1e-12
        assert point.gap <= 1e-9


def test_slopes_are_those_of_the_curve():
    # -dR/dD of the uniform source: log((1 - D) (k - 1) / D)
    curve = rate_distortion_curve(np.full(5, 0.2), 1 - np.eye(5), [4.0, 0.5, 2.0], tol=1e-11)
    assert curve.slope.tolist() == [4.0, 0.5, 2.0]
    level = curve.distortion
    np.testing.assert_allclose(np.log((1 - level) * 4 / level), curve.slope, atol=1e-6)
    np.testing.assert_allclose(curve.rate, [uniform_hamming(5, d) for d in level], atol=1e-9)
    assert curve.gap.max() <= 1e-11
    assert rate_for_distortion(np.full(5, 0.2), 1 - np.eye(5), 0.3).slope == pytest.approx(
        math.log(0.7 * 4 / 0.3), 0.01
    )


def test_a_warm_start_gives_the_points_that_a_cold_one_gives():
    x = np.linspace(-4, 4, 90)
    px = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    cost = (x[:, None] - np.linspace(-3, 3, 60)) ** 2
    slopes = np.geomspace(0.3, 30, 12)
    curve = rate_distortion_curve(px, cost, slopes, tol=1e-8)
    cold = [rate_distortion(px, cost, s, tol=1e-8) for s in slopes]
    value = curve.rate + slopes * curve.distortion
    np.testing.assert_allclose(value, [p.rate + p.slope * p.distortion for p in cold], atol=1e-8)
    assert np.all(np.diff(curve.distortion) < 1e-6)
    assert sum(p.n_iter for p in curve.points) < sum(p.n_iter for p in cold)  # 74 and 213, measured


def test_a_straight_piece_of_the_curve_is_reached_by_a_mixture():
    # binary source with an erasure that costs 0.2: one slope has every D between 0.037 and 0.2, measured
    cost = np.array([[0.0, 1.0, 0.2], [1.0, 0.0, 0.2]])
    levels = np.array([0.08, 0.12, 0.16])
    points = [rate_for_distortion([0.5, 0.5], cost, d, tol=1e-10) for d in levels]
    assert [p.distortion for p in points] == pytest.approx(levels, abs=1e-12)
    assert points[0].rate - points[1].rate == pytest.approx(points[1].rate - points[2].rate, abs=1e-9)
    assert rate_for_distortion([0.5, 0.5], cost, 0.5).rate == 0.0


def test_forbidden_pairs():
    # no y serves every x: even without a limit on the distortion, two letters must be told from the third.
    # R = log(3/2): each x may use 2 of the 3 outputs
    cost = np.array([[0.0, 1.0, math.inf], [math.inf, 0.0, 1.0], [1.0, math.inf, 0.0]])
    px = np.full(3, 1 / 3)
    assert rate_for_distortion(px, cost, 9.0, tol=1e-9).rate == pytest.approx(math.log(1.5), abs=1e-8)
    assert rate_for_distortion(px, cost, 0.0, tol=1e-9).rate == pytest.approx(math.log(3), abs=1e-8)
    # by symmetry the channel is y = x with probability 1 - D
    got = rate_for_distortion(px, cost, 0.2, tol=1e-9)
    assert got.rate == pytest.approx(math.log(3) + 0.2 * math.log(0.2) + 0.8 * math.log(0.8), abs=1e-8)
    assert got.distortion == pytest.approx(0.2)
    # an x that never happens decides nothing, not even which constant is best
    impossible = rate_for_distortion([0.3, 0.7, 0.0], [[0.0, 2.0], [1.0, 0.0], [3.0, math.inf]], 0.65)
    assert impossible.rate == 0.0
    assert impossible.distortion == pytest.approx(0.6)
    # the cheaper of the two y that are allowed for every x needs no rate, whatever others forbid
    constant = rate_for_distortion([0.5, 0.5], [[0.0, 3.0, 2.0], [math.inf, 1.0, 1.5]], 9.0)
    assert (constant.rate, constant.distortion, constant.slope) == (0.0, 1.75, 0.0)


def test_agreement_with_a_convex_solver():
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(4)
    px, cost = rng.dirichlet(np.ones(5)), rng.random((5, 7))
    level = 0.6 * (px @ cost).min() + 0.4 * px @ cost.min(1)
    joint = cvxpy.Variable((5, 7), nonneg=True)
    outer = px[:, None] @ cvxpy.sum(joint, axis=0, keepdims=True)
    rate = cvxpy.sum(cvxpy.rel_entr(joint, outer))
    limits = [cvxpy.sum(joint, axis=1) == px, cvxpy.sum(cvxpy.multiply(joint, cost)) <= level]
    cvxpy.Problem(cvxpy.Minimize(rate), limits).solve(solver="CLARABEL")
    point = rate_for_distortion(px, cost, level, tol=1e-8)
    assert point.rate == pytest.approx(float(rate.value), abs=1e-6)
    assert float(limits[1].dual_value) == pytest.approx(point.slope, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 6), n=st.integers(1, 6), share=st.floats(0, 1))
def test_the_gap_is_that_of_weak_duality(seed, m, n, share):
    rng = np.random.default_rng(seed)
    px, cost = rng.dirichlet(np.ones(m)), rng.normal(0, 1, (m, n))
    least, most = float(px @ cost.min(1)), float((px @ cost).min())
    level = least + share * (most - least)
    point = rate_for_distortion(px, cost, level, tol=1e-7)
    assert point.distortion <= level + 1e-9
    assert point.gap <= 1e-7
    assert point.rate == pytest.approx(lagrangian(px, point.ch, cost, 0.0), abs=1e-12)
    if math.isfinite(point.slope):
        for _ in range(20):  # no channel goes below the supporting line
            ch = rng.dirichlet(np.full(n, 0.5), m)
            line = point.rate - point.gap + point.slope * level
            assert lagrangian(px, ch, cost, point.slope) >= line - 1e-9


def test_an_early_stop_says_what_is_left():
    x = np.linspace(-3, 3, 40)
    px = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    with pytest.warns(ConvergenceWarning, match="rate_for_distortion"):
        point = rate_for_distortion(px, (x[:, None] - x) ** 2, 0.1, max_iter=1)
    best = rate_for_distortion(px, (x[:, None] - x) ** 2, 0.1, tol=1e-9)
    assert point.gap > 1e-6
    assert point.rate - point.gap <= best.rate <= point.rate + 1e-9


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rate_distortion_curve([1.0], [[0.0]], []), ParameterError, "rate_distortion_curve: `slopes`"),
        (lambda: rate_distortion_curve([1.0], [[0.0]], [1.0, -1.0]), ParameterError, "must hold positive numbers"),
        (lambda: rate_distortion_curve([1.0], [[math.inf]], [1.0]), InvalidDistributionError, "`distortion` allows no"),
        (lambda: rate_for_distortion([0.5, 0.5], [[1.0], [2.0]], 1.4), ParameterError, "`level` must be at least 1.5"),
        (lambda: rate_for_distortion([1.0], [[1.0]], math.nan), ParameterError, "`level` must be at least 1"),
        (lambda: rate_for_distortion([1.0], [[1.0]], 2.0, tol=0.0), ParameterError, "rate_for_distortion: `tol`"),
        (lambda: rate_for_distortion([0.5, 0.5], [[1.0]], 2.0), ShapeError, "`distortion` must have one row per entry"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(("offset", "scale"), [(1e6, 1e-3), (1e4, 1e-6), (0.0, 1e-9)])
def test_a_rate_that_rises_within_a_tiny_range_of_distortion_is_found(offset, scale):
    # R(D) of Hamming distortion, four equal letters: log 4 - h(D) - D log 3; D is known to eps * offset / scale
    want = np.log(4) + 0.2 * np.log(0.2) + 0.8 * np.log(0.8) - 0.2 * np.log(3)
    got = rate_for_distortion(np.full(4, 0.25), offset + scale * (1 - np.eye(4)), offset + 0.2 * scale)
    assert got.rate == pytest.approx(want, abs=2e-9 + 8 * np.finfo(float).eps * offset / scale)
