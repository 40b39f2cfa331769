"""Transfer entropy: closed forms, lags and histories, blocks, and the test by shifted series."""

import math

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from infocore.multivariate import transfer_entropy, transfer_entropy_test

from .multivariate_data import half_log_det


def series(a, n, seed=0):
    """A vector autoregressive series of order one with unit normal noise."""
    rng = np.random.default_rng(seed)
    a, noise = np.array(a), rng.standard_normal((n + 200, 2))
    z = np.zeros((n + 200, 2))
    for t in range(1, n + 200):
        z[t] = a @ z[t - 1] + noise[t]
    return z[200:].T


def flow(a, source, target):
    """Closed form: the covariance of present and past by the discrete Lyapunov equation."""
    s = solve_discrete_lyapunov(np.array(a), np.eye(2))
    cross = np.array(a) @ s
    joint = np.block([[s, cross], [cross.T, s]])
    present, own, other = target, 2 + target, 2 + source
    h = [half_log_det(joint, *c) for c in ((present, own), (own, other), (present, own, other), (own,))]
    return h[0] + h[1] - h[2] - h[3]


# n = 2000, 20 seeds, bias / s.d.: gaussian and auto +0.001 / 0.010, ksg +0.002 / 0.018 and backwards -0.003 / 0.012
@pytest.mark.parametrize(("method", "tolerance"), [("gaussian", 0.035), ("ksg", 0.06), ("auto", 0.035)])
def test_flow_of_an_autoregressive_series(method, tolerance):
    a = [[0.6, 0.0], [0.5, 0.4]]
    x, y = series(a, 2000)
    got = transfer_entropy(x, y, method=method)
    assert flow(a, 0, 1) == pytest.approx(0.147, abs=0.0005)
    assert got.value == pytest.approx(flow(a, 0, 1), abs=tolerance)
    assert got.n == 1999
    assert transfer_entropy(y, x, method=method).value == pytest.approx(0.0, abs=tolerance)


# y copies a bit of x two steps later: the lag must be 2, or two values of the source
def test_lags_and_histories():
    x = np.random.default_rng(0).integers(0, 2, 3000)
    y = np.roll(x, 2)
    assert transfer_entropy(x, y).value == pytest.approx(0.0, abs=0.005)
    assert transfer_entropy(x, y, lag=2).value == pytest.approx(math.log(2), abs=0.005)
    both = transfer_entropy(x, y, source_history=2)
    assert both.value == pytest.approx(math.log(2), abs=0.005)
    assert list(both.diagnostics["kinds"]["source"]) == ["source(t-1)", "source(t-2)"]
    assert transfer_entropy(x, y, lag=2, target_history=3).n == 2997
    # a period of three: the target's own past of three steps tells all
    p = np.tile([0, 0, 1], 300)
    assert transfer_entropy(np.roll(p, 1), p, target_history=3, blocks=None).value == pytest.approx(0.0, abs=1e-9)


def test_text_and_several_columns_flow_too():
    x = np.random.default_rng(0).integers(0, 2, 1000)
    y = np.roll(x, 1)
    words = np.array(["no", "yes"])
    assert transfer_entropy(words[x], words[y]).value == pytest.approx(transfer_entropy(x, y).value, abs=1e-12)
    z = series([[0.6, 0.0], [0.5, 0.4]], 300)
    got = transfer_entropy(z.T, z[1], method="gaussian", source_history=2)
    assert got.diagnostics["rank"] == [1, 4, 1]  # of the source's four columns one is the target's own past


# slow regimes: what flows in a step depends on the step's scale, so the terms go together; n = 2000
def test_blocks_of_a_series_are_found():
    rng = np.random.default_rng(0)
    regime = np.repeat(rng.random(40) < 0.5, 50)
    x = rng.standard_normal(2000)
    y = np.where(regime, 3.0, 0.0) * np.roll(x, 1) + rng.standard_normal(2000)
    got, plain = (transfer_entropy(x, y, method="ksg", blocks=b) for b in ("auto", None))
    assert got.value == plain.value
    assert got.diagnostics["block_length"] > 5
    assert got.standard_error > 1.5 * plain.standard_error
    assert "blocks" not in plain.diagnostics


def test_shifted_series():
    x, y = series([[0.6, 0.0], [0.5, 0.4]], 200)
    for method in ("gaussian", "auto"):
        assert transfer_entropy_test(x, y, method=method, n=39).p_value == pytest.approx(1 / 40)
    back = transfer_entropy_test(y, x, method="gaussian", n=39)
    assert back.p_value > 0.05
    assert back.estimate.value == transfer_entropy(y, x, method="gaussian").value
    # the value under a shift is the estimate from the shifted series
    shifts = [transfer_entropy(x, np.roll(y, s), method="gaussian").value for s in range(1, 200)]
    null = transfer_entropy_test(x, y, method="gaussian", n=5).null
    assert all(min(abs(v - s) for s in shifts) < 1e-12 for v in null)
