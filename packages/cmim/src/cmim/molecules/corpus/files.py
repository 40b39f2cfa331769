"""Corpora of SMILES in blocks, so that files of any size need the memory of a block."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cmim.molecules._extra import need
from cmim.molecules._strings import refuse_string
from cmim.molecules._unread import Unread
from cmim.molecules.corpus._text_files import COLUMN, File, Kind, Piece, look_text, place_of, read_text, sha256
from infocore.errors import DataError, InfoError, KindError, ParameterError

__all__ = ["Blocks", "FileBlocks", "TextBlocks", "open_corpus"]

_BUFFER = 2**16  # bytes of a Parquet column that are read ahead; by default a row group's column is read whole
_KINDS = {".parquet": "parquet", ".csv": "csv", ".tsv": "tsv", ".smi": "smi", ".txt": "txt"}

_PathLike = str | os.PathLike[str]


@runtime_checkable
class Blocks(Protocol):
    """A corpus in blocks, each of which is read at once."""

    rows: tuple[int, ...]
    """Rows of each block."""

    def read(self, block: int, /) -> Sequence[str | Unread | None]:
        """Return the SMILES of a block; None where there is no text."""
        ...

    def digest(self) -> str:
        """Return a text that tells this corpus from others."""
        ...


class TextBlocks:
    """SMILES in memory.

    Parameters
    ----------
    smiles : sequence of str
        Molecules.
    size : int
        Rows of a block.

    Raises
    ------
    KindError
        If `smiles` is one string.
    ParameterError
        If `size` is not positive.

    Examples
    --------
    >>> blocks = TextBlocks(["C", "CC", "CCC"], size=2)
    >>> blocks.rows, blocks.read(1)
    ((2, 1), ['CCC'])
    """

    def __init__(self, smiles: Sequence[str], size: int = 2**17) -> None:
        refuse_string(smiles, "TextBlocks")
        if size < 1:
            raise ParameterError(f"TextBlocks: `size` must be at least 1; got {size!r}.")
        self.smiles, self.size = smiles, size
        n = len(smiles)
        self.rows = tuple(min(size, n - at) for at in range(0, n, size))

    def read(self, block: int, /) -> Sequence[str]:
        """As `Blocks`."""
        return self.smiles[block * self.size : (block + 1) * self.size]

    def digest(self) -> str:
        """As `Blocks`."""
        found = hashlib.sha256()
        for text in self.smiles:
            known = text if isinstance(text, str) else type(text).__name__
            found.update(known.encode(errors="surrogatepass") + b"\n")
        return f"{found.hexdigest()} {self.size}"  # other blocks are other batches


class FileBlocks:
    """SMILES in files; made by `open_corpus`. It holds no file open, and can be pickled.

    Parameters
    ----------
    files : sequence
        Which files, and what is known of them.
    pieces : sequence of sequences
        Where the rows of each block are.
    """

    def __init__(self, files: Sequence[File], pieces: Sequence[Sequence[Piece]]) -> None:
        self.files, self.pieces = tuple(files), tuple(map(tuple, pieces))
        self.rows = tuple(sum(piece.rows for piece in block) for block in self.pieces)

    def __repr__(self) -> str:
        return f"FileBlocks({sum(self.rows)} rows in {len(self.rows)} blocks of {len(self.files)} files)"

    def read(self, block: int, /) -> list[str | Unread | None]:
        """As `Blocks`.

        Parameters
        ----------
        block : int
            Which.

        Returns
        -------
        list
            SMILES; None for a null of Parquet; and a tuple of the text in the column, if any, and the reason why it is
            not read, for a row of a table that has not as many cells as the header.

        Raises
        ------
        DataError
            If a file has changed since it was opened, or is damaged.
        """
        found: list[str | Unread | None] = []
        for piece in self.pieces[block]:
            file = self.files[piece.file]
            with _reading(file.path):
                _unchanged(file)
                found += (_read_parquet if file.kind == "parquet" else read_text)(file, piece)
        return found

    def digest(self) -> str:
        """As `Blocks`: of the bytes of the files, the column, and how the blocks are cut.

        Returns
        -------
        str
            In hexadecimal.

        Raises
        ------
        DataError
            If a file has changed since it was opened, or is damaged.
        """
        facts = []
        for file in self.files:
            with _reading(file.path):
                _unchanged(file)
                facts += [sha256(file), file.column]
        return hashlib.sha256("\n".join([*facts, *map(str, self.rows)]).encode()).hexdigest()


def open_corpus(
    path: _PathLike | Sequence[_PathLike], column: str = "smiles", *, block_rows: int = 2**17
) -> FileBlocks:
    r"""Look at files of SMILES, which are then read a block at a time.

    Parameters
    ----------
    path : path, or sequence of paths
        Files, in this order, or a folder, whose files are taken in the order of their names. Of a folder, names that
        begin with ``.`` or ``_`` are left out, and others that are none of the kinds below are refused.

        ================================  ======================================================================
        ``.parquet``                      the column `column`, of strings; needs pyarrow
        ``.csv``, ``.tsv``                the column `column` of the header, by `csv`; blank lines are no rows
        ``.smi``                          a SMILES a line, up to the first blank; what follows is a name
        ``.txt``                          a SMILES a line
        ``.csv.gz``, ``.tsv.gz``, ...     any of the text files; each block unpacks the file from its beginning
        ================================  ======================================================================
    column : str
        Its exact name.
    block_rows : int
        Rows of a block; most blocks have between half and one and a half times as many. Neighbouring row groups and
        files are put together, and larger row groups are cut.

    Returns
    -------
    FileBlocks
        What `cmim.molecules.corpus.batches.SmilesBatches` takes.

    Raises
    ------
    ParameterError
        If there is no such column, or several of that name, or `block_rows` is not positive.
    KindError
        If a file is none of the kinds, or the column holds no text.
    DataError
        If a file is absent or damaged, or there is no row.
    MissingExtraError
        If pyarrow is needed and not installed.

    Notes
    -----
    Opening Parquet reads its metadata only; text is read once, for the places of its rows and its sha256. A later
    block of a ``.gz``, and of a row group that had to be cut, costs what unpacking all before it costs: from some
    10^7 rows on, write Parquet of row groups of about `block_rows`.

    Bytes that are not UTF-8 become characters that no SMILES has. Quotes in a table are read as RFC 4180 has them, line
    breaks inside included; a quote in the middle of a cell without quotes is refused, because readers differ on where
    its row ends.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.csv")
    ...     _ = path.write_text('name,smiles\nethane,CC\n"two\nlines",CCO\n')
    ...     blocks = open_corpus(path)
    ...     blocks, blocks.read(0)
    (FileBlocks(2 rows in 1 blocks of 1 files), ['CC', 'CCO'])
    """
    if block_rows < 1:
        raise ParameterError(f"open_corpus: `block_rows` must be at least 1; got {block_rows!r}.")
    files: list[File] = []
    pieces: list[Piece] = []
    for number, name in enumerate(_names(path)):
        kind, packed = _kind(name)
        with _reading(name):
            stat = name.stat()
            file = File(name, kind, packed, stat.st_size, stat.st_mtime_ns, column)
            file, cuts = (_look_parquet if kind == "parquet" else look_text)(file, block_rows)
        files.append(file)
        pieces += [Piece(number, *cut) for cut in cuts if cut[0]]
    if not pieces:
        raise DataError(f"open_corpus: `path` must hold rows; {path} has none.")
    return FileBlocks(files, _joined(pieces, block_rows))


def _names(path: _PathLike | Sequence[_PathLike]) -> list[Path]:
    if not isinstance(path, str | os.PathLike):
        return [Path(name) for name in path]
    folder = Path(path)
    if not folder.is_dir():
        return [folder]
    return sorted(name for name in folder.iterdir() if name.name[0] not in "._")


def _kind(path: Path) -> tuple[Kind, bool]:
    packed = path.suffix.lower() == ".gz"
    kind: Any = _KINDS.get((path.with_suffix("") if packed else path).suffix.lower())
    if path.is_dir() or kind is None or (packed and kind == "parquet"):
        raise KindError(
            f"open_corpus: `path` must name files that end in {', '.join(_KINDS)}, or .gz after one of text; got "
            f"{path}. Give the files as a list."
        )
    return kind, packed


def _joined(pieces: Sequence[Piece], block_rows: int) -> list[list[Piece]]:
    """Put neighbours together, so that no block but an only one has less than half of the rows wanted."""
    blocks: list[list[Piece]] = []
    total = 0
    for piece in pieces:
        if blocks and (2 * total < block_rows or total + piece.rows <= block_rows):
            blocks[-1].append(piece)
            total += piece.rows
        else:
            blocks.append([piece])
            total = piece.rows
    if len(blocks) > 1 and 2 * total < block_rows:
        blocks[-2:] = [blocks[-2] + blocks[-1]]
    return blocks


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what readers raise at a file into a `DataError`."""
    try:
        yield
    except InfoError:
        raise
    except Exception as e:  # readers raise whatever their parsers do, from OSError to zlib.error
        raise DataError(f"open_corpus: {path} cannot be read or is damaged ({e}). Check it, or write it again.") from e


