"""Small generators and critics for images of up to 32 x 32 pixels, as settings that build modules."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import linear, mlp

__all__ = ["Convolutional", "Dense"]


@dataclasses.dataclass(frozen=True)
class Dense:
    """Multilayer perceptrons: enough for images of 8 x 8.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers of both networks; the critic has them in reverse order.

    Raises
    ------
    ParameterError
        If there is no hidden layer.

    Examples
    --------
    >>> Dense((32,)).generator(16, 64, torch.Generator())(torch.zeros(2, 16)).shape
    torch.Size([2, 64])
    """

    hidden: Sequence[int] = (128, 128)

    def __post_init__(self) -> None:
        if len(self.hidden) == 0:
            raise ParameterError("Dense: `hidden` must hold at least one width; got none.")

    def generator(self, inputs: int, pixels: int, generator: torch.Generator) -> nn.Sequential:
        """Build a generator.

        Parameters
        ----------
        inputs, pixels : int
            Width of its input, and of an image.
        generator : torch.Generator
            Source of the weights.

        Returns
        -------
        torch.nn.Sequential
            From (B, inputs) to images (B, pixels) in (0, 1).
        """
        return nn.Sequential(mlp((inputs, *self.hidden, pixels), generator), nn.Sigmoid())

    def critic(self, pixels: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
        """Build a critic; its last layer is linear, what is below are its features.

        Parameters
        ----------
        pixels, outputs : int
            Width of an image, and of the answer.
        generator : torch.Generator
            Source of the weights.

        Returns
        -------
        torch.nn.Sequential
            From images (B, pixels) to scores (B, outputs).
        """
        widths = (pixels, *reversed(tuple(self.hidden)), outputs)
        return mlp(widths, generator, activation=lambda: nn.LeakyReLU(0.2))


@dataclasses.dataclass(frozen=True)
class Convolutional:
    """Two strided convolutions each way, without normalisation layers, which a gradient penalty does not allow.

    Parameters
    ----------
    shape : tuple of (channels, height, width)
        Of an image; height and width divisible by 4.
    channels : int
        Channels of the finer layer; the coarser one has twice as many.

    Raises
    ------
    ShapeError
        If height or width is not divisible by 4.

    Examples
    --------
    >>> Convolutional((1, 28, 28), 8).generator(16, 784, torch.Generator())(torch.zeros(2, 16)).shape
    torch.Size([2, 784])
    """

    shape: tuple[int, int, int]
    channels: int = 32

    def __post_init__(self) -> None:
        if self.shape[1] % 4 or self.shape[2] % 4:
            raise ShapeError(
                f"Convolutional: `shape` must have a height and a width divisible by 4; got {self.shape}. Pad first."
            )

    def generator(self, inputs: int, pixels: int, generator: torch.Generator) -> nn.Sequential:
        """Build a generator.

        Parameters
        ----------
        inputs, pixels : int
            Width of its input, and of a flat image.
        generator : torch.Generator
            Source of the weights.

        Returns
        -------
        torch.nn.Sequential
            From (B, inputs) to flat images (B, pixels) in (0, 1).

        Raises
        ------
        ShapeError
            If `shape` does not hold `pixels` numbers.
        """
        small, many = self._small("generator", pixels), 2 * self.channels
        return nn.Sequential(
            linear(inputs, math.prod(small), generator),
            nn.ReLU(),
            nn.Unflatten(1, small),
            _filled(nn.ConvTranspose2d, generator, many, self.channels, 4, 2, 1),
            nn.ReLU(),
            _filled(nn.ConvTranspose2d, generator, self.channels, self.shape[0], 4, 2, 1),
            nn.Sigmoid(),
            nn.Flatten(),
        )

    def critic(self, pixels: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
        """Build a critic; its last layer is linear, what is below are its features.

        Parameters
        ----------
        pixels, outputs : int
            Width of a flat image, and of the answer.
        generator : torch.Generator
            Source of the weights.

        Returns
        -------
        torch.nn.Sequential
            From flat images (B, pixels) to scores (B, outputs).

        Raises
        ------
        ShapeError
            If `shape` does not hold `pixels` numbers.
        """
        small, many = self._small("critic", pixels), 2 * self.channels
        return nn.Sequential(
            nn.Unflatten(1, self.shape),
            _filled(nn.Conv2d, generator, self.shape[0], self.channels, 4, 2, 1),
            nn.LeakyReLU(0.2),
            _filled(nn.Conv2d, generator, self.channels, many, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            linear(math.prod(small), outputs, generator),
        )

    def _small(self, caller: str, pixels: int) -> tuple[int, int, int]:
        if math.prod(self.shape) != pixels:
            raise ShapeError(f"Convolutional.{caller}: `shape` {self.shape} does not hold {pixels} pixels.")
        return 2 * self.channels, self.shape[1] // 4, self.shape[2] // 4


def _filled(kind: Any, generator: torch.Generator, *sizes: int) -> nn.Module:
    """Build a convolution whose weights come from `generator`, by torch's own law."""
    layer = nn.utils.skip_init(kind, *sizes)
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    reach = 1.0 / math.sqrt(layer.weight[0].numel())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-reach, reach, generator=generator)
    return layer
