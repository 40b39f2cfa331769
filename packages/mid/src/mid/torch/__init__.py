"""What needs torch: the noisy bottleneck, classifiers trained with it, the inversion attack and the trained audit."""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    from infocore.errors import MissingExtraError

    raise MissingExtraError(
        "mid.torch needs torch, which is not installed: "
        "pip install -c constraints.txt './packages/infocore[torch]' './packages/mid[torch]'"
    ) from error

from mid.torch.alignment import InversionAttack as InversionAttack
from mid.torch.bottleneck import BottleneckHead as BottleneckHead
from mid.torch.bottleneck import BottleneckOutput as BottleneckOutput
from mid.torch.bottleneck import bottleneck_objective as bottleneck_objective
from mid.torch.bottleneck import divergence as divergence
from mid.torch.bottleneck import information_loss as information_loss
from mid.torch.classifier import MIDClassifier as MIDClassifier
from mid.torch.leakage import audit_leakage as audit_leakage

__all__ = [
    "BottleneckHead",
    "BottleneckOutput",
    "InversionAttack",
    "MIDClassifier",
    "audit_leakage",
    "bottleneck_objective",
    "divergence",
    "information_loss",
]
