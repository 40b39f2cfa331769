"""The NSB posterior: double integrals by brute force, 40-digit quadrature, and never NaN."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import betaln, digamma

from infocore.discrete import Posterior, nsb_entropy, nsb_mutual_information
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.estimators import DiscreteMI
from infocore.testing import coverage


def by_brute_force(heads, tails):
    """Mean and s.d. of the entropy of a coin: a uniform grid of the prior mean entropy, and all biases of the coin."""
    level = (np.arange(400) + 0.5) / 400 * math.log(2)
    log_beta = [
        brentq(lambda t, h=h: digamma(2 * math.exp(t) + 1) - digamma(math.exp(t) + 1) - h, -40, 40) for h in level
    ]
    logit = np.linspace(-60, 60, 6001)
    log_p, log_q = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    h = -(np.exp(log_p) * log_p + np.exp(log_q) * log_q)
    total = np.zeros(3)
    for beta in np.exp(log_beta):
        # dp = p q d logit
        weight = np.exp((heads + beta) * log_p + (tails + beta) * log_q - betaln(beta, beta))
        total += [weight.sum(), weight @ h, weight @ h**2]
    mean = total[1] / total[0]
    return mean, math.sqrt(total[2] / total[0] - mean**2)


# The grid of 400 levels is right to 1e-6 here
@pytest.mark.parametrize(("heads", "tails"), [(2, 1), (5, 5), (30, 10)])
def test_two_values_by_brute_force(heads, tails):
    found = nsb_entropy([heads, tails], alphabet=2)
    assert (found.mean, found.standard_deviation) == pytest.approx(by_brute_force(heads, tails), abs=5e-6)


# The formulas of Nemenman et al. and of Wolpert and Wolf as printed, integrated with 30 to 40 digits (mpmath)
@pytest.mark.parametrize(
    ("counts", "size", "mean", "sd"),
    [
        ([4, 3, 2, 1, 1, 1], 6, 1.6738289516, 0.1043131754),
        ([4, 3, 2, 1, 1, 1], 20, 2.09856489367, 0.3261355732),
        ([1], 5, 0.804718956217, 0.5347855913),
        ([7], 5, 0.154623061818, 0.2351847908),
        ([1] * 5, 5, 1.49844301967, 0.1083961648),
        ([1] * 3, 100, 3.15683129526, 0.944559756),
        ([10**6 // k for k in range(1, 17)], 16, 2.358934300921, 0.0005066869658),
        ([62_500] * 16, 16, 2.772587722243, 9.999954461e-7),
        ([1000] * 500 + [1001] * 300 + [990] * 200, 1000, 6.907754259485, 1.01949485e-6),
    ],
)
def test_against_many_digits(counts, size, mean, sd):
    found = nsb_entropy(counts, alphabet=size)
    assert found.mean == pytest.approx(mean, abs=1e-10)
    assert found.standard_deviation == pytest.approx(sd, rel=1e-6)


# 10^6 rows, where the peer that has NSB answers NaN
@pytest.mark.parametrize("size", [16, 1000])
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_million_rows(size, power):
    p = np.arange(1.0, size + 1) ** -power
    p /= p.sum()
    found = nsb_entropy(np.random.default_rng(0).multinomial(10**6, p), alphabet=size)
    # first-order s.d. of entropy, and the chi-square that is left where all p are equal
    sd = math.sqrt((p @ np.log(p) ** 2 - (p @ np.log(p)) ** 2) / 1e6 + (size - 1) / 2e12)
    assert found.mean == pytest.approx(-float(p @ np.log(p)), abs=4 * sd)
    if power:
        assert found.standard_deviation == pytest.approx(sd, rel=0.05)


@given(
    counts=st.lists(st.integers(0, 2000), min_size=1, max_size=6).filter(any),
    unseen=st.sampled_from([0, 1, 30, 10**6, 10**12]),
)
def test_never_nan_and_within_the_alphabet(counts, unseen):
    size = sum(c > 0 for c in counts) + unseen
    found = nsb_entropy(counts, alphabet=size)
    assert 0 <= found.mean <= math.log(size) + 1e-9
    assert 0 <= found.standard_deviation <= math.log(size)


def test_degenerate_counts():
    assert nsb_entropy([5]) == Posterior(0.0, 0.0)
    singletons = nsb_entropy([1] * 1000)
    assert math.isfinite(singletons.mean)
    assert singletons.standard_deviation > 0
    # one row of two values says nothing of which entropy: the prior, flat on (0, log 2), has this mean and s.d. nearly
    one = nsb_entropy([1], alphabet=2)
    assert one.mean == pytest.approx(math.log(2) / 2, abs=1e-9)


def test_information_is_that_of_three_entropies():
    table = np.array([[30, 10, 0], [5, 5, 20]])
    parts = [nsb_entropy(table.sum(1)), nsb_entropy(table.sum(0)), nsb_entropy(table, alphabet=6)]
    found = nsb_mutual_information(table)
    assert found.mean == pytest.approx(parts[0].mean + parts[1].mean - parts[2].mean, abs=1e-12)
    wide = nsb_mutual_information(table, alphabet=(3, 4))
    parts = [
        nsb_entropy(table.sum(1), alphabet=3),
        nsb_entropy(table.sum(0), alphabet=4),
        nsb_entropy(table, alphabet=12),
    ]
    assert wide.mean == pytest.approx(parts[0].mean + parts[1].mean - parts[2].mean, abs=1e-12)


# first order: the s.d. of the pointwise information over root n; within 0.3 % here, where the three s.d. joined as if
# independent are 1.7 times that for the second table
@pytest.mark.parametrize("table", [[[300, 100], [100, 300]], [[600, 20], [30, 150]]])
def test_spread_of_the_information_where_cells_are_filled(table):
    p = np.array(table) / np.sum(table)
    i = np.log(p / np.outer(p.sum(1), p.sum(0)))
    first_order = math.sqrt(((p * i**2).sum() - (p * i).sum() ** 2) / np.sum(table))
    assert nsb_mutual_information(table).standard_deviation == pytest.approx(first_order, rel=0.05)


def test_the_estimator_takes_the_larger_error():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 15, (2, 300))
    found, plain = (DiscreteMI(c).estimate(x, y) for c in ("nsb", "none"))
    sd = found.diagnostics["posterior_sd"]
    assert found.standard_error == pytest.approx(max(sd, plain.standard_error), rel=1e-9)
    wide = DiscreteMI("nsb", alphabet=(1000, 1000)).estimate(x, y)
    assert wide.diagnostics["posterior_sd"] > plain.standard_error
    assert wide.standard_error == pytest.approx(wide.diagnostics["posterior_sd"], rel=1e-9)


# 20 symbols, half kept, n = 1000, 60 seeds: bias -0.022, s.d. 0.053, coverage 0.75 of a nominal 0.9
def test_information_of_hardly_filled_cells():
    joint = 0.5 * np.eye(20) / 20 + 0.5 / 400

    def law(rng):
        x, other = rng.integers(0, 20, (2, 1000))
        return x, np.where(rng.random(1000) < 0.5, other, x)

    found = coverage(DiscreteMI("nsb"), law, float((joint * np.log(400 * joint)).sum()), repetitions=30, first_seed=50)
    assert found["bias"] == pytest.approx(-0.02, abs=0.03)


def test_refusals():
    with pytest.raises(InvalidDistributionError, match="nsb_entropy: counts must be whole"):
        nsb_entropy([0.5, 1.5])
    with pytest.raises(ParameterError, match=r"nsb_entropy: `alphabet` must be .* the 2 values that were seen; got 1"):
        nsb_entropy([1, 2], alphabet=1)
    with pytest.raises(ShapeError, match="nsb_mutual_information: `table` must be 2-D"):
        nsb_mutual_information([1, 2])
