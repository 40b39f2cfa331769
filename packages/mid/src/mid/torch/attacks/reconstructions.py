"""`ClassReconstructions`: what an attack on classes hands over to the judge, and settings in JSON types."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

__all__ = ["ClassReconstructions", "settings_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class ClassReconstructions:
    """Images an attack believes to show the classes of a target.

    Parameters
    ----------
    images : array of shape (n, dx)
        The reconstructions.
    classes : array of shape (n,)
        The class each one is meant to show, as a column of the target's logits.
    scores : array of shape (n,)
        The target's own probability of the class, averaged over fresh draws of its noise; for a label-only attack the
        share of answers with that label. High scores say that the target was fooled, not that anything was learned
        about the data: that is for `mid.torch.class_judge.judge_classes`.
    queries : int
        Answers asked of the target, every draw of every row counted, those for the training of a generator included.
    steps : int
        Gradient steps of the attack (of a label-only attack: moves), without the training of a generator.
    settings : mapping
        Name and settings of the attack in JSON types; of arrays the shape.
    """

    images: NDArray[np.float32]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    queries: int
    steps: int
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        """One line: attack, number of images, the target's own score and the price."""
        return (
            f"{self.settings['kind']}: {len(self.images)} images of {len(np.unique(self.classes))} classes, the target "
            f"gives them {self.scores.mean():.3f} on average; {self.queries} queries, {self.steps} steps."
        )


def settings_of(value: Any) -> Any:
    """Put settings into JSON types.

    Parameters
    ----------
    value : object
        A dataclass of settings, an array, a number, a sequence, a module or a function.

    Returns
    -------
    object
        A dataclass as a mapping with its name under "kind"; arrays and tensors as their shape; modules, functions and
        other objects as the name of their type, or their own name.

    Examples
    --------
    >>> settings_of((1, np.zeros((2, 3))))
    [1, {'shape': [2, 3]}]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "shape"):
        return {"shape": [int(n) for n in value.shape]}
    if isinstance(value, list | tuple):
        return [settings_of(item) for item in value]
    if hasattr(value, "summary"):
        return value.summary()
    if dataclasses.is_dataclass(value) and not isinstance(value, type | nn.Module):
        fields = {field.name: settings_of(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__} | fields
    return getattr(value, "__name__", type(value).__name__)
