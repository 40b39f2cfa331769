"""Run an estimator over laws whose information is known, and say how far it is from the truth and from the floor."""

# joblib has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import json
import os
import pathlib
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from infocore.errors import DataError, InfoError
from infocore.tasks import Task

__all__ = ["Summary", "Trial", "read_trials", "run_trials", "summarise"]


@dataclasses.dataclass(frozen=True)
class Trial:
    """One estimate of one sample of one law.

    Parameters
    ----------
    task, estimator : str
    n, seed : int
    truth, floor : float
        Information of the law, and the expected absolute error of an efficient estimator at n, nats.
    oracle : float
        Mean pointwise information of this sample: what somebody who knows the law would say, nats.
    value, low, high : float or None
        Estimate and interval, nats; None where the estimator gave none or failed.
    method : str
        As the estimate names itself.
    seconds : float
        Wall time.
    error : str or None
        What it raised.
    """

    task: str
    estimator: str
    n: int
    seed: int
    truth: float
    floor: float
    oracle: float
    value: float | None
    low: float | None
    high: float | None
    method: str
    seconds: float
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Summary:
    """What many trials of one estimator say together.

    Parameters
    ----------
    trials, failed : int
    mean_absolute_error, median_absolute_error : float
        Nats.
    within : dict
        Share of trials within 0.02, 0.05 and 0.1 nats.
    floor_ratio : float
        Mean absolute error over mean floor.
    coverage, width : float or None
        Share of intervals that hold the truth, and their mean width in floors, over laws with a floor.
    seconds : float
        Median wall time.
    """

    trials: int
    failed: int
    mean_absolute_error: float
    median_absolute_error: float
    within: dict[str, float]
    floor_ratio: float
    coverage: float | None
    width: float | None
    seconds: float


def run_trials(
    estimator: Any,
    tasks: Mapping[str, Task] | Iterable[Task],
    *,
    n: int = 10_000,
    seeds: Iterable[int] = (0,),
    name: str | None = None,
    out: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    ci_level: float = 0.9,
    tell: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Estimate the information of every law, at every seed.

    Parameters
    ----------
    estimator : estimator or callable
        With ``fit_estimate(x, y, rng=, ci_level=) -> MIEstimate``, or ``f(x, y) -> float``.
    tasks : mapping or iterable of Task
        Laws, such as `infocore.tasks.BMI_V1`.
    n : int
        Sample size.
    seeds : iterable of int
        The sample of seed s is ``task.draw(n, rng=1000 + s)``; the estimator gets ``rng=s``.
    name : str, optional
        Of the estimator, in the results.
    out : path, optional
        JSON Lines file: what is there already is not run again, and each result is appended as soon as it is known, so
        that an interrupted run loses nothing.
    n_jobs : int
        joblib's; its back ends (``joblib.parallel_config``) take a run to Dask or Ray.
    ci_level : float
        Level of the intervals.
    tell : callable, optional
        Called with each trial as it ends.

    Returns
    -------
    list of Trial
        Those in `out` and the new ones, in the order of tasks and seeds.

    Examples
    --------
    >>> from infocore.estimators import GaussianMI
    >>> from infocore.tasks import task
    >>> trials = run_trials(GaussianMI(), [task("1v1-normal-0.75")], n=1000, seeds=range(3))
    >>> summarise(trials).within["0.1"]
    1.0
    """
    from joblib import Parallel, delayed

    laws = list(tasks.values()) if isinstance(tasks, Mapping) else list(tasks)
    label = name or repr(estimator)
    path = None if out is None else pathlib.Path(out)
    known = {(t.task, t.estimator, t.n, t.seed): t for t in (read_trials(path) if path and path.exists() else [])}
    wanted = [(law, seed) for seed in seeds for law in laws]
    missing = [(law, seed) for law, seed in wanted if (law.name, label, n, seed) not in known]
    work: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_one)(estimator, label, law, n, seed, ci_level) for law, seed in missing
    )
    for trial in work:
        known[trial.task, trial.estimator, trial.n, trial.seed] = trial
        if path:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dataclasses.asdict(trial)) + "\n")
        if tell:
            tell(trial)
    return [known[law.name, label, n, seed] for law, seed in wanted]


def read_trials(path: str | os.PathLike[str]) -> list[Trial]:
    """Read the trials of a JSON Lines file.

    Raises
    ------
    DataError
        If a line is not a trial.
    """
    found: list[Trial] = []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(Trial(**json.loads(line)))
        except (ValueError, TypeError) as e:
            raise DataError(f"read_trials: line {number} of {path} is no trial: {e}") from e
    return found


def summarise(trials: Iterable[Trial]) -> Summary:
    """Put trials together.

    Parameters
    ----------
    trials : iterable of Trial
        Of one estimator; those that failed are counted, and count in nothing else.

    Returns
    -------
    Summary

    Raises
    ------
    DataError
        If none succeeded.
    """
    every = list(trials)
    good = [t for t in every if t.value is not None and np.isfinite(t.value)]
    if not good:
        raise DataError(f"summarise: none of {len(every)} trials has a finite value.")
    error = np.array([abs(float(t.value or 0.0) - t.truth) for t in good])
    floor = np.array([t.floor for t in good])
    held = [t for t in good if t.low is not None and t.high is not None]
    wide = [(t.high - t.low) / t.floor for t in held if t.floor > 0 and t.high is not None and t.low is not None]
    inside = [t.low <= t.truth <= t.high for t in held if t.low is not None and t.high is not None]
    return Summary(
        trials=len(every),
        failed=len(every) - len(good),
        mean_absolute_error=float(error.mean()),
        median_absolute_error=float(np.median(error)),
        within={str(limit): float(np.mean(error <= limit)) for limit in (0.02, 0.05, 0.1)},
        floor_ratio=float(error.mean() / floor.mean()) if floor.mean() > 0 else float("nan"),
        coverage=float(np.mean(inside)) if inside else None,
        width=float(np.mean(wide)) if wide else None,
        seconds=float(np.median([t.seconds for t in good])),
    )


def _one(estimator: Any, label: str, law: Task, n: int, seed: int, ci_level: float) -> Trial:
    drawn = law.draw(n, rng=1000 + seed)
    facts = (law.name, label, n, seed, law.information, law.floor(n), float(drawn.pointwise.mean()))
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(estimator, "fit_estimate"):
                e = estimator.fit_estimate(drawn.x, drawn.y, rng=seed, ci_level=ci_level)
                value, ci, method = e.value, e.ci, e.method
            else:
                value, ci, method = float(estimator(drawn.x, drawn.y)), None, label
    except (InfoError, ValueError, RuntimeError, ArithmeticError) as e:
        return Trial(*facts, None, None, None, "", time.perf_counter() - start, repr(e))
    low, high = (None, None) if ci is None else ci
    return Trial(*facts, value, low, high, method, time.perf_counter() - start)
