"""The `mid` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

from mid.cli._app import app, main
from mid.cli._attack import attack
from mid.cli._audit import audit
from mid.cli._defend import defend

__all__ = ["app", "attack", "audit", "defend", "main"]
