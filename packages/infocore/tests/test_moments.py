"""Cross moments of ranks: the size of the test of a copula, its power, and the columns that are found to take part."""

import math

import numpy as np
import pytest

from infocore._ranks import cdf_levels
from infocore.estimators._auto.moments import BLOCK, _functions, _moments, _owners, misfit, taking_part
from infocore.estimators._elliptical import Ellipse, fit_ellipse
from infocore.tasks import task


def levels_of(name, n, seed):
    drawn = task(name).draw(n, rng=seed)
    x, y = (np.asarray(a).reshape(n, -1) for a in (drawn.x, drawn.y))
    return cdf_levels(np.concatenate([x, y], axis=1)), x.shape[1]


def found_in(name, n, seed):
    levels, dx = levels_of(name, n, seed)
    return misfit(levels, fit_ellipse(levels, dx), np.random.default_rng(seed))


# the union bound and the fit make the test conservative: 200 other samples a law were refuted in
# shares of 0, .005, .035 and .040; of 40, 4 are exceeded with probability .02 at 0.04
@pytest.mark.parametrize(
    "name", ["1v1-normal-0.75", "multinormal-dense-5-5-0.5", "student-identity-3-3-2", "multinormal-sparse-25-25-2-2.0"]
)
def test_the_law_itself_is_rarely_refuted(name):
    assert sum(found_in(name, 300, seed).refuted for seed in range(40)) <= 4


# each was refuted by all of 20 other samples (the first: of 8)
@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("spiral-multinormal-sparse-25-25-2-2.0", 10_000),
        ("sparse-flow-20-2", 10_000),
        ("flow-normal-4-4", 1000),
        ("interaction-parity-2-1", 1000),
        ("scale-modulated", 1000),
        ("copula-clayton", 1000),
    ],
)
def test_other_laws_are_refuted(name, n):
    found = found_in(name, n, 0)
    assert found.refuted
    assert found.deviation > found.threshold > 2.5


def test_the_deviation_is_that_of_its_moments():
    levels, dx = levels_of("flow-normal-2-2", 400, 0)
    e = fit_ellipse(levels, dx)
    found = misfit(levels, e, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    z = rng.standard_normal((1600, 4)) @ np.linalg.cholesky(e.scatter).T
    if not math.isinf(e.dof):
        z /= np.sqrt(rng.chisquare(e.dof, (1600, 1)) / e.dof)
    largest = 0.0
    sides = [(_functions(a[:, :2]), _functions(a[:, 2:])) for a in (levels, cdf_levels(z))]
    for i in range(sides[0][0].shape[1]):
        for j in range(sides[0][1].shape[1]):
            here, there = (x[:, i] * y[:, j] for x, y in sides)
            error = math.sqrt(max(here.var(), there.var()) / 400 + there.var() / 1600)
            largest = max(largest, abs(here.mean() - there.mean()) / error)
    assert found.deviation == pytest.approx(largest, rel=1e-10)
    assert found.moments == sides[0][0].shape[1] ** 2


def test_functions_are_of_mean_zero_and_square_one():
    f = _functions(cdf_levels(np.random.default_rng(0).standard_normal((4000, 3))))
    assert np.abs(f.mean(0)).max() < 1e-12
    # products of independent columns of mean square one have it too: s.d. over rows below 1.8
    assert np.abs((f * f).mean(0) - 1).max() < 4 * 1.8 / math.sqrt(4000)
    assert _owners(3).shape == (3, f.shape[1])


def test_blocks_of_rows_change_nothing(monkeypatch):
    levels, dx = levels_of("multinormal-dense-5-5-0.5", 300, 0)
    whole = _moments(levels, dx)
    assert BLOCK > 300 * 100
    monkeypatch.setattr("infocore.estimators._auto.moments.BLOCK", 1000)
    for a, b in zip(whole, _moments(levels, dx), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_columns_that_take_part_are_found_among_many():
    for name, in_x, in_y in [
        ("spiral-multinormal-sparse-25-25-2-2.0", [0, 1], [0, 1, 2]),
        ("sparse-flow-20-2", [0, 1], [0, 1]),
        ("sparse-x-20-1", [0], [0]),
    ]:
        levels, dx = levels_of(name, 10_000, 1000)
        x, y = taking_part(levels[:, :dx], levels[:, dx:])
        assert (np.flatnonzero(x).tolist(), np.flatnonzero(y).tolist()) == (in_x, in_y)


# size 0.05 at most
def test_nothing_takes_part_where_sides_are_independent():
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(40):
        x, y = rng.random((2, 500, 6))
        seen += any(part.any() for part in taking_part(cdf_levels(x), cdf_levels(y)))
    assert seen <= 6


def test_a_copula_of_independence_predicts_nothing():
    levels = cdf_levels(np.random.default_rng(0).standard_normal((2000, 4)))
    wrong = Ellipse(np.eye(4), 1.0, 2, 0.0)  # whose sides share their scale
    assert misfit(levels, wrong, np.random.default_rng(0)).refuted
    assert not misfit(levels, Ellipse(np.eye(4), math.inf, 2, 0.0), np.random.default_rng(0)).refuted
