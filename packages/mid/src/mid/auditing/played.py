"""The games of an audit: every guesser and every attack on the same records, set against each other."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mid.attacks.attribute import AttributeGame, AttributeResult
from mid.attacks.attribute.judge import restrict
from mid.auditing.advantage import (
    Advantage,
    detectable_advantage,
    discordance,
    holm,
    memory_p_value,
    paired_advantage,
    unpaired_gap,
)
from mid.auditing.suite import Facts, attacks_for, baselines_for

__all__ = ["Played", "Row", "correct", "play"]


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
        Training records against fresh ones (eq. 6).
    over : tuple of Advantage
        Over each guesser of the game; empty for a guesser.
    p_value, p_holm : float or None
        Largest p-value over the guessers, and the same after Holm's correction; None for a guesser.
    memory_p, memory_p_holm : float or None
        P-value that it gains more over the best guesser on training records than on fresh ones, and the same corrected.
    simultaneous : Advantage or None
        The advantage over the guesser that is hardest to beat, with an interval that holds for all attacks of all games
        together (Bonferroni): the one to quote of an attack that was chosen for its success.
    """

    result: AttributeResult
    member_accuracy: float | None
    gap: Advantage | None
    over: tuple[Advantage, ...] = ()
    p_value: float | None = None
    p_holm: float | None = None
    memory_p: float | None = None
    memory_p_holm: float | None = None
    simultaneous: Advantage | None = None

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
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        single = {k: None if fields[k] is None else fields[k].to_dict() for k in ("result", "gap", "simultaneous")}
        return fields | single | {"over": [a.to_dict() for a in self.over]}


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
    queries : int
        Questions asked in the whole game, each counted once.
    detectable : float
        Smallest advantage that would be found with a probability of 80 %.
    """

    knows: str
    baselines: tuple[Row, ...]
    attacks: tuple[Row, ...]
    n: int
    members: int
    queries: int
    detectable: float = 1.0

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

    @property
    def most_memorised(self) -> Row | None:
        """Attack with the smallest corrected p-value of memory; None without training records."""
        return min(
            (r for r in self.attacks if r.memory_p_holm is not None), key=lambda r: r.memory_p_holm or 0.0, default=None
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        rows = {k: [r.to_dict() for r in fields[k]] for k in ("baselines", "attacks")}
        return fields | rows


def play(
    game: AttributeGame,
    facts: Facts,
    fresh: NDArray[np.bool_],
    *,
    ci_level: float,
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Played:
    """Run every guesser and attack of a game and compare them; `correct` then corrects for their number.

    Parameters
    ----------
    game : AttributeGame
        Fresh and training records together.
    facts : Facts
        Of the model.
    fresh : boolean array of shape (n,)
        Which attacked records the model was not trained on.
    ci_level : float
        Of the intervals.
    seed : int
        Of the bootstrap.
    tell : callable
        Told the name of what is run next.

    Returns
    -------
    Played
        All rows, not yet corrected.
    """

    def run(attack: Any) -> tuple[AttributeResult, AttributeResult]:
        tell(attack.name)
        whole = game.run(attack)
        return whole, restrict(whole, fresh)

    def members(whole: AttributeResult) -> tuple[float | None, Advantage | None]:
        if fresh.all():
            return None, None
        wins = whole.wins
        gap = unpaired_gap(wins[~fresh], wins[fresh], attack=whole.name, ci_level=ci_level, rng=seed)
        return float(wins[~fresh].mean()), gap

    guessers = [run(b) for b in baselines_for(game.view)]
    hardest = max(guessers, key=lambda g: g[1].accuracy)[0].wins
    attacks: list[Row] = []
    for attack in attacks_for(game.view, facts):
        whole, part = run(attack)
        over = tuple(
            paired_advantage(part.wins, b.wins, attack=part.name, baseline=b.name, ci_level=ci_level, rng=[seed, i])
            for i, (_, b) in enumerate(guessers)
        )
        gain = whole.wins.astype(int) - hardest
        memory = None if fresh.all() else memory_p_value(gain[~fresh], gain[fresh])
        p = max(a.p_value for a in over if a.p_value is not None)
        attacks.append(Row(part, *members(whole), over, p_value=p, memory_p=memory))
    knows = {(True, False): "response", (False, True): "release"}.get(
        (game.view.response is not None, game.view.released is not None), "both"
    )
    baselines = tuple(Row(part, *members(whole)) for whole, part in guessers)
    return Played(knows, baselines, tuple(attacks), int(fresh.sum()), int((~fresh).sum()), game.view.asked_in_all)


def correct(games: Sequence[Played], *, ci_level: float, seed: int) -> tuple[Played, ...]:
    """Correct for the number of attacks in all games together.

    Parameters
    ----------
    games : sequence of Played
        On the same records.
    ci_level : float
        ``1 - ci_level`` is the chance that any verdict of all games is wrongly positive.
    seed : int
        Of the bootstrap.

    Returns
    -------
    tuple of Played
        With corrected p-values, simultaneous intervals, and the smallest advantage that would be found.
    """
    rows = [r for g in games for r in g.attacks]
    adjusted = iter(holm([r.p_value for r in rows if r.p_value is not None]))
    remembered = iter(holm([r.memory_p for r in rows if r.memory_p is not None]))
    found: list[Played] = []
    for g in games:
        wins = {b.result.name: b.result.wins for b in g.baselines}
        attacks = tuple(
            dataclasses.replace(
                r,
                p_holm=next(adjusted),
                memory_p_holm=None if r.memory_p is None else next(remembered),
                simultaneous=paired_advantage(
                    r.result.wins,
                    wins[r.least.baseline],
                    attack=r.result.name,
                    baseline=r.least.baseline,
                    ci_level=1 - (1 - ci_level) / len(rows),
                    rng=[seed, 99],
                ),
            )
            for r in g.attacks
        )
        differs = discordance(g.strongest.result.wins, g.best_baseline.result.wins)
        detectable = detectable_advantage(differs, g.n, alpha=1 - ci_level, comparisons=len(rows))
        found.append(dataclasses.replace(g, attacks=attacks, detectable=detectable))
    return tuple(found)
