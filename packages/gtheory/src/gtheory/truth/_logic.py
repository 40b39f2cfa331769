r"""Logic of labels: not, and, or, with the coupling of their random sets said.

A degree of truth is the probability that a random set covers x. Two such probabilities do not determine that of both
sets covering x: that depends on how the sets are drawn together, and each choice is another logic.

- "comonotone": the sets move together; "and" is the smaller of the two, the largest it can be (Zadeh's logic).
- "independent": "and" is the product.
- "countermonotone": they move apart; "and" is ``max(0, a + b - 1)``, the smallest it can be (Lukasiewicz's logic).

Negation turns a coupling round: if the sets of A and B move together, those of A and not-B move apart. So where A and
B are comonotone, "A and not B" is ``max(0, a - b)``, the conjunction of a and 1 - b that is countermonotone; in
particular "A and not A" is 0 and "A or not A" is 1, as in Boolean logic. The comonotone conjunction of a and 1 - a is
another thing: the truth of A and of something as true as not-A whose set moves with that of A.
"""

import dataclasses
import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from gtheory.truth._base import TruthFunction, numbers
from infocore.errors import InvalidDistributionError, ParameterError
from infocore.semantic import TOLERANCE, Floats

__all__ = ["And", "Coupling", "Not", "Or", "conjunction", "disjunction", "negation"]

Coupling = Literal["comonotone", "independent", "countermonotone"]


def negation(a: ArrayLike, *, log: bool = False) -> Floats:
    """Degree to which a label is not true, 1 - a.

    Parameters
    ----------
    a : array
        Degrees of truth in [0, 1]; NaN where undefined, and so is the result there.
    log : bool
        Whether `a` holds logarithms; the result is then a logarithm too.

    Returns
    -------
    ndarray of the shape of `a`

    Raises
    ------
    InvalidDistributionError
        If it leaves [0, 1].

    Examples
    --------
    >>> negation([0.0, 0.3]).tolist()
    [1.0, 0.7]
    """
    a = _truth(a, "negation", "a", log)
    return _log_complement(a) if log else 1.0 - a


def conjunction(a: ArrayLike, b: ArrayLike, *, coupling: Coupling, log: bool = False) -> Floats:
    """Degree to which two labels are both true.

    Parameters
    ----------
    a, b : arrays whose shapes broadcast
        Degrees of truth in [0, 1]; NaN where undefined, and so is the result there.
    coupling : {"comonotone", "independent", "countermonotone"}
        How their random sets are drawn together: ``min(a, b)``, ``a b`` or ``max(0, a + b - 1)``. There is no
        default, as the two degrees do not decide it.
    log : bool
        Whether `a` and `b` hold logarithms; the result is then a logarithm too.

    Returns
    -------
    ndarray

    Raises
    ------
    ParameterError
        If `coupling` is not one of its values.
    InvalidDistributionError
        If one leaves [0, 1].

    Examples
    --------
    >>> [float(conjunction(0.75, 0.5, coupling=c)) for c in ("comonotone", "independent", "countermonotone")]
    [0.5, 0.375, 0.25]
    """
    caller = "conjunction"
    _known(coupling, caller)
    a, b = _truth(a, caller, "a", log), _truth(b, caller, "b", log)
    if coupling == "comonotone":
        return np.minimum(a, b)
    if coupling == "independent":
        return a + b if log else a * b
    if not log:
        return np.maximum(a + b - 1.0, 0.0)
    high, low = np.maximum(a, b), np.minimum(a, b)
    missing = _log_complement(high)  # a + b - 1 = low - (1 - high)
    both = low > missing
    rest = _log_complement(np.where(both, missing - np.where(both, low, 0.0), -1.0))
    return np.where(np.isnan(high), np.nan, np.where(both, low + rest, -np.inf))


def disjunction(a: ArrayLike, b: ArrayLike, *, coupling: Coupling, log: bool = False) -> Floats:
    """Degree to which at least one of two labels is true, a + b less the conjunction.

    Parameters
    ----------
    a, b : arrays whose shapes broadcast
        Degrees of truth in [0, 1]; NaN where undefined, and so is the result there.
    coupling : {"comonotone", "independent", "countermonotone"}
        How their random sets are drawn together: ``max(a, b)``, ``a + b - a b`` or ``min(1, a + b)``.
    log : bool
        Whether `a` and `b` hold logarithms; the result is then a logarithm too.

    Returns
    -------
    ndarray

    Raises
    ------
    ParameterError
        If `coupling` is not one of its values.
    InvalidDistributionError
        If one leaves [0, 1].

    Examples
    --------
    >>> [float(disjunction(0.75, 0.5, coupling=c)) for c in ("comonotone", "independent", "countermonotone")]
    [0.75, 0.875, 1.0]
    """
    caller = "disjunction"
    _known(coupling, caller)
    a, b = _truth(a, caller, "a", log), _truth(b, caller, "b", log)
    if coupling == "comonotone":
        return np.maximum(a, b)
    if not log:
        return a + b * (1.0 - a) if coupling == "independent" else np.minimum(a + b, 1.0)
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return np.minimum(np.logaddexp(a, b + _log_complement(a) if coupling == "independent" else b), 0.0)


