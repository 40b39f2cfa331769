"""Informative embeddings of any torch module: what one of its layers says, and the controls that tell why it says so.

`cmim.embeddings` reads the models of this package; this reads yours. Name the layer just before the map to the
parameters of the law of the data, or that map itself with ``where="input"``. The controls answer whose doing the
features are: the code's (`code`), the decoder's training (`randomised`), or of the data that teacher forcing feeds in.
"""

import copy
import difflib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cmim._inputs import batch_seed
from cmim._modes import evaluating
from cmim._watch import Pool, Watch, pooled, replaced
from infocore.errors import ParameterError, ShapeError

__all__ = ["randomised", "read_layer"]


def read_layer(
    module: nn.Module,
    layer: str | nn.Module,
    batches: Iterable[Any],
    *,
    where: Literal["output", "input"] = "output",
    call: Callable[[nn.Module, Any], Any] | None = None,
    call_index: int | None = None,
    batch_dim: int = 0,
    pool: Pool = "auto",
    mask: Callable[[Any], Tensor] | None = None,
    code_layer: str | nn.Module | None = None,
    code: Literal["own", "zero", "shuffled"] = "own",
    seed: int = 0,
    device: str | torch.device | None = None,
) -> Tensor:
    """Read what one layer of a module gives, or is given, for every sample. Nothing is trained.

    Parameters
    ----------
    module : torch.nn.Module
        Any; put into evaluation mode for the time of the call.
    layer : str or torch.nn.Module
        The layer: a dotted name as `named_modules` has it, or the sub-module itself.
    batches : iterable
        Batches, in the order in which rows are wanted: a loader that shuffles loses the labels. Tensors in them,
        also within tuples, lists and mappings, are moved to `device`.
    where : {"output", "input"}
        What the layer gives (a tensor, the first tensor of a tuple, or `last_hidden_state`), or its first tensor
        argument. The input of the last linear map is the decoder's last hidden layer, whatever came before it.
    call : callable, optional
        ``call(module, batch)`` runs the module: needed where `forward` draws a code, to decode the mean instead.
        Otherwise ``module(**batch)`` for mappings, ``module(*batch)`` for tuples and lists, ``module(batch)`` for
        the rest.
    call_index : int, optional
        Which call of the layer to read, if one run of the module calls it several times; -1 is the last.
    batch_dim : int
        Axis of what the layer gives that counts samples: 1 for the (T, B, H) of ``batch_first=False``.
    pool : {"auto", "mean", "none"} or callable
        "auto" keeps (B, H) and averages (B, T, H) over its T positions; "mean" insists on positions; "none"
        flattens; a function from (B, ...) to (B, H), float32, does the rest, for instance
        ``lambda h: h.mean((2, 3))`` for channels of images.
    mask : callable, optional
        ``mask(batch)``, bool of shape (B, T), True at real positions (the reverse of torch's `key_padding_mask`), for
        the mean over these alone. A position of a decoder that is fed BOS first stands for the token it predicts, so
        EOS counts and padding does not: ``lambda tokens: tokens != PAD``, of tokens that end with EOS.
    code_layer : str or torch.nn.Module, optional
        The layer whose output, one tensor of shape (B, ...), is the code.
    code : {"own", "zero", "shuffled"}
        What is sent on from `code_layer`: what it gave; zeros; or the code of another sample of the batch (a random
        cycle, so that no row keeps its own). Features that stay as good are not owed to the code.
    seed : int
        Of the cycle, and of what the module draws from torch's global stream, which is put back afterwards.
    device : str or torch.device, optional
        Where batches go; that of the module's first parameter, if left out. The module stays where it is.

    Returns
    -------
    tensor of shape (n, H)
        float32, on the CPU.

    Raises
    ------
    ParameterError
        If a setting is outside its values, a layer is not found, or a layer is not called, is called more than once
        without `call_index`, or gives nothing that can be read; if `mask` leaves no position of a row, `code_layer`
        comes after `layer`, or a batch of one is to be shuffled.
    ShapeError
        If there are no batches, what is read has not one row per sample or not the axes that `pool` and `mask` need,
        or widths differ between batches.
    KindError
        If what is read is complex, or the mask is not bool.
    NonFiniteError
        If features hold NaN or infinity.

    Notes
    -----
    With teacher forcing the decoder is fed the data, so its hidden states know x whatever the code says. Report the
    three values of `code` together: "zero" takes the code away but is unlike any code seen in training, "shuffled" is
    like them but says something wrong, which can do worse than nothing. Where hidden states do better than the code,
    so may those of a decoder that was never trained, by their width alone: compare with `randomised`.

    Controls act on what passes through `code_layer` as a call: a decoder that gets the code by another way keeps it.
    What the layer gave is copied at once, so later in-place functions do not reach it.

    Examples
    --------
    >>> from infocore.torch.layers import mlp
    >>> model = mlp((5, 2, 8, 5), torch.Generator().manual_seed(0))  # layer "0" gives the code, "4" the data
    >>> x = torch.arange(35.0).view(7, 5)
    >>> read_layer(model, "4", x.split(4), where="input").shape
    torch.Size([7, 8])
    >>> without = read_layer(model, "4", x.split(4), where="input", code_layer="0", code="zero")
    >>> bool((without == without[0]).all())  # all that this decoder knows comes from the code
    True
    """
    if where not in ("output", "input"):
        raise ParameterError(f"read_layer: `where` must be 'output' or 'input'; got {where!r}.")
    if not callable(pool) and pool not in ("auto", "mean", "none"):
        raise ParameterError(f"read_layer: `pool` must be 'auto', 'mean', 'none' or a function; got {pool!r}.")
    if mask is not None and pool not in ("auto", "mean"):
        raise ParameterError("read_layer: `mask` is for the mean over positions; it does nothing with this `pool`.")
    if code not in ("own", "zero", "shuffled"):
        raise ParameterError(f"read_layer: `code` must be 'own', 'zero' or 'shuffled'; got {code!r}.")
    if code != "own" and code_layer is None:
        raise ParameterError(f"read_layer: code={code!r} needs `code_layer`, the layer whose output is the code.")
    if isinstance(batches, (Tensor, Mapping)):
        raise ParameterError(
            f"read_layer: `batches` must be an iterable of batches; got one {type(batches).__name__}. "
            "Pass `x.split(256)`, a loader, or a list with this one batch."
        )
    target = _find(module, layer, "read_layer", "layer")
    source = None if code_layer is None else _find(module, code_layer, "read_layer", "code_layer")
    if device is None:
        device = next((p.device for p in module.parameters()), None)
    features: list[Tensor] = []
    with evaluating(module), torch.no_grad(), _own_stream(module, seed, "read_layer"):
        for i, given in enumerate(batches):
            batch = given if device is None else _move(given, torch.device(device))
            wanted = _rows(batch, batch_dim)
            send = functools.partial(replaced, code=code, wanted=wanted, seed=batch_seed(seed, i))
            watch = Watch()
            with watch.hooked(target, where, source, send):
                (call or _call)(module, batch)
            features.append(pooled(watch.chosen(call_index, source), pool, mask, batch, batch_dim, wanted))
    if not features:
        raise ShapeError("read_layer: `batches` is empty; an iterator can be read only once.")
    widths = sorted({h.shape[1] for h in features})
    if len(widths) > 1:
        raise ShapeError(
            f"read_layer: features of different batches have {', '.join(map(str, widths))} columns. Pad every batch to "
            "the same length, or average over positions (pool='mean')."
        )
    return torch.cat(features)


