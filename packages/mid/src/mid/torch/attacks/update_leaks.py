r"""Update-leaks: the label of the record that a model was updated with, from the change of its answers.

A model is released before and after one gradient step on one record. The attacker, who has a shadow model and records
of its own, learns to tell the label from the change of the answers to probe records,

.. math:: \delta = f_{before}(x_{probe}) - f_{after}(x_{probe}), \quad \text{flattened} \qquad (44)

References
----------
- A. Salem, A. Bhattacharya, M. Backes, M. Fritz, Y. Zhang, "Updates-Leak: Data Set Inference and Reconstruction
  Attacks in Online Learning", USENIX Security 2020.
"""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, TrainState, fit
from mid.attacks.protocols import Access, Needs, Target
from mid.attacks.reading import read
from mid.torch._device import device_of
from mid.torch.attacks.module_target import ModuleTarget

__all__ = ["ModuleUpdates", "UpdateGuesses", "UpdateLeaks", "Updates", "one_step"]


def one_step(
    target: ModuleTarget, x: Tensor, y: Tensor, *, learning_rate: float, generator: torch.Generator
) -> ModuleTarget:
    """Update a copy of a model by one step of gradient descent.

    Parameters
    ----------
    target : ModuleTarget
        Left as it is.
    x, y : tensor of shape (B, dx), tensor of shape (B,)
        Records of the update and their classes.
    learning_rate : float
        Size of the step on the cross-entropy.
    generator : torch.Generator
        Source of a noisy head's noise.

    Returns
    -------
    ModuleTarget
        The updated copy.

    Examples
    --------
    >>> from infocore.torch.layers import linear
    >>> before = ModuleTarget(linear(2, 2, torch.Generator().manual_seed(0)))
    >>> x, y = torch.ones(1, 2), torch.tensor([1])
    >>> after = one_step(before, x, y, learning_rate=1.0, generator=torch.Generator())
    >>> bool(after.head(x)[0, 1] > before.head(x)[0, 1])
    True
    """
    after = copy.deepcopy(target)
    parameters = [*after.body.parameters(), *after.head.parameters()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    loss = functional.cross_entropy(after.draws(x, 1, generator)[0], y)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter -= learning_rate * gradient
    return after


class Updates(Protocol):
    """A model, and what became of it after each of several updates."""

    before: Target

    def __len__(self) -> int:
        """Number of updates."""
        ...

    def after(self) -> Iterator[Target]:
        """Return the updated models one after another, each from the same model before.

        Returns
        -------
        iterator of Target
            One per update.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class ModuleUpdates:
    """Updates of a `ModuleTarget` by one step on one record each.

    Parameters
    ----------
    before : ModuleTarget
        The model.
    x, y : array of shape (n, dx), array of shape (n,)
        Records of the updates and their classes.
    learning_rate : float
        Size of the step.
    seed : int
        Seed of a noisy head's noise in the step.

    Raises
    ------
    ShapeError
        If classes do not match the records.

    Examples
    --------
    >>> from infocore.torch.layers import linear
    >>> before = ModuleTarget(linear(2, 2, torch.Generator().manual_seed(0)))
    >>> len(list(ModuleUpdates(before, np.eye(2), [0, 1]).after()))
    2
    """

    before: ModuleTarget
    x: ArrayLike
    y: ArrayLike
    learning_rate: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        if np.ndim(self.x) != 2 or np.shape(self.y) != np.shape(self.x)[:1]:
            raise ShapeError(
                f"ModuleUpdates: `x` must be a matrix and `y` hold one class per row; got {np.shape(self.x)} and "
                f"{np.shape(self.y)}."
            )

    def __len__(self) -> int:
        """Number of updates."""
        return len(np.asarray(self.x))

    def after(self) -> Iterator[ModuleTarget]:
        """Return the updated models one after another.

        Returns
        -------
        iterator of ModuleTarget
            One per record.
        """
        device = device_of(self.before)
        x = torch.as_tensor(np.asarray(self.x, np.float32), device=device)
        y = torch.as_tensor(np.asarray(self.y, np.int64), device=device)
        generator = torch.Generator().manual_seed(self.seed)
        for row in range(len(x)):
            record = slice(row, row + 1)
            yield one_step(self.before, x[record], y[record], learning_rate=self.learning_rate, generator=generator)


@dataclasses.dataclass(frozen=True, eq=False)
class UpdateGuesses:
    """What an attack on updates believes.

    Parameters
    ----------
    labels : array of shape (n,)
        Guessed class of each update.
    queries : int
        Answers asked of the target's models; those of the shadow model are the attacker's own.
    """

    labels: NDArray[np.int64]
    queries: int


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class UpdateLeaks:
    """Inference of an update's label from the change of answers (eq. 44).

    Parameters
    ----------
    x_probe : array of shape (p, dx)
        Records asked about before and after.
    shadow : Updates
        Updates of a model of the attacker's own.
    y_shadow : array of shape (s,)
        Classes of the shadow updates.
    output : {"logits", "probabilities"}
        What is released; probabilities are read in logs.
    queries : int
        Answers averaged per probe record. Before and after are different draws of a noisy model's noise: with one
        draw the change is mostly noise.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.
    unit_length : bool
        Whether each change is divided by its length. A record that the model already fits changes it by orders of
        magnitude less than one it does not, in the same direction.
    hidden : sequence of int
        Widths of the attack's network (LeakyReLU of slope 0.2).
    max_steps, batch_size, learning_rate : int, int, float
        Its training with Adam.
    seed : int
        Seed of weights, batches and noise.

    Raises
    ------
    ShapeError
        If there is not one class per shadow update.
    ParameterError
        If `queries` is less than 1 or `output` is not a row of scores.
    """

    needs: ClassVar[Needs] = Needs(interface="logits", auxiliary=True)

    x_probe: ArrayLike
    shadow: Updates
    y_shadow: ArrayLike
    output: str = "logits"
    queries: int = 1
    access: Access = "sampled"
    unit_length: bool = True
    hidden: Sequence[int] = (128, 64)
    max_steps: int = 600
    batch_size: int = 64
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if np.shape(self.y_shadow) != (len(self.shadow),):
            raise ShapeError(
                f"UpdateLeaks: `y_shadow` must hold one class per shadow update, {len(self.shadow)}; got shape "
                f"{np.shape(self.y_shadow)}."
            )
        if self.queries < 1:
            raise ParameterError(f"UpdateLeaks: `queries` must be at least 1; got {self.queries}.")
        if self.output not in ("logits", "probabilities"):
            raise ParameterError(f'UpdateLeaks: `output` must be "logits" or "probabilities"; got {self.output!r}.')

    def run(self, target: Updates) -> UpdateGuesses:
        """Learn from the shadow updates, and guess the target's.

        Parameters
        ----------
        target : Updates
            The model before, and after each update.

        Returns
        -------
        UpdateGuesses
            One label per update.
        """
        rng = np.random.default_rng(self.seed)
        weights, order = (int(s) for s in rng.integers(2**63, size=2))
        known, attacked = self._changes(self.shadow, rng), self._changes(target, rng)
        center, scale = known.mean(0), known.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        known, attacked = (((a - center) / scale).astype(np.float32) for a in (known, attacked))
        y, device = np.asarray(self.y_shadow, np.int64), device_of(target.before)
        model = mlp(
            (known.shape[1], *self.hidden, int(y.max()) + 1),
            torch.Generator().manual_seed(weights),
            activation=lambda: nn.LeakyReLU(0.2),
        ).to(device)

        def objective(network: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
            return {"loss": functional.cross_entropy(network(batch[0]), batch[1])}

        state = TrainState(model, torch.optim.Adam(model.parameters(), lr=self.learning_rate, weight_decay=1e-3))
        data = (torch.from_numpy(a).to(device) for a in (known, y))
        batches = ArrayBatches(*data, batch_size=min(self.batch_size, len(y)), seed=order)
        fit(state, batches, objective, max_steps=self.max_steps)
        with torch.no_grad():
            labels = model.eval()(torch.from_numpy(attacked).to(device)).argmax(1).cpu().numpy()
        asked = 2 * len(target) * len(np.asarray(self.x_probe)) * self.queries
        return UpdateGuesses(labels.astype(np.int64), asked)

    def _changes(self, updates: Updates, rng: np.random.Generator) -> NDArray[np.float64]:
        """Change of the answers to the probe records, one row per update; both sides are asked anew each time."""
        rows = [(self._answers(updates.before, rng) - self._answers(m, rng)).ravel() for m in updates.after()]
        changes = np.stack(rows)
        if not self.unit_length:
            return changes
        length = np.linalg.norm(changes, axis=1, keepdims=True)
        return changes / np.where(length > 0, length, 1.0)

    def _answers(self, model: Target, rng: np.random.Generator) -> NDArray[np.float64]:
        output = "logits" if self.output == "logits" else "probabilities"
        answers = model.release(self.x_probe, output=output, queries=self.queries, access=self.access, rng=rng)
        return read(np.asarray(answers, np.float64), output)
