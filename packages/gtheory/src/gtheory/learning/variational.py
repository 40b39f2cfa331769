r"""Semantic variational Bayes: hidden labels from constraints on what they mean, at the least rate.

Given P(x) and a family of constraint functions, find how labels are used, P(y|x) and P(y), and what they mean: the
channel by the minimum of ``R - s G`` (minimum information difference, an iteration of rate-distortion with a
certificate), the meanings by the maximum of G. With likelihoods and s = 1 that is the maximum-likelihood mixture, and
the objective the variational free energy less the entropy of P(x).
"""

# scikit-learn's types are partly unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted

from gtheory.learning._families import learn
from gtheory.learning._inputs import check_choice, sample_weights, validate
from gtheory.learning._normal import along_axis, log_densities, moments
from infocore.errors import ConvergenceWarning, ParameterError, TooFewSamplesError
from infocore.rate import RatePoint, blahut_arimoto
from infocore.semantic import Floats

__all__ = ["SemanticVB", "VariationalHistory"]

_NAME = "SemanticVB"
Meaning = tuple[Floats, Floats] | list[Any]  # means and covariances, or truth functions
_EMPTY = 1e-9  # share of use below which a label keeps its meaning


@dataclasses.dataclass(frozen=True, eq=False)
class VariationalHistory:
    """What each iteration reached, in nats; arrays of length n_iter + 1.

    Parameters
    ----------
    R : ndarray
        Rate, I(X; Y).
    G : ndarray
        Semantic information. For likelihoods it lacks the entropy of P(x), as the density of a sample is not known.
    objective : ndarray
        ``R - s G``. With likelihoods it never rises; with truth functions the ridge is not in it.
    """

    R: Floats
    G: Floats
    objective: Floats


