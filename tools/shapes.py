"""Check the shapes in annotations at run time, and nothing else: the type checker of the torch test sessions.

jaxtyping's import hook hands each function to `check`. Annotations with a shape, `Float[Tensor, "B dx"]`, are given to
beartype; the others are pyright's business, and checking them here would pre-empt our own errors.
"""

import typing
from collections.abc import Callable
from typing import Any, TypeVar

import jaxtyping
from beartype import beartype

Function = TypeVar("Function", bound=Callable[..., Any])


def has_shape(hint: Any) -> bool:
    """Say whether an annotation is, or contains, an array with a shape."""
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(has_shape(part) for part in typing.get_args(hint))


def check(function: Function) -> Function:
    """Return the function with its shapes checked."""
    hints = getattr(function, "__annotations__", {})
    shaped = {name: hint if has_shape(hint) else Any for name, hint in hints.items()}
    if not any(has_shape(hint) for hint in hints.values()):
        return function
    function.__annotations__ = shaped
    return beartype(function)
