"""Measured properties predicted from the shipped molecule model, beside Morgan counts, descriptors and the mean.

One line of results/molecule_properties.jsonl is one property, one way to split and one regressor, for all features on
the same molecules and folds: scores with intervals over molecules, differences of pairs of features by the paired
bootstrap, and for a regression the modelability ratio (squared error of Morgan counts over that of other features).
Lines that are in the file are not made again, so the study can be stopped at any time.

    python benchmarks/study_properties.py --minutes 40              # ridge for every set, then the other regressors
    python benchmarks/study_properties.py --limit 0                 # all molecules of the sets: many hours on one core
    python benchmarks/study_properties.py --sets freesolv --models ridge --splits random --out /tmp/properties.jsonl

Said before any result: of a property that was measured for more molecules than `--limit`, so many are drawn by seed 0,
the same for all features, splits and regressors; of Tox21 the first three assays in the order of its file. A molecule
that the model does not read (more than 127 tokens) is left out for all features, and counted. Five outer and four
inner folds by seed 0; molecules of one parent structure are in one fold. Embeddings of the same network untrained stand
beside those of the shipped one: what is no better than they are was not learned.

Molecules can still be in two folds that are equal but for the tautomer. A line says how many have such a twin in
another fold, by a hash of RDKit, and the scores without them.
"""

import argparse
import functools
import json
import os
import pathlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from bench_molecules import untrained
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolHash
from sklearn.metrics import roc_auc_score

from cmim.molecules.chemistry import canonical
from cmim.molecules.properties.datasets import PropertySet, property_set
from cmim.molecules.properties.descriptors import morgan_counts, rdkit_descriptors
from cmim.molecules.properties.prediction import PropertyScores, evaluate_properties
from cmim.molecules.properties.splits import parents, random_folds, scaffold_folds
from cmim.molecules.shipped import pretrained
from infocore.result import plain

OUT = pathlib.Path(__file__).parent / "results" / "molecule_properties.jsonl"
TASKS = {"esol": 1, "freesolv": 1, "lipophilicity": 1, "b3db": 1, "tox21": 3}
MODELS = ("ridge", "svr", "mlp", "forest")
SPLITS = ("random", "scaffold")
FOLDS, INNER, SEED, LEVEL, RESAMPLES = 5, 4, 0, 0.95, 2000
PAIRS = (
    *((a, b) for a in ("latent", "informative") for b in ("morgan", "descriptors", f"not trained, {a}", "mean")),
    ("informative", "latent"),
    ("descriptors", "morgan"),
)
METRIC = {"regression": "rmse", "classification": "roc_auc"}
Row = dict[str, Any]


class Sample(NamedTuple):
    """Molecules of one property, their features, and why others are not among them."""

    found: PropertySet
    y: NDArray[np.float64]
    features: dict[str, NDArray[Any]]
    unused: Counter[str]


@functools.lru_cache(maxsize=len(TASKS) + 2)
def sample(name: str, task: int, limit: int) -> Sample:
    """Draw molecules for which a property was measured, and make their features; a `limit` of 0 is none."""
    found = property_set(name)
    values = found.targets.reshape(len(found), -1)[:, task]
    problems, unused = found.problems(), Counter[str]()
    unused["not readable by RDKit"] = len(problems)
    measured = np.setdiff1d(np.flatnonzero(~np.isnan(values)), list(problems))
    if limit and len(measured) > limit:
        unused["not drawn"] = len(measured) - limit
        measured = np.sort(np.random.default_rng(SEED).choice(measured, limit, replace=False))
    embedder = pretrained()
    latent = embedder.embed(found.take(measured).smiles)
    unused.update({f"embedding: {why}": count for why, count in latent.molecules.report()["reasons"].items()})
    found, y = found.take(measured[latent.valid]), values[measured[latent.valid]]
    smiles = list(found.smiles)
    random = untrained([str(canonical(text)) for text in smiles])
    features = {
        "latent": latent.values[latent.valid],
        "informative": embedder.embed(smiles, "informative").values,
        "not trained, latent": random.embed(smiles).values,
        "not trained, informative": random.embed(smiles, "informative").values,
        "morgan": morgan_counts(smiles),
        "descriptors": rdkit_descriptors(smiles).values,
    }
    return Sample(found, y, features, +unused)


def folds(smiles: tuple[str, ...], split: str) -> NDArray[np.int64]:
    """Return the outer fold of each molecule."""
    if split == "scaffold":
        return scaffold_folds(smiles, FOLDS, SEED)
    return random_folds(len(smiles), FOLDS, SEED, groups=parents(smiles))


