"""Training: exact resume, no traces, damage noticed, and a model that learns."""

import hashlib
import logging
import pathlib
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

import cmim
from cmim._inputs import batch_seed
from cmim.lightning import fit
from cmim.variants import AE, CMIM, MIM, VAE, InfoNCE
from cmim.views import ShiftNoise
from infocore.errors import (
    CheckpointError,
    KindError,
    NonFiniteError,
    ParameterError,
    ShapeError,
    TrainingError,
    TrainingWarning,
)

X = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
RUN = {"batch_size": 16, "accelerator": "cpu", "log_every": 1}


def small(make=CMIM, seed: int = 0, **own):
    return make(6, latent_dim=2, hidden=(8,), seed=seed, **own)


def weights(model) -> list[Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


def infonce():
    return InfoNCE(6, 2, views=ShiftNoise(2, 3), hidden=(8,))


# one epoch is two steps: 7 is in the middle of one, 8 at its end
@pytest.mark.parametrize("stop", [7, 8])
@pytest.mark.parametrize("make", [small, infonce])
def test_resumed_is_bitwise_uninterrupted(make, stop, tmp_path):
    through = make()
    whole = fit(through, X, max_steps=16, **RUN)
    first, second = make(), make()
    fit(first, X, max_steps=stop, checkpoint_dir=tmp_path, **RUN)
    for p in second.parameters():
        torch.nn.init.constant_(p, 0.5)  # what it starts from does not matter: the checkpoint brings everything
    rest = fit(second, X, max_steps=16, checkpoint_dir=tmp_path, resume=True, **RUN)
    assert not same(weights(first), weights(through))
    assert same(weights(second), weights(through))
    assert rest.steps == whole.steps == 16
    assert rest.history == whole.history[stop:]


def test_resume_from_a_checkpoint_in_the_middle(tmp_path):
    through, second = small(), small()
    fit(through, X, max_steps=13, **RUN)
    fit(small(), X, max_steps=13, checkpoint_dir=tmp_path, checkpoint_every=5, **RUN)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"step-{n:09d}.ckpt{end}" for n in (10, 13) for end in ("", ".sha256")]
    for path in tmp_path.glob("*13.ckpt*"):
        path.unlink()
    fit(second, X, max_steps=13, checkpoint_dir=tmp_path, resume=True, **RUN)
    assert same(weights(second), weights(through))


def test_resume_without_a_checkpoint_starts(tmp_path):
    model = small()
    assert fit(model, X, max_steps=3, checkpoint_dir=tmp_path / "new", resume=True, **RUN).steps == 3


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("run")
    fit(small(), X, max_steps=4, checkpoint_dir=folder, **RUN)
    return folder


