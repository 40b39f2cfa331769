"""Where a fit of a truth function may start: from moments where one start is enough, else from a coarse search."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtheory.truth._base import TruthFunction
from gtheory.truth._sample import Sample
from gtheory.truth._shapes import Gaussian, Interval, Logistic, MultivariateGaussian
from infocore.semantic import Floats

__all__ = ["starts_of"]


def starts_of(
    family: type[TruthFunction],
    sample: Sample,
    held: Mapping[str, Any],
    information: Callable[[TruthFunction], float],
) -> list[TruthFunction]:
    """Truth functions of the family to climb from, the parameters in `held` at their values."""
    if family is Gaussian:
        mean, cov = _moments(sample, None if "mean" not in held else np.array([held["mean"]]))
        sd = float(np.clip(np.sqrt(cov[0, 0]), sample.extent.thinnest, sample.extent.widest))
        return [Gaussian(**{"mean": float(mean[0]), "sd": sd, **held})]
    if family is MultivariateGaussian:
        mean, cov = _moments(sample, None if "mean" not in held else np.array(held["mean"]))
        values: dict[str, Any] = {"mean": mean, "cov": cov, **held}
        return [MultivariateGaussian(**values)]
    coarse, crisp = _logistics(sample, held) if family is Logistic else _intervals(sample, held)
    # information has a local maximum at one steepness and another at another, so one start for each
    best = [max(places, key=information) for places in coarse]
    return [*best, *crisp]


def _moments(sample: Sample, mean: Floats | None) -> tuple[Floats, Floats]:
    """Mean and covariance that are exact under a Gaussian prior: the prior's precision taken off the positives'."""
    x, population = _columns(sample.positives), _columns(sample.population)
    prior_mean = sample.v @ population
    prior = (sample.v[:, None] * (population - prior_mean)).T @ (population - prior_mean)
    centre = sample.w @ x if mean is None else mean
    cov = (sample.w[:, None] * (x - centre)).T @ (x - centre)
    # positives in a plane still need a width across it
    scale = np.sqrt(np.diag(prior))
    floor = np.diag((1e-3 * scale) ** 2) if len(scale) > 1 else np.diag(np.full(1, sample.extent.thinnest**2))
    if np.linalg.eigvalsh(cov / scale / scale[:, None])[0] < 1e-8:
        cov = cov + floor
    gain = np.linalg.inv(cov) - np.linalg.inv(prior)
    if np.linalg.eigvalsh(gain * scale * scale[:, None])[0] < 1e-3:
        return centre, cov
    found = np.linalg.inv(gain)
    found = (found + found.T) / 2
    if mean is None:
        centre = found @ (np.linalg.solve(cov, centre) - np.linalg.solve(prior, prior_mean))
    return centre, found


def _logistics(sample: Sample, held: Mapping[str, Any]) -> tuple[list[list[TruthFunction]], list[TruthFunction]]:
    below, above = _edges(sample)
    spread = _spread(sample)
    centres = [held["centre"]] if "centre" in held else np.unique(_quantiles(sample, np.linspace(0.02, 0.98, 13)))
    slopes = [held["slope"]] if "slope" in held else [s * k / spread for s in (1, -1) for k in (1.0, 4.0, 16.0, 64.0)]
    coarse: list[list[TruthFunction]] = [[Logistic(float(c), float(k)) for c in centres] for k in slopes]
    steepest = 1.0 / sample.extent.thinnest
    crisp: list[TruthFunction] = [
        Logistic(**{"centre": c, "slope": k, **held}) for c, k in ((below, steepest), (above, -steepest))
    ]
    return coarse, crisp


def _intervals(sample: Sample, held: Mapping[str, Any]) -> tuple[list[list[TruthFunction]], list[TruthFunction]]:
    below, above = _edges(sample)
    spread = _spread(sample)
    least, most = sample.extent.reach
    lows = [least, below, *_quantiles(sample, (0.02, 0.2), positives=True)]
    highs = [most, above, *_quantiles(sample, (0.8, 0.98), positives=True)]
    soft = itertools.product([k / spread for k in (2.0, 8.0, 32.0)], repeat=2)
    steepest = 1.0 / sample.extent.thinnest
    steep = [(steepest, steepest), (steepest, 16.0 / spread), (16.0 / spread, steepest)]
    coarse: list[list[TruthFunction]] = [
        [_interval(a, b, up, down, held, sample) for a, b in itertools.product(lows, highs)] for up, down in soft
    ]
    crisp: list[TruthFunction] = [_interval(below, above, up, down, held, sample) for up, down in steep]
    return coarse, crisp


def _interval(low: float, high: float, up: float, down: float, held: Mapping[str, Any], sample: Sample) -> Interval:
    values = {"low": float(low), "high": float(high), "slope": up, "slope_high": down, **held}
    least = max(_spread(sample) / 16.0, sample.extent.thinnest)
    if values["high"] - values["low"] < least and not {"low", "high"} <= held.keys():
        values["low" if "high" in held else "high"] = (
            values["high"] - least if "high" in held else values["low"] + least
        )
    return Interval(**values)


def _edges(sample: Sample) -> tuple[float, float]:
    """Middles of the gaps below the smallest and above the largest positive; beyond the data where there is none."""
    first, last = float(sample.positives.min()), float(sample.positives.max())
    below = sample.population[sample.population < first]
    above = sample.population[sample.population > last]
    reach = sample.extent.range
    return (
        (float(below.max()) + first) / 2 if len(below) else first - reach / 2,
        (float(above.min()) + last) / 2 if len(above) else last + reach / 2,
    )


def _spread(sample: Sample) -> float:
    low, high = _quantiles(sample, (0.05, 0.95))
    return float(high - low) or sample.extent.range


def _quantiles(sample: Sample, levels: Any, *, positives: bool = False) -> NDArray[np.float64]:
    x, weights = (sample.positives, sample.w) if positives else (sample.population, sample.v)
    order = np.argsort(x)
    place = np.searchsorted(np.cumsum(weights[order]), np.asarray(levels))
    return x[order][np.minimum(place, len(x) - 1)]


def _columns(x: Floats) -> Floats:
    return x[:, None] if x.ndim == 1 else x
