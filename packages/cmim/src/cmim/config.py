"""Everything that tells one model from another, checked when it is made."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

from cmim.likelihoods import Likelihood, law
from cmim.losses import Scaling
from cmim.networks import MLP, Network, TokenPerceiver, network_from_dict
from cmim.views import Affine, Corruption, ShiftNoise, View, view_from_dict
from infocore.errors import ParameterError

__all__ = ["Contrast", "ModelConfig", "Objective", "Variance"]

Objective = Literal["ae", "vae", "mim", "cmim", "contrastive_vae", "infonce"]
Variance = Literal["learned", "sampled", "fixed"]
Contrast = Literal["infonce", "symmetric", "nt_xent"]


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Everything that tells one model from another; the named constructors of `cmim.variants` fill it in.

    Parameters
    ----------
    objective : {"ae", "vae", "mim", "cmim", "contrastive_vae", "infonce"}
        Its name. "ae" takes the mean as its code, "infonce" trains an encoder on two views; the others differ only in
        their weights.
    n_features : int
        Features of a sample (of a flattened image); most tokens of a row, its end included.
    latent_dim : int
        Length of a code.
    network : MLP, Conv, Perceiver or TokenPerceiver
        The encoder and decoder that come with the package.
    likelihood : {"bernoulli", "gaussian", "logistic", "categorical", "tokens"}
        Law of x given z, see `cmim.likelihoods`. "tokens" goes with the network `TokenPerceiver`.
    sigma : float
        Scale of the Gaussian one.
    levels : int
        Values of a feature, for the discretised logistic and the categorical one; size of a vocabulary.
    scaling : {"sum", "mean", "kermt"}
        See `cmim.losses.weighted_loss`.
    w_x, w_k, w_z, beta : float
        Weights of the terms.
    temperature : float, "learned" or "calibrated"
        Of the contrastive factor or of InfoNCE. "learned": a parameter, from 0.1 on, kept in [0.01, 100]; that of the
        contrastive factor can only fall. "calibrated": set during training so that the mean gate (of the mean form, for
        InfoNCE too) is `gate`.
    gate : float
        Wanted mean gate of a calibrated temperature, in (0, 1/2).
    variance : {"learned", "sampled", "fixed"}
        "learned": of each code and dimension. "sampled": log-variance uniform between its floor and 0, one a sample and
        step, and the floor in use, as MolMIM does. "fixed": the floor.
    logvar_floor, logvar_ceiling : float
        Range of the log-variance.
    soft_floor : bool
        See `cmim.losses.floor_logvar`.
    ramp : int
        Steps over which `w_z` and `beta` grow from 0 to their values; 0 for none.
    symmetric : bool
        Symmetric MIM: samples of the model are trained on too, once the ramp is over. For objective "mim".
    contrast : {"infonce", "symmetric", "nt_xent"}
        Form of objective "infonce".
    views : ShiftNoise or Affine, optional
        Augmentation. "infonce" compares two views, or the codes with themselves if there is none; the others train on
        one view.
    corruption : Corruption, optional
        What the encoder sees instead of the data it is to reconstruct.

    Raises
    ------
    ParameterError
        If a setting is out of range, or two do not go together.
    """

    objective: Objective
    n_features: int
    latent_dim: int = 16
    network: Network = dataclasses.field(default_factory=MLP)
    likelihood: Likelihood = "bernoulli"
    sigma: float = 1.0
    levels: int = 256
    scaling: Scaling = "sum"
    w_x: float = 1.0
    w_k: float = 0.0
    w_z: float = 0.0
    beta: float = 0.0
    temperature: float | Literal["learned", "calibrated"] = 0.1
    gate: float = 0.2
    variance: Variance = "learned"
    logvar_floor: float = -6.0
    logvar_ceiling: float = 2.0
    soft_floor: bool = False
    ramp: int = 0
    symmetric: bool = False
    contrast: Contrast = "infonce"
    views: View | None = None
    corruption: Corruption | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("objective", get_args(Objective)),
            ("likelihood", get_args(Likelihood)),
            ("scaling", get_args(Scaling)),
            ("variance", get_args(Variance)),
            ("contrast", get_args(Contrast)),
        ):
            _require(getattr(self, name) in allowed, name, f"one of {', '.join(allowed)}", getattr(self, name))
        _require(isinstance(self.network, Network), "network", "MLP, Conv, Perceiver or TokenPerceiver", self.network)
        for name in ("n_features", "latent_dim"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        law(self.likelihood, sigma=self.sigma, levels=self.levels)
        if isinstance(self.temperature, str):
            known = self.temperature in ("learned", "calibrated")
            _require(known, "temperature", "a positive number, 'learned' or 'calibrated'", self.temperature)
        else:
            _require(self.temperature > 0, "temperature", "positive", self.temperature)
        _require(0 < self.gate < 0.5, "gate", "in (0, 1/2)", self.gate)
        for name in ("w_x", "w_k", "w_z", "beta", "ramp"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        low, high = self.logvar_floor, self.logvar_ceiling
        _require(low < high, "logvar_floor", "below `logvar_ceiling`", f"{low!r} and {high!r}")
        _require(not (self.symmetric and self.objective != "mim"), "symmetric", "left out but for MIM", True)
        drawn = self.symmetric and self.variance != "learned"
        _require(
            not drawn, "variance", "learned for symmetric MIM, whose codes of the prior it must fit", self.variance
        )
        self._check_views()
        tokens = self.likelihood == "tokens"
        if tokens != isinstance(self.network, TokenPerceiver):
            _require(False, "network", f"one for likelihood={self.likelihood!r}", self.network)
        odd = [name for name in ("symmetric", "views", "corruption") if tokens and getattr(self, name)]
        _require(not odd, " and ".join(odd), "left out with likelihood='tokens'", [getattr(self, n) for n in odd])

    def _check_views(self) -> None:
        if self.views is not None and self.views.n_features != self.n_features:
            _require(False, "views", f"for {self.n_features} features", f"{self.views}, for {self.views.n_features}")
        noisy = isinstance(self.views, ShiftNoise) and self.views.noise > 0
        if noisy and self.objective != "infonce" and self.likelihood != "gaussian":
            _require(False, "views", f"free of noise with likelihood={self.likelihood!r}", self.views)
        exact = self.likelihood in ("logistic", "categorical")
        blurred = isinstance(self.views, Affine) and exact
        _require(not blurred, "views", f"ShiftNoise without noise with likelihood={self.likelihood!r}", self.views)
        rough = self.corruption is not None and self.corruption.noise > 0 and self.likelihood == "categorical"
        _require(not rough, "corruption", "free of noise with likelihood='categorical'", self.corruption)
        needs_views = self.objective == "infonce" and self.contrast == "nt_xent" and self.likelihood != "tokens"
        _require(not (needs_views and self.views is None), "views", "given for contrast='nt_xent'", None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON and TOML.

        Returns
        -------
        dict
            All fields; network and views with their ``kind``.
        """
        fields = dataclasses.asdict(self)
        fields["network"]["kind"] = self.network.kind
        if self.views is not None:
            fields["views"]["kind"] = self.views.kind
        return fields

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> "ModelConfig":
        """Build a configuration from what `to_dict` and JSON made of it.

        Parameters
        ----------
        fields : mapping
            Field names and values.

        Returns
        -------
        ModelConfig
            Checked like any other.
        """
        parts: dict[str, Any] = {"network": network_from_dict(fields["network"])}
        parts["views"] = None if fields["views"] is None else view_from_dict(fields["views"])
        parts["corruption"] = None if fields["corruption"] is None else Corruption(**fields["corruption"])
        return ModelConfig(**{**fields, **parts})


def _require(right: bool, name: str, expected: str, got: object) -> None:
    if not right:
        raise ParameterError(f"ModelConfig: `{name}` must be {expected}; got {got!r}.")
