"""Not, and, or: sets that are drawn, laws of each logic, logarithms far out, objects, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory.truth import (
    And,
    Crisp,
    Gaussian,
    Logistic,
    MultivariateGaussian,
    Not,
    Or,
    Tabulated,
    conjunction,
    disjunction,
    negation,
    truth_matrix,
)
from infocore.errors import InvalidDistributionError, ParameterError

COUPLINGS = ("comonotone", "independent", "countermonotone")
DEGREES = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-300, 1 - 1e-16]), st.floats(0, 1))


def drawn(a, b, coupling, n=1000):
    """Share of draws in which both sets cover x; sets are drawn from a grid of n uniform variables."""
    u = (np.arange(n) + 0.5) / n
    other = {"comonotone": u, "countermonotone": 1 - u, "independent": None}[coupling]
    if other is None:
        u, other = np.meshgrid(u, u)
    return np.mean((u < a) & (other < b)), np.mean((u < a) | (other < b))


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize(("a", "b"), [(0.3, 0.5), (0.8, 0.7), (0.0, 0.4), (1.0, 0.4), (0.25, 0.75)])
def test_degrees_are_those_of_random_sets_so_coupled(a, b, coupling):
    both, either = drawn(a, b, coupling)
    assert conjunction(a, b, coupling=coupling) == pytest.approx(both, abs=1e-9)
    assert disjunction(a, b, coupling=coupling) == pytest.approx(either, abs=1e-9)


@given(a=DEGREES, b=DEGREES, coupling=st.sampled_from(COUPLINGS))
def test_laws_that_hold_whatever_the_coupling(a, b, coupling):
    both, either = conjunction(a, b, coupling=coupling), disjunction(a, b, coupling=coupling)
    assert both + either == pytest.approx(a + b, abs=1e-15)
    assert 0 <= both <= min(a, b) <= max(a, b) <= either <= 1
    # De Morgan: negating both sets keeps their coupling
    assert negation(either) == pytest.approx(float(conjunction(negation(a), negation(b), coupling=coupling)), abs=1e-15)
    assert conjunction(b, a, coupling=coupling) == both


@given(a=DEGREES, b=DEGREES)
def test_negating_one_label_turns_the_coupling_round(a, b):
    # A and (B or not-B) is A: the parts come from opposite couplings
    for one, other in (("comonotone", "countermonotone"), ("independent", "independent")):
        parts = conjunction(a, b, coupling=one) + conjunction(a, negation(b), coupling=other)
        assert parts == pytest.approx(a, abs=1e-15)
    assert conjunction(a, negation(b), coupling="countermonotone") == pytest.approx(max(0.0, a - b), abs=1e-15)
    # Boolean for one label: A and not A is 0, A or not A is 1
    assert conjunction(a, negation(a), coupling="countermonotone") == pytest.approx(0.0, abs=1e-15)
    assert disjunction(a, negation(a), coupling="countermonotone") == pytest.approx(1.0, abs=1e-15)


@given(a=DEGREES, b=DEGREES, coupling=st.sampled_from(COUPLINGS))
def test_logarithms_say_the_same(a, b, coupling):
    with np.errstate(divide="ignore"):
        log_a, log_b = np.log(a), np.log(b)
    for function in (conjunction, disjunction):
        got = np.exp(function(log_a, log_b, coupling=coupling, log=True))
        assert got == pytest.approx(float(function(a, b, coupling=coupling)), abs=2e-15)
    assert np.exp(negation(log_a, log=True)) == pytest.approx(1 - a, abs=2e-15)


def test_logarithms_hold_where_degrees_are_too_close_to_0_or_1():
    # e^-e^-40 is 1 - e^-40, of which 1 - a would keep no digit
    assert negation(-np.exp(-40.0), log=True) == pytest.approx(-40.0, rel=1e-12)
    assert negation(-800.0, log=True) == 0.0  # - e^-800, below the smallest number
    assert negation(-40.0, log=True) == pytest.approx(-np.exp(-40.0), rel=1e-12, abs=0)
    assert conjunction(-800.0, -700.0, coupling="independent", log=True) == -1500.0
    assert disjunction(-800.0, -800.0, coupling="independent", log=True) == pytest.approx(-800 + math.log(2))
    assert disjunction(-800.0, -801.0, coupling="countermonotone", log=True) == pytest.approx(
        -800 + math.log1p(math.exp(-1))
    )
    # a + b - 1 with a = 1 - e^-50 and b = e^-40
    both = conjunction(-np.exp(-50.0), -40.0, coupling="countermonotone", log=True)
    assert both == pytest.approx(-40 + math.log1p(-math.exp(-10)), rel=1e-12)


@pytest.mark.parametrize("coupling", COUPLINGS)
@pytest.mark.parametrize("log", [False, True])
def test_what_is_undefined_stays_so_and_shapes_broadcast(coupling, log):
    a = np.array([[0.5], [math.nan]])
    a = np.log(a) if log else a
    for function in (conjunction, disjunction):
        got = function(a, np.log([0.2, 0.4]) if log else [0.2, 0.4], coupling=coupling, log=log)
        assert np.isnan(got).tolist() == [[False, False], [True, True]]
    assert np.isnan(negation(a, log=log)).tolist() == [[False], [True]]


def test_objects_say_what_the_arrays_do():
    x = np.linspace(0, 100, 201)
    adult, old = Logistic(18.0, 0.8), Logistic(65.0, 0.4)
    np.testing.assert_allclose(Not(adult)(x), Logistic(18.0, -0.8)(x), rtol=1e-12)
    for coupling in COUPLINGS:
        both, either = And(adult, old, coupling=coupling), Or(adult, old, coupling=coupling)
        np.testing.assert_allclose(both(x), conjunction(adult(x), old(x), coupling=coupling), atol=1e-15)
        np.testing.assert_allclose(either(x), disjunction(adult(x), old(x), coupling=coupling), atol=1e-15)
    middle = And(adult, Not(old), coupling="countermonotone")
    np.testing.assert_allclose(truth_matrix([middle], x)[:, 0], np.maximum(adult(x) - old(x), 0), atol=1e-15)
    assert middle == And(adult, Not(old), coupling="countermonotone")


def test_objects_hold_far_out_for_several_variables_and_for_crisp_sets():
    assert Not(Logistic(0.0, 10.0)).log(60.0) == pytest.approx(-600.0)
    near = MultivariateGaussian((0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(truth_matrix([Not(near)], points), [[0.0], [1 - math.exp(-1)]])
    inside = Crisp(lambda x: x > 0)
    assert Or(inside, Not(inside), coupling="countermonotone")([-1.0, 1.0]).tolist() == [1.0, 1.0]
    assert And(inside, Not(inside), coupling="countermonotone")([-1.0, 1.0]).tolist() == [0.0, 0.0]
    assert np.isnan(And(Tabulated((1.0,), (math.nan,)), Gaussian(0.0, 1.0), coupling="independent")([1.0])).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: negation(1.1), InvalidDistributionError, r"negation: `a`.*in \[0, 1\]; got 1.1 to 1.1"),
        (lambda: negation(0.1, log=True), InvalidDistributionError, "negation: `a` must hold log T"),
        (lambda: conjunction(0.5, -0.1, coupling="independent"), InvalidDistributionError, "conjunction: `b`"),
        (lambda: disjunction(2.0, 0.1, coupling="independent"), InvalidDistributionError, "disjunction: `a`"),
        (lambda: conjunction(0.5, 0.1, coupling="min"), ParameterError, "`coupling` must be one of comonotone.*'min'"),
        (lambda: disjunction(0.5, 0.1, coupling=""), ParameterError, "disjunction: `coupling`"),
        (lambda: And(Gaussian(0.0, 1.0), Gaussian(0.0, 1.0), coupling="or"), ParameterError, "And: `coupling`"),
        (lambda: Or(Gaussian(0.0, 1.0), Gaussian(0.0, 1.0), coupling="or"), ParameterError, "Or: `coupling`"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
