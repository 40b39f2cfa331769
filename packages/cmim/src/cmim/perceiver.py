"""Perceiver encoder and decoder: an image as patches, a code of K slots between two stacks of attention."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from infocore.torch.layers import linear

__all__ = ["Attention", "Block", "PerceiverDecoder", "PerceiverEncoder", "table"]


class Attention(nn.Module):
    """Multi-head attention of queries to a memory.

    Parameters
    ----------
    width, heads : int
        Of the model; `heads` divides `width`.
    generator : torch.Generator
        Source of the starting weights.
    """

    def __init__(self, width: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.query = linear(width, width, generator)
        self.key_value = linear(width, 2 * width, generator)
        self.out = linear(width, width, generator)

    def project(self, memory: Float[Tensor, "B S W"]) -> tuple[Tensor, Tensor]:
        """Return keys and values of a memory.

        Parameters
        ----------
        memory : tensor of shape (B, S, W)
            What is looked at.

        Returns
        -------
        tuple of two tensors of shape (B, heads, S, W / heads)
            Keys and values.
        """
        pairs = self.key_value(memory).unflatten(-1, (2, self.heads, -1))
        return pairs[:, :, 0].transpose(1, 2), pairs[:, :, 1].transpose(1, 2)

    def attend(
        self, x: Float[Tensor, "B T W"], k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False
    ) -> Float[Tensor, "B T W"]:
        """Return what keys and values have for each query.

        Parameters
        ----------
        x : tensor of shape (B, T, W)
            Queries.
        k, v : tensor of shape (B, heads, S, W / heads)
            As from `project`.
        mask : bool tensor of shape (B, 1, 1, S), optional
            What may be looked at.
        causal : bool
            Whether query t may look at the first t + 1 only.

        Returns
        -------
        tensor of shape (B, T, W)
            One answer a query.
        """
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(found.transpose(1, 2).flatten(2))

    def forward(
        self,
        x: Float[Tensor, "B T W"],
        memory: Float[Tensor, "B S W"],
        mask: Tensor | None = None,
        *,
        causal: bool = False,
    ) -> Float[Tensor, "B T W"]:
        """Return what the memory has for each query.

        Parameters
        ----------
        x, memory : tensor of shape (B, T, W), (B, S, W)
            Queries, and what they look at.
        mask, causal
            As in `attend`.

        Returns
        -------
        tensor of shape (B, T, W)
            One answer a query.
        """
        return self.attend(x, *self.project(memory), mask, causal=causal)


class Block(nn.Module):
    """Self-attention, attention to a memory, and two linear layers, each after a layer norm and with a residual.

    Parameters
    ----------
    width, heads : int
        As in `Attention`.
    generator : torch.Generator
        Source of the starting weights.
    """

    def __init__(self, width: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.within = Attention(width, heads, generator)
        self.across = Attention(width, heads, generator)
        self.feed = nn.Sequential(
            linear(width, 4 * width, generator), nn.GELU(), linear(4 * width, width, generator)
        )  # fmt: skip

    def forward(
        self,
        x: Float[Tensor, "B T W"],
        memory: Float[Tensor, "B S W"],
        mask: Tensor | None = None,
        *,
        causal: bool = False,
    ) -> Float[Tensor, "B T W"]:
        """Return the states after one block.

        Parameters
        ----------
        x, memory : tensor of shape (B, T, W), (B, S, W)
            States, and what they look at.
        mask : bool tensor of shape (B, 1, 1, S), optional
            What of the memory may be looked at.
        causal : bool
            Whether a state sees those before it only.

        Returns
        -------
        tensor of shape (B, T, W)
            The new states.
        """
        h = self.norms[0](x)
        x = x + self.within(h, h, causal=causal)
        x = x + self.across(self.norms[1](x), memory, mask)
        return x + self.feed(self.norms[2](x))


def table(rows: int, width: int, generator: torch.Generator) -> nn.Parameter:
    """Return a learned table of states; random, since equal rows would stay equal.

    Parameters
    ----------
    rows, width : int
        Its shape.
    generator : torch.Generator
        Source of the starting values.

    Returns
    -------
    torch.nn.Parameter of shape (rows, width)
        Normal, of norm about 1 a row.
    """
    return nn.Parameter(torch.randn(rows, width, generator=generator) / math.sqrt(width))


class PerceiverEncoder(nn.Module):
    """K learned slots look at the patches of an image, block after block.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width; rows of data may be flat.
    latent_dim : int
        Length D of a code, a multiple of `slots`.
    patch : int
        Side of a patch; divides height and width.
    slots : int
        K; the code is K pieces of D / K.
    width, depth, heads : int
        Of the attention.
    generator : torch.Generator
        Source of the starting weights.

    References
    ----------
    .. [1] A. Jaegle et al., "Perceiver", ICML 2021. The order within a block follows MolMIM's description.

    Examples
    --------
    >>> encoder = PerceiverEncoder((1, 28, 28), 16, 7, 4, 32, 2, 4, torch.Generator().manual_seed(0))
    >>> encoder(torch.zeros(5, 784))[0].shape
    torch.Size([5, 16])
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        latent_dim: int,
        patch: int,
        slots: int,
        width: int,
        depth: int,
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape, self.patch = shape, patch
        cells = (shape[1] // patch) * (shape[2] // patch)
        self.embed = linear(shape[0] * patch * patch, width, generator)
        self.places = table(cells, width, generator)
        self.slots = table(slots, width, generator)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = linear(width, 2 * latent_dim // slots, generator)

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
        patches = functional.unfold(x.reshape(len(x), *self.shape), self.patch, stride=self.patch).transpose(1, 2)
        memory = self.embed(patches) + self.places
        state = self.slots.expand(len(x), -1, -1)
        for block in self.blocks:
            state = block(state, memory)
        mu, logvar = self.head(self.norm(state)).chunk(2, dim=-1)
        return mu.flatten(1), logvar.flatten(1)


class PerceiverDecoder(nn.Module):
    """A learned query for each patch looks at the K slots of the code.

    Parameters
    ----------
    latent_dim : int
        Length D of a code.
    shape : (int, int, int)
        Channels, height and width.
    n_params : int
        Parameters a pixel.
    patch, slots, width, depth, heads : int
        As in `PerceiverEncoder`.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> decoder = PerceiverDecoder(16, (1, 28, 28), 1, 7, 4, 32, 2, 4, torch.Generator().manual_seed(0))
    >>> h = decoder.hidden(torch.zeros(5, 16))
    >>> h.shape, decoder.output(h).shape
    (torch.Size([5, 16, 32]), torch.Size([5, 784]))
    """

    def __init__(
        self,
        latent_dim: int,
        shape: tuple[int, int, int],
        n_params: int,
        patch: int,
        slots: int,
        width: int,
        depth: int,
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape, self.patch, self.n_slots = (n_params * shape[0], *shape[1:]), patch, slots
        cells = (shape[1] // patch) * (shape[2] // patch)
        self.embed = linear(latent_dim // slots, width, generator)
        self.slots = table(slots, width, generator)
        self.queries = table(cells, width, generator)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = linear(width, n_params * shape[0] * patch * patch, generator)

    def hidden(self, z: Float[Tensor, "B D"]) -> Float[Tensor, "B T W"]:
        """Return the states before the last map.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, T, W)
            A state for each of T patches.
        """
        memory = self.embed(z.unflatten(1, (self.n_slots, -1))) + self.slots
        state = self.queries.expand(len(z), -1, -1)
        for block in self.blocks:
            state = block(state, memory)
        return self.norm(state)

    def output(self, h: Float[Tensor, "B T W"]) -> Float[Tensor, "B n"]:
        """Return the parameters of the law of x.

        Parameters
        ----------
        h : tensor of shape (B, T, W)
            What `hidden` returned.

        Returns
        -------
        tensor of shape (B, n_params * channels * height * width)
            Parameter by parameter.
        """
        pixels = self.head(h).transpose(1, 2)
        return functional.fold(pixels, self.shape[1:], self.patch, stride=self.patch).flatten(1)
