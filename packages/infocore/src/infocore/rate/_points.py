"""What the solvers of this package return, and what they say when they stop early."""

import dataclasses
import warnings

import numpy as np

from infocore.errors import ConvergenceWarning, ParameterError
from infocore.semantic import Floats


@dataclasses.dataclass(frozen=True, eq=False)
class RatePoint:
    r"""A point of a rate-reward curve; with reward = -distortion, of a rate-distortion curve. In nats.

    Parameters
    ----------
    rate : float
        Mutual information of `px` and `ch`.
    reward : float
        Mean reward under `px` and `ch`.
    slope : float
        Slope s of the curve here, ``d rate / d reward``.
    py : ndarray of shape (n,)
        Output law of `ch`.
    ch : ndarray of shape (m, n)
        The channel ``P(y_j|x_i)``.
    gap : float
        ``rate - slope * reward`` is at most this much above the smallest value any channel has.
    n_iter : int
        Iterations taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    rate: float
    reward: float
    slope: float
    py: Floats
    ch: Floats
    gap: float
    n_iter: int
    converged: bool

    @property
    def distortion(self) -> float:
        """Mean distortion, where the reward is its negative."""
        return -self.reward


@dataclasses.dataclass(frozen=True, eq=False)
class CapacityPoint:
    """Capacity of a channel. In nats.

    Parameters
    ----------
    capacity : float
        Mutual information of `px` through the channel: a lower bound on the capacity, short of it by at most `gap`.
    px : ndarray of shape (m,)
        Input law.
    py : ndarray of shape (n,)
        Output law.
    gap : float
        Duality gap.
    n_iter : int
        Iterations taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    capacity: float
    px: Floats
    py: Floats
    gap: float
    n_iter: int
    converged: bool


@dataclasses.dataclass(frozen=True, eq=False)
class RateCurve:
    """Points of a rate-distortion curve, in the order of the slopes asked for. In nats.

    Parameters
    ----------
    points : tuple of RatePoint
    """

    points: tuple[RatePoint, ...]

    @property
    def rate(self) -> Floats:
        """Rate of each point."""
        return np.array([point.rate for point in self.points])

    @property
    def distortion(self) -> Floats:
        """Mean distortion of each point."""
        return np.array([point.distortion for point in self.points])

    @property
    def slope(self) -> Floats:
        """Slope of each point, ``-d rate / d distortion``."""
        return np.array([point.slope for point in self.points])

    @property
    def gap(self) -> Floats:
        """Largest excess of ``rate + slope * distortion`` of each point over its minimum."""
        return np.array([point.gap for point in self.points])


def check_settings(tol: float, max_iter: int, caller: str) -> None:
    """Refuse a tolerance or a limit that no iteration can work with."""
    if not tol > 0:
        raise ParameterError(f"{caller}: `tol` must be positive, in nats; got {tol!r}.")
    if max_iter < 1:
        raise ParameterError(f"{caller}: `max_iter` must be at least 1; got {max_iter!r}.")


def report(gap: float, tol: float, n_iter: int, max_iter: int, caller: str) -> bool:
    """Say whether the gap is within the tolerance, and warn if it is not."""
    if gap <= tol:
        return True
    if n_iter < max_iter:
        stop = f"made no progress for a while and stopped after {n_iter} iterations, as near the rounding error,"
    else:
        stop = f"stopped after `max_iter` = {max_iter} iterations"
    warnings.warn(
        f"{caller}: {stop} with a duality gap of {gap:.3g} nats, above `tol` = {tol:.3g}. The result is valid to "
        "within that gap; raise `max_iter` or `tol`.",
        ConvergenceWarning,
        stacklevel=4,
    )
    return False
