"""The page of a report, drawn from its JSON and from nothing else: one file, which opens offline."""

# matplotlib and jinja2 are an extra, and type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportMissingImports=false

import base64
import importlib.resources
import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from infocore.errors import MissingExtraError

__all__ = ["render"]

# Okabe and Ito's palette, which most colour-blind readers can tell apart
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = "osD^vPX"


def render(data: Mapping[str, Any]) -> str:
    """Draw the page of a report.

    Parameters
    ----------
    data : mapping
        What `to_dict` or `read` returned.

    Returns
    -------
    str
        HTML with inline graphics and no reference to anything outside it. Equal data give equal text.

    Raises
    ------
    MissingExtraError
        If the report extra is not installed.
    """
    try:
        import jinja2
        import matplotlib.figure  # noqa: F401  # pyright: ignore[reportUnusedImport] - looked for, not used
    except ImportError as e:
        raise MissingExtraError(
            "infocore.report needs matplotlib and jinja2. From a checkout: "
            "pip install -c constraints.txt './packages/infocore[report]'"
        ) from e
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"cell": _cell, "numeric": _numeric, "chart": _chart, "strips": _strips, "fact": _fact}
    source = importlib.resources.files("infocore").joinpath("_report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(source).render(data)


def _cell(value: Any) -> str:
    """Return a table's entry as text: four significant digits, a dash for what is not known."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _numeric(item: Mapping[str, Any]) -> list[bool]:
    """Say which columns of a table hold numbers, and so are set flush right."""
    return [any(isinstance(row[j], (int, float)) for row in item["rows"]) for j in range(len(item["columns"]))]


def _fact(value: Any) -> str:
    """Return an entry of the provenance as text."""
    return (
        ", ".join(f"{k} {v}" for k, v in cast("dict[str, Any]", value).items())
        if isinstance(value, dict)
        else str(value)
    )


def _number(value: Any) -> float:
    """Return a number of the JSON; non-finite ones are strings there."""
    return float(value)


def _chart(item: Mapping[str, Any]) -> Any:
    """Draw a chart as inline SVG, with the object interface only: no global state of matplotlib is touched."""
    import markupsafe
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "report", "svg.fonttype": "path", "font.size": 10.0}):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for i, series in enumerate(item["series"]):
            colour, marker = _COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)]
            x, y = ([_number(v) for v in series[key]] for key in ("x", "y"))
            error = None if series["error"] is None else [_number(v) for v in series["error"]]
            axes.errorbar(
                x,
                y,
                yerr=error,
                label=series["label"],
                color=colour,
                marker=marker if series["markers"] else "",
                linestyle="-" if series["line"] else "",
                markersize=5,
                capsize=2,
                linewidth=1.4,
            )
            for name, at in zip(series["names"] or (), zip(x, y, strict=True), strict=False):
                axes.annotate(name, at, textcoords="offset points", xytext=(5, 4), fontsize=8, color=colour)
        for name, value in item["hlines"].items():
            axes.axhline(_number(value), color="0.45", linestyle=":", linewidth=1.2)
            axes.annotate(
                name, (0.01, _number(value)), xycoords=("axes fraction", "data"), fontsize=8, color="0.35", va="bottom"
            )
        axes.set(xlabel=item["xlabel"], ylabel=item["ylabel"], xscale="log" if item["xlog"] else "linear")
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(0.08)
        axes.legend(frameon=False, fontsize=8)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    return markupsafe.Markup(svg[svg.index("<svg") :])


def _strips(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each row of images as one picture: its label, and a data URI."""
    import matplotlib.image

    grey: NDArray[np.uint8] = np.frombuffer(base64.b64decode(item["grey"]), np.uint8).reshape(item["shape"])
    strips: list[tuple[str, str]] = []
    for label, row in zip(item["rows"], grey, strict=True):
        columns, height, width = row.shape
        canvas = np.full((height, columns * (width + 1) - 1), 255, np.uint8)  # a white line between images
        for j, image in enumerate(row):
            canvas[:, j * (width + 1) : j * (width + 1) + width] = image
        out = io.BytesIO()
        rgb = np.repeat(canvas[:, :, None], 3, axis=2)
        matplotlib.image.imsave(out, rgb, format="png", metadata={"Software": ""})
        strips.append((label, "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")))
    return strips
