r"""Attacks that see the released answer about the record itself: the candidate whose answer it is.

The answer is compared with the answers to questions about each candidate. Without noise it identifies every candidate
that changes it; with noise of standard deviation s it is a Gaussian likelihood.
"""

import dataclasses
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ParameterError
from mid.attacks.attribute.baselines import PriorName, log_prior_of
from mid.attacks.attribute.view import View
from mid.attacks.protocols import Access, Interface, Needs
from mid.attacks.reading import centred

__all__ = ["MatchRelease"]

Floats = NDArray[np.float64]

_SAME = 1e-6  # answers this close, relative to their spread, are the same: a release without noise has rounding only
_REPEATED_ROWS = 200
_REPEATS = 8  # repeats of own questions from which the noise of an answer is estimated


@dataclasses.dataclass(frozen=True)
class MatchRelease:
    r"""The candidate whose answer is closest to the released one, in units of the noise.

    .. math:: L(v) = -\frac{\lVert g(\hat y) - g(f(x_{ns}, v)) \rVert^2}{2 (s^2/q_r + s^2/q)} + \log p(v)

    with g the identity for values and the centred logarithm for probabilities, s the noise of one answer as measured on
    the attacker's own records, q_r the draws behind the released answer and q the attacker's own per question.

    Parameters
    ----------
    prior : {"marginal", "imputation", "uniform"}
        What is multiplied in.
    queries : int
        How often each question is asked.
    access : {"sampled", "mean"}
        Noisy answers to the attacker's questions, or those without noise (white box). The released answer stays what it
        is.

    Raises
    ------
    ParameterError
        If `prior` is not one of its values, or `queries` is less than 1.
    """

    prior: PriorName = "marginal"
    queries: int = 1
    access: Access = "sampled"

    def __post_init__(self) -> None:
        if self.prior not in get_args(PriorName):
            raise ParameterError(f"MatchRelease: `prior` must be one of {get_args(PriorName)}; got {self.prior!r}.")
        if self.queries < 1:
            raise ParameterError(f"MatchRelease: `queries` must be at least 1; got {self.queries!r}.")

    @property
    def name(self) -> str:
        """What it is called in tables."""
        parts = [f"{self.prior} prior"]
        parts += ["without noise"] if self.access == "mean" else []
        parts += [f"{self.queries} queries"] if self.queries > 1 else []
        return f"match the release ({', '.join(parts)})"

    @property
    def needs(self) -> Needs:
        """The released answer, and answers of the same kind to its own questions."""
        interface: Interface = "parameters" if self.access == "mean" else "released"
        return Needs(interface=interface, released=True, auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log-posterior of each candidate, up to a constant a record.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-scores.
        """
        output = view.released_output
        answers = view.ask(output, self.queries, self.access)
        prior = log_prior_of(view, self.prior)
        if output == "labels":
            hit = answers == np.asarray(view.released)[:, None]
            share = _agreement(view)
            return np.where(hit, np.log(share), np.log1p(-share)) + prior
        scale = _spread(view)
        noise = _noise(view)
        own = 0.0 if self.access == "mean" else noise**2 / self.queries
        variance = noise**2 / view.released_queries + own + (_SAME * scale) ** 2
        released: Any = view.released
        gap = centred(released, output)[:, None] - centred(answers, output)
        squares = gap**2 if gap.ndim == 2 else (gap**2).sum(2)
        return -0.5 * squares / variance + prior


def _repeats(view: View) -> NDArray[Any]:
    """Answers to the same questions about some of the attacker's own records, several times."""
    rows = view.some_known(_REPEATED_ROWS)
    return np.stack([view.ask_table(rows, view.released_output) for _ in range(_REPEATS)])


def _noise(view: View) -> float:
    """Standard deviation of one answer, root mean square over records and scores; 0 if every repeat is the same."""
    answers = centred(_repeats(view), view.released_output)
    return float(np.sqrt(answers.var(axis=0, ddof=1).mean()))


def _spread(view: View) -> float:
    answers = centred(view.ask_known(view.released_output), view.released_output)
    return float(answers.std(axis=0).max()) + np.finfo(np.float64).tiny


def _agreement(view: View) -> float:
    """Share of own questions that get the same label when asked again, kept inside (0, 1)."""
    answers = _repeats(view)
    same = float((answers[1:] == answers[0]).mean())
    return min(max(same, 0.5), 1.0 - 1e-6)
