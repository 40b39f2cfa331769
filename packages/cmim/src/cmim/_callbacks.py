"""Callbacks of the Trainer: the progress bar, checkpoints for resuming, and stopping early."""

import copy
import hashlib
import inspect
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cmim._lightning import pl
from infocore.errors import CheckpointError

__all__ = ["Bar", "EarlyStop", "Saver", "newest", "read_checkpoint", "resume_from"]


class Bar(pl.Callback):
    """Steps done of all steps, also after a resume; Lightning's own bar counts epochs, of which there are none here."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        columns = (
            TextColumn("fit"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
        )
        hidden = trainer.global_rank > 0
        self.bar = Progress(*columns, console=Console(stderr=True, quiet=hidden), disable=hidden)
        self.task = self.bar.add_task("fit", total=trainer.max_steps, completed=trainer.global_step, loss="")
        self.bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.bar.update(self.task, completed=trainer.global_step, loss=f"loss {float(outputs['loss']):.4g}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        self.bar.stop()


class EarlyStop(pl.Callback):
    """Evaluate every so many steps, stop when that has not improved for a while, and bring the best weights back.

    What it knows is part of the Trainer's checkpoints, so a resumed run stops where the whole one would have.
    """

    def __init__(self, evaluate: Callable[[], float], every: int, patience: int) -> None:
        self.evaluate, self.every, self.patience = evaluate, every, patience
        self.found: list[tuple[int, float]] = []
        self.weights: dict[str, torch.Tensor] = {}
        self.best_step = -1

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        if trainer.global_step % self.every or self._is_known(trainer.global_step):
            return  # the latter between the micro-batches of a step
        value = self._look(trainer.global_step, pl_module.model)
        for logger in trainer.loggers:
            logger.log_metrics({"validation": value}, step=trainer.global_step - 1)
        if self.exhausted:
            trainer.should_stop = True

    @property
    def exhausted(self) -> bool:
        """Whether the best is as many looks ago as patience allows."""
        return sum(s > self.best_step for s, _ in self.found) >= self.patience

    def finish(self, step: int, model: torch.nn.Module) -> None:
        """Look once more where the run has ended, which no checkpoint knows of, and bring the best weights back."""
        if not self._is_known(step):
            self._look(step, model)
        model.load_state_dict(self.weights)

    def _is_known(self, step: int) -> bool:
        return step == 0 or any(s == step for s, _ in self.found[-1:])

    def _look(self, step: int, model: torch.nn.Module) -> float:
        value = self.evaluate()
        if not self.found or value < min(v for _, v in self.found):
            self.best_step, self.weights = step, copy.deepcopy(model.state_dict())
        self.found.append((step, value))
        return value

    def state_dict(self) -> dict[str, Any]:
        return {"found": self.found, "weights": self.weights, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.found = [(int(step), float(value)) for step, value in state_dict["found"]]
        self.weights, self.best_step = state_dict["weights"], state_dict["best_step"]


class Saver(pl.Callback):
    """Write the Trainer's checkpoint every so many steps, and its sha256 beside it.

    The sum is in place before the file gets its name, so a file that has its name is whole and has a sum.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every
        self.saved = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self.saved = trainer.global_step  # is on disk; between micro-batches no save may take its place

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        if trainer.global_step % self.every == 0:
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if trainer.global_step == self.saved:
            return
        self.saved = trainer.global_step
        final = self.folder / f"step-{self.saved:09d}.ckpt"
        part = final.with_suffix(".part")
        trainer.save_checkpoint(part)
        if trainer.global_rank > 0:
            return
        sum_file(final).write_text(f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {final.name}\n")
        part.replace(final)
        for old in sorted(self.folder.glob("step-*.ckpt"))[:-2]:
            old.unlink()
            sum_file(old).unlink(missing_ok=True)


def sum_file(path: Path) -> Path:
    """Return where the sha256 of a file is kept."""
    return path.with_name(path.name + ".sha256")


def newest(folder: Path) -> Path | None:
    """Return the newest checkpoint of a folder, if there is one."""
    return max(folder.glob("step-*.ckpt"), default=None)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint once, and check it: right sum, and nothing in it but plain values and tensors."""
    try:
        want = sum_file(path).read_text().split()[0]
        blob = path.read_bytes()
        if hashlib.sha256(blob).hexdigest() != want:
            raise CheckpointError(
                f"fit: {path} is damaged (its sha256 is not the one saved). Delete it to use an older one."
            )
        return torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True)
    except (OSError, IndexError, RuntimeError, pickle.UnpicklingError) as e:
        if isinstance(e, CheckpointError):
            raise
        raise CheckpointError(f"fit: {path} or its .sha256 cannot be read ({e}).") from e


def resume_from(path: Path | None) -> dict[str, Any]:
    """Arguments of ``Trainer.fit``; older versions have no `weights_only`, and `read_checkpoint` has looked already."""
    if path is None:
        return {}
    known = "weights_only" in inspect.signature(pl.Trainer.fit).parameters
    return {"ckpt_path": str(path), **({"weights_only": True} if known else {})}
