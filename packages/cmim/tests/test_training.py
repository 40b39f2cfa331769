"""Early stopping, micro-batches, temperatures that are learned or calibrated, duplicates, advice, kills, processes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from torch import Tensor

from cmim._inputs import batch_seed
from cmim.advice import advise, warn_of_scale
from cmim.config import ModelConfig
from cmim.lightning import fit
from cmim.training import validation_loss
from cmim.variants import CMIM, MIM, VAE, InfoNCE
from infocore.errors import CheckpointError, ParameterError, TrainingWarning
from infocore.torch.training import ArrayBatches

X = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
RUN = {"batch_size": 16, "accelerator": "cpu", "log_every": 1}


def small(make=CMIM, **own):
    return make(6, latent_dim=2, hidden=(8,), **own)


def weights(model) -> list[Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


def test_early_stopping_keeps_the_best_weights():
    """Fifteen rows are learned by heart, and others get worse: the best step is early, and its weights are kept."""
    rows, others = (X < 0.5).float()[:15], (X < 0.5).float()[15:]
    model = MIM(6, latent_dim=4, hidden=(64,))
    run = {**RUN, "learning_rate": 1e-2, "max_steps": 1000, "validate_every": 20, "patience": 5}
    result = fit(model, rows, validation=others, **run)
    steps, values = zip(*result.validation, strict=True)
    assert steps == tuple(range(20, 20 * len(steps) + 1, 20))
    assert result.steps == steps[-1] < 1000
    assert result.best_step == steps[int(np.argmin(values))] == steps[-6]
    assert validation_loss(model, others, 15, 0) == pytest.approx(min(values), abs=1e-9)


def test_a_resumed_run_stops_where_the_whole_one_does(tmp_path):
    rows, others = (X < 0.5).float()[:15], (X < 0.5).float()[15:]
    run = {**RUN, "learning_rate": 1e-2, "validate_every": 20, "patience": 3, "validation": others}
    whole, first, second = (MIM(6, latent_dim=4, hidden=(64,)) for _ in range(3))
    want = fit(whole, rows, max_steps=1000, **run)
    cut = want.best_step + 10
    fit(first, rows, max_steps=cut, checkpoint_dir=tmp_path, **run)
    got = fit(second, rows, max_steps=1000, checkpoint_dir=tmp_path, resume=True, **run)
    assert got.validation == want.validation  # what the first run saw at its end is no part of its checkpoint
    assert (got.steps, got.best_step) == (want.steps, want.best_step)
    assert same(weights(second), weights(whole))


def test_the_validation_loss_is_a_mean_over_rows_and_changes_nothing():
    model = small(MIM)
    state = torch.random.get_rng_state()
    value = validation_loss(model, X, 16, 0)
    assert value == validation_loss(model, X, 16, 0) != validation_loss(model, X, 16, 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert model.training
    parts = [validation_loss(model, X[a:b], 16, 0) for a, b in ((0, 16),)]
    generator = torch.Generator().manual_seed(0)
    assert parts[0] == pytest.approx(float(model.objective(X[:16], generator)["loss"].detach()), abs=0.5)


# MIM has no term between samples, so how a batch is cut does not matter but to rounding
@pytest.mark.parametrize("make", [MIM, VAE])
def test_micro_batches_give_the_step_of_the_batch(make):
    whole, cut = small(make), small(make)
    fit(whole, X, max_steps=12, **RUN)
    result = fit(cut, X, max_steps=12, accumulate=4, **RUN)
    assert result.steps == 12
    for a, b in zip(weights(whole), weights(cut), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5)
    assert result.notes == ()


def test_micro_batches_say_what_they_do_to_negatives():
    assert "micro-batches of 4, over which cMIM" in fit(small(), X, max_steps=2, accumulate=4, **RUN).notes[0]
    note = fit(InfoNCE(6, 2, views=None), X, max_steps=2, accumulate=2, **RUN).notes[0]
    assert "ceiling is log 8" in note


def test_resumed_with_micro_batches_is_bitwise_uninterrupted(tmp_path):
    whole, first, second = small(), small(), small()
    fit(whole, X, max_steps=9, accumulate=2, **RUN)
    fit(first, X, max_steps=5, accumulate=2, checkpoint_dir=tmp_path, **RUN)
    fit(second, X, max_steps=9, accumulate=2, checkpoint_dir=tmp_path, resume=True, **RUN)
    assert same(weights(second), weights(whole))


@pytest.mark.filterwarnings("ignore:fit. the reconstruction is as good:infocore.errors.TrainingWarning")
@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_a_run_that_is_stopped_again_and_again_is_the_whole_one(tmp_path, accumulate, monkeypatch):
    """Killed before the first checkpoint, after a resume before the next one, and in the middle of a step."""
    run = {**RUN, "max_steps": 12, "accumulate": accumulate}
    whole = small()
    fit(whole, X, **run)
    model, calls = small(), 0
    objective = type(model).objective
    stops = [2 * accumulate, 9 * accumulate + accumulate - 1, 10 * accumulate]  # calls to the objective

    def dying(self, *args, **kwargs):
        nonlocal calls
        calls += 1
        if calls in stops:
            raise KeyboardInterrupt
        return objective(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "objective", dying)
    for _ in range(4):
        model = small()
        try:
            fit(model, X, checkpoint_dir=tmp_path, checkpoint_every=4, resume=True, **run)
            break
        except (KeyboardInterrupt, SystemExit):
            continue
    assert calls > stops[-1]
    assert same(weights(model), weights(whole))


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    rows, others = (X < 0.5).float()[:15], (X < 0.5).float()[15:]
    run = {**RUN, "learning_rate": 1e-2, "validate_every": 20, "patience": 3, "validation": others, "max_steps": 1000}
    first, again = (MIM(6, latent_dim=4, hidden=(64,)) for _ in range(2))
    want = fit(first, rows, checkpoint_dir=tmp_path, **run)
    got = fit(again, rows, checkpoint_dir=tmp_path, resume=True, **run)
    assert (got.steps, got.best_step, got.validation) == (want.steps, want.best_step, want.validation)
    assert same(weights(again), weights(first))


@pytest.mark.filterwarnings("ignore:fit. the reconstruction is as good:infocore.errors.TrainingWarning")
def test_a_calibrated_temperature_holds_its_gate_and_survives_a_resume(tmp_path):
    whole, first, second = (small(temperature="calibrated", gate=0.3) for _ in range(3))
    run = {**RUN, "learning_rate": 1e-2}
    history = fit(whole, X, max_steps=120, **run).history
    assert np.mean([h["gate"] for h in history[100:110]]) == pytest.approx(0.3, abs=0.05)  # s.d. .02 at B = 16
    fit(first, X, max_steps=60, checkpoint_dir=tmp_path, **run)
    fit(second, X, max_steps=120, checkpoint_dir=tmp_path, resume=True, **run)
    assert same(weights(second), weights(whole))
    assert second.temperature == pytest.approx(history[-1]["temperature"])


def test_a_learned_temperature_falls_in_cmim():
    model = small(temperature="learned")
    history = fit(model, X, max_steps=150, learning_rate=3e-2, **RUN).history
    assert history[0]["temperature"] == pytest.approx(0.1)
    assert history[-1]["temperature"] < 0.08  # the derived monotony: nothing holds it up
    assert model.temperature.item() == pytest.approx(0.01, abs=1e-6)  # where it is held


def test_fit_is_a_bare_loop():
    """The Trainer adds nothing to the numbers: the same batches and noise in ten lines of torch, bit for bit."""
    trained, plain = small(), small()
    fit(trained, X, max_steps=25, **RUN)
    batches, optimizer = (
        ArrayBatches(X, batch_size=16, seed=0),
        torch.optim.Adam(plain.parameters(), lr=1e-3, fused=True),
    )
    for step in range(25):
        generator = torch.Generator().manual_seed(batch_seed(0, step))
        loss = plain.objective(batches(step)[0], generator, step=step, watch=False)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    assert same(weights(trained), weights(plain))


def test_only_a_calibrated_temperature_is_calibrated():
    with pytest.raises(ParameterError, match="not 'calibrated'"):
        small().calibrate(X, torch.Generator())


@pytest.mark.parametrize("variance", ["learned", "sampled"])
def test_a_calibrated_gate_is_that_of_the_codes_that_are_compared(variance):
    model = small(temperature="calibrated", variance=variance)
    rows = X.repeat(20, 1) + 0.001 * torch.arange(800)[:, None] / 800
    model.calibrate(rows, torch.Generator().manual_seed(1))
    got = model.objective(rows, torch.Generator().manual_seed(2))["gate"]
    assert got.item() == pytest.approx(0.2, abs=0.02)
    encoder = InfoNCE(6, 2, views=None, temperature="calibrated")
    encoder.calibrate(rows, torch.Generator())
    assert encoder.objective(rows, torch.Generator())["gate"].item() == pytest.approx(0.2, abs=1e-4)


def test_a_fixed_variance_is_its_floor_whatever_the_floor_is():
    for variance in ("fixed", "sampled"):
        model = small(MIM, variance=variance, soft_floor=True, logvar_floor=-5.3)
        assert (model.encode(X)[1] == -5.3).all()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mu, logvar = model.encode(X)
        assert mu.dtype == logvar.dtype == torch.float32 and (logvar == -5.3).all()


def test_infonce_has_no_law_to_refuse_data_by():
    fit(InfoNCE(6, 2, views=None), X - 0.5, max_steps=2, **RUN)


def test_a_folder_of_another_run_is_refused(tmp_path):
    fit(small(), X, max_steps=3, checkpoint_dir=tmp_path, **RUN)
    with pytest.raises(CheckpointError, match="holds checkpoints of another run"):
        fit(small(), X, max_steps=3, checkpoint_dir=tmp_path, seed=1, **RUN)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"gradient_clip": None}, "gradient_clip"),
        ({"negatives": "gathered"}, "gather"),
        ({"validation": X}, "validation"),
    ],
)
def test_more_that_makes_a_run_another_one(tmp_path, change, name):
    fit(small(), X, max_steps=3, checkpoint_dir=tmp_path, **RUN)
    with pytest.raises(CheckpointError, match=name):
        fit(small(), X, max_steps=6, checkpoint_dir=tmp_path, resume=True, **{**RUN, **change})


def test_one_row_a_batch_is_no_reason_for_advice():
    result = fit(small(), X, max_steps=110, **{**RUN, "batch_size": 1})
    assert np.isnan(result.history[-1]["gate"]) and np.isnan(result.history[-1]["shuffled"])
    assert not any("gate" in note or "does not read" in note for note in result.notes)


def test_a_sampled_variance_is_one_a_sample_and_the_floor_in_use():
    model = small(MIM, variance="sampled")
    seen = []
    terms = model.objective(X.repeat(50, 1), torch.Generator().manual_seed(0))
    # log q = -(eps^2 + l + log 2 pi)/2 summed: with two dimensions its mean is -(1 + E l + log 2 pi), E l = -3
    assert terms["log_q"].mean().item() == pytest.approx(-(1 - 3 + np.log(2 * np.pi)), abs=0.15)
    seen.append(model.encode(X)[1])
    assert (seen[0] == -6.0).all()
    fixed = small(MIM, variance="fixed")
    assert (fixed.encode(X)[1] == -6.0).all()


def test_copies_in_the_data_are_no_negatives():
    """With every row twice and all in one batch, the copies are masked: the price is that of the rows once."""
    twice = X[:8].repeat(2, 1)
    model = small(temperature=1.0, variance="fixed", logvar_floor=-30.0)
    run = {"max_steps": 1, "batch_size": 16, "accelerator": "cpu"}
    masked = fit(model, twice, **run).history[0]["log_pk"]
    model = small(temperature=1.0, variance="fixed", logvar_floor=-30.0)
    once = fit(model, X[:8], **run).history[0]["log_pk"]
    assert masked == pytest.approx(once, abs=1e-5)


def test_advice():
    config = ModelConfig("cmim", 6, w_k=1.0, w_z=1.0)
    fine = {"gate": 0.1, "frac_at_floor": 0.5, "reconstruction": 10.0, "shuffled": 20.0}
    assert advise(config, fine) == ()
    with pytest.warns(TrainingWarning, match="gate .* ended at 1.0e-04: it has no effect"):
        assert len(advise(config, {**fine, "gate": 1e-4})) == 1
    (note,) = advise(config, {**fine, "frac_at_floor": 1.0})
    assert "A-MIM drives them to" in note
    vae = ModelConfig("vae", 6, beta=1.0)
    with pytest.warns(TrainingWarning, match="a VAE does not do by itself"):
        advise(vae, {**fine, "frac_at_floor": 1.0})
    with pytest.warns(TrainingWarning, match="does not read the code"):
        advise(vae, {**fine, "shuffled": 10.01})


def test_unscaled_data_are_warned_of():
    with pytest.warns(TrainingWarning, match="0 to 255"):
        warn_of_scale(torch.tensor([[0.0, 255.0]]))
    with pytest.warns(TrainingWarning, match="divide images by 255"):
        fit(small(likelihood="gaussian"), 255 * X, max_steps=1, **RUN)


def test_a_collapsed_vae_is_told():
    with pytest.warns(TrainingWarning, match="does not read the code"):
        result = fit(small(VAE, beta=50.0), X, max_steps=150, learning_rate=1e-2, **RUN)
    assert len(result.notes) == 1


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"accumulate": 0}, "`accumulate`"),
        ({"accumulate": 3}, r"`batch_size` must be a multiple.*16 and 3"),
        ({"devices": 0}, "`devices`"),
        ({"patience": 0}, "`patience`"),
        ({"validate_every": 0}, "`validate_every`"),
        ({"validation": X + 1}, r"\[0, 1\]"),
    ],
)
def test_settings_out_of_range(wrong, match):
    with pytest.raises(ParameterError, match=match):
        fit(small(), X, max_steps=1, **{**RUN, **wrong})


KILLED = """
import sys, torch
torch.set_num_threads(1)
from cmim import CMIM, fit
x = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
model = CMIM(6, latent_dim=2, hidden=(8,), temperature="calibrated")
fit(model, x, max_steps=int(sys.argv[2]), batch_size=16, accelerator="cpu", checkpoint_dir=sys.argv[1],
    checkpoint_every=7, resume=True)
