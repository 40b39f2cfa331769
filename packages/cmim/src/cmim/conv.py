"""Convolutional encoder and decoder for small images, such as 28 x 28 and 32 x 32."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from infocore.torch.layers import linear

__all__ = ["ConvDecoder", "ConvEncoder"]


def _drawn(layer: nn.Module, fan_in: int, generator: torch.Generator) -> nn.Module:
    """Draw weights and bias of a convolution from a generator, uniform within 1 / sqrt(fan in)."""
    reach = 1.0 / math.sqrt(fan_in)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-reach, reach, generator=generator)
    return layer


def _down(inside: int, outside: int, generator: torch.Generator) -> nn.Module:
    layer = nn.utils.skip_init(nn.Conv2d, inside, outside, 4, stride=2, padding=1)
    return _drawn(layer, 16 * inside, generator)


def _up(inside: int, outside: int, generator: torch.Generator) -> nn.Module:
    layer = nn.utils.skip_init(nn.ConvTranspose2d, inside, outside, 4, stride=2, padding=1)
    return _drawn(layer, 4 * inside, generator)  # each output pixel has 4 of the 16 taps


class ConvEncoder(nn.Module):
    """Convolutions of stride 2, then one hidden layer.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width of an image; rows of data may be flat. Height and width are multiples of
        ``2 ** len(channels)``.
    latent_dim : int
        Length D of a code.
    channels : sequence of int
        Of each convolution.
    width : int
        Of the hidden layer.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> encoder = ConvEncoder((1, 28, 28), 16, (8, 16), 32, torch.Generator().manual_seed(0))
    >>> encoder(torch.zeros(5, 784))[0].shape
    torch.Size([5, 16])
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        latent_dim: int,
        channels: Sequence[int],
        width: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape = shape
        widths = (shape[0], *channels)
        steps = [_down(a, b, generator) for a, b in itertools.pairwise(widths)]
        self.trunk = nn.Sequential(*(part for step in steps for part in (step, nn.ReLU())))
        cells = (shape[1] >> len(channels)) * (shape[2] >> len(channels))
        self.body = linear(widths[-1] * cells, width, generator)
        self.head = linear(width, 2 * latent_dim, generator)

    def forward(self, x: Float[Tensor, "B ..."]) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Return mean and raw log-variance.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Images, flat or not.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            Mean and raw log-variance.
        """
        h = self.trunk(x.reshape(len(x), *self.shape)).flatten(1)
        mu, logvar = self.head(torch.relu(self.body(h))).chunk(2, dim=-1)
        return mu, logvar


class ConvDecoder(nn.Module):
    """The mirror image of `ConvEncoder`; its hidden state has a position for every 2 x 2 pixels.

    Parameters
    ----------
    latent_dim : int
        Length D of a code.
    shape : (int, int, int)
        Channels, height and width of an image.
    n_params : int
        Parameters a pixel.
    channels : sequence of int
        Of the encoder's convolutions; here they come in reverse order.
    width : int
        Of the hidden layer.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> decoder = ConvDecoder(16, (1, 28, 28), 1, (8, 16), 32, torch.Generator().manual_seed(0))
    >>> h = decoder.hidden(torch.zeros(5, 16))
    >>> h.shape, decoder.output(h).shape
    (torch.Size([5, 196, 8]), torch.Size([5, 784]))
    """

    def __init__(
        self,
        latent_dim: int,
        shape: tuple[int, int, int],
        n_params: int,
        channels: Sequence[int],
        width: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.start = (channels[-1], shape[1] >> len(channels), shape[2] >> len(channels))
        self.grid = (shape[1] // 2, shape[2] // 2)
        self.body = nn.Sequential(
            linear(latent_dim, width, generator), nn.ReLU(), linear(width, math.prod(self.start), generator), nn.ReLU()
        )
        back = tuple(reversed(channels))
        steps = [_up(a, b, generator) for a, b in itertools.pairwise(back)]
        self.trunk = nn.Sequential(*(part for step in steps for part in (step, nn.ReLU())))
        self.head = _up(channels[0], n_params * shape[0], generator)

    def hidden(self, z: Float[Tensor, "B D"]) -> Float[Tensor, "B T H"]:
        """Return the activations before the last map.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, T, H)
            T = height * width / 4 positions.
        """
        return self.trunk(self.body(z).unflatten(1, self.start)).flatten(2).transpose(1, 2)

    def output(self, h: Float[Tensor, "B T H"]) -> Float[Tensor, "B n"]:
        """Return the parameters of the law of x.

        Parameters
        ----------
        h : tensor of shape (B, T, H)
            What `hidden` returned.

        Returns
        -------
        tensor of shape (B, n_params * channels * height * width)
            Parameter by parameter.
        """
        return self.head(h.transpose(1, 2).unflatten(2, self.grid)).flatten(1)
