"""Windows in time: against a loop over rows, and what they are for."""

import math
import warnings

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import digamma

from infocore import conditional_mutual_information, total_correlation, transfer_entropy
from infocore._validate import paired
from infocore.errors import DegenerateWarning, ParameterError, SaturationWarning, TooFewSamplesError
from infocore.estimators import KSG, AutoMI
from infocore.multivariate import Neighbours
from infocore.permutation import permutation_test


def autoregressive(n, seed, coefficient=0.9, rho=0.6, d=1):
    """Two series of one coefficient whose values at one time are normal with a correlation."""
    noise = np.random.default_rng(seed).standard_normal((2, n + 200, d)) * math.sqrt(1 - coefficient**2)
    x, e = lfilter([1.0], [1.0, -coefficient], noise, axis=1)[:, 200:]
    return x, rho * x + math.sqrt(1 - rho**2) * e


def sample(shape, n, d, seed):
    rng = np.random.default_rng(seed)
    if shape == "series":
        return np.cumsum(rng.standard_normal((n, d)), axis=0)
    if shape == "quarters":  # differences have no rounding, and tie at the radius
        return rng.integers(0, 12, (n, d)) / 4
    return rng.random((8, d))[np.random.default_rng(0).integers(0, 8, n)]  # of all sides in the same rows


def brute(sides, weights, k, theiler):
    """Row by row, of no other row within the window: terms of a signed sum of entropies of groups of sides."""
    n, terms = len(sides[0]), []
    for i in range(n):
        others = [j for j in range(n) if abs(i - j) > theiler]
        gaps = np.array([[np.abs(a[i] - a[j]).max() for j in others] for a in sides])
        radius, term = np.sort(gaps.max(axis=0))[k - 1], 0.0
        for group, weight in weights.items():
            far = gaps[list(group)].max(axis=0)
            # the row itself is counted too; with k copies of it, these are
            inside = 1 + np.count_nonzero(far < radius if radius > 0 else far == 0)
            term += weight * (digamma(len(others) + 1) - digamma(inside))
        terms.append(term)
    return np.array(terms)


INFORMATION = {(0,): 1, (1,): 1, (0, 1): -1}
CONDITIONAL = {(0, 2): 1, (1, 2): 1, (0, 1, 2): -1, (2,): -1}


