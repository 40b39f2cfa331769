"""Information in noisy scores, for `NoisyRelease`: its value or bounds in nats, and the noise that leaves so much.

Scores z are arrays (n, k), one row per record; the law of the record is the empirical one of the rows.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from infocore.errors import ParameterError
from mid import information

__all__ = ["bounds", "calibrated", "coordinates", "information_in"]

Floats = NDArray[np.float64]

_PAIRWISE_ROWS = 4_000  # above this many rows the pairwise bounds read that many


def coordinates(scores: Floats) -> Floats:
    """Scores in an orthonormal basis of what is released: one coordinate for two classes, not two that mirror."""
    if scores.shape[1] == 2 and np.abs(scores.sum(1)).max() <= 1e-9 * max(1.0, np.abs(scores).max()):
        return (scores[:, 1:] - scores[:, :1]) / math.sqrt(2.0)
    return scores


def information_in(z: Floats, std: float) -> float:
    """Information of one coordinate, or the Gaussian upper bound of several."""
    return information.exact(z[:, 0], std) if z.shape[1] == 1 else _log_det(z, std)


def _log_det(z: Floats, std: float) -> float:
    """Gaussian upper bound: of all laws with this covariance, the Gaussian one has the most entropy."""
    spread = np.linalg.svd(z - z.mean(0), compute_uv=False) / (std * math.sqrt(len(z)))
    return 0.5 * float(np.log1p(spread**2).sum())


def bounds(z: Floats, std: float) -> tuple[float, float]:
    """Pairwise Bhattacharyya lower bound, and the smaller of the pairwise Kullback-Leibler and Gaussian upper ones."""
    z = z / std
    few = z
    if len(z) > _PAIRWISE_ROWS:
        even = np.linspace(0, len(z) - 1, _PAIRWISE_ROWS).round().astype(int)
        few = z[np.argsort(z[:, 0])[even] if z.shape[1] == 1 else even]
    return _pairwise(0.5 * few), min(_pairwise(few), _log_det(z, 1.0))


def _pairwise(z: Floats) -> float:
    """Minus the mean over i of ``log mean_j exp(-|z_i - z_j|^2 / 2)``, eqs 16 and 17 for vectors."""
    z = z - z.mean(0)
    half = 0.5 * (z**2).sum(1)
    total = 0.0
    for at in range(0, len(z), 500):
        rows = slice(at, at + 500)
        log_kernel = np.minimum(z[rows] @ z.T - half[rows, None] - half, 0.0)
        sums: Any = logsumexp(log_kernel, axis=1)
        total += float(sums.sum())
    return math.log(len(z)) - total / len(z)


def calibrated(z: Floats, nats: float) -> float:
    """Noise that leaves `nats`: the information falls as the noise grows, so it is bracketed and solved for."""
    spread = math.sqrt(float(((z - z.mean(0)) ** 2).sum()) / len(z))
    if not spread > 1e-12 * max(1.0, float(np.abs(z).max())):
        raise ParameterError(
            "NoisyRelease.fit: all rows of `X` have the same score, so no noise leaves `information` in it. Give more "
            "varied rows, or `sigma`."
        )
    # the Gaussian bound with all the variance in each coordinate: at this noise no more than `nats` is left
    high = spread / math.sqrt(math.expm1(2.0 * nats / z.shape[1]))
    low = high
    while information_in(z, low) < nats:
        low *= 0.5
        if low < 1e-9 * spread:
            raise ParameterError(
                f"NoisyRelease.fit: `information` of {nats!r} nats is more than these rows carry without noise, at "
                f"most log {len(z)} = {math.log(len(z)):.3f} and less where scores repeat. Ask for less, or give more "
                "rows."
            )
    if low == high:
        return high
    solve: Any = brentq
    root = solve(lambda t: information_in(z, math.exp(t)) - nats, math.log(low), math.log(high), xtol=1e-12, rtol=1e-14)
    return math.exp(float(root))
