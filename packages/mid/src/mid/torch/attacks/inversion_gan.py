r"""`InversionGAN`: a GAN whose critic also learns what a target believes about public records (KED-MI).

The critic has one logit per class of the target; with their log-sum-exp :math:`\ell` it says "real" with probability
:math:`\sigma(\ell)`, as if there were one more class with logit 0:

.. math::

    L_D &= \mathrm{CE}(D(x), \mathrm{softmax}\,T(x)) + \tfrac12 \bigl(E_x[\mathrm{softplus}(\ell) - \ell]
           + E_z[\mathrm{softplus}(\ell)]\bigr) \\
    L_G &= \bigl| E_x \phi(x) - E_z \phi(G(z)) \bigr|_1 + 10^{-4} H(D(G(z)))

References
----------
- S. Chen, M. Kahla, R. Jia, G.-J. Qi, "Knowledge-Enriched Distributional Model Inversion Attacks", ICCV 2021.
"""

import dataclasses

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from infocore.torch.training import ArrayBatches
from mid.attacks.protocols import Access
from mid.torch.attacks.gan import GAN, adams, descend, public_rows
from mid.torch.attacks.gan_networks import Convolutional, Dense
from mid.torch.attacks.reach import Reach
from mid.torch.protocols import WhiteBox

__all__ = ["InversionGAN"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InversionGAN:
    """Settings of a GAN that distils a target's beliefs about public records into its critic.

    Parameters
    ----------
    latent, network, steps, batch_size, learning_rate, betas, seed
        As in `WGAN`; one step of the critic for each one of the generator.
    entropy : float
        Weight of the entropy of the critic's class beliefs about generated images.
    moments : {1, 2}
        What generated images must match of the critic's features: their means, as published, or means and standard
        deviations. Small networks that need only match means answer nearly the same image to every latent.
    draws : int
        Draws of a noisy target's noise over which its beliefs are averaged.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.

    Raises
    ------
    ParameterError
        If a count is less than 1, or `moments` is neither 1 nor 2.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import ModuleTarget
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> x = np.random.default_rng(0).random((80, 4))
    >>> gan = InversionGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(x, target)
    >>> gan.classes, gan.queries  # 2 to find out about noise, and each public record once
    (3, 82)
    """

    latent: int = 16
    network: Dense | Convolutional = dataclasses.field(default_factory=Dense)
    steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    entropy: float = 1e-4
    moments: int = 2
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("latent", "steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ParameterError(f"InversionGAN: `{name}` must be at least 1; got {getattr(self, name)}.")
        if self.moments not in (1, 2):
            raise ParameterError(f"InversionGAN: `moments` must be 1 or 2; got {self.moments!r}.")

    def fit(self, x_public: ArrayLike, target: WhiteBox) -> GAN:
        """Train on public records and what the target believes about them.

        Parameters
        ----------
        x_public : array of shape (m, dx)
            Flat images in [0, 1].
        target : WhiteBox
            The network; only its answers are used here.

        Returns
        -------
        GAN
            Trained and frozen, on the target's device.
        """
        x = public_rows("InversionGAN.fit", x_public, self.batch_size)
        reach = Reach(target, torch.from_numpy(x[:1]), draws=self.draws, access=self.access, seed=self.seed)
        rows = torch.from_numpy(x).to(reach.device)
        with torch.no_grad():
            beliefs = reach.logits(rows).softmax(2).mean(0)
        gan = GAN.build(
            self.network,
            kind="classes",
            latent=self.latent,
            pixels=x.shape[1],
            classes=reach.classes,
            seed=self.seed,
        ).to(reach.device)
        assert isinstance(gan.critic, nn.Sequential)
        body, last = gan.critic[:-1], gan.critic[-1]
        of_generator, of_critic = adams(gan, self.learning_rate, self.betas)
        noise = torch.Generator().manual_seed(self.seed + 1)
        batches = ArrayBatches(rows, beliefs, batch_size=self.batch_size, seed=self.seed)
        for step in range(self.steps):
            real, believed = batches(step)
            with torch.no_grad():
                fake = gan.images(gan.draw(len(real), noise))
            descend(of_critic, critic_loss(gan.critic(real), gan.critic(fake), believed), "InversionGAN.fit")
            seen = body(gan.images(gan.draw(len(real), noise)))
            with torch.no_grad():
                wanted = body(real)
            gap = (wanted.mean(0) - seen.mean(0)).abs().mean()
            if self.moments == 2:
                gap = gap + (wanted.std(0) - seen.std(0)).abs().mean()
            logs = last(seen).log_softmax(1)
            entropy = -(logs.exp() * logs).sum(1).mean()
            descend(of_generator, gap + self.entropy * entropy, "InversionGAN.fit")
        return gan.frozen(reach.queries)


def critic_loss(real: Tensor, fake: Tensor, believed: Tensor) -> Tensor:
    """Loss of the critic from its logits (B, C) of real and generated images, and the target's beliefs (B, C)."""
    distilled = -(believed * real.log_softmax(1)).sum(1).mean()
    of_real, of_fake = real.logsumexp(1), fake.logsumexp(1)
    doubt = (functional.softplus(of_real) - of_real).mean() + functional.softplus(of_fake).mean()
    return distilled + 0.5 * doubt
