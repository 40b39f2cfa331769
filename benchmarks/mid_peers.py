"""What the parts of `bench_mid_attacks` share: a peer's module, if it is there, and CPU time."""

import importlib
import time
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def peer(module: str) -> Any:
    """Return a module of a peer, or None."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and its CPU seconds."""
    start = time.process_time()
    return run(), time.process_time() - start
