"""Damage is always noticed, and a killed writer leaves a whole checkpoint or none."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from infocore.errors import CheckpointError
from infocore.torch import checkpoint

WEIGHTS = {
    "a": torch.arange(12.0).reshape(3, 4),
    "b": torch.tensor([1, 2, 3]),
    "h": torch.ones(2, dtype=torch.bfloat16),
}
META = {"step": 7, "rate": 0.1, "name": "ü", "nested": {"list": [1, None, True]}}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return checkpoint.save(tmp_path / "model", weights=WEIGHTS, meta=META)


def test_round_trip(folder):
    got = checkpoint.load(folder)
    assert got.meta == META
    assert got.weights.keys() == WEIGHTS.keys()
    for name, tensor in WEIGHTS.items():
        assert got.weights[name].dtype == tensor.dtype
        assert torch.equal(got.weights[name], tensor)


def test_only_the_folder_remains(folder):
    assert [p.name for p in folder.parent.iterdir()] == ["model"]
    assert sorted(p.name for p in folder.iterdir()) == ["meta.json", "weights.safetensors"]


def test_shared_and_transposed_tensors(tmp_path):
    base = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    got = checkpoint.load(checkpoint.save(tmp_path / "m", weights={"x": base, "t": base.T, "x2": base}, meta={}))
    assert torch.equal(got.weights["t"], base.T)
    assert torch.equal(got.weights["x2"], base)


def test_never_overwrites(folder):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(CheckpointError, match="exists"):
        checkpoint.save(folder, weights={}, meta={})
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["meta.json", "weights.safetensors"])
def test_every_byte_flip_is_noticed(folder, name):
    path = folder / name
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(400):
        where, bit = int(rng.integers(len(sound))), int(rng.integers(8))
        damaged = bytearray(sound)
        damaged[where] ^= 1 << bit
        path.write_bytes(bytes(damaged))
        with pytest.raises(CheckpointError, match=name):
            checkpoint.load(folder)
    path.write_bytes(sound)
    assert checkpoint.load(folder).meta == META


@pytest.mark.parametrize("name", ["meta.json", "weights.safetensors"])
def test_truncated_or_missing(folder, name):
    path = folder / name
    sound = path.read_bytes()
    for kept in (0, 1, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:kept])
        with pytest.raises(CheckpointError, match=name):
            checkpoint.load(folder)
    path.write_bytes(sound + b"\n")
    with pytest.raises(CheckpointError, match=name):
        checkpoint.load(folder)
    path.unlink()
    with pytest.raises(CheckpointError, match=f"cannot read .*{name}"):
        checkpoint.load(folder)


def test_files_of_two_checkpoints_do_not_mix(folder, tmp_path):
    other = checkpoint.save(tmp_path / "other", weights={**WEIGHTS, "a": WEIGHTS["a"] + 1}, meta=META)
    (folder / "weights.safetensors").write_bytes((other / "weights.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match=r"weights\.safetensors"):
        checkpoint.load(folder)


def test_another_format(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    folder = checkpoint.save(tmp_path / "m", weights={}, meta={})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="format 99"):
        checkpoint.load(folder)


@pytest.mark.parametrize("text", ["[]", "null", '{"format": 1}', "[" * 100_000])
def test_json_that_is_not_ours(folder, text):
    (folder / "meta.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"meta\.json"):
        checkpoint.load(folder)


@pytest.mark.parametrize("meta", [{"x": float("nan")}, {"x": {1: 2}}, {"x": object()}, {"x": [{None: 1}]}])
def test_meta_that_json_would_change(tmp_path, meta):
    with pytest.raises(CheckpointError, match="`meta`"):
        checkpoint.save(tmp_path / "m", weights={}, meta=meta)
    assert list(tmp_path.iterdir()) == []


def test_parent_must_exist(tmp_path):
    with pytest.raises(CheckpointError, match="parent"):
        checkpoint.save(tmp_path / "no" / "m", weights={}, meta={})


WRITER = """
import os, signal, sys, time, torch
from infocore.torch import checkpoint
torch.set_num_threads(1)  # a pool of threads does not survive a fork
weights = {str(i): torch.full((200_000,), float(i)) for i in range(20)}
for trial in range(8):
    root = f"{sys.argv[1]}/{trial}"
    os.mkdir(root)
    child = os.fork()
    if child == 0:
        for i in range(10_000):
            checkpoint.save(f"{root}/m{i}", weights=weights, meta={"i": i})
    while not any(name.endswith(".part") for name in os.listdir(root)):
        time.sleep(0.001)  # the first save has begun: the early trials are killed within it, the late ones later
    time.sleep(0.03 * trial)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_killed_writer_leaves_whole_checkpoints_or_none(tmp_path):
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=True)
    found = sorted(tmp_path.glob("*/*"))
    assert any(path.name.endswith(".part") for path in found), "no writer was killed half-way: the test saw nothing"
    whole = [path for path in found if not path.name.endswith(".part")]
    assert whole, "no save was finished: the test saw nothing"
    for path in whole:
        assert checkpoint.load(path).meta == {"i": int(path.name[1:])}
