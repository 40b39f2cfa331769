"""Rows of files that are not read as molecules, though there may be text in them."""

from typing import NamedTuple

__all__ = ["Unread", "text_of"]


class Unread(NamedTuple):
    """A row that is none of its table."""

    text: str | None
    """What stands where the SMILES should, if anything."""
    reason: str
    """Why it is not read, as ``kind: detail``."""


def text_of(row: object) -> str | None:
    """Return the text of a row, whether it is read or not; None where there is none."""
    found = row.text if isinstance(row, Unread) else row
    return str(found) if isinstance(found, str) else None
