r"""Small generative networks trained on public records: the prior of the attacks that search a latent space.

`WGAN` trains by the Wasserstein distance with a gradient penalty,

.. math:: L_D = E D(G(z)) - E D(x) + 10\, E (\|\nabla D(\hat x)\| - 1)^2, \qquad L_G = -E D(G(z)).

References
----------
- I. Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017.
- Y. Zhang et al., "The Secret Revealer: Generative Model-Inversion Attacks Against Deep Neural Networks", CVPR 2020.
"""

import copy
import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError
from infocore.torch import checkpoint
from infocore.torch.training import ArrayBatches
from mid.torch._device import device_of
from mid.torch.attacks._gan_steps import descend, public_rows
from mid.torch.attacks.gan_networks import Convolutional, Dense

__all__ = ["GAN", "WGAN", "descend", "public_rows"]

Kind = Literal["wasserstein", "classes", "hinge"]


@dataclasses.dataclass(frozen=True, eq=False)
class GAN:
    """A trained generator and critic.

    Parameters
    ----------
    generator : torch.nn.Module
        From latents (B, latent), with a one-hot class appended if conditional, to images (B, dx) in (0, 1).
    critic : torch.nn.Module
        From images (B, dx) to scores: one, or one per class.
    network : Dense or Convolutional
        Settings they were built from.
    kind : {"wasserstein", "classes", "hinge"}
        How the critic is read: a Wasserstein score, logits of a classifier whose log-sum-exp says "real", or a
        score per class.
    latent, pixels : int
        Width of a latent, and of an image.
    classes : int or None
        Number of classes, where there are any.
    conditional : bool
        Whether the generator is told the class.
    queries : int
        Answers asked of a target in training.
    """

    generator: nn.Module
    critic: nn.Module
    network: Dense | Convolutional
    kind: Kind
    latent: int
    pixels: int
    classes: int | None = None
    conditional: bool = False
    queries: int = 0

    @classmethod
    def build(
        cls,
        network: Dense | Convolutional,
        *,
        kind: Kind,
        latent: int,
        pixels: int,
        classes: int | None = None,
        conditional: bool = False,
        seed: int = 0,
    ) -> "GAN":
        """Build an untrained pair.

        Parameters
        ----------
        network, kind, latent, pixels, classes, conditional
            As the fields.
        seed : int
            Seed of the weights.

        Returns
        -------
        GAN
            Untrained.
        """
        weights = torch.Generator().manual_seed(seed)
        extra = classes if conditional and classes else 0
        return cls(
            network.generator(latent + extra, pixels, weights),
            network.critic(pixels, classes or 1, weights),
            network,
            kind,
            latent,
            pixels,
            classes,
            conditional,
        )

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw latents from the standard normal the generator was trained on.

        Parameters
        ----------
        count : int
            How many.
        generator : torch.Generator
            Source of the noise, on the CPU.

        Returns
        -------
        tensor of shape (count, latent)
            Latents, where the networks are.
        """
        return torch.randn(count, self.latent, generator=generator).to(device_of(self))

    def to(self, device: torch.device | str) -> "GAN":
        """Bring the networks to a device.

        Parameters
        ----------
        device : torch.device or str
            Where to.

        Returns
        -------
        GAN
            Itself if it is there already; else a copy, and this one stays where it is.
        """
        if device_of(self) == torch.device(device):
            return self
        there = {part: copy.deepcopy(getattr(self, part)).to(device) for part in ("generator", "critic")}
        return dataclasses.replace(self, **there)

    def images(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Turn latents into images.

        Parameters
        ----------
        z : tensor of shape (B, latent)
            Latents.
        classes : tensor of shape (B,), optional
            Classes, which a conditional generator must be told and another does not hear.

        Returns
        -------
        tensor of shape (B, dx)
            Images in (0, 1), differentiable in `z`.

        Raises
        ------
        ParameterError
            If the generator is conditional and no classes came.
        """
        if not self.conditional:
            return self.generator(z)
        if classes is None or self.classes is None:
            raise ParameterError("GAN.images: `classes` must be given to a conditional generator; got None.")
        return self.generator(torch.cat([z, functional.one_hot(classes, self.classes).to(z)], 1))

    def realism(self, x: Tensor, classes: Tensor | None = None) -> Tensor:
        """How real images look to the critic.

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Images.
        classes : tensor of shape (B,), optional
            Classes, for a conditional critic.

        Returns
        -------
        tensor of shape (B,)
            The larger the more real. Of kind "classes" a log probability, else a score without a scale of its own.

        Raises
        ------
        ParameterError
            If the critic is conditional and no classes came.
        """
        scores = self.critic(x)
        if self.kind == "classes":
            total = scores.logsumexp(1)
            return total - functional.softplus(total)
        if not self.conditional:
            return scores[:, 0]
        if classes is None:
            raise ParameterError("GAN.realism: `classes` must be given to a conditional critic; got None.")
        return scores.gather(1, classes[:, None])[:, 0]

    def frozen(self, queries: int = 0) -> "GAN":
        """End training: no gradients of weights from here on.

        Parameters
        ----------
        queries : int
            Answers asked of a target in training.

        Returns
        -------
        GAN
            The same networks.
        """
        for module in (self.generator, self.critic):
            module.eval().requires_grad_(False)
        return dataclasses.replace(self, queries=queries)

    def summary(self) -> dict[str, Any]:
        """Everything but the weights, in JSON types.

        Returns
        -------
        dict
            Fields by name.
        """
        skipped = ("generator", "critic", "network")
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in skipped}
        network = {"name": type(self.network).__name__} | dataclasses.asdict(self.network)
        return fields | {"network": {k: list(v) if isinstance(v, tuple) else v for k, v in network.items()}}

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write weights and settings to a new folder.

        Parameters
        ----------
        folder : path
            Must not exist yet.

        Returns
        -------
        Path
            The folder.
        """
        weights = {
            f"{part}.{name}": tensor
            for part in ("generator", "critic")
            for name, tensor in getattr(self, part).state_dict().items()
        }
        return checkpoint.save(folder, weights=weights, meta={"gan": self.summary()})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "GAN":
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path
            As `save` returned it.

        Returns
        -------
        GAN
            Frozen.

        Raises
        ------
        ParameterError
            If the checkpoint is not one of a GAN.
        """
        found = checkpoint.load(folder)
        if "gan" not in found.meta:
            raise ParameterError(f"GAN.load: `folder` must hold a GAN; {folder} holds {sorted(found.meta)}.")
        settings = dict(found.meta["gan"])
        network, queries = dict(settings.pop("network")), settings.pop("queries")
        kind = {"Dense": Dense, "Convolutional": Convolutional}[network.pop("name")]
        gan = cls.build(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in network.items()}), **settings)
        for part in ("generator", "critic"):
            own = {k.removeprefix(f"{part}."): v for k, v in found.weights.items() if k.startswith(f"{part}.")}
            getattr(gan, part).load_state_dict(own)
        return gan.frozen(queries)


