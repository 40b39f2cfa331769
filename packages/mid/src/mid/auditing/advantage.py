r"""Advantage of an attack over a guesser: paired on the same records, with intervals, tests and what could be seen.

The difference of two accuracies on the same n records is the mean of :math:`d_i \in \{-1, 0, 1\}`; only records on
which the two differ carry weight. The test is McNemar's exact one, one-sided; an attack counts only if it beats
**every** guesser, so its p-value is the largest of its comparisons (an intersection-union test), and Holm's step-down
corrects for the number of attacks.

References
----------
- Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
  Psychometrika 12, 1947.
- S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm

from infocore.errors import ParameterError, ShapeError, TooFewSamplesError

__all__ = [
    "Advantage",
    "detectable_advantage",
    "discordance",
    "holm",
    "memory_p_value",
    "paired_advantage",
    "unpaired_gap",
]

_DRAWS = 10_000
_POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Advantage:
    """Difference of two success rates.

    Parameters
    ----------
    attack, baseline : str
        Whose rates.
    value : float
        Rate of the attack minus rate of the baseline, from -1 to 1.
    ci : tuple of two floats
        Bootstrap interval at `ci_level`.
    ci_level : float
        Nominal coverage.
    p_value : float or None
        Chance of so many records won by the attack alone, if it were no better; exact, one-sided, not corrected for the
        number of attacks. None where the records differ.
    n : int
        Number of records; of the attack's, where they differ.
    """

    attack: str
    baseline: str
    value: float
    ci: tuple[float, float]
    ci_level: float
    p_value: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        return dataclasses.asdict(self) | {"ci": list(self.ci)}

    def __str__(self) -> str:
        """In points of a hundred."""
        low, high = self.ci
        return f"{100 * self.value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] over {self.baseline}"


def paired_advantage(
    attack_wins: ArrayLike,
    baseline_wins: ArrayLike,
    *,
    attack: str = "attack",
    baseline: str = "baseline",
    ci_level: float = 0.95,
    rng: int | Sequence[int] | np.random.Generator = 0,
) -> Advantage:
    """Advantage on the same records.

    Parameters
    ----------
    attack_wins, baseline_wins : boolean array of shape (n,)
        Which records each guessed right.
    attack, baseline : str
        What they are called.
    ci_level : float
        Nominal coverage of the interval, in (0, 1).
    rng : int or numpy.random.Generator
        Seed of the bootstrap.

    Returns
    -------
    Advantage
        With its interval and p-value.

    Raises
    ------
    ShapeError
        If the two are not of one length.
    TooFewSamplesError
        If there are fewer than two records.
    ParameterError
        If `ci_level` is not in (0, 1).

    Notes
    -----
    The bootstrap draws records; half a record is added to either kind of difference, so that an interval does not
    shrink to a point where few records differ.

    Examples
    --------
    >>> a, b = np.repeat([1, 1, 0, 0], [40, 30, 10, 20]), np.repeat([1, 0, 1, 0], [40, 30, 10, 20])
    >>> result = paired_advantage(a == 1, b == 1)
    >>> result.value, round(result.p_value, 4)  # 30 against 10
    (0.2, 0.0011)
    """
    a, b = np.asarray(attack_wins, np.bool_), np.asarray(baseline_wins, np.bool_)
    if a.ndim != 1 or a.shape != b.shape:
        raise ShapeError(
            f"paired_advantage: `attack_wins` and `baseline_wins` must be vectors of one length; got {a.shape} and "
            f"{b.shape}."
        )
    n = len(a)
    _check(n, ci_level, "paired_advantage")
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    shares = np.array([only_a + 0.5, only_b + 0.5, n - only_a - only_b]) / (n + 1.0)
    draws = np.random.default_rng(rng).multinomial(n, shares, size=_DRAWS)
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / n, [(1 - ci_level) / 2, (1 + ci_level) / 2])
    p = float(binom.sf(only_a - 1, only_a + only_b, 0.5)) if only_a + only_b else 1.0
    return Advantage(attack, baseline, (only_a - only_b) / n, (float(low), float(high)), ci_level, p, n)


def unpaired_gap(
    member_wins: ArrayLike,
    fresh_wins: ArrayLike,
    *,
    attack: str = "attack",
    ci_level: float = 0.95,
    rng: int | np.random.Generator = 0,
) -> Advantage:
    """How much more often an attack wins on training records than on fresh ones: the part that is memorised (eq. 6).

    Parameters
    ----------
    member_wins, fresh_wins : boolean array of shape (n1,), (n2,)
        Which records of either kind it guessed right.
    attack : str
        What it is called.
    ci_level : float
        Nominal coverage of the interval, in (0, 1).
    rng : int or numpy.random.Generator
        Seed of the bootstrap.

    Returns
    -------
    Advantage
        Without a p-value.

    Raises
    ------
    TooFewSamplesError
        If there are fewer than two records of either kind.
    ParameterError
        If `ci_level` is not in (0, 1).

    Examples
    --------
    >>> unpaired_gap(np.ones(50, bool), np.zeros(50, bool)).value
    1.0
    """
    a, b = np.asarray(member_wins, np.bool_), np.asarray(fresh_wins, np.bool_)
    _check(min(len(a), len(b)), ci_level, "unpaired_gap")
    gen = np.random.default_rng(rng)
    rates = [gen.binomial(len(w), (w.sum() + 0.5) / (len(w) + 1.0), size=_DRAWS) / len(w) for w in (a, b)]
    low, high = np.quantile(rates[0] - rates[1], [(1 - ci_level) / 2, (1 + ci_level) / 2])
    value = float(a.mean() - b.mean())
    return Advantage(attack, "fresh records", value, (float(low), float(high)), ci_level, None, len(a))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, by Holm's step-down.

    Parameters
    ----------
    p_values : sequence of float
        In any order.

    Returns
    -------
    list of float
        In the same order; those at most alpha are the rejections at family-wise error alpha.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def detectable_advantage(discordant: float, n: int, *, alpha: float = 0.05, comparisons: int = 1) -> float:
    r"""Smallest advantage that McNemar's exact test would find with a probability of 80 %.

    Parameters
    ----------
    discordant : float
        q, the share of records on which attack and guesser differ. An advantage cannot exceed it, so a larger advantage
        is taken to come with as large a q.
    n : int
        Number of records.
    alpha : float
        Family-wise error of the one-sided test, in (0, 1).
    comparisons : int
        k, the number of attacks: the test is at alpha / k (Bonferroni; Holm's procedure finds no less).

    Returns
    -------
    float
        From 0 to 1, by enumeration of the binomial laws; 1 if no advantage would be found so often.

    Raises
    ------
    ParameterError
        If `discordant` is not in [0, 1], `alpha` not in (0, 1), or `n` or `comparisons` is less than 1.

    Notes
    -----
    It is for one guesser that is hardest to beat; where several are as hard, all of which must be beaten, the smallest
    advantage is somewhat larger.

    Examples
    --------
    >>> round(detectable_advantage(0.2, 1000), 3)
    0.036
    """
    if not 0 <= discordant <= 1 or not 0 < alpha < 1 or n < 1 or comparisons < 1:
        raise ParameterError(
            "detectable_advantage: `discordant` must be in [0, 1], `alpha` in (0, 1), `n` and `comparisons` at least "
            f"1; got {discordant!r}, {alpha!r}, {n!r} and {comparisons!r}."
        )
    if _power(1.0, discordant, n, alpha / comparisons) < _POWER:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, discordant, n, alpha / comparisons) >= _POWER else (middle, high)
    return high


def memory_p_value(member_gain: ArrayLike, fresh_gain: ArrayLike) -> float:
    """One-sided p-value that an attack gains more over a guesser on training records than on fresh ones.

    Parameters
    ----------
    member_gain, fresh_gain : array of shape (n1,), (n2,)
        Win of the attack minus win of the guesser, -1, 0 or 1, of each record. A difference in time or place between
        the two kinds of records moves the guesser too, and so does not count.

    Returns
    -------
    float
        By the normal approximation to the difference of two means; 1 where neither varies.

    Examples
    --------
    >>> memory_p_value([1, 1, 0, 1] * 25, [0, 0, 0, 1] * 25) < 0.001
    True
    """
    a, b = np.asarray(member_gain, np.float64), np.asarray(fresh_gain, np.float64)
    spread = math.sqrt(float(a.var(ddof=1)) / len(a) + float(b.var(ddof=1)) / len(b))
    return float(norm.sf((a.mean() - b.mean()) / spread)) if spread > 0 else 1.0


def _power(advantage: float, discordant: float, n: int, alpha: float) -> float:
    """Probability that the exact test finds an advantage."""
    q = max(discordant, advantage)
    if q == 0:
        return 0.0
    low, high = (int(v) for v in binom.interval(1 - 1e-9, n, q))
    counts = np.arange(max(low, 1), high + 1)
    # the least number of wins by the attack alone, of d, whose tail is at most alpha
    least = binom.isf(alpha, counts, 0.5) + 1
    found = binom.sf(least - 1, counts, 0.5 * (1 + advantage / q))
    return float((binom.pmf(counts, n, q) * found).sum())


def _check(n: int, ci_level: float, caller: str) -> None:
    if n < 2:
        raise TooFewSamplesError(f"{caller}: needs at least two records; got {n}.")
    if not 0 < ci_level < 1:
        raise ParameterError(f"{caller}: `ci_level` must be in (0, 1); got {ci_level!r}.")


def discordance(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Share of records on which two guessers differ in success.

    Parameters
    ----------
    a, b : boolean array of shape (n,)
        Which records each guessed right.

    Returns
    -------
    float
        From 0 to 1.
    """
    return float((a != b).mean())
