"""Variational estimates: close to closed forms and below them, on pairs that took no part, with honest errors."""

import math
import warnings

import numpy as np
import pytest
import torch

from infocore import bounds, mutual_information
from infocore.errors import (
    NonFiniteError,
    NotFittedError,
    ParameterError,
    SaturationWarning,
    ShapeError,
    TooFewSamplesError,
)
from infocore.torch import Bilinear, Joint, Separable, VariationalMI

FAST = {"max_steps": 400, "validate_every": 50}


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d)), -0.5 * d * math.log(1 - rho**2)


# n = 4000, rho .6 (I = .2231), 12 seeds: bias < .001 and s.d. .012 for the networks, -.031 and .029 for the bilinear
# critic with 400 steps; tolerance = bias + 3 s.d.
@pytest.mark.parametrize(
    ("critic", "tolerance"), [(Separable(), 0.036), (Joint(hidden=(32,)), 0.036), (Bilinear(quadratic=True), 0.12)]
)
def test_bivariate_normal(critic, tolerance):
    x, y, want = gaussian(4000, 0.6)
    e = VariationalMI(critic=critic, learning_rate=3e-3, **FAST).fit_estimate(x, y, rng=1)
    assert e.value == pytest.approx(want, abs=tolerance)
    assert (e.direction, e.strength, e.units, e.n, e.method) == ("lower", "expectation", "nats", 1000, "infonce")
    assert e.cap == pytest.approx(math.log(1000))
    assert e.ci[0] < e.value < e.ci[1]
    assert e.diagnostics["critic"]["kind"] == type(critic).__name__


# five dimensions, I = 1.116, n = 4000, 12 seeds: 1.006 to 1.107, a critic of a finite sample stays below
def test_five_dimensions_stay_below():
    x, y, want = gaussian(4000, 0.6, d=5)
    e = VariationalMI(**FAST).fit_estimate(x, y, rng=0)
    assert 0.85 * want < e.value < want + 2 * e.standard_error


# independent, n = 2000, 20 seeds: -.040 to -.004, never clipped
@pytest.mark.parametrize("seed", range(3))
def test_independent_pairs_are_not_above_zero(seed):
    x, y, _ = gaussian(2000, 0.0, d=2, seed=seed)
    e = VariationalMI(**FAST).fit_estimate(x, y, rng=seed)
    assert -0.1 < e.value < 2 * e.standard_error


@pytest.mark.parametrize("bound", ["nwj", "js", "donsker_varadhan", "smile"])
def test_other_bounds_see_the_same_information(bound):
    x, y, want = gaussian(4000, 0.8)
    e = VariationalMI(bound, **FAST).fit_estimate(x, y, rng=0)
    assert e.value == pytest.approx(want, abs=0.055)  # 12 seeds each: bias < .003, s.d. .017
    facts = bounds.BOUNDS["nwj" if bound == "js" else bound]
    assert (e.direction, e.strength, e.cap) == (facts.direction, facts.strength, None)
    assert 0 < e.standard_error < 0.2


# Trained with its own clipped partition, SMILE gave 5e5 nats in one of these seeds; with JS, .478 to .538.
def test_smile_does_not_run_away():
    values = [VariationalMI("smile", **FAST).fit_estimate(*gaussian(4000, 0.8, seed=s)[:2], rng=s) for s in range(12)]
    assert max(e.value for e in values) < 0.6


def test_parts_do_not_overlap_and_the_report_is_on_the_third(monkeypatch):
    n = 400
    x = np.arange(n, dtype=float)[:, None]
    seen = {}
    original = VariationalMI._fit

    def spy(self, a, b, train, held, rng):
        seen["train"], seen["held"] = set(a[train, 0]), set(a[held, 0])
        original(self, a, b, train, held, rng)

    def estimate(self, x, y, **settings):
        seen["test"] = set(np.asarray(x)[:, 0])
        return read(self, x, y, **settings)

    read = VariationalMI.estimate
    monkeypatch.setattr(VariationalMI, "_fit", spy)
    monkeypatch.setattr(VariationalMI, "estimate", estimate)
    e = VariationalMI(max_steps=20).fit_estimate(x, np.sin(x))
    assert (len(seen["train"]), len(seen["held"]), len(seen["test"])) == (200, 100, 100)
    assert len(set.union(*seen.values())) == n
    assert (e.diagnostics["n_train"], e.diagnostics["n_validation"], e.n) == (200, 100, 100)


