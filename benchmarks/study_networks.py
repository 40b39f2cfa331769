"""The study of networks: what MID keeps from attackers beside DP-SGD and others at the accuracy each of them leaves.

One line of results/networks.jsonl is one attack on one target by one access ("once": one draw a question or step, as
most papers attack; "many": 100 queries, 8 draws a step, 9 votes; "mean": the answer without noise). Targets without
noise are attacked once. Runs that are in the file are not repeated. Three seeds take about 12 minutes of one core for
alignment from logits, GMI and MI-Face, which come first, and about as long again for the rest:

    INFOLEARN_DATA=folder python benchmarks/study_networks.py
    python benchmarks/study_networks.py --data digits --seeds 3      # claims C12 and C13 alone
    python benchmarks/study_networks.py --device cuda                # targets are trained and attacked there

- fashion: 5,000 private rows, an MLP. Public rows show the same ten classes as private ones, which favours the
  attacker; what an answer gives away beyond its class shows in the error beside that of the class mean.
- faces: 20 of the 40 people of the ORL set (``orl_faces.npz`` in the data folder) at 32 x 32, a small CNN. Five images
  of each train the target, three the evaluator, two are attacked as fresh ones. The attacker has the other 20 people.
- digits: the setting of claims C12 and C13, alignment alone.

GMI comes last on faces: 200 public faces of 20 people make too poor a generator for it (its attack on the undefended
network is hardly above chance), which says nothing about any defence.

"DP noise" trains with little noise and so with an epsilon that protects nobody, as DP baselines of papers did; it is
there because training on 100 faces at an epsilon of 50 keeps half the accuracy. The evaluator is a support vector
machine on principal components of rows of its own. Numbers are kept, never an image.
"""

import argparse
import functools
import json
import os
import pathlib
import time
import warnings
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from rich.progress import track
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cmim.data import images
from infocore.errors import DataError, TrainingError, TrainingWarning
from mid.attacks.metrics import bootstrap_over_classes, floors, squared_error
from mid.defences.postprocess import Mixing, PostProcessed
from mid.torch import CNN, DPSGD, MLP, BiDO, InversionAttack, LabelSmoothing, MIDClassifier, NetworkClassifier, attacks
from mid.torch.class_judge import judge_classes

OUT = pathlib.Path(__file__).parent / "results" / "networks.jsonl"
Rows = dict[str, np.ndarray]
KINDS = ("logits", "GMI", "probabilities", "BREPMI", "MIFace")
ACCESS: dict[str, dict[str, int]] = {
    "once": {"queries": 1, "draws": 1, "votes": 1},
    "many": {"queries": 100, "draws": 8, "votes": 9},
    "mean": {"queries": 1, "draws": 1, "votes": 1},
}
OTHERS: dict[str, Any] = {
    "none": None,
    "BiDO": BiDO(0.05, 0.5),
    "smoothing -0.05": LabelSmoothing(-0.05),
    "smoothing 0.1": LabelSmoothing(0.1),
}
SETS: dict[str, dict[str, Any]] = {
    "fashion": {
        "network": MLP((64, 32)),
        "fit": {"epochs": 20, "batch_size": 64},
        "private": {"epochs": 10, "batch_size": 100, "learning_rate": 4e-3},
        "betas": (0.001, 0.03, 0.1, 0.2),
        "dp": {"DP 2": {"epsilon": 2.0}, "DP 10": {"epsilon": 10.0}, "DP 50": {"epsilon": 50.0}},
        "delta": 1e-4,
        "stages": (("logits", "GMI", "MIFace"), ("probabilities",), ("BREPMI",)),
    },
    "faces": {
        "network": CNN((1, 32, 32), channels=(8, 16), width=64),
        "fit": {"epochs": 60, "batch_size": 20},
        "private": {"epochs": 60, "batch_size": 20},
        "betas": (0.001, 0.01, 0.03, 0.1),
        "dp": {
            "DP 50": {"epsilon": 50.0},
            "DP noise .4": {"noise_multiplier": 0.4},
            "DP noise .2": {"noise_multiplier": 0.2},
        },
        "delta": 1e-3,
        "stages": (("logits", "MIFace"), ("probabilities",), ("BREPMI", "GMI")),
    },
    "digits": {
        "network": MLP((128, 64)),
        "fit": {"epochs": 80, "batch_size": 64},
        "betas": (0.01, 0.1),
        "dp": {},
        "stages": (("logits",), (), ()),
    },
}


