import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from mid.auditing.advantage import detectable_advantage, holm, paired_advantage, unpaired_gap


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


def test_detectable_advantage_is_detected_four_times_in_five():
    n, discordant, k = 2000, 0.2, 3
    effect = detectable_advantage(discordant, n, comparisons=k)
    assert effect == pytest.approx((norm.ppf(1 - 0.05 / k) + norm.ppf(0.8)) * math.sqrt(0.2 / n))
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(1000):
        counts = rng.multinomial(n, [(discordant + effect) / 2, (discordant - effect) / 2, 1 - discordant])
        a, b = np.repeat([True, False, True], counts), np.repeat([False, True, True], counts)
        found += paired_advantage(a, b).p_value <= 0.05 / k
    assert found / 1000 == pytest.approx(0.8, abs=0.05)  # s.e. .013; the exact test is a little conservative


def test_refusals():
    with pytest.raises(ShapeError, match="must be vectors of one length"):
        paired_advantage([True], [True, False])
    with pytest.raises(TooFewSamplesError, match="at least two records; got 1"):
        paired_advantage([True], [True])
    with pytest.raises(ParameterError, match="`ci_level` must be in"):
        paired_advantage([True, False], [True, False], ci_level=1.0)
    with pytest.raises(ParameterError, match="`discordant` must be in"):
        detectable_advantage(1.2, 10)
    told = paired_advantage([True, True, False], [True, False, False], attack="a", baseline="b")
    assert told.to_dict()["ci"] == list(told.ci)
    assert str(told).startswith("+33.3 points [")
