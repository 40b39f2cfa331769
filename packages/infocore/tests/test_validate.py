"""What comes in: every refusal, every flag, and the kind of every column."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infocore._validate import codes, generator, paired, sample
from infocore.errors import (
    DegenerateWarning,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
    TooFewSamplesError,
)

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal(400)


@pytest.mark.parametrize(
    ("values", "kind", "nominal"),
    [
        (NORMAL, "continuous", False),
        (np.where(NORMAL < 0, 0.0, NORMAL), "mixed", False),  # half of it is an atom
        (np.round(NORMAL, 1), "mixed", False),  # about 60 values
        (np.round(NORMAL), "discrete", False),
        (np.arange(400), "continuous", False),
        (NORMAL > 0, "discrete", False),
        (np.where(NORMAL > 0, "yes", "no"), "discrete", True),
        (np.array(["a", b"b"] * 200, object), "discrete", True),
        (["u", "v"] * 200, "discrete", True),
        (pd.Series(["u", "v"] * 200, dtype="category"), "discrete", True),
        (pd.Series(["u", "v"] * 200, dtype="string"), "discrete", True),
        (pd.Series([1, 2] * 200, dtype="Int64"), "discrete", False),
        (pd.Series([True, False] * 200, dtype="boolean"), "discrete", False),
        (pd.Index(range(400)), "continuous", False),
        (NORMAL.astype(np.float32), "continuous", False),
    ],
)
def test_kind_of_a_column(values, kind, nominal):
    checked = sample(values, "caller", "x")
    assert checked.values.shape == (400, 1)
    assert checked.kinds == (kind,)
    assert checked.nominal == (nominal,)
    assert checked.values.dtype in (np.float64, np.int64)


def test_many_integers_are_discrete_where_each_recurs_often():
    assert sample(np.arange(40_000) % 200, "c", "x").kinds == ("discrete",)  # 200 = root of n
    assert sample(np.arange(40_000) % 201, "c", "x").kinds == ("mixed",)


def test_columns_keep_their_names_and_their_own_kinds():
    frame = pd.DataFrame({"age": NORMAL, "sex": ["f", "m"] * 200, 7: NORMAL > 0})
    checked = sample(frame, "caller", "x")
    assert checked.names == ("age", "sex", "7")
    assert checked.kinds == ("continuous", "discrete", "discrete")
    assert checked.nominal == (False, True, False)
    np.testing.assert_array_equal(checked.values[:, 0], NORMAL)
    assert sample(np.zeros((400, 2)) + NORMAL[:, None], "c", "y").names == ("y0", "y1")
    assert sample(pd.Series(NORMAL, name="w"), "c", "y").names == ("w",)


def test_text_has_no_numbers():
    checked = sample(pd.DataFrame({"a": NORMAL, "b": ["u", "v"] * 200}), "caller", "x")
    with pytest.raises(KindError, match=r"ksg: column\(s\) b hold text"):
        checked.numbers("ksg")
    assert checked.take([0]).numbers("ksg").shape == (400, 1)


@pytest.mark.parametrize(
    ("bad", "rows"),
    [
        (np.where(np.arange(400) < 3, np.nan, NORMAL), 3),
        (np.where(np.arange(400) < 1, -np.inf, NORMAL), 1),
        (pd.Series(["a", None] * 200), 200),
        (pd.Series(["a", None] * 200, dtype="category"), 200),
        (np.array(["a", float("nan")] * 200, object), 200),
        (pd.Series([1, pd.NA] * 200, dtype="Int64"), 200),
        (pd.Series(["a", pd.NA] * 200, dtype="string"), 200),
        (pd.DataFrame({"a": [np.nan, 1.0] * 200, "b": [None, "u"] * 200}), 200),  # rows, not cells
    ],
)
def test_missing_values_are_named_with_their_rows(bad, rows):
    with pytest.raises(NonFiniteError, match=rf"who: `y` holds .* in {rows} of 400 rows"):
        paired(NORMAL, bad, "who")


def test_of_several_columns_those_with_missing_values_are_named():
    frame = pd.DataFrame({"age": NORMAL, "dose": np.where(np.arange(400) < 3, np.nan, NORMAL), "sex": ["f", "m"] * 200})
    with pytest.raises(NonFiniteError, match=r"in 3 of 400 rows \(in dose\)\. Drop"):
        paired(frame, NORMAL, "who")


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (np.zeros((400, 2, 2)), ShapeError, r"`x` must have shape .*\(400, 2, 2\)"),
        (np.float64(3.0), ShapeError, "`x` must have shape"),
        (np.zeros((400, 0)), ShapeError, "no columns"),
        ([[1.0, 2.0], [3.0]], ShapeError, "different lengths"),
        (NORMAL[:399], ShapeError, "399 and 400 rows"),
        ([], TooFewSamplesError, "`x` is empty"),
        (NORMAL + 1j, KindError, "complex128"),
        (np.array([{}, 1] * 200, object), KindError, r"objects \(dict, int\)"),
        (np.array([1, 2] * 200, object), KindError, "objects"),
        (np.array(["2020-01-01"] * 400, "datetime64[D]"), KindError, "datetime64"),
        (np.full(400, 2**60), KindError, r"beyond 2\*\*53"),
        (pd.Series(pd.date_range("2020", periods=400)), KindError, "datetime64"),
    ],
)
def test_refusals(x, error, match):
    with pytest.raises(error, match=match):
        paired(x, NORMAL, "who")


def test_what_no_array_can_be_made_of_is_refused():
    class Stubborn:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("call detach first")

    with pytest.raises(KindError, match=r"`x` cannot be read as an array: call detach"):
        paired(Stubborn(), NORMAL, "who")


def test_too_few_rows():
    with pytest.raises(TooFewSamplesError, match="at least 5 rows; got 3"):
        paired([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], "who", min_samples=5)


def test_a_constant_column_is_flagged_and_warned_of():
    x = pd.DataFrame({"a": NORMAL, "b": 1.0})
    with pytest.warns(DegenerateWarning, match="constant column b"):
        pair = paired(x, NORMAL, "who")
    assert pair.flags == ("constant column b",)
    assert pair.x.constant == (False, True)
    assert pair.x.informative().names == ("a",)
    assert pair.kinds == {"continuous"}


def test_repeated_rows_are_counted_and_not_warned_of():
    x = np.where(NORMAL < 0, 0.0, NORMAL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert paired(x, x, "who").flags == (f"{(NORMAL < 0).sum() - 1} repeated rows",)
        assert paired(x, NORMAL, "who").flags == ()


def test_nothing_is_changed_and_integers_are_not_copied_to_floats():
    x = np.arange(400) % 3
    before = x.copy()
    assert paired(x, NORMAL, "who").x.values.dtype == np.int64
    np.testing.assert_array_equal(x, before)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0.5, -1e300, 7.0])), min_size=1, max_size=30))
def test_equal_rows_have_equal_codes_and_only_those(rows):
    values = np.array(rows, np.float64)
    out, size = codes(values)
    assert out.min() >= 0 and out.max() < size
    for i in range(len(rows)):
        np.testing.assert_array_equal(out == out[i], (values == values[i]).all(1))


def test_codes_stay_small_for_many_columns():
    values = np.random.default_rng(1).integers(0, 1000, (500, 12))
    out, size = codes(values)
    assert size < 2**40
    assert len(np.unique(out)) == 500


@pytest.mark.parametrize("rng", [None, -1, 1.5, True, "0"])
def test_no_seed_no_generator(rng):
    with pytest.raises(ParameterError, match="`rng` must be a seed"):
        generator(rng, "who")


def test_a_generator_is_passed_on():
    g = np.random.default_rng(3)
    assert generator(g, "who") is g
    assert generator(np.int64(5), "who").integers(100) == np.random.default_rng(5).integers(100)
