r"""LOMMA: a loss on logits and features that does not saturate, and surrogates of the target beside it.

.. math:: L = -m_c + \lambda \| h - p_{reg} \|^2, \qquad p_{reg} \sim N(\text{mean}, \text{spread of } h(x_{public}))

Used as ``loss=`` of `GMI`, `KEDMI`, `VMI` or `PLGMI`.

References
----------
- N.-B. Nguyen, K. Chandrasegaran, M. Abdollahzadeh, N.-M. Cheung, "Re-thinking Model Inversion Attacks Against Deep
  Neural Networks", CVPR 2023.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import linear, mlp
from infocore.torch.training import ArrayBatches, TrainState, fit
from mid.attacks.protocols import Access, Target
from mid.torch._device import device_of
from mid.torch.attacks.losses import AttackLoss, BoundLoss, CrossEntropy
from mid.torch.attacks.module_target import ModuleTarget
from mid.torch.attacks.reach import Reach
from mid.torch.protocols import WhiteBox

__all__ = ["IdentityLoss", "ModelAugmentation", "distil"]


@dataclasses.dataclass(frozen=True, eq=False)
class IdentityLoss:
    """Logit of the class, and a pull of the features towards those of public records.

    Parameters
    ----------
    x_public : array of shape (m, dx)
        Public records, at least two, whose features set the law of ``p_reg``.
    weight : float
        Price of the squared distance, lambda; the distance is a sum over features.

    Raises
    ------
    ShapeError
        If `x_public` is not a matrix of at least two rows.

    Notes
    -----
    A fresh ``p_reg`` is drawn for each question. The features are read without noise, the logits as the attack reads
    them.

    Examples
    --------
    >>> from mid.torch.attacks import ModuleTarget
    >>> target = ModuleTarget(linear(2, 2, torch.Generator().manual_seed(0)))
    >>> reach = Reach(target, torch.zeros(1, 2), draws=1, access="mean", seed=0)
    >>> loss = IdentityLoss(np.eye(2), weight=0.0).bind(reach)
    >>> x, c = torch.ones(1, 2), torch.tensor([1])
    >>> bool(torch.isclose(loss(x, c), -target.head(x)[:, 1]))
    True
    """

    x_public: ArrayLike
    weight: float = 1.0

    def __post_init__(self) -> None:
        shape = np.shape(self.x_public)
        if len(shape) != 2 or shape[0] < 2:
            raise ShapeError(f"IdentityLoss: `x_public` must be a matrix of at least two rows; got {shape}.")

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target (`AttackLoss`).

        Parameters
        ----------
        reach : Reach
            What can be asked; the features of `x_public` are asked once, here.

        Returns
        -------
        callable
            From rows and classes to losses.
        """
        with torch.no_grad():
            h = reach.features(torch.as_tensor(np.asarray(self.x_public, np.float32)).to(reach.device))
        center, spread = h.mean(0), h.std(0)

        def loss(x: Tensor, classes: Tensor) -> Tensor:
            logits = reach.logits(x)
            own = logits.gather(2, classes.expand(len(logits), -1)[..., None])[..., 0].mean(0)
            if self.weight == 0:
                return -own
            wanted = center + spread * torch.randn(spread.shape, generator=reach.generator).to(reach.device)
            return self.weight * (reach.features(x) - wanted).square().sum(1) - own

        return loss


@dataclasses.dataclass(frozen=True, eq=False)
class ModelAugmentation:
    """A loss averaged over the target and surrogates of it, so that no one network's quirks are fitted.

    Parameters
    ----------
    surrogates : sequence of WhiteBox
        Networks of the attacker's, as `distil` makes them, on any device; questions to them cost nothing.
    loss : AttackLoss
        Loss of each network.

    Raises
    ------
    ParameterError
        If there is no surrogate.

    Examples
    --------
    >>> from mid.torch.attacks import ModuleTarget
    >>> one = ModuleTarget(linear(2, 2, torch.Generator().manual_seed(0)))
    >>> reach = Reach(one, torch.zeros(1, 2), draws=1, access="mean", seed=0)
    >>> x, c = torch.ones(1, 2), torch.tensor([1])
    >>> bool(torch.isclose(ModelAugmentation([one]).bind(reach)(x, c), CrossEntropy().bind(reach)(x, c)))
    True
    """

    surrogates: Sequence[WhiteBox]
    loss: AttackLoss = dataclasses.field(default_factory=CrossEntropy)

    def __post_init__(self) -> None:
        if len(self.surrogates) == 0:
            raise ParameterError("ModelAugmentation: `surrogates` must hold at least one network; got none.")

    def bind(self, reach: Reach) -> BoundLoss:
        """Tie the loss to a target (`AttackLoss`).

        Parameters
        ----------
        reach : Reach
            What can be asked of the target.

        Returns
        -------
        callable
            From rows and classes to losses.
        """
        reaches = [Reach(model, reach.probe, draws=1, access="mean", seed=0) for model in self.surrogates]
        bound = [(self.loss.bind(each), each.device) for each in (reach, *reaches)]

        def loss(x: Tensor, classes: Tensor) -> Tensor:
            each = [part(x.to(device), classes.to(device)).to(x.device) for part, device in bound]
            return torch.stack(each).mean(0)

        return loss


def distil(
    target: Target,
    x_public: ArrayLike,
    *,
    hidden: Sequence[int] = (64,),
    queries: int = 1,
    access: Access = "sampled",
    max_steps: int = 1000,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> ModuleTarget:
    """Train a surrogate to answer public records as the target does.

    Parameters
    ----------
    target : Target
        Asked for probabilities, ``len(x_public) * queries`` answers in all.
    x_public : array of shape (m, dx)
        Public records.
    hidden : sequence of int
        Widths of the surrogate's hidden layers (ReLU), at least one.
    queries : int
        Answers averaged per record.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.
    max_steps, batch_size, learning_rate : int, int, float
        Adam on the cross-entropy to the target's probabilities.
    seed : int
        Seed of weights, batches and noise.

    Returns
    -------
    ModuleTarget
        The surrogate, frozen, on the target's device.

    Raises
    ------
    ParameterError
        If `hidden` is empty.

    Examples
    --------
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> student = distil(target, np.random.default_rng(0).random((80, 4)), max_steps=5)
    >>> student.release(np.zeros((2, 4)), output="logits").shape
    (2, 3)
    """
    if len(hidden) == 0:
        raise ParameterError("distil: `hidden` must hold at least one width; got none.")
    x = np.asarray(x_public, np.float32)
    taught = target.release(x, output="probabilities", queries=queries, access=access, rng=seed).astype(np.float32)
    weights = torch.Generator().manual_seed(seed)
    body = mlp((x.shape[1], *hidden), weights, last_activation=True)
    device = device_of(target)
    model = nn.Sequential(body, linear(hidden[-1], taught.shape[1], weights)).to(device)

    def objective(student: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        return {"loss": functional.cross_entropy(student(batch[0]), batch[1])}

    state = TrainState(model, torch.optim.Adam(model.parameters(), lr=learning_rate))
    data = (torch.from_numpy(a).to(device) for a in (x, taught))
    fit(state, ArrayBatches(*data, batch_size=min(batch_size, len(x)), seed=seed), objective, max_steps=max_steps)
    model.eval().requires_grad_(False)
    return ModuleTarget(model[1], model[0])