@pytest.mark.parametrize("damage", ["flip", "truncate", "no sum", "empty sum"])
def test_damaged_checkpoint(checkpoint, tmp_path, damage):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    (path,) = folder.glob("*.ckpt")
    total = folder / f"{path.name}.sha256"
    blob = bytearray(path.read_bytes())
    if damage == "flip":
        blob[len(blob) // 2] ^= 1
        path.write_bytes(blob)
    elif damage == "truncate":
        path.write_bytes(blob[:-100])
    elif damage == "no sum":
        total.unlink()
    else:
        total.write_text("")
    with pytest.raises(CheckpointError, match=path.name):
        fit(small(), X, max_steps=6, checkpoint_dir=folder, resume=True, **RUN)


class Bomb:
    def __reduce__(self):
        return (sys.exit, ("the pickle was run",))


def test_a_checkpoint_cannot_run_code(checkpoint, tmp_path):
    path = tmp_path / "step-000000009.ckpt"
    torch.save({"state_dict": Bomb()}, path)
    (tmp_path / f"{path.name}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(CheckpointError, match="cannot be read"):
        fit(small(), X, max_steps=10, checkpoint_dir=tmp_path, resume=True, **RUN)


@pytest.mark.parametrize(
    ("change", "name"), [({"seed": 1}, "seed"), ({"batch_size": 8}, "batch_size"), ({"learning_rate": 0.1}, "rate")]
)
def test_resuming_another_run_is_refused(checkpoint, tmp_path, change, name):
    folder = shutil.copytree(checkpoint, tmp_path / "copy")
    with pytest.raises(CheckpointError, match=name):
        fit(small(), X, max_steps=6, checkpoint_dir=folder, resume=True, **{**RUN, **change})
    with pytest.raises(CheckpointError, match="data"):
        fit(small(), X + 0.0 * X.flip(0) - 0.5 * X, max_steps=6, checkpoint_dir=folder, resume=True, **RUN)
    with pytest.raises(CheckpointError, match="config"):
        fit(small(MIM), X, max_steps=6, checkpoint_dir=folder, resume=True, **RUN)


def test_seed_decides():
    a, b, c = small(), small(), small()
    fit(a, X, max_steps=3, seed=1, **RUN)
    fit(b, X, max_steps=3, seed=1, **RUN)
    fit(c, X, max_steps=3, seed=2, **RUN)
    assert same(weights(a), weights(b))
    assert not same(weights(a), weights(c))


def test_seeds_of_steps_differ():
    seen = {batch_seed(seed, step, stream) for seed in range(10) for step in range(100) for stream in range(2)}
    assert len(seen) == 2000  # 2000 draws of 32 bits collide with probability 5e-4


def test_user_logging_is_left_alone(capfd, tmp_path):
    watched = [logging.getLogger(name) for name in (None, "lightning.pytorch", "lightning.fabric")]
    before = [(logger.level, list(logger.handlers)) for logger in watched]
    filters = list(warnings.filters)
    fit(small(), X, max_steps=2, **RUN)
    assert [(logger.level, list(logger.handlers)) for logger in watched] == before
    assert list(warnings.filters) == filters
    assert capfd.readouterr() == ("", "")


def test_progress_bar_goes_to_stderr(capfd):
    fit(small(), X, max_steps=3, progress=True, **RUN)
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err and "loss" in err


@pytest.mark.parametrize(("logger", "file"), [("csv", "metrics.csv"), ("tensorboard", "events*")])
def test_loggers_write_every_term(logger, file, tmp_path):
    fit(small(), X, max_steps=3, logger=logger, log_dir=tmp_path, **RUN)
    (path,) = tmp_path.rglob(file)
    if logger == "csv":
        head, *rows = path.read_text().splitlines()
        terms = {"loss", "reconstruction", "log_pk", "log_q", "log_prior", "gate", "mean_cosine", "code_norm"}
        assert terms <= set(head.split(","))
        assert len(rows) == 3


def test_both_loggers_write_into_one_folder(tmp_path):
    x = X[:8]
    fit(small(), X, max_steps=4, logger="both", log_dir=tmp_path, validation=x, validate_every=2, **RUN)
    (folder,) = {path.parent for path in tmp_path.rglob("*") if path.is_file()}
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert {"metrics", "events"} <= names
    head, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert "validation" in head.split(",") and len(rows) == 4 + 2  # a line a step, and one a validation
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator(str(folder))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert set(head.split(",")) - {"epoch", "step"} <= tags
    assert [event.step for event in events.Scalars("reconstruction")] == [0, 1, 2, 3]


def test_a_run_that_stopped_early_is_read_once(tmp_path, monkeypatch):
    run = {**RUN, "validation": X[:8], "validate_every": 1, "patience": 1, "learning_rate": 1.0}
    first, again = small(), small()
    stopped = fit(first, X, max_steps=60, checkpoint_dir=tmp_path, **run)
    assert stopped.steps < 60
    seen: list[object] = []
    read, load = pathlib.Path.read_bytes, torch.load
    monkeypatch.setattr(pathlib.Path, "read_bytes", lambda path: seen.append(path) or read(path))
    monkeypatch.setattr(torch, "load", lambda *a, **k: seen.append("load") or load(*a, **k))
    resumed = fit(again, X, max_steps=60, checkpoint_dir=tmp_path, resume=True, **run)
    assert resumed.steps == stopped.steps and same(weights(again), weights(first))
    assert seen == [max(tmp_path.glob("*.ckpt")), "load"]


@pytest.mark.parametrize("make", [AE, VAE, MIM, CMIM])
def test_training_lowers_the_loss(make):
    data = (torch.arange(40)[:, None] % torch.tensor([2, 3, 4, 5, 6, 7]) == 0).float()
    history = fit(small(make), data, max_steps=150, learning_rate=1e-2, **RUN).history
    assert np.mean([h["loss"] for h in history[-10:]]) < history[0]["loss"] - 0.5


def test_infonce_learns_that_images_differ():
    model = InfoNCE(6, 4, views=ShiftNoise(2, 3, max_shift=0), hidden=(16,))
    history = fit(model, X, max_steps=200, learning_rate=1e-2, **RUN).history
    assert history[0]["loss"] > -1.5
    assert -np.log(16) <= np.mean([h["loss"] for h in history[-10:]]) < history[0]["loss"] - 0.3


# a VAE of noise does not read its code, and says so
@pytest.mark.filterwarnings("ignore:fit. the reconstruction is as good:infocore.errors.TrainingWarning")
# claim C4: the posterior of A-MIM sinks to its floor, that of a VAE does not
def test_variance_of_mim_reaches_its_floor_and_that_of_a_vae_does_not():
    run = {**RUN, "max_steps": 400, "learning_rate": 1e-2, "log_every": 399}
    at_floor = {make: fit(small(make), X, **run).history[-1]["frac_at_floor"] for make in (MIM, VAE)}
    assert at_floor[MIM] >= 0.9
    assert at_floor[VAE] < 0.1


def test_bf16_trains():
    history = fit(small(), X, max_steps=5, precision="bf16-mixed", **RUN).history
    assert all(np.isfinite(h["loss"]) for h in history)


def test_non_finite_loss_names_its_terms():
    x = torch.full((8, 6), 1e30)
    with (
        pytest.warns(TrainingWarning, match="1e\\+30"),
        pytest.raises(TrainingError, match=r"step 0: .*reconstruction = inf"),
    ):
        fit(small(likelihood="gaussian"), x, max_steps=2, **RUN)


@pytest.mark.parametrize(
    ("x", "error", "match"),
    [
        (torch.full((4, 6), 2.0), ParameterError, r"\[0, 1\]"),
        (torch.full((4, 6), -0.1), ParameterError, r"\[0, 1\]"),
        (torch.full((4, 6), torch.nan), NonFiniteError, "4 of 4 rows"),
        (np.array([["a"]]), KindError, "real numbers"),
        (torch.zeros(4, 6, dtype=torch.complex64), KindError, "real numbers"),
        (torch.zeros(4), ShapeError, "row per sample"),
        (np.zeros((0, 6)), ShapeError, "row per sample"),
    ],
)
def test_data_that_cannot_be_read(x, error, match):
    with pytest.raises(error, match=match):
        fit(small(), x, max_steps=1, **RUN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_steps": 0},
        {"batch_size": 0},
        {"log_every": 0},
        {"checkpoint_every": 0},
        {"learning_rate": 0.0},
        {"warmup": -1},
        {"decay": "linear"},
        {"logger": "wandb"},
        {"resume": True},
    ],
)
def test_settings_out_of_range(wrong):
    call = getattr(fit, "__wrapped__", fit)
    with pytest.raises(ParameterError, match=f"`{next(iter(wrong))}`"):
        call(small(), X, **{**RUN, **wrong})


TRACES = """
import os, sys
before = dict(os.environ)
import cmim
assert "torch" not in sys.modules
cmim.CMIM(4, hidden=(3,)), cmim.Embedder()
assert "lightning" not in sys.modules
cmim.fit
assert "lightning" in sys.modules
assert dict(os.environ) == before
"""


@pytest.mark.slow
def test_imports_are_late_and_leave_no_trace():
    subprocess.run([sys.executable, "-c", TRACES], check=True)


def test_names():
    assert all(hasattr(cmim, name) for name in dir(cmim))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cmim.nothing
