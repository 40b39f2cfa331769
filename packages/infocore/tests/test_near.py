"""k nearest neighbours of the automatic choice: what is made of the values at several k."""

import math

import numpy as np
import pandas as pd
import pytest

from infocore._validate import paired
from infocore.estimators._auto.near import KS, _copied, line, nearest, noise, surface, towards_none
from infocore.estimators._auto.near_mixed import nearest_mixed
from infocore.tasks import task


def values(law, ks):
    return {k: (law(k), np.zeros(1)) for k in ks}


def read(law, n, columns):
    every = values(law, KS)
    weights, copies = towards_none(line(KS, n, columns), every, lambda ks: values(law, ks), n, columns, limit=math.inf)
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


def test_few_near_copies_are_seen_by_their_rows():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1000, 4))
    a[:, 2:] = a[:, :2] ** 2 + 0.3 * a[:, 2:]
    copied = a.copy()
    copied[:60] = a[500:560] + 0.02 * rng.standard_normal((60, 4))
    clean, found = (nearest(paired(b[:, :2], b[:, 2:], "test")) for b in (a, copied))
    assert "1" in clean.facts["by_k"] and not any("copies" in doubt for doubt in clean.doubts)
    assert any("copies" in doubt for doubt in found.doubts)
    assert found.value == pytest.approx(found.facts["steadiest"])


def test_the_first_step_counts_where_the_nearest_say_no_more():
    every = {1: 1.02, 2: 1.01, 3: 1.0, 6: 0.8, 12: 0.75, 21: 0.74}
    found, weights = read(every.__getitem__, 10**5, 6)
    assert found == pytest.approx(1.0 + 0.2 / (math.sqrt(2) - 1), abs=0.01) and set(weights) == {*KS}


def test_in_many_columns_the_power_is_not_that_of_a_smooth_density():
    def law(k):
        return 1.0 - 0.01 * math.log(k)

    found, _ = read(law, 10**8, 20)
    assert found == pytest.approx(sum(w * law(k) for k, w in line((1, 2), 10**8, 20, 3 / 20).items()), abs=1e-3)


@pytest.mark.parametrize("nth", [1, 2])
def test_copies_of_few_rows_show_in_their_terms(nth):
    # falls of the terms in a density: exponentials, of mean 1 from the first neighbour to the second and 1/2 on
    rng = np.random.default_rng(0)
    falls = {1: rng.exponential(1.0, 1000) - 1.0, 2: rng.exponential(0.5, 1000) - 0.5}
    for copied in (0, 10, 40):
        falls[nth][:copied] = 8.0
        third = np.zeros(1000)
        second = third + falls[2]
        terms = {1: second + falls[1], 2: second, 3: third}
        assert _copied({k: (float(t.mean()), t) for k, t in terms.items()}) == (copied == 40)


def test_no_step_ends_above_what_there_is_to_know():
    def law(k):
        return 1.0 - 0.2 * math.log(k)

    every = values(law, KS)
    for limit in (1.0, 1.2, 9.0):
        weights, _ = towards_none(line(KS, 10**6, 6), every, lambda ks: values(law, ks), 10**6, 6, limit=limit)
        found = sum(w * every[k][0] for k, w in weights.items())
        assert found <= limit
    assert found > 1.3


def test_a_surface_in_many_columns_counts_its_dimensions():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((500, 2)) @ rng.standard_normal((2, 8))
    assert surface(flat) == pytest.approx(2.0, abs=0.5)
    assert surface(rng.standard_normal((500, 8))) == 8 and surface(flat[:, :1]) == 1.0


# Mean and s.d. of 8 samples 1.60 and .18; with the power of 16 columns 3.09, at most 4.96.
def test_relations_on_surfaces_are_not_read_high():
    mix = np.random.default_rng(5).standard_normal((2, 2, 8))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        u = rng.standard_normal((300, 2))
        v = np.sin(3 * u) + 0.3 * rng.standard_normal((300, 2))
        assert 1.0 < nearest(paired(u @ mix[0], v @ mix[1], "test")).value < 2.3  # truth 1.72


@pytest.mark.parametrize("columns", [3, 5])
def test_no_more_is_read_beside_classes_than_they_hold(columns):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        label = rng.integers(3, size=300)
        x = 10.0 ** label[:, None] * rng.standard_normal((300, columns))
        found = nearest_mixed(paired(x, np.char.add("c", label.astype(str)), "test"), 3)
        assert found.value < math.log(3) + 1e-9


@pytest.mark.parametrize("k", [1, 2, 5])
def test_any_number_of_neighbours_can_be_followed_beside_classes(k):
    rng = np.random.default_rng(0)
    label, z = rng.integers(2, size=400), rng.standard_normal((400, 4))
    y = z + 0.3 * rng.standard_normal((400, 4))
    pair = paired(pd.DataFrame(z).assign(kind=np.char.add("c", label.astype(str))).rename(columns=str), y, "test")
    found = nearest_mixed(pair, k)
    assert {"1", "2", str(k)} <= set(found.facts["by_k"]) and found.value >= found.facts["smallest_k"]


def test_beside_classes_what_is_lost_stays_in_doubt():
    rng = np.random.default_rng(0)
    label, z = rng.integers(3, size=1000), rng.standard_normal((1000, 2))
    y = 0.7 * z + math.sqrt(1 - 0.7**2) * rng.standard_normal((1000, 2)) + 0.5 * label[:, None]
    pair = paired(pd.DataFrame(z).assign(kind=np.char.add("c", label.astype(str))).rename(columns=str), y, "test")
    found = nearest_mixed(pair, 3)
    by_k = found.facts["by_k"]
    assert "1" in by_k and found.plain is not None
    # 0.11, and half of what was added 0.05
    assert found.doubt == pytest.approx(1.5 * (by_k["3"] - by_k["6"])) and found.doubt > found.value - by_k["3"]


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
