"""What a search of the codes has found."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Found", "OptimisationResult", "Run"]

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Found:
    """A molecule that a run met.

    Parameters
    ----------
    smiles : str
        Canonical.
    score : float
        What the score says of it; NaN if the constraint refuses it, for then the score was not asked.
    evaluation : int
        Which decode of its run met it first; the first is that of the start.
    allowed : bool
        Whether the constraint of the run, if any, accepts it.
    """

    smiles: str
    score: float
    evaluation: int
    allowed: bool


@dataclasses.dataclass(frozen=True)
class Run:
    """What came of one start.

    Parameters
    ----------
    start : Found or None
        What the start itself decodes to; None if that is no molecule.
    best : Found or None
        The allowed molecule with the highest score, the earliest of equals; None if there was none.
    best_code : array of shape (D,) or None
        The code that decoded to it.
    history : array of shape (iterations + 1,)
        The highest score up to the start and up to each iteration; ``-inf`` as long as there was none.
    decodes, valid, allowed : int
        Codes decoded, how many of them gave molecules, and how many of these the constraint accepted.
    molecules : tuple of Found
        All distinct molecules, in the order they were met.
    stopped : str
        "iterations", "callback", "error", or what kept CMA-ES from going on.
    """

    start: Found | None
    best: Found | None
    best_code: Floats | None = dataclasses.field(repr=False)
    history: Floats = dataclasses.field(repr=False)
    decodes: int
    valid: int
    allowed: int
    molecules: tuple[Found, ...] = dataclasses.field(repr=False)
    stopped: str


@dataclasses.dataclass(frozen=True)
class OptimisationResult:
    """What came of all starts.

    Parameters
    ----------
    method : str
        "cma-es", "sep-cma-es" or "random".
    runs : tuple of Run
        One for each start.
    decodes : int
        Codes decoded.
    scored : int
        Distinct molecules whose score was asked.
    """

    method: str
    runs: tuple[Run, ...]
    decodes: int
    scored: int

    @property
    def best(self) -> Found | None:
        """The best of all runs; None if no run met an allowed molecule."""
        return next(iter(self.top(1)), None)

    def top(self, n: int) -> list[Found]:
        """Return the best distinct allowed molecules of all runs.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        list of Found
            By falling score.
        """
        found: dict[str, Found] = {}
        for run in self.runs:
            for molecule in run.molecules:
                if molecule.allowed:
                    found.setdefault(molecule.smiles, molecule)
        return sorted(found.values(), key=lambda molecule: -molecule.score)[:n]

    def to_dict(self, top: int = 10) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON.

        Parameters
        ----------
        top : int
            How many of the best molecules.

        Returns
        -------
        dict
            Counts, histories and the best molecules; a score that is not there is None.
        """
        return {
            "method": self.method,
            "decodes": self.decodes,
            "scored": self.scored,
            "top": [dataclasses.asdict(molecule) for molecule in self.top(top)],
            "runs": [
                {
                    "start": _plain(run.start),
                    "best": _plain(run.best),
                    "history": [float(v) if math.isfinite(v) else None for v in run.history],
                    "decodes": run.decodes,
                    "valid": run.valid,
                    "allowed": run.allowed,
                    "distinct": len(run.molecules),
                    "stopped": run.stopped,
                }
                for run in self.runs
            ],
        }


def _plain(found: Found | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**dataclasses.asdict(found), "score": found.score if math.isfinite(found.score) else None}
