r"""The other half of symmetric MIM: the objective on samples of the model itself.

MIM's sample law is half data with codes of the encoder, half codes of the prior with data of the decoder,
:math:`M_S = \frac12 [P(x) q(z|x) + P(z) p(x|z)]`. Over the first half the integrand is A-MIM's; this module has the
second, with the same integrand :math:`f = -\log p(x|z) - \frac12 (\log q(z|x) + \log P(z))`.
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from cmim import losses
from cmim.config import ModelConfig
from cmim.likelihoods import Law
from cmim.terms import log_posterior_at, log_prior

__all__ = ["Coder", "prior_branch"]


class Coder(Protocol):
    """What is asked of a model: `cmim.Model` with a decoder."""

    config: ModelConfig

    def encode(self, x: Tensor, /) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of codes."""
        ...

    def decode(self, z: Tensor, /) -> Tensor:
        """Return the parameters of the law of x."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights."""
        ...


def prior_branch(
    model: Coder, size: int, law: Law, generator: torch.Generator, rows: slice = slice(None)
) -> tuple[Tensor, Tensor]:
    r"""Draw codes from the prior, data from the decoder, and return the objective there.

    Parameters
    ----------
    model : Coder
        Such as a `cmim.Model` with a decoder.
    size : int
        Samples of the whole batch.
    law : Law
        Of x given z.
    generator : torch.Generator
        On the CPU; the noise of the whole batch is drawn from it.
    rows : slice
        Which of the samples are this process's.

    Returns
    -------
    tuple of two tensors
        A scalar that has the mean of f as its value and an unbiased estimate of the gradient of :math:`E f` as its
        gradient; and f of each of the rows, in nats.

    Notes
    -----
    Discrete x has no gradient of its own, so the score-function term :math:`(f - b) \nabla \log p(x|z)` is added, where
    b is the mean of f over the other samples; continuous x is a differentiable function of the decoder. Derived; that
    a REINFORCE term is used for discrete x was read in code of MIM's authors, whose bound for log q(x) may differ.
    """
    c = model.config
    per_feature, per_latent = losses.scales(c.scaling, c.n_features, c.latent_dim)
    parameter = next(model.parameters())
    z = torch.randn(size, c.latent_dim, generator=generator)[rows].to(parameter)
    params = model.decode(z)
    x = law.sample(params.detach() if law.discrete else params, generator, size, rows)
    mu, logvar = model.encode(x)
    log_p = -law.nll(x, params)
    latent = log_posterior_at(z, mu, logvar) + log_prior(z)
    f = -c.w_x * per_feature * log_p - 0.5 * c.w_z * per_latent * latent
    if not law.discrete:
        return f.mean(), f.detach()
    fixed = f.detach()
    others = (fixed.sum() - fixed) / max(len(fixed) - 1, 1)
    return (f + (fixed - others) * (log_p - log_p.detach())).mean(), fixed
