"""A law of a pair (x, y) whose mutual information is known, and a sample of it."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from infocore._validate import Floats, generator
from infocore.errors import ParameterError

__all__ = ["Draw", "Law", "Map", "Task", "identity"]

# A base law gives x, y and the pointwise information of each pair; a map bends one side and loses nothing of it.
Law = Callable[[int, np.random.Generator], tuple[Floats, Floats, Floats]]
Map = Callable[[Floats], Floats]


def identity(a: Floats) -> Floats:
    """Return the argument."""
    return a


@dataclasses.dataclass(frozen=True)
class Draw:
    """A sample, with what each pair says.

    Parameters
    ----------
    x : array of shape (n, dx)
    y : array of shape (n, dy)
    pointwise : array of shape (n,)
        ``log p(x, y) / (p(x) p(y))`` at each pair, nats, exact. Its mean is the best estimate of the mutual information
        that this very sample allows.
    """

    x: Floats
    y: Floats
    pointwise: Floats


@dataclasses.dataclass(frozen=True)
class Task:
    r"""A law with known mutual information.

    Parameters
    ----------
    name, family : str
        The identifier, and the group of laws that are hard for the same reason.
    dim_x, dim_y : int
        Columns on each side.
    information : float
        Mutual information, nats.
    spread : float
        Standard deviation of the pointwise information, nats.
    source : str
        Where the value of `information` comes from.
    law : callable
        The base law: from n and a generator to x, y and their pointwise information.
    map_x, map_y : callable
        Injective maps, one a side. They change neither the information nor the pointwise information, which is why
        both are known however far the sample is bent.

    Notes
    -----
    The pointwise information minus its mean is the efficient influence function of mutual information, so `spread` over
    the root of n is the least standard error that a regular estimator without knowledge of the family can have.

    Examples
    --------
    >>> from infocore.tasks import task
    >>> law = task("1v1-normal-0.75")
    >>> x, y = law.sample(2000, rng=0)
    >>> x.shape, y.shape, round(law.information, 4), round(law.floor(2000), 4)
    ((2000, 1), (2000, 1), 0.4133, 0.0134)
    """

    name: str
    family: str
    dim_x: int
    dim_y: int
    information: float
    spread: float
    source: str
    law: Law = dataclasses.field(repr=False, compare=False)
    map_x: Map = dataclasses.field(default=identity, repr=False, compare=False)
    map_y: Map = dataclasses.field(default=identity, repr=False, compare=False)

    def draw(self, n: int, *, rng: int | np.random.Generator = 0) -> Draw:
        """Draw independent pairs.

        Parameters
        ----------
        n : int
            Number of pairs, at least 1.
        rng : int or Generator
            Seed or source of randomness.

        Returns
        -------
        Draw

        Raises
        ------
        ParameterError
            If `n` is below 1, or `rng` is neither a seed nor a generator.
        """
        u, v, pointwise = self.law(_count(n, f"{self.name}.draw"), generator(rng, f"{self.name}.draw"))
        return Draw(self.map_x(u), self.map_y(v), pointwise)

    def sample(self, n: int, *, rng: int | np.random.Generator = 0) -> tuple[Floats, Floats]:
        """Draw independent pairs and leave out what they say; arguments and errors as in `draw`."""
        drawn = self.draw(n, rng=rng)
        return drawn.x, drawn.y

    def floor(self, n: int) -> float:
        r"""Expected absolute error of an efficient estimator, :math:`\sqrt{2/\pi}\, \mathrm{spread} / \sqrt n`, nats.

        Raises
        ------
        ParameterError
            If `n` is below 1.
        """
        return math.sqrt(2.0 / math.pi / _count(n, f"{self.name}.floor")) * self.spread


def _count(n: int, caller: str) -> int:
    """Return a number of pairs, or refuse it."""
    if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
        raise ParameterError(f"{caller}: `n` must be a whole number of pairs >= 1; got {n!r}.")
    return int(n)
