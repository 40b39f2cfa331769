"""Reading features from a trained model: the code, or what the decoder makes of it."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from cmim._inputs import as_data
from cmim._modes import evaluating
from cmim.likelihoods import Tokens
from cmim.model import Model
from cmim.symbols import PAD
from infocore.errors import ParameterError

__all__ = ["Code", "informative", "latent", "reconstruct"]

Code = Literal["own", "zero", "other"]


def latent(model: Model, x: Any, *, batch_size: int = 1024) -> Tensor:
    """Posterior means, the code of each sample.

    Parameters
    ----------
    model : Model
        Put into evaluation mode for the time of the call.
    x : array or tensor of shape (n, ...)
        Data.
    batch_size : int
        Rows at a time.

    Returns
    -------
    tensor of shape (n, D)
        float32, on the CPU.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, ParameterError
        If the model cannot read `x`.

    Examples
    --------
    >>> from cmim import MIM
    >>> latent(MIM(64, latent_dim=8, hidden=(32,)), torch.zeros(5, 64)).shape
    torch.Size([5, 8])
    """
    return _in_batches(model, lambda rows: model.encode(rows)[0], x, batch_size, "latent")


def informative(
    model: Model,
    x: Any,
    *,
    where: Literal["hidden", "params"] = "hidden",
    code: Code = "own",
    batch_size: int = 1024,
) -> Tensor:
    """Informative embeddings: the decoder's activations at the posterior mean. Nothing is trained.

    A decoder of tokens is read by teacher forcing: it writes the row itself, and the activations of its tokens, the end
    included, are averaged. So it sees the row twice, by the code and directly; `code` tells how much is the code's.

    Parameters
    ----------
    model : Model
        Any auto-encoder; put into evaluation mode for the time of the call.
    x : array or tensor of shape (n, ...)
        Data.
    where : {"hidden", "params"}
        The activations just before the last map, averaged over positions if there are any; or what that map gives, the
        parameters of the law of x, flattened.
    code : {"own", "zero", "other"}
        The code of each row; or, as controls, zeros, or the code of the row before it (of the last, for the first).
    batch_size : int
        Rows at a time.

    Returns
    -------
    tensor of shape (n, H)
        float32, on the CPU.

    Raises
    ------
    ParameterError
        If `where` or `code` is not one of its values, the model has no decoder, or `where` is "params" and x are
        tokens.
    ShapeError, KindError, NonFiniteError
        If the model cannot read `x`.

    Notes
    -----
    The abstracts of the cMIM papers say that features are read from the decoder's hidden states; which layer, at which
    code, and the mean over tokens are recalled and derived, not read.

    Examples
    --------
    >>> from cmim import MIM
    >>> informative(MIM(64, latent_dim=8, hidden=(32,)), torch.zeros(5, 64)).shape
    torch.Size([5, 32])
    """
    if where not in ("hidden", "params"):
        raise ParameterError(f"informative: `where` must be 'hidden' or 'params'; got {where!r}.")
    if code not in get_args(Code):
        raise ParameterError(f"informative: `code` must be 'own', 'zero' or 'other'; got {code!r}.")
    decoder = model.require_decoder("informative")
    tokens = isinstance(model.law, Tokens)
    if tokens and where == "params":
        raise ParameterError("informative: `where` must be 'hidden' for tokens, of which each row has its own number.")
    codes = None
    if code != "own":
        codes = latent(model, x, batch_size=batch_size)
        codes = torch.zeros_like(codes) if code == "zero" else codes.roll(1, 0)
    given = iter([] if codes is None else codes.split(batch_size))

    def read(rows: Tensor) -> Tensor:
        z = model.encode(rows)[0] if codes is None else next(given).to(rows.device)
        h = model.hidden(z, rows)
        if where == "params":
            return decoder.output(h).flatten(1)
        if tokens:
            weight = (rows != PAD).to(h)[:, :, None]
            return (h * weight).sum(1) / weight.sum(1).clamp(min=1)
        return h.mean(1) if h.ndim == 3 else h

    return _in_batches(model, read, x, batch_size, "informative")


def reconstruct(model: Model, x: Any, *, batch_size: int = 1024) -> Tensor:
    """Expected data at the posterior mean.

    Parameters
    ----------
    model : Model
        Any auto-encoder; put into evaluation mode for the time of the call.
    x : array or tensor of shape (n, ...)
        Data.
    batch_size : int
        Rows at a time.

    Returns
    -------
    tensor of shape (n, ...)
        float32, on the CPU.

    Raises
    ------
    ParameterError
        If the model has no decoder.
    ShapeError, KindError, NonFiniteError
        If the model cannot read `x`.

    Examples
    --------
    >>> from cmim import MIM
    >>> reconstruct(MIM(64, hidden=(32,)), torch.zeros(5, 64)).shape
    torch.Size([5, 64])
    """
    model.require_decoder("reconstruct")
    return _in_batches(model, lambda rows: model.expected(model.encode(rows)[0]), x, batch_size, "reconstruct")


def _in_batches(model: Model, read: Callable[[Tensor], Tensor], x: Any, batch_size: int, caller: str) -> Tensor:
    if batch_size < 1:
        raise ParameterError(f"{caller}: `batch_size` must be at least 1; got {batch_size!r}.")
    data = as_data(x, caller, model.reads)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with evaluating(model), torch.no_grad():
        return torch.cat([read(model.trim(rows).to(device)).float().cpu() for rows in data.split(batch_size)])
