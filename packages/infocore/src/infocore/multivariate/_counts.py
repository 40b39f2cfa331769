"""Discrete variables: counts, within each stratum of what is given, or of each group of variables."""

# numpy types some of what it returns as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import dataclasses
import math
from typing import Any

import numpy as np

from infocore.discrete import Correction, Dirichlet, entropy
from infocore.discrete._counting import count_pairs
from infocore.discrete._coverage import chao_wang_jost_influence
from infocore.discrete._fingerprint import fingerprint
from infocore.discrete._values import check_correction
from infocore.errors import KindError, ParameterError
from infocore.estimators._base import Terms
from infocore.estimators._neighbours import groups
from infocore.estimators.discrete import WELL_SAMPLED, count_terms
from infocore.multivariate._measures import Measure, Part, Variables

__all__ = ["Counts"]

# What corrects one entropy from its counts alone; the others shrink or weigh a whole table.
OF_ENTROPIES = ("none", "miller-madow", "grassberger", "chao-shen", "chao-wang-jost")


@dataclasses.dataclass(frozen=True)
class Counts:
    r"""Method: counts of discrete variables, with a correction of their bias.

    .. math:: \hat I(A; B \mid C) = \sum_c \frac{n_c}{n} \hat I_c(A; B), \qquad
        \hat I = \sum_S w_S \hat H(S)

    A conditional information is the mean over the strata of C, each corrected by itself; every other is the sum of
    corrected entropies of groups S of variables.

    Parameters
    ----------
    correction : str or Dirichlet
        As in `infocore.discrete.entropy`. Of an information with more than two sides only "none", "miller-madow",
        "grassberger", "chao-shen" and "chao-wang-jost".

    Notes
    -----
    The default was chosen by measuring, conditional information, 25 samples a law, bias / spread in nats: 4 x 4 symbols
    in 4 strata, n = 300, truth 0, -0.000 / 0.022 (``miller-madow`` +0.023 / 0.014, ``none`` +0.060 / 0.013); 5 x 5 in
    20, n = 500, truth 0.194, -0.000 / 0.042 (+0.169 / 0.034; +0.232 / 0.031), from four corrected entropies instead of
    strata +0.032 / 0.044.

    Examples
    --------
    >>> Counts("none").name
    'discrete'
    """

    correction: Correction | Dirichlet = "chao-wang-jost"

    @property
    def name(self) -> str:
        """Name that the estimate carries."""
        return "discrete"

    def terms(self, variables: Variables, measure: Measure, caller: str) -> Terms:
        """Return the value and the terms behind its spread, nats."""
        check_correction(self.correction, caller)
        text = [n for s in variables.samples for n, kind in zip(s.names, s.kinds, strict=True) if kind == "continuous"]
        if text:
            raise KindError(
                f"{caller}: hardly a value of column(s) {', '.join(text)} occurs twice, so there is nothing to count; "
                'use method="ksg" or "mixed", or bin them first.'
            )
        if len(measure.parts) == 1:
            return self._strata(variables, measure.parts[0], caller)
        if self.correction not in OF_ENTROPIES:
            raise ParameterError(
                f"{caller}: `correction` must be one of {', '.join(OF_ENTROPIES)} for an information with more than "
                f"two sides; got {self.correction!r}."
            )
        return self._entropies(variables, measure)

    def _strata(self, variables: Variables, part: Part, caller: str) -> Terms:
        n, labels = variables.n, variables.labels()
        a, b, c = (variables.label(labels, group) for group in (part.a, part.b, part.c))
        pointwise, value, plain, degrees, noise, cells, seen = np.zeros(n), 0.0, 0.0, 0.0, 0.0, 0, 0
        for rows in groups(c):
            if len(rows) == 1:  # one row says nothing of how two things go together
                cells += 1
                continue
            (x, kx), (y, ky) = (_dense(labels[rows]) for labels in (a, b))
            counted = count_pairs(x, kx, y, ky)
            found = count_terms(counted, self.correction, None, caller)
            terms = found.pointwise() if callable(found.pointwise) else found.pointwise
            pointwise[rows] = terms + (found.value - terms.mean())
            share = len(rows) / n
            value += share * found.value
            plain += share * (found.value + found.diagnostics["bias_removed"])
            degrees += found.degrees
            noise += share * found.noise
            cells += found.diagnostics["cells"]
            seen += int(np.count_nonzero(counted.cells == 1))
        strata = int(c.max()) + 1
        singles = int(np.count_nonzero(np.bincount(c) == 1))
        facts = {
            "strata": strata,
            "lone_rows": singles,
            **self._facts(n, cells, 1.0 - (seen + singles) / n, plain - value),
        }
        size = min(int(a.max()), int(b.max())) + 1
        cap = math.log(size) if self.correction == "none" else None
        return Terms(value, pointwise, degrees=degrees, noise=noise, cap=cap, diagnostics=facts)

    def _entropies(self, variables: Variables, measure: Measure) -> Terms:
        n, labels = variables.n, variables.labels()
        pointwise, value, plain, degrees = np.zeros(n), 0.0, 0.0, 0.0
        for group, weight in measure.weights().items():
            label = variables.label(labels, group)
            counts = np.bincount(label)
            value += weight * entropy(counts, self.correction)
            plain += weight * entropy(counts, "none")
            if self.correction == "chao-wang-jost":
                pointwise += weight * chao_wang_jost_influence(fingerprint(counts))(counts)[label]
            else:
                pointwise -= weight * np.log(counts / n)[label]
            degrees -= weight * (len(counts) - 1)
        every = np.bincount(variables.label(labels, tuple(range(len(labels)))))
        facts = self._facts(n, len(every), 1.0 - int(np.count_nonzero(every == 1)) / n, plain - value)
        pointwise += value - pointwise.mean()
        return Terms(value, pointwise, degrees=abs(degrees), diagnostics=facts)

    def _facts(self, n: int, cells: int, coverage: float, removed: float) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "cells": cells,
            "mean_count": n / cells,
            "coverage": coverage,
            "correction": self.correction
            if isinstance(self.correction, str)
            else f"dirichlet {self.correction.pseudo_count:g}",
            "bias_removed": removed,
        }
        if n < WELL_SAMPLED * cells:
            facts["notes"] = [
                f"undersampled: {n / cells:.3g} rows a cell seen, {1 - coverage:.0%} of the probability in unseen "
                "cells; the bias may exceed the standard error"
            ]
        return facts


def _dense(label: Any) -> tuple[Any, int]:
    """Codes from 0 without gaps, and how many there are."""
    values, dense = np.unique(label, return_inverse=True)
    return dense.astype(np.int64), len(values)
