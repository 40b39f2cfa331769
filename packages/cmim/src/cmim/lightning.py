"""Training: `fit`, which runs `cmim.training.Training` through Lightning's Trainer.

Batch and noise of a step are derived from ``(seed, step)``, so a run that is stopped and resumed gives on a CPU, bit
for bit, what an uninterrupted one gives, and no global random state is read or changed.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from cmim._callbacks import Bar, EarlyStop, Saver, newest, read_checkpoint, resume_from
from cmim._inputs import as_data
from cmim._lightning import CSVLogger, TensorBoardLogger, pl, quiet
from cmim.advice import advise, warn_of_scale
from cmim.likelihoods import Tokens
from cmim.model import Model
from cmim.training import Batches, Rows, Training, digest, validation_loss
from infocore.errors import CheckpointError, ParameterError

__all__ = ["FitResult", "fit"]


@dataclasses.dataclass(frozen=True)
class FitResult:
    """What happened in a fit.

    Parameters
    ----------
    steps : int
        Steps the model has now been trained, those before a resume included.
    history : tuple of dict
        Loss, mean terms and diagnostics of the first step of training, of every `log_every`-th, and of the last, with
        the number of the step, counted from 0; of the first micro-batch and process, where there are several.
    validation : tuple of (int, float)
        Steps at which the loss on validation data was computed, and that loss.
    best_step : int
        Step whose weights the model has now: the last, or that of the smallest validation loss.
    notes : tuple of str
        What the end of the training shows, with advice; see `cmim.advice.advise`.
    """

    steps: int
    history: tuple[dict[str, float], ...]
    validation: tuple[tuple[int, float], ...] = ()
    best_step: int = -1
    notes: tuple[str, ...] = ()


def fit(
    model: Model,
    x: Any,
    *,
    max_steps: int = 2000,
    batch_size: int = 100,
    seed: int = 0,
    learning_rate: float = 1e-3,
    warmup: int = 0,
    decay: Literal["none", "cosine"] = "none",
    gradient_clip: float | None = 1.0,
    validation: Any = None,
    validate_every: int = 200,
    patience: int = 10,
    accumulate: int = 1,
    negatives: Literal["local", "gathered"] = "local",
    tile: int | None = None,
    log_every: int = 50,
    progress: bool = False,
    logger: Literal["csv", "tensorboard", "both"] | None = None,
    log_dir: str | os.PathLike[str] = "logs",
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 500,
    resume: bool = False,
    accelerator: str = "auto",
    devices: int = 1,
    strategy: str = "auto",
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true",
) -> FitResult:
    """Train a model in place through Lightning's Trainer.

    Parameters
    ----------
    model : Model
        Trained in place, and left on the CPU.
    x : array or tensor of shape (n, ...), or Batches
        Training data; in [0, 1] for the Bernoulli likelihood. Or what gives a batch a step, such as
        `cmim.molecules.SmilesBatches`; `batch_size` and `seed` are then its own.
    max_steps : int
        Step to stop at, counted from the beginning of training.
    batch_size : int
        Rows a step, over all processes and micro-batches; all of them if n is smaller.
    seed : int
        Of batches and noise.
    learning_rate : float
        Of Adam.
    warmup : int
        Steps over which the rate grows from 0.
    decay : {"none", "cosine"}
        Whether it then falls along half a cosine, to a tenth at `max_steps`. To go on from there is another run.
    gradient_clip : float, optional
        Largest norm of the gradient.
    validation : array or tensor, optional
        Other rows, to stop early by: the loss on them is computed every `validate_every` steps, with the same noise
        each time; training ends when it has not improved `patience` times, and the best weights are kept.
    validate_every, patience : int
        See `validation`.
    accumulate : int
        Micro-batches a step, whose gradients are averaged. Negatives are then those of a micro-batch, ``batch_size /
        accumulate`` rows: that hardly matters to cMIM's factor, which is a mean over them, and changes InfoNCE's bound
        and its ceiling (a note says so).
    negatives : {"local", "gathered"}
        With several processes, whether codes of the others are negatives too. "gathered" gives the gradient that one
        process has on the whole batch; "local" has cMIM's mean over fewer negatives, biased by about
        ``-Var(g) / (2 (B - 1) E(g)^2)`` in the log-mean m, g being exp(cosine / temperature).
    tile : int, optional
        Rows of the contrastive comparison at once, for large batches.
    log_every : int
        Steps between entries of the history and of the logger.
    progress : bool
        Whether to draw a rich progress bar, on stderr.
    logger : {"csv", "tensorboard", "both"}, optional
        Where Lightning writes the terms; both side by side in one folder.
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
    devices : int
        Processes on this machine; under torchrun, those it has started.
    strategy : str
        Lightning's: "auto", "ddp" ...
    precision : {"32-true", "bf16-mixed", "16-mixed"}
        Lightning's; the objectives themselves are computed in float32.

    Returns
    -------
    FitResult
        Steps, history, and notes with advice.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, ParameterError
        If the model cannot read `x`, or a setting is out of range.
    TrainingError
        If the loss is not finite.
    CheckpointError
        If the checkpoint to resume from is damaged, or of another run.

    Warns
    -----
    TrainingWarning
        Of unscaled data, and of what `cmim.advice.advise` finds after 100 steps or more.

    Examples
    --------
    >>> import torch
    >>> from cmim import MIM
    >>> model = MIM(n_features=4, latent_dim=2, hidden=(8,))
    >>> result = fit(model, torch.eye(4), max_steps=20, accelerator="cpu")
    >>> result.steps, sorted(result.history[0])[:3]
    (20, ['code_norm', 'frac_at_floor', 'gate'])
    """
    for name, value in (
        ("max_steps", max_steps),
        ("batch_size", batch_size),
        ("validate_every", validate_every),
        ("patience", patience),
        ("accumulate", accumulate),
        ("log_every", log_every),
        ("checkpoint_every", checkpoint_every),
        ("devices", devices),
    ):
        if value < 1:
            raise ParameterError(f"fit: `{name}` must be at least 1; got {value!r}.")
    if not learning_rate > 0:
        raise ParameterError(f"fit: `learning_rate` must be positive; got {learning_rate!r}.")
    if warmup < 0:
        raise ParameterError(f"fit: `warmup` must be at least 0; got {warmup!r}.")
    if decay not in ("none", "cosine"):
        raise ParameterError(f"fit: `decay` must be 'none' or 'cosine'; got {decay!r}.")
    if logger not in (None, "csv", "tensorboard", "both"):
        raise ParameterError(f"fit: `logger` must be 'csv', 'tensorboard', 'both' or None; got {logger!r}.")
    if negatives not in ("local", "gathered"):
        raise ParameterError(f"fit: `negatives` must be 'local' or 'gathered'; got {negatives!r}.")
    if resume and checkpoint_dir is None:
        raise ParameterError("fit: `resume` needs a `checkpoint_dir` to resume from.")
    if isinstance(x, Batches):
        batches, batch_size, seed = x, x.batch_size, x.seed
    else:
        data = as_data(x, "fit", model.reads).cpu()
        if not isinstance(model.law, Tokens):
            warn_of_scale(data)
        batch_size = min(batch_size, len(data))
        batches = Rows(data, batch_size, seed, grouped=model.config.w_k > 0 or model.config.objective == "infonce")
    if batch_size % (accumulate * devices):
        raise ParameterError(
            f"fit: `batch_size` must be a multiple of accumulate * devices, which cut it; got {batch_size} and "
            f"{accumulate} * {devices}."
        )
    held = None if validation is None else as_data(validation, "fit", model.reads).cpu()
    settings = {
        "gradient_clip": gradient_clip, "precision": precision,
        "validation": None if held is None else digest(held), "validate_every": validate_every,
    }  # fmt: skip
    training = Training(
        model, batches, seed=seed, learning_rate=learning_rate, log_every=log_every,
        warmup=warmup, decay=max_steps if decay == "cosine" else None,
        settings=settings, accumulate=accumulate, gather=negatives == "gathered", tile=tile,
        fused=precision == "32-true" or gradient_clip is None,
    )  # fmt: skip
    callbacks: list[pl.Callback] = []
    stop = None
    if held is not None:
        rows = held
        stop = EarlyStop(lambda: validation_loss(model, rows, batch_size, seed), validate_every, patience)
        callbacks.append(stop)
    start = None
    if checkpoint_dir is not None:
        folder = Path(checkpoint_dir)
        folder.mkdir(parents=True, exist_ok=True)
        callbacks.append(Saver(folder, checkpoint_every))
        start = newest(folder)
        if start is not None and not resume:
            raise CheckpointError(
                f"fit: `checkpoint_dir` {folder} holds checkpoints of another run. Go on with it by resume=True, "
                "delete them, or choose another folder."
            )
    if start is not None and (ended := _ended(read_checkpoint(start), stop, training)) is not None:
        assert stop is not None  # which alone ends a run before its last step
        model.load_state_dict(stop.weights)
        return FitResult(ended, (), tuple(stop.found), stop.best_step)
    if progress:
        callbacks.append(Bar())
    with quiet():
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
            strategy=strategy,
            precision=precision,
            logger=_loggers(logger, log_dir),
            callbacks=callbacks,
            max_steps=max_steps,
            max_epochs=-1,
            accumulate_grad_batches=accumulate,
            log_every_n_steps=min(log_every, max_steps),
            gradient_clip_val=gradient_clip,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(training, _Count(max_steps * accumulate), **resume_from(start))
    model.cpu()
    if stop is not None:
        stop.finish(trainer.global_step, model)
    found = () if stop is None else tuple(stop.found)
    notes = advise(model.config, training.history[-1]) if training.history and trainer.global_step >= 100 else ()
    if accumulate > 1 and (model.config.w_k or model.config.objective == "infonce"):
        notes += (_accumulated(batch_size // accumulate, model.config.objective == "infonce"),)
    best = trainer.global_step if stop is None else stop.best_step
    return FitResult(trainer.global_step, tuple(training.history), found, best, notes)


def _ended(found: Mapping[str, Any], stop: EarlyStop | None, training: Training) -> int | None:
    """Return the step at which the run of a checkpoint had stopped early, or None if it had not."""
    training.on_load_checkpoint(found)
    state = None if stop is None else found.get("callbacks", {}).get(stop.state_key)
    if stop is None or state is None:
        return None
    stop.load_state_dict(state)
    return int(found["global_step"]) if stop.exhausted else None


def _accumulated(size: int, infonce: bool) -> str:
    effect = (
        f"so InfoNCE's ceiling is log {size}, not that of the batch"
        if infonce
        else "over which cMIM's factor is a mean: its value and, while the gate is small, its gradient do not "
        "depend on how many there are"
    )
    return f"negatives came from micro-batches of {size}, {effect}."


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


def _loggers(name: str | None, folder: str | os.PathLike[str]) -> Any:
    if name is None:
        return False
    made: list[Any] = [] if name == "tensorboard" else [CSVLogger(str(folder), name="cmim")]
    if name != "csv":
        made.append(TensorBoardLogger(str(folder), name="cmim", version=made[0].version if made else None))
    return made
