"""`cmim train`: data in, a folder with the model, its settings, logs and checkpoints out."""

import os
import pathlib
import shutil
from typing import Annotated, Any, Literal

import typer

from cmim.cli._app import DATA_HELP, Json, app, print_json, say
from infocore.errors import DataError, ParameterError

__all__ = ["train"]

Option = typer.Option


@app.command()
def train(
    data: Annotated[str | None, typer.Argument(help=DATA_HELP, metavar="DATA")] = None,
    out: Annotated[pathlib.Path, Option("--out", "-o", help="Folder to write.")] = pathlib.Path("run"),
    config: Annotated[pathlib.Path | None, Option(help="TOML with any of these settings; flags win.")] = None,
    key: Annotated[str | None, Option(help="Array of an .npz.")] = None,
    label: Annotated[str | None, Option(help="Labels: an array of an .npz, a column of Parquet.")] = None,
    columns: Annotated[list[str] | None, Option("--column", help="Column of Parquet, repeatable.")] = None,
    size: Annotated[tuple[int, int] | None, Option(help="Height and width to resize images of a folder to.")] = None,
    mode: Annotated[Literal["grey", "rgb"] | None, Option(help="How to read images of a folder.")] = None,
    limit: Annotated[int | None, Option(help="Train on so many rows, at random.")] = None,
    holdout: Annotated[float | None, Option(help="Share of rows kept for `cmim evaluate`.")] = None,
    model: Annotated[str | None, Option(help="cmim, mim, vae, contrastive_vae, ae or dae.")] = None,
    latent_dim: Annotated[int | None, Option(help="Length of a code.")] = None,
    network: Annotated[str | None, Option(help="mlp, conv or perceiver.")] = None,
    hidden: Annotated[list[int] | None, Option("--hidden", help="Width of a hidden layer of mlp, repeatable.")] = None,
    width: Annotated[int | None, Option(help="Of conv's hidden layer, of the Perceiver.")] = None,
    slots: Annotated[int | None, Option(help="K of the Perceiver's code.")] = None,
    patch: Annotated[int | None, Option(help="Side of a patch of the Perceiver.")] = None,
    likelihood: Annotated[str | None, Option(help="bernoulli, gaussian, logistic or categorical.")] = None,
    levels: Annotated[int | None, Option(help="Values of a pixel, for logistic and categorical.")] = None,
    temperature: Annotated[str | None, Option(help="A number, calibrated, or learned.")] = None,
    w_k: Annotated[float | None, Option("--w-k", help="Weight of the contrastive term.")] = None,
    beta: Annotated[float | None, Option(help="Weight of the VAE's divergence.")] = None,
    scaling: Annotated[str | None, Option(help="sum, mean or kermt.")] = None,
    augment: Annotated[str | None, Option(help="none or affine.")] = None,
    max_steps: Annotated[int | None, Option("--steps", help="Steps to train.")] = None,
    batch_size: Annotated[int | None, Option("--batch", help="Rows a step.")] = None,
    learning_rate: Annotated[float | None, Option(help="Of Adam.")] = None,
    validation_fraction: Annotated[float | None, Option(help="Share of rows to stop early by.")] = None,
    accumulate: Annotated[int | None, Option(help="Micro-batches a step.")] = None,
    devices: Annotated[int | None, Option(help="Processes; with --strategy ddp.")] = None,
    strategy: Annotated[str | None, Option(help="Lightning's.")] = None,
    negatives: Annotated[str | None, Option(help="local or gathered, with several processes.")] = None,
    accelerator: Annotated[str | None, Option(help="auto, cpu, gpu ...")] = None,
    precision: Annotated[str | None, Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    logger: Annotated[str | None, Option(help="csv, tensorboard or none.")] = None,
    seed: Annotated[int | None, Option(help="Of everything random.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="No progress bar.")] = False,
    as_json: Json = False,
) -> None:
    """Train a model on images or rows of numbers, without labels.

    Writes a folder: config.toml with every setting (a copy of it, changed, is a --config), logs, and the model. In TOML
    only: channels, depth, heads, variance, logvar_floor, patience, components, log_every, checkpoint_every; there,
    --steps is max_steps, --batch batch_size, --column columns.
    """
    from cmim.cli import _config

    given = dict(locals())
    flags: dict[str, Any] = {name: given[name] for name in _config.TrainConfig.model_fields if name in given}
    if temperature is not None and temperature not in ("calibrated", "learned"):
        flags["temperature"] = temperature  # pydantic makes a number of it, or says that it is none
    written = out / "config.toml"
    going_on = resume and written.is_file()
    if going_on and config is None:
        config = written
    if data is None and config is None:
        raise ParameterError("cmim train: give DATA, or a TOML file with `data` by --config.")
    settings = _config.resolve(config, flags)
    if pathlib.Path(settings.data).exists():
        settings = settings.model_copy(update={"data": str(pathlib.Path(settings.data).resolve())})
    helper = int(os.environ.get("LOCAL_RANK", "0")) > 0  # one of several processes, and not the one that writes
    if not helper:
        _check_folder(out, resume)
    source = _config.open_data(settings)
    settings = settings.model_copy(update={"columns": source.columns})
    embedder = _config.make_embedder(settings, source.shape, progress=not quiet)
    kept, held = _config.split_rows(settings, len(source), settings.holdout)
    if len(kept) < 2:
        raise ParameterError(
            f"cmim train: `holdout` and `limit` must leave at least 2 of {len(source)} rows; they leave {len(kept)}."
        )
    rows = _config.flat(source.read())[kept]
    embedder.check(rows)
    facts = {
        "shape": list(source.shape), "rows": len(source), "sha256": source.sha256,
        "range": [float(rows.min()), float(rows.max())],
    }  # fmt: skip
    if going_on:
        differ = _config.changed(_config.resolve(written, {}), settings)
        if _config.run_source(out).get("sha256") != facts["sha256"]:
            differ.append(f"the data have changed: {settings.data}")
        if differ:
            raise ParameterError(f"cmim train: `--resume` goes on with the run in {out}, but {'; '.join(differ)}.")
    elif resume:
        say(f"{out} holds no run to resume: a new one begins")
    fresh = not out.exists()
    if not helper:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise DataError(f"cmim train: {out} cannot be made: {e}") from e
        _config.write_toml({**settings.model_dump(), "source": facts}, written)
        say(f"{source.name}: {len(rows)} rows of shape {source.shape}; {len(held)} held out")
    try:
        embedder.fit(
            rows,
            logger=None if settings.logger == "none" else settings.logger,
            log_dir=out / "logs",
            log_every=settings.log_every,
            checkpoint_dir=out / "checkpoints",
            checkpoint_every=settings.checkpoint_every,
            resume=resume,
            accumulate=settings.accumulate,
            negatives=settings.negatives,
            devices=settings.devices,
            strategy=settings.strategy,
            precision=settings.precision,
        )
    except (KeyboardInterrupt, SystemExit):
        say(f"stopped; go on with: cmim train --out {out} --resume")
        raise typer.Exit(130) from None
    except Exception:
        if fresh and not helper and not list((out / "checkpoints").glob("*.ckpt")):
            shutil.rmtree(out, ignore_errors=True)  # nothing to go on with, and it would be in the way
        raise
    if helper or _is_helper():
        return
    embedder.save(out / "model")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    for note in embedder.notes_:
        say(f"note: {note}")
    last = embedder.history_[-1] if embedder.history_ else {}
    answer = {"command": "train", "out": out, "rows": len(rows), "held_out": len(held), "steps": embedder.n_iter_}
    if as_json:
        print_json({**answer, "last": last, "notes": embedder.notes_})
        return
    typer.echo(f"{out}/model: {settings.model}, {settings.latent_dim} dimensions, {embedder.n_iter_} steps")
    shown = ("loss", "reconstruction", "shuffled", "log_pk", "gate", "temperature", "code_norm", "frac_at_floor")
    typer.echo(", ".join(f"{name} {last[name]:.4g}" for name in shown if name in last))


def _check_folder(out: pathlib.Path, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ParameterError(f"cmim train: `--out` {out} is a file; give a folder.")
    if (out / "model").exists():
        raise ParameterError(f"cmim train: {out} holds a model already. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not resume:
        raise ParameterError(f"cmim train: {out} is not empty. Choose another --out, or go on with --resume.")


def _is_helper() -> bool:
    """Say whether this is one of several processes, and not the one that writes."""
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized() and distributed.get_rank() > 0
