"""KSG and its relatives: brute force, closed forms, scikit-learn, and what extrapolation and ranks are for."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from infocore._validate import paired
from infocore.errors import (
    DegenerateWarning,
    KindError,
    ParameterError,
    SaturationWarning,
    ShapeError,
    TooFewSamplesError,
)
from infocore.estimators import _doubts, _neighbours
from infocore.estimators._ksg import extrapolation_weights, ksg_terms, ksg_values
from infocore.estimators.kozachenko_leonenko import KozachenkoLeonenkoMI, kl_entropy, kl_weights
from infocore.estimators.ksg import KSG, _halves
from infocore.estimators.lnc import LNC, threshold, volume_ratios
from infocore.estimators.mixed import MixedKSG, RossMI
from infocore.estimators.pairs import ksg_matrix
from infocore.testing import CHECKS


def normal(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def additive(n, half_width, seed=0):
    """Uniform plus uniform noise; truth for half-widths up to 1/2: half_width - log(2 half_width)."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    return x, x + half_width * rng.uniform(-1, 1, n)


def distances(*sides):
    return [np.abs(a[:, None] - a[None]).max(-1) for a in sides]


@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "estimator",
    [
        KSG(margins="rank"),
        KSG(extrapolate="k"),
        KSG(extrapolate="n"),
        LNC(k=4),
        KozachenkoLeonenkoMI(),
        MixedKSG(variant="gao"),
        RossMI(),
    ],
    ids=repr,
)
def test_contract(estimator, check):
    check(estimator)


def test_values_at_several_k_are_those_of_separate_searches():
    x, y = normal(400, 0.7, d=2)
    got = ksg_values(x, y, [7, 3])
    assert list(got) == [7, 3]
    for k, (value, pointwise) in got.items():
        assert value == KSG(k, margins="none").terms(paired(x, y, "test")).value
        assert value == pytest.approx(pointwise.mean(), abs=1e-15)
    assert ksg_values(x[:, 0], y[:, 0], [3])[3][0] == KSG(margins="none").estimate(x[:, 0], y[:, 0]).value


@pytest.mark.parametrize(
    ("x", "y", "ks", "error", "match"),
    [
        (np.zeros(9), np.zeros(8), [3], ShapeError, r"got \(9,\) and \(8,\)"),
        (np.zeros((9, 1, 1)), np.zeros(9), [3], ShapeError, "`x` and `y`"),
        (np.zeros(9), np.zeros(9), [], ParameterError, "`ks`.*got none"),
        (np.zeros(9), np.zeros(9), [0], ParameterError, "ksg_values: `k`"),
        (np.zeros(9), np.zeros(9), [8], TooFewSamplesError, "ksg_values: needs at least"),
    ],
)
def test_values_refuse(x, y, ks, error, match):
    with pytest.raises(error, match=match):
        ksg_values(x, y, ks)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"margins": "copula"}, '`margins` must be "standard", "rank" or "none"'),
        ({"extrapolate": "m"}, '`extrapolate` must be "none", "k" or "n"'),
        ({"extrapolate": "k", "variant": 2}, "needs variant=1"),
    ],
)
def test_settings_out_of_range(setting, match):
    with pytest.raises(ParameterError, match=match):
        KSG(**setting).estimate(*normal(50, 0.0))


def test_extrapolation_needs_rows():
    with pytest.raises(TooFewSamplesError, match='extrapolate="k": needs at least k'):
        KSG(extrapolate="k").estimate(*normal(20, 0.0))
    with pytest.raises(TooFewSamplesError, match="each part: needs at least k"):
        KSG(k=10, extrapolate="n").estimate(*normal(20, 0.0))


# scores of ranks are the same numbers, so the estimate is the same number
def test_ranks_ignore_increasing_maps():
    x, y = normal(500, 0.8, d=2)
    want = KSG(margins="rank").estimate(x, y).value
    assert KSG(margins="rank").estimate(np.exp(3 * x), y**3).value == want
    assert KSG().estimate(np.exp(3 * x), y**3).value != pytest.approx(want, abs=0.1)


