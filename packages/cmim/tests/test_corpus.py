"""Corpora in files: every row once and in order, whatever the file, and no more memory than a block."""

import csv
import gzip
import hashlib
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cmim.molecules import _extra
from cmim.molecules._unread import Unread, text_of
from cmim.molecules.corpus._columns import beside
from cmim.molecules.corpus._reading import read_tokens
from cmim.molecules.corpus._text_files import sha256
from cmim.molecules.corpus.files import TextBlocks, open_corpus
from cmim.molecules.tokens import Vocabulary
from infocore.errors import DataError, KindError, MissingExtraError, ParameterError

ROWS = [f"{'C' * (i % 7)}N{i}" for i in range(25)]


def table(rows, end="\n", delimiter=",") -> bytes:
    """A table whose names hold what tables may: quotes, delimiters and line breaks."""
    text = io.StringIO(newline="")
    names = ['5" nail', "a,b\tc", "two\nlines", "plain", 'say "x"', "", "end\r\n"]
    writer = csv.writer(text, lineterminator=end, delimiter=delimiter)
    writer.writerows([["name", "smiles", "n"], *([names[i % 7], row, i] for i, row in enumerate(rows))])
    return text.getvalue().encode()


def parquet(path: Path, rows, kind="string", **settings) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    if kind == "string_view" and int(pa.__version__.split(".")[0]) < 21:
        pytest.skip("this pyarrow does not write string views")
    column = pa.array(rows, pa.string()).cast(kind) if kind != "dictionary" else pa.array(rows).dictionary_encode()
    pq.write_table(pa.table({"n": range(len(rows)), "smiles": column}), path, **settings)
    return path


def write(folder: Path, name: str, rows=ROWS) -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        return parquet(path, rows, row_group_size=6)
    lines = "\n".join([*rows, ""]).encode()
    content = {
        ".csv": table(rows),
        ".tsv": table(rows, "\r\n", "\t"),
        ".txt": lines,
        ".smi": "".join(f"{row}\tname of {row}\r\n" for row in rows).encode(),
    }[Path(name.removesuffix(".gz")).suffix]
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def everything(blocks) -> list:
    found = [blocks.read(i) for i in range(len(blocks.rows))]
    assert tuple(map(len, found)) == blocks.rows
    return [row for block in found for row in block]


@pytest.mark.parametrize("size", [1, 4, 6, 10, 1000])
@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.tsv", "a.txt", "a.smi", "a.csv.gz", "a.smi.gz"])
def test_every_row_comes_once_and_in_order(tmp_path, name, size):
    blocks = open_corpus(write(tmp_path, name), block_rows=size)
    assert everything(blocks) == ROWS
    assert blocks.read(len(blocks.rows) - 1)[-1] == ROWS[-1]  # any block, in any order
    assert max(blocks.rows) <= max(1, 2 * size) and (len(blocks.rows) == 1 or min(blocks.rows) >= size / 2)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_text_is_the_same_wherever_chunks_are_cut(tmp_path, monkeypatch, chunk, end, last):
    monkeypatch.setattr("cmim.molecules.corpus._text_files._CHUNK", chunk)
    content = b"\xef\xbb\xbf" + end.encode() + table(ROWS, end)  # a mark of order, and a blank line
    content = content.replace(b"plain", b"pl\xffin").replace(b"N8", end.encode() + b"N8") if chunk == 7 else content
    (tmp_path / "a.csv").write_bytes(content if last else content.removesuffix(end.encode()))
    want = list(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))
    rows = [row for row in want if row][1:]
    blocks = open_corpus(tmp_path / "a.csv", block_rows=3)
    assert [*map(text_of, everything(blocks))] == [row[1] if len(row) > 1 else None for row in rows]
    assert sum(isinstance(row, Unread) for row in everything(blocks)) == sum(len(row) != 3 for row in rows)


