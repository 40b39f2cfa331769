"""The one way in which the networks of this package are trained."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from infocore.errors import ParameterError
from infocore.torch.training import ArrayBatches, History, TrainState, fit
from mid.torch.optimizers import SGD, Adam

Batches = Callable[[int], tuple[Tensor, ...]]


class Moment(NamedTuple):
    """When a loss is computed: how far training is, in [0, 1), and the source of this step's noise."""

    progress: float
    generator: torch.Generator


Loss = Callable[[nn.Module, Tensor, Tensor, Moment], Mapping[str, Tensor]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast to train; `patience` counts epochs and needs held-out rows."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Adam | SGD
    validation: float
    patience: int
    device: str
    progress: bool

    def check(self, caller: str) -> None:
        """Refuse settings that cannot be trained with."""
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{caller}: `{name}` must be at least 1; got {getattr(self, name)}.")
        if not 0 < self.learning_rate < np.inf:
            raise ParameterError(f"{caller}: `learning_rate` must be positive; got {self.learning_rate!r}.")
        if not 0 <= self.validation < 1:
            raise ParameterError(f"{caller}: `validation` must be in [0, 1); got {self.validation!r}.")


def split(n: int, validation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows that choose when to stop, both in increasing order."""
    held = round(validation * n)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held:]), np.sort(order[:held])


def array_batches(x: np.ndarray, y: np.ndarray, batch_size: int, seed: int) -> ArrayBatches:
    """Shuffled batches of records and answers."""
    return ArrayBatches(x, y, batch_size=min(batch_size, len(x)), seed=seed)


def train(
    module: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    max_steps: int,
    schedule: Schedule,
    noise: int,
    optimizer: torch.optim.Optimizer | None = None,
    held_out: tuple[Tensor, Tensor] | None = None,
    per_epoch: int = 1,
) -> History:
    """Train in place and leave the module in evaluation mode.

    `noise` seeds what a step draws; with `held_out`, the epoch whose loss on these rows is least is kept.
    """
    device = torch.device(schedule.device)
    if optimizer is None:
        parameters = [p for p in module.parameters() if p.requires_grad]
        optimizer = schedule.optimizer.build(parameters, schedule.learning_rate)
    forked = any(isinstance(part, nn.modules.dropout._DropoutNd) for part in module.modules())

    def seeded(step: int) -> tuple[Tensor, ...]:
        # the noise of a step depends on (seed, step) alone
        seed = int(np.random.SeedSequence([noise, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return (*(t.to(device) for t in batches(step)), torch.tensor(seed), torch.tensor(step / max_steps))

    def objective(model: nn.Module, batch: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        x, y, seed, progress = batch
        with _own_stream(int(seed), device) if forked else contextlib.nullcontext():
            return loss(model, x, y, Moment(float(progress), torch.Generator().manual_seed(int(seed))))

    def validate(model: nn.Module) -> float:
        assert held_out is not None
        # the same noise each time, so that epochs are compared and not draws
        moment = Moment(1.0, torch.Generator().manual_seed(noise))
        return -float(loss(model, *held_out, moment)["loss"])

    history = fit(
        TrainState(module, optimizer),
        seeded,
        objective,
        max_steps=max_steps,
        validate=None if held_out is None else validate,
        validate_every=per_epoch,
        patience=schedule.patience,
        progress=schedule.progress,
    )
    module.eval()
    return history


@contextlib.contextmanager
def _own_stream(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch's dropout, which takes no generator, draw from `seed`, and put the global stream back."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
