"""Labels for unseen instances that carry most information about their class, behind scikit-learn's words."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from gtheory.information import unit_name
from gtheory.learning._inputs import sample_weights, validate
from gtheory.learning.mmi import MMIPartition, matched_information, mmi_partition, mmi_partition_dp
from infocore.errors import ParameterError, TooFewSamplesError
from infocore.semantic import Floats

__all__ = ["MMICertificate", "MMIClassifier"]

_NAME = "MMIClassifier"
_DP_ROWS = 4000  # half a second of dynamic programming, which grows as the square


@dataclasses.dataclass(frozen=True)
class MMICertificate:
    """What is known of the largest information that a partition of the training rows could have.

    Parameters
    ----------
    value : float
        That information, in the unit of `base`.
    kind : {"global", "intervals", "ceiling"}
        "global": the largest of all partitions (two classes). "intervals": the largest of partitions of a single
        column into intervals; another partition may have more. "ceiling": I(X; Z), which no partition exceeds and
        few reach.
    gap : float
        `value` less what the partition in use has; negative where that is no intervals and better than the best.
    base : float
        Base of the logarithms: 2 for bits.
    """

    value: float
    kind: Literal["global", "intervals", "ceiling"]
    gap: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `value` and `gap`."""
        return unit_name(self.base)


