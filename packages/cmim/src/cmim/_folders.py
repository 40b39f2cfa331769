"""Folders of saved models, and what reads which of them."""

import os
import pathlib

from infocore.errors import CheckpointError
from infocore.torch import checkpoint

__all__ = ["open_folder"]

_READERS = {
    "cmim.Model": "cmim.load",
    "cmim.Embedder": "cmim.Embedder.load",
    "cmim.MoleculeEmbedder": "cmim.molecules.MoleculeEmbedder.load",
}


def open_folder(path: str | os.PathLike[str], kind: str, caller: str) -> checkpoint.Checkpoint:
    """Read what was saved as one kind of model; refuse another kind, and the folder around it that a run wrote.

    Parameters
    ----------
    path : path
        The folder.
    kind : str
        What it is to hold.
    caller : str
        Who asks, for messages.

    Returns
    -------
    Checkpoint
        Weights and facts.

    Raises
    ------
    CheckpointError
        If anything is missing or damaged, or of another kind; the message says what reads it.
    """
    inner = pathlib.Path(path, "model")
    if not pathlib.Path(path, "meta.json").exists() and (inner / "meta.json").is_file():
        told = _reader(checkpoint.load(inner).meta.get("kind"), inner)
        raise CheckpointError(f"{caller}: {path} is the folder of a run; its model is in {inner}.{told}")
    found = checkpoint.load(path)
    if (held := found.meta.get("kind")) != kind:
        raise CheckpointError(f"{caller}: {path} holds {held!r}, not a {kind}.{_reader(held, path)}")
    return found


def _reader(kind: object, path: str | os.PathLike[str]) -> str:
    """Return how a folder is read."""
    name = _READERS.get(str(kind))
    return f" Read it by {name}({os.fspath(path)!r})." if name else ""
