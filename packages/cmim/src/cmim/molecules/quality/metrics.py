"""Shares that say how many strings are molecules, how many differ, and how many are new."""

import dataclasses
import itertools
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmim.evaluation import check_seed, wilson
from cmim.molecules._strings import refuse_string
from cmim.molecules.chemistry import canonical
from infocore.errors import ParameterError, ShapeError

__all__ = ["GenerationMetrics", "NeighbourhoodMetrics", "Share", "generation_metrics", "neighbourhood_metrics"]

SAMPLE = 200
UNCANONICAL = 0.05
RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Share:
    """A share, with an interval where one is meant.

    Parameters
    ----------
    value : float
        The share, in 0..1; NaN if it is undefined.
    low, high : float or None
        Its interval, if it has one.
    reason : str
        Why `value` is NaN, or why a defined value has no interval though others of its kind do.
    """

    value: float
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class GenerationMetrics:
    """How samples of a model's prior look as strings.

    Parameters
    ----------
    validity : Share
        Valid of all, with Wilson's interval.
    uniqueness : Share
        Distinct of valid. It falls with n, so compare it at the same n only.
    unique_at : dict of int to Share
        Distinct of the first k valid ones, by k.
    novelty : Share
        Distinct ones not in the training set, of distinct.
    n, valid, distinct : int
        Counts.
    novel : int or None
        Distinct ones not in the training set, if there was one.
    level : float
        Nominal coverage of the interval.
    molecules : tuple of str
        The valid ones in canonical form, in their order, repeats included.
    """

    validity: Share
    uniqueness: Share
    unique_at: dict[int, Share]
    novelty: Share
    n: int
    valid: int
    distinct: int
    novel: int | None
    level: float
    molecules: tuple[str, ...] = dataclasses.field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON.

        Returns
        -------
        dict
            All fields but the molecules; NaN is None, and its reason is beside it.
        """
        return _plain(dataclasses.asdict(self), without="molecules")


@dataclasses.dataclass(frozen=True)
class NeighbourhoodMetrics:
    """How samples around seed molecules look: the protocol of MolMIM.

    Parameters
    ----------
    validity : Share
        Valid of all.
    uniqueness : Share
        Mean, over the seeds that have a valid sample, of distinct of valid.
    novelty : Share
        Distinct ones not in the training set, of distinct.
    non_identicality : Share
        Valid ones that are not the seed, of valid.
    effective_novelty : Share
        Distinct ones that are neither the seed nor in the training set, of all samples.
    seeds, generated, valid, non_identical, distinct : int
        Counts.
    novel, effective : int or None
        Counts, if there was a training set.
    seeds_without_valid : int
        Seeds that uniqueness leaves out.
    level : float
        Nominal coverage of the intervals.
    """

    validity: Share
    uniqueness: Share
    novelty: Share
    non_identicality: Share
    effective_novelty: Share
    seeds: int
    generated: int
    valid: int
    non_identical: int
    distinct: int
    novel: int | None
    effective: int | None
    seeds_without_valid: int
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON.

        Returns
        -------
        dict
            All fields; NaN is None, and its reason is beside it.
        """
        return _plain(dataclasses.asdict(self))


