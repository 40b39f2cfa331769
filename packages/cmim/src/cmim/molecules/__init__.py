"""Molecules as SMILES: read, embed, sample and optimise them. Needs the extra ``cmim[mol]``.

Names are loaded when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmim.molecules.augmentation import augment as augment
    from cmim.molecules.augmentation import randomise as randomise
    from cmim.molecules.augmentation import scaffold as scaffold
    from cmim.molecules.chemistry import Molecules as Molecules
    from cmim.molecules.chemistry import canonical as canonical
    from cmim.molecules.chemistry import read_molecules as read_molecules
    from cmim.molecules.corpus.batches import SmilesBatches as SmilesBatches
    from cmim.molecules.corpus.files import TextBlocks as TextBlocks
    from cmim.molecules.corpus.files import open_corpus as open_corpus
    from cmim.molecules.embedder import Embedded as Embedded
    from cmim.molecules.embedder import MoleculeEmbedder as MoleculeEmbedder
    from cmim.molecules.pictures import grid as grid
    from cmim.molecules.properties.datasets import PropertySet as PropertySet
    from cmim.molecules.properties.datasets import moses as moses
    from cmim.molecules.properties.datasets import property_set as property_set
    from cmim.molecules.properties.datasets import read_properties as read_properties
    from cmim.molecules.properties.descriptors import morgan_counts as morgan_counts
    from cmim.molecules.properties.descriptors import rdkit_descriptors as rdkit_descriptors
    from cmim.molecules.properties.prediction import PropertyScores as PropertyScores
    from cmim.molecules.properties.prediction import evaluate_properties as evaluate_properties
    from cmim.molecules.properties.splits import parents as parents
    from cmim.molecules.properties.splits import random_folds as random_folds
    from cmim.molecules.properties.splits import scaffold_folds as scaffold_folds
    from cmim.molecules.quality.distribution import DistributionMetrics as DistributionMetrics
    from cmim.molecules.quality.distribution import distribution_metrics as distribution_metrics
    from cmim.molecules.quality.metrics import GenerationMetrics as GenerationMetrics
    from cmim.molecules.quality.metrics import NeighbourhoodMetrics as NeighbourhoodMetrics
    from cmim.molecules.quality.metrics import generation_metrics as generation_metrics
    from cmim.molecules.quality.metrics import neighbourhood_metrics as neighbourhood_metrics
    from cmim.molecules.search.found import OptimisationResult as OptimisationResult
    from cmim.molecules.search.optimisation import optimise as optimise
    from cmim.molecules.search.optimisation import random_search as random_search
    from cmim.molecules.search.scores import at_least as at_least
    from cmim.molecules.search.scores import named_score as named_score
    from cmim.molecules.search.scores import score_molecules as score_molecules
    from cmim.molecules.shipped import pretrained as pretrained
    from cmim.molecules.tokens import Vocabulary as Vocabulary

_WHERE = {
    "DistributionMetrics": "quality.distribution",
    "Embedded": "embedder",
    "GenerationMetrics": "quality.metrics",
    "MoleculeEmbedder": "embedder",
    "Molecules": "chemistry",
    "NeighbourhoodMetrics": "quality.metrics",
    "OptimisationResult": "search.found",
    "PropertyScores": "properties.prediction",
    "PropertySet": "properties.datasets",
    "SmilesBatches": "corpus.batches",
    "TextBlocks": "corpus.files",
    "Vocabulary": "tokens",
    "at_least": "search.scores",
    "augment": "augmentation",
    "canonical": "chemistry",
    "distribution_metrics": "quality.distribution",
    "evaluate_properties": "properties.prediction",
    "generation_metrics": "quality.metrics",
    "grid": "pictures",
    "morgan_counts": "properties.descriptors",
    "moses": "properties.datasets",
    "named_score": "search.scores",
    "neighbourhood_metrics": "quality.metrics",
    "open_corpus": "corpus.files",
    "optimise": "search.optimisation",
    "pretrained": "shipped",
    "property_set": "properties.datasets",
    "parents": "properties.splits",
    "random_folds": "properties.splits",
    "random_search": "search.optimisation",
    "randomise": "augmentation",
    "rdkit_descriptors": "properties.descriptors",
    "read_molecules": "chemistry",
    "read_properties": "properties.datasets",
    "scaffold": "augmentation",
    "scaffold_folds": "properties.splits",
    "score_molecules": "search.scores",
}

__all__ = [
    "DistributionMetrics",
    "Embedded",
    "GenerationMetrics",
    "MoleculeEmbedder",
    "Molecules",
    "NeighbourhoodMetrics",
    "OptimisationResult",
    "PropertyScores",
    "PropertySet",
    "SmilesBatches",
    "TextBlocks",
    "Vocabulary",
    "at_least",
    "augment",
    "canonical",
    "distribution_metrics",
    "evaluate_properties",
    "generation_metrics",
    "grid",
    "morgan_counts",
    "moses",
    "named_score",
    "neighbourhood_metrics",
    "open_corpus",
    "optimise",
    "parents",
    "pretrained",
    "property_set",
    "random_folds",
    "random_search",
    "randomise",
    "rdkit_descriptors",
    "read_molecules",
    "read_properties",
    "scaffold",
    "scaffold_folds",
    "score_molecules",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cmim.molecules' has no attribute {name!r}")
    return getattr(importlib.import_module(f"cmim.molecules.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
