"""`MIEstimate`: what it says, how it converts, travels and prints, and what it refuses."""

import copy
import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

from infocore import MIEstimate
from infocore.errors import ParameterError
from infocore.result import plain

FULL = MIEstimate(
    value=0.25,
    direction="lower",
    strength="expectation",
    standard_error=0.02,
    ci=(0.21, 0.29),
    ci_level=0.9,
    cap=math.log(500),
    n=500,
    method="infonce",
    diagnostics={"steps": 300, "k": (3, 5)},
)


@pytest.mark.parametrize(
    ("direction", "line"),
    [
        ("lower", ">= 0.250 nats (90% CI 0.210 to 0.290, n=500, infonce)"),
        ("upper", "<= 0.250 nats (90% CI 0.210 to 0.290, n=500, infonce)"),
        ("consistent", "0.250 nats (90% CI 0.210 to 0.290, n=500, infonce)"),
        ("none", "~ 0.250 nats (90% CI 0.210 to 0.290, n=500, infonce)"),
    ],
)
def test_line_says_the_direction(direction, line):
    assert str(dataclasses.replace(FULL, direction=direction)) == line


def test_line_of_a_bare_value():
    assert str(MIEstimate(value=-0.0314)) == "~ -0.031 nats"
    assert str(MIEstimate(value=1.0, ci=(0.5, 1.5), ci_level=0.995)) == "~ 1.000 nats (99.5% CI 0.500 to 1.500)"


def test_bits_and_back():
    bits = FULL.to("bits")
    assert (bits.units, bits.n, bits.method, bits.direction) == ("bits", 500, "infonce", "lower")
    assert bits.value == pytest.approx(0.25 / math.log(2))
    assert bits.standard_error == pytest.approx(0.02 / math.log(2))
    assert bits.ci == pytest.approx((0.21 / math.log(2), 0.29 / math.log(2)))
    assert bits.cap == pytest.approx(math.log2(500))
    back = bits.to("nats")
    assert back.value == pytest.approx(0.25, abs=1e-15)
    assert back.diagnostics == FULL.diagnostics
    assert MIEstimate(value=0.0).to("bits").ci is None


def test_it_is_frozen_and_so_are_its_diagnostics():
    given = {"steps": 1}
    estimate = MIEstimate(value=0.0, diagnostics=given)
    given["steps"] = 2
    assert estimate.diagnostics == {"steps": 1}
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimate.value = 1.0
    with pytest.raises(TypeError):
        estimate.diagnostics["steps"] = 3


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])  # noqa: S301 - our own
def test_it_travels(travel):
    assert travel(FULL) == FULL
    assert travel(FULL).diagnostics == FULL.diagnostics


def test_dict_is_strict_json():
    estimate = dataclasses.replace(
        FULL,
        value=math.inf,
        ci=(-math.inf, math.inf),
        diagnostics={"a": np.arange(3), "b": np.float32(0.5), 1: FULL},
    )
    data = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    assert data["value"] == "inf"
    assert data["ci"] == ["-inf", "inf"]
    assert data["diagnostics"] == {"a": [0, 1, 2], "b": 0.5, "1": FULL.to_dict()}
    assert set(data) == {field.name for field in dataclasses.fields(MIEstimate)}


def test_plain_leaves_json_alone_and_names_the_rest():
    value = {"a": [1, 2.5, True, None, "x"]}
    assert plain(value) == value
    assert plain(np.array([[np.inf, np.nan]])) == [["inf", "nan"]]
    assert plain(3 + 4j) == "(3+4j)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "shannons"}, "`units` must be one of nats, bits; got 'shannons'"),
        ({"value": math.nan}, "`value` must be a number, or where none is defined NaN with .*; got nan"),
        ({"value": math.nan, "direction": "none", "diagnostics": {}}, "`value` must be a number, or where none"),
        ({"standard_error": -1.0}, "`standard_error` must be >= 0; got -1.0"),
        ({"standard_error": math.nan}, "`standard_error` must be >= 0; got nan"),
        ({"n": 0}, "`n` must be at least 1; got 0"),
        ({"ci": (0.3, 0.2)}, r"`ci` must be a lower and an upper end, in this order; got \(0.3, 0.2\)"),
        ({"direction": "up"}, "`direction` must be one of lower, upper, consistent, none; got 'up'"),
        ({"strength": "sure"}, "`strength` must be one of expectation"),
        ({"direction": "upper", "strength": "heuristic"}, "is no upper bound"),
        ({"direction": "lower", "strength": "heuristic"}, "is no lower bound"),
        ({"ci_level": None}, "`ci` and `ci_level` come together"),
        ({"ci": None}, "`ci` and `ci_level` come together"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        dataclasses.replace(FULL, **changes)


def test_what_is_undefined_is_nan_with_its_reason():
    e = MIEstimate(value=math.nan, direction="none", diagnostics={"notes": ["infinite terms of both signs"]})
    assert e.to("bits").to_dict()["value"] == "nan"


def test_units_that_are_none():
    with pytest.raises(ParameterError, match=r"MIEstimate\.to: `units` must be one of nats, bits; got 'dits'"):
        FULL.to("dits")