def randomised(module: nn.Module, seed: int, *, part: str | nn.Module = "") -> nn.Module:
    """Copy a module and draw its parameters anew: the control for what training gave to the features.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is.
    seed : int
        Of the new parameters.
    part : str or torch.nn.Module
        Draw the parameters of this part only, for instance the decoder; all of them by default.

    Returns
    -------
    torch.nn.Module
        A deep copy, on the same device and in the same modes. Each sub-module's own `reset_parameters` (or
        `_reset_parameters`, as in torch's attention) was called, inner ones first.

    Raises
    ------
    ParameterError
        If `part` is not found, `seed` is negative, or parameters have no shape yet.

    Notes
    -----
    Parameters that no `reset_parameters` of their module changed (those of modules without one, or made by weight
    normalisation) are permuted at random among their own entries: the numbers stay, what they mean is lost. A constant
    parameter stays as it is under either. Buffers stay, except those that `reset_parameters` resets: batch
    normalisation starts with mean 0 and variance 1. Parameters shared with other parts change there too.

    Examples
    --------
    >>> from infocore.torch.layers import mlp
    >>> model = mlp((3, 2, 3), torch.Generator().manual_seed(0))
    >>> other = randomised(model, 0, part="2")
    >>> torch.equal(other[0].weight, model[0].weight), torch.equal(other[2].weight, model[2].weight)
    (True, False)
    """
    kept = _find(module, part, "randomised", "part")
    name = next(name for name, sub in module.named_modules() if sub is kept)
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in kept.parameters()):
        raise ParameterError("randomised: some parameters have no shape yet (lazy modules); run the module once first.")
    out = copy.deepcopy(module)
    with torch.no_grad(), _own_stream(out, seed, "randomised"):
        for sub in reversed(list(out.get_submodule(name).modules())):
            before = {key: p.clone() for key, p in sub.named_parameters(recurse=False)}
            reset = getattr(sub, "reset_parameters", None) or getattr(sub, "_reset_parameters", None)
            if callable(reset):
                reset()
            for key, p in sub.named_parameters(recurse=False):
                if torch.equal(p, before[key]):
                    p.copy_(p.flatten()[torch.randperm(p.numel()).to(p.device)].view_as(p))
    return out


