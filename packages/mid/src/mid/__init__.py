"""Defence against model inversion by limiting mutual information, attacks that test it, and an audit of leakage.

torch is needed only by `mid.torch`, which is imported on its own.
"""

from mid._version import __version__ as __version__
from mid.defences.linear import MIDLinearRegression as MIDLinearRegression
from mid.leakage import LeakageAudit as LeakageAudit
from mid.leakage import leakage_lower_bound as leakage_lower_bound
from mid.leakage import leakage_upper_bound as leakage_upper_bound

__all__ = ["LeakageAudit", "MIDLinearRegression", "__version__", "leakage_lower_bound", "leakage_upper_bound"]
