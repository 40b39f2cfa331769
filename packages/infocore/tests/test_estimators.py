"""Estimators: the shared contract, closed forms, a second implementation by brute force, and scikit-learn."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from infocore._validate import paired
from infocore.errors import DegenerateWarning, KindError, ParameterError, TooFewSamplesError
from infocore.estimators import KSG, AutoMI, DiscreteMI, GaussianCopulaMI, GaussianMI, MixedKSG, TCopulaMI
from infocore.estimators._auto.near import nearest
from infocore.testing import paired_samples, parametrize_with_checks

ALL = [
    GaussianMI(),
    GaussianCopulaMI(),
    TCopulaMI(),
    TCopulaMI(dof=3.0),
    KSG(),
    KSG(k=5, variant=2),
    MixedKSG(),
    DiscreteMI(),
    DiscreteMI("none"),
    AutoMI(fast=True),
]


@parametrize_with_checks(ALL)
def test_contract(estimator, check):
    check(estimator)


SHAPES = ["atom", "rounded", "class", "both", "table", "rare"]


def normal(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def brute_ksg(x, y, k, variant):
    """Kraskov's formulas, all distances written out."""
    dx, dy = (np.abs(a[:, None] - a[None]).max(-1) for a in (x, y))
    n, total = len(x), 0.0
    for i in range(n):
        others = np.delete(np.arange(n), i)
        near = others[np.argsort(np.maximum(dx, dy)[i, others], kind="stable")[:k]]
        if variant == 1:
            radius = np.maximum(dx, dy)[i, near].max()
            nx, ny = ((d[i, others] < radius).sum() for d in (dx, dy))
            total += digamma(k) - digamma(nx + 1) - digamma(ny + 1)
        else:
            nx, ny = ((d[i, others] <= d[i, near].max()).sum() for d in (dx, dy))
            total += digamma(k) - 1 / k - digamma(nx) - digamma(ny)
    return digamma(n) + total / n


def brute_mixed(x, y, k, same):
    """Strict counts by all distances; `same`: (n, n) each, which rows agree in the discrete columns of x, of y."""
    dx, dy = (
        np.where(s, np.abs(a[:, None] - a[None]).max(-1) if a.shape[1] else 0.0, np.inf)
        for a, s in zip((x, y), same, strict=True)
    )
    d = np.maximum(dx, dy)
    n, total = len(x), 0.0
    for i in range(n):
        reach = np.sort(np.delete(d[i], i))
        reach = reach[np.isfinite(reach)]
        if len(reach) == 0:
            ki, nx, ny = 1, np.isfinite(dx[i]).sum(), np.isfinite(dy[i]).sum()
        elif reach[min(k, len(reach)) - 1] == 0:
            ki, nx, ny = ((a[i] == 0).sum() for a in (d, dx, dy))
        else:
            ki, nx, ny = ((a[i] < reach[min(k, len(reach)) - 1]).sum() for a in (d, dx, dy))
        total += digamma(ki) - digamma(nx) - digamma(ny)
    return digamma(n) + total / n


@pytest.mark.filterwarnings("ignore:ksg. the relation looks")  # ten rows may look like anything
@given(data=paired_samples(), k=st.integers(1, 5), variant=st.sampled_from([1, 2]))
def test_ksg_is_the_brute_force_to_1e_10(data, k, variant):
    got = KSG(k, variant, margins="none").estimate(*data).value
    assert got == pytest.approx(brute_ksg(*data, k, variant), abs=1e-10)


# On a grid of tenths x + r is rounded across the boundary for many pairs: counts by bounds instead of by differences
# give other numbers here.
@pytest.mark.parametrize("d", [1, 2, 3])
def test_ksg_counts_strictly_on_a_grid(d):
    rng = np.random.default_rng(d)
    x = rng.permutation(300)[:, None] * 0.1 + np.zeros((1, d))
    y = rng.integers(0, 30, (300, d)) * 0.1
    with pytest.warns(DegenerateWarning, match="values repeat"):
        got = KSG(margins="none").estimate(x, y).value
    assert got == pytest.approx(brute_ksg(x, y, 3, 1), abs=1e-10)


