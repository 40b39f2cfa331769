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

The terms are in `cmim.terms` and can be had from here; they are computed in float32 under mixed precision too.

Where the formulas come from: A-MIM's weights 1, 1/2, 1/2 and the contrastive factor were read in code of the papers'
author and group (SentenceMIM; KERMT, Apache-2.0), not in the body of the cMIM papers, which were not available to us.
The temperature 0.1 is that code's. The derivations here are our own.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from cmim.terms import (
    Codes,
    bernoulli_nll,
    checked_temperature,
    contrastive_log_prob,
    cosine,
    diagnostics,
    floor_logvar,
    gaussian_nll,
    kl_to_prior,
    log_posterior,
    log_prior,
    reparameterise,
)
from infocore.bounds import infonce
from infocore.errors import ParameterError

__all__ = [
    "Likelihood",
    "Scaling",
    "ae_loss",
    "bernoulli_nll",
    "cmim_loss",
    "contrastive_log_prob",
    "contrastive_vae_loss",
    "cosine",
    "diagnostics",
    "floor_logvar",
    "gaussian_nll",
    "infonce_loss",
    "kl_to_prior",
    "log_posterior",
    "log_prior",
    "mim_loss",
    "reparameterise",
    "vae_loss",
    "weighted_loss",
]

Likelihood = Literal["bernoulli", "gaussian"]
Scaling = Literal["sum", "mean", "kermt"]


def weighted_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    w_x: float = 1.0,
    w_k: float = 0.0,
    w_z: float = 0.0,
    beta: float = 0.0,
    temperature: float = 0.1,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    r"""Every auto-encoder of this module: a weighted sum of the terms in the table above.

    .. math:: L = \frac1B \sum_i \Bigl[ w_x R_i - w_k \log p(k_i) - \tfrac12 w_z (\log q_i + \log P_i)
              + \beta\, KL_i \Bigr]

    Parameters
    ----------
    x : tensor of shape (B, ...)
        Data.
    params : tensor of shape (B, ...)
        Decoder output at ``reparameterise(mu, logvar, eps)``: logits, or means.
    mu, logvar, eps : tensor of shape (B, D)
        Posterior mean, floored log-variance, and the noise used.
    w_x, w_k, w_z, beta : float
        Weights; a term of weight 0 is not computed.
    temperature : float
        Of the contrastive factor.
    likelihood : {"bernoulli", "gaussian"}
        Law of x given z.
    sigma : float
        Scale of the Gaussian one.
    scaling : {"sum", "mean", "kermt"}
        "sum": true log-probabilities. "mean": reconstruction divided by the number of features, latent terms by D.
        "kermt": reconstruction divided, latent terms summed. The contrastive factor is never divided, so this sets
        how much it weighs: with 784 pixels, 784 times as much under "mean" as under "sum".

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
    if likelihood not in get_args(Likelihood):
        raise ParameterError(
            f"weighted_loss: `likelihood` must be one of {', '.join(get_args(Likelihood))}; got {likelihood!r}."
        )
    if scaling not in get_args(Scaling):
        raise ParameterError(
            f"weighted_loss: `scaling` must be one of {', '.join(get_args(Scaling))}; got {scaling!r}."
        )
    per_feature = 1.0 if scaling == "sum" else 1.0 / x[0].numel()
    per_latent = 1.0 / mu.shape[1] if scaling == "mean" else 1.0

    z = reparameterise(mu, logvar, eps)
    nll = bernoulli_nll(x, params) if likelihood == "bernoulli" else gaussian_nll(x, params, sigma)
    terms = {"reconstruction": nll}
    loss = w_x * per_feature * nll
    if w_k:
        terms["log_pk"] = contrastive_log_prob(z, temperature)
        loss = loss - w_k * terms["log_pk"]
    if w_z:
        terms["log_q"], terms["log_prior"] = log_posterior(logvar, eps), log_prior(z)
        loss = loss - 0.5 * w_z * per_latent * (terms["log_q"] + terms["log_prior"])
    if beta:
        terms["kl"] = kl_to_prior(mu, logvar)
        loss = loss + beta * per_latent * terms["kl"]
    return {"loss": loss.mean(), **terms}


def ae_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    *,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """Auto-encoder: the reconstruction alone, with ``z = mu``.

    Parameters
    ----------
    x, params : tensor of shape (B, ...)
        Data, and decoder output at `mu`.
    mu : tensor of shape (B, D)
        Codes.
    likelihood, sigma, scaling
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
    return weighted_loss(x, params, mu, none, none, likelihood=likelihood, sigma=sigma, scaling=scaling)


