import numpy as np
import pytest

pytest.importorskip("torch")

from scipy.special import log_softmax, softmax

from infocore.errors import ParameterError, ShapeError
from mid.attacks.reading import read
from mid.torch import InversionAttack


class Identity:
    """Answers with its input: an attack must break it."""

    def release(self, X, *, output, queries, access, rng):
        return np.asarray(X)


class Constant:
    """Answers the same to everything: no attack can beat the global mean."""

    def release(self, X, *, output, queries, access, rng):
        return np.ones((len(X), 3))


class Softmaxed:
    """Probabilities of a linear map, of which softmax hides only the offset; notes what it was asked."""

    def __init__(self):
        self.asked = []

    def release(self, X, *, output, queries, access, rng):
        self.asked.append((len(X), output, queries, access))
        return softmax(20.0 * np.asarray(X), axis=1)


def attack(**settings):
    rng = np.random.default_rng(0)
    y = np.arange(500) % 5
    x = (rng.random((500, 4)) + 0.3 * rng.random((5, 4))[y]) / 1.3
    return InversionAttack(
        x_auxiliary=x[:350], y_auxiliary=y[:350], x=x[350:], y=y[350:], **{"hidden": (64,), "max_steps": 800} | settings
    )


def test_identity_is_broken():
    result = attack().run(Identity())
    assert result.mse < 0.02 * result.class_mean_floor  # measured 0.003
    assert result.mse_ci[0] <= result.mse <= result.mse_ci[1]
    assert (result.n, result.classes, result.overlap) == (150, 5, 0)


def test_constant_cannot_be_beaten():
    result = attack().run(Constant())
    # nothing to learn: the best answer is the mean of the auxiliary records, its error the global floor;
    # a network's mean differs by a little noise, never by more than 2 % here
    assert result.mse == pytest.approx(result.global_mean_floor, rel=0.02)
    assert result.mse > result.class_mean_floor


def test_softmax_hides_only_the_offset():
    target = Softmaxed()
    result = attack(output="probabilities", queries=7, access="sampled").run(target)
    # without the offset the record is known up to its mean: 1/4 of the variance remains, and the network's error
    assert result.mse < 0.4 * result.global_mean_floor
    assert target.asked == [(350, "probabilities", 7, "sampled"), (150, "probabilities", 7, "sampled")]
    assert (result.output, result.queries, result.access) == ("probabilities", 7, "sampled")


def test_reading_probabilities_brings_back_the_logits():
    logits = np.random.default_rng(0).normal(0, 5, (6, 4))
    got = read(softmax(logits, axis=1), "probabilities")
    want = log_softmax(logits, axis=1)
    assert got - got[:, :1] == pytest.approx(want - want[:, :1], abs=1e-9)
    assert (read(logits, "logits") == logits).all()


def test_truncation_keeps_the_largest():
    answers = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert attack(output="probabilities", truncation=1)._truncate(answers, 1).tolist() == [[0.5, 0, 0], [0, 0, 0.8]]
    assert attack(truncation=2)._truncate(answers, 2).tolist() == [[0.5, 0.3, 0.3], [0.1, 0.1, 0.8]]
    # less released, less learned
    full, cut = (attack(output="probabilities", truncation=r).run(Softmaxed()).mse for r in (None, 1))
    assert cut > 1.5 * full


def test_same_seed_same_attack():
    first, second = (attack(max_steps=60).run(Identity()) for _ in range(2))
    assert (first.reconstructions == second.reconstructions).all()
    assert first.mse_ci == second.mse_ci


def test_refusals():
    x, y = np.zeros((20, 3)), np.zeros(20, int)
    good = {"x_auxiliary": x, "y_auxiliary": y, "x": x, "y": y}
    with pytest.raises(ShapeError, match=r"InversionAttack: `x_auxiliary` and `x`.*\(20, 3\) and \(20, 2\)"):
        InversionAttack(**good | {"x": x[:, :2]})
    with pytest.raises(ShapeError, match=r"`y_auxiliary`.*20; got shape \(19,\)"):
        InversionAttack(**good | {"y_auxiliary": y[:19]})
    with pytest.raises(ParameterError, match=r"`x_auxiliary`.*10 records; got 9"):
        InversionAttack(**good | {"x_auxiliary": x[:9], "y_auxiliary": y[:9]})
    with pytest.raises(ParameterError, match=r"`queries` must be at least 1; got 0"):
        InversionAttack(**good, queries=0)
    with pytest.raises(ParameterError, match=r"`truncation` must be at most 3.*got 4"):
        InversionAttack(**good, truncation=4).run(Identity())
