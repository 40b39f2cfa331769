"""Caps of a known release against integrals, and against the best possible attack."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infocore.errors import ParameterError, ShapeError
from mid import MIDLinearRegression
from mid.attacks.attribute import SensitiveAttribute
from mid.auditing.caps import (
    advantage_caps,
    attribute_leakage,
    fano_accuracy,
    fano_error,
    record_cap,
    release_cap,
    release_law,
)
from mid.defences.noisy import NoisyRelease


def laws(rng, m):
    """Means and noise of one scalar release, and a prior."""
    return rng.normal(scale=rng.choice([0.2, 1.0, 3.0]), size=m), rng.dirichlet(np.ones(m))


def density(z, means, sigma):
    return np.exp(-0.5 * ((z[:, None] - means) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))


@pytest.mark.parametrize("m", [2, 3, 5])
def test_no_prior_makes_information_or_success_exceed_the_caps(m):
    rng = np.random.default_rng(m)
    ratios = []
    for _ in range(100):
        means, prior = laws(rng, m)
        sigma = rng.choice([0.3, 1.0])
        z = np.linspace(means.min() - 9 * sigma, means.max() + 9 * sigma, 8001)
        p = density(z, means, sigma)
        mixture = p @ prior
        information = np.trapezoid((p * prior * np.log(np.maximum(p, 1e-300) / mixture[:, None])).sum(1), z)
        success = np.trapezoid((p * prior).max(1), z)  # the best attack there is
        mean, std = means[None, :, None], np.full((1, m, 1), sigma)
        leak, cap = attribute_leakage(mean, std)[0], advantage_caps(mean, std)[0]
        assert information <= leak + 1e-9
        assert success - prior.max() <= cap + 1e-9
        assert leak <= math.log(m) + 1e-12
        ratios.append((success - prior.max()) / cap)
    assert max(ratios) > 0.5  # the cap is not idle: for some law half of it is reached


def test_equal_prior_on_two_reaches_the_cap():
    # TV / 2 is the advantage of the best attack on two equally likely candidates
    gap = 1.3
    mean = np.array([[[0.0], [gap]]])
    success = 0.5 * (1 + math.erf(gap / (2 * math.sqrt(2))))
    cap = advantage_caps(mean, np.ones((1, 2, 1)))[0]
    pinsker = math.sqrt(attribute_leakage(mean, np.ones((1, 2, 1)))[0] / 2)
    assert success - 0.5 == pytest.approx(0.5 * math.erf(gap / (2 * math.sqrt(2))))
    assert success - 0.5 <= cap <= min(pinsker, 0.5 * math.erf(gap / (2 * math.sqrt(2)))) + 1e-12
    assert cap == pytest.approx(success - 0.5)  # reached


def test_several_queries_are_one_with_less_noise():
    mean = np.random.default_rng(0).normal(size=(5, 3, 2))
    std = np.full((5, 3, 2), 0.8)
    assert attribute_leakage(mean, std, queries=9) == pytest.approx(attribute_leakage(mean, std / 3))
    assert advantage_caps(mean, std, queries=9) == pytest.approx(advantage_caps(mean, std / 3))
    near = 0.1 * mean  # far from log 3, where every bound ends
    assert attribute_leakage(near, std, queries=9) == pytest.approx(attribute_leakage(near, std / 3))
    assert attribute_leakage(near, std, queries=9).max() < 0.2
    uneven = std.copy()
    uneven[:, 0] = 0.4  # then the bound of q draws is q times that of one
    one = attribute_leakage(mean, uneven)
    assert attribute_leakage(mean, uneven, queries=2) == pytest.approx(np.minimum(math.log(3), 2 * one))


def test_uneven_noise_is_bounded_too():
    rng = np.random.default_rng(1)
    for _ in range(60):
        means, prior = laws(rng, 2)
        sigmas = np.array([0.5, 1.5])
        z = np.linspace(means.min() - 15, means.max() + 15, 20001)
        p = density(z, means, sigmas)
        success = np.trapezoid((p * prior).max(1), z)
        mean, std = means[None, :, None], sigmas[None, :, None]
        cap = advantage_caps(mean, std)[0]
        assert success - prior.max() <= cap + 1e-9
        assert cap == pytest.approx(min(math.sqrt(attribute_leakage(mean, std)[0] / 2), 0.5))  # Pinsker's alone


def test_release_law_is_found_wherever_it_is():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=200), "s": rng.integers(0, 2, 200)})
    y = X["a"] + X["s"] + 0.1 * rng.normal(size=200)
    mid = MIDLinearRegression(0.3).fit(X, y)
    mean, std = release_law(mid, X)
    assert mean.shape == std.shape == (200, 1)
    assert std[0, 0] == mid.release_std_
    pipeline = make_pipeline(StandardScaler(), MIDLinearRegression(0.3)).fit(X, y)
    assert release_law(pipeline, X)[0].shape == (200, 1)
    assert release_law(LinearRegression().fit(X, y), X) is None
    assert release_law(MIDLinearRegression(0.3, release_as="mean").fit(X, y), X) is None
    assert release_law(MIDLinearRegression(0.0).fit(X, y), X) is None  # no noise
    noisy = NoisyRelease(LinearRegression().fit(X, y), sigma=0.5).fit(X)
    assert release_law(noisy, X)[1][0, 0] == 0.5
    assert release_law(NoisyRelease(LinearRegression().fit(X, y), sigma=0.5, release_as="mean").fit(X), X) is None


def test_certificate_holds_the_population_value():
    # 40 samples of 300 records at 90 %: the true mean of the caps may be missed by one in ten, here by none
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=20_000), "s": rng.integers(0, 3, 20_000)})
    model = MIDLinearRegression(1.0).fit(X, X["a"] * (1 + X["s"]))
    attribute = SensitiveAttribute.of(X, "s")
    whole = release_cap(model, attribute, X[["a"]], ["a", "s"], queries=1, confidence=0.9)
    truth = whole.leakage.diagnostics["mean"]
    parts = [
        release_cap(model, attribute, X[["a"]].sample(300, random_state=i), ["a", "s"], queries=1, confidence=0.9)
        for i in range(40)
    ]
    missed = sum(part.leakage.value < truth for part in parts)
    assert missed <= 8  # binomial(40, .1): P(> 8) = .015 even if the certificate were tight
    assert whole.leakage.value >= truth
    few = X[["a"]].head(300)
    sure, unsure = (release_cap(model, attribute, few, ["a", "s"], queries=1, confidence=c) for c in (0.999, 0.6))
    assert sure.leakage.value > unsure.leakage.value + 0.001  # the confidence is the certificate's, of all three
    assert sure.advantage > unsure.advantage + 0.001
    assert sure.identification > unsure.identification + 0.001
    assert whole.to_dict()["queries"] == 1
    assert (
        release_cap(LinearRegression().fit(X, X["a"]), attribute, X[["a"]], ["a", "s"], queries=1, confidence=0.9)
        is None
    )


@pytest.mark.parametrize("descending", [False, True])
def test_order_of_the_table_does_not_make_the_certificate_false(descending):
    class LeaksOfSome:
        def release_law(self, X):
            mean = 3.0 * X[["s"]].to_numpy(float) * (X[["a"]].to_numpy() > 0.5)
            return mean, np.ones_like(mean)

    X = pd.DataFrame({"a": np.arange(400) % 2, "s": np.arange(400) % 3}).sort_values("a", ascending=not descending)
    cap = release_cap(LeaksOfSome(), SensitiveAttribute.of(X, "s"), X[["a"]], ["a", "s"], queries=1, confidence=0.9)
    assert cap.leakage.diagnostics["mean"] == pytest.approx(math.log(3) / 2, abs=0.01)  # of half the records, all
    assert math.log(3) / 2 <= cap.leakage.value < 0.6 * math.log(3)


def test_record_cap_is_measured_from_a_law_that_other_records_set():
    class Shifted:
        def release_law(self, X):
            return X, np.ones_like(X)

    # from N(0, 1), which the known records set, N(x, 1) diverges by x^2 / 2
    found = record_cap(Shifted(), np.zeros((50, 1)), np.tile([[1.9], [2.1]], (50, 1)), ci_level=0.95)
    assert found.value == pytest.approx((1.9**2 + 2.1**2) / 4)


def test_fano_is_met_by_the_best_guess_on_a_symmetric_channel():
    # m candidates, the answer is right with probability 1 - e and else any other: I = log m - h(e) - e log(m - 1)
    m, e = 6, 0.4
    h = -e * math.log(e) - (1 - e) * math.log(1 - e)
    information = math.log(m) - h - e * math.log(m - 1)
    assert fano_error(math.log(m), information, m) <= e
    assert fano_error(math.log(m), information, m) == pytest.approx((h + e * math.log(5) - math.log(2)) / math.log(5))
    for candidates in (2, math.nan):
        with pytest.raises(ParameterError, match="`candidates` must be more than 2"):
            fano_error(0.6, 0.1, candidates)
    for nats in (-0.1, math.nan, math.inf):
        with pytest.raises(ParameterError, match="`entropy` must be finite and not negative"):
            fano_error(nats, 0.1, 3)
        with pytest.raises(ParameterError, match="`leakage` must be finite and not negative"):
            fano_error(0.6, nats, 3)


def test_no_guess_among_equally_likely_values_beats_fano():
    # every deterministic guesser of small random channels, tried one by one
    rng = np.random.default_rng(0)
    nearest = []
    for _ in range(60):
        m, answers = int(rng.integers(2, 5)), int(rng.integers(2, 5))
        channel = rng.dirichlet(np.full(answers, rng.choice([0.2, 1.0])), m)
        information = (channel * np.log(np.maximum(channel, 1e-300) / channel.mean(0))).sum() / m
        best = max(
            np.mean([channel[guess[a], a] for a in range(answers)]) * answers / m
            for guess in itertools.product(range(m), repeat=answers)
        )
        cap = float(fano_accuracy(information, m))
        assert best <= cap + 1e-9
        assert cap <= 1 / m + math.sqrt(information / 2) + 1e-9  # never above Pinsker's
        nearest.append((best - 1 / m) / (cap - 1 / m))
    assert max(nearest) > 0.9
    # a channel that errs evenly meets it; many candidates leave Pinsker's far behind
    m, e = 6, 0.4
    h = -e * math.log(e) - (1 - e) * math.log(1 - e)
    assert float(fano_accuracy(math.log(m) - h - e * math.log(m - 1), m)) == pytest.approx(1 - e, abs=1e-9)
    assert fano_accuracy([0.0, math.log(1000), 99.0], 1000) == pytest.approx([0.001, 1.0, 1.0], abs=1e-6)
    for nats in (-0.1, math.nan, [0.1, math.nan]):
        with pytest.raises(ParameterError, match="`leakage` must not be negative or NaN; got"):
            fano_accuracy(nats, 3)
    for candidates in (1, math.nan, math.inf):
        with pytest.raises(ParameterError, match="`candidates` must be finite and at least 2; got"):
            fano_accuracy(0.1, candidates)


@pytest.mark.parametrize("m", [2, 4, 40])
def test_identification_is_capped_where_values_are_equally_likely(m):
    rng = np.random.default_rng(m)
    X = pd.DataFrame({"a": rng.normal(size=4000), "s": np.arange(4000) % m})
    model = NoisyRelease(LinearRegression().fit(X, X["a"] + X["s"] / m), sigma=0.6).fit(X)
    attribute = SensitiveAttribute.of(X, "s")
    cap = release_cap(model, attribute, X[["a"]], ["a", "s"], queries=1, confidence=0.95)
    means = release_law(model, X)[0]
    steps = np.polyfit(X["s"], means[:, 0] - X["a"], 1)[0] * np.arange(m)
    z = np.linspace(-4, steps.max() + 4, 20_001)
    best = np.trapezoid(density(z, steps, 0.6).max(1), z) / m  # the best attack on a shift family of equal prior
    assert best <= cap.identification
    assert cap.identification <= 1 / m + cap.advantage + 1e-9
    if m == 40:  # where Fano says more than the advantage does
        assert cap.identification < 0.7 * (1 / m + cap.advantage)
    assert cap.to_dict()["identification"] == cap.identification


def test_refusals():
    with pytest.raises(ShapeError, match="of one shape"):
        attribute_leakage(np.zeros((2, 2)), np.ones((2, 2)))
    law = np.zeros((1, 2, 1)), np.ones((1, 2, 1))
    for std in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ParameterError, match="`std` must be finite and positive"):
            attribute_leakage(law[0], np.array([[[1.0], [std]]]))
    for mean in (math.nan, math.inf):
        with pytest.raises(ParameterError, match="`mean` must be finite"):
            attribute_leakage(np.array([[[0.0], [mean]]]), law[1])
    for queries in (0, math.nan):
        with pytest.raises(ParameterError, match="`queries` must be at least 1"):
            advantage_caps(*law, queries=queries)
