"""What needs torch: `SemanticInfoLoss`, truth functions learned by a network."""

from infocore.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401 # pyright: ignore[reportUnusedImport]
except ImportError as e:
    raise MissingExtraError(
        "gtheory.torch needs torch, which is not installed. From a checkout: "
        "pip install -c constraints.txt './packages/infocore[torch]' './packages/gtheory[torch]'"
    ) from e

from gtheory.torch.loss import SemanticInfoLoss

__all__ = ["SemanticInfoLoss"]
