r"""Readings with a Gaussian meaning, and how their information ages.

A pointer, a clock or a thermometer says "x is about x_j", with truth :math:`e^{-(x - x_j)^2 / 2\sigma^2}`, over a
uniform prior of width A. Formulas are for a reading in the middle of the range, and exact there: the truth function
and the law of the error are both cut at the ends. Where A is many times the widths of both, where the reading lies
does not matter and they are those of the theory, ``T(theta) = sd sqrt(2 pi) / A`` and ``best sd = sqrt(e^2 + b^2)``.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import erf, ndtr

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import NonFiniteError, ParameterError
from infocore.semantic import Floats, real

__all__ = ["Freshness", "ReadingInformation", "freshness", "reading_information"]

_WIDEST = 100.0  # ranges: a truth function wider than this says less than 1e-9 nats
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)


@dataclasses.dataclass(frozen=True)
class ReadingInformation:
    """What a reading with a Gaussian meaning says about x, in the unit of `base`.

    Parameters
    ----------
    G : float
        Semantic information; negative where the reading claims more than it can keep.
    R : float
        Shannon information of the reading; at least `G`, and equal where there is no bias and `sd` is the error's.
    sd : float
        Standard deviation of the truth function; infinite where the best reading says nothing (above
        100 ranges: less than 1e-9 nats).
    logical_probability : float
        How often the reading is true.
    zero_radius : float
        Distance from the reading at which its information is 0; beyond, it misleads. It may lie beyond the range.
    base : float
        Base of the logarithms: 2 for bits.
    """

    G: float
    R: float
    sd: float
    logical_probability: float
    zero_radius: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `G` and `R`."""
        return unit_name(self.base)


