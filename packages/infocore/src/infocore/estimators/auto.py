"""A choice of method by the kinds of the columns and, in many dimensions, by evidence; it says why."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
from typing import Any

import numpy as np

from infocore._validate import Floats, Pair, generator, paired
from infocore.bounds import infonce
from infocore.errors import InfoError
from infocore.estimators._base import FitFree
from infocore.estimators.discrete import DiscreteMI
from infocore.estimators.gaussian import GaussianMI, canonical, log_ratio
from infocore.estimators.ksg import FEW_COLUMNS, KSG
from infocore.estimators.mixed import MixedKSG
from infocore.result import MIEstimate

__all__ = ["AutoMI"]

# Rows of the held-out score matrix; InfoNCE cannot exceed its log.
HELD_OUT = 1000
# Share of the Gaussian value that its own critic must confirm on rows it was not fitted on. Measured (n = 2000, 20
# seeds): Gaussian laws of 0.5 to 2.2 nats in 3+3 to 10+10 columns confirm 0.95 to 1.0, Student laws with 1 to 2 degrees
# of freedom below 0.5.
CONFIRMED = 0.85


@dataclasses.dataclass(frozen=True)
class AutoMI:
    """Mutual information by a method chosen from the data.

    Columns that are all discrete are counted; discrete with continuous columns, and mixed columns, go to `MixedKSG`;
    up to four continuous columns go to `KSG`. With more, k-NN reads low and a Gaussian model is preferred on two
    conditions: its critic, fitted on half of the rows, confirms the value on the other half (an InfoNCE lower bound),
    and k-NN does not find significantly more.

    Parameters
    ----------
    k : int
        Neighbours of the k-NN methods.

    Notes
    -----
    ``diagnostics["reason"]`` says why, ``diagnostics["candidates"]`` what the other methods would have said, nats. The
    interval is that of the chosen method: it does not know that there was a choice.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(500)
    >>> e = AutoMI().estimate(x, x > 0)
    >>> e.method, e.diagnostics["reason"]
    ('mixed', 'discrete and continuous or mixed columns together')
    """

    k: int = 3

    def fit(self, x: Any, y: Any) -> "AutoMI":
        """Check the data and learn nothing; parameters and errors as `estimate`."""
        paired(x, y, "auto", min_samples=4)
        return self

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9, blocks: Any = None) -> MIEstimate:
        """Choose and estimate.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            Block length or group labels of rows that depend on each other.

        Returns
        -------
        MIEstimate
            In nats, of the chosen method.

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError, ParameterError
            As the chosen method.
        """
        return self.fit_estimate(x, y, ci_level=ci_level, blocks=blocks)

    def fit_estimate(
        self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9, blocks: Any = None
    ) -> MIEstimate:
        """Choose and estimate, with a seed for the split that the choice may need.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        rng : int or numpy Generator
            Deals the rows out to the two halves of the held-out check.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            As in `estimate`.

        Returns
        -------
        MIEstimate
        """
        draws = generator(rng, "auto")
        pair = paired(x, y, "auto", min_samples=4)
        kinds, columns = pair.kinds, sum(not c for c in (*pair.x.constant, *pair.y.constant))
        evidence: dict[str, Any] = {}
        if kinds <= {"discrete"}:
            chosen, reason = DiscreteMI(), "all columns are discrete"
            others: list[FitFree] = []
        elif kinds != {"continuous"}:
            chosen, reason = MixedKSG(self.k), "discrete and continuous or mixed columns together"
            others = []
        elif columns <= FEW_COLUMNS:
            chosen, reason = KSG(self.k), f"continuous, {columns} columns: few enough for k-NN"
            others = [GaussianMI()]
        else:
            chosen, reason, evidence = self._many(pair, columns, ci_level, draws)
            others = [GaussianMI() if isinstance(chosen, KSG) else KSG(self.k)]
        estimate = chosen.estimate_pair(pair, ci_level, blocks)
        candidates = {estimate.method: estimate.value} | {
            other.method: other.estimate_pair(pair, ci_level).value for other in others if pair.n > columns + 2
        }
        return dataclasses.replace(
            estimate,
            diagnostics={**estimate.diagnostics, **evidence, "reason": reason, "candidates": candidates},
        )

    def _many(
        self, pair: Pair, columns: int, ci_level: float, draws: np.random.Generator
    ) -> tuple[FitFree, str, dict[str, Any]]:
        """Gaussian or k-NN, for many continuous columns."""
        knn = KSG(self.k)
        try:
            gaussian = GaussianMI().estimate_pair(pair, ci_level)
            bound, error, ceiling = _held_out(pair, draws)
        except InfoError as e:
            return knn, f"continuous, {columns} columns, too few rows for a Gaussian model: {e}", {}
        evidence = {"held_out_bound": bound, "held_out_standard_error": error, "held_out_ceiling": ceiling}
        found = knn.estimate_pair(pair, ci_level)
        joint_error = math.hypot(found.standard_error or 0.0, gaussian.standard_error or 0.0)
        if found.value > gaussian.value + 2 * joint_error:
            return knn, f"continuous, {columns} columns: k-NN finds more than a Gaussian model can", evidence
        # near its ceiling the bound can confirm no more than "at least this"
        if bound + 2 * error < CONFIRMED * min(gaussian.value, ceiling - 2.0):
            return knn, f"continuous, {columns} columns: held-out rows do not confirm the Gaussian value", evidence
        return (
            GaussianMI(),
            f"continuous, {columns} columns: held-out rows confirm the Gaussian value and k-NN finds no more",
            evidence,
        )


def _held_out(pair: Pair, draws: np.random.Generator) -> tuple[float, float, float]:
    """InfoNCE bound, its standard error and ceiling, of a Gaussian critic fitted on the other half of the rows."""
    x, y = pair.x.informative().numbers("auto"), pair.y.informative().numbers("auto")
    order = draws.permutation(pair.n)
    train, test = order[: pair.n // 2], order[pair.n // 2 :][:HELD_OUT]
    wx, wy, r = _critic(x[train], y[train])
    u, v = (x[test] - x[train].mean(0)) @ wx, (y[test] - y[train].mean(0)) @ wy
    scores = np.zeros((len(test), len(test)))
    for j in range(len(r)):
        scores += log_ratio(u[:, j, None], v[None, :, j], r[j : j + 1])
    halves = [float(infonce(scores[part][:, part])) for part in np.array_split(np.arange(len(test)), 4)]
    return float(infonce(scores)), float(np.std(halves, ddof=1)) / 2.0, math.log(len(test))


def _critic(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Linear maps to the canonical variables, and the correlations shrunk below 1."""
    u, v, r = canonical(x, y, "auto")
    maps = [np.linalg.lstsq(a - a.mean(0), b[:, : len(r)], rcond=None)[0] for a, b in ((x, u), (y, v))]
    return maps[0], maps[1], np.minimum(r, 1 - 1e-6)
