"""A block of a corpus made ready for batches: read, put in order, its equal rows numbered."""

import contextlib
import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cmim.molecules.chemistry import Salts, read_molecules
from cmim.molecules.corpus._reading import Read, read_tokens
from cmim.molecules.tokens import Vocabulary

__all__ = ["Check", "Cut", "Prepared", "Source", "prepare"]

Source = Callable[[], Sequence[Any]]


class Cut(NamedTuple):
    """How a block becomes batches."""

    steps: int
    batch_size: int
    window: int
    length: int
    vocabulary: Vocabulary
    keep: bool
    """Whether the texts are needed later."""


class Check(NamedTuple):
    """How RDKit reads a block, and the file in which what it read is kept."""

    salts: Salts
    isomeric: bool
    kept: Path


class Prepared(NamedTuple):
    """A block that is ready to be cut into batches."""

    read: Read
    order: NDArray[np.intp]
    same: NDArray[np.int32]
    texts: Sequence[str]


def prepare(
    source: Source, seed: tuple[int, int, int], cut: Cut, check: Check | None
) -> tuple[Prepared, dict[str, int]]:
    """Read a block and put its rows in order; return it, and the kinds of what could not be read."""
    if check is None:
        texts = source()
        read, skipped = read_tokens(texts, cut.vocabulary, cut.length)
    else:
        texts, skipped = _checked(source, cut, check)
        read, _ = read_tokens(texts, cut.vocabulary, cut.length)  # all but the rows that are None
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(texts))
    rows = rows[read.readable[rows]]
    if len(rows):
        rows = np.resize(rows, cut.steps * cut.batch_size)
        lengths = np.diff(read.ends)
        size = cut.window * cut.batch_size
        parts = [rows[at : at + size] for at in range(0, len(rows), size)]
        batches = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
        rows = rng.permutation(batches.reshape(-1, cut.batch_size)).ravel()
    plain = [text if isinstance(text, str) else "" for text in texts]
    numbers: dict[str, int] = {}
    same = np.array([numbers.setdefault(text, len(numbers)) for text in plain], np.int32)
    return Prepared(read, rows, same, plain if cut.keep else ()), skipped


def _checked(source: Source, cut: Cut, check: Check) -> tuple[list[str | None], dict[str, int]]:
    """Return canonical forms, None where there is none, and the kinds of why; RDKit reads a block once."""
    with contextlib.suppress(FileNotFoundError):
        counts, *forms = check.kept.read_text("ascii").split("\n")
        return [form or None for form in forms], json.loads(counts)
    found = read_molecules(
        source(), max_tokens=cut.length - 1, salts=check.salts, isomeric=check.isomeric, vocabulary=cut.vocabulary
    )
    skipped = found.report()["reasons"]
    part = check.kept.with_name(f".{check.kept.name}-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):  # without room for it, the block is read again when it comes again
        try:
            part.write_text("\n".join([json.dumps(skipped), *found.smiles]), "ascii", newline="\n")
            part.replace(check.kept)
        finally:
            part.unlink(missing_ok=True)
    return [form or None for form in found.smiles], skipped
