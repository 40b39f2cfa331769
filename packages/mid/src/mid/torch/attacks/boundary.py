r"""BREP-MI: inversion from labels alone, by keeping away from the boundary of a class in latent space.

From a latent of the class, `points` neighbours on a sphere of radius R are asked about; the step goes away from those
outside the class,

.. math:: z \leftarrow z + \min(R/3, 3)\, \frac1N \sum_n u_n \Phi_n, \qquad
          \Phi_n = +1 \text{ if } T(G(z + R u_n)) = c \text{ else } -1,

and whenever all are inside, the radius grows by `growth`. The larger the sphere, the further the boundary.

References
----------
- M. Kahla, S. Chen, H. A. Just, R. Jia, "Label-Only Model Inversion Attacks via Boundary Repulsion", CVPR 2022.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from infocore.errors import ParameterError, TrainingError
from mid.attacks.protocols import Access, Needs, Target
from mid.torch._device import device_of
from mid.torch.attacks.gan import GAN
from mid.torch.attacks.reconstructions import ClassReconstructions, settings_of

__all__ = ["BREPMI"]

Labels = Callable[[Tensor, Tensor], NDArray[np.int64]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class BREPMI:
    """Label-only inversion by repulsion from a class's boundary.

    Parameters
    ----------
    gan : GAN
        Trained on public records.
    classes : sequence of int
        Labels to attack. Must be given: labels do not say which there are.
    points : int
        Neighbours asked about at each step.
    radius, growth : float
        First radius, and the factor by which it grows.
    steps : int
        Most steps of each class.
    starts : int
        Latents drawn, for all classes together, to find one of each class.
    queries : int
        How often a question about one image is put; the most frequent label counts.
    access : {"sampled", "mean"}
        Noisy answers, or labels of the answer without noise.
    seed : int
        Seed of latents and noise.

    Raises
    ------
    ParameterError
        If a count is less than 1, `growth` is not above 1, or no class is named.

    Notes
    -----
    The image of a class is the centre of the largest sphere that was wholly inside. A class is given up when `starts`
    latents hold none of it: it is then left out of the result, and named in its settings under "not_found".

    Examples
    --------
    >>> import numpy as np
    >>> from infocore.torch.layers import linear
    >>> from mid.torch.attacks import Dense, ModuleTarget, WGAN
    >>> gan = WGAN(latent=2, network=Dense((8,)), steps=2, batch_size=16).fit(np.random.default_rng(0).random((80, 4)))
    >>> target = ModuleTarget(linear(4, 1, torch.Generator().manual_seed(0)))  # one class: everything is inside
    >>> found = BREPMI(gan=gan, classes=[0], points=4, steps=3, starts=5).run(target)
    >>> found.queries, found.scores.tolist()  # 5 starts, 3 steps of 4 points, and 1 to score
    (18, [1.0])
    """

    needs: ClassVar[Needs] = Needs(interface="labels", auxiliary=True)

    gan: GAN
    classes: Sequence[int]
    points: int = 32
    radius: float = 2.0
    growth: float = 1.3
    steps: int = 1000
    starts: int = 1000
    queries: int = 1
    access: Access = "sampled"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("points", "steps", "starts", "queries"):
            if getattr(self, name) < 1:
                raise ParameterError(f"BREPMI: `{name}` must be at least 1; got {getattr(self, name)}.")
        if not (self.radius > 0 and self.growth > 1):
            raise ParameterError(
                f"BREPMI: `radius` must be positive and `growth` above 1; got {self.radius!r} and {self.growth!r}."
            )
        if len(self.classes) == 0:
            raise ParameterError("BREPMI: `classes` must name at least one label; got none.")

    def run(self, target: Target) -> ClassReconstructions:
        """Attack the classes, side by side.

        Parameters
        ----------
        target : Target
            Asked for labels only.

        Returns
        -------
        ClassReconstructions
            One image for each class of which a latent was found.

        Raises
        ------
        TrainingError
            If no latent of any class was found.
        """
        noise, rng = torch.Generator().manual_seed(self.seed), np.random.default_rng(self.seed)
        wanted = torch.tensor([int(c) for c in self.classes])
        gan, asked = self.gan.to(device_of(target)), 0

        def images(z: Tensor, classes: Tensor) -> NDArray[np.float32]:
            # latents are few and stay on the CPU; images are made where the target is
            place = device_of(gan)
            with torch.no_grad():
                return gan.images(z.to(place), classes.to(place)).cpu().numpy()

        def labels(z: Tensor, classes: Tensor) -> NDArray[np.int64]:
            nonlocal asked
            asked += len(z) * self.queries
            x = images(z, classes)
            return np.asarray(
                target.release(x, output="labels", queries=self.queries, access=self.access, rng=rng)
            ).astype(np.int64)

        z, classes = self._starts(labels, wanted, noise)
        missing = sorted({int(c) for c in self.classes} - set(classes.tolist()))
        best, reached = z.clone(), torch.zeros(len(z))
        radius, moves = torch.full((len(z),), float(self.radius)), 0
        for _ in range(self.steps):
            shape = (len(z), self.points, self.gan.latent)
            u = functional.normalize(torch.randn(shape, generator=noise), dim=2)
            around = (z[:, None] + radius[:, None, None] * u).flatten(0, 1)
            heard = labels(around, classes.repeat_interleave(self.points))
            inside = torch.from_numpy(heard).reshape(len(z), -1) == classes[:, None]
            whole = inside.all(1)
            best[whole], reached[whole] = z[whole], radius[whole]
            push = (u * (2.0 * inside.float() - 1.0)[..., None]).mean(1)
            size = torch.where(whole, 0.0, (radius / 3).clamp_max(3.0))
            z = z + size[:, None] * push
            radius = torch.where(whole, self.growth * radius, radius)
            moves += int((~whole).sum())
        # a class whose first sphere was never wholly inside ends at its last centre, which is further in than its first
        best[reached == 0] = z[reached == 0]
        scores = self._scores(labels, best, classes)
        return ClassReconstructions(
            images=images(best, classes).astype(np.float32),
            classes=classes.numpy().astype(np.int64),
            scores=scores,
            queries=asked + gan.queries,
            steps=moves,
            settings=settings_of(self) | {"not_found": missing, "radii": [round(float(r), 4) for r in reached]},
        )

    def _starts(self, labels: Labels, wanted: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """Find a first latent of each class."""
        z = self.gan.draw(self.starts, noise).cpu()
        # a conditional generator is asked for the classes in turn
        told = wanted.repeat(-(-self.starts // len(wanted)))[: self.starts]
        heard = torch.from_numpy(labels(z, told))
        agree = heard == told if self.gan.conditional else torch.ones(len(z), dtype=torch.bool)
        rows = [((heard == c) & agree).nonzero()[:1, 0] for c in wanted]
        found = [len(row) > 0 for row in rows]
        if not any(found):
            raise TrainingError(
                f"BREPMI: none of {self.starts} latents was labelled as one of {wanted.tolist()}. Draw more `starts`, "
                "or train the generator on public records that are more like the target's."
            )
        return z[torch.cat(rows)], wanted[torch.tensor(found)]

    def _scores(self, labels: Labels, z: Tensor, classes: Tensor) -> NDArray[np.float32]:
        """Share of answers with the label, asked anew (one answer: the majority of `queries`)."""
        return (labels(z, classes) == classes.numpy()).astype(np.float32)
