"""Reading and writing models. Only a pickle can run code, and only with leave is one read."""

import os
import pathlib
import warnings
from typing import Any

from infocore.errors import DataError, ParameterError

__all__ = ["read_model", "write_model"]

_ENCODER, _WEIGHTS = "encoder.skops", "network"
_OURS = ("mid.defences.",)
_HARMLESS = (
    "numpy.dtype",
    "numpy.random._generator.Generator",
    "numpy.random._pcg64.PCG64",
    "numpy.random.bit_generator.SeedSequence",
    "sklearn._loss.loss.",
    "sklearn._loss.link.",
    "sklearn.compose._column_transformer.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.utils._bunch.",
)


def read_model(path: pathlib.Path, *, trust_pickle: bool, classes: Any = None) -> Any:
    """Read a fitted model by its suffix, or the folder of one that ends in a network."""
    if path.is_dir():
        return _network(path)
    kind = path.suffix.lower()
    if not path.is_file():
        raise DataError(f"mid: {path} is not a file.")
    if kind == ".skops":
        return _skops(path)
    if kind in (".joblib", ".pkl", ".pickle"):
        if not trust_pickle:
            raise ParameterError(
                f"mid: {path} is a pickle: reading it runs whatever code its writer put there. If you wrote it "
                "yourself, give --trust-pickle; else ask for a .skops file (skops.io.dump)."
            )
        import joblib

        with warnings.catch_warnings():
            warnings.simplefilter("default")
            return joblib.load(path)
    if kind == ".pt2":
        if not trust_pickle:
            raise ParameterError(
                f"mid: {path}: files of torch.export can hold pickled tensors, which run code when they are read. If "
                "you trust its writer, give --trust-pickle."
            )
        from mid.torch.exported import ExportedModel

        return ExportedModel.read(path, classes)
    raise ParameterError(f"mid: {path} must be a .skops, .joblib or .pt2 file.")


def _skops(path: pathlib.Path) -> Any:
    import skops.io

    try:
        strange = skops.io.get_untrusted_types(file=path)
        allowed = [name for name in strange if name.startswith((*_OURS, *_HARMLESS))]
        refused = sorted(set(strange) - set(allowed))
        if refused:
            raise ParameterError(
                f"mid: {path} holds types that are neither scikit-learn's nor ours, and reading them could run code: "
                f"{', '.join(refused)}."
            )
        return skops.io.load(path, trusted=allowed)
    except ParameterError:
        raise
    except Exception as e:
        raise DataError(f"mid: {path} cannot be read as a skops model: {type(e).__name__}: {e}") from e


def _network(folder: pathlib.Path) -> Any:
    if not (folder / _ENCODER).is_file():
        raise DataError(f"mid: {folder} is a folder without {_ENCODER}: not one that mid defend wrote a network to.")
    encoder = _skops(folder / _ENCODER)
    from mid.torch import load_model

    network = load_model(folder / _WEIGHTS, rng=0)  # attacks seed the noise themselves; the rest is to be repeatable
    return type(encoder)([*encoder.steps, ("network", network)])


def write_model(model: Any, folder: pathlib.Path) -> pathlib.Path:
    """Write a pipeline into a folder as ``model.skops``, or as a folder ``model`` if it ends in a network."""
    last = model.steps[-1][1]
    if not hasattr(last, "module_"):
        _dump(model, folder / "model.skops")
        return folder / "model.skops"
    from mid.torch import save_model

    made = folder / "model"
    made.mkdir()
    save_model(made / _WEIGHTS, last)
    _dump(model[:-1], made / _ENCODER)
    return made


def _dump(model: Any, path: pathlib.Path) -> None:
    """Write as skops, whole or not at all."""
    import skops.io

    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        skops.io.dump(model, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
