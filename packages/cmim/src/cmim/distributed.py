"""Codes of other processes as negatives, with their gradients."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed

__all__ = ["gathered_others"]


class _Gather(torch.autograd.Function):
    """All codes in the order of the ranks; the gradient of each comes back summed over all processes."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        parts = [torch.empty_like(z) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, z.contiguous())
        ctx.size = len(z)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        grad = grads[0].contiguous().clone()
        distributed.all_reduce(grad)
        start = distributed.get_rank() * ctx.size
        return grad[start : start + ctx.size]


def gathered_others(z: Float[Tensor, "B D"]) -> Float[Tensor, "M D"] | None:
    """Return the codes of all other processes, of which each has as many.

    With gradients averaged over processes, as DistributedDataParallel does, the loss over gathered negatives has the
    gradient that one process has on the whole batch.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Codes of this process.

    Returns
    -------
    tensor of shape ((W - 1) B, D), or None
        In the order of the ranks, this one left out; None without other processes.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return None
    every: Tensor = _Gather.apply(z)  # pyright: ignore[reportAssignmentType]
    start = distributed.get_rank() * len(z)
    return torch.cat([every[:start], every[start + len(z) :]])
