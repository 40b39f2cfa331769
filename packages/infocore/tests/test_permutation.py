"""Tests of independence: analytic nulls against scipy and enumeration, early stopping, blocks, sizes measured."""

import itertools
import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import chi2, chi2_contingency, norm, rankdata

from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from infocore.estimators import KSG, DiscreteMI, GaussianMI
from infocore.permutation import analytic_null, permutation_test
from infocore.result import MIEstimate


class Correlation:
    """A fast estimator, so that sizes can be measured: the square of the correlation."""

    method = "correlation"

    def fit_estimate(self, x, y, rng=0):
        return MIEstimate(value=float(np.corrcoef(x, y)[0, 1] ** 2), method=self.method)


class Copula:
    """Stands for any estimator of that name."""

    method = "gaussian-copula"

    def fit_estimate(self, x, y, rng=0):
        return MIEstimate(value=0.0, method=self.method)


def series(n, phi, seed):
    noise = np.random.default_rng(seed).standard_normal((2, n + 200))
    return lfilter([1], [1, -phi], noise, axis=1)[:, 200:]


def test_g_test_is_scipys():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, 300)
    y = np.where(rng.random(300) < 0.2, x, rng.integers(0, 4, 300))
    table = np.histogram2d(x, y, bins=(3, 4))[0]
    want = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    found = analytic_null(x, y, DiscreteMI())
    assert found.p_value == pytest.approx(want.pvalue)
    assert found.statistic == pytest.approx(want.statistic)
    assert (found.degrees, found.kind, len(found.null), found.notes) == (6, "analytic", 0, ())
    # text and several columns are symbols as well
    text = np.array(["a", "b", "c"])[x]
    assert analytic_null(text, np.stack([y // 2, y % 2], 1), DiscreteMI()).p_value == pytest.approx(want.pvalue)
    assert permutation_test(x, y, DiscreteMI(), null="analytic").p_value == found.p_value


def test_bartlett_by_hand():
    x, y = np.random.default_rng(1).standard_normal((2, 40))
    r = np.corrcoef(x, y)[0, 1]
    found = analytic_null(x, y, GaussianMI())
    # n - 1 - (1 + 1 + 1) / 2 = 37.5
    assert found.statistic == pytest.approx(-37.5 * math.log(1 - r**2))
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 1))
    scores = [norm.ppf(rankdata(a) / 41) for a in (x, y)]
    r = np.corrcoef(*scores)[0, 1]
    assert analytic_null(np.exp(x), y**3, Copula()).statistic == pytest.approx(-37.5 * math.log(1 - r**2))
    assert analytic_null(x, np.stack([y, y**2], 1), GaussianMI()).degrees == 2


def test_low_counts_and_constants_are_noted():
    few = analytic_null([0, 0, 0, 1, 1, 1] * 3, [0, 1, 1, 1, 0, 0] * 3, DiscreteMI())
    assert "smallest expected count is 4.5" in few.notes[0]  # 9 * 9 / 18
    with pytest.warns(UserWarning, match="constant column"):
        constant = analytic_null(np.zeros(30), np.arange(30.0), GaussianMI())
    assert (constant.p_value, constant.degrees) == (1.0, 0)


# 400 pairs: size of the 5 % test has s.d. 0.011; measured over 2000 in the docstring, 0.054 and 0.051
@pytest.mark.parametrize(("n", "d"), [(50, 1), (60, 5)])
def test_size_of_the_analytic_null(n, d):
    p = [analytic_null(*np.random.default_rng(s).standard_normal((2, n, d)), GaussianMI()).p_value for s in range(400)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.033)


def test_no_law_is_refused():
    x, y = np.random.default_rng(0).standard_normal((2, 50))
    with pytest.raises(ParameterError, match="no law of 'ksg' under independence is known, only of gaussian"):
        permutation_test(x, y, KSG(), null="analytic")
    with pytest.raises(ParameterError, match="is for independent rows"):
        permutation_test(x, y, GaussianMI(), null="analytic", blocks=5)
    with pytest.raises(ParameterError, match="`null` must be one of permutation, analytic; got 'chi2'"):
        permutation_test(x, y, GaussianMI(), null="chi2")


def test_early_stopping_by_hand():
    x, y = np.random.default_rng(0).standard_normal((2, 60))
    whole = permutation_test(x, y, Correlation(), n=200, rng=1)
    short = permutation_test(x, y, Correlation(), n=200, rng=1, stop_after=5)
    reached = np.cumsum(whole.null >= whole.estimate.value)
    at = int(np.argmax(reached == 5)) + 1
    assert len(short.null) == at < 200
    np.testing.assert_array_equal(short.null, whole.null[:at])
    assert short.p_value == 5 / at
    strong = permutation_test(x, x + 0.1 * y, Correlation(), n=50, stop_after=1)
    assert (strong.p_value, len(strong.null)) == (1 / 51, 50)
    with pytest.raises(ParameterError, match="`stop_after` must be a whole number, at least 1; got 0"):
        permutation_test(x, y, Correlation(), stop_after=0)


# P(p <= a) <= a, over 500 pairs (s.d. 0.01 at 0.05, 0.018 at 0.2); measured over 1500: 0.055 and 0.214
def test_early_stopping_is_valid():
    p = []
    for seed in range(500):
        x, y = np.random.default_rng(seed).standard_normal((2, 20))
        p.append(permutation_test(x, y, Correlation(), n=39, rng=seed, stop_after=5).p_value)
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(p) <= 0.2) == pytest.approx(0.2, abs=0.055)


