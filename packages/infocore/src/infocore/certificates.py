r"""Bounds on information that hold with a stated probability, for every law and every sample size.

A critic f that was fitted on other rows and is bounded turns two bounded means into a bound on information: for every
f, :math:`E_p f - \log E_q e^f \le I` (Donsker and Varadhan) and :math:`E_p f - E_q e^f + 1 \le I` (NWJ), p the joint
law and q the product of the margins. Two confidence bounds on the means give one on I. An upper certificate needs more
than data: a known channel, a known entropy or a known alphabet. Without a bounded critic or without such knowledge
there is no certificate, and none is made up here.
"""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import Floats
from infocore.bounded_means import Method, check_confidence, check_range, extremes, finite
from infocore.bounded_means import mean_lower_bound as mean_lower_bound
from infocore.bounded_means import mean_upper_bound as mean_upper_bound
from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from infocore.result import MIEstimate
from infocore.upper_bounds import channel_divergence as channel_divergence
from infocore.upper_bounds import upper_bound_channel as upper_bound_channel
from infocore.upper_bounds import upper_bound_discrete as upper_bound_discrete

__all__ = [
    "CertificateBound",
    "channel_divergence",
    "choose_clip",
    "held_out_scores",
    "lower_bound",
    "mean_lower_bound",
    "mean_upper_bound",
    "upper_bound_channel",
    "upper_bound_discrete",
]

CertificateBound = Literal["donsker-varadhan", "nwj"]

# The grid of `choose_clip`: upper ends as quantiles of the joint scores, and widths in nats.
TOPS = (1.0, 0.99, 0.95, 0.8, 0.6, 0.3)
WIDTHS = (0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0)
# A mean of exponentials that underflows is not 0.
TINY = 1e-300
# e to this power is still a float64.
LARGEST_POWER = 709.0


