"""The `gtheory` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

from gtheory.cli._app import app, main
from gtheory.cli._classify import classify
from gtheory.cli._confirm import confirm
from gtheory.cli._files import read_counts
from gtheory.cli._mixture import mixture
from gtheory.cli._portfolio import portfolio
from gtheory.cli._rate import rate

__all__ = ["app", "classify", "confirm", "main", "mixture", "portfolio", "rate", "read_counts"]
