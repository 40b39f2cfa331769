"""The shipped molecule model: train it on MOSES, assess it, and write the folder that the package carries.

    python benchmarks/pretrain_molecules.py --out shipped --half float16
    python benchmarks/pretrain_molecules.py --out longer --continue shipped --steps 40000 --learning-rate 5e-4 --half float16
    python benchmarks/pretrain_molecules.py --only-assess shipped > assessment.json

MOSES is read from the pinned molsets wheel (see `cmim.molecules.properties.datasets.moses`). Training can be stopped, and the same
command goes on where it was. 30,000 steps of 64 molecules take some three hours on one core; a GPU takes larger batches
(``--batch-size 1024 --learning-rate 2e-3 --accelerator gpu --precision bf16-mixed``). The folder holds
``weights.safetensors`` and ``meta.json``, as `MoleculeEmbedder.load` reads them, ``training_log.csv``, and
``card.json``: data, settings, versions, and what came out on molecules that were not trained on. What is assessed is
what was written: the numbers are those of the rounded weights.

A smoke run of a minute:

    python benchmarks/pretrain_molecules.py --out /tmp/tiny --tiny --steps 30 --limit 2000 --molecules 50 --half float16
"""  # noqa: E501

import argparse
import csv
import dataclasses
import importlib.metadata
import json
import pathlib
import platform
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import torch

import cmim
from cmim import TokenPerceiver
from cmim._modes import evaluating
from cmim.evaluation import wilson
from cmim.generation import generate
from cmim.lightning import FitResult
from cmim.molecules.chemistry import canonical
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.properties import datasets
from cmim.molecules.quality.distribution import Profile, distribution_metrics
from cmim.molecules.quality.metrics import generation_metrics, neighbourhood_metrics
from cmim.molecules.tokens import Vocabulary
from infocore.result import plain
from infocore.torch import checkpoint

RADII = (0.1, 0.25, 0.5, 0.6, 0.75, 1.0, 1.5)
GREEDY: dict[str, Any] = {}
BEST = {"method": "beam", "beams": 4, "valid": True}  # of four beams the likeliest that RDKit reads
SAMPLES = (  # law, temperature, writing, share of the samples
    ("gmm", 1.0, GREEDY, 1.0), ("gaussian", 1.0, GREEDY, 1.0), ("prior", 1.0, GREEDY, 1.0),
    ("prior", 0.7, GREEDY, 1.0), ("prior", 1.0, BEST, 0.3), ("prior", 0.7, BEST, 0.3),
)  # fmt: skip
LARGEST = 8_000_000
POINTS = 100
Row = dict[str, Any]


# ---- what a model is worth


def reconstruction(embedder: MoleculeEmbedder, smiles: Sequence[str], rows: int = 512) -> Row:
    """Return how much of molecules is in their codes.

    ``exact`` counts molecules whose greedy decoding, made canonical, is the molecule; rows that cannot be read count as
    failures. ``forced`` is the share of tokens that are the likeliest after the true ones before them, ``placewise``
    that of tokens which the greedy decoding has at their place; both count the end. ``nll`` is nats a token, with the
    molecule's own code, with zeros, and with the code of the molecule before it.
    """
    found = embedder.embed(smiles)
    keep = np.flatnonzero(found.valid)
    texts = [found.molecules.smiles[i] for i in keep]
    z = torch.from_numpy(found.values[keep])
    model, vocabulary = embedder.model_, Vocabulary(embedder.notation)
    x = torch.from_numpy(vocabulary.encode(texts, embedder.max_tokens + 1))
    written = generate(model, z, batch_size=rows)
    made = [canonical(text) for text in vocabulary.decode(written)]
    exact = wilson(sum(a == b for a, b in zip(made, texts, strict=True)), len(smiles))
    width = written.shape[1]
    target = x.numpy()
    at_place = (np.pad(written, ((0, 0), (0, target.shape[1] - width))) == target) & (target != 0)
    tokens = int((target != 0).sum())
    nll = dict.fromkeys(("own", "zero", "other"), 0.0)
    codes = {"own": z, "zero": torch.zeros_like(z), "other": z.roll(1, 0)}
    forced = 0
    device = next(model.parameters()).device
    with evaluating(model), torch.no_grad():
        for part in torch.argsort((x != 0).sum(1), stable=True).split(rows):
            seen = model.trim(x[part]).to(device)
            for name, code in codes.items():
                odds = model.decode(code[part].to(device), seen)
                nll[name] += float(model.law.nll(seen, odds).double().sum())
                if name == "own":
                    forced += int(((odds.argmax(-1) == seen) & (seen != 0)).sum())
    return {
        "n": len(smiles), "unreadable": len(smiles) - len(keep), "exact": dataclasses.asdict(exact),
        "valid": sum(text is not None for text in made) / max(1, len(made)), "tokens": tokens,
        "forced": forced / tokens, "placewise": int(at_place.sum()) / tokens,
        "nll": {name: value / tokens for name, value in nll.items()},
    }  # fmt: skip


