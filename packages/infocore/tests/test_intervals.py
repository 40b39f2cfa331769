"""Standard errors, intervals, blocks and the permutation test; coverage is measured here, not assumed."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from infocore.errors import NonFiniteError, ParameterError, ShapeError, TooFewSamplesError
from infocore.estimators import KSG, DiscreteMI, GaussianMI, MixedKSG
from infocore.intervals import (
    block_ids,
    effective_sample_size,
    influence_standard_error,
    normal_interval,
    optimal_block_length,
    permutation_test,
    stationary_bootstrap_interval,
    subsampling_interval,
    subsampling_standard_error,
)
from infocore.result import MIEstimate
from infocore.testing import coverage


def normal(n, rho):
    def law(rng):
        x = rng.standard_normal(n)
        return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)

    return law


def test_standard_error_by_hand():
    # s^2 of (0, 1, 2) is 1; (1 + 0.5) / 3 + 6 / 18
    assert influence_standard_error(np.array([0.0, 1.0, 2.0]), degrees=6, noise=0.5) == pytest.approx(math.sqrt(5 / 6))
    # two blocks with sums -1 and +1 about the mean: 2 * (2 / 1) / 9
    blocks = np.array([0, 1, 1])
    assert influence_standard_error(np.array([0.0, 1.0, 2.0]), blocks=blocks) == pytest.approx(2 / 3)


def test_interval_is_the_normal_one_and_is_not_cut_at_zero():
    low, high = normal_interval(0.1, 0.2, 0.9)
    assert (low, high) == pytest.approx(norm.interval(0.9, 0.1, 0.2))
    assert low < 0


# Coverage of nominal 0.9 over 100 samples has s.d. 0.03. Measured with 200: gaussian 0.905, ksg 0.93 (0.82 from the
# terms alone), ksg at independence 0.90 (0.755).
@pytest.mark.parametrize(
    ("estimator", "rho"), [(GaussianMI(), 0.6), (GaussianMI(), 0.0), (KSG(), 0.0), (KSG(), 0.6), (MixedKSG(), 0.6)]
)
def test_coverage(estimator, rho):
    found = coverage(estimator, normal(400, rho), -0.5 * math.log(1 - rho**2), repetitions=100)
    assert found["coverage"] >= 0.82
    if rho:
        assert found["se"] == pytest.approx(found["sd"], rel=0.3)


# 40 groups of 10 near-copies: the terms alone claim a third of the error; measured over 100 samples 0.83 with blocks
# and 0.24 without
def test_blocks_cover_where_rows_depend():
    def law(rng):
        x, y = normal(40, 0.6)(rng)
        wiggle = 0.01 * rng.standard_normal((2, 400))
        return np.repeat(x, 10) + wiggle[0], np.repeat(y, 10) + wiggle[1]

    class Blocked:
        def fit_estimate(self, x, y, rng=0, ci_level=0.9):
            return GaussianMI().fit_estimate(x, y, rng, ci_level, blocks=10)

    truth = -0.5 * math.log(1 - 0.36)
    assert coverage(Blocked(), law, truth, repetitions=100)["coverage"] >= 0.75
    assert coverage(GaussianMI(), law, truth, repetitions=100)["coverage"] <= 0.6


def test_blocks_leave_the_value_and_say_how_many():
    x, y = normal(100, 0.5)(np.random.default_rng(0))
    plain, blocked = (GaussianMI().estimate(x, y, blocks=b) for b in (None, 7))
    assert blocked.value == plain.value
    assert blocked.diagnostics["blocks"] == 15
    single = KSG().estimate(x, y, blocks=np.arange(100))
    assert single.standard_error == pytest.approx(KSG().estimate(x, y).standard_error)


def test_block_ids():
    assert block_ids(["b", "a", "b"], 3, "who").tolist() == [1, 0, 1]
    with pytest.raises(ParameterError, match=r"who: `blocks`, a block length, must be in 1 .. n/2 = 5; got 6"):
        block_ids(6, 10, "who")
    with pytest.raises(ShapeError, match="one label for each of 3 rows"):
        block_ids(["a", "b"], 3, "who")
    with pytest.raises(TooFewSamplesError, match="all rows are in one block"):
        block_ids(["a", "a"], 2, "who")
    with pytest.raises(TooFewSamplesError, match="two rows or blocks; got 1"):
        influence_standard_error(np.ones(1))


def test_level_is_checked():
    for level in (0.0, 1.0, 90):
        with pytest.raises(ParameterError, match="`ci_level`"):
            normal_interval(0.0, 1.0, level)


def test_subsampling_gives_the_standard_error_of_a_mean():
    x = np.random.default_rng(0).standard_normal(5000)
    found = subsampling_standard_error(x, x, lambda a, _: float(a.mean()), parts=100)
    assert found == pytest.approx(1 / math.sqrt(5000), rel=0.25)  # its own s.d. is 1 / sqrt(198) = 0.07
    for parts in (1, 6):
        with pytest.raises(ParameterError, match="`parts`"):
            subsampling_standard_error(x[:10], x[:10], lambda a, _: float(a.mean()), parts=parts)


# 200 tests at level 0.2 (99 shuffles): share rejected under independence has s.d. 0.028
def test_permutation_test_has_its_level_and_power():
    law = normal(50, 0.0)
    p = [permutation_test(*law(np.random.default_rng(s)), GaussianMI(), n=19, rng=s).p_value for s in range(200)]
    assert np.mean(np.array(p) <= 0.2) == pytest.approx(0.2, abs=0.085)
    dependent = permutation_test(*normal(200, 0.8)(np.random.default_rng(0)), KSG(), n=99)
    assert dependent.p_value == 0.01
    assert dependent.null.shape == (99,)
    assert dependent.estimate.value > dependent.null.max()


def test_permutation_test_takes_frames_and_one_seed_gives_one_answer():
    frame = pd.DataFrame({"a": ["u", "v"] * 30, "b": [1, 2, 3] * 20})
    one, two = (permutation_test(frame["a"], frame[["b"]], DiscreteMI(), n=20, rng=1) for _ in range(2))
    np.testing.assert_array_equal(one.null, two.null)
    with pytest.raises(ParameterError, match="`n` must be a whole number, at least 1; got 0"):
        permutation_test(frame["a"], frame["b"], DiscreteMI(), n=0)


# Autoregressive series of the `arch` package's optimal_block_length, 8.0.0: stationary bootstrap, same samples
@pytest.mark.parametrize(
    ("seed", "phi", "n", "want"),
    [
        (0, 0.8, 500, 15.580261793445455),
        (1, 0.5, 1000, 11.444488938075182),
        (2, 0.0, 800, 1.0),  # 0.688 there: we allow no block shorter than a row
        (3, 0.95, 2000, 65.50187703169927),
        (4, -0.5, 600, 11.157482779327681),
    ],
)
def test_block_length_is_archs(seed, phi, n, want):
    series = lfilter([1], [1, -phi], np.random.default_rng(seed).standard_normal(n))
    assert optimal_block_length(series) == pytest.approx(want, rel=1e-9)
    assert optimal_block_length(7 - 3 * series) == pytest.approx(want, rel=1e-9)


def test_block_length_at_its_ends():
    assert optimal_block_length(np.ones(50)) == 1.0
    restless = lfilter([1], [1, 0.9], np.random.default_rng(0).standard_normal(400))
    assert optimal_block_length(restless) == 60.0  # ceil(3 sqrt(400))
    with pytest.raises(ShapeError, match=r"`series` must be \(n,\); got \(30, 2\)"):
        optimal_block_length(np.zeros((30, 2)))
    with pytest.raises(TooFewSamplesError, match="at least 20 rows; got 19"):
        optimal_block_length(np.zeros(19))
    with pytest.raises(NonFiniteError, match="NaN or infinity in 1 of 30"):
        optimal_block_length(np.r_[np.nan, np.zeros(29)])


def autoregressive(n, phi, rho=0.0):
    def law(rng):
        noise = rng.standard_normal((2, n + 200))
        noise[1] = rho * noise[0] + math.sqrt(1 - rho**2) * noise[1]
        x, y = lfilter([1], [1, -phi], noise, axis=1)[:, 200:]
        return x, y

    return law


# Bartlett: (1 - phi^2) / (1 + phi^2) for a pair, (1 - phi) / (1 + phi) for a mean. Over 60 samples of n = 2000 the
# 0.1 and 0.9 quantiles are within 15 % of these, for a mean within 20 %; the mean of ten within 12 %.
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8, 0.95])
def test_effective_sample_size_is_bartletts(phi):
    found = [autoregressive(2000, phi)(np.random.default_rng(s)) for s in range(10)]
    both = np.mean([effective_sample_size(x, y) for x, y in found])
    one = np.mean([effective_sample_size(x) for x, _ in found])
    assert both == pytest.approx(2000 * (1 - phi**2) / (1 + phi**2), rel=0.15)
    assert one == pytest.approx(2000 * (1 - phi) / (1 + phi), rel=0.2)


def test_effective_sample_size_of_columns():
    x, y = autoregressive(1000, 0.9)(np.random.default_rng(0))
    noise = np.random.default_rng(1).standard_normal((1000, 2))
    alone = effective_sample_size(x, y)
    assert effective_sample_size(np.column_stack([noise, x]), np.column_stack([y, noise])) == pytest.approx(alone)
    assert effective_sample_size(x, noise) > 800
    assert effective_sample_size(np.exp(x), y**3) == pytest.approx(alone)  # ranks do not change
    assert effective_sample_size(np.tile([1.0, -1.0], 100)) == 200  # no more than n
    assert effective_sample_size(np.ones(50), np.arange(50.0)) == 50
    with pytest.raises(ShapeError, match="need one length; got 1000 and 999"):
        effective_sample_size(x, y[1:])
    with pytest.raises(ShapeError, match=r"\(n,\) or \(n, d\)"):
        effective_sample_size(np.zeros((30, 2, 2)))


# Nominal 0.9, n = 1000 and 120 samples: 0.83 with the bootstrap, 0.55 without. Here 40 samples, s.d. 0.06 and 0.08.
def test_stationary_bootstrap_covers_series_where_the_naive_interval_does_not():
    truth = -0.5 * math.log(1 - 0.36)
    hits = np.zeros(2)
    for seed in range(40):
        x, y = autoregressive(400, 0.8, 0.6)(np.random.default_rng(seed))
        intervals = (
            stationary_bootstrap_interval(x, y, GaussianMI(), repetitions=40).ci,
            GaussianMI().estimate(x, y).ci,
        )
        hits += [low <= truth <= high for low, high in intervals]
    assert hits[0] >= 28
    assert hits[1] <= 29
    assert hits[0] >= hits[1] + 5


def test_stationary_bootstrap_keeps_rows_and_blocks():
    class Spy:
        method = "spy"

        def __init__(self):
            self.rows = []

        def fit_estimate(self, x, y, rng=0):
            assert np.array_equal(x, -y)
            self.rows.append(np.asarray(x))
            return MIEstimate(value=float(x.mean()), method="spy")

    x = np.arange(200.0)
    spy = Spy()
    e = stationary_bootstrap_interval(x, -x, spy, length=10, repetitions=200)
    breaks = [np.mean(np.diff(rows) % 200 != 1) for rows in spy.rows[1:]]
    assert np.mean(breaks) == pytest.approx(0.1, abs=0.005)  # a new block with chance 1 / length
    assert e.diagnostics["block_length"] == 10
    assert (e.value, e.ci_level, e.method) == (99.5, 0.9, "spy")
    assert e.ci == pytest.approx(norm.interval(0.9, 99.5, e.standard_error))
    values = [rows.mean() for rows in spy.rows[1:]]
    assert e.standard_error == pytest.approx(np.std(values, ddof=1))


def test_bootstrap_refuses():
    x, y = autoregressive(100, 0.5)(np.random.default_rng(0))
    for estimator in (KSG(), MixedKSG()):
        with pytest.raises(ParameterError, match="looks at neighbours"):
            stationary_bootstrap_interval(x, y, estimator)
    with pytest.raises(ParameterError, match="`repetitions` must be at least 10; got 9"):
        stationary_bootstrap_interval(x, y, GaussianMI(), repetitions=9)
    with pytest.raises(ParameterError, match=r"`length` must be in 1 \.\. n/2 = 50; got 51"):
        stationary_bootstrap_interval(x, y, GaussianMI(), length=51)
    with pytest.raises(ParameterError, match="`ci_level`"):
        stationary_bootstrap_interval(x, y, GaussianMI(), ci_level=90)


class Mean:
    """The mean of x, of known spread."""

    method = "mean"

    def fit_estimate(self, x, y, rng=0):
        return MIEstimate(value=float(np.mean(x)), method="mean")


# The s.d. over seeds of the standard error of a mean is 5 % with 200 subsamples, whatever m
@pytest.mark.parametrize("m", [20, 100, 900])
def test_subsampling_interval_of_a_mean(m):
    x = np.random.default_rng(0).standard_normal(1000)
    e = subsampling_interval(x, x, Mean(), m=m, repetitions=200)
    assert e.standard_error == pytest.approx(x.std() / math.sqrt(1000), rel=0.15)
    assert e.ci[0] < e.value < e.ci[1]
    assert e.ci[1] - e.ci[0] == pytest.approx(2 * 1.645 * e.standard_error, rel=0.2)
    assert e.diagnostics["m"] == m


def test_windows_keep_what_depends_together():
    # AR(1) 0.8: the mean of n rows has variance (1 / 0.2)^2 / n; 15 seeds, spread of a window's error 20 %
    found = []
    for seed in range(15):
        x, _ = autoregressive(4000, 0.8)(np.random.default_rng(seed))
        found.append([subsampling_interval(x, x, Mean(), consecutive=c).standard_error for c in (True, False)])
    windows, shuffled = np.mean(found, axis=0)
    assert windows == pytest.approx(5 / math.sqrt(4000), rel=0.2)
    assert shuffled < 0.5 * windows


# Nominal 0.9, 40 samples (s.d. 0.05); measured over 150 in the docstring
def test_subsampling_interval_covers_for_neighbours():
    truth = -0.5 * math.log(1 - 0.36)
    found = [
        subsampling_interval(*normal(300, 0.6)(np.random.default_rng(s)), KSG(), repetitions=30) for s in range(40)
    ]
    assert np.mean([e.ci[0] <= truth <= e.ci[1] for e in found]) >= 0.75


def test_subsampling_interval_refuses_and_takes_frames():
    frame = pd.DataFrame({"a": ["u", "v"] * 30, "b": [1, 2, 3] * 20})
    e = subsampling_interval(frame["a"], frame[["b"]], DiscreteMI())
    assert e.n == 60
    x = np.random.default_rng(0).standard_normal(50)
    for m in (3, 50):
        with pytest.raises(ParameterError, match=rf"`m` must be in 4 \.\. n - 1 = 49; got {m}"):
            subsampling_interval(x, x, Mean(), m=m)
    with pytest.raises(ParameterError, match="`repetitions`"):
        subsampling_interval(x, x, Mean(), repetitions=2)
    with pytest.raises(ParameterError, match="`ci_level`"):
        subsampling_interval(x, x, Mean(), ci_level=1.0)
