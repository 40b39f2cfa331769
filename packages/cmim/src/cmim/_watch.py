"""What `cmim.layers.read_layer` reads: the hooks that see it, the code that is sent on, and one vector a sample."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["Pool", "Watch", "pooled", "replaced"]

Pool: TypeAlias = Literal["auto", "mean", "none"] | Callable[[Tensor], Tensor]


class Watch:
    """What one run of the module showed at the layer that is read, and how often a code was sent on before."""

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, int]] = []
        self.sent = 0

    def take(self, value: Any, verb: str) -> None:
        self.seen.append((_first_tensor(value, verb).clone(), self.sent))  # functions in place may follow

    @contextmanager
    def hooked(
        self, target: nn.Module, where: str, source: nn.Module | None, send: Callable[[Tensor], Tensor]
    ) -> Iterator[None]:
        def swap(_module: nn.Module, _args: Any, output: Any) -> Tensor:
            if not isinstance(output, Tensor) or output.is_nested or output.ndim < 1:
                raise ParameterError(
                    "read_layer: the output of `code_layer` must be one tensor of shape (B, ...), a row per sample; "
                    f"got {_described(output)}. Name a layer inside it, or after it, that gives the code alone."
                )
            self.sent += 1
            return send(output)

        with ExitStack() as stack:
            if source is not None:  # first, so that a layer that is both is read with its code replaced
                stack.callback(source.register_forward_hook(swap).remove)
            if where == "input":
                hook = target.register_forward_pre_hook(
                    lambda _, args, kwargs: self.take((*args, *kwargs.values()), "was given"), with_kwargs=True
                )
            else:
                hook = target.register_forward_hook(lambda _, _args, output: self.take(output, "gave"))
            stack.callback(hook.remove)
            yield

    def chosen(self, index: int | None, source: nn.Module | None) -> Tensor:
        calls = len(self.seen)
        if not calls:
            raise ParameterError(
                "read_layer: the module ran without calling `layer`. Compiled and fused code, and parts whose "
                "`forward` or weights are used directly (such as `out_proj` of torch's attention), are not seen: name "
                "a part that is called, or run the module another way (`call`)."
            )
        if index is None and calls > 1:
            raise ParameterError(
                f"read_layer: one run of the module called `layer` {calls} times. Say which call to read: "
                "`call_index=-1` is the last."
            )
        if index is not None and not -calls <= index < calls:
            raise ParameterError(f"read_layer: `call_index` is {index}, and `layer` was called {calls} time(s).")
        h, sent = self.seen[index or 0]
        if source is not None and sent == 0:
            when = "only after `layer`" if self.sent else "never"
            raise ParameterError(
                f"read_layer: `code_layer` was called {when}, so a code sent on from it cannot reach what is read."
            )
        return h


def replaced(z: Tensor, *, code: str, wanted: set[int], seed: int) -> Tensor:
    if wanted and len(z) not in wanted:
        raise ShapeError(
            f"read_layer: `code_layer` gave shape {tuple(z.shape)} for a batch of {_either(wanted)} rows; the code "
            "must have a row per sample."
        )
    if code == "zero":
        return torch.zeros_like(z)
    if code == "own":
        return z
    if len(z) < 2:
        raise ParameterError(
            f"read_layer: code='shuffled' needs another sample in every batch; got a batch of {len(z)}. Choose a batch "
            "size that leaves no single row, or drop it."
        )
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(seed))
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # a cycle through all rows has no fixed point
    return z[other.to(z.device)]


def pooled(
    h: Tensor, pool: Pool, mask: Callable[[Any], Tensor] | None, batch: Any, batch_dim: int, wanted: set[int]
) -> Tensor:
    got = tuple(h.shape)
    if not -h.ndim <= batch_dim < h.ndim or h.ndim < 2:
        raise ShapeError(f"read_layer: what was read has shape {got}; need samples (axis {batch_dim}) and features.")
    h = h.movedim(batch_dim, 0)
    if wanted and len(h) not in wanted:
        raise ShapeError(
            f"read_layer: what was read has shape {got}, for a batch of {_either(wanted)} rows. If samples are on "
            "another axis than the first, say which (`batch_dim`)."
        )
    if h.is_complex():
        raise KindError(f"read_layer: what was read has dtype {h.dtype}; features must be real.")
    h = h.float()
    if callable(pool):
        out = pool(h)
        if out.ndim != 2 or len(out) != len(h):
            raise ShapeError(f"read_layer: `pool` must give (B, H) with B = {len(h)}; got {tuple(out.shape)}.")
    elif pool == "none":
        out = h.flatten(1)
    elif pool == "auto" and h.ndim == 2 and mask is None:
        out = h
    elif h.ndim != 3:
        raise ShapeError(
            f"read_layer: what was read has shape {got}; the mean over positions needs (B, T, H). "
            "Give a function as `pool`, or pool='none' to flatten, and leave `mask` out."
        )
    else:
        out = h.mean(1) if mask is None else _masked_mean(h, mask(batch))
    bad = int((~torch.isfinite(out)).any(1).sum())
    if bad:
        raise NonFiniteError(
            f"read_layer: features hold NaN or infinity in {bad} of {len(out)} rows of a batch. Look for rows that are "
            "padding throughout, and for a precision that is too low."
        )
    return out.float().cpu()


def _masked_mean(h: Tensor, real: Tensor) -> Tensor:
    if real.dtype != torch.bool:
        raise KindError(f"read_layer: `mask` must give bool, True at real positions; got {real.dtype}. Add `.bool()`.")
    if real.shape != h.shape[:2]:
        raise ShapeError(
            f"read_layer: `mask` must give (B, T) = {tuple(h.shape[:2])}, like the positions that were read; got "
            f"{tuple(real.shape)}."
        )
    real = real.to(h.device)
    empty = (~real.any(1)).nonzero().flatten().tolist()
    if empty:
        raise ParameterError(
            f"read_layer: `mask` leaves no position of {len(empty)} of {len(real)} rows of a batch (row {empty[0]} is "
            "the first). It must be True at real positions: was the reverse given?"
        )
    return h.masked_fill(~real[..., None], 0.0).sum(1) / real.sum(1, keepdim=True)


def _first_tensor(value: Any, verb: str) -> Tensor:
    hidden = getattr(value, "last_hidden_state", value)
    if isinstance(hidden, (tuple, list)) and not isinstance(hidden, PackedSequence):
        hidden = next((part for part in hidden if isinstance(part, Tensor)), hidden)
    if not isinstance(hidden, Tensor) or hidden.is_nested:
        raise ParameterError(
            f"read_layer: `layer` {verb} {_described(value)}; need a tensor, a tuple that holds one, or an object with "
            "`last_hidden_state`. Name a layer inside it or after it; for a nested tensor, turn torch's fast path off "
            "with `torch.backends.mha.set_fastpath_enabled(False)`."
        )
    return hidden


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return "a nested tensor" if value.is_nested else f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {', '.join(type(part).__name__ for part in value) or 'nothing'}"
    return f"a {type(value).__name__}"


def _either(rows: set[int]) -> str:
    return " or ".join(map(str, sorted(rows)))
