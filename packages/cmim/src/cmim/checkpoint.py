"""Models from the folders that `Model.save` wrote."""

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from cmim._folders import open_folder
from cmim.config import ModelConfig
from cmim.decoders import Decoder
from cmim.encoders import Encoder
from cmim.model import Model
from infocore.errors import CheckpointError, ParameterError

__all__ = ["load", "rebuild"]


def load(
    path: str | os.PathLike[str], *, encoder: Encoder | None = None, decoder: Decoder | None = None
) -> Model:  # fmt: skip
    """Read a model that `Model.save` wrote.

    Parameters
    ----------
    path : path
        The folder.
    encoder, decoder : torch.nn.Module, optional
        Freshly built modules of the same shape, if the model was made with your own.

    Returns
    -------
    Model
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If anything is missing, damaged, of another kind or format, or made with other modules.
    """
    found = open_folder(path, "cmim.Model", "cmim.load")
    return rebuild(found.meta, found.weights, path, encoder=encoder, decoder=decoder)


def rebuild(
    facts: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    *,
    encoder: Encoder | None = None,
    decoder: Decoder | None = None,
) -> Model:
    """Make a model of its facts and weights.

    Parameters
    ----------
    facts : mapping
        As `Model.facts` returned them.
    weights : mapping of str to Tensor
        Its state.
    path : path
        Where they were read, for messages.
    encoder, decoder : torch.nn.Module, optional
        As in `load`.

    Returns
    -------
    Model
        On the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        If they do not fit together.
    """
    try:
        model = Model(ModelConfig.from_dict(facts["config"]), encoder=encoder, decoder=decoder)
    except (KeyError, TypeError, ParameterError) as e:
        raise CheckpointError(f"cmim.load: the configuration in {path} is not one of this version ({e}).") from e
    for name in ("encoder", "decoder"):
        got = type(getattr(model, name)).__qualname__
        if facts.get(name) != got:
            raise CheckpointError(
                f"cmim.load: {path} was saved with {name} {facts.get(name)}, not {got}. Pass `{name}=`."
            )
    try:
        model.load_state_dict(dict(weights))
    except RuntimeError as e:
        raise CheckpointError(f"cmim.load: the weights in {path} do not fit the model: {e}") from e
    return model.eval()
