"""z-scores and ranks against values worked out by hand, against scipy, and the intervals against the law they have."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import friedmanchisquare, zscore

from cmim.ranking import rank_models
from infocore.errors import ParameterError, ShapeError

# first row: mean 0.8, squares of the differences 0.01, 0, 0.01, so s = sqrt(0.02 / 3) and z = -+ sqrt(3 / 2)
# second row: mean 0.5, differences 0.2, -0.1, -0.1, s = sqrt(0.06 / 3) = sqrt(0.02), z = sqrt(2), -sqrt(1 / 2) twice
BY_HAND = {"first": {"a": 0.7, "b": 0.8, "c": 0.9}, "second": {"c": 0.4, "a": 0.7, "b": 0.4}}


def test_by_hand():
    got = rank_models(BY_HAND)
    assert (got.models, got.datasets) == (("a", "b", "c"), ("first", "second"))
    root = np.sqrt([1.5, 2.0, 0.5])
    assert got.z == pytest.approx([(-root[0] + root[1]) / 2, -root[2] / 2, (root[0] - root[2]) / 2], abs=1e-12)
    assert got.rank == ((3 + 1) / 2, (2 + 2.5) / 2, (1 + 2.5) / 2)
    assert got.table == ((0.7, 0.8, 0.9), (0.7, 0.4, 0.4))


@given(values=arrays(np.float64, (4, 5), elements=st.floats(0, 1, width=16)))
def test_z_against_scipy_and_ranks_against_counting(values):
    names = {"models": list("abcde"), "datasets": list("1234")}
    got = rank_models(values, n_boot=100, **names)
    alike = values.min(1) == values.max(1)
    z = np.where(alike[:, None], 0.0, zscore(values + np.where(alike[:, None], np.arange(5), 0), axis=1, ddof=0))
    assert got.z == pytest.approx(z.mean(0), abs=1e-9)
    above = (values[:, None, :] > values[:, :, None]).sum(2)
    equal = (values[:, None, :] == values[:, :, None]).sum(2)
    assert got.rank == pytest.approx((above + (equal + 1) / 2).mean(0), abs=1e-12)
    assert sum(got.z) == pytest.approx(0, abs=1e-9)
    assert sum(got.rank) == pytest.approx(5 * 6 / 2, abs=1e-9)


def test_ranks_give_friedmans_statistic():
    # 12 n / (M (M + 1)) sum_m (mean rank - (M + 1) / 2)^2, without ties
    rng = np.random.default_rng(0)
    values = rng.standard_normal((12, 4)) + np.arange(4)
    got = rank_models(values, models=list("abcd"), datasets=[str(i) for i in range(12)])
    statistic = 12 * 12 / (4 * 5) * sum((rank - 2.5) ** 2 for rank in got.rank)
    assert statistic == pytest.approx(friedmanchisquare(*values.T).statistic, abs=1e-9)


@pytest.mark.parametrize(
    ("row", "want"),
    [
        ([0.9, 0.9, 0.5, 0.1], [1.5, 1.5, 3, 4]),
        ([0.9, 0.5, 0.5, 0.5], [1, 3, 3, 3]),
        ([0.1, 0.1, 0.9, 0.9], [3.5, 3.5, 1.5, 1.5]),
        ([0.5, 0.5, 0.5, 0.5], [2.5, 2.5, 2.5, 2.5]),
    ],
)
def test_ties_share_the_mean_of_their_ranks(row, want):
    assert rank_models([row], models=list("abcd"), datasets=["only"]).rank == tuple(want)


def test_equal_models_are_zero_despite_rounding():
    assert np.std([0.1, 0.1, 0.1]) > 0  # which is why equality and not the standard deviation decides
    assert rank_models([[0.1, 0.1, 0.1]], models=list("abc"), datasets=["only"]).z == (0.0, 0.0, 0.0)
    assert rank_models([[0.0, 0.0]], models=list("ab"), datasets=["only"]).z == (0.0, 0.0)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200, 1.7e308])
def test_z_has_no_scale(scale):
    got = rank_models([[scale, -scale, 0.0]], models=list("abc"), datasets=["only"])
    assert got.z == pytest.approx((1.5**0.5, -(1.5**0.5), 0.0), abs=1e-12)


def test_one_data_set_has_no_interval_and_says_so():
    got = rank_models({"only": {"a": 0.5, "b": 1.0}})
    assert (got.z_interval, got.rank_interval, got.n_boot) == (None, None, 0)
    assert "one data set" in got.note
    assert "one data set" in got.to_markdown() and "interval)" not in got.to_markdown()
    assert got.to_dict()["models"]["a"] == {"z": -1.0, "z_interval": None, "rank": 2.0, "rank_interval": None}


def test_interval_of_two_opposite_data_sets():
    # resamples: both (probability 1/2), twice the first, twice the second (1/4 each); so means of z are -1, 0, 1
    got = rank_models({"up": {"a": 1.0, "b": 0.0}, "down": {"a": 0.0, "b": 1.0}})
    assert got.note == "" and got.n_boot == 2000
    assert got.z_interval == ((-1.0, 1.0), (-1.0, 1.0))
    assert got.rank_interval == ((1.0, 2.0), (1.0, 2.0))
    narrow = rank_models({"up": {"a": 1.0, "b": 0.0}, "down": {"a": 0.0, "b": 1.0}}, level=0.4)
    assert narrow.z_interval == ((0.0, 0.0), (0.0, 0.0))


def test_interval_has_the_bootstraps_width():
    # with two models z is +-1 and its mean over resamples a share of 40 signs: s.d. sqrt(1 - mean^2) / sqrt(40)
    sign = np.where(np.arange(40) < 30, 1.0, -1.0)
    values = np.stack([sign, -sign], 1)
    names = {"models": ["a", "b"], "datasets": [str(i) for i in range(40)]}
    got = rank_models(values, level=0.9, n_boot=20000, **names)
    half = 1.645 * np.sqrt(1 - 0.5**2) / np.sqrt(40)
    assert got.z[0] == 0.5
    assert got.z_interval is not None and got.rank_interval is not None
    assert got.z_interval[0] == pytest.approx((0.5 - half, 0.5 + half), abs=0.05)  # steps of 2 / 40
    # rank = (3 - z) / 2, resample by resample
    assert got.rank_interval[0] == pytest.approx([(3 - z) / 2 for z in got.z_interval[0][::-1]], abs=1e-9)


def test_seeds_and_generators():
    values = np.random.default_rng(5).random((9, 3))
    names = {"models": list("abc"), "datasets": [str(i) for i in range(9)]}
    assert rank_models(values, rng=3, **names) == rank_models(values, rng=np.random.default_rng(3), **names)
    assert rank_models(values, rng=3, **names) != rank_models(values, rng=4, **names)


def test_array_and_mapping_agree():
    array = [[0.7, 0.8, 0.9], [0.7, 0.4, 0.4]]
    assert rank_models(array, models=["a", "b", "c"], datasets=["first", "second"]) == rank_models(BY_HAND)


def test_json_keeps_everything():
    got = rank_models(BY_HAND, level=0.8)
    told = got.to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["table"] == BY_HAND
    assert got.z_interval is not None and got.rank_interval is not None
    for m, name in enumerate(got.models):
        assert told["models"][name] == {
            "z": got.z[m],
            "z_interval": list(got.z_interval[m]),
            "rank": got.rank[m],
            "rank_interval": list(got.rank_interval[m]),
        }
    assert (told["level"], told["n_boot"], told["note"]) == (0.8, 2000, "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.level = 0.5  # type: ignore[misc]


def test_markdown_has_the_best_first_and_the_raw_table():
    got = rank_models({"up": {"a": 1.0, "b|c": 0.5}, "down": {"a": 0.25, "b|c": 1.0}, "even": {"a": 0.5, "b|c": 0.75}})
    summary, sentence, raw = got.to_markdown().split("\n\n")[0].split("\n"), *got.to_markdown().split("\n\n")[1:]
    assert summary[0] == "| model | mean z (95% interval) | mean rank (95% interval) |"
    assert summary[2] == "| b\\|c | 0.33 (-1.00 to 1.00) | 1.33 (1.00 to 2.00) |"
    assert summary[3] == "| a | -0.33 (-1.00 to 1.00) | 1.67 (1.00 to 2.00) |"
    assert sentence == "Over 3 data sets; rank 1 is the best."
    assert raw.split("\n") == [
        "| data set | a | b\\|c |",
        "| --- | --- | --- |",
        "| up | 1.0000 | 0.5000 |",
        "| down | 0.2500 | 1.0000 |",
        "| even | 0.5000 | 0.7500 |",
        "",
    ]


def test_a_missing_model_is_named():
    with pytest.raises(ParameterError, match="lacks 'c' on 'first', 'a' on 'second'"):
        rank_models({"first": {"a": 0.1, "b": 0.2}, "second": {"b": 0.1, "c": 0.3}})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, None])
def test_what_is_not_finite_is_named(bad):
    with pytest.raises(ParameterError, match=r"'b' on 'second' \("):
        rank_models({"first": {"a": 0.1, "b": 0.2}, "second": {"a": 0.1, "b": bad}})


@pytest.mark.parametrize("bad", ["high", [0.1, 0.2]])
def test_what_is_not_a_number_is_refused(bad):
    with pytest.raises(ParameterError, match="one number per data set and model"):
        rank_models({"first": {"a": 0.1, "b": 0.2}, "second": {"a": 0.1, "b": bad}})


@pytest.mark.parametrize(
    ("table", "settings", "match"),
    [
        (BY_HAND, {"level": 1.0}, "`level`"),
        (BY_HAND, {"level": 0.0}, "`level`"),
        (BY_HAND, {"n_boot": 99}, "`n_boot` must be at least 100"),
        (BY_HAND, {"models": ["a", "b", "c"]}, "a mapping has its own"),
        (BY_HAND, {"datasets": ["a", "b"]}, "a mapping has its own"),
        ([[0.1, 0.2]], {}, "needs the names"),
        ([[0.1, 0.2]], {"models": ["a", "b"]}, "needs the names"),
        ([[0.1, 0.2]], {"datasets": ["x"]}, "needs the names"),
        ([[0.1, 0.2]], {"models": ["a", "a"], "datasets": ["x"]}, "names of models must differ"),
        ([[0.1, 0.2]] * 2, {"models": ["a", "b"], "datasets": ["x", "x"]}, "names of datasets must differ"),
        ({}, {}, "at least one data set and two models; got 0 and 0"),
        ({"only": {"a": 0.1}}, {}, "at least one data set and two models; got 1 and 1"),
    ],
)
def test_settings_out_of_range(table, settings, match):
    with pytest.raises(ParameterError, match=match):
        rank_models(table, **settings)


@pytest.mark.parametrize("table", [[[0.1, 0.2, 0.3]], [0.1, 0.2], [[0.1, 0.2]] * 2])
def test_shape_that_does_not_fit_the_names(table):
    with pytest.raises(ShapeError, match="a row for each of 1 data sets and a column for each of 2 models"):
        rank_models(table, models=["a", "b"], datasets=["x"])
