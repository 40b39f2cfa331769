"""Discrete mutual information against a bare bincount and other libraries, and how often what it says is right.

`python benchmarks/bench_discrete.py --json >> benchmarks/results/discrete.jsonl`
"""

import importlib.util
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from compare import arguments, in_turn, report

from infocore.discrete import discrete_mutual_information, entropy, nsb_entropy
from infocore.estimators import DiscreteMI
from infocore.testing import coverage

CORRECTIONS = ("none", "miller-madow", "grassberger", "chao-shen", "chao-wang-jost", "james-stein", "nsb")


def pair(n: int, symbols: int, law: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x of a Zipf or uniform law, and y, which is x in 70 % of the rows or independent."""
    rng = np.random.default_rng(symbols)
    p = 1.0 / np.arange(1, symbols + 1) if law == "zipf" else np.ones(symbols)
    x = rng.choice(symbols, n, p=p / p.sum())
    other = rng.integers(0, symbols, n)
    return x, np.where(rng.random(n) < 0.3, other, x) if law == "zipf" else other


def peers() -> dict[str, Callable[[Any, Any], Any]]:
    """Return what is installed."""
    found: dict[str, Callable[[Any, Any], Any]] = {}
    if importlib.util.find_spec("sklearn"):
        from sklearn.metrics import mutual_info_score

        found["scikit-learn mutual_info_score"] = mutual_info_score
    if importlib.util.find_spec("infomeasure"):
        import infomeasure

        found["infomeasure"] = lambda x, y: infomeasure.mutual_information(x, y, approach="discrete")
    return found


def speed(repeats: int, *, as_json: bool) -> None:
    """Time integer codes, n = 10^6."""
    for symbols in (16, 1000):
        for law in ("zipf", "uniform"):
            x, y = pair(10**6, symbols, law)
            runs: dict[str, Callable[[], object]] = {
                "bincount of x * K + y": lambda x=x, y=y, k=symbols: np.bincount(x * k + y, minlength=k * k),
                "discrete_mutual_information": lambda x=x, y=y: discrete_mutual_information(x, y),
                "same, miller-madow": lambda x=x, y=y: discrete_mutual_information(x, y, "miller-madow"),
                "same, chao-wang-jost": lambda x=x, y=y: discrete_mutual_information(x, y, "chao-wang-jost"),
                'DiscreteMI("none").estimate': lambda x=x, y=y: DiscreteMI("none").estimate(x, y),
                "DiscreteMI().estimate": lambda x=x, y=y: DiscreteMI().estimate(x, y),
            }
            runs |= {name: lambda x=x, y=y, f=f: f(x, y) for name, f in peers().items()}
            values = ", ".join(f"{float(f(x, y)):.6f}" for f in [discrete_mutual_information, *peers().values()])
            report(
                f"discrete MI, n = 10^6, {symbols} symbols, {law}: {values} nats",
                in_turn(runs, repeats),
                as_json=as_json,
            )


def accuracy(repetitions: int, *, as_json: bool) -> None:
    """Measure the error of entropy on an undersampled Zipf law, and of information with about one row a cell."""
    p = 1.0 / np.arange(1, 1001)
    p /= p.sum()
    truth = -float(p @ np.log(p))
    for n in (500, 1000):
        errors: dict[str, list[float]] = {name: [] for name in CORRECTIONS}
        inside = 0
        for seed in range(repetitions):
            counts = np.random.default_rng(seed).multinomial(n, p)
            for name in CORRECTIONS:
                alphabet = 1000 if name in ("james-stein", "nsb") else None
                errors[name].append(entropy(counts, name, alphabet=alphabet) - truth)
            posterior = nsb_entropy(counts, alphabet=1000)
            inside += abs(posterior.mean - truth) < 1.645 * posterior.standard_deviation
        rows = {
            name: {"bias": float(np.mean(e)), "sd": float(np.std(e)), "mae": float(np.mean(np.abs(e)))}
            for name, e in errors.items()
        }
        rows["nsb"]["coverage"] = inside / repetitions
        show(f"entropy, Zipf law on 1000 symbols, n = {n}, {repetitions} seeds, nats", rows, as_json=as_json)
    for title, k, kept, n in (
        ("4 symbols, half kept", 4, 0.5, 1000),
        ("4 symbols, independent", 4, 0.0, 1000),
        ("20 symbols, half kept", 20, 0.5, 1000),
        ("20 symbols, independent", 20, 0.0, 1000),
        ("100 symbols, independent", 100, 0.0, 2000),
    ):
        joint = kept * np.eye(k) / k + (1 - kept) / k**2

        def law(rng: np.random.Generator, k: int = k, kept: float = kept, n: int = n) -> tuple[Any, Any]:
            x, other = rng.integers(0, k, (2, n))
            y = np.where(rng.random(n) < kept, x, other)
            return x.astype(str), y.astype(str)  # text is discrete whatever its alphabet

        information = float((joint * np.log(k * k * joint)).sum())
        rows = {
            name: coverage(DiscreteMI(name), law, information, repetitions=repetitions, first_seed=1000)
            for name in CORRECTIONS
        }
        show(f"MI, {title}, n = {n}, truth {information:.4f}, {repetitions} seeds, nats", rows, as_json=as_json)


def show(title: str, rows: dict[str, dict[str, float]], *, as_json: bool) -> None:
    """Print errors as a table, or as one line of JSON."""
    if as_json:
        print(json.dumps({"title": title, "rows": rows, "numpy": np.__version__}))
        return
    print(f"\n{title}")
    for name, row in rows.items():
        print(f"{name:20s}" + "".join(f" {key} {value:+9.4f}" for key, value in row.items() if math.isfinite(value)))


if __name__ == "__main__":
    options = arguments(__doc__)
    speed(options.repeats, as_json=options.json)
    accuracy(100, as_json=options.json)
