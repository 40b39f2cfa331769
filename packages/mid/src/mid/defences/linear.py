r"""Linear regression that pays for the information it releases.

The release is :math:`\hat Y = w^\top X + b + \sigma\varepsilon`, the cost is the expected squared error plus `lam`
times an estimate of :math:`I(X; \hat Y)`, or of the part of it that concerns a sensitive attribute. All variants are
**derived** here from the MID objective ("MID-style"); the linear regulariser of the MID paper itself was not seen and
may differ.
"""

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from infocore.errors import ParameterError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.defences._columns import Columns, positions
from mid.defences._linear_fits import Entropy, closed_form, leakage, minimum, split, thin

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["MIDLinearRegression"]

Rng = int | np.random.Generator | None

_PAIRWISE_ROWS = 4_000  # above this many rows the pairwise bounds read that many quantiles instead
_SEARCH_ROWS = 2_000  # and the search with an estimate other than the Gaussian this many


class MIDLinearRegression(RegressorMixin, BaseEstimator):
    r"""Linear regression with a noisy release, MID-style (derived here).

    With the Gaussian estimate of the information there is a closed form. With :math:`v_0` the variance of the
    least-squares fit on the training rows, the optimum is that fit shrunk towards its mean by a factor s, plus noise:

    - ``variant="learned_sigma"`` (eqs 22, 23): :math:`s = 1 - \lambda / 2v_0`,
      :math:`\sigma^2 = \tfrac\lambda2 s`; then :math:`I = \tfrac12 \log(2v_0/\lambda)` if the fit is Gaussian, and the
      expected training error is the least-squares error plus :math:`\lambda/2`. From :math:`\lambda = 2v_0` on, the
      predictor is constant and releases nothing.
    - ``variant="fixed_sigma"`` (eq. 21): :math:`s = 1 / (1 + \lambda / 2(\sigma^2 + s^2 v_0))`, the root with the least
      cost; the optimum can jump as `lam` grows.
    - ``variant="attribute"`` (eq. 24) prices :math:`I(X_s; \hat Y \mid X_{ns})` only, what the release tells of the
      sensitive columns to who knows the others. Those columns are shrunk by the same formulas, with :math:`v_0` the
      variance of :math:`w_s^\top (X_s - L X_{ns})` and L their least-squares prediction from the other columns; the
      weights of the others are fitted again around them. From :math:`\lambda = 2v_0` on, the attribute is dropped.

    Parameters
    ----------
    lam : float
        Price of one nat, in units of squared target; 0 gives least squares without noise if sigma is learned.
    variant : {"learned_sigma", "fixed_sigma", "attribute"}
        Whether the noise is part of the optimum, or the price is on the sensitive attribute.
    sigma : float, optional
        Standard deviation of the release noise: needed for ``variant="fixed_sigma"``, learned if left out for
        ``variant="attribute"``.
    release_as : {"sample", "mean"}
        What `predict` answers: a fresh noisy draw for every row of every call, or the mean. Only the draw has the
        information stated in `information_`; "mean" is what an owner or a white-box attacker sees.
    random_state : int, numpy.random.Generator or None
        Seed of the noise. The stream starts at `fit` and moves on with every `predict`: noise that came back on each
        call would cancel in the difference of two answers.
    entropy : {"gaussian", "kl_upper", "taylor2", "exact"}
        Estimate of the information that is priced, a function of `mid.information`. "gaussian" has the closed form;
        the others are minimised by L-BFGS from there, and above 2 000 rows read that many, at the quantiles of the
        least-squares fit.
    sensitive_features : int, str, or sequence of either, optional
        Columns that together hold the sensitive attribute, for ``variant="attribute"`` only.

    Attributes
    ----------
    coef_ : array of shape (n_features_in_,)
        Coefficients.
    intercept_ : float
        Keeps the mean of the training targets.
    release_std_ : float
        Standard deviation of the noise.
    shrinkage_ : float
        The factor s; for another estimate than the Gaussian, the slope of the priced part on its least-squares fit.
    information_ : float
        ``I(X; Yhat)`` in nats of one sampled release, exact for the empirical law of the training rows (eq. 20);
        infinite without noise. Answers to q repeated queries carry up to q times as much.
    information_bounds_ : tuple of two floats
        Bhattacharyya lower bound and the smaller of the pairwise and Gaussian upper bounds (eqs 15 to 17), for the
        same law; above 4 000 rows for that many of its quantiles.
    attribute_information_ : float
        Only for ``variant="attribute"``: upper bound on ``I(X_s; Yhat | X_ns)`` in nats, the exact information of the
        noisy :math:`w_s^\top (X_s - L X_{ns})`.
    n_features_in_ : int
        Number of columns of `X`.

    Notes
    -----
    Uniform shrinkage alone is undone by anyone who rescales the answers: the protection is in the noise, and the noise
    of repeated queries averages out.

    The price of ``variant="attribute"`` is an upper bound. Write :math:`r = w_s^\top (X_s - L X_{ns})`. Given
    :math:`X_{ns}`, the release is a constant plus :math:`r + \sigma\varepsilon`, and conditioning lowers entropy, so

    .. math::

        I(X_s; \hat Y \mid X_{ns}) = h(r + \sigma\varepsilon \mid X_{ns}) - h(\sigma\varepsilon)
        \le I(r; r + \sigma\varepsilon) \le \tfrac12 \log(1 + \mathrm{Var}(r) / \sigma^2).

    It is tight where the prediction is linear and its residual Gaussian and homoscedastic, and loose at small noise if
    :math:`X_s` is discrete, because the residual then also tells :math:`X_{ns}`. The residuals stand in for the
    conditional law, so no strata are needed. Least squares splits into r and a part orthogonal to it, hence the closed
    form.

    The empirical law of n rows holds at most ``log n`` nats (fewer if values repeat), so with another estimate than the
    Gaussian a low `lam` can make it cheapest to pay for all of them: the noise then ends at its lower limit, 1e-4 of
    the standard deviation of the least-squares fit.

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
        variant: Literal["learned_sigma", "fixed_sigma", "attribute"] = "learned_sigma",
        sigma: float | None = None,
        release_as: Literal["sample", "mean"] = "sample",
        random_state: Any = 0,
        entropy: Entropy = "gaussian",
        sensitive_features: Columns | None = None,
    ) -> None:
        self.lam = lam
        self.variant = variant
        self.sigma = sigma
        self.release_as = release_as
        self.random_state = random_state
        self.entropy: Entropy = entropy
        self.sensitive_features = sensitive_features

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "MIDLinearRegression":
        """Fit by least squares, then shrink and set the noise.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.
        y : array of shape (n,)
            Targets.
        sample_weight : array of shape (n,), optional
            How often each record counts.

        Returns
        -------
        MIDLinearRegression
            Itself.

        Raises
        ------
        ParameterError
            If `lam` is negative or not finite, another setting is not one of its values, `sigma` or
            `sensitive_features` does not fit the variant, or a weight is negative or all are 0.

        Warns
        -----
        ConvergenceWarning
            If the search with another estimate than the Gaussian stopped early.
        """
        self._check_settings()
        x, target = _validate(self, X, y, dtype=np.float64, y_numeric=True)
        weight: Any = _check_sample_weight(sample_weight, x, dtype=np.float64)
        if (weight < 0).any() or not weight.any():
            raise ParameterError(
                "MIDLinearRegression.fit: `sample_weight` must hold numbers of at least 0, not all of them 0."
            )
        x, target, p = x[weight > 0], target[weight > 0], weight[weight > 0] / weight.sum()
        priced = None
        if self.sensitive_features is not None:
            names = getattr(self, "feature_names_in_", None)
            priced = positions(self.sensitive_features, x.shape[1], names, "MIDLinearRegression")
        center, mean = p @ x, float(p @ target)
        parts = split(x - center, target - mean, p, priced)
        v0 = float(parts.target @ parts.target)
        given = None if self.sigma is None else self.sigma**2
        if self.entropy == "gaussian" or self.lam == 0:
            s, variance = closed_form(v0, self.lam, given)
            a = s * parts.target
        else:
            rows = thin(parts.basis @ parts.target, p, _SEARCH_ROWS)
            a, variance = minimum(parts, p, self.lam, given, self.entropy, rows)
            s = float(a @ parts.target) / v0 if v0 > 0 else 0.0
        self.shrinkage_ = s
        self.coef_ = a @ parts.to_columns + parts.rest
        self.intercept_ = mean - float(center @ self.coef_)
        self.release_std_ = math.sqrt(variance)
        fitted = (x - center) @ self.coef_
        self.information_, self.information_bounds_ = leakage(fitted, self.release_std_, p, _PAIRWISE_ROWS)
        if priced is not None:
            self.attribute_information_ = leakage(parts.basis @ a, self.release_std_, p, _PAIRWISE_ROWS)[0]
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
            The mean, plus fresh noise if ``release_as="sample"``.
        """
        return self.release(X, access="sampled" if self.release_as == "sample" else "mean")

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "values",
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[np.float64]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"values"}
            What is released.
        queries : int
            How often each record is asked; the answers are averaged. Their mean is drawn at once, with the noise
            divided by the root of `queries`.
        access : {"sampled", "mean"}
            Noisy answers, or (white box) the answer without noise.
        rng : int, numpy.random.Generator or None
            Seed of the noise; None goes on with the stream of `predict`.

        Returns
        -------
        array of shape (n,)
            The mean of the answers.

        Raises
        ------
        ParameterError
            If `output` or `access` is not one of its values, or `queries` is less than 1.
        """
        check_is_fitted(self)
        caller = "MIDLinearRegression.release"
        check_release(caller, output, queries, access)
        if output != "values":
            raise ParameterError(f'{caller}: `output` must be "values" for a regressor; got {output!r}.')
        mean = self.release_mean(X)[:, 0]
        if access == "mean":
            return mean
        noise = self._noise if rng is None else np.random.default_rng(rng)
        return mean + self.release_std_ / math.sqrt(queries) * noise.standard_normal(len(mean))

    def release_mean(self, X: ArrayLike) -> NDArray[np.float64]:
        """Release without its noise: a sampled answer is this plus `release_std_` times standard normal noise.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, 1)
            The linear predictor.
        """
        check_is_fitted(self)
        x = _validate(self, X, dtype=np.float64, reset=False)
        return (x @ self.coef_ + self.intercept_)[:, None]

    def _check_settings(self) -> None:
        if not (self.lam >= 0 and math.isfinite(self.lam)):
            raise ParameterError(f"MIDLinearRegression: `lam` must be finite and not negative; got {self.lam!r}.")
        for name, value, allowed in (
            ("variant", self.variant, ("learned_sigma", "fixed_sigma", "attribute")),
            ("release_as", self.release_as, ("sample", "mean")),
            ("entropy", self.entropy, get_args(Entropy)),
        ):
            if value not in allowed:
                raise ParameterError(f"MIDLinearRegression: `{name}` must be one of {allowed}; got {value!r}.")
        if self.variant == "learned_sigma" and self.sigma is not None:
            raise ParameterError(
                f"MIDLinearRegression: `sigma` is learned with variant='learned_sigma'; got {self.sigma!r}. Leave it "
                "out, or use variant='fixed_sigma'."
            )
        if (self.sigma is not None or self.variant == "fixed_sigma") and not (
            self.sigma is not None and 0 < self.sigma < math.inf
        ):
            raise ParameterError(
                f"MIDLinearRegression: `sigma` must be positive and finite with variant={self.variant!r}; "
                f"got {self.sigma!r}."
            )
        if (self.variant == "attribute") != (self.sensitive_features is not None):
            raise ParameterError(
                "MIDLinearRegression: `sensitive_features` belongs to variant='attribute' and to no other; got "
                f"{self.sensitive_features!r} with variant={self.variant!r}."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.release_as == "sample"
        return tags