def generation_metrics(
    generated: Sequence[str],
    training: Collection[str] | None = None,
    *,
    k: Sequence[int] = (1000, 10_000),
    level: float = 0.95,
) -> GenerationMetrics:
    """Count what came out of a decoder: validity, uniqueness and novelty.

    Parameters
    ----------
    generated : sequence of str
        Independent samples, as they came out; "" is one that is no molecule.
    training : collection of str, optional
        Canonical SMILES of the training set; without it, novelty is undefined.
    k : sequence of int
        Numbers of valid samples among which distinct ones are counted. Undefined where there are fewer.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    GenerationMetrics
        Shares and counts. Only validity is a share of independent draws, and only it has an interval.

    Raises
    ------
    KindError
        If `generated` is one string.
    ParameterError
        If a k is not positive, `level` is not between 0 and 1, or `training` is not canonical (RDKit's form; some of it
        is looked at, and one in 20 may differ, as after an update of RDKit).
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> found = generation_metrics(["CCO", "OCC", "c1ccccc1", "C("], ["CCO"], k=[2])
    >>> found.validity.value, round(found.uniqueness.value, 3), found.novelty.value, found.unique_at[2].value
    (0.75, 0.667, 0.5, 0.5)
    """
    refuse_string(generated, "generation_metrics", "generated")
    for size in k:
        if size < 1:
            raise ParameterError(f"generation_metrics: `k` must be positive numbers; got {size!r}.")
    _check_level(level, "generation_metrics")
    known = _known(training, "generation_metrics")
    molecules = tuple(name for name in map(canonical, generated) if name is not None)
    distinct = set(molecules)
    novel = None if known is None else len(distinct - known)
    if len(generated):
        interval = wilson(len(molecules), len(generated), level)
        validity = Share(interval.value, interval.low, interval.high)
    else:
        validity = Share(math.nan, reason="nothing was generated")
    return GenerationMetrics(
        validity=validity,
        uniqueness=_share(len(distinct), len(molecules), "no sample is a valid molecule"),
        unique_at={
            size: Share(len(set(molecules[:size])) / size)
            if size <= len(molecules)
            else Share(math.nan, reason=f"{len(molecules)} valid samples, and {size} are needed")
            for size in k
        },
        novelty=_share(novel, len(distinct), "no sample is a valid molecule"),
        n=len(generated),
        valid=len(molecules),
        distinct=len(distinct),
        novel=novel,
        level=level,
        molecules=molecules,
    )


