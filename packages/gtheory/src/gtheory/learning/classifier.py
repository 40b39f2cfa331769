r"""Classification by semantic information: a truth function per label, learned alone, and the label that says most.

A label is learned from its positives and the population of x by logical Bayesian inference. No negatives are used, so
no label depends on how often another is given, and a new population of x needs no new fit.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

import copy
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from gtheory.learning._decisions import Decision, Population, SemanticDecisions
from gtheory.learning._families import GivenTruth, RadialBasis, learn, log_mean
from gtheory.learning._inputs import check_choice, labelled, sample_weights, validate
from gtheory.truth import TruthFunction
from infocore.errors import InvalidDistributionError, ParameterError
from infocore.semantic import Floats

__all__ = ["SemanticBayesClassifier"]

_NAME = "SemanticBayesClassifier"
_FAMILIES = ("gaussian", "diagonal", "linear", "kernel", "tabulated")
_LN2 = math.log(2.0)


class SemanticBayesClassifier(SemanticDecisions):
    r"""Classifier that gives the most informative label, or every label that is true.

    For each label alone, `fit` maximises over truth functions T of a family

    .. math:: \sum_{k:\, y} w_k \log T(x_k) \Big/ \sum_{k:\, y} w_k - \log \sum_k w_k T(x_k) \Big/ \sum_k w_k

    the first mean being over rows that carry the label, the second over everybody. That is the information
    ``I(x; theta) = log T(x) / T(theta)`` of the label about the x it is given to, with the logical probability
    ``T(theta)``, the mean of T over the population. T is scaled to maximum 1 over the population it was learned from.

    Parameters
    ----------
    truth : {"gaussian", "diagonal", "linear", "kernel", "tabulated"} or RadialBasis
        Family of ``log T``: quadratic in x, quadratic without cross terms, linear, in radial bumps at positives (with
        settings: `RadialBasis`), or a table of the distinct rows of x, which must all have been seen.
    decision : {"auto", "information", "truth", "posterior"}
        What `predict` goes by. "information": of a class vector the label with most ``I(x; theta)``, which is also
        the one with most likelihood ``P(x|theta)``; of an indicator matrix the labels with I above 0. "truth": the
        label with most T; the labels with T at least 1/2. "posterior": the label with most ``P(y) exp(I)``, for class
        vectors only. "auto" is "information" for a class vector, "truth" for an indicator matrix.
    population : {"all", "known"}
        Who everybody is for a label that is missing (NaN) in some rows: all rows, which is right if whether it is
        missing does not depend on x among its positives (and needs no negatives: positive and unlabelled data); or
        the rows where it is known, right if whether it is missing depends on x alone.
    alpha : float
        Ridge on the coefficients of scaled features, as if of one more observation each; positive. It pulls towards
        T = 1. Not used by "tabulated".

    Attributes
    ----------
    classes_ : ndarray of shape (L,)
        Labels; 0 to L - 1 for an indicator matrix.
    multilabel_ : bool
        Whether `y` was an indicator matrix.
    truth_functions_ : list
        One per label; ``log(X)`` is log T at rows of a float array, above 0 only beyond all training rows.
    logical_probability_ : ndarray of shape (L,)
        How often each label is true of the population.
    label_frequency_ : ndarray of shape (L,) or None
        ``P(y)`` of a class vector. None for an indicator matrix: of labels that are learned without negatives,
        ``P(y) exp(I)`` can exceed 1, so there is neither "posterior" nor `predict_proba`.
    information_ : ndarray of shape (L,)
        Mean information of each label about the rows it was given to, in bits: what was maximised, less the ridge.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had names.

    Notes
    -----
    The maximum that scales T is over training rows. A new x may be truer than all of them; its information is
    computed as it is (scale does not enter), its degree of truth is read as 1.

    A weight of 2 is a row repeated, a weight of 0 a row left out.

    Information compares x with the population, not with the truth: among people over 60 a "Non-adult" would be 62
    rather than 90, so that label can say most about a man of 62 while its truth is 1e-15. Under a prior far from where
    a label is true, look at `predict_truth` too.

    "gaussian" costs ``n p^2`` operations per Newton step with ``p = d (d + 3) / 2`` (ten labels of 1800 rows on one
    core: 0.6 s with 20 columns, 38 s with 64): reduce many columns first, as by principal components. A curvature may
    come out positive, where a label is truer towards the border of the population.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (recalled).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(20, 5, 900), rng.normal(60, 5, 100)])[:, None]
    >>> y = np.repeat(["young", "old"], [900, 100])
    >>> model = SemanticBayesClassifier().fit(X, y)
    >>> model.predict([[15.0], [55.0]]).tolist()
    ['young', 'old']
    >>> model.information([[55.0]]).round(1).tolist()  # bits that "old" and "young" give
    [[3.1, -4.7]]
    """

    def __init__(
        self,
        truth: Literal["gaussian", "diagonal", "linear", "kernel", "tabulated"] | RadialBasis = "gaussian",
        decision: Decision = "auto",
        population: Population = "all",
        alpha: float = 1.0,
    ) -> None:
        self.truth = truth
        self.decision = decision
        self.population = population
        self.alpha = alpha

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> "SemanticBayesClassifier":
        """Learn a truth function per label.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        y : array of shape (n,) or (n, L)
            Classes, or for several labels a row an indicator matrix of 0 and 1, with NaN where a label is missing. A
            single column without NaN is a class vector.
        sample_weight : array of shape (n,), optional
            Weights, not negative.

        Returns
        -------
        SemanticBayesClassifier
            Itself.

        Raises
        ------
        ParameterError
            If a setting is not one of its values, "tabulated" meets a label that is known for no row of some x, or
            `decision` is "posterior" and `y` an indicator matrix.
        ShapeError, KindError, NonFiniteError, ValueError
            If the arrays do not fit together, are not numbers, or `X` holds NaN or infinity.
        InvalidDistributionError
            If an indicator matrix holds something else, weights are negative, or a class or label has no positive of
            positive weight.
        """
        self._check_settings()
        x, given, known, self.classes_, self.multilabel_ = labelled(self, X, y, f"{_NAME}.fit")
        if self.multilabel_ and self.decision == "posterior":
            raise ParameterError(
                f"{_NAME}.fit: decision='posterior' is for class vectors; `y` is an indicator matrix, of whose labels "
                "only positives are learned from. Use 'truth' or 'information'."
            )
        weights = sample_weights(sample_weight, len(x), f"{_NAME}.fit")
        seen = weights > 0
        x, given, known, weights = x[seen], given[seen], known[seen], weights[seen]
        positive = weights[:, None] * given
        mass = positive.sum(0)
        if not mass.all():
            raise InvalidDistributionError(
                f"{_NAME}.fit: `y` gives class or label {self.classes_[np.argmin(mass)]!r} to no row of positive "
                f"weight ({int((mass == 0).sum())} of {len(mass)} labels), so what it means cannot be learned. "
                "Leave it out."
            )
        population = weights[:, None] * (known if self.population == "known" else np.ones_like(known))
        family = RadialBasis() if self.truth == "kernel" else self.truth
        self.truth_functions_: list[Any] = list(learn(family, x, weights, positive, population, float(self.alpha)))
        log_truth = self._log_truth(x)
        self._set_population(log_truth, weights)
        self.label_frequency_: Any = None if self.multilabel_ else mass / weights.sum()
        terms = np.where(positive > 0, positive * np.where(positive > 0, log_truth, 0.0), 0.0)
        self.information_ = (terms.sum(0) / mass - self._log_lp) / _LN2
        return self

    @classmethod
    def from_truth(
        cls,
        functions: Iterable[TruthFunction],
        X: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        classes: Sequence[Any] | None = None,
    ) -> "SemanticBayesClassifier":
        """Make a fitted classifier of labels whose truth functions are known.

        Parameters
        ----------
        functions : iterable of TruthFunction
            One per label. With one column of `X` they are asked about the column, else about the rows.
        X : array of shape (n, d)
            The population.
        sample_weight : array of shape (n,), optional
            Its weights, such as ``P(x)`` on a grid.
        classes : sequence, optional
            Names of the labels; 0, 1, ... if left out.

        Returns
        -------
        SemanticBayesClassifier
            It predicts one label, by information. As nobody was labelled, it has no `predict_proba`.

        Raises
        ------
        ParameterError
            If there are no functions or as many names as there are not.
        ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
            If the arrays are not as in `fit`, or a label is false of the whole population.

        Examples
        --------
        >>> import numpy as np
        >>> from gtheory.truth import Logistic
        >>> ages = np.arange(101.0)[:, None]
        >>> model = SemanticBayesClassifier.from_truth(
        ...     [Logistic(18.0, -0.8), Logistic(18.0, 0.8)], ages, classes=["child", "adult"])
        >>> model.predict([[10.0], [30.0]]).tolist()
        ['child', 'adult']
        """
        model = cls()
        x = validate(model, X, dtype=np.float64)
        model.truth_functions_ = [GivenTruth(function) for function in functions]
        names = np.arange(len(model.truth_functions_)) if classes is None else np.asarray(classes)
        if not model.truth_functions_ or len(names) != len(model.truth_functions_):
            raise ParameterError(
                f"{_NAME}.from_truth: needs at least one truth function and one of `classes` for each; got "
                f"{len(model.truth_functions_)} functions and {len(names)} classes."
            )
        model.classes_, model.multilabel_ = names, False
        model._set_population(model._log_truth(x), sample_weights(sample_weight, len(x), f"{_NAME}.from_truth"))
        model.label_frequency_ = None
        return model

    def with_prior(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> "SemanticBayesClassifier":
        """Copy of the classifier for another population of x in which labels mean the same.

        Parameters
        ----------
        X : array of shape (n, d)
            A sample of that population, or a grid.
        sample_weight : array of shape (n,), optional
            Its weights, such as ``P(x)`` on the grid.

        Returns
        -------
        SemanticBayesClassifier
            With the same truth functions and its own `logical_probability_`. `label_frequency_` is what follows from
            an unchanged ``P(y|x)``, so that `predict_proba` does not change.

        Raises
        ------
        ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
            If the arrays are not as in `fit`, or a label is false of the whole population.
        """
        check_is_fitted(self)
        x = validate(self, X, dtype=np.float64, reset=False)
        model = copy.copy(self)
        model._set_population(self._log_truth(x), sample_weights(sample_weight, len(x), f"{_NAME}.with_prior"))
        if self.label_frequency_ is not None:
            model.label_frequency_ = self.label_frequency_ * np.exp(model._log_lp - self._log_lp)
        return model

    def predict(self, X: ArrayLike, prior: ArrayLike | None = None) -> NDArray[Any]:
        """Label, or labels, of each row by the rule of `decision`.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        prior : array of shape (k, d), optional
            A sample of the population that they come from, if it is not that of `fit`; ``with_prior(prior)`` does the
            same for other methods, and takes weights.

        Returns
        -------
        ndarray of shape (n,) or (n, L)
            Classes, or an indicator matrix.

        Raises
        ------
        InvalidDistributionError
            If every label is certainly false of a row for which one must be chosen.
        """
        return super().predict(X) if prior is None else self.with_prior(prior).predict(X)

    def _log_truths(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        return self._log_truth(validate(self, X, dtype=np.float64, reset=False))

    def _log_truth(self, x: Floats) -> Floats:
        return np.stack([function.log(x) for function in self.truth_functions_], axis=1)

    def _set_population(self, log_truth: Floats, weights: Floats) -> None:
        self._log_lp = log_mean(log_truth, weights)
        false = self._log_lp == -np.inf
        if false.any():
            raise InvalidDistributionError(
                f"{_NAME}: label {self.classes_[np.argmax(false)]!r} is false of the whole population "
                f"({int(false.sum())} of {len(false)} labels), so what it says is undefined. Leave it out, or give it "
                "some disbelief."
            )
        self.logical_probability_ = np.exp(self._log_lp)

    def _check_settings(self) -> None:
        if not isinstance(self.truth, RadialBasis):
            check_choice(self.truth, _FAMILIES, _NAME, "truth")
        self._check_choices()
        if not 0 < self.alpha < math.inf:
            raise ParameterError(f"{_NAME}: `alpha` must be positive and finite; got {self.alpha!r}.")
