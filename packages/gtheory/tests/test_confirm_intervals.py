"""Intervals of confirmation: closed forms of one proportion, monotone ranges by brute force, coverage, counts of 0."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from gtheory import confirmation, confirmation_intervals
from infocore.errors import InvalidDistributionError, KindError, ParameterError

TABLE = (20, 180, 8, 792)
CHANNEL = ("b1", "b0", "F1", "F0", "N", "L", "lr")


def test_exact_intervals_of_one_proportion_are_clopper_and_pearsons():
    got = confirmation_intervals(*TABLE, method="exact", ci_level=0.95)
    for name, k, n in (("sensitivity", 20, 200), ("specificity", 792, 800), ("ppv", 20, 28), ("npv", 792, 972)):
        want = binomtest(k, n).proportion_ci(0.95, method="exact")
        assert (got.low[name], got.high[name]) == pytest.approx((want.low, want.high), abs=1e-10), name
    # c1 is a function of ppv alone
    assert got.low["c1"] == pytest.approx(2 - 1 / got.low["ppv"], abs=1e-10)
    assert got.high["c1"] == pytest.approx(2 - 1 / got.high["ppv"], abs=1e-10)


@pytest.mark.parametrize("design", ["joint", "hypothesis"])
@pytest.mark.parametrize("table", [TABLE, (3, 7, 9, 2), (5, 1, 0, 6)])
def test_exact_intervals_are_the_range_over_the_proportions(design, table):
    a, b, c, d = table
    got = confirmation_intervals(*table, method="exact", design=design)
    boxes = [binomtest(k, n).proportion_ci(0.95, method="exact") for k, n in ((a, a + b), (c, c + d))]
    share = (a + b) / sum(table)
    names = CHANNEL if design == "joint" else (*CHANNEL, "c1", "D", "M", "R", "C", "Z", "S")
    grid = [np.linspace(box.low, box.high, 25) for box in boxes]
    found = [
        confirmation(p * share, (1 - p) * share, q * (1 - share), (1 - q) * (1 - share)).measures()
        for p in grid[0]
        for q in grid[1]
    ]
    for name in names:
        values = [measures[name] for measures in found]
        assert (got.low[name], got.high[name]) == pytest.approx((min(values), max(values)), abs=1e-9), name


def test_three_proportions_have_no_exact_interval_in_the_joint_design():
    got = confirmation_intervals(*TABLE, method="exact")
    assert set(got.reasons) == {"D", "M", "R", "C", "Z"}
    assert all(math.isnan(got.low[name]) and math.isnan(got.high[name]) for name in got.reasons)


def test_bootstrap_of_a_proportion_agrees_with_its_normal_limit():
    got = confirmation_intervals(200, 1800, 80, 7920, n_resamples=20_000)
    for name, k, n in (("sensitivity", 200, 2000), ("ppv", 200, 280)):
        p = k / n
        half = 1.6448536 * math.sqrt(p * (1 - p) / n)
        # 20,000 resamples place an end to 0.01 standard errors, s.d.; ties of counts to half a count
        assert got.low[name] == pytest.approx(p - half, abs=0.1 * half), name
        assert got.high[name] == pytest.approx(p + half, abs=0.1 * half), name


def test_the_design_that_fixes_the_hypotheses_keeps_their_counts():
    joint, fixed = (confirmation_intervals(30, 10, 20, 40, design=design) for design in ("joint", "hypothesis"))
    # given the share of h1, ppv varies with the two rates only
    assert fixed.high["ppv"] - fixed.low["ppv"] < joint.high["ppv"] - joint.low["ppv"]
    assert fixed.low["sensitivity"] == pytest.approx(joint.low["sensitivity"], abs=0.03)


def test_a_count_of_0_gives_no_bootstrap_and_an_exact_one():
    sampled = confirmation_intervals(30, 10, 0, 60)
    assert sampled.reasons["b1"] == "c is 0, and so in every resample; see method='exact'"
    assert math.isnan(sampled.low["b1"])
    assert sampled.low["sensitivity"] < 0.75 < sampled.high["sensitivity"]  # which has no use for c
    exact = confirmation_intervals(30, 10, 0, 60, method="exact")
    assert 0.5 < exact.low["b1"] < exact.high["b1"] == 1.0
    assert exact.high["L"] == math.inf


def test_a_measure_that_some_resamples_leave_undefined_says_so():
    got = confirmation_intervals(1, 20, 1, 20, rng=3)
    assert "% of resamples" in got.reasons["c1"]
    assert math.isnan(got.high["c1"])


def test_what_the_table_leaves_undefined_keeps_its_reason():
    got = confirmation_intervals(100, 0, 900, 0, method="exact")
    assert got.reasons["npv"] == "P(e0) is 0"


def test_units_and_seeds():
    bits, nats = (confirmation_intervals(*TABLE, base=base, rng=1) for base in (2, math.e))
    assert (bits.unit, nats.unit) == ("bits", "nats")
    assert bits.low["L"] * math.log(2) == pytest.approx(nats.low["L"])
    assert bits.low["b1"] == nats.low["b1"]
    assert bits.low == confirmation_intervals(*TABLE, rng=np.random.default_rng(1)).low
    assert bits.low["b1"] != confirmation_intervals(*TABLE, rng=2).low["b1"]


@pytest.mark.parametrize("method", ["bootstrap", "exact"])
def test_coverage(method):
    # 300 tables of 400 cases: s.d. of a coverage of 0.9 is 0.017; exact intervals cover at least 0.9
    shares = (0.35, 0.15, 0.15, 0.35)
    truth = confirmation(*shares).measures()
    tables = np.random.default_rng(0).multinomial(400, shares, size=300)
    hits = dict.fromkeys(("b1", "c1", "F1", "S"), 0)
    for seed, table in enumerate(tables):
        got = confirmation_intervals(*table.tolist(), method=method, n_resamples=500, rng=seed)
        for name in hits:
            hits[name] += got.low[name] <= truth[name] <= got.high[name]
    for name, count in hits.items():
        assert count / 300 >= 0.9 - 3 * 0.017, name
        if method == "bootstrap":
            assert count / 300 <= 0.9 + 3 * 0.017, name


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0.1, 0.2, 0.3, 0.4), {}, KindError, "must be counts"),
        ((-1, 1, 1, 1), {}, InvalidDistributionError, "`a` must be a count"),
        (TABLE, {"method": "bca"}, ParameterError, "`method` must be"),
        (TABLE, {"design": "cohort"}, ParameterError, "`design` must be"),
        (TABLE, {"ci_level": 1.0}, ParameterError, "`ci_level` must be"),
        (TABLE, {"n_resamples": 10}, ParameterError, "`n_resamples` must be"),
        (TABLE, {"rng": None}, ParameterError, "`rng` must be"),
        (TABLE, {"base": 1}, ParameterError, "`base` must be"),
    ],
)
def test_what_is_refused_is_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        confirmation_intervals(*arguments, **options)
