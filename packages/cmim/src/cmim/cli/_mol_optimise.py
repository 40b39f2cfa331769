"""`cmim optimise`: from a molecule to ones with a better score, by a search of the codes."""

import pathlib
from typing import Annotated, Any

import numpy as np
import typer

from cmim.cli._app import Json, Quiet, app, check_in, check_out, facts_file, print_json, say
from infocore.errors import ParameterError

__all__ = ["optimise"]

_SCORES = "qed, logp, plogp (penalised logP), sa (ease of synthesis, less is easier), weight, or similarity"
Option = typer.Option


@app.command()
def optimise(
    ctx: typer.Context,
    smiles: Annotated[str, typer.Argument(help="Molecule to start from.", metavar="SMILES")],
    score: Annotated[str, Option(help=f"What to make larger: {_SCORES} to --reference.")],
    out: Annotated[
        pathlib.Path | None, Option("--out", "-o", help="Where to write the best: .csv, or .png for a grid.")
    ] = None,
    run: Annotated[
        pathlib.Path | None, Option(help="Folder that `cmim train` wrote; if not given, the package's own model.")
    ] = None,
    reference: Annotated[str | None, Option(help="SMILES, for --score similarity.")] = None,
    min_similarity: Annotated[
        float | None, Option(min=0, max=1, help="Least similarity to the start, of what is allowed.")
    ] = None,
    iterations: Annotated[int, Option(min=1, help="Of CMA-ES.")] = 50,
    population: Annotated[int, Option(min=2, help="Codes an iteration.")] = 20,
    sigma: Annotated[
        float, Option(help="First deviation of the search, in deviations of the codes of training molecules.")
    ] = 0.5,
    n: Annotated[int, Option("-n", min=1, help="Best molecules to write.")] = 20,
    baseline: Annotated[
        bool, Option("--baseline/--no-baseline", help="Whether to draw as many codes at random too.")
    ] = True,
    seed: Annotated[int, Option(min=0, help="Of everything random.")] = 0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Search the codes for molecules with a better score, beside as many codes drawn at random around the start.

    For example: cmim optimise "CC(=O)Oc1ccccc1C(=O)O" --score qed --min-similarity 0.4 --out best.csv
    """
    from cmim.cli import _config
    from cmim.cli._mol_config import open_model
    from cmim.molecules.search.optimisation import optimise as search
    from cmim.molecules.search.optimisation import random_search
    from cmim.molecules.search.scores import at_least, named_score

    check_in(ctx, "--run", run)
    if out is not None:
        check_out(out, ".csv", ".png")
    if not (np.isfinite(sigma) and sigma > 0):
        raise ParameterError(f"cmim optimise: --sigma must be positive; got {sigma!r}.")
    function = named_score(score, reference)
    name, embedder = open_model(run)
    found = embedder.embed([smiles])
    if not found.valid[0]:
        raise ParameterError(
            f"cmim optimise: SMILES must be a molecule that the model can read; {smiles!r}: {found.reasons[0]}."
        )
    home = found.molecules.smiles[0]
    facts: dict[str, Any] = {
        "command": "optimise", "run": name, "smiles": smiles, "score": score, "reference": reference,
        "min_similarity": min_similarity, "iterations": iterations, "population": population, "sigma": sigma,
        "seed": seed,
    }  # fmt: skip
    settings: dict[str, Any] = {
        "sigma": sigma * (np.sqrt(np.diag(embedder.code_law_.cov)) + 1e-12), "population": population,
        "iterations": iterations, "seed": seed,
        "constraint": None if min_similarity is None else at_least("similarity", min_similarity, home),
    }  # fmt: skip
    start = float(np.asarray(function([home]))[0])
    results: dict[str, Any] = {}
    try:
        told = _progress("CMA-ES", iterations, quiet)
        results["search"] = search(embedder, found.values, function, **settings, callback=told)
        if baseline:
            told = _progress("at random", iterations, quiet)
            results["random"] = random_search(embedder, found.values, function, **settings, callback=told)
    except BaseException as e:
        partial = getattr(e, "partial", None)
        if partial is not None:
            results["random" if "search" in results else "search"] = partial
        if out is not None and any(result.best for result in results.values()):
            _write(out, home, results, n)
            _config.write_toml({**facts, "stopped": f"{type(e).__name__}: {e}"}, facts_file(out))
            say(f"stopped early; the best found before is in {out}")
        if isinstance(e, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise
    if out is not None:
        _write(out, home, results, n)
        _config.write_toml(facts, facts_file(out))
    if as_json:
        answer = {what: result.to_dict(n) for what, result in results.items()}
        print_json({**facts, "out": out, "start_score": start, **answer})
        return
    typer.echo(f"start: {home}, {score} {start:.4f}; its code, by {name}, {_told(results['search'].runs[0].start)}")
    for result in results.values():
        (one,) = result.runs
        best = "no molecule that is allowed" if result.best is None else _told(result.best)
        typer.echo(
            f"{result.method}: {best}; {result.decodes} decodes, {one.valid} valid, {len(one.molecules)} distinct, "
            f"{one.allowed} allowed"
        )


def _progress(name: str, iterations: int, quiet: bool) -> Any:
    def told(done: int, best: float) -> None:
        if not quiet and (done == iterations or done % max(1, iterations // 5) == 0):
            say(f"  {name}: {done} of {iterations}, best {best:.4g}")

    return told


def _told(found: Any) -> str:
    if found is None:
        return "decodes to no molecule"
    return f"{found.smiles} {found.score:.4f}" if found.allowed else f"{found.smiles}, which is not allowed"


def _write(out: pathlib.Path, home: str, results: dict[str, Any], n: int) -> None:
    """Write the best molecules of each method, or draw those of the search beside the start."""
    from cmim.cli._mol_files import draw, write_table
    from cmim.molecules.search.scores import named_score

    near = named_score("similarity", home)
    rows: list[tuple[Any, ...]] = []
    for result in results.values():
        top = result.top(n)
        values = np.asarray(near([each.smiles for each in top])).round(4).tolist() if top else []
        told = zip(top, values, strict=True)
        rows += [(result.method, i + 1, e.smiles, e.score, v, e.evaluation) for i, (e, v) in enumerate(told)]
    if out.suffix.lower() == ".csv":
        write_table(out, ("method", "rank", "smiles", "score", "similarity", "evaluation"), rows)
        return
    best = [row for row in rows if row[0] == results["search"].method]
    legends = [f"{score:.3f}, similarity {value:.2f}" for _, _, _, score, value, _ in best]
    draw(out, [home, *(row[2] for row in best)], ["start", *legends])
