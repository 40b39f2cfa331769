"""Negatives of other processes, duplicates, tiles, InfoNCE's forms, and the temperature that keeps a term awake."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import cmim
from cmim import losses
from cmim.losses import calibrated_temperature, contrastive_log_prob, cosine, gate
from cmim.views import ShiftNoise
from infocore.errors import ParameterError, ShapeError


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(z: np.ndarray, every: np.ndarray, groups: list[int] | None, tau: float) -> np.ndarray:
    """-softplus(log mean over the negatives that remain - 1/tau), with loops."""
    unit, others = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (z, every))
    values = []
    for i in range(len(z)):
        kept = [j for j in range(len(every)) if j != i and (groups is None or groups[j] != groups[i])]
        if not kept:
            values.append(0.0)
            continue
        m = np.log(np.mean([np.exp(unit[i] @ others[j] / tau) for j in kept]))
        values.append(-np.log1p(np.exp(m - 1 / tau)))
    return np.array(values)


@pytest.mark.parametrize("tile", [None, 1, 3, 10])
@pytest.mark.parametrize("groups", [None, [0, 1, 2, 2, 2, 5, 6, 7, 8, 0], [3] * 10, list(range(10))])
def test_extra_negatives_duplicates_and_tiles_by_hand(tile, groups):
    z, others = normal(7, 4), normal(3, 4, seed=1)
    numbers = None if groups is None else torch.tensor(groups)
    got = contrastive_log_prob(z, 0.4, others=others, groups=numbers, tile=tile)
    want = by_hand(z.numpy(), torch.cat([z, others]).numpy(), groups, 0.4)
    np.testing.assert_allclose(got.numpy(), want, atol=1e-12)


@pytest.mark.parametrize("groups", [None, [0, 0, 0, 1, 2, 3, 3, 5]])
def test_tiles_have_the_same_gradient(groups):
    numbers = None if groups is None else torch.tensor(groups)
    grads = []
    for tile in (None, 3):
        z = normal(8, 5).requires_grad_()
        contrastive_log_prob(z, 0.3, groups=numbers, tile=tile).sum().backward()
        assert z.grad is not None and torch.isfinite(z.grad).all()
        grads.append(z.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-12, atol=1e-14)


def test_a_batch_of_copies_has_nothing_to_compare_and_no_gradient():
    z = normal(1, 3).repeat(4, 1).requires_grad_()
    value = contrastive_log_prob(z, 0.3, groups=torch.zeros(4, dtype=torch.long))
    value.sum().backward()
    assert value.tolist() == [0.0] * 4
    assert z.grad is not None and not z.grad.any()


def test_copies_that_are_masked_do_not_change_the_price_of_the_rest():
    z = normal(6, 4)
    plain = contrastive_log_prob(z, 0.3)
    twice = contrastive_log_prob(torch.cat([z, z]), 0.3, groups=torch.arange(6).repeat(2))
    torch.testing.assert_close(twice, plain.repeat(2), rtol=1e-12, atol=1e-14)


# claim C3: the gradient of the mean form does not depend on the batch; measured before: cosines 0.995 to 1.000,
# norm ratios .96 to .99 at B = 8; of the sum form it grows: x 9.6, 3.3, 1.5, 1.3 from 8 to 512 for the four tau
@pytest.mark.parametrize(("tau", "growth"), [(0.1, 5.0), (0.2, 2.0), (0.5, 1.3), (1.0, 1.1)])
def test_gradient_does_not_depend_on_the_batch(tau, growth):
    x, weight = normal(4096, 20), normal(20, 8, seed=1) / 20**0.5

    def gradient(size: int, form) -> Tensor:
        total = torch.zeros_like(weight)
        for seed in range(40):
            order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
            w = weight.clone().requires_grad_()
            batches = torch.tanh(x[order] @ w).unflatten(0, (-1, size))
            total += torch.autograd.grad(torch.func.vmap(form)(batches).mean(), w)[0]
        return total.flatten()

    small, large = (gradient(size, lambda z: -contrastive_log_prob(z, tau).mean()) for size in (8, 512))
    assert functional.cosine_similarity(small, large, dim=0) > 0.99
    assert (small.norm() / large.norm()).item() == pytest.approx(1.0, abs=0.05)
    few, many = (gradient(size, lambda z: losses.infonce_loss(z, z, tau)["loss"]) for size in (8, 512))
    assert (many.norm() / few.norm()).item() > growth


def test_calibrated_temperature_reaches_the_gate():
    z = normal(200, 16)
    for target in (0.01, 0.2, 0.45):
        tau = calibrated_temperature(z, target)
        assert gate(z, tau).item() == pytest.approx(target, rel=1e-6)
    # closed form for orthonormal codes: sigmoid(-1/tau) = target
    assert calibrated_temperature(torch.eye(5), 0.1) == pytest.approx(1 / math.log(9), rel=1e-7)
    # the gate of opposite codes is below that of orthonormal ones at any tau, so tau is larger: sigmoid(-2/tau)
    assert calibrated_temperature(torch.tensor([[1.0], [-1.0]]), 0.1) == pytest.approx(2 / math.log(9), rel=1e-7)


def test_calibration_that_cannot_succeed_ends_at_the_end_of_its_range():
    assert calibrated_temperature(torch.ones(4, 2), 0.2) == pytest.approx(1e-3, rel=1e-6)  # copies: the gate is 1/2


# derived: d(-log p)/d(tau) >= 0, so a learned temperature of cMIM can only fall; InfoNCE's has a minimum inside
def test_the_price_rises_with_the_temperature():
    z = normal(50, 8)
    prices = [float(-contrastive_log_prob(z, tau).mean()) for tau in np.geomspace(0.02, 20, 30)]
    assert (np.diff(prices) > 0).all()
    a, b = z, z + 0.6 * normal(50, 8, seed=2)
    infonce = [float(losses.infonce_loss(a, b, tau)["loss"]) for tau in np.geomspace(0.02, 20, 30)]
    assert 0 < int(np.argmin(infonce)) < 29


def test_nt_xent_against_the_cross_entropy_of_simclr():
    a, b, tau = normal(6, 4), normal(6, 4, seed=1), 0.3
    v = functional.normalize(torch.cat([a, b]))
    s = v @ v.T / tau
    s[range(12), range(12)] = -math.inf
    partner = torch.tensor([6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5])
    want = functional.cross_entropy(s, partner)
    assert losses.nt_xent_loss(a, b, tau)["loss"].item() == pytest.approx(want.item(), abs=1e-12)


def test_symmetric_infonce_is_the_mean_of_both_directions():
    a, b = normal(6, 4), normal(6, 4, seed=1)
    one, other = (losses.infonce_loss(*views, 0.3)["loss"] for views in ((a, b), (b, a)))
    both = losses.infonce_loss(a, b, 0.3, symmetric=True)["loss"]
    assert both.item() == pytest.approx((one + other).item() / 2, abs=1e-12)


GROUPS = [0, 1, 0, 3, 3, 3]


@pytest.mark.parametrize("symmetric", [False, True])
def test_identical_samples_are_no_negatives_in_infonce(symmetric):
    a, b, tau = normal(6, 4), normal(6, 4, seed=1), 0.3
    s = (functional.normalize(a) @ functional.normalize(b).T / tau).numpy()
    values = []
    for i in range(6):
        kept = [j for j in range(6) if j == i or GROUPS[j] != GROUPS[i]]
        for one in (s[i], s[:, i]) if symmetric else (s[i],):
            values.append(np.log(np.mean(np.exp(one[kept]))) - s[i, i])
    got = losses.infonce_loss(a, b, tau, symmetric=symmetric, groups=torch.tensor(GROUPS))["loss"]
    assert got.item() == pytest.approx(np.mean(values), abs=1e-12)
    alone = losses.infonce_loss(a, b, tau, symmetric=symmetric, groups=torch.arange(6))["loss"]
    assert alone.item() == pytest.approx(losses.infonce_loss(a, b, tau, symmetric=symmetric)["loss"].item(), abs=1e-12)


def test_identical_samples_are_no_negatives_in_nt_xent():
    a, b, tau = normal(6, 4), normal(6, 4, seed=1), 0.3
    unit = functional.normalize(torch.cat([a, b])).numpy()
    values = []
    for i in range(12):
        partner = (i + 6) % 12
        kept = [j for j in range(12) if j == partner or GROUPS[j % 6] != GROUPS[i % 6]]
        values.append(np.log(np.exp(unit[kept] @ unit[i] / tau).sum()) - unit[partner] @ unit[i] / tau)
    got = losses.nt_xent_loss(a, b, tau, groups=torch.tensor(GROUPS))["loss"]
    assert got.item() == pytest.approx(np.mean(values), abs=1e-12)


@pytest.mark.parametrize("contrast", ["infonce", "nt_xent"])
def test_a_model_that_compares_views_leaves_identical_samples_out(contrast):
    x = torch.randint(0, 2, (4, 6), generator=torch.Generator().manual_seed(0)).float()
    x = torch.cat([x, x[:2]])
    model = cmim.InfoNCE(6, 3, hidden=(8,), views=ShiftNoise(2, 3, max_shift=0), contrast=contrast)
    whole, parted = (
        model.objective(x, torch.Generator().manual_seed(0), groups=groups)["loss"].item()
        for groups in (None, torch.tensor([0, 1, 2, 3, 0, 1]))
    )
    assert parted < whole  # fewer negatives in a sum, or none that equal the positive in a mean


def test_infonce_of_codes_with_themselves_is_the_sum_form():
    z = torch.eye(10, dtype=torch.float64)  # log(1 + (B - 1) / e)
    assert losses.infonce_loss(z, z, 1.0)["loss"].item() + math.log(10) == pytest.approx(1.461150, abs=5e-7)


def test_a_learned_temperature_has_a_gradient():
    log_tau = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    z = normal(6, 3)
    assert torch.autograd.gradcheck(lambda t: contrastive_log_prob(z, t.exp()).sum(), (log_tau,))
    assert torch.autograd.gradcheck(lambda t: losses.nt_xent_loss(z, z.flip(1), t.exp())["loss"], (log_tau,))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: contrastive_log_prob(torch.eye(2), 0.1, tile=0), "`tile`"),
        (lambda: calibrated_temperature(torch.eye(2), 0.5), "`target`"),
        (lambda: calibrated_temperature(torch.eye(1), 0.2), "`z`.*1"),
        (lambda: gate(torch.eye(2), 0.0), "`temperature`"),
        (lambda: contrastive_log_prob(torch.eye(3), groups=torch.arange(4)), "`groups`.*3; got 4"),
        (lambda: losses.nt_xent_loss(torch.eye(2), torch.eye(2), 0.0), "`temperature`"),
        (lambda: losses.nt_xent_loss(torch.eye(2), torch.eye(2), groups=torch.arange(3)), "`groups`.*2; got 3"),
        (lambda: losses.infonce_loss(torch.eye(2), torch.eye(2), groups=torch.arange(3)), "`groups`.*2; got 3"),
    ],
)
def test_refusals(call, match):
    with pytest.raises((ParameterError, ShapeError), match=match):
        call()


def test_cosine_of_two_sets():
    a, b = normal(3, 4), normal(5, 4, seed=1)
    want = [[float(u @ v / (u.norm() * v.norm())) for v in b] for u in a]
    np.testing.assert_allclose(cosine(a, b).numpy(), want, atol=1e-12)
