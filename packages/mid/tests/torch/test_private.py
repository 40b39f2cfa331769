import math
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")

from scipy.special import gammaln, logsumexp  # noqa: E402
from torch.nn import functional  # noqa: E402

from infocore.errors import MissingExtraError, ParameterError, TrainingWarning  # noqa: E402
from mid.torch._training import Moment  # noqa: E402
from mid.torch.network_classifier import NetworkClassifier  # noqa: E402
from mid.torch.networks import CNN  # noqa: E402
from mid.torch.optimizers import SGD  # noqa: E402
from mid.torch.private import DPSGD  # noqa: E402

SMALL = {"hidden": (8,), "epochs": 2, "batch_size": 20}


def data(n=200):
    y = np.arange(n) % 2
    x = np.eye(2)[y] + 0.2 * np.random.default_rng(0).standard_normal((n, 2))
    return x.astype(np.float32), y


def epsilon_by_hand(sigma, q, steps, delta):
    """Renyi accounting of the sampled Gaussian, from its binomial sum at integer orders (Mironov et al. 2019)."""
    found = []
    for order in range(2, 64):
        k = np.arange(order + 1)
        binomial = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
        terms = binomial + k * math.log(q) + (order - k) * math.log1p(-q) + (k * k - k) / (2 * sigma**2)
        rdp = steps * logsumexp(terms) / (order - 1)
        found.append(rdp + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1))
    return min(found)


@pytest.mark.parametrize(("sigma", "q", "steps"), [(1.1, 0.01, 1000), (2.0, 0.05, 400), (1.5, 0.02, 500)])
def test_epsilon_against_renyi_by_hand(sigma, q, steps):
    spent = DPSGD(noise_multiplier=sigma).spent(q, steps)
    want = epsilon_by_hand(sigma, q, steps, 1e-5)
    # opacus has fractional orders too, so it may be a little below
    assert spent.epsilon <= want + 1e-9
    assert spent.epsilon == pytest.approx(want, rel=0.03)


@pytest.mark.parametrize("mechanism", ["rdp", "prv"])
def test_epsilon_is_the_accountants(mechanism):
    """Claim C16: step by step, as opacus itself would count."""
    from opacus.accountants import create_accountant

    model = NetworkClassifier(DPSGD(noise_multiplier=1.3, delta=1e-4, accountant=mechanism), **SMALL).fit(*data())
    accountant = create_accountant(mechanism)
    for _ in range(2 * 10):
        accountant.step(noise_multiplier=1.3, sample_rate=0.1)
    assert model.epsilon_ == pytest.approx(accountant.get_epsilon(delta=1e-4), rel=1e-6)
    assert model.privacy_ == (model.epsilon_, 1e-4, 1.3, 0.1, 20)
    assert model.delta_ == 1e-4
    assert f"({model.epsilon_:.3g}, 0.0001)-differentially private" in str(model)


def test_noise_is_chosen_for_an_epsilon():
    spent = DPSGD(epsilon=3.0).spent(0.05, 200)
    assert 2.98 < spent.epsilon <= 3.0
    assert DPSGD(epsilon=1.0).spent(0.05, 200).noise_multiplier > spent.noise_multiplier
    assert DPSGD(epsilon=3.0, accountant="prv").spent(0.05, 200).noise_multiplier < spent.noise_multiplier


def hand_made_training(x, y, model, defence, size, steps, lr):
    """DP-SGD from its definition: a loop over records, clipped, summed, noised, divided by the expected size."""
    seeds = np.random.default_rng(model.random_state).integers(2**63, size=4)
    order, noise = int(seeds[1]), torch.Generator().manual_seed(int(seeds[2]))
    module = model._build(x.shape[1], 2, int(seeds[0]), noisy=False)
    parameters = list(module.parameters())
    sizes = []
    for step in range(steps):
        taken = np.flatnonzero(np.random.default_rng((order, step)).random(len(x)) < size / len(x))
        sizes.append(len(taken))
        total = [torch.zeros_like(p) for p in parameters]
        for row in taken:
            loss = functional.cross_entropy(module(torch.tensor(x[row : row + 1])), torch.tensor(y[row : row + 1]))
            gradients = torch.autograd.grad(loss, parameters)
            norm = torch.sqrt(sum(g.square().sum() for g in gradients))
            for t, g in zip(total, gradients, strict=True):
                t += g * min(1.0, defence.max_grad_norm / float(norm))
        with torch.no_grad():
            for p, t in zip(parameters, total, strict=True):
                scale = defence.noise_multiplier * defence.max_grad_norm
                p -= lr * (t + scale * torch.normal(0.0, 1.0, t.shape, generator=noise)) / size
    return module, sizes