def test_ksg_ignores_units_only_if_asked_to():
    x, y = normal(300, 0.8)
    assert KSG().estimate(1e6 * x, 1e-6 * y + 3).value == pytest.approx(KSG().estimate(x, y).value, abs=1e-9)
    assert KSG(margins="none").estimate(1e6 * x, y).value != pytest.approx(KSG().estimate(x, y).value, abs=1e-2)


@given(seed=st.integers(0, 10**6), k=st.integers(1, 4), shape=st.sampled_from(SHAPES))
def test_mixed_is_the_brute_force_to_1e_10(seed, k, shape):
    rng = np.random.default_rng(seed)
    n = 60
    number = rng.standard_normal((n, 1))
    atoms = np.where(rng.random((n, 1)) < 0.5, 0.0, number)
    group = rng.integers(0, 3, n)
    rare = np.where(np.arange(n) < 5, np.arange(n), 9)  # five classes of one row
    nothing, every = np.empty((n, 0)), np.ones((n, n), bool)
    same = group[:, None] == group[None]
    scaled = lambda a: (a - a.mean(0)) / a.std(0)  # noqa: E731
    if shape == "atom":
        assume(len(np.unique(atoms)) > 20)  # fewer recurring values and the column is read as discrete
        want = brute_mixed(scaled(atoms), scaled(number), k, (every, every))
        got = MixedKSG(k).estimate(atoms, number)
    elif shape == "rounded":
        grid = np.round(number, 1)
        other = np.round(number + rng.standard_normal((n, 1)), 1)
        want = brute_mixed(grid, other, k, (every, every))
        with pytest.MonkeyPatch.context() as patch:  # a scale of exactly 1 keeps the ties of the grid
            patch.setattr("infocore.estimators.mixed.standardised", lambda a: a)
            got = MixedKSG(k).estimate(grid, other)
    elif shape == "class":
        want = brute_mixed(scaled(number), nothing, k, (every, same))
        got = MixedKSG(k).estimate(number, group)
    elif shape == "rare":
        want = brute_mixed(scaled(number), nothing, k, (every, rare[:, None] == rare[None]))
        got = MixedKSG(k).estimate(number, rare)
        assert got.diagnostics["lone_rows"] == 5
    elif shape == "both":
        want = brute_mixed(scaled(atoms), scaled(number), k, (same, every))
        got = MixedKSG(k).estimate(np.hstack([atoms, group[:, None]]), number)
    else:
        other = rng.integers(0, 2, n)
        want = brute_mixed(nothing, nothing, k, (same, other[:, None] == other[None]))
        got = MixedKSG(k).estimate(group, other)
    assert got.value == pytest.approx(want, abs=1e-10)


def test_mixed_is_ksg_on_continuous_data():
    x, y = normal(300, 0.7, d=2)
    assert MixedKSG().estimate(x, y).value == pytest.approx(KSG().estimate(x, y).value, abs=1e-12)


# n = 1000, rounded to 0.1, 60 seeds: bias 0.016, 0.021, 0.018, s.d. 0.021, 0.028, 0.034; with k_i = k bias 0.23 to 0.29
@pytest.mark.parametrize(("rho", "room"), [(0.0, 0.08), (0.6, 0.106), (0.9, 0.12)])
def test_rounding_costs_little(rho, room):
    x, y = (np.round(a, 1) for a in normal(1000, rho))
    assert MixedKSG().estimate(x, y).value == pytest.approx(-0.5 * math.log(1 - rho**2), abs=room)


def test_mixed_ignores_what_classes_are_called():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 4, 400)
    x = group + rng.standard_normal(400)
    name = np.array(["zebra", "ant", "mole", "cat"])[group]
    assert MixedKSG().estimate(x, group).value == MixedKSG().estimate(x, name).value


