"""The automatic choice: what fits the kinds of the columns is tried, and evidence from held-out rows decides."""

# numpy and pandas type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from infocore._validate import Pair, check_level, generator, paired
from infocore.errors import DegenerateWarning
from infocore.estimators._auto import evidence
from infocore.estimators._auto.consistency import parts_of
from infocore.estimators._auto.evidence import Candidate
from infocore.estimators._auto.findings import WARNED, findings, in_order, rows_worth
from infocore.estimators._auto.near import KS, nearest
from infocore.estimators._auto.near_mixed import nearest_mixed
from infocore.estimators._auto.rounded import spread, without_copies
from infocore.estimators._auto.weighing import (
    FEW_COLUMNS,
    NAMES,
    Choice,
    against_copula,
    doubtful,
    part_or_whole,
    still,
    unless,
    with_doubt,
)
from infocore.estimators._doubts import unresolved
from infocore.estimators._ksg import check_workers
from infocore.estimators.discrete import DiscreteMI
from infocore.intervals import block_ids, influence_standard_error, normal_interval
from infocore.result import MIEstimate

__all__ = ["AutoMI"]

Found = TypeVar("Found", Candidate, Candidate | None)

# Beyond this many columns k-NN reads a small part of the information at any n a machine holds, and costs n^2.
MANY_COLUMNS = 20
# Rows below which a critic is not trained: its folds would hold a few dozen.
ENOUGH = 200


