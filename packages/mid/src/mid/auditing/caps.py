r"""What a known release channel allows: information about the attribute, and the accuracy no attack can exceed.

The release is a draw from a law that is known given the record, :math:`\hat Y \sim N(\mu(x), \sigma(x)^2)`. For a
record with known columns :math:`x_{ns}` the m candidates make a channel with m inputs, and whatever the prior is,

.. math:: I(X_s; \hat Y | x_{ns}) \le \min\{\log m, \max_v KL(p_v \| q)\} =: L(x_{ns}) \quad\text{for every law } q.

An attacker who sees the draw, and neither the true response nor anything else that depends on :math:`x_s` given
:math:`x_{ns}`, gains at most (derived here; the first is Pinsker's inequality, eq. 8)

.. math:: \mathrm{Adv}(x_{ns}) \le \min\{\sqrt{L / 2},\; (1 - 1/m) \max_{v, w} TV(p_v, p_w)\}

over :math:`\max_v p(v | x_{ns})`. For the second: with w the most probable candidate,
:math:`\int \max_v p(v) p_v \le p(w) + \sum_{v \ne w} p(v)\, TV(p_v, p_w) \le p(w) + (1 - p(w)) \max TV`.

Of one game more is known: if the m candidates are **equally likely** given :math:`x_{ns}`, Fano's inequality bounds the
accuracy p of every attack by :math:`KL(\mathrm{Bern}(p) \| \mathrm{Bern}(1/m)) \le L`. That is never above what
Pinsker's allows, :math:`1/m + \sqrt{L/2}`, and far below it for many candidates.

These bounds say **nothing** of an attacker who knows the true response: it is informative by itself and no function of
the release.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, rel_entr

from infocore.bounded_means import mean_upper_bound
from infocore.errors import ParameterError, ShapeError
from infocore.result import MIEstimate
from mid.attacks.attribute.sensitive import SensitiveAttribute
from mid.attacks.predictor import last_step
from mid.leakage import leakage_upper_bound

__all__ = [
    "ReleaseCap",
    "advantage_caps",
    "attribute_leakage",
    "fano_accuracy",
    "fano_error",
    "record_cap",
    "release_cap",
    "release_law",
]

Floats = NDArray[np.float64]


def release_law(model: Any, X: Any) -> tuple[Floats, Floats] | None:
    """Mean and standard deviation of a model's noisy release, if it says what they are.

    Parameters
    ----------
    model : estimator
        With ``release_law(X) -> (mean, std)``, or with ``release_mean(X)`` and ``release_std_``; or a pipeline that
        ends in one.
    X : array or data frame of shape (n, dx)
        Records.

    Returns
    -------
    tuple of two arrays of shape (n, k), or None
        None for a model whose noise is unknown, or that has none.
    """
    model, before = last_step(model)
    X = before(X)
    if hasattr(model, "release_law"):
        law = model.release_law(X)
        if law is None:
            return None
        mean, std = (np.asarray(part, np.float64) for part in law)
    elif hasattr(model, "release_mean") and hasattr(model, "release_std_"):
        if getattr(model, "release_as", None) == "mean":
            return None
        mean = np.asarray(model.release_mean(X), np.float64)
        std = np.asarray(model.release_std_, np.float64)
    else:
        return None
    mean = mean.reshape(len(mean), -1)
    std = np.broadcast_to(std, mean.shape)
    return None if not bool(np.all(std > 0)) else (mean, np.array(std))


def attribute_leakage(mean: Floats, std: Floats, *, queries: int = 1) -> Floats:
    r"""Upper bound on :math:`I(X_s; \hat Y | x_{ns})` of each record, for every law of the attribute.

    Parameters
    ----------
    mean, std : array of shape (n, m, k)
        Of the release for each record with each of m candidates put in.
    queries : int
        Number of draws that are seen.

    Returns
    -------
    array of shape (n,)
        In nats, at most ``log m``; the law q is the Gaussian with the mean and variance of the equal mixture of the
        candidates.

    Raises
    ------
    ShapeError
        If the two are not of one shape (n, m, k).
    ParameterError
        If a mean is not finite, a standard deviation not finite and positive, or `queries` less than 1.

    Examples
    --------
    >>> attribute_leakage(np.zeros((1, 2, 1)), np.ones((1, 2, 1))).tolist()  # the candidates answer alike
    [0.0]
    """
    _check(mean, std, queries, "attribute_leakage")
    m = mean.shape[1]
    alike = bool(np.all(std == std[:, :1]))
    scale, draws = (std / math.sqrt(queries), 1) if alike else (std, queries)
    centre = mean.mean(1, keepdims=True)
    variance = (scale**2 + (mean - centre) ** 2).mean(1, keepdims=True)
    kl = _divergence(mean, scale, centre, variance).sum(2)
    return np.minimum(math.log(m), draws * np.maximum(kl.max(1), 0.0))


def advantage_caps(mean: Floats, std: Floats, *, queries: int = 1) -> Floats:
    """Upper bound on the advantage of every attack that sees the release, for each record.

    Parameters
    ----------
    mean, std, queries
        As in `attribute_leakage`.

    Returns
    -------
    array of shape (n,)
        From 0 to ``1 - 1/m``.

    Raises
    ------
    ShapeError, ParameterError
        As `attribute_leakage`.

    Examples
    --------
    >>> advantage_caps(np.array([[[0.0], [100.0]]]), np.ones((1, 2, 1))).tolist()  # told apart for certain
    [0.5]
    """
    pinsker = np.sqrt(attribute_leakage(mean, std, queries=queries) / 2.0)
    m = mean.shape[1]
    ceiling = 1.0 - 1.0 / m
    if not bool(np.all(std == std[:, :1])):
        return np.minimum(pinsker, ceiling)
    apart = np.zeros(len(mean))
    for v in range(m):
        for w in range(v):
            gap = np.sqrt(queries * (((mean[:, v] - mean[:, w]) / std[:, v]) ** 2).sum(1))
            apart = np.maximum(apart, erf(gap / (2.0 * math.sqrt(2.0))))
    return np.minimum(pinsker, ceiling * apart)


def fano_error(entropy: float, leakage: float, candidates: int) -> float:
    r"""Least error of any attack by Fano's inequality, eq. 9.

    .. math:: P(\mathrm{error}) \ge \frac{H(X_s | X_{ns}) - I - \log 2}{\log (m - 1)}

    Parameters
    ----------
    entropy : float
        ``H(X_s | X_ns)`` in nats. Estimated from data it makes the bound an estimate too.
    leakage : float
        Information about the attribute in the release, in nats.
    candidates : int
        m, more than 2.

    Returns
    -------
    float
        Can be negative: then it says nothing.

    Raises
    ------
    ParameterError
        If `candidates` is less than 3, or `entropy` or `leakage` negative or not finite.

    Examples
    --------
    >>> round(fano_error(math.log(10), 0.1, 10), 3)
    0.687
    """
    if not candidates > 2:
        raise ParameterError(f"fano_error: `candidates` must be more than 2; got {candidates!r}.")
    for name, nats in (("entropy", entropy), ("leakage", leakage)):
        if not 0 <= nats < math.inf:
            raise ParameterError(f"fano_error: `{name}` must be finite and not negative; got {nats!r}.")
    return (entropy - leakage - math.log(2.0)) / math.log(candidates - 1)


def fano_accuracy(leakage: ArrayLike, candidates: int) -> Floats:
    r"""Largest accuracy of any attack among equally likely candidates, by Fano's inequality.

    .. math:: \max\{p : p \log(m p) + (1 - p) \log \tfrac{m (1 - p)}{m - 1} \le I\}

    Parameters
    ----------
    leakage : array of shape (...)
        Information about the attribute in the release, in nats, not negative.
    candidates : int
        m, at least 2, all equally likely before the release is seen.

    Returns
    -------
    array of shape (...)
        From ``1/m`` to 1, which it is from ``log m`` nats on.

    Raises
    ------
    ParameterError
        If `candidates` is not a finite number of at least 2, or `leakage` negative or NaN.

    Notes
    -----
    The same inequality as `fano_error` before its two terms are bounded, ``log 2`` for the entropy of the error. A
    channel that errs evenly over the other candidates meets it with equality.

    Examples
    --------
    >>> fano_accuracy([0.0, 1.0, 7.0], 1000).round(3).tolist()  # Pinsker's: 0.001, 0.708 and 1
    [0.001, 0.221, 1.0]
    """
    nats = np.asarray(leakage, np.float64)
    if not 2 <= candidates < math.inf:
        raise ParameterError(f"fano_accuracy: `candidates` must be finite and at least 2; got {candidates!r}.")
    if not bool(np.all(nats >= 0)):
        raise ParameterError(f"fano_accuracy: `leakage` must not be negative or NaN; got {leakage!r}.")
    low, high = np.full(nats.shape, 1.0 / candidates), np.ones(nats.shape)
    for _ in range(60):
        middle = (low + high) / 2.0
        within = rel_entr(middle, 1.0 / candidates) + rel_entr(1.0 - middle, 1.0 - 1.0 / candidates) <= nats
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return high


@dataclasses.dataclass(frozen=True)
class ReleaseCap:
    """What the release channel certifies, for attackers who see the release and not the response.

    Parameters
    ----------
    leakage : MIEstimate
        Upper bound on ``I(X_s; Yhat | X_ns)``.
    advantage : float
        No attack's advantage over ``max_v p(v | x_ns)`` exceeds this, at the bound's confidence.
    queries : int
        Draws that the attacker sees.
    identification : float
        No attack's accuracy exceeds this, at the bound's confidence, **in the game in which all candidates are equally
        likely** whatever the rest of the record is. The records attacked need not be of that game.
    """

    leakage: MIEstimate
    advantage: float
    queries: int
    identification: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return fields | {"leakage": self.leakage.to_dict()}


def release_cap(
    model: Any,
    attribute: SensitiveAttribute,
    hidden: pd.DataFrame,
    columns: list[Any],
    *,
    queries: int,
    confidence: float,
) -> ReleaseCap | None:
    """Bound leakage and advantage over the population from some of its records, for a model whose noise is known.

    Parameters
    ----------
    model : estimator
        As in `release_law`.
    attribute : SensitiveAttribute
        What is guessed.
    hidden : data frame of n rows
        Known columns of independent records of the population.
    columns : list
        Columns of a whole record, in order.
    queries : int
        Draws that the attacker sees of each record.
    confidence : float
        In (0, 1), of each of the three bounds: all are means of bounded numbers, and hold for every law and n.

    Returns
    -------
    ReleaseCap or None
        None if the noise is not known.
    """
    bare = hidden.reindex(columns=columns)
    laws = [release_law(model, attribute.substitute(bare, k)) for k in range(attribute.size)]
    known = [law for law in laws if law is not None]
    if len(known) < len(laws):
        return None
    mean, std = (np.stack([law[part] for law in known], axis=1) for part in (0, 1))
    # the bounds on means read their rows one after another: a table sorted by anything would make them false
    order = np.random.default_rng(0).permutation(len(mean))
    mean, std = mean[order], std[order]
    leaks, caps = attribute_leakage(mean, std, queries=queries), advantage_caps(mean, std, queries=queries)
    top = math.log(attribute.size)
    value = float(mean_upper_bound(leaks, 0.0, top, confidence=confidence))
    leakage = MIEstimate(
        value=value,
        direction="upper",
        strength="high-probability",
        ci=(0.0, value),
        ci_level=confidence,
        cap=top,
        n=len(leaks),
        method="known release channel, any law of the attribute",
        diagnostics={"mean": float(leaks.mean())},
    )
    chance = 1.0 / attribute.size
    advantage = float(mean_upper_bound(caps, 0.0, 1.0 - chance, confidence=confidence))
    named = np.minimum(fano_accuracy(leaks, attribute.size), chance + caps)
    identification = float(mean_upper_bound(named, chance, 1.0, confidence=confidence))
    return ReleaseCap(leakage, advantage, queries, identification)


def record_cap(model: Any, known: Any, attacked: Any, *, ci_level: float) -> MIEstimate | None:
    r"""Upper bound on :math:`I(X; \hat Y)` of one draw, for a model whose noise is known.

    The divergence of each record's release from one Gaussian, whose mean and variance other records set.

    Parameters
    ----------
    model : estimator
        As in `release_law`.
    known, attacked : array or data frame
        Records that set the Gaussian, and records of which the mean is taken.
    ci_level : float
        Of the interval.

    Returns
    -------
    MIEstimate or None
        In nats, in expectation: the divergence has no known range. None if the noise is not known.
    """
    reference, law = release_law(model, known), release_law(model, attacked)
    if reference is None or law is None:
        return None
    centre = reference[0].mean(0)
    variance = ((reference[0] - centre) ** 2 + reference[1] ** 2).mean(0)
    return leakage_upper_bound(_divergence(*law, centre, variance).sum(1), ci_level=ci_level)


def _divergence(mean: Floats, std: Floats, centre: Floats, variance: Floats) -> Floats:
    """KL of N(mean, std^2) from N(centre, variance), coordinate by coordinate."""
    return 0.5 * (np.log(variance / std**2) + (std**2 + (mean - centre) ** 2) / variance - 1.0)


def _check(mean: Floats, std: Floats, queries: int, caller: str) -> None:
    if mean.ndim != 3 or mean.shape != std.shape:
        raise ShapeError(
            f"{caller}: `mean` and `std` must be of one shape (n, m, k); got {mean.shape} and {std.shape}."
        )
    if not bool(np.isfinite(mean).all()):
        raise ParameterError(f"{caller}: `mean` must be finite; got NaN or infinity.")
    if not bool(np.all((std > 0) & np.isfinite(std))):
        raise ParameterError(
            f"{caller}: `std` must be finite and positive; without noise a release tells all it depends on."
        )
    if not queries >= 1:
        raise ParameterError(f"{caller}: `queries` must be at least 1; got {queries!r}.")
