"""The molecule study: AE, VAE, MIM, cMIM and InfoNCE trained alike on the same molecules of MOSES; claims C13 to C16.

One line of results/molecules.jsonl is one trained model (part, model, seed, steps), one set of features that were not
trained ("controls"), or the paired differences between models of a seed ("pairs"). Lines that are in the file are not
made again, and training goes on from its last checkpoint, so the study can be stopped at any time. A model of the main
part (100,000 molecules, 5 epochs, 1.4 million parameters) is 7,800 steps of 64: half an hour to an hour on one core.

    python benchmarks/study_molecules.py --minutes 240              # what the time allows, seed after seed
    python benchmarks/study_molecules.py --part c13                 # 18,000 molecules, until they are known by heart
    python benchmarks/study_molecules.py --models MIM CMIM --seeds 1 --steps 2000
    python benchmarks/study_molecules.py --part smoke --out /tmp/smoke.jsonl --work /tmp/smoke    # a minute or two

Said before any result: 100,000 molecules of MOSES (a sample by seed 0, the same for every model and seed), as the file
has them; terms per token and per dimension ("mean", after a pilot of the shipped model), smallest log-variance -6,
batches of 64, Adam 1e-3 with warm-up 300 and half a cosine; MIM and cMIM with sampled variance, and MIM with learned
variance beside them; cMIM with temperatures 0.1 and 1 and weight 1, and with a calibrated temperature and weight 10, as
in the image study; InfoNCE (SimCLR's form, temperature 0.1) on two random SMILES of each molecule. Properties are
predicted by 5-fold nested cross-validation, the same folds for all.
"""

import argparse
import functools
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from pretrain_molecules import adopt, around, geometry, reconstruction

import cmim
from cmim import TokenPerceiver
from cmim.data.images import data_dir
from cmim.lightning import FitResult
from cmim.molecules.chemistry import canonical, read_molecules
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.properties import datasets
from cmim.molecules.properties._scores import summarise
from cmim.molecules.properties.descriptors import morgan_counts, rdkit_descriptors
from cmim.molecules.properties.prediction import PropertyScores, evaluate_properties
from cmim.molecules.properties.splits import random_folds
from cmim.molecules.tokens import Vocabulary
from infocore.result import plain

OUT = pathlib.Path(__file__).parent / "results" / "molecules.jsonl"
TINY = TokenPerceiver(slots=4, width=16, encoder_depth=1, decoder_depth=1)
MODELS: dict[str, dict[str, Any]] = {
    "untrained": {"objective": "mim"},
    "MIM": {"objective": "mim"},
    "CMIM": {"objective": "cmim", "temperature": 0.1},
    "AE": {"objective": "ae"},
    "VAE": {"objective": "vae", "variance": "learned"},
    "InfoNCE": {"objective": "infonce", "temperature": 0.1},
    "MIM-learned": {"objective": "mim", "variance": "learned"},
    "CMIM-1": {"objective": "cmim", "temperature": 1.0},
    "CMIM-cal": {"objective": "cmim", "temperature": "calibrated", "w_k": 10.0},
}
PARTS: dict[str, dict[str, Any]] = {
    "main": {
        "rows": 100_000, "held": 2000, "steps": 7800, "seeds": 3, "latent": 256, "network": TokenPerceiver(),
        "models": tuple(MODELS), "sets": ("esol", "freesolv", "lipophilicity"), "around": 250, "draws": 10,
    },
    "c13": {
        "rows": 18_000, "held": 1000, "steps": 12_000, "seeds": 3, "latent": 256, "network": TokenPerceiver(),
        "models": ("MIM", "MIM-learned", "CMIM"), "sets": (), "around": 250, "draws": 10,
    },
    "smoke": {
        "rows": 1000, "held": 50, "steps": 20, "seeds": 1, "latent": 16, "network": TINY,
        "models": tuple(MODELS), "sets": ("freesolv",), "around": 5, "draws": 2,
    },
}  # fmt: skip
RADII = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4)
FOLDS = 5
PAIRS = (
    *(("CMIM", "MIM"), ("CMIM-1", "MIM"), ("CMIM-cal", "MIM"), ("MIM", "AE"), ("MIM", "VAE"), ("CMIM", "AE")),
    *(("CMIM", "VAE"), ("CMIM", "InfoNCE"), ("MIM", "InfoNCE"), ("MIM", "untrained"), ("CMIM", "untrained")),
)
KINDS = ("latent", "informative", "informative, zero code", "informative, other code")
Row = dict[str, Any]


