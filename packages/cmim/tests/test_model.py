"""Models, their parts, and their checkpoints."""

import pytest
import torch
from torch import nn

import cmim
from cmim import losses
from cmim.decoders import MLPDecoder
from cmim.encoders import MLPEncoder
from cmim.model import Model, ModelConfig
from cmim.variants import AE, CMIM, MIM, VAE, ContrastiveVAE, InfoNCE
from cmim.views import ShiftNoise
from infocore.errors import CheckpointError, ParameterError
from infocore.torch import checkpoint

SMALL = {"latent_dim": 3, "hidden": (8, 5)}
AUTOENCODERS = [AE, VAE, MIM, CMIM, ContrastiveVAE]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Conv(nn.Module):
    """A user's encoder, for images with channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.skip_init(nn.Conv2d, 1, 2, 3)
        for p in self.parameters():
            nn.init.constant_(p, 0.1)

    def forward(self, x):
        h = self.conv(x).mean((2, 3))
        return h, h - 1.0


@pytest.mark.parametrize("make", AUTOENCODERS)
def test_objective_is_the_named_loss(make):
    """The configuration's weights give what the function of that name gives."""
    model = make(6, **SMALL)
    x = torch.rand(7, 6, generator=generator())
    got = model.objective(x, generator(1))
    mu, logvar = model.encode(x)
    eps = torch.randn(mu.shape, generator=generator(1))
    if make is AE:
        want = losses.ae_loss(x, model.decode(mu), mu)
    else:
        name = {VAE: "vae_loss", MIM: "mim_loss", CMIM: "cmim_loss", ContrastiveVAE: "contrastive_vae_loss"}[make]
        params = model.decode(losses.reparameterise(mu, logvar, eps))
        want = getattr(losses, name)(x, params, mu, logvar, eps)
    for term, value in want.items():
        torch.testing.assert_close(got[term], value)
    watched = {"gate", "mean_cosine", "code_norm", "frac_at_floor", "temperature", "shuffled"}
    assert set(got) - set(want) == watched


def test_infonce_compares_two_views():
    model = InfoNCE(16, 3, views=ShiftNoise(4, 4), hidden=(8,))
    x = torch.rand(9, 16, generator=generator())
    got = model.objective(x, generator(1))["loss"]
    views, g = ShiftNoise(4, 4), generator(1)
    a, b = (model.encode(views(x, g))[0] for _ in range(2))
    torch.testing.assert_close(got, losses.infonce_loss(a, b, 0.1)["loss"])


def test_shape_and_seed_of_the_parts():
    model = MIM(6, seed=4, **SMALL)
    assert isinstance(model.encoder, MLPEncoder) and isinstance(model.decoder, MLPDecoder)
    assert [tuple(p.shape) for p in model.encoder.parameters()] == [(8, 6), (8,), (5, 8), (5,), (6, 5), (6,)]
    assert [tuple(p.shape) for p in model.decoder.parameters()] == [(5, 3), (5,), (8, 5), (8,), (6, 8), (6,)]
    same, other = MIM(6, seed=4, **SMALL), MIM(6, seed=5, **SMALL)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))
    assert not torch.equal(model.encoder.head.weight, other.encoder.head.weight)


def test_no_hidden_layer():
    model = MIM(6, latent_dim=2, hidden=())
    assert model.decode(model.encode(torch.rand(3, 6, generator=generator()))[0]).shape == (3, 6)


def test_expected_is_the_mean_of_the_law():
    z = torch.zeros(2, 3)
    bernoulli, gaussian = MIM(6, **SMALL), MIM(6, likelihood="gaussian", **SMALL)
    torch.testing.assert_close(bernoulli.expected(z), torch.sigmoid(bernoulli.decode(z)))
    torch.testing.assert_close(gaussian.expected(z), gaussian.decode(z))


@pytest.mark.parametrize("make", [*AUTOENCODERS, lambda n, **k: InfoNCE(n, views=ShiftNoise(2, 3), **k)])
def test_checkpoint_round_trip(make, tmp_path):
    model = make(6, seed=3, **SMALL)
    got = cmim.load(model.save(tmp_path / "m"))
    assert got.config == model.config
    assert not got.training
    x = torch.rand(4, 6, generator=generator())
    assert torch.equal(got.encode(x)[0], model.encode(x)[0])
    if model.decoder is not None:
        z = torch.randn(4, 3, generator=generator())
        assert torch.equal(got.decode(z), model.decode(z))


