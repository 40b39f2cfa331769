"""`cmim evaluate` of molecules: errors of predicted properties, beside fingerprints, descriptors and the mean."""

import pathlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import typer

from cmim.cli._app import print_json, progress, say
from cmim.cli._mol_config import open_model
from cmim.evaluation import check_seed
from cmim.molecules.properties.datasets import PropertySet, _AbsentColumnError, property_set, read_properties
from cmim.molecules.properties.descriptors import morgan_counts, rdkit_descriptors
from cmim.molecules.properties.prediction import PropertyScores, evaluate_properties
from cmim.molecules.properties.splits import parents, random_folds, scaffold_folds
from infocore.errors import DataError, ParameterError, TooFewSamplesError

__all__ = ["evaluate_molecules"]

_KINDS: tuple[tuple[Literal["latent", "informative"], Literal["own", "zero"]], ...] = (
    ("latent", "own"),
    ("informative", "own"),
    ("informative", "zero"),
)


def evaluate_molecules(
    runs: Sequence[pathlib.Path],
    data: str,
    *,
    column: str,
    targets: Sequence[str],
    split: str,
    folds: int,
    models: Sequence[str],
    limit: int,
    level: float,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Predict properties by nested cross-validation, from embeddings and from what needs no training."""
    if (pathlib.Path(data) / "config.toml").is_file():
        raise ParameterError(f"cmim evaluate: {data} is a run; give what to predict after it: esol, or a table.")
    if len({run.resolve() for run in runs}) < len(runs):
        raise ParameterError("cmim evaluate: a run is named twice. Name each once.")
    check_seed(seed, "cmim evaluate")
    found, left_out = _rows(_open(data, column, targets), limit, seed)
    embedders = dict(open_model(run) for run in runs or [None])
    features: dict[str, Any] = {}
    for name, embedder in embedders.items():
        prefix = f"{name}: " if len(embedders) > 1 else ""
        for kind, code in _KINDS:
            told = kind + (", zero code" if code == "zero" else "")
            embedded = embedder.embed(found.smiles, kind, code=code)
            if not embedded.valid.all():
                rows = np.flatnonzero(embedded.valid)
                reasons = embedded.molecules.report()["reasons"]
                left_out.update({f"{name} cannot read: {kind}": count for kind, count in reasons.items()})
                found = found.take(rows)
                features = {known: values[rows] for known, values in features.items()}
            features[prefix + told] = embedded.values[embedded.valid]
    descriptors = rdkit_descriptors(found.smiles)
    features |= {"morgan": morgan_counts(found.smiles), "rdkit": descriptors.values}
    for reason, count in left_out.items():
        say(f"left out: {reason} ({count})")
    try:
        if split == "random":
            numbers = random_folds(len(found), folds, seed, groups=parents(found.smiles))
        else:
            numbers = scaffold_folds(found.smiles, folds, seed)
    except ParameterError as e:  # of the number of folds
        what = "molecules apart from mirror images and salts" if split == "random" else "scaffolds"
        raise TooFewSamplesError(
            f"cmim evaluate: {len(found)} molecules are left, and there are fewer {what} than --folds {folds}. Take "
            "fewer folds, 3 at least, or more molecules."
        ) from e
    if not quiet:
        say(f"{data}: {len(found)} molecules, {folds} folds, {split} split")
    scores = evaluate_properties(
        features, found.targets, kind=found.kind, folds=numbers, models=models, level=level, seed=seed,
        progress=progress(quiet),
    )  # fmt: skip
    _print(scores, found, list(embedders), {
        "command": "evaluate", "data": data, "source": found.source, "tasks": list(found.tasks), "units": found.units,
        "split": split, "left_out": dict(left_out), "descriptors_left_out": dict(descriptors.left_out),
    }, as_json)  # fmt: skip


def _open(data: str, column: str, targets: Sequence[str]) -> PropertySet:
    path = pathlib.Path(data)
    if not path.exists():
        if targets:
            raise DataError(f"cmim evaluate: there is no {data}; --target names a column of a table of yours.")
        return property_set(data)
    if path.suffix.lower() not in (".csv", ".tsv", ".tab", ".txt", ".gz"):
        raise ParameterError(
            f"cmim evaluate: {data} must be a table of text: .csv, .tsv, .tab or .txt, each also .gz. Write it as one."
        )
    if not targets:
        raise ParameterError(f"cmim evaluate: name the column of {data} to predict by --target.")
    try:
        return read_properties(path, smiles_column=column, target=targets[0] if len(targets) == 1 else targets)
    except _AbsentColumnError as e:
        flag = "--smiles-column" if column in e.absent else "--target"
        raise ParameterError(f"cmim evaluate: {flag} must name a column of the table: {e.told}") from e


def _rows(found: PropertySet, limit: int, seed: int) -> tuple[PropertySet, Counter[str]]:
    """Leave out what has no target or cannot be read, and what is beyond a limit, and count it."""
    left_out: Counter[str] = Counter()
    problems = found.problems()
    first: dict[str, tuple[int, str]] = {}
    for row, reason in problems.items():
        kind = reason.split(":")[0].split(" SMILES ")[0]
        kind = f"{kind} is no number" if kind in found.tasks and reason != "no target" else kind
        left_out[kind] += 1
        first.setdefault(kind, (row, reason))
    good = np.setdiff1d(np.arange(len(found)), list(problems))
    if len(good) > limit:
        left_out["rows beyond --limit"] = len(good) - limit
        good = np.sort(np.random.default_rng(seed).permutation(good)[:limit])
    if not len(good):
        told = "; ".join(f"{kind} ({left_out[kind]}), as row {row}: {said}" for kind, (row, said) in first.items())
        raise DataError(
            f"cmim evaluate: {found.source} has no row with a molecule and a target: {told}. Targets are numbers, and "
            "classes 0 and 1."
        )
    return found.take(good), left_out


def _print(
    scores: PropertyScores, found: PropertySet, names: Sequence[str], facts: dict[str, Any], as_json: bool
) -> None:
    kinds = [name for name in scores.scores if name not in ("mean", "morgan", "rdkit")]
    pairs = [(kind, other) for kind in kinds for other in ("morgan", "rdkit") if "zero" not in kind]
    pairs += [(kind, f"{kind}, zero code") for kind in kinds if f"{kind}, zero code" in kinds]
    compared = [scores.compare(*pair) for pair in pairs]
    ratios = {kind: scores.modelability(kind) for kind in kinds} if found.kind == "regression" else {}
    if as_json:
        more = {
            "models": list(names), **scores.to_dict(),
            "differences": [_plain(each) for each in compared],
            "modelability": {kind: _numbers(ratio) for kind, ratio in ratios.items()},
        }  # fmt: skip
        print_json({**facts, **more})
        return
    typer.echo(
        f"{found.name}, {', '.join(found.tasks)}{f' ({found.units})' if found.units else ''}; {', '.join(names)}"
    )
    typer.echo(scores.table())
    for each in compared:
        typer.echo(str(each))
    for kind, ratio in ratios.items():
        typer.echo(f"mean squared error of morgan over that of {kind}: {ratio}")


def _plain(compared: Any) -> dict[str, Any]:
    said = {name: getattr(compared, name) for name in ("a", "b", "metric", "model", "level")}
    return {**said, **_numbers(compared.difference)}


def _numbers(score: Any) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high}
