"""What every script of tables needs: lines of results in, a table in Markdown out."""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

RESULTS = pathlib.Path(__file__).parent / "results"


def read(name: str) -> list[dict[str, Any]]:
    """Return the lines of a file of results; none if there is no such file."""
    path = RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
