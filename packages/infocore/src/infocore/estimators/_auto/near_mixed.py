"""Mixed k nearest neighbours as a candidate of the automatic choice: on ranks, beside classes, at several k."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math

import numpy as np

from infocore._validate import Ints, Pair, Sample, codes
from infocore.estimators._auto.evidence import Candidate
from infocore.estimators._auto.near import FALL, Values, Weights, line, noise, surface, towards_none, weighted
from infocore.estimators._auto.rounded import ATOM
from infocore.estimators._doubts import FEW_COLUMNS, OUT_OF_REACH, falls_clearly, misses
from infocore.estimators._ksg import check_k
from infocore.estimators._neighbours import normal_scores
from infocore.estimators.mixed import MixedKSG
from infocore.intervals import influence_standard_error

__all__ = ["nearest_mixed"]

# What k is multiplied by beside classes. There values fall in proportion to k: over 11 laws (n = 300, 1000 and 3000, 12
# to 20 samples each) the root mean square error is 0.059, 0.033 and 0.019 nats on a line in k, 0.095, 0.049 and 0.024
# in its root, and 0.064, 0.030 and 0.018 of the least k alone, whose intervals hold the truth less often at n = 300.
MIXED = (2, 4)
# Share of rows alone in their class beyond which neighbours say too little.
MOST = 0.5


def nearest_mixed(pair: Pair, k: int, workers: int = 1, *, follow: bool = True) -> Candidate:
    """Return mixed k-NN on ranks at k, extrapolated to none where values fall with it, and what speaks against it.

    Where tails are heavy, distances in standard deviations would be those of a few rows.
    """
    check_k(k, pair.n, "auto")
    n, columns = pair.n, len(pair.x.names) + len(pair.y.names)
    pair = Pair(_ranked(_with_atoms(pair.x, n)), _ranked(_with_atoms(pair.y, n)), pair.flags)
    more = MIXED if columns <= FEW_COLUMNS else MIXED[:1]  # in many columns searches take long
    most = _rows_of_a_class(pair) // 2  # beyond it values fall for want of rows
    ks = [k, *(times * k for times in more if times * k <= most)]
    first = MixedKSG(k, workers=workers).terms(pair)

    def search(some: list[int]) -> Values:
        found = {j: first if j == k else MixedKSG(j, workers=workers).terms(pair) for j in some}
        return {j: (t.value, t.pointwise() if callable(t.pointwise) else t.pointwise) for j, t in found.items()}

    every = search(ks)
    near, far = every[k][0], every[ks[min(1, len(ks) - 1)]][0]
    # of a row on an atom the neighbours are known, so that only some rows share fluctuations
    share = first.noise / noise({k: 1.0})
    fall = near - every[ks[-1]][0]
    start, copies = {k: 1.0}, ""
    weights, doubt = start, abs(fall) / 4.0
    if len(ks) > 1 and fall > 2.0 * math.sqrt(share * noise({k: 1.0, ks[-1]: -1.0}) / n):
        limit = min(_known(pair.x), _known(pair.y))
        further = line(ks, n, 2, 1.0)
        start = weights = further if weighted(further, every) <= limit else start
        doubt = (weighted(further, every) - near) / 2.0
        if follow and share > 0 and sum(kind != "discrete" for kind in (*pair.x.kinds, *pair.y.kinds)) > 2:
            dimensions = _dimensions(pair.x) + _dimensions(pair.y)
            weights, copies = towards_none(start, every, search, n, dimensions, limit=limit, k=k, share=share)
            doubt = max(FALL * (near - far), (weighted(weights, every) - near) / 2.0)
    doubts = [copies] if copies else []
    alone = first.diagnostics["lone_rows"] / n
    if alone > MOST:
        doubt = max(doubt, alone * math.log(n))  # of a row that is alone nothing is known: it may say log n
        doubts.append(
            f"{alone:.0%} of the rows are alone in their class (labels that do not recur), where neighbours say nothing"
        )
    if first.strength == "heuristic" and not copies and falls_clearly(near, far, k, n) and misses(near, far, k, n):
        doubts.append(f"{OUT_OF_REACH.format(columns)} ({near:.2f} nats from {k} neighbours, {far:.2f} from {2 * k})")

    def said(weights: Weights, doubt: float, compared: Candidate | None) -> Candidate:
        terms = np.sum([w * every[j][1] for j, w in weights.items()], axis=0)
        return Candidate(
            "mixed",
            weighted(weights, every),
            influence_standard_error(terms, noise=share * noise(weights)),
            doubt,
            terms,
            strength="heuristic" if first.strength == "heuristic" else "asymptotic",
            doubts=tuple(doubts),
            facts={
                **first.diagnostics,
                "by_k": {str(j): every[j][0] for j in sorted(every)},
                "smallest_k": near,
                "steadiest": weighted(start, every),
            },
            plain=compared,
        )

    return said(weights, doubt, None if weights is start else said(start, doubt, None))


def _dimensions(side: Sample) -> float:
    """Dimension of the surface that the columns lie near that have distances."""
    near = [j for j, kind in enumerate(side.kinds) if kind != "discrete"]
    return surface(side.values[:, near].astype(np.float64)) if near else 0.0


def _known(side: Sample) -> float:
    """Entropy of a side of classes, which nothing can say more about, or of as many rows, nats."""
    n = len(side.values)
    if {*side.kinds} != {"discrete"}:
        return math.log(n)
    shares = np.bincount(codes(side.values)[0]) / n
    return -float(shares @ np.log(shares))


def _rows_of_a_class(pair: Pair) -> int:
    """Rows of the class, over both sides, that a row in the middle is in; of all, without classes half of the rows."""
    named = [c for s in (pair.x, pair.y) for c, kind in zip(s.values.T, s.kinds, strict=True) if kind == "discrete"]
    if not named:
        return pair.n // 2
    number, _ = codes(np.stack(named, axis=1))
    return int(np.median(np.bincount(number)[number]))


def _with_atoms(side: Sample, n: int) -> Sample:
    """Give values that many rows share a class of their own, which is a function of their column."""
    classes: dict[str, Ints] = {}
    for name, column, kind in zip(side.names, side.values.T, side.kinds, strict=True):
        if kind == "mixed":
            _, where, counts = np.unique(column, return_inverse=True, return_counts=True)
            atoms = counts > ATOM * n
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


def _ranked(side: Sample) -> Sample:
    """Replace columns that have distances by the normal scores of their ranks, which changes no information."""
    values = side.values.astype(np.float64)
    near = [j for j, kind in enumerate(side.kinds) if kind != "discrete"]
    values[:, near] = normal_scores(values[:, near])
    return dataclasses.replace(side, values=values)
