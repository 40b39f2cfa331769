"""Attribute attacks on many records: CPU seconds of each attack of the audit's suite, one thread.

    python benchmarks/bench_mid_scale.py --json > benchmarks/results/mid_scale.jsonl

Simulated patients: 3,000 train the target, 2,000 are the attacker's own, 100,000 are attacked, whose genotype is
guessed among three. Everything that an attack does is in its time: learning from its own records, asking, guessing.
One target is a linear regression that answers with the dose, one a tree of depth 8 that answers with probabilities of
the dose's terciles.
"""

import argparse
import functools
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_mid_attacks import pipeline
from mid_peers import Row, timed
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.auditing.suite import attacks_for, baselines_for, facts_of
from mid.data import WarfarinLaw


def targets(n: int) -> Iterator[tuple[str, Callable[[], AttributeGame]]]:
    """Yield the name of a fitted target, and what starts a game on it."""
    table, dose = WarfarinLaw().sample(5000 + n, rng=0)
    attribute = SensitiveAttribute.of(table, "vkorc1")
    terciles = np.searchsorted(np.quantile(dose, [1 / 3, 2 / 3]), dose)
    tree = DecisionTreeClassifier(max_depth=8, min_samples_leaf=5, random_state=0)
    learners: tuple[tuple[str, Any, Any, Any], ...] = (
        ("linear regression", LinearRegression(), dose, "values"),
        ("tree", tree, terciles, "probabilities"),
    )
    for name, learner, y, output in learners:
        model = pipeline(learner, table).fit(table[:3000], y[:3000])
        known, attacked = Records(table[3000:5000], y[3000:5000]), Records(table[5000:], y[5000:])
        yield (
            name,
            functools.partial(
                AttributeGame, model, attribute, known, attacked, knows="both", released_output=output, seed=0
            ),
        )


def played(n: int) -> Iterator[Row]:
    """Play each attack once, in a game of its own."""
    for name, game in targets(n):
        view = game().view
        for attack in (*baselines_for(view), *attacks_for(view, facts_of(view))):
            result, seconds = timed(lambda attack=attack, game=game: game().run(attack))
            yield {
                "target": name,
                "attack": attack.name,
                "n": result.n,
                "queries": result.queries,
                "cpu_s": round(seconds, 3),
                "accuracy": result.accuracy,
            }


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000, help="records attacked (default 100,000)")
    parser.add_argument("--json", action="store_true", help="one line of JSON an attack")
    options = parser.parse_args()
    for row in played(options.records):
        said = f"{row['target']:18} {row['attack']:52} {row['queries']:9,} {row['cpu_s']:8.2f} s"
        print(json.dumps(row) if options.json else said, flush=True)


if __name__ == "__main__":
    main()
