"""Neighbour kernels: every one against all distances written out, on ties, grids, copies and scales far apart."""

import importlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infocore.estimators import _neighbours as nb
from infocore.estimators import _tiles

numba = pytest.mark.skipif(not nb.has_numba(), reason="numba is not installed")
TREES = ["tree", pytest.param("compiled tree", marks=numba)]
KERNELS = ["distances", pytest.param("compiled distances", marks=numba), *TREES]
SHAPES = ["smooth", "grid", "tenths", "copies", "tails", "line", "flat"]


def sample(shape, n, d, seed):
    rng = np.random.default_rng(seed)
    if shape == "smooth":
        return rng.standard_normal((n, d))
    if shape == "grid":
        return rng.integers(0, 4, (n, d)).astype(float)
    if shape == "tenths":  # differences are rounded: a bound x + r moves points across it
        return rng.integers(0, 30, (n, d)) * 0.1
    if shape == "copies":
        return np.repeat(rng.standard_normal((-(-n // 5), d)), 5, axis=0)[:n]
    if shape == "tails":
        return rng.standard_cauchy((n, d)) ** 3
    if shape == "line":
        return rng.permutation(n)[:, None] * 0.1 + np.zeros((1, d))
    return np.concatenate([rng.standard_normal((n, 1)), np.zeros((n, d - 1))], axis=1)


def brute(x, y, ks):
    dx, dy = (np.abs(a[:, None] - a[None]).max(-1) for a in (x, y))
    joint = np.maximum(dx, dy)
    np.fill_diagonal(joint, np.inf)
    radii = np.sort(joint, axis=1)[:, np.array(ks) - 1]
    return radii, *((d[:, :, None] < radii[:, None, :]).sum(1) for d in (dx, dy))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (1, 2), (2, 2), (3, 4), (6, 6)])
def test_every_kernel_is_the_brute_force_to_the_bit(kernel, shape, dx, dy):
    x, y = sample(shape, 150, dx, 1), sample("tenths" if shape == "grid" else shape, 150, dy, 2)
    ks = np.array([1, 3, 7])
    got = nb.joint_counts(x, y, ks, kernel=kernel)
    for a, b in zip(got, brute(x, y, ks), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6), n=st.integers(12, 90), dx=st.integers(1, 3), dy=st.integers(1, 9), k=st.integers(1, 9)
)
def test_any_number_of_rows_and_columns(kernel, seed, n, dx, dy, k):
    rng = np.random.default_rng(seed)
    x, y = (sample(SHAPES[rng.integers(len(SHAPES))], n, d, rng.integers(99)) for d in (dx, dy))
    for a, b in zip(nb.joint_counts(x, y, np.array([k]), kernel=kernel), brute(x, y, [k]), strict=True):
        np.testing.assert_array_equal(a, b)


# above the sizes at which scikit-learn's tree, several leaves and strips of several blocks come in
@pytest.mark.parametrize("shape", ["smooth", "tenths", "tails"])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (3, 3), (5, 6)])
def test_kernels_agree_on_many_rows(shape, dx, dy):
    x, y = sample(shape, 4100, dx, 1), sample(shape, 4100, dy, 2)
    if dx > 1 and shape == "tails":
        x, y = x[:1500], y[:1500]  # there the tiles work in float64
    names = ["tree", "distances"] + ["compiled tree", "compiled distances"] * nb.has_numba()
    first, *others = (nb.joint_counts(x, y, np.array([3]), kernel=name) for name in names)
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernel", KERNELS)
def test_threads_change_nothing(kernel):
    x, y = sample("tenths", 500, 2, 0), sample("smooth", 500, 2, 1)
    one, two = (nb.joint_counts(x, y, np.array([2, 5]), kernel=kernel, workers=w) for w in (1, 2))
    every = nb.joint_counts(x, y, np.array([2, 5]), kernel=kernel, workers=-1)
    for a, b, c in zip(one, two, every, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("kernel", TREES)
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_counts_by_the_comparison_itself(kernel, strict, shape, d):
    x = sample(shape, 120, d, 3)
    distance = np.abs(x[:, None] - x[None]).max(-1)
    # every third radius is 0, the rest are distances that occur: on the boundary lies at least one point
    radii = np.where(np.arange(120) % 3 == 0, 0.0, distance[np.arange(120), np.random.default_rng(0).permutation(120)])
    want = ((distance < radii[:, None]) if strict else (distance <= radii[:, None])).sum(1)
    np.testing.assert_array_equal(nb.counts_within(x, radii, strict=strict, kernel=kernel), want)
    both = nb.counts_within(x, np.stack([radii, 2 * radii], axis=1), strict=strict, kernel=kernel)
    np.testing.assert_array_equal(both[:, 0], want)


# a tree that was searched for all rows says of some what it said then, at any k
@pytest.mark.parametrize("kernel", TREES)
@pytest.mark.parametrize("n", [300, 4100])
def test_trees_that_were_kept_answer_for_some_rows(kernel, n):
    x, y, kept = sample("tenths", n, 3, 0), sample("smooth", n, 2, 1), []
    found, rows = nb.joint_counts(x, y, np.array([2, 6]), kernel=kernel, kept=kept), np.arange(5, n, 17)
    np.testing.assert_array_equal(kept[0].kth(rows, 6), found.radii[rows, 1])
    for tree, count in zip(kept[1:], (found.nx, found.ny), strict=True):
        np.testing.assert_array_equal(tree.within(rows, found.radii[rows, 1]), count[rows, 1])
    nb.joint_counts(x[:, :1], y, np.array([2]), kernel=kernel, kept=(few := []))
    assert len(few) == 2  # one column is sorted


@numba
def test_grid_and_tree_of_the_plane_agree(monkeypatch):
    fast = importlib.import_module("infocore.estimators._fast")
    for shape in SHAPES:
        x = sample(shape, 700, 1, 5)[:, 0]
        for y in (sample(shape, 700, 1, 6)[:, 0], x + 1e-3 * sample("smooth", 700, 1, 7)[:, 0], -x):
            orders, found = (np.argsort(x), np.argsort(y)), []
            for crowd in (np.inf, -1):
                monkeypatch.setattr(fast, "CROWD", crowd)
                found.append(fast.plane(x, y, orders, np.array([1, 4]), 1))
            for a, b, c in zip(*found, brute(x[:, None], y[:, None], [1, 4]), strict=True):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_array_equal(a, c)


def test_known_order_of_the_margins_changes_nothing():
    x, y = sample("tenths", 300, 1, 0), sample("smooth", 300, 1, 1)
    orders = np.argsort(x[:, 0]), np.argsort(y[:, 0])
    for kernel in ["tree"] + ["compiled tree"] * nb.has_numba():
        plain, known = (nb.joint_counts(x, y, np.array([3]), kernel=kernel, orders=o) for o in (None, orders))
        for a, b in zip(plain, known, strict=True):
            np.testing.assert_array_equal(a, b)


def test_rounding_of_float32_is_measured_again(monkeypatch):
    # neighbours closer to each other than float32 can tell at this distance from zero
    x = 1.0 + 1e-9 * np.random.default_rng(0).standard_normal((400, 3))
    x[::2] *= -1
    y = np.random.default_rng(1).standard_normal((400, 3))
    calls = []
    real = _tiles._within
    monkeypatch.setattr(_tiles, "_within", lambda *a: calls.append(a[-1]) or real(*a))
    for a, b in zip(nb.joint_counts(x, y, np.array([3]), kernel="distances"), brute(x, y, [3]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(slack > 0 for slack in calls) and calls


def test_choice_of_the_kernel(monkeypatch):
    monkeypatch.setattr(nb, "has_numba", lambda: False)
    assert [nb.kernel_for(10_000, d) for d in (2, 13, 14, 20)] == ["tree", "tree", "distances", "distances"]
    monkeypatch.setattr(nb, "has_numba", lambda: True)
    assert [nb.kernel_for(10_000, d) for d in (2, 11, 12)] == ["compiled tree", "compiled tree", "compiled distances"]
    monkeypatch.delitem(sys.modules, "infocore.estimators._fast", raising=False)
    assert nb.kernel_for(500, 2) == "tree"  # not worth the loading
    monkeypatch.setitem(sys.modules, "infocore.estimators._fast", object())
    assert nb.kernel_for(500, 2) == "compiled tree"


@numba
def test_kernels_are_compiled_where_no_folder_can_be_written(monkeypatch):
    import numba

    real, asked = numba.njit, []

    def njit(**how):
        asked.append(how)
        if how.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**how)

    kernels = importlib.import_module("infocore.estimators._kernels")
    monkeypatch.setattr(numba, "njit", njit)
    assert kernels.jit(lambda a: a + 1)(1) == 2
    assert [how.get("cache", False) for how in asked] == [True, False]


def test_normal_scores_keep_order_and_share_ties():
    from scipy.stats import norm, rankdata

    a = np.random.default_rng(0).integers(0, 50, (200, 2)) * 1.0
    np.testing.assert_allclose(nb.normal_scores(a), norm.ppf((rankdata(a, axis=0) - 0.5) / 200), atol=1e-12)
