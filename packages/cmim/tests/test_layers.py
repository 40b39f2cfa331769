"""Reading a layer gives what a hook written by hand sees, and changes nothing."""

import random
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import cmim
from cmim.layers import read_layer
from infocore.errors import NonFiniteError, ParameterError, ShapeError
from infocore.torch.layers import linear

from .layer_models import LENGTHS, WORDS, Auto, Words, X, real, source

NESTED = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")


def redrawn(module, seed=0):
    """Draw the parameters of a module made by `skip_init` or on the meta device."""
    generator = source(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.uniform_(-0.4, 0.4, generator=generator)
    return module


def hooks(module):
    return [len(sub._forward_hooks) + len(sub._forward_pre_hooks) for sub in module.modules()]


def test_our_own_models_give_their_informative_embedding():
    model = cmim.MIM(6, latent_dim=2, hidden=(8, 5))
    own = {"call": lambda m, b: m.decode(m.encode(b)[0])}
    got = read_layer(model, "decoder.head", [X], where="input", **own)
    assert torch.equal(got, cmim.informative(model, X))
    assert torch.equal(read_layer(model, "decoder.head", [X], **own), cmim.informative(model, X, where="params"))
    assert torch.equal(read_layer(model, model.decoder.trunk, [X], **own), got)
    torch.testing.assert_close(read_layer(model, "decoder.trunk", X.split(3), **own), got)


def test_what_is_read_is_plain_numbers():
    got = read_layer(Auto().double(), "decoder.3", [X.double()])
    assert (got.dtype, got.device.type, got.requires_grad, got.shape) == (torch.float32, "cpu", False, (11, 8))
    assert read_layer(Auto(), "decoder.3", [X], pool=lambda h: h.double()).dtype == torch.float32


def test_means_are_taken_in_float32():
    x = torch.cat([torch.full((3, 1), 256.0), torch.ones(3, 99)], 1).bfloat16()  # 256 + 1 is 256 in bfloat16
    for mask in (None, lambda b: torch.ones(len(b), 100, dtype=torch.bool)):
        got = read_layer(nn.Sequential(nn.Unflatten(1, (100, 1))), "0", [x], mask=mask)
        torch.testing.assert_close(got, torch.full((3, 1), 3.55))


@pytest.mark.parametrize("batch_first", [True, False])
def test_masked_mean_against_a_loop(batch_first):
    model = Words(batch_first).train()
    seen = []
    handle = model.vocabulary.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model.eval()
    with torch.no_grad():
        model(WORDS)
    handle.remove()
    model.train()
    h = seen[0] if batch_first else seen[0].transpose(0, 1)
    want = torch.stack([h[i, : length + 1].mean(0) for i, length in enumerate(LENGTHS)])  # + 1: EOS counts
    own = {"mask": real, "batch_dim": 0 if batch_first else 1}
    got = read_layer(model, "vocabulary", [WORDS], where="input", **own)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(read_layer(model, "decoder.norm", WORDS.split(2), **own), want)
    without = read_layer(model, "decoder.norm", [WORDS], batch_dim=own["batch_dim"])
    torch.testing.assert_close(without, h.mean(1))
    assert not torch.allclose(without, got, atol=1e-3)


def test_more_padding_does_not_matter():
    wider = torch.cat([WORDS, torch.zeros(5, 3, dtype=torch.long)], 1)
    got = [read_layer(Words(), "vocabulary", [w], where="input", mask=real) for w in (WORDS, wider)]
    torch.testing.assert_close(*got)


def test_padding_may_hold_anything():
    class Holed(nn.Module):
        def forward(self, x):
            return torch.stack([x, x * torch.nan], 1)

    model = nn.Sequential(Holed())
    mask = lambda b: torch.tensor([True, False]).expand(len(b), 2)  # noqa: E731
    assert torch.equal(read_layer(model, "0", [X], mask=mask), X)
    with pytest.raises(NonFiniteError, match="11 of 11"):
        read_layer(model, "0", [X])


def test_ways_to_pool():
    class Image(nn.Module):
        def forward(self, x):
            return x.view(-1, 3, 2, 1)

    model = nn.Sequential(nn.Unflatten(1, (3, 2)), Image())
    assert torch.equal(read_layer(model, "0", [X], pool="none"), X)
    for pool in ("auto", "mean"):
        torch.testing.assert_close(read_layer(model, "0", [X], pool=pool), X.view(-1, 3, 2).mean(1))
    got = read_layer(model, "1", [X], pool=lambda h: h.mean((2, 3)))
    torch.testing.assert_close(got, X.view(-1, 3, 2).mean(2))
    with pytest.raises(ShapeError, match=r"\(11, 3, 2, 1\).*Give a function"):
        read_layer(model, "1", [X])
    with pytest.raises(ShapeError, match=r"`pool` must give.*\(3,\)"):
        read_layer(model, "0", [X], pool=lambda h: h.mean((0, 2)))
    for own in ({"pool": "mean"}, {"mask": real}):
        with pytest.raises(ShapeError, match=r"\(11, 5\).*needs \(B, T, H\)"):
            read_layer(Auto(), "encoder.0", [X], **own)


def test_functions_in_place_come_too_late():
    model = nn.Sequential(linear(6, 4, source()), nn.ReLU(inplace=True))
    want = model[0](X).detach()
    assert (want < 0).any()
    assert torch.equal(read_layer(model, "0", [X]), want)
    assert torch.equal(read_layer(model, "1", [X], where="input"), want)


@NESTED
def test_first_tensors():
    class Several(nn.Module):
        def __init__(self, give):
            super().__init__()
            self.give = give

        def forward(self, x=None, *, y=None):
            return self.give(x if y is None else y)

    def read(give, **own):
        return read_layer(nn.Sequential(Several(give)), "0", [X], **own)

    assert torch.equal(read(lambda x: ("no tensor", x, 2 * x)), X)
    assert torch.equal(read(lambda x: SimpleNamespace(last_hidden_state=x, pooled=None)), X)
    outer = Auto()
    outer.part = Several(lambda y: y)
    by_keyword = lambda m, b: m.part(y=b)  # noqa: E731
    assert torch.equal(read_layer(outer, "part", [X], where="input", call=by_keyword), X)
    packed = nn.utils.rnn.pack_sequence([X[0], X[1]])
    nested = torch.nested.as_nested_tensor([X[:2], X[2:]])
    for give, message in (
        (lambda x: {"x": x}, "gave a dict"),
        (lambda x: ("a", None), "gave a tuple of str, NoneType"),
        (lambda x: packed, "gave a PackedSequence"),
        (lambda x: nested, "gave a nested tensor.*set_fastpath_enabled"),
    ):
        with pytest.raises(ParameterError, match=message):
            read(give)
    with pytest.raises(ParameterError, match="was given a tuple of str"):
        read_layer(outer, "part", [X], where="input", call=lambda m, b: m.part("a"))


@NESTED
def test_the_fast_path_of_torch():
    layer = redrawn(nn.utils.skip_init(nn.TransformerEncoderLayer, 8, 2, 16, dropout=0.0, batch_first=True))
    model = nn.TransformerEncoder(layer, 2)
    x = torch.rand(4, 5, 8, generator=source())
    padding = torch.arange(5) > torch.tensor([4, 2, 3, 1])[:, None]
    own = {"call": lambda m, b: m(b, src_key_padding_mask=padding), "mask": lambda b: ~padding}
    with pytest.raises(ParameterError, match=r"nested tensor.*set_fastpath_enabled"):
        read_layer(model, "layers.1", [x], **own)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        got = read_layer(model, "layers.1", [x], **own)
        with torch.no_grad():
            h = model(x, src_key_padding_mask=padding)  # in training mode: no fast path, and no dropout here
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    torch.testing.assert_close(got, torch.stack([h[i, :n].mean(0) for i, n in enumerate((5, 3, 4, 2))]))


def test_batches_of_every_kind():
    Pair = namedtuple("Pair", "x scale")

    class Less(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Identity()

        def forward(self, x, scale):
            return self.last(x - scale)

    two = torch.tensor(2.0)
    for batch in ((X, two), [X, two], {"x": X, "scale": two}, Pair(X, 2), {"scale": two, "x": X}):
        assert torch.equal(read_layer(Less(), "last", [batch], device="cpu"), X - 2)
    texts = [["ab", "c"], ["def"]]  # a module that reads text: how many rows is its own business
    got = read_layer(Less(), "last", texts, call=lambda m, b: m(torch.tensor([[float(len(t))] for t in b]), 1))
    assert got.tolist() == [[1.0], [0.0], [2.0]]
    for batch in ((X, two), {"x": X, "scale": two}):
        with pytest.raises(ShapeError, match="for a batch of 11 rows"):
            read_layer(Less(), "last", [batch], call=lambda m, b: m(X[:5], 1))


def test_batches_go_where_the_module_is():
    class Where(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64, device="meta"))
            self.seen = []

        def forward(self, x):
            self.seen.append(x)
            return torch.zeros(len(x), 1)

    model = nn.Sequential(Where())
    read_layer(model, "0", [X], call=lambda m, b: m(b))
    read_layer(model, "0", [X], device="cpu")
    assert [x.device.type for x in model[0].seen] == ["meta", "cpu"]
    for nest, own in ((lambda x: {"x": x}, "x"), (lambda x: [x], 0), (lambda x: (x,), 0)):
        read_layer(model, "0", [nest(X)], call=lambda m, b, own=own: m(b[own]))
    assert [x.device.type for x in model[0].seen[2:]] == ["meta"] * 3


def test_calls_of_a_layer():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.ReLU()

        def forward(self, x):
            for _ in range(3):
                x = self.step(x + 1)
            return x

    for index, added in ((0, 1), (1, 2), (-1, 3), (2, 3)):
        torch.testing.assert_close(read_layer(Loop(), "step", [X], call_index=index), X + added)
    with pytest.raises(ParameterError, match=r"3 times.*call_index=-1"):
        read_layer(Loop(), "step", [X])
    for index in (3, -4):
        with pytest.raises(ParameterError, match=f"`call_index` is {index}.*3 time"):
            read_layer(Loop(), "step", [X], call_index=index)


def test_nothing_is_left_behind():
    model = Words().train()
    model.encoder.eval()
    model.decoder.layers[0].dropout1.eval()
    modes = [sub.training for sub in model.modules()]
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    stream, states = torch.get_rng_state(), (random.getstate(), np.random.get_state()[1].tobytes())  # noqa: NPY002
    for code in ("own", "shuffled"):
        a, b = (read_layer(model, "decoder", [WORDS], code_layer="code", code=code, mask=real) for _ in range(2))
        assert torch.equal(a, b)  # dropout is off
    with pytest.raises(ZeroDivisionError):
        read_layer(model, "decoder", [WORDS], code_layer="code", call=lambda m, b: (torch.rand(1), m(b), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        read_layer(model, "decoder", [WORDS], where="input", pool=lambda h: 1 / 0)
    assert [sub.training for sub in model.modules()] == modes
    assert hooks(model) == [0] * len(modes)
    assert torch.equal(torch.get_rng_state(), stream)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == states  # noqa: NPY002
    assert torch.is_grad_enabled()
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())


def test_hooks_of_the_user_stay_and_are_heard():
    model = Auto()
    handle = model.decoder[3].register_forward_hook(lambda module, args, out: out + 1)
    got = read_layer(model, "decoder.3", [X])
    assert sum(hooks(model)) == 1
    handle.remove()
    torch.testing.assert_close(got, read_layer(model, "decoder.3", [X]) + 1)


def test_random_codes_are_drawn_at_the_seed():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    model = nn.Sequential(Noisy())
    a, b, other = (read_layer(model, "0", X.split(4), seed=seed) for seed in (5, 5, 6))
    assert torch.equal(a, b) and not torch.equal(a, other)
    noise = (a - X)[:4] - (a - X)[4:8]
    assert noise.abs().min() > 1e-4  # a stream for all batches, not the same draws for each
