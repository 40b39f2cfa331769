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

from infocore._validate import Floats, Ints, Pair, Sample
from infocore.bounds import pointwise
from infocore.errors import MissingExtraError, TooFewSamplesError
from infocore.estimators._doubts import FEW_COLUMNS, falls_clearly, misses
from infocore.estimators._elliptical import Ellipse, fit_ellipse, gaussian_bias
from infocore.estimators._ksg import extrapolation_weights, ksg_values
from infocore.estimators._moments import misfit
from infocore.estimators._neighbours import normal_scores
from infocore.estimators._rank_bias import rank_bias
from infocore.estimators._rounded import ATOM
from infocore.estimators.copula import EXACT, copula_levels, copula_of
from infocore.estimators.mixed import MixedKSG
from infocore.intervals import influence_standard_error
from infocore.result import Strength

__all__ = [
    "Candidate",
    "copula",
    "critic",
    "fits_without_folds",
    "held_out_copula",
    "intrinsic_dimension",
    "nearest",
    "nearest_mixed",
]

# Rows scored against each other at once: the mean of an InfoNCE term over K rows is low by about var(e^i) / 2K.
ROWS = 1700
# Neighbours looked at, and the n from which on the second of them is the one used.
KS, MANY_ROWS = (3, 6, 12, 21), 500
# Ratio of two misfits that decides for a line in k. In the root of k normals of 5 nats are read 0.15 nats high (n =
# 10,000) and a sine with noise 0.24 (n = 1000), where the ratio is 1.6 to 13; uniform noise, with edges, gives 0.6 to
# 2.0.
CLEARLY = 2.0
# Where it does not decide, the power between; and beyond this share of log n the two smallest k alone, for where the
# relation is narrower than the radius values fall as the logarithm of k, and a line from large k overshoots. Root mean
# square error on 18 laws of 0.3 to 6 nats (normal, uniform noise, sines), 3 to 20 samples each: 0.15, 0.09, 0.06 and
# 0.03 nats at n = 300, 1000, 3000 and 10,000; with the root of all k in its place 0.20, 0.13, 0.09 and 0.03.
BETWEEN, NARROW, SMALLEST = 0.75, 0.12, 2
# Rows from which on neighbours are asked.
LEAST = 8
# Share of rows alone in their class beyond which neighbours say too little.
MOST = 0.5


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
        found = misfit(levels, e, np.random.default_rng(0))
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


