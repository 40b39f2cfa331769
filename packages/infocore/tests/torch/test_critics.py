"""Critics and layers: all pairs at once are the pairs one by one, seeds decide, torch's stream is left alone."""

import dataclasses

import pytest
import torch

from infocore.errors import ParameterError, ShapeError
from infocore.torch import Bilinear, Critic, Joint, Separable
from infocore.torch.layers import linear, mlp

SETTINGS = [
    Separable(hidden=(8,), embedding=4),
    Separable(hidden=(), embedding=4),
    Joint(hidden=(8,)),
    Joint(hidden=(8, 6)),
    Bilinear(),
    Bilinear(quadratic=True),
]


def batch(seed=0, rows=5, columns=7):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 3, generator=g), torch.randn(columns, 2, generator=g)


@pytest.mark.parametrize("settings", SETTINGS)
def test_scores_are_those_of_the_pairs_one_by_one(settings):
    critic, (x, y) = Critic(3, 2, settings), batch()
    scores = critic(x, y)
    assert scores.shape == (5, 7)
    for i in range(5):
        for k in range(7):
            assert critic(x[i : i + 1], y[k : k + 1]).item() == pytest.approx(scores[i, k].item(), abs=1e-5)


def test_separable_is_an_inner_product():
    critic, (x, y) = Critic(3, 2, SETTINGS[0]), batch()
    want = torch.einsum("id,kd->ik", critic.x_net(x), critic.y_net(y))
    torch.testing.assert_close(critic(x, y), want)
    assert torch.linalg.matrix_rank(critic(*batch(1, 30, 30)).double(), rtol=1e-5) <= 4


def test_joint_is_one_network_on_the_pair():
    critic, (x, y) = Critic(3, 2, Joint(hidden=(8,))), batch()
    first = torch.cat((critic.x_net.weight, critic.y_net.weight), 1)
    pairs = torch.cat((x[:, None].expand(5, 7, 3), y[None].expand(5, 7, 2)), 2)
    hidden = torch.relu(pairs @ first.T + critic.x_net.bias + critic.y_net.bias)
    torch.testing.assert_close(critic(x, y), critic.top[1](hidden).squeeze(-1))


def test_bilinear_holds_the_gaussian_log_ratio():
    rho, critic = 0.8, Critic(1, 1, Bilinear(quadratic=True))
    a = rho / (1 - rho**2)
    with torch.no_grad():
        for layer in (critic.weight, critic.x_net, critic.y_net):
            layer.weight.zero_()
            layer.bias.zero_()
        critic.weight.weight[0, 0] = a
        critic.x_net.weight[0, 1] = critic.y_net.weight[0, 1] = -rho * a / 2
    x, y = batch()[0][:, :1], batch()[1][:, :1]
    joint = torch.distributions.MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, rho], [rho, 1.0]]))
    single = torch.distributions.Normal(0.0, 1.0)
    pairs = torch.stack(torch.broadcast_tensors(x, y.T), -1)
    ratio = joint.log_prob(pairs) - single.log_prob(x) - single.log_prob(y).T
    constant = (critic(x, y) - ratio).detach()
    torch.testing.assert_close(constant, constant.mean().expand(5, 7), atol=1e-5, rtol=0)


@pytest.mark.parametrize("settings", SETTINGS)
def test_seed_decides_and_torchs_stream_is_left_alone(settings):
    before = torch.random.get_rng_state()
    first, again, other = (Critic(3, 2, settings, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("settings", SETTINGS)
def test_state_is_all_of_a_critic(settings):
    one, other, (x, y) = Critic(3, 2, settings, seed=1), Critic(3, 2, settings, seed=2), batch()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x, y), other(x, y))


def test_settings_are_frozen_and_typed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Separable().embedding = 3
    with pytest.raises(TypeError):
        Joint(embedding=3)


@pytest.mark.unchecked
def test_settings_that_are_none():
    with pytest.raises(ParameterError, match="`settings` must be Separable, Joint or Bilinear; got 'mlp'"):
        Critic(3, 2, "mlp")


@pytest.mark.parametrize(("dx", "dy", "name"), [(2, 2, "x"), (3, 4, "y")])
def test_widths_that_are_refused(dx, dy, name):
    x, y = batch()
    with pytest.raises(ShapeError, match=f"`{name}` must have"):
        Critic(dx, dy)(x, y)


# torch's own law: uniform in +-1/sqrt(fan-in), of s.d. 1/sqrt(3 fan-in) = .0577 here; 20,000 weights: s.e. .0003
def test_linear_has_torchs_law():
    layer = linear(100, 200, torch.Generator().manual_seed(0))
    assert layer.weight.abs().max().item() <= 0.1
    assert layer.bias.abs().max().item() <= 0.1
    assert layer.weight.std().item() == pytest.approx(0.1 / 3**0.5, abs=0.001)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = torch.nn.Linear(100, 200)
    assert theirs.weight.std().item() == pytest.approx(layer.weight.std().item(), abs=0.001)


def test_mlp_alternates():
    g = torch.Generator()
    kinds = [type(layer).__name__ for layer in mlp((3, 8, 8, 2), g, activation=torch.nn.Tanh)]
    assert kinds == ["Linear", "Tanh", "Linear", "Tanh", "Linear"]
    assert [type(layer).__name__ for layer in mlp((3, 2), g, last_activation=True)] == ["Linear", "ReLU"]
