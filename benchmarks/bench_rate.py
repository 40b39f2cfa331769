"""Certified rate-distortion, capacity and bottleneck against plain Blahut-Arimoto and dit.

`python benchmarks/bench_rate.py --repeats 3 --json >> benchmarks/results/rate.jsonl`

Every law is judged by the same bound, whoever found it: log max_j w_j, or the largest divergence less the information.
A plain iteration stops at 1e-6 or after the number of steps in its name, and dit where it sees no change; what gap is
left then stands in the title. Only a method that got to 1e-6 has a time that can be compared with ours. dit has no part
in the bottleneck: version 2.3 prefers the encoder that tells nothing at every beta, as clusters without mass get a law
of y that does not sum to 1, and so a negative divergence.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from compare import arguments, in_turn, report

from infocore.rate import (
    blahut_arimoto,
    channel_capacity,
    information_bottleneck,
    rate_distortion_curve,
    rate_for_distortion,
)

TOL = 1e-6
Law = Callable[[], np.ndarray]


def gaussian(m: int, n: int, *, skew: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return a law of x on a grid, standard normal or a lopsided mixture, and the squared error to a grid of y."""
    x, y = np.linspace(-4, 4, m), np.linspace(-4, 4, n)
    px = np.exp(-((x - 1) ** 2) / 2) + 0.3 * np.exp(-10 * (x + 2) ** 2) if skew else np.exp(-(x**2) / 2)
    return px / px.sum(), (x[:, None] - y) ** 2


def plain(px: np.ndarray, cost: np.ndarray, slope: float, steps: int) -> np.ndarray:
    """Return the law after Blahut-Arimoto's own steps, to the gap or to the last step."""
    kernel = np.exp(-slope * cost)
    q = np.full(cost.shape[1], 1 / cost.shape[1])
    for _ in range(steps):
        w = (px / (kernel @ q)) @ kernel
        if np.log(w.max()) <= TOL:
            break
        q = q * w
    return q


def gap(px: np.ndarray, cost: np.ndarray, slope: float, q: np.ndarray) -> float:
    """Return the duality gap of a law of y."""
    kernel = np.exp(-slope * cost)
    return float(np.log(((px / (kernel @ q)) @ kernel).max()))


