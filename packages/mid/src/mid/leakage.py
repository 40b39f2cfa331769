r"""Leakage audit: what is certified to leak at least, beside what can leak at most.

The two numbers bound different quantities. A critic evaluated on held-out pairs gives a lower bound on
:math:`I(X; \hat Y)`, the information between a record and its released answer. The bottleneck's divergence from its
prior (eq. 34) is an upper bound on :math:`I(X; Z) \ge I(X; \hat Y)`. Neither is "the mutual information".

This module needs no torch; `mid.torch.audit_leakage` trains the critic and calls it.
"""

import dataclasses
import math
import warnings
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from infocore import bounds
from infocore.errors import NonFiniteError, ParameterError, SaturationWarning, ShapeError, TooFewSamplesError
from infocore.result import MIEstimate
from mid.attacks.protocols import in_words

__all__ = ["LeakageAudit", "leakage_lower_bound", "leakage_upper_bound"]


def leakage_lower_bound(scores: ArrayLike, ci_level: float = 0.9) -> MIEstimate:
    r"""InfoNCE lower bound on the information in a release, from held-out scores.

    Parameters
    ----------
    scores : array of shape (n, n)
        ``scores[i, k] = f(x_i, yhat_k)`` of a critic fitted on **other** records; pairs seen together on the diagonal.
    ci_level : float
        Nominal coverage of the interval, in (0, 1).

    Returns
    -------
    MIEstimate
        In nats, direction "lower", with the standard error over fresh records and the ceiling ``log n`` as `cap`.

    Raises
    ------
    ShapeError
        If `scores` is not a square matrix.
    TooFewSamplesError
        If there are fewer than two pairs.
    NonFiniteError
        If a score is NaN or infinite.
    ParameterError
        If `ci_level` is not in (0, 1).

    Warns
    -----
    SaturationWarning
        If the bound is within two standard errors, or a tenth of a nat, of its ceiling: the leakage may be far larger.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((500, 1))
    >>> estimate = leakage_lower_bound(-((x - x.T) ** 2))
    >>> estimate.direction, round(estimate.cap, 3)
    ('lower', 6.215)
    """
    caller = "leakage_lower_bound"
    s = np.asarray(scores)
    if s.ndim != 2 or s.shape[0] != s.shape[1]:
        raise ShapeError(f"{caller}: `scores` must be square, one row and one column per pair; got shape {s.shape}.")
    if len(s) < 2:
        raise TooFewSamplesError(f"{caller}: `scores` needs at least two held-out pairs; got {len(s)}.")
    bad = int((~np.isfinite(s)).sum())
    if bad:
        raise NonFiniteError(f"{caller}: `scores` holds NaN or infinity in {bad} of {s.size} entries.")
    _check_level(ci_level, caller)
    value, cap = float(bounds.infonce(s)), math.log(len(s))
    spread = _standard_error(bounds.influence(s, over="y"))
    saturated = value > cap - max(2.0 * spread, 0.1)
    if saturated:
        warnings.warn(
            f"{caller}: the bound is {value:.3f} nats, at its ceiling log {len(s)} = {cap:.3f}: the release leaks at "
            "least this much, perhaps far more. Evaluate on more held-out records to see further.",
            SaturationWarning,
            stacklevel=2,
        )
    return MIEstimate(
        value=value,
        direction="lower",
        strength="expectation",
        standard_error=spread,
        ci=_interval(value, spread, ci_level),
        ci_level=ci_level,
        cap=cap,
        n=len(s),
        method="infonce, held out",
        diagnostics={"saturated": saturated},
    )


