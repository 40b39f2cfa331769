"""Settings of a run on molecules, and what they and a command name: molecules in files, and a trained model."""

import importlib
import pathlib
from collections.abc import Iterator
from typing import Any, Literal

import pydantic

from cmim.cli._config import TrainerConfig, is_molecules
from cmim.config import Variance
from cmim.losses import Scaling
from cmim.molecules._unread import text_of
from cmim.molecules.chemistry import Salts, canonical
from cmim.molecules.corpus.files import Blocks, TextBlocks, open_corpus
from cmim.molecules.embedder import MoleculeEmbedder, Name
from cmim.molecules.tokens import Notation
from cmim.networks import TokenPerceiver
from infocore.errors import CheckpointError, DataError, ParameterError

__all__ = ["MoleculeConfig", "known_molecules", "make_embedder", "open_model", "open_molecules", "pieces", "total"]

_MOSES = {"moses": "train", "moses-test": "test", "moses-test-scaffolds": "test_scaffolds"}
_READ = 200_000  # rows, up to which molecules that are known are made canonical


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


def open_molecules(data: str, column: str) -> Blocks:
    """Open molecules of a file, a folder of files, or of MOSES."""
    path = pathlib.Path(data)
    if not path.exists() and data in _MOSES:
        from cmim.molecules.properties.datasets import moses

        split: Any = _MOSES[data]
        return TextBlocks(moses(split))
    if not path.exists():
        raise DataError(
            f"cmim: there is no {data}; give a file that ends in .csv, .tsv, .smi, .txt, each also .gz, or .parquet, a "
            f"folder of these, or: {', '.join(_MOSES)}."
        )
    try:
        return open_corpus(path, column)
    except ParameterError as e:
        raise ParameterError(f"{e} Name that of SMILES by --smiles-column.") from e


def total(blocks: Blocks) -> int:
    """Return how many rows there are."""
    return sum(blocks.rows)


def pieces(blocks: Blocks, size: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows in order, some at a time, with the number of the first."""
    at = 0
    for block in range(len(blocks.rows)):
        rows = list(blocks.read(block))
        for start in range(0, len(rows), size):
            yield at + start, rows[start : start + size]
        at += len(rows)


def known_molecules(data: str | None, column: str = "smiles") -> set[str] | None:
    """Return molecules that are not new; made canonical if they are not too many, else as they are written."""
    if data is None:
        return None
    blocks = open_molecules(data, column)
    texts = (text for _, rows in pieces(blocks, 2**16) for text in map(text_of, rows) if text)
    if total(blocks) > _READ:
        return set(texts)
    return {form for form in map(canonical, texts) if form is not None}
