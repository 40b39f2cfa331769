import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.distributions import Normal, kl_divergence  # noqa: E402
from torch.nn import functional  # noqa: E402

from infocore.errors import ParameterError, ShapeError  # noqa: E402
from mid.torch import BottleneckHead, bottleneck_objective, divergence, information_loss  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def features(n=50, width=12, seed=1):
    return torch.randn(n, width, generator=seeded(seed), dtype=torch.float64)


def test_golden_divergence_at_the_start():
    # by hand: std = ln(1 + e^-5) = 0.0067153, -0.5 (1 + 2 ln std - std^2) = 4.50338
    std = torch.full((1, 1), math.log1p(math.exp(-5)), dtype=torch.float64)
    assert std.item() == pytest.approx(0.0067153, abs=5e-8)
    assert divergence(torch.zeros_like(std), std).item() == pytest.approx(4.50338, abs=1e-5)
    head = BottleneckHead(12, 3, bottleneck=6).double()
    with torch.no_grad():
        head.statistics.weight.zero_()
        head.statistics.bias.zero_()
    assert head(features(), seeded()).information.item() / 6 == pytest.approx(4.50338, abs=1e-5)


def test_divergence_against_torch_distributions():
    mu, std = features(), features(seed=2).abs() + 1e-3
    prior = Normal(torch.zeros_like(mu), torch.ones_like(std))
    want = kl_divergence(Normal(mu, std), prior).sum(1)
    torch.testing.assert_close(divergence(mu, std), want, atol=1e-6, rtol=0)
    assert information_loss(mu, std).item() == pytest.approx(
        want.mean().item(), abs=1e-9
    )  # a sum over k, a mean over B


def test_information_loss_gradient():
    mu, std = features(4, 3).requires_grad_(), (features(4, 3, seed=2).abs() + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(information_loss, (mu, std))


def test_head_is_equations_30_to_33():
    head, h = BottleneckHead(12, 3).double(), features()
    out = head(h, seeded(5))
    both = h @ head.statistics.weight.T + head.statistics.bias
    assert both.shape == (50, 12)  # k = F // 2 = 6, twice
    torch.testing.assert_close(out.mu, both[:, :6])
    torch.testing.assert_close(out.std, torch.log1p(torch.exp(both[:, 6:] - 5.0)))
    noise = torch.randn(50, 6, generator=seeded(5), dtype=torch.float64)
    torch.testing.assert_close(out.z, out.mu + out.std * noise)
    torch.testing.assert_close(out.logits, out.z @ head.classifier.weight.T + head.classifier.bias)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_noise_in_training_and_in_evaluation(mode):
    head, h = getattr(BottleneckHead(12, 3), mode)(), features().float()
    generator = seeded()
    first, second = head(h, generator), head(h, generator)
    # 600 differences with s.d. sqrt(2) std: their root mean square is known to 3 %
    scaled = ((first.z - second.z) / (math.sqrt(2) * first.std)).detach()
    assert scaled.square().mean().sqrt().item() == pytest.approx(1.0, abs=0.12)
    assert torch.equal(head(h, seeded()).z, first.z)


def test_mean_access_has_no_noise():
    head, h = BottleneckHead(12, 3), features().float()
    out = head(h, sample=False)
    assert torch.equal(out.z, out.mu)


def test_noise_never_comes_from_the_global_stream():
    head, h = BottleneckHead(12, 3), features().float()
    with pytest.raises(ParameterError, match=r"BottleneckHead: `generator`"):
        head(h)
    with pytest.raises(ParameterError, match=r"BottleneckHead: `generator`"):
        head(h, seeded(), sample=False)


def test_starting_weights_come_from_the_generator():
    same = [BottleneckHead(12, 3, generator=seeded(3)).statistics.weight for _ in range(2)]
    assert torch.equal(*same)
    other = BottleneckHead(12, 3, generator=seeded(4)).statistics.weight
    assert not torch.equal(same[0], other)
    # torch's own law, U(-1/sqrt(F), 1/sqrt(F)): 12 * 1200 weights, their s.d. is known to 0.4 %
    wide = BottleneckHead(1200, 2, bottleneck=6).statistics.weight
    assert wide.std().item() == pytest.approx(1 / math.sqrt(3 * 1200), rel=0.02)
    assert wide.abs().max().item() <= 1 / math.sqrt(1200)


def test_objective_is_equation_35():
    head, h = BottleneckHead(12, 3).double(), features()
    y = torch.arange(50) % 3
    terms = bottleneck_objective(head, (h, y), 0.25, generator=seeded(9))
    out = head(h, seeded(9))
    log_p = out.logits - out.logits.logsumexp(1, keepdim=True)
    want = -log_p[torch.arange(50), y].mean()
    assert terms["cross_entropy"].item() == pytest.approx(want.item(), abs=1e-12)
    assert terms["cross_entropy"].item() == pytest.approx(functional.nll_loss(log_p, y).item(), abs=1e-12)
    assert terms["information"].item() == pytest.approx(out.information.item(), abs=1e-12)
    assert terms["loss"].item() == pytest.approx((want + 0.25 * out.information).item(), abs=1e-12)


def test_bound_is_tight_when_the_prior_is_the_marginal():
    # z = 0.8 x + 0.6 eps has the prior N(0, 1) as its marginal: the bound is the information, 0.5 ln(1 + 0.64/0.36).
    # 40 000 draws: s.d. of the mean of 0.32 x^2 is 0.0023; tolerance 3 of those
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((40_000, 1)))
    want = 0.5 * math.log(1 + 0.64 / 0.36)
    assert information_loss(0.8 * x, torch.full_like(x, 0.6)).item() == pytest.approx(want, abs=0.007)


@pytest.mark.unchecked
def test_shapes_that_are_refused():
    with pytest.raises(ShapeError, match=r"divergence: .*\(3, 2\) and \(3, 1\)"):
        divergence(torch.zeros(3, 2), torch.ones(3, 1))


def test_refusals():
    with pytest.raises(ParameterError, match=r"BottleneckHead: `bottleneck` must be at least 1; got 0"):
        BottleneckHead(1, 3)
    with pytest.raises(ParameterError, match=r"`out_features`"):
        BottleneckHead(8, 0)
    with pytest.raises(ParameterError, match=r"bottleneck_objective: `beta`.*-1"):
        bottleneck_objective(
            BottleneckHead(8, 3), (torch.zeros(2, 8), torch.zeros(2, dtype=torch.long)), -1.0, generator=seeded()
        )
