"""The contrastive Mutual Information Machine: probabilistic auto-encoders with informative embeddings.

Names are loaded when they are first used; Lightning is loaded by the first fit.
"""

import importlib
from typing import TYPE_CHECKING, Any

from cmim._version import __version__ as __version__

if TYPE_CHECKING:
    from cmim import losses as losses
    from cmim.checkpoint import load as load
    from cmim.config import ModelConfig as ModelConfig
    from cmim.embedder import Embedder as Embedder
    from cmim.embeddings import informative as informative
    from cmim.embeddings import latent as latent
    from cmim.embeddings import reconstruct as reconstruct
    from cmim.evaluation import EmbeddingScores as EmbeddingScores
    from cmim.evaluation import evaluate_embeddings as evaluate_embeddings
    from cmim.evaluation import information as information
    from cmim.lightning import fit as fit
    from cmim.model import Model as Model
    from cmim.networks import MLP as MLP
    from cmim.networks import Conv as Conv
    from cmim.networks import Perceiver as Perceiver
    from cmim.networks import TokenPerceiver as TokenPerceiver
    from cmim.variants import AE as AE
    from cmim.variants import CMIM as CMIM
    from cmim.variants import DAE as DAE
    from cmim.variants import MIM as MIM
    from cmim.variants import VAE as VAE
    from cmim.variants import ContrastiveVAE as ContrastiveVAE
    from cmim.variants import InfoNCE as InfoNCE

_WHERE = {
    "AE": "variants",
    "CMIM": "variants",
    "Conv": "networks",
    "ContrastiveVAE": "variants",
    "DAE": "variants",
    "Embedder": "embedder",
    "EmbeddingScores": "evaluation",
    "InfoNCE": "variants",
    "MIM": "variants",
    "MLP": "networks",
    "Model": "model",
    "ModelConfig": "config",
    "Perceiver": "networks",
    "TokenPerceiver": "networks",
    "VAE": "variants",
    "evaluate_embeddings": "evaluation",
    "fit": "lightning",
    "information": "evaluation",
    "informative": "embeddings",
    "latent": "embeddings",
    "load": "checkpoint",
    "losses": None,
    "reconstruct": "embeddings",
}

__all__ = [
    "AE",
    "CMIM",
    "DAE",
    "MIM",
    "MLP",
    "VAE",
    "ContrastiveVAE",
    "Conv",
    "Embedder",
    "EmbeddingScores",
    "InfoNCE",
    "Model",
    "ModelConfig",
    "Perceiver",
    "TokenPerceiver",
    "__version__",
    "evaluate_embeddings",
    "fit",
    "information",
    "informative",
    "latent",
    "load",
    "losses",
    "reconstruct",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cmim' has no attribute {name!r}")
    module = _WHERE[name]
    if module is None:
        return importlib.import_module(f"cmim.{name}")
    return getattr(importlib.import_module(f"cmim.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
