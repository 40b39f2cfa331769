"""What the bottleneck costs in any implementation: ours beside a loop written by hand over the same layers.

    OMP_NUM_THREADS=1 python benchmarks/bench_mid_bottleneck.py --json > benchmarks/results/mid_bottleneck.jsonl

The MLP of `bench_mid_training`: one epoch, building included, batches of 64, one thread. The loops by hand check, seed
and record nothing.
"""

import functools
from collections.abc import Callable

import numpy as np
import torch
from compare import arguments, in_turn, report
from torch import Tensor, nn
from torch.nn import functional

from mid.torch.classifier import MIDClassifier
from mid.torch.network_classifier import NetworkClassifier
from mid.torch.networks import MLP, Architecture


def plain(network: Architecture, x: Tensor, y: Tensor) -> None:
    """Train the undefended network for an epoch."""
    features = network.build(x.shape[1], torch.Generator().manual_seed(0))
    model = nn.Sequential(features, nn.Linear(features.out_features, 10))
    _loop(model, x, y, lambda x, y: functional.cross_entropy(model(x), y))


def bottleneck(network: Architecture, x: Tensor, y: Tensor) -> None:
    """Train the authors' bottleneck for an epoch: 2k statistics, noise, divergence, last layer."""
    features = network.build(x.shape[1], torch.Generator().manual_seed(0))
    k = features.out_features // 2
    statistics, last = nn.Linear(features.out_features, 2 * k), nn.Linear(k, 10)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        mu, a = statistics(features(x)).chunk(2, dim=1)
        std = functional.softplus(a - 5.0)
        price = -0.5 * (1.0 + 2.0 * std.log() - mu**2 - std**2).sum(1).mean()
        return functional.cross_entropy(last(mu + std * torch.randn_like(mu)), y) + 1e-2 * price

    _loop(nn.ModuleList([features, statistics, last]), x, y, loss)


def _loop(model: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    for rows in torch.randperm(len(x)).split(64):
        value = loss(x[rows], y[rows])
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()


def main() -> None:
    """Run everything in turn; the loop without defence is what the others are measured by."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    network, n = MLP((256, 128)), 6_400
    x, y = rng.random((n, 784), dtype=np.float32), rng.integers(10, size=n)
    settings = {"network": network, "epochs": 1, "batch_size": 64}
    given = (network, torch.from_numpy(x), torch.from_numpy(y))
    fits = {
        "undefended, by hand": functools.partial(plain, *given),
        "undefended": functools.partial(NetworkClassifier(**settings).fit, x, y),
        "MID bottleneck, by hand": functools.partial(bottleneck, *given),
        "MID bottleneck": functools.partial(MIDClassifier(beta=1e-2, **settings).fit, x, y),
    }
    report(f"one epoch of {n} records, MLP 784-256-128", in_turn(fits, options.repeats), as_json=options.json)


if __name__ == "__main__":
    main()
