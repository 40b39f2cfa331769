"""Upper bounds on information that hold with a stated probability: they need more than data.

A known channel, a known entropy or a known alphabet bounds information from above. Without such knowledge no sample
does, whatever a fitted model says, and nothing here pretends otherwise.
"""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import math

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import Floats
from infocore.bounded_means import Method, check_confidence, finite, mean_upper_bound
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.result import MIEstimate

__all__ = ["channel_divergence", "upper_bound_channel", "upper_bound_discrete"]


def channel_divergence(log_channel: ArrayLike, log_reference: ArrayLike) -> Floats:
    r"""Divergence of each row of a channel from one law over the same finite alphabet.

    .. math:: d_i = \sum_y p(y | x_i) \log \frac{p(y | x_i)}{r(y)}

    Parameters
    ----------
    log_channel : array of shape (n, K)
        ``log p(y | x_i)``; -inf where the channel cannot go.
    log_reference : array of shape (K,)
        ``log r(y)`` of any law.

    Returns
    -------
    array of shape (n,)
        In nats; infinite where r has no mass that the channel has.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    InvalidDistributionError
        If a row, or the reference, does not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> channel_divergence(np.log([[0.5, 0.5], [0.9, 0.1]]), np.log([0.5, 0.5])).round(4).tolist()
    [0.0, 0.3681]
    """
    caller = "channel_divergence"
    p, r = np.asarray(log_channel, np.float64), np.asarray(log_reference, np.float64)
    if p.ndim != 2 or r.shape != p.shape[1:]:
        raise ShapeError(
            f"{caller}: `log_channel` must be (n, K) and `log_reference` (K,); got {p.shape} and {r.shape}."
        )
    for name, a in (("log_channel", p), ("log_reference", r)):
        if not np.allclose(np.exp(a).sum(-1), 1.0, rtol=0, atol=1e-6):
            raise InvalidDistributionError(f"{caller}: `{name}` must hold the logarithms of laws that sum to 1.")
    possible = p > -np.inf
    gap = np.subtract(p, r, out=np.zeros_like(p), where=possible)
    return (np.where(possible, np.exp(p), 0.0) * gap).sum(1)


def upper_bound_channel(
    terms: ArrayLike, *, high: float, low: float = 0.0, confidence: float = 0.95, method: Method = "betting"
) -> MIEstimate:
    r"""Certificate: information through a known channel is at most this much, with probability at least `confidence`.

    .. math:: I(X; Y) \le E_x\, KL(p(y|x) \,\|\, r(y)) \le U(\bar d) \quad \text{for every law } r

    Parameters
    ----------
    terms : array of shape (n,)
        ``KL(p(y | x_i) || r)`` for independent x_i, by `channel_divergence` or in closed form, with the channel as it
        *is* (a noise that one adds oneself), never as it was fitted, and r fixed before these rows were seen.
    high, low : float
        The range of the divergence over every x that can occur, known beforehand: the certificate rests on it.
    confidence : float
        In (0, 1).
    method : {"betting", "empirical-bernstein"}
        See `mean_lower_bound`.

    Returns
    -------
    MIEstimate
        In nats, direction "upper", strength "high-probability", `ci` from 0 to the value.

    Raises
    ------
    ShapeError
        If `terms` is not (n,).
    NonFiniteError, InvalidDistributionError
        If a term is not finite, or outside the range.
    TooFewSamplesError
        If n is below 2.
    ParameterError
        If `confidence`, `method` or the range cannot be.

    Notes
    -----
    `high` itself bounds the information for certain: the capacity is the least largest divergence over all r. A known
    entropy of y is the same case: ``h(Y) - h(Y | x_i)`` may stand in for the divergence.

    References
    ----------
    .. [1] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, eq. 1.

    Examples
    --------
    >>> import numpy as np
    >>> divergence = np.where(np.random.default_rng(0).random(2000) < 0.5, 0.2, 0.4)
    >>> print(upper_bound_channel(divergence, high=0.4))
    <= 0.305 nats (95% CI 0.000 to 0.305, n=2000, channel divergence, betting)
    """
    caller = "upper_bound_channel"
    d = finite(terms, caller, "terms")
    if d.ndim != 1:
        raise ShapeError(f"{caller}: `terms` must be (n,), one divergence for each x; got {d.shape}.")
    value = mean_upper_bound(d, low, high, confidence=confidence, method=method, caller=caller)
    return MIEstimate(
        value=value,
        direction="upper",
        strength="high-probability",
        ci=(0.0, value),
        ci_level=confidence,
        cap=float(high),
        n=len(d),
        method=f"channel divergence, {method}",
        diagnostics={"confidence": confidence, "range": [float(low), float(high)], "plug_in": float(d.mean())},
    )


