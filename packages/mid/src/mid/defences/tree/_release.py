r"""What the leaves of a tree release, in nats, and how their answers are smoothed or relabelled.

L leaves with masses `pi` (L,) that sum to 1 and label distributions `q` (L, C).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from infocore.errors import ParameterError
from mid.defences.tree._criteria import entropy
from mid.defences.tree.settings import LabelEntropy, LeafSmoothing, LearnedSmoothing

__all__ = [
    "best_labels",
    "best_smoothing",
    "check",
    "check_output",
    "information_by_release",
    "label_information",
    "sampled_information",
    "shown",
    "smoothed",
    "smoothing",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def check(model: Any) -> None:
    """Refuse a form of release that does not exist, or that shows what the defence hides."""
    if model.release_as not in ("proba", "label", "sample"):
        raise ParameterError(
            f"MIDDecisionTreeClassifier: `release_as` must be 'proba', 'label' or 'sample'; got {model.release_as!r}."
        )
    if isinstance(model.defence, LabelEntropy) and model.release_as != "label":
        raise ParameterError(
            "MIDDecisionTreeClassifier: `release_as` must be 'label' with LabelEntropy, since distributions show "
            f"what relabelling hides; got {model.release_as!r}."
        )


def check_output(model: Any, output: str) -> None:
    """Refuse to answer with what the form of release does not show."""
    if output not in ("labels", "probabilities") or (output == "probabilities" and model.release_as == "label"):
        raise ParameterError(
            f"MIDDecisionTreeClassifier.release: `output` {output!r} is not what a tree with "
            f"release_as={model.release_as!r} answers with. "
            + ("Ask for labels." if model.release_as == "label" else "Ask for labels or probabilities.")
        )


def sampled_information(pi: Floats, q: Floats) -> float:
    """Eq. 25, of a label drawn from the leaf's distribution: H(mean of q) minus the mean of H(q)."""
    return max(0.0, float(entropy(pi @ q) - pi @ entropy(q)))  # not negative, but for rounding


def label_information(pi: Floats, labels: Ints) -> float:
    """Eq. 26, of a fixed label per leaf: the entropy of the label."""
    return float(entropy(np.bincount(labels, pi).astype(np.float64)))


def shown(pi: Floats, answers: Floats) -> float:
    """Information of showing the answer (L, k) itself: the entropy of which distinct answer it is."""
    _, which = np.unique(answers, axis=0, return_inverse=True)
    return float(entropy(np.bincount(which.ravel(), pi).astype(np.float64)))


def information_by_release(pi: Floats, answers: Floats, labels: Ints) -> dict[str, float]:
    """Information in nats of each form of release: a drawn label, the leaf's label, its whole distribution."""
    return {
        "sample": sampled_information(pi, answers),
        "label": label_information(pi, labels),
        "proba": shown(pi, answers),
    }


def smoothing(defence: Any, pi: Floats, q: Floats) -> float:
    """Share of the overall distribution that a defence mixes into every leaf; 0 for one that does not smooth."""
    if isinstance(defence, LeafSmoothing):
        return float(defence.a)
    return best_smoothing(pi, q, defence.lam) if isinstance(defence, LearnedSmoothing) else 0.0


def smoothed(pi: Floats, q: Floats, a: float) -> Floats:
    """Mix the overall distribution into every leaf."""
    return (1.0 - a) * q + a * (pi @ q)


def best_smoothing(pi: Floats, q: Floats, lam: float) -> float:
    """Share a in [0, 1] that minimises training log loss + lam * eq. 25; both are convex in a."""

    def cost(a: float) -> float:
        mixed = smoothed(pi, q, a)
        loss = -float(pi @ (q * np.log(np.where(mixed > 0, mixed, 1.0))).sum(1))  # q is 0 wherever its mixture is
        return loss + lam * sampled_information(pi, mixed)

    found: Any = minimize_scalar(cost, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-8})
    return min((0.0, float(found.x), 1.0), key=cost)


def best_labels(pi: Floats, q: Floats, lam: float) -> Ints:
    """Labels (L,) at a minimum of 0/1 risk + lam * H(label) that no move of a leaf or of a whole class lowers."""
    benefit = pi[:, None] * q
    labels = q.argmax(1)
    classes = q.shape[1]

    def cost(candidate: Ints) -> float:
        return lam * label_information(pi, candidate) - float(benefit[np.arange(len(pi)), candidate].sum())

    best = cost(labels)
    improved = lam > 0
    while improved:
        improved = False
        for move in _moves(labels, benefit, pi, lam, classes):
            value = cost(move)
            if value < best - 1e-13:
                labels, best, improved = move, value, True
    return labels


def _moves(labels: Ints, benefit: Floats, pi: Floats, lam: float, classes: int) -> list[Ints]:
    """Labellings to try next: the best one with the present prices of labels, and each class for another."""
    mass = np.bincount(labels, pi, minlength=classes)
    with np.errstate(divide="ignore"):
        price = -np.log(mass)  # H is the smallest mean price, so a labelling that is cheaper at these prices is cheaper
    net = benefit - lam * pi[:, None] * price
    moves = [net.argmax(1)]
    for c in np.flatnonzero(mass > 0):
        for other in np.flatnonzero(mass > 0):
            if other != c:
                moves.append(np.where(labels == c, other, labels))
    if len(labels) * classes <= 2000:
        for leaf in range(len(labels)):
            for c in range(classes):
                move = labels.copy()
                move[leaf] = c
                moves.append(move)
    return moves
