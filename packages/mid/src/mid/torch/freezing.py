"""Transfer learning with frozen first layers (TL-DMI): what was learned in public is not learned again in private.

References
----------
- S.-T. Ho, K. Hao, N.-B. Tran, K. Chandrasegaran, N.-M. Cheung, "Model Inversion Robustness: Can Transfer Learning
  Help?", CVPR 2024.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from mid.torch._training import Moment
from mid.torch.defences import Defence, stack_of
from mid.torch.networks import Plain

__all__ = ["Freezing"]


@dataclasses.dataclass(frozen=True, eq=False)
class Freezing(Defence):
    """Take all blocks from a model trained on public data, and train only the last ones.

    Parameters
    ----------
    first_trainable : int
        Index of the first block that private data may change, from 1; the number of blocks leaves only the last layer.
    pretrained : fitted classifier
        Trained on public records, with the same architecture and the same columns. Its last layer is not taken: public
        classes may be others.

    Raises
    ------
    ParameterError
        If `first_trainable` is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mid.torch.network_classifier import NetworkClassifier
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.random((60, 4)), np.arange(60) % 2
    >>> public = NetworkClassifier(hidden=(8, 4), epochs=1).fit(x, y)
    >>> private = NetworkClassifier(Freezing(1, public), hidden=(8, 4), epochs=1).fit(x, y)
    >>> first = [model.module_.features.blocks[0][0].weight for model in (public, private)]
    >>> bool((first[0] == first[1]).all())
    True
    """

    first_trainable: int
    pretrained: Any

    def __post_init__(self) -> None:
        if self.first_trainable < 1:
            raise ParameterError(
                f"Freezing: `first_trainable` must be at least 1; got {self.first_trainable}. With 0 nothing is frozen."
            )

    def prepare(self, network: Plain) -> None:
        """Copy the public blocks and freeze the first of them.

        Parameters
        ----------
        network : Plain
            Changed in place.

        Raises
        ------
        ParameterError
            If `pretrained` is not fitted or has another architecture, or there are fewer blocks than `first_trainable`.
        """
        stack = stack_of("Freezing", network)
        if self.first_trainable > len(stack.blocks):
            raise ParameterError(
                f"Freezing: `first_trainable` must be at most the number of blocks, {len(stack.blocks)}; got "
                f"{self.first_trainable}."
            )
        module = getattr(self.pretrained, "module_", None)
        if module is None:
            raise ParameterError(
                "Freezing: `pretrained` must be a fitted classifier of mid.torch; got "
                f"{type(self.pretrained).__name__} without a trained network."
            )
        source = stack_of("Freezing", module).state_dict()
        target = stack.state_dict()
        if {name: t.shape for name, t in source.items()} != {name: t.shape for name, t in target.items()}:
            raise ParameterError(
                "Freezing: `pretrained` must have the architecture and the columns of the network that is trained; the "
                "shapes of their weights differ."
            )
        stack.load_state_dict(source)
        for block in stack.blocks[: self.first_trainable]:
            block.requires_grad_(False)

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Cross-entropy, with frozen blocks in evaluation mode.

        Parameters
        ----------
        network : module
            Features made of blocks, and a last layer.
        x : tensor of shape (B, dx)
            Records.
        y : tensor of shape (B,)
            Class numbers.
        moment : Moment
            Not needed.

        Returns
        -------
        mapping of str to Tensor
            "loss".
        """
        del moment
        for block in stack_of("Freezing", network).blocks[: self.first_trainable]:
            block.eval()  # else the running means of BatchNorm would learn from private data
        return {"loss": functional.cross_entropy(network(x), y)}
