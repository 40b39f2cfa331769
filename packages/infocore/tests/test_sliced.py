"""Sliced information: closed forms on the sphere, never above the information, and an error that is the spread."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from infocore.errors import DegenerateWarning, KindError, ParameterError
from infocore.estimators import KSG, GaussianMI
from infocore.estimators.sliced import SlicedMI, directions
from infocore.testing import parametrize_with_checks


def gaussian(n, rho, d, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def sliced(rho, d):
    """E -1/2 log(1 - rho^2 t^2) over the first coordinate t of a uniform direction, density (1 - t^2)^((d - 3) / 2)."""

    def weight(t):
        return (1 - t * t) ** ((d - 3) / 2)

    total, _ = quad(lambda t: -0.5 * math.log(1 - (rho * t) ** 2) * weight(t), 0, 1)
    return total / quad(weight, 0, 1)[0]


@parametrize_with_checks([SlicedMI(projections=10), SlicedMI(GaussianMI(), projections=10)])
def test_contract(estimator, check):
    check(estimator)


def test_quadrature_against_a_primitive():
    # d = 3: t is uniform, and the integral of -1/2 log(1 - r^2 t^2) over (0, 1) has a primitive
    r = 0.8
    want = 1 - 0.5 * math.log(1 - r * r) - 0.5 * math.log((1 + r) / (1 - r)) / r
    assert sliced(r, 3) == pytest.approx(want, abs=1e-10)


def test_numbers_in_the_docstring():
    assert [round(sliced(0.6, d), 3) for d in (3, 10)] == [0.068, 0.019]
    assert round(sliced(0.8, 3), 3) == 0.138


# n = 1000, 8 seeds, bias / s.d.: normal -.002 / .009 and .001 / .001, k-NN .012 / .021 (its bias, as in 1 + 1)
@pytest.mark.parametrize(
    ("estimator", "rho", "d", "tolerance"),
    [(GaussianMI(), 0.8, 3, 0.03), (GaussianMI(), 0.6, 10, 0.005), (KSG(), 0.8, 3, 0.075)],
)
def test_normal_law_has_the_closed_form(estimator, rho, d, tolerance):
    x, y = gaussian(1000, rho, d)
    e = SlicedMI(estimator, projections=200 if isinstance(estimator, GaussianMI) else 60).estimate(x, y)
    assert e.value == pytest.approx(sliced(rho, d), abs=tolerance)
    assert e.value < -0.5 * d * math.log(1 - rho**2)
    assert (e.direction, e.strength, e.n) == ("lower", "asymptotic", 1000)
    assert e.ci[0] < e.value < e.ci[1]
    assert e.diagnostics["largest"] > e.value


def test_error_is_the_spread():
    found = [
        SlicedMI(GaussianMI(), projections=20).fit_estimate(*gaussian(300, 0.8, 3, seed), rng=seed)
        for seed in range(120)
    ]
    spread = np.std([e.value for e in found])
    assert np.mean([e.standard_error for e in found]) / spread == pytest.approx(1.0, abs=0.25)  # .88 over 120 samples


def test_one_column_a_side_is_the_estimator_itself():
    x, y = gaussian(500, 0.7, 1)
    whole, one = SlicedMI(projections=4).estimate(x, y), KSG().estimate(x, y)
    assert whole.value == pytest.approx(one.value, abs=1e-12)
    assert whole.standard_error == pytest.approx(one.standard_error, abs=1e-12)


def test_directions_are_uniform():
    d = directions(4000, 3, np.random.default_rng(0))
    # a coordinate is uniform on (-1, 1): variance 1/3, fourth moment 1/5; three errors at 4000
    assert d.mean(0) == pytest.approx(np.zeros(3), abs=0.03)
    assert (d**2).mean(0) == pytest.approx(np.full(3, 1 / 3), abs=0.015)
    assert (d**4).mean(0) == pytest.approx(np.full(3, 1 / 5), abs=0.015)


def test_scale_of_columns_matters_only_where_asked():
    x, y = gaussian(500, 0.8, 2)
    wide = x * [1.0, 100.0]
    one = SlicedMI(GaussianMI(), projections=20).estimate(x, y).value
    assert SlicedMI(GaussianMI(), projections=20).estimate(wide, y).value == pytest.approx(one, abs=1e-9)
    raw = SlicedMI(GaussianMI(), projections=20, margins="none").estimate(wide, y).value
    assert abs(raw - one) > 0.02


def test_seed_of_estimate_is_a_setting():
    x, y = gaussian(300, 0.8, 3)
    a, b = (SlicedMI(GaussianMI(), seed=s).estimate(x, y).value for s in (0, 1))
    assert a != b
    assert a == SlicedMI(GaussianMI()).fit_estimate(x, y, rng=0).value


def test_shadows_that_repeat_are_named_and_bound_nothing():
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal(300) * 2)
    with pytest.warns(DegenerateWarning, match="shadow"):
        e = SlicedMI(projections=4).estimate(x, x + rng.standard_normal(300))
    assert (e.direction, e.strength) == ("none", "heuristic")


def test_refusals_and_constants():
    x, y = gaussian(100, 0.5, 1)
    with pytest.raises(ParameterError, match=r"SlicedMI: `estimator` must be one without a fit, .*; got 'ksg'"):
        SlicedMI(estimator="ksg").fit(x, y)
    with pytest.raises(ParameterError, match="`projections`"):
        SlicedMI(projections=1).fit(x, y)
    with pytest.raises(KindError, match="text"):
        SlicedMI().fit(np.array(["a", "b"] * 50), y)
    with pytest.raises(ParameterError, match="`margins`"):
        SlicedMI(margins="log").estimate(x, y)
    with pytest.warns(DegenerateWarning, match="constant"):
        e = SlicedMI().estimate(np.ones(100), y)
    assert (e.value, e.direction) == (0.0, "none")