def adams(gan: GAN, learning_rate: float, betas: tuple[float, float]) -> tuple[torch.optim.Adam, torch.optim.Adam]:
    """Optimisers of the generator and of the critic."""

    def adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Adam:
        return torch.optim.Adam(parameters, lr=learning_rate, betas=betas)

    return adam(gan.generator.parameters()), adam(gan.critic.parameters())


@dataclasses.dataclass(frozen=True, kw_only=True)
class WGAN:
    """Settings of a Wasserstein GAN with gradient penalty; class-conditional where public records have classes.

    Parameters
    ----------
    latent : int
        Width of the latent.
    network : Dense or Convolutional
        The two networks.
    steps : int
        Steps of the generator.
    critic_steps : int
        Steps of the critic before each one of the generator.
    batch_size, learning_rate, betas : int, float, tuple of two floats
        Of Adam.
    penalty : float
        Weight of the gradient penalty.
    seed : int
        Seed of weights, batches and latents.
    device : str
        Where to train; the networks stay there.

    Raises
    ------
    ParameterError
        If a count is less than 1.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((80, 4))
    >>> gan = WGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(x)
    >>> gan.images(gan.draw(3, torch.Generator().manual_seed(0))).shape
    torch.Size([3, 4])
    """

    latent: int = 16
    network: Dense | Convolutional = dataclasses.field(default_factory=Dense)
    steps: int = 2000
    critic_steps: int = 5
    batch_size: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    penalty: float = 10.0
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("latent", "steps", "critic_steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ParameterError(f"WGAN: `{name}` must be at least 1; got {getattr(self, name)}.")

    def fit(self, x_public: ArrayLike, y_public: ArrayLike | None = None) -> GAN:
        """Train on public records.

        Parameters
        ----------
        x_public : array of shape (m, dx)
            Flat images in [0, 1].
        y_public : array of int of shape (m,), optional
            Their classes, numbered from 0, for a class-conditional pair.

        Returns
        -------
        GAN
            Trained and frozen.

        Raises
        ------
        ShapeError
            If classes do not match the records.
        """
        x = public_rows("WGAN.fit", x_public, self.batch_size)
        y = np.zeros(len(x), np.int64) if y_public is None else np.asarray(y_public, np.int64)
        if y.shape != (len(x),):
            raise ShapeError(f"WGAN.fit: `y_public` must hold one class per record, {len(x)}; got shape {y.shape}.")
        conditional = y_public is not None
        gan = GAN.build(
            self.network,
            kind="wasserstein",
            latent=self.latent,
            pixels=x.shape[1],
            classes=int(y.max()) + 1 if conditional else None,
            conditional=conditional,
            seed=self.seed,
        ).to(self.device)
        of_generator, of_critic = adams(gan, self.learning_rate, self.betas)
        noise = torch.Generator().manual_seed(self.seed + 1)
        rows, labels = (torch.from_numpy(a).to(self.device) for a in (x, y))
        batches = ArrayBatches(rows, labels, batch_size=self.batch_size, seed=self.seed)
        for step in range(self.steps):
            for inner in range(self.critic_steps):
                real, classes = batches(step * self.critic_steps + inner)
                with torch.no_grad():
                    fake = gan.images(gan.draw(len(real), noise), classes)
                gap = gan.realism(fake, classes).mean() - gan.realism(real, classes).mean()
                loss = gap + self.penalty * gradient_penalty(gan, real, fake, classes, noise)
                descend(of_critic, loss, "WGAN.fit")
            classes = batches(step)[1]
            fake = gan.images(gan.draw(self.batch_size, noise), classes)
            descend(of_generator, -gan.realism(fake, classes).mean(), "WGAN.fit")
        return gan.frozen()


def gradient_penalty(gan: GAN, real: Tensor, fake: Tensor, classes: Tensor, noise: torch.Generator) -> Tensor:
    """Mean squared distance from 1 of the critic's gradient norm, at random points between real and fake images."""
    share = torch.rand(len(real), 1, generator=noise).to(real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(gan.realism(between, classes).sum(), between, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()
