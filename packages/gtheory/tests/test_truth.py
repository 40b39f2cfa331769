"""Truth functions: values, logarithms far out, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from gtheory.truth import (
    Crisp,
    Disbelief,
    Gaussian,
    Interval,
    Logistic,
    MultivariateGaussian,
    Tabulated,
    from_distortion,
    from_scores,
    truth_matrix,
)
from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ParameterError, ShapeError

X = np.linspace(-50, 50, 101)
PLANE = MultivariateGaussian((0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))


@pytest.mark.parametrize(
    ("function", "direct"),
    [
        (Gaussian(3.0, 2.0), lambda x: np.exp(-((x - 3) ** 2) / 8)),
        (Logistic(3.0, 0.5), lambda x: 1 / (1 + np.exp(-0.5 * (x - 3)))),
        (Logistic(3.0, -0.5), lambda x: 1 / (1 + np.exp(0.5 * (x - 3)))),
        (Crisp(lambda x: x > 3), lambda x: (x > 3).astype(float)),
        (Disbelief(Gaussian(3.0, 2.0), 0.2), lambda x: 0.2 + 0.8 * np.exp(-((x - 3) ** 2) / 8)),
        (Disbelief(Gaussian(3.0, 2.0), 0.0), lambda x: np.exp(-((x - 3) ** 2) / 8)),
        (Disbelief(Gaussian(3.0, 2.0), 1.0), lambda x: np.ones_like(x)),
    ],
)
def test_values_are_those_of_the_formula(function, direct):
    np.testing.assert_allclose(function(X), direct(X), rtol=1e-12)
    assert (function.log(X) <= 0).all()


def test_logarithms_hold_where_values_underflow():
    assert Gaussian(0.0, 1.0).log(100.0) == pytest.approx(-5000.0)
    assert Logistic(0.0, 10.0).log(-1000.0) == pytest.approx(-10000.0)
    assert Crisp(lambda x: x > 0).log([-1.0]).tolist() == [-math.inf]
    assert Disbelief(Crisp(lambda x: x > 0), 0.25).log([-1.0]).tolist() == pytest.approx([math.log(0.25)])
    assert truth_matrix([Gaussian(0.0, 1.0)], [100.0], log=True).tolist() == [[-5000.0]]


@pytest.mark.parametrize(
    ("low", "high", "slope", "slope_high"),
    [
        (-3.0, 4.0, 2.0, None),
        (-3.0, 4.0, 2.0, 0.3),
        (1.0, 1.1, 0.5, 5.0),
        (0.0, 1e-6, 1.0, 1.0),
        (-30.0, 30.0, 9.0, 0.1),
    ],
)
def test_an_interval_is_the_product_of_its_edges_over_the_maximum(low, high, slope, slope_high):
    function = Interval(low, high, slope, slope_high)
    x = np.linspace(-60, 60, 1_200_001)
    product = Logistic(low, slope)(x) * Logistic(high, -(slope_high or slope))(x)
    # the grid's own maximum is short of the true one by its step squared
    np.testing.assert_allclose(function(x), product / product.max(), rtol=1e-7, atol=1e-12)
    assert function.peak == pytest.approx(x[product.argmax()], abs=1e-3)
    assert function(function.peak) == 1.0
    assert (function.log(x) <= 0).all()
    assert function.slopes == (slope, slope if slope_high is None else slope_high)


def test_a_gaussian_of_several_variables_is_a_density_over_its_maximum():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((3, 3))
    mean, cov = rng.standard_normal(3), root @ root.T
    function, points = MultivariateGaussian(mean, cov), rng.standard_normal((5, 4, 3))
    law = multivariate_normal(mean, cov)
    np.testing.assert_allclose(function.log(points), law.logpdf(points) - law.logpdf(mean), atol=1e-9)
    assert function(mean) == 1.0
    assert len({function, MultivariateGaussian(tuple(mean.tolist()), cov.tolist())}) == 1
    line = MultivariateGaussian((3.0,), ((4.0,),))
    np.testing.assert_allclose(line(X[:, None]), Gaussian(3.0, 2.0)(X), rtol=1e-12)
    matrix = truth_matrix([function, MultivariateGaussian((0, 0, 0), np.eye(3))], points[0])
    assert matrix.shape == (4, 2)
    np.testing.assert_allclose(matrix[:, 1], np.exp(-np.sum(points[0] ** 2, 1) / 2))


@pytest.mark.parametrize(
    "function",
    [Gaussian(0.0, 1e-9), Gaussian(0.0, 1e-300), Logistic(0.0, 1e6), Logistic(0.0, -1e300), Interval(-1.0, 1.0, 1e6),
     Interval(-1.0, 1.0, 1e6, 1e-6), Interval(0.0, 1e-12, 1e-6, 1e6), Interval(-1e300, 1e300, 1e-9, 1e9),
     Disbelief(Gaussian(0.0, 1e-9), 1e-300)],
)  # fmt: skip
def test_what_is_all_but_crisp_or_flat_neither_overflows_nor_is_nan(function):
    x = np.array([-np.inf, -1e308, -1e3, -1.0, -1e-9, 0.0, 1e-9, 1.0, 1e3, 1e308, np.inf])
    log = function.log(x)
    assert not np.isnan(log).any()
    assert (log <= 0).all()
    assert ((function(x) >= 0) & (function(x) <= 1)).all()


def test_a_thin_gaussian_of_several_variables_keeps_its_digits():
    thin = MultivariateGaussian((0.0, 0.0), ((1e-18, 0.0), (0.0, 1e6)))
    np.testing.assert_allclose(thin.log([[1e-9, 1e3], [1.0, 0.0]]), [-1.0, -5e17])
    assert thin.log([[1e200, 0.0]]).tolist() == [-math.inf]


def test_objects_are_frozen_and_equal_by_value():
    assert Gaussian(1.0, 2.0) == Gaussian(1.0, 2.0)
    assert len({Tabulated((0, 1), (1, 0.5)), Tabulated(np.array([0.0, 1.0]), np.array([1.0, 0.5]))}) == 1
    with pytest.raises(AttributeError):
        Gaussian(1.0, 2.0).sd = 3.0


def test_a_table_is_looked_up_in_any_order_and_keeps_what_is_undefined():
    table = Tabulated((5, 1, 3), (0.5, 1.0, math.nan))
    np.testing.assert_allclose(table([1, 3, 5, 1]), [1.0, math.nan, 0.5, 1.0])


@given(seed=st.integers(0, 10**6))
def test_scores_become_truth_with_maximum_one_whatever_is_added_per_label(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 3, (5, 3))
    truth = from_scores(scores)
    np.testing.assert_allclose(truth.max(0), 1.0)
    np.testing.assert_allclose(from_scores(scores + rng.normal(0, 3, 3)), truth, rtol=1e-12)
    np.testing.assert_allclose(np.exp(from_scores(scores, log=True)), truth)
    np.testing.assert_allclose(from_distortion(scores.max(0) - scores), truth)
    np.testing.assert_allclose(from_distortion(scores.max(0) - scores, log=True), from_scores(scores, log=True))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Gaussian(math.nan, 1.0), ParameterError, "Gaussian: `mean` must be finite"),
        (lambda: Gaussian(0.0, 0.0), ParameterError, "Gaussian: `sd` must be positive"),
        (lambda: Logistic(0.0, 0.0), ParameterError, "Logistic: `slope` must not be 0"),
        (lambda: Disbelief(Gaussian(0.0, 1.0), 1.1), ParameterError, "Disbelief: `degree`"),
        (lambda: Tabulated((1.0,), (1.0, 0.5)), ShapeError, "equally long; got 1 and 2"),
        (lambda: Tabulated((1.0, math.nan), (1.0, 0.5)), NonFiniteError, "Tabulated: `x`"),
        (lambda: Tabulated((1.0, 1.0), (1.0, 0.5)), ParameterError, "each value once"),
        (lambda: Tabulated((1.0, 2.0), (1.0, 1.5)), InvalidDistributionError, r"Tabulated: `values`.*1 to 1.5"),
        (lambda: Tabulated((1.0, 2.0), (1.0, 0.5))([1.5]), ParameterError, "1 values that are not in the table"),
        (lambda: truth_matrix([], [1.0]), ParameterError, "at least one truth function"),
        (lambda: truth_matrix([Gaussian(0.0, 1.0)], 1.0), ShapeError, "`x` must have one axis.*label 0 gave 0 axes"),
        (lambda: truth_matrix([PLANE, Gaussian(0.0, 1.0)], [[1.0, 2.0]]), ShapeError, "label 1 gave 2 axes"),
        (lambda: Interval(1.0, 1.0, 1.0), ParameterError, "Interval: `low` must be below `high`; got 1.0 and 1.0"),
        (lambda: Interval(math.inf, 1.0, 1.0), ParameterError, "Interval: `low` must be finite"),
        (lambda: Interval(0.0, math.nan, 1.0), ParameterError, "Interval: `high` must be finite"),
        (lambda: Interval(0.0, 1.0, -1.0), ParameterError, "Interval: `slope` must be positive"),
        (lambda: Interval(0.0, 1.0, 1.0, 0.0), ParameterError, "Interval: `slope_high` must be positive"),
        (lambda: PLANE([1.0, 2.0, 3.0]), ShapeError, r"last axis of length 2.*got shape \(3,\)"),
        (lambda: PLANE(1.0), ShapeError, "last axis of length 2"),
        (lambda: MultivariateGaussian((0, 0), ((1.0,),)), ShapeError, r"`cov` must have shape \(2, 2\)"),
        (lambda: MultivariateGaussian((0, 0), ((1, 0), (0, math.nan))), NonFiniteError, "`cov` holds NaN"),
        (lambda: MultivariateGaussian((0, math.inf), np.eye(2)), NonFiniteError, "`mean` holds NaN"),
        (lambda: MultivariateGaussian(("a",), ((1.0,),)), KindError, "`mean` must hold real numbers"),
        (lambda: MultivariateGaussian((0, 0), ((1, 0.5), (0.4, 1))), ParameterError, "symmetric.*by up to 0.1"),
        (lambda: MultivariateGaussian((0, 0), ((1, 2), (2, 1))), ParameterError, "positive definite.*matrix of -1"),
        (lambda: MultivariateGaussian((0, 0), ((1, 1), (1, 1))), ParameterError, "must be positive definite"),
        (lambda: MultivariateGaussian((0, 0), ((1, 0), (0, 0))), ParameterError, "a variance of 0 on its diagonal"),
        (lambda: from_scores([[math.inf]]), NonFiniteError, "1 of 1 columns"),
        (lambda: from_distortion([[-1.0]]), InvalidDistributionError, "`distortion` must be non-negative"),
        (lambda: from_distortion([[math.nan, 1.0]]), InvalidDistributionError, "1 NaN"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
