r"""Plain defences that any other must beat: leave the sensitive attribute out, weigh it less, or shrink the answers.

None of them adds noise. Leaving the attribute out removes what the model tells of it beyond what the other columns
tell; shrinking removes nothing, because a one-to-one map of an answer holds the same information.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags

from infocore.errors import KindError, ParameterError, ShapeError
from mid.attacks.predictor import Predictor, check_release
from mid.attacks.protocols import Access, Output
from mid.defences._columns import Columns, positions

__all__ = ["HeldConstant", "Shrunk", "drop_attribute", "scale_attribute", "shrink"]


@dataclasses.dataclass(frozen=True)
class HeldConstant:
    """A fitted predictor that sees the same value of some columns in every record (made by `drop_attribute`).

    Parameters
    ----------
    model : estimator
        Fitted on records with these columns held constant.
    columns : tuple of int
        Their positions.
    values : tuple
        What stands in them, one value per column.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0, 1.0], [1.0, 1.0]], [0.0, 2.0])
    >>> HeldConstant(line, (1,), (1.0,)).predict([[3.0, 50.0], [3.0, -7.0]]).round(6).tolist()
    [6.0, 6.0]
    """

    model: Any
    columns: tuple[int, ...]
    values: tuple[Any, ...]

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of a classifier."""
        return self.model.classes_

    def predict(self, X: Any) -> NDArray[Any]:
        """Answer with the columns held constant.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records; what they hold in `columns` does not matter.

        Returns
        -------
        array of shape (n,)
            Labels or values.
        """
        return np.asarray(self.model.predict(_held(X, self.columns, self.values)))

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities with the columns held constant.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, C)
            Of the model, if it has them.
        """
        return np.asarray(self.model.predict_proba(_held(X, self.columns, self.values)))

    def release(
        self,
        X: Any,
        *,
        output: Output,
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[Any]:
        """Answer a batch of queries (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output, queries, access, rng
            As in `mid.attacks.Predictor.release`.

        Returns
        -------
        array of shape (n,) or (n, C)
            The model's answers.
        """
        held = _held(X, self.columns, self.values)
        return Predictor(self.model).release(held, output=output, queries=queries, access=access, rng=rng)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.model)


@dataclasses.dataclass(frozen=True)
class Shrunk:
    """A fitted regressor whose answers are pulled towards a centre (made by `shrink`).

    Parameters
    ----------
    model : estimator
        Fitted regressor.
    factor : float
        What is left of the distance to the centre.
    center : float
        Where answers are pulled to.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    >>> Shrunk(line, 0.5, 1.0).predict([[3.0]]).round(6).tolist()  # halfway from 6 to 1
    [3.5]
    """

    model: Any
    factor: float
    center: float

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Answer closer to the centre.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Values.
        """
        return self.center + self.factor * (np.asarray(self.model.predict(X), dtype=np.float64) - self.center)

    def release(
        self,
        X: Any,
        *,
        output: Output = "values",
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[np.float64]:
        """Answer a batch of queries (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output, queries, access, rng
            As in `mid.attacks.Predictor.release`; only values are released.

        Returns
        -------
        array of shape (n,)
            Values.

        Raises
        ------
        ParameterError
            If `output` is not "values", or another setting does not exist.
        """
        check_release("Shrunk.release", output, queries, access)
        answers = Predictor(self.model).release(X, output=output, queries=queries, access=access, rng=rng)
        return self.center + self.factor * (answers - self.center)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.model)


def drop_attribute(model: Any, X: Any, y: ArrayLike, sensitive: Columns) -> HeldConstant:
    """Fit again without the sensitive attribute.

    The columns stay, so that any pipeline still works, but hold one value in training and in every later answer: the
    most frequent joint value of the columns, or their medians if no joint value occurs twice. The answers then cannot
    depend on the attribute given the rest; other columns still tell what they are correlated with.

    Parameters
    ----------
    model : estimator
        Classifier, regressor or pipeline; a clone of it is fitted.
    X : array or data frame of shape (n, dx)
        Training records.
    y : array of shape (n,)
        Training labels or values.
    sensitive : int, str, or sequence of either
        Columns that together hold the attribute, by position or name.

    Returns
    -------
    HeldConstant
        The fitted predictor.

    Raises
    ------
    ShapeError
        If `X` is not two-dimensional.
    ParameterError
        If a column is not there.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0], [3.0, 0.0]])
    >>> dropped = drop_attribute(LinearRegression(), x, x[:, 0] + 5.0 * x[:, 1], sensitive=1)
    >>> bool(np.ptp(dropped.predict([[1.0, 0.0], [1.0, 1.0]])) == 0)
    True
    """
    columns = tuple(_columns(X, sensitive, "drop_attribute"))
    values = _constant(X, columns)
    fitted = _copy(model).fit(_held(X, columns, values), y)
    return HeldConstant(fitted, columns, values)


def scale_attribute(model: Any, X: Any, y: ArrayLike, sensitive: Columns, factor: float) -> Any:
    """Fit a linear model, keep a fraction of the sensitive weights, and fit the others again around them.

    Parameters
    ----------
    model : estimator
        Linear regressor with `coef_` and `intercept_`, such as `sklearn.linear_model.Ridge`; a clone of it is fitted.
    X : array or data frame of shape (n, dx)
        Training records, all numbers.
    y : array of shape (n,)
        Training values.
    sensitive : int, str, or sequence of either
        Columns that together hold the attribute, by position or name.
    factor : float
        What is left of the sensitive weights: 1 keeps the fit, 0 drops the attribute.

    Returns
    -------
    estimator
        A fitted clone with the new coefficients.

    Raises
    ------
    KindError
        If the fitted model is not a linear regressor with one target.
    ShapeError
        If `X` is not two-dimensional.
    ParameterError
        If a column is not there, or `factor` is not in [0, 1].

    Notes
    -----
    With least squares this is the attribute variant of `mid.MIDLinearRegression` without its noise, which an attacker
    who knows the factor undoes.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [4.0, 0.0]])
    >>> scale_attribute(LinearRegression(), x, x @ [1.0, 2.0], sensitive=1, factor=0.5).coef_[1].round(6)
    np.float64(1.0)
    """
    caller = "scale_attribute"
    if not 0 <= factor <= 1:
        raise ParameterError(f"{caller}: `factor` must be in [0, 1]; got {factor!r}.")
    columns = _columns(X, sensitive, caller)
    scaled = _copy(model).fit(X, y)
    coefficients: Any = getattr(scaled, "coef_", None)
    if not is_regressor(scaled) or np.ndim(coefficients) != 1 or hasattr(scaled, "release_std_"):
        raise KindError(
            f"{caller}: `model` must be a linear regressor with a vector `coef_` and no noise of its own; got "
            f"{type(model).__name__}. For other models there is `drop_attribute`."
        )
    kept = factor * np.asarray(coefficients)[columns]
    part = np.asarray(X, dtype=np.float64)[:, columns] @ kept
    others = _copy(model).fit(_held(X, tuple(columns), (0.0,) * len(columns)), np.asarray(y, dtype=np.float64) - part)
    scaled.coef_ = np.array(others.coef_, dtype=np.float64)
    scaled.coef_[columns] = kept
    scaled.intercept_ = others.intercept_
    return scaled


def shrink(model: Any, X: Any, factor: float) -> Shrunk:
    """Pull a regressor's answers towards their mean.

    Parameters
    ----------
    model : estimator
        Fitted regressor.
    X : array or data frame of shape (n, dx)
        Records whose mean answer is the centre.
    factor : float
        What is left of the distance to the centre, in [0, 1].

    Returns
    -------
    Shrunk
        The predictor.

    Raises
    ------
    KindError
        If `model` is not a regressor.
    ParameterError
        If `factor` is not in [0, 1].

    Notes
    -----
    Not a protection: for any factor above 0, an attacker who regresses true values on the answers gets the model's own
    answers back.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    >>> shrink(line, [[0.0], [1.0]], 0.5).predict([[0.0], [1.0]]).round(6).tolist()
    [0.5, 1.5]
    """
    if not is_regressor(model):
        raise KindError(f"shrink: `model` must be a regressor; got {type(model).__name__}.")
    if not (0 <= factor <= 1 and math.isfinite(factor)):
        raise ParameterError(f"shrink: `factor` must be in [0, 1]; got {factor!r}.")
    center = Predictor(model).release(X, output="values", access="mean").mean()
    return Shrunk(model, float(factor), float(center))


def _copy(model: Any) -> Any:
    return clone(model)


def _columns(X: Any, sensitive: Columns, caller: str) -> list[int]:
    shape = np.shape(X)
    if len(shape) != 2:
        raise ShapeError(f"{caller}: `X` must have rows and columns; got shape {shape}.")
    names = list(X.columns) if hasattr(X, "columns") else None
    return positions(sensitive, shape[1], names, caller)


def _constant(X: Any, columns: tuple[int, ...]) -> tuple[Any, ...]:
    """Most frequent joint value, the first of equally frequent ones; medians if none occurs twice."""
    parts = [X.iloc[:, j].tolist() if hasattr(X, "iloc") else np.asarray(X)[:, j].tolist() for j in columns]
    rows = list(zip(*parts, strict=True))
    counts: dict[Any, int] = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    best = max(counts, key=lambda row: counts[row])
    if counts[best] == 1 and all(isinstance(value, (int, float)) for value in best):
        return tuple(sorted(part)[len(part) // 2] for part in parts)
    return best


def _held(X: Any, columns: tuple[int, ...], values: tuple[Any, ...]) -> Any:
    if hasattr(X, "iloc"):
        held = X.copy()
        for j, value in zip(columns, values, strict=True):
            dtype = held.dtypes.iloc[j]
            column: Any = [value] * len(held)
            if hasattr(dtype, "categories"):  # a frame with other categories than at the fit must still hold the value
                kind = dtype if value in dtype.categories else type(dtype)([value])
                column = held.iloc[:, j].astype(object).map(lambda _, v=value: v).astype(kind)
            held.isetitem(j, column)
        return held
    held = np.array(X)
    if held.dtype.kind in "US":  # fixed-width text would cut a longer value
        held = held.astype(object)
    elif held.dtype.kind in "iub" and any(isinstance(value, float) for value in values):
        held = held.astype(np.float64)
    held[:, list(columns)] = values
    return held
