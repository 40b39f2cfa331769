"""Convolutional and Perceiver networks: shapes, places, seeds, what does not divide, and that they learn."""

import numpy as np
import pytest
import torch

import cmim
from cmim.config import ModelConfig
from cmim.networks import MLP, Conv, Perceiver, network_from_dict
from cmim.variants import CMIM, MIM, InfoNCE
from infocore.errors import ParameterError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


NETWORKS = [
    MLP((16, 12)),
    Conv((1, 8, 8), channels=(4, 6), width=10),
    Perceiver((1, 8, 8), patch=4, slots=2, width=8, depth=2, heads=2),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.kind)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic", "categorical"])
def test_every_network_with_every_likelihood(network, likelihood, tmp_path):
    model = CMIM(64, latent_dim=4, network=network, likelihood=likelihood, levels=3)
    scale = 1 if likelihood == "categorical" else 2
    x = torch.randint(0, 3, (5, 64), generator=generator()).float() / scale
    for images in (x, x.reshape(5, 1, 8, 8)):
        terms = model.objective(images, generator(1))
        assert terms["reconstruction"].shape == (5,)
    terms["loss"].backward()
    assert all(p.grad is not None for p in model.parameters())
    again = cmim.load(model.save(tmp_path / "m"))
    assert again.config == model.config
    assert torch.equal(again.decode(again.encode(x)[0]), model.decode(model.encode(x)[0]))
    assert cmim.informative(model, x).shape == (5, {"mlp": 16, "conv": 4, "perceiver": 8}[network.kind])


@pytest.mark.parametrize("network", NETWORKS[1:], ids=lambda n: n.kind)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_shapes_of_real_images(network, shape):
    sized = {"conv": Conv(shape), "perceiver": Perceiver(shape, slots=4)}[network.kind]
    size = int(np.prod(shape))
    model = MIM(size, latent_dim=16, network=sized)
    mu, logvar = model.encode(torch.rand(2, size, generator=generator()))
    assert mu.shape == logvar.shape == (2, 16)
    assert model.decode(mu).shape == (2, size)


def test_a_pixel_of_the_perceiver_is_where_its_patch_is():
    """Decoder states of one patch change the pixels of that patch and no others; the encoder reads each pixel once."""
    model = MIM(64, latent_dim=4, network=NETWORKS[2])
    h = torch.zeros(1, 4, 8)
    base = model.decoder.output(h).reshape(8, 8)
    h[0, 1] = 1.0  # the second patch: rows 0-3, columns 4-7
    changed = (model.decoder.output(h).reshape(8, 8) != base).nonzero()
    assert set(map(tuple, changed.tolist())) == {(row, column) for row in range(4) for column in range(4, 8)}
    assert len({model.encode(torch.eye(64))[0][i].sum().item() for i in range(64)}) == 64


def test_weights_follow_from_the_seed_alone():
    for network in NETWORKS:
        state = torch.random.get_rng_state()
        a, b, c = (MIM(64, latent_dim=4, network=network, seed=s).state_dict() for s in (1, 1, 2))
        assert torch.equal(torch.random.get_rng_state(), state)
        assert all(torch.equal(a[k], b[k]) for k in a)
        assert not torch.equal(a["encoder.head.weight"], c["encoder.head.weight"])


def test_infonce_takes_the_encoder_of_a_network():
    model = InfoNCE(64, 4, views=None, network=NETWORKS[1])
    assert model.decoder is None
    assert model.encode(torch.rand(3, 64, generator=generator()))[0].shape == (3, 4)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS[1:], ids=lambda n: n.kind)
def test_they_learn(network):
    # stripes at one of 8 places: 3 bits, told by 64 pixels; at the start a pixel costs log 2
    x = torch.eye(8).repeat(1, 8).reshape(8, 8, 8).transpose(1, 2).reshape(8, 64).repeat(8, 1)
    x = torch.cat([x.reshape(-1, 64)] * 2)
    larger = Conv((1, 8, 8), channels=(8, 16), width=32) if network.kind == "conv" else network
    model = MIM(64, latent_dim=4, network=larger)
    rate = 1e-2 if network.kind == "conv" else 3e-3
    history = cmim.fit(model, x, max_steps=500, batch_size=64, learning_rate=rate, accelerator="cpu").history
    assert history[0]["reconstruction"] > 35
    assert history[-1]["reconstruction"] < 3


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MLP((4, 0)), "`hidden`"),
        (lambda: Conv((28, 28)), "`shape`"),
        (lambda: Conv((1, 28, 28), channels=(8, 8, 8)), "multiples of 8"),
        (lambda: Conv((1, 28, 28), channels=()), "`channels`"),
        (lambda: Conv((1, 28, 28), width=0), "`width`"),
        (lambda: Perceiver((1, 28, 28), patch=5), "`patch`"),
        (lambda: Perceiver((1, 28, 28), width=10, heads=4), "`heads`"),
        (lambda: Perceiver((1, 28, 28), slots=0), "`slots`"),
        (lambda: MIM(784, latent_dim=10, network=Perceiver((1, 28, 28), slots=4)), "`slots` must divide"),
        (lambda: MIM(700, network=Conv((1, 28, 28))), "784 features, not 700"),
        (lambda: network_from_dict({"kind": "rnn"}), "`kind`"),
        (lambda: ModelConfig("mim", 6, network=object()), "`network`"),
    ],
)
def test_what_does_not_fit_is_refused(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.kind)
def test_settings_round_trip(network):
    config = ModelConfig("mim", 64, 4, network)
    assert ModelConfig.from_dict(config.to_dict()) == config