def _cut(x: np.ndarray, y: np.ndarray, order: np.ndarray, sizes: dict[str, int]) -> Rows:
    """Cut rows, in an order, into parts of some sizes."""
    parts = np.split(order[: sum(sizes.values())], np.cumsum(list(sizes.values()))[:-1])
    return {f"{k}_{p}": a[rows] for p, rows in zip(sizes, parts, strict=True) for k, a in (("x", x), ("y", y))}


def _faces(seed: int) -> Rows:
    path = images.data_dir() / "orl_faces.npz"
    if not path.is_file():
        raise DataError(f"{path} is not there")
    with np.load(path) as found:
        pictures, people = found["images"], found["subject"]
    # as many rows as columns, from the middle; then 32 x 32 by averaging
    square = torch.from_numpy(pictures[:, 10:102].astype(np.float32) / 255)[:, None]
    x = torch.nn.functional.interpolate(square, (32, 32), mode="area").flatten(1).numpy()
    rng = np.random.default_rng(seed)
    order = rng.permutation(40)
    parts: dict[str, list[np.ndarray]] = {"own": [], "other": [], "fresh": []}
    for person in order[:20]:
        rows = rng.permutation(np.flatnonzero(people == person))
        for name, some in zip(parts, np.split(rows, [5, 8]), strict=True):
            parts[name].append(some)
    number = np.argsort(order)  # private people become 0 to 19
    public = np.flatnonzero(np.isin(people, order[20:]))
    rows = {name: np.concatenate(some) for name, some in parts.items()} | {"public": public}
    rows["test"] = np.concatenate([rows["other"], rows["fresh"]])  # the target has seen none of them
    d = {f"{k}_{p}": a[r] for p, r in rows.items() for k, a in (("x", x), ("y", number[people].astype(np.int64)))}
    for part in ("public", "other"):  # faces are about symmetric
        d[f"x_{part}"] = np.concatenate([d[f"x_{part}"], mirrored(d[f"x_{part}"])])
        d[f"y_{part}"] = np.tile(d[f"y_{part}"], 2)
    return d


def mirrored(x: np.ndarray) -> np.ndarray:
    """Swap left and right."""
    return np.ascontiguousarray(x.reshape(len(x), 32, 32)[:, :, ::-1]).reshape(len(x), -1)


@functools.cache
def split(name: str, seed: int) -> Rows:
    """Cut a data set; "own" trains the target, "other" the evaluator, "public" is the attacker's."""
    if name == "faces":
        return _faces(seed)
    found = images.digits() if name == "digits" else images.fashion()
    order = np.random.default_rng(seed).permutation(len(found.labels))
    if name == "digits":
        d = _cut(found.flat, found.labels, order, {"own": 700, "other": 200, "public": 600, "fresh": 297})
        return d | {f"{k}_test": np.concatenate([d[f"{k}_{p}"] for p in ("public", "fresh")]) for k in "xy"}
    sizes = {"own": 5000, "other": 4000, "public": 3000, "fresh": 1000, "test": 2000}
    return _cut(found.flat, found.labels, order, sizes)


@functools.cache
def evaluator(name: str, seed: int) -> Any:
    """Train the independent classifier."""
    d = split(name, seed)
    return make_pipeline(PCA(40, whiten=True, random_state=0), SVC(C=10, random_state=0)).fit(
        d["x_other"], d["y_other"]
    )


