import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.datasets import load_digits  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402
from torch.nn import functional  # noqa: E402

from infocore.errors import ParameterError, TrainingWarning  # noqa: E402
from mid.torch._training import Moment, split  # noqa: E402
from mid.torch.bido import BiDO  # noqa: E402
from mid.torch.classifier import MIDClassifier  # noqa: E402
from mid.torch.defences import Undefended  # noqa: E402
from mid.torch.erasing import RandomErasing  # noqa: E402
from mid.torch.freezing import Freezing  # noqa: E402
from mid.torch.network_classifier import NetworkClassifier  # noqa: E402
from mid.torch.networks import CNN, MLP  # noqa: E402
from mid.torch.optimizers import SGD  # noqa: E402
from mid.torch.smoothing import LabelSmoothing, smoothed_cross_entropy  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def moment(progress=0.0, seed=0):
    return Moment(progress, seeded(seed))


@functools.cache
def digits():
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order]


def some(n=120):
    x, y = digits()
    return x[:n], y[:n]


@parametrize_with_checks([NetworkClassifier(hidden=(16,), epochs=25, batch_size=32, learning_rate=3e-2)])
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


# label smoothing


@pytest.mark.parametrize("alpha", [-0.3, -0.05, 0.0, 0.2])
def test_smoothed_loss_against_smoothed_labels(alpha):
    logits, y = torch.randn(9, 5, generator=seeded(), dtype=torch.float64), torch.arange(9) % 5
    target = (1 - alpha) * functional.one_hot(y, 5).double() + alpha / 5
    want = -(target * torch.log_softmax(logits, 1)).sum(1).mean()
    assert smoothed_cross_entropy(logits, y, alpha).item() == pytest.approx(want.item(), rel=1e-12)
    if alpha >= 0:  # torch's own refuses the sign that defends
        torch_own = functional.cross_entropy(logits, y, label_smoothing=alpha)
        assert smoothed_cross_entropy(logits, y, alpha).item() == pytest.approx(torch_own.item(), rel=1e-12)


def test_schedule_is_nought_then_linear_then_full():
    smoothing = LabelSmoothing(-0.05)
    at = [smoothing.weight(progress) for progress in (0.0, 0.5, 0.6, 0.75, 0.9)]
    assert at == pytest.approx([0, 0, -0.02, -0.05, -0.05])
    assert LabelSmoothing(-0.05, schedule=(0.0, 0.0)).weight(0.0) == -0.05


def test_training_follows_the_schedule():
    x, y = some()
    settings = {"hidden": (8,), "epochs": 8, "random_state": 1}
    plain = NetworkClassifier(None, **settings).fit(x, y).logits(x)
    late = NetworkClassifier(LabelSmoothing(-0.05, schedule=(1.0, 1.0)), **settings).fit(x, y).logits(x)
    np.testing.assert_allclose(late, plain, atol=1e-5)  # the weight never leaves 0
    usual = NetworkClassifier(LabelSmoothing(-0.5), **settings).fit(x, y).logits(x)
    assert np.abs(usual - plain).max() > 1e-3


def test_negative_smoothing_makes_answers_more_extreme():
    """The mechanism behind claim C19, not the claim: negative labels spread the logits, positive ones tighten them."""
    x, y = some(400)
    spread = {}
    for alpha in (-0.05, 0.0, 0.1):
        model = NetworkClassifier(LabelSmoothing(alpha), hidden=(32,), epochs=40)
        if alpha > 0:
            with pytest.warns(TrainingWarning, match="Positive label smoothing makes model inversion easier"):
                model.fit(x, y)
        else:
            model.fit(x, y)
        spread[alpha] = model.logits(x).std(1).mean()
    assert spread[-0.05] > spread[0.0] > spread[0.1]


# random erasing


def test_rectangles_have_the_area_and_the_shape_asked_for():
    erase = RandomErasing((1, 20, 30), area=(0.1, 0.3), aspect=(0.5, 2.0))
    gone = erase.rectangles(500, seeded())
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(gone.sum((1, 2)), heights * widths)  # a full rectangle, in one piece
    for side in (gone.any(2), gone.any(1)):
        assert (torch.diff(side.int(), dim=1).abs().sum(1) + side[:, 0].int() + side[:, -1].int() == 2).all()
    share = gone.float().mean((1, 2))
    assert share.min() > 0.08 and share.max() < 0.33  # rounding of sides
    # uniform in 0.1..0.3, s.d. 0.058: the mean of 500 is known to 0.0026
    assert share.mean().item() == pytest.approx(0.2, abs=0.01)
    assert erase.rectangles(5000, seeded(1)).any(0).all()  # every place is hit sometimes
    # log-uniform aspect is symmetric: 500 logs with s.d. 0.40 and rounding
    assert (heights / widths).log().mean().item() == pytest.approx(0.0, abs=0.06)


