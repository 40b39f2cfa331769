r"""Rounded numbers made continuous: each is moved at random within its cell, which changes no information.

A number X known to a step is a cell of the line. If U is drawn within the cell and of nothing else, X is recovered from
X + U, so that :math:`I(X + U; Y) = I(X; Y)` exactly, and X + U has a density where X had atoms. Then methods for
continuous variables, which see more in many columns than counts and neighbours together do, can be tried.
"""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses

import numpy as np

from infocore._validate import Floats, Pair, Sample

__all__ = ["ATOM", "spread", "without_copies"]

# A value that more than this share of the rows have is an atom, such as the zeros of a censored number.
ATOM = 0.1
# Times that a row may occur to be taken for copied, and share of the copies that are of one row: beyond, it is an atom.
COPIES, OF_ONE = 3, 0.05
# Values are rounded if they are multiples of a step or have few significant digits, within this share of the last
# place beside what float64 rounds; values that are copied, and not rounded, are neither.
LAST_PLACE, DIGITS = 1e-3, 5


def spread(pair: Pair, rng: np.random.Generator, *, counts: bool = False) -> tuple[Pair, list[str]]:
    """Move rounded numbers at random within their cells.

    Parameters
    ----------
    pair : Pair
    rng : numpy Generator
    counts : bool
        Move discrete numbers too, however many rows share a value.

    Returns
    -------
    pair : Pair
        With every column continuous; as it was, if one cannot be made so: text, classes, atoms, copies.
    names : list of str
        The columns that were moved.
    """
    sides: list[Sample] = []
    names: list[str] = []
    for side in (pair.x, pair.y):
        columns: list[Floats] = []
        for j, name in enumerate(side.names):
            column = side.values[:, j].astype(np.float64)
            if side.kinds[j] != "continuous":
                fixed = side.nominal[j] or (side.kinds[j] == "discrete" and not counts)
                moved = None if fixed else _moved(column, rng, 1.0 if counts else ATOM)
                if moved is None:
                    return pair, []
                column = moved
                names.append(name)
            columns.append(column)
        sides.append(
            dataclasses.replace(side, values=np.stack(columns, axis=1), kinds=("continuous",) * len(side.names))
        )
    return Pair(sides[0], sides[1], pair.flags), names


def without_copies(pair: Pair) -> tuple[Pair, int]:
    """Leave out the rows that are copies of others, where nothing else makes values recur.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    pair : Pair
        With every column continuous; as it was, if other values recur, or a row too often, as an atom.
    dropped : int
        How many rows were left out.
    """
    sides = pair.x, pair.y
    kinds = {*pair.x.kinds, *pair.y.kinds}
    if "mixed" not in kinds or not kinds <= {"mixed", "continuous"}:
        return pair, 0
    rows = np.concatenate([s.values.astype(np.float64) for s in sides], axis=1)
    _, first, times = np.unique(rows, axis=0, return_index=True, return_counts=True)
    alike = times.max() > max(COPIES, OF_ONE * (pair.n - len(first)))
    # rows copied by chance leave most as they are; else the sides are functions of each other
    if len(first) == pair.n or alike or np.count_nonzero(times == 1) < len(first) / 2:
        return pair, 0
    kept = np.sort(first)
    if any(len(np.unique(column)) < len(kept) for column in rows[kept].T):
        return pair, 0
    x, y = (dataclasses.replace(s, values=s.values[kept], kinds=("continuous",) * len(s.names)) for s in sides)
    return Pair(x, y, pair.flags), pair.n - len(kept)


def _moved(column: Floats, rng: np.random.Generator, most: float) -> Floats | None:
    """Return a column moved within the cells of its values, each to half way to its neighbours, or None."""
    values, index, counts = np.unique(column, return_inverse=True, return_counts=True)
    if counts.max() > most * len(column) or not _rounded(values):
        return None
    gaps = np.diff(values) / 2
    below, above = np.concatenate([gaps[:1], gaps]), np.concatenate([gaps, gaps[-1:]])
    return column + rng.random(len(column)) * (below + above)[index] - below[index]


def _rounded(values: Floats) -> bool:
    """Say whether ascending values are multiples of their least gap, or have at most `DIGITS` significant digits."""
    gaps = np.diff(values)
    steps = gaps / gaps.min()
    lost = 8 * np.finfo(np.float64).eps * float(np.abs(values).max()) / float(gaps.min())
    if lost < LAST_PLACE and (np.abs(steps - np.rint(steps)) < 2 * LAST_PLACE).all():
        return True
    given = np.abs(values[values != 0])
    places = given * 10.0 ** (DIGITS - 1 - np.floor(np.log10(given)))
    return bool((np.abs(places - np.rint(places)) < LAST_PLACE).all())
