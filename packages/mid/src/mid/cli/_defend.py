"""``mid defend``: train a defended model on a table, and keep records aside to audit it with."""

import pathlib
from typing import Annotated, Any

import typer

from infocore.errors import ParameterError
from mid.cli._app import Config, Json, Seed, app, print_json, say
from mid.cli._audit import Response, Sensitive, columns_of, of_classes

__all__ = ["defend"]


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
    from mid.auditing.utility import utility_of
    from mid.cli._models import write_model
    from mid.cli._settings import DefendSettings, resolve
    from mid.cli._tables import read_table, take_response

    flags = {
        "data": data, "sensitive": sensitive, "response": response, "defence": defence, "lam": lam,
        "max_depth": max_depth, "holdout": holdout, "seed": seed,
    }  # fmt: skip
    settings = resolve(DefendSettings, config, flags, "mid defend")
    if out.exists():
        raise ParameterError(f"mid defend: `--out` {out} exists, and none is ever overwritten. Choose a new name.")
    table = read_table(settings.data)
    X, y = take_response(table, settings.response, settings.data)
    columns = columns_of(settings.sensitive, X, settings.data)
    order = np.random.default_rng([settings.seed, 11]).permutation(len(X))
    cut = round(settings.holdout * len(X))
    fresh, train = np.sort(order[:cut]), np.sort(order[cut:])
    model = _fitted(settings, X.iloc[train], y[train], columns)
    attribute = SensitiveAttribute.of(X, columns)
    utility, constant = utility_of(model, attribute, Records(X.iloc[fresh], y[fresh]), settings.seed)
    last = model.steps[-1][1]
    information = getattr(last, "information_", None)
    out.mkdir(parents=True)
    written = write_model(model, out)
    table.iloc[train].to_csv(out / "train.csv", index=False)
    table.iloc[fresh].to_csv(out / "fresh.csv", index=False)
    write_json(settings.model_dump(mode="json"), out / "settings.json")
    flagged = " ".join(f"--sensitive {c!r}" for c in columns)
    say(
        f"Now: mid audit {written} {out}/fresh.csv --train {out}/train.csv {flagged} "
        f"--response {settings.response!r} --out {out}/audit"
    )
    if as_json:
        print_json({"utility": utility, "utility of a constant": constant, "information": information})
    else:
        said = "" if information is None else f", {information:.3f} nats of a record in one answer"
        typer.echo(f"utility on fresh records {utility:.3f}, of a constant {constant:.3f}{said}")


def _fitted(settings: Any, X: Any, y: Any, columns: list[str]) -> Any:
    """Encode the table and fit the chosen model on it, in one pipeline."""
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    from mid.defences.encoding import encoder_for, own_columns
    from mid.defences.linear import MIDLinearRegression
    from mid.defences.tree import MIDDecisionTreeClassifier, SensitivePenalty

    encoder = encoder_for(X).fit(X)
    own = own_columns(encoder, columns)
    seed, lam = settings.seed, settings.lam
    if settings.defence == "tree":
        last: Any = MIDDecisionTreeClassifier(
            SensitivePenalty(lam), sensitive_features=own, max_depth=settings.max_depth, random_state=seed
        )
    elif settings.defence == "network":
        from mid.torch import MIDClassifier, MIDRegressor

        last = (MIDClassifier if of_classes(y) else MIDRegressor)(lam, random_state=seed)
    elif y.dtype.kind not in "fiu":
        raise ParameterError(
            f"mid defend: {settings.defence} needs a numeric --response; use --defence tree or network for labels."
        )
    elif settings.defence == "linear":
        last = MIDLinearRegression(lam, random_state=seed)
    elif settings.defence == "linear-attribute":
        last = MIDLinearRegression(lam, variant="attribute", sensitive_features=own, random_state=seed)
    else:
        from sklearn.compose import make_column_transformer

        keep = [j for j in range(len(encoder.get_feature_names_out())) if j not in own]
        return make_pipeline(encoder, make_column_transformer(("passthrough", keep)), LinearRegression()).fit(X, y)
    return make_pipeline(encoder, last).fit(X, y)
