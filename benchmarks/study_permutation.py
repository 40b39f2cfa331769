"""Size of the 5 % permutation test: how often independent variables are called dependent.

    python benchmarks/study_permutation.py            # some minutes on one core
    python benchmarks/study_permutation.py --pairs 50 --out /tmp/size.jsonl

One line of results/permutation.jsonl is an estimator on a law: n = 200 rows, 99 shuffles a test, so that exactly 5 % of
the p-values of a continuous statistic are at most 0.05. Lines that are in the file are not made again.
"""

import argparse
import json
import pathlib
import time
import warnings
from collections.abc import Callable

import numpy as np

from infocore import permutation_test
from infocore.estimators import KSG, DiscreteMI, GaussianCopulaMI, GaussianMI, MixedKSG

OUT = pathlib.Path(__file__).parent / "results" / "permutation.jsonl"
ROWS, SHUFFLES, LEVEL = 200, 99, 0.05
Law = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
LAWS: dict[str, Law] = {
    "normal": lambda rng: tuple(rng.standard_normal((2, ROWS))),
    "Cauchy": lambda rng: tuple(rng.standard_cauchy((2, ROWS))),
    "three classes and a number": lambda rng: (rng.integers(3, size=ROWS), rng.standard_normal(ROWS)),
    "four by four symbols": lambda rng: tuple(rng.integers(4, size=(2, ROWS))),
}
CELLS = (
    ("normal", "GaussianMI()", GaussianMI()),
    ("normal", "KSG()", KSG()),
    ("Cauchy", "GaussianMI()", GaussianMI()),
    ("Cauchy", "GaussianCopulaMI()", GaussianCopulaMI()),
    ("Cauchy", "KSG(margins='rank')", KSG(margins="rank")),
    ("three classes and a number", "MixedKSG()", MixedKSG()),
    ("four by four symbols", "DiscreteMI()", DiscreteMI()),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    lines = options.out.read_text("utf-8").splitlines() if options.out.exists() else []
    done = {(row["law"], row["estimator"]) for row in map(json.loads, lines)}
    for law, name, estimator in CELLS:
        if (law, name) in done:
            continue
        began, found = time.process_time(), 0
        for seed in range(options.pairs):
            rng = np.random.default_rng(seed)
            x, y = LAWS[law](rng)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of heavy tails: they are the point
                test = permutation_test(x, y, estimator, n=SHUFFLES, rng=rng)
            found += test.p_value <= LEVEL
        row = {"law": law, "estimator": name, "n": ROWS, "shuffles": SHUFFLES, "level": LEVEL}
        row |= {"pairs": options.pairs, "found": found, "cpu_s": round(time.process_time() - began, 1)}
        with options.out.open("a", encoding="utf-8") as out:
            print(json.dumps(row), file=out)
        print(f"{law}, {name}: {found / options.pairs:.3f}", flush=True)


if __name__ == "__main__":
    main()