@pytest.mark.parametrize(("d", "theiler", "k"), [(1, 1, 3), (1, 17, 1), (2, 5, 4), (3, 30, 2)])
def test_ksg_is_the_loop(d, theiler, k):
    x, y = sample("series", 90, d, 1), sample("series", 90, d, 2)
    one, want = KSG(k, margins="none", theiler=theiler), brute((x, y), INFORMATION, k, theiler)
    for workers in (1, 2):
        terms = KSG(k, margins="none", theiler=theiler, workers=workers).terms(paired(x, y, "test"))
        np.testing.assert_allclose(terms.pointwise, want, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        got = one.estimate(x, y)
    assert got.value == pytest.approx(want.mean(), abs=1e-12)
    assert got.diagnostics["theiler"] == theiler


# several strips of rows at a time; the first and last rows have more to look at than those between
def test_strips_and_ends(monkeypatch):
    x, y = sample("series", 90, 1, 1), sample("series", 90, 1, 2)
    monkeypatch.setattr("infocore.estimators._theiler.FOUND", 100)
    got = KSG(margins="none", theiler=20).terms(paired(x, y, "test")).pointwise
    np.testing.assert_allclose(got, brute((x, y), INFORMATION, 3, 20), atol=1e-12)


# y = x: the k-th neighbour is the k-th in each margin, so that every row is worth psi(n_i) - psi(k), all there can be
def test_cap_is_that_of_an_exact_relation():
    x = np.random.default_rng(0).standard_normal(200)
    sizes = [1 + sum(abs(i - j) > 10 for j in range(200)) for i in range(200)]
    with pytest.warns(DegenerateWarning, match="looks deterministic"):
        got = KSG(theiler=10).estimate(x, x)
    assert got.cap == pytest.approx(np.mean(digamma(sizes)) - digamma(3), abs=1e-12)
    assert got.value == pytest.approx(got.cap, abs=1e-12)


@pytest.mark.parametrize("shape", ["series", "quarters", "copies"])
@pytest.mark.parametrize("theiler", [0, 6])
def test_conditional_is_the_loop(shape, theiler):
    x, y, z = (sample(shape, 100, d, d + 7 * (shape != "copies")) for d in (1, 2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # that values repeat is the point here
        got = conditional_mutual_information(x, y, z, method=Neighbours(margins="none", theiler=theiler))
    want = brute((x, y, z), CONDITIONAL, 3, theiler)
    assert got.value == pytest.approx(want.mean(), abs=1e-12)
    assert (got.diagnostics["rows_on_atoms"] == 100) == (shape == "copies")


def test_two_variables_are_ksg():
    x, y = autoregressive(300, 0)
    one = KSG(theiler=9).estimate(x, y)
    both = total_correlation([x, y], method=Neighbours(theiler=9))
    assert both.value == pytest.approx(one.value, abs=1e-12)
    assert both.cap == pytest.approx(one.cap, abs=1e-12)


def test_rows_of_a_transfer_entropy_are_times():
    x, y = (a[:, 0] for a in autoregressive(200, 0))
    got = transfer_entropy(x, y, method=Neighbours(margins="none", theiler=8))
    want = brute((y[1:, None], x[:-1, None], y[:-1, None]), CONDITIONAL, 3, 8)
    assert got.value == pytest.approx(want.mean(), abs=1e-12)


# Beside the mean of the true pointwise information of the same rows, which is the truth on average and goes up and down
# with the estimate. 200 seeds from 1000 on, bias / s.d.: +0.035 / 0.030 without a window, -0.008 / 0.031 with it; of 60
# seeds tolerance = bias + 3 s.d. / root 60
def test_a_window_takes_away_what_neighbours_in_time_add():
    rho, found = 0.6, []
    for seed in range(60):
        x, y = autoregressive(1000, seed, rho=rho)
        true = (x**2 + y**2) / 2 - (x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2)) - 0.5 * math.log(1 - rho**2)
        found.append([KSG(theiler=w).terms(paired(x, y, "test")).value - true.mean() for w in (0, 10)])
    without, apart = np.mean(found, axis=0)
    assert without == pytest.approx(0.035, abs=0.012)
    assert apart == pytest.approx(0, abs=0.02)


# in many columns twice the neighbours are looked at, in the same window
def test_reads_low_is_said_of_rows_outside_the_window():
    x, y = autoregressive(1000, 0, rho=0.9, d=5)
    with pytest.warns(SaturationWarning, match="reads low") as said:
        near = KSG(theiler=10).estimate(x, y)
    far = KSG(6, theiler=10).terms(paired(x, y, "test")).value
    assert f"{near.value:.2f} nats from 3 neighbours, {far:.2f} from 6" in str(said[0].message)
    assert f"{KSG(6).terms(paired(x, y, 'test')).value:.2f}" != f"{far:.2f}"


def test_shuffled_rows_keep_their_times():
    x, y = (a[:, 0] for a in autoregressive(200, 0))
    one, order = KSG(theiler=5), np.random.default_rng(1).permutation(200)
    assert one.shuffler(x, y)(order) == one.estimate(x, y[order]).value
    assert permutation_test(x, y, one, n=19, blocks="circular").p_value == 0.05


def test_dependence_of_rows_names_the_window_where_neighbours_were_chosen():
    x, y = (a[:, 0] for a in autoregressive(1000, 0, coefficient=0.7))
    with pytest.warns(DegenerateWarning, match="rows depend") as said:
        assert AutoMI(fast=True).estimate(x, x**2 + 0.3 * y).method == "ksg"
    assert "KSG(theiler=)" in str(said[0].message)
    with pytest.warns(DegenerateWarning, match="rows depend") as said:
        assert AutoMI(fast=True).estimate(x, y).method == "t-copula"
    assert "theiler" not in str(said[0].message)


@pytest.mark.parametrize(
    ("setting", "error", "match"),
    [
        ({"theiler": -1}, ParameterError, "`theiler` must be a whole number of rows >= 0; got -1"),
        ({"theiler": 2.5}, ParameterError, "whole number of rows >= 0; got 2.5"),
        ({"theiler": True}, ParameterError, "got True"),
        ({"theiler": 46}, TooFewSamplesError, "leaves a row 7 of 100 to look at.* 2 k = 8"),
        ({"theiler": 90}, TooFewSamplesError, "leaves a row 0 of 100"),
        ({"theiler": 5, "variant": 2}, ParameterError, 'variant=1 and extrapolate="none"; got 2'),
        ({"theiler": 5, "extrapolate": "k"}, ParameterError, "got 1 and 'k'"),
    ],
)
def test_refused(setting, error, match):
    x, y = autoregressive(100, 0)
    with pytest.raises(error, match=f"ksg: .*{match}"):
        KSG(4, **setting).estimate(x, y)


def test_refused_of_mixed_columns_and_short_series():
    x, y = autoregressive(100, 0)
    with pytest.raises(ParameterError, match=r"total_correlation: `theiler` is for continuous columns.*mixed=False"):
        total_correlation([x, y], method=Neighbours(mixed=True, theiler=1))
    with pytest.raises(TooFewSamplesError, match=r"total_correlation: theiler=47 leaves a row 5 .* = 6"):
        total_correlation([x, y], method=Neighbours(theiler=47))


def test_twice_the_neighbours_are_enough():
    x, y = autoregressive(101, 0)
    assert math.isfinite(KSG(4, theiler=46).estimate(x, y).value)
