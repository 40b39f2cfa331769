"""Networks as settings: what lies between the flat rows of a data matrix and the last layer."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from infocore.errors import ParameterError
from infocore.torch.layers import linear
from mid.torch.bottleneck import BottleneckHead, BottleneckOutput

__all__ = ["CNN", "MLP", "Architecture", "Bottlenecked", "Plain", "Stack", "with_bottleneck"]

_LEAST_PER_GROUP = 8  # values that one group of GroupNorm must hold: with 1 it answers 0, with 2 only signs survive


class Stack(nn.Module):
    """Blocks one after the other.

    Parameters
    ----------
    blocks : sequence of modules
        The first takes rows of shape (B, dx), the last returns features of shape (B, F).
    out_features : int
        F.
    """

    def __init__(self, blocks: Sequence[nn.Module], out_features: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.out_features = out_features

    def layers(self, x: Float[Tensor, "B dx"]) -> list[Tensor]:
        """Output of every block.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.

        Returns
        -------
        list of tensors of shape (B, ...)
            In order; the last is what `forward` returns.
        """
        outputs: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return outputs

    def forward(self, x: Float[Tensor, "B dx"]) -> Float[Tensor, "B F"]:
        """Features of records.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.

        Returns
        -------
        tensor of shape (B, F)
            Features.
        """
        for block in self.blocks:
            x = block(x)
        return x


class Architecture(Protocol):
    """Settings that a network can be built from."""

    def build(self, in_features: int, generator: torch.Generator) -> Stack:
        """Build the layers below the last one.

        Parameters
        ----------
        in_features : int
            Columns of the data.
        generator : torch.Generator
            Source of the starting weights, on the CPU.

        Returns
        -------
        Stack
            Untrained.
        """
        ...


@dataclasses.dataclass(frozen=True)
class MLP:
    """Linear layers with ReLU.

    Parameters
    ----------
    hidden : sequence of int
        Widths; the last is F.

    Raises
    ------
    ParameterError
        If there is no width, or one is less than 1.

    Examples
    --------
    >>> stack = MLP((16, 8)).build(4, torch.Generator().manual_seed(0))
    >>> [tuple(layer.shape) for layer in stack.layers(torch.zeros(3, 4))]
    [(3, 16), (3, 8)]
    """

    hidden: Sequence[int] = (128, 64)

    def __post_init__(self) -> None:
        _widths("MLP", "hidden", self.hidden)

    def build(self, in_features: int, generator: torch.Generator) -> Stack:
        """Build the layers.

        Parameters
        ----------
        in_features : int
            Columns of the data.
        generator : torch.Generator
            Source of the starting weights, on the CPU.

        Returns
        -------
        Stack
            One block per layer.
        """
        widths = (in_features, *self.hidden)
        blocks = [
            nn.Sequential(linear(fan_in, fan_out, generator), nn.ReLU())
            for fan_in, fan_out in itertools.pairwise(widths)
        ]
        return Stack(blocks, widths[-1])


@dataclasses.dataclass(frozen=True)
class CNN:
    """Convolutions of 3 x 3 with ReLU and maximum pooling by 2, then one linear layer.

    Parameters
    ----------
    shape : tuple of three ints
        Channels, height and width of an image; a row of the data is an image in this order, flat.
    channels : sequence of int
        Channels of each convolution. Pooling stops when a side would become 0.
    width : int
        F, width of the linear layer.
    norm : {"group", "batch", "none"}
        Normalisation after each convolution. "group" looks at one record at a time, so it is the one to use with
        `DPSGD`; it has at most 8 groups.
    dropout : float
        Probability with which a feature of the linear layer is dropped in training, in [0, 1).

    Raises
    ------
    ParameterError
        If a size is less than 1, `dropout` is outside its range, or a group of "group" would hold so few values that
        normalising would wipe out the data.

    Examples
    --------
    >>> stack = CNN((1, 8, 8), channels=(8, 16), width=32).build(64, torch.Generator().manual_seed(0))
    >>> [tuple(layer.shape) for layer in stack.layers(torch.zeros(3, 64))]
    [(3, 8, 4, 4), (3, 16, 2, 2), (3, 32)]
    """

    shape: tuple[int, int, int]
    channels: Sequence[int] = (32, 64)
    width: int = 128
    norm: Literal["group", "batch", "none"] = "group"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ParameterError(f"CNN: `shape` must be (channels, height, width), all positive; got {self.shape!r}.")
        _widths("CNN", "channels", self.channels)
        _widths("CNN", "width", (self.width,))
        if self.norm not in ("group", "batch", "none"):
            raise ParameterError(f'CNN: `norm` must be "group", "batch" or "none"; got {self.norm!r}.')
        if not 0 <= self.dropout < 1:
            raise ParameterError(f"CNN: `dropout` must be in [0, 1); got {self.dropout!r}.")
        _, height, width = self.shape
        for channels in self.channels if self.norm == "group" else ():
            held = channels // _groups(channels) * height * width
            if held < _LEAST_PER_GROUP:
                raise ParameterError(
                    f'CNN: `norm` "group" would normalise {held} values at a time ({channels} channels of {height} x '
                    f'{width}), which wipes out what they say. Use more channels, fewer convolutions or norm="none".'
                )
            height, width = _pooled(height), _pooled(width)

    def build(self, in_features: int, generator: torch.Generator) -> Stack:
        """Build the layers.

        Parameters
        ----------
        in_features : int
            Columns of the data; must be the size of an image.
        generator : torch.Generator
            Source of the starting weights, on the CPU.

        Returns
        -------
        Stack
            One block per convolution and one for the linear layer.

        Raises
        ------
        ParameterError
            If an image of `shape` does not have `in_features` values.
        """
        if math.prod(self.shape) != in_features:
            raise ParameterError(
                f"CNN: `shape` {tuple(self.shape)} has {math.prod(self.shape)} values; the data have {in_features} "
                "columns. Rows must be flat images in the order channels, height, width."
            )
        depth, height, width = self.shape
        blocks: list[nn.Module] = []
        for channels in self.channels:
            layers: list[nn.Module] = [] if blocks else [nn.Unflatten(1, tuple(self.shape))]
            layers.append(_convolution(depth, channels, generator))
            if self.norm != "none":
                layers.append(
                    nn.BatchNorm2d(channels) if self.norm == "batch" else nn.GroupNorm(_groups(channels), channels)
                )
            layers.append(nn.ReLU())
            pool = (min(height, 2), min(width, 2))
            if pool != (1, 1):
                layers.append(nn.MaxPool2d(pool))
            depth, height, width = channels, _pooled(height), _pooled(width)
            blocks.append(nn.Sequential(*layers))
        last: list[nn.Module] = [nn.Flatten(), linear(depth * height * width, self.width, generator), nn.ReLU()]
        if self.dropout:
            last.append(nn.Dropout(self.dropout))
        blocks.append(nn.Sequential(*last))
        return Stack(blocks, self.width)


class Plain(nn.Module):
    """Features, then a linear layer.

    Parameters
    ----------
    features : module
        Maps records to features of shape (B, F).
    head : torch.nn.Linear
        The last layer.
    """

    def __init__(self, features: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, x: Float[Tensor, "B ..."]) -> Float[Tensor, "B C"]:
        """Class scores.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Records.

        Returns
        -------
        tensor of shape (B, C)
            Logits.
        """
        return self.head(self.features(x))


class Bottlenecked(nn.Module):
    """Features, then a noisy bottleneck.

    Parameters
    ----------
    features : module
        Maps records to features of shape (B, F).
    head : BottleneckHead
        The bottleneck and the last layer.
    """

    def __init__(self, features: nn.Module, head: BottleneckHead) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(
        self, x: Float[Tensor, "B ..."], generator: torch.Generator | None = None, sample: bool = True
    ) -> BottleneckOutput:
        """Draw a latent and classify it.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Records.
        generator : torch.Generator, optional
            Source of the noise; needed whenever `sample` is true.
        sample : bool
            False for the mean latent.

        Returns
        -------
        BottleneckOutput
            Logits, the latent and its statistics.
        """
        return self.head(self.features(x), generator, sample)


def with_bottleneck(
    features: nn.Module,
    in_features: int,
    classes: int,
    bottleneck: int | None = None,
    *,
    generator: torch.Generator | None = None,
) -> Bottlenecked:
    """Put a noisy bottleneck and a last layer on any module that makes features.

    Parameters
    ----------
    features : module
        Maps records to features of shape (B, F): a network without its last layer. Trained further with the rest.
    in_features : int
        F.
    classes : int
        C.
    bottleneck : int, optional
        Latent dimensions k; ``F // 2`` if left out.
    generator : torch.Generator, optional
        Source of the starting weights of the new layers; one seeded with 0 if left out.

    Returns
    -------
    Bottlenecked
        Train it with `bottleneck_objective`.

    Raises
    ------
    ParameterError
        If a size is not positive.

    Examples
    --------
    >>> body = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
    >>> network = with_bottleneck(body, 4, classes=3)
    >>> tuple(network(torch.zeros(5, 1, 8, 8), torch.Generator().manual_seed(0)).logits.shape)
    (5, 3)
    """
    return Bottlenecked(features, BottleneckHead(in_features, classes, bottleneck, generator=generator))


def _widths(caller: str, name: str, widths: Sequence[int]) -> None:
    if len(widths) == 0 or min(widths) < 1:
        raise ParameterError(f"{caller}: `{name}` must hold at least one width, each at least 1; got {widths!r}.")


def _groups(channels: int) -> int:
    return math.gcd(channels, 8)


def _pooled(side: int) -> int:
    return max(side // 2, 1)


def _convolution(in_channels: int, out_channels: int, generator: torch.Generator) -> nn.Conv2d:
    """Build a 3 x 3 convolution with torch's own starting law, drawn from `generator`."""
    layer = nn.utils.skip_init(nn.Conv2d, in_channels, out_channels, kernel_size=3, padding=1)
    assert isinstance(layer, nn.Conv2d)
    reach = 1.0 / math.sqrt(9 * in_channels)
    with torch.no_grad():
        layer.weight.uniform_(-reach, reach, generator=generator)
        if layer.bias is not None:
            layer.bias.uniform_(-reach, reach, generator=generator)
    return layer
