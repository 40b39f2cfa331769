"""Settings: what cannot be is refused by name, and what is not the default is shown."""

import inspect
import math
import operator
from numbers import Real
from typing import Any, cast

import numpy as np

from infocore.errors import ParameterError

__all__ = ["ShowsSettings", "check_flag", "check_number", "check_whole", "check_widths"]


def check_flag(value: Any, caller: str, name: str) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{caller}: `{name}` must be True or False; got {value!r}.")


def check_whole(value: Any, caller: str, name: str, least: int) -> None:
    """Refuse what is no whole number, or below the least."""
    if not _is_whole(value, least):
        raise ParameterError(f"{caller}: `{name}` must be a whole number >= {least}; got {value!r}.")


def check_number(value: Any, caller: str, name: str, *, zero: bool = False) -> None:
    """Refuse what is no finite number above 0, or at least 0 if `zero` may be."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) else math.nan
    if not (0 < number < math.inf or (zero and number == 0)):
        raise ParameterError(f"{caller}: `{name}` must be a finite number {'>= 0' if zero else '> 0'}; got {value!r}.")


def check_widths(value: Any, caller: str, name: str = "hidden") -> None:
    """Refuse widths of layers that are no sequence of whole numbers >= 1; it may be empty."""
    if not isinstance(value, (tuple, list)) or not all(_is_whole(v, 1) for v in cast("list[Any]", value)):
        raise ParameterError(f"{caller}: `{name}` must hold whole numbers >= 1, such as (64, 64); got {value!r}.")


def _is_whole(value: Any, least: int) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        return operator.index(value) >= least
    except TypeError:
        return False


class ShowsSettings:
    """A `repr` of those arguments of the constructor that are not the default; holds no state.

    Examples
    --------
    >>> class Method(ShowsSettings):
    ...     def __init__(self, k=3, *, workers=1):
    ...         self.k, self.workers = k, workers
    >>> Method(), Method(5, workers=1)
    (Method(), Method(k=5))
    """

    def __repr__(self) -> str:
        """Return the call that makes an estimator of the same settings."""
        parameters = inspect.signature(type(self)).parameters.values()
        set_here = ((p.name, getattr(self, p.name)) for p in parameters if getattr(self, p.name) != p.default)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in set_here)})"
