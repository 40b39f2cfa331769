r"""Counts shrunk towards the uniform law: James-Stein, with an intensity from the data, and Dirichlet pseudo-counts.

Both use :math:`p_i = (1 - \lambda) c_i / n + \lambda / K`, for a pseudo-count a with :math:`\lambda = aK / (n + aK)`.
"""

import dataclasses
import math
from typing import Literal

import numpy as np

from infocore.discrete._fingerprint import Fingerprint
from infocore.errors import ParameterError

__all__ = [
    "PSEUDO_COUNTS",
    "Dirichlet",
    "NamedDirichlet",
    "james_stein_intensity",
    "pseudo_intensity",
    "shrunk_entropy",
]

NamedDirichlet = Literal["dirichlet-jeffreys", "dirichlet-laplace", "dirichlet-perks", "dirichlet-minimax"]
PSEUDO_COUNTS = ("dirichlet-jeffreys", "dirichlet-laplace", "dirichlet-perks", "dirichlet-minimax")


@dataclasses.dataclass(frozen=True)
class Dirichlet:
    """Correction by a pseudo-count of one's own: the posterior mean under a symmetric Dirichlet prior is plugged in.

    Parameters
    ----------
    pseudo_count : float
        What is added to the count of every value of the alphabet, seen or not; positive.

    Notes
    -----
    The named ones are ``"dirichlet-jeffreys"`` (1/2), ``"dirichlet-laplace"`` (1), ``"dirichlet-perks"`` (1/K) and
    ``"dirichlet-minimax"`` (root n over K). Where counts are few, the answer is mostly the prior.

    References
    ----------
    .. [1] T. Schuermann, P. Grassberger, "Entropy estimation of symbol sequences", Chaos 6, 1996.
    .. [2] J. Hausser, K. Strimmer, "Entropy inference and the James-Stein estimator, with application to nonlinear
       gene association networks", JMLR 10, 2009, Table 1.

    Examples
    --------
    >>> from infocore.discrete import entropy
    >>> round(entropy([3, 0], Dirichlet(1.0), alphabet=2), 6)  # of 4/5 and 1/5
    0.500402
    """

    pseudo_count: float

    def checked(self, caller: str) -> float:
        """Return the pseudo-count, or refuse it.

        Raises
        ------
        ParameterError
            If it is not a positive finite number.
        """
        if not 0 < self.pseudo_count < math.inf:
            raise ParameterError(f"{caller}: `pseudo_count` must be positive and finite; got {self.pseudo_count!r}.")
        return float(self.pseudo_count)


def pseudo_intensity(correction: NamedDirichlet | Dirichlet, n: float, size: float, caller: str) -> float:
    """Return the share of the uniform law in the posterior mean."""
    match correction:
        case Dirichlet():
            total = correction.checked(caller) * size
        case "dirichlet-jeffreys":
            total = size / 2
        case "dirichlet-laplace":
            total = size
        case "dirichlet-perks":
            total = 1.0
        case "dirichlet-minimax":
            total = math.sqrt(n)
    return total / (n + total)


def james_stein_intensity(f: Fingerprint, size: float) -> float:
    r"""Shrinkage intensity towards the uniform law that minimises the estimated squared error [1]_.

    .. math:: \hat\lambda = \frac{1 - \sum_i \hat p_i^2}{(n - 1) \sum_i (1/K - \hat p_i)^2}, \quad
        \text{at most } 1

    References
    ----------
    .. [1] J. Hausser, K. Strimmer, "Entropy inference and the James-Stein estimator, with application to nonlinear
       gene association networks", JMLR 10, 2009, eq. 8.
    """
    p = f.counts / f.n
    above = float(f.times @ (p * (1 - p)))
    distance = float(f.times @ (p - 1 / size) ** 2) + (size - f.seen) / size**2
    below = (f.n - 1) * distance
    return 1.0 if above >= below else above / below


def shrunk_entropy(f: Fingerprint, size: float, intensity: float) -> float:
    """Return the entropy of the shrunk law, the values that were not seen included."""
    p = (1 - intensity) * f.counts / f.n + intensity / size
    entropy = 0.0 - float(f.times @ (p * np.log(p)))
    missing = size - f.seen
    return entropy - (missing * intensity / size * math.log(intensity / size) if missing and intensity else 0.0)
