"""`MIDDecisionTreeClassifier`: a classification tree whose splits, pruning or answers pay for information."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from infocore.errors import ParameterError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.defences.tree import _fit, _release
from mid.defences.tree._bins import encode
from mid.defences.tree._criteria import CRITERIA
from mid.defences.tree._fit import Coding
from mid.defences.tree._grow import Labels
from mid.defences.tree._prune import PruningPath, information_path, leaf_costs, merged, prune
from mid.defences.tree._structure import Tree
from mid.defences.tree.settings import Defence, InformationPruning, LabelEntropy, LeafPruning

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["MIDDecisionTreeClassifier"]


def _shows_probabilities(model: Any) -> bool:
    return model.release_as == "proba"


class MIDDecisionTreeClassifier(ClassifierMixin, BaseEstimator):
    r"""Decision tree that pays for the information it releases, MID-style (derived, see `mid.defences.tree.settings`).

    A binary tree on at most `max_bins` intervals per column, in the manner of CART. Leaf l has mass :math:`\pi_l` and
    label distribution :math:`q_l`, with mean :math:`\bar q`, all on the training rows.

    Parameters
    ----------
    defence : SensitivePenalty, InformationPruning, LeafPruning, LabelEntropy, LeafSmoothing, LearnedSmoothing, \
