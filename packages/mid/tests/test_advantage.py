import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from mid.auditing.advantage import detectable_advantage, holm, memory_p_value, paired_advantage, unpaired_gap


def test_p_value_is_the_exact_one_sided_binomial_test():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.random(50) < 0.6, rng.random(50) < 0.5
        only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
        want = binomtest(only_a, only_a + only_b, 0.5, alternative="greater").pvalue
        got = paired_advantage(a, b)
        assert got.p_value == pytest.approx(want, abs=1e-12)
        assert got.value == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    assert paired_advantage(np.ones(9, bool), np.ones(9, bool)).p_value == 1.0


def test_test_holds_its_level_by_enumeration():
    # every outcome of 12 records on which the two differ: P(p <= .05) must not exceed .05
    total = sum(
        math.comb(12, k) / 2**12
        for k in range(13)
        if paired_advantage(np.arange(12) < k, np.arange(12) >= k).p_value <= 0.05
    )
    assert 0.0 < total <= 0.05


# 2000 simulated comparisons each; nominal 95 %. Measured: .950, .952, .945, .974, .969. s.e. .005
@pytest.mark.parametrize(
    ("n", "only_a", "only_b"),
    [(400, 0.1, 0.1), (400, 0.2, 0.05), (2000, 0.02, 0.01), (200, 0.01, 0.01), (1000, 0.4, 0.0)],
)
def test_intervals_cover(n, only_a, only_b):
    rng = np.random.default_rng(0)
    held = 0
    for i in range(2000):
        counts = rng.multinomial(n, [only_a, only_b, 1 - only_a - only_b])
        a = np.repeat([True, False, True], counts)
        b = np.repeat([False, True, True], counts)
        low, high = paired_advantage(a, b, rng=i).ci
        held += low <= only_a - only_b <= high
    assert held / 2000 >= 0.935


def test_gap_interval_covers():
    rng = np.random.default_rng(1)
    held = 0
    for i in range(1000):
        low, high = unpaired_gap(rng.random(300) < 0.7, rng.random(200) < 0.6, rng=i).ci
        held += low <= 0.1 <= high
    assert held / 1000 >= 0.93  # nominal .95, s.e. .007


def test_intervals_of_a_few_records_that_all_agree_are_no_points():
    # of 20 records all won, the rate may well be .9: its 95 % bound by the binomial law is .05^(1/20) = .86
    won, lost = np.ones(20, bool), np.zeros(20, bool)
    for low, high in (unpaired_gap(won, lost).ci, paired_advantage(won, lost).ci):
        assert low < 0.96
        assert high == 1.0
    low, high = paired_advantage(won, won).ci
    assert low < 0.0 < high


def test_holm_equals_the_closed_procedure():
    # the closure of Bonferroni tests over all subsets is Holm's procedure
    rng = np.random.default_rng(2)
    for _ in range(50):
        p = (rng.random(4) ** 3).tolist()
        adjusted = holm(p)
        for i in range(4):
            others = [j for j in range(4) if j != i]
            subsets = [{i, *more} for size in range(4) for more in itertools.combinations(others, size)]
            want = max(min(1.0, len(s) * min(p[j] for j in s)) for s in subsets)
            assert adjusted[i] == pytest.approx(want, abs=1e-12)


# n, share that differ, attacks; few differences too, where the normal approximation promised what is never found
@pytest.mark.parametrize(("n", "discordant", "k"), [(2000, 0.2, 3), (500, 0.0, 15), (1000, 0.002, 15), (400, 0.4, 9)])
def test_detectable_advantage_is_detected_four_times_in_five(n, discordant, k):
    effect = detectable_advantage(discordant, n, comparisons=k)
    q = max(discordant, effect)
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(2000):
        counts = rng.multinomial(n, [(q + effect) / 2, (q - effect) / 2, 1 - q])
        found += binomtest(counts[0], counts[0] + counts[1], 0.5, alternative="greater").pvalue <= 0.05 / k
    assert found / 2000 == pytest.approx(0.8, abs=0.036)  # s.e. .009, 4 s.e.


def test_too_few_records_detect_nothing():
    assert detectable_advantage(0.1, 3, comparisons=5) == 1.0


def test_memory_is_a_difference_of_differences():
    rng = np.random.default_rng(0)
    held = [memory_p_value(rng.integers(-1, 2, 300), rng.integers(-1, 2, 200)) <= 0.05 for _ in range(1000)]
    assert np.mean(held) == pytest.approx(0.05, abs=0.028)  # s.e. .007
    assert memory_p_value(np.zeros(50), np.zeros(50)) == 1.0
    assert memory_p_value(rng.random(200) < 0.4, rng.random(200) < 0.2) < 0.01


def test_refusals():
    with pytest.raises(ShapeError, match="must be vectors of one length"):
        paired_advantage([True], [True, False])
    with pytest.raises(TooFewSamplesError, match="at least two records; got 1"):
        paired_advantage([True], [True])
    for members, fresh in ((9, 1), (1, 9)):
        with pytest.raises(TooFewSamplesError, match="unpaired_gap: needs at least two records; got 1"):
            unpaired_gap(np.ones(members, bool), np.ones(fresh, bool))
    with pytest.raises(ParameterError, match="`ci_level` must be in"):
        paired_advantage([True, False], [True, False], ci_level=1.0)
    with pytest.raises(ParameterError, match="`discordant` must be in"):
        detectable_advantage(1.2, 10)
    told = paired_advantage([True, True, False], [True, False, False], attack="a", baseline="b")
    assert told.to_dict()["ci"] == list(told.ci)
    assert str(told).startswith("+33.3 points [")
