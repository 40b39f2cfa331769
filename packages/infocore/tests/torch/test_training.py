"""The training loop: seeds decide, a fit continues bit for bit, stops on its validation, and names what went wrong."""

import copy
import math
import re

import pytest
import torch

from infocore.errors import ParameterError, ShapeError, TrainingError
from infocore.torch.held_out import unfinished
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, History, TrainState, fit

X = torch.randn(90, 3, generator=torch.Generator().manual_seed(0))


def objective(model, batch):
    error = (model(batch[0]).squeeze(1) - batch[0].sin().sum(1)).square()
    return {"loss": error.mean(), "worst": error.max()}


def state_of(seed=0, lr=0.01):
    model = mlp((3, 16, 1), torch.Generator().manual_seed(seed))
    return TrainState(model, torch.optim.Adam(model.parameters(), lr=lr))


def batches(seed=0):
    return ArrayBatches(X, batch_size=16, seed=seed)


def weights(state):
    return torch.cat([p.detach().flatten() for p in state.model.parameters()])


def test_epochs_are_permutations():
    rows = ArrayBatches(torch.arange(90), -torch.arange(90), batch_size=16, seed=1)
    epoch = [rows(step) for step in range(5)]
    seen = torch.cat([first for first, _ in epoch])
    assert len(set(seen.tolist())) == 80
    assert all(torch.equal(first, -second) for first, second in epoch)
    second = torch.cat([rows(step)[0] for step in range(5, 10)])
    assert not torch.equal(seen, second)
    over_epochs = {i for step in range(50) for i in rows(step)[0].tolist()}
    assert over_epochs == set(range(90))  # the rows left over in one epoch come in another


def test_a_batch_depends_on_seed_and_step_alone():
    assert torch.equal(batches()(7)[0], batches()(7)[0])
    assert not torch.equal(batches()(7)[0], batches(1)(7)[0])


def test_losses_fall_and_seed_decides():
    one, again = state_of(), state_of()
    first = fit(one, batches(), objective, max_steps=200)
    second = fit(again, batches(), objective, max_steps=200)
    assert first == second
    assert torch.equal(weights(one), weights(again))
    assert sum(first.losses[-20:]) < 0.3 * sum(first.losses[:20])
    assert (one.step, first.best_step, first.stopped_early, first.validation) == (200, 200, False, ())


def test_a_fit_that_is_continued_is_the_uninterrupted_one(tmp_path):
    whole = state_of()
    want = fit(whole, batches(), objective, max_steps=60)
    part = state_of()
    head = fit(part, batches(), objective, max_steps=23)
    torch.save((part.model.state_dict(), part.optimizer.state_dict(), part.step), tmp_path / "state")
    model, optimizer, step = torch.load(tmp_path / "state", weights_only=True)
    later = state_of(seed=5)
    later.model.load_state_dict(model)
    later.optimizer.load_state_dict(optimizer)
    later.step = step
    tail = fit(later, batches(), objective, max_steps=60)
    assert head.losses + tail.losses == want.losses
    assert torch.equal(weights(later), weights(whole))


def test_best_weights_are_kept_and_patience_stops():
    values = iter([1.0, 3.0, 2.0, 2.5, 2.9, 9.0])
    seen = []

    def validate(model):
        assert not model.training
        assert not torch.is_grad_enabled()
        seen.append(torch.cat([p.flatten() for p in model.parameters()]))
        return next(values)

    state = state_of()
    history = fit(state, batches(), objective, max_steps=1000, validate=validate, validate_every=10, patience=3)
    assert history.validation == ((10, 1.0), (20, 3.0), (30, 2.0), (40, 2.5), (50, 2.9))
    assert (history.best_step, history.stopped_early, len(history.losses), state.step) == (20, True, 50, 50)
    assert torch.equal(weights(state), seen[1])


def test_last_step_is_validated_too():
    history = fit(state_of(), batches(), objective, max_steps=25, validate=lambda _: 0.5, validate_every=10)
    assert [step for step, _ in history.validation] == [10, 20, 25]
    assert (history.best_step, history.stopped_early) == (10, False)


# validation at a quarter, half, three quarters and the end of the steps
@pytest.mark.parametrize(
    ("validation", "stopped_early", "said"),
    [
        ((0.1, 0.3, 0.5, 0.6), False, r"raise `max_steps` \(\+0\.100 nats in the last quarter"),
        ((0.1, 0.3, 0.5, 0.6), True, ""),  # patience ended it
        ((0.1, 0.3, 0.5, 0.505), False, ""),  # less than 0.01 nats
        ((0.1, 1.0, 2.0, 2.03), False, ""),  # less than 2 %
        ((0.1, 1.0, 2.0, 2.05), False, r"\+0\.050"),
        ((0.1, 0.6, 0.2, 0.5), False, ""),  # the best is behind
        ((-0.5, -0.4, -0.3, -0.2), False, r"\+0\.100"),
        ((), False, ""),
    ],
)
def test_steps_that_ran_out_too_soon(validation, stopped_early, said):
    steps = tuple(zip((25, 50, 75, 100), validation, strict=False))
    text = " ".join(map(str, unfinished(History((), steps, 100, stopped_early))))
    assert re.search(said, text) if said else text == ""


@pytest.mark.parametrize("looks", [((50, 1.5),), ((90, 0.1), (100, 1.5))])
def test_steps_of_which_too_few_were_looked_at(looks):
    assert "before it could be seen" in str(unfinished(History((), looks, looks[-1][0], False))[0])
    assert unfinished(History((), looks, looks[-1][0], True)) == []


def test_no_steps_left():
    state = state_of()
    state.step = 30
    before = copy.deepcopy(weights(state))
    history = fit(state, batches(), objective, max_steps=30)
    assert history.losses == ()
    assert torch.equal(weights(state), before)


def test_a_loss_that_is_not_finite_names_its_terms():
    def broken(model, batch):
        terms = objective(model, batch)
        return {"loss": terms["loss"] * math.nan, "worst": torch.full((3,), 2.5)}

    with pytest.raises(TrainingError, match=r"not finite at step 0: loss = nan, worst = 2\.5\. Look for"):
        fit(state_of(), batches(), broken, max_steps=5)


def test_a_validation_that_is_not_finite():
    with pytest.raises(TrainingError, match="validation is inf at step 4"):
        fit(state_of(), batches(), objective, max_steps=8, validate=lambda _: math.inf, validate_every=4)


@pytest.mark.parametrize("setting", [{"validate_every": 0}, {"patience": 0}])
def test_settings_that_are_refused(setting):
    with pytest.raises(ParameterError, match=f"`{next(iter(setting))}` must be a whole number >= 1; got 0"):
        fit(state_of(), batches(), objective, max_steps=1, **setting)


def test_batches_that_are_refused():
    with pytest.raises(ShapeError, match=r"must have one length; got \[3, 4\]"):
        ArrayBatches(torch.zeros(3), torch.zeros(4), batch_size=2, seed=0)
    for size in (0, 4):
        with pytest.raises(ParameterError, match=rf"`batch_size` must be in 1\.\.3; got {size}"):
            ArrayBatches(torch.zeros(3), batch_size=size, seed=0)


def test_progress_goes_to_stderr_and_nothing_to_stdout(capsys):
    fit(state_of(), batches(), objective, max_steps=5, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "5/5" in shown.err
    fit(state_of(), batches(), objective, max_steps=5)
    assert capsys.readouterr() == ("", "")
