"""The model that comes with the package."""

import functools
import importlib.resources

from cmim.molecules.embedder import MoleculeEmbedder

__all__ = ["PRETRAINED", "pretrained"]

PRETRAINED = "moses-1"


@functools.cache
def pretrained() -> MoleculeEmbedder:
    """Load the model that comes with the package: cMIM, trained on MOSES.

    Its settings, the sha256 of what it was trained on, the log of its training and what it can do are in files beside
    its weights, and in the guide.

    Returns
    -------
    MoleculeEmbedder
        Fitted. It is loaded once, and shared: fit a new one rather than this one.

    Examples
    --------
    >>> embedder = pretrained()
    >>> embedder.embed(["CC(=O)Oc1ccccc1C(=O)O", "not a molecule"]).valid.tolist()
    [True, False]
    """
    folder = importlib.resources.files("cmim.molecules").joinpath("checkpoints", PRETRAINED)
    with importlib.resources.as_file(folder) as path:
        return MoleculeEmbedder.load(path)
