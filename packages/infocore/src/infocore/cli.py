"""The `infocore` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

# pandas has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import json
import pathlib
import sys
import warnings
from typing import Annotated, Any

import typer

from infocore import __version__
from infocore.api import METHODS, mutual_information
from infocore.config import MIConfig, read_config, resolve
from infocore.errors import DataError, InfoError, ParameterError
from infocore.result import MIEstimate

__all__ = ["app", "main"]

app = typer.Typer(
    help="Mutual information, with what the number certifies.", no_args_is_help=True, add_completion=False
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Mutual information, with what the number certifies."""


@app.command()
def mi(
    data: Annotated[pathlib.Path, typer.Argument(help="CSV file with a header.")],
    x: Annotated[list[str] | None, typer.Option("--x", help="Column of x; repeat for several.")] = None,
    y: Annotated[list[str] | None, typer.Option("--y", help="Column of y; repeat for several.")] = None,
    method: Annotated[str | None, typer.Option(help=f"One of {', '.join(METHODS)}; auto if not given.")] = None,
    units: Annotated[str | None, typer.Option(help="nats (if not given) or bits.")] = None,
    ci_level: Annotated[float | None, typer.Option(help="Level of the interval; 0.9 if not given.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of splits and training; 0 if not given.")] = None,
    config: Annotated[pathlib.Path | None, typer.Option(help="JSON file with these settings; flags win.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the resolved settings.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what was read and chosen.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on stderr.")] = False,
) -> None:
    """Mutual information of columns of a CSV file."""
    flags = {"data": data, "x": x, "y": y, "method": method, "units": units, "ci_level": ci_level, "seed": seed}
    settings = resolve({} if config is None else read_config(config), flags)
    frame = _read(settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimate = mutual_information(
            frame[list(settings.x)],
            frame[list(settings.y)],
            method=settings.method,
            units=settings.units,
            ci_level=settings.ci_level,
            rng=settings.seed,
        )
    if not quiet:
        for warning in caught:
            typer.echo(f"warning: {warning.message}", err=True)
    if verbose:
        typer.echo(f"read {len(frame)} rows of {settings.data}", err=True)
        typer.echo(_told(estimate), err=True)
    if as_json:
        answer = {
            "command": "mi",
            "version": __version__,
            "config": settings.model_dump(mode="json"),
            "result": estimate.to_dict(),
        }
        typer.echo(json.dumps(answer, indent=2, allow_nan=False))
    else:
        typer.echo(str(estimate))


def main(argv: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    try:
        app(args=argv, prog_name="infocore")
    except ParameterError as e:
        typer.echo(f"error: {e}", err=True)
        sys.exit(2)
    except InfoError as e:
        typer.echo(f"error: {e}", err=True)
        sys.exit(1)


def _read(settings: MIConfig) -> Any:
    """Read the columns asked for, and no others."""
    import pandas as pd

    try:
        header = list(pd.read_csv(settings.data, nrows=0).columns)
        wanted = list(dict.fromkeys((*settings.x, *settings.y)))
        absent = [name for name in wanted if name not in header]
        if absent:
            raise ParameterError(
                f"infocore mi: {settings.data} has no column {', '.join(absent)}; it has {', '.join(map(str, header))}."
            )
        return pd.read_csv(settings.data, usecols=wanted)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as e:
        raise DataError(f"infocore mi: {settings.data} cannot be read as CSV: {e}") from e


def _told(estimate: MIEstimate) -> str:
    facts = {name: estimate.diagnostics[name] for name in ("kinds", "reason") if name in estimate.diagnostics}
    return "; ".join(f"{name}: {value}" for name, value in facts.items()) or f"method: {estimate.method}"
