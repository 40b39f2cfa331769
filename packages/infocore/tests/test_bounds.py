"""The score matrix on numpy arrays: closed forms, identities, laws on random input, stability, and every refusal."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm

from infocore import bounds
from infocore.bounds import (
    BOUNDS,
    club,
    donsker_varadhan,
    flo,
    influence,
    infonce,
    infonce_anchor,
    js,
    l1out,
    nwj,
    pointwise,
    semantic,
    smile,
    tuba,
)
from infocore.errors import KindError, ParameterError, ShapeError

RHO = 0.8
SEEDS = st.integers(0, 10**6)
ONE_ARGUMENT = [infonce, semantic, nwj, donsker_varadhan, js, club, l1out]


def scores_of(seed, rows=6, columns=6, scale=2.0):
    return scale * np.random.default_rng(seed).standard_normal((rows, columns))


def gaussian_pairs(seed, n, rho=RHO):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)


def log_ratio(x, y, rho=RHO):
    """log p(x, y) / p(x) p(y) of the bivariate normal, all pairs, through scipy's densities."""
    pairs = np.stack(np.broadcast_arrays(x[:, None], y[None, :]), -1)
    joint = multivariate_normal(cov=[[1, rho], [rho, 1]]).logpdf(pairs)
    return joint - norm.logpdf(x)[:, None] - norm.logpdf(y)[None, :]


# pointwise: a second implementation and the values computed by hand


@pytest.mark.parametrize("over", ["x", "y"])
@pytest.mark.parametrize("positive", ["included", "excluded"])
def test_pointwise_is_what_it_says(over, positive):
    s = scores_of(0)
    for i, r in enumerate(pointwise(s, over=over, positive=positive)):
        around = s[i] if over == "y" else s[:, i]
        if positive == "excluded":
            around = np.delete(around, i)
        assert r == pytest.approx(s[i, i] - logsumexp(around) + math.log(len(around)), abs=1e-12)


def test_extra_columns_are_negatives_too():
    s = scores_of(1, 3, 7)
    for i, (inside, outside) in enumerate(
        zip(pointwise(s, over="y"), pointwise(s, over="y", positive="excluded"), strict=True)
    ):
        assert inside == pytest.approx(s[i, i] - logsumexp(s[i]) + math.log(7), abs=1e-12)
        assert outside == pytest.approx(s[i, i] - logsumexp(np.delete(s[i], i)) + math.log(6), abs=1e-12)


# the contrastive factor p(k = 1) of a pair is sigmoid(r), r without the positive; values by hand
@pytest.mark.parametrize(("tau", "want"), [(1.0, 0.313262), (0.5, 0.126928), (0.2, 0.006715), (0.1, 4.5399e-5)])
@pytest.mark.parametrize("count", [2, 7, 100])
def test_orthonormal_codes(tau, want, count):
    r = pointwise(np.eye(count) / tau, over="y", positive="excluded")
    np.testing.assert_allclose(np.logaddexp(0, -r), want, atol=5e-7, rtol=2e-5)


@pytest.mark.parametrize(("tau", "want"), [(1.0, 0.126928), (0.1, 2.0612e-9)])
def test_opposite_codes(tau, want):
    r = pointwise(np.array([[1.0, -1.0], [-1.0, 1.0]]) / tau, over="x", positive="excluded")
    np.testing.assert_allclose(np.logaddexp(0, -r), want, rtol=4e-5)


@pytest.mark.parametrize("count", [2, 5, 64])
def test_identical_codes(count):
    r = pointwise(np.full((count, count), 3.7), over="y", positive="excluded")
    np.testing.assert_allclose(np.logaddexp(0, -r), math.log(2), rtol=1e-12)


@pytest.mark.parametrize(("count", "want"), [(10, 1.461150), (1000, 5.909472)])
def test_sum_form_of_orthonormal_codes(count, want):
    assert math.log(count) - infonce(np.eye(count)) == pytest.approx(want, abs=1e-6)


