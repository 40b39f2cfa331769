"""How an attacker reads an answer: reversible, so it gains no information, but easier to learn from."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mid.attacks.protocols import Output

__all__ = ["centred", "read"]

_FLOOR = 1e-30  # probabilities below this are read as this; float32 holds them down to 1e-38


def read(answers: ArrayLike, output: Output) -> NDArray[np.float64]:
    """Answers on a scale that a network can learn from: probabilities in logs, logits as they are.

    Softmax hides nothing but a common offset of the logits, and its logarithm brings the rest back: an attack that
    reads raw probabilities mistakes its own weakness for protection.

    Parameters
    ----------
    answers : array of shape (n, C)
        What was released.
    output : {"logits", "probabilities"}
        What it is.

    Returns
    -------
    array of shape (n, C)
        Logits, or ``log(p / 1e-30)``, which is 0 for entries that were cut to 0.

    Examples
    --------
    >>> read([[1.0, 0.0]], "probabilities").round(1).tolist()
    [[69.1, 0.0]]
    """
    values = np.asarray(answers, dtype=np.float64)
    return np.log(np.maximum(values, _FLOOR) / _FLOOR) if output == "probabilities" else values


def centred(answers: ArrayLike, output: Output) -> NDArray[np.float64]:
    """Answers as numbers that can be compared: values as they are, scores in logs without their common offset.

    Parameters
    ----------
    answers : array of shape (...,) or (..., C)
        Values, or scores.
    output : {"values", "probabilities", "logits"}
        What they are.

    Returns
    -------
    array of the same shape
        The offset of a row of scores carries nothing.

    Examples
    --------
    >>> centred([[0.8, 0.2]], "probabilities").round(3).tolist()
    [[0.693, -0.693]]
    """
    if output == "values":
        return np.asarray(answers, dtype=np.float64)
    logs = read(answers, output)
    return logs - logs.mean(-1, keepdims=True)
