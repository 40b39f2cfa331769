"""A report is JSON first; the page, one file that opens offline, is drawn from that JSON and from nothing else."""

import base64
import dataclasses
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from infocore._page import render
from infocore.errors import DataError, ParameterError, ShapeError
from infocore.result import plain

__all__ = [
    "Chart",
    "Images",
    "Report",
    "Section",
    "Series",
    "Table",
    "read",
    "render",
    "to_dict",
    "versions",
    "write",
    "write_json",
]

SCHEMA = 1
_DISTRIBUTIONS = ("infocore", "gtheory", "cmim", "mid-defense", "numpy", "scipy", "scikit-learn", "torch")


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text and numbers; the first column names the row.

    Parameters
    ----------
    title : str
        Heading.
    columns : sequence of str
        Heads of the columns.
    rows : sequence of sequences
        One entry per column: text, a number, or None for "not known".
    note : str
        A line below.

    Raises
    ------
    ShapeError
        If a row is longer or shorter than `columns`.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]
    note: str = ""

    def __post_init__(self) -> None:
        wrong = [i for i, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if wrong:
            raise ShapeError(f"Table {self.title!r}: `rows` {wrong} do not have {len(self.columns)} entries.")


@dataclasses.dataclass(frozen=True)
class Series:
    """One line, or one set of points, of a chart.

    Parameters
    ----------
    label : str
        For the legend.
    x, y : sequence of float
        Of one length.
    error : sequence of float, optional
        Half lengths of vertical error bars.
    line, markers : bool
        What is drawn.
    names : sequence of str, optional
        Text beside the points.

    Raises
    ------
    ShapeError
        If the lengths differ.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    error: Sequence[float] | None = None
    line: bool = True
    markers: bool = True
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.x, self.y, self.error, self.names) if part is not None}
        if len(lengths) != 1:
            raise ShapeError(f"Series {self.label!r}: x, y, error and names must have one length; got {lengths}.")


@dataclasses.dataclass(frozen=True)
class Chart:
    """Series on common axes.

    Parameters
    ----------
    title, xlabel, ylabel : str
        What is shown, with units.
    series : sequence of Series
        At least one.
    hlines : mapping of str to float
        Horizontal reference lines, by name.
    xlog : bool
        Whether the x axis is logarithmic.
    note : str
        A line below.
    """

    title: str
    xlabel: str
    ylabel: str
    series: Sequence[Series]
    hlines: Mapping[str, float] = dataclasses.field(default_factory=dict[str, float])
    xlog: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Images:
    """Rows of small grey images.

    Parameters
    ----------
    title : str
        Heading.
    rows : sequence of str
        What each row shows.
    images : array of shape (rows, columns, height, width)
        Grey values in [0, 1].
    note : str
        A line below.

    Raises
    ------
    ShapeError
        If `images` has another number of axes, or not a row per label.
    ParameterError
        If a value is outside [0, 1].
    """

    title: str
    rows: Sequence[str]
    images: ArrayLike
    note: str = ""

    def __post_init__(self) -> None:
        grey = np.asarray(self.images)
        if grey.ndim != 4 or len(grey) != len(self.rows):
            raise ShapeError(
                f"Images {self.title!r}: `images` must have shape ({len(self.rows)}, columns, height, width); got "
                f"{grey.shape}."
            )
        if not bool(np.all((grey >= 0) & (grey <= 1))):
            raise ParameterError(f"Images {self.title!r}: `images` must be grey values in [0, 1].")


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading, a sentence on what the numbers mean, and the numbers.

    Parameters
    ----------
    title, text : str
        The heading and the sentence.
    items : sequence of Table, Chart or Images
        In order.
    """

    title: str
    text: str
    items: Sequence[Table | Chart | Images]


@dataclasses.dataclass(frozen=True)
class Report:
    """A report.

    Parameters
    ----------
    title, summary : str
        What it is and what it found.
    sections : sequence of Section
        In order.
    provenance : mapping
        Command, seeds, data and their hash: what is needed to get the numbers again. Versions are added.
    """

    title: str
    summary: str
    sections: Sequence[Section]
    provenance: Mapping[str, Any]


def to_dict(report: Report) -> dict[str, Any]:
    """Return a report in JSON's types, with the schema's version and those of the packages.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    dict
        Infinities and NaN are the strings "inf", "-inf" and "nan"; images are bytes in base64.

    Examples
    --------
    >>> table = Table("t", ["name", "nats"], [["a", 0.5]])
    >>> to_dict(Report("r", "", [Section("s", "", [table])], {}))["sections"][0]["items"][0]["rows"]
    [['a', 0.5]]
    """
    body = {
        "schema": SCHEMA,
        "title": report.title,
        "summary": report.summary,
        "sections": [
            {"title": s.title, "text": s.text, "items": [_item(item) for item in s.items]} for s in report.sections
        ],
        "provenance": {**report.provenance, "python": platform.python_version(), "versions": versions()},
    }
    return cast("dict[str, Any]", plain(body))


def write(report: Report, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write ``report.json``, and ``report.html`` drawn from it.

    Parameters
    ----------
    report : Report
        The report.
    folder : path
        Made if it is not there; reports in it are replaced, each file whole or not at all.

    Returns
    -------
    tuple of two paths
        The JSON and the page.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    data = to_dict(report)
    page = render(json.loads(json.dumps(data)))
    return write_json(data, place / "report.json"), _replace(place / "report.html", page)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a report's JSON.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        For `render`.

    Raises
    ------
    DataError
        If the file is missing, no JSON, or of another schema.
    """
    try:
        data: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise DataError(f"report.read: {path} cannot be read as JSON ({e}).") from e
    found = cast("dict[str, Any]", data).get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise DataError(f"report.read: {path} has schema {found!r}; this version reads {SCHEMA}.")
    return cast("dict[str, Any]", data)


def write_json(data: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write plain data as JSON, whole or not at all.

    Parameters
    ----------
    data : mapping
        Of JSON's types; NaN and infinities as text, as `infocore.result.plain` returns them.
    path : path
        The file; one that is there is replaced.

    Returns
    -------
    path
        The file.
    """
    return _replace(Path(path), json.dumps(data, indent=1, allow_nan=False) + "\n")


def _item(item: Table | Chart | Images) -> dict[str, Any]:
    """Return a part of a section as plain data, with its kind."""
    if isinstance(item, Images):
        grey = np.round(np.asarray(item.images, np.float64) * 255).astype(np.uint8)
        bytes64 = base64.b64encode(grey.tobytes()).decode("ascii")
        return {
            "kind": "images",
            "title": item.title,
            "rows": item.rows,
            "shape": grey.shape,
            "grey": bytes64,
            "note": item.note,
        }
    return {"kind": type(item).__name__.lower(), **dataclasses.asdict(item)}


def versions() -> dict[str, str]:
    """Versions of what a report's numbers depend on.

    Returns
    -------
    dict
        By distribution, of those that are installed.
    """
    found: dict[str, str] = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _replace(path: Path, text: str) -> Path:
    """Write a file whole, or leave what was there."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(part).chmod(0o644)  # mkstemp's files are for their owner alone; a report is to be read
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return path
