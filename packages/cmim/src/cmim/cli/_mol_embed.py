"""`cmim embed` of molecules: a row out for each row in, with what became of it, in constant memory."""

import contextlib
import pathlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import typer

from cmim.cli._app import bar, check_out, facts_file, print_json, say
from cmim.cli._mol_data import open_molecules, pieces, total
from cmim.cli._mol_files import new_file, write_table, yes
from cmim.cli._toml import write_toml
from cmim.molecules._embedded import Embedded
from cmim.molecules._extra import need
from cmim.molecules._unread import Unread, text_of
from cmim.molecules.corpus._columns import arrow_type, beside
from infocore.errors import DataError, ParameterError

__all__ = ["embed_molecules"]

_ROWS = 4096
_NAMES = ("row", "smiles", "valid", "reason", "note")


class _Part(NamedTuple):
    at: int
    texts: list[str | None]
    found: Embedded
    kept: list[list[Any]]
    """Of each column that is carried along."""


def embed_molecules(
    run: pathlib.Path | None,
    data: str,
    out: pathlib.Path,
    *,
    kind: Literal["latent", "informative"],
    column: str,
    keep: Sequence[str],
    quiet: bool,
    as_json: bool,
) -> None:
    """Write the embedding of every row, and what other columns say of it."""
    check_out(out, ".npy", ".parquet")
    table = out.with_name(f"{out.name}.rows.csv")
    if out.suffix.lower() == ".npy" and table.exists():
        raise ParameterError(f"cmim: `--out`: {table} exists, and none is ever overwritten. Choose a new name.")
    blocks = open_molecules(data, column, "cmim embed: --smiles-column")
    n = total(blocks)
    columns = {other: beside(blocks, other, "cmim embed: --keep") for other in keep}
    if odd := [other for other in columns if other in _NAMES or re.fullmatch(r"f\d+", other)]:
        raise ParameterError(f"cmim embed: --keep {odd[0]}: the output has a column of that name. Rename yours.")
    parquet = out.suffix.lower() == ".parquet"
    kinds = [arrow_type(other, "cmim embed: --keep") for other in columns.values()] if parquet else []
    from cmim.cli._mol_config import open_model  # loads torch, for which columns that are not there need not wait

    name, embedder = open_model(run)
    counts: dict[str, Counter[str]] = {"reasons": Counter(), "notes": Counter()}
    width = 0
    with bar(quiet or as_json) as progress:
        task = progress.add_task("embed", total=n)

        def parts() -> Iterator[_Part]:
            nonlocal width
            others = [pieces(other, _ROWS) for other in columns.values()]
            for (at, rows), *kept in zip(pieces(blocks, _ROWS), *others, strict=True):
                found = embedder.embed(rows, kind)
                width = found.values.shape[1]
                report = found.molecules.report()
                for what, counter in counts.items():
                    counter.update(report[what])
                yield _Part(at, [*map(text_of, rows)], found, [[*map(_cell, cells)] for _, cells in kept])
                progress.advance(task, len(rows))
            if counts["reasons"].total() == n:  # then nothing is written
                raise DataError(
                    f"cmim embed: no row of {data} could be read: {_told(counts['reasons'])}. Look at the data, and at "
                    f"--smiles-column, which is {column!r}."
                )

        if parquet:
            _write_parquet(out, parts(), list(columns), kinds)
        else:
            _write_npy(out, table, parts(), n, list(columns))
    bad = counts["reasons"].total()
    if 2 * bad > n:
        say(f"warning: {bad} of {n} rows could not be read: {_told(counts['reasons'])}. Is {column!r} their SMILES?")
    facts = {"command": "embed", "run": name, "data": data, "smiles_column": column, "kind": kind, "rows": n}
    facts |= {"keep": list(columns)} if columns else {}
    write_toml({**facts, "embedded": n - bad, "sha256": blocks.digest()}, facts_file(out))
    answer = {**facts, "out": out, "embedded": n - bad, "features": width}
    answer |= {what: dict(counter.most_common()) for what, counter in counts.items()}
    if as_json:
        print_json(answer)
        return
    typer.echo(f"{out}: {n} rows, {n - bad} embedded, {kind}, {width} features, by {name}")
    for what, counter in counts.items():
        for reason, count in counter.most_common():
            typer.echo(f"  {'not read' if what == 'reasons' else 'noted'}: {reason} ({count})")


def _told(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())


def _cell(value: Any) -> Any:
    return value.text if isinstance(value, Unread) else value


def _write_parquet(out: pathlib.Path, parts: Iterator[_Part], columns: Sequence[str], kinds: Sequence[Any]) -> None:
    pa, pq = need("pyarrow", "cmim embed"), need("pyarrow.parquet", "cmim embed")
    names = (*_NAMES, *columns)
    types = (pa.int64(), pa.string(), pa.bool_(), pa.string(), pa.string(), *kinds)
    with new_file(out) as part, contextlib.ExitStack() as stack:
        writer: Any = None
        schema: Any = None
        for at, texts, found, kept in parts:
            if writer is None:
                fields = [(f"f{j}", pa.float32()) for j in range(found.values.shape[1])]
                schema = pa.schema([*zip(names, types, strict=True), *fields])
                writer = stack.enter_context(pq.ParquetWriter(part, schema, use_dictionary=["reason", "note"]))
            missing = ~found.valid
            about = (np.arange(at, at + len(texts)), texts, found.valid, found.reasons, found.notes, *kept)
            arrays = [pa.array(list(values), kind) for values, kind in zip(about, types, strict=True)]
            arrays += [pa.array(np.ascontiguousarray(values), mask=missing) for values in found.values.T]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        stack.close()  # before the file gets its name


def _write_npy(out: pathlib.Path, table: pathlib.Path, parts: Iterator[_Part], n: int, names: Sequence[str]) -> None:
    with new_file(out) as part:
        values: Any = None

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal values
            for at, texts, found, kept in parts:
                if values is None:
                    shape = (n, found.values.shape[1])
                    values = np.lib.format.open_memmap(part, "w+", np.float32, shape)
                values[at : at + len(texts)] = found.values
                about = zip(found.valid, found.reasons, found.notes, *kept, strict=True)
                for i, (valid, *said) in enumerate(about):
                    yield (at + i, yes(valid), *said)
            values.flush()
            values = None

        write_table(table, ("row", "valid", "reason", "note", *names), rows())
