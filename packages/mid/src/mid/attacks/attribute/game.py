r"""The game of attribute inference: what the attacker sees, and the judge who holds the truth apart.

A record is :math:`x = (x_s, x_{ns})`. The attacker knows :math:`x_{ns}`, the population's law through records of its
own, and one of: the true response y (as Fredrikson et al. have it), the released answer :math:`\hat y = f(x)` about
that record, or both. It may ask the target about records of its making. It answers with a score for each candidate
value, which makes a **score matrix** of records by candidates; the largest of a row is its guess.
"""

import dataclasses
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags

from infocore.errors import KindError, ParameterError, TooFewSamplesError
from mid.attacks.attribute.judge import AttributeResult, judge_scores
from mid.attacks.attribute.sensitive import SensitiveAttribute
from mid.attacks.attribute.view import Records, View
from mid.attacks.predictor import Predictor
from mid.attacks.protocols import Needs, Output

__all__ = ["AttributeAttack", "AttributeGame", "Knows"]

Floats = NDArray[np.float64]
Knows = Literal["response", "release", "both", "nothing"]

_LEAST_KNOWN = 20


class AttributeAttack(Protocol):
    """An attack on an attribute: configured first, then run by a game."""

    @property
    def name(self) -> str:
        """What the attack is called in tables."""
        ...

    @property
    def needs(self) -> Needs:
        """What it must be given."""
        ...

    def scores(self, view: View) -> Floats:
        """Score every candidate of every attacked record.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            The largest of a row is the guess; a column's numbers are comparable between rows.
        """
        ...


class AttributeGame:
    """One game: a target, the attacked records, and what the attacker knows of them.

    Parameters
    ----------
    model : estimator or Target
        A fitted predictor, or anything with `release`.
    attribute : SensitiveAttribute
        What is guessed.
    known : Records
        The attacker's own records, disjoint from the attacked ones.
    attacked : Records
        The attacked records; the attribute is hidden from the attacker, and read by the judge.
    knows : {"response", "release", "both", "nothing"}
        What the attacker knows of an attacked record besides its other columns.
    released_output : {"labels", "values", "probabilities", "logits"}, optional
        What is released about the attacked records; values of a regressor, probabilities of a classifier that has them,
        else labels, if left out.
    released_queries : int
        Over how many draws a released answer is averaged.
    seed : int
        Seed of all noise and of what attacks draw.
    memory : dict, optional
        Answers and guesses without the model, kept for other games on the same model and records: give them all the
        same dict, empty at first. Each game still counts the queries it would have asked alone.

    Raises
    ------
    ParameterError
        If `knows` is not one of its values, the two sets of records have other columns, `model` cannot be asked, or a
        response is a label that it does not know.
    KindError
        If responses of a regressor are not numbers.
    TooFewSamplesError
        If there are fewer than 20 known records or no attacked one.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from mid.attacks.attribute import MapRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"gene": rng.integers(0, 2, 400), "age": rng.normal(size=400)})
    >>> y = 2.0 * X["gene"] + X["age"] + 0.5 * rng.normal(size=400)
    >>> model = LinearRegression().fit(X, y)
    >>> attribute = SensitiveAttribute.of(X, "gene")
    >>> game = AttributeGame(model, attribute, Records(X[:200], y[:200]), Records(X[200:], y[200:]), knows="response")
    >>> result = game.run(MapRegression())
    >>> result.n, result.queries, result.accuracy > 0.9
    (200, 600, True)
    """

    def __init__(
        self,
        model: Any,
        attribute: SensitiveAttribute,
        known: Records,
        attacked: Records,
        *,
        knows: Knows = "response",
        released_output: Output | None = None,
        released_queries: int = 1,
        seed: int = 0,
        memory: dict[Any, Any] | None = None,
    ) -> None:
        caller = "AttributeGame"
        if knows not in get_args(Knows):
            raise ParameterError(f"{caller}: `knows` must be one of {get_args(Knows)}; got {knows!r}.")
        if len(known) < _LEAST_KNOWN or len(attacked) < 1:
            raise TooFewSamplesError(
                f"{caller}: needs at least {_LEAST_KNOWN} known records and one attacked; got {len(known)} and "
                f"{len(attacked)}."
            )
        if list(known.X.columns) != list(attacked.X.columns):
            raise ParameterError(f"{caller}: `known` and `attacked` must have the same columns in the same order.")
        target = Predictor(model)
        classes = _classes(model)
        _check_responses(known.y, attacked.y, classes)
        output: Output = released_output or _usual(model, classes)
        self._truth = attribute.codes(attacked.X)
        released = None
        if knows in ("release", "both"):
            seed_of_release = int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])
            released = np.asarray(
                target.release(
                    attribute.asked(attacked.X),
                    output=output,
                    queries=released_queries,
                    access="sampled",
                    rng=seed_of_release,
                )
            )
        self.view = View(
            target=target,
            model=model,
            attribute=attribute,
            known=known,
            hidden=attribute.hide(attacked.X),
            response=attacked.y if knows in ("response", "both") else None,
            released=released,
            released_output=output,
            released_queries=released_queries,
            classes=classes,
            seed=seed,
            memory={} if memory is None else memory,
        )

    def run(self, attack: AttributeAttack) -> AttributeResult:
        """Run an attack and judge it.

        Parameters
        ----------
        attack : AttributeAttack
            What guesses.

        Returns
        -------
        AttributeResult
            Its guesses, set against the truth that it did not see.

        Raises
        ------
        ParameterError
            If the attack needs what this game does not give, or its scores are not of shape (n, m).
        """
        view, needs = self.view, _needs_in(attack, self.view)
        if needs.response and view.response is None:
            raise ParameterError(f"AttributeGame.run: {attack.name} needs the true response, not known in this game.")
        if needs.released and view.released is None:
            raise ParameterError(f"AttributeGame.run: {attack.name} needs the released answers, not seen here.")
        view.start()
        scores = np.asarray(attack.scores(view), np.float64)
        expected = (len(view.hidden), view.attribute.size)
        if scores.shape != expected or np.isnan(scores).any():
            raise ParameterError(
                f"AttributeGame.run: {attack.name} must score every candidate of every record, shape {expected}, "
                f"without NaN; got shape {scores.shape} with {int(np.isnan(scores).sum())} NaN."
            )
        return judge_scores(
            scores, self._truth, view.attribute.labels, name=attack.name, needs=needs, queries=view.asked
        )


