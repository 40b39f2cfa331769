"""Local non-uniformity correction: boxes that fit the neighbours better than the axes do."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math

import numpy as np

from infocore._validate import Floats, Pair
from infocore.errors import ParameterError
from infocore.estimators._base import Doubt, FitFree, Terms
from infocore.estimators._doubts import about_neighbours, repeats
from infocore.estimators._ksg import Margins, check_k, check_workers, prepared
from infocore.estimators._neighbours import counts_within, k_nearest

__all__ = ["LNC", "volume_ratios"]

# Rows whose local covariances are decomposed together.
BATCH = 20_000


@dataclasses.dataclass(frozen=True)
class LNC(FitFree):
    r"""`KSG`, variant 2, with each box of neighbours replaced by one along their principal axes where that is smaller.

    .. math:: \hat I = \hat I_2 - \Bigl\langle \log \frac{\bar V_i}{V_i} \cdot
        \mathbb 1\bigl[\bar V_i / V_i < \alpha\bigr] \Bigr\rangle

    :math:`V_i` is the volume of the smallest box around row i, centred there and parallel to the axes, that holds its
    k neighbours; :math:`\bar V_i` of the smallest one along the principal axes of the neighbourhood. Where the relation
    is strong the density follows a thin sheet, which fills little of a box parallel to the axes.

    Parameters
    ----------
    k : int
        Neighbours; more than there are columns in all, for fewer span no box.
    alpha : float, optional
        Ratio of volumes below which a box is replaced. If not given, what uniform neighbours go below once in 200
        times, by simulation.
    margins : {"standard", "rank", "none"}
        Scale of each column, as in `KSG`.
    workers : int
        Threads of the tree searches; -1 for all.

    Notes
    -----
    The correction only ever adds. It supposes a relation that is straight at the scale of the neighbours.

    Measured, bias and spread in nats over 20 seeds: for a uniform variable plus uniform noise of half-width 5e-4 at
    n = 500 (6.91 nats) `KSG` is at -2.05 / 0.01 and this at -0.27 / 0.06. At half-width 0.1 it is no better than `KSG`,
    nor for normal laws in 2 + 2 columns. For independent columns it reads +0.011 / 0.024 at n = 1000: one uniform
    neighbourhood in 200 passes the threshold by chance.

    References
    ----------
    .. [1] S. Gao, G. Ver Steeg, A. Galstyan, "Efficient Estimation of Mutual Information for Strongly Dependent
       Variables", AISTATS 2015, Sec. 4.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.random(1000)
    >>> y = x + 1e-4 * rng.random(1000)  # information: -log 1e-4 + 5e-5 = 9.21
    >>> LNC().estimate(x, y).value > 8.5
    True
    """

    k: int = 5
    alpha: float | None = None
    margins: Margins = "standard"
    workers: int = 1

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "lnc"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts."""
        return 4

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the pointwise terms, nats."""
        from scipy.special import digamma, polygamma

        check_k(self.k, pair.n, self.method)
        check_workers(self.workers, self.method)
        x, y = prepared(pair, self.margins, self.method)
        both = np.concatenate([x, y], axis=1)
        n, d = both.shape
        if self.k <= d:
            raise ParameterError(
                f"lnc: `k` must exceed the number of columns in all, {d}, for the neighbours to span a box; "
                f"got {self.k}."
            )
        alpha = threshold(self.k, d) if self.alpha is None else self.alpha
        if not 0 <= alpha <= 1:
            raise ParameterError(f"lnc: `alpha` must be between 0 and 1; got {self.alpha!r}.")
        _, rows = k_nearest(both, self.k, self.workers)
        sides = (np.abs(a[rows] - a[:, None, :]).max(axis=(1, 2)) for a in (x, y))
        nx, ny = (
            np.maximum(counts_within(a, side, strict=False, workers=self.workers) - 1, 1)
            for a, side in zip((x, y), sides, strict=True)
        )
        ratio = np.concatenate(
            [volume_ratios(both[rows[a : a + BATCH]] - both[a : a + BATCH, None, :]) for a in range(0, n, BATCH)]
        )
        gained = np.where(ratio < np.log(alpha) if alpha else np.zeros(n, np.bool_), -ratio, 0.0)
        pointwise = digamma(self.k) - 1 / self.k + digamma(n) - digamma(nx) - digamma(ny) + gained
        value, most = float(pointwise.mean()), math.log(n)
        beyond = (
            f"above log n = {most:.2f}, all that {n} rows show by themselves: the rest supposes that the relation is "
            "straight between neighbours"
        )
        scaled = self.margins == "standard"
        return Terms(
            value,
            pointwise,
            noise=float(polygamma(1, self.k)),
            strength="heuristic",
            doubts=lambda: [
                *repeats(pair),
                *([Doubt(beyond, None)] if value > most else []),
                # a relation that looks exact is what this method is for: it is said and not warned of
                *(
                    d._replace(category=None)
                    for d in about_neighbours(pair, x, y, self.k, value, low=False, scaled=scaled)
                ),
            ],
            diagnostics={
                "k": self.k,
                "alpha": float(alpha),
                "corrected_share": float(np.mean(gained > 0)),
                "correction": float(gained.mean()),
            },
        )


def volume_ratios(offsets: Floats) -> Floats:
    r"""Logarithm of the volume of the principal box over that of the box parallel to the axes.

    Parameters
    ----------
    offsets : array of shape (n, k, d)
        Neighbours of each point, as seen from it. Both boxes are centred on it, and so are the axes.

    Returns
    -------
    array of shape (n,)
        0 where a neighbourhood has no volume.
    """
    _, axes = np.linalg.eigh(np.swapaxes(offsets, 1, 2) @ offsets)
    straight, turned = np.abs(offsets).max(axis=1), np.abs(offsets @ axes).max(axis=1)
    usable = (straight > 0).all(axis=1) & (turned > 0).all(axis=1)
    out = np.zeros(len(offsets))
    out[usable] = (np.log(turned[usable]) - np.log(straight[usable])).sum(axis=1)
    return out


def threshold(k: int, d: int, *, quantile: float = 5e-3, draws: int = 20_000) -> float:
    """Ratio of volumes that uniform neighbours go below with a probability of `quantile`, by simulation."""
    rng = np.random.default_rng([k, d])  # a constant of the method, not a choice of the caller's: always the same
    return float(np.exp(np.quantile(volume_ratios(rng.uniform(-1.0, 1.0, (draws, k, d))), quantile)))
