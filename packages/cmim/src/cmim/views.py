"""Two views of an image, for the InfoNCE baseline: a small shift and noise. Crude on purpose, and the same for all."""

import dataclasses

import torch
from jaxtyping import Float
from torch import Tensor

from infocore.errors import ParameterError

__all__ = ["ShiftNoise"]


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

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ParameterError(f"ShiftNoise: `height` and `width` must be positive; got {self.height}, {self.width}.")
        if not 0 <= self.max_shift < min(self.height, self.width):
            raise ParameterError(f"ShiftNoise: `max_shift` must be in 0..min(height, width) - 1; got {self.max_shift}.")
        if not self.noise >= 0:
            raise ParameterError(f"ShiftNoise: `noise` must not be negative; got {self.noise!r}.")

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
