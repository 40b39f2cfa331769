r"""Terms of the codes that objectives are made of, each in nats with one value per sample.

Half-precision inputs are raised to float32, so a term is the same number with mixed precision. The law of x given z is
in `cmim.likelihoods`, the contrastive factor in `cmim.contrastive`.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from infocore.errors import ParameterError

__all__ = [
    "Codes",
    "Samples",
    "floor_logvar",
    "kl_to_prior",
    "log_posterior",
    "log_posterior_at",
    "log_prior",
    "precise",
    "reparameterise",
]

Samples = Float[Tensor, " B"]
Codes = Float[Tensor, "B D"]

_LOG_2PI = math.log(2.0 * math.pi)


def floor_logvar(raw: Float[Tensor, "*shape"], low: float = -6.0, high: float = 2.0, *, soft: bool = False) -> Tensor:
    r"""Keep a log-variance between a floor and a ceiling.

    Both latent terms of A-MIM push the variance down without bound, so the floor is a real setting: it fixes the noise
    of the codes. -6 is a log-*variance*; some code of the field clamps :math:`\log\sigma` at -6, which is -12 here.

    Parameters
    ----------
    raw : tensor
        What the encoder's layer gave.
    low, high : float
        Floor and ceiling of the log-variance.
    soft : bool
        ``low + softplus(raw - low)`` in place of the hard floor, which has no gradient below `low`. The ceiling stays
        hard.

    Returns
    -------
    tensor
        Of the shape of `raw`, at least float32.

    Raises
    ------
    ParameterError
        If `low` is not below `high`.

    Examples
    --------
    >>> floor_logvar(torch.tensor([-9.0, 0.0, 5.0])).tolist()
    [-6.0, 0.0, 2.0]
    """
    if not low < high:
        raise ParameterError(f"floor_logvar: `low` must be below `high`; got {low!r} and {high!r}.")
    raw = precise(raw)
    return (low + functional.softplus(raw - low)).clamp(max=high) if soft else raw.clamp(low, high)


def reparameterise(mu: Codes, logvar: Codes, eps: Codes) -> Codes:
    r"""Posterior sample :math:`z = \mu + e^{\ell/2} \epsilon`.

    Parameters
    ----------
    mu, logvar, eps : tensor of shape (B, D)
        Mean, floored log-variance, and standard normal noise (zeros for the mean itself).

    Returns
    -------
    tensor of shape (B, D)
        The code z.

    Examples
    --------
    >>> reparameterise(torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 2.0)).item()
    3.0
    """
    mu, logvar, eps = precise(mu), precise(logvar), precise(eps)
    return mu + torch.exp(0.5 * logvar) * eps


def log_posterior(logvar: Codes, eps: Codes) -> Samples:
    r"""Log density of z under its own posterior, :math:`-\frac12\sum_d (\epsilon^2 + \ell + \log 2\pi)`.

    Computed from the noise, not from :math:`(z-\mu)^2 / e^\ell`: at the floor the latter is off by 0.1 nat
    in half precision.

    Parameters
    ----------
    logvar, eps : tensor of shape (B, D)
        Floored log-variance and the noise that made z.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(log_posterior(torch.zeros(1, 1), torch.zeros(1, 1)).item(), 4)  # log of the normal's peak
    -0.9189
    """
    logvar, eps = precise(logvar), precise(eps)
    return -0.5 * (eps.square() + logvar + _LOG_2PI).sum(-1)


def log_prior(z: Codes) -> Samples:
    """Log density of z under the standard normal prior.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Codes.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(log_prior(torch.zeros(1, 2)).item(), 4)
    -1.8379
    """
    return -0.5 * (precise(z).square() + _LOG_2PI).sum(-1)


def kl_to_prior(mu: Codes, logvar: Codes) -> Samples:
    r"""Divergence of the posterior from the standard normal, :math:`\frac12\sum_d (\mu^2 + e^\ell - 1 - \ell)`.

    Parameters
    ----------
    mu, logvar : tensor of shape (B, D)
        Mean and floored log-variance.

    Returns
    -------
    tensor of shape (B,)
        In nats, never negative.

    Examples
    --------
    >>> kl_to_prior(torch.ones(1, 4), torch.zeros(1, 4)).item()
    2.0
    """
    mu, logvar = precise(mu), precise(logvar)
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum(-1)


def log_posterior_at(z: Codes, mu: Codes, logvar: Codes) -> Samples:
    r"""Log density of a z that was not drawn from the posterior, :math:`\log N(z; \mu, e^\ell)`.

    Parameters
    ----------
    z, mu, logvar : tensor of shape (B, D)
        Codes, and mean and floored log-variance of the posterior they are held against.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(log_posterior_at(torch.ones(1, 1), torch.zeros(1, 1), torch.zeros(1, 1)).item(), 4)
    -1.4189
    """
    logvar = precise(logvar)
    return log_posterior(logvar, (precise(z) - precise(mu)) * torch.exp(-0.5 * logvar))


def precise(t: Tensor) -> Tensor:
    """Raise half precision to float32; keep the rest.

    Parameters
    ----------
    t : tensor
        Of any floating type.

    Returns
    -------
    tensor
        At least float32.
    """
    return t.float() if t.dtype in (torch.float16, torch.bfloat16) else t
