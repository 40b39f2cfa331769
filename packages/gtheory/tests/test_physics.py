"""Thermodynamic identities, against textbook forms, Stirling's limit and numeric derivatives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from gtheory import semantic_information
from gtheory.physics import boltzmann, exergy, local_equilibrium
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError

ENERGY, DEGENERACY = np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 2.0, 3.0])
AREAS = np.array([[0.7, 0.1, 0.15, 0.05], [0.3, 0.25, 0.2, 0.25]])
SHARES = np.array([0.4, 0.6])


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def test_worked_values():
    gas = boltzmann(ENERGY, 1.3, DEGENERACY)
    assert gas.logical_probability == pytest.approx(0.3025308, abs=5e-8)
    assert gas.information == pytest.approx(0.5262158, abs=5e-8)
    assert exergy(gas.p, ENERGY, 1.0, DEGENERACY) == pytest.approx(0.0233185, abs=5e-8)
    found = local_equilibrium(AREAS, SHARES, ENERGY, 1.0, DEGENERACY)
    assert (pytest.approx(0.4717021, abs=5e-8), pytest.approx(0.3608314, abs=5e-8)) == (found.R, found.G)
    assert found.efficiency == pytest.approx(0.7649560, abs=5e-8)
    assert found.exergy == found.R


levels = st.lists(st.floats(-3, 8), min_size=2, max_size=6)


@given(levels, st.floats(0.2, 20), st.booleans(), st.integers(0, 2**32 - 1))
def test_equilibrium_is_semantic_bayes(energy, temperature, inverted, seed):
    t = -temperature if inverted else temperature
    e, g = np.array(energy), np.random.default_rng(seed).integers(1, 9, len(energy)).astype(float)
    gas = boltzmann(e, t, g)
    weights = g * np.exp(-(e - e.mean()) / t)
    assert gas.p.tolist() == pytest.approx((weights / weights.sum()).tolist(), abs=1e-12)
    assert gas.free_energy == pytest.approx(gas.energy - t * gas.entropy, abs=1e-9)
    assert gas.information == pytest.approx(math.log(g.sum()) - gas.entropy, abs=1e-12)
    # "at temperature T", said of a system that is: G of one label, under the prior of equal states
    prior = g / g.sum()
    truth = np.exp(-(e - (e.min() if t > 0 else e.max())) / t)[:, None]
    assert gas.logical_probability == pytest.approx(float(prior @ truth[:, 0]), abs=1e-12)
    pointwise = semantic_information(prior, truth, np.ones((len(e), 1)), base=math.e).pointwise[:, 0]
    assert gas.p @ pointwise == pytest.approx(gas.information, abs=1e-9)


def test_entropy_is_the_slope_of_free_energy():
    h = 1e-5
    low, gas, high = (boltzmann(ENERGY, t, DEGENERACY) for t in (1.3 - h, 1.3, 1.3 + h))
    assert gas.entropy == pytest.approx(-(high.free_energy - low.free_energy) / (2 * h), abs=1e-8)


def test_ways_of_many_particles_have_that_entropy():
    gas = boltzmann(ENERGY, 1.3, DEGENERACY)
    for n, error in ((1e3, 1.2e-2), (1e5, 2e-4)):
        counts = n * gas.p
        ways = gammaln(n + 1) - gammaln(counts + 1).sum() + counts @ np.log(DEGENERACY)
        assert 0 < gas.entropy - ways / n < error  # Stirling: (m - 1) log n / 2n and less


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 5))
def test_exergy_is_divergence_from_the_environment(seed, t):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4))
    environment = boltzmann(ENERGY, t, DEGENERACY)
    entropy = -sum(a * math.log(a / b) for a, b in zip(p, DEGENERACY, strict=True) if a > 0)
    want = p @ ENERGY - t * entropy - environment.free_energy
    got = exergy(p, ENERGY, t, DEGENERACY)
    assert got == pytest.approx(want, abs=1e-10)
    assert got == pytest.approx(t * kl(p, environment.p), abs=1e-10)
    assert got >= -1e-12


@given(st.integers(0, 2**32 - 1))
def test_what_local_temperatures_lose(seed):
    rng = np.random.default_rng(seed)
    areas, shares = rng.dirichlet(np.ones(4), size=3), rng.dirichlet(np.ones(3))
    found = local_equilibrium(areas, shares, ENERGY, 1.0, DEGENERACY)
    near = []
    for law, t in zip(areas, found.temperatures, strict=True):
        local = boltzmann(ENERGY, t, DEGENERACY)
        assert local.energy == pytest.approx(law @ ENERGY, abs=1e-9)
        near.append(local.p)
    lost = sum(w * kl(law, local) for w, law, local in zip(shares, areas, near, strict=True))
    assert pytest.approx(lost, abs=1e-10) == found.R - found.G


def test_areas_at_the_ends_and_in_equilibrium():
    cold = local_equilibrium([[1.0, 0, 0, 0]], [1.0], ENERGY, 1.0, DEGENERACY)
    assert (cold.temperatures[0], cold.efficiency) == (0.0, pytest.approx(1.0))
    calm = local_equilibrium([boltzmann(ENERGY, 1.0, DEGENERACY).p], [1.0], ENERGY, 1.0, DEGENERACY)
    assert pytest.approx(0, abs=1e-12) == calm.R
    assert math.isnan(calm.efficiency)
    hot = local_equilibrium([[0.05, 0.05, 0.1, 0.8]], [1.0], ENERGY, 1.0)
    assert hot.temperatures[0] < 0
    flat = local_equilibrium([[0.5, 0.5]], [1.0], [2.0, 2.0], 1.0, [1, 3])
    assert flat.temperatures[0] == math.inf
    assert pytest.approx(0, abs=1e-12) == flat.G
    assert flat.R > 0


def test_low_temperatures_do_not_underflow():
    gas = boltzmann([1000.0, 1001.0], 1e-4)
    assert gas.p.tolist() == [1.0, 0.0]
    assert gas.free_energy == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: boltzmann([0, 1], 0.0), ParameterError, "`temperature` must be finite and not 0"),
        (lambda: boltzmann([0, 1], math.nan), ParameterError, "`temperature`"),
        (lambda: boltzmann([0, math.inf], 1.0), InvalidDistributionError, "`energy` must be finite; got"),
        (lambda: boltzmann([0, 1], 1.0, [1, 0]), InvalidDistributionError, "`degeneracy` must be positive"),
        (lambda: boltzmann([0, 1], 1.0, [1]), ShapeError, "`degeneracy` must have one entry per level, 2; got 1"),
        (lambda: exergy([0.5, 0.5], [0, 1], -1.0), ParameterError, "of an environment must be positive"),
        (lambda: exergy([1.0], [0, 1], 1.0), ShapeError, "`p` must have one entry per level"),
        (lambda: exergy([0.5, 0.6], [0, 1], 1.0), InvalidDistributionError, "`p` must be a distribution"),
        (lambda: local_equilibrium([[0.5, 0.5]], [0.5, 0.5], [0, 1], 1.0), ShapeError, "`p` must have shape"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