def around(
    embedder: MoleculeEmbedder, seeds: Sequence[str], radii: Iterable[float], draws: int,
    training: Collection[str] | None, seed: int = 0, writing: dict[str, Any] | None = None,
) -> list[Row]:  # fmt: skip
    """Return the neighbourhood metrics of samples at several radii, each with the same noise."""
    found: list[Row] = []
    for radius in radii:
        written = embedder.perturb(seeds, radius, draws, rng=seed, **(writing or {}))
        found.append({"radius": radius, **neighbourhood_metrics(seeds, written, training).to_dict()})
    return found


def drawn(
    embedder: MoleculeEmbedder, n: int, training: Collection[str] | None, reference: Profile, seed: int = 0
) -> Row:  # fmt: skip
    """Return what samples of the laws of the codes look like, as strings and as a set of molecules."""
    found: Row = {}
    for sampler, temperature, writing, share in SAMPLES:
        texts = embedder.sample(max(1, round(share * n)), sampler, temperature=temperature, rng=seed, **writing)
        made = generation_metrics(texts, training)
        row = {"strings": made.to_dict()}
        if made.valid:
            row["set"] = distribution_metrics(made.molecules, reference).to_dict()
        found[f"{sampler}, temperature {temperature:g}, {'of 4 beams' if writing else 'greedy'}"] = row
    return found


def geometry(embedder: MoleculeEmbedder, smiles: Sequence[str]) -> Row:
    """Return size and angles of the codes."""
    z = embedder.encode(smiles)
    z = z[np.isfinite(z).all(1)]
    u = z[:1000] / np.linalg.norm(z[:1000], axis=1, keepdims=True)
    cosines = (u @ u.T)[~np.eye(len(u), dtype=bool)]
    return {
        "norm": float(np.linalg.norm(z, axis=1).mean()), "rms": float(np.sqrt((z**2).mean())),
        "spread": float(z.std(0).mean()), "cosine": float(cosines.mean()),
    }  # fmt: skip


