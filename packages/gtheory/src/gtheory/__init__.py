"""Semantic information after C. Lu: what labels say, beside what they carry.

Truth functions, semantic channels, G beside R, rate-fidelity, learning, confirmation, control, portfolios. Results are
objects that carry their unit; bits by default. Names are loaded when they are first used, so ``import gtheory`` costs a
few milliseconds and loads no torch, matplotlib or scikit-learn.
"""

import importlib
from typing import TYPE_CHECKING, Any

from gtheory._version import __version__ as __version__

if TYPE_CHECKING:
    from gtheory import learning as learning
    from gtheory import plots as plots
    from gtheory import truth as truth
    from gtheory.capacity import SemanticCapacity as SemanticCapacity
    from gtheory.capacity import semantic_capacity as semantic_capacity
    from gtheory.channels import conditional_truth as conditional_truth
    from gtheory.channels import logical_probability as logical_probability
    from gtheory.channels import optimal_truth as optimal_truth
    from gtheory.channels import semantic_bayes as semantic_bayes
    from gtheory.channels import truth_from_likelihood as truth_from_likelihood
    from gtheory.colour import decode38 as decode38
    from gtheory.confirm import Confirmation as Confirmation
    from gtheory.confirm import confirmation as confirmation
    from gtheory.confirm import confirmation_from_test as confirmation_from_test
    from gtheory.confirm_intervals import ConfirmationIntervals as ConfirmationIntervals
    from gtheory.confirm_intervals import confirmation_intervals as confirmation_intervals
    from gtheory.constraints import maximum_entropy as maximum_entropy
    from gtheory.constraints import rate_of_truth as rate_of_truth
    from gtheory.control import control_curve as control_curve
    from gtheory.control import controlled_distribution as controlled_distribution
    from gtheory.fidelity import fidelity_range as fidelity_range
    from gtheory.fidelity import rate_for_fidelity as rate_for_fidelity
    from gtheory.information import SemanticInformation as SemanticInformation
    from gtheory.information import semantic_distortion as semantic_distortion
    from gtheory.information import semantic_information as semantic_information
    from gtheory.learning import CMMixture as CMMixture
    from gtheory.learning import MMIClassifier as MMIClassifier
    from gtheory.learning import SemanticBayesClassifier as SemanticBayesClassifier
    from gtheory.learning import SemanticVB as SemanticVB
    from gtheory.physics import boltzmann as boltzmann
    from gtheory.physics import exergy as exergy
    from gtheory.portfolio import information_value as information_value
    from gtheory.portfolio import log_optimal as log_optimal
    from gtheory.rate import RateFidelityCurve as RateFidelityCurve
    from gtheory.rate import RateFidelityPoint as RateFidelityPoint
    from gtheory.rate import rate_fidelity as rate_fidelity
    from gtheory.rate import rate_fidelity_curve as rate_fidelity_curve
    from gtheory.theories import TheoryComparison as TheoryComparison
    from gtheory.theories import compare_theories as compare_theories
    from gtheory.truth import fit_truth as fit_truth
    from gtheory.truth import truth_matrix as truth_matrix

_MODULES = ("learning", "plots", "truth")
_WHERE = {
    "CMMixture": "gtheory.learning",
    "Confirmation": "gtheory.confirm",
    "ConfirmationIntervals": "gtheory.confirm_intervals",
    "MMIClassifier": "gtheory.learning",
    "RateFidelityCurve": "gtheory.rate",
    "RateFidelityPoint": "gtheory.rate",
    "SemanticBayesClassifier": "gtheory.learning",
    "SemanticCapacity": "gtheory.capacity",
    "SemanticInformation": "gtheory.information",
    "SemanticVB": "gtheory.learning",
    "TheoryComparison": "gtheory.theories",
    "boltzmann": "gtheory.physics",
    "compare_theories": "gtheory.theories",
    "conditional_truth": "gtheory.channels",
    "confirmation": "gtheory.confirm",
    "confirmation_from_test": "gtheory.confirm",
    "confirmation_intervals": "gtheory.confirm_intervals",
    "control_curve": "gtheory.control",
    "controlled_distribution": "gtheory.control",
    "decode38": "gtheory.colour",
    "exergy": "gtheory.physics",
    "fidelity_range": "gtheory.fidelity",
    "fit_truth": "gtheory.truth",
    "information_value": "gtheory.portfolio",
    "log_optimal": "gtheory.portfolio",
    "logical_probability": "gtheory.channels",
    "maximum_entropy": "gtheory.constraints",
    "optimal_truth": "gtheory.channels",
    "rate_fidelity": "gtheory.rate",
    "rate_fidelity_curve": "gtheory.rate",
    "rate_for_fidelity": "gtheory.fidelity",
    "rate_of_truth": "gtheory.constraints",
    "semantic_bayes": "gtheory.channels",
    "semantic_capacity": "gtheory.capacity",
    "semantic_distortion": "gtheory.information",
    "semantic_information": "gtheory.information",
    "truth_from_likelihood": "gtheory.channels",
    "truth_matrix": "gtheory.truth",
}

__all__ = [
    "CMMixture",
    "Confirmation",
    "ConfirmationIntervals",
    "MMIClassifier",
    "RateFidelityCurve",
    "RateFidelityPoint",
    "SemanticBayesClassifier",
    "SemanticCapacity",
    "SemanticInformation",
    "SemanticVB",
    "TheoryComparison",
    "__version__",
    "boltzmann",
    "compare_theories",
    "conditional_truth",
    "confirmation",
    "confirmation_from_test",
    "confirmation_intervals",
    "control_curve",
    "controlled_distribution",
    "decode38",
    "exergy",
    "fidelity_range",
    "fit_truth",
    "information_value",
    "learning",
    "log_optimal",
    "logical_probability",
    "maximum_entropy",
    "optimal_truth",
    "plots",
    "rate_fidelity",
    "rate_fidelity_curve",
    "rate_for_fidelity",
    "rate_of_truth",
    "semantic_bayes",
    "semantic_capacity",
    "semantic_distortion",
    "semantic_information",
    "truth",
    "truth_from_likelihood",
    "truth_matrix",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"gtheory.{name}")
    raise AttributeError(f"module 'gtheory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
