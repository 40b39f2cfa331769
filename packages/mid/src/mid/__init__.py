"""Defence against model inversion by limiting mutual information, attacks that test it, and an audit of leakage.

torch is needed only by `mid.torch`, which is imported on its own.
"""

from mid._version import __version__ as __version__
from mid.defences.linear import MIDLinearRegression as MIDLinearRegression

__all__ = ["MIDLinearRegression", "__version__"]
