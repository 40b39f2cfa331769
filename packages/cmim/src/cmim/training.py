"""What Lightning's Trainer trains: a model on batches and noise that follow from ``(seed, step)`` alone."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from cmim._inputs import batch_seed
from cmim._lightning import pl
from cmim._modes import evaluating
from cmim.model import Model
from infocore.errors import CheckpointError, TrainingError
from infocore.torch.training import ArrayBatches

__all__ = ["Batch", "Batches", "Rows", "Training", "digest", "validation_loss"]

CALIBRATE_EVERY = 50
CALIBRATION_ROWS = 512


class Batch(NamedTuple):
    """The samples of a step.

    Parameters
    ----------
    x : tensor of shape (b, ...)
        Of this part of the batch.
    groups : integer tensor of shape (b,), optional
        As in `Model.objective`.
    seen : tensor of shape (b, ...), optional
        As in `Model.objective`.
    """

    x: Tensor
    groups: Tensor | None = None
    seen: Tensor | None = None


@runtime_checkable
class Batches(Protocol):
    """Batches by the number of the step, so that a run can go on at any; `fit` takes one in place of an array."""

    batch_size: int
    """Rows a step, over all processes and micro-batches."""
    seed: int
    """Of the order; that of the run."""

    def __call__(self, step: int, part: tuple[int, int], /) -> Batch:
        """Return one part of so many of the batch of a step: rows ``index * B // parts`` to the next part's."""
        ...

    def sample(self, n: int, /) -> Tensor:
        """Return some n rows, the same each time: to look at, or to calibrate a temperature by."""
        ...

    def digest(self) -> str:
        """Return a text that tells these data from others."""
        ...


class Rows:
    """Batches of an array in memory.

    Parameters
    ----------
    x : tensor of shape (n, ...)
        All training data, on the CPU.
    batch_size, seed : int
        As in `Batches`.
    grouped : bool
        Whether to number identical rows.
    """

    def __init__(self, x: Tensor, batch_size: int, seed: int, *, grouped: bool) -> None:
        self.x, self.batch_size, self.seed = x, batch_size, seed
        groups = _groups(x) if grouped else None
        self.batches = ArrayBatches(x, *([] if groups is None else [groups]), batch_size=batch_size, seed=seed)

    def __call__(self, step: int, part: tuple[int, int], /) -> Batch:
        """As `Batches`; the whole batch, of which the objective takes its part."""
        del part
        return Batch(*self.batches(step))

    def sample(self, n: int, /) -> Tensor:
        """As `Batches`."""
        rows = np.random.default_rng((self.seed, 1)).permutation(len(self.x))[:n]
        return self.x[torch.from_numpy(rows)]

    def digest(self) -> str:
        """As `Batches`."""
        return digest(self.x)


