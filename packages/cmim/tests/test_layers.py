"""Reading a layer gives what a hook written by hand sees, changes nothing, and the controls do what they say."""

import random
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import cmim
from cmim.layers import randomised, read_layer
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError
from infocore.torch.layers import linear, mlp


def source(seed=0):
    return torch.Generator().manual_seed(seed)


X = torch.rand(11, 6, generator=source())
PAD, BOS, EOS = 0, 1, 2
LENGTHS = (4, 2, 5, 3, 1)  # of the letters, without EOS
WORDS = torch.zeros(5, 6, dtype=torch.long)
for row, length in enumerate(LENGTHS):
    WORDS[row, :length] = torch.randint(3, 9, (length,), generator=source(row))
    WORDS[row, length] = EOS


NESTED = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")


def redrawn(module, seed=0):
    """Draw the parameters of a module made by `skip_init` or on the meta device."""
    generator = source(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.uniform_(-0.4, 0.4, generator=generator)
    return module


class Auto(nn.Module):
    """Encoder and decoder of vectors; a code, and a decoder that may not listen."""

    def __init__(self, listens=True):
        super().__init__()
        self.encoder = mlp((6, 5, 3), source(1))
        self.decoder = mlp((3 if listens else 6, 8, 8, 6), source(2))
        self.listens = listens

    def forward(self, x):
        z = self.encoder(x)
        return self.decoder(z if self.listens else x)


class Words(nn.Module):
    """Tokens with padding to a code and back, with teacher forcing, by torch's own transformer parts."""

    def __init__(self, batch_first=True):
        super().__init__()
        self.batch_first = batch_first
        with torch.random.fork_rng():
            torch.manual_seed(0)
            own = {"d_model": 16, "nhead": 2, "dim_feedforward": 24, "dropout": 0.3, "batch_first": batch_first}
            self.embed = nn.Embedding(9, 16)
            layer = nn.TransformerEncoderLayer(**own)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.code = nn.Linear(16, 4)
            self.memory = nn.Linear(4, 16)
            self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**own), 2, norm=nn.LayerNorm(16))
            self.vocabulary = nn.Linear(16, 9)

    def forward(self, tokens):
        padding = tokens == PAD
        fed = torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], 1)
        causal = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        turned = (lambda h: h) if self.batch_first else (lambda h: h.transpose(0, 1))
        h = turned(self.encoder(turned(self.embed(tokens)), src_key_padding_mask=padding))
        pooled = h.masked_fill(padding[..., None], 0).sum(1) / (~padding).sum(1, keepdim=True)
        memory = self.memory(self.code(pooled))[:, None]
        h = self.decoder(turned(self.embed(fed)), turned(memory), tgt_mask=causal, tgt_key_padding_mask=padding)
        return self.vocabulary(h)


def real(tokens):
    return tokens != PAD


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
