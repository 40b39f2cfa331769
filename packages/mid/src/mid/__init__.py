"""Defence against model inversion by limiting mutual information, attacks that test it, and an audit of leakage.

Names are imported when they are first used. torch is needed only by `mid.torch`, which is imported on its own.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mid._version import __version__ as __version__

if TYPE_CHECKING:
    from mid.auditing import AuditReport as AuditReport
    from mid.auditing import audit as audit
    from mid.defences import MIDDecisionTreeClassifier as MIDDecisionTreeClassifier
    from mid.defences import MIDDecisionTreeRegressor as MIDDecisionTreeRegressor
    from mid.defences import MIDLinearRegression as MIDLinearRegression
    from mid.defences import NoisyRelease as NoisyRelease
    from mid.leakage import LeakageAudit as LeakageAudit
    from mid.leakage import leakage_lower_bound as leakage_lower_bound
    from mid.leakage import leakage_upper_bound as leakage_upper_bound

_WHERE = {
    "AuditReport": "mid.auditing",
    "LeakageAudit": "mid.leakage",
    "MIDDecisionTreeClassifier": "mid.defences.tree",
    "MIDDecisionTreeRegressor": "mid.defences.tree",
    "MIDLinearRegression": "mid.defences.linear",
    "NoisyRelease": "mid.defences.noisy",
    "audit": "mid.auditing",
    "leakage_lower_bound": "mid.leakage",
    "leakage_upper_bound": "mid.leakage",
}

__all__ = [
    "AuditReport",
    "LeakageAudit",
    "MIDDecisionTreeClassifier",
    "MIDDecisionTreeRegressor",
    "MIDLinearRegression",
    "NoisyRelease",
    "__version__",
    "audit",
    "leakage_lower_bound",
    "leakage_upper_bound",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'mid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
