"""Every error and warning type of the four packages.

Each error is also a `ValueError`, `RuntimeError` or `ImportError`, so a caller who knows only Python's own types
still catches it. A message names who refused, which argument, what was expected, what came and what to do.
"""

__all__ = [
    "CheckpointError",
    "ConvergenceWarning",
    "DataError",
    "DegenerateWarning",
    "InfoError",
    "InvalidDistributionError",
    "KindError",
    "MissingExtraError",
    "NonFiniteError",
    "NotFittedError",
    "ParameterError",
    "SaturationWarning",
    "ShapeError",
    "TooFewSamplesError",
    "TrainingError",
    "TrainingWarning",
]


class InfoError(Exception):
    """Base of every error that these packages raise on purpose."""


class ParameterError(InfoError, ValueError):
    """A setting is outside what its function can do."""


class ShapeError(InfoError, ValueError):
    """An array has the wrong number of axes, or lengths that do not fit together."""


class NonFiniteError(InfoError, ValueError):
    """An array holds NaN or infinity."""


class KindError(InfoError, ValueError):
    """Data are of a kind (text, objects, continuous, discrete) that the method cannot use."""


class TooFewSamplesError(InfoError, ValueError):
    """The sample is too small for the method to say anything."""


class InvalidDistributionError(InfoError, ValueError):
    """Numbers that should form a distribution, a channel or a truth function do not."""


class DataError(InfoError, ValueError):
    """A data file is absent, damaged or not the one that was pinned."""


class NotFittedError(InfoError, RuntimeError):
    """`estimate` was called on an estimator that must be fitted first."""


class TrainingError(InfoError, RuntimeError):
    """A fit stopped: a loss was not finite, or nothing could be learned."""


class CheckpointError(InfoError, RuntimeError):
    """A checkpoint folder is absent, incomplete, damaged or from another format."""


class MissingExtraError(InfoError, ImportError):
    """A dependency of an optional extra is not installed; the message says how to install it."""


class SaturationWarning(UserWarning):
    """A bound sits at its ceiling, so the number means "at least this much"."""


class DegenerateWarning(UserWarning):
    """The data make the question degenerate: constant columns, duplicates, a deterministic relation."""


class ConvergenceWarning(UserWarning):
    """An iteration stopped at its limit; the result carries the gap that was left."""


class TrainingWarning(UserWarning):
    """A fit ended, or is about to begin, in a way that is probably not meant; the message says what to change."""
