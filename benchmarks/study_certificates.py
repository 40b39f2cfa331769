"""What a certificate costs: certified nats beside the truth, with the critic fitted on half of the rows.

The critic is the log-ratio of a fitted Gaussian, the clip is chosen on the training half, and the other half is
evaluated. Prints one row per law and n: the mean certificate over seeds by bound and method, the cap, and how often a
certificate was above the truth (allowed: 1 - confidence). A minute or two on one core.
``python benchmarks/study_certificates.py``
"""

import argparse
import json

import numpy as np

from infocore.certificates import choose_clip, held_out_scores, lower_bound

LAWS = {
    "normal, rho 0": 0.0,
    "normal, rho 0.5": 0.5,
    "normal, rho 0.8": 0.8,
    "normal, rho 0.95": 0.95,
    "rho 0.999": 0.999,
}
WAYS = [(bound, method) for bound in ("donsker-varadhan", "nwj") for method in ("betting", "empirical-bernstein")]


def fitted(x: np.ndarray, y: np.ndarray):
    """Return the log-ratio of the bivariate normal with the moments of a sample."""
    mx, my, sx, sy = x.mean(), y.mean(), x.std(), y.std()
    r = np.corrcoef(x, y)[0, 1]

    def critic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        u, v = (a - mx) / sx, (b - my) / sy
        return -0.5 * np.log1p(-(r**2)) - (r**2 * (u**2 + v**2) - 2 * r * u * v) / (2 * (1 - r**2))

    return critic


def certify(rho: float, n: int, seed: int, confidence: float) -> list[tuple[float, float]]:
    """Return certificate and cap, by bound and method, of one sample."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    half = n // 2
    critic = fitted(x[:half], y[:half])
    training = held_out_scores(critic, x[:half], y[:half])
    found = []
    for bound, method in WAYS:
        how = {"confidence": confidence, "bound": bound, "method": method}
        clip = choose_clip(*training, **how)
        e = lower_bound(*held_out_scores(critic, x[half:], y[half:]), clip=clip, **how)
        found.append((e.value, e.cap))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000, 10_000])
    parser.add_argument("--json", action="store_true", help="one line of JSON per row")
    options = parser.parse_args()
    if not options.json:
        print(f"| law | truth | n | {' | '.join(f'{b}, {m}' for b, m in WAYS)} | cap | above the truth |")
        print("| --- " * (len(WAYS) + 5) + "|")
    for name, rho in LAWS.items():
        truth = -0.5 * float(np.log1p(-(rho**2)))
        for n in options.sizes:
            found = np.array([certify(rho, n, seed, options.confidence) for seed in range(options.seeds)])
            means, cap = found[:, :, 0].mean(0), float(found[:, 0, 1].mean())
            above = float(np.mean(found[:, :, 0] > truth))
            if options.json:
                values = {f"{b}, {m}": float(v) for (b, m), v in zip(WAYS, means, strict=True)}
                print(json.dumps({"law": name, "truth": truth, "n": n, **values, "cap": cap, "above": above}))
            else:
                cells = " | ".join(f"{v:.3f}" for v in means)
                print(f"| {name} | {truth:.3f} | {n} | {cells} | {cap:.2f} | {above:.3f} |", flush=True)
