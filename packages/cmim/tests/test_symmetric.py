"""The prior branch of symmetric MIM: its gradient against an exact sum over all data, and that training uses it."""

import itertools

import pytest
import torch
from torch import Tensor

from cmim import fit
from cmim.likelihoods import Bernoulli
from cmim.symmetric import prior_branch
from cmim.terms import log_posterior_at, log_prior
from cmim.variants import CMIM, MIM
from infocore.errors import ParameterError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class FixedCodes(torch.nn.Module):
    """A decoder whose parameters can be summed over: two binary features."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([[0.8, -0.4], [0.3, 0.5]], dtype=torch.float64))

    def hidden(self, z: Tensor) -> Tensor:
        return z

    def output(self, h: Tensor) -> Tensor:
        return h @ self.weight


def test_gradient_is_that_of_the_sum_over_all_data():
    """E over x ~ p(x|z) of f, by enumerating the four x; z is fixed by the seed of each repetition."""
    model = MIM(2, latent_dim=2, hidden=(), decoder=FixedCodes(), logvar_floor=-1.0).double()
    weight = model.decoder.weight
    size, repeats = 4000, 30
    found = []
    for seed in range(repeats):
        surrogate, _ = prior_branch(model, size, Bernoulli(), generator(seed))
        found.append(torch.autograd.grad(surrogate, weight)[0])
    got = torch.stack(found)
    z = torch.randn(200_000, 2, generator=generator(99), dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for bits in itertools.product((0.0, 1.0), repeat=2):
        x = torch.tensor(bits, dtype=torch.float64).expand(len(z), 2)
        log_p = -Bernoulli().nll(x, model.decode(z))
        mu, logvar = model.encode(x)
        f = -log_p - 0.5 * (log_posterior_at(z, mu, logvar) + log_prior(z))
        total = total + (log_p.exp() * f).mean()
    (want,) = torch.autograd.grad(total, weight)
    error = got.std(0) / repeats**0.5
    assert (error < 0.03).all()
    assert ((got.mean(0) - want).abs() < 4 * error + 0.01).all(), (got.mean(0), want, error)
    # without the score-function term the answer is another one: the test can tell
    assert want.abs().max() > 0.1


def test_continuous_data_are_differentiated_through():
    model = MIM(3, latent_dim=2, hidden=(), likelihood="gaussian", sigma=0.5, logvar_floor=-1.0).double()
    parameter = model.decoder.head.weight

    def value(weight: Tensor) -> Tensor:
        with torch.no_grad():
            parameter.copy_(weight)
        return prior_branch(model, 50, model.law, generator(3))[0]

    start = parameter.detach().clone()
    (got,) = torch.autograd.grad(value(start), parameter)
    step = torch.zeros_like(start)
    step[1, 1] = 1e-5
    numeric = (value(start + step) - value(start - step)).item() / 2e-5
    assert got[1, 1].item() == pytest.approx(numeric, rel=1e-5)


def test_the_branch_enters_when_the_ramp_is_over():
    model = MIM(6, latent_dim=2, hidden=(8,), symmetric=True, ramp=10)
    x = torch.rand(5, 6, generator=generator())
    assert "generated" not in model.objective(x, generator(), step=8)
    terms = model.objective(x, generator(), step=9)
    assert terms["generated"].shape == (5,)
    plain = MIM(6, latent_dim=2, hidden=(8,), ramp=10).objective(x, generator(), step=9)
    assert not torch.equal(terms["loss"], plain["loss"])


def test_the_loss_is_the_objective_and_not_its_surrogate():
    """The score-function term has a gradient and no value."""
    x = (torch.rand(40, 6, generator=generator()) < 0.3).float()
    symmetric = MIM(6, latent_dim=2, hidden=(8,), symmetric=True).objective(x, generator(1))
    plain = MIM(6, latent_dim=2, hidden=(8,)).objective(x, generator(1))
    want = 0.5 * (plain["loss"] + symmetric["generated"].mean())
    assert symmetric["loss"].item() == pytest.approx(want.item(), abs=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic", "categorical"])
def test_parts_of_a_batch_have_the_samples_of_the_whole(likelihood):
    model = MIM(6, latent_dim=2, hidden=(8,), symmetric=True, likelihood=likelihood, levels=2)
    x = (torch.rand(8, 6, generator=generator()) < 0.3).float()
    whole = model.objective(x, generator(1))
    parts = [model.objective(x, generator(1), shard=(i, 4)) for i in range(4)]
    for term in ("generated", "reconstruction", "log_q"):
        torch.testing.assert_close(torch.cat([part[term] for part in parts]), whole[term])
    assert len(whole["generated"].unique()) == 8


def test_it_trains_and_keeps_encoder_and_decoder_consistent():
    """On samples of the model, symmetric MIM's encoder finds the code again; A-MIM has never seen such samples."""
    x = (torch.rand(200, 6, generator=generator()) < 0.3).float()
    run = {"max_steps": 800, "batch_size": 50, "learning_rate": 3e-3, "accelerator": "cpu", "log_every": 799}
    losses = {}
    for symmetric in (False, True):
        model = MIM(6, latent_dim=2, hidden=(32,), symmetric=symmetric, logvar_floor=-2.0)
        fit(model, x, **run)
        losses[symmetric] = prior_branch(model, 4000, model.law, generator(5))[1].mean().item()
    assert losses[True] < losses[False] - 1.0


def test_only_mim_is_symmetric():
    with pytest.raises(TypeError, match="symmetric"):
        CMIM(6, symmetric=True)
    with pytest.raises(ParameterError, match="`symmetric`"):
        type(CMIM(6).config)("cmim", 6, symmetric=True)
    with pytest.raises(ParameterError, match="`variance`"):
        MIM(6, symmetric=True, variance="sampled")
