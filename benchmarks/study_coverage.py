"""How often nominal 90 % intervals cover, by estimator, law and n: 200 samples each.

    python benchmarks/study_coverage.py            # what is not yet in benchmarks/results/coverage.jsonl
    python benchmarks/study_coverage.py --only automi --again

Each cell is appended as soon as it is known, so that an interrupted run loses one. The rules for the standard errors
were chosen on seeds below 1000; these samples have the seeds from 1000 on. About ten minutes on one core.
`python benchmarks/tables.py` puts the results into docs/guide/infocore-coverage.md.
"""

import argparse
import dataclasses
import datetime
import json
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import lfilter

import infocore
from infocore.errors import InfoError
from infocore.estimators import (
    KSG,
    LNC,
    AutoMI,
    DiscreteMI,
    GaussianCopulaMI,
    GaussianMI,
    HistogramMI,
    KozachenkoLeonenkoMI,
    MixedKSG,
    RossMI,
    TCopulaMI,
)
from infocore.intervals import stationary_bootstrap_interval, subsampling_interval
from infocore.tasks import task
from infocore.testing import coverage

OUT = pathlib.Path(__file__).parent / "results" / "coverage.jsonl"
SIZES = (1000, 300)
SEEDS, FIRST = 200, 1000
LEVEL = 0.9

# A law of n rows: from a generator to x and y.
Law = Callable[[int, np.random.Generator], tuple[Any, Any]]


