"""`cmim reconstruct`, `sample` and `interpolate`: grids of images, or rows of numbers, out of a trained model."""

import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from cmim.cli._app import Data, Json, Run, app, print_json
from infocore.errors import DataError, ParameterError

__all__ = ["interpolate", "reconstruct", "sample"]

Out = Annotated[pathlib.Path, typer.Option("--out", "-o", help="File to write: .png for a grid, .npy for the numbers.")]
Seed = Annotated[int, typer.Option(min=0, help="Of what is drawn or chosen.")]


@app.command()
def reconstruct(
    run: Run,
    data: Data,
    out: Out,
    n: Annotated[int, typer.Option("-n", min=1, help="Samples, chosen at random.")] = 16,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw samples above what the model makes of them."""
    _, embedder, rows, shape = _chosen(run, data, n, seed, "reconstruct")
    back = embedder.inverse_transform(embedder.transform(rows))
    facts = {"command": "reconstruct", "run": str(run), "data": data, "n": len(rows), "seed": seed}
    mse = float(np.square(back - rows).mean())
    log_likelihood = float(embedder.score(rows))
    _write(np.stack([rows, back]), shape, out, {**facts, "mse": mse, "log_likelihood": log_likelihood})
    _told(out, {**facts, "mse": mse, "log_likelihood": log_likelihood}, as_json)


@app.command()
def sample(
    run: Run,
    out: Out,
    n: Annotated[int, typer.Option("-n", min=1, help="Samples.")] = 64,
    sampler: Annotated[Literal["gaussian", "gmm", "prior"], typer.Option(help="Law of the codes.")] = "gmm",
    temperature: Annotated[float, typer.Option(help="Factor of the deviations.")] = 1.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw new samples from a law of the codes."""
    from cmim.cli import _config

    _, embedder = _config.open_run(run)
    made = embedder.sample(n, sampler, temperature=temperature, rng=seed)
    facts = {
        "command": "sample", "run": str(run), "n": n, "sampler": sampler, "temperature": temperature, "seed": seed,
    }  # fmt: skip
    side = int(np.ceil(np.sqrt(n)))
    grid = np.concatenate([made, np.zeros((-n % side, made.shape[1]), made.dtype)]) if out.suffix == ".png" else made
    _write(grid.reshape(-1, side, made.shape[1]) if out.suffix == ".png" else made[None], _shape(run), out, facts)
    _told(out, facts, as_json)


@app.command()
def interpolate(
    run: Run,
    data: Data,
    out: Out,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs of samples, chosen at random.")] = 4,
    n: Annotated[int, typer.Option("-n", min=2, help="Points between them, the ends included.")] = 10,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw the way from one sample to another, on the line between their codes."""
    _, embedder, rows, shape = _chosen(run, data, 2 * pairs, seed, "interpolate")
    if len(rows) % 2:
        rows = rows[:-1]
    way = embedder.interpolate(rows[::2], rows[1::2], n)
    facts = {"command": "interpolate", "run": str(run), "data": data, "pairs": len(way), "n": n, "seed": seed}
    _write(way, shape, out, facts)
    _told(out, facts, as_json)


def _chosen(run: pathlib.Path, data: str, n: int, seed: int, caller: str) -> tuple[Any, Any, Any, tuple[int, ...]]:
    """Open a run and some data, and choose rows at random, reading no more than they need."""
    from cmim.cli import _config

    settings, embedder = _config.open_run(run)
    source = _config.open_data(settings.model_copy(update={"data": data}))
    wanted = set(np.random.default_rng(seed).permutation(len(source))[:n].tolist())
    found: list[Any] = []
    at = 0
    for batch in source.batches(1024):
        found += [row for i, row in enumerate(batch, start=at) if i in wanted]
        at += len(batch)
    rows = _config.flat(np.stack(found))
    if rows.shape[1] != embedder.model_.config.n_features:
        raise ParameterError(
            f"cmim {caller}: {data} has samples of shape {source.shape}; the model reads "
            f"{embedder.model_.config.n_features} features."
        )
    order = np.random.default_rng(seed).permutation(len(rows))
    return settings, embedder, rows[order], source.shape


def _shape(run: pathlib.Path) -> tuple[int, ...]:
    from cmim.cli import _config

    return tuple(_config.read_toml(run / "config.toml").get("source", {}).get("shape", ()))


def _write(
    rows: NDArray[np.float32], shape: tuple[int, ...], out: pathlib.Path, facts: dict[str, Any]
) -> None:  # fmt: skip
    """Write (r, c, n_features) as a grid of r x c images, or as numbers; and the facts beside it."""
    from cmim.cli import _config
    from cmim.data.rows import save_rows

    if out.suffix == ".npy":
        save_rows(out, [np.ascontiguousarray(rows.reshape(-1, rows.shape[-1]), np.float32)])
    elif out.suffix == ".png":
        _write_png(rows, _config.image_shape(shape), out)
    else:
        raise ParameterError(f"cmim: `--out` must end in .png or .npy; got {out}.")
    _config.write_toml(facts, out.with_suffix(out.suffix + ".toml"))


def _write_png(rows: NDArray[np.float32], image: tuple[int, int, int] | None, out: pathlib.Path) -> None:
    from PIL import Image

    if image is None:
        raise ParameterError("cmim: the samples are no images; write their numbers to a .npy file.")
    if out.exists():
        raise DataError(f"cmim: {out} exists, and none is ever overwritten. Choose a new name.")
    channels, height, width = image
    tiles = rows.reshape(*rows.shape[:2], channels, height, width)
    tiles = np.pad(tiles, [(0, 0)] * 3 + [(1, 1)] * 2)
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
