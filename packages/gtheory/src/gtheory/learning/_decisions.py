"""What classifiers by semantic information share: the label that says most, is truest or is most probable."""

# scikit-learn and scipy have no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import abc
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from gtheory.information import nats_per_unit
from gtheory.learning._inputs import check_choice
from infocore.errors import InvalidDistributionError, ShapeError
from infocore.semantic import Floats, distribution

__all__ = ["Decision", "Population", "SemanticDecisions"]

Decision = Literal["auto", "information", "truth", "posterior"]
Population = Literal["all", "known"]


def _has_frequencies(model: Any) -> bool:
    return getattr(model, "label_frequency_", ()) is not None


class SemanticDecisions(ClassifierMixin, BaseEstimator, abc.ABC):
    """Base of classifiers that know the truth of each label, how often it is true, and perhaps how often it is given.

    A fitted subclass has `classes_`, `multilabel_`, `label_frequency_` (None where labels are learned without
    negatives), logical probabilities in nats as `_log_lp`, and says the truth of labels in `_log_truths`.
    """

    decision: Decision
    population: Population
    classes_: NDArray[Any]
    multilabel_: bool
    label_frequency_: Any
    _log_lp: Floats
    _rule_of_indicators = "truth"

    @abc.abstractmethod
    def _log_truths(self, X: ArrayLike) -> Floats:
        """Log T of each label for each row of `X`, shape (n, L), checked as scikit-learn does."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Label, or labels, of each row by the rule of `decision`.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.

        Returns
        -------
        ndarray of shape (n,) or (n, L)
            Classes, or an indicator matrix.

        Raises
        ------
        InvalidDistributionError
            If every label is certainly false of a row for which one must be chosen.
        """
        scores = self._scores(X)
        if self.multilabel_:
            return (scores > 0 if self._rule == "information" else scores >= 0).astype(np.int64)  # T = 1/2 is enough
        lost = scores.max(1) == -np.inf
        if lost.any():
            raise InvalidDistributionError(
                f"{type(self).__name__}.predict: every label is certainly false of {int(lost.sum())} of {len(lost)} "
                f"rows of `X`, the first row {int(np.argmax(lost))}, so none can be chosen. Truth functions with some "
                "disbelief can."
            )
        best = scores.argmax(1)
        return self.classes_[best]

    def decision_function(self, X: ArrayLike) -> Floats:
        """Scores that `predict` goes by, in bits: I, log T or log ``P(y) exp(I)``.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.

        Returns
        -------
        ndarray of shape (n, L), or (n,) for two classes
            For two classes the score of the second less that of the first. For an indicator matrix less the threshold
            of the rule, so that labels above 0 are given.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if not self.multilabel_ and scores.shape[1] == 2 else scores

    def information(self, X: ArrayLike, base: float = 2) -> Floats:
        """Information of each label about each row, ``log T(x) / T(theta)``.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        base : float
            Base of the logarithms: 2 for bits, ``math.e`` for nats.

        Returns
        -------
        ndarray of shape (n, L)
            Negative where a label would mislead; -inf where it is certainly false.

        Raises
        ------
        ParameterError
            If `base` is not above 1.
        """
        nats = nats_per_unit(base, f"{type(self).__name__}.information")
        return (self._log_truths(X) - self._log_lp) / nats

    def predict_truth(self, X: ArrayLike) -> Floats:
        """Degree of truth of each label for each row.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.

        Returns
        -------
        ndarray of shape (n, L)
            In [0, 1], relative to the row of `fit` of which the label is truest, 1 for a row truer than all of those.
            Rows sum to nothing in particular.
        """
        return np.exp(np.minimum(self._log_truths(X), 0.0))

    @available_if(_has_frequencies)
    def predict_proba(self, X: ArrayLike, label_prior: ArrayLike | None = None) -> Floats:
        """Probability of each class for each row, ``P(y) exp(I)`` divided by its sum over classes.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        label_prior : array of shape (L,), optional
            ``P(y)`` where the rows come from, if classes are more or less frequent there but look the same, that is
            ``P(x|y)`` is as in `fit`. `label_frequency_` if left out.

        Returns
        -------
        ndarray of shape (n, L)
            Rows sum to 1.

        Raises
        ------
        ShapeError, KindError, NonFiniteError, InvalidDistributionError
            If `label_prior` is no distribution over the classes.
        """
        check_is_fitted(self)
        caller = f"{type(self).__name__}.predict_proba"
        py = self.label_frequency_
        if label_prior is not None:
            py = distribution(label_prior, caller, "label_prior")
            if len(py) != len(self.classes_):
                raise ShapeError(
                    f"{caller}: `label_prior` must have one entry per class, {len(self.classes_)}; got {len(py)}."
                )
        with np.errstate(divide="ignore"):
            return softmax(self.information(X, base=math.e) + np.log(py), axis=1)

    @property
    def _rule(self) -> str:
        if self.decision != "auto":
            return self.decision
        return self._rule_of_indicators if self.multilabel_ else "information"

    def _scores(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        if self._rule == "truth":
            log_truth = self._log_truths(X) / math.log(2)
            return log_truth + 1.0 if self.multilabel_ else log_truth
        information = self.information(X)
        return information + np.log2(self.label_frequency_) if self._rule == "posterior" else information

    def _check_choices(self) -> None:
        name = type(self).__name__
        check_choice(self.decision, ("auto", "information", "truth", "posterior"), name, "decision")
        check_choice(self.population, ("all", "known"), name, "population")

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.decision != "posterior"
        return tags