def test_training_is_clipped_noised_and_poisson_sampled():
    x, y = data(60)
    defence = DPSGD(noise_multiplier=1.5, max_grad_norm=0.3)
    model = NetworkClassifier(
        defence, hidden=(4,), epochs=3, batch_size=2, learning_rate=0.1, optimizer=SGD(momentum=0.0, weight_decay=0.0)
    ).fit(x, y)
    want, sizes = hand_made_training(x, y, model, defence, 2, 90, 0.1)
    assert 0 in sizes  # empty batches are steps too
    assert max(sizes) > 3  # and no batch has a fixed size
    for got, by_hand in zip(model.module_.parameters(), want.parameters(), strict=True):
        torch.testing.assert_close(got, by_hand, atol=2e-5, rtol=1e-3)


def test_learns_with_little_noise_and_leaves_a_plain_module():
    x, y = data(600)
    model = NetworkClassifier(DPSGD(epsilon=8.0), hidden=(16,), epochs=20, batch_size=60, learning_rate=1e-2).fit(
        x[:400], y[:400]
    )
    assert model.score(x[400:], y[400:]) > 0.9  # measured 1.0
    assert not any(hasattr(p, "grad_sample") or hasattr(p, "summed_grad") for p in model.module_.parameters())
    assert not any(part._forward_hooks or part._backward_hooks for part in model.module_.modules())


def test_convolutions_with_group_norm_and_none_with_batch_norm():
    x = np.random.default_rng(0).random((40, 64)).astype(np.float32)
    y = np.arange(40) % 2
    settings = {"epochs": 1, "batch_size": 8}
    private = DPSGD(noise_multiplier=2.0)
    grouped = CNN((1, 8, 8), channels=(8, 8), width=8, dropout=0.2)
    model = NetworkClassifier(private, network=grouped, **settings).fit(x, y)
    assert np.isfinite(model.logits(x)).all()
    mixed = CNN((1, 8, 8), channels=(8,), width=8, norm="batch")
    with pytest.raises(ParameterError, match=r"DPSGD: `network` holds a BatchNorm2d .*norm=\"group\""):
        NetworkClassifier(private, network=mixed, **settings).fit(x, y)


def test_large_epsilon_warns_and_a_later_fit_forgets_it():
    x, y = data()
    model = NetworkClassifier(DPSGD(noise_multiplier=0.2), **SMALL)
    with pytest.warns(TrainingWarning, match="epsilon is .*the guarantee is empty"):
        model.fit(x, y)
    assert model.epsilon_ > 50
    model.set_params(defence=None).fit(x, y)
    assert not hasattr(model, "epsilon_")
    assert str(model) == repr(model)


def test_loss_of_an_empty_batch_is_nought():
    x, y = data()
    model = NetworkClassifier(None, **SMALL).fit(x, y)
    empty = DPSGD(epsilon=1.0).loss(
        model.module_, torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), Moment(0.0, torch.Generator())
    )
    assert empty["loss"].item() == 0.0


def test_refusals(monkeypatch):
    for settings, name in (
        ({}, "exactly one"),
        ({"epsilon": 1.0, "noise_multiplier": 1.0}, "exactly one"),
        ({"epsilon": 0.0}, "`epsilon`"),
        ({"noise_multiplier": math.inf}, "`noise_multiplier`"),
        ({"epsilon": 1.0, "max_grad_norm": 0.0}, "`max_grad_norm`"),
        ({"epsilon": 1.0, "delta": 0.0}, "`delta`"),
        ({"epsilon": 1.0, "accountant": "gdp"}, "`accountant`"),
    ):
        with pytest.raises(ParameterError, match=f"DPSGD: {name}"):
            DPSGD(**settings)
    x, y = data()
    with pytest.raises(ParameterError, match="DPSGD: `delta` must be below"):
        NetworkClassifier(DPSGD(epsilon=1.0, delta=0.01), **SMALL).fit(x, y)
    with pytest.raises(ParameterError, match="DPSGD: `validation`"):
        NetworkClassifier(DPSGD(epsilon=1.0), validation=0.2, **SMALL).fit(x, y)
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(MissingExtraError, match="needs opacus"):
        DPSGD(epsilon=1.0).spent(0.1, 10)
