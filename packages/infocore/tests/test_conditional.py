"""Conditional mutual information: known laws, what is given, intervals, and the automatic choice."""

import math

import numpy as np
import pytest

from infocore.errors import DegenerateWarning
from infocore.multivariate import Counts, Gaussian, Neighbours, conditional_mutual_information, total_correlation
from infocore.multivariate._choice import non_gaussian

from .multivariate_data import PARTIAL, PLAIN, bits, normal


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


def test_a_row_alone_in_its_stratum_says_nothing():
    x, y, z = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 1, 0, 1, 1, 0]), np.array([0, 0, 0, 0, 1, 2])
    got = conditional_mutual_information(x, y, z, method=Counts("none"))
    assert got.value == pytest.approx(4 / 6 * math.log(2))
    assert got.diagnostics["lone_rows"] == 2
    assert "undersampled" in got.diagnostics["notes"][0]
    assert math.isfinite(conditional_mutual_information(x, y, z).standard_error)


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
