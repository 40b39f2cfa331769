"""Mutual information of elliptical copulas: right for every law that per-column maps bring to a normal or t law."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import warnings
from numbers import Real

import numpy as np

from infocore._ranks import cdf_levels
from infocore._validate import Floats, Pair
from infocore.errors import DegenerateWarning, ParameterError, TooFewSamplesError
from infocore.estimators._base import FitFree, Terms
from infocore.estimators._elliptical import Ellipse, fit_ellipse, gaussian_bias, independent_columns
from infocore.estimators._neighbours import normal_scores

__all__ = ["GaussianCopulaMI", "TCopulaMI", "copula_levels", "copula_of"]

# Smallest eigenvalue of the scatter of x and y together, over the smallest of either alone: below it a relation is
# exact to the resolution of ranks and the information infinite.
EXACT = 1e-9


@dataclasses.dataclass(frozen=True)
class GaussianCopulaMI(FitFree):
    r"""Mutual information from the correlations of normal scores, right if the copula is Gaussian.

    .. math:: \hat I = \tfrac12 \log \frac{|R_x| |R_y|}{|R|} - b, \quad z_j = \Phi^{-1}\bigl(\tfrac{\text{rank} -
        1/2}{n}\bigr)

    with R the correlation matrix of the scores z and b the exact bias of Gaussian samples, about
    :math:`d_x d_y / 2n`.

    Notes
    -----
    Any monotone map of any column, heavy tails and all, leaves the estimate as it is. Dependence without correlation
    of ranks is invisible to it: use `TCopulaMI`, or ``method="auto"``, which checks.

    References
    ----------
    .. [1] R. Ince et al., "A statistical framework for neuroimaging data analysis based on mutual information estimated
       via a Gaussian copula", Hum. Brain Mapp. 38, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> print(GaussianCopulaMI().estimate(np.exp(x), (x + rng.standard_normal(2000)) ** 3))  # truth 0.347
    0.338 nats (90% CI 0.312 to 0.364, n=2000, gaussian-copula)
    """

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "gaussian-copula"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts, for one column a side."""
        return 5

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the fitted pointwise information, nats."""
        return _terms(pair, self.method, math.inf)


@dataclasses.dataclass(frozen=True)
class TCopulaMI(FitFree):
    r"""Mutual information of a t copula fitted to the ranks; Gaussian where that fits as well.

    .. math:: \hat I = \tfrac12 \log \frac{|R_x| |R_y|}{|R|} + f(\nu) + f(\nu + d_x + d_y) - f(\nu + d_x) - f(\nu + d_y)
        - b, \quad f(v) = \log \Gamma(v/2) - \tfrac{v}{2} \psi(v/2)

    Parameters
    ----------
    dof : float, optional
        Fixed degrees of freedom; fitted by maximum likelihood if not given.

    Notes
    -----
    Sees dependence of scale alone, as in a Student law without correlation, which Gaussian methods miss altogether. On
    the 31 laws of the BMI benchmark with an elliptical copula it errs by 0.006 nats on average at n = 10,000 (measured,
    seed 0; the floor is 0.007). Elsewhere it is mostly low.

    References
    ----------
    .. [1] S. Demarta, A. McNeil, "The t Copula and Related Copulas", Int. Stat. Rev. 73, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> scale = 1 / np.sqrt(rng.chisquare(1, (2000, 1)))
    >>> z = scale * rng.standard_normal((2000, 2))  # Student with one degree of freedom: I = 0.224
    >>> print(TCopulaMI().estimate(z[:, 0], z[:, 1]))
    0.215 nats (90% CI 0.189 to 0.241, n=2000, t-copula)
    """

    dof: float | None = None

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "t-copula"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts, for one column a side."""
        return 5

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the fitted pointwise information, nats."""
        if self.dof is not None and not (isinstance(self.dof, Real) and self.dof > 0):
            raise ParameterError(f"{self.method}: `dof` must be above 0, or None to be fitted; got {self.dof!r}.")
        return _terms(pair, self.method, self.dof)


def copula_of(x: Floats, y: Floats, dof: float | None, caller: str) -> tuple[Ellipse, Floats]:
    """Fit the copula of x and y.

    Parameters
    ----------
    x, y : array of shape (n, dx), (n, dy)
        Columns that are linear copies of others, after ranks, are left out.
    dof : float, optional
        Fixed degrees of freedom.
    caller : str
        For the messages.

    Returns
    -------
    Ellipse
    levels : array of shape (n, columns kept)

    Raises
    ------
    TooFewSamplesError
        If n does not exceed the number of columns by three.
    """
    levels, dx = copula_levels(x, y, caller)
    return fit_ellipse(levels, dx, dof), levels


def copula_levels(x: Floats, y: Floats, caller: str) -> tuple[Floats, int]:
    """Return the levels that `copula_of` fits, and how many columns of them are x; parameters and errors as there."""
    n = len(x)
    if n < x.shape[1] + y.shape[1] + 3:
        raise TooFewSamplesError(
            f"{caller}: needs n >= dx + dy + 3 rows, or every correlation is fitted to 1; got n={n} for "
            f"{x.shape[1]} + {y.shape[1]} columns."
        )
    x, y = (_without_copies(a) for a in (x, y))
    return cdf_levels(np.concatenate([x, y], axis=1)), x.shape[1]


def _terms(pair: Pair, caller: str, dof: float | None) -> Terms:
    x, y = pair.x.numbers(caller), pair.y.numbers(caller)
    notes: list[str] = []
    try:
        e, levels = copula_of(x, y, dof, caller)
        if dof is None and e.ran_away:
            notes.append(
                "the heaviest tails fit best, as where ranks do not resolve a relation: the Gaussian copula is taken, "
                "which reads it low"
            )
            e = fit_ellipse(levels, e.dx, math.inf)
        smallest = float(np.linalg.eigvalsh(e.scatter)[0])
    except np.linalg.LinAlgError:
        e = levels = None
        smallest = 0.0
    if e is None or levels is None or smallest < EXACT:
        note = "a relation of ranks is exact, so the information is infinite"
        warnings.warn(f"{caller}: {note}.", DegenerateWarning, stacklevel=5)
        return Terms(np.inf, np.zeros(pair.n), diagnostics={"notes": [note]})
    dx, dy = e.dx, len(e.scatter) - e.dx
    z = e.scores(levels)
    return Terms(
        e.information() - gaussian_bias(pair.n, dx, dy),
        e.log_ratio(z[:, :dx], z[:, dx:]),
        degrees=dx * dy,
        strength="heuristic" if notes else "asymptotic",
        diagnostics={"dof": e.dof, "rank": [dx, dy], "log_likelihood": e.log_likelihood, "notes": notes},
    )


def _without_copies(a: Floats) -> Floats:
    if a.shape[1] == 1:
        return a
    return a[:, independent_columns(np.atleast_2d(np.corrcoef(normal_scores(a), rowvar=False)))]
