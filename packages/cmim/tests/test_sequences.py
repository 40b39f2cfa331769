"""Networks of tokens: what they may look at, and their law."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from cmim import CMIM, MIM, VAE, InfoNCE, ModelConfig, Perceiver, TokenPerceiver, informative, latent
from cmim.likelihoods import Tokens, law
from cmim.losses import scales
from cmim.symbols import BOS, EOS, PAD
from infocore.errors import ParameterError

SMALL = TokenPerceiver(slots=2, width=16, heads=2, encoder_depth=1, decoder_depth=2)
X = torch.tensor([[5, 6, 7, EOS, PAD, PAD], [8, 5, 5, 6, 9, EOS], [4, EOS, PAD, PAD, PAD, PAD]])


def small(make=MIM, **settings):
    return make(10, latent_dim=8, network=SMALL, likelihood="tokens", levels=12, **settings).eval()


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_token_sees_those_before_it_only():
    model = small()
    z = torch.randn(3, 8, generator=noise())
    h = model.hidden(z, X)
    for t in range(6):
        changed = X.clone()
        changed[:, t] = 11
        other = model.hidden(z, changed)
        assert torch.allclose(other[:, : t + 1], h[:, : t + 1], atol=1e-6)
        assert t == 5 or not torch.allclose(other[:, t + 1], h[:, t + 1], atol=1e-3)


def test_padding_changes_nothing():
    model = small(CMIM)
    wide = functional.pad(X, (0, 4))
    assert torch.allclose(model.encode(wide)[0], model.encode(X)[0], atol=1e-6)
    for i, row in enumerate(X):
        alone = model.trim(row[None])
        assert torch.allclose(model.encode(alone)[0], model.encode(X)[0][i : i + 1], atol=1e-6)
        for read in (latent, informative):
            assert torch.allclose(read(model, alone), read(model, wide)[i : i + 1], atol=1e-6)
    one, other = (model.objective(x, noise()) for x in (X, wide))
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one if not one[name].isnan().any())


def test_trim():
    model = small()
    assert model.trim(functional.pad(X, (0, 4))).shape == (3, 6)
    assert model.trim(torch.zeros(2, 5)).shape == (2, 1)
    assert MIM(4, 2, hidden=(3,)).trim(torch.zeros(2, 4)).shape == (2, 4)


def test_slots_begin_apart_and_heads_divide():
    encoder = small().encoder
    mu, _ = encoder(X)
    assert not torch.allclose(mu[:, :4], mu[:, 4:], atol=1e-3)
    with pytest.raises(ParameterError, match="`heads` must divide"):
        TokenPerceiver(width=10, heads=4)
    with pytest.raises(ParameterError, match="`slots` must divide `latent_dim`; got 2 and 9"):
        MIM(10, latent_dim=9, network=SMALL, likelihood="tokens", levels=12)


def test_the_law_sums_over_tokens_and_leaves_padding_out():
    odds = torch.randn(3, 6, 12, generator=noise(), dtype=torch.float64)
    want = [
        -sum(float(odds[i, t].log_softmax(0)[X[i, t]]) for t in range(6) if X[i, t] != PAD) for i in range(3)
    ]  # by the definition
    found = law("tokens", levels=12)
    assert isinstance(found, Tokens) and found.n_params == 12
    assert found.nll(X, odds).tolist() == pytest.approx(want, rel=1e-12)
    assert found.count(X).tolist() == [4, 6, 2]
    assert found.nll(X, torch.zeros(3, 6, 12)).tolist() == pytest.approx([n * math.log(12) for n in (4, 6, 2)])


def test_the_law_has_no_mean_and_no_independent_samples():
    model = small()
    with pytest.raises(ParameterError, match="tokens have no mean"):
        model.law.mean(torch.zeros(2, 6, 12))
    with pytest.raises(ParameterError, match="tokens have no mean"):
        model.law.sample(torch.zeros(2, 6, 12), noise())
    with pytest.raises(ParameterError, match="`x` is needed"):
        model.decode(torch.zeros(2, 8))
    assert model.law.refusal(torch.tensor([[3.0, 11.0]])) is None
    assert "0..11" in (model.law.refusal(torch.tensor([[3.0, 12.0]])) or "")


def test_scalings_divide_by_the_tokens_of_each_row():
    by_row, latents = scales("mean", torch.tensor([4, 6, 2]), 8)
    assert isinstance(by_row, torch.Tensor)
    assert by_row.tolist() == pytest.approx([1 / 4, 1 / 6, 1 / 2])
    assert latents == 1 / 8
    model = small(scaling="mean")
    terms = model.objective(X, noise(3), watch=False)
    want = (terms["reconstruction"] / torch.tensor([4, 6, 2])) - (terms["log_q"] + terms["log_prior"]) / 16
    assert terms["loss"].item() == pytest.approx(want.mean().item(), rel=1e-6)


@pytest.mark.parametrize("make", [MIM, CMIM, VAE])
def test_objectives_are_their_formula(make):
    model = small(make)
    terms = model.objective(X, noise(1), watch=False)
    mu, logvar = model.encode(X)
    eps = torch.randn(3, 8, generator=noise(1))
    z = mu + (0.5 * logvar).exp() * eps
    before = torch.cat([torch.full((3, 1), BOS), X[:, :-1]], 1)
    assert before[0].tolist() == [BOS, 5, 6, 7, EOS, PAD]
    odds = model.decode(z, X)
    nll = functional.cross_entropy(odds.transpose(1, 2), X, ignore_index=PAD, reduction="none").sum(1)
    assert torch.allclose(terms["reconstruction"], nll, atol=1e-5)
    if make is VAE:
        want = nll + 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
    else:
        normal = torch.distributions.Normal(mu, (0.5 * logvar).exp())
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
        want = nll - 0.5 * (normal.log_prob(z).sum(1) + prior)
    if make is CMIM:
        want = want - terms["log_pk"]
    assert terms["loss"].item() == pytest.approx(want.mean().item(), abs=1e-4)


def test_another_writing_may_be_seen():
    model = small(MIM)
    other = X.flip(0)
    terms = model.objective(X, noise(), watch=False, seen=other)
    mu, logvar = model.encode(other)
    z = mu + (0.5 * logvar).exp() * torch.randn(3, 8, generator=noise())
    assert torch.allclose(terms["reconstruction"], model.law.nll(X, model.decode(z, X)), atol=1e-5)
    views = small(InfoNCE, views=None)
    a, b = (views.encode(x)[0] for x in (X, other))
    got = views.objective(X, noise(), watch=False, seen=other)["loss"]
    scores = functional.normalize(a) @ functional.normalize(b).T / 0.1
    want = -sum(float(scores[i].detach().log_softmax(0)[i]) for i in range(3)) / 3
    assert float(got.detach()) == pytest.approx(want - math.log(3), abs=1e-5)  # minus the bound itself


def test_a_part_of_a_batch_is_what_the_whole_gives_for_it():
    model = small(MIM, variance="sampled")
    whole = model.objective(X, noise(), watch=False)["reconstruction"]
    for i in range(3):
        cut = model.objective(X, noise(), watch=False, shard=(i, 3))["reconstruction"]
        given = model.objective(X[i : i + 1], noise(), watch=False, shard=(i, 3), size=3)["reconstruction"]
        assert torch.allclose(cut, whole[i : i + 1], atol=1e-5) and torch.allclose(given, cut, atol=1e-5)


def test_informative_is_the_mean_over_tokens_and_has_controls():
    model = small()
    mu, _ = model.encode(X)
    h = model.hidden(mu, X)
    for i, n in enumerate((4, 6, 2)):
        assert torch.allclose(informative(model, X)[i], h[i, :n].mean(0), atol=1e-6)
        zero = model.hidden(torch.zeros_like(mu), X)[i, :n].mean(0)
        assert torch.allclose(informative(model, X, code="zero", batch_size=2)[i], zero, atol=1e-6)
        other = model.hidden(mu.roll(1, 0), X)[i, :n].mean(0)
        assert torch.allclose(informative(model, X, code="other", batch_size=2)[i], other, atol=1e-6)
    with pytest.raises(ParameterError, match="`code` must be"):
        informative(model, X, code="none")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ParameterError, match="`where` must be 'hidden' for tokens"):
        informative(model, X, where="params")


def test_settings_that_do_not_go_together():
    odd: list[dict[str, Any]] = [
        {"likelihood": "tokens"},
        {"network": SMALL},
        {"likelihood": "tokens", "network": Perceiver((1, 4, 4))},
    ]
    for settings in odd:
        with pytest.raises(ParameterError, match="`network` must be one for likelihood"):
            ModelConfig("mim", 16, **settings)
    with pytest.raises(ParameterError, match="`symmetric` must be left out"):
        ModelConfig("mim", 16, network=SMALL, likelihood="tokens", symmetric=True)


def test_gradients_reach_every_weight():
    model = small(CMIM, variance="learned", soft_floor=True).train()
    model.objective(X, noise())["loss"].backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert still == []


def test_save_and_load(tmp_path):
    import cmim

    model = small(CMIM, variance="sampled")
    again = cmim.load(model.save(tmp_path / "m"))
    assert again.config == model.config
    assert torch.equal(latent(again, X), latent(model, X))
    assert np.isfinite(latent(again, X).numpy()).all()
