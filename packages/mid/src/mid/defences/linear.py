r"""Linear regression that pays for the information it releases.

The release is :math:`\hat Y = w^\top X + b + \sigma\varepsilon`, the cost is the expected squared error plus `lam`
times the Gaussian estimate of :math:`I(X; \hat Y)`. Both variants have closed forms, **derived** here from the MID
objective ("MID-style"); the linear regulariser of the MID paper itself was not seen and may differ.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from infocore.errors import ParameterError
from mid import information

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["MIDLinearRegression"]

_PAIRWISE_ROWS = 4_000  # above this many rows the pairwise bounds read that many quantiles instead


class MIDLinearRegression(RegressorMixin, BaseEstimator):
    r"""Linear regression with a noisy release, MID-style (derived closed form).

    With :math:`v_0` the variance of the least-squares fit on the training rows, the optimum is that fit shrunk towards
    its mean by a factor s, plus Gaussian noise:

    - ``variant="learned_sigma"`` (eqs 22, 23): :math:`s = 1 - \lambda / 2v_0`,
      :math:`\sigma^2 = \tfrac\lambda2 s`; then :math:`I = \tfrac12 \log(2v_0/\lambda)` if the fit is Gaussian, and the
      expected training error is the least-squares error plus :math:`\lambda/2`. From :math:`\lambda = 2v_0` on, the
      predictor is constant and releases nothing.
    - ``variant="fixed_sigma"`` (eq. 21): :math:`s = 1 / (1 + \lambda / 2(\sigma^2 + s^2 v_0))`, the root with the least
      cost; the optimum can jump as `lam` grows.

    Parameters
    ----------
    lam : float
        Price of one nat, in units of squared target; 0 gives least squares without noise if sigma is learned.
    variant : {"learned_sigma", "fixed_sigma"}
        Whether the noise is part of the optimum.
    sigma : float, optional
        Standard deviation of the release noise, for ``variant="fixed_sigma"`` only.
    release : {"sample", "mean"}
        What `predict` returns: a fresh noisy draw for every row of every call, or the mean. Only the draw has the
        information stated in `information_`; "mean" is what an owner or a white-box attacker sees.
    random_state : int, numpy.random.Generator or None
        Seed of the noise. The stream starts at `fit` and moves on with every `predict`: noise that came back on each
        call would cancel in the difference of two answers.

    Attributes
    ----------
    coef_ : array of shape (n_features_in_,)
        Shrunk coefficients.
    intercept_ : float
        Keeps the mean of the training targets.
    release_std_ : float
        Standard deviation of the noise.
    shrinkage_ : float
        The factor s.
    information_ : float
        ``I(X; Yhat)`` in nats of one sampled release, exact for the empirical law of the training rows (eq. 20);
        infinite without noise. Answers to q repeated queries carry up to q times as much.
    information_bounds_ : tuple of two floats
        Bhattacharyya lower bound and the smaller of the pairwise and Gaussian upper bounds (eqs 15 to 17), for the
        same law; above 4 000 rows for that many of its quantiles.
    n_features_in_ : int
        Number of columns of `X`.

    Notes
    -----
    Uniform shrinkage alone is undone by anyone who rescales the answers: the protection is in the noise, and the noise
    of repeated queries averages out.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((4000, 1))
    >>> y = 2.0 * x[:, 0] + 1.0
    >>> model = MIDLinearRegression(lam=0.8).fit(x, y)  # v0 is near 4, so s is near 0.9 and sigma^2 near 0.36
    >>> model.coef_.round(2), round(model.release_std_, 2), round(model.information_, 2)
    (array([1.8]), 0.6, 1.15)
    """

    def __init__(
        self,
        lam: float,
        variant: Literal["learned_sigma", "fixed_sigma"] = "learned_sigma",
        sigma: float | None = None,
        release: Literal["sample", "mean"] = "sample",
        random_state: Any = 0,
    ) -> None:
        self.lam = lam
        self.variant = variant
        self.sigma = sigma
        self.release = release
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> "MIDLinearRegression":
        """Fit by least squares, then shrink and set the noise in closed form.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.
        y : array of shape (n,)
            Targets.

        Returns
        -------
        MIDLinearRegression
            Itself.

        Raises
        ------
        ParameterError
            If `lam` is negative or not finite, `variant` or `release` is not one of its values, or `sigma` does not
            fit the variant.
        """
        self._check_settings()
        x, target = _validate(self, X, y, dtype=np.float64, y_numeric=True)
        center, mean = x.mean(0), float(target.mean())
        ols = np.linalg.lstsq(x - center, target - mean, rcond=None)[0]
        fitted = (x - center) @ ols
        v0 = float(np.var(fitted))
        s, variance = self._optimum(v0)
        self.shrinkage_ = s
        self.coef_ = s * ols
        self.intercept_ = mean - float(center @ self.coef_)
        self.release_std_ = math.sqrt(variance)
        self.information_, self.information_bounds_ = _information(s * fitted, self.release_std_)
        self._noise = np.random.default_rng(self.random_state)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Release a prediction for each row.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            The mean, plus fresh noise if ``release="sample"``.
        """
        check_is_fitted(self)
        mean = _validate(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_
        if self.release == "mean":
            return mean
        return mean + self.release_std_ * self._noise.standard_normal(len(mean))

    def _check_settings(self) -> None:
        if not (self.lam >= 0 and math.isfinite(self.lam)):
            raise ParameterError(f"MIDLinearRegression: `lam` must be finite and not negative; got {self.lam!r}.")
        for name, value, allowed in (
            ("variant", self.variant, ("learned_sigma", "fixed_sigma")),
            ("release", self.release, ("sample", "mean")),
        ):
            if value not in allowed:
                raise ParameterError(f"MIDLinearRegression: `{name}` must be one of {allowed}; got {value!r}.")
        if self.variant == "learned_sigma" and self.sigma is not None:
            raise ParameterError(
                f"MIDLinearRegression: `sigma` is learned with variant='learned_sigma'; got {self.sigma!r}. Leave it "
                "out, or use variant='fixed_sigma'."
            )
        if self.variant == "fixed_sigma" and not (self.sigma is not None and 0 < self.sigma < math.inf):
            raise ParameterError(
                f"MIDLinearRegression: `sigma` must be positive with variant='fixed_sigma'; got {self.sigma!r}."
            )

    def _optimum(self, v0: float) -> tuple[float, float]:
        """Shrinkage and noise variance that minimise error plus `lam` times information."""
        if self.variant == "fixed_sigma":
            assert self.sigma is not None
            return _best_shrinkage(v0, self.lam, self.sigma**2), self.sigma**2
        if self.lam >= 2.0 * v0:
            return 0.0, 0.0
        s = 1.0 - self.lam / (2.0 * v0)
        return s, 0.5 * self.lam * s

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.release == "sample"
        return tags


def _best_shrinkage(v0: float, lam: float, variance: float) -> float:
    """Solve eq. 21, a cubic in s: of its roots in (0, 1], the one with the least cost."""
    cubic = [2.0 * v0, -2.0 * v0, 2.0 * variance + lam, -2.0 * variance]
    roots = np.roots(cubic)
    real = roots.real[np.abs(roots.imag) < 1e-6]
    candidates = np.clip(real[(real > -1e-9) & (real < 1 + 1e-9)], 0.0, 1.0)
    cost = (1.0 - candidates) ** 2 * v0 + 0.5 * lam * np.log1p(candidates**2 * v0 / variance)
    return float(candidates[np.argmin(cost)])


def _information(mu: NDArray[np.float64], sigma: float) -> tuple[float, tuple[float, float]]:
    if not np.ptp(mu) > 0:
        return 0.0, (0.0, 0.0)
    if sigma == 0.0:
        return math.inf, (math.inf, math.inf)
    thin = mu
    if len(mu) > _PAIRWISE_ROWS:
        thin = np.sort(mu)[np.linspace(0, len(mu) - 1, _PAIRWISE_ROWS).round().astype(int)]
    upper = min(information.kl_upper(thin, sigma), information.gaussian(mu, sigma))
    return information.exact(mu, sigma), (information.bhattacharyya_lower(thin, sigma), upper)
