r"""PLG-MI: a conditional GAN under pseudo-labels of the target, and a max-margin search of its latent space.

The target labels public records: of each class the `top` records it is surest about. Of those a conditional GAN is
trained with a hinge loss and a price on what the target does not take for the class,

.. math::

    L_D &= E[\max(0, 1 - D(x, c))] + E[\max(0, 1 + D(G(z, c), c))] \\
    L_G &= -E D(G(z, c), c) + \alpha\, E[-m_c + \max_{j \ne c} m_j], \qquad m = T(G(z, c)).

References
----------
- X. Yuan et al., "Pseudo Label-Guided Model Inversion Attack via Conditional Generative Adversarial Network",
  AAAI 2023.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from infocore.errors import ParameterError, TooFewSamplesError
from infocore.torch.training import ArrayBatches
from mid.attacks.protocols import Access, Needs
from mid.torch.attacks.gan import GAN, adams, descend, public_rows
from mid.torch.attacks.gan_networks import Convolutional, Dense
from mid.torch.attacks.losses import AttackLoss, MaxMargin
from mid.torch.attacks.reach import Reach
from mid.torch.attacks.reconstructions import ClassReconstructions
from mid.torch.protocols import WhiteBox

__all__ = ["PLGMI", "PseudoLabelGAN", "RandomShift", "pseudo_labels"]

Views = Callable[[Tensor, torch.Generator], Tensor]


@dataclasses.dataclass(frozen=True)
class RandomShift:
    """Augmented views: each image moved by a few pixels, with zeros moving in.

    Parameters
    ----------
    shape : tuple of (channels, height, width)
        Of an image.
    pixels : int
        Largest shift, up, down or sideways.

    Examples
    --------
    >>> RandomShift((1, 4, 4))(torch.ones(3, 16), torch.Generator().manual_seed(0)).shape
    torch.Size([3, 16])
    """

    shape: tuple[int, int, int]
    pixels: int = 1

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Move the images of a batch.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Flat images.
        generator : torch.Generator
            Source of the shifts, on the CPU.

        Returns
        -------
        tensor of shape (B, dx)
            Moved images, differentiable in `x`.
        """
        _, height, width = self.shape
        padded = functional.pad(x.reshape(len(x), *self.shape), [self.pixels] * 4)
        top, left = torch.randint(2 * self.pixels + 1, (2, len(x)), generator=generator)
        rows = (top[:, None] + torch.arange(height))[:, None, :, None]
        columns = (left[:, None] + torch.arange(width))[:, None, None, :]
        images = torch.arange(len(x))[:, None, None, None]
        channels = torch.arange(self.shape[0])[None, :, None, None]
        places = (a.to(x.device) for a in (images, channels, rows, columns))
        return padded[tuple(places)].flatten(1)


