"""What is refused is named: who refuses, which argument or column, what was expected and what came."""

import functools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.feature_selection import SelectKBest

from infocore._validate import paired
from infocore.api import feature_scores, mutual_information
from infocore.certificates import held_out_scores, lower_bound
from infocore.config import resolve
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError
from infocore.estimators import (
    KSG,
    LNC,
    AutoMI,
    GaussianMI,
    KozachenkoLeonenkoMI,
    MixedKSG,
    RossMI,
    SlicedMI,
    TCopulaMI,
    kl_entropy,
    ksg_values,
)
from infocore.intervals import (
    block_ids,
    permutation_test,
    stationary_bootstrap_interval,
    subsampling_interval,
)
from infocore.multivariate import Neighbours, total_correlation
from infocore.result import MIEstimate

X, Y = np.random.default_rng(0).standard_normal((2, 100))


def share(x, y):
    """An estimator as a plain function of the data: the square of the correlation."""
    return float(np.corrcoef(x, y)[0, 1] ** 2)


@pytest.mark.parametrize(
    ("column", "error", "match"),
    [
        (pd.date_range("2020", periods=100), KindError, "who: column `when` of `x` must hold .* datetime64"),
        ([{}] * 100, KindError, r"who: column `when` of `x` is an array of objects \(dict\)"),
        (np.full(100, 2**60), KindError, r"who: column `when` of `x` holds integers beyond 2\*\*53"),
    ],
)
def test_a_column_of_no_use_is_named(column, error, match):
    with pytest.raises(error, match=match):
        paired(pd.DataFrame({"age": X, "when": column}), Y, "who")


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (scipy.sparse.eye_array(100, format="csr"), "csr_array"),
        ({"a": X}, "dict"),
        ({1, 2}, "set"),
        ((v for v in X), "generator"),
    ],
)
def test_what_is_no_array_is_named(x, kind):
    with pytest.raises(ShapeError, match=rf"`x` must have shape .* got \(\)\. It is one {kind}, not an array"):
        GaussianMI().estimate(x, Y)


@pytest.mark.parametrize("values", [[True, None] * 50, [None] * 100, ["u", None] * 50, [True, np.nan] * 50])
def test_holes_among_objects_are_counted(values):
    bad = np.array(values, object)
    with pytest.raises(NonFiniteError, match=rf"`y` holds .* in {sum(v is not True and v != 'u' for v in values)} of"):
        GaussianMI().estimate(X, bad)
    with pytest.raises(KindError, match=r"objects \(bool\)"):
        GaussianMI().estimate(X, np.array([True, False] * 50, object))


@pytest.mark.parametrize(
    ("blocks", "missing"),
    [
        (np.where(X > 0, np.nan, 1.0), (X > 0).sum()),
        (pd.Series([None, "a", "b", "a"] * 25), 25),
        (["a", float("nan"), "b", "a"] * 25, 25),
        (pd.Series([1, pd.NA] * 50, dtype="Int64"), 50),
        (pd.Series([pd.NaT, pd.Timestamp("2020")] * 50), 50),
        (pd.Series([pd.NaT, "a"] * 50, dtype=object), 50),
        (pd.Categorical([None, "a", "b", "a"] * 25), 25),
    ],
)
def test_rows_without_a_label_are_counted(blocks, missing):
    with pytest.raises(NonFiniteError, match=rf"gaussian: `blocks` has no label for {missing} of 100 rows"):
        GaussianMI().estimate(X, Y, blocks=blocks)


def test_labels_of_two_sorts():
    with pytest.raises(ParameterError, match="`blocks` must hold labels of one sort"):
        block_ids([1, "a"] * 50, 100, "who")
    assert block_ids([2.5, 1, 2.5], 3, "who").tolist() == [1, 0, 1]


@pytest.mark.parametrize("level", ["90", None, float("nan"), [0.9]])
def test_levels_that_are_none(level):
    with pytest.raises(ParameterError, match="`ci_level` must be between 0 and 1"):
        mutual_information(X, Y, ci_level=level)


@pytest.mark.parametrize("k", ["3", True, 1.5, float("nan"), float("inf"), None, 0])
@pytest.mark.parametrize("make", [KSG, LNC, KozachenkoLeonenkoMI, MixedKSG])
def test_neighbours_that_are_none(make, k):
    with pytest.raises(ParameterError, match=r"`k` must be a whole number >= 1; got "):
        make(k=k).estimate(X, Y)


WORKERS = {
    "auto": lambda w: AutoMI(fast=True, workers=w).estimate(X, Y),
    "ksg": lambda w: KSG(workers=w).estimate(X, Y),
    "mixed": lambda w: MixedKSG(workers=w).estimate(X, Y),
    "ross": lambda w: RossMI(workers=w).estimate(X, np.arange(100) % 3),
    "total_correlation": lambda w: total_correlation(np.stack([X, Y, X + Y**2], axis=1), method=Neighbours(workers=w)),
    "lnc": lambda w: LNC(workers=w).estimate(X, Y),
    "kozachenko-leonenko": lambda w: KozachenkoLeonenkoMI(workers=w).estimate(X, Y),
    "kl_entropy": lambda w: kl_entropy(X, workers=w),
    "ksg_values": lambda w: ksg_values(X, Y, [3], workers=w),
}


@pytest.mark.parametrize("workers", [0, -2, "all", 1.5, None, True])
@pytest.mark.parametrize("name", WORKERS)
def test_workers_that_are_none(name, workers):
    with pytest.raises(ParameterError, match=f"{name}: `workers` must be at least 1, or -1; got "):
        WORKERS[name](workers)
    WORKERS[name](-1)
    WORKERS[name](np.int64(2))


