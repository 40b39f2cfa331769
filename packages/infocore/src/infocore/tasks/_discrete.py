"""Laws with atoms: classes, tables, counts, values cut off at zero or lost."""

# scipy types some of what it returns as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math

import numpy as np

from infocore._validate import Floats
from infocore.tasks._elliptical import Gaussian
from infocore.tasks._mixtures import Mixture

__all__ = ["Censored", "Classes", "Counts", "Dropout", "Table"]


@dataclasses.dataclass(frozen=True)
class Classes:
    """A class, as the numbers 0, 1, ..., and a Gaussian that differs by class.

    Parameters
    ----------
    mixture : Mixture
        The law of y; its own x has no columns.
    """

    mixture: Mixture

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        which, _, y = self.mixture.labelled(n, rng)
        x = which[:, None].astype(np.float64)
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        parts = self.mixture.log_parts(y)
        own = parts[x[:, 0].astype(np.int64), np.arange(len(y))]
        return own - np.log(self.mixture.weights)[x[:, 0].astype(np.int64)] - np.logaddexp.reduce(parts, axis=0)


@dataclasses.dataclass(frozen=True)
class Table:
    """Two codes with a table of probabilities.

    Parameters
    ----------
    cells : array of shape (K, L)
    """

    cells: Floats

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        columns = self.cells.shape[1]
        cell = rng.choice(self.cells.size, n, p=self.cells.ravel())
        x, y = (cell // columns).astype(np.float64), (cell % columns).astype(np.float64)
        return x[:, None], y[:, None], self._pointwise.ravel()[cell]

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        return float((self.cells * self._pointwise).sum())

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        return math.sqrt(float((self.cells * (self._pointwise - self.information) ** 2).sum()))

    @property
    def _pointwise(self) -> Floats:
        return np.log(self.cells / (self.cells.sum(1, keepdims=True) * self.cells.sum(0)))


@dataclasses.dataclass(frozen=True)
class Counts:
    """An exponential rate, and a Poisson count at that rate times an exposure.

    Parameters
    ----------
    exposure : float
    """

    exposure: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x = rng.standard_exponential((n, 1))
        y = rng.poisson(self.exposure * x).astype(np.float64)
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs: a Poisson probability over a geometric one; shape (n,), nats."""
        from scipy.special import gammaln

        rate, count = self.exposure * x[:, 0], y[:, 0]
        poisson = count * np.log(rate) - rate - gammaln(count + 1.0)
        return poisson + math.log1p(self.exposure) + count * math.log1p(1.0 / self.exposure)


@dataclasses.dataclass(frozen=True)
class Censored:
    """Standard normals with correlation, of which the second is seen only above a threshold and reads 0 below it.

    Parameters
    ----------
    correlation, threshold : float
    """

    correlation: float
    threshold: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x, y, _ = self._pair(n, rng)
        y = np.maximum(0.0, y - self.threshold)
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        from scipy.special import log_ndtr

        r, c = self.correlation, self.threshold
        below = log_ndtr((c - r * x[:, 0]) / math.sqrt(1.0 - r**2)) - float(log_ndtr(c))
        return np.where(y[:, 0] > 0, self._pair.pointwise(x, y + c), below)

    @property
    def _pair(self) -> Gaussian:
        return Gaussian(1, 1, (self.correlation,))


@dataclasses.dataclass(frozen=True)
class Dropout:
    """Standard normals with correlation; each side reads 0 now and then, by chance alone.

    Parameters
    ----------
    correlation, keep_x, keep_y : float
        How often a value is kept.
    """

    correlation: float
    keep_x: float
    keep_y: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x, y, pointwise = Gaussian(1, 1, (self.correlation,))(n, rng)
        seen_x, seen_y = rng.random(n) < self.keep_x, rng.random(n) < self.keep_y
        x[~seen_x], y[~seen_y] = 0.0, 0.0
        return x, y, np.where(seen_x & seen_y, pointwise, 0.0)

    @property
    def information(self) -> float:
        """Mutual information, nats."""
        return self.keep_x * self.keep_y * Gaussian(1, 1, (self.correlation,)).information

    @property
    def spread(self) -> float:
        """Standard deviation of the pointwise information, nats."""
        whole, both = Gaussian(1, 1, (self.correlation,)), self.keep_x * self.keep_y
        return math.sqrt(both * (whole.spread**2 + whole.information**2) - self.information**2)