@dataclasses.dataclass(frozen=True)
class AutoMI:
    """Mutual information by the method that the data speak for, with the losers and the reason.

    Discrete columns are counted. For continuous columns three methods compete: a t copula (efficient, right for
    elliptical copulas), k nearest neighbours on ranks (few assumptions, few columns), and a cross-fitted critic (few
    assumptions, many columns; needs torch). The copula, which varies least, is kept unless

    - it is refuted: of all cross moments of simple functions of the two sides, as they are and turned, the largest
      deviation from what the fitted copula predicts would be seen in at most 5 % of samples of it, or
    - k-NN finds more, by 2.5 standard errors, or
    - the trained critic scores held-out rows better, by 2.5 standard errors of the paired difference.

    Then k-NN is preferred up to three columns and the critic beyond, unless the other finds significantly more; most
    fail low. A refuted copula is kept, with the distance as doubt, where it finds more and predicts held-out rows
    better than the critic. Where ranks do not resolve a relation no copula is fitted; where rows depend on each other
    and are not merely sorted, a moment counts as what the rows are worth, and k-NN says nothing against the copula.
    Neighbours are asked in the columns with the largest moments too, and read there if these say significantly more.
    What they say is extrapolated over k, in more than two columns through nearer and nearer ones.

    With discrete and continuous or mixed columns together, mixed k-NN (on ranks too) and the critic compete; a value
    that a tenth of the rows share is a class of its own. Where nothing but rounding makes values recur, or counts are
    too sparse to count, numbers are first moved at random within their cells, which changes no information, and count
    as continuous; where nothing but copied rows does, the copies are left out. The notes say so.

    Parameters
    ----------
    fast : bool
        Train no critic.
    k : int
        Neighbours of the mixed k-NN method.
    workers : int
        Threads of the neighbour searches and of the training; -1 for all cores. The answer is the same for any.
    progress : bool
        Whether to draw progress bars of the training, on stderr.

    Notes
    -----
    ``diagnostics["reason"]`` says why, ``["candidates"]`` what the others say, ``["notes"]`` what the data are like:
    heavy tails, near-exact relations, rows that depend on each other, repeated rows, saturation. The interval holds the
    error of the chosen method and what the evidence says of its bias; it does not know that there was a choice. Its
    measured coverage is in the docs.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> e = AutoMI().estimate(x, x**2 + 0.1 * rng.standard_normal(1000))
    >>> e.method, e.diagnostics["reason"]
    ('ksg', 'k-NN: a cross moment of the ranks is 23.0 standard errors from the copula (3.0 allowed)')
    """

    fast: bool = False
    k: int = 3
    workers: int = -1
    progress: bool = False

    def fit(self, x: Any, y: Any) -> "AutoMI":
        """Check the data and learn nothing; parameters and errors as `estimate`."""
        paired(x, y, "auto", min_samples=4)
        return self

    def estimate(self, x: Any, y: Any, *, ci_level: float = 0.9, blocks: Any = None) -> MIEstimate:
        """Choose and estimate, with seed 0.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            Block length or group labels of rows that depend on each other.

        Returns
        -------
        MIEstimate
            In nats, of the chosen method.

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError, ParameterError
            If the data are not two paired samples, or a setting cannot be.
        """
        return self.fit_estimate(x, y, ci_level=ci_level, blocks=blocks)

    def fit_estimate(
        self, x: Any, y: Any, rng: int | np.random.Generator = 0, ci_level: float = 0.9, blocks: Any = None
    ) -> MIEstimate:
        """Choose and estimate.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d), or pandas
            Paired samples.
        rng : int or numpy Generator
            Seed of the folds and of the training.
        ci_level : float
            Nominal coverage of the interval.
        blocks : int or array of shape (n,), optional
            As in `estimate`.

        Returns
        -------
        MIEstimate
        """
        generator(rng, "auto")
        check_level(ci_level, "auto")
        check_workers(self.workers, "auto")
        pair = paired(x, y, "auto", min_samples=4)
        useful = Pair(pair.x.informative(), pair.y.informative(), pair.flags)
        if pair.kinds <= {"discrete"} or not (useful.x.names and useful.y.names):
            counted = DiscreteMI().estimate_pair(pair, ci_level, blocks)
            # where counts say too little, numbers may still be read as numbers
            sparse = counted.strength == "heuristic"
            moved_pair, moved = spread(useful, generator(rng, "auto"), counts=True) if sparse else (useful, [])
            if not moved:
                return self._counted(pair, useful, counted, blocks)
            choice = self._continuous(moved_pair, rng)
            choice.facts["counted"] = counted.value
            return self._answer(pair, moved_pair, choice, moved, ci_level, blocks)
        dropped = 0
        if blocks is None:
            useful, dropped = without_copies(useful)
        useful, moved = spread(useful, generator(rng, "auto"))
        if {*useful.x.kinds, *useful.y.kinds} == {"continuous"}:
            choice = self._continuous(useful, rng)
        else:
            choice = self._mixed(useful, rng)
        return self._answer(pair, useful, choice, moved, ci_level, blocks, dropped)

    def _counted(self, pair: Pair, useful: Pair, found: MIEstimate, blocks: Any) -> MIEstimate:
        varied = bool(useful.x.names and useful.y.names)
        more: dict[str, Any] = {
            "reason": "all columns are discrete" if varied else "a side is constant",
            "candidates": {found.method: found.value},
        }
        if varied:
            few = Candidate(found.method, found.value, 0.0, math.inf, np.zeros(pair.n))
            notes, warned = findings(useful, few, dependent=blocks is None)
            more["notes"] = [*found.diagnostics.get("notes", []), *notes]
            for text in warned:
                warnings.warn(f"auto: {text}.", DegenerateWarning, stacklevel=4)
            if warned:
                found = dataclasses.replace(found, strength="heuristic")
        return dataclasses.replace(found, diagnostics={**found.diagnostics, **more})

    def _continuous(self, pair: Pair, rng: int | np.random.Generator) -> Choice:
        columns = len(pair.x.names) + len(pair.y.names)
        tried: list[Candidate] = []
        copula = evidence.copula(pair, "auto")
        knn = None
        worth = _worth(pair)
        if pair.n >= evidence.LEAST:
            find = partial(nearest, workers=self.workers, follow=worth >= WARNED)
            knn = _or_part(find(pair) if columns <= MANY_COLUMNS else None, pair, find)
        critic, folds, why = self._critic(pair, rng, needed=columns > 2 or pair.n < ENOUGH)
        tried += [c for c in (copula, knn, critic) if c is not None]
        if not tried:
            raise_too_few(pair)
        facts: dict[str, Any] = {"critic": why} if why else {}
        if worth < WARNED:
            facts["worth"] = worth
        held = None
        if copula is not None:
            fitted = pair, folds, float(copula.facts["dof"]), "auto"
            # in few columns and beside k-NN alone, which has no held-out scores, those of the copula decide nothing
            scored = critic is not None or knn is None or columns > FEW_COLUMNS
            held = evidence.held_out_copula(*fitted) if scored else None
            fits = held is not None if scored else evidence.fits_without_folds(*fitted)
            against = against_copula(copula, held, knn, critic, columns, facts)
            if not against and not fits:
                against = "the copula cannot be fitted on part of the rows"
            if not against:
                reason = "copula: no cross moment refutes it and no rival finds more"
                return Choice(with_doubt(copula, facts, columns), tried, reason, facts)
        else:
            against = "no copula can be fitted"
        if knn is None or critic is None:
            best = knn or critic
        else:
            first, second = (knn, critic) if columns <= FEW_COLUMNS else (critic, knn)
            best = unless(first, second, facts)
        if copula is not None and (best is None or still(copula, best, held, columns)):
            facts["rival"] = None if best is None else best.value
            return Choice(doubtful(copula, facts), tried, f"copula, for want of a better: {against}", facts)
        assert best is not None  # with no copula there is another, or nothing was tried
        return Choice(best, tried, f"{NAMES[best.name]}: {against}", facts)

    def _mixed(self, pair: Pair, rng: int | np.random.Generator) -> Choice:
        columns = len(pair.x.names) + len(pair.y.names)
        find = partial(nearest_mixed, k=self.k, follow=_worth(pair) >= WARNED)
        knn = _or_part(find(pair), pair, find)
        critic, _, why = self._critic(pair, rng, needed=columns > 2)
        facts: dict[str, Any] = {"critic": why} if why else {}
        kinds = "discrete and continuous or mixed columns together"
        if critic is None:
            return Choice(knn, [knn], kinds, facts)
        first, second = (knn, critic) if columns <= FEW_COLUMNS else (critic, knn)
        best = unless(first, second, facts)
        return Choice(best, [knn, critic], f"{NAMES[best.name]}: {kinds}", facts)

    def _critic(
        self, pair: Pair, rng: int | np.random.Generator, *, needed: bool
    ) -> tuple[Candidate | None, list[Any], str]:
        """Return the critic or None, the folds, and why there is none."""
        folds = list(np.array_split(generator(rng, "auto").permutation(pair.n), 3)) if isinstance(rng, int) else None
        why = "not asked for: fast" if self.fast else "" if needed else "not needed for two columns"
        if not why and pair.n < ENOUGH:
            why = f"not trained on fewer than {ENOUGH} rows"
        if not why:
            found = evidence.critic(pair, rng, self.workers, self.progress)
            if not isinstance(found, str):
                return found[0], found[1], ""
            why = found
        if folds is None:
            folds = list(np.array_split(np.random.default_rng(0).permutation(pair.n), 3))
        return None, folds, why

    def _answer(
        self,
        pair: Pair,
        read: Pair,
        choice: Choice,
        moved: list[str],
        ci_level: float,
        blocks: Any,
        dropped: int = 0,
    ) -> MIEstimate:
        best = choice.best
        ids = None if blocks is None else block_ids(blocks, pair.n, "auto")
        error = best.error if ids is None else influence_standard_error(best.pointwise, blocks=ids)
        error = math.hypot(error, best.doubt)
        notes, warned = findings(read, best, dependent=ids is None)
        if moved:
            notes.insert(0, f"rounded, and moved at random within a step, which changes no information: {_some(moved)}")
        if "counted" in choice.facts:
            notes.insert(0, "too few rows a cell to count; read as numbers (to have them counted, make them text)")
        if dropped:
            notes.insert(0, f"{dropped} rows are copies of others, and were left out")
        exact = _exact(read, choice)
        notes, warned = notes + exact, warned + exact
        for text in warned:
            warnings.warn(f"auto: {text}.", DegenerateWarning, stacklevel=4)
        values = {c.name: c.value for c in choice.tried}
        bounds = {c.name: float(c.held_out.mean()) for c in choice.tried if c.held_out is not None}
        sides = {"x": pair.x, "y": pair.y}
        return MIEstimate(
            value=best.value,
            direction="consistent",
            strength="heuristic" if warned else best.strength,
            standard_error=error,
            ci=normal_interval(best.value, error, ci_level),
            ci_level=ci_level,
            n=read.n,
            method=best.name,
            diagnostics={
                "kinds": {side: dict(zip(s.names, s.kinds, strict=True)) for side, s in sides.items()},
                "flags": list(pair.flags),
                **({"moved": moved} if moved else {}),
                **({} if ids is None else {"blocks": int(ids.max()) + 1}),
                "notes": notes,
                "reason": choice.reason,
                "candidates": values,
                "disagreement": max(values.values()) - min(values.values()),
                "held_out": bounds,
                "doubt": best.doubt,
                "evidence": choice.facts | {c.name: c.facts for c in choice.tried},
            },
        )


