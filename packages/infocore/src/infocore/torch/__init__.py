"""What needs torch: critics, variational bounds, tiled losses, the small training loop, checkpoints."""

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
    from infocore.torch.critics import Bilinear as Bilinear
    from infocore.torch.critics import Critic as Critic
    from infocore.torch.critics import Joint as Joint
    from infocore.torch.critics import Separable as Separable
    from infocore.torch.training import ArrayBatches as ArrayBatches
    from infocore.torch.training import TrainState as TrainState
    from infocore.torch.training import fit as fit
    from infocore.torch.variational import VariationalMI as VariationalMI

_WHERE = {
    "ArrayBatches": "training",
    "Bilinear": "critics",
    "Critic": "critics",
    "Joint": "critics",
    "Separable": "critics",
    "TrainState": "training",
    "VariationalMI": "variational",
    "fit": "training",
}

__all__ = [
    "ArrayBatches",
    "Bilinear",
    "Critic",
    "Joint",
    "Separable",
    "TrainState",
    "VariationalMI",
    "checkpoint",
    "fit",
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
