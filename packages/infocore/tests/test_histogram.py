"""Binned information: tables by hand, the laws it must obey, and how far bins are from the truth."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mutual_info_score

from infocore.errors import ParameterError, TooFewSamplesError
from infocore.estimators.histogram import HistogramMI
from infocore.testing import coverage, parametrize_with_checks


def normal(rho, n):
    def law(rng):
        x, e = rng.standard_normal((2, n))
        return x, rho * x + math.sqrt(1 - rho**2) * e

    return law, -0.5 * math.log(1 - rho**2)


@parametrize_with_checks(
    [
        HistogramMI(),
        HistogramMI(bins=4),
        HistogramMI(rule="width"),
        HistogramMI(correction="miller-madow"),
        HistogramMI(correction="james-stein"),
        HistogramMI(correction="nsb"),
    ]
)
def test_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("rule", ["equiprobable", "width"])
def test_the_table_is_that_of_pandas(rule):
    x, y = normal(0.7, 1000)[0](np.random.default_rng(0))
    cut = pd.qcut if rule == "equiprobable" else pd.cut
    want = mutual_info_score(*(cut(pd.Series(side), 8, labels=False) for side in (x, y)))
    found = HistogramMI(bins=8, rule=rule, correction="none").estimate(x, y)
    assert found.value == pytest.approx(want, abs=1e-12)
    assert found.diagnostics["bins"] == 8
    assert found.cap == pytest.approx(math.log(8))
    assert found.strength == "heuristic"


@pytest.mark.parametrize(("rho", "strength"), [(0.0, "heuristic"), (0.95, "asymptotic")])  # 2.7 and 5.7 rows a cell
def test_the_strength_agrees_with_the_note(rho, strength):
    found = HistogramMI().estimate(*normal(rho, 1000)[0](np.random.default_rng(0)))
    assert found.strength == strength
    assert any(note.startswith("undersampled") for note in found.diagnostics["notes"]) == (strength == "heuristic")


def test_only_ranks_matter_for_equiprobable_bins():
    x, y = normal(0.7, 600)[0](np.random.default_rng(0))
    one, two = HistogramMI().estimate(x, y), HistogramMI().estimate(np.exp(x), y**3)
    assert one.value == pytest.approx(two.value, abs=1e-12)


def test_ties_share_a_bin():
    # 90 % of x is one number: nothing may split it, so y = [x > 0] is known from the bins, and I = H(y)
    x = np.concatenate([np.zeros(900), np.random.default_rng(0).random(100)])
    y = (x > 0).astype(int)
    h = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert HistogramMI(bins=10, correction="none").estimate(x, y).value == pytest.approx(h, abs=1e-12)


def test_discrete_columns_keep_their_values():
    rng = np.random.default_rng(0)
    group = np.array(list("abc"))[rng.integers(0, 3, 900)]
    x = rng.standard_normal(900) + 10 * (group == "a")
    found = HistogramMI(correction="none").estimate(x, group)
    assert found.diagnostics["alphabets"][1] == 3
    assert found.diagnostics["bins"] == 120  # 900 rows / 2.5 rows a cell / 3
    share = np.mean(group == "a")
    # whether it is "a" is known from x at least
    assert found.value > -share * math.log(share) - (1 - share) * math.log(1 - share)


def test_several_columns():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((10_000, 2))
    y = x.sum(1) + 2 * rng.standard_normal(10_000)
    truth = 0.5 * math.log(6 / 4)
    found = HistogramMI().estimate(x, y)
    assert found.diagnostics["bins"] == 15  # (10 000 / 2.5) ** (1 / 3)
    # 8 seeds: bias +0.006, s.d. 0.006, the standard error about 0.012
    assert found.value == pytest.approx(truth, abs=0.035)


# 40 seeds a law: biases -0.004 (n = 1000, rho 0.6), -0.043 (1000, 0.9) and -0.003 (10 000, 0.9), s.d. 0.026, 0.030 and
# 0.011 a sample; tolerance three s.d. of a mean of 20
@pytest.mark.parametrize(
    ("rho", "n", "bias", "room"), [(0.6, 1000, -0.004, 0.018), (0.9, 1000, -0.043, 0.021), (0.9, 10_000, -0.003, 0.008)]
)
def test_normal_laws(rho, n, bias, room):
    law, truth = normal(rho, n)
    assert coverage(HistogramMI(), law, truth, repetitions=20)["bias"] == pytest.approx(bias, abs=room)


def test_extreme_ranges_do_not_overflow():
    x = 1.7e308 * np.linspace(-1, 1, 400)
    found = HistogramMI(bins=4, rule="width", correction="none").estimate(x, -x)
    assert found.value == pytest.approx(math.log(4), abs=1e-3)


def test_refusals():
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(ParameterError, match=r'histogram: `rule` must be "equiprobable" or "width"; got \'knuth\''):
        HistogramMI(rule="knuth").estimate(x, y)
    with pytest.raises(ParameterError, match="histogram: `correction`"):
        HistogramMI(correction="best").estimate(x, y)
    for bins in (1, 2.5, True):
        with pytest.raises(ParameterError, match="`bins` must be a whole number >= 2"):
            HistogramMI(bins=bins).estimate(x, y)
    with pytest.raises(TooFewSamplesError, match="20 bins a column make a table of 20 x 20 cells, more than the 100"):
        HistogramMI(bins=20).estimate(x, y)
    wide = np.random.default_rng(0).standard_normal((100, 6))
    with pytest.raises(TooFewSamplesError, match="2 bins a column make a table of 64 x 2 cells"):
        HistogramMI().estimate(wide, y)
