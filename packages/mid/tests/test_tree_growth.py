"""Splits and growth against brute force, a second implementation in plain Python, and scikit-learn."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mid.defences.tree import MIDDecisionTreeClassifier, MIDDecisionTreeRegressor, Priority, SensitivePenalty

# --- a second implementation, in plain Python -------------------------------------------------------------------------


def shares(values, weights):
    total = sum(weights)
    return [sum(w for v, w in zip(values, weights, strict=True) if v == u) / total for u in sorted(set(values))]


def impurity(kind, y, w):
    """Weight times impurity of a list of records."""
    if kind == "squared_error":
        mean = sum(a * b for a, b in zip(w, y, strict=True)) / sum(w)
        return sum(b * (a - mean) ** 2 for a, b in zip(y, w, strict=True))
    p = shares(y, w)
    return sum(w) * (1 - sum(q * q for q in p) if kind == "gini" else -sum(q * math.log(q) for q in p))


def pick(rows, side):
    return [r for r, s in zip(rows, side, strict=True) if s]


def drop(kind, y, w, side):
    other = [not s for s in side]
    return (
        impurity(kind, y, w)
        - impurity(kind, pick(y, side), pick(w, side))
        - impurity(kind, pick(y, other), pick(w, other))
    )


def sides(x, categorical):
    """Every way to divide the records of a node, by a threshold or by a set of categories."""
    for j in range(len(x[0])):
        column = [row[j] for row in x]
        values = sorted(set(column))
        if j in categorical:
            for k in range(1, len(values)):
                for group in itertools.combinations(values, k):
                    yield j, [c in group for c in column]
        else:
            for t in values[:-1]:
                yield j, [c <= t for c in column]


def second_tree(x, y, s, w, kind, lam, categorical, max_depth, least=1):
    """Leaves as lists of records, by eq. 29."""

    def grow(rows, depth):
        xs, ys, ss, ws = ([a[i] for i in rows] for a in (x, y, s, w))
        best, score = None, -1e-9
        if depth < max_depth and impurity(kind, ys, ws) > 1e-9:
            for _, side in sides(xs, categorical):
                if min(sum(side), len(side) - sum(side)) >= least:
                    value = drop(kind, ys, ws, side) - lam * drop("entropy", ss, ws, side)
                    if value >= score if best is None else value > score + 1e-10:
                        best, score = side, value
        if best is None:
            return [frozenset(rows)]
        return grow(pick(rows, best), depth + 1) + grow(pick(rows, [not b for b in best]), depth + 1)

    return set(grow(list(range(len(y))), 0))


def partition(tree, x):
    leaf = tree.apply(x)
    return {frozenset(np.flatnonzero(leaf == k).tolist()) for k in range(tree.n_leaves_)}


def small(seed, n=24, classes=3):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 5, n), rng.integers(0, 6, n), rng.normal(size=n)])
    y = (x[:, 0] + x[:, 2] + rng.integers(0, 2, n)).astype(int) % classes
    return np.round(x, 3), y, rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("categorical", [(), (1, 2)])
@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["entropy", "gini", "squared_error"])
def test_second_implementation_of_the_penalised_tree(kind, lam, categorical, seed):
    x, y, w = small(seed)
    least = 1 + seed % 3
    model = MIDDecisionTreeRegressor if kind == "squared_error" else MIDDecisionTreeClassifier
    if kind == "squared_error":
        y = y + np.random.default_rng(seed).normal(size=len(y))
    tree = model(
        SensitivePenalty(lam),
        criterion=kind,
        sensitive_features=[0],
        categorical_features=list(categorical) or None,
        max_depth=3,
        min_samples_leaf=least,
    ).fit(x, y, w)
    want = second_tree(x.tolist(), y.tolist(), x[:, 0].tolist(), w.tolist(), kind, lam, categorical, 3, least)
    assert partition(tree, x) == want


@pytest.mark.parametrize("kind", ["entropy", "gini", "squared_error"])
def test_many_categories_of_two_classes_or_a_mean_are_grouped_optimally(kind):
    # ten categories: the prefixes of one order, against all 511 groupings
    rng = np.random.default_rng(3)
    for _ in range(5):
        x = np.append(np.arange(10), rng.integers(0, 10, 40)).astype(float)[:, None]
        y = rng.normal(size=50) if kind == "squared_error" else rng.integers(0, 2, 50)
        w = rng.uniform(0.5, 2.0, 50)
        model = MIDDecisionTreeRegressor if kind == "squared_error" else MIDDecisionTreeClassifier
        tree = model(criterion=kind, categorical_features=[0], max_depth=1).fit(x, y, w)
        side = (tree.apply(x) == 0).tolist()
        best = max(drop(kind, y.tolist(), w.tolist(), side) for _, side in sides(x.tolist(), (0,)))
        assert drop(kind, y.tolist(), w.tolist(), side) == pytest.approx(best, rel=1e-10)


def test_many_categories_of_three_classes_are_tried_one_against_the_rest():
    rng = np.random.default_rng(4)
    x = np.append(np.arange(9), rng.integers(0, 9, 60)).astype(float)[:, None]
    y, w = rng.integers(0, 3, 69), rng.uniform(0.5, 2.0, 69)
    tree = MIDDecisionTreeClassifier(categorical_features=[0], max_depth=1).fit(x, y, w)
    side = tree.apply(x) == 0
    assert min(len(set(x[side, 0])), len(set(x[~side, 0]))) == 1
    best = max(drop("entropy", y.tolist(), w.tolist(), (x[:, 0] == c).tolist()) for c in range(9))
    assert drop("entropy", y.tolist(), w.tolist(), side.tolist()) == pytest.approx(best, rel=1e-10)


def test_an_unseen_category_goes_with_the_heavier_side():
    x = np.array([[0.0]] * 3 + [[1.0]] * 5 + [[2.0]] * 4)
    y = np.array([0] * 3 + [1] * 5 + [0] * 4)
    tree = MIDDecisionTreeClassifier(categorical_features=[0]).fit(x, y)  # {0, 2} has 7 records, {1} has 5
    assert tree.predict([[9.0], [0.5], [-1.0]]).tolist() == [0, 0, 0]
    heavy = MIDDecisionTreeClassifier(categorical_features=[0]).fit(x, y, np.where(y == 1, 2.0, 1.0))
    assert heavy.predict([[9.0], [0.5], [-1.0]]).tolist() == [1, 1, 1]


# --- scikit-learn -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [60, 3000])  # small nodes are sorted, large ones counted
@pytest.mark.parametrize("depth", [1, 2, 4, 7])
@pytest.mark.parametrize("criterion", ["entropy", "gini"])
def test_impurity_of_scikit_learn(criterion, depth, n):
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.integers(0, k, n) for k in (2, 7, 30, 50)]).astype(float)
    y = ((x[:, 1] * x[:, 2] > 60).astype(int) + (x[:, 3] + 8 * rng.normal(size=n) > 25)) % 3
    w = rng.uniform(0.2, 3.0, n)
    ours = MIDDecisionTreeClassifier(criterion=criterion, max_depth=depth, min_samples_leaf=3).fit(x, y, w)
    theirs = DecisionTreeClassifier(criterion=criterion, max_depth=depth, min_samples_leaf=3, random_state=0)
    theirs.fit(x, y, w)
    # every leaf of theirs lies in one of ours; they also split pure nodes whose impurity is 3e-16 by rounding
    pairs = set(zip(ours.apply(x).tolist(), theirs.apply(x).tolist(), strict=True))
    assert len(pairs) == theirs.get_n_leaves() < ours.n_leaves_ + 6
    mass = np.bincount(theirs.apply(x), w)
    value = np.zeros(len(mass))
    is_leaf = theirs.tree_.children_left == -1
    value[is_leaf[: len(mass)]] = theirs.tree_.impurity[: len(mass)][is_leaf[: len(mass)]]
    want = mass @ value / w.sum() * (math.log(2) if criterion == "entropy" else 1.0)  # theirs is in bits
    leaf = ours.apply(x)
    got = sum(impurity(criterion, y[leaf == k].tolist(), w[leaf == k].tolist()) for k in range(ours.n_leaves_))
    assert got / w.sum() == pytest.approx(want, rel=1e-9)
    assert ours.score(x, y, w) == pytest.approx(theirs.score(x, y, w), abs=1e-12)


@pytest.mark.parametrize("n", [60, 3000])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_regression_of_scikit_learn(n, offset):
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.integers(0, k, n) for k in (2, 7, 30, 50)]).astype(float)
    y = 1e-3 * (x[:, 0] * x[:, 2] + rng.normal(size=n))
    w = rng.uniform(0.2, 3.0, n)
    for depth in (1, 3, 6):
        ours = MIDDecisionTreeRegressor(max_depth=depth, min_samples_leaf=3).fit(x, offset + y, w)
        theirs = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=3, random_state=0).fit(x, y, w)
        # theirs without the offset: with it, their sums of squares have no digits left to find a split with
        assert ours.predict(x) - offset == pytest.approx(theirs.predict(x), abs=1e-9)


# --- weights, bins, depth of the attribute ----------------------------------------------------------------------------


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), lam=st.sampled_from([0.0, 0.4]), bins=st.sampled_from([5, 255]))
def test_whole_weights_are_repeated_rows(seed, lam, bins):
    rng = np.random.default_rng(seed)
    x, y, _ = small(seed, n=40)
    times = rng.integers(0, 4, 40)
    times[0] = 1
    columns = {"sensitive_features": [0], "categorical_features": [1], "max_bins": bins}
    for model, target in ((MIDDecisionTreeClassifier, y), (MIDDecisionTreeRegressor, y + rng.normal(size=40))):
        tree = model(SensitivePenalty(lam), **columns)
        weighted = tree.fit(x, target, times)
        a = weighted.release(x[times > 0], output="probabilities" if hasattr(tree, "classes_") else "values")
        information, leaf = tree.information_, tree.leaf_information_
        repeated = tree.fit(np.repeat(x, times, axis=0), np.repeat(target, times))
        b = repeated.release(x[times > 0], output="probabilities" if hasattr(tree, "classes_") else "values")
        assert a == pytest.approx(b, abs=1e-9)
        assert information == pytest.approx(tree.information_, abs=1e-9)
        assert leaf == pytest.approx(tree.leaf_information_, abs=1e-9)


def test_many_values_are_cut_at_weighted_quantiles():
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(5000, 1))
    tree = MIDDecisionTreeClassifier(max_bins=10).fit(x, rng.integers(0, 2, 5000))
    edges = tree._coding.columns[0].edges
    assert np.mean(x <= edges, axis=0) == pytest.approx(np.arange(1, 10) / 10, abs=1e-3)
    heavy = MIDDecisionTreeClassifier(max_bins=10).fit(x, rng.integers(0, 2, 5000), np.where(x[:, 0] < 1, 3.0, 1.0))
    edges = heavy._coding.columns[0].edges
    w = np.where(x < 1, 3.0, 1.0)
    assert (w * (x <= edges)).sum(0) / w.sum() == pytest.approx(np.arange(1, 10) / 10, abs=1e-3)


def test_thresholds_of_neighbouring_floats_divide_them():
    ulp = np.finfo(float).eps
    for low in (1.0, 1.0 + ulp):  # the middle rounds to the lower one, then to the upper one
        x = np.array([[low], [low + ulp]])
        assert MIDDecisionTreeClassifier().fit(x, [0, 1]).predict(x).tolist() == [0, 1]


def test_a_cut_lies_in_the_middle_of_a_gap():
    # in the left node x[:, 1] takes the values 0 and 10 only; 1 to 9 are on the right
    x = np.array([[0, 0]] * 5 + [[0, 10]] * 5 + [[1, k] for k in range(11)], dtype=float)
    y = np.array([0] * 5 + [1] * 5 + [2] * 11)
    tree = MIDDecisionTreeClassifier(criterion="gini").fit(x, y)
    assert tree.predict([[0.0, 4.0], [0.0, 6.0]]).tolist() == [0, 1]


def test_priority():
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.integers(0, 2, 4000), rng.normal(size=(4000, 3))]).astype(float)
    y = (x[:, 1] + x[:, 2] > 0).astype(int) + 2 * (x[:, 3] + 4 * x[:, 0] > 2)  # the attribute says most
    y = np.where(rng.uniform(size=4000) < 0.3, rng.integers(0, 4, 4000), y)  # no node is pure

    def columns(depth):
        tree = MIDDecisionTreeClassifier(Priority(depth), sensitive_features=[0], max_depth=4).fit(x, y)._tree
        inner = tree.feature >= 0
        return [set(tree.feature[inner & (tree.depth == k)].tolist()) for k in range(4)]

    for depth in range(4):
        levels = columns(depth)
        assert levels[depth] == {0}
        assert all(0 not in level for level in levels[:depth])
    assert all(0 not in level for level in columns(None))
    # once split on, a value of two cannot be split again: where it is forced first, the rest is free
    assert all(0 not in level for level in columns(0)[1:])


def test_priority_that_cannot_be_met_leaves_the_node_to_the_others():
    x = np.array([[5.0, 0.0], [5.0, 1.0]])
    tree = MIDDecisionTreeClassifier(Priority(0), sensitive_features=[0]).fit(x, [0, 1])
    assert tree.predict(x).tolist() == [0, 1]