# A critic that memorises: noise in 30 columns, 120 rows. On what it was trained on it "finds" nats; held out, none.
def test_memorised_pairs_do_not_count():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((240, 30)), rng.standard_normal((240, 30))
    model = VariationalMI(max_steps=300, patience=1000, learning_rate=3e-3)
    model._fit(x, y, np.arange(120), np.arange(120), 0)
    with pytest.warns(SaturationWarning):
        on_train = model.estimate(x[:120], y[:120])
    assert on_train.value > 3.0
    assert VariationalMI(max_steps=300, learning_rate=3e-3).fit_estimate(x, y).value < 0.1


def test_estimate_is_infonce_of_the_score_matrix():
    x, y, _ = gaussian(600, 0.7)
    model = VariationalMI(max_steps=50).fit(x[:400], y[:400])
    s = model.score_matrix(x[400:], y[400:])
    e = model.estimate(x[400:], y[400:], ci_level=0.95)
    assert s.shape == (200, 200)
    assert e.value == pytest.approx(float(bounds.infonce(s)), abs=1e-12)
    spread = np.std(bounds.influence(s, over="y"), ddof=1) / math.sqrt(200)
    assert e.standard_error == pytest.approx(spread, rel=1e-12)
    assert e.ci == pytest.approx((e.value - 1.959964 * spread, e.value + 1.959964 * spread), abs=1e-6)


# one critic, 200 fresh samples of 500 pairs: spread .0309, mean claim .0303; the spread of 200 is known to 5 %
def test_standard_error_is_the_spread_over_fresh_samples():
    x, y, _ = gaussian(4000, 0.7)
    model = VariationalMI(**FAST).fit(x, y)
    fresh = [model.estimate(*gaussian(500, 0.7, seed=100 + s)[:2]) for s in range(200)]
    spread = np.std([e.value for e in fresh], ddof=1)
    assert np.mean([e.standard_error for e in fresh]) == pytest.approx(spread, rel=0.2)


def test_seed_decides():
    x, y, _ = gaussian(500, 0.7)
    values = [VariationalMI(max_steps=60).fit_estimate(x, y, rng=seed).value for seed in (3, 3, 4)]
    assert values[0] == values[1] != values[2]


def test_ranks_see_through_monotone_changes_and_heavy_tails():
    x, y, want = gaussian(3000, 0.7)
    plain = VariationalMI(**FAST).fit_estimate(x, y).value
    assert VariationalMI(**FAST).fit_estimate(np.exp(3 * x), y**3).value == pytest.approx(plain, abs=1e-6)
    assert plain == pytest.approx(want, abs=0.08)


def test_saturation_is_named():
    x = np.random.default_rng(0).standard_normal((2000, 4))
    model = VariationalMI(max_steps=600, transform="standard").fit(x, x)
    with pytest.warns(SaturationWarning, match=r"VariationalMI: 3\.\d+ nats is near the ceiling log 30 = 3\.40"):
        e = model.estimate(x[:30], x[:30])
    assert e.cap == pytest.approx(math.log(30))
    assert any("near the ceiling log 30 = 3.40" in note for note in e.diagnostics["notes"])


@pytest.mark.parametrize(("bound", "near"), [("infonce", True), ("nwj", False)])
def test_a_ceiling_speaks_from_four_fifths_on(bound, near, monkeypatch):
    model = VariationalMI(bound, max_steps=5).fit(*gaussian(200, 0.5)[:2])
    said = []
    for share in (0.78, 0.82):
        # InfoNCE of `a` times the identity is log 50 plus the log of p = e^a / (e^a + 49)
        p = 50 ** (share - 1)
        scores = math.log(49 * p / (1 - p)) * np.eye(50)
        monkeypatch.setattr(model, "score_matrix", lambda x, y, scores=scores: scores)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            e = model.estimate(None, None)
        said.append([any("near the ceiling" in text for text in e.diagnostics["notes"]), bool(caught)])
        if bound == "infonce":
            assert e.value == pytest.approx(share * math.log(50))
    assert said == [[False, False], [near, near]]


def test_repr_shows_what_is_not_the_default():
    assert repr(VariationalMI()) == "VariationalMI()"
    assert repr(VariationalMI("nwj", patience=8, max_steps=5)) == "VariationalMI(bound='nwj', max_steps=5)"


