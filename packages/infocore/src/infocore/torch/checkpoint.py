"""Checkpoints to keep or share: a folder of weights (safetensors) and facts (JSON), written once, read with checks.

The folder is filled under another name beside its place and renamed once, so what bears the final name is complete,
whenever the writer is killed. Nothing that is read can run code, and any damage is one `CheckpointError`.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor

from infocore.errors import CheckpointError

__all__ = ["FORMAT", "Checkpoint", "load", "save"]

FORMAT = 1
_WEIGHTS = "weights.safetensors"
_META = "meta.json"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds.

    Parameters
    ----------
    weights : mapping of str to Tensor
        On the CPU.
    meta : mapping of str to anything JSON can hold
        As it was saved.
    """

    weights: Mapping[str, Tensor]
    meta: Mapping[str, Any]


def save(folder: str | os.PathLike[str], *, weights: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Path:
    """Write a checkpoint as a new folder, whole or not at all.

    Parameters
    ----------
    folder : path
        Must not exist yet; its parent must.
    weights : mapping of str to Tensor
        From any device; tensors that share memory are written out separately.
    meta : mapping of str to anything JSON can hold
        Facts beside the weights. Numbers must be finite; keys are strings.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CheckpointError
        If the folder exists, cannot be written, or `meta` is not JSON.

    Notes
    -----
    A writer that is killed can leave a folder whose name starts with ``.`` and ends in ``.part`` beside the final one;
    it is safe to delete.

    Examples
    --------
    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = save(f"{parent}/model", weights={"w": torch.ones(2)}, meta={"step": 3})
    ...     checkpoint = load(folder)
    >>> checkpoint.weights["w"].tolist(), checkpoint.meta["step"]
    ([1.0, 1.0], 3)
    """
    final = Path(folder)
    if os.path.lexists(final):
        raise CheckpointError(f"checkpoint.save: {final} exists, and none is ever overwritten. Choose a new name.")
    blob = safetensors.torch.save(
        {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()}
    )
    try:
        text = _sealed({"format": FORMAT, "weights_sha256": _sha256(blob), "meta": dict(meta)})
    except (TypeError, ValueError) as e:
        raise CheckpointError(
            f"checkpoint.save: `meta` must be JSON: string keys, finite numbers, no objects ({e})."
        ) from e
    part = final.with_name(f".{final.name}-{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        part.mkdir()
        _write(part / _WEIGHTS, blob)
        _write(part / _META, text)
        _sync(part)
        part.rename(final)
        _sync(final.parent)
    except OSError as e:
        raise CheckpointError(f"checkpoint.save: could not write {final} ({e}). Its parent must exist.") from e
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final


def load(folder: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint and check every byte of it.

    Parameters
    ----------
    folder : path
        As `save` returned it.

    Returns
    -------
    Checkpoint
        Weights on the CPU, and the facts.

    Raises
    ------
    CheckpointError
        If the folder or a file is missing, damaged, or of another format; the message names the file.
    """
    root = Path(folder)
    body = _unsealed(_read(root / _META), root / _META)
    blob = _read(root / _WEIGHTS)
    if _sha256(blob) != body["weights_sha256"]:
        raise CheckpointError(f"checkpoint.load: {root / _WEIGHTS} is damaged (its sha256 is not the one saved).")
    return Checkpoint(safetensors.torch.load(blob), body["meta"])


def _sha256(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, indent=1, allow_nan=False).encode()


def _sealed(body: Mapping[str, Any]) -> bytes:
    """Return `body` as JSON in one fixed spelling, with the sha256 of the rest as one more entry."""
    bare = _canonical(body)
    _string_keys(body)
    return _canonical({**json.loads(bare), "sha256": _sha256(bare)})


def _unsealed(raw: bytes, path: Path) -> dict[str, Any]:
    """Parse what `_sealed` wrote; any other byte is an error, white space too."""
    try:
        full: Any = json.loads(raw)
        body: dict[str, Any] = {key: value for key, value in full.items() if key != "sha256"}
        sound = raw == _canonical({**body, "sha256": _sha256(_canonical(body))})
    except (ValueError, AttributeError, RecursionError) as e:
        raise CheckpointError(f"checkpoint.load: {path} is damaged or not ours ({e}).") from e
    if not sound:
        raise CheckpointError(f"checkpoint.load: {path} is damaged (its sha256 is not the one saved).")
    if body.get("format") != FORMAT:
        raise CheckpointError(
            f"checkpoint.load: {path} has format {body.get('format')!r}; this version reads format {FORMAT}."
        )
    return body


def _string_keys(value: Any) -> None:
    """Refuse keys that JSON would turn into strings."""
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, Any]", value).items():
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not a string")
            _string_keys(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            _string_keys(item)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise CheckpointError(f"checkpoint.load: cannot read {path} ({e.strerror or e}).") from e


def _write(path: Path, blob: bytes) -> None:
    with path.open("xb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows has no such call)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
