"""Laws that propose codes, in units of the first standard deviation and from the start as origin."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cmim.molecules._extra import need

__all__ = ["CMA", "Normal", "Walker", "generators"]

Floats = NDArray[np.float64]

# Of cma's reasons to stop, those that say it cannot go on; the others say that the ranks, which are all it is told, do
# not change.
FAILED = ("noeffectaxis", "noeffectcoord", "tolconditioncov", "tolfacupx", "tolupsigma")


class Walker(Protocol):
    """Ask for steps, tell what they cost."""

    def ask(self) -> Floats: ...

    def tell(self, steps: Floats, costs: Floats) -> None: ...

    def failed(self) -> str: ...


class CMA:
    """The strategy of the package cma."""

    def __init__(self, dimension: int, population: int, diagonal: bool, rng: np.random.Generator) -> None:
        def randn(*shape: int) -> Floats:
            return rng.standard_normal(shape)

        # cma's own choice for hundreds of dimensions is two-point adaptation. It draws from numpy's global random
        # state, warns of steps that were brought back to a radius, and found less in 512 dimensions than this one
        adaptation = need("cma.sigma_adaptation", "optimise").CMAAdaptSigmaCSA
        options = {
            "popsize": population,
            "CMA_diagonal": diagonal,
            "AdaptSigma": adaptation,
            "randn": randn,
            "seed": np.nan,  # a number would be warned of, as it is not used beside randn
            "verbose": -9,
        }
        self.strategy = need("cma", "optimise").CMAEvolutionStrategy(np.zeros(dimension), 1.0, options)

    def ask(self) -> Floats:
        return np.array(self.strategy.ask())

    def tell(self, steps: Floats, costs: Floats) -> None:
        self.strategy.tell(list(steps), costs.tolist())

    def failed(self) -> str:
        return ", ".join(reason for reason in self.strategy.stop() if reason in FAILED)


class Normal:
    """The same normal law always."""

    def __init__(self, dimension: int, population: int, rng: np.random.Generator) -> None:
        self.shape, self.rng = (population, dimension), rng

    def ask(self) -> Floats:
        return self.rng.standard_normal(self.shape)

    def tell(self, steps: Floats, costs: Floats) -> None:
        del steps, costs

    def failed(self) -> str:
        return ""


def generators(seed: int, n: int) -> Sequence[np.random.Generator]:
    """Return a generator for each run; that of a run does not depend on how many there are."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(n)]
