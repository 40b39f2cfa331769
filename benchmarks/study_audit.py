"""Do the audit's intervals cover, and does it stay silent where there is nothing? Simulated audits, one line each.

    python benchmarks/study_audit.py --audits 500          # about 25 minutes on one core; goes on where it was

Each audit draws patients, fits least squares on 400 of them, gives the attacker 400 and attacks 400. Mode "law": the
truth of every advantage comes from 6,000 more patients, guessed by the same fitted attacks; a line holds which of the
95 % intervals held it. Mode "permuted": the genotype is shuffled before anything else, so that it says nothing and
nothing says it; a line holds whether the verdict is "nothing beyond population inference".
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import warnings

import numpy as np
from sklearn.linear_model import LinearRegression

from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.auditing.played import correct, play
from mid.auditing.suite import facts_of
from mid.auditing.verdict import verdict_of
from mid.data import WarfarinLaw
from mid.data.warfarin import design

OUT = pathlib.Path(__file__).parent / "results" / "audits.jsonl"
GENES = ["vkorc1_A/A", "vkorc1_A/G"]
TRAIN, KNOWN, ATTACKED, POPULATION = 400, 400, 400, 6000


def one(mode: str, seed: int) -> dict:
    """Run one simulated audit."""
    more = POPULATION if mode == "law" else 0
    table, dose = WarfarinLaw().sample(TRAIN + KNOWN + ATTACKED + more, rng=[seed, mode == "law"])
    if mode == "permuted":
        table = table.assign(vkorc1=np.random.default_rng([seed, 5]).permutation(table["vkorc1"]))
    X = design(table)
    model = LinearRegression().fit(X[:TRAIN], dose[:TRAIN])
    genes = SensitiveAttribute.of(X, GENES)
    cut = [TRAIN, TRAIN + KNOWN, TRAIN + KNOWN + ATTACKED]
    known, attacked = (Records(X[a:b], dose[a:b]) for a, b in itertools.pairwise(cut))

    def played(records: Records):
        game = AttributeGame(model, genes, known, records, knows="response", seed=seed)
        return play(game, facts_of(game.view), np.ones(len(records), bool), ci_level=0.95, seed=seed)

    raw = played(attacked)
    (game,) = correct([raw], ci_level=0.95, seed=seed)
    facts = facts_of(AttributeGame(model, genes, known, attacked, seed=seed).view)
    verdict = verdict_of(game, genes, facts, ci_level=0.95)
    line = {"mode": mode, "seed": seed, "silent": not verdict.beyond_population, "p": verdict.p_holm}
    if mode == "law":
        truth = played(Records(X[cut[2] :], dose[cut[2] :]))
        pairs = [
            (a.value, a.ci, t.value)
            for row, true in zip(game.attacks, truth.attacks, strict=True)
            for a, t in zip(row.over, true.over, strict=True)
        ]
        line["held"] = [bool(ci[0] <= t <= ci[1]) for _, ci, t in pairs]
        line["width"] = [ci[1] - ci[0] for _, ci, _ in pairs]
        line["names"] = [f"{r.result.name} over {a.baseline}" for r in game.attacks for a in r.over]
    return line


def summary(lines: list[dict]) -> None:
    """Print coverage by comparison, and how often the verdict was silent."""
    law = [x for x in lines if x["mode"] == "law"]
    if law:
        held = np.array([x["held"] for x in law])
        width = np.array([x["width"] for x in law])
        print(f"{len(law)} audits of the law; intervals of 95 % that held the truth: {held.mean():.3f}")
        for j, name in enumerate(law[0]["names"]):
            print(f"  {held[:, j].mean():.3f}  mean width {100 * width[:, j].mean():.1f} points  {name}")
    for mode in ("law", "permuted"):
        some = [x["silent"] for x in lines if x["mode"] == mode]
        if some:
            print(f"{mode}: 'nothing beyond population inference' in {np.mean(some):.3f} of {len(some)}")


def main() -> None:
    """Run what is missing, then print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=500)
    parser.add_argument("--summary", action="store_true", help="only print what there is")
    options = parser.parse_args()
    OUT.parent.mkdir(exist_ok=True)
    lines = [json.loads(x) for x in OUT.read_text().splitlines()] if OUT.exists() else []
    done = {(x["mode"], x["seed"]) for x in lines}
    if not options.summary:
        warnings.simplefilter("ignore")
        with OUT.open("a") as file:
            for seed in range(options.audits):
                for mode in ("permuted", "law"):
                    if (mode, seed) not in done:
                        lines.append(one(mode, seed))
                        file.write(json.dumps(lines[-1]) + "\n")
                        file.flush()
    summary(lines)


if __name__ == "__main__":
    main()
