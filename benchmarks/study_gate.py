"""When cMIM's contrastive term does anything: its gate beside what the codes are good for, on scikit-learn's digits.

Prints the table of docs/guide/cmim.md: means over seeds, standard error of k-NN and linear accuracy. Some minutes on
one core. ``python benchmarks/study_gate.py``
"""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits

from cmim import CMIM, MIM, evaluate_embeddings, fit, latent, reconstruct
from cmim.losses import diagnostics

RUNS = {
    "MIM": lambda: MIM(64, latent_dim=16),
    "cMIM sum, tau 0.1": lambda: CMIM(64, latent_dim=16),
    "cMIM sum, tau 0.5": lambda: CMIM(64, latent_dim=16, temperature=0.5),
    "cMIM sum, tau 1": lambda: CMIM(64, latent_dim=16, temperature=1.0),
    "cMIM mean, tau 0.1": lambda: CMIM(64, latent_dim=16, scaling="mean"),
    "cMIM mean, tau 1": lambda: CMIM(64, latent_dim=16, scaling="mean", temperature=1.0),
}


def measure(name: str, seed: int, steps: int) -> list[float]:
    """Train one model; return gate, mean cosine, code norm, share at the floor, MSE, k-NN and linear accuracy."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype(np.float32), y[order]
    train, test = slice(0, 1200), slice(1200, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RUNS[name]()
        fit(model, x[train], max_steps=steps, batch_size=100, seed=seed, accelerator="cpu")
        with torch.no_grad():
            mu, logvar = model.encode(torch.as_tensor(x[test]))
            z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    watched = diagnostics(mu, logvar, z, temperature=model.config.temperature)
    error = float((reconstruct(model, x[test]) - torch.as_tensor(x[test])).square().mean())
    scores = evaluate_embeddings(latent(model, x[train]), y[train], latent(model, x[test]), y[test])
    return [*(float(v) for v in watched.values()), error, scores.knn_euclidean.value, scores.linear.value]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    print("| model | gate | mean cosine | mean norm of the code | at the floor | MSE | k-NN | linear |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in RUNS:
        rows = np.array([measure(name, seed, options.steps) for seed in range(options.seeds)])
        mean = rows.mean(0)
        error = rows.std(0, ddof=1) / len(rows) ** 0.5 if len(rows) > 1 else np.full(len(mean), np.nan)
        accuracies = [f"{m:.3f} ± {e:.3f}" for m, e in zip(mean[5:], error[5:], strict=True)]
        cells = [*(f"{m:.3g}" for m in mean[:5]), *accuracies]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
