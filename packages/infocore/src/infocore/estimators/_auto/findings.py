"""What the automatic choice finds in the data and says in words: tails, exact relations, copies, order, saturation."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import math

import numpy as np

from infocore._validate import Floats, Pair, Sample
from infocore.dependence import effective_sample_size
from infocore.estimators._auto.evidence import Candidate, intrinsic_dimension
from infocore.estimators._base import below_zero
from infocore.estimators._neighbours import below_one
from infocore.estimators._tails import heavy_tails

__all__ = ["WARNED", "findings", "in_order", "rows_worth"]

# Share of log n beyond which an estimate has little room left.
SATURATED = 0.6
# Shares of n that the rows must be worth for no note, and for no warning.
WORTH, WARNED = 0.8, 0.5
# At most so many columns a side are looked at for dependence between rows, and rows for dimension.
COLUMNS = 20


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
    warned += best.doubts
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
        worth = pair.n * rows_worth(pair)
        if worth < WORTH * pair.n:
            high = "; rows that follow each other are neighbours, which reads high: see KSG(theiler=)"
            (warned if worth < WARNED * pair.n else notes).append(
                f"rows depend on each other in the order given: {pair.n} are worth about {worth:.0f}, so the interval "
                "is too narrow; pass blocks=, or shuffle the rows if their order means nothing"
                f"{high if best.name == 'ksg' else ''}"
            )
    return notes + warned, warned


def rows_worth(pair: Pair) -> float:
    """Share of n that the rows are worth, in the order given, 1 if they are too few to say."""
    if pair.n < 50:
        return 1.0
    return effective_sample_size(*(_standard(side)[:, :COLUMNS] for side in (pair.x, pair.y))) / pair.n


def in_order(pair: Pair) -> bool:
    """Say whether the rows are sorted by a column, which makes independent rows look dependent."""
    values = [side.values.astype(np.float64) for side in (pair.x, pair.y)]
    return any(bool((a[1:] >= a[:-1]).all(0).any() or (a[1:] <= a[:-1]).all(0).any()) for a in values)


def _standard(side: Sample) -> Floats:
    a = below_one(side.values.astype(np.float64))
    spread = a.std(0)
    return (a - a.mean(0)) / np.where(spread > 0, spread, 1.0)