def _needs_in(attack: AttributeAttack, view: View) -> Needs:
    """What an attack is given here: one that takes what there is says so in `needs_in`, and "released" has a name."""
    takes = getattr(attack, "needs_in", None)
    needs: Needs = attack.needs if takes is None else takes(view)
    return dataclasses.replace(needs, interface=view.released_output) if needs.interface == "released" else needs


def _classes(model: Any) -> NDArray[Any] | None:
    classes = getattr(model, "classes_", None)
    if classes is not None:
        return np.asarray(classes)
    if hasattr(model, "__sklearn_tags__"):
        kind = get_tags(model).estimator_type
        if kind not in ("classifier", "regressor"):
            raise ParameterError(f"AttributeGame: `model` must be a classifier or a regressor; got {model!r}.")
        if kind == "classifier":
            raise ParameterError(f"AttributeGame: `model` must be a fitted classifier with classes_; got {model!r}.")
    elif not hasattr(model, "release"):
        raise ParameterError(f"AttributeGame: `model` must have predict or release; got {type(model).__name__}.")
    return None


def _check_responses(known: NDArray[Any], attacked: NDArray[Any], classes: NDArray[Any] | None) -> None:
    for name, y in (("known", known), ("attacked", attacked)):
        if classes is None and y.dtype.kind not in "fiub":
            raise KindError(
                f"AttributeGame: the responses of `{name}` must be numbers for a regressor; got dtype {y.dtype}."
            )
        if classes is not None and not np.isin(y, classes).all():
            strange = np.unique(y[~np.isin(y, classes)])[:5].tolist()
            raise ParameterError(
                f"AttributeGame: the responses of `{name}` must be labels the target knows, {classes.tolist()}; got "
                f"{strange}."
            )


def _usual(model: Any, classes: NDArray[Any] | None) -> Output:
    if classes is None:
        return "values"
    # what has a `release` only is a network, and answers with scores
    return "probabilities" if hasattr(model, "predict_proba") or not hasattr(model, "predict") else "labels"
