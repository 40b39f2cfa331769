"""Features are what a hook on the module sees, and reading them changes nothing."""

import pytest
import torch
from torch import nn

import cmim
from cmim.embeddings import informative, latent, reconstruct
from cmim.variants import MIM, InfoNCE
from infocore.errors import ParameterError

X = torch.rand(11, 6, generator=torch.Generator().manual_seed(0))


class Dropping(nn.Module):
    """A decoder with dropout and two positions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.utils.skip_init(nn.Linear, 2, 8)
        self.drop = nn.Dropout(0.5)
        nn.init.constant_(self.first.weight, 0.3)
        nn.init.constant_(self.first.bias, 0.1)

    def hidden(self, z):
        return self.drop(self.first(z)).unflatten(1, (2, 4))

    def output(self, h):
        return h.mean(1)[:, :1].expand(-1, 6)


def small(**own):
    return MIM(6, latent_dim=2, hidden=(8, 5), **own)


def test_hidden_is_what_enters_the_last_layer():
    model = small()
    seen = []
    model.decoder.head.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    with torch.no_grad():
        params = model.decode(model.encode(X)[0])
    got = informative(model, X)
    assert torch.equal(got, seen[0])
    assert got.shape == (11, 8)
    assert torch.equal(informative(model, X, where="params"), params)


def test_latent_and_reconstruction_are_at_the_mean():
    model = small()
    with torch.no_grad():
        mu, _ = model.encoder(X)
        assert torch.equal(latent(model, X), mu)
        torch.testing.assert_close(reconstruct(model, X), torch.sigmoid(model.decoder(mu)))


@pytest.mark.parametrize("read", [latent, informative, reconstruct])
def test_batches_do_not_matter(read):
    model = small()
    torch.testing.assert_close(read(model, X, batch_size=3), read(model, X))
    torch.testing.assert_close(read(model, X.numpy().astype("float64")), read(model, X))


def test_modes_are_restored_each():
    model = small(decoder=Dropping())
    model.train()
    model.encoder.eval()
    before = [module.training for module in model.modules()]
    assert len(set(before)) == 2
    assert torch.equal(informative(model, X), informative(model, X))  # dropout would differ
    assert [module.training for module in model.modules()] == before


def test_modes_are_restored_after_an_error():
    model = small()
    model.encoder.register_forward_hook(lambda module, args, out: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        latent(model, X)
    assert model.training and model.encoder.training


def test_positions_are_averaged():
    model = small(decoder=Dropping()).eval()
    got = informative(model, X)
    assert got.shape == (11, 4)
    with torch.no_grad():
        torch.testing.assert_close(got, model.decoder.hidden(model.encode(X)[0]).mean(1))


def test_no_gradients_and_float32():
    got = informative(small(), X)
    assert not got.requires_grad
    assert got.dtype == torch.float32


def test_refusals():
    call = getattr(informative, "__wrapped__", informative)
    with pytest.raises(ParameterError, match="`where`"):
        call(small(), X, where="logits")
    with pytest.raises(ParameterError, match="informative: an InfoNCE"):
        informative(InfoNCE(6, 2, views=None, hidden=(4,)), X)
    with pytest.raises(ParameterError, match="reconstruct: an InfoNCE"):
        reconstruct(InfoNCE(6, 2, views=None, hidden=(4,)), X)
    with pytest.raises(ParameterError, match="`batch_size`"):
        latent(small(), X, batch_size=0)
    with pytest.raises(ParameterError, match=r"latent.*\[0, 1\]"):
        latent(small(), 2 * X + 1)
    assert cmim.latent is latent
