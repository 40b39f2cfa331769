"""Elliptical copulas (Gaussian and Student t): ranks, fit, density ratio and information. No class, only the maths."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats

__all__ = ["Ellipse", "fit_ellipse", "fit_scores", "gaussian_bias", "independent_columns"]

# Degrees of freedom tried by the fit; beyond the last the t copula is Gaussian to the accuracy of the fit.
DEGREES = (1.0, 100.0)
# Where the search begins: below it the scores of a few thousand rows overflow no more than they mean anything. A fit
# that ends within this factor of it has run away.
LEAST, EDGE = 0.5, 1.1
# A change of the scatter matrix below this, in any entry, ends the iteration.
TOLERANCE, MAX_ITERATIONS = 1e-6, 200
# Least share of the mean eigenvalue: below it a direction is a copy of others, not a variable of its own.
SMALLEST_EIGENVALUE = 1e-10


def gaussian_bias(n: float, dx: int, dy: int) -> float:
    r"""Bias of the information of a sample covariance of Gaussian variables, exact.

    .. math:: \tfrac12 \sum_{i=1}^{d_y} \Bigl[ \psi\bigl(\tfrac{n - i}{2}\bigr)
        - \psi\bigl(\tfrac{n - d_x - i}{2}\bigr) \Bigr] \approx \frac{d_x d_y}{2n}

    Parameters
    ----------
    n : float
        Sample size, above ``dx + dy + 1``.
    dx, dy : int
        Columns.

    Returns
    -------
    float
        In nats. The same for every true covariance: E log det of a Wishart matrix is its scale's plus a constant.

    References
    ----------
    .. [1] N. Misra, H. Singh, E. Demchuk, "Estimation of the entropy of a multivariate normal distribution",
       J. Multivariate Anal. 92, 2005.
    """
    from scipy.special import digamma

    i = np.arange(1, dy + 1)
    return float(0.5 * (digamma((n - i) / 2) - digamma((n - dx - i) / 2)).sum())


@dataclasses.dataclass(frozen=True)
class Ellipse:
    """A fitted elliptical copula of x and y together.

    Parameters
    ----------
    scatter : array of shape (dx + dy, dx + dy)
        Correlation matrix of the quantile scores.
    dof : float
        Degrees of freedom of the t copula; infinite for the Gaussian one.
    dx : int
        The first `dx` columns are x.
    log_likelihood : float
        Mean log density of the copula on the rows it was fitted to, nats.
    """

    scatter: Floats
    dof: float
    dx: int
    log_likelihood: float

    @property
    def ran_away(self) -> bool:
        """Whether the degrees of freedom went to the least tried.

        So they do where ranks do not resolve a relation: along a line on which most rows have one rank in x and y, the
        likelihood grows without end as tails get heavier.
        """
        return self.dof < EDGE * LEAST

    def scores(self, levels: Floats) -> Floats:
        """Quantiles of the fitted margin, from levels in (0, 1)."""
        return _quantiles(levels, self.dof)

    def information(self) -> float:
        r"""Mutual information of the fitted law, nats.

        .. math:: -\tfrac12 \log \frac{|R|}{|R_x| |R_y|} + f(\nu) + f(\nu + d_x + d_y) - f(\nu + d_x) - f(\nu + d_y),
            \quad f(v) = \log \Gamma(v/2) - \tfrac{v}{2} \psi(v/2)

        References
        ----------
        .. [1] R. Arellano-Valle, J. Contreras-Reyes, M. Genton, "Shannon entropy and mutual information for
           multivariate skew-elliptical distributions", Scand. J. Stat. 40, 2013.
        """
        dx, d = self.dx, len(self.scatter)
        r = self.scatter
        linear = 0.5 * (_log_det(r[:dx, :dx]) + _log_det(r[dx:, dx:]) - _log_det(r))
        if math.isinf(self.dof):
            return linear
        f = _entropy_term
        return linear + f(self.dof) + f(self.dof + d) - f(self.dof + dx) - f(self.dof + d - dx)

    def pruned(self, n: int) -> "Ellipse":
        r"""Return the law with those canonical correlations set to zero that n rows of independent sides would show.

        The largest of them is about :math:`\sqrt{d_x/n} + \sqrt{d_y/n}`; what is above is shrunk by what noise adds to
        it. A critic made from the pruned law predicts fresh rows better; its information is not that of the data.
        """
        dx, r = self.dx, self.scatter
        root_x, root_y = np.linalg.cholesky(r[:dx, :dx]), np.linalg.cholesky(r[dx:, dx:])
        white = np.linalg.solve(root_y, np.linalg.solve(root_x, r[:dx, dx:]).T).T
        u, s, vt = np.linalg.svd(white, full_matrices=False)
        edge = math.sqrt(dx / n) + math.sqrt((len(r) - dx) / n)
        kept = np.where(s > edge, np.sqrt(np.maximum(s**2 - (dx + len(r) - dx) / n, 0.0)), 0.0)
        new = r.copy()
        new[:dx, dx:] = root_x @ ((u * kept) @ vt) @ root_y.T
        new[dx:, :dx] = new[:dx, dx:].T
        return dataclasses.replace(self, scatter=new)

    def log_ratio(self, x: Floats, y: Floats, *, all_pairs: bool = False) -> Floats:
        """Log density ratio of the joint law to the product, of rows of quantile scores, nats.

        Parameters
        ----------
        x, y : array of shape (n, dx), (m, dy)
            With m = n unless `all_pairs`.
        all_pairs : bool
            Whether every x meets every y.

        Returns
        -------
        array of shape (n,), or (n, m) for all pairs
        """
        r, dx = self.scatter, self.dx
        joint, own_x, own_y = np.linalg.inv(r), np.linalg.inv(r[:dx, :dx]), np.linalg.inv(r[dx:, dx:])
        half = x @ joint[:dx, dx:]
        cross = half @ y.T if all_pairs else (half * y).sum(1)
        in_x, out_x = (((x @ m) * x).sum(1) for m in (joint[:dx, :dx], own_x))
        in_y, out_y = (((y @ m) * y).sum(1) for m in (joint[dx:, dx:], own_y))
        if all_pairs:
            in_x, out_x = in_x[:, None], out_x[:, None]
        return self._ratio(in_x + in_y + 2.0 * cross, out_x, out_y)

    def _ratio(self, joint: Floats, own_x: Floats, own_y: Floats) -> Floats:
        """Log density ratio from the three quadratic forms, which broadcast, nats."""
        dx, d = self.dx, len(self.scatter)
        r = self.scatter
        constant = 0.5 * (_log_det(r[:dx, :dx]) + _log_det(r[dx:, dx:]) - _log_det(r))
        v = self.dof
        if math.isinf(v):
            return constant - 0.5 * (joint - own_x - own_y)
        g = _log_norm
        constant += g(v, d) - g(v, dx) - g(v, d - dx) + g(v, 0)
        return (
            constant
            - 0.5 * (v + d) * np.log1p(joint / v)
            + 0.5 * (v + dx) * np.log1p(own_x / v)
            + 0.5 * (v + d - dx) * np.log1p(own_y / v)
        )


def fit_ellipse(levels: Floats, dx: int, dof: float | None = None) -> Ellipse:
    """Fit a t copula by maximum likelihood of the ranks.

    For each number of degrees of freedom tried, the scatter matrix is that of the t law of the quantile scores (fixed
    location zero), found by expectation-maximisation; the number itself by a bounded search for the largest copula
    likelihood on a log scale.

    Parameters
    ----------
    levels : array of shape (n, d)
        Of x, then of y, in (0, 1).
    dx : int
        Columns of x.
    dof : float, optional
        Fixed degrees of freedom; infinite for the Gaussian copula.

    Returns
    -------
    Ellipse

    References
    ----------
    .. [1] S. Demarta, A. McNeil, "The t Copula and Related Copulas", Int. Stat. Rev. 73, 2005.
    .. [2] C. Liu, D. Rubin, "ML estimation of the t distribution using EM and its extensions, ECM and ECME",
       Statistica Sinica 5, 1995.
    """
    if dof is not None:
        return fit_scores(_quantiles(levels, dof), dx, dof)
    from scipy.optimize import minimize_scalar

    gauss = fit_scores(_quantiles(levels, math.inf), dx, math.inf)
    start = gauss.scatter
    tried: dict[float, Ellipse] = {}

    def loss(log_dof: float) -> float:
        nonlocal start
        e = fit_scores(_quantiles(levels, math.exp(log_dof)), dx, math.exp(log_dof), start)
        start = e.scatter
        tried[log_dof] = e
        return -e.log_likelihood

    # the likelihood has one peak in 1/dof: where heavy but finite tails do not help, no tails do
    if fit_scores(_quantiles(levels, DEGREES[1]), dx, DEGREES[1], start).log_likelihood <= gauss.log_likelihood:
        return gauss
    bounds = math.log(LEAST), math.log(DEGREES[1])
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.02})
    best = tried[float(found.x)]
    # one parameter more must earn half a unit of log likelihood (Akaike)
    return best if best.log_likelihood - 1.0 / len(levels) > gauss.log_likelihood else gauss


def fit_scores(z: Floats, dx: int, dof: float, start: Floats | None = None) -> Ellipse:
    """Fit the scatter matrix of a t copula to quantile scores.

    Parameters
    ----------
    z : array of shape (n, d)
        Scores of x, then of y, whose margins are those of the law.
    dx : int
        Columns of x.
    dof : float
        Degrees of freedom; infinite for the Gaussian copula.
    start : array of shape (d, d), optional
        Scatter matrix at which the iteration begins.

    Returns
    -------
    Ellipse
    """
    n, d = z.shape
    if math.isinf(dof):
        r = _correlation(z.T @ z / n)
    else:
        r = _correlation(z.T @ z / n) if start is None else start
        for _ in range(MAX_ITERATIONS):
            form = _form(z, r)
            weights = (dof + d) / (dof + form)
            new = _correlation((z * weights[:, None]).T @ z / weights.sum())
            change = float(np.abs(new - r).max())
            r = new
            if change < TOLERANCE:
                break
    form = _form(z, r)
    log_det = _log_det(r)
    if math.isinf(dof):
        density = -0.5 * (log_det + form - (z * z).sum(1))
    else:
        density = (
            _log_norm(dof, d)
            - d * _log_norm(dof, 1)
            - 0.5 * log_det
            - 0.5 * (dof + d) * np.log1p(form / dof)
            + 0.5 * (dof + 1) * np.log1p(z * z / dof).sum(1)
        )
    return Ellipse(r, dof, dx, float(density.mean()))


def _form(z: Floats, r: Floats) -> Floats:
    """Quadratic forms z' r^-1 z of the rows."""
    from scipy.linalg import solve_triangular

    root = np.linalg.cholesky(r)
    solved = solve_triangular(root, z.T, lower=True, check_finite=False)
    return (solved * solved).sum(0)


