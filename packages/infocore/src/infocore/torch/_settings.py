"""Settings of a training: what cannot be is refused by name, before any work is done."""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false

from typing import Any

import torch

from infocore._settings import check_flag, check_number, check_whole
from infocore.errors import ParameterError

__all__ = ["check_device", "check_shares", "check_training"]


def check_training(settings: Any, caller: str, *, least_batch: int = 1) -> None:
    """Refuse settings with which no training is possible.

    Parameters
    ----------
    settings : object
        With `max_steps`, `batch_size`, `validate_every`, `patience`, `learning_rate`, `progress` and `device`.
    caller : str
        For the messages.
    least_batch : int
        Pairs that a step needs.

    Raises
    ------
    ParameterError
        Naming the setting.
    """
    for name, least in (("max_steps", 1), ("batch_size", least_batch), ("validate_every", 1), ("patience", 1)):
        check_whole(getattr(settings, name), caller, name, least)
    check_number(settings.learning_rate, caller, "learning_rate")
    check_flag(settings.progress, caller, "progress")
    check_device(settings.device, caller)


def check_shares(validation: Any, test: Any, caller: str) -> None:
    """Refuse shares of the rows that are not positive, or leave less than a tenth to train on."""
    for name, share in (("validation_fraction", validation), ("test_fraction", test)):
        check_number(share, caller, name)
    if validation + test >= 0.9:
        raise ParameterError(
            f"{caller}: `validation_fraction` and `test_fraction` must leave at least a tenth to train on; got "
            f"{validation!r} and {test!r}."
        )


def check_device(device: Any, caller: str) -> None:
    """Refuse a device that torch does not know, or cannot use here."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError) as e:  # the last where torch is built without CUDA
        said = str(e).splitlines()[0].rstrip(".")
        raise ParameterError(
            f"{caller}: `device` must be one that torch can use here, such as 'cpu' or 'cuda'; got {device!r}: {said}."
        ) from e
