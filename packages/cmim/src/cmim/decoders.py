"""From a code to the parameters of the law of the data, in two steps, because features are read between them."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from infocore.torch.layers import linear, mlp

__all__ = ["Decoder", "MLPDecoder"]


@runtime_checkable
class Decoder(Protocol):
    """What a model needs of a decoder; any `torch.nn.Module` with these two methods will do."""

    def hidden(self, z: Tensor, /) -> Tensor:
        """Return the activations just before the last map.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, H) or (B, T, H)
            T positions, if there are any, are averaged when features are read.
        """
        ...

    def output(self, h: Tensor, /) -> Tensor:
        """Return the parameters of the law of x.

        Parameters
        ----------
        h : tensor
            What `hidden` returned.

        Returns
        -------
        tensor of shape (B, ...)
            Logits (Bernoulli) or means (Gaussian), of the shape of the data.
        """
        ...


class MLPDecoder(nn.Module):
    """Fully connected decoder.

    Parameters
    ----------
    latent_dim : int
        Length D of a code.
    n_features : int
        Features of a sample.
    hidden : iterable of int
        Widths of the hidden layers; the last is the width of the informative embedding.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> decoder = MLPDecoder(16, 64, (32, 48), torch.Generator().manual_seed(0))
    >>> decoder.hidden(torch.zeros(5, 16)).shape, decoder(torch.zeros(5, 16)).shape
    (torch.Size([5, 48]), torch.Size([5, 64]))
    """

    def __init__(self, latent_dim: int, n_features: int, hidden: Iterable[int], generator: torch.Generator) -> None:
        super().__init__()
        widths = [latent_dim, *hidden]
        self.trunk = mlp(widths, generator, last_activation=True)
        self.head = linear(widths[-1], n_features, generator)

    def hidden(self, z: Float[Tensor, "B D"]) -> Float[Tensor, "B H"]:
        """Return the activations before the last map.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, H)
            After the last activation function.
        """
        return self.trunk(z)

    def output(self, h: Float[Tensor, "B H"]) -> Float[Tensor, "B n"]:
        """Return the parameters of the law of x.

        Parameters
        ----------
        h : tensor of shape (B, H)
            What `hidden` returned.

        Returns
        -------
        tensor of shape (B, n_features)
            Logits or means.
        """
        return self.head(h)

    def forward(self, z: Float[Tensor, "B D"]) -> Float[Tensor, "B n"]:
        """Return ``output(hidden(z))``.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, n_features)
            Logits or means.
        """
        return self.output(self.hidden(z))
