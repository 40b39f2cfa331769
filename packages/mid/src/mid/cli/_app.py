"""The application, what its commands share, and the way it ends."""

import pathlib
from typing import Annotated

import typer

from infocore._console import print_json, run, say
from mid._version import __version__

__all__ = ["Config", "Data", "Json", "Model", "Seed", "Trust", "app", "main", "print_json", "say"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Model = Annotated[
    pathlib.Path,
    typer.Argument(
        help="Fitted model: .skops, or a folder of mid defend; .joblib or .pt2 with --trust-pickle.", metavar="MODEL"
    ),
]
Data = Annotated[pathlib.Path, typer.Argument(help="Fresh records: .csv, .parquet or .npz.", metavar="DATA")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of split, noise and bootstrap.", show_default="0")]
Config = Annotated[pathlib.Path | None, typer.Option("--config", help="TOML file with these settings; flags win.")]
Trust = Annotated[
    bool,
    typer.Option("--trust-pickle", help="Read a .joblib, .pkl or .pt2 model: that can RUN CODE of whoever wrote it."),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Model inversion: audit a model, attack it, train a defended one.

    Start with: mid audit model.skops fresh.csv --sensitive COLUMN --response COLUMN --out audit
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else."""
    run(app, "mid", argv, (ValueError, TypeError, OSError, MemoryError, ImportError))
