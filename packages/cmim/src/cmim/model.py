"""One model class, of which AE, VAE, MIM, cMIM, contrastive VAE and InfoNCE are values, and its checkpoints."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cmim import losses
from cmim._version import __version__
from cmim.decoders import Decoder, MLPDecoder
from cmim.encoders import Encoder, MLPEncoder
from cmim.views import ShiftNoise
from infocore.errors import CheckpointError, ParameterError
from infocore.torch import checkpoint

__all__ = ["Model", "ModelConfig", "Objective", "load", "rebuild"]

Objective = Literal["ae", "vae", "mim", "cmim", "contrastive_vae", "infonce"]


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Everything that tells one model from another; the named constructors of `cmim.variants` fill it in.

    Parameters
    ----------
    objective : {"ae", "vae", "mim", "cmim", "contrastive_vae", "infonce"}
        Its name. "ae" takes the mean as its code, "infonce" trains an encoder on two views; the others differ only in
        their weights.
    n_features : int
        Features of a sample (of a flattened image).
    latent_dim : int
        Length of a code.
    hidden : tuple of int
        Widths of the hidden layers, the decoder's in reverse order.
    likelihood : {"bernoulli", "gaussian"}
        Law of x given z.
    sigma : float
        Scale of the Gaussian one.
    scaling : {"sum", "mean", "kermt"}
        See `cmim.losses.weighted_loss`.
    w_x, w_k, w_z, beta : float
        Weights of the terms.
    temperature : float
        Of the contrastive factor or of InfoNCE.
    logvar_floor, logvar_ceiling : float
        Range of the log-variance.
    soft_floor : bool
        See `cmim.losses.floor_logvar`.
    views : ShiftNoise, optional
        Augmentation; needed by "infonce" and used by nothing else.

    Raises
    ------
    ParameterError
        If a setting is out of range.
    """

    objective: Objective
    n_features: int
    latent_dim: int = 16
    hidden: tuple[int, ...] = (256, 256)
    likelihood: losses.Likelihood = "bernoulli"
    sigma: float = 1.0
    scaling: losses.Scaling = "sum"
    w_x: float = 1.0
    w_k: float = 0.0
    w_z: float = 0.0
    beta: float = 0.0
    temperature: float = 0.1
    logvar_floor: float = -6.0
    logvar_ceiling: float = 2.0
    soft_floor: bool = False
    views: ShiftNoise | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("objective", get_args(Objective)),
            ("likelihood", get_args(losses.Likelihood)),
            ("scaling", get_args(losses.Scaling)),
        ):
            if getattr(self, name) not in allowed:
                raise ParameterError(
                    f"ModelConfig: `{name}` must be one of {', '.join(allowed)}; got {getattr(self, name)!r}."
                )
        for name, value in (
            ("n_features", self.n_features),
            ("latent_dim", self.latent_dim),
            *(("hidden", width) for width in self.hidden),
        ):
            if not value >= 1:
                raise ParameterError(f"ModelConfig: `{name}` must be at least 1; got {value!r}.")
        for name in ("sigma", "temperature"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"ModelConfig: `{name}` must be positive; got {getattr(self, name)!r}.")
        for name in ("w_x", "w_k", "w_z", "beta"):
            if not getattr(self, name) >= 0:
                raise ParameterError(f"ModelConfig: `{name}` must not be negative; got {getattr(self, name)!r}.")
        if not self.logvar_floor < self.logvar_ceiling:
            raise ParameterError(
                f"ModelConfig: `logvar_floor` must be below `logvar_ceiling`; got {self.logvar_floor!r} and "
                f"{self.logvar_ceiling!r}."
            )
        if (self.objective == "infonce") != (self.views is not None):
            raise ParameterError("ModelConfig: `views` belongs to objective='infonce', and to no other.")
        if self.views is not None and self.views.height * self.views.width != self.n_features:
            raise ParameterError(
                f"ModelConfig: `views` is for images of {self.views.height} x {self.views.width}, which are not "
                f"{self.n_features} features."
            )

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> "ModelConfig":
        """Build a configuration from what `dataclasses.asdict` and JSON made of it.

        Parameters
        ----------
        fields : mapping
            Field names and values.

        Returns
        -------
        ModelConfig
            Checked like any other.
        """
        views = fields["views"]
        return ModelConfig(
            **{**fields, "hidden": tuple(fields["hidden"]), "views": None if views is None else ShiftNoise(**views)}
        )