# Student with one degree of freedom, 1 + 1, truth 0.2242 (closed form, Arellano-Valle et al. 2013); n = 2000, 20 seeds:
# ranks +0.017 / 0.023, standard deviations -0.064 / 0.027 (bias / s.d.); 2 + 2, truth 0.4319: -0.048 / 0.029 and
# -0.221 / 0.035; tolerance = bias + 3 s.d.
def test_ranks_are_for_heavy_tails():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2000, 4)) / np.sqrt(rng.chisquare(1, (2000, 1)))
    assert KSG(margins="rank").estimate(z[:, 0], z[:, 1]).value == pytest.approx(0.2242, abs=0.09)
    assert KSG(margins="rank").estimate(z[:, :2], z[:, 2:]).value == pytest.approx(0.4319, abs=0.13)
    assert KSG().estimate(z[:, :2], z[:, 2:]).value < 0.4319 - 0.13


@pytest.mark.parametrize("kind", ["k", "n"])
def test_extrapolation_is_the_intercept_of_a_line(kind):
    x, y = normal(600, 0.6, d=3)
    got = KSG(extrapolate=kind, margins="none").estimate(x, y)
    values = got.diagnostics["values"]
    if kind == "k":
        assert list(values) == [3, 6, 12, 21]
        assert values == {k: pytest.approx(v, abs=1e-12) for k, (v, _) in ksg_values(x, y, list(values)).items()}
        k = np.array(list(values))
        want = np.polynomial.polynomial.polyfit((k / 600) ** 0.5, list(values.values()), 1, w=np.sqrt(k))[0]
    else:
        whole = ksg_values(x, y, [3])[3][0]
        halves = _halves(paired(x, y, "test"))
        assert sorted(np.concatenate(halves)) == list(range(600))
        parts = np.mean([ksg_values(x[rows], y[rows], [3])[3][0] for rows in halves])
        assert values == {600: pytest.approx(whole), 300: pytest.approx(parts)}
        want = np.polynomial.polynomial.polyfit(np.array([600, 300]) ** -0.5, [whole, parts], 1)[0]
    assert got.value == pytest.approx(want, abs=1e-10)
    assert got.cap is None


# the volumes that hold 1, 2, ... neighbours of a point grow by independent exponentials; 200 000 of them: s.d. 0.4 %
def test_spread_of_an_extrapolated_term_is_that_of_its_volumes():
    ks = np.array([3, 6, 12, 21])
    volumes = np.cumsum(np.random.default_rng(0).exponential(size=(200_000, 21)), axis=1)
    want = np.var(np.log(volumes[:, ks - 1]) @ extrapolation_weights(ks, 600, 6))
    noise = KSG(extrapolate="k").terms(paired(*normal(600, 0.6, d=3), "test")).noise
    assert noise == pytest.approx(want, rel=0.015)


# n = 1000, 60 seeds, bias / s.d.: plain -0.331 / 0.037, -0.326 / 0.050, -0.052 / 0.026; extrapolated -0.061 / 0.055,
# -0.056 / 0.057, +0.006 / 0.031; tolerance = bias + 3 s.d.
@pytest.mark.parametrize(
    ("data", "truth", "plain", "room"),
    [
        (lambda: normal(1000, 0.6, d=5), 1.1157, -0.22, 0.23),
        (lambda: normal(1000, 0.9, d=3), 2.4911, -0.17, 0.23),
        (lambda: additive(1000, 0.1), 1.7094, 0.03, 0.10),
    ],
)
def test_extrapolation_removes_bias(data, truth, plain, room):
    x, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)  # that it reads low is the point here
        assert KSG().estimate(x, y).value - truth < plain
    assert KSG(extrapolate="k").estimate(x, y).value == pytest.approx(truth, abs=room)


# the look at twice as many neighbours asks the trees of the search, and says what trees of its own would
@pytest.mark.parametrize(("n", "d"), [(1000, 4), (4500, 5)])
@pytest.mark.parametrize("numba", [False, True])
def test_second_look_asks_the_trees_that_are_there(n, d, numba, monkeypatch):
    if numba and not _neighbours.has_numba():
        pytest.skip("numba is not installed")
    monkeypatch.setattr(_neighbours, "has_numba", lambda: numba)
    x, y = normal(n, 0.9, d=d)
    kept, ks = [], np.array([3, 6])
    every = ksg_terms(_neighbours.joint_counts(x, y, ks, kept=kept), ks)
    fall, looked = _doubts._fall(x, y, 6, every[:, 0], kept)
    assert len(kept) == 3 and looked == 200
    assert (fall, looked) == _doubts._fall(x, y, 6, every[:, 0])
    (said,) = _doubts.unresolved(x, y, 3, every[:, 0].mean(), pointwise=every[:, 0], kept=kept)
    assert f"{every[:, 0].mean() - fall:.2f} from 6" in said.evidence
    asked = []
    real = _doubts._fall
    monkeypatch.setattr(_doubts, "_fall", lambda *a: asked.append(len(a[4])) or real(*a))
    with pytest.warns(SaturationWarning, match="reads low"):
        KSG(margins="none").estimate(x, y)
    assert asked == [3]


