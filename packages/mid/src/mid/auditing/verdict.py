"""The verdict of a game, in numbers and in plain words."""

import dataclasses
from typing import Any

from mid.auditing.advantage import Advantage
from mid.auditing.played import Played

__all__ = ["Verdict", "verdict_of"]

_GAME = {
    "response": "To an attacker who knows the true response",
    "release": "To an attacker who sees the released answer",
    "both": "To an attacker who knows the true response and sees the released answer",
}


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a model gives away more of an attribute than the population does.

    Parameters
    ----------
    knows : str
        The game.
    beyond_population : bool
        Whether some attack beats every guesser without the model, after correction for the number of attacks.
    attack : str
        The attack the verdict rests on: the one with the smallest corrected p-value.
    advantage : Advantage
        That attack's, over the guesser that is hardest to beat.
    p_holm : float
        Its corrected p-value.
    detectable : float
        Smallest advantage that would be found with a probability of 80 %.
    memorised : Advantage or None
        How much more often the same attack is right on training records.
    text : str
        The verdict in words.
    """

    knows: str
    beyond_population: bool
    attack: str
    advantage: Advantage
    p_holm: float
    detectable: float
    memorised: Advantage | None
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        memorised = None if self.memorised is None else self.memorised.to_dict()
        return fields | {"advantage": self.advantage.to_dict(), "memorised": memorised}


def verdict_of(game: Played, *, ci_level: float) -> Verdict:
    """Judge a game.

    Parameters
    ----------
    game : Played
        With at least one attack.
    ci_level : float
        ``1 - ci_level`` is the family-wise error of "beyond the population".

    Returns
    -------
    Verdict
        In numbers and words.
    """
    best = game.best
    p = 1.0 if best.p_holm is None else best.p_holm
    found = p <= 1 - ci_level
    advantage = best.least
    low, high = (100 * v for v in advantage.ci)
    who = _GAME[game.knows]
    if found:
        text = (
            f"{who}, the model adds {100 * advantage.value:.1f} points [{low:.1f}, {high:.1f}] over "
            f"{advantage.baseline}: {best.result.name} is right about {best.result.accuracy:.1%} of {game.n} fresh "
            f"records, the best guesser without the model about {game.best_baseline.result.accuracy:.1%} (p = {p:.2g} "
            "after Holm)."
        )
    else:
        text = (
            f"{who}, nothing beyond population inference was found: no attack beats every guesser without the model "
            f"(p = {p:.2g} after Holm). The strongest attack is right about {game.strongest.result.accuracy:.1%} of "
            f"{game.n} fresh records, the best guesser about {game.best_baseline.result.accuracy:.1%}; an advantage of "
            f"{100 * game.detectable:.1f} points would have been found with a probability of 80 %."
        )
    gap = best.gap
    if gap is not None:
        low, high = (100 * v for v in gap.ci)
        held = "differ" if low > 0 or high < 0 else "do not differ measurably"
        text += (
            f" Training records and fresh ones {held}: {100 * gap.value:+.1f} points [{low:.1f}, {high:.1f}] for this "
            "attack."
        )
    return Verdict(game.knows, found, best.result.name, advantage, p, game.detectable, gap, text)
