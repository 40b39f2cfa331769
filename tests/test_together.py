"""What needs two packages at once: one number through all four, and each really calling infocore."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import cmim
import gtheory
import infocore
from cmim import contrastive
from gtheory import truth
from infocore import bounds
from infocore.estimators import DiscreteMI
from infocore.torch import VariationalMI, streamed
from mid import leakage_lower_bound
from mid.torch import audit_leakage


@pytest.fixture(scope="module")
def views() -> tuple[torch.Tensor, torch.Tensor]:
    """Return two correlated batches of codes."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(40, 6, generator=generator, dtype=torch.float64)
    return a, a + 0.5 * torch.randn(40, 6, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def scores(views: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    """Return their matrix of cosines over a temperature of 0.2."""
    a, b = (torch.nn.functional.normalize(v) for v in views)
    return (a @ b.T / 0.2).numpy()


def test_one_matrix_gives_one_number(views, scores):
    want = float(bounds.infonce(scores))
    a, b = (torch.nn.functional.normalize(v) for v in views)
    uniform = np.full(len(scores), 1 / len(scores))
    g = gtheory.semantic_information(uniform, truth.from_scores(scores.T), np.eye(len(scores)), base=math.e)
    # the losses of cmim and of mid's audit are float32 at most in their inputs; here all is float64
    assert float(streamed.infonce(a, b, temperature=0.2, tile=7)) == pytest.approx(want, abs=1e-12)
    assert -float(cmim.losses.infonce_loss(*views, temperature=0.2)["loss"]) == pytest.approx(want, abs=1e-6)
    assert leakage_lower_bound(scores).value == pytest.approx(want, abs=1e-12)
    assert float(bounds.semantic(scores.T)) == pytest.approx(want, abs=1e-12)
    assert pytest.approx(want, abs=1e-12) == g.G


def test_the_transpose_is_another_question(scores):
    skewed = scores + 2.0 * np.random.default_rng(0).standard_normal(len(scores))  # a shift per column
    assert float(bounds.semantic(skewed)) == pytest.approx(float(bounds.semantic(scores)), abs=1e-12)
    assert abs(float(bounds.infonce(skewed)) - float(bounds.infonce(scores))) > 0.1


def test_contrastive_factor_is_a_reading_of_pointwise(views):
    z = views[0]
    u = torch.nn.functional.normalize(z)
    r = bounds.pointwise(u @ u.T / 0.1, over="y", positive="excluded")
    want = -torch.nn.functional.softplus(-r)
    got = cmim.losses.contrastive_log_prob(z, temperature=0.1)
    assert got.double().numpy() == pytest.approx(want.numpy(), abs=1e-6)


class BrokenError(Exception):
    """Raised by a function that should have been called, and was."""


def broken(*_args, **_kwargs):
    raise BrokenError


def test_evaluation_of_cmim_calls_infocore(monkeypatch):
    z, y = np.random.default_rng(0).standard_normal((60, 2)), np.arange(60) % 3
    cmim.information(z, y)
    monkeypatch.setattr(infocore, "mutual_information", broken, raising=False)
    with pytest.raises(BrokenError):
        cmim.information(z, y)


@pytest.mark.parametrize("name", ["infonce", "influence"])
def test_audit_of_mid_calls_infocore(monkeypatch, scores, name):
    monkeypatch.setattr(bounds, name, broken)
    with pytest.raises(BrokenError):
        leakage_lower_bound(scores)


def test_objectives_of_cmim_call_infocore(monkeypatch, views):
    assert contrastive.pointwise is bounds.pointwise
    assert contrastive.infonce is bounds.infonce
    monkeypatch.setattr(contrastive, "pointwise", broken)
    monkeypatch.setattr(contrastive, "infonce", broken)
    with pytest.raises(BrokenError):
        cmim.losses.contrastive_log_prob(views[0], temperature=0.1)
    with pytest.raises(BrokenError):
        cmim.losses.infonce_loss(*views)


class Encoder:
    """A trained encoder whose posterior samples are the release: what mid audits is what cmim trained."""

    def __init__(self, model: cmim.Model) -> None:
        self.model = model

    def release(self, X, *, output, queries, access, rng):
        """Return codes: one posterior sample a record, or the mean of several."""
        with torch.no_grad():
            mu, logvar = self.model.encode(torch.as_tensor(np.asarray(X), dtype=torch.float32))
        if access == "mean":
            return mu.numpy()
        noise = np.random.default_rng(rng).standard_normal((queries, *mu.shape)).mean(0)
        return mu.numpy() + np.exp(0.5 * logvar.numpy()) * noise

    def information(self, X):
        """Return each record's divergence from the prior, nats."""
        with torch.no_grad():
            mu, logvar = self.model.encode(torch.as_tensor(np.asarray(X), dtype=torch.float32))
        return (0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)).numpy()


@pytest.mark.slow
def test_a_trained_encoder_is_audited_and_its_label_channel_is_read():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(x))
    train, audit, fresh = order[:900], order[900:1400], order[1400:]
    model = cmim.CMIM(n_features=64, latent_dim=8, hidden=(64,), seed=0)
    cmim.fit(model, x[train], max_steps=400, seed=0, accelerator="cpu")

    # mid audits the encoder; the codes of digits tell ten classes apart, so more than log 10 = 2.3 nats leak
    leak = audit_leakage(
        Encoder(model),
        x[audit],
        x[fresh],
        rng=0,
        estimator=VariationalMI(max_steps=600),
    )
    assert leak.upper is not None
    assert math.log(10) < leak.lower.value < leak.upper.value
    assert leak.lower.value < leak.lower.cap

    # gtheory reads the label channel of the codes: the nearest class mean, as a sentence about the class
    codes = {name: cmim.latent(model, x[rows]).numpy() for name, rows in (("train", train), ("fresh", fresh))}
    means = np.stack([codes["train"][y[train] == c].mean(0) for c in range(10)])
    said = ((codes["fresh"][:, None] - means) ** 2).sum(2).argmin(1)
    counts = np.zeros((10, 10))
    np.add.at(counts, (y[fresh], said), 1)
    px, ch = counts.sum(1) / counts.sum(), counts / counts.sum(1, keepdims=True)
    read = gtheory.semantic_information(px, gtheory.optimal_truth(counts=counts), ch, base=math.e)
    told = DiscreteMI("miller-madow").estimate(y[fresh], said)
    assert pytest.approx(read.R, abs=1e-9) == read.G  # truth fitted to the same table
    # the plug-in of the same table; Miller and Madow correct its bias by (cells - rows - columns + 1) / 2n
    corrected = read.R - (np.count_nonzero(counts) - 10 - 10 + 1) / (2 * len(fresh))
    assert told.value == pytest.approx(corrected, abs=1e-9)
    assert 1.0 < read.R < math.log(10)