# scikit-learn adds noise of 1e-10 and, for a class, is Ross's estimator; differences over 20 seeds below 1e-12 for
# continuous data: the noise moves no neighbour. It clips at zero, so the dependence here is clear.
@pytest.mark.parametrize("k", [3, 7])
def test_scikit_learn_agrees(k):
    x, y = normal(500, 0.7, seed=3)
    theirs = mutual_info_regression(x, y[:, 0], n_neighbors=k, random_state=0)[0]
    assert KSG(k).estimate(x, y).value == pytest.approx(theirs, abs=1e-3)
    group = np.digitize(y[:, 0], [-0.7, 0.7])
    theirs = mutual_info_classif(x, group, n_neighbors=k, random_state=0)[0]
    assert MixedKSG(k).estimate(x, group).value == pytest.approx(theirs, abs=1e-3)


# n = 1000, 200 seeds: bias +0.003, +0.006, +0.012, s.d. 0.026, 0.030, 0.036; tolerance = bias + 3 s.d.
@pytest.mark.parametrize(("rho", "room"), [(0.0, 0.082), (0.6, 0.097), (0.9, 0.121)])
@pytest.mark.parametrize("estimator", [KSG(), KSG(variant=2), MixedKSG()])
def test_neighbours_recover_a_bivariate_normal(rho, room, estimator):
    e = estimator.estimate(*normal(1000, rho))
    assert e.value == pytest.approx(-0.5 * math.log(1 - rho**2), abs=room * (1.1 if estimator == KSG(variant=2) else 1))


# n = 1000, 200 seeds: |bias| below 0.006, s.d. 0.0007, 0.0185, 0.033, 0.041; tolerance = bias + 3 s.d.
@pytest.mark.parametrize(("rho", "d", "room"), [(0.0, 1, 0.004), (0.6, 1, 0.058), (0.6, 3, 0.1), (0.6, 5, 0.13)])
def test_gaussian_recovers_normals(rho, d, room):
    e = GaussianMI().estimate(*normal(1000, rho, d))
    assert e.value == pytest.approx(-0.5 * d * math.log(1 - rho**2), abs=room)


# 20 + 20 independent columns, n = 500: theory for the term is 400 / 1000
def test_gaussian_bias_term():
    rng = np.random.default_rng(0)
    e = GaussianMI().estimate(rng.standard_normal((500, 20)), rng.standard_normal((500, 20)))
    assert e.value == pytest.approx(0.0, abs=0.12)


def test_gaussian_value_by_determinants():
    x, y = normal(200, 0.5, d=3)
    y[:, 0] += x[:, 1]
    c = np.corrcoef(np.hstack([x, y]).T)
    logdet = [np.linalg.slogdet(a)[1] for a in (c[:3, :3], c[3:, 3:], c)]
    # expectations of log chi-square: a Wishart determinant is a product of n - 1, n - 2, ... degrees of freedom
    bias = sum(digamma((200 - i) / 2) - digamma((197 - i) / 2) for i in (1, 2, 3)) / 2
    assert bias == pytest.approx(9 / 400, rel=0.03)
    assert GaussianMI().estimate(x, y).value == pytest.approx((logdet[0] + logdet[1] - logdet[2]) / 2 - bias, abs=1e-12)


def test_gaussian_pointwise_terms_are_the_densities():
    from scipy.stats import multivariate_normal, norm

    from infocore.estimators._canonical import log_ratio

    u, v = np.random.default_rng(0).standard_normal((2, 50))
    joint = multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]]).logpdf(np.stack([u, v], 1))
    want = joint - norm.logpdf(u) - norm.logpdf(v)
    np.testing.assert_allclose(log_ratio(u, v, np.array([0.7])[0]), want, atol=1e-12)


def test_gaussian_drops_columns_that_add_nothing():
    x, y = normal(300, 0.6, d=2)
    e = GaussianMI().estimate(np.hstack([x, x @ [[1.0], [2.0]]]), y)
    assert e.value == pytest.approx(GaussianMI().estimate(x, y).value, abs=1e-9)
    assert e.diagnostics["rank"] == [2, 2]


def test_gaussian_of_an_exact_relation_is_infinite_and_says_so():
    x, _ = normal(100, 0.0)
    with pytest.warns(DegenerateWarning, match="linear relation is exact"):
        e = GaussianMI().estimate(x, 3 - 2 * x)
    assert e.value == math.inf
    assert e.to_dict()["value"] == "inf"


