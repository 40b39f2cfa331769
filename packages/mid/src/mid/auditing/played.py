"""One game of an audit: every guesser and every attack on the same records, set against each other."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mid.attacks.attribute import AttributeGame, AttributeResult
from mid.attacks.attribute.judge import restrict
from mid.auditing.advantage import Advantage, detectable_advantage, discordance, holm, paired_advantage, unpaired_gap
from mid.auditing.suite import Facts, attacks_for, baselines_for

__all__ = ["Played", "Row", "play"]


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One guesser or attack in one game, on fresh records.

    Parameters
    ----------
    result : AttributeResult
        How often it was right, on fresh records.
    member_accuracy : float or None
        On training records, where some were given.
    gap : Advantage or None
        Training records against fresh ones.
    over : tuple of Advantage
        Over each guesser of the game; empty for a guesser.
    p_value, p_holm : float or None
        Largest p-value over the guessers, and the same after Holm's correction; None for a guesser.
    """

    result: AttributeResult
    member_accuracy: float | None
    gap: Advantage | None
    over: tuple[Advantage, ...] = ()
    p_value: float | None = None
    p_holm: float | None = None

    @property
    def least(self) -> Advantage:
        """Advantage over the guesser that is hardest to beat."""
        return min(self.over, key=lambda a: a.value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        return {
            "result": self.result.to_dict(),
            "member_accuracy": self.member_accuracy,
            "gap": None if self.gap is None else self.gap.to_dict(),
            "over": [a.to_dict() for a in self.over],
            "p_value": self.p_value,
            "p_holm": self.p_holm,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Played:
    """A game played to its end.

    Parameters
    ----------
    knows : str
        What the attacker knows of a record besides its other columns.
    baselines, attacks : tuple of Row
        In the order in which they were run.
    n, members : int
        Fresh and training records attacked.
    detectable : float
        Smallest advantage that would be found with a probability of 80 %.
    """

    knows: str
    baselines: tuple[Row, ...]
    attacks: tuple[Row, ...]
    n: int
    members: int
    detectable: float

    @property
    def best(self) -> Row:
        """Attack with the smallest corrected p-value; of equals, the one with the largest advantage."""
        return min(self.attacks, key=lambda r: (r.p_holm, -r.least.value))

    @property
    def strongest(self) -> Row:
        """Attack that is right most often."""
        return max(self.attacks, key=lambda r: r.result.accuracy)

    @property
    def best_baseline(self) -> Row:
        """Guesser that is right most often."""
        return max(self.baselines, key=lambda r: r.result.accuracy)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        return {
            "knows": self.knows,
            "baselines": [r.to_dict() for r in self.baselines],
            "attacks": [r.to_dict() for r in self.attacks],
            "n": self.n,
            "members": self.members,
            "detectable": self.detectable,
        }


def play(
    game: AttributeGame,
    facts: Facts,
    fresh: NDArray[np.bool_],
    *,
    ci_level: float,
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Played:
    """Run every guesser and attack of a game and compare them.

    Parameters
    ----------
    game : AttributeGame
        Fresh and training records together.
    facts : Facts
        Of the model.
    fresh : boolean array of shape (n,)
        Which attacked records the model was not trained on.
    ci_level : float
        Of the intervals; ``1 - ci_level`` is the family-wise error of the tests.
    seed : int
        Of the bootstrap.
    tell : callable
        Told the name of what is run next.

    Returns
    -------
    Played
        All rows.
    """

    def run(attack: Any) -> tuple[AttributeResult, AttributeResult]:
        tell(attack.name)
        whole = game.run(attack)
        return whole, restrict(whole, fresh)

    def against_members(whole: AttributeResult) -> tuple[float | None, Advantage | None]:
        if fresh.all():
            return None, None
        wins = whole.wins
        gap = unpaired_gap(wins[~fresh], wins[fresh], attack=whole.name, ci_level=ci_level, rng=seed)
        return float(wins[~fresh].mean()), gap

    guessers = [run(b) for b in baselines_for(game.view)]
    baselines = tuple(Row(part, *against_members(whole)) for whole, part in guessers)
    found: list[tuple[AttributeResult, AttributeResult, tuple[Advantage, ...], float]] = []
    for attack in attacks_for(game.view, facts):
        whole, part = run(attack)
        over = tuple(
            paired_advantage(part.wins, b.wins, attack=part.name, baseline=b.name, ci_level=ci_level, rng=seed + i)
            for i, (_, b) in enumerate(guessers)
        )
        found.append((whole, part, over, max(a.p_value for a in over if a.p_value is not None)))
    adjusted = holm([p for *_, p in found])
    attacks = tuple(
        Row(part, *against_members(whole), over, p, p_holm)
        for (whole, part, over, p), p_holm in zip(found, adjusted, strict=True)
    )
    hardest = max(baselines, key=lambda r: r.result.accuracy)
    nearest = max(attacks, key=lambda r: r.result.accuracy)
    n = int(fresh.sum())
    detectable = detectable_advantage(
        discordance(nearest.result.wins, hardest.result.wins), n, alpha=1 - ci_level, comparisons=len(attacks)
    )
    knows = "both" if game.view.response is not None and game.view.released is not None else ""
    knows = knows or ("response" if game.view.response is not None else "release")
    return Played(knows, baselines, attacks, n, int((~fresh).sum()), detectable)
