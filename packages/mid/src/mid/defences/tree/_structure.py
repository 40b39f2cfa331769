"""A grown tree as arrays, one entry per node, parents before their children."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tree"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """Binary tree on coded columns.

    Parameters
    ----------
    feature : array of shape (nodes,)
        Column a node splits on; -1 in leaves.
    cut : array of shape (nodes,)
        Largest code that goes left, for a number.
    group : array of shape (nodes,)
        Row of `groups` that says which codes go left, for a categorical column; -1 otherwise.
    groups : array of bool of shape (k, codes)
        Codes that go left; a category not seen at fit goes where more weight went.
    left, right : array of shape (nodes,)
        Children; -1 in leaves.
    depth : array of shape (nodes,)
        0 at the root.
    sums : array of shape (nodes, K)
        Weight of every class in the node, or weight, weighted sum and sum of squares of the target.
    joint : array of shape (nodes, m)
        Weight of every value of the sensitive attribute in the node; without one, m is 1 and this is the node's weight.
    """

    feature: Ints
    cut: Ints
    group: Ints
    groups: NDArray[np.bool_]
    left: Ints
    right: Ints
    depth: Ints
    sums: Floats
    joint: Floats

    @property
    def leaves(self) -> Ints:
        """Numbers of the leaves, from left to right, shape (L,)."""
        return np.flatnonzero(self.feature < 0)

    def apply(self, codes: NDArray[np.int32]) -> Ints:
        """Leaf of each coded row, as its place in `leaves`, shape (n,)."""
        node = np.zeros(len(codes), dtype=np.int64)
        moving = np.arange(len(codes)) if self.feature[0] >= 0 else np.empty(0, dtype=np.int64)
        while len(moving):
            at = node[moving]
            code = codes[moving, self.feature[at]]
            goes_left = code <= self.cut[at]
            grouped = self.group[at] >= 0
            if grouped.any():
                goes_left[grouped] = self.groups[self.group[at[grouped]], code[grouped]]
            at = np.where(goes_left, self.left[at], self.right[at])
            node[moving] = at
            moving = moving[self.feature[at] >= 0]
        return np.searchsorted(self.leaves, node)

    def open_to(self, codes: dict[int, int]) -> NDArray[np.bool_]:
        """Say which leaves a row can end in of which only some columns' codes are given, shape (L,)."""
        reached = np.zeros(len(self.feature), dtype=bool)
        reached[0] = True
        for node in np.flatnonzero(self.feature >= 0):  # parents come first
            if not reached[node]:
                continue
            code = codes.get(int(self.feature[node]))
            ways = [True, True]
            if code is not None:
                left = self.groups[self.group[node], code] if self.group[node] >= 0 else code <= self.cut[node]
                ways = [bool(left), not left]
            for child, goes in zip((self.left[node], self.right[node]), ways, strict=True):
                reached[child] |= goes
        return reached[self.leaves]

    def kept(self, closed: NDArray[np.bool_]) -> Ints:
        """Numbers of the nodes that are left if those marked in `closed` (nodes,) become leaves."""
        alive = np.zeros(len(self.feature), dtype=bool)
        alive[0] = True
        for node in np.flatnonzero((self.feature >= 0) & ~closed):  # parents come first
            if alive[node]:
                alive[[self.left[node], self.right[node]]] = True
        return np.flatnonzero(alive)

    def pruned(self, closed: NDArray[np.bool_]) -> "Tree":
        """The tree with the nodes marked in `closed` (nodes,) turned into leaves."""
        kept = self.kept(closed)
        inner = ((self.feature >= 0) & ~closed)[kept]
        new = np.full(len(self.feature), -1)
        new[kept] = np.arange(len(kept))
        return Tree(
            feature=np.where(inner, self.feature[kept], -1),
            cut=np.where(inner, self.cut[kept], -1),
            group=np.where(inner, self.group[kept], -1),
            groups=self.groups,
            left=np.where(inner, new[self.left[kept]], -1),
            right=np.where(inner, new[self.right[kept]], -1),
            depth=self.depth[kept],
            sums=self.sums[kept],
            joint=self.joint[kept],
        )

    def without_attribute(self) -> "Tree":
        """The tree without the weights of the sensitive attribute, which nobody needs to answer queries."""
        return dataclasses.replace(self, joint=self.joint[:, :0])
