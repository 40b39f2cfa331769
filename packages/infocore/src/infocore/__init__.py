"""Mutual information with a method, an interval, and a statement of what the number certifies.

Names are loaded when they are first used, so ``import infocore`` costs a few milliseconds and loads no torch, pandas,
matplotlib, scikit-learn or scipy.stats.
"""

import importlib
from typing import TYPE_CHECKING, Any

from infocore._version import __version__ as __version__

if TYPE_CHECKING:
    from infocore.api import feature_scores as feature_scores
    from infocore.api import mutual_information as mutual_information
    from infocore.bounds import BOUNDS as BOUNDS
    from infocore.bounds import infonce as infonce
    from infocore.bounds import pointwise as pointwise
    from infocore.multivariate import conditional_mutual_information as conditional_mutual_information
    from infocore.multivariate import dual_total_correlation as dual_total_correlation
    from infocore.multivariate import interaction_information as interaction_information
    from infocore.multivariate import o_information as o_information
    from infocore.multivariate import pointwise_mutual_information as pointwise_mutual_information
    from infocore.multivariate import total_correlation as total_correlation
    from infocore.multivariate import transfer_entropy as transfer_entropy
    from infocore.multivariate import transfer_entropy_test as transfer_entropy_test
    from infocore.permutation import permutation_test as permutation_test
    from infocore.result import MIEstimate as MIEstimate

_WHERE = {
    "BOUNDS": "infocore.bounds",
    "MIEstimate": "infocore.result",
    "conditional_mutual_information": "infocore.multivariate",
    "dual_total_correlation": "infocore.multivariate",
    "feature_scores": "infocore.api",
    "infonce": "infocore.bounds",
    "interaction_information": "infocore.multivariate",
    "mutual_information": "infocore.api",
    "o_information": "infocore.multivariate",
    "permutation_test": "infocore.permutation",
    "pointwise": "infocore.bounds",
    "pointwise_mutual_information": "infocore.multivariate",
    "total_correlation": "infocore.multivariate",
    "transfer_entropy": "infocore.multivariate",
    "transfer_entropy_test": "infocore.multivariate",
}

__all__ = [
    "BOUNDS",
    "MIEstimate",
    "__version__",
    "conditional_mutual_information",
    "dual_total_correlation",
    "feature_scores",
    "infonce",
    "interaction_information",
    "mutual_information",
    "o_information",
    "permutation_test",
    "pointwise",
    "pointwise_mutual_information",
    "total_correlation",
    "transfer_entropy",
    "transfer_entropy_test",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'infocore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