def test_own_modules_need_themselves_to_load(tmp_path):
    model = CMIM(16, latent_dim=2, hidden=(8,), encoder=Conv())
    x = torch.rand(5, 1, 4, 4, generator=generator())
    assert model.encode(x)[0].shape == (5, 2)
    path = model.save(tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"encoder Conv, not MLPEncoder\. Pass `encoder=`"):
        cmim.load(path)
    assert torch.equal(cmim.load(path, encoder=Conv()).encode(x)[0], model.encode(x)[0])


def test_checkpoints_of_another_kind_or_version(tmp_path):
    config = MIM(6, **SMALL).config.to_dict()
    good = {"kind": "cmim.Model", "config": config, "encoder": "MLPEncoder", "decoder": "MLPDecoder"}
    weights = MIM(6, **SMALL).state_dict()
    cases = {
        "holds 'other'": ({**good, "kind": "other"}, weights),
        "configuration": ({**good, "config": {**config, "colour": 1}}, weights),
        "`objective`": ({**good, "config": {**config, "objective": "gan"}}, weights),
        "do not fit": (good, {**weights, "encoder.head.bias": torch.zeros(1)}),
    }
    for number, (match, (meta, state)) in enumerate(cases.items()):
        path = checkpoint.save(tmp_path / str(number), weights=state, meta=meta)
        with pytest.raises(CheckpointError, match=match):
            cmim.load(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("objective", "gan"),
        ("likelihood", "poisson"),
        ("scaling", "median"),
        ("n_features", 0),
        ("latent_dim", 0),
        ("sigma", 0.0),
        ("temperature", -1.0),
        ("w_x", -1.0),
        ("w_k", float("nan")),
        ("logvar_floor", 3.0),
        ("views", ShiftNoise(2, 3)),
    ],
)
def test_configuration_out_of_range(field, value):
    with pytest.raises(ParameterError, match=f"`{field}`"):
        ModelConfig(**{"objective": "mim", "n_features": 6, field: value})


def test_views_must_fit_the_features():
    with pytest.raises(ParameterError, match="`views` must be for 6 features"):
        ModelConfig("infonce", 6, views=ShiftNoise(2, 2))


def test_a_setting_that_does_not_apply_is_refused():
    with pytest.raises(TypeError, match="colour"):
        MIM(6, colour="red")
    with pytest.raises(TypeError, match="temperature"):
        AE(6, temperature=0.2)
    with pytest.raises(TypeError, match="variance"):  # its codes have no noise
        AE(6, variance="fixed")


def test_infonce_has_no_decoder():
    model = InfoNCE(6, 3, views=None, hidden=(4,))
    with pytest.raises(ParameterError, match="decode: an InfoNCE model"):
        model.decode(torch.zeros(1, 3))
    with pytest.raises(ParameterError, match="`decoder`"):
        Model(model.config, decoder=MLPDecoder(3, 6, (4,), generator()))


def test_parts_must_be_modules():
    make = getattr(Model.__init__, "__wrapped__", Model.__init__)
    with pytest.raises(ParameterError, match=r"`encoder` must be a torch\.nn\.Module; got function"):
        make(Model.__new__(Model), MIM(6, **SMALL).config, encoder=lambda x: (x, x))


def test_views_shift_by_whole_pixels_and_fill_with_zeros():
    view = ShiftNoise(3, 4, max_shift=2, noise=0.0)
    x = torch.arange(1.0, 13.0).repeat(200, 1)
    seen = set()
    image = x[0].reshape(3, 4)
    for row in view(x, generator()):
        got = row.reshape(3, 4)
        matches = []
        for down in range(-2, 3):
            for right in range(-2, 3):
                padded = torch.zeros(7, 8)
                padded[2 + down : 5 + down, 2 + right : 6 + right] = image
                if torch.equal(padded[2:5, 2:6], got):
                    matches.append((down, right))
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 25  # each of 25 shifts is missed by 200 draws with probability 25 * (24/25)^200 = 0.007


def test_views_noise_and_seed():
    view, x = ShiftNoise(3, 4, max_shift=0, noise=0.5), torch.zeros(500, 12)
    a = view(x, generator())
    assert torch.equal(a, view(x, generator()))
    assert not torch.equal(a, view(x, generator(1)))
    assert a.std().item() == pytest.approx(0.5, abs=0.02)  # s.e. 0.5 / sqrt(2 * 6000) = 0.005


@pytest.mark.parametrize("settings", [{"height": 0}, {"max_shift": 2}, {"max_shift": -1}, {"noise": -0.1}])
def test_views_out_of_range(settings):
    with pytest.raises(ParameterError, match=f"`{next(iter(settings))}`"):
        ShiftNoise(**{"height": 2, "width": 3, **settings})