class Training(pl.LightningModule):
    """The training of a `Model`, for Lightning's Trainer.

    Parameters
    ----------
    model : Model
        Trained in place.
    batches : Batches
        Samples by the number of the step.
    seed : int
        Of noise.
    learning_rate : float
        Of Adam.
    warmup : int
        Steps over which the rate grows from 0.
    decay : int, optional
        Step at which the rate, falling along half a cosine from the end of the warm-up, is a tenth; if not given, it
        stays.
    log_every : int
        Steps between entries of the history, which has the first and the last step too.
    settings : mapping
        More of what makes a run the same, to be compared when it is resumed.
    accumulate : int
        Micro-batches a step.
    gather : bool
        Whether codes of other processes are negatives too.
    tile : int, optional
        As in `cmim.losses.contrastive_log_prob`.
    fused : bool
        Whether Adam is one kernel, whose gradients Lightning does not clip under mixed precision.

    Notes
    -----
    The step is the Trainer's ``global_step``, and the loader only counts. Processes and micro-batches are parts of the
    one batch that follows from the seed and the step, so how it is cut changes no sample and no noise.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        *,
        seed: int,
        learning_rate: float,
        log_every: int,
        warmup: int = 0,
        decay: int | None = None,
        settings: Mapping[str, Any] | None = None,
        accumulate: int = 1,
        gather: bool = False,
        tile: int | None = None,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.model = model
        self.batches = batches
        self.seed = seed
        self.learning_rate, self.warmup, self.decay = learning_rate, warmup, decay
        self.log_every = log_every
        self.accumulate, self.gather, self.tile, self.fused = accumulate, gather, tile, fused
        self.place = (-1, 0)
        self.history: list[dict[str, float]] = []
        calibrated = model.config.temperature == "calibrated"
        self.calibration = batches.sample(CALIBRATION_ROWS) if calibrated else None
        self.run_facts = {
            "config": repr(model.config), "data": batches.digest(), "batch_size": batches.batch_size, "seed": seed,
            "rate": learning_rate, "warmup": warmup, "decay": decay, "accumulate": accumulate, "gather": gather,
            **(settings or {}),
        }  # fmt: skip

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # noqa: ARG002 - Lightning's signature
        """Return the loss of the current step.

        Parameters
        ----------
        batch, batch_idx
            Ignored: the batch follows from the seed and the step.

        Returns
        -------
        tensor of shape ()
            The loss.

        Raises
        ------
        TrainingError
            If it is not finite; every term is named.
        """
        step = self.global_step
        micro = self.place[1] + 1 if self.place[0] == step else 0
        self.place = (step, micro)
        if self.calibration is not None and micro == 0 and step % CALIBRATE_EVERY == 0:
            generator = torch.Generator().manual_seed(batch_seed(self.seed, step, 2))
            self.model.calibrate(self.calibration.to(self.device), generator)
        world = self.trainer.world_size
        part = (micro * world + self.global_rank, world * self.accumulate)
        x, groups, seen = (None if t is None else t.to(self.device) for t in self.batches(step, part))
        assert x is not None
        generator = torch.Generator().manual_seed(batch_seed(self.seed, step))
        last = step + 1 == self.trainer.max_steps
        watch = micro == 0 and (step == 0 or last or (step + 1) % self.log_every == 0)
        size = self.batches.batch_size
        terms = self.model.objective(
            x,
            generator,
            step=step,
            watch=watch,
            shard=part,
            gather=self.gather,
            groups=groups,
            tile=self.tile,
            seen=seen,
            size=None if len(x) == size else size,
        )
        if not math.isfinite(terms["loss"].detach()):
            values = ", ".join(f"{name} = {float(term.detach().mean()):g}" for name, term in terms.items())
            raise TrainingError(
                f"fit: the loss is not finite at step {step}: {values}. "
                "Lower the learning rate, or look for inputs of a very different scale."
            )
        if watch:
            means = {name: term.detach().float().mean() for name, term in terms.items()}
            entry = {name: float(value) for name, value in means.items()}
            self.history.append({"step": float(step), **entry})
            for logger in self.trainer.loggers:  # at once: Lightning's own log would keep what was logged before
                logger.log_metrics(entry, step=step)
        return terms["loss"]

    def configure_optimizers(self) -> Any:
        """Return Adam over the parameters of the model, and the schedule of its rate, if there is one.

        Returns
        -------
        torch.optim.Optimizer, or dict of it and a scheduler
            Without weight decay, which would shrink the codes twice.
        """
        adam = torch.optim.Adam(self.model.parameters(), lr=self.learning_rate, fused=self.fused)
        if not self.warmup and self.decay is None:
            return adam
        schedule = torch.optim.lr_scheduler.LambdaLR(
            adam, lambda step: self.rate(step)
        )  # a plain function is not saved
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        """Return the factor of the learning rate at a step.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        float
            In (0, 1].
        """
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.decay is None:
            return 1.0
        way = min(1.0, (step - self.warmup) / max(1, self.decay - self.warmup))
        return 0.1 + 0.45 * (1.0 + math.cos(math.pi * way))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put what the run was into the checkpoint.

        Parameters
        ----------
        checkpoint : dict
            Lightning's, changed in place.
        """
        checkpoint["cmim"] = self.run_facts

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse to resume a run that was another one.

        Parameters
        ----------
        checkpoint : mapping
            Lightning's.

        Raises
        ------
        CheckpointError
            If configuration, data, batch size, seed or learning rate differ.
        """
        before = checkpoint.get("cmim", {})
        changed = [name for name, value in self.run_facts.items() if before.get(name) != value]
        if changed:
            raise CheckpointError(
                f"fit: the checkpoint is of a run with other {', '.join(changed)}. Repeat that run's settings, or "
                "choose another `checkpoint_dir`."
            )


def validation_loss(model: Model, x: Tensor, batch_size: int, seed: int) -> float:
    """Mean loss on data that are not trained on, with noise that depends on the seed alone.

    Parameters
    ----------
    model : Model
        Put into evaluation mode for the time of the call.
    x : tensor of shape (n, ...)
        Data, on the CPU.
    batch_size : int
        Rows at a time, and with a contrastive term those that are compared.
    seed : int
        Of the noise.

    Returns
    -------
    float
        In nats, as the objective scales them.
    """
    device = next(model.parameters()).device
    total = 0.0
    with evaluating(model), torch.no_grad():
        for number, rows in enumerate(x.split(batch_size)):
            generator = torch.Generator().manual_seed(batch_seed(seed, number, 1))
            terms = model.objective(rows.to(device), generator, watch=False)
            total += float(terms["loss"]) * len(rows)
    return total / len(x)


def digest(x: Tensor) -> str:
    """Return the sha256 of a tensor's bytes.

    Parameters
    ----------
    x : tensor
        On the CPU.

    Returns
    -------
    str
        In hexadecimal.
    """
    return hashlib.sha256(x.contiguous().numpy().tobytes()).hexdigest()


def _groups(x: Tensor) -> Tensor | None:
    """Number the rows so that identical ones have one number; None if no two are."""
    seen: dict[bytes, int] = {}
    rows = x.flatten(1).numpy()
    numbers = [seen.setdefault(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), len(seen)) for row in rows]
    return torch.tensor(numbers) if len(seen) < len(numbers) else None
