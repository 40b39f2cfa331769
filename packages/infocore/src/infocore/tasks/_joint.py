"""Laws put side by side: what independent blocks say adds up, and columns of noise add nothing."""

import dataclasses

import numpy as np

from infocore._validate import Floats
from infocore.tasks._task import Law

__all__ = ["Padded", "Stack"]


@dataclasses.dataclass(frozen=True)
class Stack:
    """Independent laws, columns side by side.

    Parameters
    ----------
    laws : tuple of callable
    """

    laws: tuple[Law, ...]

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        xs, ys, pointwise = zip(*(law(n, rng) for law in self.laws), strict=True)
        return np.concatenate(xs, axis=1), np.concatenate(ys, axis=1), np.add.reduce(pointwise)


@dataclasses.dataclass(frozen=True)
class Padded:
    """A law with standard normal columns of noise after its own.

    Parameters
    ----------
    law : callable
    noise_x, noise_y : int
        Number of columns of noise on each side.
    """

    law: Law
    noise_x: int
    noise_y: int

    def __call__(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        x, y, pointwise = self.law(n, rng)
        noise_x, noise_y = rng.standard_normal((n, self.noise_x)), rng.standard_normal((n, self.noise_y))
        return np.concatenate([x, noise_x], axis=1), np.concatenate([y, noise_y], axis=1), pointwise