def _correlation(s: Floats) -> Floats:
    scale = np.sqrt(np.diag(s))
    r = s / np.outer(scale, scale)
    return 0.5 * (r + r.T)


def _quantiles(levels: Floats, dof: float) -> Floats:
    from scipy.special import ndtri, stdtrit

    if math.isinf(dof):
        return ndtri(levels)
    # without ties each column holds the same n levels: the slow quantile is taken of each once, and of one half
    value, where = np.unique(np.minimum(levels, 1.0 - levels), return_inverse=True)
    tail = stdtrit(dof, value)[where].reshape(levels.shape)
    return np.where(levels < 0.5, tail, -tail)


def _log_det(r: Floats) -> float:
    return 2.0 * float(np.log(np.diag(np.linalg.cholesky(r))).sum())


def _log_norm(dof: float, d: int) -> float:
    return math.lgamma((dof + d) / 2) - math.lgamma(dof / 2) - d / 2 * math.log(dof * math.pi)


def _entropy_term(v: float) -> float:
    from scipy.special import digamma

    return math.lgamma(v / 2) - v / 2 * float(digamma(v / 2))


def independent_columns(r: Floats) -> NDArray[np.int64]:
    """Columns of a correlation matrix left when each that is a linear copy of earlier ones is dropped."""
    from scipy.linalg import LinAlgError, cholesky

    try:  # the usual case in one factorisation
        cholesky(r - SMALLEST_EIGENVALUE * np.eye(len(r)))
        return np.arange(len(r), dtype=np.int64)
    except LinAlgError:
        keep: list[int] = []
        for j in range(len(r)):
            trial = [*keep, j]
            if np.linalg.eigvalsh(r[np.ix_(trial, trial)])[0] > SMALLEST_EIGENVALUE:
                keep = trial
        return np.array(keep, np.int64)
