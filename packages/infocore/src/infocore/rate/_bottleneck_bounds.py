r"""Lower bounds on the information bottleneck's objective that hold for every encoder, although it is not convex.

With :math:`g(q) = \beta H(W q) - H(q)` of a law q of x, :math:`I(X; T) - \beta I(T; Y)` is
:math:`H(X) - \beta H(Y)` plus the mean of g over the clusters' laws, whose mean is the law of x. So its minimum is the
lower convex envelope of g at that law [1]_, and each affine function below g bounds it. How far below g an affine
function must be moved is a search over all laws; where the laws of y lie on a line (binary x or binary y), it is a
search over that line and is done with rigour: on an interval the concave part is at least its chord, and the convex
part at least any tangent.

References
----------
.. [1] H. Witsenhausen, A. Wyner, "A Conditional Entropy Bound for a Pair of Discrete Random Variables", IEEE Trans.
   Inf. Theory 21:493, 1975.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import InvalidDistributionError, NonFiniteError
from infocore.semantic import Floats, real

_CELLS = 200_000  # intervals of the line that are looked at before the bound is returned as it is


def checked_joint(joint: ArrayLike, caller: str) -> Floats:
    """Check that `joint` is a law of two variables and return it with sum 1."""
    table = real(joint, caller, "joint", ndim=2)
    if not np.isfinite(table).all():
        raise NonFiniteError(
            f"{caller}: `joint` must hold probabilities; got NaN or infinity in "
            f"{int((~np.isfinite(table)).any(1).sum())} of {len(table)} rows."
        )
    if table.min() < 0 or abs(table.sum() - 1.0) > 1e-8:
        raise InvalidDistributionError(
            f"{caller}: `joint` must be a distribution over pairs, non-negative with sum 1; got smallest entry "
            f"{table.min():.3g} and sum {table.sum():.9g}. Divide counts by their total."
        )
    return table / table.sum()


def critical_beta(joint: ArrayLike) -> float:
    r"""Trade-off above which an encoder that tells nothing stops being a local optimum of the bottleneck.

    Parameters
    ----------
    joint : array of shape (m, n)
        ``P(x_i, y_j)``; sums to 1.

    Returns
    -------
    float
        :math:`1 / \sigma_2^2`, where :math:`\sigma_2` is the second singular value of
        :math:`P(x, y) / \sqrt{P(x) P(y)}`, the maximal correlation; at least 1, infinite where x and y are
        independent.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If `joint` is no law of two variables.

    Notes
    -----
    Below it, another encoder can still be better by a finite amount: only up to 1 over the contraction coefficient of
    the channel, which can be smaller, is telling nothing optimal.

    References
    ----------
    .. [1] V. Anantharam, A. Gohari, S. Kamath, C. Nair, "On Maximal Correlation, Hypercontractivity, and the Data
       Processing Inequality studied by Erkip and Cover", arXiv:1304.6133, 2013.

    Examples
    --------
    >>> round(critical_beta([[0.45, 0.05], [0.05, 0.45]]), 6)  # 1 / (1 - 2 * 0.1)**2
    1.5625
    """
    table = checked_joint(joint, "critical_beta")
    table = table[table.any(1)][:, table.any(0)]
    scaled = table / np.sqrt(np.outer(table.sum(1), table.sum(0)))
    if min(scaled.shape) < 2:
        return float("inf")
    second = float(np.linalg.svd(scaled, compute_uv=False)[1])
    return 1.0 / second**2 if second > 1e-12 else float("inf")


def contraction_bound(w: Floats, beta: float, information: float) -> float:
    """Bound the objective from below by how much of any information can pass the channel.

    Parameters
    ----------
    w : ndarray of shape (m, n)
        ``P(y_j|x_i)``.
    beta : float
        Trade-off.
    information : float
        ``I(X; Y)`` in nats.

    Returns
    -------
    float
        The least value of ``R - beta * min(eta * R, I(X; Y))``, where eta, the largest total variation between two
        rows, is at least the contraction coefficient of the channel.
    """
    eta = 0.0
    for row in w:
        eta = max(eta, 0.5 * float(np.abs(w - row).sum(1).max()))
    eta = min(1.0, eta)
    return 0.0 if beta * eta <= 1.0 else (1.0 / eta - beta) * information


def line_coordinates(w: Floats) -> Floats | None:
    """Return each row's place, from 0 to 1, on the segment that holds all rows, or None where there is none."""
    away = w - w[0]
    low = int(np.argmax(np.abs(away).sum(1)))
    away = w - w[low]
    high = int(np.argmax(np.abs(away).sum(1)))
    direction = away[high]
    length = float(direction @ direction)
    if length == 0:
        return None
    place = away @ direction / length
    off = np.abs(away - place[:, None] * direction).max()
    return np.clip(place, 0.0, 1.0) if off <= 1e-14 else None


