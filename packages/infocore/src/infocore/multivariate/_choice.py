"""The method by name or by what the data are, and the estimate made of its terms."""

# numpy and scipy type some of what they return as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math
import warnings
from typing import Any, Literal, get_args

import numpy as np

from infocore._blocks import block_ids
from infocore._validate import Floats, check_level, generator
from infocore.dependence import optimal_block_length
from infocore.errors import DegenerateWarning, ParameterError
from infocore.estimators._base import Terms, below_zero
from infocore.estimators._doubts import FEW_COLUMNS
from infocore.estimators._neighbours import normal_scores
from infocore.intervals import normal_interval
from infocore.multivariate._counts import Counts
from infocore.multivariate._gaussian import Gaussian
from infocore.multivariate._measures import Measure, Variables
from infocore.multivariate._neighbours import Neighbours
from infocore.result import MIEstimate, Units

__all__ = ["Method", "MethodName", "check_settings", "chosen", "estimated", "non_gaussian"]

MethodName = Literal["auto", "gaussian", "gaussian-copula", "ksg", "mixed", "discrete"]
Method = Gaussian | Neighbours | Counts

_NAMED: dict[str, Method] = {
    "gaussian": Gaussian(),
    "gaussian-copula": Gaussian(ranks=True),
    "ksg": Neighbours(),
    "mixed": Neighbours(mixed=True),
    "discrete": Counts(),
}
# Level of each of the two tests of the Gaussian copula, and the most columns they look at.
LEVEL, COLUMNS = 0.01, 40
# k-NN speaks against the copula from this many standard errors of the difference, and nats and share of its value.
WIDTH, SLACK, SHARE = 3.0, 0.02, 0.1
# Beyond this many columns k-NN is not asked unless the copula is refused.
MANY_COLUMNS = 20


def check_settings(method: Any, units: str, ci_level: float, rng: Any, caller: str) -> None:
    """Refuse a method, unit, level or seed that cannot be."""
    if not isinstance(method, Method) and method not in get_args(MethodName):
        raise ParameterError(
            f"{caller}: `method` must be one of {', '.join(get_args(MethodName))}, or a Gaussian, Neighbours or "
            f"Counts; got {method!r}."
        )
    if units not in get_args(Units):
        raise ParameterError(f"{caller}: `units` must be one of {', '.join(get_args(Units))}; got {units!r}.")
    check_level(ci_level, caller)
    generator(rng, caller)


def chosen(
    variables: Variables, measure: Measure, method: MethodName | Method, caller: str
) -> tuple[Method, Terms, dict[str, Any]]:
    """Return the method, its terms, and, if it was chosen, why.

    Parameters
    ----------
    variables : Variables
    measure : Measure
    method : str or Gaussian, Neighbours or Counts
        "auto" counts what is discrete, looks at neighbours of what is mixed, and for continuous columns takes the
        Gaussian copula unless the data speak against it.
    caller : str
        For the messages.

    Returns
    -------
    method : Gaussian, Neighbours or Counts
    terms : Terms
    facts : dict
        ``reason`` and ``candidates``, or nothing.
    """
    if method != "auto":
        one = _NAMED[method] if isinstance(method, str) else method
        return one, one.terms(variables, measure, caller), {}
    kinds = variables.all_kinds
    if kinds != {"continuous"}:
        one = Counts() if kinds <= {"discrete"} else Neighbours(mixed=True)
        terms = one.terms(variables, measure, caller)
        reason = "all columns are discrete" if kinds <= {"discrete"} else "discrete or mixed columns"
        return one, terms, {"reason": reason, "candidates": {one.name: terms.value}}
    return _continuous(variables, measure, caller)


def _continuous(variables: Variables, measure: Measure, caller: str) -> tuple[Method, Terms, dict[str, Any]]:
    d, n = sum(variables.widths), variables.n
    neighbours, gaussian = Neighbours(margins="rank"), Gaussian(ranks=True)
    if n < d + 2:
        terms = neighbours.terms(variables, measure, caller)
        reason = "too few rows for correlations"
        return neighbours, terms, {"reason": reason, "candidates": {neighbours.name: terms.value}}
    copula = gaussian.terms(variables, measure, caller)
    candidates = {gaussian.name: copula.value}
    if not math.isfinite(copula.value):
        return gaussian, copula, {"reason": "a relation of ranks is exact", "candidates": candidates}
    against = non_gaussian(np.concatenate(variables.numbers(caller), axis=1))
    if n < neighbours.k + 2 or (d > MANY_COLUMNS and not against):
        return gaussian, copula, {"reason": "nothing speaks against a Gaussian copula", "candidates": candidates}
    terms = neighbours.terms(variables, measure, caller)
    candidates[neighbours.name] = terms.value
    if not against and d <= FEW_COLUMNS:
        difference = np.asarray(terms.pointwise) - np.asarray(copula.pointwise)
        error = math.sqrt(float(np.var(difference)) / n + terms.noise / n)
        if abs(terms.value - copula.value) > WIDTH * error + SLACK + SHARE * abs(copula.value):
            against = "k-NN differs from the Gaussian copula"
    if against:
        return neighbours, terms, {"reason": against, "candidates": candidates}
    return gaussian, copula, {"reason": "nothing speaks against a Gaussian copula", "candidates": candidates}


