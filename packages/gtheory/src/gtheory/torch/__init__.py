"""What needs torch: truth functions learned by a network, as a loss and behind scikit-learn's words."""

from infocore.errors import MissingExtraError

try:
    from gtheory.torch.classifier import NeuralTruthClassifier
    from gtheory.torch.loss import SemanticInfoLoss
except ModuleNotFoundError as e:
    raise MissingExtraError(
        f"gtheory.torch needs {e.name}, which is not installed. From a checkout: "
        "pip install -c constraints.txt './packages/infocore[torch]' './packages/gtheory[torch]'"
    ) from e

__all__ = ["NeuralTruthClassifier", "SemanticInfoLoss"]
