"""Errors of predicted properties, with intervals from resampling the molecules."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from infocore.errors import ParameterError

__all__ = ["Comparison", "PropertyScores", "Score", "summarise"]

Floats = NDArray[np.float64]
Kind = Literal["regression", "classification"]
Predictions = Mapping[str, Mapping[str, Floats]]

METRICS = {"regression": ("rmse", "mae", "r2", "mse"), "classification": ("roc_auc", "pr_auc")}
SHOWN = {"rmse": "RMSE", "mae": "MAE", "r2": "R2", "roc_auc": "ROC-AUC", "pr_auc": "PR-AUC"}
RESAMPLES_AT_A_TIME = 100


@dataclasses.dataclass(frozen=True)
class Score:
    """A number with its interval.

    Parameters
    ----------
    value, low, high : float
        Of all molecules, and the percentiles over resampled molecules.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Difference of two feature sets on the same molecules.

    Parameters
    ----------
    a, b : str
        Feature sets.
    metric, model : str
        What was compared.
    difference : Score
        Metric of `a` less that of `b`, with an interval from resampling molecules for both at once.
    level : float
        Nominal coverage.
    """

    a: str
    b: str
    metric: str
    model: str
    difference: Score
    level: float

    def __str__(self) -> str:
        return f"{self.metric} of {self.a} less {self.b}: {self.difference} ({100 * self.level:g}% interval)"


@dataclasses.dataclass(frozen=True)
class PropertyScores:
    """What `evaluate_properties` found.

    Parameters
    ----------
    kind : {"regression", "classification"}
        Of the property.
    scores : mapping
        ``scores[features][model][metric]``, a `Score`. The model ``"best"`` is the one that the inner folds chose.
    per_fold : mapping
        ``per_fold[features][model]``: RMSE, or ROC-AUC (mean over tasks), of each outer fold; NaN for an AUC of a fold
        that has one class only.
    chosen : mapping
        ``chosen[features]``: the model that is ``"best"`` in each outer fold.
    settings : mapping
        ``settings[features][model]``: settings that the inner folds chose, by task, then by outer fold.
    predictions : mapping
        ``predictions[features][model]``: out of fold, of shape (n,) or (n, tasks), where NaN is not measured.
    replicates : mapping
        ``replicates[features][model][metric]``: of shape (n_boot,), on the same resamples everywhere.
    n, k, inner : int
        Molecules, outer and inner folds.
    level : float
        Nominal coverage of the intervals.
    n_boot, seed : int
        Resamples, and their seed.
    notes : tuple of str
        What a reader must know, such as fits that did not converge.
    """

    kind: Kind
    scores: Mapping[str, Mapping[str, Mapping[str, Score]]]
    per_fold: Mapping[str, Mapping[str, tuple[float, ...]]]
    chosen: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Mapping[str, Any]]
    predictions: Predictions = dataclasses.field(repr=False)
    replicates: Mapping[str, Mapping[str, Mapping[str, Floats]]] = dataclasses.field(repr=False)
    n: int
    k: int
    inner: int
    level: float
    n_boot: int
    seed: int
    notes: tuple[str, ...] = ()

    def compare(self, a: str, b: str, *, metric: str | None = None, model: str = "best") -> Comparison:
        """Compare two feature sets by a paired bootstrap.

        Parameters
        ----------
        a, b : str
            Feature sets.
        metric : str, optional
            ``"mse"`` if not given, the mean of squared errors, or ``"roc_auc"`` for classes.
        model : str
            Which model of each; the mean baseline has only one, which is taken whatever is said.

        Returns
        -------
        Comparison
            Of `a` less `b`: with an error, below zero if `a` is better; with R2 or an AUC, above.

        Raises
        ------
        ParameterError
            If there is no such feature set, model or metric.
        """
        metric = metric or {"regression": "mse", "classification": "roc_auc"}[self.kind]
        (x, boot_x), (y, boot_y) = (self._find(each, model, metric, "compare") for each in (a, b))
        return Comparison(a, b, metric, model, _score(x - y, boot_x - boot_y, self.level), self.level)

    def modelability(self, features: str, *, reference: str = "morgan", model: str = "best") -> Score:
        """Mean squared error of a reference, divided by that of a feature set.

        Parameters
        ----------
        features, reference : str
            Feature sets.
        model : str
            Which model of each.

        Returns
        -------
        Score
            Above 1 if `features` are better, with an interval from resampling molecules for both at once.

        Raises
        ------
        ParameterError
            If there is no such feature set or model, or the property is a class.

        Notes
        -----
        The ratio that the MolMIM group's benchmark reports; there a model's settings are those with the least error on
        the test folds, here the inner folds choose them.
        """
        if self.kind != "regression":
            raise ParameterError("PropertyScores.modelability: is a ratio of squared errors; for classes, use compare.")
        (x, boot_x), (y, boot_y) = (self._find(each, model, "mse", "modelability") for each in (reference, features))
        return _score(x / y, boot_x / boot_y, self.level)

    def table(self) -> str:
        """Return the scores as text.

        Returns
        -------
        str
            A line for each feature set and model, ``best`` among them, with intervals, and what they are.
        """
        metrics = [metric for metric in METRICS[self.kind] if metric in SHOWN]
        lines = [["features", "model", *(SHOWN[metric] for metric in metrics)]]
        for features, models in self.scores.items():
            for model, scores in models.items():
                told = model
                if model == "best":
                    told = f"best ({', '.join(dict.fromkeys(self.chosen[features]))})"
                lines.append([features, told, *(str(scores[metric]) for metric in metrics)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        about = (
            f"{self.n} molecules, {self.k} outer and {self.inner} inner folds; out-of-fold predictions pooled, "
            f"{100 * self.level:g}% bootstrap intervals over molecules"
        )
        return "\n".join(line.rstrip() for line in [*text, about, *self.notes])

    def __str__(self) -> str:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries and lists, for JSON, without predictions and replicates.

        Returns
        -------
        dict
            Scores by feature set, model and metric, and how they were made. An undefined value of a fold is None.
        """
        return {
            "kind": self.kind,
            "scores": {
                features: {
                    model: {metric: dataclasses.asdict(score) for metric, score in scores.items()}
                    for model, scores in models.items()
                }
                for features, models in self.scores.items()
            },
            "per_fold": {
                features: {
                    model: [None if np.isnan(value) else value for value in values] for model, values in models.items()
                }
                for features, models in self.per_fold.items()
            },
            "chosen": {features: list(models) for features, models in self.chosen.items()},
            "settings": {features: dict(models) for features, models in self.settings.items()},
            "n": self.n,
            "outer": self.k,
            "inner": self.inner,
            "level": self.level,
            "n_boot": self.n_boot,
            "seed": self.seed,
            "notes": list(self.notes),
        }

    def _find(self, features: str, model: str, metric: str, caller: str) -> tuple[float, Floats]:
        caller = f"PropertyScores.{caller}"
        if features not in self.scores:
            raise ParameterError(f"{caller}: there are features {', '.join(self.scores)}; got {features!r}.")
        models = self.scores[features]
        model = "mean" if features == "mean" else model
        if model not in models:
            raise ParameterError(f"{caller}: `model` must be one of {', '.join(models)}; got {model!r}.")
        if metric not in models[model]:
            raise ParameterError(f"{caller}: `metric` must be one of {', '.join(models[model])}; got {metric!r}.")
        return models[model][metric].value, self.replicates[features][model][metric]


