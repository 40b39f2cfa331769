"""`cmim train`: data in, a folder with the model, its settings, logs and checkpoints out."""

import pathlib
from typing import Annotated, Any, Literal

import typer

from cmim.cli._app import (
    DATA_HELP,
    IMAGE_SETS,
    IMAGES,
    MOLECULE_SETS,
    MOLECULES,
    MOLECULES_HELP,
    Json,
    Quiet,
    app,
    check_in,
    refuse,
)
from cmim.cli._run import begin, check_folder, finish, is_helper
from infocore.errors import ParameterError

__all__ = ["train"]

Option = typer.Option
_TEXT = (".csv", ".tsv", ".smi", ".txt")


@app.command()
def train(
    ctx: typer.Context,
    data: Annotated[str | None, typer.Argument(help=f"{DATA_HELP} {MOLECULES_HELP}", metavar="DATA")] = None,
    out: Annotated[pathlib.Path, Option("--out", "-o", help="Folder to write.")] = pathlib.Path("run"),
    molecules: Annotated[bool, Option("--molecules", help="DATA are molecules, not images.")] = False,
    config: Annotated[pathlib.Path | None, Option(help="TOML with any of these settings; flags win.")] = None,
    model: Annotated[str | None, Option(help="cmim, mim, vae, contrastive_vae, ae; of images also dae.")] = None,
    latent_dim: Annotated[int | None, Option(help="Length of a code.")] = None,
    width: Annotated[int | None, Option(help="Of conv's hidden layer, of the Perceiver.")] = None,
    slots: Annotated[int | None, Option(help="K of the Perceiver's code.")] = None,
    temperature: Annotated[str | None, Option(help="A number, calibrated, or learned.")] = None,
    w_k: Annotated[float | None, Option("--w-k", help="Weight of the contrastive term.")] = None,
    beta: Annotated[float | None, Option(help="Weight of the VAE's divergence.")] = None,
    scaling: Annotated[str | None, Option(help="sum, mean or kermt.")] = None,
    augment: Annotated[
        str | None, Option(help="none or affine; of molecules canonical, invariant or equivariant.")
    ] = None,
    max_steps: Annotated[int | None, Option("--steps", help="Steps to train.")] = None,
    batch_size: Annotated[int | None, Option("--batch", help="Rows a step.")] = None,
    learning_rate: Annotated[float | None, Option(help="Of Adam.")] = None,
    accumulate: Annotated[int | None, Option(help="Micro-batches a step.")] = None,
    devices: Annotated[int | None, Option(help="Processes; with --strategy ddp.")] = None,
    strategy: Annotated[str | None, Option(help="Lightning's.")] = None,
    negatives: Annotated[str | None, Option(help="local or gathered, with several processes.")] = None,
    accelerator: Annotated[str | None, Option(help="auto, cpu, gpu ...")] = None,
    precision: Annotated[str | None, Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    logger: Annotated[str | None, Option(help="csv, tensorboard, both or none.")] = None,
    seed: Annotated[int | None, Option(help="Of everything random.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on where the run in --out was stopped.")] = False,
    quiet: Quiet = False,
    key: Annotated[str | None, Option(help="Array of an .npz.", rich_help_panel=IMAGES)] = None,
    label: Annotated[
        str | None, Option(help="Labels: an array of an .npz, a column of Parquet.", rich_help_panel=IMAGES)
    ] = None,
    columns: Annotated[
        list[str] | None, Option("--column", help="Column of Parquet, repeatable.", rich_help_panel=IMAGES)
    ] = None,
    size: Annotated[
        tuple[int, int] | None,
        Option(help="Height and width to resize images of a folder to.", rich_help_panel=IMAGES),
    ] = None,
    mode: Annotated[
        Literal["grey", "rgb"] | None, Option(help="How to read images of a folder.", rich_help_panel=IMAGES)
    ] = None,
    limit: Annotated[int | None, Option(help="Train on so many rows, at random.", rich_help_panel=IMAGES)] = None,
    holdout: Annotated[
        float | None, Option(help="Share of rows kept for `cmim evaluate`.", rich_help_panel=IMAGES)
    ] = None,
    validation_fraction: Annotated[
        float | None, Option(help="Share of rows to stop early by.", rich_help_panel=IMAGES)
    ] = None,
    network: Annotated[str | None, Option(help="mlp, conv or perceiver.", rich_help_panel=IMAGES)] = None,
    hidden: Annotated[
        list[int] | None,
        Option("--hidden", help="Width of a hidden layer of mlp, repeatable.", rich_help_panel=IMAGES),
    ] = None,
    patch: Annotated[int | None, Option(help="Side of a patch of the Perceiver.", rich_help_panel=IMAGES)] = None,
    likelihood: Annotated[
        str | None, Option(help="bernoulli, gaussian, logistic or categorical.", rich_help_panel=IMAGES)
    ] = None,
    levels: Annotated[
        int | None, Option(help="Values of a pixel, for logistic and categorical.", rich_help_panel=IMAGES)
    ] = None,
    smiles_column: Annotated[
        str | None, Option(help="Column of SMILES, of a table; smiles if not given.", rich_help_panel=MOLECULES)
    ] = None,
    check: Annotated[
        bool | None,
        Option(
            "--check/--no-check",
            help="Whether RDKit reads each row and makes it canonical, or rows are trained on as they are written.",
            rich_help_panel=MOLECULES,
        ),
    ] = None,
    validation: Annotated[str | None, Option(help="Molecules to stop early by.", rich_help_panel=MOLECULES)] = None,
    max_tokens: Annotated[int | None, Option(help="Most tokens of a molecule.", rich_help_panel=MOLECULES)] = None,
    notation: Annotated[str | None, Option(help="Vocabulary.", rich_help_panel=MOLECULES)] = None,
    warmup: Annotated[int | None, Option(help="Steps over which the rate grows.", rich_help_panel=MOLECULES)] = None,
    decay: Annotated[str | None, Option(help="none or cosine: of the rate.", rich_help_panel=MOLECULES)] = None,
    as_json: Json = False,
) -> None:
    """Train a model on images, rows of numbers or, with --molecules, on SMILES; without labels.

    Writes a folder: config.toml with every setting (a copy of it, changed, is a --config), logs, and the model. A
    setting that the chosen model, network or likelihood does not have is an error, wherever it was given. In TOML
    only: depth, heads, variance, logvar_floor, patience, components, log_every, checkpoint_every, of images channels,
    of molecules kind = "molecules", encoder_depth, decoder_depth, isomeric, salts, ramp, validate_every, workers;
    there, --steps is max_steps, --batch batch_size, --column columns.
    """
    from cmim.cli import _config

    given = dict(locals())
    written = out / "config.toml"
    going_on = resume and written.is_file()
    if going_on and config is None:
        config = written
    if data is None and config is None:
        raise ParameterError("cmim train: give DATA, or a TOML file with `data` by --config.")
    check_in(ctx, "--config", config)
    of_molecules = molecules or smiles_column is not None
    of_molecules = of_molecules or (config is not None and _config.read_toml(config).get("kind") == "molecules")
    refuse(ctx, IMAGES if of_molecules else MOLECULES)
    kind: type[Any] = _config.TrainConfig
    work: Any = _train_images
    if of_molecules:
        from cmim.cli._mol_config import MoleculeConfig
        from cmim.cli._mol_train import train_molecules

        kind, work = MoleculeConfig, train_molecules
    elif data is not None and pathlib.Path(data.removesuffix(".gz")).suffix.lower() in _TEXT:
        raise ParameterError(f"cmim train: {data} is no file of images or arrays. If it holds SMILES, add --molecules.")
    flags: dict[str, Any] = {name: given[name] for name in kind.model_fields if name in given}
    if temperature is not None and temperature not in ("calibrated", "learned"):
        flags["temperature"] = temperature  # pydantic makes a number of it, or says that it is none
    settings = _config.resolve_as(kind, config, flags)
    if not going_on:
        _config.refuse_idle(settings, [name for name, value in flags.items() if value is not None])
    names = MOLECULE_SETS if of_molecules else IMAGE_SETS
    check_in(ctx, "DATA", settings.data, names)
    check_in(ctx, "--validation", getattr(settings, "validation", None), names)
    if pathlib.Path(settings.data).exists():
        settings = settings.model_copy(update={"data": str(pathlib.Path(settings.data).resolve())})
    if not is_helper():
        check_folder(out, resume)
    work(settings, out, resume=resume, quiet=quiet, as_json=as_json)


def _train_images(settings: Any, out: pathlib.Path, *, resume: bool, quiet: bool, as_json: bool) -> None:
    from cmim.cli import _config

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
    told = f"{source.name}: {len(rows)} rows of shape {source.shape}; {len(held)} held out"
    with begin(out, settings, facts, told, resume=resume):
        embedder.fit(rows, resume=resume, **settings.trainer(out))
    finish(out, embedder, settings, {"rows": len(rows), "held_out": len(held)}, as_json=as_json)
