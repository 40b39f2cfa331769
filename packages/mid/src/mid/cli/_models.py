"""Reading and writing models. Only a pickle can run code, and only with leave is one read."""

import os
import pathlib
import warnings
from typing import Any

from infocore.errors import DataError, MissingExtraError, ParameterError

__all__ = ["read_model", "write_model"]

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
    """Read a fitted model by its suffix."""
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
        try:
            from mid.torch.exported import ExportedModel
        except ImportError as e:
            raise MissingExtraError(
                "mid: a .pt2 model needs torch. In a checkout: pip install -c constraints.txt "
                "'./packages/infocore[torch]' './packages/mid[torch]'"
            ) from e
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


def write_model(model: Any, path: pathlib.Path) -> None:
    """Write a model as skops, whole or not at all."""
    import skops.io

    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        skops.io.dump(model, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