def line_bound(w: Floats, place: Floats, beta: float, multipliers: Floats, accuracy: float) -> tuple[float, float]:
    r"""Least value of :math:`\beta H(W q) - H(q) - \mu \cdot q` over all laws q, from below.

    Parameters
    ----------
    w : ndarray of shape (m, n)
        ``P(y_j|x_i)``, with rows on a line.
    place : ndarray of shape (m,)
        Where: the `line_coordinates`.
    beta : float
        Trade-off.
    multipliers : ndarray of shape (m,)
        The affine function mu.
    accuracy : float
        Intervals with a bound above minus this are not split further.

    Returns
    -------
    bound : float
        At most the least value.
    where : float
        A place on the line near which it is, if it is below minus `accuracy`.
    """
    low, high = w[np.argmin(place)], w[np.argmax(place)]
    odds = np.linspace(-40.0, 40.0, 161)  # narrow cells towards the ends, where the convex part is vertical
    edges = np.unique(np.concatenate([[0.0, 1.0], np.exp(-np.logaddexp(0.0, -odds)), place]))
    left, right = edges[:-1], edges[1:]
    tangents = _Tangents(place, multipliers)
    least, where, found, looked = np.inf, 0.5, 0.0, 0
    while len(left):
        middle = 0.5 * (left + right)
        concave = [beta * _entropy((1.0 - y)[:, None] * low + y[:, None] * high) for y in (left, middle, right)]
        anchor = np.round(middle)
        away = np.maximum(np.abs(middle - anchor), 0.25 * (right - left))  # the middle can round to an end
        slope, level = tangents.at(away, anchor)
        ends = [concave[i] + slope * (y - anchor) for i, y in ((0, left), (2, right))]
        size = 1.0 + np.abs(level) + sum(np.abs(end) for end in ends) + np.abs(slope * (right - left))
        bound = level + np.minimum(*ends) - 1e-14 * size  # no better than the arithmetic can vouch for
        found = min(found, float((concave[1] + level + slope * (middle - anchor)).min()))
        looked += len(bound)
        split = (bound < found - accuracy) & (middle > left) & (middle < right) & (looked < _CELLS)
        done = np.where(split, np.inf, bound)
        if done.min() < least:
            least, where = float(done.min()), float(middle[np.argmin(done)])
        left, right = (
            np.concatenate([left[split], middle[split]]),
            np.concatenate([middle[split], right[split]]),
        )
    return least, where


class _Tangents:
    """Tangents to the least of -H(q) - mu.q over laws q with a given mean place: any slope gives a valid one."""

    def __init__(self, place: Floats, multipliers: Floats) -> None:
        self.place, self.multipliers = place, multipliers
        self.slopes = np.sinh(np.linspace(-25.0, 25.0, 1001))
        anchor = np.round(0.5 + 0.5 * np.sign(self.slopes))
        self.odds = np.maximum.accumulate(_log_odds(self._of(self.slopes, anchor)[1], anchor))

    def at(self, away: Floats, anchor: Floats) -> tuple[Floats, Floats]:
        """Return slopes near the best for means that far from the anchor, 0 or 1, and the tangents' heights over it."""
        wanted = _log_odds(away, anchor)
        slope = np.interp(wanted, self.odds, self.slopes)
        for _ in range(3):
            _, mean, spread = self._of(slope, anchor)
            rise = np.maximum(spread, 1e-300) / np.maximum(np.abs(mean) * (1.0 - np.abs(mean)), 1e-300)
            longest = 0.5 * (1.0 + np.abs(slope))
            slope = slope + np.clip((wanted - _log_odds(mean, anchor)) / rise, -longest, longest)
        return slope, -self._of(slope, anchor)[0]

    def _of(self, slopes: Floats, anchor: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the logarithm of the sum, and the mean and variance of the place as seen from the anchor."""
        away = self.place - anchor[:, None]
        exponent = self.multipliers + slopes[:, None] * away
        largest = exponent.max(1)
        mass = np.exp(exponent - largest[:, None])
        total = mass.sum(1)
        mean = (mass * away).sum(1) / total
        spread = np.maximum((mass * away**2).sum(1) / total - mean**2, 0.0)
        return np.log(total) + largest, mean, spread


def _log_odds(away: Floats, anchor: Floats) -> Floats:
    """Return the logit of a place in [0, 1] that is `away` from the nearer end."""
    near = np.maximum(np.abs(away), 1e-300)
    return (1.0 - 2.0 * anchor) * (np.log(near) - np.log(np.maximum(1.0 - near, 1e-300)))


def _entropy(laws: NDArray[np.float64]) -> Floats:
    from scipy.special import xlogy

    return -xlogy(laws, laws).sum(1)
