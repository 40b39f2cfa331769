"""What a decision tree does against inversion: one small frozen setting per variant.

A setting that does not belong to a variant cannot be given to it. All constructions are MID-style and **derived** here
from the MID objective, risk + lam * information, except `Priority`; the decision-tree regulariser of the MID paper was
not seen and may differ.
"""

import dataclasses
import math
from typing import Any, Literal

from infocore.errors import ParameterError

__all__ = [
    "Defence",
    "InformationPruning",
    "LabelEntropy",
    "LeafPruning",
    "LeafSmoothing",
    "LearnedSmoothing",
    "Priority",
    "SensitivePenalty",
]


@dataclasses.dataclass(frozen=True)
class SensitivePenalty:
    r"""Pay for what a split says about the sensitive attribute, eq. 29.

    .. math:: \mathrm{score} = \pi_l \bigl[ \mathrm{gain}_Y - \lambda\, I(X_s; \mathrm{side} \mid l) \bigr]

    A node is split while its best score is not negative. The charges of all splits add up to
    :math:`\lambda I(X_s; \mathrm{leaf})`, so the tree is grown greedily for gain minus what its leaves say about the
    attribute, by the attribute itself or by its proxies.

    Parameters
    ----------
    lam : float
        Price of one nat in units of the criterion: nats for entropy, squared target for regression. 0 is no penalty.

    Raises
    ------
    ParameterError
        If `lam` is negative or not finite.

    Examples
    --------
    >>> SensitivePenalty(0.5)
    SensitivePenalty(lam=0.5)
    """

    lam: float

    def __post_init__(self) -> None:
        _check_price(self)


@dataclasses.dataclass(frozen=True)
class InformationPruning:
    r"""Cost-complexity pruning with information instead of the number of leaves.

    Of all subtrees of the grown tree the smallest one that minimises risk + lam * I, with I of a label drawn from the
    leaf (eq. 25). Exact: both terms are sums over leaves.

    Parameters
    ----------
    lam : float
        Price of one nat, in units of the risk.
    risk : {"gini", "error", "log_loss"}
        Training risk per record. With "log_loss" the penalty is degenerate, since on a leaf's own frequencies the loss
        is ``H(Y) - I``: below ``lam = 1`` nothing is pruned that says anything, from 1 on everything is.

    Raises
    ------
    ParameterError
        If `lam` is negative or not finite, or `risk` is not one of its values.

    Examples
    --------
    >>> InformationPruning(0.1, risk="error")
    InformationPruning(lam=0.1, risk='error')
    """

    lam: float
    risk: Literal["gini", "error", "log_loss"] = "gini"

    def __post_init__(self) -> None:
        _check_price(self)
        if self.risk not in ("gini", "error", "log_loss"):
            raise ParameterError(
                f"InformationPruning: `risk` must be 'gini', 'error' or 'log_loss'; got {self.risk!r}."
            )


@dataclasses.dataclass(frozen=True)
class LeafPruning:
    r"""Cost-complexity pruning with the entropy of the leaf instead of the number of leaves.

    Minimises the tree's own criterion + lam * H(leaf), exactly. H(leaf) is the information of a release that shows the
    leaf's distribution or mean, if no two are equal, and an upper bound for any noisy release of it. Unlike eq. 25 with
    log loss, or the usual Gaussian bounds with squared error, it is not a function of the risk, so the penalty is not
    degenerate.

    Parameters
    ----------
    lam : float
        Price of one nat, in units of the criterion: nats for entropy, squared target for regression.

    Raises
    ------
    ParameterError
        If `lam` is negative or not finite.

    Examples
    --------
    >>> LeafPruning(0.01)
    LeafPruning(lam=0.01)
    """

    lam: float

    def __post_init__(self) -> None:
        _check_price(self)


@dataclasses.dataclass(frozen=True)
class LabelEntropy:
    r"""Relabel leaves to lower 0/1 risk + lam * H(label), for a tree that releases labels only (eq. 26).

    Leaves of rarely predicted classes take a commoner label. The descent moves single leaves and whole classes until
    none helps; the optimum over all labellings is not guaranteed. Then sibling leaves of one label are merged, which
    changes no answer.

    Parameters
    ----------
    lam : float
        Price of one nat, in error rate.

    Raises
    ------
    ParameterError
        If `lam` is negative or not finite.

    Examples
    --------
    >>> LabelEntropy(0.05)
    LabelEntropy(lam=0.05)
    """

    lam: float

    def __post_init__(self) -> None:
        _check_price(self)


@dataclasses.dataclass(frozen=True)
class LeafSmoothing:
    r"""Mix every leaf distribution with the overall one: :math:`\tilde q_l = (1 - a) q_l + a \bar q`.

    Lowers eq. 25 monotonically in a, but hardly changes which candidate an attacker finds most likely, until a is
    near 1.

    Parameters
    ----------
    a : float
        Share of the overall distribution, from 0 (none) to 1 (the tree says nothing).

    Raises
    ------
    ParameterError
        If `a` is not within 0 and 1.

    Examples
    --------
    >>> LeafSmoothing(0.3)
    LeafSmoothing(a=0.3)
    """

    a: float

    def __post_init__(self) -> None:
        if not 0 <= self.a <= 1:
            raise ParameterError(f"LeafSmoothing: `a` must be within 0 and 1; got {self.a!r}.")


@dataclasses.dataclass(frozen=True)
class LearnedSmoothing:
    """`LeafSmoothing` with the share that minimises training log loss + lam * I (eq. 25).

    Both terms are convex in the share, so a search in one number finds the optimum.

    Parameters
    ----------
    lam : float
        Price of one nat, in nats of log loss.

    Raises
    ------
    ParameterError
        If `lam` is negative or not finite.

    Examples
    --------
    >>> LearnedSmoothing(0.3)
    LearnedSmoothing(lam=0.3)
    """

    lam: float

    def __post_init__(self) -> None:
        _check_price(self)


@dataclasses.dataclass(frozen=True)
class Priority:
    """Say at which depth the sensitive attribute may be split on: the baseline countermeasure for trees.

    Above that depth its columns are forbidden; at it they are forced wherever they can split the node at all; below it
    they are free.

    Parameters
    ----------
    depth : int or None
        0 is the root; None forbids the attribute everywhere.

    Raises
    ------
    ParameterError
        If `depth` is negative.

    References
    ----------
    .. [1] M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence Information and Basic
       Countermeasures", CCS 2015 (the idea; details follow this description, not their code).

    Examples
    --------
    >>> Priority(None)
    Priority(depth=None)
    """

    depth: int | None

    def __post_init__(self) -> None:
        if self.depth is not None and self.depth < 0:
            raise ParameterError(
                f"Priority: `depth` must be 0 (the root) or more, or None to forbid; got {self.depth!r}."
            )


Defence = (
    SensitivePenalty | InformationPruning | LeafPruning | LabelEntropy | LeafSmoothing | LearnedSmoothing | Priority
)


def _check_price(setting: Any) -> None:
    if not (setting.lam >= 0 and math.isfinite(setting.lam)):
        raise ParameterError(f"{type(setting).__name__}: `lam` must be finite and not negative; got {setting.lam!r}.")
