"""`ModuleTarget`: any torch classifier as the target of an attack, white box and black box."""

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from infocore.errors import ParameterError, ShapeError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.torch.bottleneck import BottleneckHead

__all__ = ["ModuleTarget"]


@dataclasses.dataclass(frozen=True, eq=False)
class ModuleTarget:
    """A torch classifier that answers attacks: `mid.attacks.Target` and `mid.torch.protocols.WhiteBox` in one.

    Parameters
    ----------
    head : torch.nn.Module
        From features (B, F) to logits (B, C). A `BottleneckHead` makes the answers noisy.
    body : torch.nn.Module, optional
        From records (B, dx) to features (B, F). Left out, `head` is the whole network and the records are its features.

    Notes
    -----
    Modules are used as they are: put them in evaluation mode first. Records are sent to the device of the parameters,
    and come back as NumPy arrays from `release`. Classes are the columns 0 to C - 1 of the logits.

    Examples
    --------
    >>> layer = nn.utils.skip_init(nn.Linear, 2, 2)
    >>> layer.load_state_dict({"weight": torch.eye(2), "bias": torch.zeros(2)})
    <All keys matched successfully>
    >>> ModuleTarget(layer).release([[3.0, 1.0]], output="labels").tolist()
    [0]
    """

    head: nn.Module
    body: nn.Module = dataclasses.field(default_factory=nn.Identity)

    def draws(self, x: Tensor, count: int | None, generator: torch.Generator | None) -> Tensor:
        """Logits of several draws of the noise, differentiable in `x`.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.
        count : int or None
            Number of draws; None for the answer without noise, as one draw.
        generator : torch.Generator or None
            Source of the noise; needed for a noisy head unless `count` is None.

        Returns
        -------
        tensor of shape (count, B, C)
            Logits; without a noisy head `count` equal draws.

        Raises
        ------
        ParameterError
            If `count` is less than 1, or noise is wanted and no generator came.
        ShapeError
            If the records are not a matrix or the logits are not.
        """
        if x.ndim != 2:
            raise ShapeError(f"ModuleTarget.draws: `x` must be a matrix of flat records; got {tuple(x.shape)}.")
        if count is not None and count < 1:
            raise ParameterError(f"ModuleTarget.draws: `count` must be at least 1, or None; got {count}.")
        h = self.body(x)  # carries no noise: once is enough
        if isinstance(self.head, BottleneckHead):
            if count is None:
                return self.head(h, sample=False).logits[None]
            if generator is None:
                raise ParameterError(
                    "ModuleTarget.draws: `generator` must be given where a head is noisy; got None. Pass "
                    "torch.Generator().manual_seed(...), or count=None for the answer without noise."
                )
            rows = h.repeat(count, 1)
            return self.head(rows, generator).logits.reshape(count, len(x), -1)
        logits = self.head(h)
        if logits.ndim != 2:
            raise ShapeError(
                f"ModuleTarget.draws: `head` must answer with logits of shape (B, C); got {tuple(logits.shape)}."
            )
        return logits.expand(count or 1, *logits.shape)

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, without noise, differentiable in `x`.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.

        Returns
        -------
        tensor of shape (B, F)
            Features; the mean latent of a noisy head.
        """
        h = self.body(x)
        return self.head.encode(h)[0] if isinstance(self.head, BottleneckHead) else h

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "logits",
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[Any]:
        """Answer a batch of queries (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"labels", "probabilities", "logits"}
            What is released.
        queries : int
            How often each record is asked; scores are averaged, of labels the most frequent one is taken.
        access : {"sampled", "mean"}
            Noisy answers or the answer without noise.
        rng : int or numpy.random.Generator
            Seed of the noise.

        Returns
        -------
        array of shape (n, C), or (n,) for labels
            The answers.

        Raises
        ------
        ParameterError
            If `output` is "values", or a setting is not among its values.
        """
        check_release("ModuleTarget.release", output, queries, access)
        if output == "values":
            raise ParameterError("ModuleTarget.release: `output` must not be 'values': this is a classifier.")
        source = next(self.head.parameters(), torch.zeros(()))
        x = torch.as_tensor(np.asarray(X), dtype=source.dtype, device=source.device)
        generator = torch.Generator().manual_seed(int(np.random.default_rng(rng).integers(2**63)))
        count = queries if access == "sampled" and isinstance(self.head, BottleneckHead) else None
        with torch.no_grad():
            logits = self.draws(x, count, generator)
            if output == "labels":
                votes = nn.functional.one_hot(logits.argmax(2), logits.shape[2]).sum(0)
                return votes.argmax(1).cpu().numpy()
            scores = logits if output == "logits" else logits.softmax(2)
            return scores.mean(0).cpu().numpy()
