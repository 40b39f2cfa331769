r"""Channel matching of a mixture of normals: steps on the ratios, a step on the components, and what each is worth."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, xlogy

from gtheory.learning._normal import CovarianceType, log_densities, moments
from infocore.semantic import Floats

__all__ = ["Components", "Law", "MixtureHistory", "Pace", "match"]

_EMPTY = 1e-12  # share of the data below which a component keeps its mean and covariance


@dataclasses.dataclass(frozen=True, eq=False)
class MixtureHistory:
    r"""What each iteration started from, in nats; arrays of length n_iter + 1, the last for the result.

    Parameters
    ----------
    kl : ndarray
        :math:`\mathrm{KL}(P \| P_\theta)`, equal to ``R_held - G``. Without `grid` the density of P is not known, and
        `kl` is minus the mean log likelihood: it lacks the entropy of P, and so does `G`.
    G : ndarray
        Semantic information, :math:`\sum P(x) P(y|x) \log P(x|\theta_y)/P(x)`.
    R_held : ndarray
        Rate against the ratios in use, :math:`R'' = \sum P(x) P(y|x) \log P(y|x)/P(y)`.
    R : ndarray
        Mutual information of x and y; at most `R_held`.
    Q : ndarray
        Complete-data log likelihood, :math:`\sum P(x) P(y|x) \log P(y) P(x|\theta_y)`. It may fall while `kl` falls.
    """

    kl: Floats
    G: Floats
    R_held: Floats
    R: Floats
    Q: Floats


class Components(NamedTuple):
    """Ratios (k,), means (k, d) and covariances of a mixture."""

    ratios: Floats
    means: Floats
    covariances: Floats


class Law(NamedTuple):
    """What the components are, and who asks."""

    covariance_type: CovarianceType
    reg_covar: float
    grid: bool
    caller: str

    def log_likelihood(self, xt: Floats, means: Floats, covariances: Floats) -> Floats:
        """Log of each component at the columns of `xt`, shape (k, n); on a grid each sums to 1."""
        found = log_densities(xt, means, covariances, self.covariance_type, self.caller)
        found -= self.normaliser(found)
        return found

    def normaliser(self, log_like: Floats) -> Floats:
        """Log of the sum of each component over the grid."""
        return np.asarray(logsumexp(log_like, axis=1, keepdims=True)) if self.grid else np.zeros((len(log_like), 1))


class Pace(NamedTuple):
    """Steps on the ratios for one on the components, most iterations, and the gain in nats below which they end."""

    n_inner: int
    max_iter: int
    tol: float


def match(
    xt: Floats, p: Floats, log_p: float, start: Components, law: Law, pace: Pace
) -> tuple[Components, MixtureHistory, bool]:
    """Go from a start to a maximum; return it, what iterations began from, and whether the gain fell below `tol`."""
    ratios, means, covariances = start
    rows: list[tuple[float, ...]] = []
    converged = False
    for iteration in range(pace.max_iter + 1):
        log_like = law.log_likelihood(xt, means, covariances)
        top = log_like.max(0)
        like = np.exp(log_like - top)
        shares, mean_log = _matched(like, ratios, p)
        rows.append(_measured(shares, log_like, ratios, log_p, mean_log + float(p @ top)))
        if iteration > 0 and rows[-2][0] - rows[-1][0] < pace.tol:
            converged = True
            break
        if iteration == pace.max_iter:
            break
        for _ in range(pace.n_inner - 1):
            ratios = shares.sum(1)
            shares, _ = _matched(like, ratios, p)
        ratios, new_means, new_covariances = moments(xt, shares, law.covariance_type, law.reg_covar)
        alive = ratios > _EMPTY
        means = np.where(alive[:, None], new_means, means)
        covariances = np.where(alive.reshape(-1, *[1] * (covariances.ndim - 1)), new_covariances, covariances)
    return Components(ratios, means, covariances), MixtureHistory(*np.array(rows).T), converged


def _matched(like: Floats, ratios: Floats, p: Floats) -> tuple[Floats, float]:
    """Return ``P(x) P(y|x)``, shape (k, n), and the mean log of the mixture over the largest likelihood."""
    shares = like * ratios[:, None]
    total = shares.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares *= p / total
        return shares, float(np.sum(xlogy(p, total)))


def _measured(shares: Floats, log_like: Floats, ratios: Floats, log_p: float, mean_log: float) -> tuple[float, ...]:
    """Return KL, G, R'', R and Q."""
    used = shares.sum(1)
    component = float(np.einsum("ij,ij->", shares, np.where(shares > 0, log_like, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        prior = float(np.sum(np.where(used > 0, used * np.log(ratios), 0.0)))
        own = float(np.sum(np.where(used > 0, used * np.log(used), 0.0)))
    q = prior + component
    # sum P(x) P(y|x) log P(y|x), from log P(y|x) = log ratio + log like - log mixture
    conditional = q - mean_log
    return log_p - mean_log, component - log_p, conditional - prior, conditional - own, q