def test_probability_of_erasing():
    half = RandomErasing((1, 8, 8), probability=0.5).rectangles(1000, seeded())
    assert half.any(2).any(1).float().mean().item() == pytest.approx(0.5, abs=0.05)  # 3 s.d. are 0.047
    assert not RandomErasing((1, 8, 8), probability=0.0).rectangles(10, seeded()).any()


def test_erased_images_are_what_the_network_sees_in_all_channels():
    seen = []

    def network(x):
        seen.append(x)
        return x[:, :3]

    erase, x = RandomErasing((2, 4, 4), fill=7.0), torch.rand(5, 32, generator=seeded(1))
    erase.loss(network, x, torch.arange(5) % 3, moment(seed=3))
    gone = erase.rectangles(5, seeded(3))
    want = torch.where(gone[:, None], torch.tensor(7.0), x.reshape(5, 2, 4, 4)).flatten(1)
    torch.testing.assert_close(seen[0], want)


# freezing


def frozen(norm, first_trainable=1):
    x, y = some()
    cnn = CNN((1, 8, 8), channels=(8, 8), width=8, norm=norm)
    public = NetworkClassifier(network=cnn, epochs=2, random_state=3).fit(x[:, ::-1].copy(), y % 3)
    private = NetworkClassifier(Freezing(first_trainable, public), network=cnn, epochs=3).fit(x, y)
    return [model.module_.features.blocks for model in (public, private)], x


@pytest.mark.parametrize("norm", ["group", "batch"])
@pytest.mark.parametrize("first_trainable", [1, 2, 3])
def test_frozen_blocks_stay_public_in_weights_and_running_means(norm, first_trainable):
    (public, private), _ = frozen(norm, first_trainable)
    for index, (before, after) in enumerate(zip(public, private, strict=True)):
        pairs = list(zip(before.state_dict().values(), after.state_dict().values(), strict=True))
        if index < first_trainable:
            assert all(torch.equal(a, b) for a, b in pairs)
        else:
            assert not torch.equal(*pairs[0])


def test_trainable_blocks_start_from_the_public_ones():
    x, y = some()
    public = NetworkClassifier(hidden=(16, 8), epochs=5).fit(x, y % 2)
    settings = {"hidden": (16, 8), "epochs": 1, "batch_size": 120, "learning_rate": 1e-6}
    private = NetworkClassifier(Freezing(1, public), **settings).fit(x, y)
    start, end = (model.module_.features.blocks[1][0].weight for model in (public, private))
    torch.testing.assert_close(start, end, atol=1e-5, rtol=0)
    assert private.module_.head.weight.shape == (10, 8)


def test_refusals_of_freezing():
    x, y = some()
    public = NetworkClassifier(hidden=(16, 8), epochs=1).fit(x, y)
    with pytest.raises(ParameterError, match="Freezing: `first_trainable` must be at least 1"):
        Freezing(0, public)
    with pytest.raises(ParameterError, match="at most the number of blocks, 2; got 3"):
        NetworkClassifier(Freezing(3, public), hidden=(16, 8)).fit(x, y)
    with pytest.raises(ParameterError, match="Freezing: `pretrained` must be a fitted classifier"):
        NetworkClassifier(Freezing(1, NetworkClassifier()), hidden=(16, 8)).fit(x, y)
    with pytest.raises(ParameterError, match="Freezing: `pretrained` must have the architecture"):
        NetworkClassifier(Freezing(1, public), hidden=(16, 9)).fit(x, y)


# the classifier


@pytest.mark.parametrize(
    "defence", [None, Undefended(), BiDO(0.05, 0.5), BiDO(1.0, 5.0, "coco"), LabelSmoothing(), RandomErasing((1, 8, 8))]
)
def test_every_defence_learns_digits(defence):
    x, y = digits()
    model = NetworkClassifier(defence, hidden=(64,), epochs=15, learning_rate=3e-3).fit(x[:800], y[:800])
    assert model.score(x[800:], y[800:]) > 0.88  # measured 0.92 to 0.96
    assert model.information(x) is None


def test_a_small_convolutional_network_learns_with_sgd():
    x, y = digits()
    cnn = CNN((1, 8, 8), channels=(8, 16), width=32)
    model = NetworkClassifier(network=cnn, optimizer=SGD(), epochs=8, learning_rate=0.03).fit(x[:800], y[:800])
    assert model.score(x[800:], y[800:]) > 0.93  # measured 0.97


