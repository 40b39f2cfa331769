"""Augmentation of images (InfoNCE compares two views of each, other models train on one), and corruption for DAE."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from infocore.errors import ParameterError

__all__ = ["Affine", "Corruption", "ShiftNoise", "View", "view_from_dict"]


@dataclasses.dataclass(frozen=True)
class ShiftNoise:
    """Shift each image by whole pixels, fill with zeros, add normal noise; flat images in, flat images out.

    Parameters
    ----------
    height, width : int
        Of the image in a row of data.
    max_shift : int
        Shifts are uniform in ``-max_shift..max_shift`` for rows and for columns.
    noise : float
        Standard deviation of the noise; values may leave [0, 1].

    Raises
    ------
    ParameterError
        If a number is out of range.

    Examples
    --------
    >>> view = ShiftNoise(2, 2, max_shift=0, noise=0.0)
    >>> view(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.Generator()).tolist()
    [[1.0, 2.0, 3.0, 4.0]]
    """

    height: int
    width: int
    max_shift: int = 1
    noise: float = 0.1
    kind: ClassVar[str] = "shift"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ParameterError(f"ShiftNoise: `height` and `width` must be positive; got {self.height}, {self.width}.")
        if not 0 <= self.max_shift < min(self.height, self.width):
            raise ParameterError(f"ShiftNoise: `max_shift` must be in 0..min(height, width) - 1; got {self.max_shift}.")
        if not self.noise >= 0:
            raise ParameterError(f"ShiftNoise: `noise` must not be negative; got {self.noise!r}.")

    @property
    def n_features(self) -> int:
        """Of a flat image."""
        return self.height * self.width

    def __call__(self, x: Float[Tensor, "B n"], generator: torch.Generator) -> Float[Tensor, "B n"]:
        """Return one random view of each row.

        Parameters
        ----------
        x : tensor of shape (B, height * width)
            Flat images.
        generator : torch.Generator
            On the CPU, so that a seed gives the same views on every device.

        Returns
        -------
        tensor of shape (B, height * width)
            The views.
        """
        size = len(x)
        reach = (-self.max_shift, self.max_shift + 1)
        down, right = torch.randint(*reach, (2, size, 1), generator=generator)
        rows, inside_rows = _source(self.height, down)
        columns, inside_columns = _source(self.width, right)
        place = (rows[:, :, None] * self.width + columns[:, None, :]).flatten(1)
        inside = (inside_rows[:, :, None] & inside_columns[:, None, :]).flatten(1)
        noise = self.noise * torch.randn(x.shape, generator=generator)
        return x.gather(1, place.to(x.device)) * inside.to(x) + noise.to(x)


def _source(length: int, shift: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each place of a shifted axis comes from, and whether that is inside."""
    place = torch.arange(length) - shift
    return place.clamp(0, length - 1), (place >= 0) & (place < length)


