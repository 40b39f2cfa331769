"""`Predictor`: any fitted scikit-learn predictor as the target of an attack."""

import dataclasses
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import get_tags

from infocore.errors import ParameterError
from mid.attacks.protocols import Access, Output

__all__ = ["Predictor", "check_release", "last_step", "most_frequent"]


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A fitted scikit-learn classifier, regressor or pipeline that answers queries (`mid.attacks.Target`).

    Parameters
    ----------
    model : estimator
        Fitted; with `predict`, and `predict_proba` if probabilities are wanted. One that has a `release` of its own, or
        a pipeline that ends in one, answers by it.

    Notes
    -----
    A predictor of scikit-learn draws its noise, if it has any, from a state of its own: `rng` reaches only models
    with a `release`. Whether there is noise is seen by asking twice.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    >>> Predictor(line).release([[3.0]], output="values").round(6).tolist()
    [6.0]
    """

    model: Any

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output,
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[Any]:
        """Answer a batch of queries.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"labels", "values", "probabilities", "logits"}
            What is released.
        queries : int
            How often each record is asked, if answers are noisy.
        access : {"sampled", "mean"}
            Noisy answers or the answer without noise.
        rng : int or numpy.random.Generator
            Seed of the noise.

        Returns
        -------
        array of shape (n,) or (n, C)
            Labels and values, or scores.

        Raises
        ------
        ParameterError
            If the model cannot answer with `output`, or answers are noisy and the answer without noise is asked for.
        """
        check_release("Predictor.release", output, queries, access)
        model, before = last_step(self.model)
        if hasattr(model, "release"):
            x = before(X)
            # a model that answers without noise when it is used is not to be asked as if it had some
            access = "mean" if getattr(model, "release_as", None) == "mean" else access
            return np.asarray(model.release(x, output=output, queries=queries, access=access, rng=rng))
        answer, rows = _method(self.model, output), _rows(self.model, X)
        first = np.asarray(answer(rows))
        if queries == 1 and access == "sampled":
            return first
        second = np.asarray(answer(rows))
        if np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
            return first  # no noise: asking again would bring the same
        if access == "mean":
            raise ParameterError(
                f'Predictor.release: `access` must be "sampled" for a {type(self.model).__name__}: its answers are '
                "noisy, and it does not say what they are without noise."
            )
        answers = [first, second, *(np.asarray(answer(rows)) for _ in range(queries - 2))]
        return most_frequent(answers) if output == "labels" else np.mean(answers, axis=0)


def check_release(caller: str, output: str, queries: int, access: str) -> None:
    """Refuse settings of a query that are not among those that exist.

    Parameters
    ----------
    caller : str
        Who asks.
    output, queries, access : str, int, str
        As in `mid.attacks.Target.release`.

    Raises
    ------
    ParameterError
        If one is not among its values.
    """
    for name, value, allowed in (("output", output, get_args(Output)), ("access", access, get_args(Access))):
        if value not in allowed:
            raise ParameterError(f"{caller}: `{name}` must be one of {allowed}; got {value!r}.")
    if queries < 1:
        raise ParameterError(f"{caller}: `queries` must be at least 1; got {queries}.")


def most_frequent(answers: list[NDArray[Any]]) -> NDArray[Any]:
    """Label that was answered most often, for each record.

    Parameters
    ----------
    answers : list of arrays of shape (n,)
        The labels of each round of queries.

    Returns
    -------
    array of shape (n,)
        Of labels as frequent as each other, the first in their order.
    """
    labels, codes = np.unique(np.stack(answers), return_inverse=True)
    codes = codes.reshape(len(answers), -1)
    counts = np.stack([(codes == k).sum(0) for k in range(len(labels))])
    return labels[counts.argmax(0)]


def last_step(model: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Split a pipeline into the model at its end and what brings records to that model's input.

    Parameters
    ----------
    model : estimator
        A pipeline, or a model by itself.

    Returns
    -------
    tuple of model and callable
        Of a model by itself, the model, and a function that leaves records as they are.
    """
    steps = getattr(model, "steps", None)
    if not steps:
        return model, lambda x: x
    return steps[-1][1], model[:-1].transform if len(steps) > 1 else lambda x: x


def _method(model: Any, output: str) -> Any:
    name, kind = {
        "labels": ("predict", "classifier"),
        "probabilities": ("predict_proba", "classifier"),
        "values": ("predict", "regressor"),
    }.get(output, ("", ""))
    known = get_tags(model).estimator_type if hasattr(model, "__sklearn_tags__") else None
    if not hasattr(model, name) or known not in (None, kind):
        raise ParameterError(
            f"Predictor.release: `output` {output!r} is not what a {type(model).__name__} answers with; ask for labels "
            "or probabilities of a classifier with predict_proba, for values of a regressor."
        )
    return getattr(model, name)


def _rows(model: Any, x: Any) -> Any:
    """Rows in the form in which the model was fitted: one that knows no names of columns is asked with an array."""
    nameless = hasattr(model, "n_features_in_") and not hasattr(model, "feature_names_in_")
    return x.to_numpy() if nameless and isinstance(x, pd.DataFrame) else x
