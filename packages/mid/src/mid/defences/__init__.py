"""Models trained to release little about their input, releases that say little, and what they must be compared with."""

from mid.defences.baselines import drop_attribute as drop_attribute
from mid.defences.baselines import scale_attribute as scale_attribute
from mid.defences.baselines import shrink as shrink
from mid.defences.dp_tree import DPDecisionTreeClassifier as DPDecisionTreeClassifier
from mid.defences.functional import FunctionalMechanismRegression as FunctionalMechanismRegression
from mid.defences.linear import MIDLinearRegression as MIDLinearRegression
from mid.defences.noisy import NoisyRelease as NoisyRelease
from mid.defences.postprocess import LabelOnly as LabelOnly
from mid.defences.postprocess import Mixing as Mixing
from mid.defences.postprocess import PostProcessed as PostProcessed
from mid.defences.postprocess import Rounding as Rounding
from mid.defences.postprocess import Temperature as Temperature
from mid.defences.postprocess import TopK as TopK
from mid.defences.tree import InformationPruning as InformationPruning
from mid.defences.tree import LabelEntropy as LabelEntropy
from mid.defences.tree import LeafPruning as LeafPruning
from mid.defences.tree import LeafSmoothing as LeafSmoothing
from mid.defences.tree import LearnedSmoothing as LearnedSmoothing
from mid.defences.tree import MIDDecisionTreeClassifier as MIDDecisionTreeClassifier
from mid.defences.tree import MIDDecisionTreeRegressor as MIDDecisionTreeRegressor
from mid.defences.tree import Priority as Priority
from mid.defences.tree import SensitivePenalty as SensitivePenalty

__all__ = [
    "DPDecisionTreeClassifier",
    "FunctionalMechanismRegression",
    "InformationPruning",
    "LabelEntropy",
    "LabelOnly",
    "LeafPruning",
    "LeafSmoothing",
    "LearnedSmoothing",
    "MIDDecisionTreeClassifier",
    "MIDDecisionTreeRegressor",
    "MIDLinearRegression",
    "Mixing",
    "NoisyRelease",
    "PostProcessed",
    "Priority",
    "Rounding",
    "SensitivePenalty",
    "Temperature",
    "TopK",
    "drop_attribute",
    "scale_attribute",
    "shrink",
]
