"""The price of a defence in training: one epoch with each, on an MLP and on a small CNN at 28 x 28.

    python benchmarks/bench_mid_training.py --json > benchmarks/results/mid_training.jsonl

One thread, random records of 784 values in 10 classes, batches of 64; an epoch is a whole `fit` with epochs=1, so
building the network is in it. Ratios are to the undefended network. DP-SGD draws its batches by Poisson sampling of the
same expected size.
"""

import functools

import numpy as np
import torch
from compare import arguments, in_turn, report

from mid.torch.bido import BiDO
from mid.torch.classifier import MIDClassifier
from mid.torch.network_classifier import NetworkClassifier
from mid.torch.networks import CNN, MLP
from mid.torch.private import DPSGD
from mid.torch.smoothing import LabelSmoothing


def main() -> None:
    """Run everything in turn."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    sizes = {
        "MLP 784-256-128": (MLP((256, 128)), 6_400),
        "CNN 28 x 28, 16 and 32 channels": (CNN((1, 28, 28), channels=(16, 32)), 640),
    }
    for title, (network, n) in sizes.items():
        x, y = rng.random((n, 784), dtype=np.float32), rng.integers(10, size=n)
        settings = {"network": network, "epochs": 1, "batch_size": 64}
        models = {
            "undefended": NetworkClassifier(**settings),
            "MID bottleneck": MIDClassifier(beta=1e-2, **settings),
            "negative label smoothing": NetworkClassifier(LabelSmoothing(), **settings),
            "BiDO, HSIC": NetworkClassifier(BiDO(), **settings),
            "BiDO, COCO": NetworkClassifier(BiDO(1.0, 50.0, "coco"), **settings),
            "DP-SGD (opacus)": NetworkClassifier(DPSGD(noise_multiplier=1.1), **settings),
        }
        fits = {name: functools.partial(model.fit, x, y) for name, model in models.items()}
        report(f"one epoch of {n} records, {title}", in_turn(fits, options.repeats), as_json=options.json)


if __name__ == "__main__":
    main()
