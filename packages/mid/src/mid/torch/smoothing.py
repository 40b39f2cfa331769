r"""Label smoothing, with the sign that hides and the sign that reveals.

References
----------
- L. Struppek, D. Hintersdorf, K. Kersting, "Be Careful What You Smooth For: Label Smoothing Can Be a Privacy Shield but
  Also a Catalyst for Model Inversion Attacks", ICLR 2024.
"""

import dataclasses
import warnings
from collections.abc import Mapping

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, TrainingWarning
from mid.torch._training import Moment
from mid.torch.defences import Defence
from mid.torch.networks import Plain

__all__ = ["LabelSmoothing", "smoothed_cross_entropy"]


def smoothed_cross_entropy(logits: Float[Tensor, "B C"], y: Int[Tensor, " B"], alpha: float) -> Float[Tensor, ""]:
    r"""Cross-entropy with the label ``(1 - alpha) onehot + alpha / C``.

    .. math:: (1 - \alpha) (-\log p_y) + \alpha \frac1C \sum_c -\log p_c

    Parameters
    ----------
    logits : tensor of shape (B, C)
        Class scores.
    y : tensor of shape (B,)
        Class numbers.
    alpha : float
        Weight of the uniform label; may be negative.

    Returns
    -------
    tensor of shape ()
        Mean over the batch, in nats. With a negative `alpha` it has no lower bound.

    Examples
    --------
    >>> import torch
    >>> round(smoothed_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), -0.05).item(), 4)  # log 2 for any alpha
    0.6931
    """
    log_p = functional.log_softmax(logits, 1)
    return (1.0 - alpha) * functional.nll_loss(log_p, y) - alpha * log_p.mean()


@dataclasses.dataclass(frozen=True)
class LabelSmoothing(Defence):
    """Smoothed labels, with a weight that starts at 0.

    Parameters
    ----------
    alpha : float
        Weight of the uniform label, in (-1, 1). Negative values reduce what inversion finds, **positive values raise
        it**: they come with a `TrainingWarning`.
    schedule : tuple of two floats
        Shares of the training at which the weight leaves 0 and at which it is `alpha`, linear in between.

    Raises
    ------
    ParameterError
        If `alpha` is outside its range, or the schedule is not increasing in [0, 1].

    Examples
    --------
    >>> [LabelSmoothing(-0.08).weight(progress) for progress in (0.5, 0.625, 0.9)]
    [0.0, -0.04, -0.08]
    """

    alpha: float = -0.05
    schedule: tuple[float, float] = (0.5, 0.75)

    def __post_init__(self) -> None:
        if not -1 < self.alpha < 1:
            raise ParameterError(f"LabelSmoothing: `alpha` must be in (-1, 1); got {self.alpha!r}.")
        start, full = self.schedule
        if not 0 <= start <= full <= 1:
            raise ParameterError(
                f"LabelSmoothing: `schedule` must be two shares, 0 <= start <= full <= 1; got {self.schedule!r}."
            )

    def weight(self, progress: float) -> float:
        """Weight of the uniform label at one moment.

        Parameters
        ----------
        progress : float
            Share of the training that is done.

        Returns
        -------
        float
            Between 0 and `alpha`.
        """
        start, full = self.schedule
        if progress >= full:
            return self.alpha
        return self.alpha * (progress - start) / (full - start) if progress > start else 0.0

    def prepare(self, network: Plain) -> None:
        """Warn of a positive weight.

        Parameters
        ----------
        network : Plain
            Not looked at.
        """
        del network
        if self.alpha > 0:
            warnings.warn(
                f"LabelSmoothing: `alpha` is {self.alpha:g}. Positive label smoothing makes model inversion easier; "
                "as a defence use a negative value such as -0.05.",
                TrainingWarning,
                stacklevel=3,
            )

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Smoothed cross-entropy.

        Parameters
        ----------
        network : module
            Called on `x`, returns logits.
        x : tensor of shape (B, dx)
            Records.
        y : tensor of shape (B,)
            Class numbers.
        moment : Moment
            Says the weight.

        Returns
        -------
        mapping of str to Tensor
            "loss".
        """
        return {"loss": smoothed_cross_entropy(network(x), y, self.weight(moment.progress))}
