"""Faults seen in other packages, which must not be ours. Those met by a test elsewhere are not repeated here."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from mid.torch import InversionAttack, attacks


class Scrambled:
    """Answers that say nothing a network could use on new records, so that it only fits its own ones ever better."""

    def release(self, X, *, output, queries, access, rng):
        return np.sin(1e4 * np.asarray(X, np.float64))


def test_the_step_that_is_kept_is_not_chosen_on_the_attacked_records():
    # official scripts keep the epoch that is best on the test set: then who else is attacked changes the answer
    rng = np.random.default_rng(0)
    x, y = rng.random((160, 4)).astype(np.float32), np.arange(160) % 2
    settings = {"x_auxiliary": x[:60], "y_auxiliary": y[:60], "hidden": (64,), "max_steps": 400, "learning_rate": 1e-2}
    few, fresh = x[60:70], x[70:]
    part = InversionAttack(x=few, y=np.arange(10) % 2, **settings).run(Scrambled())
    for others in (fresh, 0.0 * fresh, 1.0 + 0.0 * fresh):
        whole = InversionAttack(x=np.concatenate([few, others]), y=np.arange(100) % 2, **settings).run(Scrambled())
        assert whole.reconstructions[:10] == pytest.approx(part.reconstructions, abs=1e-5)


class Slope:
    """Confidence of the first class rises with the one pixel, from .02 to .27."""

    def draws(self, x, count, generator):
        return torch.cat([3.0 * x - 4.0, torch.zeros_like(x)], 1).expand(count or 1, -1, -1)


def test_miface_goes_on_while_the_cost_is_high():
    # a peer stops an image whose cost is above the threshold and goes on below it: this one starts at a cost of .98
    found = attacks.MIFace(start=[0.0], classes=[0], cost_threshold=0.9, max_steps=2000, step=1.0).run(Slope())
    assert found.steps > 1 and found.scores[0] >= 0.1
    # and below the threshold it takes no step more
    again = attacks.MIFace(start=[1.0], classes=[0], cost_threshold=0.9, max_steps=2000, step=1.0).run(Slope())
    assert again.steps == 0 and again.images.tolist() == [[1.0]]