def test_matrix_is_every_pair():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 4))
    a[:, 1] += a[:, 0]
    table = np.concatenate([a, np.ones((300, 1))], axis=1)
    with pytest.warns(DegenerateWarning, match="ksg_matrix: constant column columns4: what never changes"):
        got = ksg_matrix(table, 4, margins="rank")
    for i in range(4):
        for j in range(i):
            want = KSG(4, margins="rank").estimate(a[:, i], a[:, j]).value
            assert got[i, j] == got[j, i] == pytest.approx(want, abs=1e-12)
    assert np.isinf(np.diag(got)[:4]).all()
    assert not got[4].any() and not got[:, 4].any()
    np.testing.assert_array_equal(ksg_matrix(a, 4, margins="rank", n_jobs=2), got[:4, :4])


def test_matrix_names_what_it_refuses():
    import pandas as pd

    a = np.random.default_rng(0).standard_normal((60, 2))
    with pytest.raises(ParameterError, match="at least two; got 1"):
        ksg_matrix(a[:, :1])
    with pytest.raises(TooFewSamplesError, match="ksg_matrix: needs"):
        ksg_matrix(a[:4])
    with pytest.raises(KindError, match="word"):
        ksg_matrix(pd.DataFrame({"u": a[:, 0], "word": ["a", "b"] * 30}))
    with pytest.warns(DegenerateWarning, match="values repeat in u"):
        ksg_matrix(pd.DataFrame({"u": a[:, 0].round(1), "v": a[:, 1]}))


def brute_gao(x, y, k, same):
    """The algorithm of the paper, all distances written out; rows that differ in a class are infinitely far."""
    dx, dy = (
        np.where(s, np.abs(a[:, None] - a[None]).max(-1) if a.shape[1] else 0.0, np.inf)
        for a, s in zip((x, y), same, strict=True)
    )
    joint, n, total = np.maximum(dx, dy), len(x), 0.0
    for i in range(n):
        radius = np.sort(np.delete(joint[i], i))[k - 1]
        ki = k if radius > 0 else (joint[i] == 0).sum()
        nx, ny = ((d[i] <= radius).sum() - 1 for d in (dx, dy))
        total += digamma(ki) + math.log(n) - math.log(nx + 1) - math.log(ny + 1)
    return total / n


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 4), shape=st.sampled_from(["atom", "class", "table", "smooth"]))
def test_gao_is_the_brute_force(seed, k, shape):
    rng = np.random.default_rng(seed)
    n = 80
    number, other = rng.standard_normal((2, n, 1))
    group, second = rng.permutation(np.arange(n) % 4), rng.permutation(np.arange(n) % 2)
    nothing, every, same = np.empty((n, 0)), np.ones((n, n), bool), group[:, None] == group[None]
    scale = lambda a: (a - a.mean(0)) / a.std(0)  # noqa: E731
    if shape == "atom":
        number = np.where(np.arange(n)[:, None] < 30, 0.0, number)
        want, got = brute_gao(scale(number), scale(other), k, (every, every)), (number, other)
    elif shape == "class":
        want, got = brute_gao(scale(number), nothing, k, (every, same)), (number, group)
    elif shape == "table":
        want = brute_gao(nothing, nothing, k, (same, second[:, None] == second[None]))
        got = group, second
    else:
        want, got = brute_gao(scale(number), scale(other), k, (every, every)), (number, other)
    assert MixedKSG(k, variant="gao").terms(paired(*got, "test")).value == pytest.approx(want, abs=1e-10)


def test_gao_variant_is_refused_by_name():
    with pytest.raises(ParameterError, match='`variant` must be "exact" or "gao"'):
        MixedKSG(variant="paper").estimate(*normal(50, 0.0))


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 5), d=st.integers(1, 3))
def test_ross_is_the_brute_force(seed, k, d):
    rng = np.random.default_rng(seed)
    x, group = rng.standard_normal((70, d)), rng.permutation(np.r_[np.arange(66) % 3, 6, 7, 8, 8])
    got = RossMI(k).estimate(group, x)
    assert got.diagnostics["lone_rows"] == 2
    kept = (group != 6) & (group != 7)
    scaled = ((x - x.mean(0)) / x.std(0))[kept]
    label = group[kept]
    (distance,), n, total = distances(scaled), kept.sum(), 0.0
    for i in range(n):
        mates = np.flatnonzero((label == label[i]) & (np.arange(n) != i))
        near = min(k, len(mates))
        radius = np.sort(distance[i, mates])[near - 1]
        total += digamma(near) - digamma(len(mates) + 1) - digamma((distance[i] < radius).sum())
    assert got.value == pytest.approx(digamma(n) + total / n, abs=1e-10)


