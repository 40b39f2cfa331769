"""`cmim train --molecules`: a corpus of SMILES in, a folder with the model, its settings, logs and checkpoints out."""

import contextlib
import pathlib
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from cmim.cli._app import say
from cmim.cli._mol_config import MoleculeConfig, make_embedder, open_molecules, pieces, total
from cmim.cli._train import begin, finish
from cmim.molecules.chemistry import read_molecules
from cmim.molecules.corpus.files import Blocks
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.tokens import Vocabulary
from infocore.errors import DataError, DegenerateWarning

__all__ = ["ReadBlocks", "train_molecules"]


class ReadBlocks:
    """A corpus whose rows RDKit reads, and makes canonical, when their block is read."""

    def __init__(self, blocks: Blocks, settings: MoleculeConfig) -> None:
        self.blocks, self.settings, self.rows = blocks, settings, blocks.rows
        self.reasons: dict[int, dict[str, int]] = {}

    def read(self, block: int, /) -> Sequence[str | None]:
        """As `Blocks`; None where there is no molecule."""
        found = _read(self.blocks.read(block), self.settings)
        self.reasons[block] = found.report()["reasons"]
        return [text or None for text in found.smiles]

    def digest(self) -> str:
        """As `Blocks`."""
        return f"{self.blocks.digest()} read {self.settings.salts} {self.settings.isomeric}"

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows could not be read for which kind of reason, in the blocks read so far."""
        counts: Counter[str] = Counter()
        for reasons in self.reasons.values():
            counts.update(reasons)
        return dict(counts.most_common())


def train_molecules(settings: MoleculeConfig, out: pathlib.Path, *, resume: bool, quiet: bool, as_json: bool) -> None:
    """Train, and write the folder of the run."""
    embedder = make_embedder(settings, progress=not quiet)
    blocks = open_molecules(settings.data, settings.smiles_column)
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
        _fit(embedder, blocks, settings, {"resume": resume, **settings.trainer(out), **more})
    told = {"rows": rows, "skipped": embedder.skipped_}
    finish(out, embedder, settings, told, as_json=as_json)


def _fit(embedder: MoleculeEmbedder, blocks: Blocks, settings: MoleculeConfig, training: dict[str, Any]) -> None:
    if not settings.check:
        embedder.fit(blocks, **training)
    elif len(blocks.rows) == 1:  # it is read once, not once an epoch
        embedder.fit(list(blocks.read(0)), **training)  # type: ignore[arg-type] - None is a row with a reason
    else:
        read = ReadBlocks(blocks, settings)
        with _without_counts():  # they have one reason for all that RDKit did not read
            embedder.fit(read, **training)
        embedder.skipped_ = read.skipped
        if read.skipped:
            told = ", ".join(f"{kind} ({count})" for kind, count in read.skipped.items())
            say(f"warning: {sum(read.skipped.values())} rows could not be read and were not trained on: {told}")


def _without_counts() -> Any:
    quiet = contextlib.ExitStack()
    quiet.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", "MoleculeEmbedder.fit: .* could not be read", DegenerateWarning)
    return quiet


def _read(texts: Sequence[str | None], settings: MoleculeConfig) -> Any:
    return read_molecules(
        texts, max_tokens=settings.max_tokens, salts=settings.salts, isomeric=settings.isomeric,
        vocabulary=Vocabulary(settings.notation),
    )  # fmt: skip


def _validation(data: str, settings: MoleculeConfig) -> Any:
    """Return the tokens of other molecules, and say how many could not be read."""
    texts = [text for _, rows in pieces(open_molecules(data, settings.smiles_column), 2**16) for text in rows]
    found = _read(texts, settings)
    if not found.valid.any():
        raise DataError(f"cmim train: `--validation` {data} holds no molecule that can be read.")
    if not found.valid.all():
        bad = int((~found.valid).sum())
        say(f"warning: {bad} of {len(texts)} rows of {data} could not be read: {found.report()['reasons']}")
    read = [text for text in found.smiles if text]
    return Vocabulary(settings.notation).encode(read, settings.max_tokens + 1)