def test_every_code_twice():
    tau, s = 0.7, scores_of(2) / 3
    np.fill_diagonal(s, 1 / tau)
    m = 1 / tau - pointwise(s, over="y", positive="excluded")
    twice = 1 / tau - pointwise(np.tile(s, (2, 2)), over="y", positive="excluded")
    want = np.log((2 * 5 * np.exp(m) + math.exp(1 / tau)) / 11)
    np.testing.assert_allclose(twice, np.tile(want, 2), rtol=1e-12)


# population values for rho = .8 (I = .5108), by quadrature: E f over the joint law, E e^f over the product of margins

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def population(critic):
    """NWJ (critic shifted by 1), Donsker-Varadhan and G of a critic, by Gauss-Hermite quadrature."""
    y = NODES[:, None]
    conditional = RHO * y + math.sqrt(1 - RHO**2) * NODES[None, :]  # x given y
    joint = np.sum(WEIGHTS[:, None] * WEIGHTS[None, :] * critic(conditional, y))
    z = np.sum(WEIGHTS[None, :] * np.exp(critic(NODES[None, :], y)), axis=1)
    return joint - WEIGHTS @ z + 1, joint - math.log(WEIGHTS @ z), joint - WEIGHTS @ np.log(z)


def truth(sigma):
    return lambda x, y: -((x - RHO * y) ** 2) / (2 * sigma**2)


def plain_distance(x, y):
    return -((x - y) ** 2) / (2 * 0.75**2)


# 40 batches of 1,000 (2,000 of 8 for G, whose ceiling is log B): the mean of each estimate within 4 s.e. of its golden
@pytest.mark.parametrize(
    ("critic", "goldens"),
    [
        (truth(0.6), (0.0757, 0.3574, 0.3999)),
        (truth(0.8), (0.1889, 0.3540, 0.3844)),
        (plain_distance, (0.1759, 0.4026, 0.4753)),
    ],
)
def test_population_values(critic, goldens):
    assert population(critic) == pytest.approx(goldens, abs=1e-4)
    values = []
    for seed in range(40):
        x, y = gaussian_pairs(seed, 1000)
        s = critic(x[:, None], y[None, :])
        values.append([nwj(s + 1), donsker_varadhan(s), semantic(s)])
    mean, error = np.mean(values, 0), np.std(values, 0, ddof=1) / math.sqrt(40)
    assert np.all(error < 0.01)
    np.testing.assert_array_less(np.abs(mean - goldens), 4 * error + 0.002)  # .002: bias of order 1/B


# sigma = .6, B = 256, means over 4,000 batches: column .3988, row .5076; one batch scatters by .05, so 400 by .0025
def test_columns_and_rows_are_two_quantities():
    column, row = [], []
    for seed in range(400):
        x, y = gaussian_pairs(seed, 256)
        s = truth(0.6)(x[:, None], y[None, :])
        column.append(semantic(s))
        row.append(infonce(s))
    assert np.mean(column) == pytest.approx(0.3988, abs=4 * np.std(column) / 20)
    assert np.mean(row) == pytest.approx(0.5076, abs=4 * np.std(row) / 20)
    assert np.mean(row) - np.mean(column) > 0.09


def test_bounds_hold_in_expectation_at_the_best_critic():
    information = -0.5 * math.log(1 - RHO**2)
    values = {"infonce": [], "nwj": [], "flo": [], "l1out": []}
    for seed in range(1000):
        x, y = gaussian_pairs(seed, 8)
        s = log_ratio(x, y)
        channel = s + norm.logpdf(y)[None, :]  # log p(y | x)
        values["infonce"].append(infonce(s))
        values["nwj"].append(nwj(s + 1))
        values["flo"].append(flo(s, -np.diagonal(s)))
        values["l1out"].append(l1out(channel))
    mean = {name: np.mean(v) for name, v in values.items()}
    error = {name: np.std(v, ddof=1) / math.sqrt(1000) for name, v in values.items()}
    assert mean["infonce"] < information - 2 * error["infonce"]  # a batch of 8 costs .09
    assert mean["l1out"] > information + 2 * error["l1out"]
    for name in ("nwj", "flo"):  # unbiased there
        assert abs(mean[name] - information) < 4 * error[name]
        assert error[name] < 0.03


# identities between the bounds


