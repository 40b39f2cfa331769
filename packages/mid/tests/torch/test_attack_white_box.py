"""MIFace, the latent-space attacks and what they share: on a network they must break and on one they cannot beat."""

import copy
import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch.nn import functional

from infocore.errors import NonFiniteError, ParameterError, ShapeError, TooFewSamplesError, TrainingError
from infocore.torch.layers import linear, mlp
from mid.torch import attacks
from mid.torch.attacks.gan import gradient_penalty, public_rows
from mid.torch.attacks.inversion_gan import critic_loss
from mid.torch.attacks.latent import divergence
from mid.torch.attacks.plg import pseudo_labels
from mid.torch.class_judge import judge_classes


class Constant:
    """Answers the same to everything, differentiably."""

    def draws(self, x, count, generator):
        return 0.0 * x[:, :1].expand(-1, 10).expand(count or 1, -1, -1)

    def features(self, x):
        return 0.0 * x


def trained(x, y, seed, hidden=(64, 32), steps=300):
    generator = torch.Generator().manual_seed(seed)
    body = mlp((64, *hidden), generator, last_activation=True) if hidden else torch.nn.Identity()
    head = linear(hidden[-1] if hidden else 64, 10, generator)
    target = attacks.ModuleTarget(head, body)
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=5e-3)
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(head(body(rows)), labels).backward()
        optimizer.step()
    for module in (head, body):
        module.eval().requires_grad_(False)
    return target


@dataclasses.dataclass
class Bench:
    x: np.ndarray
    y: np.ndarray
    public: np.ndarray
    target: attacks.ModuleTarget
    gan: attacks.GAN
    evaluator: object

    def verdict(self, found):
        return judge_classes(found, evaluator=self.evaluator, x_private=self.x, y_private=self.y)


@pytest.fixture(scope="module")
def bench():
    """Digits: 600 rows for the target, 600 for the evaluator (a support vector machine), 597 public ones."""
    found = load_digits()
    x, y = (found.data / 16).astype(np.float32), found.target.astype(np.int64)
    private, other, public = np.split(np.random.default_rng(0).permutation(len(x)), [600, 1200])
    target = trained(x[private], y[private], 0)
    gan = attacks.WGAN(steps=200, learning_rate=2e-3).fit(x[public])
    evaluator = SVC(C=10, random_state=0).fit(x[other], y[other]).decision_function
    return Bench(x[private], y[private], x[public], target, gan, evaluator)


def test_miface_on_softmax_regression():
    # 3,000 steps of .1 from a blank image, no early stop; measured: confidence .9993 to .9998, correlation .55 to .77
    found = load_digits()
    x, y = found.data / 16, found.target
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    head = linear(64, 10, torch.Generator())
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.coef_))
        head.bias.copy_(torch.from_numpy(fitted.intercept_))
    attack = attacks.MIFace(start=np.zeros(64), max_steps=3000, window=3000, cost_threshold=-1.0)
    shown = attack.run(attacks.ModuleTarget(head))
    assert shown.steps == 30_000 and shown.scores.min() >= 0.95
    for image, c in zip(shown.images, shown.classes, strict=True):
        assert np.corrcoef(image, x[y == c].mean(0))[0, 1] >= 0.5
    assert shown.images.min() >= 0 and shown.images.max() <= 1


def test_miface_stops_by_its_three_rules(bench):
    # the rule is not inverted: a low threshold takes more steps than a high one, and both end at it
    rules = {"start": np.zeros(64), "classes": [3], "max_steps": 400}
    eager, patient = (attacks.MIFace(**rules, cost_threshold=t).run(bench.target) for t in (0.5, 0.01))
    assert 0 < eager.steps < patient.steps < 400
    assert 0.5 <= eager.scores[0] < patient.scores[0] and patient.scores[0] >= 0.99
    never = attacks.MIFace(**rules, cost_threshold=-1.0, window=10_000).run(bench.target)
    assert never.steps == 400
    # nothing gained by the first step: a window of 1 stops at the second cost, a window of 20 after 20 steps
    for window in (1, 20):
        assert attacks.MIFace(start=np.zeros(4), classes=[0], window=window).run(Constant()).steps == window