def pseudo_labels(confidences: ArrayLike, top: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each class the records a target is surest about.

    Parameters
    ----------
    confidences : array of shape (m, C)
        The target's probabilities of public records.
    top : int
        Records per class.

    Returns
    -------
    tuple of two arrays of shape (C * top,)
        Row numbers and classes. A record may stand under several classes.

    Raises
    ------
    TooFewSamplesError
        If there are fewer than `top` records.

    Examples
    --------
    >>> rows, classes = pseudo_labels([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], top=1)
    >>> rows.tolist(), classes.tolist()
    ([0, 1], [0, 1])
    """
    p = np.asarray(confidences)
    if not 1 <= top <= len(p):
        raise TooFewSamplesError(f"pseudo_labels: `top` must be in 1..{len(p)}, the number of records; got {top}.")
    best = np.argsort(-p, axis=0, kind="stable")[:top]
    return best.T.reshape(-1), np.repeat(np.arange(p.shape[1]), top)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PseudoLabelGAN:
    """Settings of the conditional GAN of PLG-MI.

    Parameters
    ----------
    latent, network, steps, critic_steps, batch_size, learning_rate, betas, seed
        As in `WGAN`.
    top : int
        Public records per class.
    margin : float
        Weight of the max-margin loss in the generator's.
    views : callable, optional
        From images (B, dx) and a `torch.Generator` to augmented images, before the target sees them.
    draws : int
        Draws of a noisy target's noise over which its loss is averaged.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.

    Raises
    ------
    ParameterError
        If a count is less than 1.

    Examples
    --------
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import ModuleTarget
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> x = np.random.default_rng(0).random((80, 4))
    >>> gan = PseudoLabelGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16, top=10).fit(x, target)
    >>> gan.images(torch.zeros(2, 2), torch.tensor([0, 2])).shape
    torch.Size([2, 4])
    """

    latent: int = 16
    network: Dense | Convolutional = dataclasses.field(default_factory=Dense)
    steps: int = 2000
    critic_steps: int = 5
    batch_size: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.9)
    top: int = 30
    margin: float = 0.2
    views: Views | None = None
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("latent", "steps", "critic_steps", "batch_size", "top"):
            if getattr(self, name) < 1:
                raise ParameterError(f"PseudoLabelGAN: `{name}` must be at least 1; got {getattr(self, name)}.")

    def fit(self, x_public: ArrayLike, target: WhiteBox) -> GAN:
        """Let the target label public records, and train on the ones it is surest about.

        Parameters
        ----------
        x_public : array of shape (m, dx)
            Flat images in [0, 1].
        target : WhiteBox
            The network.

        Returns
        -------
        GAN
            Trained and frozen, on the target's device; conditional.
        """
        x = public_rows("PseudoLabelGAN.fit", x_public, self.batch_size)
        reach = Reach(target, torch.from_numpy(x[:1]), draws=self.draws, access=self.access, seed=self.seed)
        rows = torch.from_numpy(x).to(reach.device)
        with torch.no_grad():
            confidences = reach.logits(rows).softmax(2).mean(0)
        chosen, labels = (torch.from_numpy(a).to(rows.device) for a in pseudo_labels(confidences.cpu(), self.top))
        gan = GAN.build(
            self.network,
            kind="hinge",
            latent=self.latent,
            pixels=x.shape[1],
            classes=reach.classes,
            conditional=True,
            seed=self.seed,
        ).to(reach.device)
        of_generator, of_critic = adams(gan, self.learning_rate, self.betas)
        noise, loss = torch.Generator().manual_seed(self.seed + 1), MaxMargin().bind(reach)
        batches = ArrayBatches(rows[chosen], labels, batch_size=min(self.batch_size, len(chosen)), seed=self.seed)
        for step in range(self.steps):
            for inner in range(self.critic_steps):
                real, classes = batches(step * self.critic_steps + inner)
                with torch.no_grad():
                    fake = gan.images(gan.draw(len(real), noise), classes)
                hinge = functional.relu(1 - gan.realism(real, classes)) + functional.relu(
                    1 + gan.realism(fake, classes)
                )
                descend(of_critic, hinge.mean(), "PseudoLabelGAN.fit")
            classes = torch.randint(reach.classes, (self.batch_size,), generator=noise).to(reach.device)
            fake = gan.images(gan.draw(len(classes), noise), classes)
            seen = fake if self.views is None else self.views(fake, noise)
            lost = self.margin * loss(seen, classes) - gan.realism(fake, classes)
            descend(of_generator, lost.mean(), "PseudoLabelGAN.fit")
        return gan.frozen(reach.queries)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PLGMI:
    """Search of a conditional generator's latents for the class, by max-margin on augmented views.

    Parameters
    ----------
    gan : GAN
        Of `PseudoLabelGAN`, or another conditional one whose classes are the target's.
    classes : sequence of int, optional
        Classes to attack; all if left out.
    loss : AttackLoss
        What makes the target see the class.
    steps, learning_rate : int, float
        Adam.
    views : callable, optional
        Augmentation; the loss is the sum over two views. Left out, the image itself is seen once.
    per_class : int
        Starting points, each of which gives an image.
    draws : int
        Draws of a noisy target's noise over which the loss is averaged at each step.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.
    seed : int
        Seed of starting points, views and noise.

    Raises
    ------
    ParameterError
        If a count is less than 1, or the generator is not conditional.

    Examples
    --------
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import ModuleTarget
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> x = np.random.default_rng(0).random((80, 4))
    >>> gan = PseudoLabelGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16, top=10).fit(x, target)
    >>> PLGMI(gan=gan, steps=5, per_class=2).run(target).images.shape
    (6, 4)
    """

    needs: ClassVar[Needs] = Needs(interface="gradients", auxiliary=True)

    gan: GAN
    classes: Sequence[int] | None = None
    loss: AttackLoss = dataclasses.field(default_factory=MaxMargin)
    steps: int = 600
    learning_rate: float = 0.1
    views: Views | None = None
    per_class: int = 5
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "per_class"):
            if getattr(self, name) < 1:
                raise ParameterError(f"PLGMI: `{name}` must be at least 1; got {getattr(self, name)}.")
        if not self.gan.conditional:
            raise ParameterError(
                "PLGMI: `gan` must be class-conditional, as `PseudoLabelGAN` makes it; got one that is not."
            )

    def run(self, target: WhiteBox) -> ClassReconstructions:
        """Attack all classes and starting points at once.

        Parameters
        ----------
        target : WhiteBox
            The network.

        Returns
        -------
        ClassReconstructions
            `per_class` images per class.
        """
        probe = torch.full((1, self.gan.pixels), 0.5)
        reach = Reach(target, probe, draws=self.draws, access=self.access, seed=self.seed)
        gan, noise = self.gan.to(reach.device), torch.Generator().manual_seed(self.seed + 1)
        loss, many = self.loss.bind(reach), reach.wanted(self.classes).repeat_interleave(self.per_class)
        z = gan.draw(len(many), noise).requires_grad_()
        optimizer = torch.optim.Adam([z], lr=self.learning_rate)
        for _ in range(self.steps):
            x = gan.images(z, many)
            seen: list[Any] = [x] if self.views is None else [self.views(x, noise) for _ in range(2)]
            total = torch.stack([loss(view, many) for view in seen]).sum()
            descend(optimizer, total, "PLGMI")
            reach.steps += len(z)
        with torch.no_grad():
            images = gan.images(z, many)
        return reach.result(self, images, many, more_queries=gan.queries)
