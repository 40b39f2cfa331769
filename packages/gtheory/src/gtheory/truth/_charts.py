r"""Coordinates on families of truth functions, for `fit_truth` to climb in.

A chart is laid about one truth function, which has the coordinates `origin`, and is scaled by that function's own
widths, so that a step of 1 is a real change whatever the units of x. Every point of it is a valid truth function:
widths enter as logarithms, covariances as Cholesky factors.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import abc
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy.linalg import eigh, solve_triangular
from scipy.special import expit

from gtheory.truth._base import TruthFunction
from gtheory.truth._shapes import Disbelief, Gaussian, Interval, Logistic, MultivariateGaussian
from infocore.semantic import Floats

__all__ = ["Bounds", "Chart", "Extent", "chart_about"]

Bounds = list[tuple[float, float]]

_SHARP = 40.0  # a width of 1/40 of the smallest gap between data is as good as none: e^-20 at the middle of that gap
_FLAT = 1000.0  # a width of 1000 ranges of the data is as good as infinite
_DEGREES = (1e-9, 1.0 - 1e-9)
_STEP = 100.0  # the standard deviations of a covariance change by at most this factor before it is charted anew
_THIN, _WIDE = 1e-4, 1e3  # standard deviations of the population at which a covariance is left


@dataclasses.dataclass(frozen=True, eq=False)
class Extent:
    """Where the data lie, and how their population varies.

    Parameters
    ----------
    low, high : ndarray of shape (d,)
        Smallest and largest value on each axis.
    gap : float
        In one variable, the smallest distance of two different values.
    cov : ndarray of shape (d, d)
        Covariance of the population.
    """

    low: Floats
    high: Floats
    gap: float
    cov: Floats

    @property
    def range(self) -> float:
        """Distance from end to end, in one variable."""
        return float(self.high[0] - self.low[0])

    @property
    def thinnest(self) -> float:
        """Smallest width that a fit considers."""
        return self.gap / _SHARP

    @property
    def widest(self) -> float:
        """Largest width that a fit considers."""
        return self.range * _FLAT

    @property
    def slopes(self) -> tuple[float, float]:
        """Smallest and largest slope that a fit considers."""
        return 1.0 / self.widest, 1.0 / self.thinnest

    @property
    def reach(self) -> tuple[float, float]:
        """How far from the data a centre or an edge may lie."""
        return float(self.low[0]) - self.range, float(self.high[0]) + self.range


class Chart(abc.ABC):
    """Coordinates z about a truth function. `names` says which parameter each coordinate moves."""

    names: tuple[str, ...]
    origin: Floats
    soft: tuple[str, ...] = ()  # parameters whose bounds only keep one climb near, and are not the fit's own

    @abc.abstractmethod
    def bounds(self) -> Bounds:
        """Range of each coordinate."""

    @abc.abstractmethod
    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Log T at each x (n,) but for a constant, and its derivatives in z (n, p)."""

    def top(self, z: Floats) -> tuple[float, Floats]:
        """Maximum over x of what `log` returns, and its derivatives in z (p,)."""
        return 0.0, np.zeros(len(z))

    @abc.abstractmethod
    def truth(self, z: Floats) -> TruthFunction:
        """Truth function at z."""

    def pressed(self, z: Floats, bounds: Bounds) -> tuple[str, ...]:
        """Parameters that are at a bound."""
        found = [
            name
            for name, at, (low, high) in zip(self.names, z, bounds, strict=True)
            if low < high and min(at - low, high - at) <= 1e-9 * (1.0 + abs(at))
        ]
        return tuple(dict.fromkeys(found))


class _GaussianChart(Chart):
    """By the natural parameters h and log L of exp(h u - L u^2 / 2): an exponential tilt is then at a finite h."""

    names = ("mean", "sd")

    def __init__(self, about: Gaussian, extent: Extent, held: Sequence[str]) -> None:
        inside = min(max(about.mean, float(extent.low[0])), float(extent.high[0]))
        self.centre = about.mean if "mean" in held else inside
        self.scale = min(about.sd, extent.range)
        precision = (self.scale / about.sd) ** 2
        self.origin = np.array([precision * (about.mean - self.centre) / self.scale, math.log(precision)])
        self.extent = extent

    def truth(self, z: Floats) -> Gaussian:
        precision = math.exp(z[1])
        return Gaussian(self.centre + self.scale * float(z[0]) / precision, self.scale / math.sqrt(precision))

    def bounds(self) -> Bounds:
        least, most = self.scale / self.extent.widest, self.scale / self.extent.thinnest
        return [(-math.inf, math.inf), (2 * math.log(least), 2 * math.log(most))]

    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        u = (x - self.centre) / self.scale
        curved = -0.5 * math.exp(z[1]) * u**2
        return z[0] * u + curved, np.stack([u, curved], axis=1)

    def top(self, z: Floats) -> tuple[float, Floats]:
        mean = float(z[0]) / math.exp(z[1])
        return 0.5 * float(z[0]) * mean, np.array([mean, -0.5 * float(z[0]) * mean])


