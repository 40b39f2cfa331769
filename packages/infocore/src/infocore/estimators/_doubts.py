"""What the data say against a value from neighbours: an exact relation, neighbours too far, repeats, heavy tails."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math
from collections.abc import Sequence

import numpy as np

from infocore._validate import Floats, Ints, Pair
from infocore.errors import DegenerateWarning, SaturationWarning
from infocore.estimators._base import Doubt
from infocore.estimators._ksg import ksg_values
from infocore.estimators._neighbours import Searched
from infocore.estimators._tails import heavy_tails

__all__ = [
    "EXACT",
    "FEW_COLUMNS",
    "OUT_OF_REACH",
    "about_neighbours",
    "falls_clearly",
    "heavy",
    "misses",
    "repeats",
    "unresolved",
]

EXACT = "the relation looks deterministic: information would be infinite"
OUT_OF_REACH = "neighbours are too far in {} columns and what they say is extrapolated"
# Beyond this many columns in all the bias of k-NN, which no interval here knows of, exceeds the standard error at
# n = 1000; up to it, only large values are looked at.
FEW_COLUMNS = 4
# Values below these shares of log n need no look, in two columns and in up to four: no relation that looked exact was
# lower (measured).
IN_TWO, IN_FEW = 0.2, 0.1
# Share of what an exact relation shows that is taken for one, and least share of log 2.
LIKE, LEAST = 0.7, 0.28
# Rows at which twice as many neighbours are looked for, where that is a search of its own.
ROWS = 200
# Columns in all beyond which all distances to so few rows are sooner had than trees, and rows at a time for them.
TREES, STRIP = 14, 10
# Standard errors, and share of the value, beyond which a fall is one.
Z, SHARE = 3.0, 0.05


def unresolved(
    x: Floats,
    y: Floats,
    k: int,
    value: float,
    *,
    low: bool = True,
    extrapolated: bool = False,
    falls: tuple[float, float] | None = None,
    pointwise: Floats | None = None,
    kept: Sequence[Searched] = (),
) -> list[Doubt]:
    r"""Say whether a relation looks exact, or an estimate from neighbours reads low: compare k with 2 k neighbours.

    A density has one value at both. An exact relation has none: twice the neighbours are in a region twice as large
    in each margin, and the estimate falls by about :math:`\log 2`, or :math:`\log 2` times the ratio of the numbers of
    columns where x and y have not as many. Where the neighbourhoods are too wide for the density, as in many columns,
    the fall is between the two.

    Parameters
    ----------
    x, y : arrays of shape (n, dx), (n, dy)
        At the scale at which they are to be compared.
    k : int
        Neighbours.
    value : float
        The estimate, nats.
    low : bool
        Whether the estimate is one that reads low where neighbours are far.
    extrapolated : bool
        Whether it was extrapolated from there, so that it need not.
    falls : two floats, optional
        `KSG`, variant 1, from k and from 2 k neighbours, where both are known.
    pointwise : array of shape (n,), optional
        Its terms from k neighbours, where they are known: then 2 k are looked for at some rows only.
    kept : sequence of Searched
        The trees that `joint_counts` kept of x and y, if any.

    Returns
    -------
    list of Doubt
        Empty where there is no evidence of either.

    Notes
    -----
    Measured on 40 samples a law, k = 3. Said to read low: of independent normals in 5 + 5 to 16 + 16 columns, n =
    100 to 3000, 1 of 480; of normals in 1 + 1 columns of correlation 0.9, n from 300 on, none; in 5 + 5 columns of
    correlation 0.6 (0.78 of 1.12 nats at n = 1000) 28, 37 and 40 at n = 300, 1000 and 3000; of sin(3x) with noise
    of 0.1 (1.50 of 1.72 nats at n = 300) 39, 8 and 0. Said to look deterministic: of x^2 all from n = 100 on, beside a
    column of noise 29, 39 and all at n = 100, 300 and 1000; of sin(3x) with noise of 0.01, 39, 13 and 2. Looking at
    500 rows instead of 200 changes a few of the samples of sin(3x), and none of the others.
    """
    n, columns = len(x), x.shape[1] + y.shape[1]
    worth = (IN_TWO if columns == 2 else IN_FEW) * math.log(n)
    if (columns <= FEW_COLUMNS and value <= worth) or n < 2 * k + 2:
        return []
    looked = n
    if falls is None and pointwise is not None:
        fall, looked = _fall(x, y, 2 * k, pointwise, kept)
        falls = float(pointwise.mean()), float(pointwise.mean()) - fall
    elif falls is None:
        values = ksg_values(x, y, [k, 2 * k])
        falls = values[k][0], values[2 * k][0]
    near, far = falls
    significant = falls_clearly(near, far, k, looked)
    evidence = f"{near:.2f} nats from {k} neighbours, {far:.2f} from {2 * k}"
    ratio = min(x.shape[1], y.shape[1]) / max(x.shape[1], y.shape[1])
    if significant and near - far > max(LEAST, LIKE * ratio) * math.log(2):
        return [Doubt(EXACT, DegenerateWarning, evidence)]
    if significant and low and misses(near, far, k, n):
        text = f"reads low, for neighbours are too far in {columns} columns: at least this much"
        return [Doubt(OUT_OF_REACH.format(columns) if extrapolated else text, SaturationWarning, evidence)]
    return []


def falls_clearly(near: float, far: float, k: int, looked: int) -> bool:
    """Say whether a value falls from k to 2 k neighbours of some rows by more than they fluctuate."""
    from scipy.special import polygamma

    # neighbours share their fluctuations: those of 2 k are among those of k, as in the automatic choice
    return near - far > Z * math.sqrt(float(polygamma(1, k) - polygamma(1, 2 * k)) / looked)


def misses(near: float, far: float, k: int, n: int) -> bool:
    """Say whether what a value loses from k to 2 k neighbours is a part of it that matters."""
    from scipy.special import polygamma

    some = near > Z * math.sqrt(float(polygamma(1, k)) / n)  # of nothing no part can be missing
    return some and near - far > SHARE * near


def _fall(x: Floats, y: Floats, k: int, pointwise: Floats, kept: Sequence[Searched] = ()) -> tuple[float, int]:
    """Return by how much the terms exceed those from k neighbours, at some rows, and at how many."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    n = len(x)
    # spread over the range of a column, so that the order of the rows does not matter
    rows = np.argsort(x[:, 0], kind="stable")[np.linspace(0, n - 1, min(n, ROWS)).astype(np.int64)]
    if len(kept) == 3:
        joint, *sides = kept
        radii = joint.kth(rows, k)
        inside = np.stack([side.within(rows, radii) for side in sides], axis=1)
    elif x.shape[1] + y.shape[1] > TREES:
        u, v = np.ascontiguousarray(x.T), np.ascontiguousarray(y.T)
        inside = np.concatenate([_inside_all(u, v, k, part) for part in np.array_split(rows, -(-len(rows) // STRIP))])
    else:
        both = np.concatenate([x, y], axis=1)
        radii = np.asarray(cKDTree(both).query(both[rows], k=[k + 1], p=np.inf)[0])[:, 0]
        # a distance is below r exactly if it is at most the number before r
        within = np.nextafter(radii, -1.0)
        counted = (cKDTree(a).query_ball_point(a[rows], within, p=np.inf, return_length=True) for a in (x, y))
        inside = np.stack(list(counted), axis=1)
    nx, ny = np.maximum(inside, 1).T
    far = digamma(k) + digamma(n) - digamma(nx) - digamma(ny)
    return float(np.mean(pointwise[rows] - far)), len(rows)


def _inside_all(x: Floats, y: Floats, k: int, rows: Ints) -> Ints:
    """Rows strictly within the distance to the k-th neighbour in x and in y, of columns first; (rows, 2)."""
    to_x, to_y = (_apart(a, rows) for a in (x, y))
    radii = np.partition(np.maximum(to_x, to_y), k, axis=1)[:, k, None]  # the first is the row itself
    return np.stack([np.count_nonzero(to < radii, axis=1) for to in (to_x, to_y)], axis=1)


def _apart(a: Floats, rows: Ints) -> Floats:
    """Distances of some rows to all, (rows, n), of columns first."""
    out, gap = np.zeros((2, len(rows), a.shape[1]))
    for column in a:
        np.subtract(column, column[rows, None], out=gap)
        np.maximum(out, np.abs(gap, out=gap), out=out)
    return out


def about_neighbours(
    pair: Pair,
    x: Floats,
    y: Floats,
    k: int,
    value: float,
    *,
    low: bool = True,
    falls: tuple[float, float] | None = None,
    pointwise: Floats | None = None,
    kept: Sequence[Searched] = (),
    scaled: bool = True,
) -> list[Doubt]:
    """Say all this module knows of an estimate from neighbours; parameters as `unresolved`.

    Parameters
    ----------
    pair : Pair
        Behind x and y. Where values repeat, neighbours tie and nothing can be said of exact relations.
    scaled : bool
        Whether columns are at the scale of their standard deviation.
    """
    found = heavy(pair) if scaled else []
    if pair.kinds == {"continuous"}:
        found += unresolved(x, y, k, value, low=low, falls=falls, pointwise=pointwise, kept=kept)
    return found


def repeats(pair: Pair) -> list[Doubt]:
    """Say that values repeat, for a method that does not allow for it."""
    if pair.kinds <= {"continuous"}:
        return []
    return [Doubt('values repeat, which this method does not allow for: use method="mixed"', DegenerateWarning)]


def heavy(pair: Pair) -> list[Doubt]:
    """Say which columns have tails so heavy that their standard deviation is no scale for distances."""
    names = [*heavy_tails(pair.x), *heavy_tails(pair.y)]
    text = f"heavy tails in {', '.join(names)}: distances are those of a few rows; ranks of the columns read better"
    return [Doubt(text, None)] if names else []
