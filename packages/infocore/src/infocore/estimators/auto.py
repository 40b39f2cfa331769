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
from infocore.errors import TooFewSamplesError
from infocore.estimators.discrete import DiscreteMI
from infocore.estimators.gaussian import GaussianMI, canonical, log_ratio
from infocore.estimators.ksg import FEW_COLUMNS, KSG
from infocore.estimators.mixed import MixedKSG
from infocore.result import MIEstimate

__all__ = ["AutoMI"]

# Rows of the held-out score matrix; InfoNCE cannot exceed its log.
HELD_OUT = 1000
# Share of the Gaussian value, and nats less, that its own critic must confirm on rows it was not fitted on.
CONFIRMED, SLACK = 0.85, 0.05


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
        columns = sum(not constant for constant in (*pair.x.constant, *pair.y.constant))
        evidence: dict[str, Any] = {}
        if pair.kinds <= {"discrete"}:
            found = [DiscreteMI().estimate_pair(pair, ci_level, blocks)]
            best, reason = 0, "all columns are discrete"
        elif pair.kinds != {"continuous"}:
            found = [MixedKSG(self.k).estimate_pair(pair, ci_level, blocks)]
            best, reason = 0, "discrete and continuous or mixed columns together"
        else:
            found = [KSG(self.k).estimate_pair(pair, ci_level, blocks)]
            best, reason = 0, f"continuous, {columns} columns: "
            try:
                found.append(GaussianMI().estimate_pair(pair, ci_level, blocks))
                if columns > FEW_COLUMNS:
                    evidence = _held_out(pair, found[1].value, draws)
            except TooFewSamplesError as e:
                reason += f"too few rows for a Gaussian model: {e}"
            else:
                if columns <= FEW_COLUMNS:
                    reason += "few enough for k-NN"
                else:
                    best, why = _weigh(found[0], found[1], evidence)
                    reason += why
        return dataclasses.replace(
            found[best],
            diagnostics={
                **found[best].diagnostics,
                **evidence,
                "reason": reason,
                "candidates": {e.method: e.value for e in found},
            },
        )


def _weigh(knn: MIEstimate, gaussian: MIEstimate, evidence: dict[str, float]) -> tuple[int, str]:
    """Choose 0, the k-NN estimate, or 1, the Gaussian one, and say why."""
    error = math.hypot(knn.standard_error or 0.0, gaussian.standard_error or 0.0)
    if knn.value > gaussian.value + 2 * error:
        return 0, "k-NN finds more than a Gaussian model can"
    if evidence["held_out_bound"] < evidence["held_out_asked"]:
        return 0, "held-out rows do not confirm the Gaussian value"
    return 1, "held-out rows confirm the Gaussian value and k-NN finds no more"


def _held_out(pair: Pair, value: float, draws: np.random.Generator) -> dict[str, float]:
    """InfoNCE bound of a Gaussian critic on rows it was not fitted on, and what it should reach if `value` is right."""
    x, y = pair.x.informative().numbers("auto"), pair.y.informative().numbers("auto")
    order = draws.permutation(pair.n)
    train, test = order[: pair.n // 2], order[pair.n // 2 :][:HELD_OUT]
    wx, wy, r = _critic(x[train], y[train])
    u, v = (x[test] - x[train].mean(0)) @ wx, (y[test] - y[train].mean(0)) @ wy
    scores = np.zeros((len(test), len(test)))
    for j in range(len(r)):
        scores += log_ratio(u[:, j, None], v[None, :, j], r[j : j + 1])
    # near its ceiling the bound can confirm no more than "at least this", and a fit loses dx dy / 2n on new rows
    loss = wx.shape[0] * wy.shape[0] / (2 * len(train))
    return {
        "held_out_bound": float(infonce(scores)),
        "held_out_asked": CONFIRMED * min(value, math.log(len(test)) - 2.0) - loss - SLACK,
    }


def _critic(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Linear maps to the canonical variables, and the correlations shrunk below 1."""
    u, v, r = canonical(x, y, "auto")
    maps = [np.linalg.lstsq(a - a.mean(0), b[:, : len(r)], rcond=None)[0] for a, b in ((x, u), (y, v))]
    return maps[0], maps[1], np.minimum(r, 1 - 1e-6)
