"""What comes in: every method names the argument and the fault, and none guesses."""

import datetime
import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from infocore.api import METHODS, mutual_information
from infocore.errors import InfoError, KindError, NonFiniteError, ShapeError, TooFewSamplesError

from .fit_free import FIT_FREE

N = 60
OK = np.random.default_rng(0).standard_normal(N)
BAD = {
    "NaN": (np.where(np.arange(N) < 3, np.nan, OK), NonFiniteError, "3 of 60 rows"),
    "infinity": (np.where(np.arange(N) < 2, np.inf, OK), NonFiniteError, "2 of 60 rows"),
    "None in text": (pd.Series(["a", None, "b"] * 20), NonFiniteError, "20 of 60 rows"),
    "missing integer": (pd.Series([1, pd.NA, 2] * 20, dtype="Int64"), NonFiniteError, "20 of 60 rows"),
    "lengths differ": (OK[:-1], ShapeError, "59 and 60 rows|60 and 59 rows"),
    "three axes": (OK.reshape(N, 1, 1), ShapeError, r"\(60, 1, 1\)"),
    "a number": (3.0, ShapeError, r"got \(\)"),
    "no columns": (np.empty((N, 0)), ShapeError, "no columns"),
    "ragged": ([[1.0], [1.0, 2.0]] * 30, ShapeError, "different lengths"),
    "empty": ([], TooFewSamplesError, "empty"),
    "complex": (OK + 1j, KindError, "complex"),
    "dates": (np.datetime64("2020-01-01") + np.arange(N), KindError, "datetime64"),
    "durations": (np.arange(N).astype("timedelta64[s]"), KindError, "timedelta64"),
    "dates of Python": (np.array([datetime.date(2020, 1, 1)] * N), KindError, r"objects \(date\)"),
    "objects": (np.array([{}] * N), KindError, r"objects \(dict\)"),
    "numbers as objects": (np.array([1, 2.5] * 30, object), KindError, r"objects \(float, int\)"),
    "huge integers": (2**60 + np.arange(N), KindError, r"2\*\*53"),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("method", METHODS)
def test_bad_input_is_named(method, fault):
    bad, error, words = BAD[fault]
    for name, pair in (("x", (bad, OK)), ("y", (OK, bad))):
        with pytest.raises(error, match=words) as caught:
            mutual_information(*pair, method=method)
        assert f"`{name}`" in str(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_are_refused_or_counted(method, rows):
    x, y = np.arange(rows) + 0.5, np.arange(rows)[::-1] + 0.5
    if method == "discrete" and rows > 1:
        labels = np.array(["a", "b", "c"])[:rows]
        assert mutual_information(labels, labels, method=method).n == rows  # two rows can be counted
        return
    with pytest.raises(TooFewSamplesError, match=rf"at least \d+ rows; got {rows}"):
        mutual_information(x, y, method=method)


@pytest.mark.parametrize("method", FIT_FREE)
def test_text_is_read_or_refused_by_name(method):
    text, number = np.array(["a", "b", "c"] * 20), OK
    takes = method in ("auto", "mixed", "ross", "histogram")
    if takes:
        assert math.isfinite(FIT_FREE[method].fit_estimate(text, number).value)
    elif method == "discrete":
        assert FIT_FREE[method].fit_estimate(text, text).value == pytest.approx(math.log(3), abs=0.03)
    else:
        with pytest.raises(KindError, match=r"column\(s\) x hold text"):
            FIT_FREE[method].fit_estimate(text, number)


LEGAL = {
    "both constant": (np.ones(N), np.ones(N)),
    "one constant": (np.ones(N), OK),
    "every row five times": (np.repeat(OK[:12], 5), np.repeat(OK[12:24], 5)),
    "rounded": (np.round(OK, 1), np.round(OK[::-1], 1)),
    "two values": (OK > 0, OK[::-1] > 0),
    "one row differs": (np.arange(N) == 0, OK),
    "one row differs on both sides": (np.arange(N) == 0, np.arange(N) == 0),
    "huge": (1e300 * OK, 1e300 * OK[::-1]),
    "largest": (np.where(OK > 0, 1.7e308, -1.7e308), OK),
    "tiny": (1e-300 * OK, 1e-300 * OK[::-1]),
    "below normal": (1e-320 * OK, OK[::-1]),
    "far from zero": (1e15 + OK, OK[::-1]),
    "float16": (OK.astype(np.float16), OK[::-1].astype(np.float16)),
    "int8": ((10 * OK).astype(np.int8), (np.arange(N) % 3).astype(np.int8)),
    "copy": (OK, OK),
    "sorted": (np.sort(OK), np.sort(OK)[::-1]),
    "atom": (np.maximum(OK, 0), np.maximum(OK, 0)),
    "a row twice": (np.append(OK[:-1], OK[0]), np.append(OK[::-1][:-1], OK[-1])),
    "labels that never recur": (np.arange(N).astype(str), OK),
    "five rows": (OK[:5], OK[5:10]),
    "more columns than rows": (np.outer(OK, OK) + OK[::-1, None] * np.arange(N), OK),
    "columns that repeat": (np.stack([OK, OK, 2 * OK], axis=1), np.stack([OK[::-1]] * 2, axis=1)),
}


@pytest.mark.parametrize("case", LEGAL)
@pytest.mark.parametrize("method", FIT_FREE)
def test_odd_input_gives_a_number_or_says_why_not(method, case):
    x, y = LEGAL[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # numpy's: something overflowed or was divided by zero
        warnings.simplefilter("ignore", UserWarning)
        try:
            e = FIT_FREE[method].fit_estimate(x, y)
        except InfoError as error:
            e, refused = None, str(error)
        else:
            refused = ""
    if e is None:
        assert re.search("rows|columns|repeats|occurs twice|coincide|hold text|alone in its class", refused)
        return
    assert not np.isnan([e.value, e.standard_error, *e.ci]).any()
    assert e.value < math.inf or any("infinite" in note for note in e.diagnostics["notes"])
    if "constant" in case:
        assert e.value == 0.0
        assert any("constant column" in flag for flag in e.diagnostics["flags"])