def test_white_box_access_without_noise():
    x, y = some()
    model = NetworkClassifier(hidden=(16, 8), epochs=2).fit(x, y)
    records = torch.tensor(x[:5], requires_grad=True)
    draws = model.draws(records, 3, None)
    assert draws.shape == (3, 5, 10)
    np.testing.assert_allclose(draws[2].detach(), model.logits(x[:5]), atol=1e-6)
    assert model.draws(records, None, None).shape == (1, 5, 10)
    (gradient,) = torch.autograd.grad(draws[0].sum(), records)
    assert gradient.abs().sum() > 0
    h = model.features(records)
    torch.testing.assert_close(model.module_.head(h), draws[0])


def test_same_seed_same_network_and_no_state_between_fits():
    x, y = some()
    model = NetworkClassifier(RandomErasing((1, 8, 8)), hidden=(8,), epochs=2)
    first = model.fit(x, y).logits(x)
    assert (model.fit(x, y).logits(x) == first).all()
    assert not (model.set_params(random_state=1).fit(x, y).logits(x) == first).any()


def test_held_out_rows_are_not_trained_on_and_choose_the_epoch():
    kept, aside = split(50, 0.2, 3)
    assert len(aside) == 10
    assert sorted([*kept, *aside]) == list(range(50))
    x, y = some()
    settings = {"hidden": (16,), "epochs": 200, "learning_rate": 3e-2, "random_state": 0}
    stopped = NetworkClassifier(validation=0.25, patience=2, **settings).fit(x, y)
    # spoiling a row changes what one epoch learns only if that row was trained on
    rows = split(120, 0.25, _held_seed(0))[1]
    spoiled = x.copy()
    spoiled[rows[0]] += 1.0
    again = NetworkClassifier(validation=0.25, patience=1000, **settings | {"epochs": 1}).fit(spoiled, y)
    once = NetworkClassifier(validation=0.25, patience=1000, **settings | {"epochs": 1}).fit(x, y)
    assert (again.logits(x) == once.logits(x)).all()
    # what was kept is the best of all epochs on the held-out rows, which a longer patience cannot make worse
    patient = NetworkClassifier(validation=0.25, patience=1000, **settings).fit(x, y)
    losses = [_loss(model, x[rows], y[rows]) for model in (patient, stopped)]
    unstopped = _loss(NetworkClassifier(**settings).fit(np.delete(x, rows, 0), np.delete(y, rows)), x[rows], y[rows])
    assert losses[0] <= min(losses[1], unstopped)


def _held_seed(random_state):
    rng = np.random.default_rng(random_state)
    rng.integers(2**63, size=4)
    return int(rng.integers(2**63))


def _loss(model, x, y):
    p = model.predict_proba(x)
    return float(-np.log(p[np.arange(len(y)), np.searchsorted(model.classes_, y)]).mean())


def test_refusals():
    x, y = some()
    for settings, name in (
        ({"defence": "bido"}, "`defence` must be a Defence"),
        ({"patience": 0}, "`patience`"),
        ({"learning_rate": 0.0}, "`learning_rate`"),
        ({"validation": 1.0}, "`validation`"),
        ({"validation": 0.001}, "`validation` 0.001 of 120 records leaves none to validate on"),
        ({"validation": 0.999}, "`validation` 0.999 of 120 records leaves none to train on"),
        ({"hidden": (3,), "network": MLP((4,))}, "`hidden` is short for"),
        ({"hidden": (3, 0)}, "`hidden` must hold"),
    ):
        with pytest.raises(ParameterError, match=f"NetworkClassifier: {name}"):
            NetworkClassifier(**settings).fit(x, y)
    for make, name in (
        (lambda: LabelSmoothing(1.0), "LabelSmoothing: `alpha`"),
        (lambda: LabelSmoothing(schedule=(0.8, 0.2)), "LabelSmoothing: `schedule`"),
        (lambda: RandomErasing((1, 8)), "RandomErasing: `shape`"),
        (lambda: RandomErasing((1, 8, 8), area=(0.0, 0.5)), "RandomErasing: `area`"),
        (lambda: RandomErasing((1, 8, 8), aspect=(2.0, 1.0)), "RandomErasing: `aspect`"),
        (lambda: RandomErasing((1, 8, 8), probability=1.5), "RandomErasing: `probability`"),
    ):
        with pytest.raises(ParameterError, match=name):
            make()
    with pytest.raises(ParameterError, match=r"RandomErasing: `shape` .*49 values; the data have 64 columns"):
        NetworkClassifier(RandomErasing((1, 7, 7))).fit(x, y)
    model = MIDClassifier(hidden=(8,), epochs=1).fit(x, y)
    with pytest.raises(ParameterError, match=r"MIDClassifier.draws: `count`"):
        model.draws(torch.tensor(x), 0, seeded())
    with pytest.raises(ParameterError, match=r"MIDClassifier.draws: `generator`"):
        model.draws(torch.tensor(x), 2, None)
