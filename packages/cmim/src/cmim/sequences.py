"""Networks for rows of tokens: a Perceiver encoder, and an autoregressive decoder that looks at the code."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor, nn

from cmim.perceiver import Block, table
from cmim.symbols import BOS, PAD
from infocore.torch.layers import linear

__all__ = ["Cache", "TokenDecoder", "TokenEncoder"]


class Cache(NamedTuple):
    """What a decoder keeps while it writes: keys and values of what was written, and of the code.

    Parameters
    ----------
    within : tensor of shape (depth, 2, B, heads, T, W / heads)
        Of the tokens before `step`; the rest is room.
    across : tuple of pairs of tensors of shape (B, heads, K, W / heads)
        Of the code, block by block.
    step : int
        Tokens written.
    """

    within: Tensor
    across: tuple[tuple[Tensor, Tensor], ...]
    step: int

    def rows(self, index: Tensor) -> "Cache":
        """Keep some rows, in the order given.

        Parameters
        ----------
        index : integer tensor of shape (M,)
            Rows, perhaps repeated.

        Returns
        -------
        Cache
            Of M rows.
        """
        across = tuple((k[index], v[index]) for k, v in self.across)
        depth, pair, _, heads, room, width = self.within.shape
        within = self.within.new_empty(depth, pair, len(index), heads, room, width)
        within[..., : self.step, :] = self.within[:, :, index, :, : self.step]
        return Cache(within, across, self.step)

    def grown(self, most: int) -> "Cache":
        """Make room for more tokens, if there is none left.

        Parameters
        ----------
        most : int
            Tokens there will ever be.

        Returns
        -------
        Cache
            With room for 32 more, or up to `most`.
        """
        room = self.within.shape[4]
        if self.step < room:
            return self
        more = self.within.new_empty(*self.within.shape[:4], min(32, most - room), self.within.shape[5])
        return Cache(torch.cat([self.within, more], dim=4), self.across, self.step)


def places(length: int, width: int) -> nn.Parameter:
    """Return a learned table of places that starts as sines, so that a place never trained still is one.

    Parameters
    ----------
    length, width : int
        Its shape.

    Returns
    -------
    torch.nn.Parameter of shape (length, width)
        Of norm about 1 a row.
    """
    half = (width + 1) // 2
    rates = torch.exp(-math.log(1e4) * torch.arange(half) / half)
    angles = torch.arange(length)[:, None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]
    return nn.Parameter(waves * math.sqrt(2.0 / width))


class TokenEncoder(nn.Module):
    """K learned slots look at the tokens, block after block.

    Parameters
    ----------
    length, levels : int
        Most tokens of a row, its end included, and size of the vocabulary.
    latent_dim, slots : int
        Length D of a code and its number K of pieces, which divides D.
    width, depth, heads : int
        Of the attention.
    generator : torch.Generator
        Source of the starting weights.

    References
    ----------
    .. [1] A. Jaegle et al., "Perceiver", ICML 2021. The order within a block follows MolMIM's description.

    Examples
    --------
    >>> encoder = TokenEncoder(12, 50, 16, 4, 32, 2, 4, torch.Generator().manual_seed(0))
    >>> mu, _ = encoder(torch.tensor([[5, 6, 3, 0, 0], [5, 5, 5, 6, 3]]))
    >>> mu.shape, bool(torch.allclose(mu[:1], encoder(torch.tensor([[5, 6, 3]]))[0], atol=1e-6))  # padding is not seen
    (torch.Size([2, 16]), True)
    """

    def __init__(
        self,
        length: int,
        levels: int,
        latent_dim: int,
        slots: int,
        width: int,
        depth: int,
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.tokens = table(levels, width, generator)
        self.places = places(length, width)
        self.slots = table(slots, width, generator)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = linear(width, 2 * latent_dim // slots, generator)

    def forward(self, x: Real[Tensor, "B T"]) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Return mean and raw log-variance.

        Parameters
        ----------
        x : tensor of shape (B, T)
            Numbers of tokens, T at most `length`.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            Mean and raw log-variance.
        """
        x = x.long()
        memory = self.tokens[x] + self.places[: x.shape[1]]
        seen = (x != PAD)[:, None, None, :]
        state = self.slots.expand(len(x), -1, -1)
        for block in self.blocks:
            state = block(state, memory, seen)
        mu, logvar = self.head(self.norm(state)).chunk(2, dim=-1)
        return mu.flatten(1), logvar.flatten(1)


