"""The networks that come with the package, as settings: fully connected, convolutional, Perceivers."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from cmim.conv import ConvDecoder, ConvEncoder
from cmim.decoders import Decoder, MLPDecoder
from cmim.encoders import Encoder, MLPEncoder
from cmim.perceiver import PerceiverDecoder, PerceiverEncoder
from cmim.sequences import TokenDecoder, TokenEncoder
from infocore.errors import ParameterError

__all__ = ["MLP", "Conv", "Network", "Perceiver", "TokenPerceiver", "network_from_dict"]


def _positive(who: str, **values: int) -> None:
    for name, value in values.items():
        if not value >= 1:
            raise ParameterError(f"{who}: `{name}` must be at least 1; got {value!r}.")


@dataclasses.dataclass(frozen=True)
class MLP:
    """Fully connected layers.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers, the decoder's in reverse order.

    Raises
    ------
    ParameterError
        If a width is not positive.
    """

    hidden: tuple[int, ...] = (256, 256)
    kind: ClassVar[str] = "mlp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for width in self.hidden:
            _positive("MLP", hidden=width)

    def build(
        self, n_inputs: int, latent_dim: int, n_features: int, n_params: int, generator: torch.Generator
    ) -> tuple[Encoder, Decoder]:
        """Make encoder and decoder.

        Parameters
        ----------
        n_inputs : int
            Numbers the encoder reads.
        latent_dim : int
            Length of a code.
        n_features, n_params : int
            Features of a sample, and parameters of each.
        generator : torch.Generator
            Source of the starting weights.

        Returns
        -------
        tuple of Encoder and Decoder
            Untrained.
        """
        encoder = MLPEncoder(n_inputs, latent_dim, self.hidden, generator)
        return encoder, MLPDecoder(latent_dim, n_params * n_features, self.hidden[::-1], generator)


@dataclasses.dataclass(frozen=True)
class Conv:
    """Convolutions of stride 2, for images.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width; height and width are multiples of ``2 ** len(channels)``.
    channels : tuple of int
        Of each convolution.
    width : int
        Of the layer between convolutions and code.

    Raises
    ------
    ParameterError
        If a number is not positive, or the shape does not allow so many halvings.
    """

    shape: tuple[int, int, int]
    channels: tuple[int, ...] = (32, 64)
    width: int = 256
    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape("Conv", self.shape))
        object.__setattr__(self, "channels", tuple(self.channels))
        _positive("Conv", channels=min(self.channels, default=0), width=self.width)
        step = 2 ** len(self.channels)
        if self.shape[1] % step or self.shape[2] % step:
            raise ParameterError(
                f"Conv: height and width in `shape` must be multiples of {step} for {len(self.channels)} `channels`; "
                f"got {self.shape[1]} x {self.shape[2]}."
            )

    def build(
        self, n_inputs: int, latent_dim: int, n_features: int, n_params: int, generator: torch.Generator
    ) -> tuple[Encoder, Decoder]:
        """As `MLP.build`.

        Parameters
        ----------
        n_inputs, latent_dim, n_features, n_params : int
            As in `MLP.build`.
        generator : torch.Generator
            Source of the starting weights.

        Returns
        -------
        tuple of Encoder and Decoder
            Untrained.
        """
        inside = _inside(self.shape, n_inputs, n_features)
        encoder = ConvEncoder(inside, latent_dim, self.channels, self.width, generator)
        return encoder, ConvDecoder(latent_dim, self.shape, n_params, self.channels, self.width, generator)


@dataclasses.dataclass(frozen=True)
class Perceiver:
    """Attention between patches and a code of K slots, for images.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width.
    patch : int
        Side of a patch; divides height and width.
    slots : int
        K; divides the length of the code.
    width, depth, heads : int
        Of the attention; `heads` divides `width`.

    Raises
    ------
    ParameterError
        If a number is not positive, or does not divide what it must.
    """

    shape: tuple[int, int, int]
    patch: int = 4
    slots: int = 1
    width: int = 64
    depth: int = 2
    heads: int = 4
    kind: ClassVar[str] = "perceiver"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape("Perceiver", self.shape))
        _positive(
            "Perceiver", patch=self.patch, slots=self.slots, width=self.width, depth=self.depth, heads=self.heads
        )  # fmt: skip
        if self.shape[1] % self.patch or self.shape[2] % self.patch:
            raise ParameterError(
                f"Perceiver: `patch` must divide height and width; got {self.patch} and "
                f"{self.shape[1]} x {self.shape[2]}."
            )
        if self.width % self.heads:
            raise ParameterError(f"Perceiver: `heads` must divide `width`; got {self.heads} and {self.width}.")

    def build(
        self, n_inputs: int, latent_dim: int, n_features: int, n_params: int, generator: torch.Generator
    ) -> tuple[Encoder, Decoder]:
        """As `MLP.build`.

        Parameters
        ----------
        n_inputs, latent_dim, n_features, n_params : int
            As in `MLP.build`.
        generator : torch.Generator
            Source of the starting weights.

        Returns
        -------
        tuple of Encoder and Decoder
            Untrained.

        Raises
        ------
        ParameterError
            If `slots` does not divide `latent_dim`.
        """
        _divided("Perceiver", self.slots, latent_dim)
        rest = (self.patch, self.slots, self.width, self.depth, self.heads, generator)
        encoder = PerceiverEncoder(_inside(self.shape, n_inputs, n_features), latent_dim, *rest)
        return encoder, PerceiverDecoder(latent_dim, self.shape, n_params, *rest)


@dataclasses.dataclass(frozen=True)
class TokenPerceiver:
    """A Perceiver that reads a row of tokens, and a decoder that writes one; for likelihood "tokens".

    Parameters
    ----------
    slots : int
        K; the code is K pieces of D / K, and `latent_dim` a multiple of it.
    width, heads : int
        Of the attention; `heads` divides `width`.
    encoder_depth, decoder_depth : int
        Blocks of each.

    Raises
    ------
    ParameterError
        If a number is not positive, or `heads` does not divide `width`.
    """

    slots: int = 16
    width: int = 128
    heads: int = 4
    encoder_depth: int = 2
    decoder_depth: int = 3
    kind: ClassVar[str] = "tokens"

    def __post_init__(self) -> None:
        _positive("TokenPerceiver", **dataclasses.asdict(self))
        if self.width % self.heads:
            raise ParameterError(f"TokenPerceiver: `heads` must divide `width`; got {self.heads} and {self.width}.")

    def build(
        self, n_inputs: int, latent_dim: int, n_features: int, n_params: int, generator: torch.Generator
    ) -> tuple[TokenEncoder, TokenDecoder]:
        """As `MLP.build`.

        Parameters
        ----------
        n_inputs, n_features : int
            Most tokens of a row, its end included.
        latent_dim : int
            Length of a code.
        n_params : int
            Size of the vocabulary.
        generator : torch.Generator
            Source of the starting weights.

        Returns
        -------
        tuple of TokenEncoder and TokenDecoder
            Untrained.

        Raises
        ------
        ParameterError
            If `slots` does not divide `latent_dim`.
        """
        _divided("TokenPerceiver", self.slots, latent_dim)
        end = (self.heads, generator)
        encoder = TokenEncoder(n_inputs, n_params, latent_dim, self.slots, self.width, self.encoder_depth, *end)
        return encoder, TokenDecoder(latent_dim, n_features, n_params, self.slots, self.width, self.decoder_depth, *end)


Network = MLP | Conv | Perceiver | TokenPerceiver


def network_from_dict(fields: Mapping[str, Any]) -> Network:
    """Build settings from their fields and their ``kind``.

    Parameters
    ----------
    fields : mapping
        ``{"kind": "mlp" | "conv" | "perceiver" | "tokens", ...}``.

    Returns
    -------
    MLP, Conv, Perceiver or TokenPerceiver
        Checked like any other.

    Raises
    ------
    ParameterError
        If the kind is unknown.

    Examples
    --------
    >>> network_from_dict({"kind": "mlp", "hidden": [8]})
    MLP(hidden=(8,))
    """
    kinds: dict[Any, Any] = {made.kind: made for made in (MLP, Conv, Perceiver, TokenPerceiver)}
    given = dict(fields)
    kind = given.pop("kind", "mlp")
    if kind not in kinds:
        raise ParameterError(f"network: `kind` must be one of {', '.join(kinds)}; got {kind!r}.")
    return kinds[kind](**given)


def _divided(who: str, slots: int, latent_dim: int) -> None:
    if latent_dim % slots:
        raise ParameterError(f"{who}: `slots` must divide `latent_dim`; got {slots} and {latent_dim}.")


def _checked_shape(who: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    found = tuple(shape)
    if len(found) != 3 or min(found) < 1:
        raise ParameterError(f"{who}: `shape` must be (channels, height, width); got {found}.")
    return found


def _inside(shape: tuple[int, int, int], n_inputs: int, n_features: int) -> tuple[int, int, int]:
    """Return the shape that the encoder sees: one channel a value, where values are one-hot."""
    if math.prod(shape) != n_features:
        raise ParameterError(f"network: `shape` {shape} holds {math.prod(shape)} features, not {n_features}.")
    return (n_inputs // (shape[1] * shape[2]), *shape[1:])
