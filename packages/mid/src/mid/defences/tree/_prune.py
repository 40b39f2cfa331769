"""Pruning by risk + lam * information, both sums over leaves: one optimum, or the path of all of them."""

import dataclasses
import heapq

import numpy as np
from numpy.typing import NDArray

from mid.defences.tree._criteria import CRITERIA, entropy
from mid.defences.tree._structure import Tree

__all__ = ["PruningPath", "information_path", "leaf_costs", "merged", "prune"]

Floats = NDArray[np.float64]

_SAME = 1e-9  # prices nearer than this are one step of the path


@dataclasses.dataclass(frozen=True, eq=False)
class PruningPath:
    """Optimal subtrees of a grown tree, from the largest to its root; entry i is optimal from ``lam[i]`` on.

    Parameters
    ----------
    lam : array of shape (steps,)
        Price at which the subtree becomes optimal, increasing from 0.
    risk : array of shape (steps,)
        Training risk per record.
    information : array of shape (steps,)
        ``I(X; Yhat)`` of a label drawn from the leaf, eq. 25, in nats.
    n_leaves : array of shape (steps,)
        Number of leaves.

    Examples
    --------
    >>> import numpy as np
    >>> PruningPath(np.array([0.0]), np.array([0.2]), np.array([0.0]), np.array([1])).n_leaves
    array([1])
    """

    lam: Floats
    risk: Floats
    information: Floats
    n_leaves: NDArray[np.int64]


def leaf_costs(tree: Tree, risk: str) -> tuple[Floats, Floats]:
    """Risk and eq. 25, up to a constant, of every node as a leaf, per record; shapes (nodes,)."""
    total = tree.sums[0].sum()
    return CRITERIA[risk](tree.sums) / total, -entropy(tree.sums) / total


def prune(tree: Tree, risk: Floats, charge: Floats, lam: float) -> Tree:
    """Smallest subtree that minimises the sum over leaves of ``risk + lam * charge``, both of shape (nodes,)."""
    cost = risk + lam * charge
    best = cost.copy()
    closed = tree.feature < 0
    slack = 1e-12 * (np.abs(cost[0]) + np.abs(risk[0]) + np.finfo(np.float64).tiny)
    for node in np.flatnonzero(~closed)[::-1]:  # children come after their parents
        below = best[tree.left[node]] + best[tree.right[node]]
        closed[node] = cost[node] <= below + slack
        best[node] = min(cost[node], below)
    return tree.pruned(closed)


def merged(tree: Tree, labels: NDArray[np.int64]) -> tuple[Tree, NDArray[np.int64]]:
    """Make leaves of the nodes below which all leaves have one of `labels` (L,); the tree and its labels."""
    label = np.full(len(tree.feature), -1)
    label[tree.leaves] = labels
    for node in np.flatnonzero(tree.feature >= 0)[::-1]:  # children come after their parents
        below = label[[tree.left[node], tree.right[node]]]
        if below[0] == below[1]:
            label[node] = below[0]
    kept = label[tree.kept(label >= 0)]
    return tree.pruned(label >= 0), kept[kept >= 0]


def information_path(tree: Tree, risk: Floats, charge: Floats) -> PruningPath:
    """Weakest links one after another, as in CART; `risk` and `charge` of shape (nodes,) are leaf costs per record."""
    nodes = len(tree.feature)
    parent = np.full(nodes, -1)
    inner = np.flatnonzero(tree.feature >= 0)
    parent[tree.left[inner]] = parent[tree.right[inner]] = inner
    saved, paid, leaves = np.zeros(nodes), np.zeros(nodes), np.ones(nodes, dtype=np.int64)
    for node in inner[::-1]:
        left, right = tree.left[node], tree.right[node]
        saved[node] = risk[node] - risk[left] - risk[right] + saved[left] + saved[right]
        paid[node] = charge[left] + charge[right] - charge[node] + paid[left] + paid[right]
        leaves[node] = leaves[left] + leaves[right]
    nothing = 1e-12 * max(abs(float(risk[0])), abs(float(charge[0])))

    def price(node: int) -> float:
        if saved[node] <= nothing:
            return 0.0
        return float(saved[node] / paid[node]) if paid[node] > nothing else np.inf

    heap = [(price(node), -node) for node in inner.tolist()]  # of equal prices the last node, which is below the others
    heapq.heapify(heap)
    live = np.zeros(nodes, dtype=bool)
    live[inner] = True
    steps: list[tuple[float, float, float, int]] = [(0.0, *_state(saved, paid, leaves, risk))]
    lam = 0.0
    while heap:
        value, node = heapq.heappop(heap)
        node = -node
        if not live[node] or value != price(node):
            continue
        gone = (saved[node], paid[node], leaves[node] - 1)
        _close(tree, node, live)
        at = node
        while at >= 0:
            saved[at] -= gone[0]
            paid[at] -= gone[1]
            leaves[at] -= gone[2]
            if live[at]:
                heapq.heappush(heap, (price(at), -at))
            at = int(parent[at])
        if value > lam * (1 + _SAME) + _SAME * nothing:
            lam = value
            steps.append((lam, *_state(saved, paid, leaves, risk)))
        else:
            steps[-1] = (lam, *_state(saved, paid, leaves, risk))
    lams, risks, informations, sizes = zip(*steps, strict=True)
    return PruningPath(np.array(lams), np.array(risks), np.array(informations), np.array(sizes))


def _state(saved: Floats, paid: Floats, leaves: NDArray[np.int64], risk: Floats) -> tuple[float, float, int]:
    return float(risk[0] - saved[0]), float(paid[0]), int(leaves[0])


def _close(tree: Tree, node: int, live: NDArray[np.bool_]) -> None:
    """Mark a node and all splits below it as pruned."""
    pending = [node]
    while pending:
        at = pending.pop()
        live[at] = False
        pending += [int(child) for child in (tree.left[at], tree.right[at]) if live[child]]
