"""Attribute attacks on classifiers whose true label is known: which of them breaks what, three seeds each.

    INFOLEARN_DATA=... python benchmarks/study_attributes.py     # about 2 minutes on one core; goes on where it was

An attack breaks a target if it beats every guesser that has no model, the one that knows the response among them, on
the same records (exact paired test, 5 % over the attacks of a target by Holm). Targets, all trees without a defence:

- cells: 200 regions, each with a secret bit; the label is that bit, turned round where the attribute (35 %) is there,
  with one label in ten wrong. 20,000 records train, the attacker has 400, and 2,000 fresh ones are attacked. What the
  attribute does cannot be learned from two records a region, and the tree learned it.
- the same without the attribute: no attack can break it.
- patients, grown to the end: terciles of the simulated dose; records that it was trained on are attacked.
- patients, depth 8: fresh records, where the label tells a guesser as much as any model does.
- Adult, grown to the end: married or not, without the column that says it as well; records that it was trained on.
- steak survey, grown to the end: who cheated on a partner; records that it was trained on.
"""

import argparse
import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from mid_peers import timed
from result_files import RESULTS, read
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from mid.attacks.attribute import (
    CSMIA,
    LOMIA,
    AttributeGame,
    ConfidenceMAP,
    ConfusionMAP,
    Imputation,
    Prior,
    Records,
    SensitiveAttribute,
    WhiteBoxCounts,
)
from mid.auditing.advantage import holm, paired_advantage
from mid.data import WarfarinLaw, load_adult, load_steak
from mid.defences import drop_attribute
from mid.defences.encoding import encoder_for

DATA = pathlib.Path(os.environ.get("INFOLEARN_DATA", pathlib.Path.home() / ".cache" / "infolearn"))
OUT = RESULTS / "attributes.jsonl"
ATTACKS = (
    ConfusionMAP(),
    ConfusionMAP("imputation"),
    ConfidenceMAP(),
    ConfidenceMAP("imputation"),
    WhiteBoxCounts(),
    WhiteBoxCounts("imputation"),
    CSMIA(),
    LOMIA(),
)
GUESSERS = (Prior(), Imputation(), Imputation(response=True))
AVERAGE = Imputation(response=True, answers=True)


@dataclasses.dataclass(frozen=True)
class Target:
    """A fitted tree and the records of its game."""

    model: Any
    column: str
    known: Records
    attacked: Records


def tree(X: Any, y: np.ndarray, seed: int, **limits: Any) -> Any:
    """Grow a tree on an encoded table."""
    return make_pipeline(encoder_for(X), DecisionTreeClassifier(random_state=seed, **limits)).fit(X, y)


def cells(seed: int, *, dropped: bool = False) -> Target:
    """What the attribute does differs from region to region."""
    rng = np.random.default_rng(seed)
    n = 22_400
    X = pd.DataFrame({"s": (rng.random(n) < 0.35).astype(int), "region": rng.integers(0, 200, n)})
    y = rng.integers(0, 2, 200)[X["region"]] ^ X["s"].to_numpy() ^ (rng.random(n) < 0.1)
    model = tree(X[:20_000], y[:20_000], seed)
    if dropped:
        model = drop_attribute(model, X[:20_000], y[:20_000], "s")
    return Target(model, "s", Records(X[20_000:20_400], y[20_000:20_400]), Records(X[20_400:], y[20_400:]))


def patients(seed: int, *, members: bool) -> Target:
    """Terciles of the dose; the genotype is attacked."""
    table, dose = WarfarinLaw().sample(7000, rng=seed)
    y = np.searchsorted(np.quantile(dose, [1 / 3, 2 / 3]), dose)
    limits = {} if members else {"max_depth": 8, "min_samples_leaf": 5}
    model = tree(table[:3000], y[:3000], seed, **limits)
    part = slice(0, 2000) if members else slice(5000, 7000)
    return Target(model, "vkorc1", Records(table[3000:5000], y[3000:5000]), Records(table[part], y[part]))