def twins(smiles: tuple[str, ...], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which molecules are in another fold too, but for tautomer, stereo marks and counter-ions."""
    folds_of: dict[str, set[int]] = {}
    hashes: list[str] = []
    for text, fold in zip(smiles, numbers.tolist(), strict=True):
        parts = Chem.GetMolFrags(Chem.MolFromSmiles(text), asMols=True)
        largest = max(parts, key=lambda part: part.GetNumHeavyAtoms())
        Chem.RemoveStereochemistry(largest)
        hashes.append(rdMolHash.MolHash(largest, rdMolHash.HashFunction.HetAtomTautomer).rpartition("_")[0])
        folds_of.setdefault(hashes[-1], set()).add(fold)
    return np.array([len(folds_of[each]) > 1 for each in hashes])


def without(found: PropertyScores, y: NDArray[np.float64], rows: NDArray[np.bool_], model: str) -> dict[str, float]:
    """Return the metric of each feature set on some of the molecules."""

    def score(p: NDArray[np.float64]) -> float:
        if found.kind == "regression":
            return float(np.mean((p - y[rows]) ** 2) ** 0.5)
        return float(roc_auc_score(y[rows], p))

    return {
        name: score(by.get(model, by.get("mean", y)).reshape(len(y))[rows]) for name, by in found.predictions.items()
    }


def measure(job: Row) -> Row:
    """Predict one property by one regressor from all features."""
    found, y, features, unused = sample(job["set"], job["task"], job["limit"])
    numbers, model = folds(found.smiles, job["split"]), job["model"]
    scores = evaluate_properties(
        features, y, kind=found.kind, folds=numbers, inner=INNER, models=[model], level=LEVEL, n_boot=RESAMPLES,
        seed=SEED,
    )  # fmt: skip
    metric, twin = METRIC[found.kind], twins(found.smiles, numbers)
    row = {
        **job,
        "name": found.tasks[job["task"]],
        "units": found.units,
        "kind": found.kind,
        "n": len(y),
        "ones": int(y.sum()) if found.kind == "classification" else None,
        "unused": dict(unused),
        "folds": np.bincount(numbers).tolist(),
        "inner": INNER,
        "seed": SEED,
        "level": LEVEL,
        "columns": {name: x.shape[1] for name, x in features.items()},
        "scores": {
            name: {m: [s.value, s.low, s.high] for m, s in by.get(model, by.get("mean", {})).items()}
            for name, by in scores.scores.items()
        },
        "differences": {},
        "modelability": {},
        "twins": int(twin.sum()),
        "without twins": without(scores, y, ~twin, model),
        "settings": {name: by[model][0] for name, by in scores.settings.items()},
        "notes": list(scores.notes),
    }
    for a, b in PAIRS:
        gap = scores.compare(a, b, metric=metric, model=model).difference
        row["differences"][f"{a} - {b}"] = [gap.value, gap.low, gap.high]
    if found.kind == "regression":
        for name in features:
            ratio = scores.modelability(name, model=model)
            row["modelability"][name] = [ratio.value, ratio.low, ratio.high]
    return row


def jobs(options: argparse.Namespace) -> Iterator[Row]:
    """List the lines: each regressor for every set, before the next regressor."""
    for model in options.models:
        for name in options.sets:
            for task in range(TASKS[name]):
                for split in options.splits:
                    yield {"set": name, "task": task, "split": split, "model": model, "limit": options.limit}


def key(row: Row) -> str:
    """Return what tells one line from another."""
    return json.dumps([row[k] for k in ("set", "task", "split", "model", "limit")])


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--splits", nargs="*", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--limit", type=int, default=1200, help="molecules of a property; 0 for all (default 1200)")
    parser.add_argument("--minutes", type=float, help="begin no line that would probably end later than this")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    return parser.parse_args()


def main() -> None:
    """Make the lines that are not in the file yet."""
    options = parsed()
    torch.set_num_threads(1)
    began, longest = time.monotonic(), 0.0
    lines = options.out.read_text("utf-8").splitlines() if options.out.exists() else []
    done = {key(json.loads(line)) for line in lines}
    with options.out.open("a", encoding="utf-8") as out:
        for job in jobs(options):
            if key(job) in done:
                continue
            spent = time.monotonic() - began
            if options.minutes and spent + longest > 60 * options.minutes:
                print(f"stopped after {spent / 60:.0f} minutes, before {job}")
                return
            start, cpu = time.monotonic(), time.process_time()
            row = measure(job)
            longest = max(longest, time.monotonic() - start)
            print(json.dumps(plain({**row, "cpu_s": round(time.process_time() - cpu, 1)})), file=out, flush=True)
            print(f"{job}: {time.process_time() - cpu:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
