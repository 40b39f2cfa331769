"""The models by name: functions that fill in a `cmim.model.ModelConfig`."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict, Unpack, get_args, get_type_hints

from cmim import losses
from cmim.config import Contrast, ModelConfig, Objective, Variance
from cmim.decoders import Decoder
from cmim.encoders import Encoder
from cmim.model import Model
from cmim.networks import MLP, Network
from cmim.views import Corruption, View
from infocore.errors import ParameterError

__all__ = [
    "AE", "CMIM", "DAE", "MIM", "VAE", "ContrastiveVAE", "InfoNCE", "NoisySettings", "Settings", "by_name", "taken",
]  # fmt: skip

Temperature = float | Literal["learned", "calibrated"]


class Settings(TypedDict, total=False):
    """What every auto-encoder takes, see `ModelConfig`; ``hidden=...`` is short for ``network=MLP(...)``."""

    hidden: tuple[int, ...]
    network: Network
    likelihood: losses.Likelihood
    sigma: float
    levels: int
    scaling: losses.Scaling
    views: View | None
    seed: int
    encoder: Encoder | None
    decoder: Decoder | None


class NoisySettings(Settings, total=False):
    """And what those take whose codes have noise."""

    variance: Variance
    logvar_floor: float
    logvar_ceiling: float
    soft_floor: bool
    ramp: int


def _build(
    objective: Objective, n_features: int, latent_dim: int, settings: Mapping[str, Any], *, plain: bool = False,
    **own: Any,
) -> Model:  # fmt: skip
    known = (Settings if plain else NoisySettings).__annotations__
    if unknown := sorted(set(settings) - set(known)):
        raise TypeError(f"{objective}: no such setting: {', '.join(unknown)}. There are {', '.join(known)}.")
    if "hidden" in settings and "network" in settings:
        raise TypeError(f"{objective}: `hidden` is short for `network=MLP(hidden)`; give one of the two.")
    fields = dict(settings)
    parts = {name: fields.pop(name) for name in ("seed", "encoder", "decoder") if name in fields}
    if "hidden" in fields:
        fields["network"] = MLP(fields.pop("hidden"))
    return Model(ModelConfig(objective, n_features, latent_dim, **fields, **own), **parts)


def AE(n_features: int, latent_dim: int = 16, **settings: Unpack[Settings]) -> Model:
    """Auto-encoder: reconstruction only, the code is the mean.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    **settings
        As in `Settings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> AE(64, hidden=(32,)).config.objective
    'ae'
    """
    return _build("ae", n_features, latent_dim, settings, plain=True)


def DAE(
    n_features: int, latent_dim: int = 16, *, mask: float = 0.3, noise: float = 0.0, **settings: Unpack[Settings]
) -> Model:
    """Denoising auto-encoder: the reconstruction of the data from a corrupted copy.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    mask, noise : float
        As in `cmim.views.Corruption`.
    **settings
        As in `Settings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> DAE(64, hidden=(32,)).config.corruption
    Corruption(mask=0.3, noise=0.0)
    """
    return _build("ae", n_features, latent_dim, settings, plain=True, corruption=Corruption(mask, noise))


def VAE(n_features: int, latent_dim: int = 16, *, beta: float = 1.0, **settings: Unpack[NoisySettings]) -> Model:
    """Variational auto-encoder.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    beta : float
        Weight of the divergence from the prior.
    **settings
        As in `Settings` and `NoisySettings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> VAE(64, beta=2.0, hidden=(32,)).config.beta
    2.0
    """
    return _build("vae", n_features, latent_dim, settings, beta=beta)


def MIM(
    n_features: int,
    latent_dim: int = 16,
    *,
    w_z: float = 1.0,
    symmetric: bool = False,
    **settings: Unpack[NoisySettings],
) -> Model:
    """Mutual Information Machine, in its asymmetric form (A-MIM) unless told otherwise.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    w_z : float
        Weight of the latent terms.
    symmetric : bool
        Whether to train on samples of the model too, see `cmim.symmetric`.
    **settings
        As in `Settings` and `NoisySettings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> MIM(64, hidden=(32,)).config.w_k
    0.0
    """
    return _build("mim", n_features, latent_dim, settings, w_z=w_z, symmetric=symmetric)


def CMIM(
    n_features: int,
    latent_dim: int = 16,
    *,
    temperature: Temperature = 0.1,
    gate: float = 0.2,
    w_x: float = 1.0,
    w_k: float = 1.0,
    w_z: float = 1.0,
    **settings: Unpack[NoisySettings],
) -> Model:
    """Contrastive Mutual Information Machine.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    temperature : float, "learned" or "calibrated"
        Of the contrastive factor, see `ModelConfig`.
    gate : float
        Wanted mean gate of a calibrated temperature.
    w_x, w_k, w_z : float
        Weights of reconstruction, contrastive factor and latent terms.
    **settings
        As in `Settings` and `NoisySettings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> CMIM(64, hidden=(32,), temperature=0.5).config.temperature
    0.5
    """
    return _build(
        "cmim", n_features, latent_dim, settings, temperature=temperature, gate=gate, w_x=w_x, w_k=w_k, w_z=w_z
    )


def ContrastiveVAE(
    n_features: int,
    latent_dim: int = 16,
    *,
    temperature: Temperature = 0.1,
    gate: float = 0.2,
    w_k: float = 1.0,
    beta: float = 1.0,
    **settings: Unpack[NoisySettings],
) -> Model:
    """VAE with cMIM's contrastive factor; not the conditional VAE.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    temperature : float, "learned" or "calibrated"
        Of the contrastive factor, see `ModelConfig`.
    gate : float
        Wanted mean gate of a calibrated temperature.
    w_k, beta : float
        Weights of the contrastive factor and of the divergence.
    **settings
        As in `Settings` and `NoisySettings`.

    Returns
    -------
    Model
        Untrained.

    Examples
    --------
    >>> ContrastiveVAE(64, hidden=(32,)).config.w_z
    0.0
    """
    return _build(
        "contrastive_vae", n_features, latent_dim, settings, temperature=temperature, gate=gate, w_k=w_k, beta=beta
    )


def InfoNCE(
    n_features: int,
    latent_dim: int = 16,
    *,
    views: View | None,
    contrast: Contrast = "infonce",
    temperature: Temperature = 0.1,
    gate: float = 0.2,
    hidden: tuple[int, ...] | None = None,
    network: Network | None = None,
    likelihood: Literal["tokens"] | None = None,
    levels: int = 256,
    seed: int = 0,
    encoder: Encoder | None = None,
) -> Model:
    """Encoder trained to tell which of two augmented views belong together; has no decoder.

    Parameters
    ----------
    n_features, latent_dim : int
        Features of a sample and length of a code.
    views : ShiftNoise, Affine or None
        Augmentation. None is InfoNCE without any: the positive is the code itself, and only the sum over negatives is
        left of it.
    contrast : {"infonce", "symmetric", "nt_xent"}
        One direction or both of the B x B cross-entropy, or SimCLR's over 2B codes.
    temperature : float, "learned" or "calibrated"
        Divides the cosines; see `ModelConfig`.
    gate : float
        Of a calibrated temperature.
    hidden : tuple of int, optional
        Short for ``network=MLP(hidden)``.
    network : MLP, Conv, Perceiver or TokenPerceiver, optional
        Of which the encoder is taken.
    likelihood : "tokens", optional
        Says that samples are rows of tokens, of a vocabulary of `levels`; a second view then comes with the batch.
    levels : int
        See `likelihood`.
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
    >>> InfoNCE(64, views=None, hidden=(32,)).decoder is None
    True
    """
    settings: dict[str, Any] = {"views": views, "seed": seed, "encoder": encoder}
    settings |= {} if hidden is None else {"hidden": hidden}
    settings |= {} if network is None else {"network": network}
    settings |= {} if likelihood is None else {"likelihood": likelihood, "levels": levels}
    own = {"contrast": contrast, "temperature": temperature, "gate": gate}
    return _build("infonce", n_features, latent_dim, settings, **own)


_BY_NAME: dict[str, Callable[..., Model]] = {
    "cmim": CMIM, "mim": MIM, "vae": VAE, "contrastive_vae": ContrastiveVAE, "ae": AE, "dae": DAE,
}  # fmt: skip


def taken(name: str) -> frozenset[str]:
    """Return the settings that a model has, read from the signature of its function.

    Parameters
    ----------
    name : {"cmim", "mim", "vae", "contrastive_vae", "ae", "dae"}
        An auto-encoder.

    Returns
    -------
    frozenset of str
        Its own, and those of `Settings` and `NoisySettings` that it takes.

    Examples
    --------
    >>> "beta" in taken("vae"), "beta" in taken("cmim"), "variance" in taken("ae")
    (True, False, False)
    """
    make = _BY_NAME[name]
    own = (p.name for p in inspect.signature(make).parameters.values() if p.kind is p.KEYWORD_ONLY)
    (shared,) = get_args(get_type_hints(make)["settings"])  # of Unpack[...]
    return frozenset(own) | shared.__optional_keys__


def by_name(
    name: str,
    n_features: int,
    latent_dim: int,
    *,
    temperature: Temperature,
    w_k: float,
    beta: float,
    caller: str,
    names: tuple[str, ...],
    **settings: Unpack[NoisySettings],
) -> Model:
    """Build an auto-encoder by its name, with those of the settings that it has.

    Parameters
    ----------
    name : str
        One of `names`, which are of "cmim", "mim", "vae", "contrastive_vae", "ae" and "dae".
    n_features, latent_dim : int
        Features of a sample and length of a code.
    temperature, w_k, beta
        Of the contrastive factor and of the divergence, where there is one.
    caller : str
        Who asks, for the message.
    names : tuple of str
        Which are offered.
    **settings
        As in `Settings` and `NoisySettings`.

    Returns
    -------
    Model
        Untrained.

    Raises
    ------
    ParameterError
        If `name` is none of them.

    Examples
    --------
    >>> by_name("vae", 64, 8, temperature=0.1, w_k=1.0, beta=2.0, caller="doc", names=("vae",)).config.beta
    2.0
    """
    if name not in names:
        raise ParameterError(f"{caller}: `model` must be one of {', '.join(names)}; got {name!r}.")
    given = {"temperature": temperature, "w_k": w_k, "beta": beta, **settings}
    return _BY_NAME[name](n_features, latent_dim, **{k: v for k, v in given.items() if k in taken(name)})
