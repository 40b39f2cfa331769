"""Truth functions: values, logarithms far out, and every refusal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory.truth import (
    Crisp,
    Disbelief,
    Gaussian,
    Logistic,
    Tabulated,
    from_distortion,
    from_scores,
    truth_matrix,
)
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError

X = np.linspace(-50, 50, 101)


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
        (lambda: truth_matrix([Gaussian(0.0, 1.0)], 1.0), ShapeError, "`x` must have one axis"),
        (lambda: from_scores([[math.inf]]), NonFiniteError, "1 of 1 columns"),
        (lambda: from_distortion([[-1.0]]), InvalidDistributionError, "`distortion` must be non-negative"),
        (lambda: from_distortion([[math.nan, 1.0]]), InvalidDistributionError, "1 NaN"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
