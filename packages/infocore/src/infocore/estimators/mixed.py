"""Neighbours and counts together: discrete, continuous and mixed columns on either side."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Ints, Pair, Sample, codes
from infocore.estimators._base import FitFree, Terms
from infocore.estimators._neighbours import counts_within, groups, kth_distances, standardised
from infocore.estimators.ksg import check_k

__all__ = ["MixedKSG"]


@dataclasses.dataclass(frozen=True)
class MixedKSG(FitFree):
    r"""Mutual information of variables that may be discrete, continuous or both.

    .. math:: \hat I = \psi(n) + \langle \psi(k_i) - \psi(n_{x,i}) - \psi(n_{y,i}) \rangle

    Row i looks for its k nearest among the rows that equal it in every discrete column (for all but itself, if they are
    fewer). The three counts are of what lies strictly within the distance of the k-th, jointly, in x and in y, the row
    itself included; where that distance is 0, of what coincides.

    Parameters
    ----------
    k : int
        Neighbours.
    workers : int
        Threads of the tree searches; -1 for all.

    Notes
    -----
    Without ties :math:`k_i = k` and this is exactly `KSG`; for a class and a number it is exactly Ross's estimator, and
    for two classes Miller-Madow to first order (derived). It departs from the paper, which writes log n and
    logarithms of counts, keeps :math:`k_i = k` unless the distance is 0, and measures distances between the codes of
    classes. On rounded data the k-th neighbour ties with others and that k is too large: for independent normals
    rounded to 0.1, n = 1000, it reads 0.29 nats where this reads 0.02.

    A row alone in its class has no neighbour and adds ``psi(n) - psi(n_x)``, about nothing:
    ``diagnostics["lone_rows"]`` counts them.

    References
    ----------
    .. [1] W. Gao, S. Kannan, S. Oh, P. Viswanath, "Estimating Mutual Information for Discrete-Continuous Mixtures",
       NeurIPS 2017, Algorithm 1.
    .. [2] B. Ross, "Mutual Information between Discrete and Continuous Data Sets", PLoS ONE 9(2), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(2, size=2000)
    >>> print(MixedKSG().estimate(3 * group + rng.random(2000), group))  # truth log 2 = 0.693
    0.692 nats (90% CI 0.669 to 0.716, n=2000, mixed)
    """

    k: int = 3
    workers: int = 1

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "mixed"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts."""
        return 4

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the pointwise terms, nats."""
        from scipy.special import digamma, polygamma

        n = pair.n
        check_k(self.k, n, self.method)
        (x, class_x), (y, class_y) = _parts(pair.x, self.method), _parts(pair.y, self.method)
        joint, _ = codes(np.stack([class_x, class_y], axis=1))
        both = np.concatenate([x, y], axis=1)
        radii, k_i = np.zeros(n), np.ones(n, np.int64)
        lone = np.zeros(n, np.bool_)
        for rows in groups(joint):
            if not both.shape[1]:
                k_i[rows] = len(rows)
                continue
            if len(rows) == 1:
                lone[rows] = True
                continue
            k = min(self.k, len(rows) - 1)
            distances = kth_distances(both[rows], np.arange(1, k + 1), workers=self.workers)
            radii[rows] = distances[:, -1]
            k_i[rows] = 1 + np.count_nonzero(distances < distances[:, -1:], axis=1)
            tied = rows[radii[rows] == 0]
            if len(tied):
                here = counts_within(both[rows], radii[rows], strict=False, workers=self.workers)
                k_i[tied] = here[radii[rows] == 0]
        nx, ny = (_margin(values, kind, radii, lone, self.workers) for values, kind in ((x, class_x), (y, class_y)))
        pointwise = digamma(n) + digamma(k_i) - digamma(nx) - digamma(ny)
        return Terms(
            float(pointwise.mean()),
            pointwise,
            noise=float(np.mean(np.where(radii > 0, polygamma(1, k_i), 0.0))),
            diagnostics={
                "k": self.k,
                "rows_on_atoms": int(np.count_nonzero((radii == 0) & ~lone)) if both.shape[1] else n,
                "lone_rows": int(lone.sum()),
            },
        )


def _parts(side: Sample, caller: str) -> tuple[Floats, Ints]:
    """Standardised columns that have distances, and one code for those that have none."""
    near = [j for j, kind in enumerate(side.kinds) if kind != "discrete"]
    other = [j for j, kind in enumerate(side.kinds) if kind == "discrete"]
    n = len(side.values)
    values = standardised(side.take(near).numbers(caller)) if near else np.empty((n, 0))
    return values, codes(side.values[:, other])[0] if other else np.zeros(n, np.int64)


def _margin(values: Floats, kind: Ints, radii: Floats, lone: NDArray[np.bool_], workers: int) -> Ints:
    """Rows of the same class strictly within the radius (coinciding, where it is 0); at least the row itself."""
    found = np.ones(len(values), np.int64)
    for rows in groups(kind):
        if not values.shape[1]:
            found[rows] = len(rows)
            continue
        strict = counts_within(values[rows], radii[rows], strict=True, workers=workers)
        if (radii[rows] == 0).any():
            same = counts_within(values[rows], np.zeros(len(rows)), strict=False, workers=workers)
            strict = np.where(radii[rows] == 0, same, strict)
        found[rows] = np.where(lone[rows], len(rows), strict)
    return found