# ten images: the stop at .99 is right in the evaluator's eyes for 3 and correlates .42 with the class mean, the default
# for 5 and .52
def test_miface_by_default_goes_on_after_the_network_is_fooled(bench):
    rules = {"start": np.zeros(64), "max_steps": 800}
    early = attacks.MIFace(**rules, cost_threshold=0.01).run(bench.target)
    whole = attacks.MIFace(**rules).run(bench.target)
    means = [bench.x[bench.y == c].mean(0) for c in range(10)]
    likeness = [
        np.mean([np.corrcoef(i, m)[0, 1] for i, m in zip(f.images, means, strict=True)]) for f in (early, whole)
    ]
    assert early.scores.min() >= 0.99  # the network is fooled by both
    assert likeness[1] > likeness[0] + 0.04
    assert bench.verdict(whole).accuracy.value >= bench.verdict(early).accuracy.value


def test_miface_keeps_the_best_image_not_the_last():
    # one class of two; a long step jumps over the summit of the target's confidence and back
    class Hill:
        def draws(self, x, count, generator):
            height = -40.0 * (x[:, :1] - 0.4).square()
            return torch.cat([height, torch.zeros_like(height)], 1).expand(count or 1, -1, -1)

    found = attacks.MIFace(start=[0.2], classes=[0], step=0.12, max_steps=2, window=50).run(Hill())
    x, seen = 0.2, []
    for _ in range(3):  # by hand: the confidence is 1 / (1 + exp(40 (x - .4)^2)), its slope -80 (x - .4) p (1 - p)
        p = 1 / (1 + np.exp(40 * (x - 0.4) ** 2))
        seen.append((p, x))
        x = float(np.clip(x - 0.12 * 80 * (x - 0.4) * p * (1 - p), 0, 1))
    assert found.images[0, 0] == pytest.approx(max(seen)[1], abs=1e-5)
    assert max(seen) == seen[1]  # neither the first image nor the last


def test_miface_terms(bench):
    dark = attacks.MIFace(start=np.full(64, 0.5), classes=[1], max_steps=60, cost_threshold=0.0)
    pulled = dataclasses.replace(dark, auxiliary=lambda x: 10.0 * x.square().mean(1))
    assert pulled.run(bench.target).images.mean() < 0.7 * dark.run(bench.target).images.mean()
    blacked = dataclasses.replace(dark, process=lambda x: torch.zeros_like(x)).run(bench.target)
    assert blacked.steps > 0 and set(np.unique(blacked.images)) <= {0.0, 0.5}


# one seed measured: 1.00 (GMI), .98 (VMI), .96 (KED-MI) with a generator of 600 steps; this one has 200
@pytest.mark.parametrize("draws", [1, 8])
def test_latent_attacks_break_an_undefended_network(bench, draws):
    common = {"gan": bench.gan, "draws": draws}
    found = attacks.GMI(**common, steps=100, restarts=3).run(bench.target)
    verdict = bench.verdict(found)
    assert verdict.accuracy.value >= 0.8 and verdict.target_score >= 0.9
    assert found.steps == 100 * 30 and found.queries == 2 + 30 * 101 + 10  # a target without noise is asked once
    assert bench.verdict(attacks.VMI(**common, steps=150).run(bench.target)).accuracy.value >= 0.7
    assert bench.verdict(attacks.KEDMI(**common, steps=150).run(bench.target)).accuracy.value >= 0.7


def test_latent_attacks_cannot_beat_a_constant(bench):
    for attack in (
        attacks.GMI(gan=bench.gan, steps=20, restarts=2, seed=3),
        attacks.VMI(gan=bench.gan, steps=20, per_class=20),
        attacks.KEDMI(gan=bench.gan, steps=20, per_class=20),
    ):
        found = attack.run(Constant())
        assert found.scores == pytest.approx(np.full(len(found.scores), 0.1))
        assert bench.verdict(found).accuracy.value <= 0.3  # chance .1; of 10 images 4 right have probability .013
    blank = attacks.MIFace(start=np.zeros(64)).run(Constant())
    assert bench.verdict(blank).accuracy.value == pytest.approx(0.1, abs=1e-9)  # ten times one image


