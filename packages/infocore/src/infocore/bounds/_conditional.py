"""Bounds by a conditional density: the scores are log densities of y given x."""

from infocore._namespace import Array, namespace
from infocore.bounds._scores import against_product, matrix, pointwise

__all__ = ["club", "l1out"]


def club(scores: Array) -> Array:
    r"""CLUB, :math:`E_p \log q(y|x) - E_q \log q(y|x)`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        ``scores[i, k] = log q(y_k | x_i)`` of a conditional density.

    Returns
    -------
    array of shape ()
        In nats.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.

    Notes
    -----
    An upper bound only if q is closer to the joint law than to the product, in the paper's sense; for a learned q
    that is not known. The mean over negatives leaves the positive out, so it is unbiased (the paper's sample form
    keeps it in, and is smaller by the factor 1 - 1/K).

    References
    ----------
    .. [1] P. Cheng et al., "CLUB: A Contrastive Log-ratio Upper Bound of Mutual Information", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> float(club(np.eye(3)))
    1.0
    """
    xp, s = matrix(scores, "club", negatives=True)
    return against_product(xp, s, lambda f: f, lambda f: f, hole=0.0)


def l1out(scores: Array) -> Array:
    r"""Leave-one-out bound: the mean of ``log p(y_i|x_i)`` minus the log-mean of ``p(y_i|x_k)`` over the others.

    Parameters
    ----------
    scores : array of shape (B, B), B >= 2
        ``scores[i, k] = log p(y_k | x_i)`` of a channel.

    Returns
    -------
    array of shape ()
        In nats; an upper bound in expectation if the channel is the true one.

    Raises
    ------
    ShapeError
        If `scores` is not a square matrix with at least two rows.

    References
    ----------
    .. [1] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, eq. 13.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(l1out(np.eye(3))), 6)
    1.0
    """
    matrix(scores, "l1out", negatives=True)
    return namespace(scores).mean(pointwise(scores, over="x", positive="excluded"))