class TokenDecoder(nn.Module):
    """Writes a row of tokens one after another, each time looking at the code and at what is written.

    Parameters
    ----------
    latent_dim, length, levels, slots, width, depth, heads
        As in `TokenEncoder`.
    generator : torch.Generator
        Source of the starting weights.

    Examples
    --------
    >>> decoder = TokenDecoder(16, 12, 50, 4, 32, 2, 4, torch.Generator().manual_seed(0))
    >>> h = decoder.hidden(torch.zeros(2, 16), torch.tensor([[5, 6, 3, 0], [5, 5, 6, 3]]))
    >>> h.shape, decoder.output(h).shape
    (torch.Size([2, 4, 32]), torch.Size([2, 4, 50]))
    """

    def __init__(
        self,
        latent_dim: int,
        length: int,
        levels: int,
        slots: int,
        width: int,
        depth: int,
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.n_slots = slots
        self.embed = linear(latent_dim // slots, width, generator)
        self.slots = table(slots, width, generator)
        self.tokens = table(levels, width, generator)
        self.places = places(length, width)
        self.blocks = nn.ModuleList(Block(width, heads, generator) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = linear(width, levels, generator)

    def hidden(self, z: Float[Tensor, "B D"], x: Real[Tensor, "B T"]) -> Float[Tensor, "B T W"]:
        """Return the states before the last map, by teacher forcing.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.
        x : tensor of shape (B, T)
            The row itself, of which each place sees what comes before it.

        Returns
        -------
        tensor of shape (B, T, W)
            The state at place t, from which token t is predicted; those of padding mean nothing.
        """
        x = x.long()
        before = torch.cat([torch.full_like(x[:, :1], BOS), x[:, :-1]], dim=1)
        memory = self._memory(z)
        state = self.tokens[before] + self.places[: x.shape[1]]
        for block in self.blocks:
            state = block(state, memory, causal=True)
        return self.norm(state)

    def output(self, h: Float[Tensor, "B T W"]) -> Float[Tensor, "B T V"]:
        """Return the log-odds of each token.

        Parameters
        ----------
        h : tensor of shape (B, T, W)
            What `hidden` returned.

        Returns
        -------
        tensor of shape (B, T, V)
            For each place, of each token of the vocabulary.
        """
        return self.head(h)

    def begin(self, z: Float[Tensor, "B D"]) -> Cache:
        """Start to write.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        Cache
            For `step`, of nothing written.
        """
        memory = self._memory(z)
        first: Block = self.blocks[0]  # pyright: ignore[reportAssignmentType]
        heads, width = first.within.heads, memory.shape[-1]
        shape = (len(self.blocks), 2, len(z), heads, 0, width // heads)
        across = tuple(block.across.project(memory) for block in self.blocks)  # pyright: ignore
        return Cache(memory.new_zeros(shape), across, 0)

    def step(self, before: Int[Tensor, " B"], cache: Cache) -> tuple[Float[Tensor, "B V"], Cache]:
        """Return the log-odds of the next token.

        Parameters
        ----------
        before : integer tensor of shape (B,)
            The token before it; `BOS` for the first.
        cache : Cache
            Of what was written. Its tensors are written to: a cache is used once.

        Returns
        -------
        tuple of tensor of shape (B, V) and Cache
            The log-odds, and the cache for the token after.
        """
        cache, t = cache.grown(len(self.places)), cache.step
        state = (self.tokens[before] + self.places[t])[:, None]
        for i, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            h = block.norms[0](state)
            kept = cache.within[i]
            for j, new in enumerate(block.within.project(h)):
                kept[j, :, :, t] = new[:, :, 0]
            state = state + block.within.attend(h, kept[0, :, :, : t + 1], kept[1, :, :, : t + 1])
            state = state + block.across.attend(block.norms[1](state), *cache.across[i])
            state = state + block.feed(block.norms[2](state))
        return self.head(self.norm(state))[:, 0], Cache(cache.within, cache.across, t + 1)

    def _memory(self, z: Tensor) -> Tensor:
        return self.embed(z.unflatten(1, (self.n_slots, -1))) + self.slots
