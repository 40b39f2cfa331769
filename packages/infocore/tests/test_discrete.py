"""Counts: tables worked out by hand, scikit-learn, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import mutual_info_score

from infocore.discrete import (
    Dirichlet,
    discrete_mutual_information,
    entropy,
    mutual_information_from_counts,
    sample_coverage,
)
from infocore.errors import InvalidDistributionError, KindError, ParameterError, ShapeError, TooFewSamplesError
from infocore.estimators import DiscreteMI
from infocore.testing import coverage, parametrize_with_checks

CORRECTIONS = (
    "none",
    "miller-madow",
    "grassberger",
    "chao-shen",
    "chao-wang-jost",
    "james-stein",
    "dirichlet-jeffreys",
    "dirichlet-laplace",
    "dirichlet-perks",
    "dirichlet-minimax",
    "nsb",
    Dirichlet(0.3),
)
TABLES = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(0, 9)).filter(
    lambda t: t.sum() > 1
)


def test_entropy_by_hand():
    # 1/2, 1/4, 1/4: 1/2 log 2 + 1/2 log 4 = 3/2 log 2; Miller-Madow adds (3 - 1) / (2 * 4)
    assert entropy([2, 1, 1, 0]) == pytest.approx(1.5 * math.log(2), abs=1e-15)
    assert entropy([2, 1, 1, 0], "miller-madow") == pytest.approx(1.5 * math.log(2) + 0.25, abs=1e-15)


def test_information_by_hand():
    # [[3, 1], [1, 3]] / 8: 2 * 3/8 log(3/2) + 2 * 1/8 log(1/2) = 3/4 log 3 - log 2
    want = 0.75 * math.log(3) - math.log(2)
    assert mutual_information_from_counts([[3, 1], [1, 3]]) == pytest.approx(want, abs=1e-15)
    # (Kx + Ky - Kxy - 1) / 2n = (2 + 2 - 4 - 1) / 16
    assert mutual_information_from_counts([[3, 1], [1, 3]], "miller-madow") == pytest.approx(want - 1 / 16, abs=1e-15)


def by_recurrence(count):
    # Grassberger 2003, eqs. 27 to 29: G(1) = -gamma - log 2, G(2) = 2 - gamma - log 2, G(2m + 1) = G(2m),
    # G(2m + 2) = G(2m) + 2 / (2m + 1)
    g = -np.euler_gamma - math.log(2)
    return g + sum(2 / (2 * m + 1) for m in range(count // 2))


@pytest.mark.parametrize("counts", [[1], [4, 3, 2, 1, 1, 1], [50, 20, 9, 3, 1], [12345, 1]])
def test_grassberger_by_its_recurrence(counts):
    n = sum(counts)
    want = math.log(n) - sum(c * by_recurrence(c) for c in counts) / n
    assert entropy(counts, "grassberger") == pytest.approx(want, abs=1e-12)


def test_chao_shen_by_hand():
    # n = 6, one value seen once: coverage 5/6, so the probabilities are 15/36, 10/36 and 5/36
    want = -sum(p * math.log(p) / (1 - (1 - p) ** 6) for p in (15 / 36, 10 / 36, 5 / 36))
    assert entropy([3, 2, 1], "chao-shen") == pytest.approx(want, abs=1e-14)
    # each value seen once: coverage 1/n instead of 0, so that p = 1/9 for all three
    assert entropy([1, 1, 1], "chao-shen") == pytest.approx(3 * math.log(9) / 9 / (1 - (8 / 9) ** 3), abs=1e-14)


def cwj_in_loops(counts):
    n, once, twice = sum(counts), counts.count(1), counts.count(2)
    value = sum(c / n * sum(1 / k for k in range(c, n)) for c in counts if c < n)
    if not once:
        return value
    a = 2 * twice / ((n - 1) * once + 2 * twice) if twice else 2 / ((n - 1) * (once - 1) + 2)
    if a == 1:
        return value
    rest = -math.log(a) - sum((1 - a) ** r / r for r in range(1, n))
    return value + once / n * (1 - a) ** (1 - n) * rest


@pytest.mark.parametrize("counts", [[1], [7], [2, 1], [4, 3, 2, 1, 1, 1], [5, 3, 1, 1], [3, 3, 2, 2, 2], [1] * 12])
def test_chao_wang_jost_in_loops(counts):
    assert entropy(counts, "chao-wang-jost") == pytest.approx(cwj_in_loops(counts), abs=1e-12)


# The formula as printed, with 60 digits (mpmath): in double precision the loops above lose the first from a power of
# e^98, and the second is all extrapolation.
@pytest.mark.parametrize(
    ("counts", "want"),
    [
        ([1] * 10 + [2] * 500, 6.50442507746777),
        ([1] * 5000, 16.3441392142686),
        ([1, 1, 1, 2] + [1000] * 5, 1.6183800772466),
    ],
)
def test_chao_wang_jost_where_the_formula_cancels(counts, want):
    assert entropy(counts, "chao-wang-jost") == pytest.approx(want, abs=1e-12)


def shrunk_in_full(counts, size, intensity):
    p = np.zeros(size)
    p[: len(counts)] = np.asarray(counts) / sum(counts)
    return (1 - intensity) * p + intensity / size


def plain_entropy(p):
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())


@pytest.mark.parametrize("size", [6, 9, 50])
def test_james_stein_in_full(size):
    counts = [9, 4, 3, 2, 1, 1]
    n, p = 20, shrunk_in_full(counts, size, 0.0)
    intensity = min(1.0, (1 - (p**2).sum()) / ((n - 1) * ((1 / size - p) ** 2).sum()))
    want = plain_entropy(shrunk_in_full(counts, size, intensity))
    assert entropy(counts, "james-stein", alphabet=size) == pytest.approx(want, abs=1e-13)


@pytest.mark.parametrize(
    ("correction", "pseudo"),
    [
        ("dirichlet-jeffreys", 0.5),
        ("dirichlet-laplace", 1.0),
        ("dirichlet-perks", 1 / 12),
        ("dirichlet-minimax", math.sqrt(20) / 12),
        (Dirichlet(0.3), 0.3),
    ],
)
def test_pseudo_counts_in_full(correction, pseudo):
    counts = np.array([9, 4, 3, 2, 1, 1] + [0] * 6) + pseudo
    assert entropy([9, 4, 3, 2, 1, 1], correction, alphabet=12) == pytest.approx(
        plain_entropy(counts / counts.sum()), abs=1e-13
    )
    table = np.array([[9, 4, 0, 0], [0, 3, 2, 0], [1, 1, 0, 0]]) + pseudo
    p = table / table.sum()
    want = plain_entropy(p.sum(0)) + plain_entropy(p.sum(1)) - plain_entropy(p.ravel())
    found = mutual_information_from_counts([[9, 4, 0], [0, 3, 2], [1, 1, 0]], correction, alphabet=(3, 4))
    assert found == pytest.approx(want, abs=1e-13)


# infomeasure 0.6.3 on the same counts, with the number seen as the alphabet
@pytest.mark.parametrize(
    ("correction", "want"),
    [
        ("miller-madow", (1.977480426351676, 1.0864712848506048)),
        ("chao-shen", (2.0495251228680496, 1.0986814510976775)),
        ("chao-wang-jost", (2.100112096955536, 1.0879023167155975)),
        ("james-stein", (2.0436362903382226, 1.0995702886184488)),
        ("dirichlet-jeffreys", (1.9369553503832835, 1.0992941094301585)),
        ("dirichlet-laplace", (1.9911337069633368, 1.1317072554251109)),
        ("dirichlet-minimax", (1.9539926052441636, 1.1775730419130037)),
    ],
)
def test_another_library_agrees(correction, want):
    found = [entropy(c, correction) for c in ([10, 7, 5, 5, 2, 1, 1, 1, 1], [50, 20, 9, 3, 1])]
    assert found == pytest.approx(want, abs=1e-12)


# Zipf law on 1000 symbols, n = 1000, 40 seeds: measured biases -0.414, -0.247, -0.109, -0.046, -0.043, -0.251 and
# -0.024 with s.d. 0.06 to 0.08 a sample, so 0.013 of the mean; tolerance three of those
@pytest.mark.parametrize(
    ("correction", "bias"),
    [
        ("none", -0.414),
        ("miller-madow", -0.247),
        ("grassberger", -0.109),
        ("chao-shen", -0.046),
        ("chao-wang-jost", -0.043),
        ("james-stein", -0.251),
        ("nsb", -0.024),
    ],
)
def test_bias_on_a_zipf_law(correction, bias):
    p = 1 / np.arange(1, 1001)
    p /= p.sum()
    alphabet = 1000 if correction in ("james-stein", "nsb") else None
    found = [
        entropy(np.random.default_rng(seed).multinomial(1000, p), correction, alphabet=alphabet)
        for seed in range(100, 140)
    ]
    assert np.mean(found) - plain_entropy(p) == pytest.approx(bias, abs=0.04)


@given(counts=hnp.arrays(np.int64, st.integers(1, 8), elements=st.integers(0, 30)).filter(np.any))
def test_order_and_unseen_values_change_no_entropy(counts):
    for correction in CORRECTIONS:
        found = entropy(counts, correction)
        assert math.isfinite(found)
        assert entropy([*counts[::-1], 0, 0], correction) == pytest.approx(found, abs=1e-12)


def test_coverage_by_hand():
    assert sample_coverage([3, 2, 1, 1, 0]) == pytest.approx(5 / 7)
    assert sample_coverage([4]) == 1.0


@given(table=TABLES)
def test_the_estimator_the_table_and_scikit_learn_agree(table):
    x, y = (np.repeat(index.ravel(), table.ravel()) for index in np.indices(table.shape))
    if len(set(x)) < 2 or len(set(y)) < 2 or len(x) < 2 * max(len(set(x)), len(set(y))):
        return  # constant, or too few rows to be read as discrete
    plain = DiscreteMI("none").estimate(x, y)
    assert plain.value == pytest.approx(mutual_info_score(x, y), abs=1e-12)
    assert plain.value == pytest.approx(mutual_information_from_counts(table), abs=1e-12)
    corrected = DiscreteMI("miller-madow").estimate(x, y)
    assert corrected.value == pytest.approx(mutual_information_from_counts(table, "miller-madow"), abs=1e-12)
    assert plain.value <= plain.cap + 1e-12
    assert corrected.value <= corrected.cap + 1e-12


def test_the_cap_is_reached_by_a_copy():
    x = np.repeat([0, 1, 2], 40)
    for correction in ("none", "miller-madow"):
        e = DiscreteMI(correction).estimate(x, x)
        assert e.value == pytest.approx(e.cap, abs=1e-12)
    assert DiscreteMI("none").estimate(x, x).cap == pytest.approx(math.log(3))


# n = 1000, 4 x 4 cells, 200 seeds: plug-in bias +0.0045 (theory 9 / 2000), corrected +0.0002, s.d. 0.027, so the mean
# of 200 has s.d. 0.002
def test_the_correction_removes_the_bias():
    joint = 0.5 * np.eye(4) / 4 + 0.5 / 16
    truth = float((joint * np.log(16 * joint)).sum())
    found = {"none": [], "miller-madow": []}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = rng.integers(0, 4, 1000)
        y = np.where(rng.random(1000) < 0.5, rng.integers(0, 4, 1000), x)
        for correction, values in found.items():
            values.append(DiscreteMI(correction).estimate(x, y).value - truth)
    gained = np.subtract(found["none"], found["miller-madow"])
    np.testing.assert_allclose(gained, 9 / 2000, atol=1e-12)
    assert np.mean(found["miller-madow"]) == pytest.approx(0.0, abs=0.006)


def test_huge_alphabets_take_the_sparse_way_to_the_same_number():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3000, (2, 9000))
    y[:4500] = x[:4500]
    text = np.array([f"s{value}" for value in x])  # text, so that it is read as discrete whatever its alphabet
    other = np.array([f"s{value}" for value in y])
    assert 2900**2 > 1 << 20
    assert DiscreteMI("none").estimate(text, other).value == pytest.approx(mutual_info_score(x, y), abs=1e-10)


def test_several_columns_are_one_variable():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (600, 2))
    y = x[:, 0] ^ x[:, 1]
    joined = 3 * x[:, 0] + x[:, 1]
    assert DiscreteMI("none").estimate(x, y).value == pytest.approx(mutual_info_score(joined, y), abs=1e-12)


def test_standard_error_is_that_of_the_pointwise_information():
    x = np.repeat([0, 0, 1, 1], [30, 10, 10, 30])
    y = np.repeat([0, 1, 0, 1], [30, 10, 10, 30])
    i = np.repeat([math.log(1.5), math.log(0.5), math.log(0.5), math.log(1.5)], [30, 10, 10, 30])
    want = math.sqrt(np.var(i, ddof=1) / 80 + 1 / (2 * 80**2))
    assert DiscreteMI("miller-madow").estimate(x, y).standard_error == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("k", [3, 300])  # filled cells, and a table larger than the sample with hardly any
def test_standard_error_of_the_default_is_the_jackknife(k):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, k, (2, 60))
    y[:30] = x[:30]
    text = [np.array([f"s{value}" for value in side]) for side in (x, y)]

    def value(rows):
        table = np.zeros((k, k), np.int64)
        np.add.at(table, (x[rows], y[rows]), 1)
        return mutual_information_from_counts(table, "chao-wang-jost")

    left_out = np.array([value(np.arange(60) != i) for i in range(60)])
    degrees = (len(set(x)) - 1) * (len(set(y)) - 1)
    want = math.sqrt(59 / 60 * ((left_out - left_out.mean()) ** 2).sum() + degrees / (2 * 60**2))
    found = DiscreteMI().estimate(*text)
    assert found.value == pytest.approx(value(np.arange(60)), abs=1e-12)
    assert found.standard_error == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("k", [4, 2000])  # a full table, and one too large for that
def test_the_cells_say_what_the_rows_say(correction, k):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, k, (2, 500))
    y[:250] = x[:250]
    text = [np.array([f"s{value:04}" for value in side]) for side in (x, y)]
    found, rows = (DiscreteMI(correction).estimate(*text, blocks=b) for b in (None, 1))
    table = np.zeros((k, k), np.int64)
    np.add.at(table, (x, y), 1)
    assert found.value == pytest.approx(mutual_information_from_counts(table, correction), abs=1e-11)
    assert found.value == pytest.approx(discrete_mutual_information(7 - x, 1000 * y, correction), abs=1e-11)
    # one row a block: the same spread, from the terms of the rows
    assert found.standard_error == pytest.approx(rows.standard_error, rel=1e-9)


@parametrize_with_checks([DiscreteMI(c) for c in CORRECTIONS])
def test_contract(estimator, check):
    check(estimator)


# 20 symbols, half kept, n = 1000, about one row a cell, 100 seeds: bias -0.007 (Miller-Madow +0.081), s.d. 0.050, so
# 0.008 of a mean of 40; coverage 0.98 (Miller-Madow 0.40), of 40 with a s.d. of 0.05
def test_the_default_where_cells_are_hardly_filled():
    joint = 0.5 * np.eye(20) / 20 + 0.5 / 400

    def law(rng):
        x, other = rng.integers(0, 20, (2, 1000))
        return x, np.where(rng.random(1000) < 0.5, other, x)

    found = coverage(DiscreteMI(), law, float((joint * np.log(400 * joint)).sum()), repetitions=40, first_seed=50)
    assert found["bias"] == pytest.approx(-0.007, abs=0.025)
    assert found["coverage"] >= 0.85


def test_undersampling_is_noted():
    rng = np.random.default_rng(0)
    found = [DiscreteMI().estimate(*rng.integers(0, 20, (2, n))) for n in (500, 40_000)]
    assert [e.strength for e in found] == ["heuristic", "asymptotic"]
    few, many = (e.diagnostics for e in found)
    assert not any("undersampled" in note for note in many["notes"])
    assert many["coverage"] == 1.0
    # 400 cells, each empty with probability 0.29, once with 0.36: 500 rows, 143 of them alone in their cell
    assert few["coverage"] == pytest.approx(1 - 143 / 500, abs=0.08)
    assert few["notes"][0].startswith("undersampled: 1.7")


def test_a_value_above_the_largest_entropy_is_noted():
    x = np.arange(300) % 3
    with_correction, without = (DiscreteMI(c).estimate(x, x) for c in ("miller-madow", "none"))
    assert with_correction.value == pytest.approx(math.log(3) + 2 / 600)  # K - 1 over 2n
    assert with_correction.strength == "asymptotic"
    assert [note for note in with_correction.diagnostics["notes"] if "above log 3 = 1.1, the largest entropy" in note]
    assert not any("above log" in note for note in without.diagnostics["notes"])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([3, 3, 5, 5, 5, 9], [1, 1, 0, 0, 1, 1]),
        ([-3, -3, 5, 5, 5, 10**12], [1, 1, 0, 0, 1, -(10**12)]),
        (np.array([0, 1, 0, 1, 2], np.uint8), np.array([True, False, True, True, False])),
    ],
)
@pytest.mark.parametrize("correction", ["none", "miller-madow"])
def test_integer_codes_of_any_range(x, y, correction):
    found = discrete_mutual_information(x, y, correction)
    kx, ky, kxy = len(set(x)), len(set(y)), len(set(zip(x, y, strict=True)))
    shift = (kxy - kx - ky + 1) / (2 * len(x)) if correction == "miller-madow" else 0.0
    assert found == pytest.approx(mutual_info_score(x, y) - shift, abs=1e-12)


def test_cells_with_large_counts():
    # more rows in a cell than a looked-up table of logarithms would be worth, and many cells with few
    x = np.concatenate([np.zeros(300_000, np.int64), np.arange(900)])
    y = np.concatenate([np.zeros(300_000, np.int64), np.arange(900) // 2])
    want = mutual_info_score(x, y)
    assert discrete_mutual_information(x, y) == pytest.approx(want, abs=1e-12)
    assert entropy([2**40, 2**40]) == pytest.approx(math.log(2), abs=1e-14)


@pytest.mark.parametrize("counts", [[-1, 2], [0.5, 1], [0, 0], [np.nan, 1], []])
def test_counts_that_are_none(counts):
    with pytest.raises(InvalidDistributionError, match="whole numbers"):
        entropy(counts)


def test_refusals():
    with pytest.raises(ShapeError, match="2-D; got 1"):
        mutual_information_from_counts([1, 2])
    with pytest.raises(ParameterError, match=r"entropy: `correction` must be one of none, .*nsb, or .*; got 'best'"):
        entropy([1, 2], "best")
    with pytest.raises(ParameterError, match="`correction`"):
        mutual_information_from_counts([[1, 2]], "best")
    with pytest.raises(ParameterError, match="`correction`"):
        discrete_mutual_information([1, 2], [1, 2], "best")
    with pytest.raises(ParameterError, match="discrete: `correction`"):
        DiscreteMI("best").estimate([0, 1] * 10, [1, 0] * 10)
    with pytest.raises(KindError, match=r"discrete: hardly a value of column\(s\) y"):
        DiscreteMI().estimate([0, 1] * 10, np.random.default_rng(0).random(20))
    with pytest.raises(ParameterError, match=r"entropy: `pseudo_count` must be positive and finite; got 0"):
        entropy([1, 2], Dirichlet(0))
    with pytest.raises(KindError, match="`y` must hold whole numbers; got dtype float64"):
        discrete_mutual_information([1, 2], [1.0, 2.0])
    with pytest.raises(ShapeError, match=r"`x` must have shape \(n,\); got \(1, 2\)"):
        discrete_mutual_information([[1, 2]], [1, 2])
    with pytest.raises(ShapeError, match="one length; got 2 and 3"):
        discrete_mutual_information([1, 2], [1, 2, 3])
    with pytest.raises(TooFewSamplesError, match="`x` is empty"):
        discrete_mutual_information(np.array([], np.int64), np.array([], np.int64))


def test_alphabets_that_cannot_be():
    with pytest.raises(ParameterError, match="at least the 3 values that were seen; got 2"):
        entropy([1, 2, 3], "nsb", alphabet=2)
    with pytest.raises(ParameterError, match=r"at least the 2 values that were seen; got 2\.5"):
        entropy([1, 2], "james-stein", alphabet=2.5)
    with pytest.raises(ParameterError, match='`alphabet` says nothing to correction="chao-shen"'):
        entropy([1, 2], "chao-shen", alphabet=4)
    with pytest.raises(ParameterError, match='`alphabet` says nothing to correction="none"'):
        discrete_mutual_information([1, 2], [1, 2], alphabet=(4, 4))
    with pytest.raises(ParameterError, match="discrete: `alphabet` says nothing"):
        DiscreteMI("miller-madow", alphabet=(2, 2)).estimate([0, 1] * 10, [1, 0] * 10)
    with pytest.raises(ParameterError, match="two sizes, of x and of y; got 4"):
        mutual_information_from_counts([[1, 2], [3, 4]], "nsb", alphabet=4)
