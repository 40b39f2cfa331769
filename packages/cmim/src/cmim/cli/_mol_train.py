"""`cmim train --molecules`: a corpus of SMILES in, a folder with the model, its settings, logs and checkpoints out."""

import pathlib
from typing import Any

import numpy as np

from cmim.cli._app import say
from cmim.cli._mol_config import MoleculeConfig, make_embedder
from cmim.cli._mol_data import open_molecules, pieces, total
from cmim.cli._run import begin, finish
from cmim.molecules.chemistry import read_molecules
from cmim.molecules.corpus._reading import read_tokens
from cmim.molecules.tokens import Vocabulary
from infocore.errors import DataError

__all__ = ["train_molecules"]

_COLUMN = "cmim train: --smiles-column"


def train_molecules(settings: MoleculeConfig, out: pathlib.Path, *, resume: bool, quiet: bool, as_json: bool) -> None:
    """Train, and write the folder of the run."""
    embedder = make_embedder(settings, progress=not quiet)
    blocks = open_molecules(settings.data, settings.smiles_column, _COLUMN)
    more: dict[str, Any] = {}
    if settings.validation is not None:
        more = {
            "validation": _validation(settings.validation, settings), "validate_every": settings.validate_every,
            "patience": settings.patience,
        }  # fmt: skip
    rows = total(blocks)
    facts = {"rows": rows, "sha256": blocks.digest()}
    how = "as RDKit reads them" if settings.check else "as they are written"
    with begin(out, settings, facts, f"{settings.data}: {rows} rows of SMILES, {how}", resume=resume):
        embedder.fit(blocks, resume=resume, **settings.trainer(out), **more)
    told = {"rows": rows, "skipped": embedder.skipped_}
    finish(out, embedder, settings, told, as_json=as_json)


def _validation(data: str, settings: MoleculeConfig) -> Any:
    """Return the tokens of other molecules, read as those of the corpus are, and say how many could not be read."""
    texts = [text for _, rows in pieces(open_molecules(data, settings.smiles_column, _COLUMN), 2**16) for text in rows]
    vocabulary = Vocabulary(settings.notation)
    if settings.check:
        found = read_molecules(
            texts, max_tokens=settings.max_tokens, salts=settings.salts, isomeric=settings.isomeric,
            vocabulary=vocabulary,
        )  # fmt: skip
        texts, reasons = [text or None for text in found.smiles], found.report()["reasons"]
        read, _ = read_tokens(texts, vocabulary, settings.max_tokens + 1)
    else:
        read, reasons = read_tokens(texts, vocabulary, settings.max_tokens + 1)
    rows = np.flatnonzero(read.readable)
    if not len(rows):
        raise DataError(f"cmim train: `--validation` {data} holds no molecule that can be read.")
    if len(rows) < len(texts):
        say(f"warning: {len(texts) - len(rows)} of {len(texts)} rows of {data} could not be read: {reasons}")
    return read.rows(rows, settings.max_tokens + 1)
