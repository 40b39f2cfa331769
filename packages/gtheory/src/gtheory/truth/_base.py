"""What every truth function is, and several side by side."""

import abc
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import ParameterError, ShapeError
from infocore.semantic import Floats

__all__ = ["TruthFunction", "finite", "numbers", "positive", "truth_matrix"]


class TruthFunction(abc.ABC):
    """Meaning of one label. Subclasses give `log`; nothing else is needed to be used by `truth_matrix`."""

    @abc.abstractmethod
    def log(self, x: ArrayLike) -> Floats:
        """Return log T(theta|x), at most 0 and -inf where the label is certainly false.

        Parameters
        ----------
        x : array
            Values of x; for a truth function of several variables, they are on the last axis.

        Returns
        -------
        ndarray of the shape of `x`, without its last axis for a truth function of several variables
        """

    def __call__(self, x: ArrayLike) -> Floats:
        """Return T(theta|x), in [0, 1].

        Parameters
        ----------
        x : array
            Values of x; for a truth function of several variables, they are on the last axis.

        Returns
        -------
        ndarray of the shape of `x`, without its last axis for a truth function of several variables
        """
        return np.exp(self.log(x))


def truth_matrix(functions: Iterable[TruthFunction], x: ArrayLike, *, log: bool = False) -> Floats:
    """Truth matrix of several labels at the values of x.

    Parameters
    ----------
    functions : iterable of TruthFunction
        One per label.
    x : array of shape (m,) or (m, d)
        Values of x; (m, d) for truth functions of d variables.
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
        If a truth function does not give one value per row of `x`.

    Examples
    --------
    >>> from gtheory.truth import Logistic
    >>> truth_matrix([Logistic(18.0, -0.8), Logistic(18.0, 0.8)], [10.0, 18.0]).round(4).tolist()
    [[0.9983, 0.0017], [0.5, 0.5]]
    """
    columns = [function.log(x) for function in functions]
    if not columns:
        raise ParameterError("truth_matrix: `functions` must hold at least one truth function; got none.")
    for label, column in enumerate(columns):
        if column.ndim != 1:
            raise ShapeError(
                f"truth_matrix: `x` must have one axis, or two for truth functions of several variables, so that each "
                f"label has one value per row; label {label} gave {column.ndim} axes."
            )
    matrix = np.stack(columns, axis=1)
    return matrix if log else np.exp(matrix)


def numbers(x: ArrayLike) -> Floats:
    """Return `x` as float64."""
    return np.asarray(x, dtype=np.float64)


def finite(caller: str, name: str, value: float) -> None:
    """Refuse a parameter that is NaN or infinite."""
    if not math.isfinite(value):
        raise ParameterError(f"{caller}: `{name}` must be finite; got {value!r}.")


def positive(caller: str, name: str, value: float) -> None:
    """Refuse a parameter that is not positive and finite."""
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{caller}: `{name}` must be positive and finite; got {value!r}.")
