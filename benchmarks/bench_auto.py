"""Time of the automatic choice in 10 + 10 columns, n = 10,000, on all cores: with its critic, and without.

Appends a line of JSON a case to ``benchmarks/results/auto.jsonl``. What is loaded
when it is first used is loaded before the clock starts.
"""

import json
import os
import pathlib
import time
import warnings

import numpy as np
import torch

from infocore import mutual_information
from infocore.torch import CrossFittedMI

OUT = pathlib.Path(__file__).parent / "results" / "auto.jsonl"


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, 10_000, 10))
    CrossFittedMI(max_steps=1).fit_estimate(x[:100], noise[:100])
    mutual_information(x[:100], noise[:100], fast=True)
    for law, y in (("normal, correlation 0.6", 0.6 * x + 0.8 * noise), ("sine and noise", np.sin(2 * x) + 0.5 * noise)):
        for fast in (True, False):
            start = time.perf_counter()
            e = mutual_information(x, y, fast=fast)
            facts = {"law": law, "fast": fast, "method": e.method, "value": e.value}
            facts |= {"seconds": time.perf_counter() - start, "cores": os.cpu_count(), "load": os.getloadavg()[0]}
            line = json.dumps(facts | {"torch": torch.__version__})
            print(line, flush=True)
            with OUT.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
