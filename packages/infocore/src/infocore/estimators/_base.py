"""What every estimator promises, and the half of it that the fit-free ones share."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import numpy as np

from infocore._validate import Floats, Ints, Pair, check_level, generator, paired
from infocore.intervals import block_ids, influence_standard_error, normal_interval
from infocore.result import MIEstimate, Strength

__all__ = ["FitFree", "MIEstimator", "Terms"]


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
    """

    value: float
    pointwise: Floats | Callable[[], Floats]
    degrees: float = 0.0
    noise: float = 0.0
    variance: float | None = None
    cap: float | None = None
    strength: Strength = "asymptotic"
    diagnostics: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    def standard_error(self, n: int, blocks: Ints | None) -> float:
        """Return the standard error over n rows, or over blocks of them, nats."""
        if blocks is None and self.variance is not None:
            return math.sqrt((self.variance + self.noise) / n + self.degrees / (2.0 * n**2))
        rows = self.pointwise() if callable(self.pointwise) else self.pointwise
        return influence_standard_error(rows, degrees=self.degrees, noise=self.noise, blocks=blocks)


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
        sides = {"x": pair.x, "y": pair.y}
        return MIEstimate(
            value=terms.value,
            direction="consistent",
            strength=terms.strength,
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
            },
        )
