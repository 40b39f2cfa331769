"""The privacy-utility curve: the model as it is, what could be put in its place, and what each gives away."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.pipeline import make_pipeline

from infocore.errors import InfoError
from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.attacks.attribute.game import Knows
from mid.attacks.protocols import Output
from mid.auditing.suite import Facts, attacks_for, baselines_for, facts_of
from mid.auditing.utility import utility_of
from mid.defences.baselines import drop_attribute
from mid.defences.dp_tree import DPDecisionTreeClassifier
from mid.defences.encoding import encoder_for, own_columns
from mid.defences.functional import FunctionalMechanismRegression
from mid.defences.linear import MIDLinearRegression
from mid.defences.noisy import NoisyRelease
from mid.defences.postprocess import LabelOnly, Mixing, PostProcessed, Rounding, Temperature, TopK
from mid.defences.tree import MIDDecisionTreeClassifier, SensitivePenalty

__all__ = ["Defended", "Point", "areas", "defended", "measure", "pareto"]

INFORMATION = (3.0, 2.0, 1.0, 0.5, 0.25)  # nats left by a noisy release
SHARES = (0.05, 0.2, 0.5, 0.8)  # lam of the linear model, in units of the price at which it becomes constant
PENALTIES = (0.5, 5.0)
EPSILONS = (1.0, 10.0, 100.0)
_REFUSALS = (InfoError, NotImplementedError, TypeError, ValueError, AttributeError)  # e.g. no clone of a wrapper


@dataclasses.dataclass(frozen=True, eq=False)
class Defended:
    """A model to be set beside the audited one.

    Parameters
    ----------
    name, family : str
        What it is, and what it is a kind of.
    model : estimator
        Fitted.
    epsilon : float or None
        Of a differentially private one.
    """

    name: str
    family: str
    model: Any
    epsilon: float | None = None


@dataclasses.dataclass(frozen=True)
class Point:
    """One model on the curve.

    Parameters
    ----------
    name, family : str
        What it is.
    utility : float
        R2 of a regressor, accuracy of a classifier, on fresh records, by released answers.
    success : dict
        For each game, success of the attack that is right most often: a defence is worth what its strongest attack
        leaves.
    ci : dict
        Clopper-Pearson intervals of `success`.
    attack : dict
        For each game, that attack's name.
    floor : dict
        For each game, success of the best guesser.
    epsilon : float or None
        Of a differentially private one.
    dominated : tuple of str
        Games in which another point has no less utility and no more success, and one of the two strictly.
    useless : bool
        Whether a constant prediction has as much utility.
    """

    name: str
    family: str
    utility: float
    success: dict[str, float]
    ci: dict[str, tuple[float, float]]
    attack: dict[str, str]
    floor: dict[str, float]
    epsilon: float | None = None
    dominated: tuple[str, ...] = ()
    useless: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        return dataclasses.asdict(self) | {"ci": {game: list(ci) for game, ci in self.ci.items()}}


def defended(
    model: Any,
    facts: Facts,
    attribute: SensitiveAttribute,
    known: Records,
    training: Records | None,
    seed: int,
    refused: list[str],
) -> Iterator[Defended]:
    """Make what is set beside a model: around it, and trained anew where training records are given.

    Parameters
    ----------
    model : estimator
        The audited one.
    facts : Facts
        Of the model.
    attribute : SensitiveAttribute
        What is guessed.
    known : Records
        Records that calibrate noise and set the bounds of private methods; the model was not trained on them.
    training : Records or None
        Records to train on anew.
    seed : int
        Of noise and of private mechanisms.
    refused : list of str
        Takes a line for every kind that could not be made for this model, with the reason.

    Yields
    ------
    Defended
        One after another, as each is made.
    """
    yield Defended("as it is", "audited model", model)
    asked = attribute.asked(known.X)
    makers: list[Callable[[], Defended]] = []
    if training is not None:
        x, y = attribute.asked(training.X), training.y
        columns = list(attribute.columns)
        makers.append(
            lambda: Defended("without the attribute", "drop the attribute", drop_attribute(model, x, y, columns))
        )
    if hasattr(model, "predict"):
        for nats in INFORMATION:
            makers.append(
                lambda nats=nats: Defended(
                    f"noisy release, {nats:g} nats",
                    "noisy release",
                    NoisyRelease(model, information=nats, random_state=seed).fit(asked),
                )
            )
    if facts.kind == "classifier" and facts.output == "probabilities":
        for setting in (LabelOnly(), Rounding(1), TopK(1), Temperature(5.0), Mixing(0.5)):
            makers.append(
                lambda setting=setting: Defended(str(setting), "post-processing", PostProcessed(model, setting))
            )
    if training is not None:
        try:
            makers += _trained(facts, attribute, known, training, seed)
        except _REFUSALS as e:
            refused.append(_refusal(e))
    for make in makers:
        try:
            made = make()
        except _REFUSALS as e:
            refused.append(_refusal(e))
        else:
            yield made


def _refusal(error: Exception) -> str:
    return f"Not on the curve: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _trained(
    facts: Facts, attribute: SensitiveAttribute, known: Records, training: Records, seed: int
) -> list[Callable[[], Defended]]:
    """Reference models on the same training records: MID's, and differentially private ones."""
    # ranges come from the attacker's records, so a private model's bounds do not depend on what it was trained on
    encoder = encoder_for(known.X).fit(known.X)
    rows, y = encoder.transform(training.X), training.y

    def fit(last: Any) -> Any:
        return make_pipeline(encoder, last.fit(rows, y))

    if facts.kind == "classifier":
        own = own_columns(encoder, attribute.columns)

        def tree(lam: float) -> Defended:
            last = MIDDecisionTreeClassifier(SensitivePenalty(lam), sensitive_features=own, max_depth=8)
            return Defended(f"MID tree, lam {lam:g}", "MID decision tree", fit(last))

        def private_tree(epsilon: float) -> Defended:
            bounds = (np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
            classes = np.unique(np.concatenate([known.y, y]))  # a label set is public
            last = DPDecisionTreeClassifier(epsilon, bounds, classes=classes, random_state=seed)
            return Defended(f"private tree, epsilon {epsilon:g}", "differential privacy", fit(last), epsilon)

        trees = [lambda lam=lam: tree(lam) for lam in PENALTIES]
        return [*trees, *(lambda epsilon=epsilon: private_tree(epsilon) for epsilon in EPSILONS)]

    y_range = (float(known.y.min()), float(known.y.max()))

    def linear(share: float) -> Defended:
        price = 2.0 * float(np.var(MIDLinearRegression(0.0).fit(rows, y).predict(rows)))
        last = MIDLinearRegression(share * price, random_state=seed)
        return Defended(f"MID linear, {share:g} of the price of silence", "MID linear regression", fit(last))

    def private(epsilon: float) -> Defended:
        bounds = (np.zeros(rows.shape[1]), np.ones(rows.shape[1]))
        last = FunctionalMechanismRegression(epsilon, bounds_x=bounds, bounds_y=y_range, clip=True, random_state=seed)
        return Defended(f"private regression, epsilon {epsilon:g}", "differential privacy", fit(last), epsilon)

    makers = [lambda share=share: linear(share) for share in SHARES]
    return [*makers, *(lambda epsilon=epsilon: private(epsilon) for epsilon in EPSILONS)]


def measure(
    candidate: Defended,
    attribute: SensitiveAttribute,
    known: Records,
    attacked: Records,
    games: Sequence[Knows],
    *,
    output: Output | None,
    ci_level: float,
    seed: int,
    guesses: dict[Any, Any],
) -> Point:
    """Attack one model in every game and weigh it.

    Parameters
    ----------
    candidate : Defended
        The model.
    attribute, known, attacked
        As in `AttributeGame`.
    games : sequence of str
        What the attacker knows, one game each.
    output : str, optional
        What is released; the usual for the model if left out.
    ci_level : float
        Of the intervals.
    seed : int
        Of all that is drawn.
    guesses : dict
        Guesses without the model, the same for every model of a curve: empty at first, and filled here.

    Returns
    -------
    Point
        Its place on the curve.
    """
    success: dict[str, float] = {}
    ci: dict[str, tuple[float, float]] = {}
    names: dict[str, str] = {}
    floor: dict[str, float] = {}
    memory = dict(guesses)
    for knows in games:
        game = AttributeGame(
            candidate.model,
            attribute,
            known,
            attacked,
            knows=knows,
            released_output=output,
            seed=seed,
            memory=memory,
        )
        facts = facts_of(game.view)
        results = [game.run(a) for a in attacks_for(game.view, facts)]
        best = max(results, key=lambda r: r.accuracy)
        success[knows], names[knows] = best.accuracy, best.name
        interval = binomtest(int(best.wins.sum()), best.n).proportion_ci(ci_level, method="exact")
        ci[knows] = float(interval.low), float(interval.high)
        floor[knows] = max(game.run(b).accuracy for b in baselines_for(game.view))
    # what the average answer was used for belongs to this model alone
    guesses.update({key: guess for key, guess in memory.items() if key[0] == "imputation" and not key[2]})
    utility, constant = utility_of(candidate.model, attribute, attacked, seed)
    return Point(
        candidate.name,
        candidate.family,
        utility,
        success,
        ci,
        names,
        floor,
        candidate.epsilon,
        useless=utility <= constant,
    )


def pareto(points: Sequence[Point]) -> list[Point]:
    """Mark the points that another one dominates.

    Parameters
    ----------
    points : sequence of Point
        Of one curve.

    Returns
    -------
    list of Point
        In the same order, with `dominated` set.
    """

    def beaten(p: Point, game: str) -> bool:
        return any(
            q.utility >= p.utility
            and q.success[game] <= p.success[game]
            and (q.utility > p.utility or q.success[game] < p.success[game])
            for q in points
        )

    return [dataclasses.replace(p, dominated=tuple(game for game in p.success if beaten(p, game))) for p in points]


def areas(points: Sequence[Point], constant: float) -> dict[str, dict[str, float]]:
    """Mean success of the strongest attack over all utilities from a constant's to the audited model's.

    At each utility an owner takes, of the points that have at least so much, the one with the least success; of one
    family alone, that or the audited model. So all families are weighed over the same utilities: the area under the
    curve over its width, and less is better.

    Parameters
    ----------
    points : sequence of Point
        Of one curve, the audited model first.
    constant : float
        Utility of a constant prediction.

    Returns
    -------
    dict of str to dict
        For each game, the area by family, and under ``"all"`` that of the Pareto front; empty if the audited model is
        no better than a constant.
    """
    if not points or points[0].utility <= constant:
        return {}
    own = points[0]
    families = {"all": list(points)} | {f: [own, *(p for p in points if p.family == f)] for f in _families(points)}
    return {
        game: {name: _area(some, game, constant, own.utility) for name, some in families.items()}
        for game in own.success
    }


def _families(points: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(p.family for p in points))


def _area(points: Sequence[Point], game: str, low: float, high: float) -> float:
    """Mean over [low, high] of the least success of the points with at least that utility, a step function."""
    edges = sorted({low, high, *(p.utility for p in points if low < p.utility < high)})
    steps = [(b - a) * min(p.success[game] for p in points if p.utility >= b) for a, b in itertools.pairwise(edges)]
    return sum(steps) / (high - low)
