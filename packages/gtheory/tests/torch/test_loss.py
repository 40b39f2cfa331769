"""SemanticInfoLoss: equal to the numpy measure, exact gradients, running mean, learning, and every refusal."""

import math

import numpy as np
import pytest
import torch

from gtheory import optimal_truth, semantic_information
from gtheory.torch import SemanticInfoLoss
from infocore.errors import KindError, NotFittedError, ParameterError, ShapeError


def batch(seed, rows=12, labels=3):
    g = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, labels, generator=g, dtype=torch.float64)
    return logits, torch.randint(labels, (rows,), generator=g)


@pytest.mark.parametrize("truth", ["max", "sigmoid"])
def test_value_is_minus_the_semantic_information_of_the_batch(truth):
    logits, targets = batch(0)
    f = logits.numpy()
    log_truth = f - f.max(0) if truth == "max" else -np.logaddexp(0, -f)
    info = semantic_information(np.full(12, 1 / 12), log_truth, np.eye(3)[targets], base=math.e, log=True)
    loss = SemanticInfoLoss(3, truth=truth, momentum=0.0).double()
    assert loss(logits, targets).item() == pytest.approx(-info.G, abs=1e-12)
    np.testing.assert_allclose(loss.information(logits).numpy(), info.pointwise, atol=1e-12)
    np.testing.assert_allclose(loss.log_truth(logits).numpy(), log_truth, atol=1e-12)
    loss.eval()
    assert loss(logits, targets).item() == pytest.approx(-info.G, abs=1e-12)


@pytest.mark.parametrize("truth", ["max", "sigmoid"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradients(truth, reduction):
    logits, targets = batch(1, rows=5)
    fresh = SemanticInfoLoss(3, truth=truth, momentum=0.0, reduction=reduction).double()
    assert torch.autograd.gradcheck(lambda f: fresh(f, targets), logits.requires_grad_())
    pool = batch(2, rows=7)[0].requires_grad_()
    assert torch.autograd.gradcheck(lambda f, p: fresh(f, targets, p), (logits, pool))
    fresh.eval()  # the running mean is then a constant
    assert torch.autograd.gradcheck(lambda f: fresh(f, targets), logits)


def test_gradient_with_a_running_mean_is_that_of_the_ratio():
    logits, targets = batch(3)
    past, _ = batch(4)
    loss = SemanticInfoLoss(3, momentum=0.9).double()
    loss(past, targets)
    f = logits.clone().requires_grad_()
    loss(f, targets).backward()
    running = 0.9 * past.exp().mean(0) + 0.1 * logits.exp().mean(0)
    torch.testing.assert_close(loss.log_lp, running.log())
    g = logits.clone().requires_grad_()
    ratio = g.exp().mean(0) / running  # gradient of log E e^f with the running mean below the line
    (ratio[targets] - g.gather(1, targets[:, None])[:, 0]).mean().backward()
    torch.testing.assert_close(f.grad, g.grad)


def test_reductions_agree():
    logits, targets = batch(5)
    values = {r: SemanticInfoLoss(3, reduction=r)(logits, targets) for r in ("mean", "sum", "none")}
    assert values["none"].shape == (12,)
    torch.testing.assert_close(values["none"].mean(), values["mean"])
    torch.testing.assert_close(values["none"].sum(), values["sum"])


def test_state_travels_and_large_scores_are_safe():
    logits, targets = batch(6)
    loss = SemanticInfoLoss(3)
    value = loss(1e4 * logits.float(), targets)
    assert torch.isfinite(value)
    copy = SemanticInfoLoss(3).eval()
    copy.load_state_dict(loss.state_dict())
    torch.testing.assert_close(copy(logits.float(), targets), loss.eval()(logits.float(), targets))
    assert int(copy.n_batches) == 1


def test_integer_targets_of_any_width():
    logits, targets = batch(7)
    want = SemanticInfoLoss(3)(logits, targets)
    for dtype in (torch.uint8, torch.int32):
        torch.testing.assert_close(SemanticInfoLoss(3)(logits, targets.to(dtype)), want)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_finds_the_optimal_truth_function_and_with_it_the_whole_rate(momentum):
    # a table of scores over 4 x and 2 labels is the whole model; the sample has the exact frequencies of the law
    px, ch = np.array([0.4, 0.3, 0.2, 0.1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    counts = np.rint(1000 * px[:, None] * ch).astype(int)
    x = torch.from_numpy(np.repeat(np.arange(4).repeat(2), counts.ravel()))
    y = torch.from_numpy(np.repeat(np.tile([0, 1], 4), counts.ravel()))
    scores = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    loss = SemanticInfoLoss(2, momentum=momentum).double()
    for _ in range(1500):
        (gradient,) = torch.autograd.grad(loss(scores[x], y), scores)
        scores.data -= gradient
    log_truth = (scores - scores.max(0).values).detach().numpy()
    np.testing.assert_allclose(np.exp(log_truth), optimal_truth(ch), atol=2e-3)
    info = semantic_information(px, log_truth, ch, base=math.e, log=True)
    assert pytest.approx(info.R, abs=1e-5) == info.G
    assert loss.eval()(scores[x], y).item() == pytest.approx(-info.R, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"n_labels": 0}, "`n_labels` must be at least 1"), ({"n_labels": 2, "momentum": 1.0}, "`momentum` must be in")],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        SemanticInfoLoss(**settings)


@pytest.mark.unchecked
@pytest.mark.parametrize("settings", [{"truth": "softmax"}, {"reduction": "max"}])
def test_words_that_are_refused(settings):
    with pytest.raises(ParameterError, match=f"`{next(iter(settings))}` must be"):
        SemanticInfoLoss(2, **settings)


F, Y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(4, 3), Y), ShapeError, r"`logits` must have shape \(B, 2\)"),
        ((F, Y, torch.zeros(0, 2)), ShapeError, r"`pool` must have shape \(B, 2\)"),
        ((F, Y + 2), ParameterError, "labels in 0..1; got 2 to 2"),
        ((F, Y - 1), ParameterError, "labels in 0..1; got -1 to -1"),
    ],
)
def test_batches_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SemanticInfoLoss(2)(*arguments)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("logits", "targets", "error", "message"),
    [
        (F, Y[:3], ShapeError, r"`targets` must have shape \(4,\)"),
        (F.long(), Y, KindError, "`logits` must be floating point"),
        (F, F[:, 0], KindError, "`targets` must be integers"),
    ],
)
def test_what_the_annotations_also_say(logits, targets, error, message):
    with pytest.raises(error, match=message):
        SemanticInfoLoss(2)(logits, targets)


def test_reading_before_training_is_refused():
    loss = SemanticInfoLoss(2).eval()
    for call in (lambda: loss(F, Y), lambda: loss.information(F), lambda: loss.log_truth(F)):
        with pytest.raises(NotFittedError, match="no batch was seen in training"):
            call()
