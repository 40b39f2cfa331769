"""What ranks cost an elliptical copula: the strong dependence that they round off."""

import math

import numpy as np

from infocore._ranks import cdf_levels
from infocore.estimators._elliptical import Ellipse, fit_ellipse, fit_scores

__all__ = ["rank_bias"]

# Below this value, nats, and beyond so many columns it is not looked for: it is small there, or takes long.
WORTH, COLUMNS = 1.0, 20
# Samples of the fitted law; both fits are of the same draws, so that their difference hardly varies.
DRAWS = 2


def rank_bias(e: Ellipse, n: int, rng: np.random.Generator) -> float:
    """Return what the information of the copula loses, being fitted to ranks of n rows instead of their scores.

    Parameters
    ----------
    e : Ellipse
        The fitted copula; what it loses is measured on samples of it.
    n : int
    rng : numpy Generator

    Returns
    -------
    float
        In nats, mostly negative; 0 where it is not looked for.
    """
    if e.information() < WORTH or len(e.scatter) > COLUMNS:
        return 0.0
    root, lost = np.linalg.cholesky(e.scatter), 0.0
    for _ in range(DRAWS):
        z = rng.standard_normal((n, len(root))) @ root.T
        if math.isfinite(e.dof):
            z /= np.sqrt(rng.chisquare(e.dof, (n, 1)) / e.dof)
        ranked, true = fit_ellipse(cdf_levels(z), e.dx, e.dof), fit_scores(z, e.dx, e.dof)
        lost += (ranked.information() - true.information()) / DRAWS
    return lost
