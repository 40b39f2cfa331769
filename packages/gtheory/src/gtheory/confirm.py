"""Bayesian confirmation: how strongly a 2 x 2 table supports a rule "if e1 then h1", by every measure in use."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

from gtheory._table import LOGARITHMS, MARGINS, measures
from gtheory.information import nats_per_unit, unit_name
from infocore.errors import InvalidDistributionError, ParameterError

__all__ = ["Confirmation", "confirmation", "confirmation_from_test"]


@dataclasses.dataclass(frozen=True)
class Confirmation:
    r"""Degrees of confirmation of the rules e1 -> h1 and e0 -> h0. NaN where undefined, with why in `reasons`.

    Parameters
    ----------
    b1, b0 : float
        Channel confirmation b* of e1 -> h1 and of e0 -> h0, in [-1, 1]: what remains of the rule when the degree of
        disbelief that fits the data best is taken off. Does not depend on how common h1 is.
    c1, c0 : float
        Prediction confirmation c*, in [-1, 1]: ``(a - c) / max(a, c)`` and ``(d - b) / max(d, b)``. Only examples and
        counter-examples of the rule count.
    F1, F0 : float
        Kemeny and Oppenheim's F, in [-1, 1]; ``b = 2 F / (1 + |F|)``.
    D, M, R, C, Z, S, N, L : float
        The classical measures of e1 -> h1. `R` and `L` are logarithms, in the unit of `base`:
        D = P(h1|e1) - P(h1), M = P(e1|h1) - P(e1), R = log P(h1|e1)/P(h1), C = P(h1, e1) - P(e1) P(h1),
        Z = D over its largest possible size, S = P(h1|e1) - P(h1|e0), N = P(e1|h1) - P(e1|h0),
        L = log P(e1|h1)/P(e1|h0).
    sensitivity, specificity : float
        P(e1|h1) and P(e0|h0).
    ppv, npv : float
        P(h1|e1) and P(h0|e0).
    lr : float
        Likelihood ratio P(e1|h1) / P(e1|h0).
    base : float
        Base of the logarithms in `R` and `L`.
    reasons : mapping of str to str
        For each measure that is NaN, why it is undefined.
    """

    b1: float
    b0: float
    c1: float
    c0: float
    F1: float
    F0: float
    D: float
    M: float
    R: float
    C: float
    Z: float
    S: float
    N: float
    L: float
    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    lr: float
    base: float
    reasons: Mapping[str, str] = dataclasses.field(hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reasons", MappingProxyType(dict(self.reasons)))

    @property
    def unit(self) -> str:
        """Name of the unit of `R` and `L`."""
        return unit_name(self.base)

    def measures(self) -> dict[str, float]:
        """Return every measure by name.

        Returns
        -------
        dict of str to float
        """
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("base", "reasons")}

    def predict(self, prior: float) -> float:
        r"""Predicted P(h1|e1) under another prior, from `b1` alone.

        The rule's truth function is 1 on h1 and :math:`1 - b` on h0 (the other way round for a negative b), and
        semantic Bayes does the rest (derived).

        Parameters
        ----------
        prior : float
            P(h1) in [0, 1], where the prediction is wanted.

        Returns
        -------
        float
            NaN where `b1` is.

        Raises
        ------
        ParameterError
            If `prior` is outside [0, 1].

        Examples
        --------
        >>> test = confirmation_from_test(sensitivity=0.917, specificity=0.999, prevalence=0.5)
        >>> [round(test.predict(prior), 4) for prior in (0.0001, 0.002, 0.1)]
        [0.084, 0.6476, 0.9903]
        """
        if not 0 <= prior <= 1:
            raise ParameterError(f"Confirmation.predict: `prior` must be in [0, 1]; got {prior!r}.")
        disbelief = 1.0 - abs(self.b1)
        true1, true0 = (1.0, disbelief) if self.b1 >= 0 else (disbelief, 1.0)
        return _ratio(prior * true1, prior * true1 + (1.0 - prior) * true0)


def confirmation(a: float, b: float, c: float, d: float, base: float = 2) -> Confirmation:
    r"""Confirmation measures of a 2 x 2 table of evidence and hypothesis.

    Parameters
    ----------
    a, b : float
        Counts, or probabilities, of (e1, h1) and (e0, h1).
    c, d : float
        Of (e1, h0) and (e0, h0). For "ravens are black", e1 is raven and h1 is black, so `c` counts the
        counter-examples.
    base : float
        Base of the logarithms in `R` and `L`.

    Returns
    -------
    Confirmation
        Nothing is added to the counts: what an empty cell leaves undefined is NaN with its reason, and a logarithm
        of 0 or of infinity is infinite.

    Raises
    ------
    InvalidDistributionError
        If a count is negative or not finite, or all are 0.
    ParameterError
        If `base` is not above 1.

    References
    ----------
    .. [1] C. Lu, "Channels' Confirmation and Predictions' Confirmation: From the Medical Test to the Raven Paradox",
       Entropy 22:384, 2020 (roles of b* and c*; formulas recalled).
    .. [2] J. Kemeny, P. Oppenheim, "Degree of Factual Support", Philosophy of Science 19:307, 1952.

    Examples
    --------
    >>> table = confirmation(20, 180, 8, 792)
    >>> round(table.b1, 4), round(table.c1, 4), round(table.F1, 4)
    (0.9, 0.6, 0.8182)
    >>> confirmation(10, 0, 90, 0).reasons["npv"]
    'P(e0) is 0'
    """
    nats = nats_per_unit(base, "confirmation")
    for name, count in (("a", a), ("b", b), ("c", c), ("d", d)):
        if not (math.isfinite(count) and count >= 0):
            raise InvalidDistributionError(
                f"confirmation: `{name}` must be a count, finite and not negative; got {count!r}."
            )
    if a + b + c + d == 0:
        raise InvalidDistributionError("confirmation: `a`, `b`, `c`, `d` are all 0, so the table says nothing.")
    empty = {"h1": a + b == 0, "h0": c + d == 0, "e1": a + c == 0, "e0": b + d == 0}
    reasons = {
        name: " and ".join(f"P({margin}) is 0" for margin in margins if empty[margin])
        for name, margins in MARGINS.items()
        if any(empty[margin] for margin in margins)
    }
    values = {name: float(value) for name, value in measures(a, b, c, d).items()}
    values |= {name: values[name] / nats for name in LOGARITHMS}
    return Confirmation(**values, base=float(base), reasons=reasons)


def confirmation_from_test(sensitivity: float, specificity: float, prevalence: float, base: float = 2) -> Confirmation:
    """Confirmation measures of a test with known error rates.

    Parameters
    ----------
    sensitivity : float
        P(e1|h1), positive given infected.
    specificity : float
        P(e0|h0), negative given healthy.
    prevalence : float
        P(h1).
    base : float
        Base of the logarithms in `R` and `L`.

    Returns
    -------
    Confirmation

    Raises
    ------
    ParameterError
        If a rate is outside [0, 1], or `base` is not above 1.

    Examples
    --------
    >>> test = confirmation_from_test(sensitivity=0.5, specificity=0.95, prevalence=0.25)
    >>> round(test.b1, 4), round(test.c1, 4), round(test.ppv, 4)
    (0.9, 0.7, 0.7692)
    """
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity), ("prevalence", prevalence)):
        if not 0 <= rate <= 1:
            raise ParameterError(f"confirmation_from_test: `{name}` must be in [0, 1]; got {rate!r}.")
    return confirmation(
        a=sensitivity * prevalence,
        b=(1.0 - sensitivity) * prevalence,
        c=(1.0 - specificity) * (1.0 - prevalence),
        d=specificity * (1.0 - prevalence),
        base=base,
    )


def _ratio(above: float, below: float) -> float:
    return above / below if below != 0 else math.nan