def vae_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    beta: float = 1.0,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """Negative evidence lower bound, with the divergence weighted by `beta`.

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    beta : float
        Weight of the divergence.
    likelihood, sigma, scaling
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
        x, params, mu, logvar, eps, beta=beta, likelihood=likelihood, sigma=sigma, scaling=scaling
    )  # fmt: skip


def mim_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    w_z: float = 1.0,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    r"""Asymmetric Mutual Information Machine, :math:`-E[\log p(x|z) + \frac12(\log q(z|x) + \log P(z))]`.

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    w_z : float
        Weight of the latent terms.
    likelihood, sigma, scaling
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
    return weighted_loss(x, params, mu, logvar, eps, w_z=w_z, likelihood=likelihood, sigma=sigma, scaling=scaling)


def cmim_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    temperature: float = 0.1,
    w_x: float = 1.0,
    w_k: float = 1.0,
    w_z: float = 1.0,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    r"""Contrastive MIM: `mim_loss` and the contrastive factor.

    .. math:: -E[\log p(x|z) + \log p(k{=}1|x,z) + \tfrac12(\log q(z|x) + \log P(z))]

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    temperature : float
        Of the contrastive factor.
    w_x, w_k, w_z : float
        Weights of reconstruction, contrastive factor and latent terms.
    likelihood, sigma, scaling
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
        likelihood=likelihood, sigma=sigma, scaling=scaling,
    )  # fmt: skip


def contrastive_vae_loss(
    x: Float[Tensor, "B ..."],
    params: Float[Tensor, "B ..."],
    mu: Codes,
    logvar: Codes,
    eps: Codes,
    *,
    temperature: float = 0.1,
    w_k: float = 1.0,
    beta: float = 1.0,
    likelihood: Likelihood = "bernoulli",
    sigma: float = 1.0,
    scaling: Scaling = "sum",
) -> dict[str, Tensor]:
    """VAE with cMIM's contrastive factor (derived; the name is met in a digest of the second cMIM paper).

    Parameters
    ----------
    x, params, mu, logvar, eps
        As in `weighted_loss`.
    temperature : float
        Of the contrastive factor.
    w_k, beta : float
        Weights of the contrastive factor and of the divergence.
    likelihood, sigma, scaling
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
        likelihood=likelihood, sigma=sigma, scaling=scaling,
    )  # fmt: skip


def infonce_loss(view_a: Codes, view_b: Codes, temperature: float = 0.1) -> dict[str, Tensor]:
    """Minus the InfoNCE bound between the codes of two views of the same samples.

    One-directional: each code of `view_a` looks for its partner among `view_b`. It is the cross-entropy of the B x B
    cosine matrix less log B, so it starts near 0 and cannot fall below ``-log B``.

    Parameters
    ----------
    view_a, view_b : tensor of shape (B, D)
        Codes of two augmented views, row by row of the same samples.
    temperature : float
        Divides the cosines.

    Returns
    -------
    dict
        ``"loss"``, a scalar in nats; minus it is a lower bound on the information between the views, in expectation.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.

    References
    ----------
    .. [1] A. van den Oord, Y. Li, O. Vinyals, arXiv:1807.03748, 2018.

    Examples
    --------
    >>> round(infonce_loss(torch.eye(4), torch.eye(4), temperature=0.01)["loss"].item(), 4)  # -log 4
    -1.3863
    """
    return {"loss": -infonce(cosine(view_a, view_b) / checked_temperature(temperature, "infonce_loss"))}
