"""The guessers that every attack must beat: they have the same records, and no model."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mid.attacks.attribute.view import View
from mid.attacks.protocols import Needs

__all__ = ["Imputation", "Prior", "PriorName", "log_prior_of"]

Floats = NDArray[np.float64]
PriorName = Literal["marginal", "imputation", "uniform"]


@dataclasses.dataclass(frozen=True)
class Prior:
    """Guess the commonest value.

    Examples
    --------
    >>> Prior().name
    'prior'
    """

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "prior"

    @property
    def needs(self) -> Needs:
        """Records of its own, and no access to the target."""
        return Needs(interface="nothing", auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log-shares of the candidates, the same for every record.

        Parameters
        ----------
        view : View
            What the guesser sees.

        Returns
        -------
        array of shape (n, m)
            Log-probabilities.
        """
        return np.tile(view.log_prior, (len(view.hidden), 1))


@dataclasses.dataclass(frozen=True)
class Imputation:
    """Impute the attribute from the other columns, and from the true response where that is known.

    Parameters
    ----------
    response : bool
        Whether the true response is used: then the guesser knows all that an attack knows, but for the model.
    answers : bool
        Whether the model's answer, averaged over the candidates by their shares, is used too. It is a function of the
        other columns, so it holds what the model learned of the population, and nothing of the record's attribute: an
        attack that does not beat it has found the former only.

    Examples
    --------
    >>> Imputation(response=True).name
    'imputation with the response'
    """

    response: bool = False
    answers: bool = False

    @property
    def name(self) -> str:
        """What it is called in tables."""
        more = (["the response"] if self.response else []) + (["the average answer"] if self.answers else [])
        return "imputation" + (f" with {' and '.join(more)}" if more else "")

    @property
    def needs(self) -> Needs:
        """Records of its own, and no access to the target."""
        return Needs(interface="released" if self.answers else "nothing", response=self.response, auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log-probabilities by the chosen imputer.

        Parameters
        ----------
        view : View
            What the guesser sees.

        Returns
        -------
        array of shape (n, m)
            Log-probabilities.
        """
        return view.imputation(response=self.response, answers=self.answers)


def log_prior_of(view: View, prior: PriorName) -> Floats:
    """Log-prior of an attack that multiplies one in.

    Parameters
    ----------
    view : View
        What the attacker sees.
    prior : {"marginal", "imputation", "uniform"}
        Shares of the candidates, imputation from the other columns, or none.

    Returns
    -------
    array of shape (n, m)
        Log-probabilities, up to a constant.
    """
    n, m = len(view.hidden), view.attribute.size
    if prior == "imputation":
        return view.imputation(response=False)
    return np.tile(view.log_prior, (n, 1)) if prior == "marginal" else np.zeros((n, m))
