"""What an audit advises, and what it warns of."""

from collections.abc import Sequence
from typing import Any

from mid.attacks.predictor import last_step
from mid.auditing.caps import ReleaseCap
from mid.auditing.played import Played
from mid.auditing.points import Point
from mid.auditing.split import Split
from mid.auditing.suite import Facts
from mid.auditing.verdict import Verdict

__all__ = ["recommend", "warn"]

_PREDICTABLE = 0.1  # imputation this much better than the prior is worth a warning
_LARGE_EPSILON = 50.0
_CLOSE = 0.02  # of utility: what one would give for a model that does not read the attribute
_WHERE = {
    "response": "whose true response is known",
    "release": "whose released answer is seen",
    "both": "whose response is known and whose answer is seen",
}
_OWN, _DROPPED = "audited model", "drop the attribute"


def recommend(verdicts: Sequence[Verdict], points: Sequence[Point], facts: Facts, *, trained: bool) -> str:
    """Say what an owner should do.

    Parameters
    ----------
    verdicts : sequence of Verdict
        One per game.
    points : sequence of Point
        The curve, if one was made; the first is the audited model.
    facts : Facts
        Of the model.
    trained : bool
        Whether training records were given.

    Returns
    -------
    str
        A few sentences.
    """
    found = [v for v in verdicts if v.beyond_population]
    remembered = any(v.memorised for v in verdicts)
    said: list[str] = []
    if remembered:
        said.append(
            "The model remembers its training records: train it with less freedom (larger leaves, earlier stopping, "
            "more regularisation) or with differential privacy, which bounds just this."
        )
    if not found:
        if not remembered:
            least = 100 * max(v.detectable for v in verdicts)
            said.append(
                f"No evidence against the model was found. This audit could have seen {least:.1f} points; if that is "
                "more than you can accept, repeat it on more records."
            )
        return " ".join(said)
    said.append(
        f"The model gives away the attribute of records {' and of those '.join(_WHERE[v.knows] for v in found)}."
    )
    own = next((p for p in points if p.family == _OWN), None)
    dropped = next((p for p in points if p.family == _DROPPED), None)
    unit = "R2" if facts.kind == "regressor" else "accuracy"
    if own is not None and dropped is not None:
        cost = own.utility - dropped.utility
        left = 100 * max(dropped.success[g] - dropped.floor[g] for g in dropped.success)
        way = "Train without it" if cost <= _CLOSE else "Training without it is the thorough way"
        said.append(
            f"{way}: the strongest attack is then {left:.1f} points from the best guesser, for {cost:.3f} of {unit}."
        )
    elif not trained:
        said.append("Give the training records, to see what training without the attribute costs.")
    elif own is None:
        said.append(
            "Train it without the attribute first; an audit with the curve says what that costs, and other ways."
        )
    else:
        said.append("Train it without the attribute first; that could not be tried here, see the notes.")
    if own is not None:
        said += _nearby(own, points, unit)
    if facts.noisy:
        said.append(
            "Its noise hides too little: calibrate it for fewer nats, and limit queries or answer repeated ones alike, "
            "since averaging undoes noise."
        )
    else:
        said.append("Noise protects a released number, shrinkage does not; repeated queries average noise away.")
    return " ".join(said)


def warn(
    model: Any, facts: Facts, games: Sequence[Played], caps: Sequence[ReleaseCap], split: Split, trained: bool
) -> list[str]:
    """Collect what a reader must know before quoting a number.

    Parameters
    ----------
    model : estimator
        The audited one.
    facts : Facts
        Of the model.
    games : sequence of Played
        All games.
    caps : sequence of ReleaseCap
        Certified bounds on the release, if there are any.
    split : Split
        Of the records.
    trained : bool
        Whether training records were given.

    Returns
    -------
    list of str
        One or two sentences each.
    """
    found: list[str] = []
    rates = {r.result.name: r.result.accuracy for r in games[0].baselines}
    if rates["imputation"] - rates["prior"] >= _PREDICTABLE:
        found.append(
            f"The attribute is predictable without the model: imputation is right about {rates['imputation']:.1%} of "
            f"the records, the commonest value about {rates['prior']:.1%}. Success over the prior is not the model's "
            "leakage."
        )
    if not facts.moves:
        found.append(
            "No answer that was seen changes with the attribute: the release carries nothing of it beyond the other "
            "columns."
        )
    found += [
        f"{count} {what.split(' among ')[0]} records are, word for word, among the {what.split(' among ')[1]} ones: "
        "success on them says little."
        for what, count in split.repeated.items()
        if count
    ]
    if not trained:
        found.append(
            "No training records were given: what is memorised about them, and what leaving the attribute out would "
            "cost, were not measured."
        )
    if facts.output == "probabilities":
        found.append("Audited for released probabilities; labels give away less, logits no less.")
    if facts.noisy and caps:
        one, many = caps[0], caps[-1]
        found.append(
            f"Answers are noisy: {many.queries} queries about a record raise the certified advantage from "
            f"{100 * one.advantage:.1f} to {100 * many.advantage:.1f} points. Limit them, or answer them alike."
        )
    elif facts.noisy:
        found.append(
            "Answers are noisy, by a law that is not known here: nothing is certified from above, and averaging undoes "
            "noise."
        )
    return [*found, *_settings(model)]


def _nearby(own: Point, points: Sequence[Point], unit: str) -> list[str]:
    """Name a model of nearly the same utility that its strongest attack clearly reads less well, if there is one."""
    game = max(own.success, key=lambda g: own.success[g] - own.floor[g])
    clear = [
        p
        for p in points
        if p.family not in (_OWN, _DROPPED)
        and not p.useless
        and own.utility - p.utility <= 2 * _CLOSE
        and p.ci[game][1] < own.ci[game][0]
        and _excess(p) < _excess(own)
    ]
    best = min(clear, key=_excess, default=None)
    if best is None:
        return []
    return [
        f"Within {2 * _CLOSE:g} of its {unit}, '{best.name}' brings the strongest attack from {100 * _excess(own):.1f} "
        f"to {100 * _excess(best):.1f} points over the best guesser."
    ]


def _excess(point: Point) -> float:
    """How far the strongest attack is above the best guesser, in its worst game."""
    return max(point.success[g] - point.floor[g] for g in point.success)


def _settings(model: Any) -> list[str]:
    """Warn of settings of the model that are known to promise little."""
    found: list[str] = []
    last, _ = last_step(model)
    epsilon = getattr(last, "epsilon_", None)
    if isinstance(epsilon, float) and epsilon > _LARGE_EPSILON:
        found.append(
            f"The model is private with epsilon {epsilon:.3g}: above {_LARGE_EPSILON:g} that promises nothing."
        )
    alpha = getattr(getattr(last, "defence", None), "alpha", None)
    if isinstance(alpha, float) and alpha > 0:
        found.append("The model was trained with positive label smoothing, which raises what inversion attacks get.")
    return found