@pytest.mark.parametrize("variant", [1, 2])
def test_ksg_of_an_exact_relation_reaches_its_cap_and_says_so(variant):
    x, _ = normal(200, 0.0)
    with pytest.warns(DegenerateWarning, match="looks deterministic"):
        e = KSG(variant=variant).estimate(x, 2 * x)
    assert e.value <= e.cap + 1e-9
    assert e.strength == "heuristic"
    if variant == 1:
        assert e.value == pytest.approx(e.cap, abs=1e-9)
    with pytest.warns(DegenerateWarning, match="looks deterministic"):
        KSG(variant=variant).estimate(x, np.exp(x))


def test_ksg_does_not_call_noise_deterministic():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KSG().estimate(*normal(1000, 0.999))


@pytest.mark.parametrize("variant", [1, 2])
def test_ksg_survives_copies_and_says_so(variant):
    x, y = normal(100, 0.5)
    x, y = np.repeat(x, 5, axis=0), np.repeat(y, 5, axis=0)
    with pytest.warns(DegenerateWarning, match="values repeat"):
        e = KSG(variant=variant).estimate(x, y)
    assert math.isfinite(e.value)
    assert e.cap is None
    assert e.diagnostics["rows_with_copies"] == 500


@pytest.mark.parametrize("estimator", ALL)
def test_a_constant_side_carries_nothing(estimator):
    y = np.arange(60) % 3
    with pytest.warns(DegenerateWarning, match="constant column x"):
        e = estimator.estimate(np.ones(60), y)
    assert (e.value, e.cap, e.standard_error) == (0.0, 0.0, 0.0)
    assert "constant column x" in e.diagnostics["flags"]


def test_a_constant_column_beside_another_changes_nothing():
    x, y = normal(200, 0.6)
    for estimator in (GaussianMI(), KSG(), MixedKSG(), AutoMI()):
        with pytest.warns(DegenerateWarning, match="constant column x1"):
            e = estimator.estimate(np.hstack([x, np.ones_like(x)]), y)
        assert e.value == estimator.estimate(x, y).value


def test_scale_from_tiny_to_huge():
    x, y = normal(200, 0.6)
    for estimator in (GaussianMI(), KSG(), MixedKSG()):
        want = estimator.estimate(x, y).value
        assert estimator.estimate(x * 1e200, y * 1e-200).value == pytest.approx(want, abs=1e-8)


def test_threads_change_nothing():
    x, y = normal(300, 0.6, d=2)
    assert KSG(workers=-1).estimate(x, y).value == KSG().estimate(x, y).value
    assert MixedKSG(workers=2).estimate(x, y).value == MixedKSG().estimate(x, y).value


@pytest.mark.parametrize(("setting", "match"), [({"k": 0}, "`k`"), ({"k": 2.5}, "`k`"), ({"variant": 3}, "`variant`")])
def test_settings_out_of_range(setting, match):
    with pytest.raises(ParameterError, match=match):
        KSG(**setting).estimate(*normal(50, 0.0))


def test_too_few_rows():
    with pytest.raises(TooFewSamplesError, match=r"k \+ 2 = 12 rows; got 11"):
        KSG(k=10).estimate(*normal(11, 0.0))
    with pytest.raises(TooFewSamplesError, match=r"dx \+ dy \+ 2 rows.*n=12 for 6 \+ 6"):
        GaussianMI().estimate(*normal(12, 0.0, d=6))
    with pytest.raises(TooFewSamplesError, match="at least 4 rows; got 3"):
        KSG().fit(*normal(3, 0.0))


@pytest.mark.parametrize("estimator", [GaussianMI(), KSG()])
def test_text_is_refused_where_it_has_no_distances(estimator):
    with pytest.raises(KindError, match="hold text"):
        estimator.estimate(["a", "b"] * 20, np.random.default_rng(0).random(40))