def test_gmi_keeps_the_best_restart_though_all_logits_are_negative(bench):
    head = copy.deepcopy(bench.target.head)
    head.bias.sub_(1000.0)
    shifted = attacks.ModuleTarget(head, bench.target.body)
    attack = attacks.GMI(gan=bench.gan, steps=30, restarts=3, keep=3, classes=[2, 5])
    found = attack.run(shifted)
    assert found.classes.tolist() == [2, 2, 2, 5, 5, 5]
    assert (np.diff(found.scores.reshape(2, 3), axis=1) <= 1e-6).all()
    one = dataclasses.replace(attack, keep=1).run(shifted)
    assert (one.images == found.images[[0, 3]]).all()
    nothing = bench.gan.images(torch.zeros(1, 16)).detach().numpy()
    assert np.abs(one.images - nothing).max(1).min() > 0.1


def test_gmi_follows_its_recursion():
    # a generator that is the identity and a critic that is 0: the path can be written down
    class Line(torch.nn.Module):
        def forward(self, z):
            return z

    class Zero(torch.nn.Module):
        def forward(self, x):
            return 0.0 * x[:, :1]

    @dataclasses.dataclass(frozen=True)
    class Square:
        def bind(self, reach):
            return lambda x, classes: 0.5 * x.square().sum(1)

    gan = attacks.GAN(Line(), Zero(), attacks.Dense(), "wasserstein", 2, 2)
    found = attacks.GMI(gan=gan, steps=7, restarts=1, classes=[0], weight=3.0, step=0.1, clip=None, loss=Square())
    z = torch.randn(1, 2, generator=torch.Generator().manual_seed(1)).double().numpy()
    v = np.zeros_like(z)
    for _ in range(7):
        last, v = v, 0.9 * v - 0.1 * 3.0 * z
        z = z - 0.9 * last + 1.9 * v
    assert found.run(Constant()).images == pytest.approx(z, abs=1e-5)


@pytest.mark.slow
def test_kedmi_with_its_own_generator(bench):
    settings = attacks.InversionGAN(steps=1500, learning_rate=1e-3)
    gan = settings.fit(bench.public, bench.target)
    assert gan.queries == 2 + len(bench.public)
    found = attacks.KEDMI(gan=gan, steps=150).run(bench.target)
    assert bench.verdict(found).accuracy.value >= 0.4  # measured .66; chance .1
    assert found.queries == gan.queries + 2 + 10 * 150 + 50 and found.steps == 1500
    # the critic has learnt the target's labels
    rows = torch.from_numpy(bench.x)
    assert (gan.critic(rows).argmax(1).numpy() == bench.y).mean() >= 0.8
    one = dataclasses.replace(settings, steps=500, moments=1).fit(bench.public, bench.target)
    spread = [g.images(g.draw(200, torch.Generator().manual_seed(0))).std(0).mean().item() for g in (one, gan)]
    assert spread[0] < 0.7 * spread[1]  # why two moments are the default


def test_plgmi(bench):
    settings = attacks.PseudoLabelGAN(steps=150, learning_rate=2e-3)
    gan = settings.fit(bench.public, bench.target)
    assert gan.queries == 2 - 1 + len(bench.public) + 150 * 64 + 1
    views = attacks.RandomShift((1, 8, 8))
    for seen in (None, views):
        found = attacks.PLGMI(gan=gan, steps=50, views=seen).run(bench.target)
        assert bench.verdict(found).accuracy.value >= 0.6
        assert found.queries == gan.queries + 2 + 50 * 50 * (1 if seen is None else 2) + 50
    none = attacks.PseudoLabelGAN(steps=30, learning_rate=2e-3, views=views).fit(bench.public, Constant())
    assert bench.verdict(attacks.PLGMI(gan=none, steps=20, per_class=20).run(Constant())).accuracy.value <= 0.3


def test_lomma(bench):
    surrogates = [attacks.distil(bench.target, bench.public, hidden=(48,), max_steps=300)]
    agree = surrogates[0].release(bench.x, output="labels") == bench.target.release(bench.x, output="labels")
    assert agree.mean() >= 0.85
    identity = attacks.IdentityLoss(bench.public, weight=0.01)
    for loss in (identity, attacks.ModelAugmentation(surrogates, identity)):
        found = attacks.GMI(gan=bench.gan, steps=100, restarts=3, weight=10.0, loss=loss).run(bench.target)
        assert bench.verdict(found).accuracy.value >= 0.8
    reach = attacks.Reach(bench.target, torch.zeros(1, 64), draws=1, access="mean", seed=0)
    x, c = torch.from_numpy(bench.x[:4]), torch.tensor([0, 1, 2, 3])
    both = attacks.ModelAugmentation(surrogates).bind(reach)(x, c)
    by_hand = [
        functional.cross_entropy(m.draws(x, None, None)[0], c, reduction="none") for m in (bench.target, *surrogates)
    ]
    assert both == pytest.approx(torch.stack(by_hand).mean(0), rel=1e-5)


