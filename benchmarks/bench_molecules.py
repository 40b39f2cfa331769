"""The speed of the molecule models: embedding, writing with and without kept keys and values, and training.

    python benchmarks/bench_molecules.py --json > benchmarks/results/molecule_speed.jsonl

One thread, the shipped network (`TokenPerceiver()`, latent 256) untrained, since speed does not depend on weights, and
molecules of MOSES. What does depend on them is where a row ends: the rows that are written here are ended after as many
tokens as molecules of MOSES have, with and without the cache alike. Embedding stands beside a bare torch loop of the
same network (cut into tokens, encode; RDKit does not look) and RDKit's Morgan counts. Ten thousand molecules are
embedded by the shipped model beside the Morgan counts of RDKit, and of datamol and molfeat where they are installed.
These two were (datamol 0.13.0, molfeat 1.0.0) in an environment of their own that has the pinned one's packages by a
.pth file: `uv pip install --no-deps datamol molfeat loguru pmapper`. RDKit and numpy are the same for all.
That case alone, run in this folder, appends its line with:

    python -c "import bench_molecules as b; b.count(3, as_json=True)" >> results/molecule_speed.jsonl

Training stands beside the same objective, batches and optimiser without the Trainer; a fit of one step is beside it,
to take the Trainer's start out.
"""

import contextlib
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from compare import arguments, in_turn, report
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from torch import Tensor

import cmim
from cmim import TokenPerceiver, generation
from cmim.molecules.chemistry import read_molecules
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.properties import datasets
from cmim.molecules.properties.descriptors import morgan_counts
from cmim.molecules.shipped import pretrained
from cmim.molecules.tokens import Vocabulary
from cmim.symbols import EOS

N, STEPS, BATCH = 1024, 10, 64
VOCABULARY = Vocabulary()


def untrained(smiles: list[str]) -> MoleculeEmbedder:
    """Return an embedder of the shipped size that knows all tokens, without the time of a fit."""
    embedder = MoleculeEmbedder()
    embedder.model_ = model(0)
    embedder.familiar_ = frozenset(VOCABULARY.tokens)
    embedder.longest_ = max(len(VOCABULARY.split(text)) for text in smiles)
    return embedder


def model(seed: int) -> cmim.Model:
    """Return the shipped model's network, untrained."""
    return cmim.CMIM(
        128, 256, network=TokenPerceiver(), likelihood="tokens", levels=len(VOCABULARY), variance="sampled",
        ramp=1000, seed=seed,
    )  # fmt: skip


# ---- embedding


def bare(module: cmim.Model, smiles: list[str], batch: int = 512) -> Tensor:
    """Cut into tokens and encode, as shortly as torch allows: sorted by length, so that padding costs as little."""
    tokens = torch.from_numpy(VOCABULARY.encode(smiles))
    lengths = (tokens != 0).sum(1)
    found = []
    with torch.no_grad():
        for rows in lengths.argsort(stable=True).split(batch):
            found.append(module.encoder(tokens[rows, : int(lengths[rows].max())])[0])
    return torch.cat(found)


def rdkit_counts(smiles: list[str]) -> np.ndarray:
    """Morgan counts as RDKit's own documentation has them."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return np.stack([generator.GetCountFingerprintAsNumPy(Chem.MolFromSmiles(text)) for text in smiles])


def embedding(smiles: list[str]) -> dict[str, Callable[[], Any]]:
    """Return the ways to embed molecules."""
    embedder = untrained(smiles)
    functions: dict[str, Callable[[], Any]] = {
        "cmim embed, latent": lambda: embedder.embed(smiles),
        "cmim embed, informative": lambda: embedder.embed(smiles, "informative"),
        "cmim reading alone": lambda: read_molecules(smiles, max_tokens=127, vocabulary=VOCABULARY),
        "bare torch loop, tokens and encoder": lambda: bare(embedder.model_, smiles),
        "cmim morgan_counts": lambda: morgan_counts(smiles),
        "RDKit Morgan counts": lambda: rdkit_counts(smiles),
        "RDKit canonical SMILES": lambda: [Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in smiles],
    }
    return functions


def fingerprints(smiles: list[str]) -> dict[str, Callable[[], Any]]:
    """Return makers of Morgan counts, of radius 2 folded to 2,048, ours first, and of the shipped model's codes."""
    embedder = pretrained()
    functions: dict[str, Callable[[], Any]] = {
        "cmim morgan_counts": lambda: morgan_counts(smiles),
        "RDKit Morgan counts": lambda: rdkit_counts(smiles),
    }
    if importlib.util.find_spec("datamol"):
        import datamol  # pyright: ignore[reportMissingImports]

        functions["datamol to_fp, ecfp-count"] = lambda: np.stack(
            [datamol.to_fp(text, fp_type="ecfp-count", radius=2, fpSize=2048) for text in smiles]
        )
    if importlib.util.find_spec("molfeat"):
        from molfeat.trans.fp import FPVecTransformer  # pyright: ignore[reportMissingImports]

        transformer = FPVecTransformer("ecfp-count", length=2048, radius=2, n_jobs=1)
        functions["molfeat ecfp-count"] = lambda: transformer(smiles)
    for name in ("datamol", "molfeat"):
        if not importlib.util.find_spec(name):
            print(f"{name} is not installed and not measured.", file=sys.stderr)
    functions["cmim embed, latent"] = lambda: embedder.embed(smiles)
    return functions


