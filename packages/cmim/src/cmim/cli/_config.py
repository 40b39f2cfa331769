"""Settings of a run: read from TOML, joined with flags, checked, and written beside what came of them."""

import dataclasses
import pathlib
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import pydantic
from numpy.typing import NDArray

from cmim import variants
from cmim.cli._toml import is_molecules, read_toml, run_source, write_toml
from cmim.config import Variance
from cmim.data.sources import Source, open_source
from cmim.embedder import Embedder, Name
from cmim.likelihoods import law
from cmim.losses import Scaling
from cmim.networks import MLP, Conv, Network, Perceiver
from cmim.views import Affine
from infocore.errors import CheckpointError, ParameterError

__all__ = [
    "DataConfig",
    "TrainConfig",
    "TrainerConfig",
    "changed",
    "flat",
    "idle",
    "image_shape",
    "is_molecules",
    "make_embedder",
    "open_data",
    "open_like",
    "open_run",
    "read_toml",
    "refuse_idle",
    "resolve",
    "resolve_as",
    "run_source",
    "split_rows",
    "write_toml",
]


_FLAGS = {
    "key", "label", "columns", "size", "mode", "limit", "holdout", "model", "latent_dim", "network", "hidden", "width",
    "slots", "patch", "likelihood", "levels", "temperature", "w_k", "beta", "scaling", "augment", "max_steps",
    "batch_size", "learning_rate", "validation_fraction", "accumulate", "devices", "strategy", "negatives",
    "accelerator", "precision", "logger", "seed", "smiles_column", "max_tokens", "notation", "warmup", "decay",
    "validation", "check",
}  # fmt: skip

Config = TypeVar("Config", bound=pydantic.BaseModel)


class TrainerConfig(pydantic.BaseModel):
    """Settings of a run that do not depend on what it is trained on."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    accumulate: int = pydantic.Field(1, ge=1)
    negatives: Literal["local", "gathered"] = "local"
    devices: int = pydantic.Field(1, ge=1)
    strategy: str = "auto"
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    logger: Literal["csv", "tensorboard", "both", "none"] = "csv"
    log_every: int = pydantic.Field(50, ge=1)
    checkpoint_every: int = pydantic.Field(500, ge=1)
    seed: int = pydantic.Field(0, ge=0)

    def trainer(self, out: pathlib.Path) -> dict[str, Any]:
        """Return the arguments of `cmim.fit` that these are."""
        same = ("accumulate", "negatives", "devices", "strategy", "precision", "log_every", "checkpoint_every")
        return {
            "logger": None if self.logger == "none" else self.logger,
            "log_dir": out / "logs",
            "checkpoint_dir": out / "checkpoints",
            **{name: getattr(self, name) for name in same},
        }


class DataConfig(pydantic.BaseModel):
    """Which rows of which file, as `cmim.data.sources.open_source` reads them."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data: str
    key: str | None = None
    label: str | None = None
    columns: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    mode: Literal["grey", "rgb"] = "grey"


class TrainConfig(TrainerConfig, DataConfig):
    """Settings of ``cmim train``: of the data, of `Embedder`, and of `cmim.fit`."""

    limit: int | None = pydantic.Field(None, ge=1)
    holdout: float = pydantic.Field(0.0, ge=0, lt=1)
    model: Name = "cmim"
    latent_dim: int = pydantic.Field(16, ge=1)
    network: Literal["mlp", "conv", "perceiver"] = "mlp"
    hidden: tuple[int, ...] = (256, 256)
    channels: tuple[int, ...] = (32, 64)
    width: int = pydantic.Field(64, ge=1)
    depth: int = pydantic.Field(2, ge=1)
    heads: int = pydantic.Field(4, ge=1)
    patch: int = pydantic.Field(4, ge=1)
    slots: int = pydantic.Field(1, ge=1)
    likelihood: Literal["bernoulli", "gaussian", "logistic", "categorical"] = "bernoulli"
    levels: int = pydantic.Field(256, ge=2)
    scaling: Scaling = "sum"
    temperature: float | Literal["learned", "calibrated"] = 0.1
    w_k: float = pydantic.Field(1.0, ge=0)
    beta: float = pydantic.Field(1.0, ge=0)
    variance: Variance = "learned"
    logvar_floor: float = -6.0
    augment: Literal["none", "affine"] = "none"
    max_steps: int = pydantic.Field(2000, ge=1)
    batch_size: int = pydantic.Field(100, ge=1)
    learning_rate: float = pydantic.Field(1e-3, gt=0)
    validation_fraction: float = pydantic.Field(0.0, ge=0, lt=1)
    patience: int = pydantic.Field(10, ge=1)
    components: int = pydantic.Field(10, ge=1)


