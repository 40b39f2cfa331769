"""What every training of a generator does: check the public records, and take one step of an optimiser."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from infocore.errors import NonFiniteError, ParameterError, ShapeError, TrainingError

__all__ = ["descend", "public_rows"]


def public_rows(caller: str, x_public: ArrayLike, batch_size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Check public records.

    Parameters
    ----------
    caller : str
        Who asks.
    x_public : array of shape (m, dx)
        Public records.
    batch_size : int
        How many are needed at least.

    Returns
    -------
    array of shape (m, dx)
        In float32.

    Raises
    ------
    ShapeError
        If it is not a matrix with a row per record of a batch.
    NonFiniteError
        If it holds NaN or infinity.
    ParameterError
        If a value leaves [0, 1].
    """
    x = np.asarray(x_public, np.float32)
    if x.ndim != 2 or len(x) < batch_size:
        raise ShapeError(
            f"{caller}: `x_public` must be a matrix of at least {batch_size} flat images, a batch; got {x.shape}."
        )
    bad = int((~np.isfinite(x).all(1)).sum())
    if bad:
        raise NonFiniteError(f"{caller}: `x_public` holds NaN or infinity in {bad} of {len(x)} rows. Drop them first.")
    if x.min() < 0 or x.max() > 1:
        raise ParameterError(
            f"{caller}: `x_public` must lie in [0, 1]; got [{x.min():g}, {x.max():g}]. Divide by the "
            "largest grey value."
        )
    return x


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, caller: str) -> None:
    """Take one step on the optimiser's own parameters, and leave all others' gradients alone.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Over some of the leaves of `loss`.
    loss : tensor of shape ()
        To be lowered.
    caller : str
        Who asks.

    Raises
    ------
    TrainingError
        If the loss is not finite.
    """
    if not bool(torch.isfinite(loss)):
        raise TrainingError(f"{caller}: the loss is not finite ({float(loss.detach())}); lower `learning_rate`.")
    own: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter, gradient in zip(own, torch.autograd.grad(loss, own), strict=True):
        parameter.grad = gradient
    optimizer.step()
