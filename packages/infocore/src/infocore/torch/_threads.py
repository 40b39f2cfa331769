"""A map over threads in each of which torch takes one thread an operation, so that no sum depends on their number."""

import contextlib
import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

__all__ = ["threads"]


class _Threads:
    """Set torch to one thread an operation while any fit runs, in whatever thread, and back after the last."""

    def __init__(self) -> None:
        self.lock, self.running, self.before = threading.Lock(), 0, 1

    @contextlib.contextmanager
    def __call__(self, workers: int) -> Generator[Callable[..., Any]]:
        """Give a `map` that runs on so many threads."""
        with self.lock:
            if not self.running:
                self.before = torch.get_num_threads()
            self.running += 1
            torch.set_num_threads(1)
        many = (os.cpu_count() or 1) if workers == -1 else workers
        try:
            if many == 1:
                yield map
            else:
                with ThreadPoolExecutor(many, initializer=lambda: torch.set_num_threads(1)) as pool:
                    yield pool.map
        finally:
            with self.lock:
                self.running -= 1
                if not self.running:
                    torch.set_num_threads(self.before)


threads = _Threads()
