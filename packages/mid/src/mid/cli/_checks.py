"""What the commands refuse before any work is done, in the words of files, columns and flags."""

import pathlib
from typing import Any

import numpy as np
import pandas as pd

from infocore.errors import KindError, NonFiniteError, ParameterError, TooFewSamplesError
from mid.attacks.attribute.sensitive import MOST_VALUES
from mid.attacks.predictor import Predictor, last_step
from mid.auditing.run import LEAST_FRESH

__all__ = [
    "binnable",
    "check_columns",
    "check_finite",
    "check_records",
    "check_released",
    "check_size",
    "check_text",
    "check_values",
    "continuous",
    "of_classes",
    "told_text",
]

_FEW = 20  # a response with so few values is one of classes


def of_classes(y: Any) -> bool:
    """Whether a response is one of labels: no numbers, or few different ones that are whole."""
    if y.dtype.kind in "OUSb":
        return True
    return len(np.unique(y)) <= _FEW and (y.dtype.kind != "f" or bool((np.mod(y, 1) == 0).all()))


def continuous(X: Any, columns: list[str]) -> bool:
    """Whether the sensitive columns hold more values than are asked about one by one."""
    return len(X[columns].drop_duplicates()) > MOST_VALUES


def binnable(X: Any, columns: list[str]) -> bool:
    """Whether the attribute is one column of numbers."""
    return len(columns) == 1 and pd.api.types.is_numeric_dtype(X[columns[0]])


def check_columns(sensitive: tuple[str, ...], X: Any, path: pathlib.Path) -> list[str]:
    """Check that the sensitive columns are there and without holes."""
    columns = list(sensitive)
    absent = [name for name in columns if name not in X.columns]
    if absent:
        raise ParameterError(
            f"mid: --sensitive must name columns of {path}, {', '.join(map(str, X.columns))}; got {', '.join(absent)}."
        )
    _refuse_holes(X[columns], path, "a sensitive value that is missing cannot be guessed")
    return columns


def check_values(columns: list[str], X: Any, path: pathlib.Path, bins: int | None) -> None:
    """Check that the attribute has few values or is cut into bins."""
    if bins is None and continuous(X, columns):
        way = "give --bins to guess one of so many bins" if binnable(X, columns) else "group them"
        raise ParameterError(
            f"mid: --sensitive {', '.join(columns)} of {path} holds more than {MOST_VALUES} values, and each is a "
            f"question to the model: {way}."
        )


def check_size(X: Any, path: pathlib.Path) -> None:
    """Refuse a table that is too small to say anything about."""
    if len(X) < LEAST_FRESH:
        raise TooFewSamplesError(f"mid: DATA must hold at least {LEAST_FRESH} fresh records; {path} holds {len(X)}.")


def check_released(released: str | None, model: Any) -> None:
    """Refuse to audit a released quantity that the model does not answer with."""
    kind, answers = "regressor", ["values"]
    if getattr(model, "classes_", None) is not None:
        kind, answers = "classifier", ["labels", "probabilities"]
        if not (hasattr(model, "predict_proba") or hasattr(last_step(model)[0], "release")):
            answers.remove("probabilities")
    if released is not None and released not in answers:
        raise ParameterError(
            f"mid: --released must be {' or '.join(answers)} for a {kind} ({_title(model)}); got {released}."
        )


def check_records(model: Any, X: Any, y: Any, response: str, path: pathlib.Path) -> None:
    """Refuse responses that are not of the model's kind, and missing values that it does not answer about."""
    classes = getattr(model, "classes_", None)
    if classes is None and y.dtype.kind not in "fiub":
        raise KindError(f"mid: {_title(model)} is a regressor, and {told_text(y, response, path)}")
    if classes is not None and not np.isin(y, classes).all():
        names = {str(c) for c in classes}
        strange = [k for k, value in enumerate(y) if str(value) not in names]
        first = strange[0] if strange else int(np.argmin(np.isin(y, classes)))
        raise ParameterError(
            f"mid: column {response} of {path} must hold labels that the model knows, {classes.tolist()}; row "
            f"{first + 1} holds {_plain(y[first])!r}."
        )
    holes = X.isna().any(axis=1)
    if holes.any() and _answers(model, X[~holes].head(20)) and not _answers(model, X[holes]):
        _refuse_holes(X, path, f"{_title(model)} does not answer about such rows")


def check_finite(X: Any, path: pathlib.Path) -> None:
    """Refuse columns of numbers with holes: the defended models take none. Of text a hole is one more category."""
    numbers = X.select_dtypes("number")
    finite = numbers.where(np.isfinite(numbers.to_numpy(np.float64, na_value=np.nan)))
    _refuse_holes(finite, path, "the defended models take finite numbers only")


def check_text(y: Any, response: str, path: pathlib.Path) -> None:
    """Refuse a response of numbers with some text among them: it would be one of hundreds of labels."""
    if y.dtype.kind in "OUS" and len(np.unique(y.astype(str))) > _FEW and not _no_number(y).all():
        raise KindError(f"mid defend: {told_text(y, response, path)}")


def told_text(y: Any, response: str, path: pathlib.Path) -> str:
    """Say where the first value is that is no number."""
    first = int(np.argmax(_no_number(y)))
    return f"column {response} of {path} must hold numbers; row {first + 1} holds {_plain(y[first])!r}."


def _no_number(y: Any) -> Any:
    numbers: Any = pd.to_numeric(pd.Series(y), errors="coerce")
    return numbers.isna().to_numpy()


def _refuse_holes(X: Any, path: pathlib.Path, why: str) -> None:
    holes = X.isna()
    columns = [str(c) for c in X.columns if holes[c].any()]
    if columns:
        rows = int(holes.any(axis=1).sum())
        raise NonFiniteError(
            f"mid: column(s) {', '.join(columns)} of {path} hold no value in {rows} of {len(X)} rows: {why}. "
            "Leave those rows out, or fill them in."
        )


def _answers(model: Any, X: Any) -> bool:
    """Whether the model answers about some records, with numbers if it answers with numbers."""
    output = "values" if getattr(model, "classes_", None) is None else "labels"
    try:
        answers = Predictor(model).release(X, output=output)
    except (ValueError, TypeError, RuntimeError):
        return False
    return answers.dtype.kind != "f" or bool(np.isfinite(answers).all())


def _title(model: Any) -> str:
    return type(last_step(model)[0]).__name__


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
