"""What an attack on a network may reach when it has the network itself."""

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["WhiteBox"]


class WhiteBox(Protocol):
    """A network whose answers can be differentiated with respect to its input."""

    def draws(self, x: Tensor, count: int | None, generator: torch.Generator | None) -> Tensor:
        """Logits of several draws of the release's noise, differentiable in `x`.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.
        count : int or None
            Number of draws; None for the answer without noise (the mean latent), as one draw.
        generator : torch.Generator or None
            Source of the noise; None without noise.

        Returns
        -------
        tensor of shape (count, B, C)
            Logits. A network without noise answers with `count` equal draws.
        """
        ...

    def features(self, x: Tensor) -> Tensor:
        """Features below the last layer, without noise, differentiable in `x`.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.

        Returns
        -------
        tensor of shape (B, F)
            Features.
        """
        ...
