import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from infocore.errors import ParameterError  # noqa: E402
from mid.torch.bottleneck import bottleneck_objective  # noqa: E402
from mid.torch.classifier import MIDClassifier  # noqa: E402
from mid.torch.networks import CNN, MLP, Plain, with_bottleneck  # noqa: E402
from mid.torch.optimizers import SGD, Adam  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=6, width=128, seed=1):
    return torch.randn(n, width, generator=seeded(seed))


def test_mlp_is_matrix_products_and_relus():
    stack, x = MLP((7, 5)).build(4, seeded()), rows(width=4)
    (w1, b1), (w2, b2) = ((block[0].weight, block[0].bias) for block in stack.blocks)
    first = torch.clamp(x @ w1.T + b1, min=0)
    second = torch.clamp(first @ w2.T + b2, min=0)
    for got, want in zip(stack.layers(x), (first, second), strict=True):
        torch.testing.assert_close(got, want)
    torch.testing.assert_close(stack(x), second)
    assert stack.out_features == 5


@pytest.mark.parametrize("norm", ["group", "batch", "none"])
def test_cnn_is_its_operations_in_their_order(norm):
    cnn = CNN((2, 8, 8), channels=(16, 8), width=5, norm=norm)
    stack, x = cnn.build(128, seeded()), rows()
    h = x.reshape(6, 2, 8, 8)
    for block, groups in zip(stack.blocks[:2], (8, 8), strict=True):
        conv = next(part for part in block if isinstance(part, nn.Conv2d))
        h = functional.conv2d(h, conv.weight, conv.bias, padding=1)
        if norm == "group":
            h = functional.group_norm(h, groups)
        if norm == "batch":
            h = (h - h.mean((0, 2, 3), keepdim=True)) / (h.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        h = functional.max_pool2d(torch.clamp(h, min=0), 2)
    last = stack.blocks[2][1]
    want = torch.clamp(h.flatten(1) @ last.weight.T + last.bias, min=0)
    torch.testing.assert_close(stack(x), want, atol=1e-5, rtol=1e-4)


def test_cnn_reads_rows_as_channels_height_width():
    stack = CNN((3, 4, 5), channels=(8,), norm="none").build(60, seeded())
    x = torch.arange(60.0)[None]
    assert stack.blocks[0][0](x)[0, 2, 3, 4] == 59
    assert stack.blocks[0][0](x)[0, 1, 0, 0] == 20


def test_small_images_are_pooled_until_one_pixel_is_left():
    stack = CNN((1, 3, 2), channels=(16, 16, 16), norm="none", width=4).build(6, seeded())
    assert [tuple(layer.shape) for layer in stack.layers(rows(width=6))] == [(6, 16, 1, 1)] * 3 + [(6, 4)]


def test_starting_weights_come_from_the_generator_and_follow_torchs_law():
    build = lambda seed: CNN((4, 8, 8), channels=(256,), norm="none").build(256, seeded(seed))  # noqa: E731
    first, second, other = (build(seed).blocks[0][1].weight for seed in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    # uniform in +-1/sqrt(36): 9 216 weights, their s.d. is known to 0.6 %
    assert first.std().item() == pytest.approx(1 / 6 / 3**0.5, rel=0.02)
    assert first.abs().max().item() <= 1 / 6


def test_dropout_is_of_training_only_and_repeats_with_its_seed():
    x = np.random.default_rng(0).random((40, 64)).astype(np.float32)
    y = np.arange(40) % 2

    def made(seed, dropout):
        cnn = CNN((1, 8, 8), channels=(8,), width=16, dropout=dropout)
        return MIDClassifier(beta=None, network=cnn, epochs=2, random_state=seed).fit(x, y)

    first, second, without = made(0, 0.5), made(0, 0.5), made(0, 0.0)
    assert (first.logits(x) == second.logits(x)).all()
    assert not (first.logits(x) == without.logits(x)).any()


def test_any_module_gets_a_bottleneck():
    body = MLP((6,)).build(4, seeded())
    network = with_bottleneck(body, 6, classes=3, bottleneck=2, generator=seeded(2))
    x, y = rows(width=4), torch.tensor([0, 1, 2, 0, 1, 2])
    terms = bottleneck_objective(network, (x, y), 0.1, generator=seeded())
    terms["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in body.parameters())
    out = network(x, sample=False)
    torch.testing.assert_close(out.mu, network.head.encode(body(x))[0])
    assert out.z.shape == (6, 2)
    assert out.logits.shape == (6, 3)


def test_plain_network_is_features_and_a_last_layer():
    network = Plain(MLP((6,)).build(4, seeded()), nn.utils.skip_init(nn.Linear, 6, 2))
    with torch.no_grad():
        network.head.weight.fill_(2.0)
        network.head.bias.fill_(1.0)
    x = rows(width=4)
    torch.testing.assert_close(network(x)[:, 0], 2 * network.features(x).sum(1) + 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (1, 8)}, "`shape`"),
        ({"shape": (0, 8, 8)}, "`shape`"),
        ({"shape": (1, 8, 8), "channels": ()}, "`channels`"),
        ({"shape": (1, 8, 8), "channels": (8, 0)}, "`channels`"),
        ({"shape": (1, 8, 8), "width": 0}, "`width`"),
        ({"shape": (1, 8, 8), "norm": "layer"}, "`norm`"),
        ({"shape": (1, 8, 8), "dropout": 1.0}, "`dropout`"),
        ({"shape": (1, 1, 1), "channels": (16,)}, "2 values at a time .*wipes out"),
        ({"shape": (1, 2, 2), "channels": (16, 8)}, "1 values at a time"),
    ],
)
def test_cnn_refusals(settings, message):
    with pytest.raises(ParameterError, match=f"CNN: .*{message}|CNN: {message}"):
        CNN(**settings)


def test_other_refusals():
    with pytest.raises(ParameterError, match="MLP: `hidden`"):
        MLP(())
    with pytest.raises(ParameterError, match=r"64 values; the data have 60 columns"):
        CNN((1, 8, 8)).build(60, seeded())
    for make, name in (
        (lambda: Adam(betas=(0.9, 1.0)), "Adam: `betas`"),
        (lambda: Adam(weight_decay=-1.0), "Adam: `weight_decay`"),
        (lambda: SGD(momentum=1.0), "SGD: `momentum`"),
        (lambda: SGD(weight_decay=float("inf")), "SGD: `weight_decay`"),
    ):
        with pytest.raises(ParameterError, match=name):
            make()
