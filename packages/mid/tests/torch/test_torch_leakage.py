import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infocore import bounds  # noqa: E402
from infocore.errors import ShapeError  # noqa: E402
from mid.torch import BottleneckHead, audit_leakage, divergence  # noqa: E402

NOISE = 0.6
TRUE = 2 * 0.5 * math.log(1 + (1 - NOISE**2) / NOISE**2)  # two dimensions of z = 0.8 x + 0.6 eps, x normal: 1.0217 nats


class Channel:
    """A bottleneck set by hand to a Gaussian channel whose information is known; releases its latent."""

    def __init__(self):
        self.head = BottleneckHead(2, 2, bottleneck=2)
        with torch.no_grad():
            self.head.statistics.weight.copy_(torch.cat([math.sqrt(1 - NOISE**2) * torch.eye(2), torch.zeros(2, 2)]))
            self.head.statistics.bias.copy_(torch.tensor([0.0, 0.0] + [5.0 + math.log(math.expm1(NOISE))] * 2))

    @torch.no_grad()
    def release(self, X, *, output, queries, access, rng):
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        x = torch.from_numpy(X)
        if access == "mean":
            return self.head(x, sample=False).z.numpy()
        return torch.stack([self.head(x, generator).z for _ in range(queries)]).mean(0).numpy()

    @torch.no_grad()
    def information(self, X):
        return divergence(*self.head.encode(torch.from_numpy(X))).numpy()


class Oracle:
    """The best critic, log p(z|x) / p(z), in place of a trained one."""

    def fit(self, x, y, rng):
        return self

    def score_matrix(self, x, y):
        gap = y[None, :, :] - math.sqrt(1 - NOISE**2) * x[:, None, :]
        return (-0.5 * gap**2 / NOISE**2 + 0.5 * y[None, :, :] ** 2).sum(2)


def normal(n, seed):
    return np.random.default_rng(seed).standard_normal((n, 2))


def test_known_information_lies_between_the_bounds():
    audit = audit_leakage(Channel(), normal(3000, 0), normal(1000, 1), rng=0)
    low, up = audit.lower, audit.upper
    assert low.value <= up.value + 3 * (low.standard_error + up.standard_error)
    # the critic is learned: it may miss a tenth of the information, and exceeds it only by chance
    assert 0.85 * TRUE < low.value < TRUE + 3 * low.standard_error
    # the prior is the marginal of z here, so the upper bound is tight
    assert abs(up.value - TRUE) < 4 * up.standard_error
    assert "At least" in str(audit) and "At most" in str(audit)
    assert low.cap == pytest.approx(math.log(1000))


def test_best_critic_reaches_the_known_information():
    audits = [audit_leakage(Channel(), normal(10, 0), normal(600, s), rng=s, estimator=Oracle()) for s in range(12)]
    # 12 seeds, s.d. about 0.045; InfoNCE with K = 600 is short by less than 0.01 here
    assert np.mean([audit.lower.value for audit in audits]) == pytest.approx(TRUE, abs=0.05)


def test_repeated_queries_carry_more():
    # the mean of 9 draws has a ninth of the noise variance: ln(1 + 9 * 0.64 / 0.36) = 2.83 nats
    audit = audit_leakage(Channel(), normal(3000, 0), normal(1000, 1), queries=9, rng=0)
    assert audit.lower.value > TRUE + 1.0
    assert audit.lower.value < math.log(1 + 9 * (1 - NOISE**2) / NOISE**2) + 3 * audit.lower.standard_error
    assert audit.lower.value < audit.upper.value == pytest.approx(9 * TRUE, rel=0.1)
    assert "in 9 draws" in str(audit)


def test_without_noise_no_upper_bound_is_claimed():
    audit = audit_leakage(Channel(), normal(10, 0), normal(200, 1), access="mean", estimator=Oracle())
    assert audit.upper is None
    assert "No upper bound" in str(audit)


def test_breaking_infocore_breaks_the_trained_audit(monkeypatch):
    def broken(scores):
        raise ZeroDivisionError

    monkeypatch.setattr(bounds, "infonce", broken)
    with pytest.raises(ZeroDivisionError):
        audit_leakage(Channel(), normal(10, 0), normal(20, 1), estimator=Oracle())


def test_refusals():
    with pytest.raises(ShapeError, match=r"audit_leakage: `x_train` and `x_test`.*\(10, 2\) and \(10, 1\)"):
        audit_leakage(Channel(), normal(10, 0), normal(10, 0)[:, :1], estimator=Oracle())
