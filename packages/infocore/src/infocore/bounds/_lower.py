"""Lower bounds on mutual information, in expectation over samples that the critic has not seen."""

import math

from infocore._namespace import Array, namespace
from infocore.bounds._scores import against_product, matrix, pointwise

__all__ = ["flo", "infonce", "nwj", "semantic", "tuba"]


def infonce(scores: Array) -> Array:
    r"""InfoNCE lower bound on mutual information.

    .. math:: \hat I = \frac1B \sum_i \Bigl(s_{ii} - \log \frac1K \sum_k e^{s_{ik}}\Bigr)

    Parameters
    ----------
    scores : array of shape (B, K), K >= B
        ``scores[i, k] = f(x_i, y_k)``; positives on the diagonal, columns ``B..K-1``, if any, are extra negatives.

    Returns
    -------
    array of shape ()
        The bound in nats, of the library, dtype and device of `scores`, and differentiable if `scores` is.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D or has fewer columns than rows.

    Notes
    -----
    Cannot exceed ``log(K)``: a value near that ceiling means "at least this much".

    References
    ----------
    .. [1] A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding",
       arXiv:1807.03748, 2018, Sec. 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(infonce(50.0 * np.eye(4))), 3)  # a perfect critic: log(4)
    1.386
    """
    return namespace(scores).mean(pointwise(scores, over="y", positive="included"))


def semantic(scores: Array) -> Array:
    r"""Semantic mutual information G with the batch's logical probability.

    .. math:: \hat G = \frac1B \sum_i \Bigl(s_{ii} - \log \frac1B \sum_k e^{s_{ki}}\Bigr)

    With ``T(theta_y|x) = exp(f(x, y) - max_x f)`` this is the mean of ``log T(theta_y|x) / T(theta_y)``: the negatives
    run over x, and any shift ``f(x, y) + c(y)`` cancels.

    Parameters
    ----------
    scores : array of shape (B, B)
        ``scores[i, k] = f(x_i, y_k)``, positives on the diagonal.

    Returns
    -------
    array of shape ()
        In nats, at most ``log(B)``.

    Raises
    ------
    ShapeError
        If `scores` is not a square matrix.

    References
    ----------
    .. [1] C. Lu, "Reviewing Evolution of Learning Functions and Semantic Information Measures for Understanding Deep
       Learning", Entropy 25:802, 2023 (the idea: similarity as truth function); batch form derived.

    Examples
    --------
    >>> import numpy as np
    >>> shift = np.array([3.0, -1.0])  # per column: cancels
    >>> round(float(semantic(np.array([[2.0, 0.0], [0.0, 2.0]]) + shift)), 4)
    0.5662
    """
    return namespace(scores).mean(pointwise(scores, over="x", positive="included"))


def nwj(scores: Array) -> Array:
    r"""Nguyen-Wainwright-Jordan lower bound, :math:`E_p f - E_q e^{f - 1}`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample. The best critic is
        ``1 + log p(x, y) / p(x)p(y)``.

    Returns
    -------
    array of shape ()
        In nats; unbiased for a fixed critic, no ceiling, variance of order ``exp(I)``.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.

    Notes
    -----
    Exponentiates scores: overflows in float32 above about 80.

    References
    ----------
    .. [1] X. Nguyen, M. Wainwright, M. Jordan, IEEE Trans. Inf. Theory 56:5847, 2010.
    .. [2] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, Sec. 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(nwj(np.ones((3, 3)))), 6)  # no information
    0.0
    """
    return tuba(scores, 1.0)


def tuba(scores: Array, log_baseline: Array | float) -> Array:
    r"""Tractable unnormalised Barber-Agakov bound, :math:`1 + E_p[f - \log a] - E_q[e^{f} / a]`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample.
    log_baseline : float, or array of shape (K,) or (B, 1)
        ``log a``, broadcast against `scores`: one number, one per y (column), or one per x (row). 1.0 gives NWJ.

    Returns
    -------
    array of shape ()
        In nats; a lower bound in expectation for any fixed critic and baseline.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.

    Notes
    -----
    Exponentiates ``scores - log_baseline``: overflows in float32 above about 80.

    References
    ----------
    .. [1] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(tuba(np.full((3, 3), 5.0), np.full(3, 5.0))), 6)
    0.0
    """
    xp, s = matrix(scores, "tuba", negatives=True)
    return against_product(xp, s - log_baseline, lambda f: f + 1.0, xp.exp, hole=-math.inf)


def flo(scores: Array, u: Array) -> Array:
    r"""Fenchel-Legendre (FLO) lower bound, :math:`1 - E[u + e^{-u}\, \overline{e^{g(x, y') - g(x, y)}}]`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        ``g(x_i, y_k)``, positives on the diagonal; the mean runs over the K - 1 others of the row.
    u : array of shape (B,)
        The learned dual variable ``u(x_i, y_i)``; at its best, minus the pointwise information.

    Returns
    -------
    array of shape ()
        In nats; unbiased for fixed `scores` and `u`, no ceiling.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.

    Notes
    -----
    Exponentiates a difference of scores: overflows in float32 above about 80.

    References
    ----------
    .. [1] Q. Guo et al., "Tight Mutual Information Estimation With Contrastive Fenchel-Legendre Optimization",
       NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(flo(np.zeros((3, 3)), np.zeros(3))), 6)
    0.0
    """
    xp, s = matrix(scores, "flo", negatives=True)
    return 1.0 - xp.mean(u + xp.exp(-u - pointwise(s, over="y", positive="excluded")))
