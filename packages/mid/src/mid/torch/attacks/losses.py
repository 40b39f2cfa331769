r"""Identity losses: what an attack minimises so that a target sees a class, averaged over the target's noise.

The **loss** is averaged over draws, not the answer: an average of logits inside a loss would be another target's.

References
----------
- X. Yuan et al., "Pseudo Label-Guided Model Inversion Attack via Conditional Generative Adversarial Network",
  AAAI 2023 (max-margin).
- L. Struppek et al., "Plug & Play Attacks", ICML 2022 (Poincare distance).
"""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from mid.torch.attacks.reach import Reach

__all__ = [
    "AttackLoss",
    "BoundLoss",
    "CrossEntropy",
    "MaxMargin",
    "Poincare",
    "cross_entropy",
    "max_margin",
    "poincare",
]

BoundLoss = Callable[[Tensor, Tensor], Tensor]


class AttackLoss(Protocol):
    """Settings of an identity loss."""

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target.

        Parameters
        ----------
        reach : Reach
            What can be asked.

        Returns
        -------
        callable
            From rows (B, dx) and classes (B,) to losses (B,), differentiable in the rows.
        """
        ...


def cross_entropy(logits: Float[Tensor, "B C"], classes: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Cross-entropy of each row.

    Parameters
    ----------
    logits : tensor of shape (B, C)
        Class scores.
    classes : tensor of shape (B,)
        Classes wanted.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(cross_entropy(torch.zeros(1, 4), torch.tensor([2])).item(), 4)  # log 4
    1.3863
    """
    return functional.cross_entropy(logits, classes, reduction="none")


def max_margin(logits: Float[Tensor, "B C"], classes: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    r"""Largest other logit less that of the class, :math:`-m_c + \max_{j \ne c} m_j`.

    Parameters
    ----------
    logits : tensor of shape (B, C)
        Class scores.
    classes : tensor of shape (B,)
        Classes wanted.

    Returns
    -------
    tensor of shape (B,)
        Negative where the class wins. Unlike cross-entropy its gradient does not vanish there.

    Examples
    --------
    >>> max_margin(torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([1])).item()
    -2.0
    """
    own = logits.gather(1, classes[:, None])[:, 0]
    others = logits.masked_fill(functional.one_hot(classes, logits.shape[1]).bool(), -torch.inf)
    return others.max(1).values - own


def poincare(logits: Float[Tensor, "B C"], classes: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    r"""Distance in the Poincare ball of the normalised logits and the class.

    .. math:: \mathrm{arccosh}\Bigl(1 + \frac{2 \|u - v\|^2}{(1 - \|u\|^2)(1 - \|v\|^2)}\Bigr), \quad
              u = m / \|m\|_1, \quad v = \max(e_c - 10^{-4}, 0)

    Parameters
    ----------
    logits : tensor of shape (B, C)
        Class scores.
    classes : tensor of shape (B,)
        Classes wanted.

    Returns
    -------
    tensor of shape (B,)
        Distances.

    Examples
    --------
    >>> near, far = poincare(torch.tensor([[9.0, 1.0], [1.0, 9.0]]), torch.tensor([0, 0])).tolist()
    >>> near < far
    True
    """
    u = logits / logits.abs().sum(1, keepdim=True).clamp_min(1e-12)
    v = (functional.one_hot(classes, logits.shape[1]).to(logits) - 1e-4).clamp_min(0.0)
    # u lies on the rim where one logit alone is not 0: kept a little inside, as v is
    room = (1 - u.square().sum(1)).clamp_min(1e-6) * (1 - v.square().sum(1))
    return torch.acosh((1 + 2 * (u - v).square().sum(1) / room).clamp_min(1 + 1e-7))


def over_draws(
    loss: Callable[[Tensor, Tensor], Tensor], logits: Float[Tensor, "K B C"], classes: Int[Tensor, " B"]
) -> Float[Tensor, " B"]:
    """Average a loss over draws.

    Parameters
    ----------
    loss : callable
        From logits (B, C) and classes (B,) to losses (B,).
    logits : tensor of shape (K, B, C)
        K draws.
    classes : tensor of shape (B,)
        Classes wanted.

    Returns
    -------
    tensor of shape (B,)
        Means over draws.
    """
    return loss(logits.flatten(0, 1), classes.repeat(len(logits))).reshape(len(logits), -1).mean(0)


def _bound(loss: Callable[[Tensor, Tensor], Tensor], reach: Reach) -> BoundLoss:
    return lambda x, classes: over_draws(loss, reach.logits(x), classes)


@dataclasses.dataclass(frozen=True)
class CrossEntropy:
    """`cross_entropy` as the loss of an attack."""

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target (`AttackLoss`).

        Parameters
        ----------
        reach : Reach
            What can be asked.

        Returns
        -------
        callable
            From rows and classes to losses.
        """
        return _bound(cross_entropy, reach)


@dataclasses.dataclass(frozen=True)
class MaxMargin:
    """`max_margin` as the loss of an attack."""

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target (`AttackLoss`).

        Parameters
        ----------
        reach : Reach
            What can be asked.

        Returns
        -------
        callable
            From rows and classes to losses.
        """
        return _bound(max_margin, reach)


@dataclasses.dataclass(frozen=True)
class Poincare:
    """`poincare` as the loss of an attack."""

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target (`AttackLoss`).

        Parameters
        ----------
        reach : Reach
            What can be asked.

        Returns
        -------
        callable
            From rows and classes to losses.
        """
        return _bound(poincare, reach)
