"""How well features predict measured properties of molecules, by nested cross-validation."""

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from cmim.evaluation import check_seed
from cmim.molecules.properties._models import MODELS, candidate, outputs
from cmim.molecules.properties._scores import Comparison, PropertyScores, Score, summarise
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError, TooFewSamplesError

__all__ = ["Comparison", "PropertyScores", "Score", "evaluate_properties"]

Kind = Literal["regression", "classification"]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

FEWEST_RESAMPLES = 100


@dataclasses.dataclass(frozen=True)
class _Outer:
    """An outer fold: rows to predict, rows to train on, and inner folds as positions among the latter."""

    test: Rows
    train: Rows
    inner: list[tuple[Rows, Rows]]


def evaluate_properties(
    features: Mapping[str, ArrayLike],
    y: ArrayLike,
    *,
    kind: Kind,
    folds: ArrayLike,
    inner: int | None = None,
    models: Sequence[str] = MODELS,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
    progress: Progress | None = None,
) -> PropertyScores:
    """Predict a property from several feature sets by several models, tuned where they are not tested.

    Parameters
    ----------
    features : mapping of str to array of shape (n, D)
        Embeddings, fingerprints and descriptors of the same molecules by name; D may differ between names. The name
        ``mean`` is that of the baseline that is always added: the mean of the training rows, or for classes the same
        score for every molecule.
    y : array of shape (n,), or (n, tasks) for classes
        The property; classes as 0 and 1, and NaN where a task was not measured.
    kind : {"regression", "classification"}
        What `y` holds.
    folds : array of int, of shape (n,)
        The number of each molecule's outer fold, at least three different ones; see `cmim.molecules.properties.splits`.
    inner : int, optional
        Inner folds, at most one less than the outer ones; if not given, four, or as many as that allows. They are made
        of the other outer folds, whole, so scaffolds that the outer folds keep apart are apart in the inner ones too.
    models : sequence of str
        Of ``"ridge"`` (regression with an L2 penalty, logistic for classes), ``"svr"`` (support vectors with a Gaussian
        kernel), ``"forest"`` (100 trees) and ``"mlp"`` (64 hidden units, 50 epochs). ``("ridge",)`` is fast, and
        ``("ridge", "forest")`` needs no scale of features; forest and mlp take longest on wide features.
    level : float
        Nominal coverage of the intervals.
    n_boot : int
        Resamples, at least 100.
    seed : int
        Of forests, networks and resamples.
    progress : callable, optional
        Called as ``progress("features, model", done, total)`` after each.

    Returns
    -------
    PropertyScores
        RMSE, MAE, R2 and MSE in units of `y`, or ROC-AUC and PR-AUC (average precision), both the mean over tasks.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    NonFiniteError
        If features hold NaN or infinity, as they do for molecules that could not be read, or values of a regression do.
    KindError
        If classes are not 0 and 1.
    TooFewSamplesError
        If a class of some task is absent from an outer or inner training set, or from an inner test set.
    ParameterError
        If a setting is not one of its values or out of range, or the property is the same for all molecules.

    Notes
    -----
    For each outer fold, settings are chosen by the mean over inner folds of the squared error, or of ROC-AUC; features,
    and values of a regression, are standardised by the training rows of each fit. The model ``"best"`` is chosen
    likewise: for a regression anew in each outer fold; for classes once, by its mean over all outer folds' inner
    scores, since scores of different models have no common scale.

    Metrics are computed of the pooled predictions of all outer folds. An AUC of pooled scores also compares molecules
    of different folds, whose models need not agree in scale: see `PropertyScores.per_fold` for the other way. Intervals
    are percentiles over resampled molecules. They say what the choice of molecules leaves open with these trained
    models, not how results vary with the training set, the folds or the seed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((60, 5))
    >>> y = x @ [1.0, 2.0, 0.0, 0.0, 0.0] + 0.1 * rng.standard_normal(60)
    >>> scores = evaluate_properties({"x": x}, y, kind="regression", folds=np.arange(60) % 5, models=["ridge"])
    >>> round(scores.scores["x"]["ridge"]["rmse"].value, 1)
    0.1
    >>> scores.compare("x", "mean").difference.high < 0
    True
    """
    caller = "evaluate_properties"
    _settings(kind, models, level, n_boot, seed, caller)
    truth = _targets(y, kind, caller)
    read = _features(features, len(truth), caller)
    numbers, inner = _fold_numbers(folds, len(truth), inner, caller)
    tasks = [np.flatnonzero(~np.isnan(column)) for column in truth.T]
    outer = [_outer(rows, numbers, inner) for rows in tasks]
    if kind == "classification":
        _both_classes(truth, outer, caller)

    total = len(read) * len(models)
    predictions: dict[str, dict[str, Floats]] = {"mean": {"mean": _mean(truth, outer, kind)}}
    chosen: dict[str, tuple[str, ...]] = {"mean": ("mean",) * len(outer[0])}
    settings: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for name, x in read.items():
        predictions[name], settings[name], reached = {}, {}, {}
        for model in models:
            found, settings[name][model], reached[model], unfinished, fits = _nested(x, truth, outer, model, kind, seed)
            predictions[name][model] = found
            if unfinished:
                notes.append(f"{name}, {model}: {unfinished} of {fits} fits stopped at their limit of iterations.")
            if progress is not None:
                progress(f"{name}, {model}", len(settings[name]) + (len(settings) - 1) * len(models), total)
        chosen[name] = _choose(reached, kind)
        predictions[name]["best"] = _stitch(predictions[name], chosen[name], numbers)
    if kind == "regression":
        predictions = {name: {m: p[:, 0] for m, p in found.items()} for name, found in predictions.items()}
    return summarise(
        predictions,
        truth[:, 0] if kind == "regression" else truth,
        numbers,
        kind,
        inner=inner,
        level=level,
        n_boot=n_boot,
        seed=seed,
        chosen=chosen,
        settings=settings,
        notes=tuple(notes),
    )