def test_auto_chooses_by_kind_and_says_why():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(500)
    group = rng.integers(0, 3, 500)
    atom = np.where(x < 0, 0.0, x)
    for a, b, method, reason in [
        (group, group, "discrete", "all columns are discrete"),
        (x, group, "mixed", "discrete and continuous"),
        (atom, x, "mixed", "mixed"),
        (x, x + rng.standard_normal(500), "t-copula", "copula: no cross moment refutes it"),
        (x, x**2 + 0.3 * rng.standard_normal(500), "ksg", "standard errors from the copula"),
    ]:
        e = AutoMI(fast=True).estimate(a, b)
        assert e.method == method
        assert reason in e.diagnostics["reason"]
        assert e.diagnostics["candidates"][method] == e.value


def test_auto_in_many_columns_weighs_the_evidence():
    fast = AutoMI(fast=True)
    gaussian = fast.estimate(*normal(1000, 0.6, d=5))
    assert gaussian.method == "t-copula"
    assert gaussian.value == pytest.approx(1.116, abs=0.13)  # 3 s.d.; KSG is 0.34 low here
    assert gaussian.diagnostics["evidence"]["critic"] == "not asked for: fast"
    x = np.random.default_rng(0).standard_normal((1000, 3))
    # 3.42 nats, of which neighbours in six columns find 2.3
    with pytest.warns(DegenerateWarning, match="neighbours are too far in 6 columns"):
        square = fast.estimate(x, x**2 + 0.3 * np.random.default_rng(1).standard_normal((1000, 3)))
    assert (square.method, "cross moment" in square.diagnostics["reason"]) == ("ksg", True)
    rng = np.random.default_rng(2)
    heavy = rng.standard_normal((1000, 6)) / np.sqrt(rng.chisquare(1, (1000, 1)))
    cauchy = fast.estimate(heavy[:, :3], heavy[:, 3:])
    assert cauchy.method == "t-copula"
    # f(1) + f(7) - 2 f(4) with f(v) = log Gamma(v/2) - v/2 psi(v/2)
    f = lambda v: math.lgamma(v / 2) - v / 2 * digamma(v / 2)  # noqa: E731
    assert cauchy.value == pytest.approx(f(1) + f(7) - 2 * f(4), abs=0.09)  # s.d. 0.03
    assert any("heavy tails in x0" in note for note in cauchy.diagnostics["notes"])
    short = fast.estimate(*normal(10, 0.5, d=5))
    assert (short.method, "no copula can be fitted" in short.diagnostics["reason"]) == ("ksg", True)


# 20 other samples each: errors +0.055 +- 0.011 (a line in the root of k: +0.15) and -0.002 +- 0.010
def test_neighbours_are_extrapolated_as_the_density_asks():
    strong = normal(10_000, math.sqrt(-math.expm1(-10)))  # 5 nats
    found = nearest(paired(*strong, "test"))
    assert found.value == pytest.approx(5.0, abs=0.09)
    rng = np.random.default_rng(0)
    x = rng.random(10_000)
    edged = nearest(paired(x, x + rng.uniform(-0.1, 0.1, 10_000), "test"))
    assert edged.value == pytest.approx(0.1 - math.log(0.2), abs=0.04)


def test_auto_names_what_the_data_are_like():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(1000)
    with pytest.warns(DegenerateWarning) as seen:
        exact = AutoMI(fast=True).estimate(x, x**3)
    for words in ("near what 1000 rows can show", "the relation looks deterministic"):
        assert any(words in str(w.message) for w in seen)
    assert exact.strength == "heuristic"
    with pytest.warns(DegenerateWarning) as seen:
        AutoMI(fast=True).estimate(x, np.sin(3 * x))
    assert any("the relation looks deterministic" in str(w.message) for w in seen)
    walk, other = (np.convolve(rng.standard_normal(1100), np.ones(50))[50:1050] for _ in range(2))
    with pytest.warns(DegenerateWarning, match="rows depend on each other"):
        AutoMI(fast=True).estimate(walk, other)
    angle = rng.uniform(0, 9, 1000)
    roll = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) + 1e-3 * rng.standard_normal((1000, 2))
    curled = AutoMI(fast=True).estimate(roll, angle + rng.standard_normal(1000))
    assert any("x lies near a surface of about 1." in note for note in curled.diagnostics["notes"])
