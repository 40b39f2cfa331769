"""Capacity of a discrete memoryless channel, with a certificate of how far it is from the optimum."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import numpy as np
from numpy.typing import ArrayLike

from infocore.rate._descent import Problem, descend
from infocore.rate._points import CapacityPoint, check_settings, report
from infocore.semantic import channel


def channel_capacity(ch: ArrayLike, *, tol: float = 1e-6, max_iter: int = 1000) -> CapacityPoint:
    r"""Capacity of a discrete memoryless channel.

    Parameters
    ----------
    ch : array of shape (m, n)
        ``P(y_j|x_i)``; rows sum to 1.
    tol : float
        Largest duality gap to stop at, in nats.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    CapacityPoint
        In nats.

    Raises
    ------
    ParameterError
        If `tol` is not positive or `max_iter` not at least 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If `ch` is no channel.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first; the gap that was left is in the message and in the result.

    Notes
    -----
    The capacity lies between :math:`I(p)` and :math:`\max_i \mathrm{KL}(P(y|x_i) \| P(y))`; the difference is `gap`.

    References
    ----------
    .. [1] S. Arimoto, "An Algorithm for Computing the Capacity of Arbitrary Discrete Memoryless Channels", IEEE Trans.
       Inf. Theory 18:14, 1972.

    Examples
    --------
    >>> import math
    >>> point = channel_capacity([[1.0, 0.0], [0.5, 0.5]])  # Z-channel: log2(5/4) bits
    >>> round(point.capacity / math.log(2), 6)
    0.321928
    """
    from scipy.special import xlogy

    caller = "channel_capacity"
    w = channel(ch, caller, "ch")
    check_settings(tol, max_iter, caller)
    w = w / w.sum(1, keepdims=True)  # the certificate is about laws, and rows may be off by 1e-8
    w = np.where(w < 1e-200, 0.0, w)  # such an entry can underflow to an output that is used and never comes
    w = w[:, w.any(0)]  # an output that never comes has no information and no derivative

    problem = Problem(
        columns=w.T,
        linear=xlogy(w, w).sum(1),
        value=lambda py: float(xlogy(py, py).sum()),
        slope=lambda py: np.log(py) + 1.0,
        bend=lambda py: 1.0 / np.sqrt(py),
        gap=lambda divergences, mean: float(divergences.max()) - mean,
        multiplier=lambda divergences, _: np.exp(divergences - divergences.max()),
    )
    p, gap, n_iter = descend(problem, np.full(len(w), 1.0 / len(w)), None, tol, max_iter)
    converged = report(gap, tol, n_iter, max_iter, caller)
    py = p @ w
    capacity = max(0.0, float(p @ (problem.linear - xlogy(w, py).sum(1))))
    return CapacityPoint(capacity, p, p @ channel(ch, caller, "ch"), gap, n_iter, converged)
