"""`cmim embed`: one row of features for each row of data, in constant memory."""

import pathlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from cmim.cli._app import (
    IMAGES,
    MOLECULES,
    Column,
    Json,
    Places,
    Quiet,
    app,
    bar,
    check_out,
    facts_file,
    print_json,
    refuse,
    run_and_data,
)
from cmim.cli._toml import is_molecules

__all__ = ["embed"]

_ROWS = 4096


@app.command()
def embed(
    ctx: typer.Context,
    places: Places,
    out: Annotated[pathlib.Path, typer.Option("--out", "-o", help="File to write: .npy or .parquet.")],
    kind: Annotated[
        Literal["latent", "informative"], typer.Option(help="The code, or the decoder's activations at it.")
    ] = "latent",
    key: Annotated[str | None, typer.Option(help="Array of an .npz.", rich_help_panel=IMAGES)] = None,
    smiles_column: Column = "smiles",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the table to write beside the embedding, as it is; give it again for more.",
            rich_help_panel=MOLECULES,
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write the embedding of every row of some data, in order, and the settings beside it.

    Of molecules, every row is in the output: what could not be read has no features and a reason, in columns of
    .parquet, or, with .npy, in a table beside it. If no row can be read, nothing is written.
    """
    run, data = run_and_data(ctx, places)
    if run is None or is_molecules(run):
        from cmim.cli._mol_embed import embed_molecules

        refuse(ctx, IMAGES)
        embed_molecules(
            run, data, out, kind=kind, column=smiles_column, keep=keep or (), quiet=quiet, as_json=as_json
        )  # fmt: skip
        return
    from cmim.cli import _config  # loads torch
    from cmim.data.rows import save_rows

    refuse(ctx, MOLECULES)
    check_out(out, ".npy", ".parquet")
    settings, embedder = _config.open_run(run)
    source = _config.open_like(settings, data, tuple(_config.run_source(run).get("shape", ())), key)
    given: dict[str, Any] = {"data": data, "key": key}
    with bar(quiet or as_json) as progress:
        task = progress.add_task("embed", total=len(source))

        def batches() -> Iterator[NDArray[np.float32]]:
            for rows in source.batches(_ROWS):
                yield embedder.transform(_config.flat(rows), kind=kind)
                progress.advance(task, len(rows))

        save_rows(out, batches(), len(source))
    facts = {"command": "embed", "run": str(run), "kind": kind, **{k: v for k, v in given.items() if v is not None}}
    _config.write_toml({**facts, "rows": len(source), "sha256": source.sha256}, facts_file(out))
    if as_json:
        print_json({**facts, "out": out, "rows": len(source)})
    else:
        typer.echo(f"{out}: {len(source)} rows, {kind}")