def _unchanged(file: File) -> None:
    stat = file.path.stat()
    if (stat.st_size, stat.st_mtime_ns) != (file.size, file.mtime_ns):
        raise DataError(f"open_corpus: {file.path} has changed since it was opened. Open it again.")


# Parquet


def _look_parquet(file: File, block_rows: int) -> tuple[File, list[tuple[int, int, int, int]]]:
    pa, pq = need("pyarrow", "open_corpus"), need("pyarrow.parquet", "open_corpus")
    with pq.ParquetFile(file.path) as found:
        schema, meta = found.schema_arrow, found.metadata
        file = file._replace(names=tuple(schema.names), place=place_of(file, schema.names))
        kind = schema.field(file.column).type
        rows = [meta.row_group(i).num_rows for i in range(meta.num_row_groups)]
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if str(kind) not in ("string", "large_string", "string_view"):
        raise KindError(f"{COLUMN} must hold text; {file.column!r} of {file.path} is {kind}.")
    cuts = []
    for group, n in enumerate(rows):
        parts = -(-n // block_rows)
        for i in range(parts):
            at, to = i * n // parts, (i + 1) * n // parts
            cuts.append((to - at, group, group + 1, at))
    return file, cuts


def _read_parquet(file: File, piece: Piece) -> list[Any]:
    pq = need("pyarrow.parquet", "open_corpus")
    found: list[Any] = []
    skip = piece.skip
    with pq.ParquetFile(file.path, pre_buffer=False, buffer_size=_BUFFER) as opened:
        groups = range(piece.start, piece.stop)
        for batch in opened.iter_batches(batch_size=2**15, row_groups=groups, columns=[file.column]):
            wanted = batch.column(0).slice(min(skip, len(batch)), piece.rows - len(found))
            skip -= min(skip, len(batch))
            found += wanted.to_pylist()
            if len(found) == piece.rows:
                break
    return found
