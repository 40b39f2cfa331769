"""Optimisers as settings."""

import dataclasses
from collections.abc import Iterable

import torch
from torch import nn

from infocore.errors import ParameterError

__all__ = ["SGD", "Adam"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam.

    Parameters
    ----------
    betas : tuple of two floats
        Memory of the means of gradients and of their squares, in [0, 1).
    weight_decay : float
        Weight of the squared norm of the weights in the loss.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Examples
    --------
    >>> weight = nn.Parameter(torch.zeros(2))
    >>> Adam(weight_decay=1e-4).build([weight], 1e-3).defaults["weight_decay"]
    0.0001
    """

    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ParameterError(f"Adam: `betas` must be in [0, 1); got {self.betas!r}.")
        _not_negative("Adam", "weight_decay", self.weight_decay)

    def build(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """Make the optimiser.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
            What it changes.
        learning_rate : float
            Step size.

        Returns
        -------
        torch.optim.Optimizer
            New, without state.
        """
        # fused: one kernel for all tensors; without it the loop over them is a third of the step of a small network
        return torch.optim.Adam(
            parameters, lr=learning_rate, betas=self.betas, weight_decay=self.weight_decay, fused=True
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent, by default with the momentum and decay of the MID authors' code.

    Parameters
    ----------
    momentum : float
        In [0, 1).
    weight_decay : float
        Weight of the squared norm of the weights in the loss.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Examples
    --------
    >>> SGD().build([nn.Parameter(torch.zeros(2))], 1e-2).defaults["momentum"]
    0.9
    """

    momentum: float = 0.9
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ParameterError(f"SGD: `momentum` must be in [0, 1); got {self.momentum!r}.")
        _not_negative("SGD", "weight_decay", self.weight_decay)

    def build(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """Make the optimiser.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter
            What it changes.
        learning_rate : float
            Step size.

        Returns
        -------
        torch.optim.Optimizer
            New, without state.
        """
        return torch.optim.SGD(
            parameters, lr=learning_rate, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )


def _not_negative(caller: str, name: str, value: float) -> None:
    if not 0 <= value < float("inf"):
        raise ParameterError(f"{caller}: `{name}` must be finite and not negative; got {value!r}.")
