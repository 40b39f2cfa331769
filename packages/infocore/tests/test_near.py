"""k nearest neighbours of the automatic choice: what is made of the values at several k."""

import math

import numpy as np
import pytest

from infocore._validate import paired
from infocore.estimators._auto.near import KS, line, nearest, noise, towards_none
from infocore.tasks import task


def values(law, ks):
    return {k: (law(k), np.empty(0)) for k in ks}


def read(law, n, columns):
    every = values(law, KS)
    weights, copies = towards_none(line(KS, n, columns), every, lambda ks: values(law, ks), n, columns)
    assert not copies
    assert sum(weights.values()) == pytest.approx(1.0)
    return sum(w * every[k][0] for k, w in weights.items()), weights


def test_what_neighbours_share_is_the_smaller_volume():
    # logarithms of the volumes to the first, second, ... neighbour, sums of exponentials
    volumes = np.log(np.cumsum(np.random.default_rng(0).exponential(size=(400_000, 6)), axis=1))
    for weights in ({1: 1.0}, {3: 1.0, 6: -1.0}, {1: 3.4, 2: -2.4}, {1: 1.0, 2: -2.0, 6: 0.5}):
        ks, w = list(weights), np.array(list(weights.values()))
        # the variance of a variance of 400,000: below 0.5 %
        assert noise(weights) == pytest.approx(np.var(volumes[:, np.array(ks) - 1] @ w), rel=0.02)
    assert noise({}) == 0.0


@pytest.mark.parametrize("columns", [4, 6, 10])
def test_a_bias_in_the_power_of_smooth_densities_is_taken_away(columns):
    def law(k):
        return 2.0 - 0.5 * k ** (2 / columns)

    every = values(law, KS)
    plain = sum(w * every[k][0] for k, w in line(KS, 10**8, columns).items())
    found, _ = read(law, 10**8, columns)
    assert found == pytest.approx(2.0, abs=1e-3) and plain < 1.95


def test_steps_within_chance_are_not_taken_and_others_by_what_exceeds_it():
    def law(k):
        return 1.0 - 0.1 * math.log(k)

    assert read(law, 10, 6)[1] == line(KS, 10, 6)
    found = [read(law, n, 6)[0] for n in np.geomspace(10, 10**6, 400).astype(int)]
    # values do not depend on n here, so what is read can only rise with it
    assert np.all(np.diff(found) >= -1e-12) and found[-1] > found[0] + 0.2
    whole = sum(w * law(k) for k, w in line((1, 2), 10**6, 6, 2 / 6).items())
    assert found[200] < whole - 0.02 and found[-1] == pytest.approx(whole, abs=0.001)


@pytest.mark.parametrize("together", [2, 3])
def test_rows_with_near_copies_are_not_followed_and_said(together):
    rng = np.random.default_rng(0)
    a = np.repeat(rng.standard_normal((1000 // together, 4)), together, axis=0)
    a += 0.05 * rng.standard_normal(a.shape)
    found = nearest(paired(a[:, :2], a[:, 2:], "test"))
    assert any("rows have copies or near copies" in doubt for doubt in found.doubts)
    # independent but for the copies; followed they read 12.1 and 5.3, and what is read is high already
    assert found.value < 2.0


# Bias and s.d. of 12 samples: waves -.19 and .14, flow -.47 and .35; on the line before -.68 and .06, -1.09 and .04.
@pytest.mark.parametrize(
    ("name", "tolerance", "before"), [("mixture-waves-2-1", 0.4, 0.6), ("high-flow-3-3-3", 0.9, 1.0)]
)
def test_relations_narrower_than_neighbours_are_read_nearer(name, tolerance, before):
    law, errors, lines = task(name), [], []
    for seed in range(4):
        found = nearest(paired(*law.sample(1000, rng=seed)[:2], "test"))
        errors.append(found.value - law.information)
        lines.append(found.facts["steadiest"] - law.information)
        assert found.doubt >= 1.5 * (found.facts["by_k"]["3"] - found.facts["by_k"]["6"])
    assert abs(np.mean(errors)) < tolerance and np.mean(lines) < -before


# 100 samples: mean .004, s.d. .030, at most .15 (nearer neighbours were asked in 2 of them)
def test_independent_columns_are_not_read_higher():
    found = []
    for seed in range(10):
        x, y = np.random.default_rng(seed).standard_normal((2, 1000, 3))
        found.append(nearest(paired(x, y, "test")).value)
    assert abs(np.mean(found)) < 0.03 and max(map(abs, found)) < 0.16
