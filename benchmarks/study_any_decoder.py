"""Informative embeddings of models that are not ours: what a decoder's hidden layer adds, and whose doing it is.

Two auto-encoders of scikit-learn's digits (1,200 for training, 597 for testing, split anew for every seed):

- pythae's VAE, fully connected as it comes (code of 10, one hidden layer of 512), trained by its own loss;
- a transformer that reads an image as 8 rows of 8 pixels and writes it row after row from one code of 16, with teacher
  forcing: the decoder is fed the rows above. Squared error.

Features are read with `cmim.layers.read_layer` from the code and from the decoder's last hidden layer (averaged over
rows), then from the same layer with the code set to zero, with the code of another image, and of decoders whose
parameters are drawn anew (`randomised`; 5 draws, since they differ). Beside them raw pixels and principal components of
the widths of the code and of the hidden layer. Each is judged by `cmim.evaluate_embeddings`; the squared error of an
image, from the decoder's output under the same control, says whether the decoder uses the code at all.

    pip install -c constraints.txt torch==2.13.0 pythae==0.1.2 ./packages/infocore[torch,report] ./packages/cmim
    python benchmarks/study_any_decoder.py                # a few minutes on one core; without pythae, the second alone

Writes one line of JSON per model, seed, kind of features and draw to benchmarks/results/any_decoder.jsonl; prints means
with standard errors over seeds (of means over draws), then the same of differences to the trained decoder's layer.
"""

import argparse
import collections
import importlib.metadata
import importlib.util
import json
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

import cmim
from cmim.layers import randomised, read_layer

OUT = pathlib.Path(__file__).parent / "results" / "any_decoder.jsonl"
METRICS = ("knn_euclidean", "knn_cosine", "linear", "squared error")
TRAINED = "decoder hidden"
N_TRAIN = 1200
# of what features are read in; shuffled codes come from the same batch
ROWS = 200
# draws of parameters for each model, at seeds that are not those that training started from
DRAWS = 5
ANEW = 1000

Features = dict[tuple[str, int], tuple[Tensor, Tensor | None]]


class RowDecoder(nn.Module):
    """From a code and the rows above to each row of an image."""

    def __init__(self, code: int, width: int) -> None:
        super().__init__()
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        self.memory = nn.Linear(code, width)
        self.embed = nn.Linear(8, width)
        layer = nn.TransformerDecoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.body = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(width))
        self.head = nn.Linear(width, 8)

    def forward(self, z: Tensor, rows: Tensor) -> Tensor:
        above = functional.pad(rows[:, :-1], (0, 0, 1, 0))
        causal = torch.ones(8, 8, dtype=torch.bool).triu(1)
        h = self.body(self.embed(above) + self.place, self.memory(z)[:, None], tgt_mask=causal)
        return self.head(h).flatten(1)


