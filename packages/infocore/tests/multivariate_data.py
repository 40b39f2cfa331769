"""Columns of which the information among several of them is known: normal ones, and bits with their exclusive or."""

import numpy as np

from infocore.multivariate import Neighbours

PLAIN = Neighbours(margins="none")


def normal(n, r, seed=0):
    """Columns of a centred normal law with covariance r."""
    return np.random.default_rng(seed).standard_normal((n, len(r))) @ np.linalg.cholesky(np.array(r)).T


def half_log_det(r, *columns):
    return 0.5 * np.linalg.slogdet(np.array(r)[np.ix_(columns, columns)])[1] if columns else 0.0


def bits(n, seed=0):
    a, b = np.random.default_rng(seed).integers(0, 2, (2, n))
    return a, b, a ^ b


PARTIAL = [[1, 0.745, 0.7], [0.745, 1, 0.7], [0.7, 0.7, 1]]  # partial correlation 0.5, truth 0.1438
