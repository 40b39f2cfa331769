"""Other columns of the files that a corpus is in, row by row beside its SMILES."""

from typing import Any

from cmim.molecules._extra import need
from cmim.molecules.corpus._text_files import place_of
from cmim.molecules.corpus.files import Blocks, FileBlocks
from infocore.errors import ParameterError

__all__ = ["arrow_type", "beside"]


def beside(blocks: Blocks, column: str, caller: str) -> FileBlocks:
    """Return the same rows with another column, which may hold other things than text."""
    if not isinstance(blocks, FileBlocks):
        raise ParameterError(f"{caller}: the molecules are in no table, so there is no column {column!r} of it.")
    named = [file._replace(column=column) for file in blocks.files]
    return FileBlocks([file._replace(place=place_of(file, file.names, caller)) for file in named], blocks.pieces)


def arrow_type(blocks: FileBlocks, caller: str) -> Any:
    """Return the type of the column in Arrow: that in Parquet, and text in tables of text."""
    pa, pq = need("pyarrow", caller), need("pyarrow.parquet", caller)
    found = {
        pq.read_schema(file.path).field(file.column).type if file.kind == "parquet" else pa.string()
        for file in blocks.files
    }
    if len(found) > 1:
        column = blocks.files[0].column
        raise ParameterError(
            f"{caller}: the column {column!r} must have one type in all files; it has {sorted(map(str, found))}."
        )
    return found.pop()
