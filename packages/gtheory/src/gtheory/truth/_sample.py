"""The examples of a label and the population beside them, checked."""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtheory.truth._base import TruthFunction
from gtheory.truth._charts import Extent
from gtheory.truth._shapes import MultivariateGaussian
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, real

__all__ = ["Sample", "sample_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Positives with weights w, and population with weights v; both weights sum to 1 and are positive."""

    positives: Floats
    w: Floats
    population: Floats
    v: Floats
    extent: Extent


def sample_of(
    family: type[TruthFunction],
    positives: ArrayLike,
    population: ArrayLike | None,
    positive_weights: ArrayLike | None,
    population_weights: ArrayLike | None,
) -> Sample:
    """Return the data of a fit, weights divided by their sums and points of weight 0 left out."""
    caller = "fit_truth"
    if population is None and (positive_weights is None or population_weights is None):
        raise ParameterError(
            f"{caller}: without `population`, `positives` is a grid and needs both `positive_weights` and "
            "`population_weights`."
        )
    x = _points(family, positives, "positives")
    w = _weights(positive_weights, len(x), "positive_weights")
    everyone = x if population is None else _points(family, population, "population")
    v = _weights(population_weights, len(everyone), "population_weights")
    if x.shape[1:] != everyone.shape[1:]:
        raise ShapeError(
            f"{caller}: `positives` and `population` must have equally many columns; got {x.shape} and "
            f"{everyone.shape}."
        )
    x, w, everyone, v = x[w > 0], w[w > 0], everyone[v > 0], v[v > 0]
    columns = everyone.reshape(len(everyone), -1)
    steps = (columns - v @ columns) * np.sqrt(v)[:, None]
    sd = np.sqrt((steps**2).sum(0))
    if not (sd > 0).all() or np.linalg.svd(steps / np.where(sd > 0, sd, 1.0), compute_uv=False)[-1] < 1e-4:
        raise ParameterError(
            f"{caller}: `population` must vary in every direction, or there is nothing to tell of x; got "
            f"{len(everyone)} points that do not."
        )
    both = np.concatenate([x.reshape(len(x), -1), columns])
    gap = float(np.diff(np.unique(both)).min()) if everyone.ndim == 1 else math.nan
    extent = Extent(both.min(0), both.max(0), gap, steps.T @ steps)
    return Sample(x, w, everyone, v, extent)


def _points(family: type[TruthFunction], values: ArrayLike, name: str) -> Floats:
    x = real(values, "fit_truth", name, ndim=2 if family is MultivariateGaussian else 1)
    _refuse_nonfinite(x, name)
    return x


def _weights(values: ArrayLike | None, n: int, name: str) -> Floats:
    if values is None:
        return np.full(n, 1.0 / n)
    w = real(values, "fit_truth", name, ndim=1)
    if len(w) != n:
        raise ShapeError(f"fit_truth: `{name}` must have one entry per point, {n}; got {len(w)}.")
    _refuse_nonfinite(w, name)
    if w.min() < 0 or w.sum() <= 0:
        raise InvalidDistributionError(
            f"fit_truth: `{name}` must not be negative and not all be 0; got {w.min():.6g} as smallest and sum "
            f"{w.sum():.6g}."
        )
    return w / w.sum()


def _refuse_nonfinite(values: NDArray[np.float64], name: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        rows = int(bad.any(axis=1).sum()) if bad.ndim > 1 else int(bad.sum())
        raise NonFiniteError(f"fit_truth: `{name}` holds NaN or infinity in {rows} of {len(values)} rows.")
