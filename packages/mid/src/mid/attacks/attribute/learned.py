"""The learned attack: a classifier from all that the attacker knows and is told to the attribute."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from infocore.errors import ParameterError
from mid.attacks.attribute.population import Imputer
from mid.attacks.attribute.view import View
from mid.attacks.protocols import Needs, Output
from mid.attacks.reading import read

__all__ = ["LearnedAttack"]

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LearnedAttack:
    """Learn from the attacker's own records how the attribute shows in the other columns **and** in the answers.

    Each record is described by its known columns, its true response (if known), the released answer about it (if seen),
    and the answers to questions about it with every candidate put in. The learner is the `Imputer` that the baselines
    use: what it gains over them, the answers gave.

    Parameters
    ----------
    queries : int
        How often each question is asked; answers are averaged.

    Raises
    ------
    ParameterError
        If `queries` is less than 1.
    """

    queries: int = 1

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise ParameterError(f"LearnedAttack: `queries` must be at least 1; got {self.queries!r}.")

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "learned attack" + (f" ({self.queries} queries)" if self.queries > 1 else "")

    @property
    def needs(self) -> Needs:
        """What every game must give it: answers of the kind that is released, and records of its own."""
        return Needs(interface="released", auxiliary=True)

    def needs_in(self, view: View) -> Needs:
        """Say what it is given in one game: the response and the released answer too, where they are there.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        Needs
            All that `scores` reads.
        """
        return Needs(
            interface=view.released_output,
            response=view.response is not None,
            released=view.released is not None,
            auxiliary=True,
        )

    def scores(self, view: View) -> Floats:
        """Log-probabilities by the imputer.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-probabilities.
        """
        output = view.released_output
        own = view.attribute.hide(view.known.X)
        attacked = view.hidden
        if view.response is not None:
            own, attacked = view.with_response(own, view.known.y), view.with_response(attacked, view.response)
        own = _described(own, "candidate", view.ask_known_candidates(output, self.queries), output)
        attacked = _described(attacked, "candidate", view.ask(output, self.queries), output)
        if view.response is not None and view.classes is None:
            own = _residuals(own, view.ask_known_candidates(output, self.queries), view.known.y)
            attacked = _residuals(attacked, view.ask(output, self.queries), view.response)
        if view.released is not None:
            own = _described(own, "released", view.ask_release(), output)
            attacked = _described(attacked, "released", view.released, output)
        return Imputer(view.attribute.size, view.seed).fit(own, view.known_codes).log_probabilities(attacked)


def _described(x: pd.DataFrame, what: str, answers: NDArray[Any], output: Output) -> pd.DataFrame:
    """Put answers beside what is known: labels as categories, values as they are, probabilities in logs."""
    rows = np.asarray(answers).reshape(len(x), -1)
    if output == "labels":
        rows = rows.astype(str)
    elif output == "probabilities":
        rows = read(rows, "probabilities")
    columns = {f"{what} {j}": rows[:, j] for j in range(rows.shape[1])}
    return pd.concat([x, pd.DataFrame(columns, index=x.index)], axis=1)


def _residuals(x: pd.DataFrame, answers: NDArray[Any], y: Any) -> pd.DataFrame:
    """Squared distance of the response from each candidate's answer: what a linear learner cannot make by itself."""
    squares = (np.asarray(y, np.float64)[:, None] - np.asarray(answers, np.float64)) ** 2
    columns = {f"distance {j}": squares[:, j] for j in range(squares.shape[1])}
    return pd.concat([x, pd.DataFrame(columns, index=x.index)], axis=1)
