"""`audit`: from a fitted model and a table to a verdict."""

import time
from collections.abc import Sequence
from typing import Any, get_args

import pandas as pd
from numpy.typing import ArrayLike

from infocore.errors import ParameterError, TooFewSamplesError
from infocore.result import MIEstimate
from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.attacks.attribute.game import Knows
from mid.attacks.protocols import Output
from mid.auditing.caps import ReleaseCap, record_cap, release_cap
from mid.auditing.lower import attribute_lower_bound, record_lower_bound
from mid.auditing.played import correct, play
from mid.auditing.points import Point, defended, measure, pareto
from mid.auditing.progress import steps
from mid.auditing.report import AuditReport
from mid.auditing.setting import setting_of
from mid.auditing.split import Split, split_records
from mid.auditing.suite import MANY_QUERIES, facts_of
from mid.auditing.utility import utility_of
from mid.auditing.verdict import verdict_of
from mid.auditing.words import recommend, warn

__all__ = ["audit"]

LEAST_FRESH = 100
_CURVE_KNOWN, _CURVE_ATTACKED = 900, 1500  # a curve has a dozen models, each attacked by the whole suite


def audit(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    sensitive: Any,
    X_train: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    games: Sequence[Knows] = ("response", "release"),
    released: Output | None = None,
    bins: int | None = None,
    curve: bool = True,
    ci_level: float = 0.95,
    seed: int = 0,
    progress: bool = False,
) -> AuditReport:
    r"""Audit what a fitted model gives away about a sensitive attribute.

    Fresh records are split in two: one half is the attacker's own, the other is attacked. Guessers without the model
    and attacks with it are run on the same records; what counts is how much an attack gains over **every** guesser that
    knows what it knows.

    Parameters
    ----------
    model : estimator
        Fitted classifier, regressor or pipeline of scikit-learn's kind, or a model of this package.
    X : array or data frame of shape (n, dx)
        Fresh records: the model was not trained on them. At least 100.
    y : array of shape (n,)
        Their true responses.
    sensitive : name, number, or sequence of them
        Column(s) that hold the sensitive attribute; several are one attribute (a one-hot group).
    X_train, y_train : array of shape (n1, dx), array of shape (n1,), optional
        Training records and responses: the attacks are run on some of them too, which shows what is memorised, and the
        curve gets models trained without the attribute, MID models and private ones.
    games : sequence of {"response", "release", "both"}
        What the attacker knows of a record besides its other columns.
    released : {"labels", "values", "probabilities"}, optional
        The released quantity; the usual for the model if left out.
    bins : int, optional
        For a continuous attribute: it is guessed up to one of so many bins.
    curve : bool
        Whether models that could be put in its place are made and attacked.
    ci_level : float
        Of intervals and certificates; ``1 - ci_level`` is the family-wise error of a verdict.
    seed : int
        Of the split, all noise and the bootstrap.
    progress : bool
        Whether to show a progress bar on stderr.

    Returns
    -------
    AuditReport
        ``print(report)`` for the words, ``report.write(folder)`` for JSON and a page.

    Raises
    ------
    ParameterError
        If a setting is not one of its values, training records come without responses, or a column is not there.
    TooFewSamplesError
        If there are fewer than 100 fresh records.

    Notes
    -----
    The audit says what these attacks find, and certifies only what is said to be certified. A stronger attacker may
    exist; the certificates of a known noise hold for every attacker of their game.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from mid.data import WarfarinLaw
    >>> from mid.data.warfarin import design
    >>> table, dose = WarfarinLaw().sample(1200, rng=0)
    >>> X = design(table)
    >>> model = LinearRegression().fit(X[:600], dose[:600])
    >>> report = audit(model, X[600:], dose[600:], sensitive=["vkorc1_A/A", "vkorc1_A/G"], curve=False)
    >>> [v.beyond_population for v in report.verdicts]  # the response; the released dose
    [False, True]
    """
    _check(games, ci_level)
    fresh_all = Records(X, y)
    if len(fresh_all) < LEAST_FRESH:
        raise TooFewSamplesError(f"audit: `X` must hold at least {LEAST_FRESH} fresh records; got {len(fresh_all)}.")
    training = _training(X_train, y_train, fresh_all)
    every = fresh_all.X if training is None else pd.concat([fresh_all.X, training.X], ignore_index=True)
    attribute = SensitiveAttribute.of(
        every.to_numpy() if not isinstance(X, pd.DataFrame) else every, sensitive, bins=bins
    )
    split = split_records(fresh_all, training, seed)
    known, attacked = split.known, split.attacked
    started = time.perf_counter()
    refused: list[str] = []
    points: list[Point] = []
    with steps(progress) as tell:
        memory: dict[Any, Any] = {}
        facts, raw = None, []
        for knows in games:
            game = AttributeGame(
                model, attribute, known, split.whole, knows=knows, released_output=released, seed=seed, memory=memory
            )
            facts = facts or facts_of(game.view)
            raw.append(play(game, facts, split.fresh, ci_level=ci_level, seed=seed, tell=tell))
        assert facts is not None
        played = correct(raw, ci_level=ci_level, seed=seed)
        tell("bounds on the information in the release")
        lower, caps, record = _bounds(model, attribute, split, released, ci_level=ci_level, seed=seed)
        if curve:
            few_known, few_attacked = _few(known, _CURVE_KNOWN), _few(attacked, _CURVE_ATTACKED)
            guesses: dict[Any, Any] = {}
            for candidate in defended(model, facts, attribute, few_known, training, seed, refused):
                tell(f"curve: {candidate.name}")
                point = measure(
                    candidate, attribute, few_known, few_attacked, games,
                    output=released, ci_level=ci_level, seed=seed, guesses=guesses,
                )  # fmt: skip
                points.append(point)
            points = pareto(points)
    verdicts = tuple(verdict_of(g, attribute, facts, ci_level=ci_level) for g in played)
    utility, constant = utility_of(model, attribute, attacked, seed)
    told = setting_of(model, attribute, facts, split, seed=seed, ci_level=ci_level) | {
        "utility on fresh records": utility,
        "utility of a constant": constant,
        "seconds of the audit": time.perf_counter() - started,
    }
    return AuditReport(
        verdicts=verdicts,
        games=played,
        leaks_at_least=lower,
        release_caps=caps,
        record_cap=record,
        curve=tuple(points),
        recommendation=recommend(verdicts, points, facts, trained=training is not None),
        warnings=(*warn(model, facts, played, caps, split, training is not None), *refused),
        facts=told,
    )


