"""Impurities as sums over records, so that the gain of a split is a difference of three numbers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["CRITERIA", "entropy", "error", "gini", "squared_error"]

Floats = NDArray[np.float64]


def entropy(sums: Floats) -> Floats:
    """Weight times entropy in nats, for class weights of shape (..., C)."""
    weight = sums.sum(-1)
    return weight * np.log(np.where(weight > 0, weight, 1.0)) - (sums * np.log(np.where(sums > 0, sums, 1.0))).sum(-1)


def gini(sums: Floats) -> Floats:
    """Weight times Gini impurity, for class weights of shape (..., C)."""
    weight = sums.sum(-1)
    return weight - (sums**2).sum(-1) / np.where(weight > 0, weight, 1.0)


def error(sums: Floats) -> Floats:
    """Weight that is not of the commonest class, for class weights of shape (..., C)."""
    return sums.sum(-1) - sums.max(-1)


def squared_error(sums: Floats) -> Floats:
    """Sum of squared deviations from the mean, for weight, sum and sum of squares, shape (..., 3)."""
    weight = sums[..., 0]
    return sums[..., 2] - sums[..., 1] ** 2 / np.where(weight > 0, weight, 1.0)


CRITERIA: dict[str, Callable[[Floats], Floats]] = {
    "entropy": entropy,
    "log_loss": entropy,
    "gini": gini,
    "error": error,
    "squared_error": squared_error,
}
