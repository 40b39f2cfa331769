"""How the commands of all packages speak and end: results on stdout, messages on stderr; 0 done, 1 failed, 2 misuse."""

# typer's own click is typed as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

import json
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from infocore.errors import InfoError, ParameterError
from infocore.result import plain

__all__ = ["print_json", "run", "say"]


def run(
    app: typer.Typer, name: str, argv: Sequence[str] | None = None, failures: tuple[type[Exception], ...] = ()
) -> None:
    """Run a command; an error of ours is one line on stderr and exit code 2 for misuse, 1 else.

    Parameters
    ----------
    app : typer.Typer
    name : str
        Of the command.
    argv : sequence of str, optional
        Instead of those of the process.
    failures : tuple of exception types
        Of other libraries, which end a command with a line too, instead of a traceback.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _to_stderr
        try:
            app(args=None if argv is None else list(argv), prog_name=name)
        except ParameterError as e:
            say(f"error: {e}")
            sys.exit(2)
        except InfoError as e:
            say(f"error: {e}")
            sys.exit(1)
        except failures as e:
            say(f"error: {type(e).__name__}: {' '.join(str(e).split())}")
            sys.exit(1)


def print_json(result: dict[str, Any]) -> None:
    """Print what was found as JSON, in which NaN and infinities are strings."""
    typer.echo(json.dumps(plain(result), allow_nan=False))


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    typer.echo(message, err=True)


def _to_stderr(message: Warning | str, category: type[Warning], *_: Any) -> None:
    if not issubclass(category, DeprecationWarning):  # what a dependency will drop is nothing that a user can change
        say(f"warning: {message}")
