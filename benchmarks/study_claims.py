"""Claims C12, C13, C16 and C17 of docs/guide/mid-claims.md, measured on digits and on simulated rows.

One line of results/mid_claims.jsonl is one claim, one target and one seed; of C16 one budget, over 50 seeds of noise.
Runs that are in the file are not repeated. Three seeds take about three minutes of one core:

    python benchmarks/study_claims.py

- C12, C13: 800 rows of digits train a network with the bottleneck, 397 others tell its accuracy by one query, by 100
  and without noise, and the divergence that is the price.
- C16: least squares by the functional mechanism, 500 rows of three columns; errors in units of the variance of y.
- C17: the label of the one record a network was updated with, from the change of its answers to 30 probes. 500 rows
  train the network, 500 the attacker's own; the attacker learns from 200 updates of it and is tried on 100 of the
  network's. Guessing without answers means always naming the most frequent label.
"""

import argparse
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from rich.progress import track
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression

from mid.defences.functional import FunctionalMechanismRegression
from mid.torch import MIDClassifier, attacks

OUT = pathlib.Path(__file__).parent / "results" / "mid_claims.jsonl"
Job = dict[str, Any]
ACCESS: dict[str, dict[str, Any]] = {"once": {}, "50 draws": {"queries": 50}, "mean": {"access": "mean"}}


def digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits in an order of their own, in [0, 1]."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order]


def bottleneck(job: Job) -> Job:
    """C12 and C13: the price falls with beta, and queries undo the noise."""
    x, y = digits(job["seed"])
    model = MIDClassifier(beta=job["beta"], random_state=job["seed"]).fit(x[:800], y[:800])
    fresh, truth = x[1400:], y[1400:]
    ways: dict[str, dict[str, Any]] = {"once": {}, "many": {"queries": 100}, "mean": {"access": "mean"}}
    right = {f"accuracy_{k}": float((model.predict(fresh, rng=1, **how) == truth).mean()) for k, how in ways.items()}
    return right | {"divergence": float(model.information(fresh).mean())}


def functional(job: Job) -> Job:
    """C16: the error of the functional mechanism falls to that of least squares as the budget grows."""
    rng = np.random.default_rng(0)
    low, high = np.array([0.0, 10.0, -1.0]), np.array([100.0, 20.0, 1.0])
    x = rng.uniform(low, high, (500, 3))
    y = x @ np.array([0.5, -1.0, 3.0]) + 20.0 + rng.uniform(-5, 5, 500)

    def fitted(epsilon: float, seed: int) -> FunctionalMechanismRegression:
        return FunctionalMechanismRegression(epsilon, (low, high), (-20.0, 80.0), random_state=seed).fit(x, y)

    def error(model: Any) -> float:
        return float(np.mean((y - model.predict(x)) ** 2) / y.var())

    ols = LinearRegression().fit(x, y)
    found = {"least_squares": error(ols)}
    if job["epsilon"] is None:
        free = fitted(np.inf, 0)
        return found | {"error": error(free), "largest_difference": float(np.abs(free.coef_ - ols.coef_).max())}
    errors = [error(fitted(job["epsilon"], seed)) for seed in range(50)]
    return found | {"error": float(np.mean(errors)), "se": float(np.std(errors, ddof=1) / 50**0.5), "runs": 50}


def updates(job: Job) -> Job:
    """C17: how often the label of an update is told by the change of answers."""
    x, y = digits(job["seed"])

    def network(rows: slice, seed: int) -> attacks.ModuleTarget:
        module = MIDClassifier(beta=job["beta"], random_state=seed).fit(x[rows], y[rows]).module_
        return attacks.ModuleTarget(module.head, module.features)

    target, shadow = network(slice(0, 500), job["seed"]), network(slice(500, 1000), 100 + job["seed"])
    known, attacked = slice(1000, 1200), slice(1200, 1300)
    attack = attacks.UpdateLeaks(
        x_probe=x[1400:1430],
        shadow=attacks.ModuleUpdates(shadow, x[known], y[known]),
        y_shadow=y[known],
        seed=job["seed"],
        **ACCESS[job["access"]],
    )
    found = attack.run(attacks.ModuleUpdates(target, x[attacked], y[attacked], seed=1))
    guess = np.bincount(y[known]).argmax()
    needs = {"interface": attack.needs.interface, "auxiliary": attack.needs.auxiliary}
    return {
        "accuracy": float((found.labels == y[attacked]).mean()),
        "chance": float((y[attacked] == guess).mean()),
        "n": len(found.labels),
        "queries": found.queries,
        "needs": needs,
    }


CLAIMS: dict[str, Callable[[Job], Job]] = {"C12, C13": bottleneck, "C16": functional, "C17": updates}


def jobs(seeds: int) -> Iterator[Job]:
    """List the runs."""
    for epsilon in (0.1, 1.0, 10.0, 100.0, 1000.0, None):
        yield {"claim": "C16", "epsilon": epsilon}
    for seed in range(seeds):
        for beta in (0.0, 1e-3, 1e-2, 1e-1):
            yield {"claim": "C12, C13", "seed": seed, "beta": beta}
        for beta in (None, 1e-3):
            for access in ACCESS if beta is not None else ("once",):
                yield {"claim": "C17", "seed": seed, "beta": beta, "access": access}


def key(row: Job) -> str:
    """Return what tells one run from another."""
    return json.dumps([row.get(k) for k in ("claim", "seed", "beta", "access", "epsilon")])


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--claims", nargs="*", default=list(CLAIMS), choices=list(CLAIMS))
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    done = {key(json.loads(line)) for line in options.out.read_text().splitlines()} if options.out.exists() else set()
    todo = [job for job in jobs(options.seeds) if job["claim"] in options.claims and key(job) not in done]
    with options.out.open("a") as out:
        for job in track(todo, "claims"):
            start = time.process_time()
            found = CLAIMS[job["claim"]](job)
            out.write(json.dumps({**job, "cpu_seconds": round(time.process_time() - start, 2), **found}) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
