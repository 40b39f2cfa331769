"""Information by denoising: exact denoisers give the closed form, fitted ones come near, nothing is called a bound."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from infocore.errors import ParameterError
from infocore.testing import CHECKS
from infocore.torch.diffusion import DiffusionMI, _Denoiser, _noised, mmse_gap
from infocore.torch.held_out import Training

SHORT = Training(max_steps=250, validate_every=50)


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def linear(rho):
    """The best denoisers of a normal pair: Bayes with prior N(0, 1), or N(rho y, 1 - rho^2) for one who knows y."""

    def network(u, log_gamma, y):
        gamma = log_gamma.exp()
        z = u * (1 + gamma).sqrt()
        mean, variance = (torch.zeros_like(u), 1.0) if y is None else (rho * y, 1 - rho**2)
        best = (mean / variance + gamma.sqrt() * z) / (1 / variance + gamma)
        return ((1 + gamma) * best - gamma.sqrt() * z) / (1 + gamma).sqrt()

    return network


@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("form", ["gap", "orthogonal"])
def test_contract(form, check):
    few = Training(max_steps=30, validate_every=10, batch_size=128)
    check(DiffusionMI(form, hidden=(16,), nodes=20, training=few))


def test_integral_of_exact_errors_is_the_information():
    # the identity itself, by quadrature: 1 / (1 + g) and s / (1 + s g) are the errors of the two denoisers
    s = 1 - 0.8**2
    value, _ = quad(lambda g: 0.5 * (1 / (1 + g) - s / (1 + s * g)), 0, np.inf)
    assert value == pytest.approx(-0.5 * math.log(s), abs=1e-8)


# rho .8, I = .511, of which .001 lies beyond the range: n = 4000, standard errors .013 (gap) and .009
@pytest.mark.parametrize(("rho", "d"), [(0.8, 1), (0.5, 3), (0.0, 2)])
def test_exact_denoisers_give_the_closed_form(rho, d):
    x, y = (torch.tensor(a) for a in gaussian(4000, rho, d))
    g = torch.Generator().manual_seed(0)
    for terms in mmse_gap(linear(rho), x, y, (-8.0, 9.0), 60, g):
        error = terms.std() / math.sqrt(len(terms))
        assert error < 0.03
        assert terms.mean() == pytest.approx(-0.5 * d * math.log(1 - rho**2), abs=3 * error + 0.002)


def test_network_target_is_that_of_the_formula():
    g = torch.Generator().manual_seed(0)
    x, noise = (torch.randn(50, 2, generator=g, dtype=torch.float64) for _ in range(2))
    log_gamma = torch.linspace(-7, 7, 50, dtype=torch.float64)[:, None]
    u, target = _noised(x, log_gamma, noise)
    gamma = log_gamma.exp()
    z = gamma.sqrt() * x + noise
    assert u.numpy() == pytest.approx((z / (1 + gamma).sqrt()).numpy(), abs=1e-12)
    assert ((gamma.sqrt() * z + (1 + gamma).sqrt() * target) / (1 + gamma)).numpy() == pytest.approx(
        x.numpy(), abs=1e-9
    )


# n = 1500, 6 seeds of 250 steps, bias / s.d.: gap -.031 / .045 and orthogonal -.056 / .049 of .511; gap -.128 / .065 of
# .669 in 3 + 3 columns
@pytest.mark.parametrize(
    ("form", "rho", "d", "low", "high"),
    [("gap", 0.8, 1, 0.34, 0.62), ("orthogonal", 0.8, 1, 0.30, 0.61), ("gap", 0.6, 3, 0.34, 0.74)],
)
def test_fitted_to_a_normal_law(form, rho, d, low, high):
    x, y = gaussian(1500, rho, d)
    e = DiffusionMI(form, training=SHORT).fit_estimate(x, y)
    assert low < e.value < high
    assert (e.direction, e.strength, e.n, e.method) == ("none", "heuristic", 450, f"mmse {form}")
    assert e.value == e.diagnostics[form]
    assert abs(e.diagnostics["gap"] - e.diagnostics["orthogonal"]) < 8 * e.diagnostics["difference_error"]


def test_beyond_the_range_nothing_is_seen():
    # y = x + .1 n: half the information, 1/2 log(101) = 2.31, is gained at gamma above 10
    x, y = (torch.tensor(a) for a in gaussian(2000, math.sqrt(1 / 1.01)))
    s = 1 - 1 / 1.01
    gap, orthogonal = mmse_gap(
        linear(math.sqrt(1 / 1.01)), x, y, (-8.0, math.log(10)), 60, torch.Generator().manual_seed(0)
    )
    want = 0.5 * math.log(11 / (1 + 10 * s))
    for terms in (gap, orthogonal):
        assert terms.mean() == pytest.approx(want, abs=3 * terms.std() / math.sqrt(2000) + 0.002)


def test_one_who_is_not_told_does_not_see_y():
    net = _Denoiser(1, 2, (8,), torch.Generator().manual_seed(0))
    u, g = torch.zeros(3, 1), torch.zeros(3, 1)
    with torch.no_grad():
        told = net(u, g, torch.zeros(3, 2))
        assert not torch.equal(net(u, g, None), told)  # zero is a value of y, not its absence
        assert not torch.equal(net(u, g, torch.ones(3, 2)), told)


def test_categories_in_y():
    rng = np.random.default_rng(0)
    code = rng.integers(2, size=1500)
    e = DiffusionMI(training=SHORT).fit_estimate(4.0 * code + rng.standard_normal(1500), np.array(["a", "b"])[code])
    # .633 by quadrature; 4 seeds of 250 steps: .45 to .58, standard error .02
    assert 0.36 < e.value < 0.70


def test_refusals():
    x, y = gaussian(100, 0.5)
    with pytest.raises(ParameterError, match="`form`"):
        DiffusionMI("minde").fit(x, y)
    with pytest.raises(ParameterError, match="`log_snr`"):
        DiffusionMI(log_snr=(1.0, 1.0)).fit(x, y)
