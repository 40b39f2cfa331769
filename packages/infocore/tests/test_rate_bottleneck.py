"""Information bottleneck: Mrs. Gerber's curve, brute force over encoders, and bounds that nothing may go below."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infocore.errors import ConvergenceWarning, InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.rate import critical_beta, information_bottleneck, information_bottleneck_curve
from infocore.rate._bottleneck_bounds import line_bound


def h(p):
    return -p * np.log(p) - (1 - p) * np.log1p(-p)


def symmetric(flip):
    return np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2


def information(table):
    """Return the mutual information of each joint law in an array of shape (..., a, b)."""
    outer = table.sum(-1, keepdims=True) * table.sum(-2, keepdims=True)
    used = table > 0
    return np.sum(table * np.log(np.where(used, table, 1.0) / np.where(used, outer, 1.0)), (-2, -1))


def objective(joint, encoder, beta):
    """I(X; T) - beta I(T; Y) of encoders of shape (..., m, k), from the definitions."""
    return information(joint.sum(1)[:, None] * encoder) - beta * information(np.swapaxes(encoder, -1, -2) @ joint)


@pytest.mark.parametrize("flip", [0.1, 0.3])
@pytest.mark.parametrize("ratio", [1.01, 1.1, 2.0, 10.0])
def test_binary_symmetric_source_follows_mrs_gerber(flip, ratio):
    # the best encoders are symmetric channels with flip probability d: R = log 2 - h(d), relevance log 2 - h(d * flip)
    beta = ratio / (1 - 2 * flip) ** 2
    d = np.linspace(1e-12, 0.5, 200_001)
    twice = d + flip - 2 * d * flip
    best = np.min(math.log(2) - h(d) - beta * (math.log(2) - h(twice)))
    point = information_bottleneck(symmetric(flip), beta)
    assert point.objective == pytest.approx(best, abs=1e-8)
    assert point.gap < 1e-7
    assert point.certificate == "envelope"
    own = np.interp(-point.rate, h(d) - math.log(2), d)
    assert point.relevance == pytest.approx(math.log(2) - h(own + flip - 2 * own * flip), abs=1e-6)


def test_nothing_is_told_below_the_critical_trade_off():
    # 1 / (1 - 2 flip)^2, and for the symmetric source it is global
    assert critical_beta(symmetric(0.2)) == pytest.approx(1 / 0.36, rel=1e-12)
    for ratio in (0.2, 0.9, 0.99):
        point = information_bottleneck(symmetric(0.2), ratio / 0.36)
        assert (point.rate, point.relevance) == (0.0, 0.0)
        assert point.encoder.tolist() == [[1.0], [1.0]]
        assert point.gap < 1e-8
    assert information_bottleneck(symmetric(0.2), 1.01 / 0.36).objective < -1e-9
    # a joint law in 3 x 2: the second singular value is sqrt(sum_x p(x) (p(y=1|x) - p(y=1))^2 / (p(y=1) p(y=0)))
    px, w = np.array([0.2, 0.5, 0.3]), np.array([0.9, 0.4, 0.3])
    mean = px @ w
    want = mean * (1 - mean) / (px @ (w - mean) ** 2)
    assert critical_beta(px[:, None] * np.stack([w, 1 - w], 1)) == pytest.approx(want, rel=1e-10)
    assert critical_beta(np.outer([0.3, 0.7], [0.5, 0.2, 0.3])) == math.inf
    assert critical_beta([[0.3], [0.7]]) == math.inf
    assert critical_beta([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]) == pytest.approx(1.0)


def test_a_first_order_transition_is_found_below_the_critical_trade_off():
    # at 18 telling nothing is still a local optimum (critical: 19), and an encoder far away is better
    joint = np.array([[0.45, 0.5], [0.05, 0.0]])
    assert critical_beta(joint) == pytest.approx(19.0)
    grid = np.linspace(0, 1, 1001)
    a, b = np.meshgrid(grid, grid)
    encoders = np.stack([np.stack([a, 1 - a], -1), np.stack([b, 1 - b], -1)], -2)
    brute = float(objective(joint, encoders, 18.0).min())
    point = information_bottleneck(joint, 18.0)
    assert brute < -0.4
    assert brute - 1e-5 < point.objective <= brute + 1e-12  # the grid misses by 1.4e-6, measured
    assert point.gap < 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_two_by_two_by_two_against_every_encoder_on_a_grid(seed):
    joint = np.random.default_rng(seed).dirichlet(np.full(4, 0.7)).reshape(2, 2)
    beta = 1.5 * critical_beta(joint)
    grid = np.linspace(0, 1, 401)
    a, b = np.meshgrid(grid, grid)
    encoders = np.stack([np.stack([a, 1 - a], -1), np.stack([b, 1 - b], -1)], -2)
    brute = float(objective(joint, encoders, beta).min())
    point = information_bottleneck(joint, beta)
    # the grid misses the optimum by up to 1.1e-4 over these seeds, measured
    assert brute - 2e-4 < point.objective <= brute + 1e-12
    assert point.gap < 1e-7
    assert point.objective - point.gap <= brute


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(2, 2), (2, 5), (4, 2), (3, 3), (4, 3), (3, 5)]),
    beta=st.floats(0.5, 30),
    n_clusters=st.sampled_from([1, 2, None]),
)
def test_no_encoder_goes_below_the_bound(seed, shape, beta, n_clusters):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.full(shape[0] * shape[1], 0.5)).reshape(shape)
    point = information_bottleneck(joint, beta, n_clusters=n_clusters, restarts=1)
    assert point.gap >= 0
    assert point.objective == pytest.approx(float(objective(joint, point.encoder, beta)), abs=1e-10)
    assert point.relevance <= min(point.rate, float(information(joint))) + 1e-10
    assert len(point.pt) <= (n_clusters or shape[0])
    np.testing.assert_allclose(point.encoder.sum(1), 1.0, atol=1e-12)
    np.testing.assert_allclose(joint.sum(1) @ point.encoder, point.pt, atol=1e-12)
    np.testing.assert_allclose(point.pt @ point.decoder, joint.sum(0), atol=1e-12)
    apart = np.abs(point.decoder[:, None] - point.decoder).sum(2) + np.eye(len(point.pt))
    assert apart.min() > 1e-8  # clusters that say the same are one
    lower = point.objective - point.gap
    hard = np.eye(shape[0])
    for encoder in (hard, hard[:, :1] * 0 + 1.0, np.minimum(hard + 0.01, 1) / np.minimum(hard + 0.01, 1).sum(1)):
        assert float(objective(joint, encoder, beta)) >= lower - 1e-9
    others = rng.dirichlet(np.full(3, 0.3), (200, shape[0]))
    assert objective(joint, others, beta).min() >= lower - 1e-9


@pytest.mark.parametrize("shape", [(2, 2), (2, 4), (5, 2)])
def test_laws_on_a_line_are_solved_to_the_global_optimum(shape):
    rng = np.random.default_rng(1)
    for beta in (1.2, 3.0, 12.0, 60.0, 500.0):
        joint = rng.dirichlet(np.full(shape[0] * shape[1], 0.5)).reshape(shape)
        assert information_bottleneck(joint, beta).gap < 1e-6


def test_too_few_clusters_leave_a_gap_that_is_real():
    # of 4 groups of x that mean different things, 2 clusters cannot keep what 4 keep
    w = np.array([0.02, 0.3, 0.7, 0.98])
    joint = np.stack([w, 1 - w], 1) / 4
    few, enough = information_bottleneck(joint, 40.0, n_clusters=2), information_bottleneck(joint, 40.0)
    assert enough.gap < 1e-7
    assert len(information_bottleneck(joint, 5.0).pt) == 2  # 4 are found, two and two that say the same
    assert few.objective - enough.objective > 0.1
    assert few.gap == pytest.approx(few.objective - enough.objective, rel=0.5)
    assert few.gap >= few.objective - enough.objective - 1e-9


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), beta=st.floats(0.1, 30), accuracy=st.sampled_from([100.0, 1e-2, 1e-9]))
def test_the_search_over_a_line_is_never_above_the_least_value(seed, beta, accuracy):
    # coarse or fine, it must not be above what a grid finds; fine, it must be close to it where that is negative
    rng = np.random.default_rng(seed)
    w, multipliers = rng.dirichlet(np.ones(3), 2), rng.normal(0, 2, 2)
    place = np.array([0.0, 1.0]) if seed % 2 else np.array([1.0, 0.0])
    share = np.concatenate([np.linspace(0, 1, 20_001), np.geomspace(1e-14, 1e-3, 4001)])
    share = np.concatenate([share, 1 - share])
    q = np.stack([1 - share, share], 1)
    entropy = [-np.sum(np.where(law > 0, law * np.log(np.maximum(law, 1e-300)), 0.0), 1) for law in (q @ w, q)]
    grid = float((beta * entropy[0] - entropy[1] - q @ multipliers).min())
    bound, _ = line_bound(w, place, beta, multipliers, accuracy)
    assert bound <= grid + 1e-12
    if accuracy < 1e-8:
        assert bound >= min(grid, 0.0) - 1e-5


@pytest.mark.parametrize(("seed", "gain"), [(20, 2e-3), (218, 9e-3)])
def test_annealing_finds_what_one_beta_alone_does_not(seed, gain):
    # better by over 1e-4 for some beta in 17 of 300 random laws, and never worse
    rng = np.random.default_rng(seed)
    m, n = rng.integers(3, 9, 2)
    joint = rng.dirichlet(np.full(m * n, 0.3)).reshape(m, n)
    betas = [8.0, 4.0, 2.5, 1.8, 1.4]
    annealed = information_bottleneck_curve(joint, betas, restarts=0)
    alone = [information_bottleneck(joint, beta, restarts=0) for beta in betas]
    better = np.array([b.objective - a.objective for a, b in zip(annealed, alone, strict=True)])
    assert better.min() > -1e-9
    assert better.max() > gain


def test_groups_of_x_that_mean_nearly_the_same_are_found():
    rng = np.random.default_rng(1)
    centres, group = rng.dirichlet(np.full(6, 0.5), 8), rng.integers(0, 8, 40)
    joint = (0.97 * centres[group] + 0.03 * rng.dirichlet(np.ones(6), 40)) / 40
    point = information_bottleneck(joint, 200.0, n_clusters=8, restarts=0)
    labels = point.encoder.argmax(1)
    assert len({(g, t) for g, t in zip(group.tolist(), labels.tolist(), strict=True)}) == 8


def test_a_deterministic_relation_keeps_the_classes():
    # y = f(x): for beta > 1 the clusters are the classes, and both informations are H(Y)
    joint = np.zeros((6, 3))
    joint[np.arange(6), [0, 0, 1, 1, 1, 2]] = 1 / 6
    want = -(2 / 6) * math.log(2 / 6) - 0.5 * math.log(0.5) - (1 / 6) * math.log(1 / 6)
    point = information_bottleneck(joint, 2.0)
    assert point.rate == pytest.approx(want, abs=1e-9)
    assert point.relevance == pytest.approx(want, abs=1e-9)
    assert sorted(point.pt.tolist()) == pytest.approx([1 / 6, 2 / 6, 0.5])
    assert point.gap == pytest.approx(0.0, abs=1e-9)
    assert point.certificate == "contraction"  # tight here: no information can pass I(X; Y) = H(Y)


def test_rectangular_alphabets_and_x_that_never_happen():
    rng = np.random.default_rng(3)
    for shape in ((40, 6), (6, 40)):
        joint = rng.dirichlet(np.full(240, 0.2)).reshape(shape)
        joint[2], joint[:, 1] = 0.0, 0.0
        joint /= joint.sum()
        point = information_bottleneck(joint, 5.0, n_clusters=5)
        assert point.encoder.shape == (shape[0], len(point.pt))
        assert point.decoder.shape == (len(point.pt), shape[1])
        assert 2 <= len(point.pt) <= 5
        assert point.objective == pytest.approx(float(objective(joint, point.encoder, 5.0)), abs=1e-10)
        assert point.converged
        # another update changes nothing: P(t|x) in proportion to P(t) exp(-beta KL(P(y|x) || P(y|t)))
        used = joint.sum(1) > 0
        w = joint[used] / joint[used].sum(1, keepdims=True)
        logs = np.log(point.pt) + 5.0 * (w @ np.log(np.maximum(point.decoder, 1e-300)).T)
        again = np.exp(logs - logs.max(1, keepdims=True))
        np.testing.assert_allclose(again / again.sum(1, keepdims=True), point.encoder[used], atol=1e-6)


def test_a_curve_is_annealed_and_in_the_order_asked_for():
    joint = np.random.default_rng(5).dirichlet(np.full(30, 0.4)).reshape(6, 5)
    betas = [3.0, 1.1, 20.0, 6.0]
    points = information_bottleneck_curve(joint, betas, rng=1)
    assert [p.beta for p in points] == betas
    order = np.argsort(betas)
    assert np.all(np.diff([points[i].relevance for i in order]) >= -1e-9)
    assert np.all(np.diff([points[i].rate for i in order]) >= -1e-9)
    for i, beta in enumerate(betas):
        assert points[i].objective <= information_bottleneck(joint, beta, rng=2).objective + 1e-6


def test_more_updates_never_end_higher():
    # seed 144: extrapolation that is not held back goes to a local optimum 9e-4 higher
    rng = np.random.default_rng(144)
    m, n = rng.integers(3, 9, 2)
    joint = rng.dirichlet(np.full(m * n, 0.3)).reshape(m, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reached = [
            information_bottleneck(joint, 1.4, restarts=0, max_iter=limit).objective for limit in range(5, 400, 20)
        ]
    assert np.diff(reached).max() <= 1e-12
    assert reached[0] - reached[-1] > 1e-4


def test_the_seed_decides_and_nothing_else():
    joint = np.random.default_rng(8).dirichlet(np.full(20, 0.4)).reshape(5, 4)
    one, two = (information_bottleneck(joint, 4.0, rng=7) for _ in range(2))
    np.testing.assert_array_equal(one.encoder, two.encoder)


def test_an_encoder_that_still_moves_is_said_to():
    with pytest.warns(ConvergenceWarning, match="information_bottleneck: stopped after `max_iter` = 1"):
        point = information_bottleneck(symmetric(0.1), 1.7, max_iter=1, restarts=0)
    assert not point.converged
    assert point.residual > 1e-7
    assert point.objective == pytest.approx(float(objective(symmetric(0.1), point.encoder, 1.7)), abs=1e-12)
    best = information_bottleneck(symmetric(0.1), 1.7)
    assert point.objective - point.gap <= best.objective + 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: information_bottleneck([[1.0]], 0.0), ParameterError, "`beta` must be positive and finite"),
        (lambda: information_bottleneck([[1.0]], math.inf), ParameterError, "`beta` must be positive and finite"),
        (lambda: information_bottleneck_curve([[1.0]], []), ParameterError, "`beta` must be positive"),
        (lambda: information_bottleneck([[1.0]], 1.0, n_clusters=0), ParameterError, "`n_clusters` must be at least 1"),
        (lambda: information_bottleneck([[1.0]], 1.0, restarts=-1), ParameterError, "`restarts` must not be negative"),
        (lambda: information_bottleneck([[1.0]], 1.0, tol=0.0), ParameterError, "`tol` must be positive"),
        (lambda: information_bottleneck([[1.0]], 1.0, rng=-1), ParameterError, "`rng` must be a seed"),
        (lambda: information_bottleneck([[0.5, 0.4]], 1.0), InvalidDistributionError, "`joint`.*sum 0.9"),
        (lambda: information_bottleneck([[1.5, -0.5]], 1.0), InvalidDistributionError, "smallest entry -0.5"),
        (lambda: information_bottleneck([[math.nan, 0.5]], 1.0), NonFiniteError, "1 of 1 rows"),
        (lambda: critical_beta([0.5, 0.5]), ShapeError, "critical_beta: `joint`"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
