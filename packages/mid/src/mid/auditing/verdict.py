"""The verdict of a game, in numbers and in plain words."""

import dataclasses
from typing import Any

from mid.attacks.attribute import SensitiveAttribute
from mid.auditing.advantage import Advantage
from mid.auditing.played import Played
from mid.auditing.suite import Facts

__all__ = ["Verdict", "seen_in", "verdict_of"]

_GAME = {
    "response": "To an attacker who knows the true response",
    "release": "To an attacker who sees the released {output}",
    "both": "To an attacker who knows the true response and sees the released {output}",
}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a model gives away more of an attribute than the population does.

    Parameters
    ----------
    knows : str
        The game.
    beyond_population : bool
        Whether some attack beats every guesser, after correction for the number of attacks in all games.
    attack : str
        The attack the verdict rests on: the one with the smallest corrected p-value.
    advantage : Advantage
        That attack's, over the guesser that is hardest to beat, with an interval that allows for its having been chosen
        among all attacks.
    p_holm : float
        Its corrected p-value.
    detectable : float
        Smallest advantage that would be found with a probability of 80 %.
    memorised : bool
        Whether some attack gains more over the best guesser on training records than on fresh ones, after correction.
    memory : Advantage or None
        Training records against fresh ones, of the attack with the smallest p-value of memory; None without training
        records.
    text : str
        The verdict in words.
    """

    knows: str
    beyond_population: bool
    attack: str
    advantage: Advantage
    p_holm: float
    detectable: float
    memorised: bool
    memory: Advantage | None
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        memory = None if self.memory is None else self.memory.to_dict()
        return fields | {"advantage": self.advantage.to_dict(), "memory": memory}


def verdict_of(game: Played, attribute: SensitiveAttribute, facts: Facts, *, ci_level: float) -> Verdict:
    """Judge a game that was corrected for the number of attacks.

    Parameters
    ----------
    game : Played
        From `correct`.
    attribute : SensitiveAttribute
        What was guessed.
    facts : Facts
        Of the model.
    ci_level : float
        ``1 - ci_level`` is the family-wise error.

    Returns
    -------
    Verdict
        In numbers and words.
    """
    best, alpha = game.best, 1 - ci_level
    assert best.p_holm is not None and best.simultaneous is not None, "`correct` comes first"
    found = best.p_holm <= alpha
    text = _found(game, attribute, facts) if found else _not_found(game, facts)
    row = game.most_memorised
    memory, memorised = None, False
    if row is not None:
        memory, memorised = row.gap, row.memory_p_holm is not None and row.memory_p_holm <= alpha
        text += f" {_memory_text(row.result.name, memory, memorised, row.memory_p_holm)}"
    return Verdict(
        game.knows, found, best.result.name, best.simultaneous, best.p_holm, game.detectable, memorised, memory, text
    )


def seen_in(game: Played) -> str:
    """Say what a game could have found.

    Parameters
    ----------
    game : Played
        From `correct`.

    Returns
    -------
    str
        Half a sentence.
    """
    if game.detectable < 1:
        return f"an advantage of {100 * game.detectable:.1f} points would have been found with a probability of 80 %"
    return f"{game.n} records are too few to find any advantage with a probability of 80 %"


def _who(game: Played, facts: Facts) -> str:
    return _GAME[game.knows].format(output={"values": "value", "labels": "label"}.get(facts.output, facts.output))


def _found(game: Played, attribute: SensitiveAttribute, facts: Facts) -> str:
    best, advantage = game.best, game.best.simultaneous
    assert advantage is not None
    low, high = (100 * v for v in advantage.ci)
    return (
        f"{_who(game, facts)}, the model adds {100 * advantage.value:.1f} points [{low:.1f}, {high:.1f}] to the "
        f"guessing of {', '.join(map(str, attribute.columns))}: {best.result.name} is right about "
        f"{best.result.accuracy:.1%} of {game.n} fresh records, {advantage.baseline} about "
        f"{best.result.accuracy - advantage.value:.1%} ({_p(best.p_holm)} after Holm)."
    )


def _not_found(game: Played, facts: Facts) -> str:
    return (
        f"{_who(game, facts)}, nothing beyond population inference was found: no attack beats every guesser "
        f"({_p(game.best.p_holm)} after Holm). The strongest attack is right about "
        f"{game.strongest.result.accuracy:.1%} of {game.n} fresh records, {game.best_baseline.result.name} about "
        f"{game.best_baseline.result.accuracy:.1%}; {seen_in(game)}."
    )


def _memory_text(name: str, gap: Advantage | None, memorised: bool, p: float | None) -> str:
    if gap is None:
        return ""
    low, high = (100 * v for v in gap.ci)
    if not memorised:
        return f"No attack gains more on training records than on fresh ones ({_p(p)} after Holm)."
    return (
        f"Training records are remembered: {name} is right {100 * gap.value:.1f} points [{low:.1f}, {high:.1f}] more "
        f"often on them than on fresh ones ({_p(p)} after Holm)."
    )


def _p(value: float | None) -> str:
    return "p < 1e-16" if value is not None and value < 1e-16 else f"p = {value:.2g}"
