"""What the extra ``cmim[mol]`` brings, imported when it is first needed."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from infocore.errors import MissingExtraError

__all__ = ["need", "quiet_rdkit"]


def need(module: str, caller: str) -> Any:
    """Return a module of the extra, such as ``rdkit.Chem`` or ``cma``."""
    try:
        return importlib.import_module(module)
    except ImportError as e:
        top = module.partition(".")[0]
        raise MissingExtraError(f"{caller}: needs {top}, which is not installed: pip install 'cmim[mol]'") from e


@contextlib.contextmanager
def quiet_rdkit() -> Iterator[None]:
    """Keep RDKit from writing to stderr for a while; what it found wrong is asked of it otherwise."""
    block = need("rdkit.rdBase", "cmim.molecules").BlockLogs()
    try:
        yield
    finally:
        del block
