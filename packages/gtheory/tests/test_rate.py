"""R(G): closed forms, golden values, the certificate, the matching point."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtheory import optimal_truth, rate_fidelity, rate_fidelity_curve, semantic_information, truth_matrix
from gtheory.truth import Gaussian, Logistic
from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError, ShapeError

PX = np.array([0.8, 0.2])
CH = np.array([[0.9, 0.1], [0.2, 0.8]])
BINARY = semantic_information(PX, optimal_truth(CH), CH)


def information(px, truth):
    return np.log2(truth / (px @ truth))


SYMMETRIC = {  # bits, from the closed form of a symmetric truth matrix
    (2, 0.2): {
        -1: (-1.1979744849, 0.3499775784),
        0.5: (0.0194503531, 0.1079645133),
        1: (0.3499775784, 0.3499775784),
        2: (0.6476606674, 0.7648066182),
        3: (0.7185375934, 0.9332203589),
    },
    (8, 0.1): {
        -1: (-1.0406751216, 0.1253932557),
        0.5: (-0.0537517625, 0.1717036565),
        1: (0.8666125087, 0.8666125087),
        2: (2.0171428549, 2.4677444059),
        3: (2.2113733999, 2.9206607556),
    },
}


@pytest.mark.parametrize("mode", ["free", "fixed"])
@pytest.mark.parametrize(("n", "t"), list(SYMMETRIC))
def test_symmetric_closed_form(n, t, mode):
    px = np.full(n, 1 / n)
    truth = np.full((n, n), t) + (1 - t) * np.eye(n)
    for s, (g, r) in SYMMETRIC[n, t].items():
        point = rate_fidelity(px, information(px, truth), s, mode, px, tol=1e-12)
        assert pytest.approx((g, r), abs=1e-9) == (point.G, point.R)


def test_binary_matches_at_slope_one_and_has_the_slope_it_says():
    assert pytest.approx((0.2754581855, 0.2754581855), abs=1e-9) == (BINARY.G, BINARY.R)
    matched = rate_fidelity(PX, BINARY.pointwise, 1, tol=1e-13)
    assert pytest.approx((0.2754581855, 0.2754581855), abs=1e-8) == (matched.G, matched.R)
    assert matched.py.tolist() == pytest.approx([0.76, 0.24], abs=1e-6)
    low, high = (rate_fidelity(PX, BINARY.pointwise, s, tol=1e-14) for s in (1.999, 2.001))
    assert pytest.approx(2, abs=1e-5) == (high.R - low.R) / (high.G - low.G)


@pytest.mark.parametrize(
    ("s", "g", "r"), [(2, 0.48556, 0.56375), (4, 0.53773, 0.69822), (8, 0.54246, 0.72129), (-1, -1.12855, 0.27546)]
)
def test_binary_points(s, g, r):
    point = rate_fidelity(PX, BINARY.pointwise, s, tol=1e-12)
    assert pytest.approx((g, r), abs=1e-5) == (point.G, point.R)


def test_ends_of_the_bowl():
    top, bottom = (rate_fidelity(PX, BINARY.pointwise, s) for s in (200, -200))
    assert pytest.approx(PX @ BINARY.pointwise.max(1), abs=1e-6) == top.G
    assert pytest.approx(PX @ BINARY.pointwise.min(1), abs=1e-6) == bottom.G
    assert pytest.approx((0.5425335851, -1.3956274074), abs=1e-6) == (top.G, bottom.G)


def test_gaussian_is_the_white_noise_channel():
    x, y = np.linspace(-6, 6, 161), np.linspace(-8, 8, 201)
    px = np.exp(-(x**2) / 2)
    px /= px.sum()
    truth = np.exp(-((x[:, None] - y) ** 2) / (2 * 0.75**2))
    point = rate_fidelity(px, information(px, truth), 1, tol=1e-8)
    assert pytest.approx(0.736966, abs=1e-6) == point.R  # log2(1 + 1 / 0.75^2) / 2
    assert point.gap * (1 + 1e-6) >= point.R - point.G
    assert point.py @ y**2 == pytest.approx(1 + 0.75**2, abs=1e-3)


def test_256_grey_levels_to_8_labels_leave_the_residual_divergence():
    x = np.arange(256.0)
    px = np.exp(-((x - 128) ** 2) / 3200)
    px /= px.sum()
    labels = truth_matrix([Gaussian(16.0 + 32 * j, 14.0) for j in range(8)], x)
    point = rate_fidelity(px, information(px, labels), 1, tol=1e-10)
    assert pytest.approx(0.000887, abs=2e-6) == point.R - point.G
    # the loss is the divergence of px from the best mixture of what the labels predict
    mixture = (px[:, None] * labels / (px @ labels)) @ point.py
    assert pytest.approx(np.sum(px * np.log2(px / mixture)), abs=1e-8) == point.R - point.G
    assert pytest.approx((1.581107, 1.581995), abs=2e-6) == (point.G, point.R)
    assert point.py.tolist() == pytest.approx(
        [0.00989, 0.05032, 0.15916, 0.28066, 0.28067, 0.15914, 0.05035, 0.00981], abs=1e-5
    )
    point = rate_fidelity(px, information(px, labels), 2, tol=1e-10)
    assert pytest.approx((1.892081, 2.005187), abs=2e-6) == (point.G, point.R)


def test_8_grey_levels_and_labels_that_drop_out():
    x = np.arange(8.0)
    labels = truth_matrix([Gaussian(c, 0.8) for c in x], x)
    uniform = np.full(8, 1 / 8)
    for s, g, r in [(1, 1.498202, 1.498202), (2, 1.811296, 1.933797), (4, 2.023304, 2.531647)]:
        point = rate_fidelity(uniform, information(uniform, labels), s, tol=1e-10)
        assert pytest.approx((g, r), abs=1e-6) == (point.G, point.R)
    point = rate_fidelity(uniform, information(uniform, labels), 2, tol=1e-8)
    assert point.gap <= 1e-8 / math.log(2)
    assert pytest.approx(-1.688796, abs=1e-6) == point.R - 2 * point.G
    px = np.exp(-((x - 3.5) ** 2) / 4.5)
    px /= px.sum()
    point = rate_fidelity(px, information(px, labels), 2, tol=1e-10)
    assert pytest.approx((1.413299, 1.555161), abs=1e-6) == (point.G, point.R)
    assert point.py[[1, 6]].max() < 1e-8


def test_ages():
    x = np.arange(101.0)
    px = 1 / (1 + np.exp((x - 70) / 8))
    px /= px.sum()
    young = Logistic(18.0, -0.8)
    labels = truth_matrix([young, Gaussian(22.0, 6.0), Logistic(18.0, 0.8), Logistic(65.0, 0.4)], x)
    assert (px @ labels).tolist() == pytest.approx([0.262898, 0.213140, 0.737102, 0.121376], abs=1e-6)
    curve = rate_fidelity_curve(px, information(px, labels), [2, 5], tol=1e-9)
    assert curve.G.tolist() == pytest.approx([1.249414, 1.376263], abs=1e-6)
    assert curve.R.tolist() == pytest.approx([1.416995, 1.770119], abs=1e-6)
    # at s = 1 two pairs of labels, and their mixtures, are optimal: only the gap is told, and it closes
    assert abs(curve.matching.R - curve.matching.G) <= curve.matching.gap + 1e-12
    assert curve.matching.n_iter < 50


def test_reward_of_a_distortion_is_rate_distortion():
    point = rate_fidelity([0.5, 0.5], [[0.0, -1.0], [-1.0, 0.0]], 1, base=math.e)
    assert (-point.G, point.R / math.log(2)) == pytest.approx((0.2689414, 0.1600585), abs=1e-7)
    assert point.unit == "nats"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), s=st.floats(-3, 6), m=st.integers(2, 6), n=st.integers(2, 5))
def test_rate_is_at_least_fidelity_and_touches_only_where_matched(seed, s, m, n):
    rng = np.random.default_rng(seed)
    px, truth = rng.dirichlet(np.ones(m)), rng.uniform(0.05, 1, (m, n))
    pointwise = information(px, truth)
    point, matched = (rate_fidelity(px, pointwise, slope, tol=1e-11) for slope in (s, 1.0))
    assert point.R >= point.G - 1e-10
    assert point.R - point.G >= matched.R - matched.G - 1e-10
    # the loss at the matching point is the divergence of px from the mixture of predictions
    mixture = (px[:, None] * truth / (px @ truth)) @ matched.py
    assert pytest.approx(np.sum(px * np.log2(px / mixture)), abs=1e-6) == matched.R - matched.G


@given(seed=st.integers(0, 10**6), s=st.floats(-3, 3))
def test_fixed_labels_cost_at_least_what_free_ones_do(seed, s):
    rng = np.random.default_rng(seed)
    px, truth, py = rng.dirichlet(np.ones(4)), rng.uniform(0.05, 1, (4, 3)), rng.dirichlet(np.ones(3))
    free, fixed = (rate_fidelity(px, information(px, truth), s, mode, py, tol=1e-10) for mode in ("free", "fixed"))
    assert fixed.R - s * fixed.G >= free.R - s * free.G - 1e-9
    # R is the divergence from the law that was given; the parametric form R = s G - E log lambda
    weight = py * (truth / (px @ truth)) ** s
    assert pytest.approx(s * fixed.G - px @ np.log2(weight.sum(1)), abs=1e-9) == fixed.R
    np.testing.assert_allclose(fixed.ch, weight / weight.sum(1, keepdims=True), atol=1e-12)
    assert (fixed.gap, fixed.n_iter, fixed.converged) == (0.0, 0, True)
    np.testing.assert_array_equal(fixed.py, py)


def test_a_curve_is_convex_and_in_the_order_asked_for():
    curve = rate_fidelity_curve(PX, BINARY.pointwise, [4, 0.5, 2, -1], tol=1e-10)
    assert curve.s.tolist() == [4, 0.5, 2, -1]
    order = np.argsort(curve.G)
    assert curve.s[order].tolist() == [-1, 0.5, 2, 4]
    chords = np.diff(curve.R[order]) / np.diff(curve.G[order])
    assert (np.diff(chords) > 0).all()
    assert curve.matching.s == 1.0
    assert len(rate_fidelity_curve(PX, BINARY.pointwise, [1.0]).points) == 1


def test_stopping_early_warns():
    with pytest.warns(ConvergenceWarning, match="duality gap"):
        bits = rate_fidelity(PX, BINARY.pointwise, 2, tol=1e-14, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        nats = rate_fidelity(PX, BINARY.pointwise * math.log(2), 2, base=math.e, tol=1e-14, max_iter=1)
    assert not bits.converged
    assert bits.gap * math.log(2) == pytest.approx(nats.gap)
    exact = rate_fidelity(PX, BINARY.pointwise, 2, tol=1e-13)
    assert 0 < (bits.R - 2 * bits.G) - (exact.R - 2 * exact.G) <= bits.gap


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rate_fidelity(PX, BINARY.pointwise, 1, "held"), ParameterError, "`mode` must be 'free' or 'fixed'"),
        (lambda: rate_fidelity(PX, BINARY.pointwise, 1, "fixed"), ParameterError, "so it needs `py`"),
        (lambda: rate_fidelity(PX, BINARY.pointwise, 1, base=0.5), ParameterError, "`base` must be above 1"),
        (lambda: rate_fidelity(PX, [[0.0]], 1, "fixed", [1.0]), ShapeError, "one row per entry of `px`, 2; got 1"),
        (lambda: rate_fidelity(PX, [[0.0, -math.inf]] * 2, -1), ParameterError, "`slope` must be positive where"),
        (lambda: rate_fidelity(PX, [[-math.inf]] * 2, 1), InvalidDistributionError, "no y for x 0"),
        (lambda: rate_fidelity_curve(PX, BINARY.pointwise, []), ParameterError, "`s_values` must hold at least one"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