def neighbourhood_metrics(
    seeds: Sequence[str],
    generated: Sequence[Sequence[str]],
    training: Collection[str] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> NeighbourhoodMetrics:
    """Count what came out around seed molecules, by the protocol of MolMIM.

    Parameters
    ----------
    seeds : sequence of S str
        Molecules around whose codes samples were drawn.
    generated : sequence of S sequences of str
        Samples of each seed, as they came out.
    training : collection of str, optional
        Canonical SMILES of the training set; without it, novelty and effective novelty are undefined.
    level : float
        Nominal coverage of the intervals.
    seed : int
        Of the bootstrap.

    Returns
    -------
    NeighbourhoodMetrics
        Shares and counts. Intervals are from 1,000 bootstrap samples of the seeds, because samples of one seed are not
        independent of each other.

    Raises
    ------
    KindError
        If `seeds` is one string.
    ShapeError
        If there are not as many lists as seeds.
    ParameterError
        If a seed is no molecule, `level` or `seed` is out of range, or `training` is not canonical.
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    "Distinct" is meant within a seed: a molecule found around two seeds counts twice, so the counts do not depend on
    how near the seeds are to each other.

    References
    ----------
    .. [1] D. Reidenbach, M. Livne, R. Ilango, M. Gill, J. Israeli, "Improving Small Molecule Generation using Mutual
       Information Machine", arXiv:2208.09016, 2022.

    Examples
    --------
    >>> found = neighbourhood_metrics(["CCO", "CCN"], [["OCC", "CCC", "C("], ["CCC", "CCC", "CCCN"]], {"CCCN"})
    >>> [round(s.value, 3) for s in (found.validity, found.uniqueness, found.novelty, found.non_identicality)]
    [0.833, 0.833, 0.75, 0.8]
    >>> round(found.effective_novelty.value, 3)
    0.333
    """
    caller = "neighbourhood_metrics"
    _check_level(level, caller)
    check_seed(seed, caller)
    refuse_string(seeds, caller, "seeds")
    if len(seeds) != len(generated):
        raise ShapeError(
            f"{caller}: `generated` must hold a list of samples for each seed; got {len(generated)} lists for "
            f"{len(seeds)} seeds."
        )
    for i, samples in enumerate(generated):
        if isinstance(samples, str):
            raise ShapeError(f"{caller}: `generated[{i}]` must be a list of strings; got the string {samples[:80]!r}.")
    homes = [canonical(s) for s in seeds]
    bad = [i for i, home in enumerate(homes) if home is None]
    if bad:
        raise ParameterError(
            f"{caller}: `seeds` must be molecules; {len(bad)} of {len(homes)} are not, the first in row {bad[0]}: "
            f"{seeds[bad[0]]!r}. Leave them out, and their samples."
        )
    known = _known(training, caller)
    counts = np.zeros((len(homes), 8))
    for row, home, samples in zip(counts, homes, generated, strict=True):
        valid = [name for name in map(canonical, samples) if name is not None]
        distinct = set(valid)
        new = distinct - (known or set())
        other = len(valid) - valid.count(str(home))
        share = len(distinct) / len(valid) if valid else 0.0
        row[:] = len(samples), len(valid), bool(valid), share, other, len(distinct), len(new), len(new - {home})
    totals, draws = counts.sum(0), _resampled(counts, seed)
    all_, valid_, some, shares, other_, distinct_, novel, effective = range(8)
    nothing, none = "nothing was generated", "no sample is a valid molecule"

    def of(part: int, whole: int, reason: str) -> Share:
        if known is None and part in (novel, effective):
            return _share(None, 0, reason)
        found = _share(totals[part], totals[whole], reason)
        return found if found.reason else _with_interval(found, draws[:, part], draws[:, whole], level)

    return NeighbourhoodMetrics(
        validity=of(valid_, all_, nothing),
        uniqueness=of(shares, some, none),
        novelty=of(novel, distinct_, none),
        non_identicality=of(other_, valid_, none),
        effective_novelty=of(effective, all_, nothing),
        seeds=len(homes),
        generated=int(totals[all_]),
        valid=int(totals[valid_]),
        non_identical=int(totals[other_]),
        distinct=int(totals[distinct_]),
        novel=None if known is None else int(totals[novel]),
        effective=None if known is None else int(totals[effective]),
        seeds_without_valid=len(homes) - int(totals[some]),
        level=level,
    )


def _share(part: float | None, whole: float, reason: str) -> Share:
    if part is None:
        return Share(math.nan, reason="no training set was given")
    return Share(float(part / whole)) if whole else Share(math.nan, reason=reason)


def _resampled(counts: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the totals of each resample of the rows: (R, columns); R is 0 if there is nothing to resample."""
    n = len(counts)
    if n < 2:
        return np.zeros((0, counts.shape[1]))
    rng, often = np.random.default_rng(seed), np.full(n, 1 / n)
    return np.concatenate([rng.multinomial(n, often, 50) @ counts for _ in range(RESAMPLES // 50)])


def _with_interval(share: Share, parts: NDArray[np.float64], wholes: NDArray[np.float64], level: float) -> Share:
    if not len(parts):
        return dataclasses.replace(share, reason="no interval: there is one seed")
    defined = wholes > 0
    low, high = np.quantile(parts[defined] / wholes[defined], [0.5 - level / 2, 0.5 + level / 2])
    return dataclasses.replace(share, low=float(low), high=float(high))


def _known(training: Collection[str] | None, caller: str) -> set[str] | frozenset[str] | None:
    if training is None:
        return None
    if isinstance(training, str):
        raise ParameterError(f"{caller}: `training` must be a collection of SMILES; got the string {training[:80]!r}.")
    looked = list(itertools.islice(training, SAMPLE))
    differ = [s for s in looked if canonical(s) != s]
    if len(differ) > UNCANONICAL * len(looked):
        raise ParameterError(
            f"{caller}: `training` must be canonical SMILES, or what is known would count as new; of {len(looked)} "
            f"looked at, {len(differ)} are not, such as {differ[0]!r} ({canonical(differ[0])!r}). Put each through "
            "`cmim.molecules.chemistry.canonical`."
        )
    return training if isinstance(training, (set, frozenset)) else set(training)


def _check_level(level: float, caller: str) -> None:
    if not 0 < level < 1:
        raise ParameterError(f"{caller}: `level` must be between 0 and 1; got {level!r}.")


def _plain(value: Any, without: str | None = None) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items() if name != without}
    return None if isinstance(value, float) and math.isnan(value) else value
