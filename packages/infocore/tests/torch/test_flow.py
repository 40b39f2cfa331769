"""Flows: invertible, with the Jacobian they say, exact for normal laws, and able to undo a bend of each side."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from infocore.errors import KindError, ParameterError
from infocore.estimators import GaussianCopulaMI
from infocore.testing import CHECKS
from infocore.torch.flow import Flow, FlowMI, NormalPair
from infocore.torch.held_out import Training

SHORT = Training(max_steps=250, validate_every=50)


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def bent(n, seed=0):
    """A normal pair of 2 + 2 columns, rho .8, I = 1.022; in each side the first squared is added to the second."""
    x, y = gaussian(n, 0.8, 2, seed)
    for a in (x, y):
        a[:, 1] += 1.5 * a[:, 0] ** 2
    return x, y


def random_pair(dx=2, dy=3):
    """A flow pair with weights that are not the starting ones, in float64."""
    model = NormalPair(dx, dy, 3, (6,), torch.Generator().manual_seed(0)).double()
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.3 * torch.randn(p.shape, generator=g, dtype=torch.float64)
    return model


@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
def test_contract(check):
    check(FlowMI(training=Training(max_steps=120, validate_every=40, batch_size=128, learning_rate=0.01)))


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_flow_is_invertible_and_its_log_determinant_is_that_of_its_jacobian(columns):
    flow = random_pair(columns).flows[0]
    x = torch.randn(4, columns, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        u, log_det = flow(x)
        assert flow.inverse(u).numpy() == pytest.approx(x.numpy(), abs=1e-10)
    for row, want in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda r: flow(r[None])[0][0], row)
        assert float(torch.linalg.slogdet(jacobian)[1]) == pytest.approx(float(want), abs=1e-10)


def test_flow_starts_at_a_permutation():
    x = torch.arange(6.0).reshape(2, 3)
    u, log_det = Flow(3, 4, (4,), torch.Generator().manual_seed(0))(x)
    assert u.sort(1).values.tolist() == x.tolist()
    assert log_det.tolist() == [0.0, 0.0]


def test_log_ratio_is_that_of_three_normal_laws():
    model = random_pair()
    x, y = (torch.randn(5, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64) for d in (2, 3))
    with torch.no_grad():
        u, v = (f(a)[0].numpy() for f, a in zip(model.flows, (x, y), strict=True))
        root, mean = model.root().numpy(), model.mean.numpy()
        s = root @ root.T
        want = (
            multivariate_normal(mean, s).logpdf(np.hstack([u, v]))
            - multivariate_normal(mean[:2], s[:2, :2]).logpdf(u)
            - multivariate_normal(mean[2:], s[2:, 2:]).logpdf(v)
        )
        assert model.log_ratio(x, y).numpy() == pytest.approx(want, abs=1e-10)
        det = np.linalg.det
        information = 0.5 * math.log(det(s[:2, :2]) * det(s[2:, 2:]) / det(s))
        assert float(model.information()) == pytest.approx(information, abs=1e-10)


def test_density_integrates_to_one():
    model = random_pair(1, 1)
    axis = torch.linspace(-12, 12, 801, dtype=torch.float64)
    x, y = (a.reshape(-1, 1) for a in torch.meshgrid(axis, axis, indexing="ij"))
    with torch.no_grad():
        assert float(model.log_prob(x, y).exp().sum()) * 0.03**2 == pytest.approx(1.0, abs=1e-6)


# n = 1500, 450 of them reported on, 6 seeds of 250 steps, bias / s.d.: -.009 / .053 and .003 / .067
@pytest.mark.parametrize(("rho", "d", "tolerance"), [(0.8, 1, 0.17), (0.6, 3, 0.2)])
def test_normal_law(rho, d, tolerance):
    x, y = gaussian(1500, rho, d)
    e = FlowMI(training=SHORT).fit_estimate(x, y)
    assert e.value == pytest.approx(-0.5 * d * math.log(1 - rho**2), abs=tolerance)
    assert (e.direction, e.strength, e.n, e.method) == ("none", "heuristic", 450, "flow")
    assert abs(e.diagnostics["model"] - e.value) < 4 * e.standard_error


# n = 2000, 4 seeds of 500 steps: bias -.061, s.d. .027; the Gaussian copula, which cannot bend, .787 to .802
def test_undoes_a_bend_of_each_side():
    x, y = bent(2000)
    e = FlowMI(training=Training(max_steps=500)).fit_estimate(x, y)
    assert e.value == pytest.approx(1.022, abs=0.145)
    assert GaussianCopulaMI().estimate(x, y).value < 0.83


def test_training_starts_at_the_normal_law_of_the_rows():
    x, y = gaussian(500, 0.7, 2)
    model = NormalPair(2, 2, 0, (4,), torch.Generator().manual_seed(0)).double()
    model.start_at(torch.tensor(x), torch.tensor(y))
    want = np.cov(np.hstack([x, y]), rowvar=False, bias=True) + 1e-4 * np.eye(4)
    root = model.root().detach().numpy()
    assert root @ root.T == pytest.approx(want, abs=1e-10)
    assert model.mean.tolist() == pytest.approx(np.hstack([x, y]).mean(0).tolist(), abs=1e-12)


def test_refusals():
    x, y = gaussian(100, 0.5)
    with pytest.raises(ParameterError, match="`layers`"):
        FlowMI(layers=-1).fit(x, y)
    with pytest.raises(KindError, match="`y`"):
        FlowMI().fit(x, np.arange(100) % 3)
