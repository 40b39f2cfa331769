"""`gtheory classify`: meanings of classes, or labels with most information about them, from a table of records."""

# pandas and scikit-learn have no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import enum
import pathlib
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gtheory.cli._app import File, Json, Plot, app, print_json
from gtheory.cli._files import check_figure, column, numbers, read_frame, save_figure, write_frame
from infocore.errors import DataError, ParameterError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["classify"]

_CALLER = "gtheory classify"


class Method(enum.StrEnum):
    """What is learned."""

    SEMANTIC = "semantic"
    MMI = "mmi"


class Truth(enum.StrEnum):
    """Families of truth functions."""

    GAUSSIAN = "gaussian"
    DIAGONAL = "diagonal"
    LINEAR = "linear"
    KERNEL = "kernel"
    TABULATED = "tabulated"


@app.command()
def classify(
    file: File,
    label: Annotated[str, typer.Option("--label", "-y", help="Column of the classes.")],
    x: Annotated[list[str] | None, typer.Option("--x", help="Column of x, repeatable; all others of numbers.")] = None,
    method: Annotated[
        Method, typer.Option(help="semantic: the class that says most. mmi: labels with most information about it.")
    ] = Method.SEMANTIC,
    truth: Annotated[Truth, typer.Option(help="With semantic: family of the truth functions.")] = Truth.GAUSSIAN,
    labels: Annotated[int | None, typer.Option(min=1, help="With mmi: how many labels; as many as classes.")] = None,
    test: Annotated[float, typer.Option(min=0, max=0.9, help="Share of rows held out to judge by.")] = 0.3,
    predict: Annotated[pathlib.Path | None, typer.Option(help="File of records to classify, into --out.")] = None,
    new_prior: Annotated[
        bool, typer.Option("--new-prior", help="With semantic: --predict's file is another population of x.")
    ] = False,
    out: Annotated[pathlib.Path | None, typer.Option(help="CSV for what is predicted.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split and of random starts.")] = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Classify records by semantic information, judged on rows that were held out."""
    check_figure(plot, _CALLER)
    if (predict is None) != (out is None):
        raise ParameterError(f"{_CALLER}: `--predict` and `--out` go together.")
    if new_prior and (predict is None or method is not Method.SEMANTIC):
        raise ParameterError(f"{_CALLER}: `--new-prior` is for semantic with `--predict`.")
    frame = read_frame(file, _CALLER)
    y = column(frame, label, file, _CALLER)
    if y.isna().any():
        raise DataError(f"{_CALLER}: column {label!r} of {file} has {int(y.isna().sum())} missing values; drop them.")
    y = y.astype(str).to_numpy(dtype=object)
    names = x or [str(n) for n in frame.columns if n != label and frame[n].dtype.kind in "iufb"]
    if not names or label in names:
        raise ParameterError(f"{_CALLER}: give columns of numbers other than {label!r} by --x; got {names}.")
    records = numbers(frame, names, file, _CALLER)
    if plot is not None and len(names) != 1:
        raise ParameterError(f"{_CALLER}: `--plot` draws over one column; name it by --x (there are {len(names)}).")
    model = _model(method, truth, labels, seed)
    report = _held_out(model, records, y, test, seed) if test > 0 else {}
    model = _fit(_model(method, truth, labels, seed), records, y)
    if plot is not None:
        save_figure(_draw(model, records[:, 0], names[0]), plot, _CALLER)
    if predict is not None and out is not None:
        new = numbers(read_frame(predict, _CALLER), names, predict, _CALLER)
        write_frame(_predictions(model.with_prior(new) if new_prior else model, new), out, _CALLER)
    found = _told(model, y)
    if as_json:
        print_json(
            {"command": "classify", "method": method.value, "rows": len(y), "x": names, "label": label, "seed": seed}
            | found | {"held_out": report}
        )  # fmt: skip
        return
    _show(found, report, f"{file.name}: {label} by {', '.join(names)}, {len(y)} rows")


def _model(method: Method, truth: Truth, labels: int | None, seed: int) -> Any:
    from gtheory.learning import MMIClassifier, SemanticBayesClassifier

    if method is Method.MMI:
        return MMIClassifier(labels, random_state=seed)
    if labels is not None:
        raise ParameterError(f"{_CALLER}: `--labels` is for --method mmi; semantic has one label a class.")
    return SemanticBayesClassifier(truth.value)


def _fit(model: Any, records: Any, y: Any) -> Any:
    try:
        return model.fit(records, y)
    except ValueError as e:  # scikit-learn's own, such as one class only
        raise e if isinstance(e, (DataError, ParameterError)) else DataError(f"{_CALLER}: {e}") from e


def _held_out(model: Any, records: Any, y: Any, share: float, seed: int) -> dict[str, Any]:
    """Fit on some rows and judge on the rest."""
    from sklearn.metrics import accuracy_score, balanced_accuracy_score
    from sklearn.model_selection import train_test_split

    from infocore import mutual_information

    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < 2:
        raise DataError(
            f"{_CALLER}: class {classes[counts.argmin()]!r} has one row; to judge, each needs two. Use --test 0."
        )
    try:
        seen, rest, y_seen, y_rest = train_test_split(records, y, test_size=share, random_state=seed, stratify=y)
    except ValueError as e:
        raise DataError(f"{_CALLER}: {len(y)} rows cannot be split by --test {share:g}: {e}") from e
    _fit(model, seen, y_seen)
    given = model.predict(rest)
    carried = mutual_information(given.astype(str), y_rest, method="discrete").to("bits")
    report: dict[str, Any] = {"rows": len(y_rest), "information": carried.value, "ci": carried.ci}
    if set(given) <= set(classes):
        report |= {
            "accuracy": float(accuracy_score(y_rest, given)),
            "balanced_accuracy": float(balanced_accuracy_score(y_rest, given)),
        }
    if hasattr(model, "truth_functions_"):
        place = {name: j for j, name in enumerate(model.classes_)}
        own = model.information(rest)[np.arange(len(rest)), [place[name] for name in y_rest]]
        report["G"] = float(own.mean())
    return report


def _told(model: Any, y: Any) -> dict[str, Any]:
    """Say what was learned of all rows."""
    classes = [str(name) for name in model.classes_]
    rows = {name: int((y == name).sum()) for name in classes}
    if hasattr(model, "truth_functions_"):
        return {
            "classes": {
                name: {"rows": rows[name], "logical_probability": float(share), "information": float(bits)}
                for name, share, bits in zip(classes, model.logical_probability_, model.information_, strict=True)
            }
        }
    sure = model.certificate_
    return {
        "classes": {name: {"rows": rows[name]} for name in classes},
        "labels": [str(name) for name in model.labels_],
        "information": model.information_,
        "history": list(model.history_),
        "certificate": {"value": sure.value, "kind": sure.kind, "gap": sure.gap},
    }


def _show(found: dict[str, Any], report: dict[str, Any], title: str) -> None:
    console = Console()
    console.print(title, highlight=False, soft_wrap=True)
    table = Table()
    table.add_column("class")
    headers = {"rows": "rows", "logical_probability": "logical probability", "information": "bits about its rows"}
    shown = [key for key in headers if key in next(iter(found["classes"].values()))]
    for key in shown:
        table.add_column(headers[key], justify="right")
    for name, values in found["classes"].items():
        table.add_row(name, *(f"{values[k]:.4f}" if isinstance(values[k], float) else str(values[k]) for k in shown))
    console.print(table)
    if "certificate" in found:
        sure = found["certificate"]
        most = {
            "global": "the most that any partition has",
            "intervals": "the most that intervals have",
            "ceiling": "what x carries, and no labels exceed,",
        }
        console.print(
            f"labels carry {found['information']:.4f} bits of the class on these rows; {most[sure['kind']]} is "
            f"{sure['value']:.4f}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if report:
        parts = [f"accuracy {report['accuracy']:.3f}"] if "accuracy" in report else []
        parts += [f"balanced {report['balanced_accuracy']:.3f}"] if "accuracy" in report else []
        parts += [f"G {report['G']:.3f} bits"] if "G" in report else []
        low, high = report["ci"]
        parts.append(f"label and class share {report['information']:.3f} bits (90% CI {low:.3f} to {high:.3f})")
        console.print(f"on {report['rows']} rows held out: " + ", ".join(parts), highlight=False, soft_wrap=True)


def _predictions(model: Any, records: Any) -> Any:
    """Return a table of what is predicted, with each label's information and truth."""
    import pandas as pd

    found = pd.DataFrame({"prediction": model.predict(records)})
    if hasattr(model, "truth_functions_"):
        for part, values in (("bits", model.information(records)), ("truth", model.predict_truth(records))):
            for j, name in enumerate(model.classes_):
                found[f"{part} {name}"] = values[:, j]
    return found


def _draw(model: Any, values: Any, name: str) -> "Figure":
    from gtheory.plots import plot_partition, plot_truth

    grid = np.linspace(values.min(), values.max(), 401)[:, None]
    classes = [str(c) for c in model.classes_]
    if hasattr(model, "truth_functions_"):
        return plot_truth(grid[:, 0], model.predict_truth(grid), classes, xlabel=name)
    codes = np.unique(model.predict(grid), return_inverse=True)[1]
    return plot_partition(grid[:, 0], model.posterior_.predict_proba(grid), codes, classes, zlabel=name)
