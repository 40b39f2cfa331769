"""The automatic choice on laws that used to mislead it: coarse ranks, rows in order, sparse counts, copies, atoms."""

import math
import warnings

import numpy as np
import pytest

from infocore import mutual_information
from infocore._validate import paired
from infocore.errors import DegenerateWarning
from infocore.estimators import AutoMI, TCopulaMI
from infocore.estimators._auto import evidence
from infocore.estimators._auto.near import nearest
from infocore.estimators._auto.rank_bias import rank_bias
from infocore.estimators._auto.rounded import without_copies
from infocore.estimators._auto.weighing import doubtful, unless, with_doubt
from infocore.estimators._elliptical import Ellipse

FAST = AutoMI(fast=True)


def near_exact(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, x + noise * rng.standard_normal(n)


def quiet(x, y, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FAST.estimate(x, y, **more)


# Of 6 samples each all intervals hold the truth; the t copula said 9.1 to 10.4, 7.2 to 8.2 and 7.3 to 7.8.
@pytest.mark.parametrize(("n", "noise", "tolerance"), [(300, 3e-3, 0.7), (500, 3e-3, 0.3), (2000, 1e-3, 0.2)])
def test_relations_that_ranks_do_not_resolve_are_left_to_neighbours(n, noise, tolerance):
    truth = 0.5 * math.log1p(noise**-2)
    e = quiet(*near_exact(n, noise))
    assert e.method == "ksg" and "no copula can be fitted" in e.diagnostics["reason"]
    assert abs(e.value - truth) < tolerance
    assert e.ci[0] < truth < e.ci[1]


def test_a_t_copula_that_runs_away_is_taken_for_the_gaussian_one():
    e = TCopulaMI().estimate(*near_exact(500, 1e-3))
    assert e.value == pytest.approx(TCopulaMI(dof=1e9).estimate(*near_exact(500, 1e-3)).value, abs=0.01)
    assert e.value < 0.5 * math.log1p(1e6)  # 6.9, of which ranks resolve 5.75
    assert e.strength == "heuristic" and any("ranks do not resolve" in note for note in e.diagnostics["notes"])
    plain = TCopulaMI().estimate(*near_exact(500, 0.5))
    assert plain.strength == "asymptotic" and plain.diagnostics["notes"] == []
    # too few rows for neighbours: there is no other
    assert mutual_information([1.5, 2, 3, 5, 7], [1, 4, 2, 3, 6], fast=True).method == "t-copula"


# Root mean square errors of 12 samples at n = 1000, of 6 at 3000; means with the root of all k: +.26, +.27, +.49, +.59
@pytest.mark.parametrize(
    ("law", "n", "truth", "tolerance"),
    [
        (lambda n: near_exact(n, 0.03), 1000, 3.507, 0.25),  # .08
        (lambda n: near_exact(n, 0.01), 3000, 4.605, 0.2),  # .06
        (lambda n: sine(n, 0.1), 1000, 1.70, 0.35),  # .19
        (lambda n: sine(n, 0.03), 3000, 2.74, 0.4),  # .21
    ],
    ids=["normal .03", "normal .01", "sine .1", "sine .03"],
)
def test_extrapolation_in_k_does_not_overshoot_where_the_radius_exceeds_the_noise(law, n, truth, tolerance):
    found = nearest(paired(*law(n), "test"))
    assert found.value == pytest.approx(truth, abs=tolerance)


def sine(n, noise):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, n)
    return x, np.sin(3 * np.pi * x) + noise * rng.standard_normal(n)


# 4 samples: -.13 +- .04 of 5 nats and -.019 +- .005 of 1.5
@pytest.mark.parametrize(("information", "want", "tolerance"), [(5.0, -0.13, 0.1), (1.5, -0.019, 0.018)])
def test_what_ranks_cost_a_copula_is_put_back(information, want, tolerance):
    rho = math.sqrt(-math.expm1(-2 * information / 3))
    r = np.block([[np.eye(3), rho * np.eye(3)], [rho * np.eye(3), np.eye(3)]])
    assert rank_bias(Ellipse(r, math.inf, 3, 0.0), 300, np.random.default_rng(0)) == pytest.approx(want, abs=tolerance)


def test_ranks_cost_weak_relations_nothing_that_is_looked_for():
    assert rank_bias(Ellipse(np.eye(2), math.inf, 1, 0.0), 50, np.random.default_rng(0)) == 0.0


def autoregressive(n, d, seed=0):
    rng = np.random.default_rng(seed)
    z = np.zeros((n + 100, d))
    for t in range(1, n + 100):
        z[t] = 0.9 * z[t - 1] + rng.standard_normal(d)
    return z[100:]


def test_series_are_seen_beyond_the_first_columns():
    rng = np.random.default_rng(0)
    series = rng.standard_normal((1000, 6))
    for i in range(1, 1000):
        series[i] += 0.95 * series[i - 1]
    e = quiet(np.column_stack([rng.standard_normal((1000, 5)), series[:, :5]]), series[:, 5])
    assert e.strength == "heuristic" and any("rows depend on each other" in note for note in e.diagnostics["notes"])


def test_rows_in_order_make_neighbours_no_evidence():
    # independent: neighbours find .72 and .87 of two samples, for the nearest row is often the next one
    with pytest.warns(DegenerateWarning, match="rows depend on each other"):
        e = FAST.estimate(autoregressive(1000, 3), autoregressive(1000, 3, seed=1))
    assert e.method == "t-copula" and e.value < 0.15
    assert e.diagnostics["evidence"]["worth"] < 0.5
    assert e.diagnostics["candidates"]["ksg"] > 0.5


def test_independent_rows_that_were_sorted_are_read_as_they_are():
    rng = np.random.default_rng(0)
    x = np.sort(rng.standard_normal(1000))
    y = x**2 + 0.5 * rng.standard_normal(1000)
    order = rng.permutation(1000)
    in_order, in_none = quiet(x, y), quiet(x[order], y[order])
    assert (in_order.method, in_none.method) == ("ksg", "ksg")
    assert in_order.value == pytest.approx(in_none.value, abs=1e-9)


def test_counts_too_many_to_count_are_read_as_numbers():
    rng = np.random.default_rng(0)
    x, y = rng.poisson(20.0, 3000), rng.poisson(20.0, (3000, 2))
    assert abs(quiet(x, y).value) < 0.01  # 3 samples: below .0003; counted: .20 to .24
    z = rng.standard_normal((1000, 6))
    u, v = z[:, :3], 0.6 * z[:, :3] + 0.8 * z[:, 3:]
    e = quiet(*(np.round(2 * a) / 2 for a in (u, v)))
    assert e.value == pytest.approx(0.669, abs=0.15)  # 8 samples: .61 +- .03; counted: .8 to 2.2
    assert "too few rows a cell to count" in e.diagnostics["notes"][0]
    assert e.diagnostics["evidence"]["counted"] > 1.0
    # what can be counted is, and so is what has no order
    few = rng.integers(0, 3, (2, 1000))
    assert quiet(*few).method == "discrete"
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))[rng.integers(0, 26, (2, 300))]
    assert quiet(*letters).method == "discrete"