class SemanticVB(ClusterMixin, BaseEstimator):
    r"""Labels for unlabelled instances, with Gaussian meanings that are learned, at the least rate for what they say.

    Parameters
    ----------
    n_components : int
        Number of labels to start with; some may go out of use.
    constraint : {"likelihood", "truth"}
        What a label means: a normal likelihood P(x|theta), which is a mixture model; or a truth function, log T
        quadratic in x as in `SemanticBayesClassifier`, of which ``P(x|theta) = P(x) T(x) / T(theta)`` is made with the
        law of the data, so that a P(x) of any shape is allowed for.
    s : float
        Positive. How much G is worth against R: 1 matches use to meaning, more makes the choice of labels sharper.
    tol : float
        The fit ends where an iteration lowers ``R - s G`` by less, in nats.
    max_iter : int
        Largest number of iterations.
    reg_covar : float
        Added to each variance of a likelihood.
    alpha : float
        Ridge on the coefficients of truth functions, as if of one more observation each; positive.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        How often each label is used, P(y).
    means_ : ndarray of shape (n_components, d) or None
    covariances_ : ndarray of shape (n_components, d, d) or None
        Of the likelihoods.
    truth_functions_ : list or None
        One per label; ``log(X)`` is log T at rows of a float array.
    logical_probability_ : ndarray of shape (n_components,) or None
        How often each label is true of the data, for truth functions.
    R_, G_ : float
        In bits. `G_` is NaN for likelihoods, as the density of a sample is not known.
    efficiency_ : float
        ``G_ / R_``.
    gap_ : float
        The channel's ``R - s G`` is within this of the least for these meanings, in bits.
    labels_ : ndarray of shape (n,)
        Likeliest label of each training row.
    converged_ : bool
        Whether `tol` was reached.
    n_iter_ : int
    history_ : VariationalHistory
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If `X` had names.

    Notes
    -----
    The start is from k-means, begun along the longest axis of the data; there is nothing random in the fit.

    Where the constraint functions are known there is nothing to learn: `rate_fidelity` is the whole of it, and takes
    truth, similarity or distortion. The name is Lu's; there are no priors on parameters, and so no choice of the number
    of labels, as in variational Bayes (derived).

    References
    ----------
    .. [1] C. Lu, "Semantic Variational Bayes Based on a Semantic Information Theory for Solving Latent Variables",
       arXiv:2408.13122, 2024 (idea, from the abstract; form derived).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (300, 1)), rng.normal(3, 1, (100, 1))])
    >>> model = SemanticVB(2).fit(X)
    >>> sorted(model.weights_.round(2).tolist()), sorted(model.means_[:, 0].round(0).tolist())
    ([0.25, 0.75], [-3.0, 3.0])
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        constraint: Literal["likelihood", "truth"] = "likelihood",
        s: float = 1.0,
        tol: float = 1e-5,
        max_iter: int = 100,
        reg_covar: float = 1e-6,
        alpha: float = 1.0,
    ) -> None:
        self.n_components = n_components
        self.constraint = constraint
        self.s = s
        self.tol = tol
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.alpha = alpha

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> "SemanticVB":  # noqa: ARG002
        """Learn labels, their use and their meaning.

        Parameters
        ----------
        X : array of shape (n, d)
            Instances, or the points of a grid.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Weights, not negative, such as P(x) on the grid.

        Returns
        -------
        SemanticVB
            Itself.

        Raises
        ------
        ParameterError
            If a setting is none of its values.
        TooFewSamplesError
            If there are fewer rows of positive weight than labels.
        ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
            If the arrays do not fit together, hold NaN or infinity, weights are negative, or a label collapses.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` came first.
        """
        self._check_settings()
        x = validate(self, X, dtype=np.float64, ensure_min_samples=2)
        w = sample_weights(sample_weight, len(x), f"{_NAME}.fit")
        seen, p = x[w > 0], w[w > 0] / w.sum()
        if len(seen) < self.n_components:
            raise TooFewSamplesError(
                f"{_NAME}.fit: `n_components` must be at most the number of rows of positive weight, {len(seen)}; got "
                f"{self.n_components}."
            )
        k_means: Any = KMeans  # whose `init` and `n_init` are typed as the strings that are their defaults
        centres = along_axis(seen.T, p, self.n_components)
        labels = k_means(self.n_components, init=centres, n_init=1, random_state=0).fit(seen, sample_weight=p).labels_
        weights = w[w > 0]
        shares = np.eye(self.n_components)[labels].T * p
        meaning = self._learned(seen, weights, shares, None)
        rows: list[tuple[float, ...]] = []
        self.converged_ = False
        point = self._channel(seen, meaning, p, shares.sum(1))
        while True:
            rows.append((point.rate, point.reward, point.rate - self.s * point.reward))
            if len(rows) > 1 and rows[-2][2] - rows[-1][2] < self.tol:
                self.converged_ = True
                break
            if len(rows) > self.max_iter:
                break
            meaning = self._learned(seen, weights, (p[:, None] * point.ch).T, meaning)
            point = self._channel(seen, meaning, p, point.py)
        self.weights_, self._meaning = point.py, meaning
        self._log_lp = self._log_logical(self._log_truth(seen, meaning), p)
        likelihood = isinstance(meaning, tuple)
        self.means_, self.covariances_ = meaning if likelihood else (None, None)
        self.truth_functions_ = None if likelihood else meaning
        self.logical_probability_ = None if likelihood else np.exp(self._log_lp)
        self.history_ = VariationalHistory(*np.array(rows).T)
        self.R_, self.gap_ = point.rate / math.log(2), point.gap / math.log(2)
        self.G_ = point.reward / math.log(2) if self.constraint == "truth" else math.nan
        self.efficiency_ = self.G_ / self.R_ if self.R_ > 1e-12 else math.nan
        self.n_iter_ = len(rows) - 1
        self.labels_ = self.predict(X)
        if not self.converged_:
            warnings.warn(
                f"{_NAME}: stopped after `max_iter` = {self.max_iter} iterations, the last of which lowered R - s G by "
                f"{rows[-2][2] - rows[-1][2]:.3g} nats, above `tol` = {self.tol:g}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Likeliest label of each row.

        Parameters
        ----------
        X : array of shape (n, d)
            Instances.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._log_use(X).argmax(1)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """How each row would be labelled, ``P(y|x)``.

        Parameters
        ----------
        X : array of shape (n, d)
            Instances.

        Returns
        -------
        ndarray of shape (n, n_components)
        """
        use = self._log_use(X)
        return np.exp(use - np.asarray(logsumexp(use, axis=1, keepdims=True)))

    def _log_use(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        x = validate(self, X, dtype=np.float64, reset=False)
        with np.errstate(divide="ignore"):
            return np.log(self.weights_) + self.s * (self._log_truth(x, self._meaning) - self._log_lp)

    def _log_truth(self, x: Floats, meaning: Meaning) -> Floats:
        """Return the log of each likelihood or truth function, shape (n, k)."""
        if isinstance(meaning, tuple):
            return log_densities(np.ascontiguousarray(x.T), *meaning, "full", f"{_NAME}.fit").T
        return np.stack([function.log(x) for function in meaning], axis=1)

    def _log_logical(self, log_truth: Floats, p: Floats) -> Floats:
        if self.constraint == "likelihood":
            return np.zeros(log_truth.shape[1])
        return np.asarray(logsumexp(log_truth + np.log(p)[:, None], axis=0))

    def _channel(self, x: Floats, meaning: Meaning, p: Floats, law: Floats) -> RatePoint:
        """Solve for the use of labels with these meanings, from a law of labels."""
        log_truth = self._log_truth(x, meaning)
        start = np.maximum(law, 1e-300)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the gap is kept
            information = log_truth - self._log_logical(log_truth, p)
            return blahut_arimoto(p, information, self.s, start=start / start.sum(), tol=1e-9)

    def _learned(self, x: Floats, weights: Floats, shares: Floats, before: Meaning | None) -> Meaning:
        """Return the meanings with most information for the use that is; a label out of use keeps its own."""
        alive = shares.sum(1) > _EMPTY
        if self.constraint == "likelihood":
            _, means, covariances = moments(x.T, shares, "full", self.reg_covar)
            if not alive.all():
                whole = moments(x.T, weights[None], "full", self.reg_covar)
                old = before if isinstance(before, tuple) else (whole[1], whole[2])
                means = np.where(alive[:, None], means, old[0])
                covariances = np.where(alive[:, None, None], covariances, old[1])
            return means, covariances
        positive = weights.sum() * np.where(alive[:, None], shares, shares.sum(0)).T
        everybody = np.repeat(weights[:, None], len(shares), axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the next iteration goes on from there
            found: list[Any] = list(learn("gaussian", x, weights, positive, everybody, self.alpha))
        if before is None or isinstance(before, tuple):
            return found
        return [new if used else old for new, old, used in zip(found, before, alive, strict=True)]

    def _check_settings(self) -> None:
        check_choice(self.constraint, ("likelihood", "truth"), _NAME, "constraint")
        for name in ("n_components", "max_iter"):
            value = getattr(self, name)
            if not (isinstance(value, (int, np.integer)) and value >= 1):
                raise ParameterError(f"{_NAME}: `{name}` must be a whole number of at least 1; got {value!r}.")
        if not (math.isfinite(self.s) and self.s > 0):
            raise ParameterError(f"{_NAME}: `s` must be positive and finite; got {self.s!r}.")
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ParameterError(f"{_NAME}: `alpha` must be positive; got {self.alpha!r}.")
        for name in ("tol", "reg_covar"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ParameterError(f"{_NAME}: `{name}` must not be negative; got {getattr(self, name)!r}.")
