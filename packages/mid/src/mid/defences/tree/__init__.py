"""Decision trees trained to release little about their input."""

from mid.defences.tree._prune import PruningPath as PruningPath
from mid.defences.tree.classifier import MIDDecisionTreeClassifier as MIDDecisionTreeClassifier
from mid.defences.tree.regressor import MIDDecisionTreeRegressor as MIDDecisionTreeRegressor
from mid.defences.tree.settings import Defence as Defence
from mid.defences.tree.settings import InformationPruning as InformationPruning
from mid.defences.tree.settings import LabelEntropy as LabelEntropy
from mid.defences.tree.settings import LeafPruning as LeafPruning
from mid.defences.tree.settings import LeafSmoothing as LeafSmoothing
from mid.defences.tree.settings import LearnedSmoothing as LearnedSmoothing
from mid.defences.tree.settings import Priority as Priority
from mid.defences.tree.settings import SensitivePenalty as SensitivePenalty

__all__ = [
    "Defence",
    "InformationPruning",
    "LabelEntropy",
    "LeafPruning",
    "LeafSmoothing",
    "LearnedSmoothing",
    "MIDDecisionTreeClassifier",
    "MIDDecisionTreeRegressor",
    "Priority",
    "PruningPath",
    "SensitivePenalty",
]