@dataclasses.dataclass(frozen=True)
class Not(TruthFunction):
    """The label is not true: 1 - T(x).

    Where log T rounds to 0, it is -inf; a `Logistic` of the opposite slope is the negation that holds further out.

    Parameters
    ----------
    truth : TruthFunction
        What is denied.

    Examples
    --------
    >>> from gtheory.truth import Logistic
    >>> Not(Logistic(18.0, 0.8))([10.0, 18.0]).round(4).tolist()
    [0.9983, 0.5]
    """

    truth: TruthFunction

    def log(self, x: ArrayLike) -> Floats:
        """Return log(1 - T(x))."""
        return _log_complement(self.truth.log(x))


@dataclasses.dataclass(frozen=True)
class And(TruthFunction):
    """Both labels are true.

    Parameters
    ----------
    first, second : TruthFunction
        The two.
    coupling : {"comonotone", "independent", "countermonotone"}
        As in `conjunction`.

    Raises
    ------
    ParameterError
        If `coupling` is not one of its values.

    Examples
    --------
    >>> from gtheory.truth import Logistic
    >>> adult, old = Logistic(18.0, 0.8), Logistic(65.0, 0.4)
    >>> And(adult, Not(old), coupling="countermonotone")([10.0, 40.0, 65.0]).round(4).tolist()
    [0.0017, 1.0, 0.5]
    """

    first: TruthFunction
    second: TruthFunction
    coupling: Coupling = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        _known(self.coupling, "And")

    def log(self, x: ArrayLike) -> Floats:
        """Return the logarithm of the conjunction."""
        return conjunction(self.first.log(x), self.second.log(x), coupling=self.coupling, log=True)


@dataclasses.dataclass(frozen=True)
class Or(TruthFunction):
    """At least one of two labels is true.

    Parameters
    ----------
    first, second : TruthFunction
        The two.
    coupling : {"comonotone", "independent", "countermonotone"}
        As in `disjunction`.

    Raises
    ------
    ParameterError
        If `coupling` is not one of its values.

    Examples
    --------
    >>> from gtheory.truth import Logistic
    >>> young, old = Logistic(18.0, -0.8), Logistic(65.0, 0.4)
    >>> Or(young, old, coupling="countermonotone")([10.0, 40.0, 65.0]).round(4).tolist()
    [0.9983, 0.0, 0.5]
    """

    first: TruthFunction
    second: TruthFunction
    coupling: Coupling = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        _known(self.coupling, "Or")

    def log(self, x: ArrayLike) -> Floats:
        """Return the logarithm of the disjunction."""
        return disjunction(self.first.log(x), self.second.log(x), coupling=self.coupling, log=True)


def _log_complement(a: Floats) -> Floats:
    """log(1 - e^a) for a <= 0, by whichever of two forms keeps its digits."""
    near = a > -math.log(2.0)
    with np.errstate(divide="ignore"):
        return np.where(near, np.log(-np.expm1(np.where(near, a, -1.0))), np.log1p(-np.exp(np.where(near, -1.0, a))))


def _truth(values: ArrayLike, caller: str, name: str, log: bool) -> Floats:
    a = numbers(values)
    low, high = (-np.inf, 0.0) if log else (0.0, 1.0)
    if (a < low).any() or (a > high + TOLERANCE).any():
        what = "log T, at most 0" if log else "degrees of truth in [0, 1]"
        raise InvalidDistributionError(
            f"{caller}: `{name}` must hold {what}; got {np.nanmin(a):.6g} to {np.nanmax(a):.6g}."
        )
    return np.minimum(a, high)  # within the tolerance above 1 it is rounding


def _known(coupling: str, caller: str) -> None:
    if coupling not in get_args(Coupling):
        raise ParameterError(f"{caller}: `coupling` must be one of {', '.join(get_args(Coupling))}; got {coupling!r}.")
