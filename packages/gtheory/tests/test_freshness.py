"""Readings and their age: golden values, integration on a grid, limits, refusals."""

import math

import numpy as np
import pytest

from gtheory.freshness import freshness, reading_information
from infocore.errors import NonFiniteError, ParameterError, ShapeError


def on_a_grid(width, error, bias, sd, n=200_001):
    """G and R in nats by the midpoint rule, from their definitions."""
    x = ((np.arange(n) + 0.5) / n - 0.5) * width
    log_p = -((x - bias) ** 2) / (2 * error**2)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    log_truth = -(x**2) / (2 * sd**2)
    g = p @ log_truth - math.log(np.exp(log_truth).mean())
    return g, p[p > 0] @ np.log(p[p > 0] * n)


def test_golden_values_of_a_pointer():
    # 2001 cells of 0.05; closed forms, integrated on that grid outside this package
    plain = reading_information(100.05, 2.0)
    assert (plain.sd, plain.G, plain.R) == pytest.approx((2.0, 3.597482, 3.597482), abs=1e-6)
    assert plain.logical_probability == pytest.approx(0.0501075, abs=1e-7)
    assert plain.zero_radius == pytest.approx(4.893738, abs=1e-6)
    assert -math.log2(plain.logical_probability) == pytest.approx(4.318829, abs=1e-6)
    biased = reading_information(100.05, 2.0, 1.5)
    assert (biased.sd, biased.G) == pytest.approx((2.5, 3.275554), abs=1e-6)
    assert (plain.unit, reading_information(100.05, 2.0, base=math.e).unit) == ("bits", "nats")


@pytest.mark.parametrize(
    ("width", "error", "bias", "sd"),
    [(100.0, 2.0, 0.0, None), (100.0, 2.0, 1.5, None), (10.0, 2.0, 1.0, None), (10.0, 2.4999, -1.0, 3.0),
     (10.0, 2.5001, 1.0, 3.0), (10.0, 5.0, 4.9, None), (10.0, 40.0, 2.0, 0.5)],
)  # fmt: skip
def test_information_is_the_integral_and_the_best_width_is_the_best(width, error, bias, sd):
    found = reading_information(width, error, bias, sd=sd, base=math.e)
    assert pytest.approx(on_a_grid(width, error, bias, found.sd), abs=1e-9) == (found.G, found.R)
    assert found.G <= found.R + 1e-12
    if sd is None:
        for other in (0.99 * found.sd, 1.01 * found.sd):
            assert reading_information(width, error, bias, sd=other).G < reading_information(width, error, bias).G


def test_a_reading_of_which_the_error_is_more_than_flat_is_best_read_as_saying_nothing():
    # |x| is mostly near the ends: mean square above width^2 / 12
    found = reading_information(10.0, 1.0, bias=4.5)
    assert (found.sd, found.G, found.logical_probability, found.zero_radius) == (math.inf, 0.0, 1.0, math.inf)
    assert found.R > 1


def test_extreme_widths_stay_finite():
    assert reading_information(10.0, 1e-150).sd == pytest.approx(1e-150)
    wide = reading_information(10.0, 1.0, sd=1e200)
    assert (wide.G, wide.zero_radius) == (0.0, pytest.approx(10 / math.sqrt(12)))
    assert reading_information(10.0, 1.0, sd=0.999e5).zero_radius == pytest.approx(10 / math.sqrt(12), rel=1e-6)
    assert pytest.approx(0.0, abs=1e-12) == reading_information(10.0, 1e300).R


@pytest.mark.parametrize(("diffusion", "speed"), [(0.5, 0.0), (0.0, 0.3), (0.2, 0.1)])
@pytest.mark.parametrize("sd", [None, 3.0])
def test_an_old_reading_is_worth_the_integral_with_its_grown_error(diffusion, speed, sd):
    time = np.array([0.0, 1.0, 7.0, 50.0, 1000.0])
    aged = freshness(time, 100.0, 2.0, diffusion=diffusion, speed=speed, sd=sd, base=math.e)
    error = np.sqrt(4 + diffusion * time + (speed * time) ** 2)
    np.testing.assert_allclose(aged.error, error)
    want = np.array([on_a_grid(100.0, e, 0.0, sd or 2.0) for e in error])
    np.testing.assert_allclose(aged.G, want[:, 0], rtol=1e-9)
    best = np.array([on_a_grid(100.0, e, 0.0, e) for e in error])
    np.testing.assert_allclose(aged.G_best, best[:, 0], atol=1e-9)
    np.testing.assert_allclose(aged.G_best, best[:, 1], atol=1e-9)
    # it expires when the information is 0, and not before
    at, before = freshness([aged.expiry, 0.9 * aged.expiry], 100.0, 2.0, diffusion=diffusion, speed=speed, sd=sd).G
    assert at == pytest.approx(0.0, abs=1e-9)
    assert before > 0


def test_formulas_of_the_theory_are_the_limit_of_a_wide_range():
    time, width, sd = np.array([0.0, 3.0, 9.0]), 1000.0, 3.0
    aged = freshness(time, width, 2.0, diffusion=1.0, speed=0.5, sd=sd, base=math.e)
    square = 4 + time + (0.5 * time) ** 2
    np.testing.assert_allclose(aged.G, math.log(width / (sd * math.sqrt(2 * math.pi))) - square / (2 * sd**2))
    np.testing.assert_allclose(aged.G_best, np.log(width / np.sqrt(2 * math.pi * math.e * square)))
    assert aged.unit == "nats"


def test_readings_that_do_not_expire_and_that_are_no_good_from_the_start():
    assert freshness([0.0], 100.0, 2.0).expiry == math.inf
    assert freshness([0.0], 100.0, 20.0, sd=1.0, speed=1.0).expiry == 0.0
    # however vague, it misleads in the end, as x becomes less certain than it says
    assert 1e4 < freshness([0.0], 10.0, 1.0, sd=100.0, diffusion=1.0).expiry < 1e5
    assert freshness([0.0], 10.0, 1.0, sd=1e4, diffusion=1.0).expiry == math.inf  # beyond 100 ranges
    # 6e-16 with numpy 2.1
    assert freshness([0.0, 1e200], 10.0, 1.0, speed=1e200).G_best[1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reading_information(0.0, 1.0), ParameterError, "reading_information: `width` must be positive"),
        (lambda: reading_information(1.0, math.nan), ParameterError, "`error` must be positive"),
        (lambda: reading_information(1.0, 1.0, 0.6), ParameterError, "`bias` must be within half of `width`, 0.5"),
        (lambda: reading_information(1.0, 1.0, sd=-1.0), ParameterError, "`sd` must be positive"),
        (lambda: reading_information(1.0, 1.0, base=1), ParameterError, "`base` must be above 1"),
        (lambda: freshness([-1.0], 1.0, 1.0), ParameterError, "freshness: `time` must not be negative; got -1"),
        (lambda: freshness([0.0, math.nan], 1.0, 1.0), NonFiniteError, "`time` holds NaN or infinity in 1 of 2"),
        (lambda: freshness(1.0, 1.0, 1.0), ShapeError, "`time` must have one axis"),
        (lambda: freshness([1.0], 1.0, 1.0, diffusion=-1.0), ParameterError, "`diffusion` must be finite and not neg"),
        (lambda: freshness([1.0], 1.0, 1.0, speed=math.inf), ParameterError, "`speed` must be finite and not neg"),
        (lambda: freshness([1.0], 1.0, 1.0, sd=0.0), ParameterError, "`sd` must be positive"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
