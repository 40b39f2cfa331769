"""What the paper says of linear regression, on simulated patients: claims C5 to C8 and the curve behind them.

    python benchmarks/study_warfarin.py                    # about 6 minutes on one core; prints Markdown

5,287 patients a seed, as many as the real table keeps; three quarters train, of the rest one half is the attacker's and
one half attacked; 20,000 more patients measure the error. Errors are in units of the variance of the root dose.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
import warnings

import numpy as np
from sklearn.linear_model import LinearRegression

from mid import MIDLinearRegression
from mid.attacks.attribute import (
    AttributeGame,
    Imputation,
    LearnedAttack,
    MapRegression,
    MatchRelease,
    Prior,
    Records,
    SensitiveAttribute,
)
from mid.auditing.caps import release_cap
from mid.data import WarfarinLaw
from mid.data.warfarin import GENOTYPES, design
from mid.defences import FunctionalMechanismRegression, drop_attribute, scale_attribute, shrink

OUT = pathlib.Path(__file__).parent / "results" / "warfarin.jsonl"
GENES = ["vkorc1_A/A", "vkorc1_A/G"]
N, MORE = 5287, 20_000
LAW = WarfarinLaw()


def accuracy(game: AttributeGame, attack) -> float:
    """Success of one attack."""
    return game.run(attack).accuracy


def one(seed: int) -> list[dict]:
    """Every model of one draw of patients, as lines."""
    table, dose = LAW.sample(N + MORE, rng=seed)
    X = design(table)
    cut = [0, 3 * N // 4, 7 * N // 8, N]
    train, own, fresh = (slice(a, b) for a, b in itertools.pairwise(cut))
    genes = SensitiveAttribute.of(X, GENES)
    known, attacked = Records(X[own], dose[own]), Records(X[fresh], dose[fresh])
    members = Records(X[train], dose[train])
    variance = float(np.var(dose[N:]))
    ols = LinearRegression().fit(X[train], dose[train])
    v0 = float(np.var(ols.predict(X[train])))
    truth = table["vkorc1"].to_numpy()
    best = np.array(GENOTYPES)[LAW.log_posterior(table, dose).argmax(1)]
    floor = np.array(GENOTYPES)[LAW.log_prior(table).argmax(1)]
    lines: list[dict] = []

    def line(kind: str, name: str, at: float | None, **numbers: float | None) -> None:
        lines.append({"seed": seed, "kind": kind, "name": name, "at": at, **numbers})

    line("law", "best attack with the response", None, response=float((best[N:] == truth[N:]).mean()))
    line("law", "best guess without", None, response=float((floor[N:] == truth[N:]).mean()))

    def measured(kind: str, name: str, at: float | None, model, *, more: dict | None = None) -> None:
        predict = model.predict(X[N:])
        response = AttributeGame(model, genes, known, attacked, knows="response", seed=seed)
        release = AttributeGame(model, genes, known, attacked, knows="release", seed=seed)
        inside = AttributeGame(model, genes, known, members, knows="response", seed=seed)
        line(
            kind, name, at,
            mse=float(np.mean((dose[N:] - predict) ** 2)) / variance,
            map=accuracy(response, MapRegression()),
            map_train=accuracy(inside, MapRegression()),
            map_imputation=accuracy(response, MapRegression("imputation", 100, recalibrate=True)),
            recalibrated=accuracy(response, MapRegression(recalibrate=True, queries=100)),
            learned=accuracy(response, LearnedAttack()),
            release=accuracy(release, MatchRelease(access="mean")),
            release_imputation=accuracy(release, MatchRelease("imputation", access="mean")),
            **(more or {}),
        )  # fmt: skip

    game = AttributeGame(ols, genes, known, attacked, knows="response", seed=seed)
    for name, guesser in (("prior", Prior()), ("imputation", Imputation()), ("imputation, response", Imputation(True))):
        line("guesser", name, None, response=accuracy(game, guesser))
    measured("undefended", "least squares", None, ols)
    measured("drop", "drop the attribute", None, drop_attribute(ols, X[train], dose[train], GENES))
    for factor in (0.5, 0.3, 0.1):
        scaled = scale_attribute(ols, X[train], dose[train], GENES, factor)
        measured("scale", "weights of the attribute times c", factor, scaled)
    for factor in (0.5, 0.2, 0.05):
        measured("shrink", "shrinkage", factor, shrink(ols, X[train], factor))
    for variant in ("learned_sigma", "attribute"):
        columns = GENES if variant == "attribute" else None
        for share in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9):
            model = MIDLinearRegression(
                2 * v0 * share, variant=variant, sensitive_features=columns, random_state=seed
            ).fit(X[train], dose[train])
            more = {"information": model.information_, "sigma": model.release_std_}
            if model.release_std_ > 0:
                hidden = genes.hide(X[fresh])
                cap = release_cap(model, genes, hidden, list(X.columns), queries=1, confidence=0.99)
                more |= {"leakage": cap.leakage.value, "cap": cap.advantage}
            measured(f"MID, {variant}", "MID", share, model, more=more)
    low, high = X[own].min().to_numpy(), X[own].max().to_numpy()
    high = np.where(high > low, high, low + 1.0)
    for epsilon in (1.0, 10.0, 100.0, 1000.0):
        model = FunctionalMechanismRegression(
            epsilon, (low, high), (float(dose[own].min()), float(dose[own].max())), clip=True, random_state=seed
        ).fit(X[train], dose[train])
        measured("DP", "functional mechanism", epsilon, model)
    return lines


def tables(lines: list[dict]) -> None:
    """Print the means over seeds, and the spread of the largest."""
    groups: dict[tuple, list[dict]] = {}
    for x in lines:
        groups.setdefault((x["kind"], x["name"], x["at"]), []).append(x)
    seeds = len({x["seed"] for x in lines})
    print(f"{seeds} seeds, means\n")
    for (kind, name, _), some in groups.items():
        if kind in ("law", "guesser"):
            values = [x["response"] for x in some]
            print(f"- {name}: {np.mean(values):.3f} (s.d. {np.std(values, ddof=1):.3f})")
    columns = ["mse", "map", "map_train", "recalibrated", "map_imputation", "learned", "release", "release_imputation"]
    columns += ["information", "leakage", "cap"]
    print("\n| model | at | " + " | ".join(columns) + " |")
    print("| --- | --- |" + " --- |" * len(columns))
    for (kind, _, at), some in groups.items():
        if kind in ("law", "guesser"):
            continue
        cells = []
        for c in columns:
            values = [x[c] for x in some if x.get(c) is not None and np.isfinite(x[c])]
            cells.append(f"{np.mean(values):.3f}" if values else "")
        print(f"| {kind} | {'' if at is None else f'{at:g}'} | " + " | ".join(cells) + " |")


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    OUT.parent.mkdir(exist_ok=True)
    lines = [json.loads(x) for x in OUT.read_text().splitlines()] if OUT.exists() else []
    warnings.simplefilter("ignore")
    with OUT.open("a") as file:
        for seed in range(options.seeds):
            if seed not in {x["seed"] for x in lines}:
                found = one(seed)
                lines += found
                file.writelines(json.dumps(x) + "\n" for x in found)
                file.flush()
    tables(lines)


if __name__ == "__main__":
    main()
