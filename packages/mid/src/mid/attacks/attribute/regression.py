r"""Maximum a posteriori inversion of a regressor whose true response is known.

.. math:: L(v) = -\frac{(y - f(x_{ns}, v))^2}{2 s_e^2} + \log p(v), \qquad \hat x_s = \arg\max_v L(v) \qquad (36)

Columns that the attacker does not know are integrated out over the attacker's own records.

References
----------
- M. Fredrikson, E. Lantz, S. Jha, S. Lin, D. Page, T. Ristenpart, "Privacy in Pharmacogenetics: An End-to-End Case
  Study of Personalized Warfarin Dosing", USENIX Security 2014.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from infocore.errors import ParameterError
from mid.attacks.attribute.baselines import PriorName, log_prior_of
from mid.attacks.attribute.view import View
from mid.attacks.protocols import Access, Needs

__all__ = ["MapRegression"]

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class MapRegression:
    """Fredrikson's attack on a regressor: the candidate that explains the true response best.

    Parameters
    ----------
    prior : {"marginal", "imputation", "uniform"}
        What is multiplied in: shares of the candidates, imputation from the other columns, or nothing.
    queries : int
        How often each question is asked, against noisy answers.
    access : {"sampled", "mean"}
        Noisy answers, or those without noise (white box).
    recalibrate : bool
        Whether responses are first regressed on the answers about the attacker's own records: that undoes scaling and
        shifting, so shrinkage hides nothing. The adaptive form.
    unknown : sequence of columns
        Columns of an attacked record that the attacker does not know, integrated out.
    draws : int
        Rows of the attacker's own records over which they are integrated.

    Raises
    ------
    ParameterError
        If `prior` is not one of its values, or `queries` or `draws` is less than 1.

    Notes
    -----
    The error's variance is that of the attacker's own records, answered in the same way, so the noise of a release is
    part of it. The attack of 2014 weighs unknown columns by products of their marginals; whole rows are used here,
    which keeps what the columns have in common.
    """

    prior: PriorName = "marginal"
    queries: int = 1
    access: Access = "sampled"
    recalibrate: bool = False
    unknown: Sequence[Any] = ()
    draws: int = 32

    def __post_init__(self) -> None:
        if self.prior not in get_args(PriorName):
            raise ParameterError(f"MapRegression: `prior` must be one of {get_args(PriorName)}; got {self.prior!r}.")
        for name, value in (("queries", self.queries), ("draws", self.draws)):
            if value < 1:
                raise ParameterError(f"MapRegression: `{name}` must be at least 1; got {value!r}.")

    @property
    def name(self) -> str:
        """What it is called in tables."""
        parts = [f"{self.prior} prior"]
        parts += ["recalibrated"] if self.recalibrate else []
        parts += ["without noise"] if self.access == "mean" else []
        parts += [f"{self.queries} queries"] if self.queries > 1 else []
        parts += [f"{', '.join(map(str, self.unknown))} unknown"] if self.unknown else []
        return f"MAP regression ({', '.join(parts)})"

    @property
    def needs(self) -> Needs:
        """Values, the true response, and records of its own for prior and error model."""
        interface = "parameters" if self.access == "mean" else "values"
        return Needs(interface=interface, response=True, auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log-posterior of each candidate, up to a constant a record.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Eq. 36.

        Raises
        ------
        ParameterError
            If an unknown column is not there, or is the attribute itself.
        """
        own = np.asarray(view.ask_known("values", self.queries, self.access), np.float64)
        y_own, y = np.asarray(view.known.y, np.float64), np.asarray(view.response, np.float64)
        slope, shift = _line(own, y_own) if self.recalibrate else (1.0, 0.0)
        variance = float(np.mean((y_own - shift - slope * own) ** 2))
        variance = max(variance, 1e-12 * float(np.var(y_own)) + np.finfo(np.float64).tiny)
        if self.unknown:
            likelihood = self._integrated(view, y, slope, shift, variance)
        else:
            answers = np.asarray(view.ask("values", self.queries, self.access), np.float64)
            likelihood = -0.5 * (y[:, None] - shift - slope * answers) ** 2 / variance
        return likelihood + log_prior_of(view, self.prior)

    def _integrated(self, view: View, y: Floats, slope: float, shift: float, variance: float) -> Floats:
        """Log of the mean likelihood over rows of the attacker's own records, for the columns that are not known."""
        absent = [str(c) for c in self.unknown if c not in view.hidden.columns]
        if absent:
            raise ParameterError(
                f"MapRegression: `unknown` must name columns other than the attribute's; got {', '.join(absent)}."
            )
        names = list(self.unknown)
        gen = np.random.default_rng(view.seed)
        rows = gen.integers(len(view.known), size=min(self.draws, len(view.known)))
        terms: list[Floats] = []
        for row in rows:
            filled = view.hidden.assign(**{c: view.known.X[c].iloc[row] for c in names})
            answers = np.stack(
                [
                    np.asarray(view.ask_table(_with(view, filled, k), "values", self.queries, self.access), np.float64)
                    for k in range(view.attribute.size)
                ],
                axis=1,
            )
            terms.append(-0.5 * (y[:, None] - shift - slope * answers) ** 2 / variance)
        return np.asarray(logsumexp(np.stack(terms), axis=0)) - np.log(len(rows))


def _with(view: View, hidden: Any, candidate: int) -> Any:
    return hidden.assign(**{c: view.attribute.values[c].iloc[candidate] for c in view.attribute.columns})


def _line(answers: Floats, y: Floats) -> tuple[float, float]:
    """Slope and shift of the least-squares line from answers to responses; a constant answer explains nothing."""
    centred = answers - answers.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread if spread > 0 else 0.0
    return slope, float(y.mean()) - slope * float(answers.mean())