def test_a_quoted_header_after_a_mark_of_order(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"smiles"\n"C"\n')
    assert everything(open_corpus(tmp_path / "a.csv")) == ["C"]


def test_large_row_groups_are_cut_and_small_ones_joined(tmp_path):
    path = parquet(tmp_path / "a.parquet", ROWS, row_group_size=25)
    blocks = open_corpus(path, block_rows=10)
    assert blocks.rows == (8, 8, 9) and everything(blocks) == ROWS
    for i in range(7):
        parquet(tmp_path / f"b{i}.parquet", ROWS[i : i + 2])
    blocks = open_corpus([tmp_path / f"b{i}.parquet" for i in range(7)], block_rows=4)
    assert blocks.rows == (4, 4, 4, 2)
    assert everything(blocks) == [row for i in range(7) for row in ROWS[i : i + 2]]


@pytest.mark.parametrize("kind", ["large_string", "string_view", "dictionary"])
def test_kinds_of_text_and_nulls_in_parquet(tmp_path, kind):
    blocks = open_corpus(parquet(tmp_path / "a.parquet", ["C", None, "", "C"], kind))
    assert everything(blocks) == ["C", None, "", "C"]


def test_rows_that_are_no_rows_of_the_table(tmp_path):
    (tmp_path / "a.csv").write_text("name,smiles\n\na,C\nb\nc,N,3\n\r\nd,\ne,O")
    kind = "not a row of the table"
    few = Unread(None, f"{kind}: 1 cell where the header has 2")
    many = Unread("N", f"{kind}: 3 cells where the header has 2")
    found = everything(open_corpus(tmp_path / "a.csv"))
    assert found == ["C", few, many, "", "O"]
    assert read_tokens(found, Vocabulary(), 9)[1] == {kind: 2, "empty": 1}
    (tmp_path / "a.smi").write_text("C methane\n\n  N\n")
    assert everything(open_corpus(tmp_path / "a.smi")) == ["C", "", "N"]


def test_another_column_of_the_same_rows(tmp_path):
    for name in ("a.csv", "a.parquet", "a.csv.gz"):
        blocks = beside(open_corpus(write(tmp_path, name), block_rows=4), "n", "me")
        assert len(blocks.rows) > 2 and [*map(int, everything(blocks))] == list(range(25))
        with pytest.raises(ParameterError, match=r"me must be the exact name .* got 'none'"):
            beside(blocks, "none", "me")
    with pytest.raises(ParameterError, match="in no table, so there is no column 'n'"):
        beside(TextBlocks(ROWS), "n", "me")


def test_one_string_is_not_taken_for_its_characters():
    for call in (TextBlocks, Vocabulary().encode):
        with pytest.raises(
            KindError, match=r"`smiles` must be a sequence of strings; got one string\. Write \[smiles\]"
        ):
            call("CCO")


def test_bytes_that_are_not_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"C\nC\xff\nN\n")
    assert everything(open_corpus(tmp_path / "a.txt")) == ["C", "C\ufffd", "N"]


def test_a_folder_in_the_order_of_names(tmp_path):
    write(tmp_path, "part-2.csv", ROWS[10:])
    write(tmp_path, "part-1.parquet", ROWS[:10])
    (tmp_path / "_SUCCESS").touch()
    assert everything(open_corpus(tmp_path, block_rows=4)) == ROWS
    (tmp_path / "README.md").touch()
    with pytest.raises(KindError, match=r"README\.md.*as a list"):
        open_corpus(tmp_path)


def test_columns_are_matched_exactly(tmp_path):
    for name in ("a.csv", "a.parquet"):
        path = write(tmp_path, name)
        for wrong in ("SMILES", "smile", ""):
            with pytest.raises(ParameterError, match=rf"`column`.*{name}.*'smiles'.*got '{wrong}'"):
                open_corpus(path, wrong)
    (tmp_path / "b.csv").write_text("smiles,smiles\nC,N\n")
    with pytest.raises(ParameterError, match="one column"):
        open_corpus(tmp_path / "b.csv")
    with pytest.raises(KindError, match=r"'n' of .*int64"):
        open_corpus(tmp_path / "a.parquet", "n")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b'smiles,name\nC,5" nail\nN,x\n', r"middle of a cell, at byte 15"),
        (b'smiles,name\nC,"a"b\nN,x\n', r"middle of a cell, at byte 16"),
        (b'smiles\n"C\nN\n', "opened and not closed"),
        (b"smiles\n", "has none"),
        (b"", "is empty. A table begins"),
        (b"smiles\n" + b"C" * 200_000, "field larger"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, content, match):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises((DataError, ParameterError), match=match):
        open_corpus(tmp_path / "a.csv").read(0)


