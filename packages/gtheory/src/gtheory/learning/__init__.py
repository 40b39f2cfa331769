"""Learning with semantic information."""

from gtheory.learning._families import RadialBasis
from gtheory.learning.classifier import SemanticBayesClassifier
from gtheory.learning.mmi import MMIPartition, mmi_partition, mmi_partition_dp
from gtheory.learning.mmi_classifier import MMICertificate, MMIClassifier

__all__ = [
    "MMICertificate",
    "MMIClassifier",
    "MMIPartition",
    "RadialBasis",
    "SemanticBayesClassifier",
    "mmi_partition",
    "mmi_partition_dp",
]