def _find(module: nn.Module, layer: str | nn.Module, caller: str, argument: str) -> nn.Module:
    names = dict(module.named_modules(remove_duplicate=False))
    if isinstance(layer, nn.Module):
        if not any(sub is layer for sub in names.values()):
            raise ParameterError(f"{caller}: `{argument}` ({type(layer).__name__}) is not a part of `module`.")
        return layer
    if layer not in names:
        known = [name for name in names if name]
        close = difflib.get_close_matches(layer, known, n=5, cutoff=0.5)
        some = f"Close to it: {', '.join(close)}." if close else f"The last are: {', '.join(known[-5:]) or 'none'}."
        raise ParameterError(
            f"{caller}: `{argument}` must name a sub-module; there is no {layer!r}. {some} See `named_modules()`."
        )
    return names[layer]


@contextmanager
def _own_stream(module: nn.Module, seed: int, caller: str) -> Iterator[None]:
    """Start torch's global streams, of the CPU and of the module's devices, at a seed, and put them back."""
    if seed < 0:
        raise ParameterError(f"{caller}: `seed` must not be negative; got {seed!r}.")
    devices = {t.device for t in itertools.chain(module.parameters(), module.buffers())}
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach devices that are not forked here
        for device in devices:
            if device.type not in ("cpu", "meta"):
                backend = torch.get_device_module(device)
                stack.callback(backend.set_rng_state, backend.get_rng_state(device), device)
                backend.set_rng_state(torch.Generator(device).manual_seed(seed).get_state(), device)
        yield


def _call(module: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return module(**batch)
    return module(*batch) if isinstance(batch, (tuple, list)) else module(batch)


def _move(batch: Any, device: torch.device) -> Any:
    if hasattr(batch, "to"):  # tensors, and what tokenizers and graph libraries return
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _move(value, device) for key, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        parts = [_move(part, device) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _rows(batch: Any, batch_dim: int) -> set[int]:
    """Return the possible numbers of samples: the first axis of the first array, or the one said to count them."""
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return {shape[0], shape[batch_dim] if -len(shape) <= batch_dim < len(shape) else shape[0]} if shape else set()
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (tuple, list)) else ()
    return next((rows for part in parts if (rows := _rows(part, batch_dim))), set())
