"""Run an estimator over laws whose information is known, and say how far it is from the truth and from the floor."""

# joblib has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import contextlib
import dataclasses
import json
import os
import pathlib
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from infocore.errors import DataError, InfoError, ParameterError
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
    ci_level : float
        Level of the interval.
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
    ci_level: float = 0.9


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
        Mean absolute error over mean floor; NaN where every floor is zero, as of independent variables.
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
    n_jobs: int | None = None,
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
        The sample of seed s is drawn from ``default_rng([s, zlib.crc32(name)])``, so that laws with a base in common
        have samples of their own, and their errors are independent; the estimator gets ``rng=s``.
    name : str, optional
        Of the estimator, in the results; what it calls itself if not given.
    out : path, optional
        JSON Lines file: what is there already (of this name, n and level) is not run again, and each result is appended
        as soon as it is known, so that an interrupted run loses nothing. A last line that was cut off is run again.
    n_jobs : int, optional
        Workers of joblib; -1 for all cores, one if not given and joblib is not configured otherwise: inside
        ``joblib.parallel_config`` a run goes to whatever that names (processes, Dask, Ray).
    ci_level : float
        Level of the intervals.
    tell : callable, optional
        Called with each trial as it ends, here, in whatever order they end.

    Returns
    -------
    list of Trial
        Those in `out` and the new ones, all tasks at the first seed, then at the next. The same numbers whatever
        `n_jobs` is, but for the seconds.

    Raises
    ------
    DataError
        If a line of `out` is no trial, or its folder is not there.
    ParameterError
        If `out` is given without `name`, and the estimator calls itself otherwise at every start.

    Notes
    -----
    What an estimator raises of its own (`InfoError`, ValueError, RuntimeError, ArithmeticError) is kept as `error` of
    its trial and the run goes on; what says that it was called wrongly (TypeError) ends the run.

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
    label = name or getattr(estimator, "__name__", None) or repr(estimator)
    path = None if out is None else pathlib.Path(out)
    if path and (" at 0x" in label or label == "<lambda>"):
        raise ParameterError(f"run_trials: `out` needs `name`, for {label} would not be known again at the next start.")
    known = {_key(t): t for t in (_resumed(path) if path else [])}
    wanted = [(law, (law.name, label, int(n), int(seed), float(ci_level))) for seed in seeds for law in laws]
    work: Any = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_one)(estimator, law, *key[1:]) for law, key in wanted if key not in known
    )
    try:
        for trial in work:
            known[_key(trial)] = trial
            if path:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(dataclasses.asdict(trial)) + "\n")
            if tell:
                tell(trial)
    finally:
        with _QUIET:  # where a run is stopped joblib warns that it cancels what is under way
            work.close()
    return [known[key] for _, key in wanted]


def read_trials(path: str | os.PathLike[str]) -> list[Trial]:
    """Read the trials of a JSON Lines file.

    Raises
    ------
    DataError
        If a line is not a trial.
    """
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return [_parsed(line, number, path) for number, line in enumerate(lines, 1)]


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


class _Quiet:
    """No warnings while anybody is inside.

    `warnings.catch_warnings` puts back what it found: of two threads that overlap, the one that leaves last leaves the
    filter of the other behind.
    """

    def __init__(self) -> None:
        self._lock, self._inside, self._caught = threading.Lock(), 0, contextlib.ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._caught.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._caught.close()


_QUIET = _Quiet()


def _key(t: Trial) -> tuple[str, str, int, int, float]:
    return t.task, t.estimator, t.n, t.seed, t.ci_level


def _parsed(line: str, number: int, path: Any) -> Trial:
    try:
        return Trial(**json.loads(line))
    except (ValueError, TypeError) as e:
        raise DataError(f"read_trials: line {number} of {path} is no trial: {e}") from e


def _resumed(path: pathlib.Path) -> list[Trial]:
    """Trials of a file that is gone on with; a last line that an interrupted run left unfinished is cut off."""
    if not path.parent.is_dir():
        raise DataError(f"run_trials: `out` is in a folder that is not there: {path.parent}.")
    if not path.exists():
        return []
    whole, end, rest = path.read_text(encoding="utf-8").rpartition("\n")
    found = [_parsed(line, number, path) for number, line in enumerate(whole.splitlines(), 1)]
    if rest:
        # written in one piece, a line lacks its end only if the writer was stopped
        with path.open("r+b") as file:
            file.truncate(len((whole + end).encode()))
    return found


def _one(estimator: Any, law: Task, label: str, n: int, seed: int, ci_level: float) -> Trial:
    drawn = law.draw(n, rng=np.random.default_rng([seed, zlib.crc32(law.name.encode())]))
    facts = (law.name, label, n, seed, law.information, law.floor(n), float(drawn.pointwise.mean()))
    start = time.perf_counter()
    try:
        with _QUIET:
            if hasattr(estimator, "fit_estimate"):
                e = estimator.fit_estimate(drawn.x, drawn.y, rng=seed, ci_level=ci_level)
                value, ci, method = e.value, e.ci, e.method
            else:
                value, ci, method = float(estimator(drawn.x, drawn.y)), None, label
    except (InfoError, ValueError, RuntimeError, ArithmeticError) as e:
        return Trial(*facts, None, None, None, "", time.perf_counter() - start, repr(e), ci_level)
    low, high = (None, None) if ci is None else ci
    return Trial(*facts, value, low, high, method, time.perf_counter() - start, ci_level=ci_level)
