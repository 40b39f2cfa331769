"""The models of this package in scikit-learn's words."""

import os
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from cmim import _saved, losses, variants
from cmim._frames import Named
from cmim._inputs import as_data
from cmim._writing import CHUNK, Writer
from cmim.config import Variance
from cmim.embeddings import informative, latent
from cmim.likelihoods import law
from cmim.model import Model
from cmim.networks import MLP, Network
from cmim.sampling import CodeLaw
from cmim.views import View
from infocore.errors import ParameterError

__all__ = ["Embedder"]

Kind = Literal["latent", "informative"]
Name = Literal["cmim", "mim", "vae", "contrastive_vae", "ae", "dae"]


class Embedder(Writer, Named, TransformerMixin, BaseEstimator):
    """Learn codes for rows of data; a scikit-learn transformer.

    Parameters
    ----------
    model : {"cmim", "mim", "vae", "contrastive_vae", "ae", "dae"}
        What to train.
    latent_dim : int
        Length of a code.
    hidden : tuple of int
        Widths of the hidden layers.
    network : Conv, Perceiver or MLP, optional
        Another network than the fully connected one of `hidden`.
    likelihood : {"bernoulli", "gaussian", "logistic", "categorical"}
        "bernoulli" for values in [0, 1], such as grey images; "gaussian" for others, which should be standardised;
        "logistic" for grey values and "categorical" for whole numbers, with `levels` values each.
    levels : int
        See `likelihood`.
    temperature : float, "calibrated" or "learned"
        Of the contrastive factor, see `ModelConfig`.
    w_k : float
        Weight of the contrastive factor, where there is one.
    beta : float
        Weight of the divergence, where there is one.
    variance : {"learned", "sampled", "fixed"}
        Of the codes, see `ModelConfig`.
    views : ShiftNoise or Affine, optional
        Augmentation to train on.
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
    validation_fraction : float
        Share of the rows to hold back and to stop early by; 0 for none.
    patience : int
        Validations, of which there is one every 200 steps, without a new best before the fit stops.
    components : int
        Of the mixture that is fitted to the codes, for `sample`.
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
    notes_ : tuple of str
        What the end of the training shows, with advice.
    n_iter_ : int
        Steps of training.
    code_law_ : cmim.sampling.CodeLaw
        Laws fitted to the training codes.
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
        model: Name = "cmim",
        *,
        latent_dim: int = 16,
        hidden: tuple[int, ...] = (256, 256),
        network: Network | None = None,
        likelihood: losses.Likelihood = "bernoulli",
        levels: int = 256,
        temperature: variants.Temperature = 0.1,
        w_k: float = 1.0,
        beta: float = 1.0,
        variance: Variance = "learned",
        views: View | None = None,
        scaling: losses.Scaling = "sum",
        logvar_floor: float = -6.0,
        max_steps: int = 2000,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        validation_fraction: float = 0.0,
        patience: int = 10,
        components: int = 10,
        seed: int = 0,
        progress: bool = False,
        accelerator: str = "auto",
    ) -> None:
        self.model = model
        self.latent_dim = latent_dim
        self.hidden = hidden
        self.network = network
        self.likelihood: losses.Likelihood = likelihood
        self.levels = levels
        self.temperature: variants.Temperature = temperature
        self.w_k = w_k
        self.beta = beta
        self.variance: Variance = variance
        self.views = views
        self.scaling: losses.Scaling = scaling
        self.logvar_floor = logvar_floor
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.components = components
        self.seed = seed
        self.progress = progress
        self.accelerator = accelerator

    def fit(self, X: ArrayLike, y: object = None, **training: Any) -> "Embedder":  # noqa: ARG002 - scikit-learn's y
        """Train the model and fit laws to the codes.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.
        y : ignored
            Labels are not used.
        **training
            More arguments of `cmim.fit`, such as ``logger``, ``checkpoint_dir``, ``resume``, ``precision``.

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
        if not 0 <= self.validation_fraction < 1:
            raise ParameterError(
                f"Embedder: `validation_fraction` must be in [0, 1); got {self.validation_fraction!r}."
            )  # fmt: skip
        held = round(self.validation_fraction * len(data))
        order = torch.from_numpy(np.random.default_rng((self.seed, 2)).permutation(len(data)))
        result = fit(
            (model := self._model(data.shape[1])),
            data[order[held:].sort().values] if held else data,
            max_steps=self.max_steps,
            batch_size=self.batch_size,
            seed=int(self.seed),
            learning_rate=self.learning_rate,
            validation=data[order[:held]] if held else None,
            patience=self.patience,
            progress=self.progress,
            accelerator=self.accelerator,
            **training,
        )
        self.model_ = model
        self.history_, self.notes_, self.n_iter_ = result.history, result.notes, result.steps
        self.code_law_ = CodeLaw.fit(latent(model, data).double().numpy(), self.components, self.seed)
        return self

    def check(self, X: ArrayLike) -> None:
        """Build the model and look at the data, and train nothing.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data.

        Raises
        ------
        ParameterError, ValueError
            As `fit` would, of settings and data.
        """
        data: Any = X
        self._model(int(np.shape(data)[1]))
        as_data(data, "Embedder", law(self.likelihood, levels=self.levels))

    def transform(self, X: ArrayLike, kind: Kind = "latent") -> NDArray[np.float32]:
        """Embed rows of data.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Rows of data. They are looked at, converted and embedded 4096 at a time, so that a memory-mapped array is
            never read whole.
        kind : {"latent", "informative"}
            The code, or the decoder's activations at the code.

        Returns
        -------
        array of shape (n, latent_dim) or (n, width of the decoder)
            float32.

        Raises
        ------
        ParameterError
            If `kind` is not one of its values, or not "latent" where `set_output` asks for a table, or X is not in
            [0, 1] for the Bernoulli likelihood.
        sklearn.exceptions.NotFittedError
            If `fit` was not called; likewise below.
        """
        check_is_fitted(self, "model_")
        if kind not in ("latent", "informative"):
            raise ParameterError(f"Embedder.transform: `kind` must be 'latent' or 'informative'; got {kind!r}.")
        self._check_frame(kind, "Embedder.transform")
        read = latent if kind == "latent" else informative
        rows: Any = X
        if not isinstance(rows, np.ndarray) or len(rows) <= CHUNK:
            return read(self.model_, self._data(rows, reset=False)).numpy()
        parts = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
        return np.concatenate([read(self.model_, self._data(part, reset=False)).numpy() for part in parts])

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
        return _saved.save(self, path)

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
        embedder = _saved.load(cls, path)
        vars(embedder)["n_features_in_"] = embedder.model_.config.n_features
        return embedder

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None  # it is a transformer
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _model(self, n_features: int) -> Model:
        network: variants.NoisySettings = {
            "network": self.network or MLP(self.hidden),
            "likelihood": self.likelihood,
            "levels": self.levels,
            "variance": self.variance,
            "views": self.views,
            "scaling": self.scaling,
            "logvar_floor": self.logvar_floor,
            "seed": int(self.seed),
        }
        return variants.by_name(
            self.model, n_features, self.latent_dim, temperature=self.temperature, w_k=self.w_k, beta=self.beta,
            caller="Embedder", names=get_args(Name), **network,
        )  # fmt: skip

    def _data(self, X: ArrayLike, *, reset: bool) -> torch.Tensor:
        data: Any = X
        checked = validate_data(self, data, reset=reset, dtype=np.float32, ensure_all_finite=True)
        return as_data(checked, "Embedder", law(self.likelihood, levels=self.levels))
