"""Layers, codes, masks, rows and settings that reading a layer refuses, and what it says of them."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import cmim
from cmim.layers import read_layer
from infocore.errors import KindError, ParameterError, ShapeError

from .layer_models import WORDS, Auto, Words, X, real


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("decoder.hed", "no 'decoder.hed'.*Close to it: decoder.head"),
        ("zzz", r"no 'zzz'. The last are: .*decoder\.head"),
        (nn.Linear(1, 1, device="meta"), r"`layer` \(Linear\) is not a part"),
    ],
)
def test_layers_that_are_not_there(layer, message):
    with pytest.raises(ParameterError, match=message):
        read_layer(cmim.MIM(6, latent_dim=2, hidden=(8,)), layer, [X])


def test_layers_that_are_never_called():
    model = Auto()
    model.unused = nn.Identity()
    with pytest.raises(ParameterError, match="without calling `layer`"):
        read_layer(model, "unused", [X])
    with pytest.raises(ParameterError, match="`code_layer` was called never"):
        read_layer(model, "decoder.3", [X], code_layer="unused", code="zero")
    with pytest.raises(ParameterError, match="`code_layer` was called only after `layer`"):
        read_layer(model, "encoder.0", [X], code_layer="encoder", code="zero")
    with pytest.raises(ParameterError, match=r"no 'encode'\. Close to it: encoder"):
        read_layer(model, "decoder.3", [X], code_layer="encode")


def test_codes_that_are_not_one_tensor():
    class Split(nn.Module):
        def __init__(self, give):
            super().__init__()
            self.give = give

        def forward(self, x):
            return self.give(x)

    last = nn.Flatten(0, -1)
    for give, message in (
        (lambda x: (x, x), "must be one tensor.*got a tuple of Tensor, Tensor"),
        (lambda x: SimpleNamespace(z=x), "got a SimpleNamespace"),
        (lambda x: x.sum(), r"got a tensor of shape \(\)"),
    ):
        with pytest.raises(ParameterError, match=message):
            read_layer(nn.Sequential(Split(give), last), "1", [X], code_layer="0", code="zero")
    with pytest.raises(ShapeError, match=r"`code_layer` gave shape \(1, 11, 6\) for a batch of 11 rows"):
        read_layer(nn.Sequential(Split(lambda x: x[None]), last), "1", [X], code_layer="0", code="shuffled")


def test_rows_that_are_not_samples():
    class Turned(nn.Module):
        def forward(self, x):
            return x.T

    model = nn.Sequential(Turned())
    with pytest.raises(ShapeError, match=r"shape \(6, 11\), for a batch of 11 rows.*`batch_dim`"):
        read_layer(model, "0", [X])
    assert torch.equal(read_layer(model, "0", [X], batch_dim=1), X)
    with pytest.raises(ShapeError, match=r"samples \(axis 2\)"):
        read_layer(model, "0", [X], batch_dim=2)
    with pytest.raises(ShapeError, match="for a batch of 6 or 11 rows"):
        read_layer(nn.Sequential(nn.Identity()), "0", [X], batch_dim=1, call=lambda m, b: m(b[:, :5]))
    for pool in ("auto", "none"):
        with pytest.raises(ShapeError, match=r"shape \(11,\); need samples"):
            read_layer(nn.Sequential(nn.Flatten(0)), "0", [X[:, :1]], pool=pool)


def test_widths_that_differ_between_batches():
    model = nn.Sequential(nn.Unflatten(1, (-1, 2)))
    batches = [X, X[:, :4]]
    with pytest.raises(ShapeError, match="4, 6 columns"):
        read_layer(model, "0", batches, pool="none")
    assert read_layer(model, "0", batches).shape == (22, 2)


def test_masks_that_cannot_be():
    model = Words()
    own = {"layer": "vocabulary", "batches": [WORDS], "where": "input"}
    with pytest.raises(ParameterError, match=r"no position of 1 of 5 rows of a batch \(row 3"):
        read_layer(model, mask=lambda b: real(b) & (torch.arange(5) != 3)[:, None], **own)
    with pytest.raises(KindError, match=r"torch.int64. Add `.bool\(\)`"):
        read_layer(model, mask=lambda b: real(b).long(), **own)
    with pytest.raises(ShapeError, match=r"\(B, T\) = \(5, 6\).*got \(5, 5\)"):
        read_layer(model, mask=lambda b: real(b)[:, 1:], **own)
    for pool in ("none", lambda h: h[:, -1]):
        with pytest.raises(ParameterError, match="`mask` is for the mean"):
            read_layer(model, mask=real, pool=pool, **own)


def test_settings_that_cannot_be():
    model = Auto()
    for own, message in (
        ({"where": "hidden"}, "`where`.*'hidden'"),
        ({"pool": "max"}, "`pool`.*'max'"),
        ({"code": "other"}, "`code`.*'other'"),
        ({"code": "zero"}, "code='zero' needs `code_layer`"),
        ({"seed": -1}, "read_layer: `seed`.*-1"),
    ):
        with pytest.raises(ParameterError, match=message):
            read_layer(model, "decoder.3", [X], **own)
    for batches in (X, {"x": X}):
        with pytest.raises(ParameterError, match="iterable of batches; got one"):
            read_layer(model, "decoder.3", batches)
    with pytest.raises(ShapeError, match="`batches` is empty"):
        read_layer(model, "decoder.3", iter([]))
    with pytest.raises(ParameterError, match="got a batch of 1"):
        read_layer(model, "decoder.3", X.split(5), code_layer="encoder", code="shuffled")
    with pytest.raises(KindError, match=r"torch\.complex64"):
        read_layer(nn.Sequential(nn.Identity()), "0", [X.to(torch.complex64)])
