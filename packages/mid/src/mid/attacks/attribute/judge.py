"""Judging guesses of an attribute: how often they are right, by several measures, record by record."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from infocore.errors import ShapeError
from mid.attacks.protocols import Needs

__all__ = ["AttributeResult", "judge_scores", "restrict"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TOP = 0.1  # share of the records that the attacker is surest of


@dataclasses.dataclass(frozen=True, eq=False)
class AttributeResult:
    """How often an attack guessed an attribute.

    Parameters
    ----------
    name : str
        The attack.
    needs : Needs
        What it was given in this game.
    queries : int
        Queries asked in this run; answers that an earlier attack of the same game had asked for are not counted again.
    guesses : int array of shape (n,)
        Number of the guessed candidate of each record.
    wins : boolean array of shape (n,)
        Whether the guess was right.
    scores : array of shape (n, m)
        What the attack answered.
    truth : int array of shape (n,)
        Number of the true candidate of each record.
    labels : tuple of str
        What the candidates are called.
    accuracy, balanced_accuracy, macro_f1 : float
        Share of right guesses; mean recall of the candidates that occur; mean F1 of them, which on a rare value is
        earned by guessing always it: read it beside the others.
    mcc : float
        Matthews' correlation coefficient; 0 where guess and truth are unrelated, or one candidate only occurs.
    g_mean : float
        Geometric mean of the recalls.
    auroc : float or None
        Area under the ROC curve of the scores, one against the rest; None if one candidate only occurs.
    top_precision : float
        Share of right guesses among the tenth of the records that the attacker is surest of.
    n : int
        Number of attacked records.
    """

    name: str
    needs: Needs
    queries: int
    guesses: Ints
    wins: NDArray[np.bool_]
    scores: Floats
    truth: Ints
    labels: tuple[str, ...]
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    mcc: float
    g_mean: float
    auroc: float | None
    top_precision: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without what is per record.

        Returns
        -------
        dict
            Every other field under its name.
        """
        aside = ("guesses", "wins", "scores", "truth", "labels")
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in aside}
        return values | {"needs": dataclasses.asdict(self.needs)}

    def __str__(self) -> str:
        """One line."""
        return f"{self.name}: {self.accuracy:.1%} of {self.n} right (balanced {self.balanced_accuracy:.1%})"


def judge_scores(
    scores: Floats, truth: Ints, labels: tuple[str, ...], *, name: str, needs: Needs, queries: int
) -> AttributeResult:
    """Set scores against the truth.

    Parameters
    ----------
    scores : array of shape (n, m)
        Of every candidate of every record; ties go to the first.
    truth : int array of shape (n,)
        True candidates.
    labels : tuple of m str
        What the candidates are called.
    name, needs, queries : str, Needs, int
        Of the attack, for the record.

    Returns
    -------
    AttributeResult
        The verdict.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    >>> scores = np.log([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> result = judge_scores(
    ...     scores, np.array([0, 1, 1]), ("a", "b"), name="made up", needs=Needs(interface="labels"), queries=0
    ... )
    >>> print(result)
    made up: 66.7% of 3 right (balanced 75.0%)
    """
    if scores.ndim != 2 or scores.shape != (len(truth), len(labels)):
        raise ShapeError(
            f"judge_scores: `scores` must have shape ({len(truth)}, {len(labels)}), records by candidates; got "
            f"{scores.shape}."
        )
    guesses = scores.argmax(1)
    wins = guesses == truth
    found, actual = np.unique(truth, return_counts=True)
    hits = np.array([int(wins[truth == k].sum()) for k in found])
    recalls = hits / actual
    f1 = 2.0 * hits / (actual + np.array([int((guesses == k).sum()) for k in found]))
    # a row of -inf says nothing: every candidate alike
    rows = log_softmax(np.where(np.isneginf(scores).all(1, keepdims=True), 0.0, scores), axis=1)
    top = _top_precision(rows.max(1), wins)
    return AttributeResult(
        name=name,
        needs=needs,
        queries=queries,
        guesses=guesses.astype(np.int64),
        wins=wins,
        scores=scores,
        truth=truth,
        labels=labels,
        accuracy=float(wins.mean()),
        balanced_accuracy=float(np.mean(recalls)),
        macro_f1=float(f1.mean()),
        mcc=float(matthews_corrcoef(truth, guesses)) if len(found) > 1 else 0.0,
        g_mean=math.exp(float(np.log(recalls).mean())) if bool(np.all(recalls > 0)) else 0.0,
        auroc=_auroc(rows, truth),
        top_precision=top,
        n=len(truth),
    )


def restrict(result: AttributeResult, rows: NDArray[np.bool_]) -> AttributeResult:
    """Judge some of the records only.

    Parameters
    ----------
    result : AttributeResult
        Of all records.
    rows : boolean array of shape (n,)
        Which records count.

    Returns
    -------
    AttributeResult
        With the same queries, which were asked for all.

    Raises
    ------
    ShapeError
        If no record is left, or `rows` is not of length n.
    """
    if rows.shape != (result.n,) or not rows.any():
        raise ShapeError(f"restrict: `rows` must mark some of {result.n} records; got shape {rows.shape}.")
    return judge_scores(
        result.scores[rows],
        result.truth[rows],
        result.labels,
        name=result.name,
        needs=result.needs,
        queries=result.queries,
    )


def _top_precision(sureness: Floats, wins: NDArray[np.bool_]) -> float:
    """Share of wins among the surest tenth; of records equally sure, what a draw among them gives on average."""
    k = max(1, round(_TOP * len(wins)))
    edge = np.sort(sureness)[-k]
    above, tied = sureness > edge, sureness == edge
    return float((wins[above].sum() + (k - above.sum()) * wins[tied].mean()) / k)


def _auroc(rows: Floats, truth: Ints) -> float | None:
    found = np.unique(truth)
    if len(found) < 2:
        return None
    shares = np.exp(rows)
    if rows.shape[1] == 2:
        return float(roc_auc_score(truth == 1, shares[:, 1]))
    return float(np.mean([roc_auc_score(truth == k, shares[:, k]) for k in found]))
