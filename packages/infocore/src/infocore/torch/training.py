"""The small training loop for critics and other fits of seconds.

Batch i depends on ``(seed, i)`` alone and the loop keeps no state but the step, so a fit that is stopped and continued
gives on a CPU, bit for bit, what an uninterrupted one gives.
"""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from infocore._settings import check_whole
from infocore.errors import ParameterError, ShapeError, TrainingError

__all__ = ["ArrayBatches", "History", "TrainState", "fit"]

Objective = Callable[[Any, Any], Mapping[str, Tensor]]


@dataclasses.dataclass
class TrainState:
    """What a fit changes.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place.
    optimizer : torch.optim.Optimizer
        Over the parameters of `model`.
    step : int
        Steps taken so far; the next batch is ``batches(step)``.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0


@dataclasses.dataclass(frozen=True)
class History:
    """What happened in a fit.

    Parameters
    ----------
    losses : tuple of float
        The loss of each step taken.
    validation : tuple of (int, float)
        Steps at which `validate` was called, and what it returned.
    best_step : int
        Step whose weights the model has now.
    stopped_early : bool
        Whether patience ran out before `max_steps`.
    """

    losses: tuple[float, ...]
    validation: tuple[tuple[int, float], ...]
    best_step: int
    stopped_early: bool


class ArrayBatches:
    """Batches of rows, drawn without replacement within an epoch; batch i depends on ``(seed, i)`` alone.

    Parameters
    ----------
    *arrays : array of shape (n, ...)
        Cut along their first axis, in step with each other.
    batch_size : int
        Rows per batch, at most n. The rows left over at the end of an epoch wait for another.
    seed : int
        Seed of the shuffling.

    Raises
    ------
    ShapeError
        If the arrays differ in length.
    ParameterError
        If `batch_size` is not in 1..n.

    Examples
    --------
    >>> batches = ArrayBatches(np.arange(5.0), batch_size=2, seed=0)
    >>> [len(batches(step)[0]) for step in range(3)], bool((batches(7)[0] == batches(7)[0]).all())
    ([2, 2, 2], True)
    """

    def __init__(self, *arrays: ArrayLike, batch_size: int, seed: int) -> None:
        self.arrays = tuple(torch.as_tensor(array) for array in arrays)
        lengths = sorted({len(array) for array in self.arrays})
        if len(lengths) != 1:
            raise ShapeError(f"ArrayBatches: `arrays` must have one length; got {lengths}.")
        if not 1 <= batch_size <= lengths[0]:
            raise ParameterError(f"ArrayBatches: `batch_size` must be in 1..{lengths[0]}; got {batch_size!r}.")
        self.batch_size = batch_size
        self.seed = seed
        self.per_epoch = lengths[0] // batch_size
        self._kept: tuple[int, Tensor] | None = None  # the order of an epoch, which follows from seed and epoch

    def __call__(self, step: int) -> tuple[Tensor, ...]:
        """Return the batch of one step.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        tuple of tensors
            One per array, `batch_size` rows each.
        """
        epoch, place = divmod(step, self.per_epoch)
        if self._kept is None or self._kept[0] != epoch:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.arrays[0]))
            self._kept = epoch, torch.from_numpy(order)
        rows = self._kept[1][place * self.batch_size : (place + 1) * self.batch_size]
        return tuple(array[rows] for array in self.arrays)


def fit(
    state: TrainState,
    batches: Callable[[int], Any],
    objective: Objective,
    *,
    max_steps: int,
    validate: Callable[[Any], float] | None = None,
    validate_every: int = 100,
    patience: int = 10,
    progress: bool = False,
) -> History:
    """Minimise an objective, and keep the weights that validate best.

    Parameters
    ----------
    state : TrainState
        Trained in place, from ``state.step`` on.
    batches : callable
        ``batches(step)`` returns the batch of that step.
    objective : callable
        ``objective(model, batch)`` returns ``{"loss": Tensor, ...}``; every entry is named if the loss is not finite.
    max_steps : int
        Step to stop at, counted from the beginning of training.
    validate : callable, optional
        ``validate(model)`` returns a number to be maximised, on data that are neither trained nor reported on. Called
        in evaluation mode and without gradients.
    validate_every : int
        Steps between validations.
    patience : int
        Validations without a new best before the fit stops.
    progress : bool
        Whether to draw a progress bar, on stderr.

    Returns
    -------
    History
        Losses and validations. With `validate`, the model has its best weights; without, its last.

    Raises
    ------
    TrainingError
        If a loss or a validation is not finite.
    ParameterError
        If `validate_every` or `patience` is not positive.

    Examples
    --------
    >>> from infocore.torch.layers import linear
    >>> model = linear(1, 1, torch.Generator().manual_seed(0))
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> state = TrainState(model, torch.optim.SGD(model.parameters(), lr=0.2))
    >>> square = lambda model, batch: {"loss": (model(batch[0]) - 3 * batch[0]).square().mean()}
    >>> history = fit(state, ArrayBatches(x, batch_size=16, seed=0), square, max_steps=200)
    >>> round(model.weight.item(), 2), state.step
    (3.0, 200)
    """
    for name, value in (("validate_every", validate_every), ("patience", patience)):
        check_whole(value, "fit", name, 1)
    losses: list[float] = []
    validation: list[tuple[int, float]] = []
    best, best_step, best_weights = -math.inf, state.step, None
    stopped_early = False
    with _bar(progress, max_steps) as advance:
        while state.step < max_steps and not stopped_early:
            losses.append(_step(state, batches(state.step), objective))
            advance(state.step, losses[-1])
            if validate is None or (state.step % validate_every and state.step < max_steps):
                continue
            validation.append((state.step, _validated(state.model, validate, state.step)))
            if validation[-1][1] > best:
                best, best_step = validation[-1][1], state.step
                best_weights = copy.deepcopy(state.model.state_dict())
            stopped_early = len([v for s, v in validation if s > best_step]) >= patience
    if best_weights is not None:
        state.model.load_state_dict(best_weights)
    return History(tuple(losses), tuple(validation), best_step if best_weights else state.step, stopped_early)


def _step(state: TrainState, batch: Any, objective: Objective) -> float:
    """Take one optimiser step and return its loss."""
    state.model.train()
    terms = objective(state.model, batch)
    loss = terms["loss"]
    value = float(loss.detach())
    if not math.isfinite(value):
        values = ", ".join(f"{name} = {float(term.detach().float().mean()):g}" for name, term in terms.items())
        raise TrainingError(
            f"fit: the loss is not finite at step {state.step}: {values}. "
            "Look for unscaled inputs, a learning rate that is too large, or a score that overflows."
        )
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    state.step += 1
    return value


def _validated(model: nn.Module, validate: Callable[[Any], float], step: int) -> float:
    """Call `validate` in evaluation mode, without gradients."""
    model.eval()
    with torch.no_grad():
        value = float(validate(model))
    if not math.isfinite(value):
        raise TrainingError(f"fit: the validation is {value} at step {step}, while the training loss is finite.")
    return value


def _nothing(step: int, loss: float) -> None:
    """Show nothing."""


class _bar:  # noqa: N801 - used as a function
    """A rich progress bar on stderr, or nothing."""

    def __init__(self, show: bool, total: int) -> None:
        self.show, self.total = show, total

    def __enter__(self) -> Callable[[int, float], None]:
        if not self.show:
            return _nothing
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("fit"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
        )
        self.progress = Progress(*columns, console=Console(stderr=True))
        task = self.progress.add_task("fit", total=self.total, loss="")
        self.progress.start()
        return lambda step, loss: self.progress.update(task, completed=step, loss=f"loss {loss:.4f}")

    def __exit__(self, *error: object) -> None:
        if self.show:
            self.progress.stop()