def resolve(file: pathlib.Path | None, flags: dict[str, Any]) -> TrainConfig:
    """Join the settings of a file with flags, for images and rows of numbers."""
    return resolve_as(TrainConfig, file, flags)


def resolve_as(kind: type[Config], file: pathlib.Path | None, flags: dict[str, Any]) -> Config:
    """Join the settings of a file with flags, which win; what an earlier run wrote of its source is passed over."""
    given = {} if file is None else read_toml(file)
    given.pop("source", None)
    given |= {name: value for name, value in flags.items() if value is not None}
    try:
        return kind(**given)
    except pydantic.ValidationError as e:
        told = "; ".join(
            f"{_flag(str(part['loc'][0]))}: {part['msg']}"
            + ("" if part["type"] in ("missing", "extra_forbidden") else f", got {part['input']!r}")
            for part in e.errors()
        )
        raise ParameterError(f"cmim: {told}") from e


def idle(settings: pydantic.BaseModel) -> dict[str, str]:
    """Say of each setting that has no effect beside the model, network and likelihood chosen what it belongs to."""
    found: dict[str, str] = {}
    fields = type(settings).model_fields
    for choice, takes in _TAKES.items():
        if choice not in fields:
            continue
        chosen, options = getattr(settings, choice), get_args(fields[choice].annotation)
        for name in fields:
            owners = [option for option in options if name in takes(option)]
            if owners and chosen not in owners:
                found[name] = f"{_flag(name)} has no effect with {choice}={chosen!r}: it belongs to {', '.join(owners)}"
    for name in fields:
        if name in _EARLY and not any(getattr(settings, held, None) for held in _HELD):
            (held,) = (_flag(other) for other in _HELD if other in fields)
            found[name] = f"{name} has no effect without {held}, by which training stops early"
    return found


def _fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


_TAKES: dict[str, Callable[[Any], Collection[str]]] = {  # what each of these choices reads
    "model": variants.taken,
    "network": lambda name: _fields({kind.kind: kind for kind in (MLP, Conv, Perceiver)}[name]),
    "likelihood": lambda name: _fields(law(name)),
}
_EARLY, _HELD = ("patience", "validate_every"), ("validation_fraction", "validation")


def refuse_idle(settings: pydantic.BaseModel, flags: Collection[str]) -> None:
    """Refuse settings that have no effect: those given by a flag, and those that a file has other than by default."""
    defaults = {name: field.default for name, field in type(settings).model_fields.items()}
    chosen = {name for name in settings.model_fields_set if getattr(settings, name) != defaults[name]} | set(flags)
    told = [why for name, why in idle(settings).items() if name in chosen]
    if told:
        raise ParameterError(f"cmim train: {'; '.join(told)}. Leave out what has no effect.")


def changed(before: Config, now: Config) -> list[str]:
    """Say which settings make two runs different ones."""
    free = {"data", "max_steps", "logger", "log_every", "checkpoint_every"}
    free |= {"accelerator", "devices", "strategy", "workers"}  # where and how fast, not what
    if getattr(now, "decay", "none") != "none":  # the rate of each step follows from the last
        free.remove("max_steps")
    fields = type(now).model_fields
    pairs = ((name, getattr(before, name), getattr(now, name)) for name in fields if name not in free)
    return [f"{_flag(name)} was {old!r} and is {new!r}" for name, old, new in pairs if old != new]


