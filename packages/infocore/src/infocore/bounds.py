r"""The score matrix, and everything that compares a positive score with what could have been.

``scores[i, k] = f(x_i, y_k)``: row `i` is a sample of x, column `k` a sample of y, the pairs seen together are on the
diagonal. Columns ``B..K-1``, if any, are extra negatives. `pointwise` compares each positive with the log-mean-exp
around it; the bounds are one line each on it or on the matrix. All work on numpy arrays and on torch tensors, keep
dtype and device, and are differentiable in torch.

`pointwise`, `infonce`, `semantic`, `l1out`, `smile` and `donsker_varadhan` are stable up to scores of 1e4 in
float32. `nwj`, `tuba` and `flo` exponentiate a difference of scores and overflow beyond about 80 in float32.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from infocore._namespace import Array, namespace
from infocore.errors import ParameterError, ShapeError
from infocore.result import Direction, Strength

__all__ = [
    "BOUNDS",
    "Bound",
    "club",
    "donsker_varadhan",
    "flo",
    "influence",
    "infonce",
    "infonce_anchor",
    "js",
    "l1out",
    "nwj",
    "pointwise",
    "semantic",
    "smile",
    "tuba",
]


def pointwise(
    scores: Array, *, over: Literal["x", "y"], positive: Literal["included", "excluded"] = "included"
) -> Array:
    r"""Each positive score minus the log-mean-exp of the scores around it.

    .. math:: r_i = s_{ii} - \log \frac1K \sum_k e^{s_{ik}} \quad (\text{over y}), \qquad
              r_i = s_{ii} - \log \frac1B \sum_k e^{s_{ki}} \quad (\text{over x})

    Parameters
    ----------
    scores : array of shape (B, K), K >= B
        ``scores[i, k] = f(x_i, y_k)``, positives on the diagonal. Negatives may be -inf, positives must be finite.
    over : {"y", "x"}
        What the mean runs over: "y" along row i (other y for this x), "x" along column i (other x for this y, which
        needs K = B). The two estimate different quantities, so there is no default.
    positive : {"included", "excluded"}
        Whether the mean holds the positive itself. "excluded" is the mean over the K - 1 others: a consistent
        estimate of the population quantity, but no bound; with no other (K = 1) it is +inf.

    Returns
    -------
    array of shape (B,)
        In nats, of the library, dtype and device of `scores`.

    Raises
    ------
    ShapeError
        If `scores` is not 2-D, is empty, has fewer columns than rows, or is not square with ``over="x"``.
    ParameterError
        If `over` or `positive` is not one of its values.

    Notes
    -----
    Computed as ``log K - logsumexp_k(s_ik - s_ii)``: the differences are taken first, so a large common offset of
    the scores costs no precision.

    Examples
    --------
    >>> import numpy as np
    >>> pointwise(np.array([[2.0, 0.0], [0.0, 2.0]]), over="y").round(4).tolist()
    [0.5662, 0.5662]
    """
    if over not in ("x", "y"):
        raise ParameterError(f"pointwise: `over` must be 'x' or 'y'; got {over!r}.")
    if positive not in ("included", "excluded"):
        raise ParameterError(f"pointwise: `positive` must be 'included' or 'excluded'; got {positive!r}.")
    xp, s = _matrix(scores, "pointwise", square=over == "x")
    if over == "x":
        s = s.T
    r = xp.diagonal(s)
    gap = s - r[:, None]
    count = s.shape[1]
    if positive == "excluded":
        if count == 1:
            return xp.full_like(r, math.inf)
        gap, count = xp.fill_diagonal(gap, -math.inf), count - 1
    return math.log(count) - xp.logsumexp(gap, 1)


def influence(scores: Array, *, over: Literal["x", "y"]) -> Array:
    r"""Influence of each pair on the mean of `pointwise`, for standard errors.

    A pair takes part in the mean twice: as a positive, through its own :math:`r_i`, and as a negative of the others,
    through :math:`1 - \frac1B \sum_k K w_{ki}` with :math:`w_k` the softmax of row k. The standard deviation of the
    sum over :math:`\sqrt B` is the standard error of the mean for a critic fitted on other data.

    Parameters
    ----------
    scores : array of shape (B, B)
        ``scores[i, k] = f(x_i, y_k)``, positives on the diagonal.
    over : {"y", "x"}
        As in `pointwise`.

    Returns
    -------
    array of shape (B,)
        Values whose mean is that of ``pointwise(scores, over=over)``, in nats.

    Raises
    ------
    ShapeError
        If `scores` is not a square matrix.

    Examples
    --------
    >>> import numpy as np
    >>> influence(np.array([[2.0, 0.0], [0.0, 2.0]]), over="y").round(4).tolist()
    [0.5662, 0.5662]
    """
    xp, s = _matrix(scores, "influence", square=True)
    r = pointwise(s, over=over)
    if over == "x":
        s = s.T
    count = s.shape[0]
    lifted = s - xp.diagonal(s)[:, None] + r[:, None]  # log(K w_ki): log-mean-exp of a row is 0
    as_negative = xp.exp(xp.logsumexp(lifted, 0) - math.log(count))
    return r + 1.0 - as_negative


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
    xp, s = _matrix(scores, "tuba", negatives=True)
    return _against_product(xp, s - log_baseline, lambda f: f + 1.0, xp.exp, hole=-math.inf)


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
    xp, s = _matrix(scores, "donsker_varadhan", negatives=True)
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
    xp, s = _matrix(scores, "smile", negatives=True)
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
    xp, s = _matrix(scores, "js", negatives=True)
    return _against_product(xp, s, lambda f: -xp.softplus(-f), xp.softplus, hole=-math.inf)


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
    xp, s = _matrix(scores, "infonce_anchor", negatives=True)
    if not (math.isfinite(weight) and weight > 0):
        raise ParameterError(f"infonce_anchor: `weight` must be positive and finite; got {weight!r}.")
    columns = s.shape[1]
    log_nu = math.log((columns - 1) * weight)
    others = xp.logsumexp(xp.fill_diagonal(s, -math.inf), 1)
    # one negative less: the next column to the right of the positive
    with_own = xp.logsumexp(xp.fill_diagonal(s[:, [*range(1, columns), 0]], -math.inf), 1)
    own = xp.diagonal(s) - log_nu - xp.softplus(with_own - log_nu)
    return (xp.mean(own) - weight * xp.mean(xp.softplus(others - log_nu))) / (1.0 + weight)


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
    xp, s = _matrix(scores, "flo", negatives=True)
    return 1.0 - xp.mean(u + xp.exp(-u - pointwise(s, over="y", positive="excluded")))


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
    xp, s = _matrix(scores, "club", negatives=True)
    return _against_product(xp, s, lambda f: f, lambda f: f, hole=0.0)


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
    _matrix(scores, "l1out", negatives=True)
    return namespace(scores).mean(pointwise(scores, over="x", positive="excluded"))


@dataclasses.dataclass(frozen=True)
class Bound:
    """What is known of a bound: a row of `BOUNDS`.

    Parameters
    ----------
    function : callable
        The function of the score matrix.
    direction : {"lower", "upper", "consistent", "none"}
        What its expectation is of the mutual information, for a critic fitted on other data.
    strength : {"expectation", "heuristic", ...}
        In what sense.
    ceiling : callable
        ``ceiling(K)``: the largest value it can give with K columns, in nats; `inf` if none.
    largest_score : float
        Scores up to this are safe in float32.
    source : str
        Where it comes from.
    """

    function: Callable[..., Any]
    direction: Direction
    strength: Strength
    ceiling: Callable[[int], float]
    largest_score: float
    source: str


def _none(columns: int) -> float:  # noqa: ARG001 - a ceiling takes the number of columns, this one ignores it
    return math.inf


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "infonce": Bound(infonce, "lower", "expectation", math.log, 1e4, "van den Oord et al. 2018, Sec. 2.3"),
        "semantic": Bound(semantic, "lower", "expectation", math.log, 1e4, "Lu 2023 (idea); batch form derived"),
        "nwj": Bound(nwj, "lower", "expectation", _none, 80.0, "Nguyen et al. 2010; Poole et al. 2019, Sec. 2.2"),
        "tuba": Bound(tuba, "lower", "expectation", _none, 80.0, "Poole et al. 2019, eq. 4"),
        "flo": Bound(flo, "lower", "expectation", _none, 80.0, "Guo et al. 2022"),
        "donsker_varadhan": Bound(donsker_varadhan, "none", "heuristic", _none, 1e4, "Belghazi et al. 2018"),
        "smile": Bound(smile, "none", "heuristic", _none, 1e4, "Song and Ermon 2020"),
        "js": Bound(js, "none", "heuristic", lambda _: 0.0, 1e4, "Nowozin et al. 2016; Poole et al. 2019, Sec. 2.3"),
        "infonce_anchor": Bound(
            infonce_anchor, "none", "heuristic", lambda _: 0.0, 1e4, "Ryu et al. 2025 (idea); form derived"
        ),
        "club": Bound(club, "none", "heuristic", _none, 1e4, "Cheng et al. 2020"),
        "l1out": Bound(l1out, "upper", "expectation", _none, 1e4, "Poole et al. 2019, eq. 13; needs the true channel"),
    }
)


def _matrix(scores: Any, caller: str, *, square: bool = False, negatives: bool = False) -> tuple[Any, Array]:
    """Check the shape of a score matrix once, and return it with the functions of its library."""
    xp = namespace(scores)
    s = xp.asarray(scores, f"{caller}: `scores`")
    if s.ndim != 2:
        raise ShapeError(f"{caller}: `scores` must be a matrix, rows x and columns y; got {s.ndim} axes.")
    rows, columns = s.shape
    if rows == 0 or columns < rows:
        raise ShapeError(
            f"{caller}: `scores` needs a positive for each row on its diagonal, so at least one row and as many "
            f"columns as rows; got shape ({rows}, {columns})."
        )
    if square and rows != columns:
        raise ShapeError(f"{caller}: the mean over x needs a square matrix; got shape ({rows}, {columns}).")
    if negatives and columns < 2:
        raise ShapeError(f"{caller}: one pair holds no negatives; `scores` needs at least two columns.")
    return xp, s


def _against_product(
    xp: Any, s: Array, joint: Callable[[Any], Any], product: Callable[[Any], Any], *, hole: float
) -> Array:
    """Mean of `joint` over the diagonal minus mean of `product` over the rest; `product(hole)` is 0."""
    rows, columns = s.shape
    rest = product(xp.fill_diagonal(s, hole)).sum()
    return xp.mean(joint(xp.diagonal(s))) - rest / (rows * (columns - 1))


def _log_mean_negatives(xp: Any, s: Array) -> Array:
    """Log-mean-exp over the off-diagonal entries."""
    rows, columns = s.shape
    return xp.logsumexp(xp.fill_diagonal(s, -math.inf), None) - math.log(rows * (columns - 1))