Priority or None
        What is done against inversion; None is a plain tree. `SensitivePenalty` is the recommended one. A setting
        object, so that an argument of one variant cannot be given to another.
    criterion : {"entropy", "gini"}
        Impurity whose decrease chooses splits.
    sensitive_features : list of int or str, int, str or None
        Columns that together form one sensitive attribute, such as the group of a one-hot code. Needed by
        `SensitivePenalty` and `Priority`; for the others they only define what `leaf_information_` is about. The
        attribute has the joint values of its columns, or of their bins if a column has more than `max_bins` values.
    categorical_features : list of int or str, int, str or None
        Columns whose numbers are categories. Up to 7 categories in a node are grouped in every way. More are ordered by
        the share of the second class, which finds the best grouping of two classes (with a `SensitivePenalty`, a good
        one); with more classes each category is tried against the rest. An unseen category goes with the heavier side.
    max_depth : int or None
        Largest depth; the root has depth 0.
    min_samples_leaf : int
        Least number of rows in a leaf; rows of weight 0 do not count.
    max_bins : int
        Thresholds lie between neighbouring values if a column has at most so many of them, else at weighted quantiles.
    release_as : {"proba", "label", "sample"}
        What a query is answered with: the leaf's whole distribution, its label, or a label drawn from its distribution.
    random_state : int, numpy.random.Generator or None
        Seed of the drawn labels. The stream starts at `fit` and moves on with every call.

    Attributes
    ----------
    information_ : float
        ``I(X; answer)`` in nats of one answer in the form of `release_as`, for the empirical law of the training rows:
        the entry of `information_by_release_` for that form.
    information_by_release_ : dict of str to float
        "sample": eq. 25, :math:`H(\bar q) - \sum_l \pi_l H(q_l)`. "label": eq. 26, the entropy of the label.
        "proba": the entropy of which distinct distribution is shown, the largest of the three, and at most the entropy
        of the leaf. Nothing drawn is in it: showing :math:`q_l` says more than one draw from it. The information of a
        drawn label is often printed beside shown probabilities; it is not theirs.
    leaf_information_ : float or None
        ``I(X_s; leaf)`` in nats on the training rows (eq. 27), what the identity of the leaf says about the sensitive
        attribute, to someone who knows nothing else; biased upwards if leaves are small. None without an attribute.
    classes_ : array of shape (C,)
        Labels.
    n_leaves_, depth_ : int
        Number of leaves L, and depth of the deepest one.
    leaf_counts_ : array of shape (L, C)
        Weight of each class in each leaf, as grown; leaves in the order of `apply`.
    leaf_distributions_ : array of shape (L, C)
        What each leaf answers with, after smoothing.
    leaf_labels_ : array of shape (L,)
        Label of each leaf.
    smoothing_ : float
        Share of the overall distribution in every leaf; 0 without smoothing.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : array of shape (dx,)
        Names of the columns, if `X` was a data frame with names.

    Notes
    -----
    On a leaf's own frequencies the log loss is :math:`H(Y) - I`, so loss + lam * eq. 25 is minimised by the grown tree
    for every lam < 1 and by the root for lam > 1. No `defence` is that penalty, except `InformationPruning` with
    ``risk="log_loss"``, which shows it.

    Information in nats is no measure of protection by itself: an attacker who asks which candidate is most likely is
    not disturbed by smoothing. With ``release_as="sample"`` repeated queries average the draws away.

    References
    ----------
    .. [1] T. Wang, Y. Zhang, R. Jia, "Improving Robustness to Model Inversion Attacks via Mutual Information
       Regularization", AAAI 2021 (the objective).
    .. [2] L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and Regression Trees", 1984 (pruning, and the
       order of categories).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 25)
    >>> y = ((x[:, 0] == 1) & (x[:, 1] == 1)).astype(int)
    >>> plain = MIDDecisionTreeClassifier(sensitive_features=[1]).fit(x, y)
    >>> plain.n_leaves_, round(plain.leaf_information_, 3), round(plain.information_, 3)
    (3, 0.347, 0.562)
    >>> from mid.defences.tree import SensitivePenalty
    >>> paid = MIDDecisionTreeClassifier(SensitivePenalty(2.0), sensitive_features=[1]).fit(x, y)
    >>> paid.n_leaves_, paid.leaf_information_
    (2, 0.0)
    """

    def __init__(
        self,
        defence: Defence | None = None,
        criterion: Literal["entropy", "gini"] = "entropy",
        sensitive_features: Any = None,
        categorical_features: Any = None,
        max_depth: int | None = None,
        min_samples_leaf: int = 1,
        max_bins: int = 255,
        release_as: Literal["proba", "label", "sample"] = "proba",
        random_state: Any = 0,
    ) -> None:
        self.defence = defence
        self.criterion = criterion
        self.sensitive_features = sensitive_features
        self.categorical_features = categorical_features
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.max_bins = max_bins
        self.release_as = release_as
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "MIDDecisionTreeClassifier":
        """Grow the tree, then prune, relabel or smooth it as `defence` says.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records; finite numbers, categories too.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Weights; a whole number has the effect of repeating the row, and 0 that of leaving it out.

        Returns
        -------
        MIDDecisionTreeClassifier
            Itself.

        Raises
        ------
        ParameterError
            If a setting is not among its values, `defence` needs columns or a release that are not given, a column is
            unknown, or weights are negative or all 0.
        ShapeError, NonFiniteError
            If `sample_weight` is not one finite number per row.
        """
        tree, self._coding, self.classes_ = self._grown(X, y, sample_weight)
        total, labels = float(tree.sums[0].sum()), None
        if isinstance(self.defence, InformationPruning):
            tree = prune(tree, *leaf_costs(tree, self.defence.risk), self.defence.lam)
        elif isinstance(self.defence, LeafPruning):
            mass = tree.sums.sum(1) / total
            tree = prune(tree, CRITERIA[self.criterion](tree.sums) / total, -mass * np.log(mass), self.defence.lam)
        elif isinstance(self.defence, LabelEntropy):
            counts = tree.sums[tree.leaves]
            mass = counts.sum(1)
            tree, labels = merged(tree, _release.best_labels(mass / total, counts / mass[:, None], self.defence.lam))
        self._set_answers(tree, labels)
        self._noise = np.random.default_rng(self.random_state)
        return self

    def information_pruning_path(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        risk: Literal["gini", "error", "log_loss"] = "gini",
    ) -> PruningPath:
        """Every subtree that `InformationPruning` can choose from the tree grown on these data.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        risk : {"gini", "error", "log_loss"}
            Training risk.

        Returns
        -------
        PruningPath
            Prices, with risk, information and leaves of the optimum from each price on. A tree fitted before stays as
            it is.

        Raises
        ------
        ParameterError, ShapeError, NonFiniteError
            As in `fit`, or if `risk` is not one of its values.

        Examples
        --------
        >>> x = [[0.0], [1.0], [2.0], [3.0]]
        >>> path = MIDDecisionTreeClassifier().information_pruning_path(x, [0, 0, 1, 1], risk="log_loss")
        >>> path.lam.tolist(), path.n_leaves.tolist()  # log loss: worth its price below 1, and not from 1 on
        ([0.0, 1.0], [2, 1])
        """
        tree, *_ = self._grown(X, y, sample_weight)
        return information_path(tree, *leaf_costs(tree, InformationPruning(0.0, risk).risk))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label of each row: of its leaf, or drawn from its leaf's distribution if ``release_as="sample"``.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Labels.
        """
        return self.release(X, output="labels")

    @available_if(_shows_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Distribution of each row's leaf; only there if ``release_as="proba"``.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.
        """
        return self.release(X, output="probabilities")

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "labels",
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator | None = None,
    ) -> NDArray[Any]:
        """Answer a batch of queries, as an attacker meets the tree (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"labels", "probabilities"}
            What is asked for. If ``release_as="sample"``, probabilities are the frequencies of the labels drawn.
        queries : int
            How often each record is asked; matters for drawn labels only. Of labels the most frequent one is taken, of
            equally frequent ones the first in `classes_`.
        access : {"sampled", "mean"}
            Drawn labels, or (white box) the leaf's own. Without draws both are the same.
        rng : int, numpy.random.Generator or None
            Seed of the draws; None goes on with the stream that started at `fit`.

        Returns
        -------
        array of shape (n,) or (n, C)
            Labels or probabilities.

        Raises
        ------
        ParameterError
            If a setting is not one of its values, or probabilities are asked of a tree that releases labels only.
        """
        check_is_fitted(self)
        check_release("MIDDecisionTreeClassifier.release", output, queries, access)
        _release.check_output(self, output)
        leaf = self.apply(X)
        if self.release_as != "sample" or access == "mean":
            return self.leaf_distributions_[leaf] if output == "probabilities" else self.leaf_labels_[leaf]
        source = self._noise if rng is None else np.random.default_rng(rng)
        drawn = source.multinomial(queries, self.leaf_distributions_[leaf])
        return drawn / queries if output == "probabilities" else self.classes_[drawn.argmax(1)]

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

    def open_leaves(self, values: Mapping[int, float]) -> NDArray[np.bool_]:
        """Leaves in which a record can end of which only some columns are known: white-box access.

        Parameters
        ----------
        values : mapping of int to float
            Values of the known columns, by number.

        Returns
        -------
        array of shape (n_leaves_,)
            True where a record with these values, and any others, can end.
        """
        check_is_fitted(self)
        coded = {j: int(self._coding.columns[j].encode(np.array([value]))[0]) for j, value in values.items()}
        return self._tree.open_to(coded)

    def conditional_leaf_information(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """What the leaf says about the sensitive attribute to someone who knows the rest of the record (eq. 27).

        ``I(X_s; leaf | X_ns)`` if the attribute had its training frequencies independently of the rest of the record.
        In a sample nearly every record has a rest of its own, and the plug-in value without that independence would be
        0 for any tree. It is 0 exactly if changing the attribute never changes the leaf.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records whose other columns are used; held-out ones to say something about fresh data.
        sample_weight : array of shape (n,), optional
            Weights.

        Returns
        -------
        float
            In nats.

        Raises
        ------
        ParameterError, ShapeError, NonFiniteError
            If the tree has no sensitive attribute, or as in `fit` for the weights.
        """
        check_is_fitted(self)
        caller = "MIDDecisionTreeClassifier.conditional_leaf_information"
        if self.sensitive_features is None:
            raise ParameterError(f"{caller}: needs `sensitive_features`; name them and fit again.")
        codes = encode(self._coding.columns, _validate(self, X, dtype=np.float64, reset=False))
        return _fit.conditional_information(
            self._tree, codes, _fit.weights(sample_weight, len(codes), caller), self._prior, self._coding
        )

    def _grown(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Tree, Coding, NDArray[Any]]:
        _fit.check_settings(self, get_args(Defence), ("entropy", "gini"))
        _release.check(self)
        x, labels = _validate(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        weight = _fit.weights(sample_weight, len(x), "MIDDecisionTreeClassifier.fit")
        used = weight > 0
        classes, codes = np.unique(labels[used], return_inverse=True)
        rows = _fit.prepare(self, x[used], weight[used])
        target = Labels(codes.ravel(), len(classes), rows.attribute.weight)
        return _fit.grow_tree(self, rows, target), rows.coding, classes

    def _set_answers(self, tree: Tree, labels: NDArray[np.int64] | None) -> None:
        """Set what each leaf answers with, and the information of it; `labels` None are the commonest of each leaf."""
        counts = tree.sums[tree.leaves]
        pi, q = counts.sum(1) / counts.sum(), counts / counts.sum(1, keepdims=True)
        self.smoothing_ = _release.smoothing(self.defence, pi, q)
        mixed = _release.smoothed(pi, q, self.smoothing_)
        shown = mixed.argmax(1) if labels is None else labels
        self.leaf_counts_, self.leaf_distributions_, self.leaf_labels_ = counts, mixed, self.classes_[shown]
        self.information_by_release_ = _release.information_by_release(pi, mixed, shown)
        self.information_ = self.information_by_release_[self.release_as]
        self.leaf_information_ = None if self.sensitive_features is None else _fit.leaf_information(tree)
        self.n_leaves_, self.depth_ = len(counts), int(tree.depth.max())
        self._prior = tree.joint[0] / tree.joint[0].sum()
        self._tree = tree.without_attribute()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.release_as == "sample"
        return tags
