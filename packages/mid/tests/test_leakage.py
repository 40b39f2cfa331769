import json
import math

import numpy as np
import pytest
from scipy import integrate, stats

from infocore import bounds
from infocore.errors import NonFiniteError, ParameterError, SaturationWarning, ShapeError, TooFewSamplesError
from mid import LeakageAudit, leakage_lower_bound, leakage_upper_bound


def gaussian_pairs(n, rho, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)


def log_ratio(x, y, rho):
    """log p(y|x) / p(y) of the bivariate normal: the best critic there is."""
    return stats.norm.logpdf(y[None, :], rho * x[:, None], math.sqrt(1 - rho**2)) - stats.norm.logpdf(y)[None, :]


def test_lower_bound_is_infocores_number():
    scores = np.random.default_rng(0).standard_normal((40, 40)) + 3 * np.eye(40)
    estimate = leakage_lower_bound(scores)
    # second implementation, written out
    want = np.mean([s[i] - math.log(np.mean(np.exp(s))) for i, s in enumerate(scores)])
    assert estimate.value == pytest.approx(want, abs=1e-12)
    assert (estimate.direction, estimate.strength, estimate.n) == ("lower", "expectation", 40)
    assert estimate.cap == pytest.approx(math.log(40))


@pytest.mark.parametrize("name", ["infonce", "influence"])
def test_breaking_infocore_breaks_the_audit(monkeypatch, name):
    def broken(*args, **kwargs):
        raise ZeroDivisionError(name)

    monkeypatch.setattr(bounds, name, broken)
    with pytest.raises(ZeroDivisionError, match=name):
        leakage_lower_bound(np.eye(5))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_best_critic_finds_the_information_and_its_error(rho):
    true = -0.5 * math.log(1 - rho**2)
    estimates = [leakage_lower_bound(log_ratio(*gaussian_pairs(500, rho, s), rho)) for s in range(40)]
    values = np.array([e.value for e in estimates])
    # InfoNCE with K = 500 lies below by about (chi-square of the ratio) / 2K <= 0.01 at rho = 0.9
    assert values.mean() == pytest.approx(true, abs=0.012 + 3 * values.std() / math.sqrt(40))
    if rho > 0:  # 40 seeds: the s.d. itself is known to 11 %; tolerance 3 of those
        assert np.mean([e.standard_error for e in estimates]) == pytest.approx(values.std(ddof=1), rel=0.35)
        covered = np.mean([e.ci[0] <= true <= e.ci[1] for e in estimates])
        assert covered >= 0.75  # 90 % nominal, 40 seeds: s.d. 4.7 points


def test_interval_has_its_level():
    estimate = leakage_lower_bound(log_ratio(*gaussian_pairs(200, 0.5, 0), 0.5), ci_level=0.95)
    half = 1.959964 * estimate.standard_error
    assert estimate.ci == pytest.approx((estimate.value - half, estimate.value + half), abs=1e-6)


def test_a_bound_at_its_ceiling_says_so():
    with pytest.warns(SaturationWarning, match="log 30"):
        estimate = leakage_lower_bound(50.0 * np.eye(30))
    assert estimate.diagnostics["saturated"]
    assert "may be far larger" in str(LeakageAudit(estimate, None, "logits"))


def test_upper_bound_is_a_mean_with_its_error():
    # truth by integration: E KL(N(x, 0.25) || N(0, 1)) over x ~ U(0, 1)
    want = integrate.quad(lambda x: -0.5 * (1 + math.log(0.25) - x**2 - 0.25), 0, 1)[0]
    x = (np.arange(2000) + 0.5) / 2000
    estimate = leakage_upper_bound(-0.5 * (1 + math.log(0.25) - x**2 - 0.25))
    assert estimate.value == pytest.approx(want, abs=1e-6)
    assert estimate.standard_error == pytest.approx(
        0.5 * math.sqrt(4 / 45) / math.sqrt(2000), rel=1e-3
    )  # var x^2: 4/45
    assert estimate.direction == "upper"


def test_audit_in_words_and_in_json():
    lower = leakage_lower_bound(log_ratio(*gaussian_pairs(100, 0.5, 0), 0.5))
    audit = LeakageAudit(lower, leakage_upper_bound([2.0, 4.0]), "logits")
    text = str(audit)
    assert f"At least {lower.value:.2f} nats" in text
    assert "At most 3.00 nats" in text
    assert "I(X; Z)" in text
    assert "log 100 = 4.61" in text
    assert "mutual information" not in text
    upper = leakage_upper_bound([2.0, 4.0], queries=16)
    assert (upper.value, upper.standard_error) == pytest.approx((48.0, 16.0))
    assert "At most 48.00 nats (s.e. 16.00) pass the bottleneck in 16 draws" in str(
        LeakageAudit(lower, upper, "logits", queries=16)
    )
    assert "No upper bound" in str(LeakageAudit(lower, None, "logits", access="mean"))
    assert json.loads(json.dumps(audit.to_dict()))["upper"]["value"] == 3.0
    assert LeakageAudit(lower, None, "logits").to_dict()["upper"] is None


def test_refusals():
    with pytest.raises(ShapeError, match=r"leakage_lower_bound: `scores`.*\(3, 4\)"):
        leakage_lower_bound(np.zeros((3, 4)))
    with pytest.raises(TooFewSamplesError, match="got 1"):
        leakage_lower_bound(np.zeros((1, 1)))
    with pytest.raises(NonFiniteError, match="1 of 9"):
        leakage_lower_bound(np.where(np.eye(3, k=2) > 0, np.nan, 0.0))
    with pytest.raises(ParameterError, match="`ci_level`"):
        leakage_lower_bound(np.zeros((3, 3)), ci_level=90)
    with pytest.raises(ShapeError, match=r"leakage_upper_bound: `divergence`.*\(2, 2\)"):
        leakage_upper_bound(np.zeros((2, 2)))
    with pytest.raises(TooFewSamplesError, match="got 1"):
        leakage_upper_bound([1.0])
    with pytest.raises(NonFiniteError, match="1 of 2"):
        leakage_upper_bound([1.0, math.inf])
    with pytest.raises(ParameterError, match="`ci_level`"):
        leakage_upper_bound([1.0, 2.0], ci_level=0.0)
    with pytest.raises(ParameterError, match=r"`queries` must be at least 1; got 0"):
        leakage_upper_bound([1.0, 2.0], queries=0)
