"""What is measured: signed sums of conditional informations, and so of entropies of groups of variables."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infocore._validate import Floats, Ints, Kind, Sample, codes, sample
from infocore.errors import DegenerateWarning, ShapeError, TooFewSamplesError

__all__ = [
    "Measure",
    "Part",
    "Variables",
    "assembled",
    "checked",
    "conditional",
    "dual_total",
    "interaction",
    "o_measure",
    "total",
]

Group = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Part:
    """One conditional information I(a; b | c) with its sign; a, b and c are numbers of variables."""

    sign: int
    a: Group
    b: Group
    c: Group = ()


@dataclasses.dataclass(frozen=True)
class Measure:
    """A signed sum of conditional informations.

    Parameters
    ----------
    parts : tuple of Part
        The terms.
    """

    parts: tuple[Part, ...]

    def weights(self) -> dict[Group, int]:
        """Return the weight of the entropy of each group of variables, without zeros and the empty group."""
        out: dict[Group, int] = {}
        for p in self.parts:
            for group, weight in ((p.a + p.c, 1), (p.b + p.c, 1), (p.a + p.b + p.c, -1), (p.c, -1)):
                key = tuple(sorted(group))
                out[key] = out.get(key, 0) + p.sign * weight
        return {group: weight for group, weight in out.items() if weight and group}

    @property
    def nonnegative(self) -> bool:
        """Whether the measure cannot be below zero: a sum of informations without a difference."""
        return all(p.sign > 0 for p in self.parts)

    def degrees(self, widths: Sequence[int]) -> float:
        """Return the degrees of freedom of the squared correlations in it, nearly all there is near independence."""
        weights, total = self.weights(), 0.0
        for i in range(len(widths)):
            for j in range(i):
                times = sum(w for group, w in weights.items() if i in group and j in group)
                total += times**2 * widths[i] * widths[j]
        return total


def conditional(a: Group, b: Group, c: Group = ()) -> Measure:
    """I(a; b | c)."""
    return Measure((Part(1, a, b, c),))


def interaction() -> Measure:
    """I(0; 1 | 2) - I(0; 1)."""
    return Measure((Part(1, (0,), (1,), (2,)), Part(-1, (0,), (1,))))


def total(d: int) -> Measure:
    """The sum of the entropies of d variables less that of all, by the chain rule."""
    return Measure(tuple(Part(1, (i,), tuple(range(i))) for i in range(1, d)))


def dual_total(d: int) -> Measure:
    """The entropy of d variables less that of each given the rest, by the chain rule."""
    return Measure(tuple(Part(1, (i,), tuple(range(i + 1, d)), tuple(range(i))) for i in range(d - 1)))


def o_measure(d: int) -> Measure:
    """The total less the dual total correlation."""
    return Measure(total(d).parts + tuple(dataclasses.replace(p, sign=-1) for p in dual_total(d).parts))


@dataclasses.dataclass(frozen=True)
class Variables:
    """Several variables, each of one or more columns, row by row.

    Parameters
    ----------
    samples : tuple of Sample
        One a variable; constant columns are taken out, so that one may have no columns.
    kinds : mapping
        For each variable the kinds of all its columns, by name.
    flags : tuple of str
        What is degenerate about them.
    n : int
        Number of rows.
    """

    samples: tuple[Sample, ...]
    kinds: Mapping[str, Mapping[str, Kind]]
    flags: tuple[str, ...]
    n: int

    @property
    def all_kinds(self) -> set[Kind]:
        """The kinds of the columns that vary."""
        return {kind for s in self.samples for kind in s.kinds}

    @property
    def widths(self) -> list[int]:
        """Numbers of columns that vary."""
        return [len(s.names) for s in self.samples]

    def numbers(self, caller: str) -> list[Floats]:
        """Return the values of each variable, shape (n, d), or refuse text."""
        return [s.numbers(caller) for s in self.samples]

    def labels(self) -> list[Ints]:
        """Return one code a row for each variable."""
        return [codes(s.values)[0] for s in self.samples]

    def label(self, labels: Sequence[Ints], group: Group) -> Ints:
        """Return one code a row, from 0 without gaps, for some variables together."""
        joint = codes(np.stack([labels[j] for j in group], axis=1))[0] if group else np.zeros(self.n, np.int64)
        return np.unique(joint, return_inverse=True)[1].astype(np.int64)


def checked(values: Mapping[str, Any], caller: str, *, min_samples: int = 2) -> Variables:
    """Check several variables and that they have one length.

    Parameters
    ----------
    values : mapping
        Arrays of shape (n,) or (n, d), by the name of the argument.
    caller : str
        For the messages.
    min_samples : int
        The smallest n.

    Returns
    -------
    Variables

    Raises
    ------
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        As `infocore._validate.sample`; and if the lengths differ.

    Warns
    -----
    DegenerateWarning
        For constant columns.
    """
    return assembled({name: sample(value, caller, name) for name, value in values.items()}, caller, min_samples)


def assembled(samples: Mapping[str, Sample], caller: str, min_samples: int = 2) -> Variables:
    """Put checked samples together; parameters, errors and warnings as `checked`."""
    lengths = {name: len(s.values) for name, s in samples.items()}
    n = next(iter(lengths.values()))
    if set(lengths.values()) != {n}:
        found = ", ".join(f"`{name}` {rows}" for name, rows in lengths.items())
        raise ShapeError(f"{caller}: the variables are paired row by row, so they need one length; got rows: {found}.")
    if n < min_samples:
        raise TooFewSamplesError(f"{caller}: needs at least {min_samples} rows; got {n}.")
    flags = [
        f"constant column {name}"
        for s in samples.values()
        for name, constant in zip(s.names, s.constant, strict=True)
        if constant
    ]
    if flags:
        warnings.warn(
            f"{caller}: {', '.join(flags)}: what never changes carries no information, and adds none to the estimate.",
            DegenerateWarning,
            stacklevel=5,
        )
    return Variables(
        tuple(s.informative() for s in samples.values()),
        {name: dict(zip(s.names, s.kinds, strict=True)) for name, s in samples.items()},
        tuple(flags),
        n,
    )