@dataclasses.dataclass(frozen=True, eq=False)
class Freshness:
    """Information of a reading as it ages, in the unit of `base`.

    Parameters
    ----------
    time : ndarray of shape (k,)
        Ages.
    error : ndarray of shape (k,)
        Standard deviation of the error at each age.
    G : ndarray of shape (k,)
        Semantic information with the truth function as it was; falls below 0 when the reading is too old.
    G_best : ndarray of shape (k,)
        With a truth function as wide as the error at each age, which is the best: it is then all the Shannon
        information there is, and never negative.
    sd : float
        Standard deviation of the truth function behind `G`.
    expiry : float
        Age at which `G` is 0 and the reading begins to mislead: 0 if it does when fresh, infinite
        if its error does not grow, or would have to beyond 100 ranges.
    base : float
        Base of the logarithms: 2 for bits.
    """

    time: Floats
    error: Floats
    G: Floats
    G_best: Floats
    sd: float
    expiry: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `G` and `G_best`."""
        return unit_name(self.base)


def reading_information(
    width: float, error: float, bias: float = 0.0, *, sd: float | None = None, base: float = 2
) -> ReadingInformation:
    r"""Information of a reading "x is about x_j" on a uniform prior.

    .. math:: G = \log \frac{1}{T(\theta)} - \frac{E(x - x_j)^2}{2\sigma^2}

    Parameters
    ----------
    width : float
        A, the range of x; x is uniform on it and the reading in its middle.
    error : float
        Standard deviation of x about what the reading says, before the law is cut at the ends of the range.
    bias : float
        Mean of x less the reading; at most half of `width` in size.
    sd : float, optional
        Standard deviation of the truth function. By default the best: the one whose mean square, within the range,
        is that of the error. With a small bias and error that is ``sqrt(error^2 + bias^2)``.
    base : float
        Base of the logarithms: 2 for bits.

    Returns
    -------
    ReadingInformation
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `width`, `error` or `sd` is not positive and finite, `bias` exceeds half of `width`, or `base` is not
        above 1.

    References
    ----------
    .. [1] C. Lu, "A Generalization of Shannon's Information Theory", Int. J. General Systems 28:453, 1999 (recalled;
       the best width and the cut at the ends derived).

    Examples
    --------
    >>> reading = reading_information(100.05, 2.0, bias=1.5)
    >>> round(reading.G, 6), round(reading.R, 6), round(reading.sd, 6)
    (3.275554, 3.597482, 2.5)
    """
    caller = "reading_information"
    nats = nats_per_unit(base, caller)
    _positive(width, caller, "width")
    _positive(error, caller, "error")
    if not abs(bias) <= width / 2:
        raise ParameterError(f"{caller}: `bias` must be within half of `width`, {width / 2:g}; got {bias!r}.")
    if sd is not None:
        _positive(sd, caller, "sd")
    square, entropy = _cut_normal(width, error, bias)
    best = _sd_of(width, square) if sd is None else float(sd)
    log_lp = _log_lp(width, best)
    return ReadingInformation(
        G=(-log_lp - square / 2 / best / best) / nats,
        R=(math.log(width) - entropy) / nats,
        sd=best,
        logical_probability=math.exp(log_lp),
        zero_radius=_zero_radius(width, best, log_lp),
        base=float(base),
    )


def freshness(
    time: ArrayLike,
    width: float,
    error: float,
    *,
    diffusion: float = 0.0,
    speed: float = 0.0,
    sd: float | None = None,
    base: float = 2,
) -> Freshness:
    r"""Information of a reading as it ages, the error growing as :math:`e^2(t) = e_0^2 + D t + (v t)^2`.

    Parameters
    ----------
    time : array of shape (k,)
        Ages of the reading; not negative.
    width : float
        A, the range of x; x is uniform on it and the reading in its middle.
    error : float
        e_0, the standard deviation of the error when the reading is fresh.
    diffusion : float
        D, by which the variance grows in a unit of time, as where x wanders.
    speed : float
        v, the standard deviation of an unknown constant speed of x, of mean 0.
    sd : float, optional
        Standard deviation of the truth function; that of the fresh error by default, which is the best when fresh.
    base : float
        Base of the logarithms: 2 for bits.

    Returns
    -------
    Freshness
        In the unit of `base`.

    Raises
    ------
    ParameterError
        If `width`, `error` or `sd` is not positive and finite, `time`, `diffusion` or `speed` is negative, or `base`
        is not above 1.
    ShapeError, KindError, NonFiniteError
        If `time` is not a real vector, or holds NaN or infinity.

    References
    ----------
    .. [1] C. Lu, arXiv:2304.13502, 2023 (a pointer as example of the age of information: abstract; formulas derived).

    Examples
    --------
    >>> aged = freshness([0.0, 10.0, 40.0], width=100.0, error=2.0, diffusion=0.5)
    >>> aged.G.round(4).tolist(), aged.G_best.round(4).tolist(), round(aged.expiry, 2)
    ([3.5968, 2.6951, -0.01], [3.5968, 3.0118, 2.3043], 39.89)
    """
    caller = "freshness"
    nats = nats_per_unit(base, caller)
    t = real(time, caller, "time", ndim=1)
    if not np.isfinite(t).all():
        raise NonFiniteError(f"{caller}: `time` holds NaN or infinity in {int((~np.isfinite(t)).sum())} of {len(t)}.")
    if t.min() < 0:
        raise ParameterError(f"{caller}: `time` must not be negative; got {t.min():.6g}.")
    _positive(width, caller, "width")
    _positive(error, caller, "error")
    for name, value in (("diffusion", diffusion), ("speed", speed)):
        if not (math.isfinite(value) and value >= 0):
            raise ParameterError(f"{caller}: `{name}` must be finite and not negative; got {value!r}.")
    if sd is not None:
        _positive(sd, caller, "sd")
    held = float(error if sd is None else sd)
    with np.errstate(over="ignore"):  # an infinite error is a flat law
        errors = np.sqrt(error**2 + diffusion * t + (speed * t) ** 2)
    laws = [_cut_normal(width, float(e), 0.0) for e in errors]
    squares = np.array([square for square, _ in laws])
    entropies = np.array([entropy for _, entropy in laws])
    log_lp = _log_lp(width, held)
    return Freshness(
        time=t,
        error=errors,
        G=(-log_lp - squares / (2 * held**2)) / nats,
        G_best=(math.log(width) - entropies) / nats,
        sd=held,
        expiry=_age(_sd_of(width, -2 * held**2 * log_lp), error, diffusion, speed),
        base=float(base),
    )


def _log_lp(width: float, sd: float) -> float:
    """Log of the mean over the range of exp(-x^2 / 2 sd^2)."""
    reach = width / 2 / sd / math.sqrt(2)
    if reach < 1e-4:  # erf cancels in the logarithm; to second order
        return -(reach**2) / 3
    return math.log(math.sqrt(math.pi) / 2 / reach) + math.log(float(erf(reach)))


def _zero_radius(width: float, sd: float, log_lp: float) -> float:
    if math.isinf(sd):
        return math.inf
    return sd * math.sqrt(-2 * log_lp) if sd < 1e4 * width else width / math.sqrt(12)


def _cut_normal(width: float, sd: float, mean: float) -> tuple[float, float]:
    """Mean square and entropy (nats) of the normal law cut to width / 2 on either side of 0."""
    if sd > width / 4:  # the closed form cancels there; the law is smooth
        x = width / 2 * _NODES
        log_law = -0.5 * ((x - mean) / sd) ** 2
        law = width / 2 * _WEIGHTS * np.exp(log_law)
        total = float(law.sum())
        return float(law @ x**2) / total, math.log(total) - float(law @ log_law) / total
    low, high = (-width / 2 - mean) / sd, (width / 2 - mean) / sd
    mass = float(ndtr(high) - ndtr(low))
    at_low, at_high = (math.exp(-0.5 * u * u) / math.sqrt(2 * math.pi) / mass for u in (low, high))
    edge = low * at_low - high * at_high
    square = mean**2 + 2 * mean * sd * (at_low - at_high) + sd**2 * (1 + edge)
    return square, math.log(math.sqrt(2 * math.pi * math.e) * sd * mass) + edge / 2


def _sd_of(width: float, square: float) -> float:
    """Standard deviation of the normal law about 0 that has this mean square within the range."""
    widest = _WIDEST * width
    if square >= _cut_normal(width, widest, 0.0)[0]:
        return math.inf

    def excess(log_sd: float) -> float:
        return _cut_normal(width, math.exp(log_sd), 0.0)[0] - square

    log_sd = brentq(excess, math.log(square) / 2 - 1e-9, math.log(widest), xtol=1e-14)
    return math.exp(float(np.asarray(log_sd)))


def _age(late: float, error: float, diffusion: float, speed: float) -> float:
    """When the error has grown to `late`."""
    more = late**2 - error**2
    if more <= 0:
        return 0.0
    if math.isinf(more):
        return math.inf
    growth = diffusion + math.hypot(diffusion, 2 * speed * math.sqrt(more))
    return 2 * more / growth if growth > 0 else math.inf


def _positive(value: float, caller: str, name: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{caller}: `{name}` must be positive and finite; got {value!r}.")