class Model(nn.Module):
    """An encoder, a decoder (except for InfoNCE), and the objective that trains them.

    Parameters
    ----------
    config : ModelConfig
        What it is.
    seed : int
        Of the starting weights.
    encoder : Encoder and torch.nn.Module, optional
        Your own, in place of the fully connected one.
    decoder : Decoder and torch.nn.Module, optional
        Your own, in place of the fully connected one.

    Raises
    ------
    ParameterError
        If `encoder` or `decoder` is not a `torch.nn.Module`, or InfoNCE is given a decoder.

    Examples
    --------
    >>> from cmim import CMIM
    >>> model = CMIM(n_features=64, latent_dim=8, hidden=(32,))
    >>> mu, logvar = model.encode(torch.zeros(5, 64))
    >>> mu.shape, model.decode(mu).shape
    (torch.Size([5, 8]), torch.Size([5, 64]))
    """

    def __init__(
        self, config: ModelConfig, *, seed: int = 0, encoder: Encoder | None = None, decoder: Decoder | None = None
    ) -> None:
        super().__init__()
        for name, part in (("encoder", encoder), ("decoder", decoder)):
            if part is not None and not isinstance(part, nn.Module):
                raise ParameterError(f"Model: `{name}` must be a torch.nn.Module; got {type(part).__name__}.")
        if decoder is not None and config.objective == "infonce":
            raise ParameterError("Model: InfoNCE trains an encoder only; leave `decoder` out.")
        self.config = config
        widths, size = config.hidden, config.n_features
        generator = torch.Generator().manual_seed(seed)
        self.encoder = encoder or MLPEncoder(size, config.latent_dim, widths, generator)
        if config.objective == "infonce":
            self.decoder = None
        else:
            self.decoder = decoder or MLPDecoder(config.latent_dim, size, widths[::-1], generator)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and floored log-variance of the codes.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            Mean and log-variance, at least float32.
        """
        mu, raw = self.encoder(x)
        c = self.config
        return mu, losses.floor_logvar(raw, c.logvar_floor, c.logvar_ceiling, soft=c.soft_floor)

    def decode(self, z: Tensor) -> Tensor:
        """Return the parameters of the law of x given z.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, ...)
            Logits or means.

        Raises
        ------
        ParameterError
            If the model has no decoder.
        """
        decoder = self.require_decoder("decode")
        return decoder.output(decoder.hidden(z))

    def expected(self, z: Tensor) -> Tensor:
        """Return the mean of x given z.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.

        Returns
        -------
        tensor of shape (B, ...)
            In [0, 1] for the Bernoulli likelihood.

        Raises
        ------
        ParameterError
            If the model has no decoder.
        """
        params = self.decode(z)
        return torch.sigmoid(params) if self.config.likelihood == "bernoulli" else params

    def require_decoder(self, caller: str) -> Decoder:
        """Return the decoder, or say that there is none.

        Parameters
        ----------
        caller : str
            Who asks, for the message.

        Returns
        -------
        Decoder
            The decoder.

        Raises
        ------
        ParameterError
            If the model is an InfoNCE encoder.
        """
        if self.decoder is None:
            raise ParameterError(f"{caller}: an InfoNCE model has an encoder only. Use one of the auto-encoders.")
        return self.decoder

    def objective(self, x: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the loss of a batch, its terms, and what to watch.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            A batch.
        generator : torch.Generator
            Source of posterior noise or of views, on the CPU; the same seed gives the same noise on every device.

        Returns
        -------
        dict
            ``"loss"`` (scalar), terms of shape (B,), and the scalars of `cmim.losses.diagnostics`.
        """
        c = self.config
        if c.views is not None:
            a, b = (self.encode(c.views(x, generator)) for _ in range(2))
            terms = losses.infonce_loss(a[0], b[0], c.temperature)
            return terms | losses.diagnostics(*a, a[0], temperature=c.temperature, floor=c.logvar_floor)
        mu, logvar = self.encode(x)
        eps = torch.zeros_like(logvar)
        if c.objective != "ae":
            eps = torch.randn(mu.shape, generator=generator).to(logvar)
        z = losses.reparameterise(mu, logvar, eps)
        terms = losses.weighted_loss(
            x, self.decode(z), mu, logvar, eps, w_x=c.w_x, w_k=c.w_k, w_z=c.w_z, beta=c.beta,
            temperature=c.temperature, likelihood=c.likelihood, sigma=c.sigma, scaling=c.scaling,
        )  # fmt: skip
        return terms | losses.diagnostics(mu, logvar, z, temperature=c.temperature, floor=c.logvar_floor)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the model as a new folder of weights and facts.

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
        return checkpoint.save(path, weights=self.state_dict(), meta={"kind": "cmim.Model", **self.facts()})

    def facts(self) -> dict[str, Any]:
        """Return what, beside the weights, makes this model again.

        Returns
        -------
        dict
            Version, configuration, and the class names of encoder and decoder.
        """
        parts = {name: type(getattr(self, name)).__qualname__ for name in ("encoder", "decoder")}
        return {"cmim": __version__, "config": dataclasses.asdict(self.config), **parts}


def load(
    path: str | os.PathLike[str], *, encoder: Encoder | None = None, decoder: Decoder | None = None
) -> Model:  # fmt: skip
    """Read a model that `Model.save` wrote.

    Parameters
    ----------
    path : path
        The folder.
    encoder, decoder : torch.nn.Module, optional
        Freshly built modules of the same shape, if the model was made with your own.

    Returns
    -------
    Model
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If anything is missing, damaged, of another kind or format, or made with other modules.
    """
    found = checkpoint.load(path)
    if found.meta.get("kind") != "cmim.Model":
        raise CheckpointError(f"cmim.load: {path} holds {found.meta.get('kind')!r}, not a cmim.Model.")
    return rebuild(found.meta, found.weights, path, encoder=encoder, decoder=decoder)


def rebuild(
    facts: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    *,
    encoder: Encoder | None = None,
    decoder: Decoder | None = None,
) -> Model:
    """Make a model of its facts and weights.

    Parameters
    ----------
    facts : mapping
        As `Model.facts` returned them.
    weights : mapping of str to Tensor
        Its state.
    path : path
        Where they were read, for messages.
    encoder, decoder : torch.nn.Module, optional
        As in `load`.

    Returns
    -------
    Model
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If they do not fit together.
    """
    try:
        model = Model(ModelConfig.from_dict(facts["config"]), encoder=encoder, decoder=decoder)
    except (KeyError, TypeError, ParameterError) as e:
        raise CheckpointError(f"cmim.load: the configuration in {path} is not one of this version ({e}).") from e
    for name in ("encoder", "decoder"):
        got = type(getattr(model, name)).__qualname__
        if facts.get(name) != got:
            raise CheckpointError(
                f"cmim.load: {path} was saved with {name} {facts.get(name)}, not {got}. Pass `{name}=`."
            )
    try:
        model.load_state_dict(dict(weights))
    except RuntimeError as e:
        raise CheckpointError(f"cmim.load: the weights in {path} do not fit the model: {e}") from e
    return model.eval()