def test_rows_that_are_copied_are_left_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2000)
    y = 0.8 * x + 0.6 * rng.standard_normal(2000)
    again = rng.choice(2000, 300, replace=False)
    both = [np.concatenate([a, a[again]]) for a in (x, y)]
    e, clean = quiet(*both), quiet(x, y)
    assert e.value == pytest.approx(clean.value, abs=1e-9) and e.n == 2000
    assert "300 rows are copies of others, and were left out" in e.diagnostics["notes"]
    # drawn with replacement, some rows occur four times and more
    more = np.concatenate([again, rng.integers(2000, size=900)])
    often = quiet(*(np.concatenate([a, a[more]]) for a in (x, y)))
    assert often.value == pytest.approx(clean.value, abs=1e-9) and often.n == 2000
    # of sides that are functions of each other every row recurs
    count = rng.integers(200, size=1000)
    exact = quiet(count, np.log1p(count))
    assert exact.n == 1000 and abs(exact.value - math.log(200)) < 0.4  # 5.03, of 5.30 nats
    # an atom that both sides share is no copy: it says log 1/share of itself
    where = rng.random(2000) < 0.3
    joint = quiet(np.where(where, 0.0, x), np.where(where, 0.0, y))
    assert joint.method == "mixed" and joint.n == 2000
    assert without_copies(paired(np.where(where, 0.0, x), np.where(where, 0.0, y), "test"))[1] == 0


