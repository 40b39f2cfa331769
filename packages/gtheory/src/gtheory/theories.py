"""Other theories on the same labels: Carnap and Bar-Hillel, Floridi, Shannon, entropies of logical probability.

Each is here so that it can be set beside `semantic_information` on one example, where it shows what each of them does
not see: truth, the degree of truth, the prior, or use.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false

import dataclasses

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, xlogy

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import InvalidDistributionError, ShapeError
from infocore.semantic import Floats, channel, distribution, real, truth_values

__all__ = ["TheoryComparison", "compare_theories"]


@dataclasses.dataclass(frozen=True, eq=False)
class TheoryComparison:
    r"""Measures of the information of labels, by theory; logarithms in the unit of `base`.

    Parameters
    ----------
    lu : ndarray of shape (m, n)
        :math:`\log T(\theta_j|x_i)/T(\theta_j)`: depends on which x is so, on degrees of truth, and on the prior.
    cont : ndarray of shape (n,)
        :math:`1 - T(\theta_j)`, content after Carnap and Bar-Hillel, in [0, 1]. Does not depend on what is so: a
        contradiction has the most.
    inf : ndarray of shape (n,)
        :math:`-\log T(\theta_j)`, their information; +inf for a contradiction. `lu` where the label is wholly true.
    floridi : ndarray of shape (m, n)
        :math:`1 - \vartheta^2`, Floridi's degree of informativeness, in [0, 1]: of a label that is true of x,
        :math:`\vartheta` is the share of all x of which it is true (its vacuity); of one that is false, its inaccuracy,
        if given. NaN where neither: for a degree of truth between 0 and 1, and for what is false without inaccuracy.
    surprisal : ndarray of shape (m,)
        :math:`-\log P(x_i)`, Shannon's information of the event itself; does not depend on the label.
    specific : ndarray of shape (n,) or None
        :math:`\mathrm{KL}(P(x|y_j)\,\|\,P(x))`, Shannon's information of the label in use; does not depend on what it
        means. None where no channel was given.
    logical_entropy : ndarray of shape (n,)
        Binary entropy of :math:`T(\theta_j)`: what an answer to "is it true?" says, if labels are crisp.
    fuzziness : ndarray of shape (n,)
        Mean over x of the binary entropy of :math:`T(\theta_j|x)`, after De Luca and Termini: 0 for a crisp label.
    event_entropy : ndarray of shape (n,)
        :math:`-\sum_i T(\theta_j|x_i) P(x_i) \log P(x_i)`, Zadeh's entropy of a fuzzy event.
    base : float
        Base of the logarithms: 2 for bits.
    """

    lu: Floats
    cont: Floats
    inf: Floats
    floridi: Floats
    surprisal: Floats
    specific: Floats | None
    logical_entropy: Floats
    fuzziness: Floats
    event_entropy: Floats
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of all but `cont` and `floridi`, which have none."""
        return unit_name(self.base)


def compare_theories(
    px: ArrayLike,
    truth: ArrayLike,
    ch: ArrayLike | None = None,
    base: float = 2,
    *,
    inaccuracy: ArrayLike | None = None,
) -> TheoryComparison:
    r"""Information of labels by several theories of semantic information, and by Shannon's.

    Parameters
    ----------
    px : array of shape (m,)
        Prior of x; sums to 1. Logical probability is taken under it; Carnap's own is a uniform one.
    truth : array of shape (m, n)
        Degrees of truth in [0, 1], labels in columns. A label that is false of every x is allowed: a contradiction.
    ch : array of shape (m, n), optional
        How labels are used, ``P(y_j|x_i)``.
    base : float
        Base of the logarithms: 2 for bits.
    inaccuracy : array of shape (m, n), optional
        For Floridi: of a label that is false of x, the share of its atomic statements that are wrong, in [0, 1]. It is
        read only where `truth` is 0; no theory derives it from truth.

    Returns
    -------
    TheoryComparison

    Raises
    ------
    ParameterError
        If `base` is not above 1.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `px` or `ch` is no law, or `truth` or `inaccuracy` leaves [0, 1].

    References
    ----------
    .. [1] Y. Bar-Hillel, R. Carnap, "Semantic Information", British J. Philosophy of Science 4:147, 1953.
    .. [2] L. Floridi, "Outline of a Theory of Strongly Semantic Information", Minds and Machines 14:197, 2004 (form
       recalled).
    .. [3] A. De Luca, S. Termini, "A Definition of a Nonprobabilistic Entropy in the Setting of Fuzzy Sets Theory",
       Information and Control 20:301, 1972 (weighted here by P(x)).
    .. [4] L. Zadeh, "Probability Measures of Fuzzy Events", J. Math. Analysis and Applications 23:421, 1968.

    Examples
    --------
    A die, "even", "six" and the contradiction "even and odd", when it shows 2:

    >>> import numpy as np
    >>> even, six = np.array([0, 1, 0, 1, 0, 1.0]), np.array([0, 0, 0, 0, 0, 1.0])
    >>> found = compare_theories(np.full(6, 1 / 6), np.stack([even, six, even * (1 - even)], axis=1))
    >>> found.inf.round(3).tolist(), found.lu[1].round(3).tolist()
    ([1.0, 2.585, inf], [1.0, -inf, nan])
    """
    caller = "compare_theories"
    nats = nats_per_unit(base, caller)
    p = distribution(px, caller, "px")
    log_t = np.minimum(truth_values(truth, caller, rows=len(p), log=False), 0.0)  # which allows rounding above 1
    t = np.exp(log_t)
    lp = np.minimum(p @ t, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lu = np.where(lp > 0, log_t - np.log(lp), np.nan)
        inf, surprisal = -np.log(lp), -np.log(p)
    vacuity = np.where(log_t == 0, np.mean(log_t == 0, axis=0), np.nan)
    if inaccuracy is not None:
        wrong = real(inaccuracy, caller, "inaccuracy", ndim=2)
        if wrong.shape != t.shape:
            raise ShapeError(f"{caller}: `inaccuracy` must have the shape of `truth`, {t.shape}; got {wrong.shape}.")
        bad = (t == 0) & ~((wrong >= 0) & (wrong <= 1))
        if bad.any():
            raise InvalidDistributionError(
                f"{caller}: `inaccuracy` must be in [0, 1] where a label is false; got {wrong[bad][0]:g}."
            )
        vacuity = np.where(t == 0, wrong, vacuity)
    specific = None
    if ch is not None:
        use = channel(ch, caller, "ch", shape=t.shape)
        joint = p[:, None] * use
        py = joint.sum(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            specific = np.sum(xlogy(joint, use) - xlogy(joint, py), axis=0) / py / nats
    return TheoryComparison(
        lu=lu / nats,
        cont=1 - lp,
        inf=inf / nats,
        floridi=1 - vacuity**2,
        surprisal=surprisal / nats,
        specific=specific,
        logical_entropy=(entr(lp) + entr(1 - lp)) / nats,
        fuzziness=p @ (entr(t) + entr(1 - t)) / nats,
        event_entropy=(-xlogy(p, p) @ t) / nats,
        base=float(base),
    )
