"""k nearest neighbours as a candidate of the automatic choice: several k, what they agree on, and the value at none."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math

import numpy as np

from infocore._validate import Floats, Ints, Pair, Sample, codes
from infocore.estimators._auto.evidence import Candidate
from infocore.estimators._auto.rounded import ATOM
from infocore.estimators._doubts import FEW_COLUMNS, falls_clearly, misses
from infocore.estimators._ksg import check_k, extrapolation_weights, ksg_values
from infocore.estimators._neighbours import normal_scores
from infocore.estimators.mixed import MixedKSG
from infocore.intervals import influence_standard_error

__all__ = ["KS", "nearest", "nearest_mixed"]

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
# Share of the value which, lost from k to 2 k, says that the relation bends within their radius, as fast waves do: a
# line through all k then ends below the value at the least k (0.45 of 0.86 nats, a sine of nine periods, n = 1000).
STEEP = 0.25
# What k is multiplied by beside classes. There values fall in proportion to k: over 11 laws (n = 300, 1000 and 3000, 12
# to 20 samples each) the root mean square error is 0.059, 0.033 and 0.019 nats on a line in k, 0.095, 0.049 and 0.024
# in its root, and 0.064, 0.030 and 0.018 of the least k alone, whose intervals hold the truth less often at n = 300.
MIXED = (2, 4)
_BENDS = "reads low, for the relation bends within the reach of neighbours: {:.2f} nats from {}, {:.2f} from {}"
# Share of rows alone in their class beyond which neighbours say too little.
MOST = 0.5


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
    disagree = abs(slope) > 2.0 * _shared(noise_of, n)
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
        doubts=(_BENDS.format(means[0], ks[0], means[1], ks[1]),) if disagree and _steep(means, n, columns) else (),
        facts={
            "by_k": {str(k): v for k, (v, _) in every.items()},
            "k": None if disagree else plain,
            "smallest_k": first[0],
            "steadiest": value if disagree else last[0],
            "extrapolated": bool(disagree),
        },
    )


def _shared(noise_of: Floats, n: int) -> float:
    """Standard error of the difference of the values at the first and the last k."""
    return math.sqrt(max(float(noise_of[0, 0] - 2 * noise_of[0, -1] + noise_of[-1, -1]), 0.0) / n)


def _extrapolated(ks: Ints, means: Floats, n: int, columns: int) -> tuple[Floats, float]:
    """Weights of the values at several k in that at none, and the doubt in it, nats."""
    smooth = columns == 2 and _smooth(ks, means)
    unsure = columns == 2 and not smooth
    narrow = not smooth and columns <= FEW_COLUMNS and means[0] > NARROW * math.log(n)
    if steep := _steep(means, n, columns):
        smooth, unsure, narrow = True, False, True
    used = ks[:SMALLEST] if narrow else ks
    weights = extrapolation_weights(used, n, columns, 1.0 if smooth else BETWEEN if unsure else None)
    value = float(means[: len(used)] @ weights)
    # what the line took away may itself be wrong by about half
    doubt = abs(value - float(means[0])) * (1.0 if steep else 0.5)
    if unsure:  # or it is the root after all, as at edges
        doubt = max(doubt, abs(value - float(means[: len(used)] @ extrapolation_weights(used, n, columns))))
    return np.pad(weights, (0, len(ks) - len(used))), doubt


def _steep(means: Floats, n: int, columns: int) -> bool:
    """Say whether neighbours reach as far as the relation bends: twice as many lose a large part of the value."""
    near, far = float(means[0]), float(means[min(1, len(means) - 1)])
    return columns <= FEW_COLUMNS and near - far > STEEP * near and falls_clearly(near, far, KS[0], n)


def _smooth(ks: Ints, values: Floats) -> bool:
    """Say whether values fall in proportion to k, as in a smooth density, and clearly not to its root, as at edges."""

    def off_a_line(power: float) -> float:
        size = np.sqrt(ks)
        design = np.stack([np.ones(len(ks)), ks**power], axis=1) * size[:, None]
        return float(np.linalg.norm(values * size - design @ (np.linalg.pinv(design) @ (values * size))))

    return CLEARLY * off_a_line(1.0) < off_a_line(0.5)


def nearest_mixed(pair: Pair, k: int, workers: int = 1) -> Candidate:
    """Return mixed k-NN on ranks at k, on a line in k at none where values fall with it, and what speaks against it.

    Where tails are heavy, distances in standard deviations would be those of a few rows.
    """
    from scipy.special import polygamma

    check_k(k, pair.n, "auto")
    n, columns = pair.n, len(pair.x.names) + len(pair.y.names)
    pair = Pair(_ranked(_with_atoms(pair.x, n)), _ranked(_with_atoms(pair.y, n)), pair.flags)
    more = MIXED if columns <= FEW_COLUMNS else MIXED[:1]  # in many columns searches take long
    most = _rows_of_a_class(pair) // 2  # beyond it values fall for want of rows
    ks = np.array([k, *(times * k for times in more if times * k <= most)])
    every = [MixedKSG(int(j), workers=workers).terms(pair) for j in ks]
    terms = np.stack([t.pointwise() if callable(t.pointwise) else t.pointwise for t in every], axis=1)
    means, first = np.array([t.value for t in every]), every[0]
    # of a row on an atom the neighbours are known, so that only some rows share fluctuations
    noise_of = polygamma(1, np.maximum.outer(ks, ks)) * (first.noise / float(polygamma(1, k)))
    fall = float(means[0] - means[-1])
    falls = fall > 2.0 * _shared(noise_of, n)
    weights = extrapolation_weights(ks, n, 2, 1.0) if falls else (ks == k).astype(np.float64)
    value = float(means @ weights)
    doubt = (value - float(means[0])) / 2.0 if falls else abs(fall) / 4.0
    terms = terms @ weights
    doubts = list[str]()
    alone = first.diagnostics["lone_rows"] / n
    if alone > MOST:
        doubt = max(doubt, alone * math.log(n))  # of a row that is alone nothing is known: it may say log n
        doubts.append(
            f"{alone:.0%} of the rows are alone in their class (labels that do not recur), where neighbours say nothing"
        )
    near, far = float(means[0]), float(means[min(1, len(ks) - 1)])
    if first.strength == "heuristic" and falls_clearly(near, far, k, n) and misses(near, far, k, n):
        doubts.append(
            "reads low, for neighbours are too far in so many columns: "
            f"{near:.2f} nats from {k}, {far:.2f} from {2 * k}"
        )
    return Candidate(
        "mixed",
        value,
        influence_standard_error(terms, noise=float(weights @ noise_of @ weights)),
        doubt,
        terms,
        strength="heuristic" if first.strength == "heuristic" else "asymptotic",
        doubts=tuple(doubts),
        facts={
            **first.diagnostics,
            "by_k": dict(zip(map(str, ks.tolist()), means.tolist(), strict=True)),
            "smallest_k": near,
            "steadiest": value,
        },
    )


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
