"""What the estimators that fit a model share: settings of the training, and three parts that do not overlap.

The model is trained on the first part of the rows, training stops on the second, and the number that is reported comes
from the third.
"""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false

import dataclasses
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from infocore._settings import check_number
from infocore._validate import Floats, Ints, Pair, check_level, generator, paired
from infocore.errors import NotFittedError, ShapeError
from infocore.estimators._base import Doubt
from infocore.intervals import influence_standard_error, normal_interval
from infocore.result import Direction, MIEstimate, Strength
from infocore.torch._settings import check_shares, check_training
from infocore.torch.training import ArrayBatches, History, TrainState, fit

__all__ = ["Reading", "Trained", "Training", "nothing_learned", "unfinished"]

# Share of the steps at the end of a training that ran out of them, and what the validation may still rise there: nats,
# and share of what it came to.
END, RISE, RISE_SHARE = 0.25, 0.01, 0.02


@dataclasses.dataclass(frozen=True)
class Training:
    """How a model is trained, and on which share of the rows.

    Parameters
    ----------
    max_steps, batch_size : int
        Largest number of steps, and pairs per step.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises to its largest and falls again to zero at the last step.
    validate_every, patience : int
        Steps between looks at the validation part, and looks without a new best before training stops.
    validation_fraction, test_fraction : float
        Shares of the sample that stop the training and that are reported on.
    device : str
        Where to train.
    progress : bool
        Whether to draw a progress bar, on stderr.
    """

    max_steps: int = 1500
    batch_size: int = 256
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    validate_every: int = 50
    patience: int = 10
    validation_fraction: float = 0.2
    test_fraction: float = 0.3
    device: str = "cpu"
    progress: bool = False

    def check(self, caller: str) -> None:
        """Refuse settings with which no training is possible.

        Raises
        ------
        ParameterError
            If a number is not above zero or not whole, the device is not there, or less than a tenth of the rows is
            left to train on.
        """
        check_training(self, caller)
        check_number(self.weight_decay, caller, "weight_decay", zero=True)
        check_shares(self.validation_fraction, self.test_fraction, caller)

    def run(
        self,
        model: nn.Module,
        arrays: tuple[Tensor, ...],
        train: Ints,
        held: Ints,
        objective: Callable[[Any, Any], Mapping[str, Tensor]],
        value: Callable[[Any, tuple[Tensor, ...]], Any],
        seed: int,
    ) -> History:
        """Train a model in place.

        Parameters
        ----------
        model : torch.nn.Module
        arrays : tuple of tensors of shape (n, ...)
            All rows of each input.
        train, held : int arrays
            Rows to train on, and rows that stop the training.
        objective : callable
            ``objective(model, batch) -> {"loss": ...}``.
        value : callable
            ``value(model, held_arrays)``: what is maximised on the rows `held`.
        seed : int
            Of the batches.

        Returns
        -------
        History
        """
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, betas=(0.9, 0.99)
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, total_steps=self.max_steps, pct_start=0.15, cycle_momentum=False
        )
        optimizer.register_step_post_hook(lambda *_: cycle.step())  # pyright: ignore[reportUnknownLambdaType]
        kept = tuple(a[torch.as_tensor(held)] for a in arrays)
        size = min(self.batch_size, len(train))
        return fit(
            TrainState(model, optimizer),
            ArrayBatches(*(a[torch.as_tensor(train)] for a in arrays), batch_size=size, seed=seed),
            objective,
            max_steps=self.max_steps,
            validate=lambda m: float(value(m, kept)),
            validate_every=self.validate_every,
            patience=self.patience,
            progress=self.progress,
        )


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a fitted model says of rows it has not seen.

    Parameters
    ----------
    value : float
        In nats.
    influence : array of shape (n,)
        Influence of each row on the value, up to a constant; its spread gives the standard error.
    direction, strength : str
        What the value certifies, as in `MIEstimate`.
    diagnostics : mapping
        More.
    noise : float
        Variance that a row adds beyond the spread of its influence, 0 if none.
    doubts : list of Doubt
        What speaks against the value.
    """

    value: float
    influence: Floats
    direction: Direction = "none"
    strength: Strength = "heuristic"
    diagnostics: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    noise: float = 0.0
    doubts: list[Doubt] = dataclasses.field(default_factory=list[Doubt])


class Trained(ABC):
    """An estimator that fits a model on some rows and reads it on others. Holds nothing but what is fitted."""

    training: Training

    @property
    @abstractmethod
    def method(self) -> str:
        """Name that the estimate carries."""

    @abstractmethod
    def learn(self, pair: Pair, train: Ints, held: Ints, rng: np.random.Generator) -> Mapping[str, Any]:
        """Train on the rows `train` and stop on the rows `held` of a pair without constant columns; return notes."""

    @abstractmethod
    def read(self, pair: Pair) -> Reading:
        """Read what is fitted on all rows of a pair, which has the columns that were fitted."""

    def check(self) -> None:
        """Refuse settings that are none, before any work is done."""
        self.training.check(type(self).__name__)

    def fit(self, x: Any, y: Any, rng: int | np.random.Generator = 0) -> Self:
        """Train, and stop on a part that is not trained on.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        rng : int or numpy Generator
            Seed of the split, the weights and the batches.

        Returns
        -------
        self

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError
            If the data are not two paired samples of the kind this method reads.
        ParameterError
            If a setting is not among its values.
        TrainingError
            If a loss is not finite.
        """
        self.check()
        pair, draws = self._pair(x, y, 40), generator(rng, type(self).__name__)
        rows = draws.permutation(pair.n)
        held = max(10, round(self.training.validation_fraction * pair.n))
        self._fit(pair, rows[held:], rows[:held], draws)
        return self

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9) -> MIEstimate:
        """Read the fitted model on pairs it has not seen; that they are fresh only the caller can know.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples, of the columns that were fitted.
        ci_level : float
            Nominal coverage of the interval.

        Returns
        -------
        MIEstimate
            In nats.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ShapeError
            If the columns are not as many as were fitted.
        """
        caller = type(self).__name__
        check_level(ci_level, caller)
        if not hasattr(self, "kept_"):
            raise NotFittedError(f"{caller}: call `fit` before `estimate`, or use `fit_estimate`.")
        return self._estimate(self._pair(x, y, 8), ci_level)

    def fit_estimate(self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9) -> MIEstimate:
        """Split in three, fit on the first two parts, and report on the third.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        rng : int or numpy Generator
            Seed of the split, the weights and the batches.
        ci_level : float
            Nominal coverage of the interval.

        Returns
        -------
        MIEstimate
            In nats; `n` is the size of the part that was reported on.
        """
        self.check()
        caller = type(self).__name__
        check_level(ci_level, caller)
        pair, draws = self._pair(x, y, 40), generator(rng, caller)
        rows = draws.permutation(pair.n)
        test = max(10, round(self.training.test_fraction * pair.n))
        held = test + max(10, round(self.training.validation_fraction * pair.n))
        self._fit(pair, rows[held:], rows[test:held], draws)
        return self._estimate(take_rows(pair, rows[:test]), ci_level)

    def _pair(self, x: Any, y: Any, least: int) -> Pair:
        return paired(x, y, type(self).__name__, min_samples=least, warn=False)

    def _fit(self, pair: Pair, train: Ints, held: Ints, draws: np.random.Generator) -> None:
        # a column that is constant where the model is trained has no scale, and says nothing
        sides = pair.x, pair.y
        self.widths_ = tuple(s.values.shape[1] for s in sides)
        self.kept_ = tuple([j for j, c in enumerate(s.values[train].T) if (c != c[0]).any()] for s in sides)
        self.facts_: dict[str, Any] = {"n_train": len(train), "n_validation": len(held)}
        if all(self.kept_):
            self.facts_ |= self.learn(self._kept(pair), train, held, draws)

    def _kept(self, pair: Pair) -> Pair:
        return Pair(pair.x.take(self.kept_[0]), pair.y.take(self.kept_[1]), pair.flags)

    def _estimate(self, pair: Pair, ci_level: float) -> MIEstimate:
        for name, side, width in zip("xy", (pair.x, pair.y), self.widths_, strict=True):
            if side.values.shape[1] != width:
                raise ShapeError(
                    f"{type(self).__name__}: `{name}` had {width} columns in `fit`; got {side.values.shape[1]}."
                )
        # where one side never changes there is nothing to be learned of the other
        found = self.read(self._kept(pair)) if all(self.kept_) else Reading(0.0, np.zeros(pair.n))
        error = influence_standard_error(found.influence, noise=found.noise)
        doubts = found.doubts + nothing_learned(found.value)
        for doubt in doubts:
            if doubt.category is not None:
                warnings.warn(f"{type(self).__name__}: {doubt}.", doubt.category, stacklevel=3)
        notes = [*found.diagnostics.get("notes", []), *map(str, doubts)]
        return MIEstimate(
            value=found.value,
            direction=found.direction,
            strength=found.strength,
            standard_error=error,
            ci=normal_interval(found.value, error, ci_level),
            ci_level=ci_level,
            n=pair.n,
            method=self.method,
            diagnostics={**self.facts_, **found.diagnostics, "notes": notes},
        )


def take_rows(pair: Pair, rows: Ints) -> Pair:
    """Return some rows of a pair; the kinds of the columns stay those of all rows."""
    x, y = (dataclasses.replace(side, values=side.values[rows]) for side in (pair.x, pair.y))
    return Pair(x, y, pair.flags)


def nothing_learned(value: float) -> list[Doubt]:
    """Say what a value below zero means on rows that took no part in the training; it is never clipped."""
    return [Doubt("below zero: nothing that was learned holds on held-out rows", None)] if value < 0 else []


def unfinished(*histories: History) -> list[Doubt]:
    """Say that trainings ran out of steps while what they validate was still rising.

    Parameters
    ----------
    *histories : History
        Of fits whose validation is an information, nats: one, or one a fold.

    Returns
    -------
    list of Doubt
        Empty where every one stopped by itself, or rose by no more than 0.01 nats and 2 % in its last quarter. One
        that was not looked at before that quarter is named too.

    Notes
    -----
    `CrossFittedMI` on normals, waves and twisted normals, n = 1000 and 5000: of 51 fits of 300 and 700 steps none is
    named; of those of 60 and 150 steps, those of the laws that need more, where a value was as low as half the truth.
    """
    late = [_late_rise(history) for history in histories if not history.stopped_early and history.validation]
    if any(math.isnan(rise) for rise, _ in late):
        text = "the steps ran out before it could be seen whether the training had ended: raise `max_steps`"
        return [Doubt(text, None)]
    named = [rise for rise, best in late if rise > max(RISE, RISE_SHARE * best)]
    if not named:
        return []
    where = f"{len(named)} of {len(histories)} trainings" if len(histories) > 1 else "the training"
    return [
        Doubt(
            f"the steps of {where} ran out while held-out rows were still read better: raise `max_steps`",
            None,
            f"{max(named):+.3f} nats in the last quarter of them",
        )
    ]


def _late_rise(history: History) -> tuple[float, float]:
    """Return by how much the best validation exceeds those before the last quarter, NaN without one, and the best."""
    best, last = max(value for _, value in history.validation), history.validation[-1][0]
    before = [value for step, value in history.validation if step <= (1 - END) * last]
    return (best - max(before) if before else math.nan), best


def steps(history: History) -> dict[str, Any]:
    """Return what a history says, for diagnostics."""
    best = max((value for _, value in history.validation), default=None)
    return {"steps": len(history.losses), "best_step": history.best_step, "validation": best}