@given(seed=SEEDS)
def test_semantic_is_infonce_of_the_transpose(seed):
    s = scores_of(seed)
    assert semantic(s) == pytest.approx(infonce(s.T), abs=1e-12)


@given(seed=SEEDS)
def test_tuba_at_one_is_nwj_and_wide_smile_is_donsker_varadhan(seed):
    s = scores_of(seed, 5, 8)
    assert tuba(s, 1.0) == nwj(s)
    assert smile(s, math.inf) == donsker_varadhan(s)
    assert tuba(s, np.full((5, 1), 1.0)) == pytest.approx(nwj(s), abs=1e-12)


@given(seed=SEEDS)
def test_tuba_subtracts_its_baseline_per_column_or_row(seed):
    s, per_column, per_row = scores_of(seed), scores_of(seed + 1, 1, 6)[0], scores_of(seed + 2, 6, 6)[:, :1]
    assert tuba(s, per_column) == pytest.approx(nwj(s - per_column + 1), abs=1e-9, rel=1e-9)
    assert tuba(s, per_row) == pytest.approx(nwj(s - per_row + 1), abs=1e-9, rel=1e-9)


@given(seed=SEEDS)
def test_best_dual_of_flo_is_minus_the_pointwise_value(seed):
    s = scores_of(seed)
    r = pointwise(s, over="y", positive="excluded")
    assert flo(s, -r) == pytest.approx(np.mean(r), abs=1e-12)
    assert flo(s, -r + 0.1 * scores_of(seed + 1)[0]) < flo(s, -r)


@given(seed=SEEDS)
def test_nwj_is_below_donsker_varadhan(seed):
    s = scores_of(seed)
    assert nwj(s + 1) <= donsker_varadhan(s) + 1e-9
    shift = donsker_varadhan(s) - np.mean(np.diagonal(s))  # -log of the partition: NWJ is tight there
    assert nwj(s + shift + 1) == pytest.approx(donsker_varadhan(s), abs=1e-9)


@given(seed=SEEDS)
def test_simple_sums(seed):
    s = scores_of(seed, 4, 6)
    off = s[~np.eye(4, 6, dtype=bool)]
    on = np.diagonal(s)
    assert club(s) == pytest.approx(on.mean() - off.mean(), abs=1e-12)
    assert js(s) == pytest.approx(-np.log1p(np.exp(-on)).mean() - np.log1p(np.exp(off)).mean(), abs=1e-12)
    assert nwj(s) == pytest.approx(on.mean() - np.exp(off - 1).mean(), rel=1e-12, abs=1e-12)
    assert smile(s, 1.5) == pytest.approx(on.mean() - np.log(np.exp(np.clip(off, -1.5, 1.5)).mean()), abs=1e-12)


# laws on random input


@given(seed=SEEDS, columns=st.integers(1, 9), scale=st.floats(0, 50), shift=st.floats(-50, 50))
def test_infonce_ignores_row_offsets_and_keeps_its_ceiling(seed, columns, scale, shift):
    s = scores_of(seed, min(columns, 4), columns, scale)
    assert infonce(s + shift * np.arange(len(s))[:, None]) == pytest.approx(float(infonce(s)), abs=1e-9)
    assert infonce(s) <= math.log(columns) + 1e-12


@given(seed=SEEDS, shift=st.floats(-50, 50))
def test_semantic_ignores_column_offsets(seed, shift):
    s = scores_of(seed)
    assert semantic(s + shift * np.arange(6)) == pytest.approx(float(semantic(s)), abs=1e-9)