def normal(rho: float, d: int = 1, step: float = 0.0) -> tuple[Law, float]:
    def law(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x, e = rng.standard_normal((2, n, d))
        y = rho * x + math.sqrt(1 - rho**2) * e
        # rounding to a tenth loses less than 0.001 nats, by quadrature
        return (np.round(x / step) * step, np.round(y / step) * step) if step else (x, y)

    return law, -0.5 * d * math.log(1 - rho**2)


def uniform(noise: float) -> tuple[Law, float]:  # y = x + U(-noise, noise), x in [0, 1]
    def law(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x = rng.random(n)
        return x, x + rng.uniform(-noise, noise, n)

    return law, noise - math.log(2 * noise)


def known(name: str) -> tuple[Law, float]:
    found = task(name)
    return (lambda n, rng: found.sample(n, rng=rng)), found.information


def classes() -> tuple[Law, float]:  # x one of four classes, y = N(x, 1)
    def law(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x = rng.integers(0, 4, n)
        return np.array(list("abcd"))[x], x + rng.standard_normal(n)

    t = np.linspace(-9, 12, 200_001)
    p = np.exp(-0.5 * (t[:, None] - np.arange(4)) ** 2).mean(1) / math.sqrt(2 * math.pi)
    return law, float(-(p * np.log(p)).sum() * (t[1] - t[0])) - 0.5 * math.log(2 * math.pi * math.e)


def table(k: int, share: float) -> tuple[Law, float]:  # y = x with probability 1 - share, else any of k symbols
    def law(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        x, other = rng.integers(0, k, (2, n))
        # text, so that however many symbols there are they are counted and not taken for rounded numbers
        return x.astype(str), np.where(rng.random(n) < share, other, x).astype(str)

    joint = (1 - share) * np.eye(k) / k + share / k**2
    return law, float((joint * np.log(k * k * joint)).sum())


def series(rho: float, phi: float) -> tuple[Law, float]:  # two autoregressive series, normal with correlation rho
    def law(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        noise = rng.standard_normal((2, n + 200)) * math.sqrt(1 - phi**2)
        x, e = lfilter([1.0], [1.0, -phi], noise)[:, 200:]
        return x, rho * x + math.sqrt(1 - rho**2) * e

    return law, -0.5 * math.log(1 - rho**2)


class Blocks:
    """An estimator told that blocks of root n rows are independent, and no less."""

    name = "blocks"

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit_estimate(self, x: Any, y: Any, rng: int, ci_level: float) -> Any:
        return self.estimator.fit_estimate(x, y, rng=rng, ci_level=ci_level, blocks=round(math.sqrt(len(x))))


class Resampled:
    """An estimator with the interval of a resampling method that keeps neighbouring rows together."""

    def __init__(self, name: str, estimator: Any, interval: Callable[..., Any], **settings: Any) -> None:
        self.name, self.estimator, self.interval, self.settings = name, estimator, interval, settings

    def fit_estimate(self, x: Any, y: Any, rng: int, ci_level: float) -> Any:
        return self.interval(x, y, self.estimator, ci_level=ci_level, rng=rng, repetitions=100, **self.settings)


def short(estimator: Any) -> str:
    """Return a constructor with those settings only that are not the default."""
    if isinstance(estimator, Blocks | Resampled):
        return f"{short(estimator.estimator)}, {estimator.name}"
    settings = [
        f"{field.name}={getattr(estimator, field.name)!r}"
        for field in dataclasses.fields(estimator)
        if getattr(estimator, field.name) != field.default
    ]
    return f"{type(estimator).__name__}({', '.join(settings)})"


AUTO = AutoMI(fast=True)
PARAMETRIC = [GaussianMI(), GaussianCopulaMI(), TCopulaMI()]
NUMBERS = [*PARAMETRIC, KSG(), KSG(extrapolate="k"), LNC(), KozachenkoLeonenkoMI(), HistogramMI(), AUTO]
CODES = [DiscreteMI(), DiscreteMI("none"), DiscreteMI("miller-madow"), DiscreteMI("nsb"), MixedKSG(), AUTO]
SERIES = [
    each for one in (GaussianMI(), GaussianCopulaMI(), TCopulaMI(), KSG(), AUTO) for each in (one, Blocks(one))
] + [
    Resampled("stationary bootstrap", GaussianMI(), stationary_bootstrap_interval),
    Resampled("windows", KSG(), subsampling_interval, consecutive=True),
    *(each for one in (KSG(theiler=10),) for each in (one, Blocks(one))),
]
RUNS: dict[str, tuple[tuple[Law, float], list[Any]]] = {
    "normal, correlation 0": (normal(0.0), NUMBERS),
    "normal, correlation 0.6": (normal(0.6), NUMBERS),
    "normal, correlation 0.9": (normal(0.9), NUMBERS),
    "x plus uniform noise of 0.1": (uniform(0.1), NUMBERS),
    "normal in 3 + 3 columns, correlation 0.6": (normal(0.6, d=3), NUMBERS),
    "normal in 5 + 5 columns, correlation 0.6": (normal(0.6, d=5), NUMBERS),
    "Student, 1 degree of freedom, no correlation": (known("student-identity-1-1-1"), NUMBERS),
    "Swiss roll in 2 + 1 columns": (known("swissroll_x-normal_cdf-1v1-normal-0.75"), NUMBERS),
    "normal rounded to 0.1, correlation 0.6": (
        normal(0.6, step=0.1),
        [*PARAMETRIC, KSG(), MixedKSG(), HistogramMI(), AUTO],
    ),
    "four classes and a number": (classes(), [MixedKSG(), RossMI(), HistogramMI(), AUTO]),
    "4 symbols, half of them kept": (table(4, 0.5), CODES),
    "4 symbols, independent": (table(4, 1.0), CODES),
    "20 symbols, half of them kept": (table(20, 0.5), CODES),
    "100 symbols, half of them kept": (table(100, 0.5), CODES),
    "autoregressive 0.8, correlation 0.6": (series(0.6, 0.8), SERIES),
    "autoregressive 0.9, correlation 0.6": (series(0.6, 0.9), SERIES),
    "autoregressive 0.8, independent": (series(0.0, 0.8), SERIES),
}


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file, none if there is no file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def measure(name: str, n: int, estimator: Any) -> dict[str, Any]:
    """Return one cell: bias, spread, mean standard error and coverage, or why the estimator refuses."""
    (law, truth), start = RUNS[name][0], time.perf_counter()
    try:
        found: dict[str, Any] = coverage(
            estimator, lambda rng: law(n, rng), truth, repetitions=SEEDS, first_seed=FIRST, ci_level=LEVEL
        )
    except InfoError as e:
        found = {"refused": str(e)}
    return {
        "law": name,
        "n": n,
        "estimator": short(estimator),
        "truth": truth,
        **found,
        "seeds": [FIRST, FIRST + SEEDS],
        "level": LEVEL,
        "seconds": round(time.perf_counter() - start, 1),
        "version": infocore.__version__,
        "date": datetime.date.today().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="text that the estimator's name holds, in any case")
    parser.add_argument("--without", default="\0", help="text that it does not hold")
    parser.add_argument("--law", default="", help="text that the law's name holds")
    parser.add_argument("--again", action="store_true", help="measure these cells anew")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    wanted = [
        (name, n, estimator)
        for n in SIZES
        for name, (_, estimators) in RUNS.items()
        if args.law in name
        for estimator in estimators
        if args.only.lower() in short(estimator).lower() and args.without.lower() not in short(estimator).lower()
    ]
    rows = read(args.out)
    if args.again:
        cells = {(name, n, short(estimator)) for name, n, estimator in wanted}
        rows = [row for row in rows if (row["law"], row["n"], row["estimator"]) not in cells]
        args.out.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    there = {(row["law"], row["n"], row["estimator"]) for row in rows}
    for name, n, estimator in wanted:
        if (name, n, short(estimator)) in there:
            continue
        row = measure(name, n, estimator)
        with args.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        said = row.get("refused") or f"bias {row['bias']:+.4f}, coverage {row['coverage']:.3f}"
        print(f"{name}, n = {n}, {short(estimator)}: {said}, {row['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
