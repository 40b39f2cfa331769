"""Normal components: their log densities at many rows, and their moments under weights."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import math
from typing import Literal

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from infocore.errors import InvalidDistributionError
from infocore.semantic import Floats

__all__ = ["CovarianceType", "along_axis", "log_densities", "moments", "n_parameters"]

CovarianceType = Literal["full", "diag", "spherical"]
_CHUNK = 1 << 16  # rows whose temporary arrays stay in the cache


def log_densities(xt: Floats, means: Floats, covariances: Floats, kind: CovarianceType, caller: str) -> Floats:
    """Log density of each component at each row.

    Parameters
    ----------
    xt : ndarray of shape (d, n)
        Rows, transposed.
    means : ndarray of shape (k, d)
        Of the components.
    covariances : ndarray of shape (k, d, d), (k, d) or (k,)
        As `kind` says.
    kind : {"full", "diag", "spherical"}
        Shape of the components.
    caller : str
        Who asks, for the message.

    Returns
    -------
    ndarray of shape (k, n)
        In nats.

    Raises
    ------
    InvalidDistributionError
        If a covariance is not positive definite.
    """
    d, n = xt.shape
    out = np.empty((len(means), n))
    for j, mean in enumerate(means):
        try:
            if kind == "full":
                lower = cholesky(covariances[j], lower=True)
                whiten = solve_triangular(lower, np.eye(d), lower=True)
                log_det = float(np.sum(np.log(np.diag(lower))))
            else:
                spread = np.sqrt(np.broadcast_to(covariances[j], d))
                if not (spread > 0).all():
                    raise LinAlgError
                whiten, log_det = 1 / spread, float(np.sum(np.log(spread)))
        except LinAlgError as e:
            raise InvalidDistributionError(
                f"{caller}: the covariance of component {j} is not positive definite: its rows lie in a plane, or are "
                "one point. Raise `reg_covar`, lower `n_components`, or scale the columns."
            ) from e
        constant = -0.5 * d * math.log(2 * math.pi) - log_det
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            z = xt[:, part] - mean[:, None]
            z = whiten @ z if kind == "full" else whiten[:, None] * z
            np.einsum("ij,ij->j", z, z, out=out[j, part])
        out[j] *= -0.5
        out[j] += constant
    return out


def moments(xt: Floats, shares: Floats, kind: CovarianceType, reg: float) -> tuple[Floats, Floats, Floats]:
    """Mass, mean and covariance of each component.

    Parameters
    ----------
    xt : ndarray of shape (d, n)
        Rows, transposed; best near the origin.
    shares : ndarray of shape (k, n)
        Weight of each row in each component.
    kind : {"full", "diag", "spherical"}
        Shape of the components.
    reg : float
        Added to each variance.

    Returns
    -------
    mass : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray of shape (k, d, d), (k, d) or (k,)
        NaN, as the means, where the mass is 0.
    """
    d = len(xt)
    mass = shares.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = shares @ xt.T / mass[:, None]
        if kind == "full":
            covariances = np.empty((len(shares), d, d))
            for j, share in enumerate(shares):
                covariances[j] = (xt * share) @ xt.T / mass[j] - np.outer(means[j], means[j])
                covariances[j] = (covariances[j] + covariances[j].T) / 2
                covariances[j].flat[:: d + 1] += reg
            return mass, means, covariances
        variances = shares @ (xt**2).T / mass[:, None] - means**2
    if kind == "diag":
        return mass, means, np.maximum(variances, 0.0) + reg
    return mass, means, np.maximum(variances.mean(1), 0.0) + reg


def along_axis(xt: Floats, p: Floats, k: int) -> Floats:
    """Rows at equal shares of the data along its longest axis: a start for k-means that needs no seed.

    Parameters
    ----------
    xt : ndarray of shape (d, n)
        Rows, transposed.
    p : ndarray of shape (n,)
        Their weights, with sum 1. A weight of 2 is a row repeated.
    k : int
        How many.

    Returns
    -------
    ndarray of shape (k, d)
    """
    centred = xt - (xt @ p)[:, None]
    axis = np.linalg.eigh((centred * p) @ centred.T)[1][:, -1]
    place = axis @ centred * np.sign(axis[np.argmax(np.abs(axis))])
    order = np.argsort(place, kind="stable")
    wanted = np.searchsorted(np.cumsum(p[order]), (np.arange(k) + 0.5) / k)
    return xt[:, order[np.minimum(wanted, len(order) - 1)]].T


def n_parameters(k: int, d: int, kind: CovarianceType) -> int:
    """Free parameters of a mixture of k components in d columns."""
    each = {"full": d * (d + 1) // 2, "diag": d, "spherical": 1}[kind]
    return k * (d + each) + k - 1
