"""Information among more than two variables: closed forms, brute force, dit, infomeasure, and what cannot be."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import digamma

from infocore.discrete import Dirichlet
from infocore.errors import (
    DegenerateWarning,
    KindError,
    NonFiniteError,
    ParameterError,
    SaturationWarning,
    ShapeError,
    TooFewSamplesError,
)
from infocore.estimators.copula import GaussianCopulaMI
from infocore.estimators.discrete import DiscreteMI
from infocore.estimators.gaussian import GaussianMI
from infocore.estimators.ksg import KSG
from infocore.estimators.mixed import MixedKSG
from infocore.multivariate import (
    Counts,
    Gaussian,
    Neighbours,
    conditional_mutual_information,
    dual_total_correlation,
    interaction_information,
    o_information,
    pointwise_mutual_information,
    total_correlation,
    transfer_entropy,
    transfer_entropy_test,
)
from infocore.multivariate._choice import non_gaussian

PLAIN = Neighbours(margins="none")


def normal(n, r, seed=0):
    """Columns of a centred normal law with covariance r."""
    return np.random.default_rng(seed).standard_normal((n, len(r))) @ np.linalg.cholesky(np.array(r)).T


def half_log_det(r, *columns):
    return 0.5 * np.linalg.slogdet(np.array(r)[np.ix_(columns, columns)])[1] if columns else 0.0


def bits(n, seed=0):
    a, b = np.random.default_rng(seed).integers(0, 2, (2, n))
    return a, b, a ^ b


def brute_counts(columns, classes, k):
    """The k_i and, as a function of column numbers, the counts, by all distances."""
    n = len(columns[0])
    gaps = [np.abs(c[:, None] - c[None]) for c in columns]
    same = [c[:, None] == c[None] for c in classes]
    radii, lone = np.zeros(n), np.zeros(n, bool)
    for i in range(n):
        mates = [j for j in range(n) if j != i and all(s[i, j] for s in same)]
        lone[i] = not mates
        if mates and columns:
            radii[i] = sorted(max(g[i, j] for g in gaps) for j in mates)[min(k, len(mates)) - 1]

    def inside(these, of_classes=()):
        out = np.zeros(n, int)
        for i in range(n):
            for j in range(n):
                gap = max((gaps[c][i, j] for c in these), default=0.0)
                near = gap < radii[i] or (radii[i] == 0 and gap == 0) or not these or lone[i]
                out[i] += near and all(same[c][i, j] for c in of_classes)
        return out

    return inside


# ---- conditional mutual information


@pytest.mark.parametrize("k", [1, 4])
def test_conditional_neighbours_are_those_of_all_distances(k):
    x, y, z = normal(70, [[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]]).T
    inside = brute_counts([x, y, z], [], k)
    want = digamma(k) + np.mean(digamma(inside([2])) - digamma(inside([0, 2])) - digamma(inside([1, 2])))
    assert (inside([0, 1, 2]) == k).all()
    got = conditional_mutual_information(x, y, z, method=Neighbours(k, margins="none"))
    assert got.value == pytest.approx(want, abs=1e-10)
    assert got.cap == pytest.approx(digamma(70) - digamma(k))


@pytest.mark.parametrize("atom", [0, 12])
def test_conditional_neighbours_of_mixed_data_are_those_of_all_distances(atom):
    rng = np.random.default_rng(1)
    label = np.append(rng.integers(0, 3, 59), 7)  # the last is alone in its class
    x = rng.standard_normal(60)
    z = rng.integers(0, 40, 60) / 16.0  # sixteenths, whose differences have no rounding
    x[:atom] = z[:atom] = label[:atom] = 0
    inside = brute_counts([x, z], [label], 3)
    want = digamma(inside([1])) + digamma(inside([0, 1], [0]))
    want = np.mean(want - digamma(inside([0, 1])) - digamma(inside([1], [0])))
    got = conditional_mutual_information(x, label, z, method=Neighbours(margins="none", mixed=True))
    assert got.value == pytest.approx(want, abs=1e-10)
    assert got.diagnostics["kinds"]["z"] == {"z": "mixed"}
    assert got.diagnostics["rows_on_atoms"] == atom
    assert got.diagnostics["lone_rows"] == 1
    assert got.cap is None


def test_neighbours_of_classes_are_counts():
    x, y, z = np.random.default_rng(0).integers(0, 3, (3, 100))

    def psi(*labels):
        same = np.logical_and.reduce([a[:, None] == a[None] for a in labels])
        return np.mean(digamma(same.sum(1)))

    want = psi(x, y, z) + psi(z) - psi(x, z) - psi(y, z)
    got = conditional_mutual_information(x, y, z, method="mixed")
    assert got.value == pytest.approx(want, abs=1e-12)
    assert got.diagnostics["rows_on_atoms"] == 100


# infomeasure 0.6.3, conditional_mutual_information(x, y, cond=z, approach="ksg", k=4, noise_level=0), and
# transfer_entropy(x, y, approach="ksg", k=4, noise_level=0, src_hist_len=1, dest_hist_len=1)
def test_a_second_library_agrees():
    i = np.arange(60)
    x = ((37 * i) % 101 + 0.013 * (i * i % 17)) / 25
    y = np.sin(x) + ((53 * i + 7) % 89) / 89
    z = ((29 * i + 11) % 97) / 97 + 0.3 * x
    one = Neighbours(4, margins="none")
    assert conditional_mutual_information(x, y, z, method=one).value == pytest.approx(0.35331647329416155, abs=1e-12)
    assert transfer_entropy(x, y, method=one).value == pytest.approx(0.42879689341970056, abs=1e-12)
    xd, yd = x > 2, y > np.median(y)
    for lengths, want in [((1, 1), 0.09554801076032077), ((2, 1), 0.2518915851348036), ((1, 3), 0.006470212461893374)]:
        got = transfer_entropy(
            xd, yd, source_history=lengths[0], target_history=lengths[1], method=Counts("none"), blocks=None
        )
        assert got.value == pytest.approx(want, abs=1e-12)


# the plug-in value is a function of the sample covariance alone
@pytest.mark.parametrize("columns", [((0,), (1,), (2,)), ((0, 3), (1,), (2, 4))])
def test_gaussian_is_that_of_the_sample_covariance(columns):
    a = normal(40, 0.6 + 0.4 * np.eye(5))
    r = np.corrcoef(a, rowvar=False)
    x, y, z = columns
    want = half_log_det(r, *x, *z) + half_log_det(r, *y, *z) - half_log_det(r, *x, *y, *z) - half_log_det(r, *z)
    got = conditional_mutual_information(*(a[:, list(c)] for c in columns), method="gaussian")
    assert got.value + got.diagnostics["bias_removed"] == pytest.approx(want, abs=1e-12)


# E log det of a sample covariance of Gaussian data is that of the law plus sum psi((n - i) / 2) and what cancels
@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 1, 3)])
def test_gaussian_bias_is_that_of_wishart_determinants(sizes):
    dx, dy, dz = sizes
    a = normal(20, 0.5 + 0.5 * np.eye(dx + dy + dz))
    got = conditional_mutual_information(a[:, :dx], a[:, dx : dx + dy], a[:, dx + dy :], method="gaussian")

    def shift(d):
        return 0.5 * sum(digamma((20 - i) / 2) for i in range(1, d + 1))

    want = shift(dx + dz) + shift(dy + dz) - shift(dx + dy + dz) - shift(dz)
    assert got.diagnostics["bias_removed"] == pytest.approx(want, abs=1e-12)


# rho = 0.5 given z; n = 12, 4000 samples: what is removed, 0.056, against a bias of 0.056 +- 0.003
def test_gaussian_bias_is_removed_exactly():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(4000):
        x, z, e = rng.standard_normal((3, 12))
        values.append(conditional_mutual_information(x + z, 0.5 * x + math.sqrt(0.75) * e - z, z, method="gaussian"))
    error = np.std([v.value for v in values]) / math.sqrt(4000)
    assert np.mean([v.value for v in values]) == pytest.approx(-0.5 * math.log(0.75), abs=3 * error)
    assert values[0].diagnostics["bias_removed"] > 8 * error


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 3))
def test_chain_rule_of_gaussian_information(seed, d):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((30, 2 + d)) @ rng.standard_normal((2 + d, 2 + d))
    x, y, z = a[:, 0], a[:, 1], a[:, 2:]

    def plain(e):
        return e.value + e.diagnostics.get("bias_removed", 0.0)

    left = plain(total_correlation([x, a[:, 1:]], method="gaussian"))
    right = plain(total_correlation([x, z], method="gaussian"))
    right += plain(conditional_mutual_information(x, y, z, method="gaussian"))
    assert left == pytest.approx(right, abs=1e-12 + 1e-10 * abs(left))


# I(X; Y, Z) = I(X; Z) + I(X; Y | Z); n = 2000, 20 seeds: difference of the sides +0.008 / 0.013 (mean / s.d.)
def test_chain_rule_of_neighbours():
    x, y, z = normal(2000, [[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]]).T
    left = KSG().estimate(x, np.stack([y, z], 1)).value
    right = KSG().estimate(x, z).value + conditional_mutual_information(x, y, z, method="ksg").value
    assert left == pytest.approx(right, abs=0.05)


PARTIAL = [[1, 0.745, 0.7], [0.745, 1, 0.7], [0.7, 0.7, 1]]  # partial correlation 0.5, truth 0.1438


# n = 2000, 20 seeds, bias / s.d.: gaussian, copula and auto +0.003 / 0.009, ksg and mixed +0.000 / 0.014
@pytest.mark.parametrize("method", ["gaussian", "gaussian-copula", "ksg", "mixed", "auto"])
def test_partial_correlation(method):
    x, y, z = normal(2000, PARTIAL).T
    got = conditional_mutual_information(x, y, z, method=method)
    assert got.value == pytest.approx(-0.5 * math.log(0.75), abs=0.05)
    assert got.direction == "consistent"
    assert got.ci[0] < got.value < got.ci[1]


# a chain x - z - y; n = 1000, 20 seeds: s.d. 0.001 (gaussian), 0.020 (ksg); I(X; Y) is 0.14
@pytest.mark.parametrize(("method", "tolerance"), [("gaussian", 0.005), ("gaussian-copula", 0.005), ("ksg", 0.06)])
def test_markov_chain_has_nothing_left(method, tolerance):
    x, y, z = normal(1000, [[1, 0.49, 0.7], [0.49, 1, 0.7], [0.7, 0.7, 1]]).T
    assert conditional_mutual_information(x, y, z, method=method).value == pytest.approx(0.0, abs=tolerance)


# truth: the mean over the classes of -log(1 - r^2) / 2; n = 2000, 20 seeds: +0.003 / 0.023
def test_class_that_is_given():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 3, 2000)
    rho = np.array([0.0, 0.5, 0.9])
    x, e = rng.standard_normal((2, 2000))
    y = rho[z] * x + np.sqrt(1 - rho[z] ** 2) * e
    names = np.array(["a", "b", "c"])[z]
    got = conditional_mutual_information(x + z, y - z, names)
    assert got.method == "mixed"
    assert got.value == pytest.approx(float(np.mean(-0.5 * np.log(1 - rho**2))), abs=0.07)


def test_exclusive_or():
    a, b, c = bits(2000)
    assert conditional_mutual_information(a, b, c).value == pytest.approx(math.log(2), abs=0.002)
    assert total_correlation([a, b]).value == pytest.approx(0.0, abs=0.002)
    assert interaction_information(a, b, c, units="bits").value == pytest.approx(1.0, abs=0.003)
    assert o_information([a, b, c], units="bits").value == pytest.approx(-1.0, abs=0.003)
    assert interaction_information(a, a, a).value == pytest.approx(-math.log(2), abs=0.002)


# strata of the plug-in are four entropies; pseudo-counts work within each stratum
def test_counts_within_strata():
    rng = np.random.default_rng(0)
    x, y, z = rng.integers(0, 3, (3, 200))
    joint = np.zeros((3, 3, 3))
    np.add.at(joint, (x, y, z), 1 / 200)

    def h(p):
        return -float(np.sum(p[p > 0] * np.log(p[p > 0])))

    want = h(joint.sum(1)) + h(joint.sum(0)) - h(joint) - h(joint.sum((0, 1)))
    got = conditional_mutual_information(x, y, z, method=Counts("none"))
    assert got.value == pytest.approx(want, abs=1e-12)
    assert got.cap == pytest.approx(math.log(3))
    assert got.diagnostics["strata"] == 3
    strata = [DiscreteMI(Dirichlet(0.5)).estimate(x[z == s], y[z == s]).value * np.mean(z == s) for s in range(3)]
    assert conditional_mutual_information(x, y, z, method=Counts(Dirichlet(0.5))).value == pytest.approx(sum(strata))
    strata = [DiscreteMI().estimate(x[z == s], y[z == s]).value * np.mean(z == s) for s in range(3)]
    assert conditional_mutual_information(x, y, z).value == pytest.approx(sum(strata), abs=1e-12)


def test_a_row_alone_in_its_stratum_says_nothing():
    x, y, z = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 1, 0, 1, 1, 0]), np.array([0, 0, 0, 0, 1, 2])
    got = conditional_mutual_information(x, y, z, method=Counts("none"))
    assert got.value == pytest.approx(4 / 6 * math.log(2))
    assert got.diagnostics["lone_rows"] == 2
    assert "undersampled" in got.diagnostics["notes"][0]
    assert math.isfinite(conditional_mutual_information(x, y, z).standard_error)


# the error is the jackknife's, of the whole estimate, to the order of its own bias
def test_error_of_counts_is_the_jackknife():
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, 3, (2, 150))
    y = np.where((z == 0) | (rng.random(150) < 0.2), x, rng.integers(0, 3, 150))
    for f in (conditional_mutual_information, interaction_information):
        keep = ~np.eye(150, dtype=bool)
        for correction, tolerance in [("chao-wang-jost", 0.05), ("none", 0.1)]:
            one = Counts(correction)
            left = [f(x[rows], y[rows], z[rows], method=one).value for rows in keep]
            want = math.sqrt(149 / 150 * np.sum((left - np.mean(left)) ** 2))
            assert f(x, y, z, method=one).standard_error == pytest.approx(want, rel=tolerance)


# every cell of 2 x 2 x 2 alike often: all that is left is the spread of chi-square, sqrt(degrees / 2) / n
def test_error_at_independence_is_that_of_chi_square():
    x, y, z = np.repeat(np.argwhere(np.ones((2, 2, 2))), 10, axis=0).T
    one = Counts("none")
    assert conditional_mutual_information(x, y, z, method=one).standard_error == pytest.approx(1 / 80)
    assert interaction_information(x, y, z, method=one).standard_error == pytest.approx(math.sqrt(0.5) / 80)
    assert total_correlation([x, y, z], method=one).standard_error == pytest.approx(math.sqrt(2) / 80)


def test_what_is_given_determines_a_side():
    _, y, z = normal(300, PARTIAL).T
    assert conditional_mutual_information(2 * z + 1, y, z, method="gaussian").value == 0.0
    assert conditional_mutual_information(z, y, z, method=PLAIN).value == pytest.approx(0.0, abs=1e-12)
    a, b, _ = bits(100)
    assert conditional_mutual_information(a, b, a).value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("method", ["gaussian", "gaussian-copula"])
def test_exact_relation_is_infinite(method):
    x, _, z = normal(300, PARTIAL).T
    y = x + z if method == "gaussian" else x
    with pytest.warns(DegenerateWarning, match="linear relation is exact, so the information is infinite"):
        got = conditional_mutual_information(x, y, z, method=method)
    assert got.value == math.inf
    assert got.ci is None


def test_constant_columns_carry_nothing():
    x, y, z = normal(300, PARTIAL).T
    for method in ("gaussian", "ksg", "mixed"):
        with pytest.warns(DegenerateWarning, match="constant column z"):
            got = conditional_mutual_information(x, y, np.ones(300), method=method)
        assert got.value == pytest.approx(total_correlation([x, y], method=method).value, abs=1e-12)
        with pytest.warns(DegenerateWarning, match="constant column x"):
            assert conditional_mutual_information(np.ones(300), y, z, method=method).value == pytest.approx(
                0, abs=1e-12
            )


def test_several_columns_and_labels():
    pandas = pytest.importorskip("pandas")
    a = normal(200, 0.5 + 0.5 * np.eye(4))
    frame = pandas.DataFrame(a, columns=list("pqrs"))
    got = conditional_mutual_information(frame[["p", "q"]], frame["r"], frame["s"], method="ksg")
    assert got.value == conditional_mutual_information(a[:, :2], a[:, 2], a[:, 3], method="ksg").value
    assert got.diagnostics["kinds"]["x"] == {"p": "continuous", "q": "continuous"}
    assert total_correlation(frame, method="ksg").value == total_correlation(a, method="ksg").value


def test_ranks_ignore_increasing_maps():
    x, y, z = normal(300, PARTIAL).T
    for method in (Gaussian(ranks=True), Neighbours(margins="rank"), "auto"):
        want = conditional_mutual_information(x, y, z, method=method).value
        got = conditional_mutual_information(np.exp(3 * x), y**3, np.arctan(z), method=method).value
        assert got == pytest.approx(want, abs=1e-12)
    y = x * z
    got = [conditional_mutual_information(f(x), y, z) for f in (np.asarray, np.exp)]
    assert got[0].method == "ksg"
    assert got[1].value == pytest.approx(got[0].value, abs=1e-12)


def test_bits_are_nats_over_log_two():
    x, y, z = normal(300, PARTIAL).T
    nats, other = (conditional_mutual_information(x, y, z, units=u) for u in ("nats", "bits"))
    assert other.value == pytest.approx(nats.value / math.log(2))
    assert other.ci[1] == pytest.approx(nats.ci[1] / math.log(2))


# copies of every row ten times in a row: the error is that of the blocks, root ten times that of independent rows
def test_blocks_widen_the_interval():
    x, y, z = np.repeat(normal(200, PARTIAL), 10, axis=0).T
    plain = conditional_mutual_information(x, y, z, method="gaussian")
    for blocks in (10, np.arange(2000) // 10):
        got = conditional_mutual_information(x, y, z, method="gaussian", blocks=blocks)
        assert got.value == plain.value
        assert got.standard_error == pytest.approx(math.sqrt(10) * plain.standard_error, rel=0.02)
    found = conditional_mutual_information(x, y, z, method="gaussian", blocks="auto")
    assert found.diagnostics["block_length"] > 5
    assert found.standard_error > 2 * plain.standard_error


# 1000 seeds: 0.890; of 40 with that chance 30 to 40 but for 1 in 200
def test_intervals_cover():
    hits = 0
    for seed in range(40):
        got = conditional_mutual_information(*normal(300, PARTIAL, seed).T, method="gaussian")
        hits += got.ci[0] < -0.5 * math.log(0.75) < got.ci[1]
    assert 30 <= hits <= 40


# ---- the automatic choice


def test_auto_takes_the_copula_where_nothing_speaks_against_it():
    x, y, z = normal(500, PARTIAL).T
    got = conditional_mutual_information(x, y, z)
    assert got.method == "gaussian-copula"
    assert set(got.diagnostics["candidates"]) == {"gaussian-copula", "ksg"}


@pytest.mark.parametrize("law", ["product", "square", "waves"])
def test_auto_sees_what_correlations_do_not(law):
    rng = np.random.default_rng(0)
    x, z, e = rng.standard_normal((3, 1000))
    y = {"product": x * z + 0.3 * e, "square": x**2 + 0.3 * e, "waves": np.sin(4 * x) + 0.2 * e}[law]
    got = conditional_mutual_information(x, y, z)
    assert got.method == "ksg"
    assert got.value > 0.4
    assert got.value > 3 * got.diagnostics["candidates"]["gaussian-copula"]
    assert (
        got.diagnostics["reason"]
        == {
            "product": "third moments of the scores speak against a Gaussian copula",
            "square": "third moments of the scores speak against a Gaussian copula",
            "waves": "k-NN differs from the Gaussian copula",
        }[law]
    )


# two tests at the 1 % level: at most 2 % of normal samples, and of 1000 measured 1.2 %; 11 of 200 is the 0.999 quantile
def test_gaussian_data_are_rarely_refused():
    assert sum(bool(non_gaussian(normal(200, PARTIAL, seed))) for seed in range(200)) <= 11
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(rng.chisquare(2, (1000, 1)))
    assert "squares" in non_gaussian(scale * rng.standard_normal((1000, 3)))
    assert non_gaussian(np.repeat(rng.standard_normal((50, 1)), 2, axis=1)) == ""


def test_auto_where_neighbours_say_nothing():
    x, y, z = normal(100, PARTIAL).T
    with pytest.warns(DegenerateWarning, match="infinite"):
        got = conditional_mutual_information(x, np.exp(x), z)
    assert got.value == math.inf
    assert got.diagnostics["reason"] == "a relation of ranks is exact"
    wide = np.random.default_rng(0).standard_normal((200, 24))
    got = conditional_mutual_information(x, y, wide[:100])
    assert list(got.diagnostics["candidates"]) == ["gaussian-copula"]
    four = total_correlation([np.array([1.0, 2, 3, 4]), np.array([2.0, 4, 1, 3])])
    assert list(four.diagnostics["candidates"]) == ["gaussian-copula"]


def test_auto_with_fewer_rows_than_columns():
    a = np.random.default_rng(0).standard_normal((10, 9))
    got = conditional_mutual_information(a[:, :4], a[:, 4:8], a[:, 8])
    assert got.diagnostics["reason"] == "too few rows for correlations"
    assert got.strength == "heuristic"


# ---- total, dual total, O and interaction information

TABLE = [[[11, 7], [8, 10], [7, 9]], [[10, 3], [1, 4], [4, 10]]]


# dit 2.3 on the same table: total_correlation, dual_total_correlation, o_information, interaction_information and the
# conditional mutual information, in bits times log 2
def test_dit_agrees():
    x, y, z = np.repeat(np.argwhere(np.ones((2, 3, 2))), np.ravel(TABLE), axis=0).T
    one = Counts("none")
    assert total_correlation([x, y, z], method=one).value == pytest.approx(0.08224924579384228, abs=1e-12)
    assert dual_total_correlation([x, y, z], method=one).value == pytest.approx(0.09777400455054203, abs=1e-12)
    assert o_information([x, y, z], method=one).value == pytest.approx(-0.01552475875669975, abs=1e-12)
    assert interaction_information(x, y, z, method=one).value == pytest.approx(0.01552475875669975, abs=1e-12)
    assert conditional_mutual_information(x, y, z, method=one).value == pytest.approx(0.038948970133136834, abs=1e-12)


def test_neighbours_of_all_are_those_of_all_distances():
    a = normal(60, 0.5 + 0.5 * np.eye(4))
    k, n = 3, 60
    inside = brute_counts(list(a.T), [], k)
    h = {len(s): [] for s in ([0], [0, 1, 2], [0, 1, 2, 3])}
    for s in ([0], [1], [2], [3], [0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2, 3]):
        h[len(s)].append(np.mean(digamma(n) - digamma(inside(s))))
    tc = sum(h[1]) - h[4][0]
    dtc = sum(h[3]) - 3 * h[4][0]
    assert total_correlation(a, method=PLAIN).value == pytest.approx(tc, abs=1e-10)
    assert dual_total_correlation(a, method=PLAIN).value == pytest.approx(dtc, abs=1e-10)
    assert o_information(a, method=PLAIN).value == pytest.approx(tc - dtc, abs=1e-10)
    assert total_correlation(a, method=PLAIN).cap == pytest.approx(3 * (digamma(n) - digamma(k)))
    assert dual_total_correlation(a, method=PLAIN).cap == pytest.approx(digamma(n) - digamma(k))


def test_gaussian_of_all_is_that_of_the_sample_covariance():
    a = normal(50, 0.5 + 0.5 * np.eye(4))
    r = np.corrcoef(a, rowvar=False)
    every = half_log_det(r, 0, 1, 2, 3)
    rest = sum(half_log_det(r, *(i for i in range(4) if i != j)) for j in range(4))
    for f, want in ((total_correlation, -every), (dual_total_correlation, rest - 3 * every)):
        got = f(a, method="gaussian")
        assert got.value + got.diagnostics["bias_removed"] == pytest.approx(want, abs=1e-12)
    got = o_information(a, method="gaussian")
    assert got.value + got.diagnostics["bias_removed"] == pytest.approx(2 * every - rest, abs=1e-12)


@pytest.mark.parametrize("method", ["gaussian", "gaussian-copula", "ksg"])
def test_order_of_variables_does_not_matter(method):
    a = normal(100, 0.5 + 0.5 * np.eye(4)) ** 3
    for f in (total_correlation, dual_total_correlation, o_information):
        want, got = f(a, method=method), f(a[:, [2, 0, 3, 1]], method=method)
        assert got.value == pytest.approx(want.value, abs=1e-12)
        assert got.standard_error == pytest.approx(want.standard_error, abs=1e-12)
    values = [interaction_information(*a[:, o].T, method=method).value for o in ([0, 1, 2], [2, 0, 1], [1, 2, 0])]
    assert values == pytest.approx([values[0]] * 3, abs=1e-12)
    assert o_information(a[:, :3], method=method).value == pytest.approx(-values[0], abs=1e-12)


# equal correlations 0.5 of five normals; n = 1000, 20 seeds, largest bias and s.d. of the
# three: 0.015, 0.039 (gaussian and auto), 0.005, 0.069 (ksg)
@pytest.mark.parametrize(("method", "tolerance"), [("gaussian", 0.13), ("ksg", 0.21), ("auto", 0.13)])
def test_equal_correlations(method, tolerance):
    r = 0.5 + 0.5 * np.eye(5)
    a = normal(1000, r)
    every, four = half_log_det(r, *range(5)), half_log_det(r, *range(4))
    assert total_correlation(a, method=method).value == pytest.approx(-every, abs=tolerance)
    assert dual_total_correlation(a, method=method).value == pytest.approx(5 * four - 4 * every, abs=tolerance)
    assert o_information(a, method=method).value == pytest.approx(3 * every - 5 * four, abs=tolerance)


@pytest.mark.parametrize("measure", ["conditional", "total", "flow", "interaction"])
def test_values_below_zero_are_named_where_they_cannot_be(measure):
    said = {
        "conditional": lambda a: conditional_mutual_information(*a, method="ksg"),
        "total": lambda a: total_correlation(list(a), method="ksg"),
        "flow": lambda a: transfer_entropy(a[0], a[1], method="ksg"),
        "interaction": lambda a: interaction_information(*a, method="ksg"),
    }[measure]
    below = 0
    for seed in range(8):
        e = said(np.random.default_rng(seed).standard_normal((3, 200)))
        # a difference of two informations may be below zero: nothing is to be said of it
        named = any("below zero within error" in note for note in e.diagnostics["notes"])
        assert named == (-2 * e.standard_error <= e.value < 0 and measure != "interaction")
        below += e.value < 0
    assert below > 0


def test_conditional_information_far_below_zero_is_called_biased(monkeypatch):
    # few estimates are so far below zero that no chance explains it: the limit is brought to this one instead
    monkeypatch.setattr("infocore.estimators._base.CHANCE", 0.5)
    monkeypatch.setattr("infocore.estimators._base.BIAS", 1.0)
    x, y = np.random.default_rng(0).standard_normal((2, 400))
    z = x + 0.01 * y  # neighbours are too far apart to see y in the difference: -0.05 nats, error 0.03
    with pytest.warns(SaturationWarning, match="conditional_mutual_information: below zero by more than its error"):
        e = conditional_mutual_information(x, y, z, method="ksg")
    assert e.value < -e.standard_error
    assert e.strength == "heuristic"


def test_infinities_that_differ_are_undefined():
    x, y, _ = normal(100, PARTIAL).T
    with pytest.warns(DegenerateWarning, match="undefined: infinite terms of both signs"):
        got = o_information([x, x, y], method="gaussian")
    assert math.isnan(got.value)
    assert got.direction == "none"
    assert "undefined" in got.diagnostics["notes"][0]
    with pytest.warns(DegenerateWarning, match="is infinite"):
        assert interaction_information(x, y, x + y, method="gaussian").value == math.inf
    with pytest.warns(DegenerateWarning, match="is infinite"):
        assert dual_total_correlation([x, x, y], method="gaussian").value == math.inf


# ---- transfer entropy


def series(a, n, seed=0):
    """A vector autoregressive series of order one with unit normal noise."""
    rng = np.random.default_rng(seed)
    a, noise = np.array(a), rng.standard_normal((n + 200, 2))
    z = np.zeros((n + 200, 2))
    for t in range(1, n + 200):
        z[t] = a @ z[t - 1] + noise[t]
    return z[200:].T


def flow(a, source, target):
    """Closed form: the covariance of present and past by the discrete Lyapunov equation."""
    s = solve_discrete_lyapunov(np.array(a), np.eye(2))
    cross = np.array(a) @ s
    joint = np.block([[s, cross], [cross.T, s]])
    present, own, other = target, 2 + target, 2 + source
    h = [half_log_det(joint, *c) for c in ((present, own), (own, other), (present, own, other), (own,))]
    return h[0] + h[1] - h[2] - h[3]


# n = 2000, 20 seeds, bias / s.d.: gaussian and auto +0.001 / 0.010, ksg +0.002 / 0.018 and backwards -0.003 / 0.012
@pytest.mark.parametrize(("method", "tolerance"), [("gaussian", 0.035), ("ksg", 0.06), ("auto", 0.035)])
def test_flow_of_an_autoregressive_series(method, tolerance):
    a = [[0.6, 0.0], [0.5, 0.4]]
    x, y = series(a, 2000)
    got = transfer_entropy(x, y, method=method)
    assert flow(a, 0, 1) == pytest.approx(0.147, abs=0.0005)
    assert got.value == pytest.approx(flow(a, 0, 1), abs=tolerance)
    assert got.n == 1999
    assert transfer_entropy(y, x, method=method).value == pytest.approx(0.0, abs=tolerance)


# y copies a bit of x two steps later: the lag must be 2, or two values of the source
def test_lags_and_histories():
    x = np.random.default_rng(0).integers(0, 2, 3000)
    y = np.roll(x, 2)
    assert transfer_entropy(x, y).value == pytest.approx(0.0, abs=0.005)
    assert transfer_entropy(x, y, lag=2).value == pytest.approx(math.log(2), abs=0.005)
    both = transfer_entropy(x, y, source_history=2)
    assert both.value == pytest.approx(math.log(2), abs=0.005)
    assert list(both.diagnostics["kinds"]["source"]) == ["source(t-1)", "source(t-2)"]
    assert transfer_entropy(x, y, lag=2, target_history=3).n == 2997
    # a period of three: the target's own past of three steps tells all
    p = np.tile([0, 0, 1], 300)
    assert transfer_entropy(np.roll(p, 1), p, target_history=3, blocks=None).value == pytest.approx(0.0, abs=1e-9)


def test_text_and_several_columns_flow_too():
    x = np.random.default_rng(0).integers(0, 2, 1000)
    y = np.roll(x, 1)
    words = np.array(["no", "yes"])
    assert transfer_entropy(words[x], words[y]).value == pytest.approx(transfer_entropy(x, y).value, abs=1e-12)
    z = series([[0.6, 0.0], [0.5, 0.4]], 300)
    got = transfer_entropy(z.T, z[1], method="gaussian", source_history=2)
    assert got.diagnostics["rank"] == [1, 4, 1]  # of the source's four columns one is the target's own past


# slow regimes: what flows in a step depends on the step's scale, so the terms go together; n = 2000
def test_blocks_of_a_series_are_found():
    rng = np.random.default_rng(0)
    regime = np.repeat(rng.random(40) < 0.5, 50)
    x = rng.standard_normal(2000)
    y = np.where(regime, 3.0, 0.0) * np.roll(x, 1) + rng.standard_normal(2000)
    got, plain = (transfer_entropy(x, y, method="ksg", blocks=b) for b in ("auto", None))
    assert got.value == plain.value
    assert got.diagnostics["block_length"] > 5
    assert got.standard_error > 1.5 * plain.standard_error
    assert "blocks" not in plain.diagnostics


def test_shifted_series():
    x, y = series([[0.6, 0.0], [0.5, 0.4]], 200)
    for method in ("gaussian", "auto"):
        assert transfer_entropy_test(x, y, method=method, n=39).p_value == pytest.approx(1 / 40)
    back = transfer_entropy_test(y, x, method="gaussian", n=39)
    assert back.p_value > 0.05
    assert back.estimate.value == transfer_entropy(y, x, method="gaussian").value
    # the value under a shift is the estimate from the shifted series
    shifts = [transfer_entropy(x, np.roll(y, s), method="gaussian").value for s in range(1, 200)]
    null = transfer_entropy_test(x, y, method="gaussian", n=5).null
    assert all(min(abs(v - s) for s in shifts) < 1e-12 for v in null)


# ---- pointwise


@pytest.mark.parametrize(
    ("method", "estimator"),
    [
        ("gaussian", GaussianMI()),
        ("gaussian-copula", GaussianCopulaMI()),
        ("ksg", KSG()),
        ("mixed", MixedKSG()),
    ],
)
def test_two_variables_are_the_estimators_of_two(method, estimator):
    a = normal(300, [[1, 0.6, 0.2], [0.6, 1, 0.3], [0.2, 0.3, 1]])
    want = estimator.estimate(a[:, 0], a[:, 1:])
    rows = pointwise_mutual_information(a[:, 0], a[:, 1:], method=method)
    got = total_correlation([a[:, 0], a[:, 1:]], method=method)
    tolerance = 1e-4 if method == "gaussian-copula" else 1e-12  # there the scores are not centred on their own
    assert rows.shape == (300,)
    assert rows.mean() == pytest.approx(want.value, abs=tolerance)
    assert got.value == pytest.approx(want.value, abs=tolerance)
    assert got.standard_error == pytest.approx(want.standard_error, rel=100 * tolerance)


def test_local_values_of_counts():
    x, y = np.repeat([0, 0, 1, 1], [40, 10, 10, 40]), np.repeat([0, 1, 0, 1], [40, 10, 10, 40])
    plain = pointwise_mutual_information(x, y, method=Counts("none"), units="bits")
    assert plain[[0, 40]] == pytest.approx([math.log2(1.6), math.log2(0.4)])
    rows = pointwise_mutual_information(x, y)
    assert rows.mean() == pytest.approx(DiscreteMI().estimate(x, y).value, abs=1e-12)
    assert rows[0] - rows[40] == pytest.approx(math.log(4))
    for correction in ("nsb", "miller-madow"):
        got = pointwise_mutual_information(x, y, method=Counts(correction)).mean()
        assert got == pytest.approx(DiscreteMI(correction).estimate(x, y).value, abs=1e-12)


# the log density ratio of the law itself; n = 3000: correlation with it 0.997 (copula), 0.77 (ksg, 3 seeds)
@pytest.mark.parametrize(("method", "least"), [("auto", 0.99), ("ksg", 0.7)])
def test_local_values_follow_the_density_ratio(method, least):
    x, y = normal(3000, [[1, 0.8], [0.8, 1]]).T
    want = -0.5 * math.log(0.36) - (0.64 * (x**2 + y**2) - 1.6 * x * y) / 0.72
    assert np.corrcoef(want, pointwise_mutual_information(x, y, method=method))[0, 1] > least


# ---- what cannot be

X, Y, Z = normal(50, PARTIAL).T
BITS = bits(50)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"method": "mine"}, "conditional_mutual_information: `method` must be one of auto.*got 'mine'"),
        ({"method": KSG()}, "`method` must be one of"),
        ({"units": "dits"}, "`units` must be one of nats, bits"),
        ({"ci_level": 1.0}, "`ci_level`"),
        ({"rng": -1}, "`rng`"),
        ({"blocks": "all"}, '`blocks` must be a length, one label a row, "auto" or None'),
        ({"blocks": 40}, "`blocks`, a block length, must be in 1 .. n/2"),
        ({"method": Neighbours(0)}, "`k` must be a whole number"),
        ({"method": Neighbours(margins="copula")}, "`margins` must be"),
        ({"method": Counts("jackknife")}, "`correction` must be"),
    ],
)
def test_settings_are_refused(setting, match):
    with pytest.raises(ParameterError, match=match):
        conditional_mutual_information(X, Y, Z, **setting)


@pytest.mark.parametrize(
    ("x", "y", "z", "method", "error", "match"),
    [
        (X, Y[:9], Z, "auto", ShapeError, "need one length; got rows: `x` 50, `y` 9, `z` 50"),
        (X, Y, np.full(50, np.nan), "auto", NonFiniteError, "conditional_mutual_information: `z` holds NaN"),
        (X, Y, np.zeros((50, 2, 2)), "auto", ShapeError, "`z` must have shape"),
        (X[:1], Y[:1], Z[:1], "auto", TooFewSamplesError, "needs at least 2 rows; got 1"),
        (X[:4], Y[:4], Z[:4], "gaussian", TooFewSamplesError, "two rows more than columns.*n=4 for 3 columns"),
        (X[:4], Y[:4], Z[:4], "ksg", TooFewSamplesError, "needs at least k"),
        (X, Y, Z, "discrete", KindError, "hardly a value of column.* x, y, z occurs twice"),
        (X, np.array(["a", "b"])[BITS[0]], Z, "gaussian", KindError, "y hold text or categories"),
        (X, np.array(["a", "b"])[BITS[0]], Z, "ksg", KindError, 'y hold text.*With k-NN, that is method="mixed"'),
    ],
)
def test_data_are_refused(x, y, z, method, error, match):
    with pytest.raises(error, match=match):
        conditional_mutual_information(x, y, z, method=method)


def test_repeated_values_are_warned_of():
    with pytest.warns(DegenerateWarning, match='values repeat.*use method="mixed"'):
        got = conditional_mutual_information(X, BITS[0], Z, method="ksg")
    assert got.strength == "heuristic"


@pytest.mark.parametrize("function", [total_correlation, dual_total_correlation, o_information])
def test_too_few_variables(function):
    least = 3 if function is o_information else 2
    with pytest.raises(ShapeError, match=f"`columns` must hold at least {least} variables; got {least - 1}"):
        function([X, Y][: least - 1])
    with pytest.raises(ShapeError, match=r"`columns` must be an array of shape.*shape \(50,\)"):
        function(X)
    with pytest.raises(ParameterError, match=f"{function.__name__}: `units`"):
        function([X, Y, Z], units="dits")


def test_shrinkage_is_of_tables():
    with pytest.raises(ParameterError, match=r"`correction` must be one of none.*more than two sides; got 'nsb'"):
        interaction_information(*BITS, method=Counts("nsb"))
    with pytest.raises(ParameterError, match="interaction_information: `method`"):
        interaction_information(*BITS, method="mine")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: transfer_entropy(X, Y, lag=0), ParameterError, "`lag` must be a whole number >= 1; got 0"),
        (lambda: transfer_entropy(X, Y, source_history=True), ParameterError, "`source_history`"),
        (lambda: transfer_entropy(X, Y, target_history=1.5), ParameterError, "`target_history`"),
        (lambda: transfer_entropy(X, Y[:9]), ShapeError, "need one length; got 50 and 9"),
        (lambda: transfer_entropy(X, Y, lag=47), TooFewSamplesError, "50 times leave 3 rows after a past of 47"),
        (lambda: transfer_entropy(X, Y, method="mine"), ParameterError, "transfer_entropy: `method`"),
        (lambda: transfer_entropy(X[:15], Y[:15], method="gaussian"), TooFewSamplesError, "at least 20"),
        (lambda: transfer_entropy_test(X, Y, lag=0), ParameterError, "`lag`"),
        (lambda: transfer_entropy_test(X, Y, n=0), ParameterError, "`n` must be a whole number, at least 1; got 0"),
        (lambda: pointwise_mutual_information(X, Y, method="mine"), ParameterError, "`method`"),
        (lambda: pointwise_mutual_information(X, Y[:9]), ShapeError, "need one length"),
    ],
)
def test_the_rest_refuses_too(call, error, match):
    with pytest.raises(error, match=match):
        call()
