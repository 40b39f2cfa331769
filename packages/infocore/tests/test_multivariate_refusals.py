"""Information among more than two variables that cannot be: values named, settings and data refused."""

import math

import numpy as np
import pytest

from infocore.errors import (
    DegenerateWarning,
    KindError,
    NonFiniteError,
    ParameterError,
    SaturationWarning,
    ShapeError,
    TooFewSamplesError,
)
from infocore.estimators.ksg import KSG
from infocore.multivariate import (
    Counts,
    Neighbours,
    conditional_mutual_information,
    dual_total_correlation,
    interaction_information,
    o_information,
    pointwise_mutual_information,
    total_correlation,
    transfer_entropy,
    transfer_entropy_test,
)

from .multivariate_data import PARTIAL, bits, normal


@pytest.mark.parametrize("measure", ["conditional", "total", "flow", "interaction"])
def test_values_below_zero_are_named_where_they_cannot_be(measure):
    said = {
        "conditional": lambda a: conditional_mutual_information(*a, method="ksg"),
        "total": lambda a: total_correlation(list(a), method="ksg"),
        "flow": lambda a: transfer_entropy(a[0], a[1], method="ksg"),
        "interaction": lambda a: interaction_information(*a, method="ksg"),
    }[measure]
    below = 0
    for seed in range(8):
        e = said(np.random.default_rng(seed).standard_normal((3, 200)))
        # a difference of two informations may be below zero: nothing is to be said of it
        named = any("below zero within error" in note for note in e.diagnostics["notes"])
        assert named == (-2 * e.standard_error <= e.value < 0 and measure != "interaction")
        below += e.value < 0
    assert below > 0


def test_conditional_information_far_below_zero_is_called_biased(monkeypatch):
    # few estimates are so far below zero that no chance explains it: the limit is brought to this one instead
    monkeypatch.setattr("infocore.estimators._base.CHANCE", 0.5)
    monkeypatch.setattr("infocore.estimators._base.BIAS", 1.0)
    x, y = np.random.default_rng(0).standard_normal((2, 400))
    z = x + 0.01 * y  # neighbours are too far apart to see y in the difference: -0.05 nats, error 0.03
    with pytest.warns(SaturationWarning, match="conditional_mutual_information: below zero by more than its error"):
        e = conditional_mutual_information(x, y, z, method="ksg")
    assert e.value < -e.standard_error
    assert e.strength == "heuristic"


def test_infinities_that_differ_are_undefined():
    x, y, _ = normal(100, PARTIAL).T
    with pytest.warns(DegenerateWarning, match="undefined: infinite terms of both signs"):
        got = o_information([x, x, y], method="gaussian")
    assert math.isnan(got.value)
    assert got.direction == "none"
    assert "undefined" in got.diagnostics["notes"][0]
    with pytest.warns(DegenerateWarning, match="is infinite"):
        assert interaction_information(x, y, x + y, method="gaussian").value == math.inf
    with pytest.warns(DegenerateWarning, match="is infinite"):
        assert dual_total_correlation([x, x, y], method="gaussian").value == math.inf


X, Y, Z = normal(50, PARTIAL).T
BITS = bits(50)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"method": "mine"}, "conditional_mutual_information: `method` must be one of auto.*got 'mine'"),
        ({"method": KSG()}, "`method` must be one of"),
        ({"units": "dits"}, "`units` must be one of nats, bits"),
        ({"ci_level": 1.0}, "`ci_level`"),
        ({"rng": -1}, "`rng`"),
        ({"blocks": "all"}, '`blocks` must be a length, one label a row, "auto" or None'),
        ({"blocks": 40}, "`blocks`, a block length, must be in 1 .. n/2"),
        ({"method": Neighbours(0)}, "`k` must be a whole number"),
        ({"method": Neighbours(margins="copula")}, "`margins` must be"),
        ({"method": Counts("jackknife")}, "`correction` must be"),
    ],
)
def test_settings_are_refused(setting, match):
    with pytest.raises(ParameterError, match=match):
        conditional_mutual_information(X, Y, Z, **setting)


