"""The inversion study: every attack that reconstructs, on undefended and defended networks, blind to noise and adapted.

One line of results/inversion.jsonl is one attack on one target by one access ("once": one draw a step, as most papers
attack; "draws": 8 draws, of labels 9 votes; "mean": the answer without noise). Targets without noise are attacked once.
Runs that are in the file are not repeated. What an attack must break takes a minute a seed on one core, digits with all
defences about 5:

    python benchmarks/study_inversion.py --data digits --defences none shuffled
    python benchmarks/study_inversion.py --data digits --seeds 3
    INFOLEARN_DATA=folder python benchmarks/study_inversion.py      # mnist5k too, from its pinned wheel

Rows, not classes, are split: public records show the same ten digits as private ones, which favours the attacker. The
evaluator is a support vector machine trained on rows of its own. "shuffled" is the undefended network trained on
shuffled labels: it knows nothing of the classes, so that what an attack on classes gets from it is what the attacker
brings along. Alignment reconstructs private records instead of classes; what it must beat is the mean of their class.

``--device`` says where targets and generators are trained and attacked; what is drawn does not depend on it.
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from rich.progress import track
from sklearn.svm import SVC

from cmim.data import images
from infocore.errors import DataError
from mid.attacks.metrics import bootstrap_over_classes
from mid.torch import InversionAttack, MIDClassifier, attacks
from mid.torch.class_judge import judge_classes

OUT = pathlib.Path(__file__).parent / "results" / "inversion.jsonl"
DEFENCES: dict[str, float | None] = {
    "none": None,
    "shuffled": None,
    "MID .003": 0.003,
    "MID .01": 0.01,
    "MID .03": 0.03,
}
ALIGNMENT = {"alignment, logits": "logits", "alignment, probabilities": "probabilities"}
ATTACKS = ("MIFace", "GMI", "KEDMI", "VMI", "PLGMI", "LOMMA", "BREPMI", *ALIGNMENT)
ACCESS: dict[str, dict[str, Any]] = {
    "once": {"draws": 1, "access": "sampled"},
    "draws": {"draws": 8, "access": "sampled"},
    "mean": {"draws": 1, "access": "mean"},
}
STEPS = 600  # of a generator


@functools.cache
def split(name: str, seed: int) -> dict[str, np.ndarray]:
    """Cut a data set into private, evaluator's and public thirds."""
    found = images.digits() if name == "digits" else images.mnist5k()
    parts = np.array_split(np.random.default_rng(seed).permutation(len(found.labels)), 3)
    x, y = found.flat, found.labels
    return {
        f"{k}_{p}": a[r]
        for p, r in zip(("own", "other", "public"), parts, strict=True)
        for k, a in (("x", x), ("y", y))
    }


@functools.cache
def evaluator(name: str, seed: int) -> Callable[[Any], Any]:
    """Train the independent classifier."""
    d = split(name, seed)
    return SVC(C=10, random_state=0).fit(d["x_other"], d["y_other"]).decision_function


@functools.cache
def target(name: str, seed: int, defence: str, device: str) -> Any:
    """Train the network under attack; of DP-SGD only where this installation has it."""
    d = split(name, seed)
    y = d["y_own"]
    if defence == "DP-SGD":
        from mid.torch.network_classifier import NetworkClassifier
        from mid.torch.private import DPSGD

        model = NetworkClassifier(defence=DPSGD(epsilon=8.0, delta=1e-4), random_state=seed, device=device)
    else:
        model = MIDClassifier(beta=DEFENCES[defence], random_state=seed, device=device)
    if defence == "shuffled":
        y = np.random.default_rng(seed).permutation(y)
    return model.fit(d["x_own"], y)


@functools.cache
def prior(name: str, seed: int, device: str) -> attacks.GAN:
    """Train the generator that needs no target, once for all defences."""
    settings = attacks.WGAN(steps=STEPS, learning_rate=1e-3, seed=seed, device=device)
    return settings.fit(split(name, seed)["x_public"])


def attack(kind: str, name: str, seed: int, model: Any, access: str, device: str) -> Any:
    """Prepare one attack; generators and students that need the target ask it here."""
    d, how = split(name, seed), {**ACCESS[access], "seed": seed}
    public = d["x_public"]
    trained = {"steps": STEPS, "learning_rate": 1e-3, **how}
    votes = {"queries": 9 if access == "draws" else 1, "access": how["access"], "seed": seed}
    match kind:
        case "MIFace":  # all steps: a network is fooled long before anything is shown
            rule = {"window": 2000, "cost_threshold": 0.0}
            return attacks.MIFace(start=np.zeros(public.shape[1]), max_steps=2000, **rule, **how)
        case "GMI":
            return attacks.GMI(gan=prior(name, seed, device), steps=300, **how)
        case "KEDMI":
            gan = attacks.InversionGAN(**{**trained, "steps": 3 * STEPS}).fit(public, model)
            return attacks.KEDMI(gan=gan, steps=300, **how)
        case "VMI":
            return attacks.VMI(gan=prior(name, seed, device), steps=300, **how)
        case "PLGMI":
            gan = attacks.PseudoLabelGAN(**trained).fit(public, model)
            return attacks.PLGMI(gan=gan, steps=100, **how)
        case "LOMMA":
            asked = {"queries": how["draws"], "access": how["access"]}
            students = [attacks.distil(model, public, hidden=h, **asked) for h in ((48,), (96, 48))]
            loss = attacks.ModelAugmentation(students, attacks.IdentityLoss(public, weight=0.01))
            return attacks.GMI(gan=prior(name, seed, device), steps=300, weight=10.0, loss=loss, **how)
        case "BREPMI":
            return attacks.BREPMI(gan=prior(name, seed, device), classes=range(10), steps=200, **votes)
    known = {"x_auxiliary": public, "y_auxiliary": d["y_public"], "x": d["x_own"], "y": d["y_own"]}
    return InversionAttack(**known, output=ALIGNMENT[kind], hidden=(128, 128), **votes)


