r"""The noisy bottleneck of MID and its price.

A stochastic linear layer between the features of a classifier and its last layer (eqs 30 to 33), and the divergence of
its latent from a standard normal (eq. 34), an upper bound on :math:`I(X; Z) \ge I(X; \hat Y)`. Architecture, the shift
of -5 and the loss are those of the authors' code.

References
----------
- T. Wang, Y. Zhang, R. Jia, "Improving Robustness to Model Inversion Attacks via Mutual Information
  Regularization", AAAI 2021, arXiv:2009.05241; code: Jiachen-T-Wang/mi-defense.
- A. Alemi, I. Fischer, J. Dillon, K. Murphy, "Deep Variational Information Bottleneck", ICLR 2017.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import linear

__all__ = ["BottleneckHead", "BottleneckOutput", "bottleneck_objective", "divergence", "information_loss"]

_SHIFT = 5.0  # std = softplus(a - 5): starts almost noiseless, at 0.0067


def divergence(mu: Float[Tensor, "B k"], std: Float[Tensor, "B k"]) -> Float[Tensor, " B"]:
    r"""Divergence of each record's latent from the standard normal prior, :math:`KL(N(\mu, \sigma^2) \| N(0, I))`.

    Parameters
    ----------
    mu, std : tensor of shape (B, k)
        Mean and standard deviation of the latent.

    Returns
    -------
    tensor of shape (B,)
        In nats, summed over the k dimensions. Its mean is an upper bound on ``I(X; Z)``; it is not the information.

    Raises
    ------
    ShapeError
        If the two are not matrices of one shape.

    Examples
    --------
    >>> divergence(torch.zeros(1, 1), torch.full((1, 1), 0.0067153)).item().__round__(4)
    4.5034
    """
    if mu.ndim != 2 or mu.shape != std.shape:
        raise ShapeError(
            f"divergence: `mu` and `std` must be matrices of one shape; got {tuple(mu.shape)} and {tuple(std.shape)}."
        )
    return -0.5 * (1.0 + 2.0 * std.log() - mu**2 - std**2).sum(1)


def information_loss(mu: Float[Tensor, "B k"], std: Float[Tensor, "B k"]) -> Float[Tensor, ""]:
    """Price of the bottleneck, eq. 34: the mean over the batch of `divergence`.

    Parameters
    ----------
    mu, std : tensor of shape (B, k)
        Mean and standard deviation of the latent.

    Returns
    -------
    tensor of shape ()
        In nats. A framework that takes a mean over k as well needs its beta multiplied by k.

    Examples
    --------
    >>> information_loss(torch.ones(3, 2), torch.ones(3, 2)).item()  # 0.5 mu^2 a dimension
    1.0
    """
    return divergence(mu, std).mean()


class BottleneckOutput(NamedTuple):
    """What a bottleneck returns.

    Parameters
    ----------
    logits : tensor of shape (B, C)
        Class scores of the drawn latent.
    mu, std : tensor of shape (B, k)
        Mean and standard deviation of the latent.
    z : tensor of shape (B, k)
        The latent that `logits` were computed from.
    """

    logits: Float[Tensor, "B C"]
    mu: Float[Tensor, "B k"]
    std: Float[Tensor, "B k"]
    z: Float[Tensor, "B k"]

    @property
    def information(self) -> Float[Tensor, ""]:
        """`information_loss` of this batch, in nats: an upper bound on ``I(X; Z)``."""
        return information_loss(self.mu, self.std)


class BottleneckHead(nn.Module):
    r"""Noisy linear bottleneck and the last linear layer of a classifier, eqs 30 to 33.

    .. math:: [\mu, a] = W_{st} h + b_{st}, \quad \sigma = \mathrm{softplus}(a - 5), \quad
              z = \mu + \sigma \varepsilon, \quad \mathrm{logits} = W z + b

    Parameters
    ----------
    in_features : int
        F, number of features of `h`.
    out_features : int
        C, number of classes.
    bottleneck : int, optional
        k, number of latent dimensions; ``F // 2`` if left out, as in the authors' code.
    generator : torch.Generator, optional
        Source of the starting weights; one seeded with 0 if left out.

    Raises
    ------
    ParameterError
        If a size is not positive.

    Notes
    -----
    The noise is drawn at every forward pass, **in evaluation as well as in training**: it is part of what is released,
    `train()` and `eval()` do not change it. So an attacker who may repeat a query averages it away; measure that.

    Examples
    --------
    >>> head = BottleneckHead(8, 3)
    >>> out = head(torch.zeros(5, 8), torch.Generator().manual_seed(0))
    >>> out.logits.shape, out.z.shape, tuple(head.statistics.weight.shape)
    (torch.Size([5, 3]), torch.Size([5, 4]), (8, 8))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bottleneck: int | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        k = in_features // 2 if bottleneck is None else bottleneck
        for name, size in (("in_features", in_features), ("out_features", out_features), ("bottleneck", k)):
            if size < 1:
                raise ParameterError(f"BottleneckHead: `{name}` must be at least 1; got {size}.")
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        self.statistics = linear(in_features, 2 * k, generator)
        self.classifier = linear(k, out_features, generator)

    def encode(self, h: Float[Tensor, "B F"]) -> tuple[Float[Tensor, "B k"], Float[Tensor, "B k"]]:
        """Mean and standard deviation of the latent, eqs 30 and 31.

        Parameters
        ----------
        h : tensor of shape (B, F)
            Features.

        Returns
        -------
        tuple of two tensors of shape (B, k)
            `mu` and `std`.
        """
        mu, a = self.statistics(h).chunk(2, dim=1)
        return mu, functional.softplus(a - _SHIFT)

    def forward(
        self, h: Float[Tensor, "B F"], generator: torch.Generator | None = None, sample: bool = True
    ) -> BottleneckOutput:
        """Draw a latent and classify it.

        Parameters
        ----------
        h : tensor of shape (B, F)
            Features.
        generator : torch.Generator
            Source of the noise. Needed whenever `sample` is true: torch's global stream is never used.
        sample : bool
            False for the mean latent, ``z = mu``: what a white-box attacker sees. Not a defended release.

        Returns
        -------
        BottleneckOutput
            Logits, the latent and its statistics.

        Raises
        ------
        ParameterError
            If noise is wanted and no generator came, or the reverse.
        """
        mu, std = self.encode(h)
        if sample == (generator is None):
            raise ParameterError(
                "BottleneckHead: `generator` must be given when `sample` is true, and only then; got "
                f"generator={generator}, sample={sample}. Pass torch.Generator().manual_seed(...) for a noisy release, "
                "or sample=False for the mean latent."
            )
        z = mu
        if generator is not None:
            noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=generator.device)
            z = mu + std * noise.to(mu.device)
        return BottleneckOutput(self.classifier(z), mu, std, z)


def bottleneck_objective(
    model: nn.Module,
    batch: tuple[Float[Tensor, "B ..."], Int[Tensor, " B"]],
    beta: float,
    *,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    r"""The MID objective on a batch, eq. 35: cross-entropy plus `beta` times the information loss.

    Parameters
    ----------
    model : module
        Called as ``model(x, generator)``; returns a `BottleneckOutput`.
    batch : tuple of tensors
        Inputs of shape (B, ...) and class numbers of shape (B,).
    beta : float
        Price of a nat of the bound, not negative.
    generator : torch.Generator
        Source of the noise.

    Returns
    -------
    dict
        "loss", "cross_entropy" and "information", scalars in nats.

    Raises
    ------
    ParameterError
        If `beta` is negative.
    """
    if not beta >= 0:
        raise ParameterError(f"bottleneck_objective: `beta` must not be negative; got {beta!r}.")
    x, y = batch
    out: BottleneckOutput = model(x, generator)
    cross_entropy, information = functional.cross_entropy(out.logits, y), out.information
    return {"loss": cross_entropy + beta * information, "cross_entropy": cross_entropy, "information": information}
