r"""MIFace: ascend a class's confidence by gradients in pixels, from a blank image.

.. math:: x_{t+1} = \mathrm{Proj}_{[0,1]}\bigl(x_t - \eta \nabla_x (1 - f_c(x_t) + \mathrm{AuxTerm}(x_t))\bigr)

References
----------
- M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence Information and Basic
  Countermeasures", CCS 2015, Algorithm 1.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from infocore.errors import ParameterError, ShapeError
from mid.attacks.protocols import Access, Needs
from mid.torch.attacks.losses import over_draws
from mid.torch.attacks.reach import Reach
from mid.torch.attacks.reconstructions import ClassReconstructions
from mid.torch.protocols import WhiteBox

__all__ = ["MIFace"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class MIFace:
    """Gradient ascent on a class's confidence (eq. 41).

    Parameters
    ----------
    start : array of shape (dx,)
        Image to start from, in [0, 1]; zeros for a blank one.
    classes : sequence of int, optional
        Classes to attack; all if left out.
    step : float
        Step size.
    max_steps : int
        Most steps of an image (alpha).
    window : int
        An image stops when its cost is not below the largest of so many last ones (beta).
    cost_threshold : float
        An image stops when its cost, one less the confidence, is at most this (gamma). 0 goes on after the network is
        fooled; 0.01 stops at the confidence of .99 that the paper names.
    auxiliary : callable, optional
        AuxTerm: from images (B, dx) to a cost (B,), differentiable.
    process : callable, optional
        Applied to the images (B, dx) after each step, for example a denoiser; not differentiated.
    draws : int
        Draws of a noisy target's noise over which the cost is averaged at each step.
    access : {"sampled", "mean"}
        Noisy answers, or (white box) the answer without noise.
    seed : int
        Seed of the target's noise.

    Raises
    ------
    ShapeError
        If `start` is not one row.
    ParameterError
        If `start` leaves [0, 1], or a setting is not positive.

    Notes
    -----
    The paper's stop, ``cost_threshold=0.01``, is not the default: a network with hidden layers is fooled long before
    its image shows anything, and a defence tested with that stop is flattered.

    The image kept is the one of the lowest cost, which need not be the last. Of a noisy target costs are estimates, so
    the lowest one is flattered; the score of the result is asked anew.

    Examples
    --------
    >>> from mid.torch.attacks import ModuleTarget
    >>> from infocore.torch.layers import linear
    >>> layer = linear(4, 2, torch.Generator().manual_seed(0))
    >>> found = MIFace(start=np.zeros(4), max_steps=200).run(ModuleTarget(layer))
    >>> found.images.shape, found.classes.tolist()
    ((2, 4), [0, 1])
    """

    needs: ClassVar[Needs] = Needs(interface="gradients")

    start: ArrayLike
    classes: Sequence[int] | None = None
    step: float = 0.1
    max_steps: int = 5000
    window: int = 100
    cost_threshold: float = 0.0
    auxiliary: Callable[[Tensor], Tensor] | None = None
    process: Callable[[Tensor], Tensor] | None = None
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        start = np.asarray(self.start)
        if start.ndim != 1:
            raise ShapeError(f"MIFace: `start` must be one flat image of shape (dx,); got {start.shape}.")
        if not (start.min() >= 0 and start.max() <= 1):
            raise ParameterError(f"MIFace: `start` must lie in [0, 1]; got [{start.min()}, {start.max()}].")
        for name in ("step", "max_steps", "window"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"MIFace: `{name}` must be positive; got {getattr(self, name)!r}.")

    def run(self, target: WhiteBox) -> ClassReconstructions:
        """Attack every class at once; each image stops by itself.

        Parameters
        ----------
        target : WhiteBox
            The network.

        Returns
        -------
        ClassReconstructions
            One image per class.
        """
        start = torch.as_tensor(np.asarray(self.start, np.float32))
        reach = Reach(target, start[None], draws=self.draws, access=self.access, seed=self.seed)
        classes = reach.wanted(self.classes)
        x = start.to(reach.device).repeat(len(classes), 1)
        best, best_cost = x.clone(), torch.full((len(x),), torch.inf, device=x.device)
        active = torch.arange(len(x), device=x.device)  # rows that have not stopped
        history: list[Tensor] = []
        for step in range(self.max_steps + 1):  # the image after the last step counts too
            image = x[active].requires_grad_()
            cost = self._cost(reach, image, classes[active])
            now = torch.full_like(best_cost, torch.inf)
            now[active] = cost.detach()
            better = now < best_cost
            best[better], best_cost[better] = x[better], now[better]
            stopped = now[active] <= self.cost_threshold
            if len(history) >= self.window:
                stopped |= now[active] >= torch.stack(history[-self.window :]).amax(0)[active]
            history = [*history[-self.window + 1 :], now] if self.window > 1 else [now]
            if step == self.max_steps or bool(stopped.all()):
                break
            (gradient,) = torch.autograd.grad(cost.sum(), image)
            active, moved = active[~stopped], (image.detach() - self.step * gradient)[~stopped].clamp(0.0, 1.0)
            x[active] = moved if self.process is None else self.process(moved).clamp(0.0, 1.0)
            reach.steps += len(active)
        return reach.result(self, best, classes)

    def _cost(self, reach: Reach, image: Tensor, classes: Tensor) -> Tensor:
        """One less the confidence, averaged over draws, and the auxiliary term."""
        cost = over_draws(_doubt, reach.logits(image), classes)
        return cost if self.auxiliary is None else cost + self.auxiliary(image)


def _doubt(logits: Tensor, classes: Tensor) -> Tensor:
    """One less the confidence, without the rounding of ``1 - p`` where p is nearly 1."""
    others = torch.nn.functional.one_hot(classes, logits.shape[1]).bool()
    return logits.softmax(1).masked_fill(others, 0.0).sum(1)