def assess(
    embedder: MoleculeEmbedder,
    test: Sequence[str],
    training: Collection[str],
    *,
    n: int = 10_000,
    seeds: int = 500,
    draws: int = 10,
    radii: Iterable[float] = RADII,
    seed: int = 0,
) -> Row:
    """Assess a fitted embedder by molecules that it was not trained on, and canonical ones that it was.

    Up to `n` of `test`, drawn by `seed`, are reconstructed, `n` samples drawn from each law of codes, and `seeds` of
    the molecules perturbed. `training` decides what is new, and a fifth of `n` of it is reconstructed too.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    chosen = [test[i] for i in rng.permutation(len(test))[:n]]
    ordered = [str(text) for text in training]
    if isinstance(training, set | frozenset):
        ordered.sort()  # whose order is another in each process
    own = [ordered[i] for i in rng.choice(len(ordered), min(len(ordered), max(1, n // 5)), replace=False)]
    known = set(ordered)
    looked = own[:2000]
    return {
        "test": reconstruction(embedder, chosen),
        "training": reconstruction(embedder, own),
        "codes": geometry(embedder, chosen),
        "prior": drawn(embedder, n, known, Profile.of(_readable(chosen)), seed),
        "around": around(embedder, _readable(chosen)[:seeds], radii, draws, known, seed),
        "around of 4 beams": around(embedder, _readable(chosen)[: max(2, seeds // 3)], radii, draws, known, seed, BEST),
        "uncanonical": sum(canonical(text) != text for text in looked) / len(looked),
        "seconds": round(time.perf_counter() - began),
    }


def _readable(smiles: Iterable[str]) -> list[str]:
    return [text for text in map(canonical, smiles) if text is not None]


# ---- training


def adopt(embedder: MoleculeEmbedder, model: cmim.Model, result: Any, batches: SmilesBatches) -> MoleculeEmbedder:
    """Make a model that `cmim.fit` trained the embedder's own."""
    embedder.model_ = model
    embedder.history_, embedder.notes_, embedder.n_iter_ = result.history, result.notes, result.steps
    embedder.skipped_ = batches.skipped
    embedder._look_at(batches)
    return embedder


def train(
    embedder: MoleculeEmbedder, corpus: TextBlocks, start: MoleculeEmbedder | None = None, **training: Any
) -> MoleculeEmbedder:
    """Fit an embedder; from the weights of another one, if there is a start, with a new optimiser and no ramp."""
    if start is None:
        return embedder.fit(corpus, **training)
    embedder.set_params(ramp=0)
    model = embedder._model()
    model.load_state_dict(start.model_.state_dict())
    batches = SmilesBatches(corpus, embedder.batch_size, embedder.seed, length=embedder.max_tokens + 1)
    result = cmim.fit(
        model, batches, max_steps=embedder.max_steps, learning_rate=embedder.learning_rate, warmup=embedder.warmup,
        decay=embedder.decay, progress=embedder.progress, accelerator=embedder.accelerator, **training,
    )  # fmt: skip
    return adopt(embedder, model, result, batches)


def curve(folder: pathlib.Path) -> list[Row]:
    """Return what the logger wrote, step by step; a run that was resumed has several files."""
    found: dict[int, Row] = {}
    versions = sorted(folder.glob("cmim/version_*/metrics.csv"), key=lambda p: int(p.parent.name.rpartition("_")[2]))
    for path in versions:
        with path.open(newline="") as lines:
            for row in csv.DictReader(lines):
                entry = {name: float(value) for name, value in row.items() if value and name not in ("step", "epoch")}
                found[int(row["step"])] = entry
    return [{"step": step, **found[step]} for step in sorted(found)]


# ---- the folder


def slim(weights: dict[str, torch.Tensor], half: torch.dtype | None) -> dict[str, torch.Tensor]:
    """Round the weights of the model to `half`, and the laws of the codes to float32."""
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        if name.startswith("codes."):
            kept[name] = tensor.float()
        else:
            kept[name] = tensor.to(half) if half is not None and tensor.is_floating_point() else tensor
    return kept


