"""Growing a tree by histograms, with a price on what a split says about a sensitive attribute (eq. 29)."""

import dataclasses
from collections.abc import Callable
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mid.defences.tree._bins import Column
from mid.defences.tree._criteria import entropy
from mid.defences.tree._structure import Tree

__all__ = ["Growth", "Labels", "Moments", "grow"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ALL_GROUPS = 7  # up to this many categories in a node all of their groupings are tried (63)
_TIE = 1e-11  # scores nearer than this share of the node's impurity are ties, so that rounding decides nothing
_LEAST = np.finfo(np.float64).tiny


class Statistic(Protocol):
    """What is summed over the records of a node."""

    def of_rows(self, rows: Ints) -> Floats:
        """Contribution of each row, shape (r, K)."""
        ...

    def table(self, rows: Ints, cells: Ints, size: int) -> Floats:
        """Sums over the rows of each cell, shape (size, K), for `cells` of shape (r, dx) below `size`."""
        ...

    def rank(self, table: Floats) -> Floats | None:
        """Place of each category in the order whose prefixes hold the best grouping; None if there is no such order."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """Weight of each label; `weight` None counts rows."""

    codes: Ints
    size: int
    weight: Floats | None

    def of_rows(self, rows: Ints) -> Floats:
        """Weight of the row in the column of its label."""
        sums = np.zeros((len(rows), self.size))
        sums[np.arange(len(rows)), self.codes[rows]] = 1.0 if self.weight is None else self.weight[rows]
        return sums

    def table(self, rows: Ints, cells: Ints, size: int) -> Floats:
        """One count over cells and labels together."""
        index = (cells * self.size + self.codes[rows, None]).ravel()
        weight = None if self.weight is None else np.repeat(self.weight[rows], cells.shape[1])
        sums: Floats = np.bincount(index, weight, minlength=size * self.size).astype(np.float64)
        return sums.reshape(size, self.size)

    def rank(self, table: Floats) -> Floats | None:
        """Share of the second of two labels."""
        return table[:, 1] / np.maximum(table.sum(1), _LEAST) if self.size == 2 else None


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Weight, weighted target and weighted squared target, shape (n, 3)."""

    values: Floats

    def of_rows(self, rows: Ints) -> Floats:
        """The three moments of the row."""
        return self.values[rows]

    def table(self, rows: Ints, cells: Ints, size: int) -> Floats:
        """One count per moment."""
        flat, width = cells.ravel(), cells.shape[1]
        columns = [np.bincount(flat, np.repeat(v, width), minlength=size) for v in self.values[rows].T]
        return np.stack(columns, axis=1).astype(np.float64)

    def rank(self, table: Floats) -> Floats | None:
        """Mean target."""
        return table[:, 1] / np.maximum(table[:, 0], _LEAST)


@dataclasses.dataclass(frozen=True, eq=False)
class Growth:
    """How a tree is grown.

    `sensitive` marks the columns (dx,) of the sensitive attribute. They are forbidden above `priority`, forced at that
    depth and free below it; None leaves them free, infinity forbids them everywhere.
    """

    impurity: Callable[[Floats], Floats]
    lam: float
    sensitive: NDArray[np.bool_]
    priority: float | None
    max_depth: float
    min_samples_leaf: int

    def allowed(self, depth: int) -> list[NDArray[np.bool_]]:
        """Sets of columns to try at this depth, in this order, until one can split the node."""
        everything = np.ones(len(self.sensitive), dtype=bool)
        if self.priority is None or depth > self.priority:
            return [everything]
        return [~self.sensitive] if depth < self.priority else [self.sensitive, everything]


@dataclasses.dataclass(frozen=True, eq=False)
class _Tables:
    """Histograms of a node: rows, target and attribute in every cell, shapes (codes, dx), (codes, dx, K or m)."""

    counts: Ints
    sums: Floats
    joint: Floats

    def minus(self, other: "_Tables") -> "_Tables":
        """Histograms of the sibling."""
        return _Tables(self.counts - other.counts, self.sums - other.sums, self.joint - other.joint)


@dataclasses.dataclass(frozen=True, eq=False)
class _Split:
    feature: int
    score: float
    cut: int = -1
    group: NDArray[np.bool_] | None = None

    def goes_left(self, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
        code = codes[:, self.feature]
        return code <= self.cut if self.group is None else self.group[code]


def grow(codes: NDArray[np.int32], columns: list[Column], target: Statistic, attribute: Labels, growth: Growth) -> Tree:
    """Grow from coded rows (n, dx); `attribute` holds the joint value of the sensitive columns."""
    splitter = _Splitter(codes, columns, target, attribute, growth)
    nodes: list[tuple[_Split | None, int, Floats, Floats]] = []
    left: list[int] = []
    right: list[int] = []
    pending: list[tuple[int, bool, int, Ints, _Tables | None]] = [(-1, True, 0, np.arange(len(codes)), None)]
    while pending:
        parent, is_left, depth, rows, tables = pending.pop()
        node = len(nodes)
        if parent >= 0:
            (left if is_left else right)[parent] = node
        sums, joint = target.of_rows(rows).sum(0), attribute.of_rows(rows).sum(0)
        split = None
        if depth < growth.max_depth and len(rows) >= 2 * growth.min_samples_leaf:
            if tables is None and len(rows) >= splitter.width:
                tables = splitter.tables(rows)
            split = splitter.best(rows, depth, sums, joint, tables)
        nodes.append((split, depth, sums, joint))
        left.append(-1)
        right.append(-1)
        if split is not None:
            goes_left = split.goes_left(codes[rows])
            children = [rows[goes_left], rows[~goes_left]]
            below = splitter.divide(children, tables) if depth + 1 < growth.max_depth else [None, None]
            pending.append((node, False, depth + 1, children[1], below[1]))
            pending.append((node, True, depth + 1, children[0], below[0]))
    return _as_tree(nodes, left, right, columns)


class _Splitter:
    """The best split of a set of rows."""

    def __init__(
        self, codes: NDArray[np.int32], columns: list[Column], target: Statistic, attribute: Labels, growth: Growth
    ) -> None:
        self.codes, self.target, self.attribute, self.growth = codes, target, attribute, growth
        self.width = max(column.size for column in columns)  # a node with fewer rows is sorted instead of counted
        self.categorical = np.array([column.categorical for column in columns])
        self.sizes = [column.size for column in columns]
        self.offsets = np.arange(codes.shape[1])

    def tables(self, rows: Ints) -> _Tables:
        """Count the rows into histograms."""
        d = self.codes.shape[1]
        cells = self.codes[rows].astype(np.int64) * d + self.offsets
        size = self.width * d
        return _Tables(
            np.bincount(cells.ravel(), minlength=size).reshape(self.width, d),
            self.target.table(rows, cells, size).reshape(self.width, d, -1),
            self.attribute.table(rows, cells, size).reshape(self.width, d, -1)
            if self.growth.lam > 0
            else np.empty((self.width, d, 0)),
        )

    def divide(self, children: list[Ints], tables: _Tables | None) -> list[_Tables | None]:
        """Histograms of two children: the smaller is counted, the other is the difference."""
        small = int(len(children[1]) < len(children[0]))
        result: list[_Tables | None] = [None, None]
        if tables is not None and len(children[1 - small]) >= self.width:
            counted = self.tables(children[small])
            result[1 - small] = tables.minus(counted)
            result[small] = counted if len(children[small]) >= self.width else None
        return result

    def best(self, rows: Ints, depth: int, sums: Floats, joint: Floats, tables: _Tables | None) -> _Split | None:
        """Split with the largest score that is not negative, in weighted units; None if there is none."""
        impurity = float(self.growth.impurity(sums))
        if impurity <= _TIE * float(np.abs(sums).sum()):
            return None
        left = self._counted(tables) if tables is not None else self._sorted(rows)
        for allowed in self.growth.allowed(depth):
            splits = [self._grouped(rows, j, sums, joint) for j in np.flatnonzero(self.categorical & allowed).tolist()]
            splits.append(self._ordered(left, len(rows), allowed & ~self.categorical, sums, joint))
            found = [split for split in splits if split is not None]
            if found:
                top = max(split.score for split in found)
                split = next(s for s in sorted(found, key=lambda s: s.feature) if s.score >= top - _TIE * impurity)
                if split.score < -_TIE * impurity:
                    return None
                return split if split.group is not None else self._centred(rows, split)
        return None

    def score(self, left: Floats, sums: Floats, left_joint: Floats, joint: Floats) -> Floats:
        """Gain minus the priced information of each candidate, times the weight of the node, shape (V,)."""
        gain = self.growth.impurity(sums) - self.growth.impurity(left) - self.growth.impurity(sums - left)
        if self.growth.lam > 0:
            gain -= self.growth.lam * (entropy(joint) - entropy(left_joint) - entropy(joint - left_joint))
        return gain

    def _counted(self, tables: _Tables) -> tuple[Ints, Floats, Floats, Ints, NDArray[np.bool_]]:
        """Rows, sums and attribute at or below each code, the code, and whether the node has it."""
        code = np.broadcast_to(np.arange(self.width)[:, None], tables.counts.shape)
        return tables.counts.cumsum(0), tables.sums.cumsum(0), tables.joint.cumsum(0), code, tables.counts > 0

    def _sorted(self, rows: Ints) -> tuple[Ints, Floats, Floats, Ints, NDArray[np.bool_]]:
        """The same from the sorted rows of a small node."""
        codes = self.codes[rows]
        order = np.argsort(codes, axis=0, kind="stable")
        code = np.take_along_axis(codes, order, 0).astype(np.int64)
        last = np.ones(code.shape, dtype=bool)
        last[:-1] = code[1:] > code[:-1]
        count = np.broadcast_to(np.arange(1, len(rows) + 1)[:, None], code.shape)
        sums = self.target.of_rows(rows)[order].cumsum(0)
        priced = self.growth.lam > 0
        joint = self.attribute.of_rows(rows)[order].cumsum(0) if priced else np.empty((*code.shape, 0))
        return count, sums, joint, code, last

    def _ordered(
        self,
        left: tuple[Ints, Floats, Floats, Ints, NDArray[np.bool_]],
        n: int,
        allowed: NDArray[np.bool_],
        sums: Floats,
        joint: Floats,
    ) -> _Split | None:
        """Best cut of the columns that are numbers."""
        count, left_sums, left_joint, code, present = left
        least = self.growth.min_samples_leaf
        valid = present & (count >= least) & (n - count >= least) & allowed
        feature, at = np.nonzero(valid.T)
        if len(feature) == 0:
            return None
        score = self.score(left_sums[at, feature], sums, left_joint[at, feature], joint)
        best = self._first(score, sums)
        return _Split(int(feature[best]), float(score[best]), cut=int(code[at[best], feature[best]]))

    def _grouped(self, rows: Ints, j: int, sums: Floats, joint: Floats) -> _Split | None:
        """Best grouping of the categories of column j."""
        size = self.sizes[j]
        cells = self.codes[rows, j, None].astype(np.int64)
        counts = np.bincount(cells.ravel(), minlength=size)
        table = self.target.table(rows, cells, size)
        table_joint = self.attribute.table(rows, cells, size)
        present = np.flatnonzero(counts)
        if len(present) < 2:
            return None
        groups = _groupings(present, self.target.rank(table), size, priced=self.growth.lam > 0)
        inside = groups @ counts
        least = self.growth.min_samples_leaf
        groups = groups[(inside >= least) & (len(rows) - inside >= least)]
        if len(groups) == 0:
            return None
        member = groups.astype(np.float64)
        score = self.score(member @ table, sums, member @ table_joint, joint)
        best = self._first(score, sums)
        group = np.append(groups[best], False)
        group[np.append(counts == 0, True)] = 2.0 * (groups[best] @ table_joint).sum() >= joint.sum()
        return _Split(j, float(score[best]), group=group)

    def _first(self, score: Floats, sums: Floats) -> int:
        """Place of the first score that is as large as the largest, up to rounding."""
        return int(np.argmax(score >= score.max() - _TIE * float(self.growth.impurity(sums))))

    def _centred(self, rows: Ints, split: _Split) -> _Split:
        """Move the cut to the middle of the codes that the node does not have."""
        code = self.codes[rows, split.feature]
        above = int(code[code > split.cut].min())
        return dataclasses.replace(split, cut=(split.cut + above - 1) // 2)


def _groupings(present: Ints, rank: Floats | None, size: int, priced: bool) -> NDArray[np.bool_]:
    """Sets of categories to send left, shape (G, size).

    All of them if few categories are present. Else the prefixes of the order by class share or mean, which hold the
    optimum of a concave impurity, or, without such an order, each category against the rest; if information is priced
    as well, both, and the optimum is not guaranteed.
    """
    sets: list[NDArray[np.int64]] = []
    if len(present) <= _ALL_GROUPS:
        first, others = present[:1], present[1:]
        sets = [
            np.append(first, np.array(more, dtype=np.int64))
            for k in range(len(others))
            for more in combinations(others, k)
        ]
    else:
        if rank is not None:
            order = present[np.argsort(rank[present], kind="stable")]
            sets = [order[: k + 1] for k in range(len(order) - 1)]
        if rank is None or priced:
            sets += [present[k : k + 1] for k in range(len(present))]
    groups = np.zeros((len(sets), size), dtype=bool)
    for row, members in zip(groups, sets, strict=True):
        row[members] = True
    return groups


def _as_tree(
    nodes: list[tuple[_Split | None, int, Floats, Floats]], left: list[int], right: list[int], columns: list[Column]
) -> Tree:
    grouped = [split.group for split, *_ in nodes if split is not None and split.group is not None]
    groups = np.zeros((len(grouped), max(column.size for column in columns) + 1), dtype=bool)
    for row, group in zip(groups, grouped, strict=True):
        row[: len(group)] = group
    is_grouped = np.array([split is not None and split.group is not None for split, *_ in nodes])
    return Tree(
        feature=np.array([-1 if split is None else split.feature for split, *_ in nodes], dtype=np.int64),
        cut=np.array([-1 if split is None else split.cut for split, *_ in nodes], dtype=np.int64),
        group=np.where(is_grouped, np.cumsum(is_grouped) - 1, -1),
        groups=groups,
        left=np.array(left, dtype=np.int64),
        right=np.array(right, dtype=np.int64),
        depth=np.array([depth for _, depth, *_ in nodes], dtype=np.int64),
        sums=np.array([sums for _, _, sums, _ in nodes]),
        joint=np.array([joint for *_, joint in nodes]),
    )