@functools.cache
def target(name: str, seed: int, defence: str, device: str) -> Any:
    """Train the network under attack."""
    d, options = split(name, seed), SETS[name]
    common = {"network": options["network"], "random_state": seed, "device": device}
    if defence.startswith("mixing"):
        return PostProcessed(target(name, seed, "none", device), Mixing(float(defence.split()[1])))
    if defence.startswith("MID"):
        model: Any = MIDClassifier(beta=float(defence.split()[1]), **common, **options["fit"])
    elif defence.startswith("DP"):
        model = NetworkClassifier(
            DPSGD(delta=options["delta"], **options["dp"][defence]), **common, **options["private"]
        )
    else:
        model = NetworkClassifier(OTHERS[defence], **common, **options["fit"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # of positive smoothing and of a large epsilon: both studied
        return model.fit(d["x_own"], d["y_own"])


@functools.cache
def utility(name: str, seed: int, defence: str, device: str) -> dict[str, Any]:
    """Accuracy on fresh rows, by one query and as averaging users have it, and what privacy was spent."""
    d, model = split(name, seed), target(name, seed, defence, device)
    found = {}
    for kind, queries, access in (("once", 1, "sampled"), ("many", 100, "sampled"), ("mean", 1, "mean")):
        labels = model.release(d["x_test"], output="labels", queries=queries, access=access, rng=seed)
        found[f"accuracy_{kind}"] = float((labels == d["y_test"]).mean())
    if hasattr(model, "privacy_"):
        found |= {"epsilon": model.epsilon_, "noise": model.privacy_.noise_multiplier}
    return found


@functools.cache
def prior(name: str, seed: int, device: str) -> attacks.GAN:
    """Train the generator, once for all targets."""
    hidden = (256, 256) if name == "faces" else (128, 128)
    how: dict[str, Any] = {"steps": 300, "batch_size": 32, "learning_rate": 1e-3, "seed": seed, "device": device}
    return attacks.WGAN(network=attacks.Dense(hidden), **how).fit(split(name, seed)["x_public"])


def align(job: dict[str, Any]) -> dict[str, Any]:
    """Reconstruct fresh and private records from answers about them."""
    name, seed = job["data"], job["seed"]
    d, judge = split(name, seed), evaluator(name, seed)
    own = slice(0, 1000)
    x, y = np.concatenate([d["x_fresh"], d["x_own"][own]]), np.concatenate([d["y_fresh"], d["y_own"][own]])
    result = InversionAttack(
        x_auxiliary=d["x_public"],
        y_auxiliary=np.zeros(len(d["x_public"]), int),  # of faces no class is shared: floors are taken below
        x=x,
        y=np.zeros(len(x), int),
        output=job["attack"],
        queries=ACCESS[job["access"]]["queries"],
        access="mean" if job["access"] == "mean" else "sampled",
        hidden=(128, 128),
        max_steps=2000 if name == "digits" else 800,
        seed=seed,
    ).run(target(name, seed, job["defence"], job["device"]))
    errors = squared_error(x, result.reconstructions)
    right = (judge.predict(result.reconstructions.astype(np.float32)) == y).astype(float)
    split_at = len(d["x_fresh"])
    found: dict[str, Any] = {}
    for part, rows in (("fresh", slice(0, split_at)), ("own", slice(split_at, None))):
        for kind, each in (("mse", errors[rows]), ("success", right[rows])):
            low, high = bootstrap_over_classes(each, y[rows], seed)
            found[f"{kind}_{part}"] = {"value": float(each.mean()), "low": low, "high": high}
    # the class means are those of private rows, which an attacker on faces does not know
    found["class_floor"] = floors(d["x_fresh"], d["y_fresh"], d["x_own"], d["y_own"])[0]
    found["global_floor"] = result.global_mean_floor
    return found | {"evaluator_accuracy": float((judge.predict(d["x_own"]) == d["y_own"]).mean())}


def invert(job: dict[str, Any]) -> dict[str, Any]:
    """Reconstruct classes; one of which no latent was found counts as a failure."""
    name, seed = job["data"], job["seed"]
    d, model, many = split(name, seed), target(name, seed, job["defence"], job["device"]), ACCESS[job["access"]]
    how: dict[str, Any] = {"access": "mean" if job["access"] == "mean" else "sampled", "seed": seed}
    classes = len(np.unique(d["y_own"]))
    try:
        match job["attack"]:
            case "GMI":
                found = attacks.GMI(
                    gan=prior(name, seed, job["device"]),
                    steps=150,
                    clip=2.0,
                    restarts=2,
                    keep=2,
                    draws=many["draws"],
                    **how,
                ).run(model)
            case "MIFace":
                stop = {"start": d["x_public"].mean(0), "step": 0.5, "max_steps": 1000}  # on after it is fooled
                found = attacks.MIFace(**stop, draws=many["draws"], **how).run(model)
            case _:
                settings = {"points": 16, "steps": 80, "queries": many["votes"], **how}
                gan = prior(name, seed, job["device"])
                found = attacks.BREPMI(gan=gan, classes=range(classes), **settings).run(model)
    except TrainingError:  # a label that was never seen
        return {"success": {"value": 0.0, "low": 0.0, "high": 0.0}, "classes": 0}
    verdict = judge_classes(
        found,
        evaluator=evaluator(name, seed).decision_function,
        x_private=d["x_own"],
        y_private=d["y_own"],
        x_held_out=d["x_own"],
        y_held_out=d["y_own"],
    ).to_dict()
    share = verdict["classes"] / classes
    if verdict["accuracy_top5"]:
        verdict["accuracy_top5"] = {k: v * share for k, v in verdict["accuracy_top5"].items()}
    return {"success": {k: v * share for k, v in verdict.pop("accuracy").items()}} | verdict


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Train what is not trained yet, attack, and have it judged."""
    known = utility(job["data"], job["seed"], job["defence"], job["device"])
    if job["attack"] in ("GMI", "BREPMI"):
        prior(job["data"], job["seed"], job["device"])
    start = time.process_time()
    found = (align if job["attack"] in ("logits", "probabilities") else invert)(job)
    return {**job, "cpu_seconds": round(time.process_time() - start, 2), **known, **found}


def jobs(data: list[str], seeds: int, kinds: list[str]) -> Iterator[dict[str, Any]]:
    """List the runs: attack after attack, so that what is cut short is cut for all targets and seeds alike."""
    for stage in range(3):
        for seed in range(seeds):
            for name in data:
                options = SETS[name]
                defences = [f"MID {beta}" for beta in options["betas"]]
                defences += ["none"] if name == "digits" else [*OTHERS, *options["dp"], "mixing 0.5"]
                for defence in defences:
                    for kind in (k for k in options["stages"][stage] if k in kinds):
                        if defence.startswith("mixing") and kind != "probabilities":
                            continue  # what is mixed are probabilities; the class that wins stays the same
                        for access in ACCESS if defence.startswith("MID") else ("once",):
                            if kind == "probabilities" and access == "many":
                                continue
                            yield {"data": name, "seed": seed, "defence": defence, "attack": kind, "access": access}


def key(row: dict[str, Any]) -> str:
    """Return what tells one run from another."""
    return json.dumps([row[k] for k in ("data", "seed", "defence", "attack", "access")])


def main() -> None:
    """Run what is not in the file yet."""
    everything = list(KINDS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--attacks", nargs="*", default=everything, choices=everything)
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
    todo = [job for job in jobs(data, options.seeds, options.attacks) if key(job) not in done]
    with options.out.open("a") as out:
        for job in track(todo, "attacks"):
            out.write(json.dumps(measure({**job, "device": options.device})) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
