"""Semantic information after C. Lu: truth functions, semantic channels, G beside R, rate-fidelity and confirmation.

Results are objects that carry their unit; bits by default.
"""

from gtheory import truth as truth
from gtheory._version import __version__ as __version__
from gtheory.channels import logical_probability, optimal_truth, semantic_bayes
from gtheory.confirm import Confirmation, confirmation, confirmation_from_test
from gtheory.confirm_intervals import ConfirmationIntervals, confirmation_intervals
from gtheory.information import SemanticInformation, semantic_information
from gtheory.rate import RateFidelityCurve, RateFidelityPoint, rate_fidelity, rate_fidelity_curve
from gtheory.theories import TheoryComparison, compare_theories
from gtheory.truth import truth_matrix

__all__ = [
    "Confirmation",
    "ConfirmationIntervals",
    "RateFidelityCurve",
    "RateFidelityPoint",
    "SemanticInformation",
    "TheoryComparison",
    "__version__",
    "compare_theories",
    "confirmation",
    "confirmation_from_test",
    "confirmation_intervals",
    "logical_probability",
    "optimal_truth",
    "rate_fidelity",
    "rate_fidelity_curve",
    "semantic_bayes",
    "semantic_information",
    "truth",
    "truth_matrix",
]
