"""What every estimator promises, and the half of it that the fit-free ones share."""

import dataclasses
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from infocore._validate import Floats, Ints, Pair, check_level, generator, paired
from infocore.errors import SaturationWarning
from infocore.intervals import block_ids, influence_standard_error, normal_interval
from infocore.result import MIEstimate, Strength

__all__ = ["Doubt", "FitFree", "MIEstimator", "Terms", "below_zero"]

# Standard errors below zero that chance leaves to an estimate without bias, and that it does not.
CHANCE, BIAS = 2.0, 4.0


class MIEstimator(Protocol):
    """Estimator of mutual information; nothing needs to be inherited.

    The constructor only stores its arguments; `fit` sets names ending in ``_``; `estimate` changes nothing.
    """

    def fit(self, x: Any, y: Any) -> Self:
        """Learn what there is to learn."""
        ...

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9) -> MIEstimate:
        """Evaluate what is fitted on the data given."""
        ...

    def fit_estimate(self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9) -> MIEstimate:
        """Split, fit and evaluate, never on what was fitted or stopped on."""
        ...


class Doubt(NamedTuple):
    """Something in the data that makes a value doubtful."""

    text: str
    """In words, for ``diagnostics["notes"]``."""
    category: type[Warning] | None
    """How it is warned of; None for a note alone."""
    evidence: str = ""
    """The numbers behind it."""

    def __str__(self) -> str:
        """Return the text with its evidence."""
        return f"{self.text} ({self.evidence})" if self.evidence else self.text


def _nothing() -> list[Doubt]:
    return []


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a method makes of a pair: a value and the pointwise terms behind it.

    Parameters
    ----------
    value : float
        The estimate, nats.
    pointwise : array of shape (n,), or callable that returns it
        Fitted pointwise information; its spread gives the standard error.
    degrees : float
        Degrees of freedom of the fitted dependence, 0 if it has none.
    noise : float
        Variance that a row adds beyond the spread of its term, 0 if none.
    variance : float, optional
        Variance of the terms over the rows, where it is known without forming them: then a callable `pointwise` is
        asked only if rows depend on each other.
    cap : float, optional
        Largest value the method can give here.
    strength : {"asymptotic", "heuristic"}
        In what sense the estimate is consistent and its interval covers.
    diagnostics : mapping
        More.
    doubts : callable
        Returns what the data say against the value; asked only for an answer, not where methods are compared.
    """

    value: float
    pointwise: Floats | Callable[[], Floats]
    degrees: float = 0.0
    noise: float = 0.0
    variance: float | None = None
    cap: float | None = None
    strength: Strength = "asymptotic"
    diagnostics: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    doubts: Callable[[], list[Doubt]] = _nothing

    def standard_error(self, n: int, blocks: Ints | None) -> float:
        """Return the standard error over n rows, or over blocks of them, nats."""
        if blocks is None and self.variance is not None:
            return math.sqrt((self.variance + self.noise) / n + self.degrees / (2.0 * n**2))
        rows = self.pointwise() if callable(self.pointwise) else self.pointwise
        return influence_standard_error(rows, degrees=self.degrees, noise=self.noise, blocks=blocks)


def below_zero(value: float, error: float) -> list[Doubt]:
    """Say what an estimate below zero means: chance, or a bias that exceeds the error. It is never clipped.

    Parameters
    ----------
    value, error : float
        An estimate of a quantity that cannot be negative, and its standard error.

    Returns
    -------
    list of Doubt
        Empty where the value is not below zero.
    """
    if not value < 0:
        return []
    if value >= -CHANCE * error:
        return [Doubt("below zero within error, as half of all estimates at independence are", None)]
    return [
        Doubt(
            "below zero by more than its error, so biased by more than that",
            SaturationWarning if value < -BIAS * error else None,
            f"{value:.3g} nats, standard error {error:.2g}",
        )
    ]


class FitFree(ABC):
    """An estimator with nothing to learn: closed forms, counts and neighbours. Holds no state."""

    @property
    @abstractmethod
    def method(self) -> str:
        """Name that the estimate carries."""

    @property
    @abstractmethod
    def min_samples(self) -> int:
        """The smallest n the method accepts."""

    @abstractmethod
    def terms(self, pair: Pair) -> Terms:
        """Return the terms for a checked pair, each side of which has a column that varies."""

    def fit(self, x: Any, y: Any) -> Self:
        """Check the data and learn nothing.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d)
            Paired samples.

        Returns
        -------
        self
        """
        paired(x, y, self.method, min_samples=self.min_samples)
        return self

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9, blocks: Any = None) -> MIEstimate:
        """Estimate mutual information.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            For rows that depend on each other: a block length (series) or one group label a row. The value stays, the
            standard error is that of independent blocks.

        Returns
        -------
        MIEstimate
            In nats, direction "consistent".

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError
            If the data are not two paired samples of the kind this method reads.
        ParameterError
            If `ci_level` or `blocks` cannot be.
        """
        return self.estimate_pair(paired(x, y, self.method, min_samples=self.min_samples), ci_level, blocks)

    def fit_estimate(
        self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9, blocks: Any = None
    ) -> MIEstimate:
        """Estimate; the same as `estimate`, for nothing is learned.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d)
            Paired samples.
        rng : int or numpy Generator
            Checked, and drawn from by no method without a fit: it is here so that all estimators are called alike.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            As in `estimate`.

        Returns
        -------
        MIEstimate
        """
        generator(rng, self.method)
        return self.estimate(x, y, ci_level=ci_level, blocks=blocks)

    def estimate_pair(self, pair: Pair, ci_level: float, blocks: Any = None) -> MIEstimate:
        """Estimate from a pair that is already checked; parameters and result as `estimate`."""
        check_level(ci_level, self.method)
        ids = None if blocks is None else block_ids(blocks, pair.n, self.method)
        useful = Pair(pair.x.informative(), pair.y.informative(), pair.flags)
        # where one side is constant, I = 0 whatever the other does
        varied = useful.x.names and useful.y.names
        terms = self.terms(useful) if varied else Terms(0.0, np.zeros(pair.n), cap=0.0)
        error = terms.standard_error(pair.n, ids)
        doubts = terms.doubts() + below_zero(terms.value, error)
        for doubt in doubts:
            if doubt.category is not None:
                warnings.warn(f"{self.method}: {doubt}.", doubt.category, stacklevel=3)
        sides = {"x": pair.x, "y": pair.y}
        return MIEstimate(
            value=terms.value,
            direction="consistent",
            strength="heuristic" if any(d.category for d in doubts) else terms.strength,
            standard_error=error,
            ci=normal_interval(terms.value, error, ci_level),
            ci_level=ci_level,
            cap=terms.cap,
            n=pair.n,
            method=self.method,
            diagnostics={
                "kinds": {side: dict(zip(s.names, s.kinds, strict=True)) for side, s in sides.items()},
                "flags": list(pair.flags),
                **({} if ids is None else {"blocks": int(ids.max()) + 1}),
                **terms.diagnostics,
                "notes": [*terms.diagnostics.get("notes", []), *map(str, doubts)],
            },
        )
