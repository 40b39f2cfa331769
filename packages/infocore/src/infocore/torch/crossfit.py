r"""Cross-fitted critics: every pair is scored by a critic that has not seen it, and what overfitting cost is measured.

Let :math:`V` be the value that a critic reads on fresh pairs and :math:`T` the value that it reads on the pairs it was
trained on. With n pairs and a model that can express the log ratio, a fit of d parameters reads :math:`I - d/2n` on
fresh pairs and :math:`I + d/2n` on its own (the two halves of Akaike's correction): the mean of both is unbiased to
first order, whatever d is, so that nothing needs to be known of the effective number of parameters of a network that
was stopped early. What the network has not learned yet is missing in both; where training stops at the best held-out
value, it is of the order of what overfitting costs, and of the two thirds taken here a sixth stands for it. That share
was chosen on `infocore.tasks` and is no theorem: on well-specified laws one half is right, on bent ones about one.

How the value scales with n says the same in another way. A critic trained on half of the rows reads the first fold
too, and by that expansion :math:`V(n) - V(n/2) = d/2n` is again what V misses (Richardson's extrapolation to infinite
n). Where there is more to learn than n rows show, as in bent laws and large information, that is more than
:math:`\tfrac23 (T - V)`, and still too little: what is missing then falls more slowly than 1/n. So the larger of the
two is put back, up to T; of the second two thirds are in doubt, of the first half of all the way.
"""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import warnings
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infocore._settings import ShowsSettings, check_whole
from infocore._validate import Floats, Pair, check_level, generator, paired
from infocore.errors import NotFittedError, ParameterError, SaturationWarning, ShapeError
from infocore.estimators._base import below_zero
from infocore.estimators._ksg import check_workers
from infocore.intervals import influence_standard_error, normal_interval
from infocore.result import MIEstimate
from infocore.torch._fits import Cycle, Fit, Shown, both_ways, equal_parts, in_parts, largest_part, pointwise
from infocore.torch._fold_values import CrossFit, near_ceiling
from infocore.torch._settings import check_training
from infocore.torch._threads import threads
from infocore.torch.critics import Critic, Separable
from infocore.torch.features import features_of
from infocore.torch.held_out import nothing_learned, unfinished
from infocore.torch.training import ArrayBatches, TrainState, fit

__all__ = ["CrossFit", "CrossFittedMI"]

Ints = NDArray[np.int64]
# Validation rows that are looked at: their scores are a matrix, and only the best step is chosen by them.
MOST_VALIDATED = 1000
# Rows that a fold needs.
LEAST = 10
CRITIC = Separable((128, 128, 128), 32, activation="gelu", unary=True)


