"""The self-consistency battery as evidence: what must hold whatever the law, tried on the data at hand.

`infocore.battery` tries an estimator on all that must hold of information; two of its rows tell the automatic choice
what to do. Invariance: turning the columns of a side, which changes no information, must not turn a copula that fits
into one that does not. Data processing: some of the columns must not say more than all of them do.
"""

import dataclasses

import numpy as np

from infocore._ranks import cdf_levels
from infocore._validate import Floats, Pair
from infocore.estimators._auto.moments import Misfit, largest_moments, misfit
from infocore.estimators._elliptical import Ellipse

__all__ = ["invariant_misfit", "parts_of"]

# Turns of the sides beside the columns as they are.
TURNS = 2
# Rows from which on moments choose columns, and the largest share of the columns that is a part.
ROWS, MOST = 60, 2 / 3


def invariant_misfit(levels: Floats, e: Ellipse, rng: np.random.Generator, size: float = 0.05) -> Misfit:
    """Return the largest misfit of a copula, in its own columns and in turned ones.

    Every linear map of the quantile scores of a t copula has the t law again, with as many degrees of freedom: a copula
    that fits the columns and not their sums and differences does not fit. Of other laws the moments seen differ.

    Parameters
    ----------
    levels : array of shape (n, d)
        Of x, then of y, in (0, 1).
    e : Ellipse
        Fitted to them.
    rng : numpy Generator
        Of the turns and of the samples drawn from the law.
    size : float
        Of the test, over all turns together.

    Returns
    -------
    Misfit
        In the turn that shows most.
    """
    turns = TURNS if len(e.scatter) > 2 else 0
    share = size / (1 + turns)
    found = [misfit(levels, e, rng, share)]
    found += [misfit(*_turned(levels, e, rng), rng, share) for _ in range(turns)]
    return max(found, key=lambda m: m.deviation - m.threshold)


def _turned(levels: Floats, e: Ellipse, rng: np.random.Generator) -> tuple[Floats, Ellipse]:
    """Turn the scores of each side at random; return levels and law of what comes out."""
    turn = np.zeros(e.scatter.shape)
    for side in (slice(e.dx), slice(e.dx, None)):
        d = len(e.scatter[side])
        turn[side, side] = np.linalg.qr(rng.standard_normal((d, d)))[0]
    scatter = turn.T @ e.scatter @ turn
    scale = np.sqrt(np.diag(scatter))
    law = dataclasses.replace(e, scatter=scatter / np.outer(scale, scale))
    return cdf_levels(e.scores(levels) @ turn), law


def parts_of(pair: Pair) -> tuple[list[Pair], list[str]]:
    """Return some of the columns, those first that have the largest part in the relation: 1, 2, 4, ... of each side.

    By data processing their information is at most that of all columns; estimated, it exceeds it where the others put
    neighbours further apart than they tell.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    parts : list of Pair
        From many columns to few; none of more than two thirds of them, none that has no moment with the other side, and
        none at all in few rows, whose moments are too rough.
    seen : list of str
        The columns that take part.
    """
    sides = pair.x, pair.y
    columns = len(pair.x.names) + len(pair.y.names)
    if pair.n < ROWS or columns == 2:
        return [], []
    # names of classes stand there as their numbers, in any order
    x, y = (cdf_levels(side.values.astype(np.float64)) for side in sides)
    of_x, of_y, threshold = largest_moments(x, y)
    order: list[list[int]] = [
        np.argsort(-m, kind="stable")[: np.count_nonzero(m > threshold)].tolist() for m in (of_x, of_y)
    ]
    seen = [side.names[j] for side, some in zip(sides, order, strict=True) for j in sorted(some)]
    if not all(order):
        return [], seen
    most = max(map(len, order))
    sizes = sorted({*(2**j for j in range(most.bit_length())), most}, reverse=True)
    found = [tuple(sorted(first[:size]) for first in order) for size in sizes]
    return [
        Pair(*(side.take(some) for side, some in zip(sides, part, strict=True)), flags=pair.flags)
        for part in found
        if sum(map(len, part)) <= MOST * columns
    ], seen
