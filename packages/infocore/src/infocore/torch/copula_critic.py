r"""A critic on top of a fitted copula: what the t copula says, and what a network adds to it on rows it has not seen.

The critic is :math:`s(x, y) = s_0(x, y) + g(x, y)`, where :math:`s_0` is the log density ratio of a t copula fitted to
the training rows and g a network that starts at zero. With :math:`r(s)` the InfoNCE term of a held-out pair,

.. math:: \hat I = \hat I_{copula} + \Delta, \qquad \Delta = \langle r(s_0 + g) - r(s_0) \rangle

so that the copula, which varies least, carries what it can, and the network has to find only the rest. Where g does not
score validation rows better than zero does, by one standard error, it is zero and the answer is the copula's.
"""

# scipy has no types, and torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import copy
import dataclasses
import math
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor, nn

from infocore import bounds
from infocore._ranks import cdf_levels
from infocore._validate import Floats, Ints, Pair, check_level, generator, paired
from infocore.errors import NotFittedError, ParameterError, ShapeError
from infocore.estimators._base import below_zero
from infocore.estimators._elliptical import gaussian_bias, independent_columns
from infocore.intervals import influence_standard_error, normal_interval
from infocore.result import MIEstimate
from infocore.torch._copula_fit import CopulaFit, Ratio, fitted_ellipse, numbers_of, start_at_zero
from infocore.torch.critics import Critic, Separable
from infocore.torch.features import Features
from infocore.torch.held_out import Training, nothing_learned, take_rows, unfinished
from infocore.torch.training import ArrayBatches, TrainState, fit

__all__ = ["CopulaCritic"]

Report = Literal["corrected", "held_out"]
CRITIC = Separable((64, 64), 16, activation="gelu", unary=True)
# Rows of a score matrix that is read at once; InfoNCE cannot exceed its log.
LARGEST_FOLD = 1700
# Share of the distance from the held-out to the training gain that is put back, as in `infocore.torch.crossfit`, and
# that is in doubt: less than there, and how often these intervals cover was not measured.
SHARE, DOUBT = 2 / 3, 1 / 3