def write(
    out: pathlib.Path, embedder: MoleculeEmbedder, log: list[Row], card: Row, test: Sequence[str],
    training: Collection[str], half: torch.dtype | None, **assessed: Any,
) -> Row:  # fmt: skip
    """Write the folder whole or not at all, and return its card."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as part:
        full, folder = pathlib.Path(part, "full"), pathlib.Path(part, "slim")
        found = checkpoint.load(embedder.save(full))
        checkpoint.save(folder, weights=slim(dict(found.weights), half), meta=found.meta)
        card = {
            **card,
            "stored": str(half or torch.float32).removeprefix("torch."),
            "parameters": sum(p.numel() for p in embedder.model_.parameters()),
            "curve": log[:: max(1, len(log) // POINTS)],
            "assessment": assess(_on(MoleculeEmbedder.load(folder), embedder.accelerator), test, training, **assessed),
        }
        names = list(dict.fromkeys(name for row in log for name in row))
        with (folder / "training_log.csv").open("w", newline="") as lines:
            table = csv.DictWriter(lines, names)
            table.writeheader()
            table.writerows(log)
        (folder / "card.json").write_text(json.dumps(plain(card), indent=1) + "\n", "utf-8")
        size = sum(file.stat().st_size for file in folder.iterdir())
        if size > LARGEST:
            sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
            keep = out.with_name(out.name + "-too-large")
            folder.rename(keep)
            raise SystemExit(f"{size} bytes are more than {LARGEST}: {sizes}. It is in {keep}. Take --half float16.")
        folder.rename(out)
    return card


def versions() -> dict[str, str]:
    """Return what the numbers were made with."""
    names = ("cmim", "infocore", "torch", "lightning", "pytorch-lightning", "numpy", "rdkit", "scikit-learn")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _on(embedder: MoleculeEmbedder, accelerator: str) -> MoleculeEmbedder:
    """Move the model to where it was trained, if that is a GPU."""
    if accelerator in ("gpu", "cuda"):
        embedder.model_.cuda()
    return embedder


def _opened(path: pathlib.Path, corpus: TextBlocks) -> MoleculeEmbedder:
    """Read an embedder, or a bare model, which is then looked at with the training data."""
    if checkpoint.load(path).meta.get("kind") != "cmim.Model":
        return MoleculeEmbedder.load(path)
    model = cmim.load(path)
    c = model.config
    assert isinstance(c.network, TokenPerceiver)
    embedder = MoleculeEmbedder(
        latent_dim=c.latent_dim, max_tokens=c.n_features - 1, network=c.network, variance=c.variance,
        scaling=c.scaling, logvar_floor=c.logvar_floor, ramp=c.ramp, w_k=c.w_k, temperature=c.temperature,
    )  # fmt: skip
    batches = SmilesBatches(corpus, 64, 0, length=c.n_features)
    return adopt(embedder, model, FitResult(0, ()), batches)


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="the folder to write; must not exist")
    parser.add_argument("--only-assess", type=pathlib.Path, metavar="PATH", help="a saved embedder or model")
    parser.add_argument("--continue", dest="start", type=pathlib.Path, help="a folder whose weights to go on from")
    parser.add_argument("--run", type=pathlib.Path, help="where logs and checkpoints go (default OUT-run)")
    parser.add_argument("--logs", type=pathlib.Path, help="where logs go (default RUN/logs)")
    parser.add_argument("--checkpoints", type=pathlib.Path, help="where checkpoints go (default RUN/checkpoints)")
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--decay", default="cosine", choices=["cosine", "none"])
    parser.add_argument("--scaling", default="mean", choices=["sum", "mean"], help="as of `cmim.ModelConfig`")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise; with --continue take another")
    parser.add_argument("--components", type=int, default=10, help="of the mixture of codes")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--depths", type=int, nargs=2, default=(2, 3), metavar=("ENCODER", "DECODER"))
    parser.add_argument("--latent-dim", type=int, default=256)
    parser.add_argument("--tiny", action="store_true", help="a network for trying this out")
    parser.add_argument("--device", "--accelerator", dest="accelerator", default="cpu", choices=["cpu", "gpu", "auto"])
    parser.add_argument("--precision", default="32-true", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--threads", type=int, help="of torch (default all)")
    parser.add_argument("--half", choices=["float16", "bfloat16"], help="round the weights in the file")
    parser.add_argument("--limit", type=int, help="train on the first so many molecules of MOSES")
    parser.add_argument("--molecules", type=int, default=10_000, help="to assess by")
    parser.add_argument("--remark", default="", help="to keep in the card: what the settings do not say")
    parser.add_argument("--seeds", type=int, help="to perturb (default a twentieth of --molecules)")
    parser.add_argument("--progress", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Train, assess and write; or assess alone."""
    options = parsed()
    if options.threads:
        torch.set_num_threads(options.threads)
    corpus = TextBlocks(datasets.moses("train")[: options.limit])
    test = datasets.moses("test")
    assessed = {"n": options.molecules, "seeds": options.seeds or max(2, options.molecules // 20)}
    if options.only_assess:
        embedder = _on(_opened(options.only_assess, corpus), options.accelerator)
        json.dump(plain(assess(embedder, test, corpus.smiles, **assessed)), sys.stdout, indent=1)
        return
    if options.out is None:
        raise SystemExit("--out or --only-assess is needed.")
    if options.out.exists():
        raise SystemExit(f"{options.out} exists, and nothing is overwritten.")
    run = options.run or options.out.with_name(options.out.name + "-run")
    logs, checkpoints = options.logs or run / "logs", options.checkpoints or run / "checkpoints"
    network = TokenPerceiver(
        width=options.width, encoder_depth=options.depths[0], decoder_depth=options.depths[1]
    )  # fmt: skip
    if options.tiny:
        network = TokenPerceiver(slots=4, width=16, encoder_depth=1, decoder_depth=1)
    embedder = MoleculeEmbedder(
        "cmim", latent_dim=32 if options.tiny else options.latent_dim, network=network, max_steps=options.steps,
        variance="sampled", scaling=options.scaling, logvar_floor=-6.0, temperature=0.1, ramp=1000,
        batch_size=options.batch_size, learning_rate=options.learning_rate, warmup=options.warmup,
        decay=options.decay, components=options.components, seed=options.seed, progress=options.progress,
        accelerator=options.accelerator, isomeric=False, check=False,  # MOSES is canonical, without stereochemistry
    )  # fmt: skip
    start = None if options.start is None else _opened(options.start, corpus)
    began = time.perf_counter()
    train(
        embedder, corpus, start, logger="csv", log_dir=logs, checkpoint_dir=checkpoints, resume=True,
        log_every=min(100, options.steps), precision=options.precision,
    )  # fmt: skip
    seen = embedder.n_iter_ * options.batch_size
    card = {
        "data": {
            "name": "MOSES, training split (molsets 0.3.1, MIT)", "rows": len(corpus.smiles),
            "sha256_of_lines": corpus.digest().split()[0], "test": "MOSES, test split", "test_rows": len(test),
            "sha256_of_test_lines": TextBlocks(test).digest().split()[0],
        },
        "settings": {**embedder.get_params(deep=False), "network": dataclasses.asdict(network)},
        "training": {
            "steps": embedder.n_iter_, "molecules": seen, "epochs": seen / len(corpus.smiles),
            "continued_from": None if options.start is None else options.start.name,
            "steps_before": 0 if start is None else start.n_iter_, "precision": options.precision,
            "device": torch.cuda.get_device_name() if options.accelerator == "gpu" else platform.machine(),
            "seconds_of_last_call": round(time.perf_counter() - began), "threads": torch.get_num_threads(),
            "skipped": embedder.skipped_, "notes": list(embedder.notes_), "remark": options.remark,
        },
        "versions": versions(),
    }  # fmt: skip
    half = None if options.half is None else getattr(torch, options.half)
    card = write(options.out, embedder, curve(logs), card, test, corpus.smiles, half, **assessed)
    exact = card["assessment"]["test"]["exact"]
    print(f"{options.out}: exact {exact['value']:.3f} ({exact['low']:.3f} to {exact['high']:.3f})", file=sys.stderr)


if __name__ == "__main__":
    main()
