"""Mixtures whose components say which pairs belong together: the information is not in a correlation.

After "bend and mix models" (P. Czyż et al., "On the properties and estimation of pointwise mutual information
profiles", TMLR 2025, arXiv:2310.10240): the densities of the parts are known, so the pointwise information is.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from infocore._validate import Floats, Ints
from infocore.tasks._elliptical import Gaussian

__all__ = ["Inliers", "Mixture", "mixture"]


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Mixture of Gaussians in the plane of both sides.

    Parameters
    ----------
    dim_x : int
        The first columns are x, the rest y.
    weights : array of shape (C,)
    means : array of shape (C, dx + dy)
    covariances : array of shape (C, dx + dy, dx + dy)
    """

    dim_x: int
    weights: Floats
    means: Floats
    covariances: Floats

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        _, x, y = self.labelled(n, rng)
        return x, y, self.pointwise(x, y)

    def labelled(self, n: int, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
        """Draw pairs; return the component of each, x and y."""
        which = rng.choice(len(self.weights), n, p=self.weights)
        factors = np.linalg.cholesky(self.covariances)
        noise = rng.standard_normal((n, self.means.shape[1]))
        both = self.means[which] + np.einsum("nij,nj->ni", factors[which], noise)
        return which, both[:, : self.dim_x], both[:, self.dim_x :]

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        d = self.dim_x
        sides = (np.concatenate([x, y], axis=1), slice(None)), (x, slice(0, d)), (y, slice(d, None))
        both, of_x, of_y = (np.logaddexp.reduce(self.log_parts(a, columns), axis=0) for a, columns in sides)
        return both - of_x - of_y

    def log_parts(self, a: Floats, columns: slice = slice(None)) -> Floats:
        """Log weight plus log density in some columns, of each component at each row; shape (C, n), nats."""
        parts: list[Floats] = []
        factors = np.linalg.cholesky(self.covariances[:, columns, columns])
        for k in range(len(self.weights)):
            z = np.asarray(np.linalg.solve(factors[k], (a - self.means[k, columns]).T), np.float64)
            scale = float(np.log(np.diagonal(factors[k])).sum()) + 0.5 * len(z) * np.log(2.0 * np.pi)
            parts.append(np.log(self.weights[k]) - scale - 0.5 * np.einsum("dn,dn->n", z, z))
        return np.array(parts)


def mixture(dim_x: int, means: Sequence[Sequence[float]], covariances: Sequence[Floats]) -> Mixture:
    """Return the mixture of equally likely Gaussians."""
    k = len(means)
    return Mixture(dim_x, np.full(k, 1.0 / k), np.array(means, np.float64), np.array(covariances, np.float64))


@dataclasses.dataclass(frozen=True)
class Inliers:
    """Pairs of a Gaussian law, some of which have lost each other: their y is of another row.

    Parameters
    ----------
    signal : Gaussian
    fraction : float
        Of the rows whose sides are independent. Nothing in their margins betrays them.
    """

    signal: Gaussian
    fraction: float

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x, y, _ = self.signal(n, rng)
        lost = rng.random(n) < self.fraction
        y[lost] = rng.standard_normal((int(lost.sum()), self.signal.dim_y))
        return x, y, self.pointwise(x, y)

    def pointwise(self, x: Floats, y: Floats) -> Floats:
        """Pointwise information of pairs, shape (n,), nats."""
        kept = np.log1p(-self.fraction) + self.signal.pointwise(x, y)
        return np.logaddexp(kept, np.log(self.fraction))