def nearest(pair: Pair, workers: int = 1) -> Candidate:
    """Return KSG on normal scores of ranks, at a small k, extrapolated where several k disagree."""
    from scipy.special import polygamma

    n, columns = pair.n, len(pair.x.names) + len(pair.y.names)
    x, y = (normal_scores(side.numbers("auto")) for side in (pair.x, pair.y))
    ks = np.array([k for k in KS if k <= n // 4] or [1])
    every = ksg_values(x, y, ks.tolist(), workers=workers)
    first, last = every[int(ks[0])], every[int(ks[-1])]
    slope = first[0] - last[0]
    # neighbours share their fluctuations, those of the smallest k the most
    noise_of = polygamma(1, np.maximum.outer(ks, ks))
    shared = float(noise_of[0, 0] - 2 * noise_of[0, -1] + noise_of[-1, -1])
    disagree = abs(slope) > 2.0 * math.sqrt(max(shared, 0.0) / n)
    plain = int(ks[1 if n >= MANY_ROWS else 0])
    means = np.array([every[int(k)][0] for k in ks])
    if disagree:
        weights, doubt = _extrapolated(ks, means, n, columns)
    else:
        weights, doubt = (ks == plain).astype(np.float64), abs(slope) / 4.0
    terms = np.stack([every[int(k)][1] for k in ks], axis=1) @ weights
    value, noise = float(terms.mean()), float(weights @ noise_of @ weights)
    return Candidate(
        "ksg",
        value,
        influence_standard_error(terms, noise=noise),
        doubt,
        terms,
        strength="heuristic" if columns > FEW_COLUMNS else "asymptotic",
        facts={
            "by_k": {str(k): v for k, (v, _) in every.items()},
            "k": None if disagree else plain,
            "smallest_k": first[0],
            "steadiest": value if disagree else last[0],
            "extrapolated": bool(disagree),
        },
    )


def _extrapolated(ks: Ints, means: Floats, n: int, columns: int) -> tuple[Floats, float]:
    """Weights of the values at several k in that at none, and the doubt in it, nats."""
    smooth = columns == 2 and _smooth(ks, means)
    unsure = columns == 2 and not smooth
    narrow = not smooth and columns <= FEW_COLUMNS and means[0] > NARROW * math.log(n)
    used = ks[:SMALLEST] if narrow else ks
    weights = extrapolation_weights(used, n, columns, 1.0 if smooth else BETWEEN if unsure else None)
    value = float(means[: len(used)] @ weights)
    # what the line took away may itself be wrong by about half
    doubt = abs(value - float(means[0])) / 2.0
    if unsure:  # or it is the root after all, as at edges
        doubt = max(doubt, abs(value - float(means[: len(used)] @ extrapolation_weights(used, n, columns))))
    return np.pad(weights, (0, len(ks) - len(used))), doubt


def _smooth(ks: Ints, values: Floats) -> bool:
    """Say whether values fall in proportion to k, as in a smooth density, and clearly not to its root, as at edges."""

    def off_a_line(power: float) -> float:
        size = np.sqrt(ks)
        design = np.stack([np.ones(len(ks)), ks**power], axis=1) * size[:, None]
        return float(np.linalg.norm(values * size - design @ (np.linalg.pinv(design) @ (values * size))))

    return CLEARLY * off_a_line(1.0) < off_a_line(0.5)


def nearest_mixed(pair: Pair, k: int, workers: int = 1) -> Candidate:
    """Return the k-NN estimate for discrete, continuous and mixed columns together, and what speaks against it."""
    pair = _with_atoms(pair)
    terms = MixedKSG(k, workers=workers).terms(pair)
    values = terms.pointwise() if callable(terms.pointwise) else terms.pointwise
    error = influence_standard_error(values, noise=terms.noise)
    facts, doubts = dict(terms.diagnostics), list[str]()
    alone = facts["lone_rows"] / pair.n
    if alone > MOST:
        doubts.append(
            f"{alone:.0%} of the rows are alone in their class (labels that do not recur), where neighbours say nothing"
        )
    if terms.strength == "heuristic" and pair.n >= 2 * k + 2:
        far = MixedKSG(2 * k, workers=workers).terms(pair).value
        facts["by_k"] = {str(k): terms.value, str(2 * k): far}
        if falls_clearly(terms.value, far, k, pair.n) and misses(terms.value, far, k, pair.n):
            doubts.append(
                "reads low, for neighbours are too far in so many columns: "
                f"{terms.value:.2f} nats from {k}, {far:.2f} from {2 * k}"
            )
    # of a row that is alone nothing is known: it may say log n
    doubt = alone * math.log(pair.n) if alone > MOST else 0.0
    return Candidate(
        "mixed",
        terms.value,
        error,
        doubt,
        values,
        strength="heuristic" if terms.strength == "heuristic" else "asymptotic",
        doubts=tuple(doubts),
        facts=facts,
    )


def _with_atoms(pair: Pair) -> Pair:
    """Give values that many rows share a class of their own, which is a function of their column."""

    def one(side: Sample) -> Sample:
        classes: dict[str, Ints] = {}
        for name, column, kind in zip(side.names, side.values.T, side.kinds, strict=True):
            if kind == "mixed":
                _, where, counts = np.unique(column, return_inverse=True, return_counts=True)
                atoms = counts > ATOM * pair.n
                classes |= {f"{name}, atoms": np.where(atoms[where], where + 1, 0)} if atoms.any() else {}
        added = len(classes)
        return dataclasses.replace(
            side,
            values=np.column_stack([side.values, *classes.values()]),
            names=(*side.names, *classes),
            kinds=(*side.kinds, *("discrete",) * added),
            nominal=(*side.nominal, *(True,) * added),
            constant=(*side.constant, *(False,) * added),
            recurring=(*side.recurring, *(True,) * added),
        )

    return Pair(one(pair.x), one(pair.y), pair.flags)


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
