"""The same numbers on a GPU; skipped, and said so, where there is none."""

import math
import pathlib
import runpy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from cmim import CMIM, InfoNCE, fit, latent
from cmim.views import ShiftNoise
from gtheory.torch import SemanticInfoLoss
from infocore import bounds
from infocore.torch import VariationalMI, streamed
from mid.torch import InversionAttack, MIDClassifier, audit_leakage

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return digits in [0, 1] in a fixed random order, and their labels."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order]


@pytest.mark.parametrize("name", sorted(bounds.BOUNDS))
def test_bounds_and_their_gradients(name):
    s = torch.randn(32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = []
    for device in ("cpu", "cuda"):
        a = s.to(device, copy=True).requires_grad_()
        extra = {"tuba": (0.3,), "smile": (1.5,), "flo": (torch.zeros(32, device=device, dtype=a.dtype),)}.get(name, ())
        value = bounds.BOUNDS[name].function(a, *extra)
        value.backward()
        assert value.device.type == a.grad.device.type == device
        values.append((value.item(), a.grad.cpu()))
    assert values[1][0] == pytest.approx(values[0][0], abs=1e-12)
    torch.testing.assert_close(values[1][1], values[0][1], atol=1e-12, rtol=0)


def test_streamed_is_exact_in_the_memory_of_a_tile():
    generator = torch.Generator("cuda").manual_seed(0)
    x, y = (torch.randn(8192, 64, device="cuda", generator=generator).requires_grad_() for _ in range(2))
    (x.detach() @ y.detach().T).sum().item()  # cuBLAS allocates its workspace on first use
    peaks, results = [], []
    for form in (lambda: streamed.infonce(x, y, 4.0, 256), lambda: bounds.infonce(x @ y.T / 4.0)):
        x.grad = y.grad = None
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        value = form()
        value.backward()
        peaks.append(torch.cuda.max_memory_allocated() - before)
        results.append((value.item(), x.grad.clone(), y.grad.clone()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-5)
    for tiled, full in zip(results[0][1:], results[1][1:], strict=True):
        torch.testing.assert_close(tiled, full, atol=1e-5 * full.abs().max().item(), rtol=0)
    # a tile of 256 x 8192 floats is 8 MB, and a few live at once; the matrix is 268 MB
    assert peaks[0] < 40e6, peaks
    assert peaks[1] > 500e6, peaks


# as on a CPU: n = 4000, 12 seeds there had a bias below .001 and a s.d. of .012
def test_variational_estimate():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 1))
    y = 0.6 * x + 0.8 * rng.standard_normal((4000, 1))
    e = VariationalMI(max_steps=400, learning_rate=3e-3, device="cuda").fit_estimate(x, y, rng=0)
    assert e.value == pytest.approx(-0.5 * math.log(1 - 0.36), abs=0.036)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training(digits, precision):
    x, _ = digits
    for model in (CMIM(64, latent_dim=8, hidden=(64,)), InfoNCE(64, latent_dim=8, views=ShiftNoise(8, 8))):
        result = fit(model, x[:1000], max_steps=300, accelerator="gpu", precision=precision, log_every=10)
        losses = [entry["loss"] for entry in result.history]
        assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5
        assert latent(model, x[:10]).device.type == "cpu"


def test_defence_attack_and_audit(digits):
    x, y = digits
    model = MIDClassifier(beta=0.01, device="cuda").fit(x[:800], y[:800])
    assert np.mean(model.predict(x[1400:], rng=0) == y[1400:]) > 0.9
    attack = InversionAttack(x_auxiliary=x[800:1400], y_auxiliary=y[800:1400], x=x[1400:], y=y[1400:])
    assert attack.run(model).mse < 0.06
    audit = audit_leakage(model, x[800:1400], x[1400:])
    assert 1.0 < audit.lower.value < audit.upper.value


def test_attacks_on_a_network():
    # answers here and on the CPU: images in [0, 1], and labels. Rounding of a GPU's size (3e-7 on sums, means, products
    # and exponentials), put into the CPU's arithmetic, moves them by 1.4e-5 at most
    shared = pathlib.Path(__file__).parents[1] / "packages" / "mid" / "tests" / "torch" / "pretend_device.py"
    found = runpy.run_path(str(shared))["differences"]("cuda")
    assert {name: gap for name, gap in found.items() if isinstance(gap, str) or gap > 1e-3} == {}


def test_semantic_loss():
    generator = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(64, 4, generator=generator), torch.randint(4, (64,), generator=generator)
    values = [SemanticInfoLoss(4).to(d)(logits.to(d), targets.to(d)).item() for d in ("cpu", "cuda")]
    assert values[1] == pytest.approx(values[0], abs=1e-5)
