r"""`NoisyRelease`: Gaussian noise on what any fitted predictor answers, sized in nats.

The release is :math:`\hat Y = s(X) + \sigma\varepsilon` with s the predictor's score, so the information in it is known
from the scores alone: exactly if the score is one number, and between bounds if it is a vector.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from infocore.errors import KindError, NonFiniteError, ParameterError, TooFewSamplesError
from mid.attacks.predictor import Predictor, check_release, most_frequent
from mid.attacks.protocols import Access, Output
from mid.defences._score_information import bounds, calibrated, coordinates, information_in

__all__ = ["NoisyRelease"]

Floats = NDArray[np.float64]
Rng = int | np.random.Generator | None


def _has_probabilities(self: Any) -> bool:
    return is_classifier(self.model)


class NoisyRelease(MetaEstimatorMixin, BaseEstimator):
    r"""Gaussian noise on the score of a fitted predictor.

    A regressor's score is its value. A classifier's score is the vector of log-probabilities, less their mean over the
    classes; noise is added to it, and the answer is the softmax of the sum.

    Parameters
    ----------
    model : estimator
        Fitted classifier with `predict_proba`, or fitted regressor. `fit` leaves it as it is; wrap it in
        `sklearn.frozen.FrozenEstimator` where this object will be cloned.
    sigma : float, optional
        Standard deviation of the noise, on the scale of the score. Either this or `information`.
    information : float, optional
        Nats that one answer may carry about the record, on the rows given to `fit`: the noise is then calibrated to
        it, by `information_`.
    release_as : {"sample", "mean"}
        What `predict` and `predict_proba` answer: a fresh noisy draw for every row of every call, or the model's own.
    random_state : int, numpy.random.Generator or None
        Seed of the noise. The stream starts at `fit` and moves on with every answer.
    floor : float
        Probabilities below this count as this, because the logarithm of 0 is infinite: with the trees of
        scikit-learn, say, which answer 0 and 1.

    Attributes
    ----------
    release_std_ : float
        Standard deviation of the noise.
    information_ : float
        Nats in one answer, for the empirical law of the rows given to `fit`: exact for a regressor or two classes
        (eq. 20), and for more classes the Gaussian **upper bound**
        :math:`\tfrac12 \log\det(I + \mathrm{Cov}(s)/\sigma^2)`.
    information_bounds_ : tuple of two floats
        Pairwise Bhattacharyya lower bound, and the smaller of the pairwise Kullback-Leibler and Gaussian upper bounds,
        for the same law; above 4 000 rows the pairwise bounds read that many, at
        quantiles of a number and equally spaced of vectors.
    information_is_exact_ : bool
        Whether `information_` is the information itself or an upper bound.

    Notes
    -----
    Answers to q queries hold no more than their mean, whose noise is :math:`\sigma/\sqrt q`: see `leakage`. With noise
    calibrated on one set of rows, another population can leak more. The information in labels alone is at most that in
    the scores, by data processing.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.random.default_rng(0).standard_normal((2000, 1))
    >>> noisy = NoisyRelease(LinearRegression().fit(x, 3.0 * x[:, 0]), information=0.5).fit(x)
    >>> round(noisy.information_, 6), bool(1.5 < noisy.release_std_ < 2.5)  # 3 / sqrt(e - 1) = 2.29 if Gaussian
    (0.5, True)
    """

    def __init__(
        self,
        model: Any,
        *,
        sigma: float | None = None,
        information: float | None = None,
        release_as: Literal["sample", "mean"] = "sample",
        random_state: Any = 0,
        floor: float = 1e-6,
    ) -> None:
        self.model = model
        self.sigma = sigma
        self.information = information
        self.release_as = release_as
        self.random_state = random_state
        self.floor = floor

    def fit(self, X: ArrayLike, y: Any = None) -> "NoisyRelease":  # noqa: ARG002 - scikit-learn passes it
        """Set the noise, or find out what it leaves; the model is not fitted again.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records whose law the information is of; take ones that the model was not trained on.
        y : None
            Not used.

        Returns
        -------
        NoisyRelease
            Itself.

        Raises
        ------
        KindError
            If the model is neither a classifier nor a regressor.
        ParameterError
            If not exactly one of `sigma` and `information` is given, one is not positive and finite, `release_as` or
            `floor` is out of range, all rows have the same score, or they cannot carry as much as `information`.
        TooFewSamplesError
            If there are fewer than two rows.
        """
        self._check_settings()
        check_is_fitted(self.model)
        scores = self._scores(X)
        if len(scores) < 2:
            raise TooFewSamplesError(f"NoisyRelease.fit: `X` needs at least two rows; got {len(scores)}.")
        z = coordinates(scores)
        if self.sigma is not None:
            std = float(self.sigma)
        else:
            assert self.information is not None
            std = calibrated(z, self.information)
        self.release_std_ = std
        self.information_is_exact_ = z.shape[1] == 1
        self.information_ = information_in(z, std)
        self.information_bounds_ = bounds(z, std)
        self._noise = np.random.default_rng(self.random_state)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Answer with a noisy value, or the label of the largest noisy score.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Values or labels.
        """
        return self.release(X, output="values" if is_regressor(self.model) else "labels", access=self._access)

    @available_if(_has_probabilities)
    def predict_proba(self, X: ArrayLike) -> Floats:
        """Answer with the softmax of noisy scores.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.
        """
        return self.release(X, output="probabilities", access=self._access)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy of the labels, or the coefficient of determination of the values, as they are released.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.
        y : array of shape (n,)
            True answers.
        sample_weight : array of shape (n,), optional
            How often each record counts.

        Returns
        -------
        float
            At most 1.
        """
        metric: Any = r2_score if is_regressor(self.model) else accuracy_score
        return float(metric(y, self.predict(X), sample_weight=sample_weight))

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output,
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[Any]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"labels", "values", "probabilities", "logits"}
            What is released; logits are the noisy scores, less their mean over the classes.
        queries : int
            How often each record is asked; answers are averaged, of labels the most frequent one is taken.
        access : {"sampled", "mean"}
            Noisy answers, or (white box) the answer without noise.
        rng : int, numpy.random.Generator or None
            Seed of the noise; None goes on with the stream that started at `fit`.

        Returns
        -------
        array of shape (n,) or (n, C)
            The averaged answers.

        Raises
        ------
        ParameterError
            If a setting is not one of its values, or the model does not answer with `output`.
        """
        check_is_fitted(self)
        caller = "NoisyRelease.release"
        check_release(caller, output, queries, access)
        if (output == "values") != is_regressor(self.model):
            raise ParameterError(
                f"{caller}: `output` {output!r} is not what a {type(self.model).__name__} answers with; ask for values "
                "of a regressor, for labels, probabilities or logits of a classifier."
            )
        scores = self.release_mean(X)
        if access == "mean":
            return self._answer(scores, output)
        noise = self._noise if rng is None else np.random.default_rng(rng)
        if output in ("values", "logits"):  # the mean of the draws is a draw with less noise
            std = self.release_std_ / math.sqrt(queries)
            return self._answer(scores + std * noise.standard_normal(scores.shape), output)
        draws = (scores + self.release_std_ * noise.standard_normal(scores.shape) for _ in range(queries))
        if output == "labels":
            return most_frequent([self._answer(draw, output) for draw in draws])
        return sum((self._answer(draw, output) for draw in draws), np.zeros(scores.shape)) / queries

    def release_mean(self, X: ArrayLike) -> Floats:
        """Scores without noise: a sampled score is this plus `release_std_` times standard normal noise.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, 1) or (n, C)
            Values, or log-probabilities less their mean over the classes. Noise that is common to all classes leaves
            the softmax as it is.
        """
        check_is_fitted(self)
        return self._scores(X)

    def leakage(self, X: ArrayLike, queries: int = 1) -> float:
        r"""Information in the answers to repeated queries, for the empirical law of some rows.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.
        queries : int
            q; the answers hold as much as one with noise :math:`\sigma / \sqrt q`.

        Returns
        -------
        float
            Nats, exact or an upper bound as `information_is_exact_` says.

        Raises
        ------
        ParameterError
            If `queries` is less than 1.
        """
        check_is_fitted(self)
        if queries < 1:
            raise ParameterError(f"NoisyRelease.leakage: `queries` must be at least 1; got {queries}.")
        return information_in(coordinates(self._scores(X)), self.release_std_ / math.sqrt(queries))

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of a classifier, in the order of the columns of `predict_proba`."""
        return self.model.classes_

    @property
    def _access(self) -> Access:
        return "sampled" if self.release_as == "sample" else "mean"

    def _scores(self, X: ArrayLike) -> Floats:
        if is_regressor(self.model):
            values = np.asarray(Predictor(self.model).release(X, output="values", access="mean"), dtype=np.float64)
            scores = values.reshape(len(values), -1)
        else:
            p = Predictor(self.model).release(X, output="probabilities", access="mean")
            logs = np.log(np.maximum(np.asarray(p, dtype=np.float64), self.floor))
            scores = logs - logs.mean(1, keepdims=True)
        bad = int((~np.isfinite(scores)).any(1).sum())
        if bad:
            raise NonFiniteError(
                f"NoisyRelease: the model answers NaN or infinity for {bad} of {len(scores)} rows; such a score has no "
                "finite information."
            )
        return scores

    def _answer(self, scores: Floats, output: str) -> NDArray[Any]:
        if output == "values":
            return scores[:, 0] if scores.shape[1] == 1 else scores
        if output == "labels":
            return self.classes_[scores.argmax(1)]
        if output == "logits":
            return scores - scores.mean(1, keepdims=True)
        probabilities: Any = softmax(scores, axis=1)
        return probabilities

    def _check_settings(self) -> None:
        if (self.sigma is None) == (self.information is None):
            raise ParameterError(
                "NoisyRelease: give exactly one of `sigma` and `information`; got "
                f"sigma={self.sigma!r} and information={self.information!r}."
            )
        for name, value in (("sigma", self.sigma), ("information", self.information)):
            if value is not None and not 0 < value < math.inf:
                raise ParameterError(f"NoisyRelease: `{name}` must be positive and finite; got {value!r}.")
        if self.release_as not in ("sample", "mean"):
            raise ParameterError(f"NoisyRelease: `release_as` must be 'sample' or 'mean'; got {self.release_as!r}.")
        if not 0 < self.floor < 1:
            raise ParameterError(f"NoisyRelease: `floor` must be in (0, 1); got {self.floor!r}.")
        if not (is_classifier(self.model) or is_regressor(self.model)):
            raise KindError(
                f"NoisyRelease: `model` must be a classifier or a regressor; got {type(self.model).__name__}."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "release_std_")

    def __sklearn_tags__(self) -> Any:
        tags = get_tags(self.model)
        tags.non_deterministic = self.release_as == "sample"
        return tags
