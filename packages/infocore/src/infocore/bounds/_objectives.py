"""Readings and objectives of training that bound nothing: MINE, SMILE, Jensen-Shannon, InfoNCE-anchor."""

import math
from typing import Any

from infocore._namespace import Array
from infocore.bounds._scores import against_product, matrix
from infocore.errors import ParameterError

__all__ = ["donsker_varadhan", "infonce_anchor", "js", "smile"]


def donsker_varadhan(scores: Array) -> Array:
    r"""Donsker-Varadhan (MINE) value, :math:`E_p f - \log E_q e^{f}`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample.

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
    A lower bound in the population. On a sample the log of a mean is biased down, so the value is biased up: not a
    bound, not even in expectation.

    References
    ----------
    .. [1] M. Belghazi et al., "MINE: Mutual Information Neural Estimation", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(donsker_varadhan(np.full((3, 3), 7.0))), 6)
    0.0
    """
    xp, s = matrix(scores, "donsker_varadhan", negatives=True)
    return xp.mean(xp.diagonal(s)) - _log_mean_negatives(xp, s)


def smile(scores: Array, clip: float) -> Array:
    r"""SMILE: Donsker-Varadhan with the ratio clipped to :math:`[e^{-\tau}, e^{\tau}]` in the partition term.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample.
    clip : float
        :math:`\tau > 0`; ``inf`` gives `donsker_varadhan`.

    Returns
    -------
    array of shape ()
        In nats; neither a bound nor consistent for a fixed `clip`. A reading, not an objective: with the partition
        clipped a critic gains without end by scaling its positive scores, so train with `js`.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.
    ParameterError
        If `clip` is not positive.

    References
    ----------
    .. [1] J. Song, S. Ermon, "Understanding the Limitations of Variational Mutual Information Estimators", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(smile(np.array([[9.0, -9.0], [-9.0, 9.0]]), clip=5.0)), 6)
    14.0
    """
    if not clip > 0:
        raise ParameterError(f"smile: `clip` must be positive; got {clip!r}.")
    xp, s = matrix(scores, "smile", negatives=True)
    return xp.mean(xp.diagonal(s)) - _log_mean_negatives(xp, xp.clip(s, -clip, clip))


def js(scores: Array) -> Array:
    r"""Jensen-Shannon training objective, :math:`-E_p\,\mathrm{sp}(-f) - E_q\,\mathrm{sp}(f)`.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample.

    Returns
    -------
    array of shape ()
        The objective to maximise, in nats. It is not an estimate of mutual information: its best critic is the log
        ratio, so read the value with ``nwj(scores + 1)``.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.

    References
    ----------
    .. [1] S. Nowozin, B. Cseke, R. Tomioka, "f-GAN", NeurIPS 2016; B. Poole et al., ICML 2019, Sec. 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(js(np.zeros((3, 3)))), 6)  # -2 log 2: nothing learned yet
    -1.386294
    """
    xp, s = matrix(scores, "js", negatives=True)
    return against_product(xp, s, lambda f: -xp.softplus(-f), xp.softplus, hole=-math.inf)


def infonce_anchor(scores: Array, weight: float = 1.0) -> Array:
    r"""InfoNCE training objective with an anchor class, whose best critic is the log ratio itself.

    .. math:: \frac{M}{M + \nu} E \log \frac{e^{f_1}}{\nu + \sum_k e^{f_k}}
       + \frac{\nu}{M + \nu} E_0 \log \frac{\nu}{\nu + \sum_k e^{f_k}}

    Which of M candidates belongs to x, with weight 1 each, or none of them, with weight :math:`\nu = M w`? The log
    score of the answer is proper, so that f is determined: InfoNCE leaves an offset for each x open. A row gives both
    games with M = K - 1 candidates: the positive beside its negatives but the next one, and its negatives. So the value
    depends on the order of the pairs, and its expectation does not.

    Parameters
    ----------
    scores : array of shape (B, K), K >= B and K >= 2
        Positives on the diagonal; the off-diagonal entries are the product sample.
    weight : float
        w, positive: of the anchor against all candidates together.

    Returns
    -------
    array of shape ()
        The objective to maximise, in nats. It is not an estimate of mutual information: read the value as the mean of
        the positive scores, or with ``nwj(scores + 1)``, which is a lower bound.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, has fewer columns than rows, or no negatives.
    ParameterError
        If `weight` is not positive and finite.

    References
    ----------
    .. [1] J. J. Ryu et al., "Contrastive Predictive Coding Done Right for Mutual Information Estimation",
       arXiv:2510.25983, 2025 (idea and name, from the abstract; this form is derived).

    Examples
    --------
    >>> import numpy as np
    >>> round(float(infonce_anchor(np.zeros((3, 3)))), 6)  # nothing learned yet: (log 1/4 + log 2/4) / 2
    -1.039721
    """
    xp, s = matrix(scores, "infonce_anchor", negatives=True)
    if not (math.isfinite(weight) and weight > 0):
        raise ParameterError(f"infonce_anchor: `weight` must be positive and finite; got {weight!r}.")
    columns = s.shape[1]
    log_nu = math.log((columns - 1) * weight)
    others = xp.logsumexp(xp.fill_diagonal(s, -math.inf), 1)
    # one negative less: the next column to the right of the positive
    with_own = xp.logsumexp(xp.fill_diagonal(s[:, [*range(1, columns), 0]], -math.inf), 1)
    own = xp.diagonal(s) - log_nu - xp.softplus(with_own - log_nu)
    return (xp.mean(own) - weight * xp.mean(xp.softplus(others - log_nu))) / (1.0 + weight)


def _log_mean_negatives(xp: Any, s: Array) -> Array:
    """Log-mean-exp over the off-diagonal entries."""
    rows, columns = s.shape
    return xp.logsumexp(xp.fill_diagonal(s, -math.inf), None) - math.log(rows * (columns - 1))
