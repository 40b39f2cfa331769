"""Fitted networks in a folder: weights in safetensors, everything else in JSON. Reading one runs no code of its own."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from infocore.errors import CheckpointError
from infocore.torch import checkpoint
from mid.torch._network import NetworkClassifierModel, NetworkModel
from mid.torch.bido import BiDO
from mid.torch.classifier import MIDClassifier
from mid.torch.defences import Undefended
from mid.torch.erasing import RandomErasing
from mid.torch.network_classifier import NetworkClassifier
from mid.torch.networks import CNN, MLP
from mid.torch.optimizers import SGD, Adam
from mid.torch.private import DPSGD, PrivacySpent
from mid.torch.regressor import MIDRegressor
from mid.torch.smoothing import LabelSmoothing

__all__ = ["load_model", "save_model"]

_MODELS: Mapping[str, type[NetworkModel]] = {
    model.__name__: model for model in (MIDClassifier, MIDRegressor, NetworkClassifier)
}
_SETTINGS: Mapping[str, type[Any]] = {
    setting.__name__: setting
    for setting in (SGD, Adam, BiDO, CNN, DPSGD, LabelSmoothing, MLP, RandomErasing, Undefended)
}
_TYPE = "type"


def save_model(folder: str | os.PathLike[str], model: NetworkModel) -> Path:
    """Write a fitted network as a new folder.

    Parameters
    ----------
    folder : path
        Must not exist yet; its parent must.
    model : MIDClassifier, MIDRegressor or NetworkClassifier
        Fitted.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CheckpointError
        If the folder cannot be written, or a setting of the model cannot be written as JSON: an architecture or a
        defence of your own, `Freezing` (it holds a model), or a `random_state` that is not an integer.

    Examples
    --------
    >>> import tempfile
    >>> x = np.random.default_rng(0).random((40, 3))
    >>> model = NetworkClassifier(hidden=(8,), epochs=2).fit(x, np.arange(40) % 2)
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     again = load_model(save_model(f"{parent}/model", model))
    >>> bool((again.predict(x) == model.predict(x)).all())
    True
    """
    check_is_fitted(model)
    name = type(model).__name__
    if _MODELS.get(name) is not type(model):
        raise CheckpointError(f"save_model: `model` must be one of {', '.join(_MODELS)}; got {name}.")
    meta: dict[str, Any] = {
        "model": name,
        "settings": {key: _plain(key, value) for key, value in model.get_params(deep=False).items()},
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": [str(n) for n in getattr(model, "feature_names_in_", ())],
    }
    if isinstance(model, NetworkClassifierModel):
        meta["classes"] = {"dtype": model.classes_.dtype.str, "values": _classes(model.classes_)}
    if isinstance(model, MIDRegressor):
        meta |= {"location": model.location_, "scale": model.scale_}
    if isinstance(model, NetworkClassifier) and hasattr(model, "privacy_"):
        meta["privacy"] = list(model.privacy_)
    return checkpoint.save(folder, weights=model.module_.state_dict(), meta=meta)


def load_model(
    folder: str | os.PathLike[str], *, rng: int | np.random.Generator | None = None
) -> MIDClassifier | MIDRegressor | NetworkClassifier:
    """Read a fitted network.

    Parameters
    ----------
    folder : path
        As `save_model` returned it.
    rng : int, numpy.random.Generator or None
        Where the stream of release noise starts. None takes entropy of the system: two servers that load one folder
        must not answer with one noise, which would cancel in the difference of their answers.

    Returns
    -------
    MIDClassifier, MIDRegressor or NetworkClassifier
        Fitted, with the settings it was made with.

    Raises
    ------
    CheckpointError
        If the folder is damaged, or does not hold one of these models.
    """
    saved = checkpoint.load(folder)
    meta: Any = saved.meta
    try:
        model: Any = _MODELS[meta["model"]](**{key: _made(value) for key, value in meta["settings"].items()})
        model.n_features_in_ = meta["n_features_in"]
        if meta["feature_names_in"]:
            model.feature_names_in_ = np.asarray(meta["feature_names_in"], dtype=object)
        outputs = 1
        if "classes" in meta:
            model.classes_ = np.asarray(meta["classes"]["values"]).astype(np.dtype(meta["classes"]["dtype"]))
            outputs = len(model.classes_)
        if "location" in meta:
            model.location_, model.scale_ = meta["location"], meta["scale"]
        if "privacy" in meta:
            model.privacy_ = PrivacySpent(*meta["privacy"])
            model.epsilon_, model.delta_ = model.privacy_.epsilon, model.privacy_.delta
        noisy = getattr(model, "beta", None) is not None
        module = model._build(
            model.n_features_in_, outputs, 0, noisy=noisy, bottleneck=getattr(model, "bottleneck", None)
        )
        module.load_state_dict(saved.weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as e:
        raise CheckpointError(f"load_model: {folder} does not hold a model of mid.torch ({e}).") from e
    model.module_ = module.eval()
    model._noise = np.random.default_rng(rng)
    return model


def _classes(classes: np.ndarray) -> list[Any]:
    if classes.dtype.kind not in "biufU" and not all(isinstance(label, str) for label in classes):
        raise CheckpointError(
            f"save_model: `classes_` must be numbers, booleans or text to be saved; got dtype {classes.dtype}."
        )
    return classes.tolist()


def _plain(name: str, value: Any) -> Any:
    """Write a setting as JSON would hold it, dataclasses under their name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.integer | np.floating):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if _SETTINGS.get(type(value).__name__) is type(value):
        fields = {f.name: _plain(f"{name}.{f.name}", getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {_TYPE: type(value).__name__, **fields}
    raise CheckpointError(
        f"save_model: `{name}` cannot be written as JSON: {type(value).__name__}. Set model.{name.split('.')[0]} to a "
        "setting of mid.torch (or an integer seed) before saving; the fitted network stays as it is."
    )


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_made(item) for item in value)
    if isinstance(value, dict):
        return _SETTINGS[value[_TYPE]](**{key: _made(item) for key, item in value.items() if key != _TYPE})
    return value
