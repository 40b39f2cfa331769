r"""Mixtures of normals by channel matching: several steps on the mixture ratios for one on the components.

The fit minimises KL(P || P_theta) between the data and the mixture, which is the rate less the information,
:math:`R'' - G`. With the components held, a step on the ratios costs next to nothing, as no density has to be computed
again; `n_inner` of them between two steps on the components is EnM (1: EM, 3: E3M). It is coordinate descent, a
multi-cycle ECM: monotone, with the fixed points of EM, and no more global than EM is.
"""

# scikit-learn's types are partly unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportIncompatibleMethodOverride=false

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted

from gtheory.learning._inputs import sample_weights, validate
from gtheory.learning._matching import Components, Law, MixtureHistory, Pace, match
from gtheory.learning._normal import CovarianceType, along_axis, log_densities, moments, n_parameters
from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError, ShapeError, TooFewSamplesError
from infocore.semantic import Floats, real

__all__ = ["CMMixture", "MixtureHistory"]

_NAME = "CMMixture"


class CMMixture(DensityMixin, BaseEstimator):
    r"""Mixture of normal components, from samples, weighted samples or a histogram.

    Parameters
    ----------
    n_components : int
        Number of components.
    covariance_type : {"full", "diag", "spherical"}
        Shape of their covariances.
    n_inner : int
        Steps on the ratios for each step on the components: 1 is EM, 3 is E3M.
    tol : float
        The fit ends where an iteration lowers KL by less, in nats.
    reg_covar : float
        Added to each variance.
    max_iter : int
        Largest number of steps on the components.
    n_init : int
        Starts, of which the best is kept: the first from k-means begun along the longest axis of the data, the others
        from k-means begun at random.
    weights_init : array of shape (n_components,), optional
        Ratios to start from.
    means_init : array of shape (n_components, d), optional
        Means to start from. What is not given comes from k-means.
    covariances_init : array, optional
        Covariances to start from, shaped as `covariances_`.
    grid : bool
        Whether the rows are all the values that x can take, and the weights their probabilities: components are then
        laws on the grid, and the history has KL and G themselves.
    random_state : int or numpy.random.RandomState
        Seed of k-means and of `sample`.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Mixture ratios P(y).
    means_ : ndarray of shape (n_components, d)
    covariances_ : ndarray of shape (n_components, d, d), (n_components, d) or (n_components,)
    converged_ : bool
        Whether `tol` was reached.
    n_iter_ : int
        Steps on the components, in the best start.
    lower_bound_ : float
        Mean log likelihood of the data, in nats.
    history_ : MixtureHistory
        Of the best start.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If `X` had names.

    Notes
    -----
    Names and shapes are those of scikit-learn's GaussianMixture, which takes no weights. On a grid that cuts off a tail
    the moments of a component are not its most likely parameters, and KL can rise: let the grid reach six standard
    deviations beyond every mean. With `grid`, `score_samples` is the logarithm of a probability.

    References
    ----------
    .. [1] C. Lu, "Channels' Matching Algorithm for Mixture Models", in Intelligence Science I, Springer, 2017 (the
       idea, from its introduction).
    .. [2] X.-L. Meng, D. Rubin, "Maximum Likelihood Estimation via the ECM Algorithm", Biometrika 80:267, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.arange(-60.0, 161.0)
    >>> p = 0.7 * np.exp(-((grid - 35) ** 2) / 128) / 8 + 0.3 * np.exp(-((grid - 65) ** 2) / 288) / 12
    >>> start = {"means_init": [[30], [70]], "covariances_init": [[[225]], [[225]]], "weights_init": [0.5, 0.5]}
    >>> model = CMMixture(2, tol=1e-6, grid=True, **start).fit(grid[:, None], sample_weight=p)
    >>> model.weights_.round(2).tolist(), model.means_[:, 0].round(0).tolist()
    ([0.7, 0.3], [35.0, 65.0])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: CovarianceType = "full",
        n_inner: int = 3,
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        covariances_init: ArrayLike | None = None,
        grid: bool = False,
        random_state: Any = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance_type: CovarianceType = covariance_type
        self.n_inner = n_inner
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.weights_init = weights_init
        self.means_init = means_init
        self.covariances_init = covariances_init
        self.grid = grid
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> "CMMixture":  # noqa: ARG002
        """Fit the mixture.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows, or the points of a grid.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Weights, not negative, such as counts of a histogram.

        Returns
        -------
        CMMixture
            Itself.

        Raises
        ------
        ParameterError
            If a setting is none of its values.
        TooFewSamplesError
            If there are fewer rows of positive weight than components.
        ShapeError, KindError, NonFiniteError, InvalidDistributionError, ValueError
            If the arrays do not fit together, hold NaN or infinity, weights are negative, or a component collapses.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` came first.
        """
        self._check_settings()
        x = validate(self, X, dtype=np.float64, ensure_min_samples=2)
        w = sample_weights(sample_weight, len(x), f"{_NAME}.fit")
        if not self.grid:
            x, w = x[w > 0], w[w > 0]
        if len(x) < self.n_components:
            raise TooFewSamplesError(
                f"{_NAME}.fit: `n_components` must be at most the number of rows of positive weight, {len(x)}; got "
                f"{self.n_components}."
            )
        p = w / w.sum()
        middle = p @ x
        xt = np.ascontiguousarray((x - middle).T)
        log_p = float(np.sum(xlogy(p, p))) if self.grid else 0.0
        rng = (
            np.random.RandomState(self.random_state) if not hasattr(self.random_state, "randint") else self.random_state
        )
        starts: list[Any] = [along_axis(xt, p, self.n_components), *["k-means++"] * (self.n_init - 1)]
        law = Law(self.covariance_type, self.reg_covar, self.grid, f"{_NAME}.fit")
        pace = Pace(self.n_inner, self.max_iter, self.tol)
        runs = [match(xt, p, log_p, self._start(xt, p, middle, centres, rng), law, pace) for centres in starts]
        (self.weights_, means, self.covariances_), self.history_, self.converged_ = min(runs, key=lambda r: r[1].kl[-1])
        self.means_ = means + middle
        self._log_norm = law.normaliser(log_densities(xt, means, self.covariances_, self.covariance_type, _NAME))
        self.n_iter_ = len(self.history_.kl) - 1
        self.lower_bound_ = log_p - float(self.history_.kl[-1])
        if not self.converged_:
            warnings.warn(
                f"{_NAME}: stopped after `max_iter` = {self.max_iter} iterations, the last of which lowered KL by "
                f"{self.history_.kl[-2] - self.history_.kl[-1]:.3g} nats, above `tol` = {self.tol:g}.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def fit_predict(  # what scikit-learn calls for clusters
        self,
        X: ArrayLike,
        y: Any = None,  # noqa: ARG002
        sample_weight: ArrayLike | None = None,
    ) -> NDArray[np.int64]:
        """Fit, and return the likeliest component of each row.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Likeliest component of each row.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._joint(X).argmax(0)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probability of each component, ``P(y|x)``.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        ndarray of shape (n, n_components)
        """
        joint = self._joint(X)
        return np.exp(joint - np.logaddexp.reduce(joint, axis=0)).T

    def score_samples(self, X: ArrayLike) -> Floats:
        """Log density of the mixture at each row, in nats.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
        """
        return np.logaddexp.reduce(self._joint(X), axis=0)

    def score(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002
        """Mean log density, in nats a row.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.
        y : None
            Not used.
        sample_weight : array of shape (n,), optional
            Weights.

        Returns
        -------
        float
        """
        values = self.score_samples(X)
        return float(np.average(values, weights=sample_weights(sample_weight, len(values), f"{_NAME}.score")))

    def bic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Bayesian information criterion; lower is better.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.
        sample_weight : array of shape (n,), optional
            Counts: their sum is the number of cases.

        Returns
        -------
        float
        """
        score, n, free = self._penalised(X, sample_weight)
        return -2 * n * score + free * math.log(n)

    def aic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's information criterion; lower is better.

        Parameters
        ----------
        X, sample_weight
            As in `bic`.

        Returns
        -------
        float
        """
        score, n, free = self._penalised(X, sample_weight)
        return -2 * n * score + 2 * free

    def sample(self, n_samples: int = 1) -> tuple[Floats, NDArray[np.int64]]:
        """Draw from the mixture.

        Parameters
        ----------
        n_samples : int
            How many rows.

        Returns
        -------
        X : ndarray of shape (n_samples, d)
        labels : ndarray of shape (n_samples,)
            The component of each.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ParameterError(f"{_NAME}.sample: `n_samples` must be at least 1; got {n_samples!r}.")
        seed = self.random_state if not hasattr(self.random_state, "randint") else self.random_state.randint(2**31)
        rng = np.random.default_rng(seed)
        labels = rng.choice(len(self.weights_), size=n_samples, p=self.weights_ / self.weights_.sum())
        d = self.means_.shape[1]
        if self.covariance_type == "full":
            roots = np.linalg.cholesky(self.covariances_)
        else:
            spread = np.sqrt(self.covariances_ if self.covariance_type == "diag" else self.covariances_[:, None])
            roots = spread[:, :, None] * np.eye(d)
        drawn = np.einsum("nij,nj->ni", roots[labels], rng.standard_normal((n_samples, d)))
        return self.means_[labels] + drawn, labels

    def _start(self, xt: Floats, p: Floats, middle: Floats, centres: Any, rng: Any) -> Components:
        k, d = self.n_components, len(xt)
        shape = {"full": (k, d, d), "diag": (k, d), "spherical": (k,)}[self.covariance_type]
        given = {
            "weights_init": (self.weights_init, (k,)),
            "means_init": (self.means_init, (k, d)),
            "covariances_init": (self.covariances_init, shape),
        }
        found: dict[str, Floats] = {}
        for name, (value, expected) in given.items():
            if value is None:
                continue
            found[name] = real(value, f"{_NAME}.fit", name, ndim=len(expected))
            if found[name].shape != expected or not np.isfinite(found[name]).all():
                raise ShapeError(
                    f"{_NAME}.fit: `{name}` must be finite and of shape {expected}; got {found[name].shape}."
                )
        if "weights_init" in found and ((found["weights_init"] < 0).any() or found["weights_init"].sum() <= 0):
            raise InvalidDistributionError(f"{_NAME}.fit: `weights_init` must not be negative and not all 0.")
        if len(found) == len(given):
            ratios = found["weights_init"] / found["weights_init"].sum()
            return Components(ratios, found["means_init"] - middle, found["covariances_init"])
        k_means: Any = KMeans  # whose `init` and `n_init` are typed as the strings that are their defaults
        labels = k_means(k, init=centres, n_init=1, random_state=rng).fit(xt.T, sample_weight=p).labels_
        mass, means, covariances = moments(xt, np.eye(k)[labels].T * p, self.covariance_type, self.reg_covar)
        whole = moments(xt, p[None], self.covariance_type, self.reg_covar)[2]
        covariances = np.where(mass.reshape(-1, *[1] * (covariances.ndim - 1)) > 0, covariances, whole)
        means = np.where(mass[:, None] > 0, means, 0.0)
        ratios = found.get("weights_init", mass)
        if "means_init" in found:
            means = found["means_init"] - middle
        return Components(ratios / ratios.sum(), means, found.get("covariances_init", covariances))

    def _joint(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        x = validate(self, X, dtype=np.float64, reset=False)
        log_like = log_densities(
            np.ascontiguousarray(x.T), self.means_, self.covariances_, self.covariance_type, f"{_NAME}.predict"
        )
        with np.errstate(divide="ignore"):
            return log_like - self._log_norm + np.log(self.weights_)[:, None]

    def _penalised(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[float, float, int]:
        values = self.score_samples(X)
        w = sample_weights(sample_weight, len(values), f"{_NAME}.bic")
        free = n_parameters(self.n_components, self.means_.shape[1], self.covariance_type)
        return float(np.average(values, weights=w)), float(w.sum()), free

    def _check_settings(self) -> None:
        if self.covariance_type not in ("full", "diag", "spherical"):
            raise ParameterError(
                f"{_NAME}: `covariance_type` must be 'full', 'diag' or 'spherical'; got {self.covariance_type!r}."
            )
        for name in ("n_components", "n_inner", "max_iter", "n_init"):
            value = getattr(self, name)
            if not (isinstance(value, (int, np.integer)) and value >= 1):
                raise ParameterError(f"{_NAME}: `{name}` must be a whole number of at least 1; got {value!r}.")
        for name in ("tol", "reg_covar"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ParameterError(f"{_NAME}: `{name}` must not be negative; got {getattr(self, name)!r}.")