class RowAutoEncoder(nn.Module):
    """An image as a sequence of rows, to one code and back."""

    def __init__(self, code: int = 16, width: int = 32) -> None:
        super().__init__()
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        self.embed = nn.Linear(8, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.code = nn.Linear(width, code)
        self.decoder = RowDecoder(code, width)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.unflatten(1, (8, 8))
        z = self.code(self.encoder(self.embed(rows) + self.place).mean(1))
        return self.decoder(z, rows)


def train(module: nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor, steps: int, seed: int) -> None:
    """Train a module in place by Adam on random batches."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    module.train()
    for _ in range(steps):
        batch = x[torch.randint(len(x), (100,), generator=generator)]
        optimizer.zero_grad()
        loss(batch).backward()
        optimizer.step()


def vae_of_pythae(x: Tensor, steps: int, seed: int) -> dict[str, Any]:
    """Train pythae's VAE as it comes."""
    from pythae.models import VAE, VAEConfig

    torch.manual_seed(seed)
    model = VAE(VAEConfig(input_dim=(64,), latent_dim=10, reconstruction_loss="bce"))
    train(model, lambda batch: model({"data": batch}).loss, x, steps, seed)

    def decode_the_mean(module: nn.Module, batch: Tensor) -> Any:  # its forward draws a code
        return module.decoder(module.encoder(batch).embedding)

    return {
        "model": model,
        "code": "encoder.embedding",
        "head": "decoder.layers.1.0",
        "data": "decoder.layers.1",
        "call": decode_the_mean,
    }


def transformer(x: Tensor, steps: int, seed: int) -> dict[str, Any]:
    """Train the auto-encoder of rows."""
    torch.manual_seed(seed)
    model = RowAutoEncoder()
    train(model, lambda batch: functional.mse_loss(model(batch), batch, reduction="sum") / len(batch), x, steps, seed)
    return {"model": model, "code": "code", "head": "decoder.head", "data": "decoder.head", "call": None}


def features(of: dict[str, Any], x: Tensor, seed: int) -> Features:
    """Read the code, the decoder's last hidden layer under each control, and what the decoder writes under it."""

    def read(model: nn.Module, layer: str, **own: Any) -> Tensor:
        return read_layer(model, layer, x.split(ROWS), call=of["call"], seed=seed, **own)

    def both(model: nn.Module, code: str = "own") -> tuple[Tensor, Tensor]:
        own: dict[str, Any] = {"code_layer": of["code"], "code": code}
        return read(model, of["head"], where="input", **own), read(model, of["data"], pool="none", **own)

    model = of["model"]
    out: Features = {
        ("code", 0): (read(model, of["code"]), None),
        (TRAINED, 0): both(model),
        ("decoder hidden, zero code", 0): both(model, "zero"),
        ("decoder hidden, another's code", 0): both(model, "shuffled"),
    }
    for draw in range(DRAWS):
        anew = ANEW + DRAWS * seed + draw
        out["decoder hidden, decoder drawn anew", draw] = both(randomised(model, anew, part="decoder"))
        out["decoder hidden, all drawn anew", draw] = both(randomised(model, anew))
    return out


def pixels(x: Tensor, widths: list[int], seed: int) -> Features:
    """Raw pixels, and principal components of the training part."""
    out: Features = {("raw pixels", 0): (x, None)}
    for width in widths:
        pca = PCA(width, random_state=seed).fit(x[:N_TRAIN].numpy())
        z = pca.transform(x.numpy())
        out[f"{width} principal components", 0] = (torch.tensor(z), torch.tensor(pca.inverse_transform(z)))
    return out


def judge(z: Tensor, back: Tensor | None, x: Tensor, y: np.ndarray) -> dict[str, float | None]:
    """Accuracies on the test part, and the squared error of its images."""
    scores = cmim.evaluate_embeddings(z[:N_TRAIN], y[:N_TRAIN], z[N_TRAIN:], y[N_TRAIN:])
    out: dict[str, float | None] = {name: getattr(scores, name).value for name in METRICS[:3]}
    out["squared error"] = None if back is None else float((back - x)[N_TRAIN:].square().sum(1).mean())
    return out


def cell(values: list[float], sign: str = "") -> str:
    """Mean and standard error."""
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{np.mean(values):{sign}.3f} ± {error:.3f}" if values else ""


def tables(lines: list[dict[str, Any]]) -> None:
    """Print means and standard errors over seeds, and the same of differences to the trained decoder's layer."""
    draws: dict[tuple[str, str, str, int], list[float]] = collections.defaultdict(list)
    widths: dict[tuple[str, str], int] = {}
    for line in lines:
        widths[line["model"], line["features"]] = line["width"]
        for metric in METRICS:
            if line[metric] is not None:
                draws[line["model"], line["features"], metric, line["seed"]].append(line[metric])
    means = {key: float(np.mean(values)) for key, values in draws.items()}
    seeds = sorted({line["seed"] for line in lines})
    for model in dict.fromkeys(line["model"] for line in lines):
        kinds = [kind for owner, kind in widths if owner == model]
        print(
            f"\n{model}\n\n| features | width | " + " | ".join(METRICS) + " |\n" + "| --- " * (len(METRICS) + 2) + "|"
        )
        for kind in kinds:
            found = [[means[model, kind, m, s] for s in seeds if (model, kind, m, s) in means] for m in METRICS]
            print(f"| {kind} | {widths[model, kind]} | " + " | ".join(map(cell, found)) + " |")
        print(f"\n| {TRAINED} less | " + " | ".join(METRICS[:3]) + " |\n" + "| --- " * 4 + "|")
        for kind in kinds:
            if kind != TRAINED:
                less = [[means[model, TRAINED, m, s] - means[model, kind, m, s] for s in seeds] for m in METRICS[:3]]
                print(f"| {kind} | " + " | ".join(cell(values, "+") for values in less) + " |")


def main() -> None:
    """Train, read, judge, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = ("cmim", "numpy", "pythae", "scikit-learn", "torch")
    present = {distribution.metadata["Name"] for distribution in importlib.metadata.distributions()}
    versions = {name: importlib.metadata.version(name) for name in names if name in present}
    models = {"pythae VAE": vae_of_pythae, "transformer of rows": transformer}
    if importlib.util.find_spec("pythae") is None:
        print("pythae is not installed: its VAE is left out (pip install pythae==0.1.2)")
        del models["pythae VAE"]
    digits = load_digits()
    lines: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(len(digits.target))
        x, y = torch.tensor(digits.data[order] / 16, dtype=torch.float32), digits.target[order]
        for name, build in models.items():
            start = time.process_time()
            of = build(x[:N_TRAIN], options.steps, seed)
            spent = round(time.process_time() - start, 1)
            read = features(of, x, seed)
            widths = sorted({z.shape[1] for z, _ in read.values() if z.shape[1] < 64})
            for (kind, draw), (z, back) in (read | pixels(x, widths, seed)).items():
                line = {"model": name, "seed": seed, "steps": options.steps, "features": kind, "draw": draw}
                line |= {"width": z.shape[1]} | judge(z, back, x, y)
                lines.append(line | {"training cpu s": spent, "versions": versions})
    OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tables(lines)


if __name__ == "__main__":
    main()
