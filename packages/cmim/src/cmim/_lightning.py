"""Lightning, imported and run without leaving traces in the environment or in the user's logs."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator

_BEFORE = set(os.environ)

import lightning.pytorch as pl  # noqa: E402
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger  # noqa: E402

for _name in set(os.environ) - _BEFORE:  # the import sets a cache folder and a way to look for GPUs
    del os.environ[_name]

__all__ = ["CSVLogger", "TensorBoardLogger", "pl", "quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's notices, tips and environment variables to itself for the time of a fit."""
    before = set(os.environ)
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
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name in set(os.environ) - before:  # CUDA_DEVICE_ORDER, on a GPU
            del os.environ[name]
