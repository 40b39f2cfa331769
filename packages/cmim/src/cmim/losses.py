r"""The objectives, as functions of tensors: one sum of weighted terms, and its named cases.

Every term is in nats and has one value per sample, shape ``(B,)``:

==================  =====================================================  ==========================================
name                formula                                                weight in the loss
==================  =====================================================  ==========================================
``reconstruction``  :math:`-\log p(x|z)`                                   ``w_x``
``log_pk``          :math:`\log p(k=1|x,z)`, the contrastive factor        ``-w_k``
``log_q``           :math:`\log q(z|x)`                                    ``-w_z / 2``
``log_prior``       :math:`\log P(z)`, P a standard normal                 ``-w_z / 2``
``kl``              :math:`KL(q(z|x) \| P)`, closed form                   ``beta``
==================  =====================================================  ==========================================

The terms are in `cmim.terms`, `cmim.likelihoods` and `cmim.contrastive` and can be had from here; they are computed in
float32 under mixed precision too.

Where the formulas come from: A-MIM's weights 1, 1/2, 1/2 and the contrastive factor were read in code of the papers'
author and group (SentenceMIM; KERMT, Apache-2.0), not in the body of the cMIM papers, which were not available to us.
The temperature 0.1 is that code's. The derivations here are our own.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor

from cmim.contrastive import (
    Temperature,
    calibrated_temperature,
    contrastive_log_prob,
    cosine,
    diagnostics,
    gate,
    infonce_loss,
    nt_xent_loss,
)
from cmim.likelihoods import Law, Likelihood, Tokens, bernoulli_nll, gaussian_nll, law
from cmim.terms import (
    Codes,
    floor_logvar,
    kl_to_prior,
    log_posterior,
    log_posterior_at,
    log_prior,
    reparameterise,
)
from infocore.errors import ParameterError

__all__ = [
    "Likelihood",
    "Scaling",
    "ae_loss",
    "bernoulli_nll",
    "calibrated_temperature",
    "cmim_loss",
    "contrastive_log_prob",
    "contrastive_vae_loss",
    "cosine",
    "diagnostics",
    "floor_logvar",
    "gate",
    "gaussian_nll",
    "infonce_loss",
    "kl_to_prior",
    "log_posterior",
    "log_posterior_at",
    "log_prior",
    "mim_loss",
    "nt_xent_loss",
    "reparameterise",
    "scales",
    "vae_loss",
    "weighted_loss",
]

Scaling = Literal["sum", "mean", "kermt"]


def weighted_loss(
    x: Real[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    w_x: float = 1.0,
    w_k: float = 0.0,
    w_z: float = 0.0,
    beta: float = 0.0,
    temperature: Temperature = 0.1,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
    others: Float[Tensor, "M D"] | None = None,
    groups: Int[Tensor, " K"] | None = None,
    tile: int | None = None,
) -> dict[str, Tensor]:
    r"""Every auto-encoder of this module: a weighted sum of the terms in the table above.

    .. math:: L = \frac1B \sum_i \Bigl[ w_x R_i - w_k \log p(k_i) - \tfrac12 w_z (\log q_i + \log P_i)
              + \beta\, KL_i \Bigr]

    Parameters
    ----------
    x : tensor of shape (B, ...)
        Data; whole numbers for tokens.
    params : tensor of shape (B, ...)
        Decoder output at ``reparameterise(mu, logvar, eps)``: logits, or means.
    mu, logvar, eps : tensor of shape (B, D)
        Posterior mean, floored log-variance, and the noise used.
    w_x, w_k, w_z, beta : float
        Weights; a term of weight 0 is not computed.
    temperature : float or scalar tensor
        Of the contrastive factor.
    likelihood : {"bernoulli", "gaussian", "logistic", "categorical", "tokens"} or Law
        Law of x given z, see `cmim.likelihoods`.
    sigma, levels : float, int
        Its settings, if it is given by name.
    scaling : {"sum", "mean", "kermt"}
        "sum": true log-probabilities. "mean": reconstruction divided by the number of features (of tokens: by those of
        the row), latent terms by D.
        "kermt": reconstruction divided, latent terms summed. The contrastive factor is never divided, so this sets
        how much it weighs: with 784 pixels, 784 times as much under "mean" as under "sum".
    others, groups, tile
        As in `contrastive_log_prob`.

    Returns
    -------
    dict
        ``"loss"``, a scalar, and the terms by name, each of shape (B,), unscaled and in nats.

    Raises
    ------
    ParameterError
        If `likelihood` or `scaling` is not one of its values, or `temperature` or `sigma` not positive.

    Examples
    --------
    >>> x, zero = torch.ones(4, 3), torch.zeros(4, 2)
    >>> terms = weighted_loss(x, torch.zeros(4, 3), zero, zero, zero, beta=1.0)
    >>> sorted(terms), round(terms["loss"].item(), 4)  # 3 log 2; the divergence is 0
    (['kl', 'loss', 'reconstruction'], 2.0794)
    """
    given = law(likelihood, sigma=sigma, levels=levels)
    count = given.count(x) if isinstance(given, Tokens) else x[0].numel()
    per_feature, per_latent = scales(scaling, count, mu.shape[1])
    z = reparameterise(mu, logvar, eps)
    nll = given.nll(x, params)
    terms = {"reconstruction": nll}
    loss = w_x * per_feature * nll
    if w_k:
        terms["log_pk"] = contrastive_log_prob(z, temperature, others=others, groups=groups, tile=tile)
        loss = loss - w_k * terms["log_pk"]
    if w_z:
        terms["log_q"], terms["log_prior"] = log_posterior(logvar, eps), log_prior(z)
        loss = loss - 0.5 * w_z * per_latent * (terms["log_q"] + terms["log_prior"])
    if beta:
        terms["kl"] = kl_to_prior(mu, logvar)
        loss = loss + beta * per_latent * terms["kl"]
    return {"loss": loss.mean(), **terms}


def scales(scaling: Scaling, n_features: int | Tensor, latent_dim: int) -> tuple[float | Tensor, float]:
    """Return the factors of the reconstruction and of the latent terms.

    Parameters
    ----------
    scaling : {"sum", "mean", "kermt"}
        As in `weighted_loss`.
    n_features : int, or tensor of shape (B,)
        What the reconstruction is divided by: features, or the tokens of each row.
    latent_dim : int
        What the latent terms are divided by.

    Returns
    -------
    tuple of two float, or of tensor of shape (B,) and float
        Of the reconstruction, and of the latent terms.

    Raises
    ------
    ParameterError
        If `scaling` is not one of its values.

    Examples
    --------
    >>> scales("kermt", 784, 64)[1]
    1.0
    """
    if scaling not in get_args(Scaling):
        raise ParameterError(
            f"weighted_loss: `scaling` must be one of {', '.join(get_args(Scaling))}; got {scaling!r}."
        )
    return 1.0 if scaling == "sum" else 1.0 / n_features, 1.0 / latent_dim if scaling == "mean" else 1.0


def ae_loss(
    x: Float[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    *,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """Auto-encoder: the reconstruction alone, with ``z = mu``.

    Parameters
    ----------
    x, params : tensor of shape (B, ...)
        Data, and decoder output at `mu`.
    mu : tensor of shape (B, D)
        Codes.
    likelihood, sigma, levels, scaling
        As in `weighted_loss`.

    Returns
    -------
    dict
        As `weighted_loss`.

    Raises
    ------
    ParameterError
        As `weighted_loss`.

    Examples
    --------
    >>> round(ae_loss(torch.ones(2, 3), torch.zeros(2, 3), torch.zeros(2, 1))["loss"].item(), 4)
    2.0794
    """
    none = torch.zeros_like(mu)
    return weighted_loss(x, params, mu, none, none, likelihood=likelihood, sigma=sigma, levels=levels, scaling=scaling)


def vae_loss(
    x: Float[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    beta: float = 1.0,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """Negative evidence lower bound, with the divergence weighted by `beta`.

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    beta : float
        Weight of the divergence.
    likelihood, sigma, levels, scaling
        As in `weighted_loss`.

    Returns
    -------
    dict
        As `weighted_loss`.

    Raises
    ------
    ParameterError
        As `weighted_loss`.

    References
    ----------
    .. [1] D. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014.

    Examples
    --------
    >>> zero = torch.zeros(2, 1)
    >>> round(vae_loss(torch.ones(2, 3), torch.zeros(2, 3), zero + 2.0, zero, zero)["loss"].item(), 4)  # + 2
    4.0794
    """
    return weighted_loss(
        x, params, mu, logvar, eps, beta=beta, likelihood=likelihood, sigma=sigma, levels=levels, scaling=scaling
    )  # fmt: skip


def mim_loss(
    x: Float[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    w_z: float = 1.0,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    r"""Asymmetric Mutual Information Machine, :math:`-E[\log p(x|z) + \frac12(\log q(z|x) + \log P(z))]`.

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    w_z : float
        Weight of the latent terms.
    likelihood, sigma, levels, scaling
        As in `weighted_loss`.

    Returns
    -------
    dict
        As `weighted_loss`. A negative loss is normal: the entropy of q is minimised.

    Raises
    ------
    ParameterError
        As `weighted_loss`.

    References
    ----------
    .. [1] M. Livne, K. Swersky, D. Fleet, "SentenceMIM", arXiv:2003.02645, 2020; weights read in its code.

    Examples
    --------
    >>> zero = torch.zeros(2, 1)
    >>> round(mim_loss(torch.ones(2, 3), torch.zeros(2, 3), zero, zero, zero)["loss"].item(), 4)  # + log(2 pi)/2
    2.9984
    """
    return weighted_loss(
        x, params, mu, logvar, eps, w_z=w_z, likelihood=likelihood, sigma=sigma, levels=levels, scaling=scaling
    )


def cmim_loss(
    x: Float[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    temperature: Temperature = 0.1,
    w_x: float = 1.0,
    w_k: float = 1.0,
    w_z: float = 1.0,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    r"""Contrastive MIM: `mim_loss` and the contrastive factor.

    .. math:: -E[\log p(x|z) + \log p(k{=}1|x,z) + \tfrac12(\log q(z|x) + \log P(z))]

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    temperature : float or scalar tensor
        Of the contrastive factor.
    w_x, w_k, w_z : float
        Weights of reconstruction, contrastive factor and latent terms.
    likelihood, sigma, levels, scaling
        As in `weighted_loss`.

    Returns
    -------
    dict
        As `weighted_loss`.

    Raises
    ------
    ParameterError
        As `weighted_loss`.

    References
    ----------
    .. [1] M. Livne, "Contrastive MIM", arXiv:2502.19642, 2025 (the idea; its body was not read); weights and form from
       the KERMT code of the same group.

    Examples
    --------
    >>> zero = torch.zeros(2, 1)
    >>> terms = cmim_loss(torch.ones(2, 3), torch.zeros(2, 3), zero + 1.0, zero, zero)
    >>> [round(v, 4) for v in terms["log_pk"].tolist()]  # one code for both: log(1/2)
    [-0.6931, -0.6931]
    """
    return weighted_loss(
        x, params, mu, logvar, eps, w_x=w_x, w_k=w_k, w_z=w_z, temperature=temperature,
        likelihood=likelihood, sigma=sigma, levels=levels, scaling=scaling,
    )  # fmt: skip


def contrastive_vae_loss(
    x: Float[Tensor, "B ..."],
    params: Tensor,
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    temperature: Temperature = 0.1,
    w_k: float = 1.0,
    beta: float = 1.0,
    likelihood: Likelihood | Law = "bernoulli",
    sigma: float = 1.0,
    levels: int = 256,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """VAE with cMIM's contrastive factor (derived; the name is met in a digest of the second cMIM paper).

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    temperature : float or scalar tensor
        Of the contrastive factor.
    w_k, beta : float
        Weights of the contrastive factor and of the divergence.
    likelihood, sigma, levels, scaling
        As in `weighted_loss`.

    Returns
    -------
    dict
        As `weighted_loss`.

    Raises
    ------
    ParameterError
        As `weighted_loss`.

    Examples
    --------
    >>> zero = torch.zeros(2, 1)
    >>> sorted(contrastive_vae_loss(torch.ones(2, 3), torch.zeros(2, 3), zero, zero, zero))
    ['kl', 'log_pk', 'loss', 'reconstruction']
    """
    return weighted_loss(
        x, params, mu, logvar, eps, w_k=w_k, beta=beta, temperature=temperature,
        likelihood=likelihood, sigma=sigma, levels=levels, scaling=scaling,
    )  # fmt: skip
