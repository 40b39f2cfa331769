"""Settings of the commands: read from TOML, joined with flags, checked, and written beside what came of them."""

import pathlib
import tomllib
from typing import Any, Literal

import pydantic

from infocore.errors import DataError, ParameterError

__all__ = ["AuditSettings", "DefendSettings", "resolve"]


class _Settings(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    sensitive: tuple[str, ...] = pydantic.Field(min_length=1)
    response: str
    seed: int = pydantic.Field(0, ge=0)


class AuditSettings(_Settings):
    """Settings of ``mid audit`` and ``mid attack``."""

    model: pathlib.Path
    data: pathlib.Path
    train: pathlib.Path | None = None
    games: tuple[Literal["response", "release", "both"], ...] = ("response", "release")
    released: Literal["labels", "values", "probabilities"] | None = None
    bins: int | None = pydantic.Field(None, ge=2)
    task: Literal["classifier", "regressor"] | None = None
    curve: bool = True
    ci_level: float = pydantic.Field(0.95, gt=0, lt=1)


class DefendSettings(_Settings):
    """Settings of ``mid defend``."""

    data: pathlib.Path
    defence: Literal["linear", "linear-attribute", "tree", "drop", "network"] = "linear"
    lam: float = pydantic.Field(0.1, ge=0)
    max_depth: int = pydantic.Field(8, ge=1)
    holdout: float = pydantic.Field(0.5, gt=0, lt=1)


def resolve(kind: type[Any], file: pathlib.Path | None, flags: dict[str, Any], command: str) -> Any:
    """Join the settings of a file with flags, which win."""
    given: dict[str, Any] = {}
    if file is not None:
        try:
            given = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            raise DataError(f"{command}: {file} cannot be read as TOML: {e}") from e
    given |= {name: value for name, value in flags.items() if value is not None}
    try:
        return kind(**given)
    except pydantic.ValidationError as e:
        flag = {"games": "knows" if command == "mid attack" else "game"}

        def named(part: Any) -> str:
            name = str(part["loc"][0])
            return f"{name} (--{flag.get(name, name.replace('_', '-'))}): {part['msg']}" + (
                "" if part["type"] in ("missing", "extra_forbidden") else f", got {part['input']!r}"
            )

        told = "; ".join(named(part) for part in e.errors())
        raise ParameterError(f"{command}: {told}") from e
