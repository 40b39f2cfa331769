"""Information among more than two variables, with one neighbourhood, one covariance or one table for all its terms."""

from infocore.multivariate._counts import Counts as Counts
from infocore.multivariate._gaussian import Gaussian as Gaussian
from infocore.multivariate._neighbours import Neighbours as Neighbours
from infocore.multivariate.conditional import conditional_mutual_information as conditional_mutual_information
from infocore.multivariate.local import pointwise_mutual_information as pointwise_mutual_information
from infocore.multivariate.together import dual_total_correlation as dual_total_correlation
from infocore.multivariate.together import interaction_information as interaction_information
from infocore.multivariate.together import o_information as o_information
from infocore.multivariate.together import total_correlation as total_correlation
from infocore.multivariate.transfer import TransferEntropy as TransferEntropy
from infocore.multivariate.transfer import transfer_entropy as transfer_entropy
from infocore.multivariate.transfer import transfer_entropy_test as transfer_entropy_test

__all__ = [
    "Counts",
    "Gaussian",
    "Neighbours",
    "TransferEntropy",
    "conditional_mutual_information",
    "dual_total_correlation",
    "interaction_information",
    "o_information",
    "pointwise_mutual_information",
    "total_correlation",
    "transfer_entropy",
    "transfer_entropy_test",
]
