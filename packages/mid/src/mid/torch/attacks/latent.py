r"""Attacks that search the latent space of a generator: points (GMI), and distributions (KED-MI, VMI).

References
----------
- Y. Zhang et al., "The Secret Revealer: Generative Model-Inversion Attacks Against Deep Neural Networks", CVPR 2020.
- S. Chen, M. Kahla, R. Jia, G.-J. Qi, "Knowledge-Enriched Distributional Model Inversion Attacks", ICCV 2021.
- K.-C. Wang et al., "Variational Model Inversion Attacks", NeurIPS 2021.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from infocore.errors import ParameterError
from mid.attacks.protocols import Access, Needs
from mid.torch.attacks.gan import GAN, descend
from mid.torch.attacks.losses import AttackLoss, CrossEntropy
from mid.torch.attacks.reach import Reach
from mid.torch.attacks.reconstructions import ClassReconstructions
from mid.torch.protocols import WhiteBox

__all__ = ["GMI", "KEDMI", "VMI"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class GMI:
    r"""Generative model inversion: latents that look real to a critic and like the class to the target (eq. 43).

    .. math:: \min_z -D(G(z)) + 100\, \mathrm{CE}(T(G(z)), c)

    Parameters
    ----------
    gan : GAN
        Trained on public records.
    classes : sequence of int, optional
        Classes to attack; all if left out.
    loss : AttackLoss
        What makes the target see the class.
    weight : float
        Weight of that loss beside the critic's.
    steps, step, momentum : int, float, float
        Descent with Nesterov's momentum.
    clip : float or None
        Latents are kept in ``[-clip, clip]`` at each step.
    restarts : int
        Starting points per class.
    keep : int
        Restarts kept per class: those with the best score of the target, however low it is.
    draws : int
        Draws of a noisy target's noise over which the loss is averaged at each step.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise.
    seed : int
        Seed of starting points and noise.

    Raises
    ------
    ParameterError
        If a count is less than 1, or more restarts are kept than there are.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import Dense, ModuleTarget, WGAN
    >>> gan = WGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(np.random.default_rng(0).random((80, 4)))
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> GMI(gan=gan, steps=5, restarts=2).run(target).images.shape
    (3, 4)
    """

    needs: ClassVar[Needs] = Needs(interface="gradients", auxiliary=True)

    gan: GAN
    classes: Sequence[int] | None = None
    loss: AttackLoss = dataclasses.field(default_factory=CrossEntropy)
    weight: float = 100.0
    steps: int = 1500
    step: float = 0.02
    momentum: float = 0.9
    clip: float | None = 1.0
    restarts: int = 5
    keep: int = 1
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "steps", "restarts", "keep")
        if self.keep > self.restarts:
            raise ParameterError(f"GMI: `keep` must be at most `restarts`, {self.restarts}; got {self.keep}.")

    def run(self, target: WhiteBox) -> ClassReconstructions:
        """Attack all classes and restarts at once.

        Parameters
        ----------
        target : WhiteBox
            The network.

        Returns
        -------
        ClassReconstructions
            `keep` images per class, best first.
        """
        reach, gan, classes, noise = _begin(self, target)
        loss, many = self.loss.bind(reach), classes.repeat(self.restarts)
        z = _clipped(gan.draw(len(many), noise), self.clip)
        velocity = torch.zeros_like(z)
        for _ in range(self.steps):
            z.requires_grad_()
            x = gan.images(z, many)
            total = (self.weight * loss(x, many) - gan.realism(x, many)).sum()
            (gradient,) = torch.autograd.grad(total, z)
            before, velocity = velocity, self.momentum * velocity - self.step * gradient
            z = _clipped(z.detach() + (1 + self.momentum) * velocity - self.momentum * before, self.clip)
            reach.steps += len(z)
        with torch.no_grad():
            images = gan.images(z, many)
        score = reach.score(images, many).reshape(self.restarts, -1)
        best = score.argsort(0, descending=True)[: self.keep]
        rows = (best * len(classes) + torch.arange(len(classes), device=reach.device)).T.flatten()
        return reach.result(self, images[rows], many[rows], more_queries=gan.queries)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class KEDMI:
    r"""Distributional recovery: a normal law of latents per class instead of one latent.

    .. math:: \min_{\mu, \log \sigma^2} E_\varepsilon \bigl[ -\log D_{real}(G(z)) + 100\, \mathrm{CE}(T(G(z)), c)
              \bigr], \qquad z = \mu + \sigma \varepsilon

    Parameters
    ----------
    gan : GAN
        Of `InversionGAN` for the attack as published; any other runs too.
    classes, loss, weight, clip, draws, access, seed
        As in `GMI`; `clip` keeps the drawn latents in range.
    steps, learning_rate : int, float
        Adam.
    samples : int
        Latents drawn per class at each step.
    per_class : int
        Images drawn per class at the end.

    Raises
    ------
    ParameterError
        If a count is less than 1.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import Dense, InversionGAN, ModuleTarget
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> x = np.random.default_rng(0).random((80, 4))
    >>> gan = InversionGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(x, target)
    >>> KEDMI(gan=gan, steps=5, per_class=2).run(target).classes.tolist()
    [0, 0, 1, 1, 2, 2]
    """

    needs: ClassVar[Needs] = Needs(interface="gradients", auxiliary=True)

    gan: GAN
    classes: Sequence[int] | None = None
    loss: AttackLoss = dataclasses.field(default_factory=CrossEntropy)
    weight: float = 100.0
    steps: int = 2400
    learning_rate: float = 0.02
    clip: float | None = 1.0
    samples: int = 1
    per_class: int = 5
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "steps", "samples", "per_class")

    def run(self, target: WhiteBox) -> ClassReconstructions:
        """Fit the laws of all classes at once, and draw from them.

        Parameters
        ----------
        target : WhiteBox
            The network.

        Returns
        -------
        ClassReconstructions
            `per_class` images per class.
        """

        def objective(gan: GAN, loss: Tensor, x: Tensor, classes: Tensor) -> Tensor:
            return self.weight * loss - gan.realism(x, classes)

        return _recover(self, target, objective, price=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class VMI:
    r"""Variational model inversion with a normal law of latents per class.

    .. math:: \min_q E_q[-\log p(c \mid G(z))] + \gamma\, \mathrm{KL}(q \| N(0, I))

    Parameters
    ----------
    gan, classes, loss, clip, steps, learning_rate, samples, per_class, draws, access, seed
        As in `KEDMI`.
    gamma : float
        Price of a nat of divergence from the generator's prior.

    Raises
    ------
    ParameterError
        If a count is less than 1, or `gamma` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import Dense, ModuleTarget, WGAN
    >>> gan = WGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(np.random.default_rng(0).random((80, 4)))
    >>> target = ModuleTarget(linear(4, 3, torch.Generator().manual_seed(0)))
    >>> VMI(gan=gan, steps=5, per_class=1).run(target).steps
    15
    """

    needs: ClassVar[Needs] = Needs(interface="gradients", auxiliary=True)

    gan: GAN
    classes: Sequence[int] | None = None
    loss: AttackLoss = dataclasses.field(default_factory=CrossEntropy)
    gamma: float = 1e-3
    steps: int = 1000
    learning_rate: float = 0.02
    clip: float | None = None
    samples: int = 8
    per_class: int = 5
    draws: int = 8
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        _positive(self, "steps", "samples", "per_class")
        if not self.gamma >= 0:
            raise ParameterError(f"VMI: `gamma` must not be negative; got {self.gamma!r}.")

    def run(self, target: WhiteBox) -> ClassReconstructions:
        """Fit the laws of all classes at once, and draw from them.

        Parameters
        ----------
        target : WhiteBox
            The network.

        Returns
        -------
        ClassReconstructions
            `per_class` images per class.
        """
        return _recover(self, target, lambda _gan, loss, _x, _classes: loss, price=self.gamma)


def _positive(attack: Any, *names: str) -> None:
    for name in names:
        if getattr(attack, name) < 1:
            raise ParameterError(
                f"{type(attack).__name__}: `{name}` must be at least 1; got {getattr(attack, name)!r}."
            )


def _clipped(z: Tensor, clip: float | None) -> Tensor:
    return z if clip is None else z.clamp(-clip, clip)


def _begin(attack: GMI | KEDMI | VMI, target: WhiteBox) -> tuple[Reach, GAN, Tensor, torch.Generator]:
    """Bring the generator to the target; make reach, classes and the attack's own noise, not the target's stream."""
    probe = torch.full((1, attack.gan.pixels), 0.5)
    reach = Reach(target, probe, draws=attack.draws, access=attack.access, seed=attack.seed)
    noise = torch.Generator().manual_seed(attack.seed + 1)
    return reach, attack.gan.to(reach.device), reach.wanted(attack.classes), noise


def divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Divergence of ``N(mu, exp(logvar))`` from the standard normal, in nats, for each row."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def _recover(
    attack: KEDMI | VMI, target: WhiteBox, objective: Callable[[GAN, Tensor, Tensor, Tensor], Tensor], price: float
) -> ClassReconstructions:
    """Fit a normal law of latents for each class, and draw images from it."""
    reach, gan, classes, noise = _begin(attack, target)
    loss = attack.loss.bind(reach)
    mu = torch.zeros(len(classes), gan.latent, device=reach.device, requires_grad=True)
    logvar = torch.zeros_like(mu, requires_grad=True)
    optimizer = torch.optim.Adam([mu, logvar], lr=attack.learning_rate)

    def drawn(count: int) -> Tensor:
        eps = torch.randn(len(classes), count, gan.latent, generator=noise).to(reach.device)
        return _clipped((mu[:, None] + (0.5 * logvar[:, None]).exp() * eps).flatten(0, 1), attack.clip)

    many = classes.repeat_interleave(attack.samples)
    for _ in range(attack.steps):
        x = gan.images(drawn(attack.samples), many)
        total = objective(gan, loss(x, many), x, many).sum() / attack.samples
        descend(optimizer, total + price * divergence(mu, logvar).sum(), type(attack).__name__)
        reach.steps += len(classes)
    shown = classes.repeat_interleave(attack.per_class)
    with torch.no_grad():
        images = gan.images(drawn(attack.per_class), shown)
    return reach.result(attack, images, shown, more_queries=gan.queries)