class CrossFittedMI(ShowsSettings):
    r"""Mutual information from critics trained on folds, with the cost of overfitting put back.

    .. math:: \hat I = V + \max\bigl\{ \tfrac23 (T - V),\ \min(V_1 - V_{1/2} - s,\ T - V) \bigr\}

    with V the InfoNCE value on held-out folds and T that on the training rows, each the mean over rows and over
    columns of the score matrix; :math:`V_1` is that of the first fold alone, :math:`V_{1/2}` what a critic trained on
    half of the rows reads there, and s the standard error of their difference, which counts from 3 s on.

    Parameters
    ----------
    folds : int
        Parts; each is read by a critic trained on the others.
    critic : Separable
        Settings of the critic.
    weight_decay : tuple of float
        Strengths tried on the first fold; the one that validates best is used on all.
    batch_size, max_steps, learning_rate : int, int, float
        Of AdamW; the rate rises to its largest and falls again to zero at the last step.
    validate_every, patience : int
        Steps between looks at the validation rows, and looks without a new best before training stops.
    validation_fraction : float
        Share of the training rows that stop the training.
    report : {"debiased", "held_out"}
        Which value is the answer: the one above ("consistent", no bound), or V alone, a lower bound in expectation.
    device : str
        Where to train.
    workers : int
        Folds trained at once, each on one thread, so that the answer does not depend on their number; -1 for all cores.
    progress : bool
        Whether to draw progress bars, on stderr; folds are then trained in turn.

    Notes
    -----
    See `infocore.torch.features` for what the critic is shown. The standard error is that of the held-out pointwise
    terms, and to it is added the larger of half of the distance between T and V and of two thirds of
    :math:`V_1 - V_{1/2} - s`, for the correction, which is itself an estimate: a rule that was measured, not proved
    (the docs have the coverage).

    References
    ----------
    .. [1] A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding",
       arXiv:1807.03748, 2018, Sec. 2.3.
    .. [2] H. Akaike, "A new look at the statistical model identification", IEEE Trans. Autom. Control 19, 1974 (the
       two halves of the correction).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((1500, 2))
    >>> y = x + rng.standard_normal((1500, 2))  # I = 0.693
    >>> e = CrossFittedMI(max_steps=200).fit_estimate(x, y)
    >>> abs(e.value - 0.693) < 0.1, e.direction
    (True, 'consistent')
    """

    def __init__(
        self,
        *,
        folds: int = 3,
        critic: Separable = CRITIC,
        weight_decay: tuple[float, ...] = (0.05, 1.0),
        batch_size: int = 256,
        max_steps: int = 700,
        learning_rate: float = 4e-3,
        validate_every: int = 25,
        patience: int = 10,
        validation_fraction: float = 0.2,
        report: Literal["debiased", "held_out"] = "debiased",
        device: str = "cpu",
        workers: int = 1,
        progress: bool = False,
    ) -> None:
        self.folds = folds
        self.critic = critic
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_steps = max_steps
        self.learning_rate = learning_rate
        self.validate_every = validate_every
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.report = report
        self.device = device
        self.workers = workers
        self.progress = progress

    def fit(self, x: Any, y: Any, rng: int | np.random.Generator = 0) -> Self:
        """Train one critic a fold.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples, of any kinds.
        rng : int or numpy Generator
            Seed of the folds, the weights and the batches.

        Returns
        -------
        self

        Raises
        ------
        ShapeError, NonFiniteError, TooFewSamplesError
            If the data are not two paired samples.
        ParameterError
            If a setting is not among its values.
        TrainingError
            If a loss is not finite.
        """
        self._check()
        self._fit(paired(x, y, "CrossFittedMI", min_samples=40, warn=False), rng)
        return self

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9) -> MIEstimate:
        """Read the mean score of the fitted critics on pairs that none of them has seen.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples, of the columns that were fitted.
        ci_level : float
            Nominal coverage of the interval.

        Returns
        -------
        MIEstimate
            A lower bound in expectation if the pairs are fresh, which only the caller can know.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ShapeError
            If the columns are not as many as were fitted.
        """
        check_level(ci_level, "CrossFittedMI")
        if not hasattr(self, "fits_"):
            raise NotFittedError("CrossFittedMI: call `fit` before `estimate`, or use `fit_estimate`.")
        pair = paired(x, y, "CrossFittedMI", min_samples=4, warn=False)
        columns = len(pair.x.names), len(pair.y.names)
        if columns != self.columns_:
            raise ShapeError(f"CrossFittedMI: {self.columns_} columns were fitted; got {columns}.")
        terms = np.empty(pair.n)
        for part in equal_parts(np.arange(pair.n)):
            scores = torch.stack([f.scores(f.inputs(pair), part) for f in self.fits_])
            terms[part] = pointwise(scores.mean(0))
        return self._answer(float(terms.mean()), terms, 0.0, ci_level, "lower", {})

    def fit_estimate(self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9) -> MIEstimate:
        """Cross-fit and report on all rows.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples, of any kinds.
        rng : int or numpy Generator
            Seed of the folds, the weights and the batches.
        ci_level : float
            Nominal coverage of the interval.

        Returns
        -------
        MIEstimate
            In nats.
        """
        self._check()
        check_level(ci_level, "CrossFittedMI")
        found = self.cross_fit(paired(x, y, "CrossFittedMI", min_samples=40, warn=False), rng)
        facts = found.facts | {"notes": found.notes}
        if self.report == "held_out":
            return self._answer(found.held_out, found.pointwise, 0.0, ci_level, "lower", facts)
        return self._answer(found.value, found.pointwise, found.doubt, ci_level, "consistent", facts)

    def cross_fit(self, pair: Pair, rng: int | np.random.Generator) -> CrossFit:
        """Cross-fit a checked pair.

        Parameters
        ----------
        pair : Pair
            Without constant sides.
        rng : int or numpy Generator
            Seed of the folds, the weights and the batches.

        Returns
        -------
        CrossFit
        """
        self._fit(pair, rng)
        terms = np.empty(pair.n)
        facts: list[dict[str, Any]] = []
        for f, fold in zip(self.fits_, self.parts_, strict=True):
            inputs = f.inputs(pair)
            trained = in_parts(f, inputs, f.rows[: max(len(fold), 40)])
            terms[fold] = in_parts(f, inputs, fold)
            facts.append(f.facts | {"held_out": float(terms[fold].mean()), "trained": float(trained.mean())})
        value, trained = float(terms.mean()), float(np.mean([f["trained"] for f in facts]))
        first = self.parts_[0]
        halved = in_parts(self.half_, self.half_.inputs(pair), first)
        more = terms[first] - halved
        growth = float(more.mean()), influence_standard_error(more)
        found = CrossFit(value, trained, terms, tuple(facts), float(halved.mean()), *growth, self._notes())
        return dataclasses.replace(found, notes=(*found.notes, *map(str, found.rising)))

    def _notes(self) -> tuple[str, ...]:
        return tuple(map(str, unfinished(*(f.history for f in self.fits_))))

    def _fit(self, pair: Pair, rng: int | np.random.Generator) -> None:
        if pair.n < LEAST * self.folds:
            raise ParameterError(f"CrossFittedMI: {self.folds} `folds` need {LEAST * self.folds} rows; got {pair.n}.")
        draws = generator(rng, "CrossFittedMI")
        self.columns_ = len(pair.x.names), len(pair.y.names)
        self.parts_: list[Ints] = np.array_split(draws.permutation(pair.n), self.folds)
        seeds = draws.integers(2**31, size=(self.folds, 2))
        rest = [np.concatenate([p for j, p in enumerate(self.parts_) if j != k]) for k in range(self.folds)]

        shown = self._show(pair, rest[0])  # once for all strengths

        def train(job: tuple[int, float, bool]) -> Fit:
            k, strength, half = job
            first = k == 0 and not half
            return self._train(shown if first else self._show(pair, rest[k], half=half), strength, seeds[k])

        with threads(1 if self.progress else self.workers) as run:
            tried = list(run(train, [(0, strength, False) for strength in self.weight_decay]))
            best = max(tried, key=lambda f: float(f.facts["validation"]))
            strength = float(best.facts["weight_decay"])
            jobs = [*((k, strength, False) for k in range(1, self.folds)), (0, strength, True)]
            *others, self.half_ = run(train, jobs)
            self.fits_: list[Fit] = [best, *others]

    def _show(self, pair: Pair, rest: Ints, *, half: bool = False) -> Shown:
        held = max(10, round(self.validation_fraction * len(rest)))
        rows, look = rest[held:], rest[:held][:MOST_VALIDATED]
        if half:
            rows = rows[: math.ceil(len(rows) / 2)]
        made = features_of(pair, rows)
        u, v = (torch.as_tensor(m(side), device=self.device) for m, side in zip(made, (pair.x, pair.y), strict=True))
        return Shown(made, u[rows], v[rows], u[look], v[look], rows)

    def _train(self, shown: Shown, strength: float, seeds: Ints) -> Fit:
        made, u, v, look_u, look_v, rows = shown
        critic = Critic(u.shape[1], v.shape[1], self.critic, seed=int(seeds[0])).to(self.device)
        decayed = torch.optim.AdamW(
            critic.parameters(), lr=self.learning_rate, weight_decay=strength, betas=(0.9, 0.99), fused=True
        )
        decayed.register_step_post_hook(Cycle(self.learning_rate, self.max_steps))
        history = fit(
            TrainState(critic, decayed),
            ArrayBatches(u, v, batch_size=min(self.batch_size, len(rows)), seed=int(seeds[1])),
            _objective,
            max_steps=self.max_steps,
            validate=lambda model: float(both_ways(model(look_u, look_v)).mean()),
            validate_every=self.validate_every,
            patience=self.patience,
            progress=self.progress,
        )
        best = max(value for _, value in history.validation)
        facts = {"step": history.best_step, "weight_decay": strength, "validation": best, "n_train": len(rows)}
        return Fit(critic.eval(), made, rows, facts, history, self.device)

    def _answer(
        self, value: float, terms: Floats, doubt: float, ci_level: float, direction: Any, facts: dict[str, Any]
    ) -> MIEstimate:
        largest = largest_part(len(terms), self.folds if facts else 1)
        near = near_ceiling(value, largest)
        for said in near:
            warnings.warn(f"CrossFittedMI: {said}.", SaturationWarning, stacklevel=3)
        error = math.hypot(influence_standard_error(terms), doubt)
        doubts = near + (nothing_learned(value) if direction == "lower" else below_zero(value, error))
        return MIEstimate(
            value=value,
            direction=direction,
            strength="expectation" if direction == "lower" else "heuristic",
            standard_error=error,
            ci=normal_interval(value, error, ci_level),
            ci_level=ci_level,
            cap=None if direction == "consistent" else math.log(largest),
            n=len(terms),
            method="crossfit",
            diagnostics={**facts, "notes": [*facts.get("notes", self._notes()), *map(str, doubts)]},
        )

    def _check(self) -> None:
        check_training(self, "CrossFittedMI", least_batch=2)
        check_whole(self.folds, "CrossFittedMI", "folds", 2)
        strengths: Any = self.weight_decay
        if not isinstance(strengths, tuple | list) or not strengths or min(strengths) < 0:
            raise ParameterError(f"CrossFittedMI: `weight_decay` must hold numbers >= 0; got {strengths!r}.")
        check_workers(self.workers, "CrossFittedMI")
        if self.report not in ("debiased", "held_out"):
            raise ParameterError(f"CrossFittedMI: `report` must be 'debiased' or 'held_out'; got {self.report!r}.")
        if not 0 < self.validation_fraction <= 0.5:
            raise ParameterError(
                f"CrossFittedMI: `validation_fraction` must be in (0, 0.5]; got {self.validation_fraction!r}."
            )


def _objective(model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    return {"loss": -both_ways(model(*batch)).mean()}