def leakage_upper_bound(divergence: ArrayLike, ci_level: float = 0.9, *, queries: int = 1) -> MIEstimate:
    r"""Variational upper bound on :math:`I(X; Z)`, from each held-out record's divergence to the prior.

    .. math:: I(X; Z_1 \dots Z_q) \le q\, I(X; Z) \le q\, E_x\, KL(p(z|x) \,\|\, r(z)) \quad \text{for any prior } r

    The first step holds because the draws are independent given the record; any function of them, such as the mean of
    the q answers, carries no more.

    Parameters
    ----------
    divergence : array of shape (n,)
        ``KL(p(z|x_i) || r)`` in nats for held-out records, eq. 34 before its mean over the batch.
    ci_level : float
        Nominal coverage of the interval, in (0, 1).
    queries : int
        q, the number of draws that the attacker sees of each record.

    Returns
    -------
    MIEstimate
        In nats, direction "upper". By data processing it also bounds ``I(X; Yhat)``, loosely.

    Raises
    ------
    ShapeError
        If `divergence` is not a vector.
    TooFewSamplesError
        If there are fewer than two records.
    NonFiniteError
        If an entry is NaN or infinite.
    ParameterError
        If `ci_level` is not in (0, 1), or `queries` is less than 1.

    Examples
    --------
    >>> print(leakage_upper_bound([1.0, 2.0, 3.0]))
    <= 2.000 nats (90% CI 1.050 to 2.950, n=3, divergence from the prior)
    """
    caller = "leakage_upper_bound"
    kl = np.asarray(divergence, dtype=np.float64)
    if kl.ndim != 1:
        raise ShapeError(f"{caller}: `divergence` must be a vector with one value per record; got shape {kl.shape}.")
    if len(kl) < 2:
        raise TooFewSamplesError(f"{caller}: `divergence` needs at least two held-out records; got {len(kl)}.")
    bad = int((~np.isfinite(kl)).sum())
    if bad:
        raise NonFiniteError(f"{caller}: `divergence` holds NaN or infinity in {bad} of {len(kl)} records.")
    _check_level(ci_level, caller)
    if queries < 1:
        raise ParameterError(f"{caller}: `queries` must be at least 1; got {queries}.")
    value, spread = queries * float(kl.mean()), queries * _standard_error(kl)
    return MIEstimate(
        value=value,
        direction="upper",
        strength="expectation",
        standard_error=spread,
        ci=_interval(value, spread, ci_level),
        ci_level=ci_level,
        n=len(kl),
        method="divergence from the prior",
    )


@dataclasses.dataclass(frozen=True)
class LeakageAudit:
    """A lower and an upper bound on what a release tells about the records behind it.

    Parameters
    ----------
    lower : MIEstimate
        Held-out lower bound on ``I(X; Yhat)``, with `Yhat` the mean of `queries` answers.
    upper : MIEstimate or None
        Upper bound on ``I(X; Z)``, with `Z` the bottleneck's `queries` draws, evaluated on the same held-out records.
        None if the model has no noisy bottleneck, or was audited without its noise: then no finite bound is known.
    output : str
        The released quantity that was audited.
    queries : int
        Queries averaged per record.
    access : {"sampled", "mean"}
        Noisy answers or the answer without noise.
    """

    lower: MIEstimate
    upper: MIEstimate | None
    output: str
    queries: int = 1
    access: str = "sampled"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field under its name.
        """
        return {
            "lower": self.lower.to_dict(),
            "upper": None if self.upper is None else self.upper.to_dict(),
            "output": self.output,
            "queries": self.queries,
            "access": self.access,
        }

    def __str__(self) -> str:
        """State the audit in words, one sentence a line."""
        low, cap = self.lower, self.lower.cap if self.lower.cap is not None else math.inf
        how = in_words(self.access, self.queries)
        lines = [
            f"At least {low.value:.2f} nats (s.e. {low.standard_error or 0:.2f}) about a record are in its released "
            f"{self.output}, {how}: a lower bound on I(X; Yhat) from {low.n} held-out records.",
        ]
        if low.diagnostics.get("saturated"):
            lines.append(f"It stands at its ceiling of log {low.n} = {cap:.2f} nats: the leakage may be far larger.")
        else:
            lines.append(f"The method could have shown up to log {low.n} = {cap:.2f} nats.")
        if self.upper is None:
            lines.append("No upper bound is known: these answers carry no noise that limits the information in them.")
        else:
            up = self.upper
            draws = "one draw" if self.queries == 1 else f"{self.queries} draws"
            lines.append(
                f"At most {up.value:.2f} nats (s.e. {up.standard_error or 0:.2f}) pass the bottleneck in {draws}: an "
                f"upper bound on I(X; Z), and so on I(X; Yhat); repeated queries add up."
            )
        return "\n".join(lines)


def _check_level(ci_level: float, caller: str) -> None:
    if not 0 < ci_level < 1:
        raise ParameterError(f"{caller}: `ci_level` must be in (0, 1); got {ci_level!r}.")


def _standard_error(values: Any) -> float:
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _interval(value: float, spread: float, ci_level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.5 + ci_level / 2)
    return value - z * spread, value + z * spread
