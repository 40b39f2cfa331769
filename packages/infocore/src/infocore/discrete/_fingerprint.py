"""How many values were seen once, twice, ...: all that an entropy estimate needs to know of a sample."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore._validate import Floats
from infocore.errors import InvalidDistributionError, ParameterError

__all__ = ["Fingerprint", "alphabet_size", "fingerprint", "whole_counts"]


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """Counts of counts.

    Parameters
    ----------
    counts : array of shape (m,)
        The distinct positive counts, ascending.
    times : array of shape (m,)
        How many values have each.
    """

    counts: Floats
    times: Floats

    @property
    def n(self) -> float:
        """Sample size."""
        return float(self.counts @ self.times)

    @property
    def seen(self) -> int:
        """Number of values that were seen."""
        return int(self.times.sum())

    def seen_exactly(self, count: int) -> float:
        """Return the number of values that were seen so often."""
        return float(self.times[self.counts == count].sum())


def fingerprint(counts: NDArray[np.int64]) -> Fingerprint:
    """Return the fingerprint of non-negative whole counts of any shape, one of them positive."""
    flat = counts.ravel()
    largest = int(flat.max())
    if largest <= max(4 * flat.size, 1 << 16):
        times = np.bincount(flat)
        times[0] = 0
        distinct = np.flatnonzero(times)
        return Fingerprint(distinct.astype(np.float64), times[distinct].astype(np.float64))
    distinct, times = np.unique(flat[flat > 0], return_counts=True)
    return Fingerprint(distinct.astype(np.float64), times.astype(np.float64))


def whole_counts(counts: ArrayLike, caller: str) -> NDArray[np.int64]:
    """Return counts as int64, or refuse what cannot be counts."""
    c = np.asarray(counts)
    if c.dtype.kind not in "iub":
        c = np.asarray(counts, np.float64)
        whole = bool(np.isfinite(c).all()) and bool((c == np.floor(c)).all()) and bool((np.abs(c) < 2.0**63).all())
    else:
        whole = True
    if not whole or not c.size or (c < 0).any() or not c.any():
        raise InvalidDistributionError(
            f"{caller}: counts must be whole numbers >= 0, at least one of them positive; for probabilities "
            "multiply by the sample size."
        )
    return c.astype(np.int64)


def alphabet_size(alphabet: int | None, seen: int, caller: str) -> int:
    """Return the alphabet size: the number of values seen if none is given; refuse one that is smaller than that."""
    if alphabet is None:
        return seen
    if isinstance(alphabet, bool) or not hasattr(alphabet, "__index__") or alphabet < seen:
        raise ParameterError(
            f"{caller}: `alphabet` must be a whole number, at least the {seen} values that were seen; got {alphabet!r}."
        )
    return int(alphabet)