# 200 pairs of AR(1) 0.8, n = 300, 5 % test: s.d. 0.016 where the size is 0.05, 0.033 at 0.33. Measured over 1000
# other pairs: shuffled rows 0.337, blocks of 20 0.063, circular 0.056.
@pytest.mark.parametrize(("blocks", "low", "high"), [(None, 0.22, 0.44), (20, 0.03, 0.13), ("circular", 0.015, 0.115)])
def test_size_on_series(blocks, low, high):
    p = [
        permutation_test(*series(300, 0.8, s), Correlation(), n=39, rng=s, blocks=blocks, stop_after=3).p_value
        for s in range(200)
    ]
    assert low <= np.mean(np.array(p) <= 0.05) <= high


class Recorder:
    """Keeps the orders in which it saw the rows of y."""

    method = "recorder"

    def __init__(self):
        self.seen = []

    def fit_estimate(self, x, y, rng=0):
        self.seen.append(np.asarray(y).tolist())
        return MIEstimate(value=0.0)


def test_what_blocks_keep_together():
    rows = np.arange(12.0)
    recorder = Recorder()
    permutation_test(rows, rows, recorder, n=50, blocks="circular")
    for order in recorder.seen[1:]:
        assert order != recorder.seen[0]
        assert {(b - a) % 12 for a, b in itertools.pairwise(order)} == {1.0}
    recorder = Recorder()
    permutation_test(rows, rows, recorder, n=50, blocks=4)
    for order in recorder.seen:
        assert sorted(order) == rows.tolist()
    joints = [sum((b - a) % 12 != 1 for a, b in itertools.pairwise(order)) for order in recorder.seen]
    assert max(joints) == 2  # three blocks of four, in another order than round
    labels = ["a", "b", "c", "a", "b", "c"]
    recorder = Recorder()
    permutation_test(rows[:6], rows[:6], recorder, n=50, blocks=labels)
    assert {tuple(order) for order in recorder.seen} == {
        tuple(order)
        for one, two, three in itertools.permutations([(0, 3), (1, 4), (2, 5)])
        for order in [np.stack([one, two, three], 1).ravel()]
    }


def test_blocks_that_cannot_be():
    x, y = np.random.default_rng(0).standard_normal((2, 10))
    with pytest.raises(ParameterError, match="`blocks` must be a length, labels, or \"circular\"; got 'round'"):
        permutation_test(x, y, Correlation(), blocks="round")
    with pytest.raises(ParameterError, match="groups must be of one size to change places; got sizes 4 to 6"):
        permutation_test(x, y, Correlation(), blocks=[0] * 4 + [1] * 6)
    with pytest.raises(ShapeError, match="one label for each of 10 rows"):
        permutation_test(x, y, Correlation(), blocks=[0, 1])
    with pytest.raises(TooFewSamplesError, match="needs at least 3 rows; got 2"):
        permutation_test(x[:2], y[:2], Correlation(), blocks="circular")


def test_shuffler_is_used_and_gives_the_same():
    class Prepared(Correlation):
        def shuffler(self, x, y):
            u = (x - x.mean()) / x.std()
            v = (y - y.mean()) / y.std()
            return lambda order: float((u @ v[order] / len(u)) ** 2)

    x, y = np.random.default_rng(0).standard_normal((2, 80))
    plain, fast = (permutation_test(x, y, e, n=40, rng=3) for e in (Correlation(), Prepared()))
    np.testing.assert_allclose(plain.null, fast.null, atol=1e-12)
    assert plain.p_value == fast.p_value
