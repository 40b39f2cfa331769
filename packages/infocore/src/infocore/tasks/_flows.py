"""Random invertible maps, drawn by seed: bends that no list of transforms foresees."""

import dataclasses
import functools

import numpy as np

from infocore._validate import Floats
from infocore.tasks._maps import normal_cdf
from infocore.tasks._task import Map

__all__ = ["Columns", "Flow", "Shear", "Shuffle", "cauchy_quantile", "pareto"]

HIDDEN = 16
STRETCH = 0.6  # log of the largest factor by which a layer stretches or shrinks a column
# rotation, weights and offsets of the hidden layer, weights of the stretch and of the shift
Layer = tuple[Floats, Floats, Floats, Floats, Floats]


@dataclasses.dataclass(frozen=True)
class Flow:
    r"""Affine couplings between random rotations.

    In each layer, after a rotation, the first half of the columns, h, sets how the rest, r, is stretched and shifted:
    :math:`r \mapsto r\, e^{s(h)} + t(h)` with random s and t. As h is left as it is, the layer can be undone.

    Parameters
    ----------
    dim : int
        Columns, at least 2.
    seed : int
    depth : int
        Number of layers.

    References
    ----------
    .. [1] L. Dinh, J. Sohl-Dickstein, S. Bengio, "Density estimation using Real NVP", ICLR 2017, arXiv:1605.08803.
    """

    dim: int
    seed: int
    depth: int = 3

    def __call__(self, a: Floats) -> Floats:
        for layer in _layers(self.dim, self.seed, self.depth):
            a = a @ layer[0].T
            stretch, shift = self._coupling(a, layer)
            a = np.concatenate([a[:, : self._half], a[:, self._half :] * np.exp(stretch) + shift], axis=1)
        return a

    def inverse(self, b: Floats) -> Floats:
        """Undo the map."""
        for layer in reversed(_layers(self.dim, self.seed, self.depth)):
            stretch, shift = self._coupling(b, layer)
            rest = (b[:, self._half :] - shift) * np.exp(-stretch)
            b = np.concatenate([b[:, : self._half], rest], axis=1) @ layer[0]
        return b

    @property
    def _half(self) -> int:
        return self.dim // 2

    def _coupling(self, a: Floats, layer: Layer) -> tuple[Floats, Floats]:
        _, inner, offset, stretch, shift = layer
        hidden = np.tanh(a[:, : self._half] @ inner + offset)
        return STRETCH * np.tanh(hidden @ stretch), hidden @ shift


@functools.cache
def _layers(dim: int, seed: int, depth: int) -> list[Layer]:
    rng = np.random.default_rng(seed)
    half = dim // 2

    def layer() -> Layer:
        rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
        inner = 1.5 / np.sqrt(half) * rng.standard_normal((half, HIDDEN))
        offset = rng.standard_normal(HIDDEN)
        stretch, shift = (1.2 / np.sqrt(HIDDEN) * rng.standard_normal((HIDDEN, dim - half)) for _ in range(2))
        return np.asarray(rotation, np.float64), inner, offset, stretch, shift

    return [layer() for _ in range(depth)]


@dataclasses.dataclass(frozen=True)
class Columns:
    """Apply a map to some columns and leave the rest.

    Parameters
    ----------
    change : callable
    columns : tuple of int
    """

    change: Map
    columns: tuple[int, ...]

    def __call__(self, a: Floats) -> Floats:
        out = a.copy()
        out[:, self.columns] = self.change(a[:, self.columns])
        return out


@dataclasses.dataclass(frozen=True)
class Shear:
    """Shift column 0 by a sine of column 1.

    Parameters
    ----------
    amplitude, frequency : float
    """

    amplitude: float
    frequency: float

    def __call__(self, a: Floats) -> Floats:
        out = a.copy()
        out[:, 0] += self.amplitude * np.sin(self.frequency * a[:, 1])
        return out


@dataclasses.dataclass(frozen=True)
class Shuffle:
    """Standard normal to uniform, then cut [0, 1) into equal pieces and put them in another order.

    Parameters
    ----------
    order : tuple of int
        Where each piece goes.
    """

    order: tuple[int, ...]

    def __call__(self, a: Floats) -> Floats:
        k = len(self.order)
        u = k * normal_cdf(a)
        piece = np.minimum(u.astype(np.int64), k - 1)
        return (np.array(self.order)[piece] + u - piece) / k


def cauchy_quantile(u: Floats) -> Floats:
    """Uniform on (0, 1) to Cauchy, column by column."""
    return np.tan(np.pi * (u - 0.5))


def pareto(a: Floats) -> Floats:
    """Standard normal to Pareto with tail exponent 1.1, whose variance is infinite; column by column."""
    return normal_cdf(-a) ** (-1.0 / 1.1)
