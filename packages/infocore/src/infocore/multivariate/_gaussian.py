"""Jointly Gaussian variables: every information is made of canonical correlations of residuals."""

# scipy has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import dataclasses
import math
from typing import Any

import numpy as np

from infocore._validate import Floats
from infocore.errors import TooFewSamplesError
from infocore.estimators._base import Terms
from infocore.estimators._canonical import log_ratio
from infocore.estimators._elliptical import gaussian_bias
from infocore.estimators._neighbours import normal_scores
from infocore.multivariate._measures import Group, Measure, Part, Variables

__all__ = ["Gaussian"]

# Above this a partial correlation is 1 to rounding; on ranks, which resolve less, above the second.
EXACT, EXACT_RANKS = 1.0 - 1e-12, 1.0 - 1e-9
# A direction whose length, of 1, the others explain but for this is a copy of theirs.
COPY = 1e-9


@dataclasses.dataclass(frozen=True)
class Gaussian:
    r"""Method: partial canonical correlations, with their exact bias.

    .. math:: \hat I(A; B \mid C) = -\tfrac12 \sum_i \log(1 - r_i^2) - b

    with r the canonical correlations of what linear regression on C leaves of A and of B, and b the bias of the
    log-determinants of a Wishart matrix, about :math:`d_a d_b / 2n`.

    Parameters
    ----------
    ranks : bool
        Replace every column by the normal scores of its ranks (a Gaussian copula), which no increasing map of a column
        changes.

    Examples
    --------
    >>> Gaussian(ranks=True).name
    'gaussian-copula'
    """

    ranks: bool = False

    @property
    def name(self) -> str:
        """Name that the estimate carries."""
        return "gaussian-copula" if self.ranks else "gaussian"

    def terms(self, variables: Variables, measure: Measure, caller: str) -> Terms:
        """Return the value and the fitted terms, nats."""
        numbers, n, d = variables.numbers(caller), variables.n, sum(variables.widths)
        if n < d + 2:
            raise TooFewSamplesError(
                f"{caller}: needs at least two rows more than columns, or every correlation is fitted to 1; got n={n} "
                f"for {d} columns."
            )
        sides = [_basis(normal_scores(a) if self.ranks else a) for a in numbers]
        value, pointwise, removed = 0.0, np.zeros(n), 0.0
        infinite: list[int] = []
        for part in measure.parts:
            found = _part(sides, part, EXACT_RANKS if self.ranks else EXACT)
            if found is None:
                infinite.append(part.sign)
                continue
            terms, bias = found
            value += part.sign * (float(terms.mean()) - bias)
            pointwise += part.sign * terms
            removed += part.sign * bias
        facts: dict[str, Any] = {"rank": [s.shape[1] for s in sides], "bias_removed": removed}
        if infinite:
            undefined = len(set(infinite)) > 1
            what = "undefined: infinite terms of both signs" if undefined else "infinite"
            note = f"a linear relation is exact, so the information is {what}"
            value = math.nan if undefined else math.copysign(math.inf, infinite[0])
            return Terms(value, np.zeros(n), diagnostics={**facts, "doubts": [note]})
        return Terms(value, pointwise, degrees=measure.degrees(facts["rank"]), diagnostics=facts)


def _part(sides: list[Floats], part: Part, exact: float) -> tuple[Floats, float] | None:
    """Terms of one conditional information, whose mean is its plug-in value, and its bias; None if it is infinite."""
    n = len(sides[0])
    a, b, c = (_joined(sides, group) for group in (part.a, part.b, part.c))
    a, b = (_orthogonal(s - c @ (c.T @ s)) for s in (a, b))
    if not (a.shape[1] and b.shape[1]):
        return np.zeros(n), 0.0
    left, r, right = np.linalg.svd(a.T @ b, full_matrices=False)
    if r[0] >= exact:
        return None
    root = math.sqrt(n)
    terms = log_ratio(root * a @ left, root * b @ right.T, r).sum(1)
    return terms, gaussian_bias(n - c.shape[1], a.shape[1], b.shape[1])


def _joined(sides: list[Floats], group: Group) -> Floats:
    """Orthonormal basis of some variables together."""
    if len(group) == 1:
        return sides[group[0]]
    return _orthogonal(np.concatenate([np.empty((len(sides[0]), 0)), *(sides[j] for j in group)], axis=1))


def _basis(a: Floats) -> Floats:
    """Orthonormal basis of the centred columns, none of which is constant."""
    centred = a - a.mean(0)
    # by the range first, so that neither the squares of huge values nor those of tiny ones leave float64
    centred = centred / np.abs(centred).max(0)
    return _orthogonal(centred / np.linalg.norm(centred, axis=0))


def _orthogonal(a: Floats) -> Floats:
    """Orthonormal basis of columns of length 1 at most."""
    if not a.shape[1]:
        return a
    q, s, _ = np.linalg.svd(a, full_matrices=False)
    return q[:, s > COPY]
