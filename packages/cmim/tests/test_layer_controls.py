"""Controls of what a layer tells: codes of zeros, of other rows, and models with random weights."""

import pytest
import torch
from torch import nn

from cmim.layers import randomised, read_layer
from infocore.errors import ParameterError
from infocore.torch.layers import linear

from .layer_models import WORDS, Auto, Words, X, real, source


@pytest.mark.parametrize("code", ["own", "zero", "shuffled"])
def test_codes_sent_on_by_hand(code):
    model = Auto()
    got = read_layer(model, "decoder.4", X.split(4), where="input", code_layer="encoder", code=code, seed=3)
    with torch.no_grad():
        z = model.encoder(X)
        if code == "zero":
            want = model.decoder[:4](torch.zeros_like(z))
            torch.testing.assert_close(got, want)
            return
        h = model.decoder[:4](z)
    if code == "own":
        torch.testing.assert_close(got, h)
        torch.testing.assert_close(read_layer(model, "decoder.3", [X]), h)
        return
    for start in (0, 4, 8):  # every row is another row of its batch, and each is used once
        part = h[start : start + 4]
        near = torch.cdist(got[start : start + 4], part) < 1e-6
        assert near.sum(0).tolist() == near.sum(1).tolist() == [1] * len(part)
        assert not near.diagonal().any()


@pytest.mark.parametrize("seed", range(20))
def test_no_row_keeps_its_own_code(seed):
    model = nn.Sequential(nn.Identity(), nn.Identity())
    rows = torch.arange(3.0)[:, None]
    got = read_layer(model, "1", [rows, rows], code_layer="0", code="shuffled", seed=seed)
    assert sorted(got[:3].flatten().tolist()) == [0, 1, 2]
    assert not (got == torch.cat([rows, rows])).any()
    assert torch.equal(got, read_layer(model, "1", [rows, rows], code_layer="0", code="shuffled", seed=seed))


def test_shuffles_differ_between_seeds_and_batches():
    model = nn.Sequential(nn.Identity(), nn.Identity())
    rows = torch.arange(50.0)[:, None]
    a, b = (read_layer(model, "1", [rows, rows], code_layer="0", code="shuffled", seed=seed) for seed in (0, 1))
    assert not torch.equal(a, b)
    assert not torch.equal(a[:50], a[50:])


def test_a_decoder_that_ignores_the_code_and_one_that_has_nothing_else():
    deaf, hearing = Auto(listens=False), Auto()
    for code in ("zero", "shuffled"):
        own = {"code_layer": "encoder", "code": code}
        assert torch.equal(read_layer(deaf, "decoder.3", [X], **own), read_layer(deaf, "decoder.3", [X]))
        assert not torch.allclose(read_layer(hearing, "decoder.3", [X], **own), read_layer(hearing, "decoder.3", [X]))
    zero = read_layer(hearing, "decoder.3", [X], code_layer="encoder", code="zero")
    assert (zero == zero[0]).all()


def test_teacher_forcing_tells_the_data_without_the_code():
    own = {"where": "input", "mask": real, "code_layer": "code"}
    model = Words()
    zero = read_layer(model, "vocabulary", [WORDS], code="zero", **own)
    assert torch.cdist(zero, zero).add(torch.eye(5)).min() > 0.01  # zero codes, and every row is still another
    assert not torch.allclose(zero, read_layer(model, "vocabulary", [WORDS], **own), atol=1e-4)
    assert not torch.allclose(zero, read_layer(model, "vocabulary", [WORDS], code="shuffled", **own), atol=1e-4)


def test_a_layer_may_be_its_own_code_layer():
    got = read_layer(Auto(), "encoder", [X], code_layer="encoder", code="zero")
    assert torch.equal(got, torch.zeros(11, 3))


def test_randomised_is_another_draw_and_leaves_the_rest():
    model = Words()
    with torch.no_grad():
        model.decoder.norm.weight.uniform_(1, 2, generator=source())
        model.decoder.layers[0].self_attn.in_proj_weight.add_(5)
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    stream = torch.get_rng_state()
    other, same, third = (randomised(model, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())
    for key, value in other.state_dict().items():
        assert torch.equal(value, same.state_dict()[key])
        if value.unique().numel() > 1:
            assert not torch.equal(value, kept[key])
            assert not torch.equal(value, third.state_dict()[key])
    assert torch.equal(other.decoder.norm.weight, torch.ones(16))  # by its own law, not permuted
    attention = other.decoder.layers[0].self_attn
    reach = (6 / (16 + 48)) ** 0.5  # Xavier's law: uniform, |w| < sqrt(6 / (in + out))
    assert 0.95 * reach < attention.in_proj_weight.abs().max() <= reach
    assert not attention.in_proj_bias.any()


def test_randomised_draws_by_the_law_of_each_layer():
    want = nn.utils.skip_init(nn.Linear, 6, 4)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        want.reset_parameters()
    got = randomised(linear(6, 4, source()), 7)
    assert torch.equal(got.weight, want.weight) and torch.equal(got.bias, want.bias)


def test_randomised_in_part():
    model = Auto().eval()
    for part in ("decoder", model.decoder):
        other = randomised(model, 0, part=part)
        for a, b in zip(model.encoder.parameters(), other.encoder.parameters(), strict=True):
            assert torch.equal(a, b) and a is not b
        assert not torch.equal(model.decoder[0].weight, other.decoder[0].weight)
        assert not other.training
    bound = 1 / 8**0.5  # torch's law for 8 inputs
    assert 0.9 * bound < other.decoder[2].weight.abs().max() <= bound


def test_randomised_permutes_what_cannot_be_drawn():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.arange(40.0).view(4, 10))
            self.register_buffer("fixed", torch.arange(3.0))

    class Stubborn(Scale):
        def reset_parameters(self):
            """Change nothing, as torch's own do for parameters that weight normalisation made."""

    normalised = nn.utils.parametrizations.weight_norm(linear(6, 4, source()))
    model = nn.Sequential(Scale(), Stubborn(), normalised)
    other = randomised(model, 0)
    for i in (0, 1):
        assert not torch.equal(other[i].scale, model[i].scale)
        assert sorted(other[i].scale.flatten().tolist()) == list(range(40))
        assert torch.equal(other[i].fixed, model[i].fixed)
    for key, p in model[2].named_parameters():
        assert not torch.equal(p, other[2].get_parameter(key))
    assert not torch.equal(model[2](X), other[2](X))


def test_randomised_resets_running_statistics():
    model = nn.Sequential(nn.BatchNorm1d(6))
    model(X + 5)
    assert randomised(model, 0)[0].running_mean.tolist() == [0.0] * 6
    assert model[0].running_mean.min() > 0.4


def test_randomised_refuses():
    with pytest.raises(ParameterError, match=r"randomised: `part`.*no 'decodr'\. Close to it: decoder"):
        randomised(Auto(), 0, part="decodr")
    with pytest.raises(ParameterError, match="randomised: `seed`"):
        randomised(Auto(), -1)
    with pytest.raises(ParameterError, match="no shape yet"):
        randomised(nn.Sequential(nn.LazyLinear(3, device="meta")), 0)
    assert randomised(nn.Sequential(nn.LazyLinear(3, device="meta"), linear(6, 4, source())), 0, part="1")