def _bounds(
    model: Any, attribute: SensitiveAttribute, split: Split, released: Output | None, *, ci_level: float, seed: int
) -> tuple[dict[str, MIEstimate], tuple[ReleaseCap, ...], MIEstimate | None]:
    """Everything that is certified of the release, on fresh records."""
    known, attacked = split.known, split.attacked
    game = AttributeGame(model, attribute, known, attacked, knows="release", released_output=released, seed=seed)
    view = game.view
    answers = view.ask_table(attacked.X, view.released_output)
    lower = {
        "I(X_s; Yhat)": attribute_lower_bound(view, attribute.codes(attacked.X), confidence=ci_level),
        "I(X; Yhat)": record_lower_bound(view, answers, confidence=ci_level),
    }
    columns = list(known.X.columns)
    found = [
        release_cap(model, attribute, view.hidden, columns, queries=q, confidence=ci_level) for q in (1, MANY_QUERIES)
    ]
    record = record_cap(model, attribute.asked(known.X), attribute.asked(attacked.X), ci_level=ci_level)
    return lower, tuple(cap for cap in found if cap is not None), record


def _check(games: Sequence[str], ci_level: float) -> None:
    allowed = tuple(g for g in get_args(Knows) if g != "nothing")
    if not games or isinstance(games, str) or any(g not in allowed for g in games) or len(set(games)) < len(games):
        raise ParameterError(f"audit: `games` must be a sequence of different ones of {allowed}; got {games!r}.")
    if not 0 < ci_level < 1:
        raise ParameterError(f"audit: `ci_level` must be in (0, 1); got {ci_level!r}.")


def _training(X_train: Any, y_train: Any, fresh: Records) -> Records | None:
    if (X_train is None) != (y_train is None):
        raise ParameterError("audit: `X_train` and `y_train` must be given together, or not at all.")
    if X_train is None:
        return None
    training = Records(X_train, y_train)
    if list(training.X.columns) != list(fresh.X.columns):
        raise ParameterError("audit: `X_train` must have the columns of `X`, in the same order.")
    return training


def _few(records: Records, n: int) -> Records:
    return Records(records.X.head(n), records.y[:n])