def test_settings_are_refused(bench):
    zeros = np.zeros(4)
    for build, match in (
        (lambda: attacks.MIFace(start=zeros[None]), r"`start` must be one flat image"),
        (lambda: attacks.MIFace(start=zeros - 1), r"`start` must lie in \[0, 1\]"),
        (lambda: attacks.MIFace(start=zeros, window=0), r"`window` must be positive; got 0"),
        (lambda: attacks.GMI(gan=bench.gan, steps=0), r"GMI: `steps` must be at least 1; got 0"),
        (lambda: attacks.GMI(gan=bench.gan, restarts=2, keep=3), r"`keep` must be at most `restarts`, 2; got 3"),
        (lambda: attacks.KEDMI(gan=bench.gan, samples=0), r"KEDMI: `samples`"),
        (lambda: attacks.VMI(gan=bench.gan, gamma=-1.0), r"VMI: `gamma` must not be negative; got -1.0"),
        (lambda: attacks.PLGMI(gan=bench.gan), r"PLGMI: `gan` must be class-conditional"),
        (lambda: attacks.PLGMI(gan=bench.gan, steps=0), r"PLGMI: `steps`"),
        (lambda: attacks.PseudoLabelGAN(top=0), r"PseudoLabelGAN: `top`"),
        (lambda: attacks.InversionGAN(latent=0), r"InversionGAN: `latent`"),
        (lambda: attacks.InversionGAN(moments=3), r"InversionGAN: `moments` must be 1 or 2; got 3"),
        (lambda: attacks.WGAN(critic_steps=0), r"WGAN: `critic_steps`"),
        (lambda: attacks.Dense(()), r"Dense: `hidden`"),
        (lambda: attacks.ModelAugmentation([]), r"`surrogates` must hold at least one"),
        (lambda: attacks.IdentityLoss(np.zeros((1, 3))), r"`x_public` must be a matrix of at least two rows"),
        (lambda: attacks.Convolutional((1, 6, 8)), r"divisible by 4; got \(1, 6, 8\)"),
        (lambda: attacks.distil(bench.target, bench.public, hidden=()), r"distil: `hidden`"),
        (lambda: public_rows("f", np.zeros((3, 2)), 4), r"f: `x_public` must be a matrix of at least 4"),
        (lambda: public_rows("f", np.full((5, 2), np.nan), 4), r"NaN or infinity in 5 of 5"),
        (lambda: public_rows("f", np.full((5, 2), 2.0), 4), r"must lie in \[0, 1\]; got \[2, 2\]"),
        (lambda: bench.gan.load("/nowhere"), r"nowhere"),
    ):
        with pytest.raises((ParameterError, ShapeError, NonFiniteError, RuntimeError), match=match):
            build()


def test_gan_generates_digits_and_survives_a_save(bench, tmp_path):
    images = bench.gan.images(bench.gan.draw(300, torch.Generator().manual_seed(0)))
    assert (images.mean(0).numpy() - bench.public.mean(0)) == pytest.approx(np.zeros(64), abs=0.15)
    assert images.std(0).mean().item() > 0.5 * bench.public.std(0).mean()
    bench.gan.save(tmp_path / "gan")
    again = attacks.GAN.load(tmp_path / "gan")
    z = torch.ones(2, 16)
    assert (again.images(z) == bench.gan.images(z)).all() and again.summary() == bench.gan.summary()
    from infocore.torch import checkpoint

    checkpoint.save(tmp_path / "other", weights={}, meta={"a": 1})
    with pytest.raises(ParameterError, match=r"`folder` must hold a GAN.*\['a'\]"):
        attacks.GAN.load(tmp_path / "other")


