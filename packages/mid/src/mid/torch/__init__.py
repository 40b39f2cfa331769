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
from mid.torch.bido import BiDO as BiDO
from mid.torch.bottleneck import BottleneckHead as BottleneckHead
from mid.torch.bottleneck import BottleneckOutput as BottleneckOutput
from mid.torch.bottleneck import bottleneck_objective as bottleneck_objective
from mid.torch.bottleneck import divergence as divergence
from mid.torch.bottleneck import information_loss as information_loss
from mid.torch.classifier import MIDClassifier as MIDClassifier
from mid.torch.defences import Defence as Defence
from mid.torch.defences import Undefended as Undefended
from mid.torch.erasing import RandomErasing as RandomErasing
from mid.torch.exported import ExportedModel as ExportedModel
from mid.torch.freezing import Freezing as Freezing
from mid.torch.leakage import audit_leakage as audit_leakage
from mid.torch.network_classifier import NetworkClassifier as NetworkClassifier
from mid.torch.networks import CNN as CNN
from mid.torch.networks import MLP as MLP
from mid.torch.networks import Architecture as Architecture
from mid.torch.networks import with_bottleneck as with_bottleneck
from mid.torch.optimizers import SGD as SGD
from mid.torch.optimizers import Adam as Adam
from mid.torch.private import DPSGD as DPSGD
from mid.torch.private import PrivacySpent as PrivacySpent
from mid.torch.protocols import WhiteBox as WhiteBox
from mid.torch.purifier import Purifier as Purifier
from mid.torch.regressor import MIDRegressor as MIDRegressor
from mid.torch.saving import load_model as load_model
from mid.torch.saving import save_model as save_model
from mid.torch.smoothing import LabelSmoothing as LabelSmoothing
from mid.torch.smoothing import smoothed_cross_entropy as smoothed_cross_entropy

__all__ = [
    "CNN",
    "DPSGD",
    "MLP",
    "SGD",
    "Adam",
    "Architecture",
    "BiDO",
    "BottleneckHead",
    "BottleneckOutput",
    "Defence",
    "ExportedModel",
    "Freezing",
    "InversionAttack",
    "LabelSmoothing",
    "MIDClassifier",
    "MIDRegressor",
    "NetworkClassifier",
    "PrivacySpent",
    "Purifier",
    "RandomErasing",
    "Undefended",
    "WhiteBox",
    "audit_leakage",
    "bottleneck_objective",
    "divergence",
    "information_loss",
    "load_model",
    "save_model",
    "smoothed_cross_entropy",
    "with_bottleneck",
]
