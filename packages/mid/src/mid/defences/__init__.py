"""Models trained to release little about their input."""

from mid.defences.linear import MIDLinearRegression as MIDLinearRegression

__all__ = ["MIDLinearRegression"]
