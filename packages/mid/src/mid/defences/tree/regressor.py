"""`MIDDecisionTreeRegressor`: a regression tree whose splits or pruning pay for information, with a noisy release."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from infocore.errors import ParameterError
from mid import information
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.defences.tree import _fit, _release
from mid.defences.tree._bins import encode
from mid.defences.tree._criteria import squared_error
from mid.defences.tree._grow import Moments
from mid.defences.tree._prune import prune
from mid.defences.tree.settings import LeafPruning, Priority, SensitivePenalty

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["MIDDecisionTreeRegressor"]


class MIDDecisionTreeRegressor(RegressorMixin, BaseEstimator):
    r"""Regression tree that pays for the information it releases, MID-style (derived), with noise on its leaf means.

    The release is the mean of the leaf plus `sigma` times a standard normal draw.

    Parameters
    ----------
    defence : SensitivePenalty, LeafPruning, Priority or None
        What is done against inversion; prices are in units of squared target per nat. None is a plain tree.
    sigma : float
        Standard deviation of the release noise; 0 for none.
    criterion : {"squared_error"}
        Impurity whose decrease chooses splits.
    sensitive_features, categorical_features, max_depth, min_samples_leaf, max_bins
        As in `MIDDecisionTreeClassifier`; more than 7 categories are ordered by their mean target.
    random_state : int, numpy.random.Generator or None
        Seed of the noise. The stream starts at `fit` and moves on with every call.

    Attributes
    ----------
    information_ : float
        ``I(X; Yhat)`` in nats of one release, exact for the empirical law of the training rows: the integral of eq. 20
        with the weights of the leaves, and without noise the entropy of which distinct mean is shown.
    leaf_information_ : float or None
        ``I(X_s; leaf)`` in nats on the training rows, as in `MIDDecisionTreeClassifier`.
    leaf_values_ : array of shape (L,)
        Mean of each leaf.
    leaf_weights_ : array of shape (L,)
        Weight of the training rows in each leaf.
    n_leaves_ : int
        Number of leaves L.
    depth_ : int
        Depth of the deepest leaf.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : array of shape (dx,)
        Names of the columns, if `X` was a data frame with names.

    Notes
    -----
    Pruning by squared error + lam * I would be degenerate with the usual bounds. The mean squared error M of a tree and
    the variance v of its leaf means add up to Var(Y); the bound :math:`v / 2\sigma^2` is linear in M and
    :math:`\tfrac12 \log(1 + v / \sigma^2)` concave in v, so the cost is least at an end of the range of M, at the grown
    tree or at the root. `LeafPruning` charges H(leaf) instead, an upper bound for every sigma.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.repeat([[0.0], [1.0]], 50, axis=0)
    >>> model = MIDDecisionTreeRegressor(sigma=0.5).fit(x, 10.0 * x[:, 0])
    >>> model.leaf_values_, round(model.information_, 3)  # log 2: noise that cannot confuse the two leaves
    (array([ 0., 10.]), 0.693)
    """

    def __init__(
        self,
        defence: SensitivePenalty | LeafPruning | Priority | None = None,
        sigma: float = 0.0,
        criterion: Literal["squared_error"] = "squared_error",
        sensitive_features: Any = None,
        categorical_features: Any = None,
        max_depth: int | None = None,
        min_samples_leaf: int = 1,
        max_bins: int = 255,
        random_state: Any = 0,
    ) -> None:
        self.defence = defence
        self.sigma = sigma
        self.criterion = criterion
        self.sensitive_features = sensitive_features
        self.categorical_features = categorical_features
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_bins = max_bins
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "MIDDecisionTreeRegressor":
        """Grow the tree, then prune it if `defence` says so.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records; finite numbers, categories too.
        y : array of shape (n,)
            Targets.
        sample_weight : array of shape (n,), optional
            Weights; a whole number has the effect of repeating the row, and 0 that of leaving it out.

        Returns
        -------
        MIDDecisionTreeRegressor
            Itself.

        Raises
        ------
        ParameterError
            If a setting is not among its values, `defence` needs columns that are not given, a column is unknown, or
            weights are negative or all 0.
        ShapeError, NonFiniteError
            If `sample_weight` is not one finite number per row.
        """
        _fit.check_settings(self, (SensitivePenalty, LeafPruning, Priority), ("squared_error",))
        if not (self.sigma >= 0 and math.isfinite(self.sigma)):
            raise ParameterError(
                f"MIDDecisionTreeRegressor: `sigma` must be finite and not negative; got {self.sigma!r}."
            )
        x, y = _validate(self, X, y, dtype=np.float64, y_numeric=True)
        weight = _fit.weights(sample_weight, len(x), "MIDDecisionTreeRegressor.fit")
        used = weight > 0
        target, weight = np.asarray(y, dtype=np.float64)[used], weight[used]
        mean = float(np.average(target, weights=weight))
        scale = math.sqrt(np.average((target - mean) ** 2, weights=weight)) or 1.0
        z = (target - mean) / scale  # sums of squares lose digits unless they are of centred values
        rows = _fit.prepare(self, x[used], weight)
        tree = _fit.grow_tree(self, rows, Moments(np.stack([weight, weight * z, weight * z**2], axis=1)), unit=scale**2)
        if isinstance(self.defence, LeafPruning):
            total = tree.sums[0, 0]
            mass = tree.sums[:, 0] / total
            tree = prune(tree, squared_error(tree.sums) / total, -mass * np.log(mass), self.defence.lam / scale**2)
        leaves = tree.sums[tree.leaves]
        self._coding = rows.coding
        self.leaf_weights_, self.leaf_values_ = leaves[:, 0], mean + scale * leaves[:, 1] / leaves[:, 0]
        self.n_leaves_, self.depth_ = len(leaves), int(tree.depth.max())
        pi = leaves[:, 0] / leaves[:, 0].sum()
        if self.sigma > 0:
            self.information_ = max(
                0.0, information.exact(self.leaf_values_, self.sigma, pi)
            )  # rounding can be below 0
        else:
            self.information_ = _release.shown(pi, self.leaf_values_[:, None])
        self.leaf_information_ = None if self.sensitive_features is None else _fit.leaf_information(tree)
        self._tree = tree.without_attribute()
        self._noise = np.random.default_rng(self.random_state)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Release the mean of each row's leaf, with fresh noise if `sigma` is positive.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Values.
        """
        return self.release(X, output="values")

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "values",
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator | None = None,
    ) -> NDArray[np.float64]:
        """Answer a batch of queries, as an attacker meets the tree (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"values"}
            A regressor answers with values.
        queries : int
            How often each record is asked; answers are averaged.
        access : {"sampled", "mean"}
            Noisy answers, or (white box) the means.
        rng : int, numpy.random.Generator or None
            Seed of the noise; None goes on with the stream that started at `fit`.

        Returns
        -------
        array of shape (n,)
            Mean of the answers.

        Raises
        ------
        ParameterError
            If a setting is not one of its values.
        """
        check_is_fitted(self)
        check_release("MIDDecisionTreeRegressor.release", output, queries, access)
        if output != "values":
            raise ParameterError(f"MIDDecisionTreeRegressor.release: `output` must be 'values'; got {output!r}.")
        value = self.leaf_values_[self.apply(X)]
        if self.sigma == 0.0 or access == "mean":
            return value
        source = self._noise if rng is None else np.random.default_rng(rng)
        # the mean of independent normal draws is one normal draw
        return value + self.sigma / math.sqrt(queries) * source.standard_normal(len(value))

    def apply(self, X: ArrayLike) -> NDArray[np.int64]:
        """Leaf of each row, from left to right in the tree: white-box access.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Numbers from 0 to ``n_leaves_ - 1``.
        """
        check_is_fitted(self)
        return self._tree.apply(encode(self._coding.columns, _validate(self, X, dtype=np.float64, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.sigma > 0
        return tags
