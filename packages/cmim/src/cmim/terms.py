r"""The terms that objectives are made of, each in nats with one value per sample, and what to watch in training.

Half-precision inputs are raised to float32 and the cosines are computed outside autocast, so a term is the same number
with mixed precision.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from infocore.bounds import pointwise
from infocore.errors import ParameterError

__all__ = [
    "Codes",
    "Samples",
    "bernoulli_nll",
    "checked_temperature",
    "contrastive_log_prob",
    "cosine",
    "diagnostics",
    "floor_logvar",
    "gaussian_nll",
    "kl_to_prior",
    "log_posterior",
    "log_prior",
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
    raw = _precise(raw)
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
    mu, logvar, eps = _precise(mu), _precise(logvar), _precise(eps)
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
    logvar, eps = _precise(logvar), _precise(eps)
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
    return -0.5 * (_precise(z).square() + _LOG_2PI).sum(-1)


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
    mu, logvar = _precise(mu), _precise(logvar)
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum(-1)


def bernoulli_nll(x: Float[Tensor, "B ..."], logits: Float[Tensor, "B ..."]) -> Samples:
    """Negative log-likelihood of values in [0, 1] under independent Bernoulli variables, summed over features.

    For grey values between 0 and 1 it is a cross-entropy, whose least value is their entropy and not 0.

    Parameters
    ----------
    x, logits : tensor of shape (B, ...)
        Values in [0, 1], and the log-odds of 1.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(bernoulli_nll(torch.ones(1, 3), torch.zeros(1, 3)).item(), 4)  # 3 log 2
    2.0794
    """
    return (
        functional.binary_cross_entropy_with_logits(_precise(logits), _precise(x), reduction="none").flatten(1).sum(1)
    )


def gaussian_nll(x: Float[Tensor, "B ..."], mean: Float[Tensor, "B ..."], sigma: float = 1.0) -> Samples:
    """Negative log-likelihood under independent normal variables of one fixed scale, summed over features.

    Parameters
    ----------
    x, mean : tensor of shape (B, ...)
        Values and their predicted means.
    sigma : float
        Standard deviation of every feature.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Raises
    ------
    ParameterError
        If `sigma` is not positive.

    Examples
    --------
    >>> round(gaussian_nll(torch.zeros(1, 2), torch.ones(1, 2)).item(), 4)  # 1 + log 2 pi
    2.8379
    """
    if not sigma > 0:
        raise ParameterError(f"gaussian_nll: `sigma` must be positive; got {sigma!r}.")
    square = ((_precise(x) - _precise(mean)) / sigma).square()
    return (0.5 * square + (math.log(sigma) + 0.5 * _LOG_2PI)).flatten(1).sum(1)


def cosine(a: Codes, b: Float[Tensor, "K D"] | None = None) -> Float[Tensor, "B K"]:
    """Cosine of every row of `a` with every row of `b`, in at least float32 even under autocast.

    Parameters
    ----------
    a : tensor of shape (B, D)
        Codes.
    b : tensor of shape (K, D), optional
        Other codes; `a` itself if not given. A row of zeros has cosine 0 with everything.

    Returns
    -------
    tensor of shape (B, K)
        In [-1, 1].

    Examples
    --------
    >>> cosine(torch.tensor([[2.0, 0.0], [0.0, 5.0]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    with torch.autocast(a.device.type, enabled=False):
        u = functional.normalize(_precise(a), dim=-1, eps=1e-8)
        v = u if b is None else functional.normalize(_precise(b), dim=-1, eps=1e-8)
        return u @ v.T


def contrastive_log_prob(
    z: Codes, temperature: float = 0.1, similarity: Callable[[Tensor], Tensor] = cosine
) -> Samples:
    r"""Log-probability that each code belongs to its own sample, cMIM's contrastive factor.

    .. math:: \log p(k_i{=}1) = -\mathrm{softplus}\Bigl(\log \frac1{B-1} \sum_{j \ne i} e^{s_{ij}/\tau}
              - s_{ii}/\tau\Bigr)

    The positive is the code itself (cosine 1) and the negatives enter as a mean: no second view is needed, and the
    value does not grow with B. It is at least :math:`-\log 2` with the cosine, so against a reconstruction summed over
    pixels it is small; see the guide on when it has any effect.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Posterior samples.
    temperature : float
        :math:`\tau > 0`.
    similarity : callable
        ``similarity(z)`` gives the (B, B) matrix s.

    Returns
    -------
    tensor of shape (B,)
        In nats; 0 where there is nothing to compare with (B = 1).

    Raises
    ------
    ParameterError
        If `temperature` is not positive.

    Notes
    -----
    ``logsigmoid`` of `infocore.bounds.pointwise` with the positive excluded. Since the positive score carries nothing
    about x, InfoNCE's bound on mutual information does not apply (derived).

    Examples
    --------
    >>> [round(v, 4) for v in contrastive_log_prob(torch.eye(3), temperature=1.0).tolist()]  # -softplus(-1)
    [-0.3133, -0.3133, -0.3133]
    """
    scores = similarity(z) / checked_temperature(temperature, "contrastive_log_prob")
    return functional.logsigmoid(pointwise(scores, over="y", positive="excluded"))


@torch.no_grad()
def diagnostics(
    mu: Codes, logvar: Codes, z: Codes, *, temperature: float = 0.1, floor: float = -6.0
) -> dict[str, Tensor]:
    """What to watch while training; none of it enters a loss.

    Parameters
    ----------
    mu, logvar, z : tensor of shape (B, D)
        Posterior mean, floored log-variance, and sample.
    temperature : float
        Of the contrastive factor.
    floor : float
        Floor of the log-variance.

    Returns
    -------
    dict of scalars
        ``gate``: mean factor by which the contrastive gradient is multiplied, ``1 - p(k=1)``; below 1e-2 the term has
        next to no effect. ``mean_cosine``: over pairs of different codes, NaN if there is no pair. ``code_norm``: mean
        length of `mu`. ``frac_at_floor``: share of log-variances within 0.01 of the floor.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.

    Examples
    --------
    >>> watched = diagnostics(torch.eye(3), torch.full((3, 3), -6.0), torch.eye(3), temperature=1.0)
    >>> {name: round(value.item(), 3) for name, value in watched.items()}
    {'gate': 0.269, 'mean_cosine': 0.0, 'code_norm': 1.0, 'frac_at_floor': 1.0}
    """
    mu, logvar, z = _precise(mu), _precise(logvar), _precise(z)
    unit = functional.normalize(z, dim=-1, eps=1e-8)
    pairs = len(z) * (len(z) - 1)
    total = unit.sum(0).square().sum() - unit.square().sum()
    return {
        "gate": -torch.expm1(contrastive_log_prob(z, temperature)).mean(),
        "mean_cosine": total / pairs if pairs else torch.full_like(total, math.nan),
        "code_norm": mu.norm(dim=-1).mean(),
        "frac_at_floor": (logvar <= floor + 0.01).float().mean(),
    }


def _precise(t: Tensor) -> Tensor:
    """Raise half precision to float32; keep the rest."""
    return t.float() if t.dtype in (torch.float16, torch.bfloat16) else t


def checked_temperature(value: float, caller: str) -> float:
    """Return a temperature, if it is positive."""
    if not value > 0:
        raise ParameterError(f"{caller}: `temperature` must be positive; got {value!r}.")
    return value
