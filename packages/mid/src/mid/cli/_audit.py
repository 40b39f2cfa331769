"""``mid audit``: a model and a table give a verdict, plots and a recommendation."""

import pathlib
from typing import Annotated, Any

import numpy as np
import typer

from infocore.errors import ParameterError
from mid.cli._app import Config, Data, Json, Model, Seed, Trust, app, print_json, say

__all__ = ["audit", "opened"]

Sensitive = Annotated[
    list[str] | None, typer.Option("--sensitive", help="Column of the attribute; repeat for a one-hot group.")
]
Response = Annotated[str | None, typer.Option("--response", help="Column that the model predicts.")]
Train = Annotated[
    pathlib.Path | None, typer.Option("--train", help="Training records: what is memorised, and what could be trained.")
]
Released = Annotated[str | None, typer.Option("--released", help="labels, values or probabilities.")]
Task = Annotated[
    str | None, typer.Option("--task", help="Of a .pt2 network: classifier or regressor.", show_default="by response")
]
Bins = Annotated[int | None, typer.Option("--bins", help="Guess a continuous attribute up to one of so many bins.")]


@app.command()
def audit(
    model: Model,
    data: Data,
    sensitive: Sensitive = None,
    response: Response = None,
    train: Train = None,
    game: Annotated[
        list[str] | None, typer.Option("--game", help="response, release or both; repeat. First two if left out.")
    ] = None,
    released: Released = None,
    bins: Bins = None,
    curve: Annotated[bool | None, typer.Option("--curve/--no-curve", help="Attack what could replace it.")] = None,
    ci_level: Annotated[float | None, typer.Option(help="Of intervals and certificates.", show_default="0.95")] = None,
    task: Task = None,
    seed: Seed = None,
    config: Config = None,
    out: Annotated[
        pathlib.Path | None, typer.Option("--out", help="New folder for audit.json and report.html.")
    ] = None,
    trust_pickle: Trust = False,
    as_json: Json = False,
    progress: Annotated[bool, typer.Option(help="Say on stderr what is being done.")] = True,
) -> None:
    """Say what a model gives away about a sensitive column, beyond what the population does."""
    from mid.auditing import audit as run
    from mid.cli._settings import AuditSettings, resolve

    flags = {
        "model": model, "data": data, "sensitive": sensitive, "response": response, "train": train, "games": game,
        "released": released, "bins": bins, "curve": curve, "ci_level": ci_level, "seed": seed,
        "task": task,
    }  # fmt: skip
    settings = resolve(AuditSettings, config, flags, "mid audit")
    if out is not None and out.exists():
        raise ParameterError(f"mid audit: `--out` {out} exists, and none is ever overwritten. Choose a new name.")
    fitted, X, y, columns = opened(settings, trust_pickle)
    more: dict[str, Any] = {}
    if settings.train is not None:
        from mid.cli._checks import check_columns, check_records
        from mid.cli._tables import read_table, take_response

        before, known = take_response(read_table(settings.train), settings.response, settings.train)
        if list(before.columns) != list(X.columns):
            raise ParameterError(
                f"mid audit: {settings.train} must have the columns of {settings.data} in the same order; it has "
                f"{', '.join(map(str, before.columns))}."
            )
        check_columns(settings.sensitive, before, settings.train)
        check_records(fitted, before, known, settings.response, settings.train)
        more = {"X_train": before, "y_train": known}
    report = run(
        fitted,
        X,
        y,
        sensitive=columns,
        games=settings.games,
        released=settings.released,
        bins=settings.bins,
        curve=settings.curve,
        ci_level=settings.ci_level,
        seed=settings.seed,
        progress=progress and not as_json,
        **more,
    )
    if out is not None:
        from infocore.report import write_json

        json_file, page = report.write(out)
        write_json(settings.model_dump(mode="json"), out / "settings.json")
        say(f"wrote {json_file} and {page}")
    if as_json:
        print_json({"settings": settings.model_dump(mode="json"), **report.to_dict()})
    else:
        typer.echo(str(report))


def opened(settings: Any, trust_pickle: bool) -> tuple[Any, Any, Any, list[str]]:
    """Read model and table, and check that they are of each other's kind."""
    from mid.cli._checks import check_columns, check_records, check_released, check_size, check_values, of_classes
    from mid.cli._models import read_model
    from mid.cli._tables import read_table, take_response

    X, y = take_response(read_table(settings.data), settings.response, settings.data)
    columns = check_columns(settings.sensitive, X, settings.data)
    check_values(columns, X, settings.data, settings.bins)
    task = settings.task or ("classifier" if of_classes(y) else "regressor")
    classes = np.unique(y) if task == "classifier" else None  # for files that do not say what the model is
    fitted = read_model(settings.model, trust_pickle=trust_pickle, classes=classes)
    if not (hasattr(fitted, "predict") or hasattr(fitted, "release")):
        raise ParameterError(f"mid: {settings.model} holds a {type(fitted).__name__}, which does not predict.")
    check_size(X, settings.data)
    check_released(settings.released, fitted)
    check_records(fitted, X, y, settings.response, settings.data)
    return fitted, X, y, columns
