"""The law of the codes of some data, to draw new codes from."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from cmim._inputs import check_positive, check_whole
from infocore.errors import ParameterError, ShapeError

__all__ = ["CodeLaw", "Sampler"]

Sampler = Literal["gaussian", "gmm", "prior"]
Floats = NDArray[np.float64]

ROWS = 10_000
ROWS_A_COMPONENT = 50


@dataclasses.dataclass(frozen=True)
class CodeLaw:
    """A normal law and a mixture of normal laws, fitted to codes.

    The codes of MIM models end far inside the standard normal prior, and samples of the prior decode to nothing seen;
    so new codes are drawn from what the codes of the data look like.

    Parameters
    ----------
    mean, cov : array of shape (D,), (D, D)
        Of the normal law.
    weights, means, covs : array of shape (K,), (K, D), (K, D, D)
        Of the mixture.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(3.0, 0.1, (500, 2))
    >>> law = CodeLaw.fit(codes, components=2)
    >>> law.sample(1000, "gmm", rng=0).mean(0).round(1).tolist()
    [3.0, 3.0]
    """

    mean: Floats
    cov: Floats
    weights: Floats
    means: Floats
    covs: Floats

    @staticmethod
    def fit(codes: ArrayLike, components: int = 10, seed: int = 0) -> "CodeLaw":
        """Fit both laws.

        Parameters
        ----------
        codes : array of shape (n, D)
            Posterior means; of more than 10,000, the mixture sees a random 10,000.
        components : int
            K, but not more than one for 50 codes.
        seed : int
            Of the mixture's start and of the choice of rows.

        Returns
        -------
        CodeLaw
            In float64.

        Raises
        ------
        ShapeError
            If `codes` is not a matrix with rows.
        ParameterError
            If `components` is not positive.
        """
        z = np.asarray(codes, np.float64)
        if z.ndim != 2 or not len(z):
            raise ShapeError(f"CodeLaw.fit: `codes` must have shape (n, D); got {z.shape}.")
        if components < 1:
            raise ParameterError(f"CodeLaw.fit: `components` must be at least 1; got {components!r}.")
        mean, cov = z.mean(0), np.atleast_2d(np.cov(z, rowvar=False, bias=True))
        k = min(components, len(z) // ROWS_A_COMPONENT)
        if k < 2:
            return CodeLaw(mean, cov, np.ones(1), mean[None], cov[None])
        rows = np.random.default_rng(seed).permutation(len(z))[:ROWS]
        scale = z.std(0) + 1e-12
        mixture = GaussianMixture(k, reg_covar=1e-4, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 100 rounds will do to draw from
            mixture.fit((z[rows] - mean) / scale)
        means = mean + mixture.means_ * scale
        return CodeLaw(mean, cov, np.asarray(mixture.weights_), means, mixture.covariances_ * np.outer(scale, scale))

    def sample(
        self, n: int, sampler: Sampler = "gaussian", *, temperature: float = 1.0, rng: int | np.random.Generator = 0
    ) -> Floats:
        """Draw codes.

        Parameters
        ----------
        n : int
            How many.
        sampler : {"gaussian", "gmm", "prior"}
            The normal law, the mixture, or the standard normal prior.
        temperature : float
            Factor of the deviations: from the mean, from the mean of the component, or from zero.
        rng : int or numpy Generator
            Seed.

        Returns
        -------
        array of shape (n, D)
            Codes.

        Raises
        ------
        ParameterError
            If `n` is no positive whole number, `temperature` is not positive and finite, or `sampler` is not one of
            its values.
        """
        check_whole(n, 1, "sample", "n")
        check_positive(temperature, "sample", "temperature")
        if sampler not in get_args(Sampler):
            raise ParameterError(f"sample: `sampler` must be one of {', '.join(get_args(Sampler))}; got {sampler!r}.")
        generator = np.random.default_rng(rng)
        if sampler == "prior":
            return temperature * generator.standard_normal((n, len(self.mean)))
        if sampler == "gaussian":
            return self.mean + temperature * _normal(generator, self.cov, n)
        chosen = generator.choice(len(self.weights), n, p=self.weights)
        codes = self.means[chosen]
        for k in np.unique(chosen):
            rows = chosen == k
            codes[rows] += temperature * _normal(generator, self.covs[k], int(rows.sum()))
        return codes

    def tensors(self) -> dict[str, Tensor]:
        """Return the arrays, to be saved.

        Returns
        -------
        dict of str to Tensor
            By name.
        """
        return {name: torch.from_numpy(value.copy()) for name, value in vars(self).items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "CodeLaw":
        """Build it from what `tensors` returned.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            By name.

        Returns
        -------
        CodeLaw
            The same.
        """
        return CodeLaw(**{field.name: tensors[field.name].numpy() for field in dataclasses.fields(CodeLaw)})


def _normal(generator: np.random.Generator, cov: Floats, n: int) -> Floats:
    return generator.multivariate_normal(np.zeros(len(cov)), cov, n, method="eigh")