@pytest.mark.parametrize("dof", [-1, 0, float("nan"), "3"])
def test_degrees_of_freedom_that_are_none(dof):
    with pytest.raises(ParameterError, match="t-copula: `dof` must be above 0, or None to be fitted; got "):
        TCopulaMI(dof=dof).estimate(X, Y)
    assert TCopulaMI(dof=4).estimate(X, Y).diagnostics["dof"] == 4


CALLS = {
    "permutation_test": lambda e: permutation_test(X, Y, e, n=19),
    "subsampling_interval": lambda e: subsampling_interval(X, Y, e, repetitions=10),
    "stationary_bootstrap_interval": lambda e: stationary_bootstrap_interval(X, Y, e, repetitions=10),
}


@pytest.mark.parametrize("caller", CALLS)
def test_functions_are_estimators_and_names_are_not(caller):
    for none in ("ksg", None, GaussianMI):
        with pytest.raises(ParameterError, match=f"{caller}: `estimator` must be an estimator, such as KSG"):
            CALLS[caller](none)

    class Share:
        def fit_estimate(self, x, y, rng=0):
            return MIEstimate(value=share(x, y))

    def in_bits(x, y):
        return MIEstimate(value=share(x, y)).to("bits")

    want = CALLS[caller](Share())
    for function in (share, in_bits):
        got = CALLS[caller](function)
        if caller == "permutation_test":
            assert got.p_value == want.p_value
            np.testing.assert_allclose(got.null, want.null)
            got, want_value = got.estimate, want.estimate.value
        else:
            assert got.ci == pytest.approx(want.ci)
            want_value = want.value
        assert got.value == pytest.approx(want_value)
    named = CALLS[caller](share)
    assert getattr(named, "estimate", named).method == "share"


@pytest.mark.parametrize("setting", [{"n": 1.5}, {"n": "9"}, {"stop_after": 2.5}])
def test_shuffles_are_whole(setting):
    with pytest.raises(ParameterError, match=f"`{next(iter(setting))}` must be a whole number, at least 1; got "):
        permutation_test(X, Y, GaussianMI(), **setting)


@pytest.mark.parametrize("estimator", [KSG(), SlicedMI(), AutoMI(), AutoMI(fast=True), SlicedMI(estimator=MixedKSG())])
def test_the_bootstrap_takes_nothing_that_looks_at_neighbours(estimator):
    with pytest.raises(ParameterError, match=r"looks at neighbours.* use subsampling_interval.*or `blocks` where"):
        stationary_bootstrap_interval(X, Y, estimator)
    # what is sliced by a method without neighbours has none
    shadows = SlicedMI(estimator=GaussianMI(), projections=2)
    assert stationary_bootstrap_interval(X, Y, shadows, length=2, repetitions=10).method == "sliced gaussian"


@pytest.mark.parametrize("clip", [None, 3.0, (1.0, 2.0, 3.0), "ab", ("0", "1"), (0.0, None)])
def test_clips_that_are_none(clip):
    with pytest.raises(ParameterError, match=r"lower_bound: `clip` must be "):
        lower_bound(X, Y, clip=clip)


def test_the_power_that_nwj_takes_has_an_end():
    with pytest.raises(ParameterError, match=r'with bound="nwj" the upper end of `clip` must be at most 709.*got 800'):
        lower_bound(X, Y, clip=(-800, 800), bound="nwj")
    assert np.isfinite(lower_bound(X, Y, clip=(-800, 709), bound="nwj").value)
    assert np.isfinite(lower_bound(X, Y, clip=(-800, 800)).value)


def test_a_critic_is_a_function():
    with pytest.raises(ParameterError, match="`critic` must be a function of x and y; got 'x'"):
        held_out_scores("x", X, Y)


def test_a_setting_of_the_command_says_what_came():
    with pytest.raises(ParameterError, match="units: Input should be 'nats' or 'bits'; got 'bit'"):
        resolve({}, {"data": "d.csv", "x": ["a"], "y": ["b"], "units": "bit"})
    with pytest.raises(ParameterError, match=r"x: Field required$"):
        resolve({}, {"data": "d.csv", "y": ["b"]})


def test_an_estimator_with_settings_stands_for_a_method():
    e = mutual_information(X, Y, method=KSG(k=5), units="bits", ci_level=0.5, blocks=10)
    want = KSG(k=5).estimate(X, Y, ci_level=0.5, blocks=10).to("bits")
    assert (e.value, e.ci, e.method) == (want.value, want.ci, "ksg")
    assert e.value != mutual_information(X, Y, method="ksg", units="bits").value
    features = np.stack([Y, X + Y, 2 * Y - X], axis=1)
    score = functools.partial(feature_scores, method=KSG(k=5))
    kept = SelectKBest(score, k=2).fit(features, X)
    assert kept.get_support().tolist() == [False, True, True]
    np.testing.assert_array_equal(kept.scores_, [KSG(k=5).estimate(f, X).value for f in features.T])
    fast = feature_scores(features[:, :1], X, method=AutoMI(fast=True))
    assert fast[0] == mutual_information(features[:, 0], X, fast=True).value


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": KSG}, r"`method` must be one of auto, .*or an estimator such as KSG\(k=5\); got <class"),
        ({"method": share}, "or an estimator"),
        ({"method": None}, "or an estimator"),
        ({"method": KSG(), "fast": True}, '`fast` is for method="auto"; got it with KSG'),
        ({"method": KSG(), "progress": True}, "`progress` is for methods by name; give it to the estimator, KSG"),
        ({"method": SlicedMI(), "blocks": 10}, r"`blocks` is not offered with method=SlicedMI\("),
    ],
)
def test_estimators_that_are_none_or_cannot(options, match):
    with pytest.raises(ParameterError, match=match):
        mutual_information(X, Y, **options)
