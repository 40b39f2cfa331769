"""Data as models take it: float32, finite, and within the range of the likelihood."""

import math
import numbers
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmim.likelihoods import Law
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError

__all__ = ["as_data", "batch_seed", "check_positive", "check_whole"]


def as_data(x: Any, caller: str, law: Law | None = None) -> Tensor:
    """Return `x` as a float32 tensor of shape (n, ...), after checking that a model with this law can read it."""
    if isinstance(x, Tensor):
        data = x.detach()
    else:
        array = np.asarray(x)
        if array.dtype.kind not in "biuf":
            raise KindError(
                f"{caller}: `x` must hold real numbers; got dtype {array.dtype}. Encode the rest as numbers."
            )
        data = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    if data.is_complex():
        raise KindError(f"{caller}: `x` must hold real numbers; got dtype {data.dtype}.")
    if data.ndim < 2 or data.numel() == 0:
        raise ShapeError(
            f"{caller}: `x` must have a row per sample and at least one feature; got shape {tuple(data.shape)}."
        )
    data = data.to(torch.float32)
    sound = torch.isfinite(data.flatten(1)).all(1)
    if not sound.all():
        raise NonFiniteError(
            f"{caller}: `x` holds NaN or infinity in {int((~sound).sum())} of {len(data)} rows. "
            "Drop or impute those rows first."
        )
    if law is not None and (reason := law.refusal(data)) is not None:
        raise ParameterError(f"{caller}: {reason}.")
    return data


def check_whole(value: Any, least: int, caller: str, name: str) -> None:
    """Refuse a setting that is no whole number of at least so much; 2.0 is none, since it cannot count."""
    if not isinstance(value, numbers.Integral) or value < least:
        raise ParameterError(f"{caller}: `{name}` must be a whole number, at least {least}; got {value!r}.")


def check_positive(value: Any, caller: str, name: str) -> None:
    """Refuse a setting that is no positive finite number."""
    if not (isinstance(value, numbers.Real) and 0 < float(value) < math.inf):
        raise ParameterError(f"{caller}: `{name}` must be a positive finite number; got {value!r}.")


def batch_seed(seed: int, step: int, stream: int = 0) -> int:
    """Mix a seed, a step and the number of a stream into 32 bits, which is all that torch's CPU generator uses."""
    return int(np.random.SeedSequence((seed, step, stream)).generate_state(1)[0])
