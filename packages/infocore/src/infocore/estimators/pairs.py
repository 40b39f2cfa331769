"""Mutual information of every two columns of a table."""

# scipy and joblib have no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from typing import Any

import numpy as np

from infocore._validate import Floats, sample
from infocore.errors import DegenerateWarning, ParameterError
from infocore.estimators._ksg import Margins, check_k, scaled
from infocore.estimators._neighbours import joint_counts

__all__ = ["ksg_matrix"]


def ksg_matrix(columns: Any, k: int = 3, *, margins: Margins = "standard", n_jobs: int | None = None) -> Floats:
    r"""`KSG`, variant 1, of every two columns.

    Each column is checked, scaled and sorted once and not once a pair, and the pairs are shared among threads or,
    inside ``joblib.parallel_config``, among whatever that names (processes, Dask, Ray).

    Parameters
    ----------
    columns : array-like of shape (n, d), or pandas DataFrame
        Numbers.
    k : int
        Neighbours.
    margins : {"standard", "rank", "none"}
        Scale of each column, as in `KSG`.
    n_jobs : int, optional
        Workers of joblib; -1 for all cores, one if not given and joblib is not configured otherwise.

    Returns
    -------
    array of shape (d, d)
        Nats, symmetric, not clipped at zero; infinity on the diagonal, for that is what a continuous variable tells of
        itself. A constant column has no information: its row is zero.

    Raises
    ------
    ShapeError, NonFiniteError, KindError, TooFewSamplesError, ParameterError
        If `columns` are not a sample of numbers, or a setting is out of range.

    Warns
    -----
    DegenerateWarning
        If a column repeats values, for which the estimator has no allowance, or never changes.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y, z = rng.standard_normal((3, 1000))
    >>> ksg_matrix(np.stack([x, x + y, z], axis=1)).round(2)  # truth 0.35, 0, 0
    array([[  inf,  0.36, -0.01],
           [ 0.36,   inf,  0.03],
           [-0.01,  0.03,   inf]])
    """
    import warnings

    from joblib import Parallel, delayed
    from scipy.special import digamma

    side = sample(columns, "ksg_matrix", "columns")
    n, d = side.values.shape
    check_k(k, n, "ksg_matrix")
    if d < 2:
        raise ParameterError(f"ksg_matrix: `columns` must be at least two; got {d}.")
    varied = [j for j, constant in enumerate(side.constant) if not constant]
    numbers = side.take(varied).numbers("ksg_matrix")
    constant = [name for name, same in zip(side.names, side.constant, strict=True) if same]
    if constant:
        warnings.warn(
            f"ksg_matrix: constant column {', '.join(constant)}: what never changes carries no information.",
            DegenerateWarning,
            stacklevel=2,
        )
    repeating = [side.names[j] for j in varied if side.kinds[j] != "continuous"]
    if repeating:
        warnings.warn(
            f"ksg_matrix: values repeat in {', '.join(repeating)}, which this method does not allow for.",
            DegenerateWarning,
            stacklevel=2,
        )
    table = np.zeros((d, n))
    table[varied] = scaled(numbers, margins, "ksg_matrix").T
    orders = np.argsort(table, axis=1)
    psi, ks = digamma(np.arange(1, n + 1)), np.array([k])

    def pair(i: int, j: int) -> float:
        joint = joint_counts(table[i, :, None], table[j, :, None], ks, orders=(orders[i], orders[j]))
        nx, ny = np.maximum(joint.nx, 1) - 1, np.maximum(joint.ny, 1) - 1
        return float(psi[k - 1] + psi[n - 1] - np.mean(psi[nx] + psi[ny]))

    def row(place: int) -> list[float]:
        return [pair(varied[place], j) for j in varied[place + 1 :]]

    # the kernels hold no lock, so threads do, and nothing is copied
    rows = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(row)(place) for place in range(len(varied)))
    out = np.zeros((d, d))
    out[varied, varied] = np.inf
    for place, values in enumerate(rows):
        i, others = varied[place], varied[place + 1 :]
        out[i, others] = out[others, i] = values
    return out
