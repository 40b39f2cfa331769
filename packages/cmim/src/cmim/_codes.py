"""Codes around those of data, and on the lines between them."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmim._inputs import check_whole
from infocore.errors import ParameterError, ShapeError

__all__ = ["around", "between"]


def around(
    z: NDArray[np.floating], radius: float, n: int, rng: int | np.random.Generator, caller: str, scale: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Return n codes around each of m, with normal noise.

    Parameters
    ----------
    z : array of shape (m, D)
        Codes.
    radius : float
        Standard deviation of the noise in each dimension, times `scale`.
    n : int
        Codes around each.
    rng : int or numpy Generator
        Seed.
    caller : str
        Who asks, for the messages.
    scale : float, or array of shape (m, D)
        See `radius`.

    Returns
    -------
    array of shape (m, n, D)
        Codes.

    Raises
    ------
    ParameterError
        If `radius` is negative or not finite, or `n` no positive whole number.
    """
    check_whole(n, 1, caller, "n")
    if not 0 <= radius < math.inf:
        raise ParameterError(f"{caller}: `radius` must be a finite number, at least 0; got {radius!r}.")
    spread = np.broadcast_to(radius * np.asarray(scale, np.float64), z.shape)
    noise = np.random.default_rng(rng).standard_normal((len(z), n, z.shape[1]))
    return z[:, None] + spread[:, None] * noise


def between(a: NDArray[np.floating], b: NDArray[np.floating], n: int, caller: str) -> NDArray[np.float64]:
    """Return n codes on the line between each of m pairs, the two ends included.

    Parameters
    ----------
    a, b : array of shape (m, D)
        Ends, row by row.
    n : int
        Points of a line.
    caller : str
        Who asks, for the messages.

    Returns
    -------
    array of shape (m, n, D)
        Codes.

    Raises
    ------
    ParameterError
        If `n` is no whole number of at least 2.
    ShapeError
        If there are not as many rows in `a` as in `b`.
    """
    check_whole(n, 2, caller, "n")
    if len(a) != len(b):
        raise ShapeError(f"{caller}: `A` and `B` must have as many rows; got {len(a)} and {len(b)}.")
    share = np.linspace(0.0, 1.0, n)[None, :, None]
    return (1 - share) * a[:, None] + share * b[:, None]