def _worth(pair: Pair) -> float:
    """Share of n that the rows are worth, all of it where they are merely sorted."""
    return 1.0 if in_order(pair) else rows_worth(pair)


def _or_part(whole: Found, pair: Pair, find: Callable[[Pair], Candidate]) -> Candidate | Found:
    """Return what neighbours say of all columns, or of a part of them that says more."""
    best: Candidate | Found = whole
    parts, seen = parts_of(pair)
    for part in parts:
        few = len(part.x.names) + len(part.y.names) <= MANY_COLUMNS
        # rows that depend on each other have moments by chance
        if few and _worth(part) >= WARNED:
            best = part_or_whole(best, find(part), {"x": list(part.x.names), "y": list(part.y.names)}, seen)
    return best


def _exact(pair: Pair, choice: Choice) -> list[str]:
    """Say that the relation looks exact, where values of k-NN fall with k as only those of one do, or out of reach."""
    knn = next((c for c in choice.tried if c.name == "ksg"), None)
    k = KS[0]
    if knn is None or str(2 * k) not in knn.facts["by_k"]:
        return []
    taken = knn.facts.get("columns", {"x": pair.x.names, "y": pair.y.names})
    falls = knn.facts["by_k"][str(k)], knn.facts["by_k"][str(2 * k)]
    sides = (side.take([side.names.index(name) for name in taken[n]]) for n, side in (("x", pair.x), ("y", pair.y)))
    x, y = (side.numbers("auto") for side in sides)
    # in two columns what neighbours miss is extrapolated well enough, and said where it is not
    low = choice.best is knn and x.shape[1] + y.shape[1] > 2 and not knn.doubts
    return [str(doubt) for doubt in unresolved(x, y, k, knn.value, low=low, extrapolated=True, falls=falls)]


def _some(names: list[str]) -> str:
    """Return the names, or the first of many and how many there are."""
    return ", ".join(names) if len(names) <= 10 else f"{', '.join(names[:3])} and {len(names) - 3} more columns"


def raise_too_few(pair: Pair) -> None:
    """Refuse a sample that no method can read."""
    from infocore.errors import TooFewSamplesError

    raise TooFewSamplesError(f"auto: {pair.n} rows are too few for {len(pair.x.names)} + {len(pair.y.names)} columns.")
