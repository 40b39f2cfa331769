"""Codes around those of data, and on the lines between them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        If `radius` is negative or NaN, or `n` not positive.
    """
    if n < 1 or not radius >= 0:
        raise ParameterError(f"{caller}: `n` must be at least 1 and `radius` at least 0; got {n!r}, {radius!r}.")
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
        If `n` is below 2.
    ShapeError
        If there are not as many rows in `a` as in `b`.
    """
    if n < 2:
        raise ParameterError(f"{caller}: `n` must be at least 2; got {n!r}.")
    if len(a) != len(b):
        raise ShapeError(f"{caller}: `A` and `B` must have as many rows; got {len(a)} and {len(b)}.")
    share = np.linspace(0.0, 1.0, n)[None, :, None]
    return (1 - share) * a[:, None] + share * b[:, None]
