"""A critic of one fold: what it is shown, how its learning rate goes, and how rows are read by it."""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from infocore import bounds
from infocore._validate import Floats, Ints, Pair
from infocore.torch.features import Features
from infocore.torch.training import History

__all__ = ["Cycle", "Fit", "Shown", "both_ways", "equal_parts", "in_parts", "largest_part", "pointwise"]

# Rows of a score matrix that is read at once; InfoNCE cannot exceed its log, and loses about var(e^i) / 2K below it.
LARGEST_FOLD = 1700
# Share of the steps on which the learning rate rises.
RISE = 0.15


class Shown(NamedTuple):
    """What a critic is shown: how inputs are made, those to train on and those that stop it, and the training rows."""

    made: tuple[Features, Features]
    u: Tensor
    v: Tensor
    look_u: Tensor
    look_v: Tensor
    rows: Ints


@dataclasses.dataclass(frozen=True)
class Fit:
    """A trained critic, what it is shown, and the rows it was trained on."""

    critic: nn.Module
    made: tuple[Features, Features]
    rows: Ints
    facts: dict[str, Any]
    history: History
    device: str

    def inputs(self, pair: Pair) -> tuple[Tensor, Tensor]:
        u, v = (torch.as_tensor(m(s), device=self.device) for m, s in zip(self.made, (pair.x, pair.y), strict=True))
        return u, v

    def scores(self, inputs: tuple[Tensor, Tensor], rows: Ints) -> Tensor:
        with torch.no_grad():
            return self.critic(inputs[0][rows], inputs[1][rows])


class Cycle:
    """One cycle of the learning rate: a quick rise to its largest and a fall to nothing, both half cosines."""

    def __init__(self, largest: float, steps: int) -> None:
        self.largest, self.steps, self.step = largest, steps, 0

    def __call__(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self.step += 1
        rise = RISE * self.steps
        done = self.step / rise - 1.0 if self.step < rise else (self.step - rise) / (self.steps - rise)
        for group in optimizer.param_groups:
            group["lr"] = self.largest * max(0.5 * (1.0 + math.cos(math.pi * done)), 1e-4)


def in_parts(f: Fit, inputs: tuple[Tensor, Tensor], rows: Ints) -> Floats:
    """Pointwise scores of rows against each other, in equal parts of at most `LARGEST_FOLD` rows."""
    return np.concatenate([pointwise(f.scores(inputs, part)) for part in equal_parts(rows)])


def equal_parts(rows: Ints) -> list[Ints]:
    """Cut rows into as few equal parts as are scored at once."""
    return np.array_split(rows, math.ceil(len(rows) / LARGEST_FOLD))


def largest_part(n: int, folds: int) -> int:
    """Rows of the largest score matrix, of n rows in so many folds."""
    return min(LARGEST_FOLD, math.ceil(n / folds))


def pointwise(score: Tensor) -> Floats:
    """The terms of a score matrix in double precision, as numpy has them."""
    return both_ways(score.double()).cpu().numpy()


def both_ways(score: Tensor) -> Tensor:
    """Mean of the pointwise terms over rows and over columns."""
    return 0.5 * (bounds.pointwise(score, over="y") + bounds.pointwise(score, over="x"))