@functools.cache
def moses(rows: int, held: int) -> tuple[list[str], list[str], list[str]]:
    """Return training molecules and two sets of others, of the training split, the same for every seed."""
    every = datasets.moses("train")
    chosen = np.random.default_rng(0).permutation(len(every))[: rows + 2 * held]
    texts = [every[i] for i in chosen]
    return texts[:rows], texts[rows : rows + held], texts[rows + held :]


def make(name: str, part: Row, seed: int) -> cmim.Model:
    """Build a model; all have the same encoder, and all but InfoNCE's the same decoder."""
    own = dict(MODELS[name])
    objective = own.pop("objective")
    size = (128, part["latent"])
    common = {"network": part["network"], "likelihood": "tokens", "levels": len(Vocabulary()), "seed": seed}
    if objective == "infonce":
        return cmim.InfoNCE(*size, views=None, contrast="nt_xent", **own, **common)
    if objective == "ae":  # its codes have no noise
        return cmim.AE(*size, scaling="mean", **own, **common)
    settings = {"variance": "sampled", "scaling": "mean", "logvar_floor": -6.0, "ramp": min(1000, part["steps"])}
    build = {"vae": cmim.VAE, "mim": cmim.MIM, "cmim": cmim.CMIM}[objective]
    return build(*size, **{**settings, **own, **common})


