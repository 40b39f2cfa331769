"""Mutual information on a real table, several methods side by side."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer

import infocore
from demo.settings import Part, Settings, Step
from infocore.report import Section, Table
from infocore.result import MIEstimate

FEATURES = ("worst concave points", "mean radius", "mean texture", "mean fractal dimension")
PAIRS = (("mean radius", "mean texture"), ("mean radius", "mean compactness"), ("mean radius", "mean area"))


def run(settings: Settings, step: Step) -> Part:
    """Estimate features against the diagnosis, features against each other, and quartiles against the diagnosis."""
    table = load_breast_cancer(as_frame=True)
    x, y = table.data, table.target.to_numpy()
    column = {name: x[name].to_numpy() for name in x.columns}
    questions = [
        (f"{name}; diagnosis", column[name], y, ("auto", "gaussian", "infonce"))
        for name in FEATURES[: settings.features]
    ]
    questions += [
        (f"{a}; {b}", column[a], column[b], ("auto", "gaussian", "ksg", "infonce")) for a, b in PAIRS[: settings.pairs]
    ]
    for name in FEATURES[: min(2, settings.features)]:
        quartile = np.searchsorted(np.quantile(column[name], (0.25, 0.5, 0.75)), column[name])
        questions.append((f"quartile of {name}; diagnosis", quartile, y, ("auto", "discrete")))
    rows = []
    best = None
    for question, a, b, methods in questions:
        step(f"mutual information: {question}")
        for method in methods:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                estimate = infocore.mutual_information(a, b, method=method, rng=settings.seed)
            best = best or estimate
            rows.append(_row(question, method, estimate, [str(w.message).partition(": ")[2] for w in caught]))
    assert best is not None
    note = (
        "The diagnosis is yes or no, so no feature can tell more than its entropy, "
        f"{_entropy(y):.3f} nats. 'gaussian' is right only for jointly normal columns and stands here for comparison; "
        "'infonce' is a lower bound from a critic that was trained and stopped on other rows, so its n is smaller. "
        "Mean area is nearly a function of mean radius: every method shows what its sample can tell, not the infinite truth."
    )
    section = Section(
        "Mutual information on a real table",
        f"Breast-cancer data of scikit-learn, {len(x)} patients. Each number comes with its 90 % interval and with what "
        "it certifies.",
        [Table("Features, diagnosis, and each other (nats)", _COLUMNS, rows, note)],
    )
    return Part(section, [(f"I({FEATURES[0]}; diagnosis)", str(best))])


_COLUMNS = ["question", "method", "nats", "90 % from", "to", "n", "is", "warned"]
_MEANING = {"lower": "a lower bound", "upper": "an upper bound", "consistent": "consistent", "none": "no bound"}


def steps(settings: Settings) -> int:
    """Return how often `run` reports a step."""
    return settings.features + settings.pairs + min(2, settings.features)


def _row(question: str, asked: str, estimate: MIEstimate, warned: list[str]) -> list[str | float | int | None]:
    low, high = estimate.ci or (None, None)
    how = asked if asked == estimate.method else f"{asked} ({estimate.method})"
    return [
        question,
        how,
        estimate.value,
        low,
        high,
        estimate.n,
        _MEANING[estimate.direction],
        "; ".join(warned),
    ]


def _entropy(y: np.ndarray) -> float:
    share = np.bincount(y) / len(y)
    return float(-(share * np.log(share)).sum())
