"""Settings of the commands, parsed at the border: unknown keys are refused, values are checked."""

# JSON has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import json
import pathlib
from typing import Any, Literal

import pydantic

from infocore.api import Method
from infocore.errors import DataError, ParameterError

__all__ = ["MIConfig", "read_config", "resolve"]


class MIConfig(pydantic.BaseModel):
    """Settings of ``infocore mi``.

    Parameters
    ----------
    data : path
        CSV file with a header, or Parquet.
    x, y : tuple of str
        Column names, at least one a side.
    method, fast, units, ci_level, seed
        As in `infocore.mutual_information`.
    blocks : int or str, optional
        Length of the blocks of a series, or the name of a column that holds one group label a row.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data: pathlib.Path
    x: tuple[str, ...] = pydantic.Field(min_length=1)
    y: tuple[str, ...] = pydantic.Field(min_length=1)
    method: Method = "auto"
    fast: bool = False
    units: Literal["nats", "bits"] = "nats"
    ci_level: float = pydantic.Field(0.9, gt=0, lt=1)
    seed: int = pydantic.Field(0, ge=0)
    blocks: int | str | None = None


def read_config(path: pathlib.Path) -> dict[str, Any]:
    """Read settings from a JSON file.

    Parameters
    ----------
    path : path
        A JSON object with fields of `MIConfig`, not all of them needed.

    Returns
    -------
    dict

    Raises
    ------
    DataError
        If the file cannot be read or is no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise DataError(f"infocore mi: {path} cannot be read as JSON: {e}") from e
    if not isinstance(found, dict):
        raise DataError(f"infocore mi: {path} must hold one JSON object; got {type(found).__name__}.")
    return found


def resolve(settings: dict[str, Any], flags: dict[str, Any]) -> MIConfig:
    """Join the settings of a file with flags, which win.

    Parameters
    ----------
    settings : dict
        From `read_config`, or empty.
    flags : dict
        From the command line; None where a flag was not given.

    Returns
    -------
    MIConfig

    Raises
    ------
    ParameterError
        If a name is unknown, a value is not allowed, or something needed is missing.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return MIConfig(**{**settings, **given})
    except pydantic.ValidationError as e:
        told = "; ".join(
            f"{'.'.join(map(str, part['loc']))}: {part['msg']}"
            + ("" if part["type"] == "missing" else f"; got {part['input']!r}")
            for part in e.errors()
        )
        raise ParameterError(f"infocore mi: {told}") from e
