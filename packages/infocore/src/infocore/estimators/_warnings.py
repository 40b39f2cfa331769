"""What the automatic choice finds in the data and says in words: tails, exact relations, copies, order, saturation."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import math

import numpy as np

from infocore._validate import Floats, Pair, Sample
from infocore.dependence import effective_sample_size
from infocore.estimators._base import below_zero
from infocore.estimators._evidence import Candidate, intrinsic_dimension
from infocore.estimators._neighbours import below_one

__all__ = ["findings", "heavy_tails", "tail_index"]

# Tail index below which the variance is infinite or nearly so.
HEAVY = 2.5
# Fewer rows than this do not tell: the largest 20 of them are no tail.
ENOUGH = 400
# Share of log n beyond which an estimate has little room left.
SATURATED = 0.6
# Shares of n that the rows must be worth for no note, and for no warning.
WORTH, WARNED = 0.8, 0.5
# At most so many columns a side are looked at for dependence between rows, and rows for dimension.
COLUMNS = 5


def findings(pair: Pair, best: Candidate, *, dependent: bool) -> tuple[list[str], list[str]]:
    """Describe the data.

    Parameters
    ----------
    pair : Pair
    best : Candidate
        The method chosen.
    dependent : bool
        Whether to look for dependence between rows (not where blocks were given).

    Returns
    -------
    notes : list of str
        Everything found.
    warned : list of str
        Those that make the number doubtful.
    """
    notes: list[str] = []
    warned: list[str] = []
    heavy = [name for side in (pair.x, pair.y) for name in heavy_tails(side)]
    if heavy:
        notes.append(f"heavy tails in {', '.join(heavy)}: estimated on ranks, which they do not disturb")
    if best.value > SATURATED * math.log(pair.n):
        warned.append(
            f"{best.value:.2f} nats is near what {pair.n} rows can show (log n = {math.log(pair.n):.2f}): the relation "
            "is nearly or wholly deterministic, or n too small"
        )
    for name, side in (("x", pair.x), ("y", pair.y)):
        if len(side.names) > 1 and set(side.kinds) == {"continuous"} and len(side.names) <= 10:
            d = intrinsic_dimension(_standard(side))
            if d < 0.7 * len(side.names):
                notes.append(f"{name} lies near a surface of about {d:.1f} dimensions in {len(side.names)} columns")
    notes += [flag for flag in pair.flags if "repeated" in flag]
    notes += best.facts.get("notes", [])
    notes += [str(doubt) for doubt in below_zero(best.value, math.hypot(best.error, best.doubt))]
    if dependent and pair.n >= 50:
        worth = effective_sample_size(*(_standard(side)[:, :COLUMNS] for side in (pair.x, pair.y)))
        if worth < WORTH * pair.n:
            (warned if worth < WARNED * pair.n else notes).append(
                f"rows depend on each other in the order given: {pair.n} are worth about {worth:.0f}, so the interval "
                "is too narrow; pass blocks=, or shuffle the rows if their order means nothing"
            )
    return notes + warned, warned


def tail_index(column: Floats) -> float:
    """Hill's estimate of the power with which the larger tail falls, from the largest 2 % (at least 20) of the rows.

    Parameters
    ----------
    column : array of shape (n,)

    Returns
    -------
    float
        Large for light tails; infinite where the largest values are equal.

    References
    ----------
    .. [1] B. Hill, "A simple general approach to inference about the tail of a distribution", Ann. Statist. 3, 1975.
    """
    size = np.sort(np.abs(column / 2 - np.median(column) / 2))[::-1]  # halves, whose difference cannot overflow
    top = max(20, len(size) // 50)
    if top + 1 > len(size) or size[top] <= 0:
        return math.inf
    mean = float(np.log(size[:top] / size[top]).mean())
    return math.inf if mean <= 0 else 1.0 / mean


def heavy_tails(side: Sample) -> list[str]:
    """Return the names of the columns of numbers whose variance is infinite or nearly so."""
    if len(side.values) < ENOUGH:
        return []
    kept = [j for j, nominal in enumerate(side.nominal) if not nominal and side.kinds[j] != "discrete"]
    return [side.names[j] for j in kept if tail_index(side.values[:, j].astype(np.float64)) < HEAVY]


def _standard(side: Sample) -> Floats:
    a = below_one(side.values.astype(np.float64))
    spread = a.std(0)
    return (a - a.mean(0)) / np.where(spread > 0, spread, 1.0)