def trained(name: str, part: Row, seed: int, work: pathlib.Path) -> tuple[MoleculeEmbedder, Row]:
    """Train a model, or go on with its training, and return it as an embedder, with facts of the training."""
    texts = moses(part["rows"], part["held"])[0]
    model = make(name, part, seed)
    augment = "two-views" if name == "InfoNCE" else "canonical"
    batches = SmilesBatches(TextBlocks(texts), 64, seed, augment=augment)
    facts: Row = {"parameters": sum(p.numel() for p in model.parameters())}
    result = FitResult(0, ())
    if name != "untrained":
        began = time.perf_counter()
        result = cmim.fit(
            model, batches, max_steps=part["steps"], learning_rate=1e-3, warmup=min(300, part["steps"] // 2),
            decay="cosine", checkpoint_dir=work / "checkpoints", checkpoint_every=500, resume=True,
            accelerator="cpu", log_every=100,
        )  # fmt: skip
        facts["seconds_of_last_call"] = round(time.perf_counter() - began, 1)
        facts["last"] = result.history[-1] if result.history else {}
        facts["notes"] = list(result.notes)
        facts["rewritten"] = dict(batches.rewritten)
    embedder = MoleculeEmbedder(latent_dim=part["latent"], network=part["network"], components=1, seed=seed)
    return adopt(embedder, model.eval(), result, batches), facts


@functools.cache
def target(name: str) -> tuple[list[str], np.ndarray, np.ndarray, int]:
    """Return canonical molecules of a set, their property, their folds, and how many rows could not be used."""
    found = datasets.property_set(name)
    read = read_molecules(found.smiles, max_tokens=127, vocabulary=Vocabulary())
    keep = np.flatnonzero(read.valid & np.isfinite(found.targets))
    texts = [read.smiles[i] for i in keep]
    return texts, found.targets[keep], random_folds(len(texts), FOLDS, 0, groups=texts), len(found) - len(keep)


def features(embedder: MoleculeEmbedder, texts: list[str]) -> dict[str, np.ndarray]:
    """Return what a model says of molecules: its code, what its decoder makes of it, and the controls."""
    found = {"latent": embedder.embed(texts).values}
    if embedder.model_.decoder is not None:
        for kind, control in (("", "own"), (", zero code", "zero"), (", other code", "other")):
            found["informative" + kind] = embedder.embed(texts, "informative", code=control).values
    return found


def predicted(given: dict[str, np.ndarray], name: str, models: list[str]) -> PropertyScores:
    """Predict a property from each of some feature sets."""
    _, y, folds, _ = target(name)
    return evaluate_properties(given, y, kind="regression", folds=folds, models=models)


def summary(found: PropertyScores, name: str) -> Row:
    """Return the scores of a set, without predictions."""
    texts, _, _, unused = target(name)
    scores = {
        feature: {model: {m: [s.value, s.low, s.high] for m, s in by.items()} for model, by in models.items()}
        for feature, models in found.scores.items()
    }
    return {"n": len(texts), "unused": unused, "scores": scores, "chosen": found.chosen, "notes": list(found.notes)}


def keep(path: pathlib.Path, found: PropertyScores) -> None:
    """Keep predictions, so that models can be compared molecule by molecule."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {f"{f}|{m}": p for f, by in found.predictions.items() for m, p in by.items()}
    np.savez_compressed(path, **table)


def measure(job: Row, part: Row, options: argparse.Namespace) -> Row:
    """Train one model and say what it is worth."""
    name, seed = job["model"], job["seed"]
    steps = part["steps"]
    work = options.work / f"{job['part']}-{name}-{seed}-{steps}"
    embedder, facts = trained(name, part, seed, work)
    texts, _, test = moses(part["rows"], part["held"])
    row = {**job, "rows": len(texts), **facts, "codes": geometry(embedder, test)}
    if embedder.model_.decoder is not None:
        row["test"] = reconstruction(embedder, test)
        row["training"] = reconstruction(embedder, texts[: part["held"]])
        readable = [text for text in map(canonical, test) if text is not None]
        if name != "untrained":
            row["around"] = around(embedder, readable[: part["around"]], RADII, part["draws"], set(texts), seed)
    row["properties"] = {}
    for name_of_set in part["sets"]:
        found = predicted(features(embedder, target(name_of_set)[0]), name_of_set, options.property_models)
        keep(work / f"{name_of_set}.npz", found)
        row["properties"][name_of_set] = summary(found, name_of_set)
        if "informative" in found.scores:
            row["properties"][name_of_set]["differences"] = {
                f"{a} - {b}": _difference(found, a, b)
                for a, b in (("informative", "latent"), *(("informative", kind) for kind in KINDS[2:]))
            }
    return row


def controls(job: Row, part: Row, options: argparse.Namespace) -> Row:
    """Predict properties from features that nothing was trained for."""
    row: Row = {**job, "properties": {}}
    for name in part["sets"]:
        texts = target(name)[0]
        table = rdkit_descriptors(texts)
        given = {"morgan": morgan_counts(texts), "descriptors": table.values}
        found = predicted(given, name, options.property_models)
        keep(options.work / f"{job['part']}-controls" / f"{name}.npz", found)
        row["properties"][name] = {**summary(found, name), "left_out": dict(table.left_out)}
    return row


def pairs(job: Row, part: Row, options: argparse.Namespace) -> Row:
    """Compare the predictions of two models of one seed, molecule by molecule."""
    row: Row = {**job, "properties": {}}
    for name in part["sets"]:
        _, y, folds, _ = target(name)
        every: dict[str, dict[str, np.ndarray]] = {}
        for model in (*part["models"], "controls"):
            rest = "controls" if model == "controls" else f"{model}-{job['seed']}-{part['steps']}"
            path = options.work / f"{job['part']}-{rest}" / f"{name}.npz"
            if not path.exists():
                continue
            with np.load(path) as table:
                for key in table.files:
                    feature, _, regressor = key.partition("|")
                    label = feature if model == "controls" else f"{model}, {feature}"
                    every.setdefault(label, {})[regressor] = table[key]
        scores = summarise(
            every, y, folds, "regression", inner=4, level=0.95, n_boot=2000, seed=0, chosen={}, settings={}
        )  # fmt: skip
        wanted = [(f"{a}, {kind}", f"{b}, {kind}") for a, b in PAIRS for kind in KINDS[:2]]
        wanted += [
            (f"{model}, {kind}", fixed)
            for model in part["models"]
            for kind in KINDS[:2]
            for fixed in ("morgan", "descriptors")
        ]
        row["properties"][name] = {
            f"{a} - {b}": _difference(scores, a, b) for a, b in wanted if a in every and b in every
        }
    return row


def _difference(found: PropertyScores, a: str, b: str) -> dict[str, list[float | None]]:
    """Return the difference of RMSE between two feature sets with its interval, by regression model."""
    both = set(found.scores[a]) & set(found.scores[b])
    return {
        model: [(d := found.compare(a, b, metric="rmse", model=model).difference).value, d.low, d.high]
        for model in sorted(both)
    }


def jobs(options: argparse.Namespace) -> Iterator[tuple[Row, Row]]:
    """List the runs, seed after seed, so that a study that is stopped early has all models at fewer seeds."""
    for seed in range(options.seeds or 99):
        for name in options.part:
            part = {**PARTS[name], **({"steps": options.steps} if options.steps else {})}
            if seed >= (options.seeds or part["seeds"]):
                continue
            part["models"] = tuple(m for m in part["models"] if m in options.models)
            base = {"part": name, "steps": part["steps"]}
            if seed == 0 and part["sets"]:
                yield {**base, "model": "controls", "seed": 0, "steps": 0}, part
            for model in part["models"]:
                yield {**base, "model": model, "seed": seed}, part
            if part["sets"]:
                yield {**base, "model": "pairs", "seed": seed, "of": list(part["models"])}, part
        if seed + 1 >= max(options.seeds or PARTS[name]["seeds"] for name in options.part):
            return


def key(row: Row) -> str:
    """Return what tells one run from another."""
    return json.dumps([row.get(k) for k in ("part", "model", "seed", "steps", "of")])


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="*", default=["main"], choices=list(PARTS))
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seeds", type=int, help="how many (default as each part has)")
    parser.add_argument("--steps", type=int, help="of each training (default as each part has)")
    parser.add_argument("--minutes", type=float, help="begin no run that would probably end later than this")
    parser.add_argument("--property-models", nargs="*", default=["ridge", "svr"])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--work", type=pathlib.Path, help="checkpoints and predictions (default in the data directory)")
    options = parser.parse_args()
    options.work = options.work or data_dir() / "study-molecules"
    return options


def main() -> None:
    """Run what is not in the file yet."""
    options = parsed()
    torch.set_num_threads(1)
    began, longest = time.monotonic(), 0.0
    lines = options.out.read_text("utf-8").splitlines() if options.out.exists() else []
    done = {key(json.loads(line)) for line in lines}
    with options.out.open("a", encoding="utf-8") as out:
        for job, part in jobs(options):
            if key(job) in done:
                continue
            spent = time.monotonic() - began
            if options.minutes and spent + longest > 60 * options.minutes:
                print(f"stopped after {spent / 60:.0f} minutes, before {job}")
                return
            start = time.monotonic()
            run = {"controls": controls, "pairs": pairs}.get(job["model"], measure)
            row = run(job, part, options)
            seconds = time.monotonic() - start
            longest = max(longest, seconds)
            print(json.dumps(plain({**row, "seconds": round(seconds, 1)})), file=out, flush=True)
            print(f"{job}: {seconds:.0f} s")


if __name__ == "__main__":
    main()
