"""`DPDecisionTreeClassifier`: a differentially private tree, the usual baseline beside information-limited trees."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from infocore.errors import ParameterError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["DPDecisionTreeClassifier"]

Floats = NDArray[np.float64]


class DPDecisionTreeClassifier(ClassifierMixin, BaseEstimator):
    r"""Classification tree with :math:`\varepsilon`-differential privacy for adding or removing one record.

    A complete tree of depth `max_depth`. At every node some random cuts are proposed within the part of `bounds` that
    belongs to the node. With ``split_share=0`` the only proposal is taken, so the structure does not depend on the data
    and the whole budget goes to the leaves. Otherwise the exponential mechanism chooses by the number of records that
    the majority labels of the two sides get right (sensitivity 1), with equal budgets for the levels; nodes of a level
    hold different records and share its budget. Leaf counts get discrete Laplace noise once: a record is in one leaf
    and one class. Categories are given as one-hot columns with bounds 0 and 1.

    Parameters
    ----------
    epsilon : float
        Privacy budget, positive.
    bounds : tuple of two floats or of two arrays of shape (dx,)
        Lower and upper bound of the columns. **Public knowledge**: if they were read off the data, `epsilon_` would not
        hold. Values outside are not clipped or refused; they are beyond every cut on their side.
    classes : array of shape (C,) or None
        Public label set. With None it is read off `y`, which is covered by `epsilon_` only if everybody knows it.
    max_depth : int
        Depth of every leaf, and so ``2 ** max_depth`` leaves.
    split_share : float
        Share of the budget for choosing cuts, from 0 to below 1.
    candidates : int
        Cuts proposed at a node if `split_share` is positive.
    random_state : int, numpy.random.Generator or None
        Seed of cuts and noise. None, the default, takes fresh entropy. With a seed that others know, the noise can be
        subtracted and nothing is private: give one for experiments only.

    Attributes
    ----------
    epsilon_ : float
        Budget spent, for neighbours that differ by one record added or removed. For one record replaced it is twice
        that.
    leaf_counts_ : array of int of shape (L, C)
        Noisy counts, which may be negative.
    leaf_distributions_ : array of shape (L, C)
        Counts above 0 as shares; the classes of a leaf without any are equally likely.
    n_leaves_ : int
        Number of leaves L.
    classes_ : array of shape (C,)
        Labels.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : array of shape (dx,)
        Names of the columns, if `X` was a data frame with names.

    Notes
    -----
    Discrete Laplace noise keeps counts whole numbers, so the low digits of floating-point noise give nothing away; the
    exponential mechanism here has no such care.

    The budget bounds what one record adds. It bounds neither ``I(X; Yhat)`` nor what the tree says about an attribute
    through the law of all records.

    References
    ----------
    .. [1] S. Fletcher, M. Z. Islam, "Decision Tree Classification with Differential Privacy: A Survey", ACM Computing
       Surveys 52(4), 2019.
    .. [2] A. Friedman, A. Schuster, "Data Mining with Differential Privacy", KDD 2010 (exponential mechanism).
    .. [3] G. Jagannathan, K. Pillaipakkamnatt, R. N. Wright, "A Practical Differentially Private Random Decision Tree
       Classifier", 2009 (random structure).
    .. [4] A. Ghosh, T. Roughgarden, M. Sundararajan, "Universally Utility-Maximizing Privacy Mechanisms", STOC 2009
       (discrete Laplace).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(size=(2000, 1))
    >>> y = (x[:, 0] > 0.5).astype(int)
    >>> tree = DPDecisionTreeClassifier(1.0, (0.0, 1.0), classes=[0, 1], max_depth=4, random_state=0).fit(x, y)
    >>> tree.epsilon_, tree.n_leaves_, tree.score(x, y) > 0.9
    (1.0, 16, True)
    """

    def __init__(
        self,
        epsilon: float,
        bounds: Any,
        classes: Any = None,
        max_depth: int = 5,
        split_share: float = 0.5,
        candidates: int = 20,
        random_state: Any = None,
    ) -> None:
        self.epsilon = epsilon
        self.bounds = bounds
        self.classes = classes
        self.max_depth = max_depth
        self.split_share = split_share
        self.candidates = candidates
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "DPDecisionTreeClassifier":
        """Choose cuts and count leaves, both with noise.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.
        y : array of shape (n,)
            Labels.

        Returns
        -------
        DPDecisionTreeClassifier
            Itself.

        Raises
        ------
        ParameterError
            If a setting is outside its range, `bounds` do not fit the columns, or a label is not in `classes`.
        """
        self._check_settings()
        x, labels = _validate(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels if self.classes is None else self.classes)
        unknown = ~np.isin(labels, self.classes_)
        if unknown.any():
            raise ParameterError(
                f"DPDecisionTreeClassifier: `classes` must hold every label; {int(unknown.sum())} of {len(x)} rows "
                "have another. Add the labels that could occur."
            )
        codes = np.searchsorted(self.classes_, labels)
        rng = np.random.default_rng(self.random_state)
        self._cuts = self._grown(x, codes, self._box(x.shape[1]), rng)
        leaf = self.apply(x)
        counts = np.zeros((2**self.max_depth, len(self.classes_)), dtype=np.int64)
        np.add.at(counts, (leaf, codes), 1)
        self.leaf_counts_ = counts + _discrete_laplace(self.epsilon * (1.0 - self.split_share), counts.shape, rng)
        shares = np.maximum(self.leaf_counts_, 0).astype(np.float64)
        shares[shares.sum(1) == 0] = 1.0
        self.leaf_distributions_ = shares / shares.sum(1, keepdims=True)
        self.n_leaves_, self.epsilon_ = len(counts), float(self.epsilon)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label with the largest noisy count in each row's leaf.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Labels.
        """
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Shares of the classes in each row's leaf.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.
        """
        leaf = self.apply(X)
        return self.leaf_distributions_[leaf]

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "probabilities",
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator | None = None,  # noqa: ARG002 - part of the protocol
    ) -> NDArray[Any]:
        """Answer a batch of queries (`mid.attacks.Target`); the noise is in the tree, and answers have none.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"labels", "probabilities"}
            What is released.
        queries, access, rng
            As the protocol has them; they change nothing.

        Returns
        -------
        array of shape (n,) or (n, C)
            Labels or probabilities.

        Raises
        ------
        ParameterError
            If a setting is not one of its values.
        """
        check_release("DPDecisionTreeClassifier.release", output, queries, access)
        if output not in ("labels", "probabilities"):
            raise ParameterError(
                f"DPDecisionTreeClassifier.release: `output` must be 'labels' or 'probabilities'; got {output!r}."
            )
        return self.predict(X) if output == "labels" else self.predict_proba(X)

    def apply(self, X: ArrayLike) -> NDArray[np.int64]:
        """Leaf of each row, from left to right in the tree.

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
        return self._cuts.leaf(_validate(self, X, dtype=np.float64, reset=False))

    def _check_settings(self) -> None:
        for name, good, what in (
            ("epsilon", self.epsilon > 0 and math.isfinite(self.epsilon), "positive and finite"),
            ("max_depth", self.max_depth >= 1, "at least 1"),
            ("split_share", 0 <= self.split_share < 1, "from 0 to below 1"),
            ("candidates", self.candidates >= 1, "at least 1"),
        ):
            if not good:
                raise ParameterError(f"DPDecisionTreeClassifier: `{name}` must be {what}; got {getattr(self, name)!r}.")

    def _box(self, width: int) -> tuple[Floats, Floats]:
        """Lower and upper bounds, each of shape (dx,)."""
        try:
            low, high = (np.broadcast_to(np.asarray(b, dtype=np.float64), (width,)).copy() for b in self.bounds)
            if np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all():
                return low, high
        except (TypeError, ValueError):
            pass  # not two bounds of that many numbers
        raise ParameterError(
            "DPDecisionTreeClassifier: `bounds` must be a lower and an upper bound, finite, the lower one smaller, "
            f"for all or for each of the {width} columns; got {self.bounds!r}. They must be public: do not read them "
            "off the data."
        )

    def _grown(
        self, x: Floats, codes: NDArray[np.int64], box: tuple[Floats, Floats], rng: np.random.Generator
    ) -> "_Cuts":
        """Cuts of a complete tree; node k has the children 2k + 1 and 2k + 2."""
        inner = 2**self.max_depth - 1
        cuts = _Cuts(np.zeros(inner, dtype=np.int64), np.zeros(inner))
        per_level = self.epsilon * self.split_share / self.max_depth
        proposals = self.candidates if self.split_share > 0 else 1
        pending = [(0, np.arange(len(x)), *box)]
        while pending:
            node, rows, low, high = pending.pop()
            feature = rng.integers(len(low), size=proposals)
            threshold = rng.uniform(low[feature], high[feature])
            chosen = 0
            if self.split_share > 0:
                right_answers = np.array(
                    [_majorities(x[rows, j] <= t, codes[rows]) for j, t in zip(feature, threshold, strict=True)]
                )
                # Gumbel noise and the largest: a draw from the exponential mechanism
                chosen = int(np.argmax(0.5 * per_level * right_answers + rng.gumbel(size=proposals)))
            j, t = int(feature[chosen]), float(threshold[chosen])
            cuts.feature[node], cuts.threshold[node] = j, t
            if 2 * node + 1 < inner:
                goes_left = x[rows, j] <= t
                below, above = high.copy(), low.copy()
                below[j] = above[j] = t
                pending += [(2 * node + 2, rows[~goes_left], above, high), (2 * node + 1, rows[goes_left], low, below)]
        return cuts

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        tags.classifier_tags.poor_score = True  # noise, and bounds that need not fit the data
        return tags


@dataclasses.dataclass(frozen=True, eq=False)
class _Cuts:
    """Column and threshold of each inner node, in the order of a heap."""

    feature: NDArray[np.int64]
    threshold: Floats

    def leaf(self, x: Floats) -> NDArray[np.int64]:
        """Leaf of each row, shape (n,)."""
        node = np.zeros(len(x), dtype=np.int64)
        rows = np.arange(len(x))
        while node.size and node[0] < len(self.feature):  # all leaves are at one depth
            node = 2 * node + 1 + (x[rows, self.feature[node]] > self.threshold[node])
        return node - len(self.feature)


def _majorities(goes_left: NDArray[np.bool_], codes: NDArray[np.int64]) -> int:
    """Records that the commonest labels of the two sides get right."""
    return sum(int(np.bincount(codes[side]).max(initial=0)) for side in (goes_left, ~goes_left))


def _discrete_laplace(epsilon: float, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Noise with probabilities proportional to ``exp(-epsilon * |k|)``: the difference of two geometric draws."""
    stop = -math.expm1(-epsilon)
    return rng.geometric(stop, shape) - rng.geometric(stop, shape)