@given(seed=SEEDS)
def test_order_of_pairs_does_not_matter(seed):
    s = scores_of(seed)
    p = np.random.default_rng(seed).permutation(6)
    for bound in ONE_ARGUMENT:
        assert bound(s[np.ix_(p, p)]) == pytest.approx(float(bound(s)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("bound", ["infonce", "semantic"])
@pytest.mark.parametrize("count", [1, 2, 50])
def test_ceilings_are_reached_and_not_passed(bound, count):
    row = BOUNDS[bound]
    assert row.function(1e3 * np.eye(count)) == pytest.approx(row.ceiling(count), abs=1e-12)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_table_agrees_with_the_module(name):
    row = BOUNDS[name]
    assert row.function is getattr(bounds, name)
    assert row.source
    assert row.direction in ("lower", "upper", "none")
    assert row.ceiling(64) in (math.log(64), math.inf, 0.0)


def test_table_is_complete_and_closed():
    functions = {name for name in bounds.__all__ if name.islower()} - {"pointwise", "influence"}
    assert set(BOUNDS) == functions
    with pytest.raises(TypeError):
        BOUNDS["mine"] = BOUNDS["nwj"]


# standard errors


@pytest.mark.parametrize("over", ["x", "y"])
def test_influence_is_the_derivative_by_the_weight_of_a_pair(over):
    s, weights, step = scores_of(3), np.full(6, 1 / 6), 1e-6

    def mean_under(w):
        """The mean of pointwise where pair k has weight w_k, both as a positive and as a negative."""
        t = s if over == "y" else s.T
        return np.sum(w * (np.diagonal(t) - logsumexp(t, axis=1, b=w[None, :])))

    base = mean_under(weights)
    assert base == pytest.approx(float(np.mean(pointwise(s, over=over))), abs=1e-12)
    for pair, value in enumerate(influence(s, over=over)):
        toward = (1 - step) * weights + step * np.eye(6)[pair]
        assert (mean_under(toward) - base) / step == pytest.approx(value - base, abs=1e-4)
    assert np.mean(influence(s, over=over)) == pytest.approx(base, abs=1e-12)


# 200 samples of 400 pairs, rho .8, true log ratio: spread .0378, mean claim .0393; the spread of 200 is known to 5 %
def test_influence_gives_the_spread_over_samples():
    values, claims = [], []
    for seed in range(200):
        s = log_ratio(*gaussian_pairs(seed, 400))
        values.append(infonce(s))
        claims.append(np.std(influence(s, over="y"), ddof=1) / math.sqrt(400))
    assert np.mean(claims) == pytest.approx(np.std(values, ddof=1), rel=0.2)


# stability


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_float32_up_to_the_score_the_table_names(name):
    reach = BOUNDS[name].largest_score
    s = np.random.default_rng(0).uniform(-reach, reach, (8, 8)).astype(np.float32)
    s[0, 0], s[0, 1], s[1, 1] = reach, -reach, -reach
    extra = {"tuba": (np.float32(1.0),), "smile": (5.0,), "flo": (np.zeros(8, np.float32),)}.get(name, ())
    if name == "flo":
        s /= 2  # it exponentiates differences of scores
    got = BOUNDS[name].function(s, *extra)
    assert got.dtype == np.float32
    exact = BOUNDS[name].function(s.astype(np.float64), *extra)
    assert np.isfinite(got)
    assert float(got) == pytest.approx(float(exact), rel=1e-5, abs=1e-6 * reach)


@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_common_offset_costs_no_precision(offset):
    s = np.round(scores_of(4), 2)  # so that the sums with the offset are exact to 1e-12
    np.testing.assert_allclose(pointwise(s + offset, over="y"), pointwise(s, over="y"), atol=1e-11)


def test_masked_negatives_do_not_count():
    s = scores_of(5)
    s[0, 1] = -math.inf
    want = s[0, 0] - logsumexp(s[0, [0, 2, 3, 4, 5]]) + math.log(6)
    assert pointwise(s, over="y")[0] == pytest.approx(want, abs=1e-12)
    s[0, 1:] = -math.inf
    assert pointwise(s, over="y", positive="excluded")[0] == math.inf


def test_one_pair():
    assert pointwise(np.array([[5.0]]), over="y").tolist() == [0.0]
    assert pointwise(np.array([[5.0]]), over="y", positive="excluded").tolist() == [math.inf]


def test_input_is_kept_and_integers_are_taken():
    s = scores_of(6)
    before = s.copy()
    for bound in ONE_ARGUMENT:
        bound(s)
    np.testing.assert_array_equal(s, before)
    assert infonce(np.eye(3, dtype=int)) == infonce(np.eye(3))
    assert infonce([[1, 0], [0, 1]]) == infonce(np.eye(2))
    assert infonce(np.eye(3, dtype=np.float32)).dtype == np.float32


# refusals


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (3, 2), (0, 0), (0, 3)])
@pytest.mark.parametrize("bound", [*ONE_ARGUMENT, lambda s: pointwise(s, over="y"), lambda s: influence(s, over="y")])
def test_shapes_that_are_refused(bound, shape):
    with pytest.raises(ShapeError, match="`scores`"):
        bound(np.zeros(shape))


