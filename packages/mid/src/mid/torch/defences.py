"""What a defence of a network is: a change of its loss or of its training, as a setting."""

import abc
import dataclasses
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from mid.torch._training import Moment
from mid.torch.networks import Plain, Stack

__all__ = ["Defence", "Undefended"]


class Defence(abc.ABC):
    """A way to train a classifier so that it leaks less; concrete ones are frozen dataclasses.

    A defence says what changes: `prepare` is called once before training, `loss` at every step.
    """

    def prepare(self, network: Plain) -> None:
        """Change the untrained network, or refuse it; by default do neither.

        Parameters
        ----------
        network : Plain
            What will be trained.
        """
        del network

    @abc.abstractmethod
    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Loss of a batch.

        Parameters
        ----------
        network : module
            Called on `x`, returns logits.
        x : tensor of shape (B, dx)
            Records.
        y : tensor of shape (B,)
            Class numbers.
        moment : Moment
            How far training is, and the source of random numbers.

        Returns
        -------
        mapping of str to Tensor
            "loss" and the terms it is made of.
        """


@dataclasses.dataclass(frozen=True)
class Undefended(Defence):
    """Cross-entropy and nothing else.

    Examples
    --------
    >>> Undefended() == Undefended()
    True
    """

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Cross-entropy.

        Parameters
        ----------
        network : module
            Called on `x`, returns logits.
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
        return {"loss": functional.cross_entropy(network(x), y)}


def stack_of(caller: str, network: nn.Module) -> Stack:
    """Return the blocks of a network, for a defence that looks inside."""
    features = getattr(network, "features", None)
    if not isinstance(features, Stack):
        raise ParameterError(
            f"{caller}: `network` must be made of blocks (mid.torch.networks.Stack), as MLP and CNN build it; got "
            f"{type(features if features is not None else network).__name__}."
        )
    return features
