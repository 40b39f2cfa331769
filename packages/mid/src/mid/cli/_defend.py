"""``mid defend``: train a defended model on a table, and keep records aside to audit it with."""

import pathlib
import shlex
from typing import Annotated, Any

import typer

from infocore.errors import ParameterError
from mid.cli._app import Config, Json, Seed, app, print_json, say
from mid.cli._audit import Response, Sensitive

__all__ = ["defend"]

_LEAST_TRAIN = 20
_BINS = 4  # of a continuous attribute, in the command that is printed


@app.command()
def defend(
    data: Annotated[pathlib.Path, typer.Argument(help="Records: .csv, .parquet or .npz.", metavar="DATA")],
    out: Annotated[pathlib.Path, typer.Option("--out", help="New folder: model, both halves of the records.")],
    sensitive: Sensitive = None,
    response: Response = None,
    defence: Annotated[
        str | None,
        typer.Option(
            "--defence",
            help="linear, linear-attribute, tree, drop, or network (the noisy bottleneck; needs torch).",
            show_default="linear",
        ),
    ] = None,
    lam: Annotated[float | None, typer.Option("--lam", help="Price of a nat.", show_default="0.1")] = None,
    max_depth: Annotated[int | None, typer.Option("--max-depth", help="Of a tree.", show_default="8")] = None,
    holdout: Annotated[float | None, typer.Option("--holdout", help="Share kept to audit.", show_default="0.5")] = None,
    seed: Seed = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Train a model that gives away less, on a share of the records; audit it on the rest."""
    import numpy as np

    from infocore.report import write_json
    from mid.attacks.attribute import Records, SensitiveAttribute
    from mid.auditing.run import LEAST_FRESH
    from mid.auditing.utility import utility_of
    from mid.cli._checks import binnable, check_columns, check_finite, check_values, continuous
    from mid.cli._models import write_model
    from mid.cli._settings import DefendSettings, resolve
    from mid.cli._tables import read_table, refuse_ambiguous, take_response, write_table

    flags = {
        "data": data, "sensitive": sensitive, "response": response, "defence": defence, "lam": lam,
        "max_depth": max_depth, "holdout": holdout, "seed": seed,
    }  # fmt: skip
    settings = resolve(DefendSettings, config, flags, "mid defend")
    if out.exists():
        raise ParameterError(f"mid defend: `--out` {out} exists, and none is ever overwritten. Choose a new name.")
    table = read_table(settings.data)
    X, y = take_response(table, settings.response, settings.data)
    columns = check_columns(settings.sensitive, X, settings.data)
    bins = _BINS if continuous(X, columns) and binnable(X, columns) else None
    check_values(columns, X, settings.data, bins)
    check_finite(X, settings.data)
    _check_response(settings, y)
    order = np.random.default_rng([settings.seed, 11]).permutation(len(X))
    cut = round(settings.holdout * len(X))
    fresh, train = np.sort(order[:cut]), np.sort(order[cut:])
    if len(train) < _LEAST_TRAIN or not cut:
        raise ParameterError(
            f"mid defend: --holdout must leave at least {_LEAST_TRAIN} records to train on and one to audit; "
            f"{settings.holdout:g} of the {len(X)} of {settings.data} leaves {len(train)} and {cut}."
        )
    for part in (train, fresh):
        refuse_ambiguous(table.iloc[part], settings.data)
    model = _fitted(settings, X.iloc[train], y[train], columns)
    attribute = SensitiveAttribute.of(X, columns, bins=bins)
    utility, constant = utility_of(model, attribute, Records(X.iloc[fresh], y[fresh]), settings.seed)
    last = model.steps[-1][1]
    information = getattr(last, "information_", None)
    out.mkdir(parents=True)
    written = write_model(model, out)
    halves = {name: out / f"{name}{settings.data.suffix.lower()}" for name in ("train", "fresh")}
    write_table(table.iloc[train], halves["train"])
    write_table(table.iloc[fresh], halves["fresh"])
    write_json(settings.model_dump(mode="json"), out / "settings.json")
    flagged = [word for c in columns for word in ("--sensitive", c)] + (["--bins", str(bins)] if bins else [])
    files = (written, halves["fresh"], "--train", halves["train"])
    command = ("mid", "audit", *files, *flagged, "--response", settings.response, "--out", out / "audit")
    if cut < LEAST_FRESH:
        say(f"{cut} records are kept, and mid audit needs {LEAST_FRESH}: raise --holdout, or get more fresh records.")
    say(f"Now: {shlex.join(map(str, command))}")
    if as_json:
        print_json({"utility": utility, "utility of a constant": constant, "information": information})
    else:
        said = "" if information is None else f", {information:.3f} nats of a record in one answer"
        typer.echo(f"utility on fresh records {utility:.3f}, of a constant {constant:.3f}{said}")


def _check_response(settings: Any, y: Any) -> None:
    """Refuse labels where numbers are learned, and text among numbers anywhere."""
    from mid.cli._checks import check_text, told_text

    if settings.defence not in ("linear", "linear-attribute"):
        check_text(y, settings.response, settings.data)
    elif y.dtype.kind not in "fiu":
        raise ParameterError(
            f"mid defend: {settings.defence} needs a numeric --response, and "
            f"{told_text(y, settings.response, settings.data)} Use --defence tree, drop or network for labels."
        )


def _fitted(settings: Any, X: Any, y: Any, columns: list[str]) -> Any:
    """Encode the table and fit the chosen model on it, in one pipeline."""
    from sklearn.pipeline import make_pipeline

    from mid.cli._checks import of_classes
    from mid.defences.encoding import encoder_for, own_columns
    from mid.defences.linear import MIDLinearRegression
    from mid.defences.tree import MIDDecisionTreeClassifier, MIDDecisionTreeRegressor, SensitivePenalty

    labels = of_classes(y)
    encoder = encoder_for(X).fit(X)
    own = own_columns(encoder, columns)
    seed, lam = settings.seed, settings.lam
    if settings.defence == "tree":
        tree = MIDDecisionTreeClassifier if labels else MIDDecisionTreeRegressor
        last: Any = tree(SensitivePenalty(lam), sensitive_features=own, max_depth=settings.max_depth, random_state=seed)
    elif settings.defence == "network":
        from mid.torch import MIDClassifier, MIDRegressor

        last = (MIDClassifier if labels else MIDRegressor)(lam, random_state=seed)
    elif settings.defence == "linear":
        last = MIDLinearRegression(lam, random_state=seed)
    elif settings.defence == "linear-attribute":
        last = MIDLinearRegression(lam, variant="attribute", sensitive_features=own, random_state=seed)
    else:
        return _dropped(encoder, own, X, y, labels=labels)
    return make_pipeline(encoder, last).fit(X, y)


def _dropped(encoder: Any, own: list[int], X: Any, y: Any, *, labels: bool) -> Any:
    """Fit a plain linear model that never sees the attribute."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline

    keep = [j for j in range(len(encoder.get_feature_names_out())) if j not in own]
    if not keep:
        raise ParameterError("mid defend: --defence drop needs at least one column that is not sensitive.")
    last = LogisticRegression(max_iter=1000) if labels else LinearRegression()
    return make_pipeline(encoder, make_column_transformer(("passthrough", keep)), last).fit(X, y)
