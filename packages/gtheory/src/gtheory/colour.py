r"""Colour vision as fuzzy logic: the 3-8 decoder, its opponent form, and its relation to HSV.

Three degrees of truth, those of "red", "green" and "blue", are decoded into eight that sum to 1. The coupling is
comonotone: all three are thresholds on one random set, so that "red and not red" is 0 and the algebra is Boolean.
"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import InvalidDistributionError, ShapeError
from infocore.semantic import Floats

__all__ = ["COLOURS", "Opponents", "decode38", "opponents"]

COLOURS = ("black", "blue", "green", "cyan", "red", "magenta", "yellow", "white")
"""Names of the outputs of `decode38`, in its order: bits of red, green, blue."""

_ON = np.array([[(code >> 2) & 1, (code >> 1) & 1, code & 1] for code in range(8)], dtype=bool)


@dataclasses.dataclass(frozen=True, eq=False)
class Opponents:
    """The same colour as three differences from the median, of which at least one is 0.

    Parameters
    ----------
    red, green, blue : ndarray
        Each input less the median of the three.
    median : ndarray
        The median.
    """

    red: Floats
    green: Floats
    blue: Floats
    median: Floats


def decode38(red: ArrayLike, green: ArrayLike, blue: ArrayLike) -> Floats:
    r"""Decode three degrees of truth into eight that sum to 1.

    .. math:: T_S = \max\bigl(0,\; \min_{k \in S} x_k - \max_{k \notin S} x_k\bigr), \quad \min_\emptyset = 1,
       \max_\emptyset = 0

    for each set S of the three that are on. For r >= g >= b: white b, yellow g - b, red r - g, black 1 - r.

    Parameters
    ----------
    red, green, blue : array, of one shape after broadcasting
        Degrees of truth in [0, 1]; outputs of cones, or RGB divided by its largest value.

    Returns
    -------
    ndarray of that shape and (8,)
        In the order of `COLOURS`. At most four are not 0.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast.
    InvalidDistributionError
        If a value is outside [0, 1] or NaN.

    References
    ----------
    .. [1] C. Lu, "Decoding Model of Color Vision and Verifications", Acta Optica Sinica 9:158, 1989 (idea from the
       abstract; form derived).

    Examples
    --------
    >>> dict(zip(COLOURS, decode38(0.75, 0.5, 0.25).tolist()))
    {'black': 0.25, 'blue': 0.0, 'green': 0.0, 'cyan': 0.0, 'red': 0.25, 'magenta': 0.0, 'yellow': 0.25, 'white': 0.25}
    """
    x = _inputs(red, green, blue, "decode38")[..., None, :]
    on = np.where(_ON, x, 1.0).min(-1)
    off = np.where(_ON, 0.0, x).max(-1)
    return np.maximum(0.0, on - off)


def opponents(red: ArrayLike, green: ArrayLike, blue: ArrayLike) -> Opponents:
    """Differences of three degrees of truth from their median.

    Parameters
    ----------
    red, green, blue : array, of one shape after broadcasting
        Degrees of truth in [0, 1].

    Returns
    -------
    Opponents
        What exceeds the median is the truth of a primary colour, what falls short of it that of a secondary one.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast.
    InvalidDistributionError
        If a value is outside [0, 1] or NaN.

    Examples
    --------
    >>> found = opponents(0.75, 0.5, 0.25)
    >>> float(found.red), float(found.green), float(found.blue)
    (0.25, 0.0, -0.25)
    """
    x = _inputs(red, green, blue, "opponents")
    median = np.median(x, axis=-1)
    return Opponents(x[..., 0] - median, x[..., 1] - median, x[..., 2] - median, median)


def _inputs(red: ArrayLike, green: ArrayLike, blue: ArrayLike, caller: str) -> Floats:
    channels = [np.asarray(c, dtype=np.float64) for c in (red, green, blue)]
    try:
        x = np.stack(np.broadcast_arrays(*channels), axis=-1)
    except ValueError as e:
        shapes = ", ".join(str(c.shape) for c in channels)
        raise ShapeError(f"{caller}: `red`, `green`, `blue` must be of one shape; got {shapes}.") from e
    if not ((x >= 0) & (x <= 1)).all():
        raise InvalidDistributionError(
            f"{caller}: `red`, `green`, `blue` must be in [0, 1]; got {np.nanmin(x):.6g} to {np.nanmax(x):.6g} and "
            f"{int(np.isnan(x).sum())} NaN. Divide RGB by its largest value, such as 255."
        )
    return x
