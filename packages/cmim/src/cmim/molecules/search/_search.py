"""The loop that a search of the codes is: propose, decode, judge, tell."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from cmim.evaluation import check_seed
from cmim.molecules.chemistry import canonical
from cmim.molecules.search._walkers import Walker
from cmim.molecules.search.found import Found, OptimisationResult, Run
from cmim.molecules.search.scores import Constraint, Score, checked_scores
from infocore.errors import DataError, NonFiniteError, ParameterError, ShapeError

__all__ = ["Decoder", "Progress", "Search", "read_starts"]

Floats = NDArray[np.float64]
Progress = Callable[[int, float], bool | None]


class Decoder(Protocol):
    """Whatever turns codes into strings."""

    def decode(self, codes: Any, /) -> Sequence[str]:
        """Decode codes.

        Parameters
        ----------
        codes : float32 array of shape (n, D)
            Codes.

        Returns
        -------
        sequence of n str
            SMILES as they come out, perhaps invalid.
        """
        ...


class Tally:
    """What one run has met so far."""

    def __init__(self) -> None:
        self.met: dict[str, Found] = {}
        self.best: Found | None = None
        self.best_code: Floats | None = None
        self.start: Found | None = None
        self.history: list[float] = []
        self.decodes = self.valid = self.allowed = 0

    def take(self, code: Floats, name: str | None, score: float, allowed: bool) -> None:
        self.decodes += 1
        if name is None:
            return
        self.valid += 1
        self.allowed += allowed
        found = self.met.setdefault(name, Found(name, score, self.decodes, allowed))
        if self.decodes == 1:
            self.start = found
        if allowed and (self.best is None or score > self.best.score):
            self.best, self.best_code = found, code.copy()

    @property
    def score(self) -> float:
        return -math.inf if self.best is None else self.best.score

    def result(self, stopped: str) -> Run:
        return Run(
            start=self.start,
            best=self.best,
            best_code=self.best_code,
            history=np.array(self.history),
            decodes=self.decodes,
            valid=self.valid,
            allowed=self.allowed,
            molecules=tuple(self.met.values()),
            stopped=stopped,
        )


class Search:
    """Decodes and judges the populations of all runs together."""

    def __init__(
        self, decoder: Decoder, starts: Floats, scale: Floats, score: Score,
        constraint: Constraint | Sequence[Constraint] | None, radius: float | None, caller: str,
    ) -> None:  # fmt: skip
        if not callable(getattr(decoder, "decode", None)):
            raise ParameterError(f"{caller}: `decoder` must have a method `decode`; got {decoder!r}.")
        if radius is not None and not radius > 0:
            raise ParameterError(f"{caller}: `radius` must be positive, or None; got {radius!r}.")
        limits = [constraint] * len(starts) if constraint is None or callable(constraint) else list(constraint)
        if len(limits) != len(starts):
            raise ShapeError(
                f"{caller}: `constraint` must be a function, or one for each of the {len(starts)} starts; got "
                f"{len(limits)}."
            )
        self.decoder, self.starts, self.scale, self.score = decoder, starts, scale, score
        self.limits, self.radius, self.caller = limits, math.inf if radius is None else radius, caller
        self.names: dict[str, str | None] = {}
        self.scores: dict[str, float] = {}
        self.permits: list[dict[str, bool]] = [{} for _ in starts]

    def check(self, population: int, iterations: int, seed: int) -> None:
        check_seed(seed, self.caller)
        for name, value, least in (("population", population, 2), ("iterations", iterations, 1)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ParameterError(f"{self.caller}: `{name}` must be an integer of at least {least}; got {value!r}.")

    def run(
        self, method: str, walkers: Sequence[Walker], iterations: int, callback: Progress | None
    ) -> OptimisationResult:
        """Search; whatever ends it early carries what was found before as its attribute `partial`."""
        tallies, stopped = [Tally() for _ in walkers], [""] * len(walkers)
        try:
            left = self.go(walkers, iterations, callback, tallies, stopped)
        except BaseException as e:  # of the score, the constraint, the decoder or the callback, and Ctrl-C
            e.partial = self.result(method, tallies, stopped, "error")  # type: ignore[attr-defined]
            e.add_note(f"{self.caller}: what was found before is in this exception's attribute `partial`.")
            raise
        return self.result(method, tallies, stopped, left)

    def result(self, method: str, tallies: Sequence[Tally], stopped: Sequence[str], left: str) -> OptimisationResult:
        runs = tuple(tally.result(why or left) for tally, why in zip(tallies, stopped, strict=True))
        return OptimisationResult(method, runs, sum(run.decodes for run in runs), len(self.scores))

    def go(
        self, walkers: Sequence[Walker], iterations: int, callback: Progress | None, tallies: list[Tally],
        stopped: list[str],
    ) -> str:  # fmt: skip
        """Search, note what was met and which runs cannot go on, and return what ended the others."""
        self.judge(range(len(walkers)), [start[None] for start in self.starts], tallies)
        for done in range(1, iterations + 1):
            going = [i for i, why in enumerate(stopped) if not why]
            steps = [self.within(walkers[i].ask()) for i in going]
            codes = [self.starts[i] + self.scale * step for i, step in zip(going, steps, strict=True)]
            costs = self.judge(going, codes, tallies)
            for i, step, cost in zip(going, steps, costs, strict=True):
                walkers[i].tell(step, cost)
                stopped[i] = walkers[i].failed()
            over = callback is not None and callback(done, max(tally.score for tally in tallies)) is True
            if over:
                return "callback"
            if all(stopped):
                break
        return "iterations"

    def within(self, steps: Floats) -> Floats:
        """Bring steps, in units of sigma, back to the radius."""
        length = np.linalg.norm(self.scale * steps, axis=1, keepdims=True)
        return steps * np.minimum(1.0, self.radius / np.maximum(length, np.finfo(float).tiny))

    def judge(self, going: Sequence[int], codes: list[Floats], tallies: list[Tally]) -> list[Floats]:
        """Decode and score the codes of some runs, note what they met, and return the cost of each code."""
        texts = self.decode(np.concatenate(codes))
        self.names.update({text: canonical(text) for text in set(texts) - self.names.keys()})
        names = [self.names[text] for text in texts]
        parts = [names[a:b] for a, b in itertools.pairwise([0, *itertools.accumulate(map(len, codes))])]
        for i, part in zip(going, parts, strict=True):
            self.permit(i, part)
            self.ask([name for name in part if name is not None and self.permits[i][name]])
        costs: list[Floats] = []
        for i, rows, part in zip(going, codes, parts, strict=True):
            allowed = np.array([name is not None and self.permits[i][name] for name in part])
            values = np.array([self.scores[str(n)] if ok else math.nan for n, ok in zip(part, allowed, strict=True)])
            for code, name, value, ok in zip(rows, part, values, allowed, strict=True):
                tallies[i].take(code, name, float(value), bool(ok))
            tallies[i].history.append(tallies[i].score)
            costs.append(_costs(values, [name is not None for name in part], self.distance(i, rows)))
        return costs

    def distance(self, i: int, codes: Floats) -> Floats:
        return np.linalg.norm((codes - self.starts[i]) / self.scale, axis=1)

    def decode(self, codes: Floats) -> Sequence[str]:
        texts = self.decoder.decode(codes.astype(np.float32))
        if isinstance(texts, str) or len(texts) != len(codes):
            raise ShapeError(
                f"{self.caller}: `decoder` must return one string for each of the {len(codes)} codes; got "
                f"{'a string' if isinstance(texts, str) else len(texts)}."
            )
        odd = [text for text in texts if not isinstance(text, str)]
        if odd:
            raise DataError(f'{self.caller}: `decoder` must return strings ("" for nothing); got {odd[0]!r}.')
        return texts

    def permit(self, i: int, names: list[str | None]) -> None:
        known, limit = self.permits[i], self.limits[i]
        new = [name for name in dict.fromkeys(names) if name is not None and name not in known]
        if not new:
            return
        said = np.ones(len(new), bool) if limit is None else np.asarray(limit(list(new)))
        if said.shape != (len(new),) or said.dtype != bool:
            raise ShapeError(
                f"{self.caller}: `constraint` must return one bool for each of the {len(new)} molecules it is given; "
                f"it returned {said.dtype} of shape {said.shape}."
            )
        known.update(zip(new, said.tolist(), strict=True))

    def ask(self, names: list[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self.scores]
        if new:
            self.scores.update(zip(new, checked_scores(self.score, new, self.caller).tolist(), strict=True))


def _costs(scores: Floats, valid: Sequence[bool], distance: Floats) -> Floats:
    """Rank: by score; then what was refused, then what is no molecule, both by distance."""
    cost = np.zeros(len(scores))
    allowed, readable = np.isfinite(scores), np.array(valid, bool)
    cost[allowed] = rankdata(-scores[allowed], "min")
    for group, offset in ((~allowed & readable, len(scores)), (~readable, 2 * len(scores))):
        cost[group] = offset + rankdata(distance[group], "min")
    return cost


def read_starts(start_codes: ArrayLike, sigma: float | ArrayLike, caller: str) -> tuple[Floats, Floats]:
    codes = np.asarray(start_codes, np.float64)
    codes = codes[None] if codes.ndim == 1 else codes
    if codes.ndim != 2 or not codes.size:
        raise ShapeError(f"{caller}: `start_codes` must have shape (m, D) or (D,); got {np.shape(start_codes)}.")
    bad = int((~np.isfinite(codes).all(1)).sum())
    if bad:
        raise NonFiniteError(
            f"{caller}: `start_codes` holds NaN or infinity in {bad} of {len(codes)} rows: molecules that could not be "
            "read? Leave those starts out."
        )
    scale = np.asarray(sigma, np.float64)
    if scale.shape not in ((), (codes.shape[1],)):
        raise ShapeError(f"{caller}: `sigma` must be a number or have shape ({codes.shape[1]},); got {scale.shape}.")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ParameterError(f"{caller}: `sigma` must be positive and finite; got {sigma!r}.")
    return codes, np.broadcast_to(scale, codes.shape[1:])
