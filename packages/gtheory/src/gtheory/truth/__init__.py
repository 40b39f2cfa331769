"""Truth functions: the meaning of a label as a degree of truth in [0, 1] for each x.

A truth function is a membership function, not a density: it has a maximum of 1 somewhere and integrates to nothing in
particular. Each is a frozen object with ``log(x)``, which is exact where the value itself would underflow, and a call
that returns the value. `truth_matrix` puts several side by side, labels in columns; `fit_truth` learns one from
examples of its label and the prior; `Not`, `And` and `Or` combine them, with the coupling said.
"""

from gtheory.truth._base import TruthFunction, truth_matrix
from gtheory.truth._fit import TruthFit, fit_truth
from gtheory.truth._logic import And, Coupling, Not, Or, conjunction, disjunction, negation
from gtheory.truth._shapes import Crisp, Disbelief, Gaussian, Interval, Logistic, MultivariateGaussian
from gtheory.truth._tables import Tabulated, from_distortion, from_scores

__all__ = [
    "And",
    "Coupling",
    "Crisp",
    "Disbelief",
    "Gaussian",
    "Interval",
    "Logistic",
    "MultivariateGaussian",
    "Not",
    "Or",
    "Tabulated",
    "TruthFit",
    "TruthFunction",
    "conjunction",
    "disjunction",
    "fit_truth",
    "from_distortion",
    "from_scores",
    "negation",
    "truth_matrix",
]
