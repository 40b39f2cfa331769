"""What the parts of the demo share: sizes, the data cut in three, and what a part returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmim.data.images import ImageData
from infocore.report import Section

Step = Callable[[str], None]
Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Sizes of a run; `QUICK` is for a look at the plumbing."""

    seed: int = 0
    latent_dim: int = 16
    encoder_steps: int = 1500
    classifier_epochs: int = 80
    betas: tuple[float | None, ...] = (None, 1e-3, 1e-2, 0.1, 0.3)
    attack_steps: int = 2000
    queries: int = 100
    features: int = 4
    pairs: int = 3


QUICK = Settings(
    encoder_steps=60, classifier_epochs=5, betas=(None, 0.1), attack_steps=60, queries=5, features=1, pairs=1
)


@dataclasses.dataclass(frozen=True)
class Split:
    """Images as rows, cut at random: to train on, for the attacker or to calibrate on, and fresh ones to report on."""

    x_train: Floats
    y_train: NDArray[np.int64]
    x_known: Floats
    y_known: NDArray[np.int64]
    x_fresh: Floats
    y_fresh: NDArray[np.int64]
    shape: tuple[int, int]

    @staticmethod
    def of(data: ImageData, seed: int, largest: int = 10_000) -> Split:
        """Cut at most `largest` images, drawn at random, by 45, 33 and 22 per cent."""
        rows = np.random.default_rng(seed).permutation(len(data.flat))[:largest]
        cuts = [round(0.45 * len(rows)), round(0.78 * len(rows))]
        parts = np.split(rows, cuts)
        arrays = [a for part in parts for a in (data.flat[part], data.labels[part])]
        return Split(*arrays, shape=(data.images.shape[1], data.images.shape[2]))


@dataclasses.dataclass(frozen=True)
class Part:
    """A section of the report, and the lines of it that go into the short table."""

    section: Section
    headline: list[tuple[str, str]]
    carried: Any = None
