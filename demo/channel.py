"""The classifier's confusion, read as a channel: what its labels mean, and what the meaning carries."""

from __future__ import annotations

import numpy as np

import gtheory
from demo.settings import Part, Settings, Split, Step
from infocore.report import Chart, Section, Series, Table
from mid.torch import MIDClassifier

SLOPES = (-1.0, -0.5, -0.2, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.5, 4.0, 8.0)
DEGREES = np.geomspace(1e-4, 0.5, 40)


def run(split: Split, chosen: dict[str, MIDClassifier], settings: Settings, step: Step) -> Part:
    """Learn the labels' truth functions on calibration images, and measure G and R on fresh ones."""
    rows, curves = [], []
    for name, model in chosen.items():
        step(f"reading the confusion, {name}")
        truth, degree = _meaning(model, split, settings.seed)
        counts = _confusion(model, split.x_fresh, split.y_fresh, settings.seed + 1)
        px = counts.sum(1) / counts.sum()
        ch = counts / counts.sum(1, keepdims=True)
        read = gtheory.semantic_information(px, truth, ch)
        curve = gtheory.rate_fidelity_curve(px, read.pointwise, SLOPES)
        at = curve.matching
        rows.append([name, read.G, read.R, read.loss, read.efficiency, degree, at.G, at.R, at.gap])
        points = sorted(curve.points, key=lambda p: p.s)
        curves += [
            Series(f"R(G), {name}", [p.G for p in points], [p.R for p in points], markers=False),
            Series(f"matching point, {name}", [at.G], [at.R], line=False, names=["s = 1"]),
            Series(f"the classifier, {name}", [read.G], [read.R], line=False, names=["as used"]),
        ]
    confirmed = [[str(j), *_confirm(counts, j)] for j in range(counts.shape[1])]
    section = Section(
        "The classifier as a semantic channel",
        "A predicted label is a sentence about the true class. Its truth function is learned on calibration images, with "
        "the degree of disbelief that carries most on the second half of them; G and R are measured on fresh images, in bits.",
        [
            Table(
                "Meaning and rate (bits)",
                ["classifier", "G", "R", "loss", "efficiency", "disbelief", "G at s = 1", "R at s = 1", "gap"],
                rows,
                "G is what the labels say, R what they could say; the loss is what is said wrongly. The matching point is "
                "where the channel fits the labels' meaning best.",
            ),
            Chart(
                "Rate-fidelity",
                "G, bits",
                "R, bits",
                curves,
                note="No channel lies below its curve; R = G is touched near s = 1.",
            ),
            Table(
                f"Confirmation by class ({list(chosen)[-1]})",
                ["predicted", "b* (channel)", "c* (prediction)", "F", "sensitivity", "specificity", "precision"],
                confirmed,
                "b* asks how well the label discriminates, c* how often it is right: both run from -1 to 1.",
            ),
        ],
    )
    headline = [(f"{row[0]}: G, R, efficiency", f"{row[1]:.3f}, {row[2]:.3f} bits, {row[4]:.3f}") for row in rows]
    return Part(section, headline)


def steps() -> int:
    """Return how often `run` reports a step."""
    return 2


def _confusion(model: MIDClassifier, x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Count true classes (rows) against predicted ones (columns), one query a record."""
    n = len(model.classes_)
    counts = np.zeros((n, n))
    np.add.at(counts, (y, model.predict(x, rng=seed)), 1)
    return counts


def _meaning(model: MIDClassifier, split: Split, seed: int) -> tuple[np.ndarray, float]:
    """Learn truth functions on half of the calibration images, and choose their disbelief on the other half."""
    half = len(split.x_known) // 2
    first = _confusion(model, split.x_known[:half], split.y_known[:half], seed)
    second = _confusion(model, split.x_known[half:], split.y_known[half:], seed)
    truth = np.nan_to_num(gtheory.optimal_truth(counts=first), nan=1.0)  # a label never used says nothing
    px, ch = second.sum(1) / second.sum(), second / second.sum(1, keepdims=True)
    doubted = [degree + (1 - degree) * truth for degree in DEGREES]
    said = [gtheory.semantic_information(px, t, ch).G for t in doubted]
    best = int(np.argmax(said))
    return doubted[best], float(DEGREES[best])


def _confirm(counts: np.ndarray, j: int) -> list[float]:
    """Return the confirmation measures of 'predicted j' for 'is j'."""
    a, b, c = counts[j, j], counts[j].sum() - counts[j, j], counts[:, j].sum() - counts[j, j]
    m = gtheory.confirmation(a, b, c, counts.sum() - a - b - c)
    return [m.b1, m.c1, m.F1, a / (a + b), 1 - c / (counts.sum() - a - b), m.ppv]
