"""TOML that commands read and write; it needs nothing that takes long to load."""

import os
import pathlib
import tomllib
from typing import Any

import tomli_w

from infocore.errors import DataError

__all__ = ["is_molecules", "read_toml", "run_source", "write_toml"]


def read_toml(file: pathlib.Path) -> dict[str, Any]:
    """Read a TOML file."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise DataError(f"cmim: {file} cannot be read as TOML: {e}") from e


def write_toml(settings: dict[str, Any], file: pathlib.Path) -> None:
    """Write settings, whole or not at all; those that are None are left out, since TOML has no such value."""
    text = tomli_w.dumps({name: value for name, value in settings.items() if value is not None})
    part = file.with_name(f".{file.name}-{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise DataError(f"cmim: {file} cannot be written: {e}") from e


def is_molecules(folder: pathlib.Path) -> bool:
    """Say whether a folder is a run on molecules."""
    file = folder / "config.toml"
    return file.is_file() and read_toml(file).get("kind") == "molecules"


def run_source(folder: pathlib.Path) -> dict[str, Any]:
    """Return what a run wrote of its source: shape, rows, sha256, range of values."""
    return read_toml(folder / "config.toml").get("source", {})
