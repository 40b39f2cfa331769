"""Which attacks an audit runs: all that the model's answers allow, with the adaptive forms where answers are noisy."""

import dataclasses
from typing import Any

import numpy as np

from infocore.errors import InfoError
from mid.attacks.attribute import (
    CSMIA,
    LOMIA,
    AttributeAttack,
    ConfidenceMAP,
    ConfusionMAP,
    Imputation,
    LearnedAttack,
    MapRegression,
    MatchRelease,
    Prior,
    View,
    WhiteBoxCounts,
)
from mid.attacks.protocols import Access
from mid.auditing.caps import release_law

__all__ = ["Facts", "attacks_for", "baselines_for", "facts_of"]

MANY_QUERIES = 100
_ASKED_TWICE = 1000


@dataclasses.dataclass(frozen=True)
class Facts:
    """What an audit finds out about a model before it attacks.

    Parameters
    ----------
    kind : {"regressor", "classifier"}
        What it predicts.
    output : str
        The released quantity.
    noisy : bool
        Whether the same question gets different answers.
    tree : bool
        Whether it is a single decision tree whose counts can be read.
    mean_access : bool
        Whether its answer without noise can be had (white box).
    moves : bool
        Whether some answer changes with the attribute, or cannot be said not to.
    """

    kind: str
    output: str
    noisy: bool
    tree: bool
    mean_access: bool
    moves: bool


def facts_of(view: View) -> Facts:
    """Find out by asking: some of the attacker's own records, twice; and from what the model says of its release.

    Parameters
    ----------
    view : View
        Of any game on the model.

    Returns
    -------
    Facts
        What was found.
    """
    rows = view.some_known(_ASKED_TWICE)
    output = view.released_output
    first, second = view.ask_table(rows, output), view.ask_table(rows, output)
    noisy = not np.array_equal(first, second) or release_law(view.model, view.attribute.asked(rows)) is not None
    try:
        view.ask_table(rows, output, access="mean")
        mean_access = noisy
    except InfoError:
        mean_access = False
    kind = "regressor" if view.classes is None else "classifier"
    tree = kind == "classifier" and WhiteBoxCounts.can_read(view)
    answers = [view.ask_table(view.attribute.put(rows, k), output) for k in range(view.attribute.size)]
    moves = noisy or any(not np.array_equal(a, answers[0]) for a in answers[1:])
    return Facts(kind, output, noisy, tree, mean_access, moves)


def baselines_for(view: View) -> list[AttributeAttack]:
    """Guessers that know no more than the attacker of this game, and do not see what the attribute changes.

    Parameters
    ----------
    view : View
        Of the game.

    Returns
    -------
    list of attacks
        The prior, imputation, imputation with the response where that is known, and the last of these with the model's
        answer averaged over the candidates.
    """
    known = view.response is not None
    found: list[AttributeAttack] = [Prior(), Imputation(), Imputation(response=known, answers=True)]
    return [*found, Imputation(response=True)] if known else found


def attacks_for(view: View, facts: Facts) -> list[AttributeAttack]:
    """Attacks that the game allows.

    Parameters
    ----------
    view : View
        Of the game.
    facts : Facts
        Of the model.

    Returns
    -------
    list of attacks
        With query averaging and, where it can be had, the answer without noise, for a noisy model.
    """
    ways: list[tuple[int, Access]] = [(1, "sampled")]
    if facts.noisy:
        ways.append((MANY_QUERIES, "sampled"))
    if facts.mean_access:
        ways.append((1, "mean"))
    found: list[AttributeAttack] = []
    if view.released is not None:
        found += [MatchRelease("marginal")]
        found += [MatchRelease("imputation", queries, access) for queries, access in ways]
    if view.response is not None:
        found += _with_response(facts, ways)
    return [*found, LearnedAttack(), *([LearnedAttack(MANY_QUERIES)] if facts.noisy else [])]


def _with_response(facts: Facts, ways: list[tuple[int, Access]]) -> list[Any]:
    if facts.kind == "regressor":
        found: list[Any] = [MapRegression("marginal")]
        for queries, access in ways:
            found += [MapRegression("imputation", queries, access)]
            found += [MapRegression("imputation", queries, access, recalibrate=True)]
        return found
    counts = sorted({queries for queries, _ in ways})
    found = [ConfusionMAP("marginal"), *(ConfusionMAP("imputation", queries) for queries in counts)]
    found += [LOMIA(queries) for queries in counts]
    if facts.output != "labels":
        found += [
            ConfidenceMAP("marginal"),
            *(ConfidenceMAP("imputation", queries, access) for queries, access in ways),
        ]
        found += [CSMIA(queries) for queries in counts]
    return [*found, *([WhiteBoxCounts("marginal"), WhiteBoxCounts("imputation")] if facts.tree else [])]