def _settings(kind: str, models: Sequence[str], level: float, n_boot: int, seed: int, caller: str) -> None:
    check_seed(seed, caller)
    if kind not in ("regression", "classification"):
        raise ParameterError(f"{caller}: `kind` must be 'regression' or 'classification'; got {kind!r}.")
    if isinstance(models, str) or not models or not set(models) <= set(MODELS) or len(set(models)) < len(models):
        raise ParameterError(f"{caller}: `models` must be some of {', '.join(MODELS)}, each once; got {models!r}.")
    if not 0 < level < 1:
        raise ParameterError(f"{caller}: `level` must be between 0 and 1; got {level!r}.")
    if n_boot < FEWEST_RESAMPLES:
        raise ParameterError(f"{caller}: `n_boot` must be at least {FEWEST_RESAMPLES}; got {n_boot!r}.")


def _targets(y: ArrayLike, kind: Kind, caller: str) -> Floats:
    """Return `y` of shape (n, tasks), checked."""
    truth = np.asarray(y, np.float64)
    if truth.ndim == 1 or (truth.ndim == 2 and kind == "classification" and truth.shape[1]):
        truth = truth.reshape(len(truth), -1)
    else:
        raise ShapeError(
            f"{caller}: `y` must be of shape (n,), or (n, tasks) for classes; got {truth.shape} for a {kind}. Evaluate "
            "properties of a regression one at a time: their errors have different units."
        )
    if kind == "classification":
        odd = np.setdiff1d(truth[~np.isnan(truth)], (0.0, 1.0))
        if odd.size:
            raise KindError(f"{caller}: classes in `y` must be 0 or 1, or NaN; got {odd[0]!r}. Encode them.")
        return truth
    bad = int((~np.isfinite(truth)).sum())
    if bad:
        raise NonFiniteError(
            f"{caller}: `y` holds NaN or infinity in {bad} of {len(truth)} rows. Leave out molecules that were not "
            "measured, of the features and folds too."
        )
    if len(truth) and np.ptp(truth) == 0:
        raise ParameterError(f"{caller}: `y` is {truth[0, 0]:g} for every molecule: there is nothing to predict.")
    return truth


def _features(features: Mapping[str, ArrayLike], n: int, caller: str) -> dict[str, NDArray[Any]]:
    if not features or "mean" in features:
        raise ParameterError(
            f"{caller}: `features` must hold at least one feature set, and 'mean' is the name of the baseline that is "
            f"always added; got {', '.join(features) or 'none'}."
        )
    read: dict[str, NDArray[Any]] = {}
    for name, given in features.items():
        x = np.asarray(given)
        x = x if x.dtype == np.float32 else x.astype(np.float64)
        if x.ndim != 2 or len(x) != n or not x.shape[1]:
            raise ShapeError(f"{caller}: features[{name!r}] must be of shape ({n}, D), as `y` has; got {x.shape}.")
        bad = int((~np.isfinite(x).all(1)).sum())
        if bad:
            raise NonFiniteError(
                f"{caller}: features[{name!r}] hold NaN or infinity in {bad} of {n} rows, as they do for molecules "
                "that could not be read. Leave those rows out, of all features, `y` and `folds`: every feature set "
                "must be judged on the same molecules."
            )
        read[name] = x
    return read


