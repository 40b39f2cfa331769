"""What needs torch: the estimators that are trained, critics, tiled losses, the small training loop, checkpoints."""

import importlib
from typing import TYPE_CHECKING, Any

from infocore.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401  # pyright: ignore[reportUnusedImport] - looked for, not used
except ImportError as e:
    raise MissingExtraError(
        "infocore.torch needs PyTorch. From a checkout: pip install -c constraints.txt './packages/infocore[torch]'"
    ) from e

if TYPE_CHECKING:
    from infocore.torch import checkpoint as checkpoint
    from infocore.torch import streamed as streamed
    from infocore.torch.copula_critic import CopulaCritic as CopulaCritic
    from infocore.torch.critics import Bilinear as Bilinear
    from infocore.torch.critics import Critic as Critic
    from infocore.torch.critics import Joint as Joint
    from infocore.torch.critics import Separable as Separable
    from infocore.torch.crossfit import CrossFittedMI as CrossFittedMI
    from infocore.torch.density import DensityMI as DensityMI
    from infocore.torch.density import known_channel as known_channel
    from infocore.torch.diffusion import DiffusionMI as DiffusionMI
    from infocore.torch.flow import FlowMI as FlowMI
    from infocore.torch.held_out import Training as Training
    from infocore.torch.latent import LatentMI as LatentMI
    from infocore.torch.training import ArrayBatches as ArrayBatches
    from infocore.torch.training import TrainState as TrainState
    from infocore.torch.training import fit as fit
    from infocore.torch.variational import VariationalMI as VariationalMI

_WHERE = {
    "ArrayBatches": "training",
    "Bilinear": "critics",
    "CopulaCritic": "copula_critic",
    "Critic": "critics",
    "CrossFittedMI": "crossfit",
    "DensityMI": "density",
    "DiffusionMI": "diffusion",
    "FlowMI": "flow",
    "Joint": "critics",
    "LatentMI": "latent",
    "Separable": "critics",
    "TrainState": "training",
    "Training": "held_out",
    "VariationalMI": "variational",
    "fit": "training",
    "known_channel": "density",
}

__all__ = [
    "ArrayBatches",
    "Bilinear",
    "CopulaCritic",
    "Critic",
    "CrossFittedMI",
    "DensityMI",
    "DiffusionMI",
    "FlowMI",
    "Joint",
    "LatentMI",
    "Separable",
    "TrainState",
    "Training",
    "VariationalMI",
    "checkpoint",
    "fit",
    "known_channel",
    "streamed",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"infocore.torch.{_WHERE[name]}"), name)
    if name in ("checkpoint", "streamed"):
        return importlib.import_module(f"infocore.torch.{name}")
    raise AttributeError(f"module 'infocore.torch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