@dataclasses.dataclass(eq=False)
class CopulaCritic:
    r"""Mutual information as that of a t copula plus a correction that held-out rows confirm.

    Parameters
    ----------
    folds : int
        Parts; each is read by a copula and a network fitted on the others.
    critic : Separable
        Settings of the network.
    report : {"corrected", "held_out"}
        "corrected": the copula's value on all rows plus the correction, direction "none". "held_out": the mean InfoNCE
        term of :math:`s_0 + g` on held-out rows, a lower bound in expectation, which says nothing above log of a fold.
    training : Training
        Settings of the training; `test_fraction` is not used, the folds are what is reported on.

    Notes
    -----
    The correction is that on held-out rows and two thirds of the way to that on training rows, the first of the two of
    `infocore.torch.CrossFittedMI`; a third of the distance counts as error. ``diagnostics["correction"]`` is its value,
    ``["gain"]`` the held-out part and ``["gain_error"]`` its standard error over rows: a gain of many errors says that
    the copula is wrong, none that nothing was found against it.

    "corrected" is exact in the limit if the copula is right (then g is zero) and, for a copula that is wrong, as far
    as its value is what its log ratio has on the data: so for the Gaussian copula, whose correlations are the data's.

    References
    ----------
    .. [1] A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding",
       arXiv:1807.03748, 2018, Sec. 2.3 (the bound); the reference law inside the critic is derived.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> y = x + rng.standard_normal(1000)  # I = 0.347
    >>> e = CopulaCritic(training=Training(max_steps=100)).fit_estimate(x, y)
    >>> abs(e.value - 0.347) < 0.06, abs(e.diagnostics["correction"]) < 0.02
    (True, True)
    """

    folds: int = 3
    critic: Separable = CRITIC
    report: Report = "corrected"
    training: Training = Training(max_steps=500, validate_every=25)  # noqa: RUF009 - frozen

    def fit(self, x: Any, y: Any, rng: int | np.random.Generator = 0) -> Self:
        """Fit a copula and a network a fold.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples of numbers.
        rng : int or numpy Generator
            Seed of the folds, the weights and the batches.

        Returns
        -------
        self

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError
            If the data are not two paired samples of numbers.
        ParameterError
            If a setting is not among its values.
        TrainingError
            If a loss is not finite, or no copula can be fitted to the rows of a fold.
        """
        self._check()
        self._fit(self._pair(x, y, 60), rng)
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
        check_level(ci_level, "CopulaCritic")
        if not hasattr(self, "fits_"):
            raise NotFittedError("CopulaCritic: call `fit` before `estimate`, or use `fit_estimate`.")
        pair = self._pair(x, y, 8)
        widths = tuple(s.values.shape[1] for s in (pair.x, pair.y))
        if widths != self.widths_:
            raise ShapeError(f"CopulaCritic: {self.widths_} columns were fitted; got {widths}.")
        terms = np.zeros(pair.n)
        if self.fits_:
            for part in _parts(np.arange(pair.n)):
                some = take_rows(self._kept(pair), part)
                terms[part] = _pointwise(torch.stack([torch.stack(f.scores(some)).sum(0) for f in self.fits_]).mean(0))
        return self._answer(float(terms.mean()), influence_standard_error(terms), pair.n, ci_level, "held_out", {})

    def fit_estimate(self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9) -> MIEstimate:
        """Cross-fit and report on all rows.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples of numbers.
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
        check_level(ci_level, "CopulaCritic")
        pair = self._pair(x, y, 60)
        self._fit(pair, rng)
        if not self.fits_:
            return self._answer(0.0, 0.0, pair.n, ci_level, self.report, {"notes": ["one side never changes"]})
        pair = self._kept(pair)
        n = pair.n
        base, whole, trained = np.empty(n), np.empty(n), np.empty(self.folds)
        for k, (f, fold) in enumerate(zip(self.fits_, self.parts_, strict=True)):
            base[fold], whole[fold] = _terms(f, pair, fold)
            before, after = _terms(f, pair, f.rows[: max(len(fold), 40)])
            trained[k] = float((after - before).mean())
        gain = whole - base
        found = float(gain.mean())
        gap = float(trained.mean()) - found
        held_out = float(whole.mean())
        facts: dict[str, Any] = {
            "held_out": held_out,
            "held_out_copula": float(base.mean()),
            "gain": found,
            "gain_error": influence_standard_error(gain),
            "trained_gain": float(trained.mean()),
            "folds": [f.facts for f in self.fits_],
        }
        if self.report == "held_out":
            return self._answer(held_out, influence_standard_error(whole), n, ci_level, "held_out", facts)
        levels = cdf_levels(numbers_of(pair))
        dx = len(pair.x.names)
        e = fitted_ellipse(numbers_of(pair), dx)
        z = e.scores(levels)
        value = e.information() - gaussian_bias(n, dx, levels.shape[1] - dx)
        correction = found + SHARE * gap
        # a row moves the copula's value by its log ratio, and the correction by its gain
        terms = e.log_ratio(z[:, :dx], z[:, dx:]) + gain
        error = math.hypot(influence_standard_error(terms, degrees=dx * (levels.shape[1] - dx)), DOUBT * gap)
        facts |= {"copula": value, "dof": e.dof, "correction": correction}
        return self._answer(value + correction, error, n, ci_level, "corrected", facts)

    def _fit(self, pair: Pair, rng: int | np.random.Generator) -> None:
        draws = generator(rng, "CopulaCritic")
        self.widths_ = tuple(s.values.shape[1] for s in (pair.x, pair.y))
        self.kept_ = tuple(_columns(s.numbers("CopulaCritic")) for s in (pair.x, pair.y))
        self.parts_: list[Ints] = np.array_split(draws.permutation(pair.n), self.folds)
        seeds = draws.integers(2**31, size=(self.folds, 2))
        self.fits_: list[CopulaFit] = []
        if all(self.kept_):
            kept = self._kept(pair)
            for k in range(self.folds):
                rest = np.concatenate([part for j, part in enumerate(self.parts_) if j != k])
                self.fits_.append(self._train(kept, rest, seeds[k]))

    def _train(self, pair: Pair, rest: Ints, seeds: Ints) -> CopulaFit:
        t = self.training
        held = max(10, round(t.validation_fraction * len(rest)))
        rows, look = rest[held:], rest[:held][:LARGEST_FOLD]
        numbers, dx = numbers_of(pair), len(pair.x.names)
        ellipse = fitted_ellipse(numbers[rows], dx).pruned(len(rows))
        made = Features(pair.x, rows), Features(pair.y, rows)
        u, v = (torch.as_tensor(m(s), device=t.device) for m, s in zip(made, (pair.x, pair.y), strict=True))
        critic = Critic(u.shape[1], v.shape[1], self.critic, seed=int(seeds[0])).to(t.device)
        start_at_zero(critic)
        f = CopulaFit(critic, made, np.sort(numbers[rows], axis=0), ellipse, rows, {}, t.device)
        z = torch.as_tensor(f.quantiles(numbers), dtype=torch.float32, device=t.device)
        ratio = Ratio(ellipse).to(t.device)

        def score(model: nn.Module, a: Tensor, b: Tensor, p: Tensor) -> Tensor:
            return ratio(p[:, :dx], p[:, dx:]) + model(a, b)

        optimizer = torch.optim.AdamW(critic.parameters(), lr=t.learning_rate, weight_decay=t.weight_decay)
        seen = u[look], v[look], z[look]
        start = copy.deepcopy(critic.state_dict())
        with torch.no_grad():
            nothing = _both_ways(score(critic, *seen))
        history = fit(
            TrainState(critic, optimizer),
            ArrayBatches(u[rows], v[rows], z[rows], batch_size=min(t.batch_size, len(rows)), seed=int(seeds[1])),
            lambda model, batch: {"loss": -_both_ways(score(model, *batch)).mean()},
            max_steps=t.max_steps,
            validate=lambda model: float(_both_ways(score(model, *seen)).mean()),
            validate_every=t.validate_every,
            patience=t.patience,
            progress=t.progress,
        )
        with torch.no_grad():
            gain = (_both_ways(score(critic, *seen)) - nothing).double().cpu().numpy()
        found = float(gain.mean()) > influence_standard_error(gain)
        if not found:
            critic.load_state_dict(start)
        facts = {"step": history.best_step if found else 0, "validation_gain": float(gain.mean())}
        facts |= {"dof": ellipse.dof, "n_train": len(rows)}
        return dataclasses.replace(f, critic=critic.eval(), facts=facts, history=history)

    def _kept(self, pair: Pair) -> Pair:
        return Pair(pair.x.take(self.kept_[0]), pair.y.take(self.kept_[1]), pair.flags)

    def _pair(self, x: Any, y: Any, least: int) -> Pair:
        pair = paired(x, y, "CopulaCritic", min_samples=least, warn=False)
        for side in (pair.x, pair.y):
            side.numbers("CopulaCritic")
        return pair

    def _answer(
        self, value: float, error: float, n: int, ci_level: float, report: Report, facts: dict[str, Any]
    ) -> MIEstimate:
        lower = report == "held_out"
        largest = min(LARGEST_FOLD, math.ceil(n / (self.folds if facts else 1)))
        doubts = nothing_learned(value) if lower else below_zero(value, error)
        doubts += unfinished(*(f.history for f in self.fits_))
        return MIEstimate(
            value=value,
            direction="lower" if lower else "none",
            strength="expectation" if lower else "heuristic",
            standard_error=error,
            ci=normal_interval(value, error, ci_level),
            ci_level=ci_level,
            cap=math.log(largest) if lower else None,
            n=n,
            method="copula-critic",
            diagnostics={**facts, "notes": [*facts.get("notes", []), *map(str, doubts)]},
        )

    def _check(self) -> None:
        self.training.check("CopulaCritic")
        if self.folds < 2 or int(self.folds) != self.folds:
            raise ParameterError(f"CopulaCritic: `folds` must be a whole number >= 2; got {self.folds!r}.")
        if self.report not in get_args(Report):
            raise ParameterError(f"CopulaCritic: `report` must be 'corrected' or 'held_out'; got {self.report!r}.")


def _terms(f: CopulaFit, pair: Pair, rows: Ints) -> tuple[Floats, Floats]:
    """InfoNCE terms of rows against each other: the copula alone, and with the network."""
    base, whole = np.empty(len(rows)), np.empty(len(rows))
    for part in _parts(np.arange(len(rows))):
        reference, added = f.scores(take_rows(pair, rows[part]))
        base[part], whole[part] = _pointwise(reference), _pointwise(reference + added)
    return base, whole


def _columns(a: Floats) -> list[int]:
    """Columns that vary, without linear copies of earlier ones after ranks: a scatter needs an inverse."""
    from scipy.special import ndtri

    varied = [j for j, c in enumerate(a.T) if (c != c[0]).any()]
    if len(varied) < 2:
        return varied
    kept = independent_columns(np.corrcoef(ndtri(cdf_levels(a[:, varied])), rowvar=False))
    return [varied[int(j)] for j in kept]


def _parts(rows: Ints) -> list[Ints]:
    return list(np.array_split(rows, math.ceil(len(rows) / LARGEST_FOLD)))


def _pointwise(score: Tensor) -> Floats:
    return _both_ways(score.double()).cpu().numpy()


def _both_ways(score: Tensor) -> Tensor:
    """Mean of the pointwise terms over rows and over columns."""
    return 0.5 * (bounds.pointwise(score, over="y") + bounds.pointwise(score, over="x"))