def test_constant_columns_are_ignored():
    x, y, want = gaussian(3000, 0.8)
    padded = np.concatenate((x, np.zeros((3000, 2))), 1)
    for transform in ("rank", "standard"):
        e = VariationalMI(transform=transform, **FAST).fit_estimate(padded, y)
        assert e.value == pytest.approx(want, abs=0.1)


def test_front_door():
    x, y, want = gaussian(3000, 0.8)
    e = mutual_information(x, y, method="infonce", units="bits", rng=0)
    assert e.units == "bits"
    assert e.value == pytest.approx(want / math.log(2), abs=0.15)


def test_refusals():
    x, y, _ = gaussian(100, 0.5)
    with pytest.raises(NotFittedError, match="call `fit`"):
        VariationalMI().estimate(x, y)
    with pytest.raises(NotFittedError, match="call `fit`"):
        VariationalMI().score_matrix(x, y)
    with pytest.raises(ParameterError, match="`bound` must be one of infonce, infonce_anchor, nwj"):
        VariationalMI("mine").fit(x, y)
    with pytest.raises(ParameterError, match="`transform` must be 'rank' or 'standard'; got 'log'"):
        VariationalMI(transform="log").fit_estimate(x, y)
    for settings, match in (
        ({"validation_fraction": 0.0}, "`validation_fraction` must be a finite number > 0; got 0.0"),
        ({"test_fraction": 0.7}, "leave at least a tenth"),
        ({"max_steps": 0}, "VariationalMI: `max_steps` must be a whole number >= 1; got 0"),
        ({"batch_size": 1}, "`batch_size` must be a whole number >= 2; got 1"),
        ({"patience": 0}, "`patience` must be a whole number >= 1; got 0"),
        ({"learning_rate": 0.0}, "`learning_rate` must be a finite number > 0; got 0.0"),
        ({"learning_rate": math.nan}, "`learning_rate` must be a finite number > 0; got nan"),
        ({"device": "zzz"}, "`device` must be one that torch can use here, .*; got 'zzz': .*cpu, cuda"),
    ):
        with pytest.raises(ParameterError, match=match):
            VariationalMI(**settings).fit(x, y)
    with pytest.raises(TooFewSamplesError):
        VariationalMI().fit(x[:10], y[:10])
    with pytest.raises(ShapeError):
        VariationalMI().fit(x, y[:50])
    with pytest.raises(NonFiniteError, match="`x`"):
        VariationalMI().fit(np.where(x > 1, np.nan, x), y)
    model = VariationalMI(max_steps=5).fit(x, y)
    with pytest.raises(ParameterError, match="`ci_level`"):
        model.estimate(x, y, ci_level=1.5)
    with pytest.raises(ShapeError, match=r"`x` had 1 columns in `fit`; got shape \(100, 2\)"):
        model.estimate(np.hstack((x, x)), y)
    with pytest.raises(ShapeError, match="`y` had 1 columns"):
        VariationalMI(max_steps=5, transform="standard").fit(x, y).estimate(x, np.hstack((x, x)))


def test_global_stream_is_left_alone():
    x, y, _ = gaussian(100, 0.5)
    before = torch.random.get_rng_state()
    VariationalMI(max_steps=5).fit_estimate(x, y)
    assert torch.equal(torch.random.get_rng_state(), before)


# n = 4000, two seeds: 2.005 and 2.098 of 2 nats in 1 + 1 columns; 4.57 and 4.67 of 5 in 5 + 5, InfoNCE 4.41 and 4.50
def test_the_anchor_reads_the_mean_log_ratio():
    rng = np.random.default_rng(0)
    rho = math.sqrt(1 - math.exp(-2.0))
    x, noise = rng.standard_normal((2, 4000, 1))
    e = VariationalMI("infonce_anchor", max_steps=1500).fit_estimate(x, rho * x + math.sqrt(1 - rho**2) * noise, rng=0)
    assert e.value == pytest.approx(1.0, abs=0.12)
    assert (e.direction, e.strength, e.cap, e.method) == ("none", "heuristic", None, "infonce_anchor")
    independent = VariationalMI("infonce_anchor", max_steps=300).fit_estimate(x, noise, rng=0)
    assert independent.value == pytest.approx(0.0, abs=0.05)
