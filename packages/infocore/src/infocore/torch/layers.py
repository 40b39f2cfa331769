"""Layers whose starting weights come from a generator, so that building one leaves torch's global stream alone."""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

__all__ = ["linear", "mlp"]


def linear(in_features: int, out_features: int, generator: torch.Generator) -> nn.Linear:
    """Build `torch.nn.Linear` with torch's own starting law, drawn from `generator`.

    Parameters
    ----------
    in_features, out_features : int
        Widths.
    generator : torch.Generator
        Source of the weights, on the CPU.

    Returns
    -------
    torch.nn.Linear
        Weights and bias uniform in ``+-1/sqrt(in_features)``.

    Examples
    --------
    >>> a, b = (linear(3, 2, torch.Generator().manual_seed(1)).weight for _ in range(2))
    >>> bool((a == b).all())
    True
    """
    layer = nn.utils.skip_init(nn.Linear, in_features, out_features)
    assert isinstance(layer, nn.Linear)  # what skip_init promises, and its annotation does not say
    reach = 1.0 / math.sqrt(in_features)
    with torch.no_grad():
        layer.weight.uniform_(-reach, reach, generator=generator)
        layer.bias.uniform_(-reach, reach, generator=generator)
    return layer


def mlp(
    widths: Sequence[int],
    generator: torch.Generator,
    *,
    activation: Callable[[], nn.Module] = nn.ReLU,
    last_activation: bool = False,
) -> nn.Sequential:
    """Stack linear layers with an activation between them.

    Parameters
    ----------
    widths : sequence of int
        ``(in, hidden..., out)``, at least two.
    generator : torch.Generator
        Source of the weights, on the CPU.
    activation : callable
        Makes the activation module.
    last_activation : bool
        Whether the last layer is followed by one too.

    Returns
    -------
    torch.nn.Sequential
        Alternating linear layers and activations.

    Examples
    --------
    >>> len(mlp((4, 8, 2), torch.Generator()))
    3
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [linear(fan_in, fan_out, generator), activation()]
    return nn.Sequential(*(layers if last_activation else layers[:-1]))
