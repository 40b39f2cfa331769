"""A network saved by ``torch.export.save`` as the target of an audit."""

import dataclasses
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from infocore.errors import DataError, KindError, ParameterError, ShapeError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output

__all__ = ["ExportedModel"]


@dataclasses.dataclass(frozen=True, eq=False)
class ExportedModel:
    """A network that reads rows of numbers and answers with logits, or with one value (`mid.attacks.Target`).

    Make one with `ExportedModel.read`.

    Parameters
    ----------
    module : callable
        Takes a float32 tensor of shape (B, dx); returns logits of shape (B, C), or values of shape (B,) or (B, 1).
    classes_ : array of shape (C,) or None
        Labels of a classifier, sorted as its logits are; None for a regressor.
    """

    module: Any
    classes_: NDArray[Any] | None

    @classmethod
    def read(cls, path: str | os.PathLike[str], classes: ArrayLike | None) -> "ExportedModel":
        """Read a file of ``torch.export.save``. **Only from a source you trust**: such a file can hold pickled tensors.

        Parameters
        ----------
        path : path
            The file; it must have been exported with a dynamic batch dimension.
        classes : array of shape (C,), optional
            Labels of a classifier.

        Returns
        -------
        ExportedModel
            Ready to answer.

        Raises
        ------
        DataError
            If the file cannot be read.
        """
        try:
            module = torch.export.load(os.fspath(path)).module()
        except Exception as e:
            raise DataError(f"ExportedModel.read: {path} cannot be read by torch.export: {e}") from e
        return cls(module, None if classes is None else np.asarray(classes))

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output,
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,  # noqa: ARG002 - part of the protocol
    ) -> NDArray[Any]:
        """Answer a batch of queries.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Numbers only.
        output : {"labels", "values", "probabilities", "logits"}
            What is released.
        queries : int
            Without effect: an exported network has no noise that can be seeded.
        access : {"sampled", "mean"}
            Without effect, likewise.
        rng : int or numpy.random.Generator
            Without effect, likewise.

        Returns
        -------
        array of shape (n,) or (n, C)
            Labels and values, or scores.

        Raises
        ------
        KindError
            If a column does not hold numbers.
        ParameterError
            If the network does not answer with `output`.
        ShapeError
            If the network answers with something of another shape.
        """
        caller = "ExportedModel.release"
        check_release(caller, output, queries, access)
        try:
            rows = torch.from_numpy(np.ascontiguousarray(np.asarray(X), np.float32))
        except ValueError as e:
            raise KindError(f"{caller}: `X` must hold numbers only; encode categories before the audit. {e}") from e
        with torch.no_grad():
            answer = self.module(rows).double()
        if (output == "values") != (self.classes_ is None):
            kind = "regressor: ask for values" if self.classes_ is None else "classifier: ask for labels or scores"
            raise ParameterError(
                f"{caller}: `output` {output!r} is not what this network answers with; it is a {kind}."
            )
        if self.classes_ is None:
            if answer.numel() != len(rows):
                raise ShapeError(f"{caller}: a regressor must answer with one value a row; got {tuple(answer.shape)}.")
            return answer.reshape(len(rows)).numpy()
        if answer.shape != (len(rows), len(self.classes_)):
            raise ShapeError(
                f"{caller}: the network must answer with {len(self.classes_)} logits a row, one for each label of the "
                f"response; got {tuple(answer.shape)}."
            )
        if output == "labels":
            return self.classes_[answer.argmax(1).numpy()]
        return (answer if output == "logits" else torch.softmax(answer, 1)).numpy()