def test_ross_is_scikit_learn_and_mixed():
    x, y = normal(600, 0.8)
    group = np.digitize(y[:, 0], [-0.5, 0.8])
    theirs = mutual_info_classif(x, group, n_neighbors=3, random_state=0)[0]
    assert RossMI().estimate(x, group).value == pytest.approx(theirs, abs=1e-3)  # they add noise of 1e-10
    assert RossMI().estimate(x, group).value == pytest.approx(MixedKSG().estimate(x, group).value, abs=1e-12)


def test_ross_refuses_other_kinds():
    x, y = normal(60, 0.0)
    with pytest.raises(KindError, match=r'continuous and continuous.*method="mixed"'):
        RossMI().estimate(x, y)
    with pytest.raises(KindError, match="alone in its class"):
        RossMI().estimate(x[:10], np.array(list("abcdefghij")))


def brute_lnc(x, y, k, alpha):
    """KSG 2 and the boxes, row by row; principal axes by singular vectors instead of eigenvectors."""
    z = np.concatenate([x, y], axis=1)
    dx, dy, joint = distances(x, y, z)
    n, total = len(x), 0.0
    for i in range(n):
        others = np.delete(np.arange(n), i)
        near = others[np.argsort(joint[i, others])[:k]]
        sides = [d[i, near].max() for d in (dx, dy)]
        nx, ny = ((d[i, others] <= side).sum() for d, side in zip((dx, dy), sides, strict=True))
        total += digamma(k) - 1 / k + digamma(n) - digamma(nx) - digamma(ny)
        offset = z[near] - z[i]
        axes = np.linalg.svd(offset)[2].T
        ratio = math.prod(np.abs(offset @ axes).max(0)) / math.prod(np.abs(offset).max(0))
        total -= math.log(ratio) if ratio < alpha else 0.0
    return total / n


@pytest.mark.parametrize(("d", "k"), [(1, 5), (2, 8)])
def test_lnc_is_the_brute_force(d, k):
    x, y = normal(300, 0.98, d)
    got = LNC(k, alpha=0.4, margins="none").estimate(x, y)
    assert got.value == pytest.approx(brute_lnc(x, y, k, 0.4), abs=1e-9)
    assert 0 < got.diagnostics["corrected_share"] < 1
    plain = KSG(k, variant=2, margins="none").terms(paired(x, y, "test")).value
    assert got.value == pytest.approx(plain + got.diagnostics["correction"], abs=1e-12)
    assert LNC(k, alpha=0.0, margins="none").estimate(x, y).value == pytest.approx(plain, abs=1e-12)


# 20 seeds, bias / s.d.: uniform noise, n = 500: KSG -2.05 / 0.01, LNC -0.27 / 0.06; normal, n = 1000: LNC
# +0.018 / 0.030; tolerance = bias + 3 s.d.
def test_lnc_is_for_little_noise():
    x, y = additive(500, 5e-4)
    truth = 5e-4 - math.log(1e-3)
    with pytest.warns(DegenerateWarning, match="looks deterministic"):
        assert KSG().estimate(x, y).value < truth - 2
    assert LNC().estimate(x, y).value == pytest.approx(truth, abs=0.45)
    assert LNC().estimate(*normal(1000, 0.6)).value == pytest.approx(0.2231, abs=0.11)


def test_lnc_threshold_lets_one_uniform_neighbourhood_in_200_pass():
    offsets = np.random.default_rng(1).uniform(-1, 1, (50_000, 5, 2))
    passed = np.mean(volume_ratios(offsets) < math.log(threshold(5, 2)))
    assert passed == pytest.approx(5e-3, abs=2e-3)  # 100 of 20 000 draws set it: s.d. 10 %, and 6 % here
    assert volume_ratios(np.zeros((1, 5, 2))) == 0


@pytest.mark.parametrize(
    ("setting", "match"), [({"k": 2}, "exceed the number of columns"), ({"alpha": 2.0}, "`alpha`")]
)
def test_lnc_refuses(setting, match):
    with pytest.raises(ParameterError, match=match):
        LNC(**setting).estimate(*normal(50, 0.0))


