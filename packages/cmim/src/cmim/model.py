"""One model class, of which AE, VAE, MIM, cMIM, contrastive VAE and InfoNCE are values."""

import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from cmim import losses
from cmim._modes import evaluating
from cmim._version import __version__
from cmim.config import ModelConfig, Objective
from cmim.decoders import Decoder
from cmim.distributed import gathered_others
from cmim.encoders import Encoder
from cmim.likelihoods import Law, Tokens, law
from cmim.sequences import TokenDecoder
from cmim.symbols import PAD
from cmim.symmetric import prior_branch
from cmim.terms import precise
from infocore.errors import ParameterError
from infocore.torch import checkpoint

__all__ = ["Model", "ModelConfig", "Objective"]


class Model(nn.Module):
    """An encoder, a decoder (except for InfoNCE), and the objective that trains them.

    Parameters
    ----------
    config : ModelConfig
        What it is.
    seed : int
        Of the starting weights.
    encoder : Encoder and torch.nn.Module, optional
        Your own, in place of the one `config.network` describes.
    decoder : Decoder and torch.nn.Module, optional
        Your own, likewise.

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
        self.law: Law = law(config.likelihood, sigma=config.sigma, levels=config.levels)
        self.one_hot = encoder is None and config.likelihood == "categorical"
        n_inputs = config.n_features * (config.levels if self.one_hot else 1)
        if encoder is None or (decoder is None and config.objective != "infonce"):
            generator = torch.Generator().manual_seed(seed)
            made = config.network.build(
                n_inputs, config.latent_dim, config.n_features, self.law.n_params, generator
            )  # fmt: skip
            encoder, own = encoder or made[0], decoder or made[1]
        else:
            own = decoder
        self.encoder = encoder
        self.decoder = None if config.objective == "infonce" else own
        if config.temperature == "learned":
            self.log_temperature = nn.Parameter(torch.tensor(math.log(0.1)))
        elif config.temperature == "calibrated":
            self.register_buffer("log_temperature", torch.tensor(math.log(0.5)))

    @property
    def reads(self) -> Law | None:
        """The law that data must be possible under; None for InfoNCE, which has none."""
        return None if self.config.objective == "infonce" else self.law

    @property
    def temperature(self) -> float | Tensor:
        """The temperature in use: a number, or a scalar tensor if it is learned."""
        tau = self.config.temperature
        if not isinstance(tau, str):
            return tau
        if tau == "learned":
            return self.log_temperature.clamp(math.log(0.01), math.log(100.0)).exp()
        return math.exp(float(self.log_temperature))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and floored log-variance of the codes.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.

        Returns
        -------
        tuple of two tensors of shape (B, D)
            Mean and log-variance, at least float32. The log-variance is its floor unless it is learned.
        """
        c = self.config
        if self.one_hot:
            x = functional.one_hot(x.flatten(1).long(), c.levels).transpose(1, 2).flatten(1).float()
        mu, raw = self.encoder(x)
        mu = precise(mu)
        if c.variance != "learned":
            return mu, torch.full_like(mu, c.logvar_floor)
        return mu, losses.floor_logvar(raw, c.logvar_floor, c.logvar_ceiling, soft=c.soft_floor)

    def decode(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Return the parameters of the law of x given z.

        Parameters
        ----------
        z : tensor of shape (B, D)
            Codes.
        x : tensor of shape (B, T), optional
            Rows of tokens, which their own decoder reads: each token is predicted from those before it.

        Returns
        -------
        tensor of shape (B, ...)
            As the law in `cmim.likelihoods` describes them: logits, means, ...

        Raises
        ------
        ParameterError
            If the model has no decoder, or one of tokens and there is no `x`.
        """
        return self.require_decoder("decode").output(self.hidden(z, x))

    def hidden(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Return the decoder's activations before its last map.

        Parameters
        ----------
        z, x
            As in `decode`.

        Returns
        -------
        tensor of shape (B, H) or (B, T, H)
            T positions, or tokens.

        Raises
        ------
        ParameterError
            As `decode`.
        """
        decoder = self.require_decoder("decode")
        if not isinstance(decoder, TokenDecoder):
            return decoder.hidden(z)
        if x is None:
            raise ParameterError("Model.decode: with likelihood='tokens' `x` is needed, whose tokens are predicted.")
        return decoder.hidden(z, x)

    def trim(self, x: Tensor) -> Tensor:
        """Leave out columns that hold padding only.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.

        Returns
        -------
        tensor of shape (B, ...)
            Rows of tokens up to the longest; other data as they are.
        """
        if not isinstance(self.law, Tokens):
            return x
        used = (x != PAD).any(0).nonzero()
        return x[:, : int(used[-1]) + 1] if len(used) else x[:, :1]

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
        return self.law.mean(self.decode(z))

    def require_decoder(self, caller: str) -> Decoder | TokenDecoder:
        """Return the decoder, or say that there is none.

        Parameters
        ----------
        caller : str
            Who asks, for the message.

        Returns
        -------
        Decoder or TokenDecoder
            The decoder.

        Raises
        ------
        ParameterError
            If the model is an InfoNCE encoder.
        """
        if self.decoder is None:
            raise ParameterError(f"{caller}: an InfoNCE model has an encoder only. Use one of the auto-encoders.")
        return self.decoder

    @torch.no_grad()
    def calibrate(self, x: Tensor, generator: torch.Generator) -> float:
        """Set a calibrated temperature from the codes of some data.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data, some hundred rows.
        generator : torch.Generator
            Source of posterior noise, on the CPU.

        Returns
        -------
        float
            The temperature.

        Raises
        ------
        ParameterError
            If the temperature of this model is not calibrated.
        """
        if self.config.temperature != "calibrated":
            raise ParameterError(
                f"Model.calibrate: `temperature` is {self.config.temperature!r}, not 'calibrated'; it is not changed."
            )
        with evaluating(self):
            _, mu, logvar, eps = self._posterior(x, generator, slice(None), None, len(x))
        tau = losses.calibrated_temperature(losses.reparameterise(mu, logvar, eps), self.config.gate)
        self.log_temperature.fill_(math.log(tau))
        return tau

    def objective(
        self,
        x: Tensor,
        generator: torch.Generator,
        *,
        step: int | None = None,
        watch: bool = True,
        shard: tuple[int, int] = (0, 1),
        gather: bool = False,
        groups: Tensor | None = None,
        tile: int | None = None,
        seen: Tensor | None = None,
        size: int | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss of a batch, its terms, and what to watch.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            A batch, whole also where several processes share it.
        generator : torch.Generator
            Source of posterior noise and of views, on the CPU; the same seed gives the same noise on every device.
        step : int, optional
            Of the training, for the ramp; without it the ramp is over.
        watch : bool
            Whether to compute what enters no loss.
        shard : (int, int)
            Which process of how many this is: it takes its part of the batch, after the noise of the whole is drawn.
        gather : bool
            Whether the codes of other processes are negatives too.
        groups : integer tensor of shape (B,), optional
            Rows of one number are identical inputs, and no negatives of each other.
        tile : int, optional
            As in `cmim.losses.contrastive_log_prob`.
        seen : tensor of shape (B, ...), optional
            What the encoder sees in place of x, such as another writing of the same molecule; for InfoNCE the second
            view.
        size : int, optional
            Rows of the whole batch, if `x` (and `seen`, and `groups`) are those of this process only. Groups are then
            not told apart between processes, and with `gather` not at all.

        Returns
        -------
        dict
            ``"loss"`` (scalar), terms of shape (B,), and, if watched, the scalars of `cmim.losses.diagnostics`, the
            temperature, and ``shuffled``: the reconstruction term with the codes of other samples.
        """
        if self.config.objective == "infonce":
            return self._compare_views(x, generator, watch, shard, gather, groups, seen, size)
        c = self.config
        whole, mine = size or len(x), _part(size or len(x), shard)
        target, mu, logvar, eps = self._posterior(x, generator, mine, seen, whole)
        target = self.trim(target)
        z = losses.reparameterise(mu, logvar, eps)
        params = self.decode(z, target)
        grown = 1.0 if step is None or not c.ramp else min(1.0, (step + 1) / c.ramp)
        tau = self.temperature
        terms = losses.weighted_loss(
            target, params, mu, logvar, eps, w_x=c.w_x, w_k=c.w_k, w_z=grown * c.w_z, beta=grown * c.beta,
            temperature=tau, likelihood=self.law, scaling=c.scaling, tile=tile,
            others=gathered_others(z) if gather and c.w_k else None,
            groups=_own_first(groups, shard, gather) if size is None else None if gather else groups,
        )  # fmt: skip
        if c.symmetric and grown == 1.0:
            surrogate, terms["generated"] = prior_branch(self, whole, self.law, generator, mine)
            terms["loss"] = 0.5 * (terms["loss"] + surrogate)
        if watch:
            terms |= self._watched(mu, logvar, z, tau)
            with torch.no_grad():
                others = self.law.nll(target, self.decode(z.roll(1, 0), target)).mean()
            terms["shuffled"] = others if len(z) > 1 else torch.full_like(others, math.nan)
        return terms

    def _posterior(
        self, x: Tensor, generator: torch.Generator, mine: slice, seen: Tensor | None, whole: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what is to be reconstructed, mean and log-variance, and noise: of the rows of this process.

        Views and noise are drawn for the whole batch, so that they do not depend on how it is cut.
        """
        c = self.config
        target = x if c.views is None else c.views(x, generator)
        if seen is None:
            seen = target if c.corruption is None else c.corruption(target, generator)
        here = slice(None) if len(x) < whole else mine
        noisy = c.objective not in ("ae", "infonce")
        eps = torch.zeros(whole, c.latent_dim)
        if noisy:
            eps = torch.randn(eps.shape, generator=generator)
        mu, logvar = self.encode(self.trim(seen[here]))
        if noisy and c.variance == "sampled":
            spread = torch.rand(whole, 1, generator=generator)[mine].to(logvar)
            logvar = (c.logvar_floor * (1 - spread)).expand_as(mu)
        return target[here], mu, logvar, eps[mine].to(logvar)

    def _compare_views(
        self,
        x: Tensor,
        generator: torch.Generator,
        watch: bool,
        shard: tuple[int, int],
        gather: bool,
        groups: Tensor | None,
        seen: Tensor | None,
        size: int | None,
    ) -> dict[str, Tensor]:
        c = self.config
        if gather:
            raise ParameterError("Model.objective: `gather` is for the contrastive factor of auto-encoders.")
        mine = slice(None) if size else _part(len(x), shard)
        if seen is not None:
            a, b = (self.encode(self.trim(view[mine])) for view in (x, seen))
        elif c.views is None:
            a = b = self.encode(self.trim(x[mine]))
        else:
            a, b = (self.encode(c.views(x, generator)[mine]) for _ in range(2))
        tau, same = self.temperature, None if groups is None else groups[mine]
        if c.contrast == "nt_xent":
            terms = losses.nt_xent_loss(a[0], b[0], tau, groups=same)
        else:
            terms = losses.infonce_loss(a[0], b[0], tau, symmetric=c.contrast == "symmetric", groups=same)
        return terms | (self._watched(*a, a[0], tau) if watch else {})

    def _watched(self, mu: Tensor, logvar: Tensor, z: Tensor, tau: float | Tensor) -> dict[str, Tensor]:
        tau = float(torch.as_tensor(tau).detach())
        found = losses.diagnostics(mu, logvar, z, temperature=tau, floor=self.config.logvar_floor)
        if len(z) == 1:  # nothing is compared
            found["gate"] = torch.full_like(found["gate"], math.nan)
        return found | {"temperature": torch.tensor(tau)}

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
        return {"cmim": __version__, "config": self.config.to_dict(), **parts}


def _part(size: int, shard: tuple[int, int]) -> slice:
    """Return the rows of one part of a batch."""
    index, parts = shard
    return slice(index * size // parts, (index + 1) * size // parts)


def _own_first(groups: Tensor | None, shard: tuple[int, int], gather: bool) -> Tensor | None:
    """Return the group numbers of this process's rows, then those of the other processes' if they are gathered.

    Processes are neighbours: ``shard[0]`` is ``micro-batch * processes + rank``.
    """
    if groups is None:
        return None
    mine = _part(len(groups), shard)
    if not gather or not (distributed.is_available() and distributed.is_initialized()):
        return groups[mine]
    world = distributed.get_world_size()
    first = shard[0] // world * world
    start, stop = _part(len(groups), (first, shard[1])).start, _part(len(groups), (first + world - 1, shard[1])).stop
    return torch.cat([groups[mine], groups[start : mine.start], groups[mine.stop : stop]])
