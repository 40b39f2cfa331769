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
    from infocore.result import MIEstimate as MIEstimate

_WHERE = {
    "BOUNDS": "infocore.bounds",
    "MIEstimate": "infocore.result",
    "feature_scores": "infocore.api",
    "infonce": "infocore.bounds",
    "mutual_information": "infocore.api",
    "pointwise": "infocore.bounds",
}

__all__ = ["BOUNDS", "MIEstimate", "__version__", "feature_scores", "infonce", "mutual_information", "pointwise"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'infocore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
