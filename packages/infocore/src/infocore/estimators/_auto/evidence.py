"""Candidates of the automatic choice, each with its terms and the evidence for and against it."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import importlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Ints, Pair
from infocore.bounds import pointwise
from infocore.errors import MissingExtraError, TooFewSamplesError
from infocore.estimators._auto.consistency import invariant_misfit
from infocore.estimators._auto.rank_bias import rank_bias
from infocore.estimators._elliptical import Ellipse, fit_ellipse, gaussian_bias
from infocore.estimators.copula import EXACT, copula_levels, copula_of
from infocore.intervals import influence_standard_error
from infocore.result import Strength

__all__ = ["LEAST", "Candidate", "copula", "critic", "fits_without_folds", "held_out_copula", "intrinsic_dimension"]

# Rows scored against each other at once: the mean of an InfoNCE term over K rows is low by about var(e^i) / 2K.
ROWS = 1700
# Rows from which on neighbours are asked.
LEAST = 8


@dataclasses.dataclass(frozen=True)
class Candidate:
    """What one method says.

    Parameters
    ----------
    name : str
        The method.
    value : float
        Its estimate, nats.
    error : float
        Standard error of the value, without bias.
    doubt : float
        Size of the bias that the evidence leaves room for, nats.
    pointwise : array of shape (n,)
        Its terms, for paired comparisons.
    held_out : array of shape (n,), optional
        InfoNCE terms of its critic on rows that took no part in the fit: their mean is a lower bound in expectation.
    strength : {"asymptotic", "heuristic"}
        Heuristic where its bias may exceed the error however many rows there are.
    doubts : tuple of str
        What makes its number doubtful.
    facts : dict
        For the diagnostics.
    plain : Candidate, optional
        What it says before its value is followed to nearer neighbours: with less spread and less in doubt, and so what
        counts where it is compared.
    """

    name: str
    value: float
    error: float
    doubt: float
    pointwise: Floats
    held_out: Floats | None = None
    strength: Strength = "asymptotic"
    doubts: tuple[str, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    plain: "Candidate | None" = None

    @property
    def compared(self) -> "Candidate":
        """What counts where it is compared."""
        return self.plain or self


def copula(pair: Pair, caller: str) -> Candidate | None:
    """Return the t copula, or None where there are too few rows or ranks do not resolve a relation."""
    x, y = pair.x.numbers(caller), pair.y.numbers(caller)
    try:
        e, levels = copula_of(x, y, None, caller)
        if e.ran_away and pair.n < LEAST:
            e = fit_ellipse(levels, e.dx, math.inf)  # so few rows have no neighbours either
        if e.ran_away or float(np.linalg.eigvalsh(e.scatter)[0]) < EXACT:
            return None
        dx, dy = e.dx, len(e.scatter) - e.dx
        z = e.scores(levels)
        terms = e.log_ratio(z[:, :dx], z[:, dx:])
        lost = rank_bias(e, pair.n, np.random.default_rng(1))
        value = e.information() - gaussian_bias(pair.n, dx, dy) - lost
        found = invariant_misfit(levels, e, np.random.default_rng(0))
    except (np.linalg.LinAlgError, TooFewSamplesError):
        return None
    error = influence_standard_error(terms, degrees=dx * dy)
    facts = {"dof": e.dof, "misfit": found.deviation, "misfit_allowed": found.threshold, "moments": found.moments}
    if lost:
        facts["rank_bias"] = lost
    return Candidate("t-copula", value, error, 0.0, terms, facts=facts)


def held_out_copula(pair: Pair, folds: list[Ints], dof: float, caller: str) -> Floats | None:
    """InfoNCE terms of copulas fitted without each fold, insignificant correlations set to zero; None if one fails."""
    terms = np.empty(pair.n)
    try:
        for fold, levels, fitted in _without_each(pair, folds, dof, caller):
            for part in parts(fold):
                z = fitted.scores(levels[part])
                score = fitted.log_ratio(z[:, : fitted.dx], z[:, fitted.dx :], all_pairs=True)
                terms[part] = 0.5 * (pointwise(score, over="y") + pointwise(score, over="x"))
    except (np.linalg.LinAlgError, TooFewSamplesError):
        return None
    return terms


def fits_without_folds(pair: Pair, folds: list[Ints], dof: float, caller: str) -> bool:
    """Say whether a copula can be fitted without each fold: `held_out_copula` without the scores, most of its cost."""
    try:
        return all(True for _ in _without_each(pair, folds, dof, caller))
    except (np.linalg.LinAlgError, TooFewSamplesError):
        return False


def _without_each(
    pair: Pair, folds: list[Ints], dof: float, caller: str
) -> Iterator[tuple[NDArray[np.int64], Floats, Ellipse]]:
    """For each fold its rows, the levels of all rows, and the copula fitted to the other rows."""
    levels, dx = copula_levels(pair.x.numbers(caller), pair.y.numbers(caller), caller)
    for fold in folds:
        rest = np.setdiff1d(np.arange(pair.n), fold)
        yield fold, levels, fit_ellipse(levels[rest], dx, dof).pruned(len(rest))


def critic(
    pair: Pair, rng: int | np.random.Generator, workers: int, progress: bool
) -> tuple[Candidate, list[Ints]] | str:
    """Return the cross-fitted critic and its folds, or why there is none."""
    try:
        module = importlib.import_module("infocore.torch.crossfit")
    except (MissingExtraError, ImportError):
        return "torch is not installed, so no critic was trained"
    estimator = module.CrossFittedMI(workers=workers, progress=progress)
    found = estimator.cross_fit(pair, rng)
    return (
        Candidate(
            "crossfit",
            found.value,
            influence_standard_error(found.pointwise),
            found.doubt,
            found.pointwise,
            found.pointwise,
            "heuristic",
            tuple(map(str, found.saturated)),
            {**found.facts, "notes": list(found.notes)},
        ),
        list(estimator.parts_),
    )


def parts(rows: Ints) -> list[NDArray[np.int64]]:
    """Cut rows into equal parts of at most `ROWS`."""
    return list(np.array_split(rows, math.ceil(len(rows) / ROWS)))


def intrinsic_dimension(a: Floats, k: int = 10, rows: int = 2000) -> float:
    r"""Local dimension of a sample from the growth of its neighbour distances.

    .. math:: \hat d = \Bigl\langle \frac1{k-1} \sum_{j<k} \log \frac{r_k}{r_j} \Bigr\rangle^{-1}

    Parameters
    ----------
    a : array of shape (n, d)
    k : int
        Neighbours.
    rows : int
        At most so many of them are looked at.

    Returns
    -------
    float
        NaN where every distance is zero.

    References
    ----------
    .. [1] E. Levina, P. Bickel, "Maximum likelihood estimation of intrinsic dimension", NIPS 2004; the mean of the
       inverses after D. MacKay and Z. Ghahramani's comment of 2005.
    """
    from scipy.spatial import cKDTree

    few = a[:rows]
    distance = np.asarray(cKDTree(few).query(few, k=min(k, len(few) - 1) + 1)[0])[:, 1:]
    inside = distance[:, 0] > 0
    if not inside.any():
        return math.nan
    ratios = np.log(distance[inside, -1:] / distance[inside, :-1])
    return float(1.0 / ratios.mean())
