"""The application, what its commands share, and the way it ends."""

import json
import pathlib
import sys
import warnings
from typing import Annotated, Any

import typer

from gtheory._version import __version__
from infocore.errors import InfoError, ParameterError
from infocore.result import plain

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
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _to_stderr
        try:
            app(args=argv, prog_name="gtheory")
        except ParameterError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(2)
        except InfoError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(1)


def print_json(result: dict[str, Any]) -> None:
    """Print what was found as JSON, in which NaN and infinities are strings."""
    typer.echo(json.dumps(plain(result), allow_nan=False))


def _to_stderr(message: Warning | str, category: type[Warning], *_: Any) -> None:
    if not issubclass(category, DeprecationWarning):  # what a dependency will drop is nothing that a user can change
        typer.echo(f"warning: {message}", err=True)
