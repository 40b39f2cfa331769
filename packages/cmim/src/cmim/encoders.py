"""From data to the parameters of a code."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from infocore.torch.layers import linear, mlp

__all__ = ["Encoder", "MLPEncoder"]


@runtime_checkable
class Encoder(Protocol):
    """What a model needs of an encoder; any `torch.nn.Module` with this call will do."""

    def __call__(self, x: Tensor, /) -> tuple[Tensor, Tensor]:
        """Return the mean and the raw log-variance of the code.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            The log-variance is floored afterwards, by the model.
        """
        ...


class MLPEncoder(nn.Module):
    """Fully connected encoder.

    Parameters
    ----------
    n_features : int
        Features of a sample; inputs of more axes are flattened.
    latent_dim : int
        Length D of a code.
    hidden : iterable of int
        Widths of the hidden layers.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> mu, logvar = MLPEncoder(64, 16, (32,), torch.Generator().manual_seed(0))(torch.zeros(5, 8, 8))
    >>> mu.shape, logvar.shape
    (torch.Size([5, 16]), torch.Size([5, 16]))
    """

    def __init__(self, n_features: int, latent_dim: int, hidden: Iterable[int], generator: torch.Generator) -> None:
        super().__init__()
        widths = [n_features, *hidden]
        self.trunk = mlp(widths, generator, last_activation=True)
        self.head = linear(widths[-1], 2 * latent_dim, generator)

    def forward(self, x: Float[Tensor, "B ..."]) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Return mean and raw log-variance, each of shape (B, D).

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            Mean and raw log-variance.
        """
        mu, logvar = self.head(self.trunk(x.flatten(1))).chunk(2, dim=-1)
        return mu, logvar