class MMIClassifier(ClassifierMixin, BaseEstimator):
    r"""Partition of instances into labels with most mutual information about their class.

    A classifier of the user's learns ``P(x|z)``, of class x where z is seen. The training rows are then partitioned
    into labels y by `mmi_partition`, so that I(X; Y) is largest, and a new z gets the label with the largest
    ``sum_i P(x_i|z) log P(x_i|y) / P(x_i)``. A rare class is given up
    less readily than where each z gets its most probable class.

    Parameters
    ----------
    n_labels : int, optional
        Number of labels; that of classes if left out. Then, or where it is given as that, `predict` returns classes:
        each label stands for one class, by the assignment with most probability of agreement. Otherwise `predict`
        returns labels 0, 1, ..., and `score`, which is about classes, says nothing.
    posterior : estimator, optional
        A classifier with `predict_proba`, cloned and fitted; ``LogisticRegression(max_iter=1000)`` if left out. The
        partition is chosen on the training rows, so one that overfits them misleads it. A ``FrozenEstimator`` is used
        as it is.
    n_init : int
        Random starts of the iteration.
    random_state : int or numpy.random.Generator
        Seed of the starts.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Classes in `y`.
    labels_ : ndarray of shape (n_labels,)
        What `predict` returns for each label of the partition: classes, or 0, 1, ...
    posterior_ : estimator
        The fitted classifier.
    partition_ : MMIPartition
        Of the distinct training rows.
    information_ : float
        I(X; Y) on the training rows by the posterior, in bits.
    history_ : tuple of float
        `information_` at the start of the best run and after each step.
    certificate_ : MMICertificate
        How much more there could be.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had names.

    Notes
    -----
    With two classes, or one column, and up to 4000 distinct rows, the partition by dynamic programming is found too,
    and the iteration goes on from there, as one more of the partition's `restarts`, if it is better than the end of
    every random start.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (recalled).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], [950, 50])
    >>> X = rng.normal(2.0 * y)[:, None]
    >>> model = MMIClassifier().fit(X, y)
    >>> ill = X[y == 1]  # 50 of them: how many does the most probable class find, how many the label?
    >>> int(model.posterior_.predict(ill).sum()), int(model.predict(ill).sum())
    (8, 38)
    >>> model.certificate_.kind, abs(model.certificate_.gap) < 1e-9
    ('global', True)
    """

    def __init__(
        self,
        n_labels: int | None = None,
        posterior: Any = None,
        n_init: int = 10,
        random_state: Any = 0,
    ) -> None:
        self.n_labels = n_labels
        self.posterior = posterior
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> "MMIClassifier":
        """Fit the posterior, then partition the training rows.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        y : array of shape (n,)
            Classes.
        sample_weight : array of shape (n,), optional
            Weights, not negative; passed on to the posterior.

        Returns
        -------
        MMIClassifier
            Itself.

        Raises
        ------
        ParameterError
            If `n_labels` or `n_init` is below 1, or the posterior has no `predict_proba` or takes no weights.
        TooFewSamplesError
            If there are fewer distinct rows than labels.
        ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
            If the arrays do not fit together, hold NaN or infinity, weights are negative, or there is one class.
        """
        x, target = validate(self, X, y, dtype=np.float64)
        check_classification_targets(target)
        weights = sample_weights(sample_weight, len(x), f"{_NAME}.fit")
        x, target, weights = x[weights > 0], target[weights > 0], weights[weights > 0]
        self.posterior_ = self._fit_posterior(x, target, None if sample_weight is None else weights)
        self.classes_ = self.posterior_.classes_
        n_labels = len(self.classes_) if self.n_labels is None else self.n_labels
        for name, value in (("n_labels", n_labels), ("n_init", self.n_init)):
            if value < 1:
                raise ParameterError(f"{_NAME}: `{name}` must be at least 1; got {value!r}.")
        post = self.posterior_.predict_proba(x).astype(np.float64)
        scalar = x.shape[1] == 1
        # rows that nothing tells apart are one z; a single column is kept in order
        _, first, inverse = np.unique(x if scalar else post, axis=0, return_index=True, return_inverse=True)
        post, weights = post[first], np.bincount(inverse.ravel(), weights)
        weights = weights / weights.sum()
        if n_labels > len(post):
            raise TooFewSamplesError(
                f"{_NAME}.fit: `n_labels` must be at most the number of rows that the posterior tells apart, "
                f"{len(post)}; got {n_labels}."
            )
        rng = np.random.default_rng(self.random_state)
        found = mmi_partition(post, weights, n_labels, n_init=self.n_init, rng=rng)
        self.partition_, self.certificate_ = _certify(found, post, weights, n_labels, scalar)
        self.information_, self.history_ = self.partition_.information, self.partition_.history
        joint = weights[:, None] * post
        self._information = matched_information(joint, self.partition_.labels, n_labels)
        self.labels_ = np.arange(n_labels)
        if n_labels == len(self.classes_):
            together = np.stack([joint[self.partition_.labels == j].sum(0) for j in range(n_labels)])
            chosen = linear_sum_assignment(together, maximize=True)[1]
            self.labels_ = self.classes_[chosen]
            # scores in the order of classes, as scikit-learn has them
            order = np.argsort(chosen)
            self._information, self._names = self._information[:, order], self.classes_
        else:
            self._names = self.labels_
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label of each row: a class where there are as many labels as classes, else 0, 1, ...

        Parameters
        ----------
        X : array of shape (n, d)
            Records.

        Returns
        -------
        ndarray of shape (n,)
        """
        best = self._scores(X).argmax(1)
        return self._names[best]

    def decision_function(self, X: ArrayLike) -> Floats:
        """Information that each label gives about the class, ``sum_i P(x_i|z) log P(x_i|y) / P(x_i)``, in bits.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.

        Returns
        -------
        ndarray of shape (n, n_labels), or (n,) for two labels
            Columns are those of ``classes_`` where `predict` returns classes; for two labels the score of the second
            less that of the first. Probabilities of 0 count as 1e-300, so that scores are finite; -inf for a label
            without use.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def _scores(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        post = self.posterior_.predict_proba(validate(self, X, dtype=np.float64, reset=False))
        used = self._information[0] > -np.inf
        scores = np.full((len(post), len(used)), -np.inf)
        scores[:, used] = post @ self._information[:, used] / math.log(2.0)
        return scores

    def _fit_posterior(self, x: Floats, y: NDArray[Any], weights: Floats | None) -> Any:
        model: Any = LogisticRegression(max_iter=1000) if self.posterior is None else clone(self.posterior)
        if not hasattr(model, "predict_proba"):
            raise ParameterError(
                f"{_NAME}.fit: `posterior` must be a classifier with `predict_proba`; {type(model).__name__} has none. "
                "Wrap it in CalibratedClassifierCV."
            )
        if isinstance(model, FrozenEstimator):
            return model
        if weights is None:
            return model.fit(x, y)
        if not has_fit_parameter(model, "sample_weight"):
            raise ParameterError(
                f"{_NAME}.fit: `sample_weight` was given, but `posterior`, {type(model).__name__}, takes none."
            )
        return model.fit(x, y, sample_weight=weights)


def _certify(
    found: MMIPartition, post: Floats, weights: Floats, n_labels: int, scalar: bool
) -> tuple[MMIPartition, MMICertificate]:
    """Compare with dynamic programming where it applies, and go on from its partition where that is better."""
    binary = post.shape[1] == 2
    if not (binary or scalar) or len(post) > _DP_ROWS:
        value, kind = found.ceiling, "ceiling"
    else:
        best = mmi_partition_dp(post, weights, n_labels, z=post[:, 1] if binary else None)
        value, kind = best.information, "global" if binary else "intervals"
        if value > found.information + 1e-12:
            better = mmi_partition(post, weights, n_labels, start=best.labels)
            found = dataclasses.replace(better, restarts=(*found.restarts, *better.restarts))
    return found, MMICertificate(value, kind, value - found.information, found.base)
