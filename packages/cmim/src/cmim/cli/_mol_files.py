"""Files that commands on molecules write: whole or not at all, and never over another."""

import contextlib
import csv
import os
import pathlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from infocore.errors import DataError, ParameterError

__all__ = ["draw", "new_file", "told_share", "write_lines", "write_table", "yes"]

_WIDEST = 8  # pictures in a row


@contextlib.contextmanager
def new_file(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give a name to write to, in the same folder; the file has its own name once it is whole."""
    part = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    try:
        yield part
        if os.path.lexists(out):
            raise DataError(f"cmim: {out} exists by now, and is not overwritten. Choose another name.")
        part.replace(out)
    except OSError as e:
        raise DataError(f"cmim: {out} cannot be written: {e}. Check the folder, and the space on its disk.") from e
    finally:
        part.unlink(missing_ok=True)


def write_table(out: pathlib.Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV; None is an empty cell."""
    with new_file(out) as part, part.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def write_lines(out: pathlib.Path, lines: Iterable[str]) -> None:
    """Write lines."""
    with new_file(out) as part, part.open("w", newline="\n", encoding="utf-8", errors="replace") as file:
        file.writelines(f"{line}\n" for line in lines)


def draw(out: pathlib.Path, smiles: Sequence[str], legends: Sequence[str], columns: int | None = None) -> None:
    """Draw molecules in a grid."""
    from cmim.molecules.pictures import grid

    if out.exists():  # `grid` would replace it
        raise ParameterError(f"cmim: `--out`: {out} exists, and none is ever overwritten. Choose a new name.")
    grid(smiles, legends, path=out, columns=columns or min(_WIDEST, max(1, round(len(smiles) ** 0.5))))


def yes(value: bool) -> str:
    """Return how tables say it."""
    return "true" if value else "false"


def told_share(name: str, share: Any) -> str:
    """Return a share in words, with its interval, or why there is none."""
    if share.value != share.value:
        return f"{name} undefined ({share.reason})"
    interval = "" if share.low is None else f" [{share.low:.3f}, {share.high:.3f}]"
    return f"{name} {share.value:.3f}{interval}"
