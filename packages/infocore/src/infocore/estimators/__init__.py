"""Estimators of mutual information that need no training.

`fit(x, y)` learns, `estimate(x, y)` evaluates, `fit_estimate(x, y, rng=)` does both without ever reporting on what was
fitted. Here nothing is learned; ``infocore.torch.variational`` holds the estimators that are trained.
"""

from infocore.estimators._base import MIEstimator as MIEstimator
from infocore.estimators.auto import AutoMI as AutoMI
from infocore.estimators.discrete import DiscreteMI as DiscreteMI
from infocore.estimators.gaussian import GaussianMI as GaussianMI
from infocore.estimators.ksg import KSG as KSG
from infocore.estimators.mixed import MixedKSG as MixedKSG

__all__ = ["KSG", "AutoMI", "DiscreteMI", "GaussianMI", "MIEstimator", "MixedKSG"]
