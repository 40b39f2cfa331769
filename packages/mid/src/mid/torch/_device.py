"""Where a target is, which is where it is attacked."""

import itertools

import torch
from torch import Tensor, nn

__all__ = ["device_of"]


def device_of(target: object) -> torch.device:
    """Device of the parameters of a target.

    Parameters
    ----------
    target : object
        A module, a tensor, or an object that holds some as attributes.

    Returns
    -------
    torch.device
        That of the first parameter, buffer or tensor found; the CPU where there is none, as for a target that is asked
        over a network.

    Examples
    --------
    >>> device_of(nn.BatchNorm1d(2)), device_of("a service")
    (device(type='cpu'), device(type='cpu'))
    """
    for part in (target, *getattr(target, "__dict__", {}).values()):
        held = itertools.chain(part.parameters(), part.buffers()) if isinstance(part, nn.Module) else (part,)
        for tensor in held:
            if isinstance(tensor, Tensor):
                return tensor.device
    return torch.device("cpu")