def _flag(name: str) -> str:
    short = {"max_steps": "steps", "batch_size": "batch", "columns": "column"}.get(name, name)
    return f"{name} (--{short.replace('_', '-')})" if name in _FLAGS else name


def open_data(config: DataConfig) -> Source:
    """Open what a configuration names."""
    return open_source(
        config.data, key=config.key, label=config.label, columns=config.columns, size=config.size, mode=config.mode
    )


def open_like(settings: TrainConfig, data: str, shape: tuple[int, ...], key: str | None = None) -> Source:
    """Open other data as those of a run were: with its columns, size and mode, where this kind of file has them.

    Samples must have the shape of the run's, or be its flat rows.
    """
    path = pathlib.Path(data)
    own = data == settings.data or (path.exists() and str(path.resolve()) == settings.data)
    fields: dict[str, Any] = {"data": data, "key": key}
    if own:
        fields = {name: getattr(settings, name) for name in DataConfig.model_fields} | fields
        fields["key"] = key or settings.key
    elif path.is_dir():
        fields |= {"size": settings.size, "mode": settings.mode}
    elif path.suffix.lower() == ".parquet":
        fields |= {"columns": settings.columns, "label": settings.label}
    source = open_data(DataConfig(**fields))
    if shape and source.shape not in (shape, (int(np.prod(shape)),)):
        raise ParameterError(f"cmim: {data} has samples of shape {source.shape}; the model was trained on {shape}.")
    return source


def open_run(folder: pathlib.Path) -> tuple[TrainConfig, Embedder]:
    """Read the settings and the model of a run."""
    if not (folder / "config.toml").is_file():
        raise CheckpointError(f"cmim: {folder} has no config.toml; give a folder that `cmim train` wrote.")
    return resolve(folder / "config.toml", {}), Embedder.load(folder / "model")


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return channels, height and width of samples that are images; rows of pixels have their channels last."""
    if len(shape) == 2:
        return (1, *shape)
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else None


def make_embedder(config: TrainConfig, shape: tuple[int, ...], *, progress: bool) -> Embedder:
    """Build the estimator that a configuration describes, for samples of a shape."""
    image = image_shape(shape)
    if image is None and (config.network != "mlp" or config.augment != "none"):
        raise ParameterError(
            f"cmim train: network={config.network!r} and augment={config.augment!r} need images, of shape (h, w) or "
            f"(h, w, 3); the samples are of shape {shape}."
        )
    network: Network = MLP(config.hidden)
    if config.network == "conv" and image is not None:
        network = Conv(image, config.channels, config.width)
    elif config.network == "perceiver" and image is not None:
        network = Perceiver(image, config.patch, config.slots, config.width, config.depth, config.heads)
    return Embedder(
        config.model,
        latent_dim=config.latent_dim,
        hidden=config.hidden,
        network=network,
        likelihood=config.likelihood,
        levels=config.levels,
        temperature=config.temperature,
        w_k=config.w_k,
        beta=config.beta,
        variance=config.variance,
        views=Affine(image) if config.augment == "affine" and image is not None else None,
        scaling=config.scaling,
        logvar_floor=config.logvar_floor,
        max_steps=config.max_steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        validation_fraction=config.validation_fraction,
        patience=config.patience,
        components=config.components,
        seed=config.seed,
        progress=progress,
        accelerator=config.accelerator,
    )


def flat(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples as rows, channel by channel, as the networks read them."""
    if batch.ndim == 4:
        batch = np.moveaxis(batch, 3, 1)
    return np.ascontiguousarray(batch.reshape(len(batch), -1))


def split_rows(config: TrainConfig, n: int, holdout: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers of the rows to train on and of those held out, in their order in the file."""
    order = np.random.default_rng((config.seed, 3)).permutation(n)
    held = round(holdout * n)
    kept = order[held:]
    if config.limit is not None:
        kept = kept[: config.limit]
    return np.sort(kept), np.sort(order[:held])