def _fold_numbers(folds: ArrayLike, n: int, inner: int | None, caller: str) -> tuple[NDArray[np.int64], int]:
    given = np.asarray(folds)
    if given.shape != (n,) or given.dtype.kind not in "iu":
        raise ShapeError(
            f"{caller}: `folds` must be {n} whole numbers, one for each molecule; got {given.dtype} of shape "
            f"{given.shape}."
        )
    k = len(np.unique(given))
    within = min(4, k - 1) if inner is None else inner
    if k < 3 or not 2 <= within < k:
        raise ParameterError(
            f"{caller}: need at least 3 different `folds`, and `inner` from 2 to one less than their number; got {k} "
            f"folds and inner={inner!r}."
        )
    return np.unique(given, return_inverse=True)[1].astype(np.int64), within


def _outer(rows: Rows, numbers: NDArray[np.int64], inner: int) -> list[_Outer]:
    """Return outer folds of the rows that were measured."""
    found: list[_Outer] = []
    for fold in range(int(numbers.max()) + 1):
        test, train = rows[numbers[rows] == fold], rows[numbers[rows] != fold]
        others = numbers[train]
        group = (others - (others > fold)) % inner
        pairs = [(np.flatnonzero(group != g), np.flatnonzero(group == g)) for g in range(inner)]
        found.append(_Outer(test, train, pairs))
    return found


def _both_classes(truth: Floats, outer: list[list[_Outer]], caller: str) -> None:
    for task, every in enumerate(outer):
        column = truth[:, task]
        for fold, one in enumerate(every):
            y = column[one.train]
            if any(len(np.unique(part)) < 2 for part in [y, *(y[i] for pair in one.inner for i in pair)]):
                ones, measured = int(np.nansum(column)), int((~np.isnan(column)).sum())
                raise TooFewSamplesError(
                    f"{caller}: task {task} has {ones} ones and {measured - ones} zeros, and without outer fold {fold} "
                    "some part of the inner folds lacks a class. Take fewer folds, or more molecules of the rare class."
                )


def _mean(truth: Floats, outer: list[list[_Outer]], kind: Kind) -> Floats:
    """Predictions that use no features. For classes the shares of folds would rank the folds, so there is one score."""
    found = np.zeros_like(truth)
    if kind == "regression":
        for one in outer[0]:
            found[one.test] = truth[one.train].mean()
    return found


def _nested(
    x: NDArray[Any], truth: Floats, outer: list[list[_Outer]], model: str, kind: Kind, seed: int
) -> tuple[Floats, list[list[dict[str, Any]]], Floats, int, int]:
    """Return predictions, settings by task and fold, inner scores (tasks, folds), unfinished fits and all fits."""
    found = np.full_like(truth, np.nan)
    settings: list[list[dict[str, Any]]] = []
    reached = np.empty((len(outer), len(outer[0])))
    unfinished = fits = 0
    scoring = "neg_mean_squared_error" if kind == "regression" else "roc_auc"
    for task, every in enumerate(outer):
        settings.append([])
        for fold, one in enumerate(every):
            estimator, grid = candidate(model, kind, seed, min(len(train) for train, _ in one.inner))
            failing: Any = "raise"  # the stubs know numbers only
            search = GridSearchCV(estimator, grid, scoring=scoring, cv=one.inner, error_score=failing)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ConvergenceWarning)
                search.fit(x[one.train], truth[one.train, task])
            for each in caught:
                if not issubclass(each.category, ConvergenceWarning):
                    warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
                elif model != "mlp":  # whose number of epochs is part of what it is
                    unfinished += 1
            fits += len(search.cv_results_["params"]) * len(one.inner) + 1
            best = {str(key).rpartition("__")[2]: value for key, value in search.best_params_.items()}
            settings[-1].append(best)
            reached[task, fold] = search.best_score_
            if len(one.test):
                found[one.test, task] = outputs(search.best_estimator_, x[one.test], kind)
    return found, settings, reached, unfinished, fits


def _choose(reached: dict[str, Floats], kind: Kind) -> tuple[str, ...]:
    """Return the model that is best by inner scores, for each outer fold."""
    names = list(reached)
    by_fold = np.array([scores.mean(0) for scores in reached.values()])
    if kind == "classification":
        by_fold[:] = by_fold.mean(1, keepdims=True)
    return tuple(names[at] for at in by_fold.argmax(0).tolist())


def _stitch(predictions: dict[str, Floats], chosen: tuple[str, ...], numbers: NDArray[np.int64]) -> Floats:
    found = np.empty_like(predictions[chosen[0]])
    for fold, model in enumerate(chosen):
        found[numbers == fold] = predictions[model][numbers == fold]
    return found
