"""Truth functions: the meaning of a label as a degree of truth in [0, 1] for each x.

A truth function is a membership function, not a density: it has a maximum of 1 somewhere and integrates to nothing in
particular. Each is a frozen object with ``log(x)``, which is exact where the value itself would underflow, and a call
that returns the value. `truth_matrix` puts several side by side, labels in columns.
"""

import abc
import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, real

__all__ = [
    "Crisp",
    "Disbelief",
    "Gaussian",
    "Logistic",
    "Tabulated",
    "TruthFunction",
    "from_distortion",
    "from_scores",
    "truth_matrix",
]


class TruthFunction(abc.ABC):
    """Meaning of one label. Subclasses give `log`; nothing else is needed to be used by `truth_matrix`."""

    @abc.abstractmethod
    def log(self, x: ArrayLike) -> Floats:
        """Return log T(theta|x), at most 0 and -inf where the label is certainly false.

        Parameters
        ----------
        x : array
            Values of x.

        Returns
        -------
        ndarray of the shape of `x`
        """

    def __call__(self, x: ArrayLike) -> Floats:
        """Return T(theta|x), in [0, 1].

        Parameters
        ----------
        x : array
            Values of x.

        Returns
        -------
        ndarray of the shape of `x`
        """
        return np.exp(self.log(x))


