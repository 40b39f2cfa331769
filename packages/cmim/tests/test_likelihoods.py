"""Laws of the data against scipy and by summing over all values."""

import math
import re

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from cmim.likelihoods import Categorical, DiscretisedLogistic, law
from cmim.variants import MIM
from infocore.errors import ParameterError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def every_value(found, params: Tensor, values: Tensor) -> np.ndarray:
    """Probability of each value for one feature of one sample."""
    return np.exp([-float(found.nll(v.reshape(1, 1), params)) for v in values])


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize("spread", [-6.0, 0.0, 4.0])
def test_discretised_logistic_is_a_law_and_that_of_scipy(levels, spread):
    found, grid = DiscretisedLogistic(levels), torch.linspace(0, 1, levels, dtype=torch.float64)
    params = torch.tensor([[0.3, spread]], dtype=torch.float64)
    chance = every_value(found, params, grid)
    assert chance.sum() == pytest.approx(1.0, abs=1e-10)
    edges = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]).numpy() / 2, [np.inf]])
    np.testing.assert_allclose(chance, np.diff(stats.logistic.cdf(edges, 0.3, math.exp(spread - 2))), atol=1e-12)
    assert float(found.mean(params)) == pytest.approx(float(chance @ grid.numpy()), abs=1e-10)
    draws = found.sample(params.float().expand(20000, 2), generator())
    assert float(draws.mean()) == pytest.approx(float(chance @ grid.numpy()), abs=4 * 0.5 / math.sqrt(20000))
    assert found.refusal(draws) is None


def test_categorical_is_a_law_and_its_samples_follow_it():
    found = Categorical(4)
    params = normal(1, 12)  # three features, parameter by parameter
    chance = torch.softmax(params.reshape(4, 3), 0).numpy()
    for feature in range(3):
        one = params.reshape(4, 3)[:, feature].reshape(1, 4)
        np.testing.assert_allclose(every_value(found, one, torch.arange(4.0)), chance[:, feature], atol=1e-12)
    x = torch.tensor([[3.0, 0.0, 2.0]])
    want = -np.log(chance[[3, 0, 2], [0, 1, 2]]).sum()
    assert float(found.nll(x, params)) == pytest.approx(want, abs=1e-12)
    np.testing.assert_allclose(found.mean(params).numpy()[0], np.arange(4) @ chance, atol=1e-12)
    draws = found.sample(params.expand(20000, 12), generator())
    counts = np.stack([(draws == value).double().mean(0).numpy() for value in range(4)])
    np.testing.assert_allclose(counts, chance, atol=4 * 0.5 / math.sqrt(20000))


def test_samples_of_bernoulli_and_gaussian():
    p = torch.tensor([[0.2, 0.7]]).logit().expand(20000, 2)
    np.testing.assert_allclose(law("bernoulli").sample(p, generator()).mean(0), [0.2, 0.7], atol=0.015)
    x = law("gaussian", sigma=0.5).sample(torch.full((20000, 1), 3.0), generator())
    assert (x.mean().item(), x.std().item()) == (pytest.approx(3.0, abs=0.015), pytest.approx(0.5, abs=0.01))


@pytest.mark.parametrize("name", ["bernoulli", "gaussian", "logistic", "categorical"])
def test_gradients(name):
    found = law(name, levels=3)
    x = torch.tensor([[0.0, 1.0], [0.5, 1.0]], dtype=torch.float64) * (2 if name == "categorical" else 1)
    params = normal(2, 2 * found.n_params).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: found.nll(x, p), (params,))


def test_extreme_parameters_stay_finite():
    # means far off, scales tiny and huge
    rows = [[-1e4, 1.0, -60.0, 60.0], [0.0, 0.5, -100.0, -100.0], [0.0, 0.5, 90.0, 90.0]]
    params = torch.tensor(rows, requires_grad=True)
    value = DiscretisedLogistic(256).nll(torch.tensor([[0.0, 1.0]] * 3), params)
    value.sum().backward()
    assert torch.isfinite(value).all() and params.grad is not None and torch.isfinite(params.grad).all()


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("bernoulli", [[1.5]], r"\[0, 1\]"),
        ("logistic", [[0.1]], "0, 1/16"),
        ("logistic", [[17 / 16]], "go from 1.06"),
        ("categorical", [[17.0]], r"0\.\.16"),
        ("categorical", [[0.5]], "whole numbers"),
    ],
)
def test_data_a_law_cannot_have(name, data, match):
    reason = law(name, levels=17).refusal(torch.tensor(data))
    assert reason is not None
    assert re.search(match, reason)


@pytest.mark.parametrize(("settings", "match"), [({"sigma": 0.0}, "`sigma`"), ({"levels": 1}, "`levels`")])
def test_settings_out_of_range(settings, match):
    with pytest.raises(ParameterError, match=match):
        law("gaussian", **settings)


@pytest.mark.parametrize("name", ["logistic", "categorical"])
def test_models_take_them(name):
    model = MIM(6, latent_dim=2, hidden=(8,), likelihood=name, levels=5)
    x = torch.randint(0, 5, (9, 6), generator=generator()).float() / (4 if name == "logistic" else 1)
    terms = model.objective(x, generator(1))
    terms["loss"].backward()
    assert terms["reconstruction"].shape == (9,)
    assert model.expected(model.encode(x)[0]).shape == (9, 6)
