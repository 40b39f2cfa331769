"""Entropy and mutual information of counts, in nats, plug-in or with the Miller-Madow correction."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import InvalidDistributionError, ParameterError, ShapeError

__all__ = ["Correction", "entropy", "mutual_information_from_counts"]

Correction = Literal["none", "miller-madow"]


def entropy(counts: ArrayLike, correction: Correction = "none") -> float:
    r"""Entropy of a law from how often each value was seen.

    .. math:: \hat H = -\sum_i \frac{c_i}{n} \log \frac{c_i}{n} \;\Bigl[ + \frac{K - 1}{2n} \Bigr]

    Parameters
    ----------
    counts : array of any shape
        Non-negative whole numbers; zeros are values that were not seen.
    correction : {"none", "miller-madow"}
        The bracket, with K the number of values seen.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        If `correction` is not one of its values.

    References
    ----------
    .. [1] G. Miller, "Note on the bias of information estimates", in Information Theory in Psychology, 1955.

    Examples
    --------
    >>> round(entropy([1, 1]), 6), round(entropy([1, 1], "miller-madow"), 6)
    (0.693147, 0.943147)
    """
    check_correction(correction, "entropy")
    c = _counts(counts, "entropy")
    seen = c[c > 0]
    n = seen.sum()
    plug_in = float(np.log(n) - (seen @ np.log(seen)) / n)
    return plug_in + (0.0 if correction == "none" else (len(seen) - 1) / (2 * float(n)))


def mutual_information_from_counts(table: ArrayLike, correction: Correction = "none") -> float:
    r"""Mutual information of the rows and columns of a table of counts.

    .. math:: \hat I = \hat H(X) + \hat H(Y) - \hat H(X, Y)

    Parameters
    ----------
    table : array of shape (Kx, Ky)
        Non-negative whole numbers.
    correction : {"none", "miller-madow"}
        Applied to the three entropies: together :math:`(K_x + K_y - K_{xy} - 1)/(2n)` with the numbers of rows,
        columns and cells that were seen.

    Returns
    -------
    float
        In nats; may be negative with the correction.

    Raises
    ------
    ShapeError
        If `table` is not 2-D.
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        If `correction` is not one of its values.

    Examples
    --------
    >>> round(mutual_information_from_counts([[2, 0], [0, 2]]), 6)
    0.693147
    """
    check_correction(correction, "mutual_information_from_counts")
    c = _counts(table, "mutual_information_from_counts")
    if c.ndim != 2:
        raise ShapeError(f"mutual_information_from_counts: `table` must be 2-D; got {c.ndim} axes.")
    return entropy(c.sum(1), correction) + entropy(c.sum(0), correction) - entropy(c, correction)


def check_correction(correction: Any, caller: str) -> None:
    """Refuse an unknown correction."""
    if correction not in get_args(Correction):
        raise ParameterError(
            f"{caller}: `correction` must be one of {', '.join(get_args(Correction))}; got {correction!r}."
        )


def _counts(counts: ArrayLike, caller: str) -> NDArray[np.float64]:
    c = np.asarray(counts, np.float64)
    if not np.isfinite(c).all() or (c < 0).any() or (c != np.floor(c)).any() or not c.any():
        raise InvalidDistributionError(
            f"{caller}: counts must be whole numbers >= 0, at least one of them positive; for probabilities "
            "multiply by the sample size."
        )
    return c
