"""How white-box attacks reach a network: its noise, their losses, and what is refused."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from infocore.torch.layers import linear
from mid.torch import attacks
from mid.torch.attacks import losses
from mid.torch.bottleneck import BottleneckHead


class Noisy:
    """Logits of a linear map with normal noise of standard deviation 3."""

    def __init__(self, weight):
        self.weight = weight

    def draws(self, x, count, generator):
        logits = (x @ self.weight).expand(count or 1, -1, -1)
        return logits if generator is None else logits + 3.0 * torch.randn(logits.shape, generator=generator)

    def features(self, x):
        return x


def test_identity_loss_by_hand():
    weight = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    reach = attacks.Reach(Noisy(weight), torch.zeros(1, 2), draws=8, access="mean", seed=0)
    loss = attacks.IdentityLoss(np.array([[1.0, 3.0], [1.0, 3.0]]), weight=0.5).bind(reach)  # no spread: p_reg = (1, 3)
    x = torch.tensor([[2.0, 5.0]])
    assert loss(x, torch.tensor([1])).item() == pytest.approx(-10.0 + 0.5 * (1.0 + 4.0))
    spread = attacks.IdentityLoss(np.array([[0.0, 3.0], [2.0, 3.0]]), weight=1.0).bind(reach)
    drawn = torch.stack([spread(x, torch.tensor([1])) for _ in range(2000)])
    # E (2 - p)^2 = 1 + 2 where p has mean 1 and variance 2; s.d. of a draw about 5, of the mean .11
    assert drawn.mean().item() == pytest.approx(-10.0 + 1.0 + 2.0 + 4.0, abs=0.45)


def test_margin_and_poincare():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 3, (6, 4))).requires_grad_()
    classes = torch.from_numpy(rng.integers(4, size=6))
    m, c = logits.detach().numpy(), classes.numpy()
    want = [max(np.delete(row, k)) - row[k] for row, k in zip(m, c, strict=True)]
    assert losses.max_margin(logits, classes).tolist() == pytest.approx(want)
    u, v = m / np.abs(m).sum(1, keepdims=True), np.clip(np.eye(4)[c] - 1e-4, 0, None)
    inside = 1 + 2 * ((u - v) ** 2).sum(1) / ((1 - (u**2).sum(1)) * (1 - (v**2).sum(1)))
    assert losses.poincare(logits, classes).tolist() == pytest.approx(np.arccosh(inside).tolist())
    for loss in (losses.max_margin, losses.poincare, losses.cross_entropy):
        assert torch.autograd.gradcheck(lambda a, f=loss: f(a, classes), logits)
    draws = torch.from_numpy(rng.normal(size=(5, 6, 4)))
    averaged = losses.over_draws(losses.cross_entropy, draws, classes)
    own = np.stack([losses.cross_entropy(d, classes).numpy() for d in draws]).mean(0)
    assert averaged.tolist() == pytest.approx(own.tolist())
    for setting in (attacks.MaxMargin(), attacks.Poincare()):
        reach = attacks.Reach(Noisy(torch.eye(4)), torch.zeros(1, 4), draws=1, access="mean", seed=0)
        assert setting.bind(reach)(torch.zeros(3, 4), torch.tensor([0, 1, 2])).shape == (3,)


def test_expectation_over_noise_lowers_the_gradients_variance():
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 4))).float()
    x, c = torch.full((1, 5), 0.3), torch.tensor([2])

    def gradients(draws, access="sampled"):
        reach = attacks.Reach(Noisy(weight), x, draws=draws, access=access, seed=1)
        loss, found = attacks.CrossEntropy().bind(reach), []
        for _ in range(400):
            leaf = x.clone().requires_grad_()
            found.append(torch.autograd.grad(loss(leaf, c).sum(), leaf)[0])
        return torch.cat(found), reach

    one, eight, mean = gradients(1), gradients(8), gradients(8, "mean")
    ratio = (one[0].var(0).sum() / eight[0].var(0).sum()).item()
    assert ratio == pytest.approx(8, rel=0.25)  # independent draws; 400 repeats leave about 7 % on a variance
    assert one[0].mean(0).tolist() == pytest.approx(eight[0].mean(0).tolist(), abs=0.2)
    assert mean[0].var(0).sum() == 0
    assert (one[1].queries, eight[1].queries, mean[1].queries) == (402, 3202, 402)
    assert one[1].noisy and mean[1].noisy


def test_noisy_bottleneck_target():
    generator = torch.Generator().manual_seed(0)
    head = BottleneckHead(6, 3, generator=generator)
    target = attacks.ModuleTarget(head, linear(4, 6, generator))
    x = torch.rand(5, 4, generator=generator)
    drawn = target.draws(x, 4, torch.Generator().manual_seed(1))
    assert drawn.shape == (4, 5, 3) and bool((drawn[0] != drawn[1]).any())
    with torch.no_grad():
        assert (target.draws(x, None, None)[0] == head(target.body(x), sample=False).logits).all()
    assert target.features(x).shape == (5, 3)
    with pytest.raises(ParameterError, match=r"`generator` must be given.*got None"):
        target.draws(x, 1, None)
    mean = target.release(x.numpy(), output="logits", access="mean")
    many = target.release(x.numpy(), output="logits", queries=2000)
    assert many == pytest.approx(mean, abs=2e-3)  # s.d. of a logit .0067 |w|, at most .01: of the mean .0002
    votes = target.release(x.numpy(), output="labels", queries=9, rng=3)
    assert votes.shape == (5,) and (votes == mean.argmax(1)).all()
    assert target.release(x.numpy(), output="probabilities").sum(1) == pytest.approx(np.ones(5), abs=1e-6)


def test_module_target_refusals():
    target = attacks.ModuleTarget(linear(4, 3, torch.Generator()))
    with pytest.raises(ShapeError, match=r"`x` must be a matrix.*\(4,\)"):
        target.draws(torch.zeros(4), None, None)
    with pytest.raises(ParameterError, match=r"`count` must be at least 1.*got 0"):
        target.draws(torch.zeros(1, 4), 0, None)
    with pytest.raises(ParameterError, match=r"`output` must not be 'values'"):
        target.release(np.zeros((1, 4)), output="values")
    with pytest.raises(ShapeError, match=r"`head` must answer with logits of shape \(B, C\); got \(3, 4, 1\)"):
        attacks.ModuleTarget(torch.nn.Unflatten(1, (4, 1))).draws(torch.zeros(3, 4), None, None)


def test_reach_refusals_and_score():
    weight = torch.eye(3)
    with pytest.raises(ParameterError, match=r"`draws` must be at least 1; got 0"):
        attacks.Reach(Noisy(weight), torch.zeros(1, 3), draws=0, access="mean", seed=0)
    reach = attacks.Reach(Noisy(weight), torch.zeros(1, 3), draws=1, access="mean", seed=0)
    with pytest.raises(ParameterError, match=r"classes 0 to 2; got \[3\]"):
        reach.wanted([3])
    with pytest.raises(ParameterError, match=r"`classes` must name at least one.*got \[\]"):
        reach.wanted([])
    with pytest.raises(NonFiniteError, match=r"NaN or infinity"):
        reach.logits(torch.full((1, 3), torch.inf))
    log_p = reach.score(torch.tensor([[0.0, 0.0, 300.0]]), torch.tensor([0]))
    assert log_p.item() == pytest.approx(-300.0)
    noisy = attacks.Reach(Noisy(weight), torch.zeros(1, 3), draws=50_000, access="sampled", seed=0)
    assert noisy.score(torch.zeros(1, 3), torch.tensor([1])).exp().item() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.unchecked
def test_reach_access_is_named():
    with pytest.raises(ParameterError, match=r'"sampled" or "mean"; got \'all\''):
        attacks.Reach(Noisy(torch.eye(3)), torch.zeros(1, 3), draws=1, access="all", seed=0)
