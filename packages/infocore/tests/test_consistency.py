"""What must hold of information, as evidence of the automatic choice: turned columns, and parts of the columns."""

import math
import warnings

import numpy as np
import pytest

from infocore._ranks import cdf_levels
from infocore._validate import paired
from infocore.errors import ParameterError
from infocore.estimators import AutoMI, MixedKSG
from infocore.estimators._auto.consistency import _turned, invariant_misfit, parts_of
from infocore.estimators._auto.evidence import Candidate
from infocore.estimators._auto.moments import misfit
from infocore.estimators._auto.weighing import part_or_whole
from infocore.estimators._elliptical import Ellipse, fit_ellipse

FAST = AutoMI(fast=True)


def quiet(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FAST.estimate(x, y)


def law(seed, d=5, dof=math.inf):
    a = np.random.default_rng(seed).standard_normal((d, d)) + 1.5 * np.eye(d)
    s = a @ a.T
    scale = np.sqrt(np.diag(s))
    return Ellipse(s / np.outer(scale, scale), dof, 2, 0.0)


def rows(e, n, rng):
    z = rng.standard_normal((n, len(e.scatter))) @ np.linalg.cholesky(e.scatter).T
    return z if math.isinf(e.dof) else z / np.sqrt(rng.chisquare(e.dof, (n, 1)) / e.dof)


@pytest.mark.parametrize("dof", [math.inf, 3.0])
def test_turning_the_scores_of_a_t_copula_keeps_its_law_and_its_information(dof):
    e = law(0, dof=dof)
    levels = cdf_levels(rows(e, 4000, np.random.default_rng(0)))
    turned_levels, turned = _turned(levels, e, np.random.default_rng(1))
    assert turned.information() == pytest.approx(e.information(), abs=1e-10)
    np.testing.assert_allclose(np.diag(turned.scatter), 1.0)
    # the law is that of the turned rows: 0.03 is five standard errors of a correlation with tails of dof 3
    np.testing.assert_allclose(fit_ellipse(turned_levels, 2, dof).scatter, turned.scatter, atol=0.03)
    assert not np.allclose(turned.scatter, e.scatter, atol=0.03)


def test_a_copula_that_fits_the_columns_and_not_their_sum_is_refuted_by_turning():
    own, turned = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((500, 8))
        s = x.sum(1) / math.sqrt(8)
        y = (s**4 - 6 * s**2 + 3) / math.sqrt(24) + 0.5 * rng.standard_normal(500)
        levels = cdf_levels(np.column_stack([x, y]))
        e = fit_ellipse(levels, 8)
        own.append(misfit(levels, e, np.random.default_rng(0)).refuted)
        turned.append(invariant_misfit(levels, e, np.random.default_rng(0)).refuted)
    assert sum(own) <= 14  # 11 measured
    assert sum(turned) >= 18  # 20 measured


def test_turning_refutes_no_copula_that_is_true():
    # 11 of 840 samples of normal and t copulas in 2 + 2 to 10 + 10 columns, n = 300 to 3000, were refuted (5 % allowed)
    refuted = 0
    for seed in range(40):
        e = law(seed, dof=math.inf if seed % 2 else 3.0)
        levels = cdf_levels(rows(e, 500, np.random.default_rng(seed)))
        refuted += invariant_misfit(levels, fit_ellipse(levels, 2), np.random.default_rng(0)).refuted
    assert refuted <= 4


def squared(n, seed, columns):
    """The square of one column with noise of 0.3: 1.145 nats, by integration, as in the task of that law."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, columns))
    return x, x[:, 3] ** 2 + 0.3 * rng.standard_normal(n)


# Root mean square errors of 12 samples at n = 1000: 0.061 and 0.045 nats; all columns together say 0.1 and nothing.
@pytest.mark.parametrize("columns", [16, 40])
def test_neighbours_in_the_columns_that_take_part_say_what_all_columns_hide(columns):
    e = quiet(*squared(1000, 0, columns))
    assert abs(e.value - 1.145) < 0.2
    assert e.ci[0] < 1.145 < e.ci[1]
    assert e.method == "ksg" and e.strength == "heuristic"
    assert any("read in some columns alone (x: x3; y: y)" in note for note in e.diagnostics["notes"])
    hidden = e.diagnostics["evidence"]["ksg"].get("all_columns", 0.0)
    assert hidden < 0.3


def test_a_label_among_columns_of_noise_is_read_from_the_one_that_tells_it():
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=1000)
    x = rng.standard_normal((1000, 12))
    x[:, 5] = 0.7 * x[:, 5] + np.array([-2.0, 0.0, 2.0])[label]
    grid = np.linspace(-8, 8, 4001)
    p = np.exp(-0.5 * ((grid - np.array([[-2.0], [0.0], [2.0]])) / 0.7) ** 2) / 0.7 / math.sqrt(2 * math.pi)
    truth = float((p * np.log(np.maximum(p, 1e-300) / p.mean(0))).mean(0).sum() * (grid[1] - grid[0]))
    e = quiet(x, label.astype(str))
    assert abs(e.value - truth) < 0.08  # 0.022 root mean square, 0.044 at most, of 12 samples
    assert quiet(x[:, [5]], label.astype(str)).value == pytest.approx(e.value, abs=1e-12)
    assert e.diagnostics["evidence"]["mixed"]["all_columns"] < truth - 0.2


def parts(x, y):
    found, seen = parts_of(paired(x, y, "test"))
    return [(*p.x.names, *p.y.names) for p in found], seen


def test_parts_are_the_columns_that_moments_show_from_many_to_few():
    x, y = squared(1000, 0, 8)
    assert parts(x, y) == ([("x3", "y")], ["x3", "y"])
    rng = np.random.default_rng(0)
    assert parts(x, rng.standard_normal(1000)) == ([], [])
    assert parts(x[:, [3]], y) == ([], [])  # two columns have no parts
    y = np.column_stack([y, x[:, 5] + 0.5 * rng.standard_normal(1000), 2 * x[:, 5] + 0.5 * rng.standard_normal(1000)])
    every = ["x3", "x5", "y0", "y1", "y2"]
    assert parts(x, y) == ([tuple(every), ("x3", "x5", "y1", "y2"), ("x5", "y2")], every)
    assert parts(x[:40], y[:40]) == ([], [])


def test_adding_weak_columns_does_not_lower_the_value():
    # three pairs of a square and five of correlation 0.15, 2.465 nats; these samples are read as 2.23, 2.23, 1.61 and
    # 2.42, each in four pairs of columns; all that take part asked together say 0.5 from three neighbours
    def law(seed):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1000, 8))
        y = 0.15 * x + math.sqrt(1 - 0.15**2) * rng.standard_normal((1000, 8))
        y[:, :3] = x[:, :3] ** 2 + 0.5 * rng.standard_normal((1000, 3))
        return x, y

    for seed in range(4):
        e = quiet(*law(seed))
        assert 1.5 < e.value < 2.6
        said = "more columns take part than neighbours can tell", "neighbours are too far in 8 columns"
        assert any(words in note for note in e.diagnostics["notes"] for words in said)


def candidate(value, smallest_k):
    terms = value + 0.1 * np.random.default_rng(int(1000 * value)).standard_normal(1000)
    return Candidate("ksg", value, 0.003, 0.0, terms, facts={"smallest_k": smallest_k})


def test_a_part_is_taken_only_where_it_says_significantly_more():
    names = {"x": ["a"], "y": ["b"]}
    whole = candidate(0.40, 0.40)
    assert part_or_whole(whole, candidate(0.45, 0.45), names, []).facts["all_columns"] == 0.40
    assert part_or_whole(whole, candidate(0.41, 0.41), names, []) is whole
    # it must say more from as many neighbours, and still do so after what a line makes of either
    assert part_or_whole(whole, candidate(0.60, 0.40), names, []) is whole
    assert part_or_whole(whole, candidate(0.39, 0.50), names, []) is whole
    alone = part_or_whole(None, candidate(0.41, 0.41), names, ["a", "b"])
    assert alone.strength == "heuristic" and "too many for neighbours" in alone.facts["notes"][0]
    assert alone.doubts == () and "all_columns" not in alone.facts
    # a second part is compared with the first, and with all columns where these were asked
    assert "all_columns" not in part_or_whole(alone, candidate(0.5, 0.5), names, []).facts
    better = part_or_whole(part_or_whole(whole, candidate(0.45, 0.45), names, []), candidate(0.5, 0.5), names, ["c"])
    assert better.facts["all_columns"] == 0.40
    assert better.doubts == ("reads low, for more columns take part than neighbours can tell (c)",)


def test_rows_that_depend_on_each_other_choose_no_columns():
    series = np.random.default_rng(0).standard_normal((2000, 25))
    for i in range(1, 2000):
        series[i] += 0.8 * series[i - 1]
    pair = paired(series[:, :24], series[:, 24], "test")
    assert parts_of(pair)[0]  # by chance
    e = quiet(series[:, :24], series[:, 24])
    assert e.diagnostics["evidence"]["worth"] < 0.5
    assert "ksg" not in e.diagnostics["candidates"]
    order = np.random.default_rng(0).permutation(2000)  # the same rows in no order: neighbours are asked
    assert "ksg" in quiet(series[order, :24], series[order, 24]).diagnostics["candidates"]


def test_series_among_other_columns_beside_a_class_are_no_part():
    # the first columns are no series, and of those that are some have moments with the class by chance
    series = np.random.default_rng(4).standard_normal((2000, 13))
    for i in range(1, 2000):
        series[i] += 0.9 * series[i - 1]
    label = np.digitize(series[:, 12], [-1.0, 1.0]).astype(str)
    x = np.column_stack([np.random.default_rng(1).standard_normal((2000, 25)), series[:, :12]])
    assert parts(x, label)[0]
    e = quiet(x, label)
    assert "columns" not in e.diagnostics["evidence"]["mixed"]


def test_a_third_of_the_columns_must_be_left_out_of_a_part():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 4))
    y = x[:, :3].sum(1) + 0.5 * rng.standard_normal(1000)
    assert [len(p) for p in parts(x, y)[0]] == [3, 2]  # not the four of five that take part


def classes_and_numbers(n, rng):
    """A class that moves the mean of two numbers, and two numbers they follow; terms of the information, in nats."""
    means, noise = np.array([-1.0, 0.0, 1.5]), 0.4
    group, z = rng.integers(3, size=n), rng.standard_normal((n, 2))
    y = means[group][:, None] + 0.9 * z + noise * rng.standard_normal((n, 2))
    wide = math.sqrt(0.81 + noise**2)
    given = -0.5 * (((y - means[group][:, None] - 0.9 * z) / noise) ** 2).sum(1) - 2 * math.log(noise)
    alone = np.stack([-0.5 * (((y - m) / wide) ** 2).sum(1) - 2 * math.log(wide) for m in means])
    top = alone.max(0)
    return np.column_stack([group, z]), y, given - top - np.log(np.exp(alone - top).mean(0))


# Bias and root mean square error of 20 samples: -.10, .14 at n = 300 and .01, .09 at 1000; on a line through 3 and 6
# -.19, .21 and -.06, .08; of k = 3 -.39, .40 and -.16, .17.
@pytest.mark.parametrize(("n", "tolerance"), [(300, 0.18), (1000, 0.12)])
def test_what_falls_with_k_beside_classes_is_read_at_none(n, tolerance):
    truth = float(classes_and_numbers(400_000, np.random.default_rng(99))[2].mean())
    assert truth == pytest.approx(2.352, abs=0.01)
    errors, plain = [], []
    for seed in range(8):
        x, y, _ = classes_and_numbers(n, np.random.default_rng(seed))
        e = quiet(x, y)
        assert e.method == "mixed"
        errors.append(e.value - truth)
        plain.append(MixedKSG().estimate(x, y).value - truth)
    assert abs(np.mean(errors)) < tolerance < abs(np.mean(plain))


def test_neighbours_beside_small_classes_are_those_of_half_a_class_at_most():
    rng = np.random.default_rng(0)
    label = rng.permutation(np.repeat(np.arange(10), 30))
    x = label + rng.standard_normal(300)
    for rows, expected in ((300, ["3", "6", "12"]), (100, ["3"])):
        e = quiet(x[:rows, None], label[:rows].astype(str))
        assert list(e.diagnostics["evidence"]["mixed"]["by_k"]) == expected


@pytest.mark.parametrize("k", [3.5, True, "a", 0])
def test_the_number_of_neighbours_is_checked_beside_classes(k):
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=100).astype(str)
    with pytest.raises(ParameterError, match="`k` must be"):
        AutoMI(fast=True, k=k).estimate(rng.standard_normal(100), label)