def upper_bound_discrete(
    *,
    alphabet: int | None = None,
    entropy: float | None = None,
    counts: ArrayLike | None = None,
    confidence: float = 0.95,
) -> MIEstimate:
    r"""Certificate from one discrete side, whatever the other is: :math:`I(X; Y) \le H(X) \le \log K`.

    With counts of independent rows, besides, with probability at least `confidence`,

    .. math:: H \le \hat H + \log\Bigl(1 + \frac{K - 1}{n}\Bigr) + b_n \sqrt{\tfrac{1}{2n} \log \tfrac1\delta}, \qquad
              b_n = \log n + (n - 1) \log \tfrac{n}{n - 1}

    Parameters
    ----------
    alphabet : int, optional
        K, the number of values that the side can take, seen or not.
    entropy : float, optional
        Its entropy in nats, if that is known (and not estimated).
    counts : int array of shape (up to K,), optional
        How often each value was seen; needs `alphabet`, for values that were not seen can hold any entropy.
    confidence : float
        In (0, 1); used with `counts` only, the others are certain.

    Returns
    -------
    MIEstimate
        The least of what was given, in nats, direction "upper", strength "high-probability".

    Raises
    ------
    ParameterError
        If nothing is given, `counts` comes without `alphabet`, or a number cannot be.
    InvalidDistributionError
        If the counts are not whole numbers >= 0 with a positive sum, or more than `alphabet` values.

    Notes
    -----
    The second term bounds the bias of the plug-in entropy [1]_. The third is McDiarmid's inequality: moving one row
    from one value to another changes the plug-in entropy by at most ``b_n / n`` (derived; [2]_ has a coarser constant).

    References
    ----------
    .. [1] L. Paninski, "Estimation of entropy and mutual information", Neural Comp. 15, 2003, Prop. 1.
    .. [2] A. Antos, I. Kontoyiannis, "Convergence properties of functional estimates for discrete distributions",
       Random Struct. Alg. 19, 2001.

    Examples
    --------
    >>> print(upper_bound_discrete(alphabet=4))
    <= 1.386 nats (100% CI 0.000 to 1.386, known alphabet)
    """
    caller = "upper_bound_discrete"
    known: dict[str, float] = {}
    if alphabet is not None:
        if alphabet < 1 or int(alphabet) != alphabet:
            raise ParameterError(f"{caller}: `alphabet` must be a whole number >= 1; got {alphabet!r}.")
        known["known alphabet"] = math.log(alphabet)
    if entropy is not None:
        if not 0 <= entropy < math.inf:
            raise ParameterError(f"{caller}: `entropy` must be finite and >= 0, in nats; got {entropy!r}.")
        known["known entropy"] = float(entropy)
    n = None
    if counts is not None:
        if alphabet is None:
            raise ParameterError(
                f"{caller}: `counts` needs `alphabet`, the number of values that can occur: those not seen yet can "
                "hold any entropy, so that no sample bounds it."
            )
        delta = 1 - check_confidence(confidence, caller)
        known["counts"], n = _entropy_upper(counts, int(alphabet), delta, caller)
    if not known:
        raise ParameterError(f"{caller}: give `alphabet`, `entropy` or `counts`; nothing else bounds information.")
    name = min(known, key=lambda k: known[k])
    return MIEstimate(
        value=known[name],
        direction="upper",
        strength="high-probability",
        ci=(0.0, known[name]),
        ci_level=confidence if name == "counts" else 1.0,
        n=n,
        method=name,
        diagnostics={"confidence": confidence if name == "counts" else 1.0, "candidates": known},
    )


def _entropy_upper(counts: ArrayLike, alphabet: int, delta: float, caller: str) -> tuple[float, int]:
    """Upper confidence bound on an entropy over a known alphabet, and the number of rows."""
    c = np.asarray(counts, np.float64).ravel()
    total = float(c.sum())
    if not math.isfinite(total) or (c < 0).any() or (c != np.floor(c)).any() or total < 2:
        raise InvalidDistributionError(f"{caller}: `counts` must be whole numbers >= 0 with a sum of at least 2.")
    seen = c[c > 0]
    if len(seen) > alphabet:
        raise InvalidDistributionError(
            f"{caller}: `counts` holds {len(seen)} values that were seen, more than the alphabet of {alphabet}."
        )
    plug_in = math.log(total) - float(seen @ np.log(seen)) / total
    step = math.log(total) + (total - 1) * math.log(total / (total - 1))
    return (
        plug_in + math.log1p((alphabet - 1) / total) + step * math.sqrt(-math.log(delta) / (2 * total)),
        int(total),
    )