model.save(sys.argv[1] + "/model")
"""


@pytest.mark.slow
def test_killed_and_resumed_is_bitwise_uninterrupted(tmp_path):
    def start(folder: pathlib.Path) -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        return subprocess.Popen([sys.executable, "-c", KILLED, str(folder), "400"])

    assert start(tmp_path / "whole").wait() == 0
    process = start(tmp_path / "killed")
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("step-*.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model").exists()
    assert start(tmp_path / "killed").wait() == 0
    for name in ("weights.safetensors", "meta.json"):
        a, b = ((tmp_path / run / "model" / name).read_bytes() for run in ("whole", "killed"))
        assert a == b


WORKER = """
import atexit, json, os, pathlib, sys, torch
torch.set_num_threads(1)
end = pathlib.Path(sys.argv[2], "rank-" + os.environ.get("RANK", "0"))
atexit.register(lambda: end.write_text("in" if torch.distributed.is_initialized() else "left"))  # run last
from cmim import CMIM, fit
x = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
x[8:12] = x[:4]  # copies, so that the mask crosses processes
found = {}
for negatives, accumulate in (("gathered", 1), ("gathered", 2), ("local", 1)):
    model = CMIM(6, latent_dim=2, hidden=(8,), temperature=0.5, w_k=20.0)
    fit(model, x, max_steps=30, batch_size=16, negatives=negatives, accelerator="cpu", devices=int(sys.argv[1]),
        strategy="ddp" if sys.argv[1] == "2" else "auto", gradient_clip=None, learning_rate=1e-2,
        accumulate=accumulate)
    found[f"{negatives}{accumulate}"] = [p.detach().double().flatten().tolist() for p in model.parameters()]
if os.environ.get("RANK", "0") == "0":
    print("FOUND" + json.dumps(found))
"""


@pytest.mark.slow
def test_two_processes_with_gathered_negatives_are_one(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(WORKER))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    found = []
    for command in ([sys.executable, str(script), "1"], [*run, str(script), "2"]):
        done = subprocess.run([*command, str(tmp_path)], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout.split("FOUND")[1].splitlines()[0]))
    # else the interpreter's end may abort what succeeded
    assert [(tmp_path / f"rank-{rank}").read_text() for rank in range(2)] == ["left", "left"]
    one, two = (
        [np.concatenate([np.array(p) for p in f[name]]) for name in ("gathered1", "gathered2", "local1")] for f in found
    )
    np.testing.assert_allclose(two[0], one[0], atol=1e-6)
    np.testing.assert_allclose(two[1], one[1], atol=1e-6)
    assert np.abs(two[2] - one[2]).max() > 1e-4  # local negatives are another objective
