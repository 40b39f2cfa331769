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
    torch.testing.assert_close(copy.log_truth(1e4 * logits.float()).max(0).values, torch.zeros(3))


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
@pytest.mark.parametrize("settings", [{"truth": "softmax"}, {"reduction": "max"}, {"population": "some"}])
def test_words_that_are_refused(settings):
    with pytest.raises(ParameterError, match=f"`{next(iter(settings))}` must be"):
        SemanticInfoLoss(2, **settings)


def indicator(seed, rows=12, labels=3, missing=0.3):
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(rows, labels, generator=g) < 0.4).double()
    y[torch.rand(rows, labels, generator=g) < missing] = math.nan
    return y


def test_one_label_a_row_is_the_same_as_an_indicator_or_as_a_label_index():
    logits, targets = batch(8)
    want = SemanticInfoLoss(3)(logits, targets)
    onehot = torch.eye(3)[targets]
    for y in (onehot, onehot.double(), onehot.bool(), onehot.long()):
        torch.testing.assert_close(SemanticInfoLoss(3)(logits, y), want)


@pytest.mark.parametrize("population", ["all", "known"])
@pytest.mark.parametrize("truth", ["max", "sigmoid"])
def test_indicator_targets_are_learned_from_positives_and_everybody_alone(population, truth):
    logits, y = batch(9)[0], indicator(9)
    f, given, known = logits.numpy(), (y == 1).numpy(), ~np.isnan(y.numpy())
    t = np.exp(f) if truth == "max" else 1 / (1 + np.exp(-f))
    loss = SemanticInfoLoss(3, truth=truth, momentum=0.0, population=population, reduction="none").double()
    got = loss(logits, y)
    for j in range(3):  # by hand, label by label
        everybody = t[known[:, j], j] if population == "known" else t[:, j]
        information = np.log(t[:, j] / everybody.mean())
        np.testing.assert_allclose(loss.information(logits)[:, j].numpy(), information, atol=1e-12)
    row_sums = np.where(given, loss.information(logits).numpy(), 0).sum(1)
    np.testing.assert_allclose(got.numpy(), -row_sums, atol=1e-12)
    whole = torch.where(y.isnan(), -1, y).long()  # the same in integers
    again = SemanticInfoLoss(3, truth=truth, population=population, reduction="none").double()
    torch.testing.assert_close(again(logits, whole), got)
    negatives_as_missing = torch.where(y == 1, y, math.nan)
    other = SemanticInfoLoss(3, truth=truth, momentum=0.0, reduction="none").double()(logits, negatives_as_missing)
    same = torch.allclose(other, got)
    assert same == (population == "all")  # of everybody, what is not given need not be known


@pytest.mark.parametrize("population", ["all", "known"])
@pytest.mark.parametrize("truth", ["max", "sigmoid"])
def test_gradients_with_indicator_targets(population, truth):
    logits, y = batch(10, rows=6)[0], indicator(10, rows=6)
    y[:, 2] = math.nan  # a label known nowhere in the batch
    fresh = SemanticInfoLoss(3, truth=truth, momentum=0.0, population=population).double()
    assert torch.autograd.gradcheck(lambda f: fresh(f, y), logits.requires_grad_())


def test_a_label_known_nowhere_in_a_batch_keeps_its_mean():
    loss = SemanticInfoLoss(3, momentum=0.9, population="known").double()
    logits, y = batch(11)[0], indicator(11, missing=0.0)
    gone = y.clone()
    gone[:, 2] = math.nan
    assert torch.isfinite(loss(logits, gone))
    with pytest.raises(NotFittedError, match=r"label 2 is true \(1 of 3 labels\)"):
        loss.information(logits)
    loss(logits, y)
    before = loss.log_lp.clone()
    torch.testing.assert_close(before[2], logits[:, 2].exp().mean().log())  # its first batch, undiluted
    loss(2 * logits, gone)
    assert loss.log_lp[2] == before[2] and not (loss.log_lp[:2] == before[:2]).any()


def test_a_batch_without_any_label_given_says_nothing():
    logits = batch(12)[0].requires_grad_()
    loss = SemanticInfoLoss(3).double()
    loss(logits, torch.zeros(12, 3)).backward()
    assert not logits.grad.any()


