"""Training: the one LightningModule, and `fit`, which runs it through Lightning's Trainer.

Batch and noise of a step are derived from ``(seed, step)``, so a run that is stopped and resumed gives on a CPU, bit
for bit, what an uninterrupted one gives, and no global random state is read or changed.
"""

import dataclasses
import hashlib
import inspect
import math
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from cmim._inputs import as_data, batch_seed
from cmim._lightning import CSVLogger, TensorBoardLogger, pl, quiet
from cmim.model import Model
from infocore.errors import CheckpointError, ParameterError, TrainingError
from infocore.torch.training import ArrayBatches

__all__ = ["FitResult", "Training", "fit"]


@dataclasses.dataclass(frozen=True)
class FitResult:
    """What happened in a fit.

    Parameters
    ----------
    steps : int
        Steps the model has now been trained, those before a resume included.
    history : tuple of dict
        Loss, mean terms and diagnostics every `log_every` steps of this call, with the number of the step.
    """

    steps: int
    history: tuple[dict[str, float], ...]


class Training(pl.LightningModule):
    """The training of a `Model`, for Lightning's Trainer.

    Parameters
    ----------
    model : Model
        Trained in place.
    x : tensor of shape (n, ...)
        All training data, on the CPU.
    batch_size : int
        Rows a step, at most n.
    seed : int
        Of batches and noise.
    learning_rate : float
        Of Adam.
    log_every : int
        Steps between entries of the history.

    Notes
    -----
    The step is the Trainer's ``global_step``, and the loader only counts; gradient accumulation would repeat batches,
    and is not offered.
    """

    def __init__(
        self, model: Model, x: Tensor, *, batch_size: int, seed: int, learning_rate: float, log_every: int
    ) -> None:
        super().__init__()
        self.model = model
        self.batches = ArrayBatches(x, batch_size=batch_size, seed=seed)
        self.seed = seed
        self.learning_rate = learning_rate
        self.log_every = log_every
        self.history: list[dict[str, float]] = []
        digest = hashlib.sha256(x.contiguous().numpy().tobytes()).hexdigest()
        self.run_facts = {
            "config": repr(model.config), "data": digest, "batch_size": batch_size, "seed": seed, "rate": learning_rate,
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
        (x,) = self.batches(step)
        generator = torch.Generator().manual_seed(batch_seed(self.seed, step))
        terms = self.model.objective(x.to(self.device), generator)
        if not math.isfinite(terms["loss"].detach()):
            values = ", ".join(f"{name} = {float(term.detach().mean()):g}" for name, term in terms.items())
            raise TrainingError(
                f"fit: the loss is not finite at step {step}: {values}. "
                "Lower the learning rate, or look for inputs of a very different scale."
            )
        if step % self.log_every == 0:
            means = {name: term.detach().float().mean() for name, term in terms.items()}
            self.log_dict(means, batch_size=len(x))
            self.history.append({"step": float(step), **{name: float(value) for name, value in means.items()}})
        return terms["loss"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam over the parameters of the model.

        Returns
        -------
        torch.optim.Optimizer
            Without weight decay, which would shrink the codes twice.
        """
        return torch.optim.Adam(self.model.parameters(), lr=self.learning_rate)

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


def fit(
    model: Model,
    x: Any,
    *,
    max_steps: int = 2000,
    batch_size: int = 100,
    seed: int = 0,
    learning_rate: float = 1e-3,
    gradient_clip: float | None = 1.0,
    log_every: int = 50,
    progress: bool = False,
    logger: Literal["csv", "tensorboard"] | None = None,
    log_dir: str | os.PathLike[str] = "logs",
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
    resume: bool = False,
    accelerator: str = "auto",
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true",
) -> FitResult:
    """Train a model in place through Lightning's Trainer.

    Parameters
    ----------
    model : Model
        Trained in place, and left on the CPU.
    x : array or tensor of shape (n, ...)
        Training data; in [0, 1] for the Bernoulli likelihood.
    max_steps : int
        Step to stop at, counted from the beginning of training.
    batch_size : int
        Rows a step; all of them if n is smaller.
    seed : int
        Of batches and noise.
    learning_rate : float
        Of Adam.
    gradient_clip : float, optional
        Largest norm of the gradient.
    log_every : int
        Steps between entries of the history and of the logger.
    progress : bool
        Whether to draw a rich progress bar, on stderr.
    logger : {"csv", "tensorboard"}, optional
        Where Lightning writes the terms.
    log_dir : path
        Folder for it.
    checkpoint_dir : path, optional
        Folder for the Trainer's own checkpoints, made for resuming only.
    checkpoint_every : int
        Steps between them; there is always one at the end. The newest two are kept.
    resume : bool
        Continue from the newest checkpoint in `checkpoint_dir`, or start if there is none.
    accelerator : str
        Lightning's: "auto", "cpu", "gpu" ...
    precision : {"32-true", "bf16-mixed", "16-mixed"}
        Lightning's; the objectives themselves are computed in float32.

    Returns
    -------
    FitResult
        Steps and history.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, ParameterError
        If the model cannot read `x`, or a setting is out of range.
    TrainingError
        If the loss is not finite.
    CheckpointError
        If the checkpoint to resume from is damaged, or of another run.

    Examples
    --------
    >>> from cmim import MIM
    >>> model = MIM(n_features=4, latent_dim=2, hidden=(8,))
    >>> result = fit(model, torch.eye(4), max_steps=20, accelerator="cpu")
    >>> result.steps, sorted(result.history[0])[:3]
    (20, ['code_norm', 'frac_at_floor', 'gate'])
    """
    for name, value in (
        ("max_steps", max_steps),
        ("batch_size", batch_size),
        ("log_every", log_every),
        ("checkpoint_every", checkpoint_every),
    ):
        if value < 1:
            raise ParameterError(f"fit: `{name}` must be at least 1; got {value!r}.")
    if not learning_rate > 0:
        raise ParameterError(f"fit: `learning_rate` must be positive; got {learning_rate!r}.")
    if logger not in (None, "csv", "tensorboard"):
        raise ParameterError(f"fit: `logger` must be 'csv', 'tensorboard' or None; got {logger!r}.")
    if resume and checkpoint_dir is None:
        raise ParameterError("fit: `resume` needs a `checkpoint_dir` to resume from.")
    data = as_data(x, "fit", unit_interval=model.config.likelihood == "bernoulli").cpu()
    training = Training(
        model, data, batch_size=min(batch_size, len(data)), seed=seed, learning_rate=learning_rate, log_every=log_every
    )
    callbacks: list[pl.Callback] = []
    start = None
    if checkpoint_dir is not None:
        folder = Path(checkpoint_dir)
        folder.mkdir(parents=True, exist_ok=True)
        callbacks.append(_Saver(folder, checkpoint_every))
        start = _newest(folder) if resume else None
    if progress:
        callbacks.append(_Bar())
    with quiet():
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=1,
            precision=precision,
            logger=_logger(logger, log_dir),
            callbacks=callbacks,
            max_steps=max_steps,
            max_epochs=-1,
            log_every_n_steps=min(log_every, max_steps),
            gradient_clip_val=gradient_clip,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(training, _Count(max_steps), **_resume_from(start))
    model.cpu()
    return FitResult(trainer.global_step, tuple(training.history))


class _Count:
    """A loader that only counts; it has no place to keep, and says so to Lightning."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.steps))

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


class _Bar(pl.Callback):
    """Steps done of all steps, also after a resume; Lightning's own bar counts epochs, of which there are none here."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        columns = (
            TextColumn("fit"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task("fit", total=trainer.max_steps, completed=trainer.global_step, loss="")
        self.bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.bar.update(self.task, completed=trainer.global_step, loss=f"loss {float(outputs['loss']):.4g}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        self.bar.stop()


class _Saver(pl.Callback):
    """Write the Trainer's checkpoint every so many steps, and its sha256 beside it.

    The sum is in place before the file gets its name, so a file that has its name is whole and has a sum.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every
        self.saved = -1

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
        _sum_file(final).write_text(f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {final.name}\n")
        part.replace(final)
        for old in sorted(self.folder.glob("step-*.ckpt"))[:-2]:
            old.unlink()
            _sum_file(old).unlink(missing_ok=True)


def _sum_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _newest(folder: Path) -> Path | None:
    """Return the newest checkpoint of a folder, checked: right sum, and nothing in it but plain values and tensors."""
    found = sorted(folder.glob("step-*.ckpt"))
    if not found:
        return None
    path = found[-1]
    try:
        want = _sum_file(path).read_text().split()[0]
        if hashlib.sha256(path.read_bytes()).hexdigest() != want:
            raise CheckpointError(
                f"fit: {path} is damaged (its sha256 is not the one saved). Delete it to use an older one."
            )
        torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, IndexError, RuntimeError, pickle.UnpicklingError) as e:
        if isinstance(e, CheckpointError):
            raise
        raise CheckpointError(f"fit: {path} or its .sha256 cannot be read ({e}).") from e
    return path


def _resume_from(path: Path | None) -> dict[str, Any]:
    """Arguments of ``Trainer.fit``; older versions have no `weights_only`, and `_newest` has looked already."""
    if path is None:
        return {}
    known = "weights_only" in inspect.signature(pl.Trainer.fit).parameters
    return {"ckpt_path": str(path), **({"weights_only": True} if known else {})}


def _logger(name: str | None, folder: str | os.PathLike[str]) -> Any:
    if name is None:
        return False
    kind = CSVLogger if name == "csv" else TensorBoardLogger
    return kind(str(folder), name="cmim")