@pytest.mark.parametrize(
    ("x", "y", "z", "method", "error", "match"),
    [
        (X, Y[:9], Z, "auto", ShapeError, "need one length; got rows: `x` 50, `y` 9, `z` 50"),
        (X, Y, np.full(50, np.nan), "auto", NonFiniteError, "conditional_mutual_information: `z` holds NaN"),
        (X, Y, np.zeros((50, 2, 2)), "auto", ShapeError, "`z` must have shape"),
        (X[:1], Y[:1], Z[:1], "auto", TooFewSamplesError, "needs at least 2 rows; got 1"),
        (X[:4], Y[:4], Z[:4], "gaussian", TooFewSamplesError, "two rows more than columns.*n=4 for 3 columns"),
        (X[:4], Y[:4], Z[:4], "ksg", TooFewSamplesError, "needs at least k"),
        (X, Y, Z, "discrete", KindError, "hardly a value of column.* x, y, z occurs twice"),
        (X, np.array(["a", "b"])[BITS[0]], Z, "gaussian", KindError, "y hold text or categories"),
        (X, np.array(["a", "b"])[BITS[0]], Z, "ksg", KindError, 'y hold text.*With k-NN, that is method="mixed"'),
    ],
)
def test_data_are_refused(x, y, z, method, error, match):
    with pytest.raises(error, match=match):
        conditional_mutual_information(x, y, z, method=method)


def test_repeated_values_are_warned_of():
    with pytest.warns(DegenerateWarning, match='values repeat.*use method="mixed"'):
        got = conditional_mutual_information(X, BITS[0], Z, method="ksg")
    assert got.strength == "heuristic"


@pytest.mark.parametrize("function", [total_correlation, dual_total_correlation, o_information])
def test_too_few_variables(function):
    least = 3 if function is o_information else 2
    with pytest.raises(ShapeError, match=f"`columns` must hold at least {least} variables; got {least - 1}"):
        function([X, Y][: least - 1])
    with pytest.raises(ShapeError, match=r"`columns` must be an array of shape.*shape \(50,\)"):
        function(X)
    with pytest.raises(ParameterError, match=f"{function.__name__}: `units`"):
        function([X, Y, Z], units="dits")


def test_shrinkage_is_of_tables():
    with pytest.raises(ParameterError, match=r"`correction` must be one of none.*more than two sides; got 'nsb'"):
        interaction_information(*BITS, method=Counts("nsb"))
    with pytest.raises(ParameterError, match="interaction_information: `method`"):
        interaction_information(*BITS, method="mine")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: transfer_entropy(X, Y, lag=0), ParameterError, "`lag` must be a whole number >= 1; got 0"),
        (lambda: transfer_entropy(X, Y, source_history=True), ParameterError, "`source_history`"),
        (lambda: transfer_entropy(X, Y, target_history=1.5), ParameterError, "`target_history`"),
        (lambda: transfer_entropy(X, Y[:9]), ShapeError, "need one length; got 50 and 9"),
        (lambda: transfer_entropy(X, Y, lag=47), TooFewSamplesError, "50 times leave 3 rows after a past of 47"),
        (lambda: transfer_entropy(X, Y, method="mine"), ParameterError, "transfer_entropy: `method`"),
        (lambda: transfer_entropy(X[:15], Y[:15], method="gaussian"), TooFewSamplesError, "at least 20"),
        (lambda: transfer_entropy_test(X, Y, lag=0), ParameterError, "`lag`"),
        (lambda: transfer_entropy_test(X, Y, n=0), ParameterError, "`n` must be a whole number, at least 1; got 0"),
        (lambda: pointwise_mutual_information(X, Y, method="mine"), ParameterError, "`method`"),
        (lambda: pointwise_mutual_information(X, Y[:9]), ShapeError, "need one length"),
    ],
)
def test_the_rest_refuses_too(call, error, match):
    with pytest.raises(error, match=match):
        call()
