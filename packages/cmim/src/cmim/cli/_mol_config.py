"""Settings of a run on molecules, and the model that a run or the package has."""

import importlib
import pathlib
from typing import Literal

import pydantic

from cmim.cli._config import TrainerConfig, is_molecules
from cmim.config import Variance
from cmim.losses import Scaling
from cmim.molecules.chemistry import Salts
from cmim.molecules.embedder import MoleculeEmbedder, Name
from cmim.molecules.tokens import Notation
from cmim.networks import TokenPerceiver
from infocore.errors import CheckpointError, ParameterError

__all__ = ["MoleculeConfig", "make_embedder", "open_model"]


class MoleculeConfig(TrainerConfig):
    """Settings of ``cmim train --molecules``: of the corpus, of `MoleculeEmbedder`, and of `cmim.fit`."""

    kind: Literal["molecules"] = "molecules"
    data: str
    smiles_column: str = "smiles"
    check: bool = True
    validation: str | None = None
    validate_every: int = pydantic.Field(200, ge=1)
    patience: int = pydantic.Field(10, ge=1)
    model: Name = "cmim"
    latent_dim: int = pydantic.Field(256, ge=1)
    slots: int = pydantic.Field(16, ge=1)
    width: int = pydantic.Field(128, ge=1)
    heads: int = pydantic.Field(4, ge=1)
    encoder_depth: int = pydantic.Field(2, ge=1)
    decoder_depth: int = pydantic.Field(3, ge=1)
    max_tokens: int = pydantic.Field(127, ge=1)
    notation: Notation = "smiles-1"
    augment: Literal["canonical", "invariant", "equivariant"] = "canonical"
    isomeric: bool = True
    salts: Salts = "keep"
    temperature: float | Literal["learned", "calibrated"] = 0.1
    w_k: float = pydantic.Field(1.0, ge=0)
    beta: float = pydantic.Field(1.0, ge=0)
    variance: Variance = "sampled"
    scaling: Scaling = "mean"
    logvar_floor: float = -6.0
    ramp: int = pydantic.Field(1000, ge=0)
    max_steps: int = pydantic.Field(2000, ge=1)
    batch_size: int = pydantic.Field(64, ge=1)
    learning_rate: float = pydantic.Field(1e-3, gt=0)
    warmup: int = pydantic.Field(300, ge=0)
    decay: Literal["none", "cosine"] = "cosine"
    components: int = pydantic.Field(10, ge=1)
    workers: int = pydantic.Field(0, ge=0)


def make_embedder(config: MoleculeConfig, *, progress: bool) -> MoleculeEmbedder:
    """Build the estimator that a configuration describes."""
    network = TokenPerceiver(config.slots, config.width, config.heads, config.encoder_depth, config.decoder_depth)
    names = MoleculeEmbedder().get_params(deep=False).keys() & set(MoleculeConfig.model_fields)
    return MoleculeEmbedder(
        **{name: getattr(config, name) for name in sorted(names)}, network=network, progress=progress
    )


def open_model(run: pathlib.Path | None) -> tuple[str, MoleculeEmbedder]:
    """Return the name and the model of a run, or of the package."""
    if run is None:
        shipped = importlib.import_module("cmim.molecules.shipped")
        return f"the package's {shipped.PRETRAINED}", shipped.pretrained()
    if not (run / "config.toml").is_file():
        raise CheckpointError(f"cmim: {run} has no config.toml; give a folder that `cmim train` wrote.")
    if not is_molecules(run):
        raise ParameterError(f"cmim: {run} was not trained on molecules. Give a run of `cmim train --molecules`.")
    return str(run), MoleculeEmbedder.load(run / "model")
