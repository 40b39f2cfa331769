"""Counts: tables worked out by hand, scikit-learn, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import mutual_info_score

from infocore.discrete import discrete_mutual_information, entropy, mutual_information_from_counts
from infocore.errors import InvalidDistributionError, KindError, ParameterError, ShapeError
from infocore.estimators import DiscreteMI

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


@given(table=TABLES)
def test_the_estimator_the_table_and_scikit_learn_agree(table):
    x, y = (np.repeat(index.ravel(), table.ravel()) for index in np.indices(table.shape))
    if len(set(x)) < 2 or len(set(y)) < 2 or len(x) < 2 * max(len(set(x)), len(set(y))):
        return  # constant, or too few rows to be read as discrete
    plain = DiscreteMI("none").estimate(x, y)
    assert plain.value == pytest.approx(mutual_info_score(x, y), abs=1e-12)
    assert plain.value == pytest.approx(mutual_information_from_counts(table), abs=1e-12)
    corrected = DiscreteMI().estimate(x, y)
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
    assert DiscreteMI().estimate(x, y).standard_error == pytest.approx(want, rel=1e-12)


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
    with pytest.raises(KindError, match=r"discrete: no value of column\(s\) y"):
        DiscreteMI().estimate([0, 1] * 10, np.random.default_rng(0).random(20))