# ---- writing


@contextlib.contextmanager
def ended(lengths: Tensor) -> Iterator[None]:
    """Let row i end after ``lengths[i]`` tokens, whatever the weights say."""

    def ending(writer: type) -> type:
        class Ending(writer):
            def __init__(self, decoder: Any, z: Tensor) -> None:
                super().__init__(decoder, z)
                self.left, self.at = lengths[: len(z)], 0

            def next(self, before: Tensor) -> Tensor:
                odds = super().next(before)
                odds[:, EOS] = torch.where(self.left == self.at, torch.inf, -torch.inf)
                self.at += 1
                return odds

            def keep(self, rows: Tensor) -> None:
                super().keep(rows)
                self.left = self.left[rows]

        return Ending

    with (
        mock.patch.object(generation, "_Cached", ending(generation._Cached)),
        mock.patch.object(generation, "_Anew", ending(generation._Anew)),
    ):
        yield


def writing(
    module: cmim.Model, z: Tensor, lengths: Tensor, written: dict[bool, np.ndarray], *, cache: bool
) -> Callable[[], None]:
    """Write one batch of rows, and leave it in `written`."""

    def write() -> None:
        with ended(lengths):
            written[cache] = generation.generate(module, z, batch_size=len(z), cache=cache)

    return write


# ---- training


def loop(module: cmim.Model, batches: SmilesBatches) -> Callable[[], None]:
    """Take steps in a bare loop."""
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)

    def steps() -> None:
        for step in range(STEPS):
            batch = batches(step)
            generator = torch.Generator().manual_seed(step)
            terms = module.objective(batch.x, generator, step=step, watch=False, groups=batch.groups)
            optimizer.zero_grad()
            terms["loss"].backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()

    return steps


def fitted(module: cmim.Model, batches: SmilesBatches, steps: int) -> Callable[[], Any]:
    """Take the same steps through `cmim.fit`."""
    return lambda: cmim.fit(module, batches, max_steps=steps, accelerator="cpu", log_every=100)


def training(smiles: list[str], repeats: int, *, as_json: bool) -> None:
    """Report tokens a second of `cmim.fit` as a share of those of the bare loop, from pairs of runs."""
    batches = SmilesBatches(TextBlocks(smiles), BATCH, 0)
    tokens = sum(int((batches(step).x != 0).sum()) for step in range(STEPS))
    functions = {
        "cmim.fit": fitted(model(0), batches, STEPS),
        "bare torch loop": loop(model(0), batches),
        "cmim.fit of one step": fitted(model(0), batches, 1),
    }
    rows = in_turn(functions, repeats)
    report(f"training, {STEPS} steps of {BATCH} molecules, {tokens} tokens", rows, as_json=as_json)
    one = rows["cmim.fit of one step"]["cpu_s"]
    bare_step = rows["bare torch loop"]["cpu_s"] / STEPS
    share = (STEPS - 1) * bare_step / (rows["cmim.fit"]["cpu_s"] - one)
    print(f"training: {share:.3f} of the bare loop's tokens a second, once begun", file=sys.stderr)


def chosen(n: int, seed: int) -> list[str]:
    """Return some test molecules of MOSES."""
    every = datasets.moses("test")
    return [every[i] for i in np.random.default_rng(seed).choice(len(every), n, replace=False)]


def embed(repeats: int, *, as_json: bool) -> None:
    """Report the ways to embed molecules."""
    report(f"embedding {N} molecules", in_turn(embedding(chosen(N, 0)), repeats), as_json=as_json)


def count(repeats: int, n: int = 10_000, *, as_json: bool) -> None:
    """Report the ways to make fingerprints, beside embeddings."""
    rows = in_turn(fingerprints(chosen(n, 0)), repeats)
    report(f"fingerprints and embeddings of {n} molecules", rows, as_json=as_json)


def write(size: int, repeats: int, *, as_json: bool) -> None:
    """Report how long a batch takes with and without the cache, and how many of its rows are equal."""
    lengths = torch.tensor([len(VOCABULARY.split(text)) for text in chosen(size, 0)])
    module = model(0).eval()
    codes = torch.randn(size, 256, generator=torch.Generator().manual_seed(0))
    written: dict[bool, np.ndarray] = {}
    pair = {
        name: writing(module, codes, lengths, written, cache=cache)
        for name, cache in (("with cache", True), ("without", False))
    }
    rows = in_turn(pair, repeats)
    same = float((written[True] == written[False]).all(1).mean())
    title = f"writing {size} molecules of {statistics.mean(lengths.tolist()):.1f} tokens"
    report(f"{title}; {same:.3f} of the rows equal", rows, as_json=as_json)


def main() -> None:
    """Run everything in turn."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    began = time.perf_counter()
    embed(options.repeats, as_json=options.json)
    count(options.repeats, as_json=options.json)
    training(chosen(20_000, 1), options.repeats, as_json=options.json)
    for size in (64, 512):
        write(size, max(1, options.repeats // 2), as_json=options.json)
    print(f"{time.perf_counter() - began:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
