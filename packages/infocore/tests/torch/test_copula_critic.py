"""A critic on top of a copula: nothing to add where the copula is right, all that held-out rows confirm where not."""

import math

import numpy as np
import pytest
import torch

from infocore.errors import KindError, NotFittedError, ParameterError, ShapeError
from infocore.estimators import TCopulaMI
from infocore.estimators._elliptical import Ellipse
from infocore.testing import CHECKS
from infocore.torch import Separable
from infocore.torch._copula_fit import Ratio
from infocore.torch.copula_critic import CopulaCritic
from infocore.torch.held_out import Training

SHORT = Training(max_steps=100, validate_every=20, batch_size=128)
NET = Separable((32, 32), 8, activation="gelu", unary=True)


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def parabola(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, x**2 + 0.5 * rng.standard_normal(n)


@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("report", ["corrected", "held_out"])
def test_contract(report, check):
    few = Training(max_steps=20, validate_every=10, batch_size=64)
    check(CopulaCritic(folds=2, critic=Separable((8,), 4, activation="gelu", unary=True), report=report, training=few))


# n = 1200, 8 seeds of 100 steps, bias / s.d.: -.009 / .022 and -.025 / .019; largest correction .003
@pytest.mark.parametrize(("rho", "d", "tolerance"), [(0.8, 1, 0.075), (0.6, 3, 0.085)])
def test_adds_nothing_to_a_copula_that_is_right(rho, d, tolerance):
    x, y = gaussian(1200, rho, d)
    e = CopulaCritic(critic=NET, training=SHORT).fit_estimate(x, y)
    assert e.value == pytest.approx(-0.5 * d * math.log(1 - rho**2), abs=tolerance)
    assert abs(e.diagnostics["correction"]) < 0.03
    assert (e.direction, e.strength, e.n) == ("none", "heuristic", 1200)


def test_without_a_correction_the_value_is_the_copulas():
    x, y = gaussian(600, 0.5)
    e = CopulaCritic(critic=NET, training=Training(max_steps=1, validate_every=1, learning_rate=1e-12)).fit_estimate(
        x, y
    )
    assert e.diagnostics["correction"] == e.diagnostics["gain"] == 0.0
    assert e.value == pytest.approx(TCopulaMI().estimate(x, y).value, abs=1e-9)


# y = x^2 + noise / 2, I = .803 by quadrature; 8 seeds of 100 steps: .690 / .036, of which the copula .11 at most
def test_finds_what_the_copula_cannot():
    x, y = parabola(1200)
    e = CopulaCritic(critic=NET, training=SHORT).fit_estimate(x, y)
    assert e.diagnostics["copula"] < 0.25
    assert e.value == pytest.approx(0.803, abs=0.22)
    assert e.diagnostics["gain"] > 8 * e.diagnostics["gain_error"]
    assert e.value == pytest.approx(e.diagnostics["copula"] + e.diagnostics["correction"], abs=1e-12)
    low = CopulaCritic(critic=NET, report="held_out", training=SHORT).fit_estimate(x, y)
    assert (low.direction, low.strength) == ("lower", "expectation")
    assert low.value == e.diagnostics["held_out"] < 0.803 + 2 * low.standard_error
    assert low.cap == pytest.approx(math.log(400))


@pytest.mark.parametrize("dof", [math.inf, 3.0])
def test_log_ratio_in_torch_is_that_in_numpy(dof):
    rng = np.random.default_rng(0)
    e = Ellipse(np.corrcoef(rng.standard_normal((5, 40))), dof, 2, 0.0)
    x, y = rng.standard_normal((6, 2)), rng.standard_normal((4, 3))
    got = Ratio(e)(*(torch.as_tensor(a, dtype=torch.float32) for a in (x, y))).numpy()
    assert got == pytest.approx(e.log_ratio(x, y, all_pairs=True), abs=1e-5)


def test_folds_are_read_by_fits_that_have_not_seen_them():
    x, y = gaussian(300, 0.5)
    fitted = CopulaCritic(critic=NET, training=Training(max_steps=5)).fit(x, y)
    for f, fold in zip(fitted.fits_, fitted.parts_, strict=True):
        assert not set(f.rows) & set(fold)
    assert sorted(np.concatenate(fitted.parts_)) == list(range(300))


def test_fresh_rows_and_columns_that_say_nothing():
    x, y = gaussian(900, 0.8)
    twice = np.concatenate([x, 2 * x, np.full_like(x, 3.0)], axis=1)
    fitted = CopulaCritic(critic=NET, training=SHORT).fit(twice[:600], y[:600])
    e = fitted.estimate(twice[600:], y[600:])
    # 300 fresh pairs of rho .8: standard error .046
    assert e.value == pytest.approx(0.511, abs=0.15)
    assert (e.direction, e.strength, e.cap) == ("lower", "expectation", pytest.approx(math.log(300)))
    nothing = CopulaCritic().fit_estimate(np.ones(100), y[:100])
    assert nothing.value == nothing.standard_error == 0.0


def test_refusals():
    x, y = gaussian(100, 0.5)
    with pytest.raises(ParameterError, match="`folds`"):
        CopulaCritic(folds=1).fit(x, y)
    with pytest.raises(ParameterError, match="`report`"):
        CopulaCritic(report="best").fit(x, y)
    with pytest.raises(KindError, match="text"):
        CopulaCritic().fit(np.array(["a", "b"] * 50), y)
    with pytest.raises(NotFittedError, match="fit_estimate"):
        CopulaCritic().estimate(x, y)
    fitted = CopulaCritic(critic=NET, training=Training(max_steps=2)).fit(x, y)
    with pytest.raises(ShapeError, match="columns"):
        fitted.estimate(np.concatenate([x, x], axis=1), y)
