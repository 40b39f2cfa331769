"""The application, what its commands share, and the way it ends."""

import json
import pathlib
import sys
import warnings
from typing import Annotated, Any

import typer

from cmim._version import __version__
from infocore.errors import InfoError, ParameterError
from infocore.result import plain

__all__ = ["DATA_HELP", "Data", "Json", "Run", "app", "check_out", "facts_file", "main", "print_json", "say"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
DATA_HELP = "A folder of images, .npy, .npz, .parquet, IDX, or: digits, mnist5k, fashion, fashion-test."
Data = Annotated[str, typer.Argument(help=DATA_HELP, metavar="DATA")]
Run = Annotated[pathlib.Path, typer.Argument(help="Folder that `cmim train` wrote.", metavar="RUN")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Auto-encoders that keep the information: train, embed, evaluate, sample.

    Start with: cmim train digits --out run, then: cmim evaluate run
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _to_stderr
        try:
            app(args=argv, prog_name="cmim")
        except ParameterError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(2)
        except InfoError as e:
            typer.echo(f"error: {e}", err=True)
            sys.exit(1)
        except (
            ValueError,
            OSError,
            MemoryError,
            ImportError,
        ) as e:
            typer.echo(f"error: {type(e).__name__}: {' '.join(str(e).split())}", err=True)
            sys.exit(1)


def print_json(result: dict[str, Any]) -> None:
    """Print what was found as JSON, in which NaN and infinities are strings."""
    typer.echo(json.dumps(plain(result), allow_nan=False))


def check_out(out: pathlib.Path, *suffixes: str) -> None:
    """Refuse a file that cannot be written, before the work is done."""
    if out.suffix.lower() not in suffixes:
        raise ParameterError(f"cmim: `--out` must end in {' or '.join(suffixes)}; got {out}.")
    if not out.parent.is_dir():
        raise ParameterError(f"cmim: `--out` {out} is in a folder that does not exist. Make it first.")
    for file in (out, facts_file(out)):
        if file.exists():
            raise ParameterError(f"cmim: `--out`: {file} exists, and none is ever overwritten. Choose a new name.")


def facts_file(out: pathlib.Path) -> pathlib.Path:
    """Return where the settings of an output are written."""
    return out.with_name(out.name + ".toml")


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    typer.echo(message, err=True)


def _to_stderr(message: Warning | str, *_: Any) -> None:
    typer.echo(f"warning: {message}", err=True)