def test_values_that_many_share_are_a_class_and_no_distance():
    values = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(600) * (rng.random(600) > 0.6)
        y = rng.standard_normal((600, 2)) * (rng.random((600, 2)) > 0.6)
        values.append(quiet(x, y).value)
    # independent; these 8 samples: mean -.003, s.d. of one .016; without classes .044 and .010
    assert abs(np.mean(values)) < 0.02


def candidate(name, value, doubt=0.0, **facts):
    terms = value + 0.1 * np.random.default_rng(len(name)).standard_normal(1000)
    return evidence.Candidate(name, value, 0.003, doubt, terms, facts=facts)


def test_a_doubt_of_being_low_does_not_shield_a_critic():
    critic, knn = candidate("crossfit", 0.42, doubt=0.2), candidate("ksg", 0.74)
    assert unless(critic, knn, {}).name == "ksg"
    assert unless(critic, candidate("ksg", 0.43), {}).name == "crossfit"


def test_neighbours_must_exceed_a_critic_by_half_of_their_doubt():
    # what they read is extrapolated, from 0.5 nats at three neighbours
    critic = candidate("crossfit", 0.5, doubt=0.2)
    for doubt, name in ((0.1, "ksg"), (0.4, "crossfit")):
        assert unless(critic, candidate("ksg", 0.65, doubt=doubt, smallest_k=0.5), {}).name == name


# The copula read 9 of 12 of these as nothing when neighbours were compared by what extrapolation makes of their spread.
def test_dependence_in_three_columns_that_only_neighbours_see_is_not_missed():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1000, 2))
        e = quiet(x, np.sin(6 * x[:, 0]) + 0.3 * rng.standard_normal(1000))
        assert e.method == "ksg" and e.value > 0.3 and e.ci[0] < 0.862 < e.ci[1]


def test_rows_in_time_are_not_asked_nearer_than_three():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((1000, 6))
    for t in range(1, 1000):
        a[t] = 0.95 * a[t - 1] + math.sqrt(1 - 0.95**2) * a[t]
    assert set(quiet(a[:, :3], a[:, 3:]).diagnostics["evidence"]["ksg"]["by_k"]) == {"3", "6", "12", "21"}


def test_a_refuted_copula_that_is_kept_says_so():
    kept = doubtful(candidate("t-copula", 0.43), {"rival": 0.2})
    assert kept.strength == "heuristic" and kept.doubt == pytest.approx(0.23)
    assert "refuted" in kept.facts["notes"][0]


def test_a_copula_in_many_columns_that_no_critic_was_set_against_says_so():
    unopposed = with_doubt(candidate("t-copula", 0.4), {"critic": "not asked for: fast"}, 6)
    assert unopposed.strength == "heuristic" and "not asked for: fast" in unopposed.facts["notes"][0]
    for facts, columns in (({}, 6), ({"critic": "not asked for: fast"}, 2)):
        assert with_doubt(candidate("t-copula", 0.4), facts, columns).strength == "asymptotic"


