"""Lightning, imported and run without leaving traces in the environment, the user's logs or the end of a process."""

import atexit
import contextlib
import logging
import os
import warnings
from collections.abc import Iterator

_BEFORE = set(os.environ)

import lightning.pytorch as pl  # noqa: E402
import torch.distributed as processes  # noqa: E402
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger  # noqa: E402

for _name in set(os.environ) - _BEFORE:  # the import sets a cache folder and a way to look for GPUs
    del os.environ[_name]

__all__ = ["CSVLogger", "TensorBoardLogger", "pl", "quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's notices, tips and environment variables to itself during a fit; leave the processes it groups.

    Lightning leaves a group of CPUs to the end of the interpreter, which races with the group's threads: of ten
    runs of a short script without Lightning, three were aborted after their work was done.
    """
    before = set(os.environ)
    grouped = _grouped()
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "`isinstance.treespec, LeafSpec.`", FutureWarning
            )  # lightning on torch 2.13
            yield
    finally:
        if _grouped() and not grouped:
            atexit.register(_leave)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name in set(os.environ) - before:  # CUDA_DEVICE_ORDER, on a GPU
            del os.environ[name]


def _grouped() -> bool:
    return processes.is_available() and processes.is_initialized()


def _leave() -> None:
    if _grouped():
        processes.destroy_process_group()
