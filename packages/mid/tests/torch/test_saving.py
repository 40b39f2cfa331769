import copy
import dataclasses
import functools
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infocore.errors import CheckpointError  # noqa: E402
from infocore.torch import checkpoint  # noqa: E402
from mid.torch.bido import BiDO  # noqa: E402
from mid.torch.classifier import MIDClassifier  # noqa: E402
from mid.torch.erasing import RandomErasing  # noqa: E402
from mid.torch.freezing import Freezing  # noqa: E402
from mid.torch.network_classifier import NetworkClassifier  # noqa: E402
from mid.torch.networks import CNN, MLP, Stack  # noqa: E402
from mid.torch.optimizers import SGD  # noqa: E402
from mid.torch.private import DPSGD  # noqa: E402
from mid.torch.regressor import MIDRegressor  # noqa: E402
from mid.torch.saving import load_model, save_model  # noqa: E402

X = np.random.default_rng(0).random((60, 64)).astype(np.float32)
Y = np.arange(60) % 3


@functools.cache
def models():
    text = np.array(["a", "bb", "c"])[Y]
    batch = CNN((1, 8, 8), channels=[4], width=8, norm="batch")
    return {
        "noisy": MIDClassifier(hidden=[8, 4], epochs=1, bottleneck=3).fit(X, text),
        "objects": MIDClassifier(beta=None, hidden=(8,), epochs=1).fit(X, text.astype(object)),
        "batch norm": NetworkClassifier(RandomErasing((1, 8, 8)), network=batch, optimizer=SGD(), epochs=2).fit(X, Y),
        "bido": NetworkClassifier(BiDO(measure="coco"), network=MLP((6,)), epochs=1).fit(X, Y > 1),
        "private": NetworkClassifier(DPSGD(epsilon=3.0), hidden=(4,), epochs=1, batch_size=10).fit(X, Y),
        "regressor": MIDRegressor(beta=np.float64(0.1), hidden=(8,), epochs=1).fit(X, 5 + 3 * X[:, 0]),
    }


def settings(model):
    """Settings as JSON has them, so that a list is a tuple and a number of numpy a number."""
    return json.dumps(
        model.get_params(deep=False), default=lambda value: [type(value).__name__, dataclasses.asdict(value)]
    )


def test_what_is_loaded_answers_as_what_was_saved(tmp_path):
    for name, model in models().items():
        again = load_model(save_model(tmp_path / name, model))
        assert type(again) is type(model)
        assert settings(again) == settings(model)
        assert (again.predict(X, rng=3, queries=2) == model.predict(X, rng=3, queries=2)).all()
        assert not again.module_.training
        if hasattr(model, "classes_"):
            assert again.classes_.tolist() == model.classes_.tolist()
            assert again.classes_.dtype == model.classes_.dtype
    assert again.location_ == model.location_


def test_guarantee_is_kept(tmp_path):
    model = models()["private"]
    again = load_model(save_model(tmp_path / "m", model))
    assert again.privacy_ == model.privacy_
    assert str(again) == str(model)


def test_two_servers_do_not_share_their_noise(tmp_path):
    folder = save_model(tmp_path / "m", models()["noisy"])
    first, second = load_model(folder), load_model(folder)
    assert not (first.logits(X) == second.logits(X)).any()
    assert (load_model(folder, rng=1).logits(X) == load_model(folder, rng=1).logits(X)).all()


def test_what_cannot_be_saved_is_refused(tmp_path):
    fitted = models()

    class Mine:
        def build(self, in_features, generator):
            return Stack([torch.nn.Identity()], in_features)

    fit = {"epochs": 1}
    for number, (model, name) in enumerate(
        (
            (NetworkClassifier(network=Mine(), **fit).fit(X, Y), "`network` cannot be written as JSON: Mine"),
            (NetworkClassifier(hidden=(4,), random_state=np.random.default_rng(0), **fit).fit(X, Y), "`random_state`"),
            (
                NetworkClassifier(Freezing(1, fitted["bido"]), network=MLP((6,)), **fit).fit(X, Y),
                "`defence` .*Freezing",
            ),
        )
    ):
        with pytest.raises(CheckpointError, match=f"save_model: {name}"):
            save_model(tmp_path / str(number), model)
    mixed = np.array([1, "a", 2.5], dtype=object)
    model = copy.copy(fitted["objects"])
    model.classes_ = mixed
    with pytest.raises(CheckpointError, match="`classes_` must be numbers"):
        save_model(tmp_path / "x", model)
    from mid.torch.purifier import Purifier

    with pytest.raises(CheckpointError, match=r"`model` must be one of .*got Purifier"):
        save_model(tmp_path / "x", Purifier(fitted["bido"], epochs=1).fit(X))


@pytest.mark.parametrize("change", ["model", "settings", "weights"])
def test_damage_is_a_checkpoint_error(tmp_path, change):
    saved = checkpoint.load(save_model(tmp_path / "m", models()["bido"]))
    meta, weights = json.loads(json.dumps(saved.meta)), dict(saved.weights)
    if change == "model":
        meta["model"] = "os.system"
    elif change == "settings":
        meta["settings"]["network"] = {"type": "Popen", "args": "true"}
    else:
        weights.pop("head.bias")
    folder = checkpoint.save(tmp_path / "other", weights=weights, meta=meta)
    with pytest.raises(CheckpointError, match=r"does not hold a model of mid\.torch"):
        load_model(folder)