@dataclasses.dataclass(frozen=True)
class Gaussian(TruthFunction):
    r"""About `mean`: :math:`T(x) = e^{-(x - \mu)^2 / 2\sigma^2}`, as of a reading, a pointer or a forecast.

    Parameters
    ----------
    mean : float
        Where the label is wholly true.
    sd : float
        How far it is meant to reach; positive.

    Raises
    ------
    ParameterError
        If `mean` is not finite or `sd` not positive and finite.

    Examples
    --------
    >>> Gaussian(50.0, 2.0)([50.0, 54.0]).round(4).tolist()
    [1.0, 0.1353]
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _finite("Gaussian", "mean", self.mean)
        _positive("Gaussian", "sd", self.sd)

    def log(self, x: ArrayLike) -> Floats:
        """Return -(x - mean)^2 / (2 sd^2)."""
        return -0.5 * ((_numbers(x) - self.mean) / self.sd) ** 2


@dataclasses.dataclass(frozen=True)
class Logistic(TruthFunction):
    r"""At least, or at most, `centre`: :math:`T(x) = 1 / (1 + e^{-k(x - c)})`.

    Parameters
    ----------
    centre : float
        Where the label is half true.
    slope : float
        k: positive for "at least", negative for "at most"; not 0.

    Raises
    ------
    ParameterError
        If `centre` or `slope` is not finite, or `slope` is 0.

    Examples
    --------
    >>> adult = Logistic(18.0, 0.8)
    >>> adult([17.0, 18.0, 30.0]).round(4).tolist()
    [0.31, 0.5, 0.9999]
    """

    centre: float
    slope: float

    def __post_init__(self) -> None:
        _finite("Logistic", "centre", self.centre)
        _finite("Logistic", "slope", self.slope)
        if self.slope == 0:
            raise ParameterError("Logistic: `slope` must not be 0, which would mean nothing; got 0.")

    def log(self, x: ArrayLike) -> Floats:
        """Return -log(1 + exp(-slope (x - centre)))."""
        return -np.logaddexp(0.0, -self.slope * (_numbers(x) - self.centre))


@dataclasses.dataclass(frozen=True)
class Crisp(TruthFunction):
    """True on a set, false off it.

    Parameters
    ----------
    contains : callable
        Takes an array of x and returns an array of booleans: whether each is in the set.

    Examples
    --------
    >>> Crisp(lambda x: abs(x - 50) < 5)([44.0, 50.0]).tolist()
    [0.0, 1.0]
    """

    contains: Callable[[NDArray[Any]], NDArray[np.bool_]]

    def log(self, x: ArrayLike) -> Floats:
        """Return 0 on the set and -inf off it."""
        return np.where(self.contains(np.asarray(x)), 0.0, -np.inf)


@dataclasses.dataclass(frozen=True)
class Disbelief(TruthFunction):
    r"""A label that is not wholly believed: :math:`b' + (1 - b') T(x)` (recalled form).

    A wrong label then costs a finite amount of information, at most ``log(b' / T(theta))``.

    Parameters
    ----------
    truth : TruthFunction
        What the label would mean if it were believed.
    degree : float
        b' in [0, 1]: 0 leaves `truth` as it is, 1 makes the label say nothing.

    Raises
    ------
    ParameterError
        If `degree` is outside [0, 1].

    Examples
    --------
    >>> Disbelief(Crisp(lambda x: x > 0), 0.1)([-1.0, 1.0]).round(6).tolist()
    [0.1, 1.0]
    """

    truth: TruthFunction
    degree: float

    def __post_init__(self) -> None:
        if not 0 <= self.degree <= 1:
            raise ParameterError(f"Disbelief: `degree` must be in [0, 1]; got {self.degree!r}.")

    def log(self, x: ArrayLike) -> Floats:
        """Return log(b' + (1 - b') T(x))."""
        if self.degree == 0:
            return self.truth.log(x)
        if self.degree == 1:
            return np.zeros_like(self.truth.log(x))
        return np.logaddexp(math.log(self.degree), math.log1p(-self.degree) + self.truth.log(x))


@dataclasses.dataclass(frozen=True)
class Tabulated(TruthFunction):
    """A truth function known at certain x only, such as a column of `optimal_truth`.

    Parameters
    ----------
    x : sequence of float, of length m
        The values at which it is known, each once.
    values : sequence of float, of length m
        Degrees of truth in [0, 1]; NaN where undefined.

    Raises
    ------
    ShapeError
        If `x` and `values` differ in length or are empty.
    NonFiniteError
        If an entry of `x` is NaN or infinite.
    ParameterError
        If an `x` is there twice; and from ``log`` and a call, if asked for an x that is not in the table.
    InvalidDistributionError
        If a value is outside [0, 1].

    Examples
    --------
    >>> Tabulated((0, 1, 2), (0.1, 1.0, 0.4))([2, 0]).round(12).tolist()
    [0.4, 0.1]
    """

    x: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        x, values = real(self.x, "Tabulated", "x", ndim=1), real(self.values, "Tabulated", "values", ndim=1)
        if len(x) != len(values):
            raise ShapeError(f"Tabulated: `x` and `values` must be equally long; got {len(x)} and {len(values)}.")
        if not np.isfinite(x).all():
            raise NonFiniteError("Tabulated: `x` holds NaN or infinity; leave those entries out.")
        if len(np.unique(x)) != len(x):
            raise ParameterError("Tabulated: `x` must name each value once; some are repeated.")
        if (values < 0).any() or (values > 1).any():
            raise InvalidDistributionError(
                f"Tabulated: `values` must be in [0, 1]; got {np.nanmin(values):.6g} to {np.nanmax(values):.6g}."
            )
        object.__setattr__(self, "x", tuple(x.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def log(self, x: ArrayLike) -> Floats:
        """Return the logarithm of the tabulated values at `x`; an x that is not in the table is an error."""
        wanted = _numbers(x)
        table = np.array(self.x)
        order = np.argsort(table)
        place = order[np.minimum(np.searchsorted(table, wanted, sorter=order), len(table) - 1)]
        unknown = np.unique(wanted[table[place] != wanted])
        if len(unknown):
            raise ParameterError(
                f"Tabulated: `x` holds {len(unknown)} values that are not in the table, the first {unknown[0]!r}. "
                "A table does not say what is true between its entries."
            )
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.values)[place])


def truth_matrix(functions: Iterable[TruthFunction], x: ArrayLike, *, log: bool = False) -> Floats:
    """Truth matrix of several labels at the values of x.

    Parameters
    ----------
    functions : iterable of TruthFunction
        One per label.
    x : array of shape (m,)
        Values of x.
    log : bool
        Whether to return log T, which does not underflow.

    Returns
    -------
    ndarray of shape (m, n)
        Labels in columns.

    Raises
    ------
    ParameterError
        If `functions` is empty.
    ShapeError
        If `x` is not one-dimensional.

    Examples
    --------
    >>> truth_matrix([Logistic(18.0, -0.8), Logistic(18.0, 0.8)], [10.0, 18.0]).round(4).tolist()
    [[0.9983, 0.0017], [0.5, 0.5]]
    """
    columns = [function.log(x) for function in functions]
    if not columns:
        raise ParameterError("truth_matrix: `functions` must hold at least one truth function; got none.")
    if columns[0].ndim != 1:
        raise ShapeError(f"truth_matrix: `x` must have one axis; got {columns[0].ndim} axes.")
    matrix = np.stack(columns, axis=1)
    return matrix if log else np.exp(matrix)


def from_scores(scores: ArrayLike, *, log: bool = False) -> Floats:
    r"""Truth matrix that a critic defines, :math:`T(\theta_j|x_i) = e^{f(x_i, y_j) - \max_k f(x_k, y_j)}`.

    The maximum is over the x given, so on a batch it is at most the true one and T is biased up. Information is not
    affected: it does not depend on the scale of a column.

    Parameters
    ----------
    scores : array of shape (m, n)
        ``f(x_i, y_j)``, a critic's or a similarity over a temperature; -inf allowed.
    log : bool
        Whether to return log T, which does not underflow.

    Returns
    -------
    ndarray of shape (m, n)
        Each column has maximum 1.

    Raises
    ------
    ShapeError, KindError
        If `scores` is not a real matrix.
    NonFiniteError
        If it holds NaN or +inf, or a column nothing but -inf.

    References
    ----------
    .. [1] C. Lu, "Reviewing Evolution of Learning Functions and Semantic Information Measures for Understanding Deep
       Learning", Entropy 25:802, 2023 (the idea; form derived).

    Examples
    --------
    >>> from_scores([[2.0, 0.0], [0.0, 2.0]]).round(4).tolist()
    [[1.0, 0.1353], [0.1353, 1.0]]
    """
    f = real(scores, "from_scores", "scores", ndim=2)
    top = f.max(0)
    if not np.isfinite(top).all():
        raise NonFiniteError(
            f"from_scores: `scores` must have a finite maximum in each column; {int((~np.isfinite(top)).sum())} of "
            f"{len(top)} columns hold NaN, +inf or nothing but -inf."
        )
    return f - top if log else np.exp(f - top)


def from_distortion(distortion: ArrayLike, *, log: bool = False) -> Floats:
    r"""Truth matrix that a distortion defines, :math:`T(\theta_j|x_i) = e^{-d(x_i, y_j)}`.

    Parameters
    ----------
    distortion : array of shape (m, n)
        Non-negative, in nats of semantic distortion; +inf makes the label false there.
    log : bool
        Whether to return log T, which is the negative distortion.

    Returns
    -------
    ndarray of shape (m, n)

    Raises
    ------
    ShapeError, KindError
        If `distortion` is not a real matrix.
    InvalidDistributionError
        If it is negative or NaN somewhere.

    Examples
    --------
    >>> from_distortion([[0.0, 1.0], [1.0, 0.0]]).round(4).tolist()
    [[1.0, 0.3679], [0.3679, 1.0]]
    """
    d = real(distortion, "from_distortion", "distortion", ndim=2)
    if not (d >= 0).all():
        raise InvalidDistributionError(
            f"from_distortion: `distortion` must be non-negative, as T = exp(-d) is at most 1; got {np.nanmin(d):.6g} "
            f"as smallest entry and {int(np.isnan(d).sum())} NaN. Subtract each column's minimum."
        )
    return -d if log else np.exp(-d)


def _numbers(x: ArrayLike) -> Floats:
    return np.asarray(x, dtype=np.float64)


def _finite(caller: str, name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ParameterError(f"{caller}: `{name}` must be finite; got {value!r}.")


def _positive(caller: str, name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{caller}: `{name}` must be positive and finite; got {value!r}.")