def adult(seed: int) -> Target:
    """Income; married or not, without the relationship, which says it."""
    table, income = load_adult(DATA / "adult" / "adult.data")
    married = table["marital_status"].str.startswith("Married").map({True: "yes", False: "no"})
    X = table.drop(columns=["marital_status", "relationship", "fnlwgt"]).assign(married=married)
    order = np.random.default_rng(seed).permutation(len(X))
    mine, own = order[:20_000], order[20_000:22_000]
    model = tree(X.iloc[mine], income[mine], seed)
    some = mine[:2000]
    return Target(model, "married", Records(X.iloc[own], income[own]), Records(X.iloc[some], income[some]))


def steak(seed: int) -> Target:
    """How they like it; who cheated on a partner is attacked."""
    X, y = load_steak(DATA / "steak-risk-survey.csv")
    order = np.random.default_rng(seed).permutation(len(X))
    mine, own = order[:230], order[230:]
    model = tree(X.iloc[mine], y[mine], seed)
    return Target(model, "cheated", Records(X.iloc[own], y[own]), Records(X.iloc[mine], y[mine]))


TARGETS: dict[str, Callable[[int], Target]] = {
    "cells": cells,
    "cells, without the attribute": lambda seed: cells(seed, dropped=True),
    "patients, grown to the end, training records": lambda seed: patients(seed, members=True),
    "patients, depth 8, fresh records": lambda seed: patients(seed, members=False),
    "Adult, grown to the end, training records": adult,
    "steak survey, grown to the end, training records": steak,
}


def played(name: str, seed: int) -> Iterator[dict[str, Any]]:
    """Play every guesser and attack on one target of one seed."""
    target = TARGETS[name](seed)
    both = pd.concat([target.known.X, target.attacked.X])
    attribute = SensitiveAttribute.of(both, target.column)
    game = AttributeGame(target.model, attribute, target.known, target.attacked, seed=seed)
    guesses = [game.run(guesser) for guesser in GUESSERS]
    best = max(guesses, key=lambda r: r.accuracy)
    average = game.run(AVERAGE)
    lines: list[dict[str, Any]] = []
    for attack in ATTACKS:
        if isinstance(attack, WhiteBoxCounts) and not WhiteBoxCounts.can_read(game.view):
            continue
        result, seconds = timed(lambda attack=attack: game.run(attack))
        over = [paired_advantage(result.wins, g.wins, attack=result.name, baseline=g.name, rng=seed) for g in guesses]
        least = min(over, key=lambda a: a.value)
        lines.append(
            {
                "target": name,
                "seed": seed,
                "attack": result.name,
                "interface": result.needs.interface,
                "auxiliary": result.needs.auxiliary,
                "n": result.n,
                "known": len(target.known),
                "accuracy": result.accuracy,
                "balanced_accuracy": result.balanced_accuracy,
                "guesser": best.name,
                "guesser_accuracy": best.accuracy,
                "average_accuracy": average.accuracy,
                "gain": least.value,
                "ci": list(least.ci),
                "p": max(a.p_value or 0.0 for a in over),
                "queries": result.queries,
                "cpu_s": round(seconds, 3),
            }
        )
    for line, p in zip(lines, holm([line["p"] for line in lines]), strict=True):
        yield line | {"p_holm": p}


def main() -> None:
    """Run what is missing, then print one line an attack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    options = parser.parse_args()
    done = {(line["target"], line["seed"]) for line in read("attributes")}
    for name in options.targets:
        for seed in range(options.seeds):
            if (name, seed) in done:
                continue
            lines = list(played(name, seed))
            with OUT.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
    for line in read("attributes"):
        print(
            f"{line['target']:50} {line['seed']} {line['attack']:42} {line['accuracy']:6.1%} "
            f"{100 * line['gain']:+6.1f} points over {line['guesser']} (p = {line['p_holm']:.2g})"
        )


if __name__ == "__main__":
    main()
