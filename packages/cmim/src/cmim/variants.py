"""The models by name: functions that fill in a `cmim.model.ModelConfig`."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from cmim import losses
from cmim.decoders import Decoder
from cmim.encoders import Encoder
from cmim.model import Model, ModelConfig, Objective
from cmim.views import ShiftNoise

__all__ = ["AE", "CMIM", "MIM", "VAE", "ContrastiveVAE", "InfoNCE", "Network"]


class Network(TypedDict, total=False):
    """Settings that every auto-encoder takes; see `ModelConfig` and `Model`."""

    hidden: tuple[int, ...]
    likelihood: losses.Likelihood
    sigma: float
    scaling: losses.Scaling
    logvar_floor: float
    logvar_ceiling: float
    soft_floor: bool
    seed: int
    encoder: Encoder | None
    decoder: Decoder | None


def _build(
    objective: Objective, n_features: int, latent_dim: int, network: Mapping[str, Any], **own: Any
) -> Model:  # fmt: skip
    if unknown := sorted(set(network) - set(Network.__annotations__)):
        raise TypeError(
            f"{objective}: no such setting: {', '.join(unknown)}. There are {', '.join(Network.__annotations__)}."
        )
    fields = dict(network)
    parts = {name: fields.pop(name) for name in ("seed", "encoder", "decoder") if name in fields}
    fields["hidden"] = tuple(fields.get("hidden", ModelConfig.hidden))
    return Model(ModelConfig(objective, n_features, latent_dim, **fields, **own), **parts)


def AE(n_features: int, latent_dim: int = 16, **network: Unpack[Network]) -> Model:
    """Auto-encoder: reconstruction only, the code is the mean.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    **network
        As in `Network`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> AE(64, hidden=(32,)).config.objective
    'ae'
    """
    return _build("ae", n_features, latent_dim, network)


def VAE(n_features: int, latent_dim: int = 16, *, beta: float = 1.0, **network: Unpack[Network]) -> Model:
    """Variational auto-encoder.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    beta : float
        Weight of the divergence from the prior.
    **network
        As in `Network`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> VAE(64, beta=2.0, hidden=(32,)).config.beta
    2.0
    """
    return _build("vae", n_features, latent_dim, network, beta=beta)


def MIM(n_features: int, latent_dim: int = 16, *, w_z: float = 1.0, **network: Unpack[Network]) -> Model:
    """Mutual Information Machine in its asymmetric form (A-MIM).

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    w_z : float
        Weight of the latent terms.
    **network
        As in `Network`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> MIM(64, hidden=(32,)).config.w_k
    0.0
    """
    return _build("mim", n_features, latent_dim, network, w_z=w_z)


def CMIM(
    n_features: int,
    latent_dim: int = 16,
    *,
    temperature: float = 0.1,
    w_x: float = 1.0,
    w_k: float = 1.0,
    w_z: float = 1.0,
    **network: Unpack[Network],
) -> Model:
    """Contrastive Mutual Information Machine.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    temperature : float
        Of the contrastive factor.
    w_x, w_k, w_z : float
        Weights of reconstruction, contrastive factor and latent terms.
    **network
        As in `Network`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> CMIM(64, hidden=(32,), temperature=0.5).config.temperature
    0.5
    """
    return _build("cmim", n_features, latent_dim, network, temperature=temperature, w_x=w_x, w_k=w_k, w_z=w_z)


def ContrastiveVAE(
    n_features: int,
    latent_dim: int = 16,
    *,
    temperature: float = 0.1,
    w_k: float = 1.0,
    beta: float = 1.0,
    **network: Unpack[Network],
) -> Model:
    """VAE with cMIM's contrastive factor; not the conditional VAE.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    temperature : float
        Of the contrastive factor.
    w_k, beta : float
        Weights of the contrastive factor and of the divergence.
    **network
        As in `Network`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> ContrastiveVAE(64, hidden=(32,)).config.w_z
    0.0
    """
    return _build("contrastive_vae", n_features, latent_dim, network, temperature=temperature, w_k=w_k, beta=beta)


def InfoNCE(
    image_shape: tuple[int, int],
    latent_dim: int = 16,
    *,
    temperature: float = 0.1,
    max_shift: int = 1,
    noise: float = 0.1,
    hidden: tuple[int, ...] = (256, 256),
    seed: int = 0,
    encoder: Encoder | None = None,
) -> Model:
    """Encoder trained to tell which of two augmented views belong together; has no decoder.

    Parameters
    ----------
    image_shape : (int, int)
        Height and width of the images; the model reads them flat.
    latent_dim : int
        Length of a code.
    temperature : float
        Divides the cosines.
    max_shift, noise
        As in `cmim.views.ShiftNoise`.
    hidden : tuple of int
        Widths of the hidden layers.
    seed : int
        Of the starting weights.
    encoder : torch.nn.Module, optional
        Your own.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> InfoNCE((8, 8), hidden=(32,)).decoder is None
    True
    """
    views = ShiftNoise(*image_shape, max_shift=max_shift, noise=noise)
    size = views.height * views.width
    config = ModelConfig("infonce", size, latent_dim, tuple(hidden), temperature=temperature, views=views)
    return Model(config, seed=seed, encoder=encoder)
