"""Data made of codes: of those given, of those between and around data, and of those drawn from a law."""

import abc
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from cmim._codes import around, between
from cmim._inputs import as_data
from cmim._modes import evaluating
from cmim.model import Model
from cmim.sampling import CodeLaw, Sampler
from infocore.errors import ParameterError, ShapeError

__all__ = ["CHUNK", "Writer"]

CHUNK = 4096  # rows at a time


class Writer(abc.ABC):
    """What `Embedder` does with codes; it has no state of its own."""

    model_: Model
    code_law_: CodeLaw

    @abc.abstractmethod
    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return the codes of data."""

    @abc.abstractmethod
    def _data(self, X: ArrayLike, *, reset: bool) -> torch.Tensor:
        """Check rows of data."""

    def inverse_transform(self, Z: ArrayLike) -> NDArray[np.float32]:
        """Decode codes.

        Parameters
        ----------
        Z : array of shape (n, latent_dim)
            Codes.

        Returns
        -------
        array of shape (n, n_features)
            Expected data, float32.

        Raises
        ------
        ShapeError
            If `Z` does not have a column per latent dimension.
        """
        check_is_fitted(self, "model_")
        codes = as_data(Z, "Embedder.inverse_transform")
        if codes.ndim != 2 or codes.shape[1] != len(self.code_law_.mean):
            raise ShapeError(
                f"Embedder.inverse_transform: `Z` must have shape (n, {len(self.code_law_.mean)}); got "
                f"{tuple(codes.shape)}."
            )
        with evaluating(self.model_), torch.no_grad():
            return self.model_.expected(codes).float().numpy()

    def sample(
        self,
        n: int,
        sampler: Sampler = "gaussian",
        *,
        temperature: float = 1.0,
        rng: int | np.random.Generator = 0,
    ) -> NDArray[np.float32]:
        """Generate data from a law of the codes.

        Parameters
        ----------
        n : int
            How many.
        sampler : {"gaussian", "gmm", "prior"}
            A normal law or a mixture, fitted to the training codes, or the prior. The codes of MIM models end far
            inside the prior, and its samples decode to nothing seen.
        temperature : float
            Factor of the deviations.
        rng : int or numpy Generator
            Seed.

        Returns
        -------
        array of shape (n, n_features)
            Expected data at the sampled codes, float32.

        Raises
        ------
        ParameterError
            As `cmim.sampling.CodeLaw.sample`.
        """
        check_is_fitted(self, "model_")
        return self.inverse_transform(self.code_law_.sample(n, sampler, temperature=temperature, rng=rng))

    def interpolate(self, A: ArrayLike, B: ArrayLike, n: int = 8) -> NDArray[np.float32]:
        """Decode points on the line between the codes of pairs.

        Parameters
        ----------
        A, B : array of shape (m, n_features)
            Pairs, row by row.
        n : int
            Points, the two ends included, which are the reconstructions.

        Returns
        -------
        array of shape (m, n, n_features)
            Expected data, float32.

        Raises
        ------
        ShapeError
            If there are not as many rows in `A` as in `B`.
        ParameterError
            If `n` is below 2.
        """
        codes = between(self.transform(A), self.transform(B), n, "Embedder.interpolate")
        return self._decoded(codes)

    def perturb(
        self,
        X: ArrayLike,
        radius: float = 1.0,
        n: int = 8,
        *,
        mode: Literal["fixed", "posterior"] = "fixed",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[np.float32]:
        """Decode codes around those of some data.

        Parameters
        ----------
        X : array of shape (m, n_features)
            Seeds.
        radius : float
            Standard deviation of the noise: itself, or times that of the posterior.
        n : int
            Codes around each.
        mode : {"fixed", "posterior"}
            See `radius`.
        rng : int or numpy Generator
            Seed.

        Returns
        -------
        array of shape (m, n, n_features)
            Expected data, float32.

        Raises
        ------
        ParameterError
            If `radius` is negative, `n` not positive, or `mode` not one of its values or not one the model has.
        """
        if mode not in ("fixed", "posterior"):
            raise ParameterError(f"Embedder.perturb: `mode` must be 'fixed' or 'posterior'; got {mode!r}.")
        check_is_fitted(self, "model_")
        if mode == "posterior" and self.model_.config.objective == "ae":
            raise ParameterError("Embedder.perturb: the model is an 'ae', which has no posterior; use mode='fixed'.")
        data = self._data(X, reset=False)
        with evaluating(self.model_), torch.no_grad():
            mu, logvar = (t.double().numpy() for t in self.model_.encode(data))
        scale = np.exp(0.5 * logvar) if mode == "posterior" else 1.0
        return self._decoded(around(mu, radius, n, rng, "Embedder.perturb", scale))

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log-likelihood of each row at its own mean code, in nats; not a bound on that of the row.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.

        Returns
        -------
        array of shape (n,)
            Minus the reconstruction term.
        """
        check_is_fitted(self, "model_")
        data = self._data(X, reset=False)
        with evaluating(self.model_), torch.no_grad():
            parts = [
                -self.model_.law.nll(rows, self.model_.decode(self.model_.encode(rows)[0]))
                for rows in data.split(CHUNK)
            ]
        return torch.cat(parts).double().numpy()

    def score(self, X: ArrayLike, y: object = None) -> float:  # noqa: ARG002 - scikit-learn's y
        """Mean of `score_samples`.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.
        y : ignored
            Labels are not used.

        Returns
        -------
        float
            In nats a sample; larger is better.
        """
        return float(self.score_samples(X).mean())

    def _decoded(self, codes: NDArray[np.float64]) -> NDArray[np.float32]:
        """Decode codes of shape (m, n, latent_dim) to data of shape (m, n, n_features)."""
        m, n, d = codes.shape
        return self.inverse_transform(codes.reshape(-1, d)).reshape(m, n, -1)
