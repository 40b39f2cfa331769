"""Estimators of mutual information that need no training.

`fit(x, y)` learns, `estimate(x, y)` evaluates, `fit_estimate(x, y, rng=)` does both without ever reporting on what was
fitted. Here nothing is learned; ``infocore.torch`` holds the estimators that are trained.
"""

from infocore.estimators._base import MIEstimator as MIEstimator
from infocore.estimators.auto import AutoMI as AutoMI
from infocore.estimators.copula import GaussianCopulaMI as GaussianCopulaMI
from infocore.estimators.copula import TCopulaMI as TCopulaMI
from infocore.estimators.discrete import DiscreteMI as DiscreteMI
from infocore.estimators.gaussian import GaussianMI as GaussianMI
from infocore.estimators.histogram import HistogramMI as HistogramMI
from infocore.estimators.kozachenko_leonenko import KozachenkoLeonenkoMI as KozachenkoLeonenkoMI
from infocore.estimators.kozachenko_leonenko import kl_entropy as kl_entropy
from infocore.estimators.ksg import KSG as KSG
from infocore.estimators.ksg import ksg_values as ksg_values
from infocore.estimators.lnc import LNC as LNC
from infocore.estimators.mixed import MixedKSG as MixedKSG
from infocore.estimators.mixed import RossMI as RossMI
from infocore.estimators.pairs import ksg_matrix as ksg_matrix
from infocore.estimators.sliced import SlicedMI as SlicedMI

__all__ = [
    "KSG",
    "LNC",
    "AutoMI",
    "DiscreteMI",
    "GaussianCopulaMI",
    "GaussianMI",
    "HistogramMI",
    "KozachenkoLeonenkoMI",
    "MIEstimator",
    "MixedKSG",
    "RossMI",
    "SlicedMI",
    "TCopulaMI",
    "kl_entropy",
    "ksg_matrix",
    "ksg_values",
]