class _LogisticChart(Chart):
    names = ("centre", "slope")

    def __init__(self, about: Logistic, extent: Extent) -> None:
        self.about, self.extent = about, extent
        self.origin = np.zeros(2)

    def truth(self, z: Floats) -> Logistic:
        centre = self.about.centre + float(z[0]) / abs(self.about.slope)
        return Logistic(float(centre), float(self.about.slope * math.exp(z[1])))

    def bounds(self) -> Bounds:
        slope = abs(self.about.slope)
        low, high = self.extent.reach
        return [
            ((low - self.about.centre) * slope, (high - self.about.centre) * slope),
            _log_slopes(slope, self.extent),
        ]

    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        truth = self.truth(z)
        u = truth.slope * (x - truth.centre)
        down = expit(-u)
        return -np.logaddexp(0.0, -u), np.stack([-down * (truth.slope / abs(self.about.slope)), down * u], axis=1)


class _IntervalChart(Chart):
    """By the edge that is held, or the lower one, and the width."""

    def __init__(self, about: Interval, extent: Extent, held: Sequence[str]) -> None:
        self.about, self.extent = about, extent
        self.origin = np.zeros(4)
        self.from_high = "high" in held and "low" not in held
        self.names = (*(("high", "low") if self.from_high else ("low", "high")), "slope", "slope_high")
        up, down = about.slopes
        self.width = about.high - about.low
        anchor, other = (down, up) if self.from_high else (up, down)
        self.rates = 1.0 / anchor, 1.0 / max(1.0, other * self.width)

    def truth(self, z: Floats) -> Interval:
        edge, width = self._edges(z)
        up, down = self._slopes(z)
        return Interval(edge - width, edge, up, down) if self.from_high else Interval(edge, edge + width, up, down)

    def _edges(self, z: Floats) -> tuple[float, float]:
        edge = self.about.high if self.from_high else self.about.low
        return float(edge + z[0] * self.rates[0]), float(self.width * math.exp(z[1] * self.rates[1]))

    def _slopes(self, z: Floats) -> tuple[float, float]:
        up, down = self.about.slopes
        return float(up * math.exp(z[2])), float(down * math.exp(z[3]))

    def bounds(self) -> Bounds:
        edge = self.about.high if self.from_high else self.about.low
        low, high = self.extent.reach
        up, down = self.about.slopes
        widest = edge - low if self.from_high else high - edge
        widths = math.log(self.extent.thinnest / self.width), math.log(max(widest / self.width, 1.0))
        return [
            ((low - edge) / self.rates[0], (high - edge) / self.rates[0]),
            (widths[0] / self.rates[1], widths[1] / self.rates[1]),
            _log_slopes(up, self.extent),
            _log_slopes(down, self.extent),
        ]

    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        edge, width = self._edges(z)
        up, down = self._slopes(z)
        low, high = (edge - width, edge) if self.from_high else (edge, edge + width)
        rise, fall = up * (x - low), down * (x - high)
        by_rise, by_fall = expit(-rise), -expit(fall)
        by_low, by_high = -up * by_rise, -down * by_fall
        by_width = (-by_low if self.from_high else by_high) * width * self.rates[1]
        slopes = np.stack([(by_low + by_high) * self.rates[0], by_width, by_rise * rise, by_fall * fall], axis=1)
        return -np.logaddexp(0.0, -rise) - np.logaddexp(0.0, fall), slopes

    def top(self, z: Floats) -> tuple[float, Floats]:
        # where the maximum is moves with z too, but does not matter to first order
        value, slopes = self.log(z, np.array([self.truth(z).peak]))
        return float(value[0]), slopes[0]


