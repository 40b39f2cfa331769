"""The application, what its commands share, and the way it ends."""

import pathlib
from typing import Annotated

import typer

from gtheory._version import __version__
from infocore._console import print_json, run

__all__ = ["File", "Json", "Plot", "app", "main", "print_json"]

app = typer.Typer(
    help="Semantic information after C. Lu: what labels say, beside what they carry.",
    no_args_is_help=True,
    add_completion=False,
)
File = Annotated[pathlib.Path, typer.Argument(help="CSV file with a header, or Parquet.", exists=True, dir_okay=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Plot = Annotated[pathlib.Path | None, typer.Option(help="Draw a figure into this file: svg, png or pdf.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Semantic information after C. Lu: what labels say, beside what they carry.

    Each command reads a CSV file. Start with: gtheory confirm 20 180 8 792
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else."""
    run(app, "gtheory", argv)