def held_out_scores(critic: Callable[[Any, Any], Any], x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Scores of a fitted critic on held-out pairs and on independent pairs made of them.

    Parameters
    ----------
    critic : callable
        ``critic(x, y) -> (n,)``: the score of each row, from a critic that never saw these rows.
    x, y : array of shape (n,) or (n, d)
        Held-out pairs, rows independent.

    Returns
    -------
    joint : array of shape (n,)
        Scores of the pairs.
    product : array of shape (n // 2, 2)
        Scores of ``(x_i, y_j)`` and ``(x_j, y_i)`` with j = i + n // 2: no row is in two rows of it, so the rows are
        independent of each other.

    Raises
    ------
    ShapeError
        If the lengths differ, or the critic does not give one score a row.
    ParameterError
        If `critic` cannot be called.
    TooFewSamplesError
        If n is below 4.

    Examples
    --------
    >>> joint, product = held_out_scores(lambda x, y: x * y, [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 2.0, 2.0])
    >>> product.tolist()
    [[2.0, 3.0], [4.0, 4.0]]
    """
    if not callable(critic):
        raise ParameterError(f"held_out_scores: `critic` must be a function of x and y; got {critic!r}.")
    a, b = np.asarray(x), np.asarray(y)
    if a.shape[:1] != b.shape[:1] or a.ndim < 1:
        raise ShapeError(f"held_out_scores: `x` and `y` need one length; got shapes {a.shape} and {b.shape}.")
    n = len(a)
    if n < 4:
        raise TooFewSamplesError(f"held_out_scores: needs at least 4 rows; got {n}.")
    h = n // 2
    first, second = slice(0, h), slice(h, 2 * h)
    joint, one, two = (
        np.asarray(critic(a[i], b[j]), np.float64)
        for i, j in ((slice(None), slice(None)), (first, second), (second, first))
    )
    for scores, rows in ((joint, n), (one, h), (two, h)):
        if scores.shape != (rows,):
            raise ShapeError(
                f"held_out_scores: `critic` must give one score for each of {rows} rows; got {scores.shape}."
            )
    return joint, np.stack([one, two], axis=1)


def lower_bound(
    joint: ArrayLike,
    product: ArrayLike,
    *,
    clip: tuple[float, float],
    confidence: float = 0.95,
    bound: CertificateBound = "donsker-varadhan",
    method: Method = "betting",
) -> MIEstimate:
    r"""Certificate: information is at least this much, with probability at least `confidence`.

    .. math:: L(E_p f) - \log U(E_q e^f) \quad\text{or}\quad L(E_p f) - U(E_q e^f) + 1

    Parameters
    ----------
    joint : array of shape (n,)
        ``f(x_i, y_i)`` of held-out pairs, rows independent.
    product : array of shape (m,) or (m, r)
        ``f`` at independent x and y. Rows are independent of each other; the r columns of a row need not be (their
        exponentials are averaged), see `held_out_scores`. They may be made of the same rows as `joint`.
    clip : tuple of two floats
        f is cut to this range. A cut critic is a critic, so every range is valid that was chosen without the held-out
        rows: by a rule of thumb, or by `choose_clip` on the rows that f was fitted on.
    confidence : float
        In (0, 1); half of the rest goes to each of the two means.
    bound : {"donsker-varadhan", "nwj"}
        NWJ is never above the other on the same scores, since :math:`\log u \le u - 1`, and needs the best constant to
        be added to f before; it is there for comparison.
    method : {"betting", "empirical-bernstein"}
        Of the confidence bounds on the two means, see `mean_lower_bound`.

    Returns
    -------
    MIEstimate
        In nats, direction "lower", strength "high-probability", `ci` from the value to infinity. `cap` is the most that
        these n, m, clip and confidence allow for, about ``log(m / log(2 / (1 - confidence)))`` for a wide clip.

    Raises
    ------
    ShapeError
        If `joint` is not (n,) or `product` not (m,) or (m, r).
    NonFiniteError
        If a score is NaN or infinite.
    TooFewSamplesError
        If n or m is below 2.
    ParameterError
        If a setting is not one of its values, ``low < high`` fails, or ``bound="nwj"`` comes with a high above 709.

    Notes
    -----
    What it cannot see: that f was fitted on these rows, that rows depend on each other, or that the clip was chosen by
    looking. Each of these makes it false. No distribution-free lower bound can exceed about ``log m`` [3]_.

    Measured on a bivariate normal (rho 0.8) with its own log-ratio as critic, cut to (-3, 1.5), 2000 samples of n = 400
    at confidence 0.8: above the critic's true value 1.7 % (betting) and 0 % (empirical Bernstein) of the time, 20 %
    allowed; mean certificate 0.33 and 0.06 of the 0.485 nats that this critic has. The two means share rows and the
    error is split between them, hence the slack.

    References
    ----------
    .. [1] X. Nguyen, M. Wainwright, M. Jordan, "Estimating divergence functionals and the likelihood ratio by convex
       risk minimization", IEEE Trans. Inf. Theory 56, 2010.
    .. [2] M. Donsker, S. Varadhan, "Asymptotic evaluation of certain Markov process expectations for large time. IV",
       Comm. Pure Appl. Math. 36, 1983.
    .. [3] D. McAllester, K. Stratos, "Formal limitations on the measurement of mutual information", AISTATS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(4000)
    >>> y = 0.8 * x + 0.6 * rng.standard_normal(4000)  # truth 0.511
    >>> critic = lambda a, b: 0.511 - 0.889 * (a**2 + b**2 - 2.5 * a * b)
    >>> print(lower_bound(*held_out_scores(critic, x, y), clip=(-4.0, 2.0)))
    >= 0.427 nats (95% CI 0.427 to inf, n=4000, donsker-varadhan, betting)
    """
    caller = "lower_bound"
    try:
        low, high = clip
    except (TypeError, ValueError) as e:
        raise ParameterError(f"{caller}: `clip` must be two numbers, low and high; got {clip!r}.") from e
    low, high = check_range(low, high, caller, "clip")
    if bound not in get_args(CertificateBound):
        raise ParameterError(
            f"{caller}: `bound` must be one of {', '.join(get_args(CertificateBound))}; got {bound!r}."
        )
    if bound == "nwj" and high > LARGEST_POWER:
        raise ParameterError(
            f'{caller}: with bound="nwj" the upper end of `clip` must be at most {LARGEST_POWER:g}, for e to its power '
            f"is needed; got {high:g}."
        )
    f, g = finite(joint, caller, "joint"), finite(product, caller, "product")
    if f.ndim != 1 or g.ndim not in (1, 2) or 0 in g.shape:
        raise ShapeError(
            f"{caller}: `joint` must be (n,) and `product` (m,) or (m, r); got shapes {f.shape} and {g.shape}."
        )
    half = 1 - (1 - check_confidence(confidence, caller)) / 2
    cut_f, cut_g = np.clip(f, low, high), np.clip(g, low, high)
    # the range of e^f is [e^(low - high), 1] after the largest score is taken out: nothing overflows
    ratios = np.exp(cut_g - high)
    terms = ratios if g.ndim == 1 else ratios.mean(1)
    floor = math.exp(low - high)
    mean_f = mean_lower_bound(cut_f, low, high, confidence=half, method=method, caller=caller)
    mean_g = mean_upper_bound(terms, floor, 1.0, confidence=half, method=method, caller=caller)
    value = _combine(bound, mean_f, mean_g, high)
    most, least = extremes(len(f), len(terms), half, method)
    cap = _combine(bound, low + (high - low) * most, floor + (1 - floor) * least, high)
    return MIEstimate(
        value=value,
        direction="lower",
        strength="high-probability",
        ci=(value, math.inf),
        ci_level=confidence,
        cap=cap,
        n=len(f),
        method=f"{bound}, {method}",
        diagnostics={
            "confidence": confidence,
            "clip": [low, high],
            "plug_in": _combine(bound, float(cut_f.mean()), max(float(terms.mean()), TINY), high),
            "independent_pairs": len(terms),
            "clipped_share": {
                "joint": [float(np.mean(f < low)), float(np.mean(f > high))],
                "product": [float(np.mean(g < low)), float(np.mean(g > high))],
            },
            "effective_pairs": float(terms.sum() ** 2 / max(float(terms @ terms), TINY)),
            "saturated": value > cap - 0.1,
        },
    )


def choose_clip(
    joint: ArrayLike,
    product: ArrayLike,
    *,
    n: int | None = None,
    confidence: float = 0.95,
    bound: CertificateBound = "donsker-varadhan",
    method: Method = "betting",
) -> tuple[float, float]:
    """Choose the clip of `lower_bound` on the rows that the critic was fitted on, never on the held-out ones.

    Parameters
    ----------
    joint : array of shape (n',)
        Scores of pairs from the training rows.
    product : array of shape (m',) or (m', r)
        Scores of independent pairs from the training rows.
    n : int, optional
        Number of held-out pairs to come; as many as here by default. With more of them wider clips pay.
    confidence, bound, method
        As they will be given to `lower_bound`.

    Returns
    -------
    tuple of two floats
        Of a grid (quantiles of the joint scores, widths in nats below them) the range with the largest certificate on
        these rows.

    Raises
    ------
    ParameterError
        If `n` is below 4, or the scores do not vary.
    ShapeError, NonFiniteError, TooFewSamplesError
        As `lower_bound`.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.random.default_rng(0).standard_normal((2, 1000))
    >>> low, high = choose_clip(1 + scores[0], scores[1])
    >>> low < 0 < high
    True
    """
    caller = "choose_clip"
    f, g = finite(joint, caller, "joint"), finite(product, caller, "product")
    if n is not None and n < 4:
        raise ParameterError(f"{caller}: `n` must be at least 4; got {n}.")
    if n is not None and len(f) > 1:
        # what n rows like these would give: the bounds depend on the number of rows, not only on their law
        f, g = np.resize(f, n), np.resize(g, (max(n * len(g) // len(f), 2), *g.shape[1:]))
    if f.max() == f.min() == g.max() == g.min():
        raise ParameterError(f"{caller}: the scores do not vary, so there is no range to choose.")
    ranges = [(top - width, top) for top in np.quantile(f, TOPS).tolist() for width in WIDTHS]
    return max(ranges, key=lambda c: lower_bound(f, g, clip=c, confidence=confidence, bound=bound, method=method).value)


def _combine(bound: str, mean_f: float, mean_g: float, high: float) -> float:
    """The bound from the mean of f and that of exp(f - high)."""
    return mean_f - math.log(mean_g) - high if bound == "donsker-varadhan" else mean_f - math.exp(high) * mean_g + 1.0