@dataclasses.dataclass(frozen=True)
class Affine:
    """Turn, shift, scale and shear each image at random, with bilinear pixels and zeros outside.

    Parameters
    ----------
    shape : (int, int, int)
        Channels, height and width; flat images in, flat images out.
    degrees, shear : float
        Largest angle of rotation and of shear, in degrees.
    shift : float
        Largest shift, as a share of the side, of the image before it is scaled.
    scale : (float, float)
        Range of the scale.
    probability : float
        Of changing an image at all.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Notes
    -----
    The defaults are those of MNIST in code of MIM's authors (an affine map with probability 1/2); whether the cMIM
    papers augment so is not known.

    Examples
    --------
    >>> view = Affine((1, 8, 8))
    >>> view(torch.zeros(5, 64), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 64])
    """

    shape: tuple[int, int, int]
    degrees: float = 10.0
    shift: float = 0.1
    scale: tuple[float, float] = (0.8, 1.2)
    shear: float = 5.0
    probability: float = 0.5
    kind: ClassVar[str] = "affine"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "scale", tuple(self.scale))
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ParameterError(f"Affine: `shape` must be (channels, height, width); got {self.shape}.")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ParameterError(f"Affine: `scale` must be an increasing pair above 0; got {self.scale}.")
        if not 0 <= self.probability <= 1:
            raise ParameterError(f"Affine: `probability` must be in [0, 1]; got {self.probability!r}.")
        for name in ("degrees", "shift", "shear"):
            if not getattr(self, name) >= 0:
                raise ParameterError(f"Affine: `{name}` must not be negative; got {getattr(self, name)!r}.")

    @property
    def n_features(self) -> int:
        """Of a flat image."""
        return math.prod(self.shape)

    def __call__(self, x: Float[Tensor, "B ..."], generator: torch.Generator) -> Float[Tensor, "B ..."]:
        """Return one random view of each image.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Images, flat or not.
        generator : torch.Generator
            On the CPU, so that a seed gives the same views on every device.

        Returns
        -------
        tensor of the shape of `x`
            The views; values in [0, 1] stay there.
        """
        u = 2 * torch.rand(6, len(x), generator=generator) - 1
        angle, shear = u[0] * math.radians(self.degrees), torch.tan(u[1] * math.radians(self.shear))
        low, high = self.scale
        size = low + (high - low) * 0.5 * (u[2] + 1)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).unflatten(1, (2, 2))
        slant = torch.eye(2).repeat(len(x), 1, 1)
        slant[:, 0, 1] = shear
        maps = torch.cat([turn @ slant / size[:, None, None], 2 * self.shift * u[3:5].T[:, :, None]], 2)
        aspect = self.shape[1] / self.shape[2]  # places are counted in half sides
        maps[:, 0, 1] *= aspect
        maps[:, 1, 0] /= aspect
        maps = torch.where((0.5 * (u[5] + 1) < self.probability)[:, None, None], maps, torch.eye(2, 3))
        images = x.reshape(len(x), *self.shape)
        grid = functional.affine_grid(maps.to(images), list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, align_corners=False).reshape(x.shape)


@dataclasses.dataclass(frozen=True)
class Corruption:
    """What a denoising auto-encoder undoes: features set to zero, and normal noise.

    Parameters
    ----------
    mask : float
        Chance of each feature to be set to zero.
    noise : float
        Standard deviation of the noise.

    Raises
    ------
    ParameterError
        If a number is out of range.

    References
    ----------
    .. [1] P. Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", ICML 2008.

    Examples
    --------
    >>> Corruption(mask=1.0)(torch.ones(1, 2), torch.Generator()).tolist()
    [[0.0, 0.0]]
    """

    mask: float = 0.3
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.mask <= 1:
            raise ParameterError(f"Corruption: `mask` must be in [0, 1]; got {self.mask!r}.")
        if not self.noise >= 0:
            raise ParameterError(f"Corruption: `noise` must not be negative; got {self.noise!r}.")

    def __call__(self, x: Float[Tensor, "B ..."], generator: torch.Generator) -> Float[Tensor, "B ..."]:
        """Return a corrupted copy.

        Parameters
        ----------
        x : tensor of shape (B, ...)
            Data.
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        tensor of the shape of `x`
            What the encoder sees.
        """
        kept = torch.rand(x.shape, generator=generator) >= self.mask
        x = x * kept.to(x)
        return x + self.noise * torch.randn(x.shape, generator=generator).to(x) if self.noise else x


View = ShiftNoise | Affine


def view_from_dict(fields: Mapping[str, Any]) -> View:
    """Build a view from its fields and its ``kind``.

    Parameters
    ----------
    fields : mapping
        ``{"kind": "shift" | "affine", ...}``.

    Returns
    -------
    ShiftNoise or Affine
        Checked like any other.

    Raises
    ------
    ParameterError
        If the kind is unknown.

    Examples
    --------
    >>> view_from_dict({"kind": "shift", "height": 8, "width": 8}).n_features
    64
    """
    kinds: dict[Any, Any] = {made.kind: made for made in (ShiftNoise, Affine)}
    given = dict(fields)
    kind = given.pop("kind", None)
    if kind not in kinds:
        raise ParameterError(f"views: `kind` must be one of {', '.join(kinds)}; got {kind!r}.")
    return kinds[kind](**given)
