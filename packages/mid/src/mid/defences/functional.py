r"""`FunctionalMechanismRegression`: differentially private least squares, by noise on the coefficients of the loss.

A baseline for the MID defences. Differential privacy bounds what the **training** of a model tells of one record; it
does not bound what the model's answers tell of the record they are about.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from infocore.errors import ParameterError

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["FunctionalMechanismRegression", "sensitivity"]

Floats = NDArray[np.float64]
Bounds = tuple[ArrayLike, ArrayLike]


def sensitivity(n_features: int) -> float:
    r"""Most that one record can change the released coefficients of the squared loss, in the sum of absolute values.

    With features and target scaled to :math:`[-1, 1]`, the loss :math:`\sum_i (y_i - w_0 - w^\top x_i)^2` depends on
    the data through the sums of :math:`x_j`, :math:`y`, :math:`x_j x_k` for j < k, :math:`x_j y` and :math:`x_j^2`,
    each released once. (The sum of :math:`y^2` does not move the minimum, and the number of records is public.)
    Replace one record by another. All terms but the last are the products of two different entries of
    :math:`z = (1, x, y) \in [-1, 1]^{d+2}`. Their change :math:`\sum_{j<k} |z_j z_k - z'_j z'_k|` is convex in each
    entry of z and z' alone, so its maximum lies where all are -1 or 1; if the records then differ in the signs of a
    entries, :math:`a (d + 2 - a)` products change, by 2 each. A square changes by 1 at most. Hence

    .. math:: \Delta = 2 \lfloor (d + 2)^2 / 4 \rfloor + d .

    Parameters
    ----------
    n_features : int
        d.

    Returns
    -------
    float
        The bound.

    Notes
    -----
    Derived here. The bound of the source, by the triangle inequality, is :math:`2 (1 + 2d + d^2)` for its scaling.

    Examples
    --------
    >>> sensitivity(1), sensitivity(10)
    (5.0, 82.0)
    """
    return 2.0 * ((n_features + 2) ** 2 // 4) + n_features


class FunctionalMechanismRegression(RegressorMixin, BaseEstimator):
    r"""Linear regression that is :math:`\varepsilon`-differentially private, by the functional mechanism.

    Laplace noise of scale :math:`\Delta / \varepsilon` is added to every coefficient of the quadratic loss (see
    `sensitivity`), and the noisy loss is minimised. Two data sets are neighbours if one record differs.

    Parameters
    ----------
    epsilon : float
        Privacy budget, positive; infinity gives least squares.
    bounds_x : tuple of two floats or arrays of shape (dx,)
        Least and greatest value of the features. They must come from knowledge of the field: bounds read off the data
        are not covered by the budget.
    bounds_y : tuple of two floats
        Least and greatest value of the target, in the same sense.
    clip : bool
        Whether to move training values outside the bounds onto them; otherwise they are refused, and the refusal
        itself tells that there is such a record.
    regularisation : float, optional
        Added to the diagonal of the features' noisy second moments, in units of the noise's standard deviation,
        :math:`\sqrt2 \Delta / \varepsilon`; the source is recalled to use 4.
    random_state : int, numpy.random.Generator or None
        Seed of the noise. None draws it from the system; whoever knows the seed can take the noise off again.

    Attributes
    ----------
    coef_ : array of shape (n_features_in_,)
        Coefficients on the scale of the data.
    intercept_ : float
        Intercept.
    epsilon_ : float
        Budget spent by this fit.
    noise_scale_ : float
        :math:`\Delta / \varepsilon`, on the scale where features and target are in [-1, 1].
    trimmed_ : int
        Directions left out because the noisy loss did not curve upwards there by more than the noise.
    n_features_in_ : int
        Number of columns of `X`.

    Notes
    -----
    Regularisation and spectral trimming read noisy sums and settings only, so they cost no privacy. Left-out directions
    get the coefficient 0 on the scaled features. The noise is drawn in floating point, whose gaps an attacker with
    exact answers can exploit in principle; no defence against that is built in.

    References
    ----------
    .. [1] J. Zhang, Z. Zhang, X. Xiao, Y. Yang, M. Winslett, "Functional Mechanism: Regression Analysis under
       Differential Privacy", PVLDB 5(11), 2012.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(0.0, 10.0, (5000, 1))
    >>> model = FunctionalMechanismRegression(1.0, bounds_x=(0.0, 10.0), bounds_y=(0.0, 20.0), random_state=0)
    >>> bool(abs(model.fit(x, 2.0 * x[:, 0]).coef_[0] - 2.0) < 0.1), model.epsilon_
    (True, 1.0)
    """

    def __init__(
        self,
        epsilon: float,
        bounds_x: Bounds,
        bounds_y: Bounds,
        clip: bool = False,
        regularisation: float = 4.0,
        random_state: Any = None,
    ) -> None:
        self.epsilon = epsilon
        self.bounds_x = bounds_x
        self.bounds_y = bounds_y
        self.clip = clip
        self.regularisation = regularisation
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "FunctionalMechanismRegression":
        """Add noise to the loss and minimise it.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.
        y : array of shape (n,)
            Targets.

        Returns
        -------
        FunctionalMechanismRegression
            Itself.

        Raises
        ------
        ParameterError
            If `epsilon` is not positive, `regularisation` is negative or not finite, bounds are not two finite values
            per column in ascending order, or values lie outside them and `clip` is False.
        """
        if not self.epsilon > 0:
            raise ParameterError(f"FunctionalMechanismRegression: `epsilon` must be positive; got {self.epsilon!r}.")
        if not 0 <= self.regularisation < math.inf:
            raise ParameterError(
                "FunctionalMechanismRegression: `regularisation` must be finite and not negative; got "
                f"{self.regularisation!r}."
            )
        x, target = _validate(self, X, y, dtype=np.float64, y_numeric=True)
        n, d = x.shape
        mid_x, half_x = _limits(self.bounds_x, d, "bounds_x")
        mid_y, half_y = _limits(self.bounds_y, 1, "bounds_y")
        u = self._inside((x - mid_x) / half_x, "X", "bounds_x")
        v = self._inside((target[:, None] - mid_y) / half_y, "y", "bounds_y")[:, 0]
        scale = sensitivity(d) / self.epsilon
        rng = np.random.default_rng(self.random_state)

        z = np.column_stack([np.ones(n), u])
        moments, cross = z.T @ z, z.T @ v
        upper = np.triu_indices(d + 1)
        noise = np.zeros((d + 1, d + 1))
        noise[upper] = rng.laplace(size=len(upper[0]))
        noise = np.triu(noise) + np.triu(noise, 1).T
        noise[0, 0] = 0.0  # the number of records is public
        moments += scale * noise
        cross += scale * rng.laplace(size=d + 1)

        spread = math.sqrt(2.0) * scale
        moments[1:, 1:] += self.regularisation * spread * np.eye(d)
        values, vectors = np.linalg.eigh(moments)
        keep = values > max(spread, 1e-12 * float(values[-1]))
        w = vectors[:, keep] @ ((vectors[:, keep].T @ cross) / values[keep])

        self.coef_ = w[1:] * half_y[0] / half_x
        self.intercept_ = float(mid_y[0] + half_y[0] * w[0] - mid_x @ self.coef_)
        self.epsilon_ = float(self.epsilon)
        self.noise_scale_ = scale
        self.trimmed_ = int((~keep).sum())
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Predict; the answers carry no noise of their own.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records, also outside the bounds.

        Returns
        -------
        array of shape (n,)
            Values.
        """
        check_is_fitted(self)
        return _validate(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_

    def _inside(self, scaled: Floats, name: str, bounds: str) -> Floats:
        """Values in [-1, 1]: refused or moved there if they are not."""
        outside = int((np.abs(scaled) > 1.0 + 1e-12).any(1).sum())
        if outside and not self.clip:
            raise ParameterError(
                f"FunctionalMechanismRegression.fit: `{name}` lies outside `{bounds}` in {outside} of {len(scaled)} "
                "rows. Give wider bounds, from knowledge of the field and not from these data, or clip=True."
            )
        return np.clip(scaled, -1.0, 1.0)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # noise on few rows
        return tags


def _limits(bounds: Bounds, d: int, name: str) -> tuple[Floats, Floats]:
    """Middle and half width of each column."""
    caller = "FunctionalMechanismRegression"
    try:
        low, high = (np.broadcast_to(np.asarray(bound, dtype=np.float64), (d,)) for bound in bounds)
    except (TypeError, ValueError) as e:
        raise ParameterError(
            f"{caller}: `{name}` must be a pair of numbers or of arrays with {d} entries; got {bounds!r}."
        ) from e
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise ParameterError(f"{caller}: `{name}` must be finite and ascending in each column; got {bounds!r}.")
    return 0.5 * (low + high), 0.5 * (high - low)
