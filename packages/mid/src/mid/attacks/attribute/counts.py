r"""White-box attack on a decision tree whose leaf counts are known.

.. math:: \mathrm{score}(v) = \frac{1}{\sum_j p_j \phi_j(v)} \sum_{i \in S} p_i \phi_i(v)\, p(v) \qquad (38)

Path i holds a share p_i of the training records; :math:`\phi_i(v)` says whether it is open to records with
:math:`x_s = v`; S are the paths open to the known columns that end in the true label. Recalled, not read, from
Fredrikson, Jha and Ristenpart, CCS 2015.
"""

import dataclasses
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ParameterError
from mid.attacks.attribute.baselines import PriorName, log_prior_of
from mid.attacks.attribute.view import View
from mid.attacks.predictor import last_step
from mid.attacks.protocols import Needs

__all__ = ["WhiteBoxCounts"]

Floats = NDArray[np.float64]

_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class WhiteBoxCounts:
    """Eq. 38 on a scikit-learn decision tree or one of this package, or a pipeline that ends in one.

    Parameters
    ----------
    prior : {"marginal", "imputation", "uniform"}
        What is multiplied in.

    Raises
    ------
    ParameterError
        If `prior` is not one of its values.

    Notes
    -----
    Whether a path is open to a candidate is read from the thresholds on the path, not estimated from the attacked
    records. Where no candidate reaches a leaf of the true label, the prior alone decides.
    """

    prior: PriorName = "marginal"

    def __post_init__(self) -> None:
        if self.prior not in get_args(PriorName):
            raise ParameterError(f"WhiteBoxCounts: `prior` must be one of {get_args(PriorName)}; got {self.prior!r}.")

    @staticmethod
    def can_read(view: View) -> bool:
        """Say whether the model is a tree whose input holds the attribute in columns of its own.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        bool
            Whether `scores` would find what it needs.
        """
        try:
            tree, transform = _tree_of(view.model, "can_read")
            if not hasattr(tree, "apply"):
                return False
            bare = view.hidden.head(50).reindex(columns=list(view.known.X.columns))
            asked = [transform(view.attribute.substitute(bare, k)) for k in range(view.attribute.size)]
            _candidate_inputs([np.asarray(x, np.float64) for x in asked], "can_read")
        except (ParameterError, ValueError, TypeError):
            return False
        return True

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"white box with counts ({self.prior} prior)"

    @property
    def needs(self) -> Needs:
        """The tree itself, and the true label."""
        return Needs(interface="parameters", response=True, auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log of eq. 38.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-scores.

        Raises
        ------
        ParameterError
            If the model is no tree, or the columns it reads mix the attribute with others.
        """
        tree, transform = _tree_of(view.model, self.name)
        leaves = _OwnLeaves(tree) if hasattr(tree, "open_leaves") else _Leaves.of(tree)
        prior = log_prior_of(view, self.prior)
        columns = list(view.known.X.columns)
        bare = view.hidden.reindex(columns=columns)
        asked = [transform(view.attribute.substitute(bare, k)) for k in range(prior.shape[1])]
        open_to = leaves.open_to(_candidate_inputs([np.asarray(x, np.float64) for x in asked], self.name))
        mass = open_to @ leaves.share
        reached = np.stack([leaves.index(tree.apply(x)) for x in asked], axis=1)
        right = leaves.label[reached] == np.asarray(view.response)[:, None]
        return np.log(np.where(right, leaves.share[reached], 0.0) / mass + _TINY) + prior


class _OwnLeaves:
    """Leaves of a tree of this package, which numbers them itself."""

    def __init__(self, tree: Any) -> None:
        mass = tree.leaf_counts_.sum(1)
        self.share, self.label = mass / mass.sum(), tree.leaf_labels_
        self._tree = tree

    def index(self, leaves: NDArray[Any]) -> NDArray[np.intp]:
        return leaves

    def open_to(self, candidates: dict[int, Floats]) -> NDArray[np.bool_]:
        size = len(next(iter(candidates.values())))
        return np.stack(
            [self._tree.open_leaves({j: float(values[k]) for j, values in candidates.items()}) for k in range(size)]
        )


@dataclasses.dataclass(frozen=True)
class _Leaves:
    """Leaves of a scikit-learn tree: node numbers, shares of the training records, labels, intervals of the paths."""

    node: NDArray[np.int64]
    share: Floats
    label: NDArray[Any]
    low: Floats
    high: Floats

    @classmethod
    def of(cls, tree: Any) -> "_Leaves":
        """Walk the tree from its root."""
        t = tree.tree_
        node: list[int] = []
        lows: list[Floats] = []
        highs: list[Floats] = []
        stack = [(0, np.full(t.n_features, -np.inf), np.full(t.n_features, np.inf))]
        while stack:
            at, low, high = stack.pop()
            if t.children_left[at] < 0:
                node.append(at)
                lows.append(low)
                highs.append(high)
                continue
            feature, threshold = int(t.feature[at]), float(t.threshold[at])
            left, right = high.copy(), low.copy()
            left[feature] = min(high[feature], threshold)
            right[feature] = max(low[feature], threshold)
            stack += [(int(t.children_left[at]), low, left), (int(t.children_right[at]), right, high)]
        order = np.argsort(node)
        nodes = np.array(node)[order]
        share = t.weighted_n_node_samples[nodes] / t.weighted_n_node_samples[0]
        label = tree.classes_[t.value[nodes, 0].argmax(1)]
        return cls(nodes, share, label, np.stack(lows)[order], np.stack(highs)[order])

    def index(self, nodes: NDArray[Any]) -> NDArray[np.intp]:
        """Number the leaves reached."""
        return np.searchsorted(self.node, nodes)

    def open_to(self, candidates: dict[int, Floats]) -> NDArray[np.bool_]:
        """Say which leaves (columns) are open to each candidate (rows), by the columns that hold the attribute."""
        size = len(next(iter(candidates.values())))
        result = np.ones((size, len(self.node)), np.bool_)
        for column, values in candidates.items():
            x = values.astype(np.float32).astype(np.float64)[:, None]  # as scikit-learn compares
            result &= (x > self.low[:, column]) & (x <= self.high[:, column])
        return result


def _candidate_inputs(inputs: list[Floats], name: str) -> dict[int, Floats]:
    """Columns of the tree's input that hold the attribute, with each candidate's value."""
    stacked = np.stack(inputs)
    varying = np.flatnonzero((stacked != stacked[:1]).any(axis=(0, 1)))
    if not len(varying):
        raise ParameterError(f"{name}: the tree's input does not change with the attribute: there is nothing to read.")
    if (stacked[:, :, varying] != stacked[:, :1, varying]).any():
        raise ParameterError(
            f"{name}: columns that the tree reads mix the attribute with others, so what a path says of it is not "
            "known."
        )
    return {int(j): stacked[:, 0, j] for j in varying}


def _tree_of(model: Any, name: str) -> tuple[Any, Any]:
    """Return the tree, and what brings records to its input."""
    tree, before = last_step(model)
    if not (hasattr(tree, "classes_") and (hasattr(tree, "tree_") or hasattr(tree, "open_leaves"))):
        raise ParameterError(
            f"{name}: `model` must be a classification tree, or a pipeline ending in one; got {model!r}."
        )

    def as_numbers(x: Any) -> Any:
        moved = before(x)
        return moved.toarray() if hasattr(moved, "toarray") else moved

    return tree, as_numbers
