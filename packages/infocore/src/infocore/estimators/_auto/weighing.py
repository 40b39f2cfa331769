"""What speaks for and against the candidates of the automatic choice, and which of two is kept."""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import dataclasses
import math
from typing import Any

import numpy as np

from infocore.estimators._auto.evidence import Candidate

__all__ = [
    "FEW_COLUMNS",
    "NAMES",
    "Choice",
    "against_copula",
    "doubtful",
    "part_or_whole",
    "still",
    "unless",
    "with_doubt",
]

# Standard errors by which a rival must exceed a method before that method is called wrong; k-NN in few columns is
# nearly unbiased, so that less of it is evidence.
Z, Z_FEW = 2.5, 2.0
# Nats, and share of the value, below which a difference is not worth a change of method (k-NN can read 1 % high).
SLACK, SHARE = 0.003, 0.01
# Share of its doubt by which k-NN must exceed a critic.
EXTRAPOLATED = 0.5
# Up to this many columns k-NN is all but unbiased at the sample sizes it is used for (measured, docs).
FEW_COLUMNS = 3


NAMES = {"ksg": "k-NN", "crossfit": "critic", "mixed": "mixed k-NN", "t-copula": "copula"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """The candidate that was chosen, those that were tried, why, and the numbers behind it."""

    best: Candidate
    tried: list[Candidate]
    reason: str
    facts: dict[str, Any]


def against_copula(
    copula: Candidate, held: Any, knn: Candidate | None, critic: Candidate | None, columns: int, facts: dict[str, Any]
) -> str:
    """Say what speaks against the copula, or nothing.

    Where rows depend on each other (``facts["worth"]`` is the share of n that they are worth), a deviation counts that
    much less, and neighbours, which are then neighbours in time too, say nothing.
    """
    n = len(copula.pointwise)
    few = columns <= FEW_COLUMNS
    worth = facts.get("worth", 1.0)
    deviation, allowed = copula.facts["misfit"] * math.sqrt(worth), copula.facts["misfit_allowed"]
    if held is not None:
        facts["copula_held_out"] = float(held.mean())
    if knn is not None:
        knn = knn.compared
        facts["knn_excess"] = _plain(knn, few) - copula.value
    if critic is not None and critic.held_out is not None and held is not None:
        gain = critic.held_out - held
        facts["critic_gain"] = float(gain.mean())
        facts["critic_gain_error"] = float(gain.std()) / math.sqrt(n)
    if deviation > allowed:
        return f"a cross moment of the ranks is {deviation:.1f} standard errors from the copula ({allowed:.1f} allowed)"
    if knn is not None and worth == 1.0:
        # few columns are judged by the extrapolated value, which is in doubt
        error = math.hypot(_paired_error(knn, copula.pointwise), knn.doubt if few else 0.0)
        if facts["knn_excess"] > (Z_FEW if few else Z) * error + SLACK + SHARE * copula.value:
            return "the copula finds significantly less than it"
    if facts.get("critic_gain", 0.0) > Z * facts.get("critic_gain_error", 0.0) + SLACK:
        return "it predicts held-out rows better than the copula"
    return ""


def still(copula: Candidate, best: Candidate, held: Any, columns: int) -> bool:
    """Say whether a copula that is wrong is still the best there is: it finds more, and predicts better."""
    if best.value >= copula.value or columns <= FEW_COLUMNS:
        return False
    if best.held_out is None:
        return True
    if held is None:
        return False
    gain = held - best.held_out
    return bool(gain.mean() > Z * gain.std() / math.sqrt(len(gain)))


def unless(first: Candidate, second: Candidate, facts: dict[str, Any]) -> Candidate:
    """Return the first, unless the second finds significantly more."""
    excess = second.value - first.value
    # what the first doubts is what it may be low by, and so no reason to keep it; so do neighbours, but for a part of
    # it, which extrapolation may have added
    doubt = EXTRAPOLATED * second.doubt if second.name in ("ksg", "mixed") else Z * second.doubt
    limit = math.hypot(Z * _paired_error(second, first.pointwise), doubt)
    facts["rival_excess"] = excess
    return second if excess > limit + SLACK + SHARE * first.value else first


def part_or_whole(
    whole: Candidate | None, part: Candidate, columns: dict[str, list[str]], seen: list[str]
) -> Candidate:
    """Return what neighbours say of all columns, unless some of them say significantly more, which no truth allows.

    It reads low if it leaves out columns that were seen to take part.
    """
    if whole is not None:
        excess = part.facts["smallest_k"] - whole.facts["smallest_k"]
        limit = Z * _paired_error(part.compared, whole.compared.pointwise) + SLACK + SHARE * whole.value
        if excess <= limit or part.value <= whole.value:
            return whole
    names = "; ".join(f"{side}: {', '.join(some)}" for side, some in columns.items())
    every = None if whole is None else whole.value if "columns" not in whole.facts else whole.facts.get("all_columns")
    why = "all are too many for neighbours" if every is None else "neighbours find more there than in all"
    said = f"read in some columns alone ({names}), as {why}; what the others add is not counted"
    facts = part.facts | {"columns": columns, "notes": [said]}
    if every is not None:
        facts["all_columns"] = every
    missed = [name for name in seen if name not in columns["x"] + columns["y"]]
    doubts = [f"reads low, for more columns take part than neighbours can tell ({', '.join(missed)})"] if missed else []
    return dataclasses.replace(part, strength="heuristic", facts=facts, doubts=(*part.doubts, *doubts))


def _plain(c: Candidate, few: bool) -> float:
    """Value of a candidate as evidence: k-NN with least spread in few columns, without extrapolation in many."""
    return float(c.facts.get("steadiest" if few else "smallest_k", c.value))


def _paired_error(a: Candidate, other: Any) -> float:
    """Standard error of the difference of two estimates on the same rows."""
    n = len(a.pointwise)
    noise = a.error**2 - float(np.var(a.pointwise)) / n  # what neighbours share, beyond the spread of the terms
    return math.sqrt(float(np.var(a.pointwise - other)) / n + max(noise, 0.0))


def with_doubt(copula: Candidate, facts: dict[str, Any], columns: int) -> Candidate:
    """Give a copula that is kept half of what its rivals find beyond it, insignificant as it is."""
    knn = facts.get("knn_excess", 0.0) if columns <= FEW_COLUMNS else 0.0
    kept = dataclasses.replace(copula, doubt=0.5 * max(0.0, knn, facts.get("critic_gain", 0.0)))
    if columns <= FEW_COLUMNS or "critic" not in facts:
        return kept
    said = f"no critic was asked ({facts['critic']}): of {columns} columns the copula may miss what only a critic sees"
    more = copula.facts | {"notes": [*copula.facts.get("notes", []), said]}
    return dataclasses.replace(kept, strength="heuristic", facts=more)


def doubtful(copula: Candidate, facts: dict[str, Any]) -> Candidate:
    """Give a refuted copula that is kept the distances to what held-out rows confirm and to its rival as doubt."""
    others = (facts.get("copula_held_out"), facts.get("rival"))
    doubt = max((abs(copula.value - v) for v in others if v is not None), default=0.0)
    said = "the copula is refuted, and kept because nothing else finds more: it may read low"
    more = copula.facts | {"notes": [*copula.facts.get("notes", []), said]}
    return dataclasses.replace(copula, doubt=doubt, strength="heuristic", facts=more)
