r"""Critics: networks that score every x of a batch against every y.

A `Critic` is one module; its variants are settings. `Separable` costs O(B + K) network evaluations for B x K scores,
`Joint` costs O(B K) and is the more expressive, `Bilinear` is the smallest.
"""

import dataclasses
import math
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import linear, mlp

__all__ = ["Bilinear", "Critic", "Joint", "Separable"]


@dataclasses.dataclass(frozen=True)
class Separable:
    r"""Inner product of two networks, :math:`f(x, y) = g(x)^\top h(y) \;[ + a(x) + b(y)]`.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers of each network.
    embedding : int
        Length of the vectors that are multiplied.
    activation : {"relu", "gelu"}
        Between the layers.
    unary : bool
        Whether the networks also give the two terms in brackets. InfoNCE over rows does not see a, over columns not b.
    """

    hidden: tuple[int, ...] = (64, 64)
    embedding: int = 32
    activation: Literal["relu", "gelu"] = "relu"
    unary: bool = False


@dataclasses.dataclass(frozen=True)
class Joint:
    r"""One network on the pair, :math:`f(x, y) = g([x, y])`.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    """

    hidden: tuple[int, ...] = (64, 64)


@dataclasses.dataclass(frozen=True)
class Bilinear:
    r"""A matrix and two vectors, :math:`f(x, y) = x^\top W y + a^\top x + b^\top y`.

    Parameters
    ----------
    quadratic : bool
        Whether squares of the coordinates are appended to x and y first, so that Gaussian log-ratios are in reach.
    """

    quadratic: bool = False


class Critic(nn.Module):
    """Scores of every x against every y.

    Parameters
    ----------
    dx, dy : int
        Features of x and of y.
    settings : Separable, Joint or Bilinear
        The variant.
    seed : int
        Seed of the starting weights.

    Raises
    ------
    ParameterError
        If `settings` is none of the variants.

    Examples
    --------
    >>> critic = Critic(3, 2, Separable(hidden=(8,), embedding=4))
    >>> critic(torch.zeros(5, 3), torch.zeros(7, 2)).shape
    torch.Size([5, 7])
    """

    def __init__(self, dx: int, dy: int, settings: Separable | Joint | Bilinear = Separable(), seed: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.features = (dx, dy)
        generator = torch.Generator().manual_seed(seed)
        if isinstance(settings, Separable):
            if settings.activation not in ("relu", "gelu"):
                raise ParameterError(f"Critic: `activation` must be 'relu' or 'gelu'; got {settings.activation!r}.")
            act = nn.ReLU if settings.activation == "relu" else nn.GELU
            out = settings.embedding + int(settings.unary)
            self.x_net = mlp((dx, *settings.hidden, out), generator, activation=act)
            self.y_net = mlp((dy, *settings.hidden, out), generator, activation=act)
        elif isinstance(settings, Joint):
            # The first layer acts on x and y apart, so that B + K evaluations of it serve all B x K pairs.
            first, *rest = settings.hidden
            self.x_net = linear(dx, first, generator)
            self.y_net = linear(dy, first, generator)
            self.top = nn.Sequential(nn.ReLU(), mlp((first, *rest, 1), generator))
        elif isinstance(settings, Bilinear):  # pyright: ignore[reportUnnecessaryIsInstance] - users are not typed
            twice = 2 if settings.quadratic else 1
            self.weight = linear(twice * dx, twice * dy, generator)
            self.x_net = linear(twice * dx, 1, generator)
            self.y_net = linear(twice * dy, 1, generator)
        else:
            raise ParameterError(f"Critic: `settings` must be Separable, Joint or Bilinear; got {settings!r}.")

    def forward(self, x: Float[Tensor, "B dx"], y: Float[Tensor, "K dy"]) -> Float[Tensor, "B K"]:
        """Score all pairs.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Samples of x.
        y : tensor of shape (K, dy)
            Samples of y.

        Returns
        -------
        tensor of shape (B, K)
            ``scores[i, k] = f(x_i, y_k)``.

        Raises
        ------
        ShapeError
            If a width is not the one that the critic was built for.
        """
        for name, a, width in (("x", x, self.features[0]), ("y", y, self.features[1])):
            if a.shape[-1] != width:
                raise ShapeError(f"Critic: `{name}` must have {width} features; got shape {tuple(a.shape)}.")
        if isinstance(self.settings, Separable):
            g, h = self.x_net(x), self.y_net(y)
            if not self.settings.unary:
                return g @ h.T
            e = self.settings.embedding
            return g[:, :e] @ h[:, :e].T / math.sqrt(e) + g[:, e:] + h[:, e:].T
        if isinstance(self.settings, Joint):
            return cast("Tensor", self.top(self.x_net(x)[:, None] + self.y_net(y))).squeeze(-1)
        if self.settings.quadratic:
            x, y = torch.cat((x, x.square()), 1), torch.cat((y, y.square()), 1)
        return self.weight(x) @ y.T + self.x_net(x) + self.y_net(y).T
