"""Entropy and mutual information of counts, in nats: plug-in, nine corrections of its bias, and the NSB posterior.

Everything here is a function of how often each value was seen, and most of it of even less: of how many values were
seen once, twice, ... The estimator with checks and intervals is `infocore.estimators.DiscreteMI`.
"""

from infocore.discrete._coverage import sample_coverage as sample_coverage
from infocore.discrete._nsb import Posterior as Posterior
from infocore.discrete._nsb import nsb_entropy as nsb_entropy
from infocore.discrete._shrinkage import Dirichlet as Dirichlet
from infocore.discrete._values import Correction as Correction
from infocore.discrete._values import discrete_mutual_information as discrete_mutual_information
from infocore.discrete._values import entropy as entropy
from infocore.discrete._values import mutual_information_from_counts as mutual_information_from_counts
from infocore.discrete._values import nsb_mutual_information as nsb_mutual_information

__all__ = [
    "Correction",
    "Dirichlet",
    "Posterior",
    "discrete_mutual_information",
    "entropy",
    "mutual_information_from_counts",
    "nsb_entropy",
    "nsb_mutual_information",
    "sample_coverage",
]
