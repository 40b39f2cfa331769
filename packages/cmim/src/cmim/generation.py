"""Writing rows of tokens from codes: greedy, sampled, or by beam search, with keys and values kept."""

import inspect
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cmim._inputs import check_positive, check_whole
from cmim._modes import evaluating
from cmim.model import Model
from cmim.sequences import TokenDecoder
from cmim.symbols import BOS, EOS, PAD, UNK
from infocore.errors import NonFiniteError, ParameterError, ShapeError

__all__ = ["Method", "beam_search", "generate"]

Method = Literal["greedy", "sample", "beam"]

_OWNERS = {"temperature": "sample", "top_p": "sample", "beams": "beam"}
_KEEP = 0.75  # share of rows still being written, below which the others are let go


def generate(
    model: Model,
    codes: ArrayLike | Tensor,
    method: Method = "greedy",
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    beams: int = 4,
    seed: int = 0,
    batch_size: int = 512,
    cache: bool = True,
) -> NDArray[np.int64]:
    """Write a row of tokens for each code. Settings of another method than that asked for are refused.

    Parameters
    ----------
    model : Model
        With likelihood "tokens"; put into evaluation mode for the time of the call.
    codes : array or tensor of shape (n, D)
        Finite.
    method : {"greedy", "sample", "beam"}
        The likeliest token each time; a token drawn; or the likeliest row that a search with `beams` rows finds.
    temperature : float
        Of "sample": log-odds are divided by it.
    top_p : float
        Of "sample": drawn from the fewest tokens whose chances reach this, in (0, 1].
    beams : int
        Of "beam": rows that are kept for each code.
    seed : int
        Of "sample". The tokens of a row depend on it, the row's code, and the rows written with it.
    batch_size : int
        Codes at a time.
    cache : bool
        Whether keys and values of what is written are kept; without, each token costs a pass over all before it.

    Returns
    -------
    array of shape (n, T)
        Numbers of tokens, then the end, then padding. A row that had no end after as many tokens as the model has
        places has none.

    Raises
    ------
    ParameterError
        If the model writes no tokens, or a setting is out of range, or has no effect with `method`.
    ShapeError
        If `codes` is not of shape (n, D).
    NonFiniteError
        If a code holds NaN or infinity.

    Examples
    --------
    >>> from cmim import MIM, TokenPerceiver
    >>> network = TokenPerceiver(slots=2, width=16, encoder_depth=1, decoder_depth=1)
    >>> model = MIM(12, latent_dim=8, network=network, likelihood="tokens", levels=20)
    >>> generate(model, np.zeros((3, 8))).shape[0]
    3
    """
    check_positive(temperature, "generate", "temperature")
    if not 0 < top_p <= 1:
        raise ParameterError(f"generate: `top_p` must be in (0, 1]; got {top_p!r}.")
    for name, value, least in (("beams", beams, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        check_whole(value, least, "generate", name)
    check_method(method, {"temperature": temperature, "top_p": top_p, "beams": beams}, "generate")
    decoder, z = _checked(model, codes, "generate")
    device = next(decoder.parameters()).device
    most = model.config.n_features
    generator = torch.Generator().manual_seed(seed)
    found: list[Tensor] = []
    with evaluating(model), torch.no_grad():
        for rows in z.split(batch_size):
            here = rows.to(device)
            if method == "beam":
                found.append(_beam(decoder, here, most, beams)[0][:, 0])
            else:
                drawn = (temperature, top_p, generator) if method == "sample" else None
                found.append(_write(decoder, here, most, drawn, cache=cache))
    length = max((part.shape[1] for part in found), default=1)
    out = np.full((len(z), length), PAD, np.int64)
    at = 0
    for part in found:
        out[at : at + len(part), : part.shape[1]] = part.cpu().numpy()
        at += len(part)
    return out


def check_method(method: str, settings: Mapping[str, Any], caller: str) -> None:
    """Refuse a method that there is not, and settings other than by default that it does not read.

    Parameters
    ----------
    method : str
        As of `generate`.
    settings : mapping
        Of `generate`, by their names.
    caller : str
        Who asks, for the message.

    Raises
    ------
    ParameterError
        If it is so.
    """
    if method not in get_args(Method):
        raise ParameterError(f"{caller}: `method` must be one of {', '.join(get_args(Method))}; got {method!r}.")
    known = inspect.signature(generate).parameters
    told = [
        f"`{name}` has no effect with method={method!r}: it belongs to {_OWNERS[name]!r}; got {value!r}"
        for name, value in settings.items()
        if method != _OWNERS[name] and value != known[name].default
    ]
    if told:
        raise ParameterError(f"{caller}: {'; '.join(told)}. Leave out what has no effect.")


def beam_search(
    model: Model, codes: ArrayLike | Tensor, beams: int = 4, *, batch_size: int = 128
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return several rows for each code: the likeliest that a beam search finds.

    Parameters
    ----------
    model, codes
        As of `generate`.
    beams : int
        Rows of a code.
    batch_size : int
        Codes at a time.

    Returns
    -------
    tuple of arrays of shape (n, beams, T) and (n, beams)
        Tokens as `generate` gives them, and log-likelihoods in nats, given that padding, unknown tokens and beginnings
        are not written: those are ruled out at each place, and the chances of the rest renormalised. The likeliest row
        is first. Where fewer rows are possible the rest have minus infinity.

    Raises
    ------
    ParameterError, ShapeError, NonFiniteError
        As `generate`.

    Examples
    --------
    >>> from cmim import MIM, TokenPerceiver
    >>> network = TokenPerceiver(slots=2, width=16, encoder_depth=1, decoder_depth=1)
    >>> model = MIM(12, latent_dim=8, network=network, likelihood="tokens", levels=20)
    >>> rows, scores = beam_search(model, np.zeros((3, 8)), 2)
    >>> rows.shape[:2], bool((scores[:, 0] >= scores[:, 1]).all())
    ((3, 2), True)
    """
    for name, value in (("beams", beams), ("batch_size", batch_size)):
        check_whole(value, 1, "beam_search", name)
    decoder, z = _checked(model, codes, "beam_search")
    device, most = next(decoder.parameters()).device, model.config.n_features
    out = np.full((len(z), beams, most), PAD, np.int64)
    scores = np.full((len(z), beams), -np.inf)
    with evaluating(model), torch.no_grad():
        for at, rows in zip(range(0, len(z), batch_size), z.split(batch_size), strict=True):
            tokens, found = _beam(decoder, rows.to(device), most, beams)
            out[at : at + len(rows), :, : tokens.shape[2]] = tokens.cpu().numpy()
            scores[at : at + len(rows)] = found.cpu().numpy()
    return out[:, :, : max(1, int((out != PAD).any((0, 1)).sum()))], scores


def _checked(model: Model, codes: ArrayLike | Tensor, caller: str) -> tuple[TokenDecoder, Tensor]:
    decoder = model.decoder
    if not isinstance(decoder, TokenDecoder):
        raise ParameterError(f"{caller}: `model` must have likelihood='tokens' and a decoder.")
    z = torch.as_tensor(codes if isinstance(codes, Tensor) else np.asarray(codes), dtype=torch.float32)
    if z.ndim != 2 or z.shape[1] != model.config.latent_dim:
        raise ShapeError(f"{caller}: `codes` must have shape (n, {model.config.latent_dim}); got {tuple(z.shape)}.")
    if not torch.isfinite(z).all():
        bad = int((~torch.isfinite(z).all(1)).sum())
        raise NonFiniteError(f"{caller}: `codes` holds NaN or infinity in {bad} of {len(z)} rows. Leave those out.")
    return decoder, z


class _Cached:
    """Log-odds of the next token, from keys and values of those before."""

    def __init__(self, decoder: TokenDecoder, z: Tensor) -> None:
        self.decoder, self.cache = decoder, decoder.begin(z)

    def next(self, before: Tensor) -> Tensor:
        odds, self.cache = self.decoder.step(before, self.cache)
        return _possible(odds)

    def keep(self, rows: Tensor) -> None:
        self.cache = self.cache.rows(rows)


class _Anew:
    """The same, from a pass over all tokens before."""

    def __init__(self, decoder: TokenDecoder, z: Tensor) -> None:
        self.decoder, self.z = decoder, z
        self.written = torch.empty(len(z), 0, dtype=torch.long, device=z.device)

    def next(self, before: Tensor) -> Tensor:
        self.written = torch.cat([self.written, before[:, None]], dim=1)
        x = torch.cat([self.written[:, 1:], torch.full_like(before, EOS)[:, None]], dim=1)  # the last is not looked at
        return _possible(self.decoder.output(self.decoder.hidden(self.z, x)[:, -1:])[:, 0])

    def keep(self, rows: Tensor) -> None:
        self.z, self.written = self.z[rows], self.written[rows]


def _possible(odds: Tensor) -> Tensor:
    """Rule out what is never written."""
    odds = odds.float()
    odds[:, [PAD, UNK, BOS]] = -math.inf
    return odds


def _write(
    decoder: TokenDecoder, z: Tensor, most: int, drawn: tuple[float, float, torch.Generator] | None, *, cache: bool
) -> Tensor:
    """Write all rows token by token, and let go of those that have ended."""
    writer = _Cached(decoder, z) if cache else _Anew(decoder, z)
    out = torch.full((len(z), most), PAD, device=z.device)
    rows = torch.arange(len(z), device=z.device)
    before = torch.full_like(rows, BOS)
    for t in range(most):
        odds = writer.next(before)
        chosen = odds.argmax(1) if drawn is None else _draw(odds, *drawn)
        ended = (before == EOS) | (before == PAD)
        before = chosen.where(~ended, PAD)
        out[rows, t] = before
        writing = (before != EOS) & (before != PAD)
        left = int(writing.sum())
        if not left:
            return out[:, : t + 1]
        if left < _KEEP * len(rows):
            kept = writing.nonzero()[:, 0]
            rows, before = rows[kept], before[kept]
            writer.keep(kept)
    return out


def _draw(odds: Tensor, temperature: float, top_p: float, generator: torch.Generator) -> Tensor:
    """Draw a token of each row, from the fewest whose chances reach `top_p`."""
    chance, order = (odds / temperature).softmax(1).sort(dim=1, descending=True, stable=True)
    before = chance.cumsum(1) - chance
    chance = chance.where(before < top_p, 0.0)
    u = torch.rand(len(odds), 1, generator=generator).to(chance)
    place = (chance.cumsum(1) <= u * chance.sum(1, keepdim=True)).sum(1, keepdim=True)
    last = (chance > 0).sum(1, keepdim=True) - 1  # where rounding would go past the end
    return order.gather(1, torch.minimum(place, last))[:, 0]


def _beam(decoder: TokenDecoder, z: Tensor, most: int, beams: int) -> tuple[Tensor, Tensor]:
    """Return for each code the likeliest rows that a search with so many finds, without regard to length.

    Tokens of shape (n, beams, T) and log-likelihoods of shape (n, beams), the likeliest row first.
    """
    n, device = len(z), z.device
    found = torch.full((n, beams, most), PAD, device=device)
    scores = torch.full((n, beams), -math.inf, device=device)
    scores[:, 0] = 0.0  # all beams begin alike, so only one may go on
    writer = _Cached(decoder, z.repeat_interleave(beams, 0))
    codes, t = torch.arange(n, device=device), 0  # those still being written
    out, score = found.clone(), scores.clone()
    before = torch.full((n, beams), BOS, device=device)
    for t in range(most):
        logs = writer.next(before.flatten()).log_softmax(1).unflatten(0, (len(codes), beams))
        ended = (before == EOS) | (before == PAD)
        logs[ended] = -math.inf
        logs[..., PAD] = torch.where(ended, 0.0, logs[..., PAD])
        score, place = (score[:, :, None] + logs).flatten(1).topk(beams, dim=1)
        parent, before = place // logs.shape[2], place % logs.shape[2]
        out = out.gather(1, parent[:, :, None].expand(-1, -1, most))
        out[:, :, t] = before
        writing = ((before != EOS) & (before != PAD)).any(1)
        few = float(writing.float().mean()) < _KEEP
        if few or t == most - 1:
            found[codes], scores[codes] = out, score
        if not writing.any():
            break
        rows = torch.arange(len(codes), device=device)[:, None] * beams + parent
        if few:
            kept = writing.nonzero()[:, 0]
            codes, out, score, before, rows = codes[kept], out[kept], score[kept], before[kept], rows[kept]
        writer.keep(rows.flatten())
    return found[:, :, : t + 1], scores
