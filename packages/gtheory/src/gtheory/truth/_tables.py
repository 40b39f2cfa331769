"""Truth functions given by a table: at certain x, from the scores of a critic, from a distortion."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from gtheory.truth._base import TruthFunction, numbers
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, real

__all__ = ["Tabulated", "from_distortion", "from_scores"]


@dataclasses.dataclass(frozen=True)
class Tabulated(TruthFunction):
    """A truth function known at certain x only, such as a column of `optimal_truth`.

    Parameters
    ----------
    x : sequence of float, of length m
        The values at which it is known, each once.
    values : sequence of float, of length m
        Degrees of truth in [0, 1]; NaN where undefined.

    Raises
    ------
    ShapeError
        If `x` and `values` differ in length or are empty.
    NonFiniteError
        If an entry of `x` is NaN or infinite.
    ParameterError
        If an `x` is there twice; and from ``log`` and a call, if asked for an x that is not in the table.
    InvalidDistributionError
        If a value is outside [0, 1].

    Examples
    --------
    >>> Tabulated((0, 1, 2), (0.1, 1.0, 0.4))([2, 0]).round(12).tolist()
    [0.4, 0.1]
    """

    x: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        x, values = real(self.x, "Tabulated", "x", ndim=1), real(self.values, "Tabulated", "values", ndim=1)
        if len(x) != len(values):
            raise ShapeError(f"Tabulated: `x` and `values` must be equally long; got {len(x)} and {len(values)}.")
        if not np.isfinite(x).all():
            raise NonFiniteError("Tabulated: `x` holds NaN or infinity; leave those entries out.")
        if len(np.unique(x)) != len(x):
            raise ParameterError("Tabulated: `x` must name each value once; some are repeated.")
        if (values < 0).any() or (values > 1).any():
            raise InvalidDistributionError(
                f"Tabulated: `values` must be in [0, 1]; got {np.nanmin(values):.6g} to {np.nanmax(values):.6g}."
            )
        object.__setattr__(self, "x", tuple(x.tolist()))
        object.__setattr__(self, "values", tuple(values.tolist()))

    def log(self, x: ArrayLike) -> Floats:
        """Return the logarithm of the tabulated values at `x`; an x that is not in the table is an error."""
        wanted = numbers(x)
        table = np.array(self.x)
        order = np.argsort(table)
        place = order[np.minimum(np.searchsorted(table, wanted, sorter=order), len(table) - 1)]
        unknown = np.unique(wanted[table[place] != wanted])
        if len(unknown):
            raise ParameterError(
                f"Tabulated: `x` holds {len(unknown)} values that are not in the table, the first {unknown[0]!r}. "
                "A table does not say what is true between its entries."
            )
        with np.errstate(divide="ignore"):
            return np.log(np.array(self.values)[place])


def from_scores(scores: ArrayLike, *, log: bool = False) -> Floats:
    r"""Truth matrix that a critic defines, :math:`T(\theta_j|x_i) = e^{f(x_i, y_j) - \max_k f(x_k, y_j)}`.

    The maximum is over the x given, so on a batch it is at most the true one and T is biased up. Information is not
    affected: it does not depend on the scale of a column.

    Parameters
    ----------
    scores : array of shape (m, n)
        ``f(x_i, y_j)``, a critic's or a similarity over a temperature; -inf allowed.
    log : bool
        Whether to return log T, which does not underflow.

    Returns
    -------
    ndarray of shape (m, n)
        Each column has maximum 1.

    Raises
    ------
    ShapeError, KindError
        If `scores` is not a real matrix.
    NonFiniteError
        If it holds NaN or +inf, or a column nothing but -inf.

    References
    ----------
    .. [1] C. Lu, "Reviewing Evolution of Learning Functions and Semantic Information Measures for Understanding Deep
       Learning", Entropy 25:802, 2023 (the idea; form derived).

    Examples
    --------
    >>> from_scores([[2.0, 0.0], [0.0, 2.0]]).round(4).tolist()
    [[1.0, 0.1353], [0.1353, 1.0]]
    """
    f = real(scores, "from_scores", "scores", ndim=2)
    top = f.max(0)
    if not np.isfinite(top).all():
        raise NonFiniteError(
            f"from_scores: `scores` must have a finite maximum in each column; {int((~np.isfinite(top)).sum())} of "
            f"{len(top)} columns hold NaN, +inf or nothing but -inf."
        )
    return f - top if log else np.exp(f - top)


def from_distortion(distortion: ArrayLike, *, log: bool = False) -> Floats:
    r"""Truth matrix that a distortion defines, :math:`T(\theta_j|x_i) = e^{-d(x_i, y_j)}`.

    Parameters
    ----------
    distortion : array of shape (m, n)
        Non-negative, in nats of semantic distortion; +inf makes the label false there.
    log : bool
        Whether to return log T, which is the negative distortion.

    Returns
    -------
    ndarray of shape (m, n)

    Raises
    ------
    ShapeError, KindError
        If `distortion` is not a real matrix.
    InvalidDistributionError
        If it is negative or NaN somewhere.

    Examples
    --------
    >>> from_distortion([[0.0, 1.0], [1.0, 0.0]]).round(4).tolist()
    [[1.0, 0.3679], [0.3679, 1.0]]
    """
    d = real(distortion, "from_distortion", "distortion", ndim=2)
    if not (d >= 0).all():
        raise InvalidDistributionError(
            f"from_distortion: `distortion` must be non-negative, as T = exp(-d) is at most 1; got {np.nanmin(d):.6g} "
            f"as smallest entry and {int(np.isnan(d).sum())} NaN. Subtract each column's minimum."
        )
    return -d if log else np.exp(-d)
