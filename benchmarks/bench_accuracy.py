"""Accuracy and coverage of the automatic choice on laws of known information.

    python benchmarks/bench_accuracy.py --laws bmi --n 10000 --seeds 0 1 2 --jobs 2
    python benchmarks/bench_accuracy.py --laws shuffled --n 10000 --seeds 0 --jobs 2

"shuffled" are the laws of "bmi" with the rows of y in random order: independent, with margins as they were. Appends
to benchmarks/results/accuracy.jsonl, skips what is there, and prints a table by family.
"""

import argparse
import dataclasses
import pathlib
import sys

import numpy as np

from infocore.estimators import AutoMI
from infocore.tasks import BMI_V1, MORE, Task
from infocore.trials import run_trials, summarise

OUT = pathlib.Path(__file__).parent / "results" / "accuracy.jsonl"
GROUPS = {
    "all": lambda _: True,
    "spirals": lambda name: name.startswith("spiral"),
    "Student": lambda name: "student-identity" in name,
    "dense 50+50": lambda name: name == "multinormal-dense-50-50-0.5",
}


def shuffled(law: Task) -> Task:
    """Return the law with x and y independent."""

    def drawn(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y, _ = law.law(n, rng)
        return x, y[rng.permutation(n)], np.zeros(n)

    return dataclasses.replace(law, name=f"shuffled-{law.name}", information=0.0, spread=0.0, law=drawn)


LAWS = {"bmi": BMI_V1, "more": MORE, "shuffled": {name: shuffled(law) for name, law in BMI_V1.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laws", choices=list(LAWS), default="bmi")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fast", action="store_true", help="no trained critic")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    trials = run_trials(
        AutoMI(fast=args.fast, workers=1 if args.jobs > 1 else -1),
        LAWS[args.laws],
        n=args.n,
        seeds=args.seeds,
        name="auto-fast" if args.fast else "auto",
        out=args.out,
        n_jobs=args.jobs,
        tell=lambda t: print(f"{t.task} seed {t.seed}: {t.value} of {t.truth:.4f}, {t.seconds:.0f} s", file=sys.stderr),
    )
    print(f"{args.laws}, n = {args.n}, seeds {args.seeds}")
    print("group        trials     MAE  median  <.05 x floor  cover  width     s")
    for group, belongs in GROUPS.items():
        chosen = [t for t in trials if belongs(t.task)]
        if chosen:
            s = summarise(chosen)
            print(
                f"{group:12} {s.trials:6d} {s.mean_absolute_error:7.4f} {s.median_absolute_error:7.4f} "
                f"{s.within['0.05']:5.2f} {s.floor_ratio:7.2f} {s.coverage:6.2f} "
                f"{s.width or float('nan'):6.1f} {s.seconds:5.1f}"
            )
    above = [t for t in trials if t.low is not None and t.low > 0]
    if args.laws == "shuffled":
        print(f"intervals above zero: {len(above)} of {len(trials)}")
    for t in trials:
        if t.value is None or abs(t.value - t.truth) > 0.05:
            print(f"  {t.task} seed {t.seed}: {t.value} of {t.truth:.4f} by {t.method} {t.error or ''}")


if __name__ == "__main__":
    main()
