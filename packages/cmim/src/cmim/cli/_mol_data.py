"""Molecules that a command names, in files or of MOSES; it needs nothing that takes long to load."""

import pathlib
from collections.abc import Iterator
from typing import Any

from cmim.molecules._unread import text_of
from cmim.molecules.chemistry import canonical
from cmim.molecules.corpus._text_files import COLUMN
from cmim.molecules.corpus.files import Blocks, TextBlocks, open_corpus
from infocore.errors import DataError, KindError, ParameterError

__all__ = ["known_molecules", "open_molecules", "pieces", "total"]

_MOSES = {"moses": "train", "moses-test": "test", "moses-test-scaffolds": "test_scaffolds"}
_READ = 200_000  # rows, up to which molecules that are known are made canonical


def open_molecules(data: str, column: str, flag: str) -> Blocks:
    """Open molecules of a file, a folder of files, or of MOSES; `flag` is the command and what names the column."""
    path = pathlib.Path(data)
    if not path.exists() and data in _MOSES:
        from cmim.molecules.properties.datasets import moses

        split: Any = _MOSES[data]
        return TextBlocks(moses(split))
    if not path.exists():
        raise DataError(
            f"cmim: there is no {data}; give a file that ends in .csv, .tsv, .smi, .txt, each also .gz, or .parquet, a "
            f"folder of these, or: {', '.join(_MOSES)}."
        )
    try:
        return open_corpus(path, column)
    except (KindError, ParameterError) as e:
        if not str(e).startswith(COLUMN):
            raise
        raise ParameterError(f"{flag}{str(e).removeprefix(COLUMN)}") from e


def total(blocks: Blocks) -> int:
    """Return how many rows there are."""
    return sum(blocks.rows)


def pieces(blocks: Blocks, size: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows in order, some at a time, with the number of the first."""
    at = 0
    for block in range(len(blocks.rows)):
        rows = list(blocks.read(block))
        for start in range(0, len(rows), size):
            yield at + start, rows[start : start + size]
        at += len(rows)


def known_molecules(data: str | None, column: str = "smiles") -> set[str] | None:
    """Return molecules that are not new; made canonical if they are not too many, else as they are written."""
    if data is None:
        return None
    blocks = open_molecules(data, column, f"cmim sample: --known: the column {column!r}")
    texts = (text for _, rows in pieces(blocks, 2**16) for text in map(text_of, rows) if text)
    if total(blocks) > _READ:
        return set(texts)
    return {form for form in map(canonical, texts) if form is not None}
