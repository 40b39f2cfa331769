"""Layers whose starting weights come from a generator, so that building one leaves torch's global stream alone."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["linear", "mlp"]


def linear(in_features: int, out_features: int, generator: torch.Generator) -> nn.Linear:
    """Build `torch.nn.Linear` with torch's own starting law, drawn from `generator`."""
    layer = nn.utils.skip_init(nn.Linear, in_features, out_features)
    assert isinstance(layer, nn.Linear)  # what skip_init promises, and its annotation does not say
    reach = 1.0 / math.sqrt(in_features)
    with torch.no_grad():
        layer.weight.uniform_(-reach, reach, generator=generator)
        layer.bias.uniform_(-reach, reach, generator=generator)
    return layer


def mlp(widths: Sequence[int], generator: torch.Generator, *, last_activation: bool) -> nn.Sequential:
    """Linear layers between `widths`, with ReLU between them and, if asked, after the last."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [linear(fan_in, fan_out, generator), nn.ReLU()]
    return nn.Sequential(*(layers if last_activation else layers[:-1]))
