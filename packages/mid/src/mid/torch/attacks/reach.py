"""`Reach`: white-box questions to a target, with an expectation over its noise, every one of them counted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infocore.errors import NonFiniteError, ParameterError
from mid.attacks.protocols import Access
from mid.torch._device import device_of
from mid.torch.attacks.reconstructions import ClassReconstructions, settings_of
from mid.torch.protocols import WhiteBox

__all__ = ["Reach"]


class Reach:
    """What a white-box attack asks of a target, and how often.

    A stochastic target is not attacked through one draw: a loss is averaged over `draws` fresh draws at each step
    (an expectation over the noise), or the noise is left out. Whether a target is noisy is found out by asking twice;
    one without noise is then asked once instead of `draws` times.

    Parameters
    ----------
    target : WhiteBox
        The network.
    probe : tensor of shape (B, dx)
        Rows used to find out whether answers are noisy and how many classes there are.
    draws : int
        Draws averaged at each step, of a noisy target.
    access : {"sampled", "mean"}
        Noisy answers or the answer without noise.
    seed : int
        Seed of the target's noise.

    Attributes
    ----------
    device : torch.device
        Where the target's parameters are: rows asked about must be there, and so are the answers.
    count : int or None
        Draws per question; None without noise.
    noisy : bool
        Whether two draws differed.
    classes : int
        Columns of the logits.
    queries, steps : int
        Answers asked so far, and gradient steps taken by the attack.
    generator : torch.Generator
        Source of the noise, on the CPU, so that what is drawn does not depend on the device.
    probe : tensor of shape (B, dx)
        As given, on `device`.

    Raises
    ------
    ParameterError
        If `draws` is less than 1 or `access` is not one of its values.

    Examples
    --------
    >>> from mid.torch.attacks import ModuleTarget
    >>> from infocore.torch.layers import linear
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> reach = Reach(target, torch.zeros(1, 4), draws=8, access="sampled", seed=0)
    >>> reach.noisy, reach.classes, reach.logits(torch.zeros(5, 4)).shape, reach.queries
    (False, 3, torch.Size([1, 5, 3]), 7)
    """

    def __init__(self, target: WhiteBox, probe: Tensor, *, draws: int, access: Access, seed: int) -> None:
        if draws < 1:
            raise ParameterError(f"Reach: `draws` must be at least 1; got {draws}.")
        if access not in ("sampled", "mean"):
            raise ParameterError(f'Reach: `access` must be "sampled" or "mean"; got {access!r}.')
        self.target = target
        self.device = device_of(target)
        self.probe = probe.to(self.device)
        self.generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            answers = target.draws(self.probe, 2, self.generator)
        self.noisy = bool((answers[0] != answers[1]).any())
        self.count = draws if self.noisy and access == "sampled" else None
        self.classes = int(answers.shape[2])
        self.queries = 2 * len(probe)
        self.steps = 0

    def logits(self, x: Tensor) -> Tensor:
        """Ask for the logits of some rows.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Rows.

        Returns
        -------
        tensor of shape (count, B, C)
            One draw where there is no noise.

        Raises
        ------
        NonFiniteError
            If the target answers with NaN or infinity.
        """
        self.queries += len(x) * (self.count or 1)
        logits = self.target.draws(x, self.count, None if self.count is None else self.generator)
        if not bool(torch.isfinite(logits).all()):
            raise NonFiniteError(
                "Reach.logits: the target answers with NaN or infinity; attack it at finite inputs, or release its "
                "logits in float32."
            )
        return logits

    def features(self, x: Tensor) -> Tensor:
        """Ask for the features of some rows, without noise.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Rows.

        Returns
        -------
        tensor of shape (B, F)
            Features.
        """
        self.queries += len(x)
        return self.target.features(x)

    def score(self, x: Tensor, classes: Tensor) -> Tensor:
        """Probability of a class for each row, averaged over fresh draws.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Rows.
        classes : tensor of shape (B,)
            The class asked about.

        Returns
        -------
        tensor of shape (B,)
            Log of the mean probability, in nats; finite however small it is.
        """
        with torch.no_grad():
            logs = self.logits(x).log_softmax(2)
            own = logs.gather(2, classes.expand(len(logs), -1)[..., None])[..., 0]
            return own.logsumexp(0) - float(np.log(len(own)))

    def wanted(self, classes: Sequence[int] | None) -> Tensor:
        """Class numbers to attack: those given, or all.

        Parameters
        ----------
        classes : sequence of int, optional
            Columns of the logits.

        Returns
        -------
        tensor of shape (n,)
            Class numbers, on `device`.

        Raises
        ------
        ParameterError
            If one is not a column of the logits, or there is none.
        """
        chosen = list(range(self.classes)) if classes is None else [int(c) for c in classes]
        if not chosen or min(chosen) < 0 or max(chosen) >= self.classes:
            raise ParameterError(
                f"Reach.wanted: `classes` must name at least one of the target's classes 0 to {self.classes - 1}; "
                f"got {chosen}."
            )
        return torch.tensor(chosen).to(self.device)

    def result(self, attack: Any, images: Tensor, classes: Tensor, *, more_queries: int = 0) -> ClassReconstructions:
        """Score the final images once more, and freeze them.

        Parameters
        ----------
        attack : dataclass
            The settings, for the record.
        images, classes : tensor of shape (n, dx), tensor of shape (n,)
            Reconstructions and the classes they are meant to show.
        more_queries : int
            Queries asked elsewhere, as for the training of a generator.

        Returns
        -------
        ClassReconstructions
            The answer of the attack.
        """
        scores = self.score(images, classes).exp()
        return ClassReconstructions(
            images=images.detach().cpu().numpy().astype(np.float32),
            classes=classes.cpu().numpy().astype(np.int64),
            scores=scores.cpu().numpy().astype(np.float32),
            queries=self.queries + more_queries,
            steps=self.steps,
            settings=settings_of(attack),
        )
