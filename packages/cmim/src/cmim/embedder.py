"""The models of this package in scikit-learn's words."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from cmim import losses, variants
from cmim._inputs import as_data
from cmim.embeddings import evaluating, informative, latent
from cmim.likelihoods import law
from cmim.model import Model, rebuild
from infocore.errors import CheckpointError, ParameterError, ShapeError
from infocore.torch import checkpoint

__all__ = ["Embedder"]

Kind = Literal["latent", "informative"]


class Embedder(TransformerMixin, BaseEstimator):
    """Learn codes for rows of data; a scikit-learn transformer.

    Parameters
    ----------
    model : {"cmim", "mim", "vae", "contrastive_vae", "ae"}
        What to train.
    latent_dim : int
        Length of a code.
    hidden : tuple of int
        Widths of the hidden layers.
    likelihood : {"bernoulli", "gaussian"}
        "bernoulli" for values in [0, 1], such as grey images; "gaussian" for others, which should be standardised.
    temperature : float
        Of the contrastive factor, where there is one.
    beta : float
        Weight of the divergence, where there is one.
    scaling : {"sum", "mean", "kermt"}
        See `cmim.losses.weighted_loss`.
    logvar_floor : float
        Floor of the log-variance of the codes.
    max_steps : int
        Steps of training.
    batch_size : int
        Rows a step; all of them if there are fewer.
    learning_rate : float
        Of Adam.
    seed : int
        Of starting weights, batches and noise.
    progress : bool
        Whether to draw a progress bar, on stderr.
    accelerator : str
        Lightning's: "auto", "cpu", "gpu" ...

    Attributes
    ----------
    model_ : cmim.Model
        The trained model.
    history_ : tuple of dict
        Terms of the loss during training.
    code_mean_, code_cov_ : array of shape (D,), (D, D)
        Normal law fitted to the training codes.
    n_features_in_ : int
        Features seen by `fit`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> x = load_digits().data[:200] / 16
    >>> embedder = Embedder(latent_dim=4, hidden=(32,), max_steps=20).fit(x)
    >>> embedder.transform(x).shape, embedder.transform(x, kind="informative").shape
    ((200, 4), (200, 32))
    """

    def __init__(
        self,
        model: Literal["cmim", "mim", "vae", "contrastive_vae", "ae"] = "cmim",
        *,
        latent_dim: int = 16,
        hidden: tuple[int, ...] = (256, 256),
        likelihood: losses.Likelihood = "bernoulli",
        temperature: float = 0.1,
        beta: float = 1.0,
        scaling: losses.Scaling = "sum",
        logvar_floor: float = -6.0,
        max_steps: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        seed: int = 0,
        progress: bool = False,
        accelerator: str = "auto",
    ) -> None:
        self.model = model
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.likelihood: losses.Likelihood = likelihood
        self.temperature = temperature
        self.beta = beta
        self.scaling: losses.Scaling = scaling
        self.logvar_floor = logvar_floor
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.progress = progress
        self.accelerator = accelerator

    def fit(self, X: ArrayLike, y: object = None) -> "Embedder":  # noqa: ARG002 - scikit-learn's signature
        """Train the model and fit a normal law to the codes.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.
        y : ignored
            Labels are not used.

        Returns
        -------
        Embedder
            Itself.

        Raises
        ------
        ParameterError
            If a setting is out of range, or X is not in [0, 1] for the Bernoulli likelihood.
        ValueError
            If X is not a finite numeric matrix.
        TrainingError
            If the loss is not finite.
        """
        from cmim.lightning import fit  # Lightning takes seconds to load

        data = self._data(X, reset=True)
        result = fit(
            (model := self._model(data.shape[1])),
            data,
            max_steps=self.max_steps,
            batch_size=self.batch_size,
            seed=self.seed,
            learning_rate=self.learning_rate,
            progress=self.progress,
            accelerator=self.accelerator,
        )
        self.model_ = model
        self.history_ = result.history
        codes = latent(model, data).double().numpy()
        self.code_mean_ = codes.mean(0)
        self.code_cov_ = np.atleast_2d(np.cov(codes, rowvar=False, bias=True))
        return self

    def transform(self, X: ArrayLike, kind: Kind = "latent") -> NDArray[np.float32]:
        """Embed rows of data.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.
        kind : {"latent", "informative"}
            The code, or the decoder's activations at the code.

        Returns
        -------
        array of shape (n, latent_dim) or (n, hidden[0])
            float32.

        Raises
        ------
        ParameterError
            If `kind` is not one of its values, or X is not in [0, 1] for the Bernoulli likelihood.
        sklearn.exceptions.NotFittedError
            If `fit` was not called; likewise below.
        """
        check_is_fitted(self, "model_")
        if kind not in ("latent", "informative"):
            raise ParameterError(f"Embedder.transform: `kind` must be 'latent' or 'informative'; got {kind!r}.")
        data = self._data(X, reset=False)
        return (latent if kind == "latent" else informative)(self.model_, data).numpy()

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
        if codes.ndim != 2 or codes.shape[1] != len(self.code_mean_):
            raise ShapeError(
                f"Embedder.inverse_transform: `Z` must have shape (n, {len(self.code_mean_)}); got "
                f"{tuple(codes.shape)}."
            )
        with evaluating(self.model_), torch.no_grad():
            return self.model_.expected(codes).float().numpy()

    def sample(self, n: int, rng: int | np.random.Generator = 0) -> NDArray[np.float32]:
        """Generate data from the normal law fitted to the training codes.

        Not from the prior: the codes of MIM models end far inside it, and its samples decode to nothing seen.

        Parameters
        ----------
        n : int
            How many.
        rng : int or numpy Generator
            Seed.

        Returns
        -------
        array of shape (n, n_features)
            Expected data at the sampled codes, float32.

        Raises
        ------
        ParameterError
            If `n` is not positive.
        """
        check_is_fitted(self, "model_")
        if n < 1:
            raise ParameterError(f"Embedder.sample: `n` must be at least 1; got {n!r}.")
        normal = np.random.default_rng(rng).multivariate_normal
        return self.inverse_transform(normal(self.code_mean_, self.code_cov_, n, method="eigh"))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write settings, weights and the law of the codes as a new folder.

        Parameters
        ----------
        path : path
            Must not exist yet.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        CheckpointError
            If the folder exists or cannot be written.
        """
        check_is_fitted(self, "model_")
        weights = {f"model.{name}": tensor for name, tensor in self.model_.state_dict().items()}
        law = {"code_mean": torch.from_numpy(self.code_mean_), "code_cov": torch.from_numpy(self.code_cov_)}
        meta = {"kind": "cmim.Embedder", "params": self.get_params(), "history": self.history_, **self.model_.facts()}
        return checkpoint.save(path, weights={**weights, **law}, meta=meta)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Embedder":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            The folder.

        Returns
        -------
        Embedder
            Fitted.

        Raises
        ------
        CheckpointError
            If anything is missing, damaged, or of another kind.
        """
        found = checkpoint.load(path)
        if found.meta.get("kind") != "cmim.Embedder":
            raise CheckpointError(f"Embedder.load: {path} holds {found.meta.get('kind')!r}, not a cmim.Embedder.")
        try:
            params: Mapping[str, Any] = found.meta["params"]
            embedder = cls(**{**params, "hidden": tuple(params["hidden"])})
            embedder.code_mean_, embedder.code_cov_ = (
                found.weights[name].numpy() for name in ("code_mean", "code_cov")
            )
            embedder.history_ = tuple(found.meta["history"])
        except (KeyError, TypeError) as e:
            raise CheckpointError(f"Embedder.load: {path} is not of this version ({e}).") from e
        weights = {name.removeprefix("model."): t for name, t in found.weights.items() if name.startswith("model.")}
        embedder.model_ = rebuild(found.meta, weights, path)
        vars(embedder)["n_features_in_"] = embedder.model_.config.n_features
        return embedder

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None  # it is a transformer
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _model(self, n_features: int) -> Model:
        network: variants.Settings = {
            "hidden": self.hidden,
            "likelihood": self.likelihood,
            "scaling": self.scaling,
            "logvar_floor": self.logvar_floor,
            "seed": self.seed,
        }
        size, tau, beta = (n_features, self.latent_dim), self.temperature, self.beta
        match self.model:
            case "cmim":
                return variants.CMIM(*size, temperature=tau, **network)
            case "mim":
                return variants.MIM(*size, **network)
            case "vae":
                return variants.VAE(*size, beta=beta, **network)
            case "contrastive_vae":
                return variants.ContrastiveVAE(*size, temperature=tau, beta=beta, **network)
            case "ae":
                return variants.AE(*size, **network)
            case _:
                raise ParameterError(
                    f"Embedder: `model` must be 'cmim', 'mim', 'vae', 'contrastive_vae' or 'ae'; got {self.model!r}."
                )

    def _data(self, X: ArrayLike, *, reset: bool) -> torch.Tensor:
        data: Any = X
        checked = validate_data(self, data, reset=reset, dtype=np.float32, ensure_all_finite=True)
        return as_data(checked, "Embedder", law(self.likelihood))