@pytest.mark.parametrize("bound", [semantic, l1out, lambda s: pointwise(s, over="x"), lambda s: influence(s, over="x")])
def test_mean_over_x_needs_a_square(bound):
    with pytest.raises(ShapeError, match=r"square matrix; got shape \(2, 3\)"):
        bound(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "bound",
    [nwj, donsker_varadhan, js, club, l1out, lambda s: tuba(s, 1.0), lambda s: smile(s, 5.0), lambda s: flo(s, s[0])],
)
def test_one_pair_holds_no_negatives(bound):
    with pytest.raises(ShapeError, match="no negatives"):
        bound(np.zeros((1, 1)))


def test_words_and_numbers_that_are_refused():
    s = np.eye(3)
    with pytest.raises(ParameterError, match="`over` must be 'x' or 'y'; got 'rows'"):
        pointwise(s, over="rows")
    with pytest.raises(ParameterError, match="`positive` must be"):
        pointwise(s, over="y", positive="left out")
    for clip in (0.0, -1.0, math.nan):
        with pytest.raises(ParameterError, match="`clip` must be positive"):
            smile(s, clip)
    with pytest.raises(KindError, match=r"`scores` must hold real numbers; got dtype complex128"):
        infonce(s.astype(complex))
    with pytest.raises(KindError, match="real numbers"):
        infonce(np.array([["a", "b"], ["c", "d"]]))


def test_softmax_of_a_row_explains_infonce():
    s = scores_of(7)
    assert infonce(s) == pytest.approx(np.mean(np.log(6 * np.diagonal(softmax(s, axis=1)))), abs=1e-12)


def test_the_anchor_leaves_no_offset_open():
    # exact expectation of the objective on a small joint: K = 3, so two candidates a game
    rng = np.random.default_rng(0)
    joint = rng.dirichlet(np.ones(9)).reshape(3, 3)
    px, py = joint.sum(1), joint.sum(0)
    ratio = np.log(joint / np.outer(px, py))

    def expected(f, weight):
        value = 0.0
        for x, own, one, two in itertools.product(range(3), repeat=4):
            scores = np.array([[f[x, own], f[x, one], f[x, two]]])  # one row: the objective is a mean over rows
            value += joint[x, own] * py[one] * py[two] * float(infonce_anchor(scores, weight))
        return value

    for weight in (1.0, 0.3):
        best = expected(ratio, weight)
        step = 1e-5
        for k in range(9):
            bump = step * np.eye(9)[k].reshape(3, 3)
            assert (expected(ratio + bump, weight) - expected(ratio - bump, weight)) / (2 * step) == pytest.approx(
                0, abs=1e-9
            )
        for wrong in (ratio + 0.1, ratio - 0.1, ratio + 0.2 * np.arange(3)[:, None], ratio + 0.2 * np.arange(3)):
            assert expected(wrong, weight) < best - 1e-4
    # InfoNCE does not mind an offset for each x
    scores = rng.normal(size=(4, 4))
    offset = np.arange(4.0)[:, None]
    assert float(infonce(scores + offset)) == pytest.approx(float(infonce(scores)))
    assert float(infonce_anchor(scores + offset)) != pytest.approx(float(infonce_anchor(scores)))


def test_the_anchor_stays_finite_and_refuses_no_weight():
    assert math.isfinite(float(infonce_anchor(1e4 * np.eye(5))))
    assert math.isfinite(float(infonce_anchor(-1e4 * np.eye(5))))
    for weight in (0.0, math.inf):
        with pytest.raises(ParameterError, match="`weight` must be positive"):
            infonce_anchor(np.zeros((3, 3)), weight)
