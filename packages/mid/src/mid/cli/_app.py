"""The application, what its commands share, and the way it ends."""

import json
import pathlib
import sys
import warnings
from typing import Annotated, Any

import typer

from infocore.errors import InfoError, ParameterError
from infocore.result import plain
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
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _to_stderr
        try:
            app(args=argv, prog_name="mid")
        except ParameterError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(2)
        except InfoError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(1)
        except (ValueError, TypeError, OSError, MemoryError, ImportError) as e:
            typer.echo(f"error: {type(e).__name__}: {' '.join(str(e).split())}", err=True)
            sys.exit(1)


def print_json(result: dict[str, Any]) -> None:
    """Print what was found as JSON, in which NaN and infinities are strings."""
    typer.echo(json.dumps(plain(result), allow_nan=False))


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    typer.echo(message, err=True)


def _to_stderr(message: Warning | str, category: type[Warning], *_: Any) -> None:
    if not issubclass(category, DeprecationWarning):  # what a dependency will drop is nothing that a user can change
        typer.echo(f"warning: {message}", err=True)
