"""Bilateral dependency optimisation (BiDO): hidden layers that depend little on inputs and much on labels.

References
----------
- X. Peng, F. Liu, J. Zhang, L. Lan, J. Ye, T. Liu, B. Han, "Bilateral Dependency Optimization: Defending Against
  Model-Inversion Attacks", KDD 2022.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from mid.torch._training import Moment
from mid.torch.defences import Defence, stack_of
from mid.torch.dependence import coco, gaussian_kernel, hsic, linear_kernel

__all__ = ["BiDO"]


@dataclasses.dataclass(frozen=True)
class BiDO(Defence):
    r"""Price on the dependence of hidden layers on inputs, reward for their dependence on labels.

    .. math:: \mathrm{CE} + \sum_j a_1 d(X, Z_j) - a_2 d(Z_j, Y)

    Parameters
    ----------
    a1 : float
        Price of dependence on inputs, not negative.
    a2 : float
        Reward of dependence on labels, not negative.
    measure : {"hsic", "coco"}
        The dependence d: normalised HSIC, or COCO. Each has a scale of its own, so weights do not carry over.

    Raises
    ------
    ParameterError
        If a weight is negative or `measure` is not one of its values.

    Notes
    -----
    Gaussian kernels on inputs and layers, a linear one on one-hot labels. A step costs of order ``B^3`` for each layer
    with "hsic" and "coco" alike, in float64.

    Examples
    --------
    >>> BiDO(a1=1.0, a2=50.0, measure="coco").measure
    'coco'
    """

    a1: float = 0.05
    a2: float = 0.5
    measure: Literal["hsic", "coco"] = "hsic"

    def __post_init__(self) -> None:
        for name in ("a1", "a2"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ParameterError(f"BiDO: `{name}` must be finite and not negative; got {value!r}.")
        if self.measure not in ("hsic", "coco"):
            raise ParameterError(f'BiDO: `measure` must be "hsic" or "coco"; got {self.measure!r}.')

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Cross-entropy with both dependences.

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
            "loss", "cross_entropy", and the dependences on inputs and on labels, summed over layers.
        """
        del moment
        stack = stack_of("BiDO", network)
        layers = stack.layers(x)
        head = network.get_submodule("head")
        logits = head(layers[-1])
        k_x = gaussian_kernel(x.double())
        k_y = linear_kernel(functional.one_hot(y, logits.shape[1]).double())
        inputs = labels = torch.zeros((), dtype=torch.float64, device=x.device)
        for layer in layers:
            k_z = gaussian_kernel(layer.flatten(1).double())
            inputs, labels = inputs + self._dependence(k_x, k_z), labels + self._dependence(k_z, k_y)
        cross_entropy = functional.cross_entropy(logits, y)
        loss = cross_entropy + (self.a1 * inputs - self.a2 * labels).to(cross_entropy.dtype)
        return {"loss": loss, "cross_entropy": cross_entropy, "inputs": inputs, "labels": labels}

    def _dependence(self, k: Tensor, other: Tensor) -> Tensor:
        return hsic(k, other, normalised=True) if self.measure == "hsic" else coco(k, other)