def test_neighbours_that_are_chosen_in_four_columns_say_what_they_cannot():
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((600, 2)), 0.1 * rng.standard_normal((600, 2))
    for f, said in (
        (np.square, "neighbours are too far in 4 columns .* extrapolated"),
        (lambda x: np.sin(3 * x), "reads low, for the relation bends within the reach of neighbours"),
    ):
        with pytest.warns(DegenerateWarning, match=said):
            e = FAST.estimate(x, f(x) + noise)
        assert (e.method, e.strength) == ("ksg", "heuristic")


def test_waves_within_the_reach_of_neighbours_are_read_from_the_nearest_and_said():
    # sine of nine periods with noise of 0.3, by quadrature over x and y
    grid, points = np.linspace(-3, 3, 2001), np.sin((np.arange(400) + 0.5) / 400 * 2 * np.pi)  # of one period
    given = np.exp(-0.5 * ((grid[:, None] - points) / 0.3) ** 2) / (0.3 * math.sqrt(2 * math.pi))
    density = given.mean(1)
    entropy = -float((density * np.log(np.maximum(density, 1e-300))).sum() * (grid[1] - grid[0]))
    truth = entropy - 0.5 * math.log(2 * math.pi * math.e * 0.09)
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = rng.uniform(-np.pi, np.pi, 1000)
        found.append(quiet(x, np.sin(9 * x) + 0.3 * rng.standard_normal(1000)))
        assert found[-1].strength == "heuristic" and found[-1].ci[0] < truth < found[-1].ci[1]
        assert any("bends within the reach of neighbours" in note for note in found[-1].diagnostics["notes"])
    # these 8: mean .72, s.d. .05; on a line through all k the mean of four was .45
    assert 0.6 < np.mean([e.value for e in found]) < truth


@pytest.mark.parametrize("label", [False, True])
def test_heavy_tails_are_read_on_ranks_and_said(label):
    rng = np.random.default_rng(0)
    x, y = rng.standard_cauchy((1000, 2)), rng.standard_normal(1000)
    notes = quiet(x, np.where(y < 0, "a", "b") if label else y).diagnostics["notes"]
    assert any("heavy tails in x0, x1: estimated on ranks, which they do not disturb" in note for note in notes)


def test_increasing_functions_of_columns_change_nothing_beside_classes():
    rng = np.random.default_rng(0)
    group, z = rng.integers(2, size=600), rng.standard_normal((600, 2))
    x = np.column_stack([z[:, 0] + 2 * group, z[:, 1]])
    y = np.where(group ^ (rng.random(600) < 0.1), "a", "b")
    e = quiet(x, y)
    assert e.method == "mixed" and e.value > 0.1
    assert quiet(np.column_stack([np.exp(4 * x[:, 0]), x[:, 1] ** 3]), y).value == e.value
    # whole numbers with an atom at 0, in one array of integers with the class
    counts = np.where(z[:, 1] > 0.5, 0, np.round(10_000 * np.exp(x[:, 0]))).astype(np.int64)
    many = np.column_stack([counts, group])
    assert {*paired(many, y, "auto").x.kinds} == {"mixed", "discrete"}
    assert quiet(many, y).value == quiet(np.column_stack([counts / 3.0, group]), y).value


# Bias and s.d. of 12 samples: -.002, .022; with distances in standard deviations -.050, .029.
def test_classes_beside_heavy_tails_are_read_on_ranks():
    truth, values = 0.3616, []  # two Cauchy laws in 3 columns, 2 apart in each; log densities of 400,000 draws
    for seed in range(6):
        rng = np.random.default_rng(seed)
        group = rng.integers(2, size=1000)
        x = rng.standard_cauchy((1000, 3)) + 2.0 * group[:, None]
        values.append(quiet(x, np.where(group == 1, "a", "b")).value)
    assert np.mean(values) == pytest.approx(truth, abs=0.027)  # three standard errors
