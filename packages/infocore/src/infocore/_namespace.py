"""The dozen array functions that `infocore.bounds` needs, for numpy and for torch.

torch is never imported here: an array that comes from torch brings it along. The array library of a result is that
of its first argument; its dtype is kept, except that integers become float64.
"""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infocore.errors import KindError

__all__ = ["Array", "namespace"]

Array = Any  # np.ndarray or torch.Tensor


class _Numpy:
    """numpy, with a log-sum-exp that allows -inf."""

    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    clip = staticmethod(np.clip)

    @staticmethod
    def asarray(a: ArrayLike, name: str) -> Array:
        out = np.asarray(a)
        if out.dtype.kind in "biu":
            return out.astype(np.float64)
        if out.dtype.kind != "f":
            raise KindError(f"{name} must hold real numbers; got dtype {out.dtype}.")
        return out

    @staticmethod
    def mean(a: Array) -> Array:
        return np.mean(a)

    @staticmethod
    def logsumexp(a: Array, axis: int | None) -> Array:
        top = np.max(a, axis=axis, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0).astype(a.dtype)
        with np.errstate(divide="ignore"):
            total = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True)) + top
        return np.squeeze(total, axis=axis)

    @staticmethod
    def softplus(a: Array) -> Array:
        return np.logaddexp(np.zeros((), a.dtype), a)

    @staticmethod
    def diagonal(a: Array) -> Array:
        return np.diagonal(a)

    @staticmethod
    def fill_diagonal(a: Array, value: float) -> Array:
        out = a.copy()
        np.fill_diagonal(out, value)
        return out

    @staticmethod
    def full_like(a: Array, value: float) -> Array:
        return np.full_like(a, value)


class _Torch:
    """torch under the same names; every function is differentiable."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.exp = torch.exp
        self.log = torch.log
        self.clip = torch.clamp
        self.mean = torch.mean
        self.full_like = torch.full_like

    def asarray(self, a: Any, name: str) -> Array:
        if a.is_complex():
            raise KindError(f"{name} must hold real numbers; got dtype {a.dtype}.")
        return a if a.is_floating_point() else a.to(self._torch.float64)

    def logsumexp(self, a: Any, axis: int | None) -> Array:
        return self._torch.logsumexp(a.reshape(-1), 0) if axis is None else self._torch.logsumexp(a, axis)

    def softplus(self, a: Any) -> Array:
        # not torch's own softplus, which is linear above 20 and so off by 2e-9 there
        return self._torch.logaddexp(a, self._torch.zeros((), dtype=a.dtype, device=a.device))

    def diagonal(self, a: Any) -> Array:
        return self._torch.diagonal(a)

    def fill_diagonal(self, a: Any, value: float) -> Array:
        rows, columns = a.shape
        eye = self._torch.eye(rows, columns, dtype=self._torch.bool, device=a.device)
        return a.masked_fill(eye, value)


_NUMPY = _Numpy()


def namespace(a: Any) -> Any:
    """Return the functions above for the library that `a` comes from.

    Parameters
    ----------
    a : array
        A numpy array, anything `numpy.asarray` takes, or a torch tensor.

    Returns
    -------
    object
        A namespace with the functions of this module.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(a, torch.Tensor):
        return _Torch(torch)
    return _NUMPY
