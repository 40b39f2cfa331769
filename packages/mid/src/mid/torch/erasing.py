"""Random erasing: training images with a rectangle missing.

References
----------
- Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, "Random Erasing Data Augmentation", AAAI 2020.
- V.-H. Tran, N.-B. Tran, S. T. Mai, H.-T. Pham, N.-M. Cheung, "Defending against Model Inversion Attacks via Random
  Erasing", 2024.
"""

import dataclasses
import math
from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from mid.torch._training import Moment
from mid.torch.defences import Defence

__all__ = ["RandomErasing"]


@dataclasses.dataclass(frozen=True)
class RandomErasing(Defence):
    """Erase a random rectangle of every training image.

    Parameters
    ----------
    shape : tuple of three ints
        Channels, height and width of an image; a row of the data is an image in this order, flat.
    area : tuple of two floats
        Range of the rectangle's share of the image, in (0, 1]; uniform in between. Sides are rounded to whole pixels
        and cut to the image.
    aspect : tuple of two floats
        Range of its height over its width, log-uniform in between.
    probability : float
        Share of images that are erased.
    fill : float
        What takes the place of the pixels.

    Raises
    ------
    ParameterError
        If a range or a size is not as said.

    Examples
    --------
    >>> erase = RandomErasing((1, 8, 8), area=(0.25, 0.25), aspect=(1.0, 1.0))
    >>> gone = erase.rectangles(3, torch.Generator().manual_seed(0))
    >>> gone.sum((1, 2)).tolist()  # 4 x 4 of 64 pixels
    [16, 16, 16]
    """

    shape: tuple[int, int, int]
    area: tuple[float, float] = (0.1, 0.4)
    aspect: tuple[float, float] = (0.5, 2.0)
    probability: float = 1.0
    fill: float = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ParameterError(
                f"RandomErasing: `shape` must be (channels, height, width), all positive; got {self.shape!r}."
            )
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise ParameterError(f"RandomErasing: `area` must be a range in (0, 1]; got {self.area!r}.")
        if not 0 < self.aspect[0] <= self.aspect[1] < math.inf:
            raise ParameterError(f"RandomErasing: `aspect` must be a range of positive numbers; got {self.aspect!r}.")
        if not 0 <= self.probability <= 1:
            raise ParameterError(f"RandomErasing: `probability` must be in [0, 1]; got {self.probability!r}.")

    def rectangles(self, n: int, generator: torch.Generator) -> Bool[Tensor, "n h w"]:
        """Draw what is erased.

        Parameters
        ----------
        n : int
            Number of images.
        generator : torch.Generator
            Source of the random numbers, on the CPU.

        Returns
        -------
        tensor of shape (n, h, w)
            True where a pixel is erased.
        """
        _, h, w = self.shape
        u = torch.rand(5, n, generator=generator)
        area = h * w * (self.area[0] + (self.area[1] - self.area[0]) * u[0])
        low, high = math.log(self.aspect[0]), math.log(self.aspect[1])
        aspect = torch.exp(low + (high - low) * u[1])
        height = (area * aspect).sqrt().round().clamp(1, h)
        width = (area / aspect).sqrt().round().clamp(1, w)
        top = (u[2] * (h - height + 1)).floor()
        left = (u[3] * (w - width + 1)).floor()
        rows, columns = torch.arange(h), torch.arange(w)
        inside_rows = (rows >= top[:, None]) & (rows < (top + height)[:, None])
        inside_columns = (columns >= left[:, None]) & (columns < (left + width)[:, None])
        return inside_rows[:, :, None] & inside_columns[:, None, :] & (u[4] < self.probability)[:, None, None]

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Cross-entropy of erased images.

        Parameters
        ----------
        network : module
            Called on records, returns logits.
        x : tensor of shape (B, dx)
            Records.
        y : tensor of shape (B,)
            Class numbers.
        moment : Moment
            Source of the random numbers.

        Returns
        -------
        mapping of str to Tensor
            "loss".

        Raises
        ------
        ParameterError
            If an image of `shape` does not have `dx` values.
        """
        if math.prod(self.shape) != x.shape[1]:
            raise ParameterError(
                f"RandomErasing: `shape` {tuple(self.shape)} has {math.prod(self.shape)} values; the data have "
                f"{x.shape[1]} columns."
            )
        gone = self.rectangles(len(x), moment.generator).to(x.device)
        images = x.reshape(-1, *self.shape).masked_fill(gone[:, None], self.fill)
        return {"loss": functional.cross_entropy(network(images.flatten(1)), y)}