LAWS = {
    "normal": (lambda rng, n, d: rng.standard_normal((n, d)), 0.5 * math.log(2 * math.pi * math.e)),
    "uniform": (lambda rng, n, d: rng.random((n, d)), 0.0),
    "exponential": (lambda rng, n, d: rng.exponential(size=(n, d)), 1.0),
}


# n = 3000, k = 20, 10 seeds, d = 1, 4, 8, bias / s.d. in the maximum norm, k-th neighbour alone: normal -0.008 / 0.010,
# -0.079 / 0.011, +0.101 / 0.036; uniform +0.003 / 0.005, +0.403 / 0.014, +1.598 / 0.021; exponential +0.002 / 0.017,
# +0.458 / 0.032, +2.126 / 0.034. With weights: normal -0.043 / 0.015, -0.056 / 0.135 at d = 4, 8; uniform
# +0.147 / 0.027, +0.349 / 0.104; exponential +0.187 / 0.036, +0.509 / 0.155. Tolerance = bias + 3 s.d. (the larger of
# measured and sqrt(d / 6000), for ten seeds say little of it); the other norm is a little better throughout.
ROOM = {
    "normal": [0.04, 0.07, 0.12, 0.13, 0.18, 0.21, 0.26, 0.46],
    "uniform": [0.02, 0.09, 0.23, 0.23, 0.37, 0.43, 0.57, 0.67],
    "exponential": [0.06, 0.11, 0.27, 0.30, 0.40, 0.56, 0.71, 0.98],
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("d", range(1, 9))
@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_entropies_of_closed_forms(law, d, norm):
    draw, each = LAWS[law]
    x = draw(np.random.default_rng(d), 3000, d)
    plain, weighted = (kl_entropy(x, 20, weights=w, norm=norm) - d * each for w in (None, "optimal"))
    assert abs(weighted) < ROOM[law][d - 1]
    if d < 4:
        assert weighted == plain
    elif law != "normal":  # edges: the weights take away most of what they cost
        assert abs(weighted) < 0.6 * abs(plain)


def test_entropy_of_scaled_and_shifted_data():
    x = np.random.default_rng(0).standard_normal((500, 3))
    for norm in ("max", "euclidean"):
        want = kl_entropy(x, 4, norm=norm) + 3 * math.log(8)
        assert kl_entropy(8 * x + 1, 4, norm=norm) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("d", [1, 4, 5, 8, 13])
@pytest.mark.parametrize("k", [20, 33])
def test_weights_meet_their_constraints(k, d):
    w = kl_weights(k, d)
    assert w.sum() == pytest.approx(1, abs=1e-10)
    j = np.arange(1, k + 1)
    for order in range(1, d // 4 + 1):
        ratio = [math.exp(math.lgamma(i + 2 * order / d) - math.lgamma(i)) for i in j]
        assert w @ ratio == pytest.approx(0, abs=1e-8)
    assert set(np.flatnonzero(w) + 1) <= {k * i // d for i in range(1, d + 1)}


def test_entropy_refuses():
    x = np.random.default_rng(0).standard_normal((100, 8))
    with pytest.raises(ParameterError, match="kl_weights: `k` must be at least 3"):
        kl_entropy(x, 2, weights="optimal")
    with pytest.raises(ParameterError, match='kl_entropy: `weights` must be "optimal" or None'):
        kl_entropy(x, weights="best")
    with pytest.raises(ParameterError, match='kozachenko-leonenko: `weights` must be "optimal" or None'):
        KozachenkoLeonenkoMI(weights="best").estimate(x[:, 0], x[:, 1])
    with pytest.raises(ParameterError, match='`norm` must be "max" or "euclidean"'):
        kl_entropy(x, norm="city")
    with pytest.raises(KindError, match="100 of 100 rows coincide"):
        kl_entropy(np.repeat(x[:20], 5, axis=0), 3)


def test_information_is_the_sum_of_entropies():
    x, y = normal(800, 0.7, d=2)
    got = KozachenkoLeonenkoMI(k=4, margins="none").estimate(x, y)
    parts = [kl_entropy(a, 4) for a in (x, y, np.concatenate([x, y], axis=1))]
    assert got.value == pytest.approx(parts[0] + parts[1] - parts[2], abs=1e-12)
    assert got.diagnostics["entropies"] == pytest.approx(parts, abs=1e-12)