class _MultivariateChart(Chart):
    """By h and the Cholesky factor A of the precision in exp(h'u - u'AA'u / 2), u in the truth function's own units."""

    def __init__(self, about: MultivariateGaussian, extent: Extent, held: Sequence[str]) -> None:
        self.d = len(about.mean)
        mean = np.array(about.mean)
        self.centre = mean if "mean" in held else np.clip(mean, extent.low, extent.high)
        self.root = np.linalg.cholesky(np.array(about.cov))
        self.extent = extent
        self.rows, self.columns = np.tril_indices(self.d)
        self.names = ("mean",) * self.d + ("cov",) * len(self.rows)
        self.soft = ("mean", "cov")
        tilt = solve_triangular(self.root, mean - self.centre, lower=True)
        self.origin = np.concatenate([tilt, np.zeros(len(self.rows))])

    def _unpack(self, z: Floats) -> tuple[Floats, Floats]:
        a = np.zeros((self.d, self.d))
        a[self.rows, self.columns] = z[self.d :]
        np.fill_diagonal(a, np.exp(np.diag(a)))
        halfway = solve_triangular(a, z[: self.d], lower=True)
        return a, solve_triangular(a, halfway, lower=True, trans=1)

    def _cov(self, a: Floats) -> Floats:
        root = self.root @ np.linalg.inv(a).T
        return root @ root.T

    def truth(self, z: Floats) -> MultivariateGaussian:
        a, mean = self._unpack(z)
        centre = self.centre + self.root @ mean
        return MultivariateGaussian(tuple(centre.tolist()), tuple(map(tuple, self._cov(a).tolist())))

    def bounds(self) -> Bounds:
        means = [(h - 1e4, h + 1e4) for h in self.origin[: self.d].tolist()]
        steps = [math.log(_STEP) if i == j else _STEP for i, j in zip(self.rows, self.columns, strict=True)]
        return means + [(-step, step) for step in steps]

    def pressed(self, z: Floats, bounds: Bounds) -> tuple[str, ...]:
        if bounds[-1][0] == bounds[-1][1]:
            return ()
        variances = eigh(self._cov(self._unpack(z)[0]), self.extent.cov, eigvals_only=True)
        return ("cov",) if variances[0] < _THIN**2 or variances[-1] > _WIDE**2 else ()

    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        a, _ = self._unpack(z)
        u = solve_triangular(self.root, (x - self.centre).T, lower=True).T
        return self._log(z, a, u)

    def _log(self, z: Floats, a: Floats, u: Floats) -> tuple[Floats, Floats]:
        y = u @ a
        by_factor = -y[:, self.columns] * u[:, self.rows]
        by_factor = np.where(self.rows == self.columns, by_factor * np.diag(a)[self.rows], by_factor)
        return u @ z[: self.d] - 0.5 * np.sum(y**2, axis=1), np.concatenate([u, by_factor], axis=1)

    def top(self, z: Floats) -> tuple[float, Floats]:
        a, mean = self._unpack(z)
        value, slopes = self._log(z, a, mean[None])
        return float(value[0]), slopes[0]


class _DisbeliefChart(Chart):
    def __init__(self, about: Disbelief, extent: Extent, held: Sequence[str]) -> None:
        self.inner = chart_about(about.truth, extent, held)
        self.names = (*self.inner.names, "degree")
        self.soft = self.inner.soft
        self.origin = np.append(self.inner.origin, _logit(about.degree))

    def truth(self, z: Floats) -> Disbelief:
        return Disbelief(self.inner.truth(z[:-1]), float(expit(z[-1])))

    def bounds(self) -> Bounds:
        return [*self.inner.bounds(), (_logit(_DEGREES[0]), _logit(_DEGREES[1]))]

    def pressed(self, z: Floats, bounds: Bounds) -> tuple[str, ...]:
        low, high = bounds[-1]
        degree = ("degree",) if low < high and min(z[-1] - low, high - z[-1]) <= 1e-9 else ()
        return (*self.inner.pressed(z[:-1], bounds[:-1]), *degree)

    def log(self, z: Floats, x: Floats) -> tuple[Floats, Floats]:
        shape, slopes = self.inner.log(z[:-1], x)
        top, top_slopes = self.inner.top(z[:-1])
        believed = np.minimum(shape - top, 0.0)  # above 0 it is rounding
        log_b, log_rest = -np.logaddexp(0.0, -z[-1]), -np.logaddexp(0.0, z[-1])
        value = np.logaddexp(log_b, log_rest + believed)
        share = np.exp(log_rest + believed - value)
        by_logit = np.exp(log_b + log_rest - value) * -np.expm1(believed)
        return value, np.concatenate([(slopes - top_slopes) * share[:, None], by_logit[:, None]], axis=1)


def chart_about(truth: TruthFunction, extent: Extent, held: Sequence[str] = ()) -> Chart:
    """Chart about a truth function of one of the families; `held` names parameters that will not be moved."""
    match truth:
        case Gaussian():
            return _GaussianChart(truth, extent, held)
        case MultivariateGaussian():
            return _MultivariateChart(truth, extent, held)
        case Logistic():
            return _LogisticChart(truth, extent)
        case Interval():
            return _IntervalChart(truth, extent, held)
        case _:
            assert isinstance(truth, Disbelief)  # fit_truth fits no others
            return _DisbeliefChart(truth, extent, held)


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _log_slopes(slope: float, extent: Extent) -> tuple[float, float]:
    low, high = extent.slopes
    return math.log(low / slope), math.log(high / slope)
