"""Reading features from a trained model: the code, or what the decoder makes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cmim._inputs import as_data
from cmim.model import Model
from infocore.errors import ParameterError

__all__ = ["informative", "latent", "reconstruct"]


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
    model: Model, x: Any, *, where: Literal["hidden", "params"] = "hidden", batch_size: int = 1024
) -> Tensor:
    """Informative embeddings: the decoder's activations at the posterior mean. Nothing is trained.

    Parameters
    ----------
    model : Model
        Any auto-encoder; put into evaluation mode for the time of the call.
    x : array or tensor of shape (n, ...)
        Data.
    where : {"hidden", "params"}
        The activations just before the last map, averaged over positions if there are any; or what that map gives, the
        parameters of the law of x, flattened.
    batch_size : int
        Rows at a time.

    Returns
    -------
    tensor of shape (n, H)
        float32, on the CPU.

    Raises
    ------
    ParameterError
        If `where` is not one of its values, or the model has no decoder.
    ShapeError, KindError, NonFiniteError
        If the model cannot read `x`.

    Notes
    -----
    The abstracts of the cMIM papers say that features are read from the decoder's hidden states; which layer, and at
    which code, is recalled and derived, not read.

    Examples
    --------
    >>> from cmim import MIM
    >>> informative(MIM(64, latent_dim=8, hidden=(32,)), torch.zeros(5, 64)).shape
    torch.Size([5, 32])
    """
    if where not in ("hidden", "params"):
        raise ParameterError(f"informative: `where` must be 'hidden' or 'params'; got {where!r}.")
    decoder = model.require_decoder("informative")

    def read(rows: Tensor) -> Tensor:
        h = decoder.hidden(model.encode(rows)[0])
        if where == "params":
            return decoder.output(h).flatten(1)
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
        return torch.cat([read(rows.to(device)).float().cpu() for rows in data.split(batch_size)])


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a module and its parts into evaluation mode, and each back into the mode it had.

    Parameters
    ----------
    model : torch.nn.Module
        The module.

    Yields
    ------
    None
        While it is in evaluation mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
