"""Fitted estimators as folders: settings, weights, the law of the codes, and how the training went."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import Tensor

from cmim._folders import open_folder
from cmim.checkpoint import rebuild
from cmim.model import Model
from cmim.networks import network_from_dict
from cmim.sampling import CodeLaw
from cmim.views import view_from_dict
from infocore.errors import CheckpointError
from infocore.result import plain
from infocore.torch import checkpoint

__all__ = ["Fitted", "load", "part", "save"]

_PARTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {"network": network_from_dict, "views": view_from_dict}


class Fitted(Protocol):
    """What an estimator knows once it is fitted."""

    model_: Model
    code_law_: CodeLaw
    history_: tuple[dict[str, float], ...]
    notes_: tuple[str, ...]
    n_iter_: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return its settings, by the names that the constructor has for them."""
        ...


Estimator = TypeVar("Estimator", bound=Fitted)


def save(
    estimator: Fitted,
    path: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write an estimator as a new folder; `settings` are written in place of its own, and `more` facts beside them."""
    params = {**estimator.get_params(deep=False), **(settings or {})}
    for name in _PARTS.keys() & params.keys():
        if (value := params[name]) is not None:
            params[name] = {"kind": value.kind, **dataclasses.asdict(value)}
    weights = {f"model.{name}": tensor for name, tensor in estimator.model_.state_dict().items()}
    codes = {f"codes.{name}": tensor for name, tensor in estimator.code_law_.tensors().items()}
    meta = {
        "kind": f"cmim.{type(estimator).__name__}",
        "params": params,
        "history": estimator.history_,
        "notes": estimator.notes_,
        "n_iter": estimator.n_iter_,
        **(more or {}),
        **estimator.model_.facts(),
    }
    return checkpoint.save(path, weights={**weights, **codes}, meta=plain(meta))


def load(
    kind: type[Estimator],
    path: str | os.PathLike[str],
    read: Callable[[Estimator, Mapping[str, Any]], None] | None = None,
) -> Estimator:
    """Read what `save` wrote of such an estimator; `read` takes what it needs from the facts that were `more`."""
    name = kind.__name__
    found = open_folder(path, f"cmim.{name}", f"{name}.load")
    try:
        params: Mapping[str, Any] = found.meta["params"]
        given = {field: _setting(field, value) for field, value in params.items()}
        estimator = kind(**{**given, "network": _setting("network", params["network"])})
        estimator.code_law_ = CodeLaw.from_tensors(part(found.weights, "codes."))
        history = ({term: float(value) for term, value in entry.items()} for entry in found.meta["history"])
        estimator.history_, estimator.notes_ = tuple(history), tuple(found.meta["notes"])
        estimator.n_iter_ = int(found.meta["n_iter"])
        if read is not None:
            read(estimator, found.meta)
    except (AttributeError, KeyError, TypeError) as e:
        raise CheckpointError(f"{name}.load: {path} is not of this version ({e}).") from e
    estimator.model_ = rebuild(found.meta, part(found.weights, "model."), path)
    return estimator


def _setting(name: str, value: Any) -> Any:
    """Return a setting as the constructor takes it."""
    if name in _PARTS and value is not None:
        return _PARTS[name](value)
    return tuple(value) if isinstance(value, list) else value


def part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return what is named so, without the prefix."""
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