def judge_records(found: Any, d: dict[str, np.ndarray], scores: Callable[[Any], Any], seed: int) -> dict[str, Any]:
    """Judge reconstructions of records: by the evaluator, and by their error beside that of means."""
    y = d["y_own"]
    right = (scores(found.reconstructions.astype(np.float32)).argmax(1) == y).astype(float)
    low, high = bootstrap_over_classes(right, y, seed)
    return {
        "accuracy": {"value": float(right.mean()), "low": low, "high": high},
        "chance": float(np.bincount(y).max() / len(y)),
        "evaluator_accuracy": float((scores(d["x_own"]).argmax(1) == y).mean()),
        "error": found.mse,
        "floor": found.class_mean_floor,
        "n": found.n,
        "queries": found.queries * (len(d["x_public"]) + found.n),
    }


def judge_images(found: Any, d: dict[str, np.ndarray], scores: Callable[[Any], Any]) -> dict[str, Any]:
    """Judge reconstructions of classes, and set their error beside that of the mean of all public records."""
    own = {"x_private": d["x_own"], "y_private": d["y_own"]}
    verdict = judge_classes(found, evaluator=scores, **own, x_held_out=d["x_own"], y_held_out=d["y_own"]).to_dict()
    means = np.stack([d["x_own"][d["y_own"] == c].mean(0) for c in found.classes])
    floor = float(((means - d["x_public"].mean(0)) ** 2).mean())
    return verdict | {"error": verdict["class_mean_mse"]["value"], "floor": floor}


def measure(job: dict[str, Any], device: str) -> dict[str, Any]:
    """Attack, and have it judged."""
    name, seed, kind = job["data"], job["seed"], job["attack"]
    d, scores, model = split(name, seed), evaluator(name, seed), target(name, seed, job["defence"], device)
    if kind in ("GMI", "VMI", "LOMMA", "BREPMI"):
        prior(name, seed, device)  # shared by these: its time is nobody's
    start = time.process_time()
    one = attack(kind, name, seed, model, job["access"], device)
    found = one.run(model)
    seconds = time.process_time() - start
    judged = judge_records(found, d, scores, seed) if kind in ALIGNMENT else judge_images(found, d, scores)
    mean = model.release(d["x_other"], output="labels", access="mean", rng=0) == d["y_other"]
    sampled = model.release(d["x_other"], output="labels", access="sampled", rng=0) == d["y_other"]
    accuracy = {"target_accuracy": float(sampled.mean()), "target_accuracy_mean": float(mean.mean())}
    return {
        **job,
        "device": device,
        "cpu_seconds": round(seconds, 2),
        "needs": dataclasses.asdict(one.needs),
        **accuracy,
        **judged,
    }


def jobs(data: list[str], seeds: int, kinds: list[str], defences: list[str]) -> list[dict[str, Any]]:
    """List the runs, seed after seed."""
    return [
        {"data": name, "seed": seed, "defence": defence, "attack": kind, "access": access}
        for seed in range(seeds)
        for name in data
        for defence in defences
        for kind in kinds
        for access in (ACCESS if defence.startswith("MID") else ("once",))
    ]


def key(row: dict[str, Any]) -> str:
    """Return what tells one run from another."""
    return json.dumps([row[k] for k in ("data", "seed", "defence", "attack", "access")])


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=["digits", "mnist5k"], choices=["digits", "mnist5k"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=ATTACKS)
    parser.add_argument("--defences", nargs="*", default=[*DEFENCES, "DP-SGD"], choices=[*DEFENCES, "DP-SGD"])
    parser.add_argument("--device", default="cpu", help="where targets are trained and attacked")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = []
    for name in options.data:
        try:
            split(name, 0)
            data.append(name)
        except DataError as e:
            print(f"{name} is left out: {e}")
    done = {key(json.loads(line)) for line in options.out.read_text().splitlines()} if options.out.exists() else set()
    todo = [job for job in jobs(data, options.seeds, options.attacks, options.defences) if key(job) not in done]
    with options.out.open("a") as out:
        for job in track(todo, "attacks"):
            out.write(json.dumps(measure(job, options.device)) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
