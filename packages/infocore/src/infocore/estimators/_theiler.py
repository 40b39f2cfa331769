"""Neighbours in a series that are not neighbours in time: rows within a Theiler window of each other are left out."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from typing import Any

import numpy as np

from infocore._validate import Floats, Ints
from infocore.errors import ParameterError, TooFewSamplesError
from infocore.estimators._neighbours import Joint, counts_within, kth_distances

__all__ = ["check_theiler", "counts_apart", "joint_apart", "kth_apart", "lost"]

# Distances found at a time.
FOUND = 1_000_000


def check_theiler(theiler: int, k: int, n: int, caller: str) -> None:
    """Refuse a window that is no whole number >= 0, or leaves a row fewer than 2 k others."""
    if isinstance(theiler, bool) or not hasattr(theiler, "__index__") or theiler < 0:
        raise ParameterError(f"{caller}: `theiler` must be a whole number of rows >= 0; got {theiler!r}.")
    left = max(n - 1 - 2 * theiler, 0)
    if theiler and left < 2 * k:  # twice the neighbours say whether a value reads low
        raise TooFewSamplesError(
            f"{caller}: theiler={theiler} leaves a row {left} of {n} to look at; needs at least 2 k = {2 * k}."
        )


def lost(n: int, theiler: int) -> Floats:
    r"""What a window takes from the terms, :math:`\psi(n_i) - \psi(n)`, shape (n,); 0 without one.

    Of m rows drawn independently of row i, the probability mass nearer to it than the k-th has the law
    Beta(k, m - k + 1), and its logarithm the mean :math:`\psi(k) - \psi(m + 1)`. So n, which is one more than all the
    others, becomes :math:`n_i`, one more than those outside the window, of which the first and last rows have more.
    """
    from scipy.special import digamma

    row = np.arange(n)
    inside = np.minimum(row, theiler) + np.minimum(n - 1 - row, theiler)
    return digamma(n - inside) - digamma(n)


def joint_apart(x: Floats, y: Floats, ks: Ints, theiler: int, *, workers: int = 1) -> Joint:
    """As `joint_counts`, of rows more than `theiler` apart, and the row itself.

    Parameters
    ----------
    x, y : arrays of shape (n, dx), (n, dy)
        In the order of time.
    ks : int array, ascending
        Each at most n - 1 - 2 `theiler`.
    theiler : int
        At least 0.
    workers : int
        Threads; -1 for all.

    Returns
    -------
    Joint
    """
    radii = kth_apart(np.concatenate([x, y], axis=1), ks, theiler, workers=workers)
    return Joint(radii, *(counts_apart(a, radii, theiler, strict=True, workers=workers) for a in (x, y)))


def kth_apart(points: Floats, ks: Ints, theiler: int, *, workers: int = 1) -> Floats:
    """As `kth_distances`, of rows more than `theiler` apart: shape (n, len(ks))."""
    if not theiler:
        return kth_distances(points, ks, workers=workers)
    from scipy.spatial import cKDTree

    n, tree = len(points), cKDTree(points)
    # among so many are as many as are asked for, even if the whole window is
    asked = min(n, int(ks[-1]) + 2 * theiler + 1)
    out = np.empty((n, len(ks)))
    for rows in np.array_split(np.arange(n), -(-n * asked // FOUND)):
        found: Any = tree.query(points[rows], k=asked, p=np.inf, workers=workers)
        far = np.where(np.abs(found[1] - rows[:, None]) > theiler, found[0], np.inf)
        out[rows] = np.partition(far, ks - 1, axis=1)[:, ks - 1]
    return out


def counts_apart(points: Floats, radii: Floats, theiler: int, *, strict: bool, workers: int = 1) -> Ints:
    """As `counts_within`, of rows more than `theiler` apart, and the row itself; `radii` has shape (n, m)."""
    out = counts_within(points, radii, strict=strict, workers=workers)
    for lag in range(1, theiler + 1):
        gap = np.abs(points[lag:] - points[:-lag]).max(axis=1)[:, None]
        for side in (slice(lag, None), slice(-lag)):
            out[side] -= (gap < radii[side]) if strict else (gap <= radii[side])
    return out
