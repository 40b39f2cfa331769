"""`cmim reconstruct`, `sample` and `interpolate`: grids of images, or rows of numbers, out of a trained model."""

import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from cmim.cli._app import (
    IMAGE_SETS,
    IMAGES,
    MOLECULE_SETS,
    MOLECULES,
    Column,
    Json,
    Places,
    Quiet,
    app,
    check_in,
    check_out,
    facts_file,
    print_json,
    refuse,
    run_and_data,
    say,
)
from infocore.errors import DataError, ParameterError

__all__ = ["interpolate", "reconstruct", "sample"]

Out = Annotated[
    pathlib.Path,
    typer.Option("--out", "-o", help="File to write: .png for a grid; .npy for the numbers, .csv for the molecules."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of what is drawn or chosen.")]
Known = Annotated[
    str | None,
    typer.Option(help="Molecules that are not new, such as those trained on.", rich_help_panel=MOLECULES),
]


@app.command()
def reconstruct(
    ctx: typer.Context,
    places: Places,
    out: Out,
    n: Annotated[int | None, typer.Option("-n", min=1, help="Samples, at random; 16, or all for a .csv.")] = None,
    seed: Seed = 0,
    smiles_column: Column = "smiles",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Put samples beside what the model makes of them.

    A grid has the samples above, a .npy file first, channel by channel. Of molecules, the share that comes back exactly
    is told, with its interval.
    """
    from cmim.cli import _config

    run, data = run_and_data(ctx, places)
    if run is None or _config.is_molecules(run):
        from cmim.cli._mol_pictures import reconstruct_molecules

        refuse(ctx, IMAGES)
        reconstruct_molecules(run, data, out, n=n, seed=seed, column=smiles_column, as_json=as_json)
        return
    refuse(ctx, MOLECULES)
    check_out(out, ".png", ".npy")
    embedder, rows, shape = _chosen(run, data, n or 16, seed)
    back = embedder.inverse_transform(embedder.transform(rows))
    facts = {"command": "reconstruct", "run": str(run), "data": data, "n": len(rows), "seed": seed}
    mse = float(np.square(back - rows).mean())
    log_likelihood = float(embedder.score(rows))
    _write(
        run, np.stack([rows, back]), shape, out, {**facts, "mse": mse, "log_likelihood": log_likelihood}, quiet=quiet
    )
    _told(out, {**facts, "mse": mse, "log_likelihood": log_likelihood}, as_json)


@app.command()
def sample(
    ctx: typer.Context,
    out: Out,
    run: Annotated[
        pathlib.Path | None,
        typer.Argument(help="Folder that `cmim train` wrote; if not given, the package's own model of molecules."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Samples.")] = 64,
    sampler: Annotated[
        Literal["gaussian", "gmm", "prior"] | None, typer.Option(help="Law of the codes: gmm; of molecules prior.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Factor of the deviations: 1; of molecules 0.7.")] = None,
    seed: Seed = 0,
    around: Annotated[
        str | None, typer.Option(help="A SMILES, around whose code to draw.", rich_help_panel=MOLECULES)
    ] = None,
    radius: Annotated[
        float, typer.Option(help="Deviation from that code, in each dimension.", rich_help_panel=MOLECULES)
    ] = 1.0,
    beams: Annotated[
        int,
        typer.Option(
            min=1,
            help="Beams of each code, of which the likeliest molecule is taken; 1 is greedy.",
            rich_help_panel=MOLECULES,
        ),
    ] = 1,
    known: Known = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw new samples from a law of the codes, or around a molecule.

    Of molecules, --out can also be .smi, which has one line a sample, and validity, uniqueness and novelty are told.
    """
    from cmim.cli import _config

    check_in(ctx, "RUN", run)
    if run is None or _config.is_molecules(run):
        from cmim.cli._mol_pictures import sample_molecules

        check_in(ctx, "--known", known, MOLECULE_SETS)

        refuse(ctx, IMAGES)
        law = {"sampler": sampler or "prior", "temperature": 0.7 if temperature is None else temperature}
        given = {name for name in ("sampler", "temperature", "radius") if _was_given(ctx, name)}
        sample_molecules(
            run, out, n=n, law=law, around=around, radius=radius, beams=beams, given=given, known=known, seed=seed,
            quiet=quiet, as_json=as_json,
        )  # fmt: skip
        return
    refuse(ctx, MOLECULES)
    check_out(out, ".png", ".npy")
    sampler, temperature = sampler or "gmm", 1.0 if temperature is None else temperature
    _, embedder = _config.open_run(run)
    made = embedder.sample(n, sampler, temperature=temperature, rng=seed)
    facts = {
        "command": "sample", "run": str(run), "n": n, "sampler": sampler, "temperature": temperature, "seed": seed,
    }  # fmt: skip
    side = int(np.ceil(np.sqrt(n)))
    picture = out.suffix.lower() == ".png"
    grid = np.concatenate([made, np.zeros((-n % side, made.shape[1]), made.dtype)]) if picture else made
    grid = grid.reshape(-1, side, made.shape[1]) if picture else made[None]
    _write(run, grid, tuple(_config.run_source(run).get("shape", ())), out, facts, quiet=quiet)
    _told(out, facts, as_json)


@app.command()
def interpolate(
    ctx: typer.Context,
    out: Out,
    places: Annotated[
        list[str] | None,
        typer.Argument(help="RUN, and DATA of images to take pairs of; for molecules, RUN or none.", metavar="[RUN]"),
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of samples, chosen at random.", rich_help_panel=IMAGES)] = 4,
    n: Annotated[int, typer.Option("-n", min=2, help="Points between them, the ends included.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of what is chosen.", rich_help_panel=IMAGES)] = 0,
    start: Annotated[str | None, typer.Option("--from", help="A SMILES.", rich_help_panel=MOLECULES)] = None,
    end: Annotated[str | None, typer.Option("--to", help="Another.", rich_help_panel=MOLECULES)] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw the way from one sample to another, on the line between their codes.

    Images: cmim interpolate RUN DATA; molecules: cmim interpolate [RUN] --from CCO --to c1ccccc1
    """
    from cmim.cli import _config

    given = places or []
    run = pathlib.Path(given[0]) if given else None
    check_in(ctx, "RUN", run)
    if run is None or _config.is_molecules(run):
        from cmim.cli._mol_pictures import interpolate_molecules

        refuse(ctx, IMAGES)
        if start is None or end is None or len(given) > 1:
            raise ParameterError("cmim interpolate: for molecules give [RUN] --from SMILES --to SMILES.")
        interpolate_molecules(run, start, end, out, n=n, as_json=as_json)
        return
    refuse(ctx, MOLECULES)
    check_out(out, ".png", ".npy")
    if len(given) != 2:
        raise ParameterError(f"cmim interpolate: for images give RUN DATA; got {' '.join(given)}.")
    data = given[1]
    check_in(ctx, "DATA", data, IMAGE_SETS)
    embedder, rows, shape = _chosen(run, data, 2 * pairs, seed)
    if len(rows) < 2:
        raise ParameterError(f"cmim interpolate: {data} must have at least 2 samples; it has {len(rows)}.")
    rows = rows[: len(rows) // 2 * 2]
    way = embedder.interpolate(rows[::2], rows[1::2], n)
    facts = {"command": "interpolate", "run": str(run), "data": data, "pairs": len(way), "n": n, "seed": seed}
    _write(run, way, shape, out, facts, quiet=quiet)
    _told(out, facts, as_json)


def _was_given(ctx: typer.Context, name: str) -> bool:
    return getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"


def _chosen(run: pathlib.Path, data: str, n: int, seed: int) -> tuple[Any, Any, tuple[int, ...]]:
    """Open a run and some data, and choose rows at random, reading no more than they need."""
    from cmim.cli import _config

    settings, embedder = _config.open_run(run)
    shape = tuple(_config.run_source(run).get("shape", ()))
    source = _config.open_like(settings, data, shape)
    wanted = set(np.random.default_rng(seed).permutation(len(source))[:n].tolist())
    found: list[Any] = []
    at = 0
    for batch in source.batches(1024):
        found += [row for i, row in enumerate(batch, start=at) if i in wanted]
        at += len(batch)
    rows = _config.flat(np.stack(found))
    order = np.random.default_rng(seed).permutation(len(rows))
    return embedder, rows[order], shape or source.shape


def _write(
    run: pathlib.Path,
    rows: NDArray[np.float32],
    shape: tuple[int, ...],
    out: pathlib.Path,
    facts: dict[str, Any],
    *,
    quiet: bool = False,
) -> None:
    """Write (r, c, n_features) as a grid of r x c images, or as rows of numbers; and the facts beside it."""
    from cmim.cli import _config
    from cmim.data.rows import save_rows

    if out.suffix.lower() == ".npy":
        save_rows(out, [np.ascontiguousarray(rows.reshape(-1, rows.shape[-1]), np.float32)])
    else:
        low, high = _config.run_source(run).get("range", (0.0, 1.0))
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        beyond = float(np.mean((rows < low - 1e-3) | (rows > high + 1e-3)))
        if beyond and not quiet:
            told = f"{100 * beyond:.1f} % of the values are beyond {low:g} to {high:g}, the range of the training data"
            say(f"{told}; they are drawn as its ends")
        _write_png((rows - low) / max(high - low, 1e-12), _config.image_shape(shape), out)
    _config.write_toml(facts, facts_file(out))


def _write_png(rows: NDArray[np.float32], image: tuple[int, int, int] | None, out: pathlib.Path) -> None:
    from PIL import Image

    if image is None:
        raise ParameterError("cmim: the samples are no images; write their numbers to a .npy file.")
    channels, height, width = image
    tiles = np.pad(rows.reshape(*rows.shape[:2], channels, height, width), [(0, 0)] * 3 + [(1, 1)] * 2)
    grid = tiles.transpose(0, 3, 1, 4, 2).reshape(rows.shape[0] * (height + 2), rows.shape[1] * (width + 2), channels)
    picture = Image.fromarray(np.round(255 * np.clip(grid, 0, 1)).astype(np.uint8).squeeze())
    scale = max(1, 64 // max(height, width))
    picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)
    part = out.with_name(f".{out.name}.part")
    try:
        picture.save(part, format="PNG")
        part.replace(out)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise DataError(f"cmim: {out} cannot be written: {e}") from e


def _told(out: pathlib.Path, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({**facts, "out": out})
        return
    told = ", ".join(f"{name} {facts[name]:.4g}" for name in ("mse", "log_likelihood") if name in facts)
    typer.echo(f"{out}: {facts['command']}" + (f", {told}" if told else ""))
