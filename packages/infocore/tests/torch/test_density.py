"""Conditional densities as critics: exact channels, naive loops, quadrature, and no bound where none is known."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm

from infocore.errors import KindError, NonFiniteError, NotFittedError, ParameterError, ShapeError
from infocore.testing import parametrize_with_checks
from infocore.torch.density import DensityMI, MixtureDensity, _of_scores, known_channel
from infocore.torch.held_out import Training

SHORT = Training(max_steps=150, validate_every=25)


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d)), -0.5 * d * math.log(1 - rho**2)


def channel(rho):
    return lambda x, y: norm.logpdf(y.T, rho * x, math.sqrt(1 - rho**2))


SMALL = {"hidden": (16,), "margin_components": 2, "training": Training(max_steps=50, batch_size=128)}


@parametrize_with_checks([DensityMI(**SMALL), DensityMI("club", **SMALL)])
def test_contract(estimator, check):
    check(estimator)


# Of a normal channel CLUB is rho^2 / (1 - rho^2) exactly: half of (1 + rho^2) / (1 - rho^2) - 1. n = 2000, 8 seeds:
# bias -.029, s.d. .025 of 1.778. Leave-one-out: bias -.009, s.d. .007 of .511 (the information itself).
@pytest.mark.parametrize(("reading", "want", "tolerance"), [("club", 0.64 / 0.36, 0.11), ("l1out", 0.5108, 0.03)])
def test_known_channel_has_the_closed_form(reading, want, tolerance):
    x, y, _ = gaussian(2000, 0.8)
    e = known_channel(x, y, channel(0.8), reading=reading)
    assert e.value == pytest.approx(want, abs=tolerance)
    assert (e.direction, e.strength, e.n) == ("upper", "expectation", 2000)
    assert e.ci[0] < e.value < e.ci[1]


# n = 50 over 400 samples, mean and its error: l1out .524 and .006, club 1.763 and .021; the information is .511
@pytest.mark.parametrize("reading", ["club", "l1out"])
def test_known_channel_is_above_in_expectation_and_its_error_is_the_spread(reading):
    found = [known_channel(*gaussian(50, 0.8, seed=s)[:2], channel(0.8), reading=reading) for s in range(400)]
    values = np.array([e.value for e in found])
    assert values.mean() > 0.5108 - 2 * values.std() / 20
    # ratio of the mean standard error to the spread: .94 for club, 1.01 for l1out
    assert np.mean([e.standard_error for e in found]) / values.std() == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("reading", ["club", "l1out"])
def test_readings_against_naive_loops(reading):
    s = np.random.default_rng(0).normal(size=(7, 7))
    total = 0.0
    for i in range(7):
        others = [s[k, i] for k in range(7) if k != i]
        total += s[i, i] - (np.mean(others) if reading == "club" else math.log(np.mean(np.exp(others))))
    if reading == "club":  # the mean over all others of all rows is the same number
        assert total / 7 == pytest.approx(s.trace() / 7 - (s.sum() - s.trace()) / 42)
    found = _of_scores(s, reading, {})
    assert found.value == pytest.approx(total / 7)
    assert (found.direction, found.strength) == ("none", "heuristic")


@pytest.mark.parametrize("reading", ["club", "l1out"])
def test_influence_is_what_leaving_a_row_out_changes(reading):
    s = np.random.default_rng(0).normal(size=(60, 60))
    influence = _of_scores(s, reading, {}).influence
    # correlation with the jackknife above .9999 and slopes within .002 of 1 for both
    assert np.corrcoef(influence, _jackknife(s, reading))[0, 1] > 0.98
    assert influence.std() == pytest.approx(_jackknife(s, reading).std(), rel=0.1)


def _jackknife(s, reading):
    n = len(s)
    whole = _of_scores(s, reading, {}).value
    left = [_of_scores(np.delete(np.delete(s, i, 0), i, 1), reading, {}).value for i in range(n)]
    d = (n - 1) * (whole - np.array(left))
    return d - d.mean()


def test_mixture_is_the_density_it_says():
    model = MixtureDensity(2, 1, (8,), 3, (-6.0, 2.0), torch.Generator().manual_seed(0)).double()
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grid = torch.linspace(-25, 25, 20001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        every = model.all_pairs(x, grid)
        assert torch.exp(every).sum(1).mul(50 / 20000).tolist() == pytest.approx([1.0] * 4, abs=1e-8)
        y = torch.tensor([[0.1], [1.0], [-1.0], [0.0]], dtype=torch.float64)
        assert model.log_prob(x, y).tolist() == pytest.approx(model.all_pairs(x, y).diagonal().tolist(), abs=1e-12)


def test_one_component_is_a_normal_law_with_correlated_noise():
    model = MixtureDensity(1, 2, (), 1, (-6.0, 2.0), torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        model.mix[1, 0] = 0.7
        x = torch.tensor([[0.3]], dtype=torch.float64)
        _, mean, variance = (a[0] for a in model.laws(x))
        solved = np.linalg.inv(np.array([[1.0, 0.0], [0.7, 1.0]]))
        law = multivariate_normal(solved @ mean[0].numpy(), solved @ np.diag(variance[0].exp().numpy()) @ solved.T)
        y = np.array([0.4, -1.1])
        assert float(model.log_prob(x, torch.tensor(y[None]))) == pytest.approx(law.logpdf(y), abs=1e-12)


def test_log_variance_stays_inside_and_starts_at_one():
    model = MixtureDensity(1, 1, (), 1, (-6.0, 2.0), torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.net[0].weight.zero_()
        model.net[0].bias.zero_()
        assert float(model.laws(torch.zeros(1, 1))[2]) == pytest.approx(0.0, abs=1e-6)
        model.net[0].bias[2] = -1e4
        assert float(model.laws(torch.zeros(1, 1))[2]) == pytest.approx(-6.0)
        model.net[0].bias[2] = 1e4
        assert float(model.laws(torch.zeros(1, 1))[2]) == pytest.approx(2.0)


# rho .8, n = 2000, 8 seeds of 150 steps, 600 rows reported on: known entropy -.003 / .027 (bias / s.d.), estimated
# -.002 / .025, l1out .000 / .024; club .029 / .075 of 1.778, far above the information .511
@pytest.mark.parametrize(
    ("settings", "want", "tolerance"),
    [
        ({"entropy": 0.5 * math.log(2 * math.pi * math.e)}, 0.5108, 0.085),
        ({}, 0.5108, 0.08),
        ({"reading": "l1out"}, 0.5108, 0.075),
        ({"reading": "club"}, 0.64 / 0.36, 0.26),
    ],
)
def test_fitted_to_a_normal_law(settings, want, tolerance):
    x, y, _ = gaussian(2000, 0.8)
    e = DensityMI(training=SHORT, **settings).fit_estimate(x, y, rng=0)
    assert e.value == pytest.approx(want, abs=tolerance)
    known = "entropy" in settings
    assert (e.direction, e.strength) == (("lower", "expectation") if known else ("none", "heuristic"))
    assert e.n == 600
    assert e.diagnostics["likelihood_gain"] > 10 * e.diagnostics["likelihood_gain_error"]
    assert e.diagnostics["at_floor"] == 0.0


def test_known_entropy_is_that_of_the_units_given():
    x, y, _ = gaussian(1000, 0.8)
    h = 0.5 * math.log(2 * math.pi * math.e)
    one = DensityMI(entropy=h, training=SHORT).fit_estimate(x, y)
    other = DensityMI(entropy=h + math.log(100), training=SHORT).fit_estimate(x, 100 * y + 7)
    assert other.value == pytest.approx(one.value, abs=1e-3)


# y = +-x at random, I = .731 by quadrature; one normal law sees .32 to .38 (its variance), two .53 to .72 (4 seeds)
def test_a_mixture_sees_what_one_normal_law_cannot():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2000)
    y = x * rng.choice([-1, 1], 2000) + 0.3 * rng.standard_normal(2000)
    one, two = (DensityMI(components=c, training=Training(max_steps=400)).fit_estimate(x, y).value for c in (1, 2))
    assert two > one + 0.1


def test_independent_sides_are_said_to_give_nothing():
    x, y, _ = gaussian(1000, 0.0)
    e = DensityMI("club", training=SHORT).fit_estimate(x, y)
    assert e.diagnostics["likelihood_gain"] < 3 * e.diagnostics["likelihood_gain_error"] + 0.01
    assert e.direction == "none"


def test_rows_reported_on_took_no_part(monkeypatch):
    seen = {}
    learn, read = DensityMI.learn, DensityMI.read

    def spy_learn(self, pair, train, held, rng):
        seen["fit"] = set(pair.x.values[train, 0]) | set(pair.x.values[held, 0])
        seen["parts"] = len(train), len(held), len(seen["fit"])
        return learn(self, pair, train, held, rng)

    def spy_read(self, pair):
        seen["read"] = set(pair.x.values[:, 0])
        return read(self, pair)

    monkeypatch.setattr(DensityMI, "learn", spy_learn)
    monkeypatch.setattr(DensityMI, "read", spy_read)
    x, y, _ = gaussian(400, 0.5)
    DensityMI(training=Training(max_steps=20)).fit_estimate(x, y)
    assert seen["parts"] == (200, 80, 280)
    assert len(seen["read"]) == 120
    assert not seen["read"] & seen["fit"]


def test_text_in_x_and_constant_columns():
    rng = np.random.default_rng(0)
    code = rng.integers(3, size=900)
    y = np.stack([code + 0.3 * rng.standard_normal(900), np.full(900, 2.0)], axis=1)
    e = DensityMI(training=SHORT).fit_estimate(np.array(["a", "b", "c"])[code], y)
    # .936 by quadrature; 6 seeds: .83 to .89, for the margin has three peaks and 150 steps do not part them
    assert 0.75 < e.value < 1.0
    nothing = DensityMI(training=SHORT).fit_estimate(np.zeros(100), rng.standard_normal(100))
    assert (nothing.value, nothing.standard_error, nothing.direction) == (0.0, 0.0, "none")


@pytest.mark.unchecked
def test_an_entropy_in_words_is_refused():
    with pytest.raises(ParameterError, match=r"`entropy` must be a finite number, in nats, .*; got 'a'"):
        DensityMI(entropy="a").fit(*gaussian(100, 0.5)[:2])


def test_refusals():
    x, y, _ = gaussian(100, 0.5)
    with pytest.raises(ParameterError, match="`reading`"):
        DensityMI("upper").fit(x, y)
    with pytest.raises(ParameterError, match="`components`"):
        DensityMI(components=0).fit(x, y)
    with pytest.raises(ParameterError, match="`log_variance`"):
        DensityMI(log_variance=(1.0, 2.0)).fit(x, y)
    with pytest.raises(ParameterError, match="`entropy`"):
        DensityMI("club", entropy=1.0).fit(x, y)
    for settings, match in (
        ({"test_fraction": 0.8}, "DensityMI: `validation_fraction` and `test_fraction` must leave"),
        ({"max_steps": 0}, "DensityMI: `max_steps` must be a whole number >= 1; got 0"),
        ({"learning_rate": -1.0}, "`learning_rate` must be a finite number > 0; got -1.0"),
        ({"weight_decay": -1.0}, "`weight_decay` must be a finite number >= 0; got -1.0"),
        ({"device": "zzz"}, "`device` must be one that torch can use here"),
    ):
        with pytest.raises(ParameterError, match=match):
            DensityMI(training=Training(**settings)).fit(x, y)
    with pytest.raises(ParameterError, match=r"`hidden` must hold whole numbers >= 1, .*; got \(0,\)"):
        DensityMI(hidden=(0,)).fit(x, y)
    with pytest.raises(KindError, match="no density"):
        DensityMI().fit(x, np.arange(100) % 3)
    with pytest.raises(NotFittedError, match="fit_estimate"):
        DensityMI().estimate(x, y)
    fitted = DensityMI(training=Training(max_steps=5)).fit(x, y)
    with pytest.raises(ShapeError, match="1 columns"):
        fitted.estimate(x, np.concatenate([y, y], axis=1))
    with pytest.raises(ParameterError, match="`reading`"):
        known_channel(x, y, channel(0.5), reading="barber-agakov")
    with pytest.raises(ShapeError, match="`log_density`"):
        known_channel(x, y, lambda a, b: a)
    with pytest.raises(NonFiniteError, match="`log_density`"):
        known_channel(x, y, lambda a, b: np.full((100, 100), -np.inf))
