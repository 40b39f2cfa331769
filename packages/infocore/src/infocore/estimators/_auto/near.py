"""k nearest neighbours as a candidate of the automatic choice: several k, what they agree on, and the value at none."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from infocore._validate import Floats, Ints, Pair
from infocore.estimators._auto.evidence import Candidate, intrinsic_dimension
from infocore.estimators._doubts import FEW_COLUMNS, falls_clearly
from infocore.estimators._ksg import extrapolation_weights, ksg_values
from infocore.estimators._neighbours import normal_scores
from infocore.intervals import influence_standard_error

__all__ = [
    "FALL",
    "KS",
    "Values",
    "Weights",
    "line",
    "nearest",
    "noise",
    "surface",
    "towards_none",
    "weighted",
]

# Values and terms, and weights, by k.
Values = dict[int, tuple[float, Floats]]
Weights = dict[int, float]

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
# In more columns values can fall the faster the smaller k is, and a line through all ends low. Nearer neighbours, and
# at last the power 2 / columns of smooth densities, are followed while each step adds more standard errors than chance
# does; the square of the share of chance is left out, as James and Stein do. Over 70 laws in 3 to 12 columns the mean
# error goes from 0.57, 0.44 and 0.34 nats to 0.40, 0.26 and 0.18 (n = 300, 1000, 3000), of those below 1.3 nats from
# 0.21, 0.15 and 0.10 to 0.18, 0.13 and 0.09; over 36 laws drawn afterwards, by all of `auto` with fast=True, from 0.45,
# 0.32 and 0.27 to 0.39, 0.25 and 0.16.
BY_CHANCE = 1.5
# In 17 to 20 columns a smaller power overshoots by up to 1.6 nats (n = 3000).
LEAST_POWER = 1 / 6
# Standard errors by which the value at 1 may be off what those at 2 and 3 lead to: beyond, the nearest rows are copies
# or near copies. Of 1459 samples of 101 laws the largest is 4.7; pairs of rows with noise of a tenth between them have
# 21 (n = 1000).
COPIES = 6.0
# Scales from which on a fall is counted.
TAIL = 5.0
# Share of the columns below which a dimension is that of a surface.
FILLED = 0.7
# What is lost from k to 2 k, times this, is in doubt at least. In three and four columns, n = 1000, intervals so hold
# the truth in 83 and 84 of 100 samples (70 and 69 without), 1.2 times as wide.
FALL = 1.5
# Share of the value which, lost from k to 2 k, says that the relation bends within their radius, as fast waves do: a
# line through all k then ends below the value at the least k (0.45 of 0.86 nats, a sine of nine periods, n = 1000).
STEEP = 0.25
_COPIES = (
    "reads high, for rows have copies or near copies and find their neighbours among them: {:.2f} nats from 1, {:.2f} "
    "from 2, {:.2f} from {}"
)
_BENDS = "reads low, for the relation bends within the reach of neighbours: {:.2f} nats from {}, {:.2f} from {}"


def nearest(pair: Pair, workers: int = 1, *, follow: bool = True) -> Candidate:
    """Return KSG on normal scores of ranks, at a small k, extrapolated where several k disagree.

    Where rows depend on each other the nearest are neighbours in time: ``follow=False`` asks no nearer ones than 3.
    """
    n, columns = pair.n, len(pair.x.names) + len(pair.y.names)
    x, y = (normal_scores(side.numbers("auto")) for side in (pair.x, pair.y))
    search = partial(ksg_values, x, y, workers=workers)
    ks = [k for k in KS if k <= n // 4] or [1]
    every = search(ks)
    near, far = every[ks[0]][0], every[ks[-1]][0]
    slope = near - far
    # neighbours share their fluctuations, those of the smallest k the most
    disagree = abs(slope) > 2.0 * math.sqrt(noise({ks[0]: 1.0, ks[-1]: -1.0} if len(ks) > 1 else {}) / n)
    plain = ks[1 if n >= MANY_ROWS else 0]
    means = np.array([every[k][0] for k in ks])
    bends = disagree and _steep(means, n, columns)
    steadiest, copies = far, ""
    start: Weights | None = None
    if not disagree:
        weights, doubt = {plain: 1.0}, abs(slope) / 4.0
    elif columns == 2:
        weights, doubt = _extrapolated(np.array(ks), means, n, bends)
        steadiest = weighted(weights, every)
    else:
        narrow = bends or (columns <= FEW_COLUMNS and near > NARROW * math.log(n))
        start = line(ks[:SMALLEST] if narrow else ks, n, columns)
        steadiest = weighted(start, every)
        weights, copies = start, ""
        if follow:
            weights, copies = towards_none(start, every, search, n, surface(x) + surface(y), limit=math.log(n))
        # what the line took away may itself be wrong by about half, and is nothing where it is too flat
        doubt = max(abs(weighted(weights, every) - near) * (1.0 if bends else 0.5), FALL * (near - means[1]))

    def said(weights: Weights, doubt: float, compared: Candidate | None) -> Candidate:
        terms = np.sum([w * every[k][1] for k, w in weights.items()], axis=0)
        return Candidate(
            "ksg",
            weighted(weights, every),
            influence_standard_error(terms, noise=noise(weights)),
            doubt,
            terms,
            strength="heuristic" if columns > FEW_COLUMNS else "asymptotic",
            doubts=(copies,) if copies else (_BENDS.format(means[0], ks[0], means[1], ks[1]),) if bends else (),
            facts={
                "by_k": {str(k): every[k][0] for k in sorted(every)},
                "k": None if disagree else plain,
                "smallest_k": near,
                "steadiest": steadiest,
                "extrapolated": bool(disagree),
            },
            plain=compared,
        )

    before = None if start is None else said(start, abs(steadiest - near) * (1.0 if bends else 0.5), None)
    return said(weights, doubt, before)


def line(ks: Sequence[int], n: int, columns: int, power: float | None = None) -> Weights:
    """Weights of the values at some k in that at none, on a line in a power of k."""
    return dict(zip(ks, extrapolation_weights(np.array(ks), n, columns, power).tolist(), strict=True))


def weighted(weights: Weights, every: Values) -> float:
    """Weighted sum of the values at some k."""
    return sum(w * every[k][0] for k, w in weights.items())


def noise(weights: Weights) -> float:
    """N times the variance of a weighted sum of values, of what neighbours share: for two k, that of the larger."""
    from scipy.special import polygamma

    ks, w = np.array(list(weights)), np.array(list(weights.values()))
    return max(float(w @ polygamma(1, np.maximum.outer(ks, ks)) @ w), 0.0)


def towards_none(
    start: Weights,
    every: Values,
    search: Callable[[list[int]], Values],
    n: int,
    columns: float,
    *,
    limit: float,
    k: int = KS[0],
    share: float = 1.0,
) -> tuple[Weights, str]:
    """Follow lines through nearer and nearer neighbours, each as far as it ends clearly above those before.

    Parameters
    ----------
    start : dict
        Weights to begin with.
    every : dict
        Values and terms by k; those that are searched for are added.
    search : callable
        From some k to values and terms by k.
    n : int
        Rows.
    columns : float
        Columns that have distances, or dimensions of the surfaces that they lie near.
    limit : float
        What there is to know, nats: steps that end above it are not taken.
    k : int
        The least k of `start`.
    share : float
        Of the rows, that whose neighbours fluctuate.

    Returns
    -------
    weights : dict
        By k.
    doubt : str
        What was seen of near copies, or nothing.
    """
    taken = start
    if max(every) < 3:  # copies show by a third value
        every |= search([3])
    for ks, power, least in (((k, 2 * k), 3.0, 0.0), ((1, 2), 3.0, 0.0), ((1, 2), 2.0, LEAST_POWER)):
        if unseen := [j for j in ks if j not in every]:
            every |= search(unseen)
        if ks == (1, 2) and (_off_course(every, share / n) > COPIES or _copied(every)):
            third = min(j for j in every if j > 2)
            return start, _COPIES.format(*(every[j][0] for j in (1, 2, third)), third)
        nearer = line(ks, n, 2, min(1.0, max(power / columns, least)))
        step = {j: nearer.get(j, 0.0) - taken.get(j, 0.0) for j in {**taken, **nearer}}
        if not any(step.values()):
            continue
        errors = weighted(step, every) / math.sqrt(noise(step) * share / n)
        if errors <= BY_CHANCE:
            break
        kept = 1.0 - (BY_CHANCE / errors) ** 2
        further = {j: taken.get(j, 0.0) + kept * w for j, w in step.items()}
        if weighted(further, every) > limit:
            break
        taken = further
    return taken, ""


def surface(a: Floats) -> float:
    """Dimension of the surface that columns lie near, or how many they are where they fill their space."""
    columns = a.shape[1]
    dimension = intrinsic_dimension(a) if columns > 1 else 1.0
    return dimension if dimension < FILLED * columns else columns


def _copied(every: Values) -> bool:
    """Say whether some rows have neighbours so much nearer than the next that only copies are.

    In a density the volume to the first neighbour is a uniform share of that to the second, and that to the second
    the root of one of that to the third. So terms fall by exponentials, at a scale that the median tells.
    """
    third = min(k for k in every if k > 2)
    for near, far in ((1, 2), (2, third)):
        if far > near + 1:
            continue
        fall = every[near][1] - every[far][1] + 1.0 / near
        scale = float(np.median(fall)) / math.log(2.0)
        rare = len(fall) * math.exp(-TAIL)
        if np.count_nonzero(fall > TAIL * scale) > rare + COPIES * math.sqrt(rare) + 1.0:
            return True
    return False


def _off_course(every: Values, part: float) -> float:
    """Standard errors by which the fall from 1 to 2 is outside of what powers of k, 0 to 1, make of that from 2 on."""
    third = min(k for k in every if k > 2)
    found: list[float] = []
    for sign, ratio in ((1.0, math.log(2.0) / math.log(third / 2.0)), (-1.0, 1.0 / (third - 2))):
        beyond = {1: sign, 2: -sign * (1.0 + ratio), third: sign * ratio}
        found.append(weighted(beyond, every) / math.sqrt(noise(beyond) * part))
    return max(found)


def _extrapolated(ks: Ints, means: Floats, n: int, steep: bool) -> tuple[Weights, float]:
    """Weights of the values at several k in that at none, in two columns, and the doubt in it, nats."""
    smooth = steep or _smooth(ks, means)
    narrow = steep or (not smooth and means[0] > NARROW * math.log(n))
    used = (ks[:SMALLEST] if narrow else ks).tolist()
    weights = line(used, n, 2, 1.0 if smooth else BETWEEN)
    value = sum(w * m for w, m in zip(weights.values(), means, strict=False))
    # what the line took away may itself be wrong by about half
    doubt = abs(value - float(means[0])) * (1.0 if steep else 0.5)
    if not smooth:  # or it is the root after all, as at edges
        root = sum(w * m for w, m in zip(line(used, n, 2).values(), means, strict=False))
        doubt = max(doubt, abs(value - root))
    return weights, doubt


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