def test_line_ends_on_which_readers_differ(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"smiles\nC\rN\nO\n")  # three rows for `csv`, two lines
    with pytest.raises(DataError, match="3 rows for `csv`, and 2"):
        open_corpus(tmp_path / "a.csv").read(0)


def test_files_that_are_absent_damaged_or_of_no_kind(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(table(ROWS))[:-9])
    for name in ("a.parquet", "a.csv.gz", "none.csv"):
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            open_corpus(tmp_path / name)
    for name in ("a.xlsx", "a.parquet.gz", "a"):
        with pytest.raises(KindError, match="end in"):
            open_corpus(tmp_path / name)
    with pytest.raises(DataError, match="has none"):
        open_corpus([])
    for call in (lambda: open_corpus(tmp_path, block_rows=0), lambda: TextBlocks([], 0)):
        with pytest.raises(ParameterError, match="at least 1; got 0"):
            call()


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_digest_and_files_that_change(tmp_path, name):
    path = write(tmp_path, name)
    blocks = open_corpus(path, block_rows=10)
    digest = blocks.digest()
    assert digest == pickle.loads(pickle.dumps(blocks)).digest()  # noqa: S301 - our own bytes; workers get it so
    assert sha256(blocks.files[0]) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest != open_corpus(path, block_rows=5).digest()
    copy = path.rename(tmp_path / f"moved-{name}")
    assert open_corpus(copy, block_rows=10).digest() == digest
    write(tmp_path, name, ["O", *ROWS[1:]])
    for call in (lambda: blocks.read(0), blocks.digest):
        with pytest.raises(DataError, match="has changed"):
            call()
    assert open_corpus(path, block_rows=10).digest() != digest
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        blocks.read(0)


def test_the_sum_is_kept_by_size_and_time(tmp_path, monkeypatch):
    path = write(tmp_path, "a.parquet")
    digest = open_corpus(path).digest()
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert open_corpus(path).digest() == digest
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        open_corpus(path).digest()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_no_file_stays_open(tmp_path):
    def opened():
        return [os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if n.isdigit() and int(n) > 2
                and os.path.exists(f"/proc/self/fd/{n}")]  # fmt: skip

    for name in ("a.csv", "a.csv.gz", "a.parquet"):
        blocks = open_corpus(write(tmp_path, name), block_rows=5)
        blocks.read(1)
        blocks.digest()
        assert not [path for path in opened() if path.endswith(name)]


def test_without_pyarrow(tmp_path, monkeypatch):
    path = write(tmp_path, "a.parquet")

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(_extra.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"cmim\[mol\]"):
        open_corpus(path)


PEAK = """
import sys
from cmim.molecules.corpus._reading import read_tokens
from cmim.molecules.corpus.files import open_corpus
from cmim.molecules.tokens import Vocabulary
blocks = open_corpus(sys.argv[1], block_rows=2**13)
rows = sum(len(read_tokens(blocks.read(i), Vocabulary(), 128)[0].readable) for i in range(len(blocks.rows)))
blocks.digest()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(rows, peak.split()[1])
"""


# 30,000 and 600,000 rows differ by 3.0 MB (CSV, of which the smaller does not fill a chunk) and -1.3 MB (Parquet);
# 570,000 strings held would be 50 MB
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_memory_does_not_grow_with_rows(tmp_path, name):
    peaks = []
    for n in (30_000, 600_000):
        rows = [f"CC(C)c1ccc(cc1)C(=O)N{'C' * (i % 20)}" for i in range(n)]
        path = tmp_path / f"{n}-{name}"
        if name == "a.csv":
            path.write_text("smiles\n" + "\n".join(rows))
        else:
            parquet(path, rows, row_group_size=2**15)
        out = subprocess.run([sys.executable, "-c", PEAK, path], check=True, capture_output=True, text=True)
        found, peak = map(int, out.stdout.split())
        assert found == n
        peaks.append(peak)
    assert np.diff(peaks) < 12_000  # KiB