@pytest.mark.parametrize("population", ["all", "known"])
def test_set_population_takes_the_exact_mean(population):
    logits, y = batch(13)[0], indicator(13)
    loss = SemanticInfoLoss(3, momentum=0.9, population=population).double()
    loss(5 * batch(14)[0], y)
    loss.set_population(logits, y)
    exact = SemanticInfoLoss(3, momentum=0.0, population=population).double()
    exact(logits, y)
    torch.testing.assert_close(loss.log_lp, exact.log_lp)
    torch.testing.assert_close(loss.log_max, exact.log_max)
    loss.set_population(logits)
    torch.testing.assert_close(loss.information(logits).exp().mean(0), torch.ones(3, dtype=torch.float64))


def test_minimum_is_the_density_ratio_whatever_the_frequencies_of_labels():
    # four x, three labels that any number of may hold at once; the loss is exact: rows are all (x, y) by probability
    px = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    p_label = torch.tensor([[0.9, 0.02, 0.5], [0.6, 0.01, 0.5], [0.3, 0.08, 0.5], [0.1, 0.04, 0.5]]).double()
    rows = [(i, bits) for i in range(4) for bits in np.ndindex(2, 2, 2)]
    law = [
        px[i] * math.prod(float(p_label[i, j] if b else 1 - p_label[i, j]) for j, b in enumerate(y)) for i, y in rows
    ]
    counts = np.rint(np.array([float(v) for v in law]) * 200_000).astype(int)  # to 5e-6
    x = torch.from_numpy(np.repeat([i for i, _ in rows], counts))
    y = torch.from_numpy(np.repeat([bits for _, bits in rows], counts, axis=0))
    scores = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    loss = SemanticInfoLoss(3, momentum=0.0).double()
    optimizer = torch.optim.LBFGS([scores], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(scores[x], y)
        value.backward()
        return value

    optimizer.step(closure)
    loss.set_population(scores.detach()[x])  # as log_max is of all that training went through
    truth = loss.log_truth(scores.detach()).exp()
    np.testing.assert_allclose(truth.numpy(), (p_label / p_label.max(0).values).numpy(), atol=2e-3)
    p_y = px @ p_label
    ratio = (p_label / p_y).log()
    np.testing.assert_allclose(loss.information(scores.detach()).numpy(), ratio.numpy(), atol=2e-3)
    # the value is the information of each label about x, by how often it is given
    assert loss(scores, torch.zeros(4, 3)).item() == 0
    assert loss(scores[x], y).item() == pytest.approx(-float((px[:, None] * p_label * ratio).sum()), abs=1e-5)


# gradient along the scale of scores that stand still; over 20,000 batches of 8 its bias is -0.168 for momentum 0,
# -0.006 for 0.9 and -0.002 for 0.99 (s.e. 0.004). Over 1,000 the s.e. is 0.015 and 0.018: tolerance 3 s.e. about these
@pytest.mark.parametrize(("momentum", "bias", "tolerance"), [(0.0, -0.168, 0.045), (0.9, -0.006, 0.054)])
def test_bias_of_the_gradient_shrinks_with_the_share_of_the_past(momentum, bias, tolerance):
    f = torch.tensor([[-3.0, 0.0], [-2.0, -2.0], [0.0, -1.0], [-4.0, -4.0]], dtype=torch.float64)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    exact = SemanticInfoLoss(2, momentum=0.0).double()
    (want,) = torch.autograd.grad(exact(scale * f.repeat(2, 1), torch.tensor([0, 1]).repeat_interleave(4)), scale)
    g = torch.Generator().manual_seed(0)
    loss = SemanticInfoLoss(2, momentum=momentum).double()
    loss.set_population(f)
    total = 0.0
    for _ in range(1000):
        rows, labels = torch.randint(4, (8,), generator=g), torch.randint(2, (8,), generator=g)
        total += torch.autograd.grad(loss(scale * f[rows], labels), scale)[0].item()
    assert total / 1000 - want.item() == pytest.approx(bias, abs=tolerance)


F, Y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(4, 3), Y), ShapeError, r"`logits` must have shape \(B, 2\)"),
        ((F, Y, torch.zeros(0, 2)), ShapeError, r"`pool` must have shape \(B, 2\)"),
        ((F, Y + 2), ParameterError, "labels in 0..1; got 2 to 2"),
        ((F, Y - 1), ParameterError, "labels in 0..1; got -1 to -1"),
        ((F, F + 0.5), ParameterError, "must hold 0, 1 and, for what is not known, NaN .*; got 0.5 in 8 entries"),
        ((F, torch.full((4, 2), -2)), ParameterError, "must hold 0, 1 and"),
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
        (F, F[:, :1], ShapeError, r"or \(4, 2\), an indicator per label; got \(4, 1\)"),
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
