"""Attacks that need no gradients: boundary repulsion from labels, and labels of updates from changed answers."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError, TrainingError
from infocore.torch.layers import linear, mlp
from mid.torch import attacks
from mid.torch.bottleneck import BottleneckHead


class Plane(torch.nn.Module):
    """A generator that is the identity on two numbers."""

    def forward(self, z):
        return z


PLANE = attacks.GAN(Plane(), Plane(), attacks.Dense(), "wasserstein", 2, 2)


class Disc:
    """Answers with labels only: 1 within a distance of 3 of (1, 0), else 0. Counts what it is asked."""

    def __init__(self, flips=0.0):
        self.asked, self.flips = 0, flips

    def release(self, X, *, output, queries, access, rng):
        assert output == "labels"
        self.asked += len(X) * queries
        inside = np.linalg.norm(np.asarray(X) - [1.0, 0.0], axis=1) < 3.0
        rounds = inside[None] ^ (rng.random((queries, len(X))) < self.flips)
        return (rounds.mean(0) > 0.5).astype(int)


def test_brep_moves_to_the_middle_of_a_class_by_labels_alone():
    target = Disc()
    found = attacks.BREPMI(gan=PLANE, classes=[1], steps=60, points=32, radius=0.5, growth=1.2, starts=50).run(target)
    assert target.asked == found.queries == 50 + 60 * 32 + 1
    # the largest sphere inside the disc is the disc, around (1, 0); the last radius that fitted is within 1.2 of it
    assert np.linalg.norm(found.images[0] - [1.0, 0.0]) < 0.75
    assert 3.0 / 1.2**2 < found.settings["radii"][0] <= 3.0
    assert found.classes.tolist() == [1] and found.scores.tolist() == [1.0] and found.settings["not_found"] == []


def test_brep_asks_again_where_labels_are_noisy():
    once, often = (
        attacks.BREPMI(gan=PLANE, classes=[1], steps=60, radius=0.5, growth=1.2, starts=50, queries=q) for q in (1, 15)
    )
    target = Disc(flips=0.2)
    found = often.run(target)
    assert target.asked == found.queries == 15 * (50 + 60 * 32 + 1)
    # of 32 answers with a fifth wrong, all are right with probability .0008: no sphere is ever known to be inside
    assert once.run(Disc(flips=0.2)).settings["radii"] == [0.0]
    assert found.settings["radii"][0] > 1.0  # a majority of 15 is wrong with probability .004


def test_brep_names_what_it_does_not_find():
    found = attacks.BREPMI(gan=PLANE, classes=[7, 1], steps=2, points=2, starts=30).run(Disc())
    assert found.classes.tolist() == [1] and found.settings["not_found"] == [7]
    with pytest.raises(TrainingError, match=r"none of 30 latents was labelled as one of \[7\]"):
        attacks.BREPMI(gan=PLANE, classes=[7], starts=30).run(Disc())
    for settings, match in (
        ({"points": 0}, r"`points` must be at least 1"),
        ({"growth": 1.0}, r"`growth` above 1; got 2.0 and 1.0"),
        ({"classes": []}, r"`classes` must name at least one label"),
    ):
        with pytest.raises(ParameterError, match=match):
            attacks.BREPMI(**{"gan": PLANE, "classes": [1]} | settings)


def fitted(x, y, seed, noisy=False):
    generator = torch.Generator().manual_seed(seed)
    body = mlp((64, 64, 32), generator, last_activation=True)
    head = BottleneckHead(32, 10, generator=generator) if noisy else linear(32, 10, generator)
    target = attacks.ModuleTarget(head, body)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=5e-3)
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(200):
        optimizer.zero_grad()
        loss = functional.cross_entropy(target.draws(rows, 1, generator)[0], labels)
        (loss + 1e-3 * head(body(rows), generator).information if noisy else loss).backward()
        optimizer.step()
    for module in (head, body):
        module.eval().requires_grad_(False)
    return target


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.data))
    x, y = (found.data[order] / 16).astype(np.float32), found.target[order].astype(np.int64)
    return x, y


def test_brep_breaks_a_network_on_digits(digits):
    x, y = digits
    target = fitted(x[:600], y[:600], 0)
    gan = attacks.WGAN(steps=150, learning_rate=2e-3).fit(x[1200:])
    found = attacks.BREPMI(gan=gan, classes=range(10), steps=60, points=16).run(target)
    evaluator = SVC(C=10, random_state=0).fit(x[600:1200], y[600:1200])
    right = (evaluator.predict(found.images) == found.classes).sum()
    assert right >= 7  # of 10 classes, one not found counts as wrong; chance 1
    constant = attacks.ModuleTarget(torch.nn.Sequential(linear(64, 10, torch.Generator()), Zero()))
    # a target that calls everything 0: the only class there is, and any image will do
    assert attacks.BREPMI(gan=gan, classes=range(10), steps=2).run(constant).classes.tolist() == [0]


class Zero(torch.nn.Module):
    def forward(self, x):
        return 0.0 * x


def updates(digits, noisy):
    x, y = digits
    # 500 rows train the target, 500 the shadow; 200 update the shadow, 60 the target; 30 probes
    target, shadow = fitted(x[:500], y[:500], 0, noisy), fitted(x[500:1000], y[500:1000], 1, noisy)
    settings = {
        "shadow": attacks.ModuleUpdates(shadow, x[1000:1200], y[1000:1200]),
        "y_shadow": y[1000:1200],
        "x_probe": x[1400:1430],
        "max_steps": 250,
    }
    return settings, attacks.ModuleUpdates(target, x[1300:1360], y[1300:1360], seed=1), y[1300:1360]


def test_update_leaks(digits):
    settings, attacked, y = updates(digits, noisy=False)
    found = attacks.UpdateLeaks(**settings).run(attacked)
    assert (found.labels == y).mean() >= 0.8  # measured .96 and more over three seeds; chance .1
    assert found.queries == 2 * 60 * 30

    class Silent:
        """Updates that change nothing."""

        before = attacked.before

        def __len__(self):
            return 60

        def after(self):
            return iter([attacked.before] * 60)

    blind = attacks.UpdateLeaks(**settings).run(Silent())
    assert len(np.unique(blind.labels)) == 1  # no change, one answer: right for one class at most
    long = attacks.UpdateLeaks(**settings, unit_length=False).run(attacked)
    assert (long.labels == y).mean() < (found.labels == y).mean() - 0.2  # measured .27


@pytest.mark.slow
def test_update_leaks_of_a_noisy_target(digits):
    settings, attacked, y = updates(digits, noisy=True)
    once, mean = (attacks.UpdateLeaks(**settings, access=a).run(attacked) for a in ("sampled", "mean"))
    # one draw hides the change in noise; who sees through the noise gets it back, if not all of it
    assert (once.labels == y).mean() <= 0.35
    assert (mean.labels == y).mean() >= (once.labels == y).mean() + 0.2


def test_one_step_is_gradient_descent():
    generator = torch.Generator().manual_seed(0)
    before = attacks.ModuleTarget(linear(3, 2, generator))
    kept = before.head.weight.clone()
    x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([1])
    after = attacks.one_step(before, x, y, learning_rate=0.1, generator=generator)
    with torch.no_grad():
        error = before.head(x).softmax(1) - torch.tensor([[0.0, 1.0]])  # softmax regression: (p - e_y) x^T
        assert (before.head.weight == kept).all()
        assert torch.allclose(after.head.weight, kept - 0.1 * error.T @ x, atol=1e-6)


def test_update_leaks_refusals(digits):
    x, y = digits
    target = attacks.ModuleTarget(linear(64, 10, torch.Generator()))
    shadow = attacks.ModuleUpdates(target, x[:5], y[:5])
    with pytest.raises(ShapeError, match=r"`x` must be a matrix.*\(5, 64\) and \(4,\)"):
        attacks.ModuleUpdates(target, x[:5], y[:4])
    good = {"x_probe": x[:2], "shadow": shadow, "y_shadow": y[:5]}
    for settings, match in (
        ({"y_shadow": y[:4]}, r"one class per shadow update, 5; got shape \(4,\)"),
        ({"queries": 0}, r"`queries` must be at least 1; got 0"),
        ({"output": "labels"}, r'"logits" or "probabilities"; got \'labels\''),
    ):
        with pytest.raises((ParameterError, ShapeError), match=match):
            attacks.UpdateLeaks(**good | settings)
