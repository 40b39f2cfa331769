r"""Exact InfoNCE without the score matrix: value and gradient, tile by tile.

The full form keeps the B x K scores and their softmax for the backward pass. Here a tile of rows at a time is scored,
compared and differentiated in the forward pass, so memory is that of one tile and of the gradients.
"""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportIncompatibleMethodOverride=false

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from infocore._settings import check_number, check_whole
from infocore.errors import ShapeError, TrainingError

__all__ = ["infonce"]


def infonce(
    x: Float[Tensor, "B D"], y: Float[Tensor, "K D"], temperature: float = 1.0, tile: int = 256
) -> Float[Tensor, ""]:
    r"""InfoNCE of the scores :math:`s_{ik} = x_i^\top y_k / \tau`, in O(tile x K) memory.

    Parameters
    ----------
    x : tensor of shape (B, D)
        Embeddings; the positive of row i is ``y[i]``.
    y : tensor of shape (K, D), K >= B
        Embeddings; rows ``B..K-1``, if any, are extra negatives.
    temperature : float
        :math:`\tau > 0`.
    tile : int
        Rows scored at once.

    Returns
    -------
    tensor of shape ()
        The bound in nats, equal to ``infocore.infonce(x @ y.T / temperature)`` to rounding, with its gradient.

    Raises
    ------
    ShapeError
        If `x` and `y` are not matrices of one width with K >= B >= 1.
    ParameterError
        If `temperature` is not positive and finite, or `tile` no whole number from 1 on.
    TrainingError
        In the backward pass, if it is to build a graph: the gradient is formed in the forward pass and has none.

    Examples
    --------
    >>> x = torch.nn.functional.normalize(torch.eye(4))
    >>> round(infonce(x, x, temperature=0.02, tile=3).item(), 3)  # log(4)
    1.386
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not 1 <= len(x) <= len(y):
        raise ShapeError(
            "streamed.infonce: `x` and `y` must be matrices of one width, y with at least as many rows as x and x with "
            f"at least one; got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    check_number(temperature, "streamed.infonce", "temperature")
    check_whole(tile, "streamed.infonce", "tile", 1)
    value: Tensor = _InfoNCE.apply(x, y, temperature, tile)  # pyright: ignore[reportAssignmentType]
    return value


class _InfoNCE(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, temperature: float, tile: int) -> Tensor:
        rows, columns = len(x), len(y)
        need_x, need_y = ctx.needs_input_grad[:2]
        grad_x = torch.empty_like(x) if need_x else None
        grad_y = torch.zeros_like(y) if need_y else None
        total = x.new_zeros(())
        for start in range(0, rows, tile):
            part = slice(start, min(start + tile, rows))
            anchors, positives = x[part], y[part]
            scores = torch.addmm(x.new_zeros(()), anchors, y.T, alpha=1.0 / temperature)
            scores -= (anchors * positives).sum(1, keepdim=True) / temperature
            partition = scores.logsumexp(1, keepdim=True)
            total += math.log(columns) * len(anchors) - partition.sum()
            if not (need_x or need_y):
                continue
            weights = scores.sub_(partition).exp_()  # softmax of the row, in place
            if grad_x is not None:
                grad_x[part] = positives - weights @ y
            if grad_y is not None:
                grad_y[part] += anchors
                grad_y.addmm_(weights.T, anchors, alpha=-1.0)
        scale = 1.0 / (rows * temperature)
        ctx.save_for_backward(
            None if grad_x is None else grad_x.mul_(scale), None if grad_y is None else grad_y.mul_(scale)
        )
        return total / rows

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        if torch.is_grad_enabled():  # create_graph=True; torch's own guard would let x and y drop out unseen
            raise TrainingError(
                "streamed.infonce: differentiable once, and a graph of the gradient was asked for (create_graph=True). "
                "Use infocore.infonce(x @ y.T / temperature) for second derivatives."
            )
        grad_x, grad_y = ctx.saved_tensors
        return (None if grad_x is None else grad * grad_x, None if grad_y is None else grad * grad_y, None, None)
