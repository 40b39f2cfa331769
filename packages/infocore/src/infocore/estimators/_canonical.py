"""Canonical variables, their correlations, and the density ratio of a normal law with them."""

import numpy as np

from infocore._validate import Floats
from infocore.errors import TooFewSamplesError
from infocore.estimators._neighbours import below_one

__all__ = ["canonical", "log_ratio"]


def canonical(x: Floats, y: Floats, caller: str) -> tuple[Floats, Floats, Floats]:
    """Canonical variables of unit variance and their correlations, largest first.

    Parameters
    ----------
    x, y : array of shape (n, dx), (n, dy)
        Columns that depend linearly on others are dropped by rank.
    caller : str
        For the messages.

    Returns
    -------
    u : array of shape (n, rank of x)
    v : array of shape (n, rank of y)
    r : array of shape (min of the ranks,)

    Raises
    ------
    TooFewSamplesError
        If n does not exceed the sum of the ranks by two.
    """
    n = len(x)
    if n < x.shape[1] + y.shape[1] + 2:
        raise TooFewSamplesError(
            f"{caller}: needs n >= dx + dy + 2 rows, or every correlation is fitted to 1; got n={n} for "
            f"{x.shape[1]} + {y.shape[1]} columns."
        )
    qx, qy = _whiten(x), _whiten(y)
    a, r, bt = np.linalg.svd(qx.T @ qy)
    root = np.sqrt(n)
    return root * qx @ a, root * qy @ bt.T, np.clip(r, 0.0, 1.0)


def log_ratio(u: Floats, v: Floats, r: Floats) -> Floats:
    """Log density ratio of standard bivariate normals with correlations r; `u`, `v` broadcast, nats."""
    rest = 1.0 - r**2
    return -0.5 * np.log(rest) - (r**2 * (u**2 + v**2) - 2.0 * r * u * v) / (2.0 * rest)


def _whiten(a: Floats) -> Floats:
    """Orthonormal basis of the centred columns."""
    a = below_one(a)
    centred = a - a.mean(0)
    centred = centred / np.maximum(np.abs(centred).max(0), np.finfo(np.float64).tiny)
    q, s, _ = np.linalg.svd(centred, full_matrices=False)
    return q[:, s > s[0] * max(a.shape) * np.finfo(np.float64).eps]
