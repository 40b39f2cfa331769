"""Learning with semantic information."""

from gtheory.learning._families import RadialBasis
from gtheory.learning.classifier import SemanticBayesClassifier
from gtheory.learning.mixture import CMMixture, MixtureHistory
from gtheory.learning.mmi import MMIPartition, mmi_partition, mmi_partition_dp
from gtheory.learning.mmi_classifier import MMICertificate, MMIClassifier
from gtheory.learning.variational import SemanticVB, VariationalHistory

__all__ = [
    "CMMixture",
    "MMICertificate",
    "MMIClassifier",
    "MMIPartition",
    "MixtureHistory",
    "RadialBasis",
    "SemanticBayesClassifier",
    "SemanticVB",
    "VariationalHistory",
    "mmi_partition",
    "mmi_partition_dp",
]