def summarise(
    predictions: Predictions,
    y: Floats,
    folds: NDArray[np.int64],
    kind: Kind,
    *,
    inner: int,
    level: float,
    n_boot: int,
    seed: int,
    chosen: Mapping[str, tuple[str, ...]],
    settings: Mapping[str, Mapping[str, Any]],
    notes: tuple[str, ...] = (),
) -> PropertyScores:
    """Score out-of-fold predictions, of shape (n,), or (n, tasks) for classes, where `y` may be NaN."""
    every = [(features, model, p) for features, models in predictions.items() for model, p in models.items()]
    rng = np.random.default_rng(seed)
    drawn = [_replicates([p for *_, p in every], y, kind, _resamples(rng, len(y), b)) for b in _pieces(n_boot)]
    values = [_values(p, y, kind) for *_, p in every]
    scores: dict[str, dict[str, dict[str, Score]]] = {}
    replicates: dict[str, dict[str, dict[str, Floats]]] = {}
    per_fold: dict[str, dict[str, tuple[float, ...]]] = {}
    undefined = 0
    for at, (features, model, p) in enumerate(every):
        boot = {m: np.concatenate([piece[at][m] for piece in drawn]) for m in METRICS[kind]}
        undefined = max(undefined, *(int(np.isnan(b).sum()) for b in boot.values()))
        scores.setdefault(features, {})[model] = {
            metric: _score(values[at][metric], boot[metric], level) for metric in METRICS[kind]
        }
        replicates.setdefault(features, {})[model] = boot
        per_fold.setdefault(features, {})[model] = tuple(
            _values(p[folds == fold], y[folds == fold], kind)[METRICS[kind][0]] for fold in np.unique(folds)
        )
    if undefined:
        notes = (*notes, f"{undefined} of {n_boot} resamples lacked a class of some task; intervals are without them.")
    return PropertyScores(
        kind=kind,
        scores=scores,
        per_fold=per_fold,
        chosen=chosen,
        settings=settings,
        predictions=predictions,
        replicates=replicates,
        n=len(y),
        k=len(np.unique(folds)),
        inner=inner,
        level=level,
        n_boot=n_boot,
        seed=seed,
        notes=notes,
    )


