"""Reading and writing tables: CSV, Parquet, npz."""

import io
import pathlib
from typing import Any

import numpy as np
import pandas as pd

from infocore.errors import DataError, MissingExtraError, NonFiniteError, ParameterError

__all__ = ["read_table", "refuse_ambiguous", "take_response", "write_table"]


def read_table(path: pathlib.Path) -> pd.DataFrame:
    """Read a table; of an .npz, the columns of `X` are called 0, 1, ... and `y` is the column y."""
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet", ".pq", ".npz"):
        raise ParameterError(f"mid: {path} must be a .csv, .parquet or .npz file.")
    try:
        if kind == ".csv":
            return pd.read_csv(path)
        if kind != ".npz":
            return pd.read_parquet(path)
        with np.load(path, allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in arrays.files}
    except ImportError as e:
        raise MissingExtraError(
            "mid: Parquet needs pyarrow, which is not installed. In a checkout: "
            "pip install -c constraints.txt './packages/infocore[parquet]'"
        ) from e
    except (OSError, ValueError) as e:
        raise DataError(f"mid: {path} cannot be read as {kind[1:]}: {e}") from e
    if set(held) != {"X", "y"} or held["X"].ndim != 2 or held["y"].shape != held["X"].shape[:1]:
        shapes = {name: a.shape for name, a in held.items()}
        raise DataError(f"mid: {path} must hold two arrays, X of shape (n, dx) and y of shape (n,); got {shapes}.")
    table = pd.DataFrame(held["X"])
    table.columns = [str(c) for c in table.columns]
    return table.assign(y=held["y"])


def write_table(table: pd.DataFrame, path: pathlib.Path) -> None:
    """Write some rows of a table that `read_table` read, in the format of the suffix."""
    kind = path.suffix.lower()
    if kind == ".csv":
        table.to_csv(path, index=False)
    elif kind != ".npz":
        table.to_parquet(path, index=False)
    else:
        parts = {"X": table.drop(columns="y").to_numpy(), "y": table["y"].to_numpy()}
        plain = {name: a.astype(str) if a.dtype == object else a for name, a in parts.items()}  # text, not pickles
        np.savez(path, **plain)


def refuse_ambiguous(part: Any, path: pathlib.Path) -> None:
    """Refuse to split a CSV where some rows alone would be read as something else: codes 01 and 02 without any X1."""
    if path.suffix.lower() != ".csv":
        return
    again = pd.read_csv(io.StringIO(part.to_csv(index=False)))
    is_number = pd.api.types.is_numeric_dtype
    other = [str(c) for c in part if not is_number(part[c]) and is_number(again[c]) and part[c].notna().any()]
    if other:
        raise ParameterError(
            f"mid defend: column(s) {', '.join(other)} of {path} are text, and a part of the rows holds nothing but "
            "what reads as numbers. Give the table as .parquet, which keeps kinds, or rename those values."
        )


def take_response(table: pd.DataFrame, response: str, path: pathlib.Path) -> tuple[pd.DataFrame, Any]:
    """Split a table into records and responses."""
    if response not in table.columns:
        raise ParameterError(f"mid: {path} has no column {response}; it has {', '.join(map(str, table.columns))}.")
    y: Any = table[response]
    missing = int(y.isna().sum())
    if missing:
        raise NonFiniteError(
            f"mid: column {response} of {path} is missing in {missing} of {len(y)} rows; leave them out."
        )
    return table.drop(columns=response), y.to_numpy()
