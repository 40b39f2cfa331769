"""Mutual information of jointly Gaussian variables, from canonical correlations."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import warnings

import numpy as np

from infocore._validate import Pair
from infocore.errors import DegenerateWarning
from infocore.estimators._base import Doubt, FitFree, Terms
from infocore.estimators._canonical import canonical, log_ratio
from infocore.estimators._elliptical import gaussian_bias
from infocore.estimators._tails import heavy_tails

__all__ = ["GaussianMI"]

# Above this a canonical correlation is 1 to rounding: the relation is exact and the information infinite.
EXACT = 1.0 - 1e-12


@dataclasses.dataclass(frozen=True)
class GaussianMI(FitFree):
    r"""Mutual information from canonical correlations, right if the joint law is Gaussian.

    .. math:: \hat I = -\tfrac12 \sum_i \log(1 - r_i^2) - b

    Notes
    -----
    Sample correlations are biased up; b is the exact bias for Gaussian samples, about :math:`d_x d_y / 2n`. The
    standard error is that of the fitted pointwise information. On data that are not Gaussian the value is that of the
    Gaussian with the same covariance: mostly low, and high on heavy tails.

    References
    ----------
    .. [1] T. Cover, J. Thomas, "Elements of Information Theory", 2006, ch. 8.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> print(GaussianMI().estimate(x, x + rng.standard_normal(2000)))  # truth 0.347
    0.340 nats (90% CI 0.314 to 0.366, n=2000, gaussian)
    """

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "gaussian"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts, for one column a side."""
        return 4

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the fitted pointwise information, nats."""
        u, v, r = canonical(pair.x.numbers(self.method), pair.y.numbers(self.method), self.method)
        dof = u.shape[1] * v.shape[1]
        if r[0] >= EXACT:
            note = "a linear relation is exact, so the information is infinite"
            warnings.warn(f"gaussian: {note}.", DegenerateWarning, stacklevel=4)
            return Terms(np.inf, np.zeros(pair.n), diagnostics={"notes": [note]})
        value = -0.5 * float(np.log1p(-(r**2)).sum()) - gaussian_bias(pair.n, u.shape[1], v.shape[1])
        return Terms(
            value,
            log_ratio(u[:, : len(r)], v[:, : len(r)], r).sum(1),
            degrees=dof,
            diagnostics={"canonical_correlations": r.tolist(), "rank": [u.shape[1], v.shape[1]]},
            doubts=lambda: _doubts(pair),
        )


def _doubts(pair: Pair) -> list[Doubt]:
    """Say which columns have tails so heavy that their covariance says nothing."""
    names = [*heavy_tails(pair.x), *heavy_tails(pair.y)]
    text = f"heavy tails in {', '.join(names)}: their covariance is that of a few rows; use the copula methods"
    return [Doubt(text, DegenerateWarning)] if names else []