def non_gaussian(a: Floats) -> str:
    r"""Say which moments of the normal scores speak against a Gaussian copula, or nothing.

    With whitened scores w, the third moments and the correlations of squares,

    .. math:: \frac{n}{6} \sum_{abc} \langle w_a w_b w_c \rangle^2 \sim \chi^2_{d(d+1)(d+2)/6}, \qquad
        \frac{n}{4} \sum_{a<b} \langle (w_a^2 - 1)(w_b^2 - 1) \rangle^2 \sim \chi^2_{d(d-1)/2}

    Parameters
    ----------
    a : array of shape (n, d), n > d

    Returns
    -------
    str
        Empty where neither is significant at the 1 % level, or a column is a copy of others.

    References
    ----------
    .. [1] K. Mardia, "Measures of multivariate skewness and kurtosis with applications", Biometrika 57, 1970, for the
       first; the second was derived. Scores of ranks have less freedom than normal data, so both are conservative.
    """
    from scipy.stats import chi2

    z = normal_scores(a)[:, :COLUMNS]
    n, d = z.shape
    z = z / z.std(0)
    try:
        w = np.linalg.solve(np.linalg.cholesky(z.T @ z / n), z.T).T
    except np.linalg.LinAlgError:
        return ""
    products = (w[:, :, None] * w[:, None, :]).reshape(n, -1)
    third = products.T @ w / n
    if chi2.sf(n / 6 * float((third**2).sum()), d * (d + 1) * (d + 2) / 6) < LEVEL:
        return "third moments of the scores speak against a Gaussian copula"
    squares = w**2 - 1.0
    fourth = np.triu(squares.T @ squares / n, 1)
    if d > 1 and chi2.sf(n / 4 * float((fourth**2).sum()), d * (d - 1) / 2) < LEVEL:
        return "squares of the scores go together, which speaks against a Gaussian copula"
    return ""


def estimated(
    variables: Variables,
    measure: Measure,
    method: MethodName | Method,
    caller: str,
    *,
    units: Units,
    ci_level: float,
    blocks: Any,
) -> MIEstimate:
    """Return the estimate of a measure.

    Parameters
    ----------
    variables : Variables
    measure : Measure
    method : str or Gaussian, Neighbours or Counts
    caller : str
        For the messages.
    units : {"nats", "bits"}
    ci_level : float
    blocks : None, int, array of shape (n,) or "auto"
        "auto" takes the block length from the terms in their order.

    Returns
    -------
    MIEstimate
    """
    if isinstance(blocks, str) and blocks != "auto":
        raise ParameterError(f'{caller}: `blocks` must be a length, one label a row, "auto" or None; got {blocks!r}.')
    if blocks is not None and not isinstance(blocks, str):
        blocks = block_ids(blocks, variables.n, caller)
    one, terms, facts = chosen(variables, measure, method, caller)
    facts = {**terms.diagnostics, **facts}
    doubts = list(facts.pop("doubts", []))
    if doubts:
        warnings.warn(f"{caller}: {'; '.join(doubts)}.", DegenerateWarning, stacklevel=4)
    facts["notes"] = doubts + list(facts.get("notes", []))
    warned = math.isnan(terms.value)
    error: float | None = None
    if math.isfinite(terms.value):
        if isinstance(blocks, str):
            length = min(math.ceil(optimal_block_length(np.asarray(terms.pointwise))), variables.n // 2)
            facts["block_length"] = length
            blocks = block_ids(length, variables.n, caller)
        if blocks is not None:
            facts["blocks"] = int(blocks.max()) + 1
        error = terms.standard_error(variables.n, blocks)
        low = below_zero(terms.value, error) if measure.nonnegative else []
        for doubt in low:
            if doubt.category is not None:
                warnings.warn(f"{caller}: {doubt}.", doubt.category, stacklevel=4)
        facts["notes"] += map(str, low)
        warned = warned or any(doubt.category for doubt in low)
    return MIEstimate(
        value=terms.value,
        direction="none" if math.isnan(terms.value) else "consistent",
        strength="heuristic" if warned else terms.strength,
        standard_error=error,
        ci=None if error is None else normal_interval(terms.value, error, ci_level),
        ci_level=None if error is None else ci_level,
        cap=terms.cap,
        n=variables.n,
        method=one.name,
        diagnostics={"kinds": variables.kinds, "flags": list(variables.flags), **facts},
    ).to(units)