def test_conditional_and_convolutional_gans():
    x = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    y = np.arange(64) % 3
    network = attacks.Convolutional((1, 8, 8), channels=4)
    settings = attacks.WGAN(latent=3, network=network, steps=2, batch_size=16, seed=4)
    gan, same = (settings.fit(x, y) for _ in range(2))
    z, c = gan.draw(5, torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1])
    assert (gan.images(z, c) == same.images(z, c)).all() and gan.classes == 3
    assert bool((gan.images(z, c) != gan.images(z, c.roll(1))).any())
    assert gan.realism(gan.images(z, c), c) == pytest.approx(gan.critic(gan.images(z, c))[range(5), c])
    for ask in (lambda: gan.images(z), lambda: gan.realism(torch.zeros(5, 64))):
        with pytest.raises(ParameterError, match="`classes` must be given"):
            ask()
    with pytest.raises(ShapeError, match=r"one class per record, 64; got shape \(63,\)"):
        settings.fit(x, y[:63])
    for build in (network.generator, network.critic):
        with pytest.raises(ShapeError, match=r"does not hold 65 pixels"):
            build(3, 65, torch.Generator()) if build == network.generator else build(65, 1, torch.Generator())
    with pytest.raises(TrainingError, match=r"WGAN.fit: the loss is not finite"):
        dataclasses.replace(settings, learning_rate=1e30, steps=50).fit(x, y)


def test_penalties_by_hand():
    # a linear critic has one slope everywhere: (5 - 1)^2
    line = linear(2, 1, torch.Generator())
    with torch.no_grad():
        line.weight.copy_(torch.tensor([[3.0, 4.0]]))
    gan = attacks.GAN(line, line, attacks.Dense(), "wasserstein", 2, 2)
    x = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    found = gradient_penalty(gan, x, 1 - x, torch.zeros(4, dtype=torch.long), torch.Generator().manual_seed(0))
    assert found.item() == pytest.approx(16.0)
    # two classes of equal logits a: log-sum-exp is a + log 2, real with probability 2 e^a / (1 + 2 e^a)
    real, fake = torch.tensor([[1.0, 1.0]]), torch.tensor([[-1.0, -1.0]])
    p_real, p_fake = (2 * np.exp(a) / (1 + 2 * np.exp(a)) for a in (1.0, -1.0))
    want = np.log(2) + 0.5 * (-np.log(p_real) - np.log(1 - p_fake))
    assert critic_loss(real, fake, torch.tensor([[0.3, 0.7]])).item() == pytest.approx(want, rel=1e-6)
    classes = dataclasses.replace(gan, kind="classes", critic=torch.nn.Identity())
    assert classes.realism(real).item() == pytest.approx(np.log(p_real), rel=1e-6)
    law = torch.distributions
    mu, logvar = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.2, -0.7]])
    kl = law.kl_divergence(law.Normal(mu, (0.5 * logvar).exp()), law.Normal(0.0, 1.0)).sum(1)
    assert divergence(mu, logvar) == pytest.approx(kl)


def test_pseudo_labels_and_shifts():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    rows, classes = pseudo_labels(p, 4)
    for c in range(3):
        assert set(rows[classes == c]) == set(np.argsort(p[:, c])[-4:])
    with pytest.raises(TooFewSamplesError, match=r"1..20, the number of records; got 21"):
        pseudo_labels(p, 21)
    x = torch.arange(16.0).reshape(1, 16).repeat(50, 1) + 1
    moved = attacks.RandomShift((1, 4, 4))(x, torch.Generator().manual_seed(0)).reshape(50, 4, 4)
    image, seen = torch.arange(16.0).reshape(4, 4) + 1, set()
    for one in moved:
        options = {}
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                padded = functional.pad(image[None], [1, 1, 1, 1])[0]
                options[down, right] = padded[1 - down : 5 - down, 1 - right : 5 - right]
        hits = [shift for shift, want in options.items() if bool((one == want).all())]
        assert len(hits) == 1
        seen.update(hits)
    assert len(seen) == 9
    leaf = torch.rand(3, 16, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: attacks.RandomShift((1, 4, 4))(a, torch.Generator().manual_seed(0)), leaf)


def test_same_seed_same_attack_and_settings_are_json(bench):
    attack = attacks.VMI(gan=bench.gan, steps=5, per_class=1, loss=attacks.IdentityLoss(bench.public))
    first, second = (attack.run(bench.target) for _ in range(2))
    assert (first.images == second.images).all()
    settings = json.loads(json.dumps(first.settings))
    assert settings["kind"] == "VMI" and settings["loss"]["x_public"] == {"shape": [597, 64]}
    assert settings["gan"]["kind"] == "wasserstein"
    assert "VMI: 10 images of 10 classes" in str(first)