def _pieces(n_boot: int) -> list[int]:
    whole, rest = divmod(n_boot, RESAMPLES_AT_A_TIME)
    return [RESAMPLES_AT_A_TIME] * whole + [rest] * (rest > 0)


def _resamples(rng: np.random.Generator, n: int, b: int) -> Floats:
    """How often each of n molecules is drawn in each of b resamples."""
    return rng.multinomial(n, np.full(n, 1 / n), b).astype(np.float64)


def _score(value: float, replicates: Floats, level: float) -> Score:
    defined = replicates[~np.isnan(replicates)]
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return Score(float(value), float(low), float(high))


def _values(p: Floats, y: Floats, kind: Kind) -> dict[str, float]:
    if kind == "regression":
        mse = float(((p - y) ** 2).mean())
        spread = float(y.var())
        r2 = 1 - mse / spread if spread > 0 else float("nan")
        return {"rmse": mse**0.5, "mae": float(np.abs(p - y).mean()), "r2": r2, "mse": mse}
    found: list[tuple[float, float]] = []
    for task in range(y.shape[1]):
        rows = ~np.isnan(y[:, task])
        truth = y[rows, task]
        if len(np.unique(truth)) < 2:
            return {"roc_auc": float("nan"), "pr_auc": float("nan")}
        found.append((float(roc_auc_score(truth, p[rows, task])), float(average_precision_score(truth, p[rows, task]))))
    roc, pr = np.mean(found, axis=0).tolist()
    return {"roc_auc": roc, "pr_auc": pr}


def _replicates(every: list[Floats], y: Floats, kind: Kind, w: Floats) -> list[dict[str, Floats]]:
    """Metrics of each prediction on each resample, given as weights of shape (b, n)."""
    if kind == "regression":
        n = len(y)
        centred = y - y.mean()
        spread = w @ centred**2 / n - (w @ centred / n) ** 2
        found: list[dict[str, Floats]] = []
        for p in every:
            mse = w @ (p - y) ** 2 / n
            found.append({"rmse": mse**0.5, "mae": w @ np.abs(p - y) / n, "r2": 1 - mse / spread, "mse": mse})
        return found
    tasks = range(y.shape[1])
    measured = [~np.isnan(y[:, task]) for task in tasks]
    weights = [w[:, rows] for rows in measured]
    areas = [
        np.array([weighted_areas(weights[t], y[measured[t], t], p[measured[t], t]) for t in tasks]).mean(0)
        for p in every
    ]
    return [{"roc_auc": roc, "pr_auc": pr} for roc, pr in areas]


def weighted_areas(w: Floats, y: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """ROC-AUC and average precision for each row of weights; NaN where a class has no weight."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # ties count as one threshold
    weights, positive = w[:, order], y[order]
    hits = np.add.reduceat(weights * positive, starts, axis=1)
    misses = np.add.reduceat(weights * (1 - positive), starts, axis=1)
    p, n = hits.sum(1), misses.sum(1)
    true, false = hits.cumsum(1), misses.cumsum(1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a class without weight: the areas are undefined, NaN
        roc = (hits * (n[:, None] - false + misses / 2)).sum(1) / (p * n)
        precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
        pr = (hits * precision).sum(1) / p
        return roc, np.where(n > 0, pr, np.nan)