def divergences(w: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the divergence of each row from the law of the output."""
    py = p @ w
    logs = np.log(np.where(w > 0, w, 1.0)) - np.log(np.where(py > 0, py, 1.0))
    return np.sum(w * logs, 1)


def plain_capacity(w: np.ndarray, steps: int) -> np.ndarray:
    """Return the law of x after Arimoto's own steps, to the gap or to the last step."""
    p = np.full(len(w), 1 / len(w))
    negentropy = np.sum(w * np.log(np.where(w > 0, w, 1.0)), 1)
    for _ in range(steps):
        d = negentropy - w @ np.log(p @ w)
        if d.max() - p @ d <= TOL:
            break
        p = p * np.exp(d - d.max())
        p /= p.sum()
    return p


def has_dit() -> bool:
    """Say whether dit can be imported."""
    return importlib.util.find_spec("dit") is not None


def dit_law(px: np.ndarray, cost: np.ndarray, slope: float, restarts: int) -> np.ndarray:
    """Return the law of y that dit ends at; its exponent is to base 2."""
    from dit.rate_distortion.blahut_arimoto import blahut_arimoto as solve

    return np.asarray(solve(px, slope / np.log(2), distortion=lambda *_: cost, restarts=restarts)[1]).sum(0)


def rate_rows(repeats: int, *, as_json: bool) -> None:
    """Time one slope at a time."""
    problems: list[tuple[str, np.ndarray, np.ndarray, float, int]] = []
    for m, n, steps in ((256, 256, 100_000), (100, 400, 20_000), (400, 100, 20_000), (1000, 1000, 2_000)):
        problems += [(f"Gaussian, squared error, {m} x {n}", *gaussian(m, n), s, steps) for s in (0.5, 1.0, 4.0, 16.0)]
    problems += [("lopsided, squared error, 256 x 256", *gaussian(256, 256, skew=True), s, 20_000) for s in (1.0, 16.0)]
    px, cost = gaussian(256, 256)
    problems += [("Gaussian, absolute error, 256 x 256", px, np.sqrt(cost), s, 20_000) for s in (1.0, 16.0)]
    uneven = np.random.default_rng(0).dirichlet(np.ones(256))
    problems += [("uneven law, Hamming, 256 x 256", uneven, 1 - np.eye(256), s, 20_000) for s in (1.0, 4.0, 8.0)]
    for name, p, d, s, steps in problems:
        laws: dict[str, Law] = {
            "rate_distortion": lambda p=p, d=d, s=s: blahut_arimoto(p, -d, s).py,
            f"plain numpy, {steps} steps": lambda p=p, d=d, s=s, steps=steps: plain(p, d, s, steps),
        }
        if has_dit() and d.shape == (256, 256):
            laws["dit, 1 start"] = lambda p=p, d=d, s=s: dit_law(p, d, s, 1)
            laws["dit, 100 starts"] = lambda p=p, d=d, s=s: dit_law(p, d, s, 100)
        left = [f"{blahut_arimoto(p, -d, s).gap:.1e}", *(f"{gap(p, d, s, f()):.1e}" for f in list(laws.values())[1:])]
        report(
            f"{name}, slope {s:g}: gaps {', '.join(left)} nats",
            in_turn(laws, repeats if steps < 100_000 else min(repeats, 3)),
            as_json=as_json,
        )


def capacity_rows(repeats: int, *, as_json: bool) -> None:
    """Time capacities of random and of structured channels."""
    rng = np.random.default_rng(1)
    sparse = rng.random((1000, 1000)) * (rng.random((1000, 1000)) < 0.01)
    sparse[np.arange(1000), rng.integers(0, 1000, 1000)] += 0.5
    x, y = np.linspace(-2, 2, 256), np.linspace(-5, 5, 256)
    normal = np.exp(-2 * (x[:, None] - y) ** 2)
    channels = {
        "binary symmetric": np.array([[0.9, 0.1], [0.1, 0.9]]),
        "erasure": np.array([[0.8, 0.2, 0.0], [0.0, 0.2, 0.8]]),
        "Z": np.array([[1.0, 0.0], [0.5, 0.5]]),
        "Dirichlet(0.05) 256 x 256": rng.dirichlet(np.full(256, 0.05), 256),
        "Dirichlet(1) 256 x 256": rng.dirichlet(np.ones(256), 256),
        "Dirichlet(0.1) 64 x 256": rng.dirichlet(np.full(256, 0.1), 64),
        "Dirichlet(0.1) 256 x 64": rng.dirichlet(np.full(64, 0.1), 256),
        "normal noise, limited amplitude, 256 x 256": normal / normal.sum(1, keepdims=True),
        "1 % of 1000 x 1000": sparse / sparse.sum(1, keepdims=True),
    }
    for name, w in channels.items():
        w = w[:, w.any(0)]
        steps = 1_000 if len(w) == 1000 else 5_000
        laws: dict[str, Law] = {
            "channel_capacity": lambda w=w: channel_capacity(w).px,
            f"plain numpy, {steps} steps": lambda w=w, steps=steps: plain_capacity(w, steps),
        }
        if has_dit() and w.shape != (1000, 1000) and np.all(w > 0):
            from dit.algorithms import channel_capacity as solve

            laws["dit"] = lambda w=w, solve=solve: np.asarray(solve(w)[1])
        found = {method: f() for method, f in laws.items()}
        left = [f"{(d := divergences(w, p)).max() - p @ d:.1e}" for p in found.values()]
        report(f"capacity, {name}: gaps {', '.join(left)} nats", in_turn(laws, repeats), as_json=as_json)


def curve_rows(repeats: int, *, as_json: bool) -> None:
    """Time a curve with warm and cold starts, and the rate at a distortion."""
    slopes = np.geomspace(0.3, 64, 30)
    px, cost = gaussian(256, 256)
    runs: dict[str, Callable[[], Any]] = {
        "rate_distortion_curve": lambda: rate_distortion_curve(px, cost, slopes),
        "30 single slopes": lambda: [blahut_arimoto(px, -cost, s) for s in slopes],
        "rate_for_distortion, D = 0.125": lambda: rate_for_distortion(px, cost, 0.125),
        "rate_for_distortion, D = 0.01": lambda: rate_for_distortion(px, cost, 0.01),
    }
    report("Gaussian, squared error, 256 x 256, 30 slopes from 0.3 to 64", in_turn(runs, repeats), as_json=as_json)


def plain_bottleneck(joint: np.ndarray, beta: float, starts: int, steps: int) -> np.ndarray:
    """Return the best encoder of the self-consistent equations from random starts, until they change nothing."""
    rng = np.random.default_rng(0)
    px = joint.sum(1)
    w = joint / px[:, None]
    best, lowest = np.ones((len(px), 1)), 0.0
    for _ in range(starts):
        encoder = rng.dirichlet(np.full(len(px), 0.3), len(px))
        for _ in range(steps):
            pt = np.maximum(px @ encoder, 1e-300)
            logs = np.log(pt) + beta * (w @ np.log(np.maximum(encoder.T @ joint / pt[:, None], 1e-300)).T)
            after = np.exp(logs - logs.max(1, keepdims=True))
            after /= after.sum(1, keepdims=True)
            moved, encoder = 0.5 * np.abs(after - encoder).sum(1).max(), after
            if moved <= 1e-7:
                break
        value = objective(joint, encoder, beta)
        if value < lowest:
            best, lowest = encoder, value
    return best


def bottleneck_rows(repeats: int, *, as_json: bool) -> None:
    """Time the bottleneck and compare objectives: smaller is better, in nats."""
    rng = np.random.default_rng(0)
    for m, n, beta in ((2, 2, 3.0), (5, 2, 6.0), (5, 4, 1.5), (8, 6, 2.0), (30, 10, 5.0), (100, 40, 8.0)):
        joint = rng.dirichlet(np.full(m * n, 0.3)).reshape(m, n)
        runs: dict[str, Callable[[], Any]] = {
            "information_bottleneck": lambda j=joint, b=beta: information_bottleneck(j, b),
            "plain numpy, 5 starts": lambda j=joint, b=beta: plain_bottleneck(j, b, 5, 2_000),
        }
        point = information_bottleneck(joint, beta)
        other = objective(joint, plain_bottleneck(joint, beta, 5, 2_000), beta)
        said = f"objectives {point.objective:.6f}, {other:.6f}; our gap {point.gap:.1e} ({point.certificate})"
        report(f"bottleneck, {m} x {n}, beta {beta:g}: {said}", in_turn(runs, repeats), as_json=as_json)


def objective(joint: np.ndarray, encoder: np.ndarray, beta: float) -> float:
    """Return I(X; T) - beta I(T; Y) in nats."""
    return information(joint.sum(1)[:, None] * encoder) - beta * information(encoder.T @ joint)


def information(table: np.ndarray) -> float:
    """Return the mutual information of a joint law in nats."""
    outer = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    return float(np.sum(table * np.log(np.where(table > 0, table, 1.0) / np.where(table > 0, outer, 1.0))))


if __name__ == "__main__":
    options = arguments(__doc__)
    for rows in (rate_rows, capacity_rows, curve_rows, bottleneck_rows):
        rows(options.repeats, as_json=options.json)
