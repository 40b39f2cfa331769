"""`cmim evaluate`: what an embedding is good for, beside pixels, principal components and an untrained encoder."""

import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import typer

from cmim.cli._app import (
    IMAGE_SETS,
    IMAGES,
    MOLECULES,
    Json,
    Quiet,
    app,
    check_in,
    print_json,
    progress,
    refuse,
    say,
)
from infocore.errors import ParameterError

__all__ = ["evaluate"]

_SHOWN = {"knn_euclidean": "k-NN, Euclidean", "knn_cosine": "k-NN, cosine", "linear": "linear", "mlp": "MLP"}
_TESTS = {"fashion": "fashion-test"}
_SETS = ("esol", "freesolv", "lipophilicity", "tox21", "hiv", "b3db", "b3db-logbb")

Option = typer.Option


@app.command()
def evaluate(
    ctx: typer.Context,
    places: Annotated[
        list[str],
        typer.Argument(
            help="Folders that `cmim train` wrote. For molecules: such folders, or none for the package's own model, "
            f"and then a table, or: {', '.join(_SETS)}.",
            metavar="RUN... [DATA]",
        ),
    ],
    limit: Annotated[int, Option(min=50, help="At most so many rows of each part, at random.")] = 10_000,
    level: Annotated[float, Option(min=0.5, max=0.999, help="Coverage of the intervals.")] = 0.95,
    test: Annotated[
        str | None,
        Option(help="Data to test on; otherwise rows of the training data.", rich_help_panel=IMAGES),
    ] = None,
    mlp: Annotated[
        bool,
        Option("--mlp/--no-mlp", help="Whether to train a network of 400 units too.", rich_help_panel=IMAGES),
    ] = True,
    information: Annotated[
        bool,
        Option(
            "--information/--no-information",
            help="Whether to estimate I(z; y) and I(x; z).",
            rich_help_panel=IMAGES,
        ),
    ] = True,
    molecules: Annotated[
        bool, Option("--molecules", help="Predict properties of molecules.", rich_help_panel=MOLECULES)
    ] = False,
    smiles_column: Annotated[
        str, Option(help="Column of SMILES, of a table of your own.", rich_help_panel=MOLECULES)
    ] = "smiles",
    target: Annotated[
        list[str] | None,
        Option(help="Column to predict, of such a table; for classes repeatable.", rich_help_panel=MOLECULES),
    ] = None,
    split: Annotated[
        Literal["random", "scaffold"],
        Option(help="What no two folds share: molecules, or scaffolds.", rich_help_panel=MOLECULES),
    ] = "random",
    folds: Annotated[int, Option(min=3, help="Outer folds.", rich_help_panel=MOLECULES)] = 5,
    models: Annotated[
        str, Option(help="Of ridge, svr, forest and mlp, with commas.", rich_help_panel=MOLECULES)
    ] = "ridge,forest",
    seed: Annotated[int, Option(min=0, help="Of folds, models and resamples.", rich_help_panel=MOLECULES)] = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Scores of simple models on the embedding, with intervals, beside what needs no training.

    Images: accuracies of classifiers; with several runs, on several data sets, z-scores and ranks of the features too.

    Molecules: errors of predicted properties by nested cross-validation, beside Morgan counts, descriptors and mean:
    cmim evaluate esol --molecules, or cmim evaluate RUN data.csv --target y
    """
    from cmim.cli import _config
    from cmim.evaluation import evaluate_all
    from cmim.ranking import rank_models

    runs = [pathlib.Path(place) for place in places]
    named = places[-1] in _SETS and not runs[-1].exists()
    of_molecules = molecules or target or named or _config.is_molecules(runs[0])
    for run in runs[:-1] if of_molecules else runs:
        check_in(ctx, "RUN", run)
    if of_molecules:
        check_in(ctx, "DATA", places[-1], _SETS)
        from cmim.cli._mol_evaluate import evaluate_molecules

        refuse(ctx, IMAGES)
        evaluate_molecules(
            runs[:-1], places[-1], column=smiles_column, targets=target or [], split=split, folds=folds,
            models=models.split(","), limit=limit, level=level, seed=seed, quiet=quiet, as_json=as_json,
        )  # fmt: skip
        return
    refuse(ctx, MOLECULES)
    check_in(ctx, "--test", test, IMAGE_SETS)
    if len({run.resolve() for run in runs}) < len(runs):
        raise ParameterError("cmim evaluate: a run is named twice. Name each once.")
    found: dict[str, Any] = {}
    for run in runs:
        name = str(run)
        features, (train_y, test_y), told, extra = _features(run, test, limit, information, quiet)
        if not quiet:
            say(f"{name}: {told}")
        scores = evaluate_all(features, train_y, test_y, level=level, mlp=mlp, progress=progress(quiet))
        found[name] = {"rows": told, "scores": {k: v.to_dict() for k, v in scores.items()}, **extra}
    answer: dict[str, Any] = {"command": "evaluate", "level": level, "runs": found}
    names = [name for name in _SHOWN if mlp or name != "mlp"]
    if len(runs) > 1:
        answer["ranks"] = {}
        for metric in names:
            table = {r: {f: s[metric]["value"] for f, s in found[r]["scores"].items()} for r in found}
            answer["ranks"][metric] = rank_models(table).to_dict()
    if as_json:
        print_json(answer)
        return
    _print(answer, names)


def _features(
    run: pathlib.Path, test: str | None, limit: int, information: bool, quiet: bool
) -> tuple[Any, Any, str, Any]:
    """Return features of both parts, their labels, what the parts are, and the information of the codes."""
    from cmim.baselines import baseline_features
    from cmim.cli import _config

    settings, embedder = _config.open_run(run)
    shape = tuple(_config.run_source(run).get("shape", ()))
    source = _config.open_data(settings)
    other = test or (_TESTS.get(settings.data) if settings.holdout == 0 else None)
    sources = [source] if other is None else [source, _config.open_like(settings, other, shape)]
    for each in sources:
        if each.labels is None:
            raise ParameterError(
                f"cmim evaluate: {each.origin} has no labels to evaluate by. Put images in a folder a class, or an IDX "
                "file of labels beside that of images, or name the labels with `label` when training."
            )
        if not quiet:
            say(f"{run}: reads {each.origin}")
    rng = np.random.default_rng(settings.seed)
    whole = _config.flat(source.read())
    if other is not None:
        parts = [whole, _config.flat(sources[1].read())]
        labels = [np.asarray(each.labels) for each in sources]
        told = f"tested on {other}"
    else:
        whole_set = settings.model_copy(update={"limit": None})
        kept, held = _config.split_rows(whole_set, len(source), settings.holdout or 0.2)
        parts, y = [whole[kept], whole[held]], np.asarray(source.labels)
        labels = [y[kept], y[held]]
        told = "tested on rows held out" if settings.holdout else "the encoder has seen the test rows, without labels"
    for i in range(2):
        chosen = np.sort(rng.permutation(len(parts[i]))[:limit])
        parts[i], labels[i] = parts[i][chosen], labels[i][chosen]
    classes = len(np.unique(labels[0]))
    if classes < 2:
        raise ParameterError(
            f"cmim evaluate: {source.origin} must have at least 2 classes to tell apart; it has {classes}."
        )
    told = f"{len(parts[0])} rows to train classifiers, {len(parts[1])} to test, {told}"
    features = {kind: tuple(embedder.transform(x, kind=kind) for x in parts) for kind in ("latent", "informative")}
    features |= baseline_features(parts[0], parts[1], settings.latent_dim, seed=settings.seed)
    return features, labels, told, _information(embedder, parts[1], labels[1]) if information else {}


def _information(embedder: Any, x: Any, y: Any) -> dict[str, Any]:
    import torch

    from cmim.evaluation import information

    with torch.no_grad():
        mu, logvar = embedder.model_.encode(torch.from_numpy(x))
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    z = (mu + (0.5 * logvar).exp() * noise).numpy()
    codes = np.unique(y, return_inverse=True)[1]
    has_noise = embedder.model_.config.objective != "ae"  # without noise I(x; z) has no bound
    try:
        found = information(z if has_noise else mu.numpy(), codes, x if has_noise else None)
    except ValueError as e:  # too few rows, say: the accuracies stand without it
        return {"information": {"note": str(e)}}
    data = None if found.data is None else found.data.to_dict()
    return {"information": {"I(z; y)": found.label.to_dict(), "I(x; z)": data}}


def _print(answer: dict[str, Any], names: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for run, found in answer["runs"].items():
        told = f"{run}: accuracy ± half of Wilson's {100 * answer['level']:.0f} % interval"
        table = Table(title=told, title_justify="left")
        table.add_column("features")
        for name in names:
            table.add_column(_SHOWN[name], justify="right")
        for feature, scores in found["scores"].items():
            cells = [f"{s['value']:.3f} ± {(s['high'] - s['low']) / 2:.3f}" for s in (scores[name] for name in names)]
            table.add_row(feature, *cells)
        console.print(table)
        for what, estimate in found.get("information", {}).items():
            if what == "note":
                console.print(f"information was not estimated: {estimate}", soft_wrap=True, highlight=False)
            elif estimate is not None:
                sign = {"lower": ">= "}.get(estimate["direction"], "")
                console.print(
                    f"{what}: {sign}{estimate['value']:.3f} nats ({estimate['method']})",
                    soft_wrap=True,
                    highlight=False,
                )
    for metric, ranking in answer.get("ranks", {}).items():
        order = sorted(ranking["models"].items(), key=lambda item: item[1]["rank"])
        told = ", ".join(f"{name} {m['rank']:.1f} (z {m['z']:+.2f})" for name, m in order)
        console.print(f"mean rank by {_SHOWN[metric]}: {told}", soft_wrap=True, highlight=False)
