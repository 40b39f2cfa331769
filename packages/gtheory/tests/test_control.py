"""Control: recomputed examples, the Gaussian closed form, the trade-off, and two principles on the same problems."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from gtheory import semantic_bayes, truth_matrix
from gtheory.control import best_gaussian, control_curve, controlled_distribution, gaussian_control
from gtheory.truth import Gaussian, Logistic
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError, ShapeError

AGE = np.arange(101.0)
DEATHS = norm.pdf(AGE, 50, 10)
DEATHS /= DEATHS.sum()
OLD = truth_matrix([Logistic(60, 0.8)], AGE, log=True)


@pytest.mark.parametrize(
    ("s", "mean", "sd", "r", "g", "efficiency"),
    [
        (0.5, 62.889, 5.631, 1.5729, 1.3091, 0.8323),
        (1, 64.683, 4.918, 2.1302, 2.1302, 1),
        (2, 65.844, 4.603, 2.5107, 2.4103, 0.9600),
        (5, 67.013, 4.380, 2.8797, 2.5334, 0.8797),
        (20, 68.548, 4.154, 3.3545, 2.5852, 0.7707),
        (40, 69.288, 4.059, 3.5875, 2.5936, 0.7229),
    ],
)
def test_ages_at_death(s, mean, sd, r, g, efficiency):
    got = controlled_distribution(DEATHS, OLD, s, active=True, log=True)
    law = got.px[:, 0]
    assert AGE @ law == pytest.approx(mean, abs=5e-4)
    assert math.sqrt((AGE - AGE @ law) ** 2 @ law) == pytest.approx(sd, abs=5e-4)
    assert (got.R, got.G, got.efficiency) == pytest.approx((r, g, efficiency), abs=1e-4)


def test_strength_one_is_semantic_bayes_and_wholly_efficient():
    got = controlled_distribution(DEATHS, OLD, active=True, log=True)
    np.testing.assert_allclose(got.px, semantic_bayes(DEATHS, np.exp(OLD)), atol=1e-14)
    assert got.efficiency == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("s", "g", "r"), [(0.5, 0.77625, 1.03293), (1, 1.62263, 1.62263), (2, 2.05864, 2.22616), (4, 2.26720, 2.80252)]
)
def test_gaussian_closed_form(s, g, r):
    got = gaussian_control(50, 10, 65, 5, s)
    assert pytest.approx((g, r), abs=1e-5) == (got.G, got.R)


@given(st.floats(-5, 5), st.floats(0.3, 4), st.floats(-5, 5), st.floats(0.3, 4), st.floats(0.1, 8))
def test_gaussian_control_by_integration(mean, sd, goal, width, s):
    got = gaussian_control(mean, sd, goal, width, s, base=math.e)
    law = norm(got.mean, got.sd)
    ends = (got.mean - 12 * got.sd, got.mean + 12 * got.sd)
    lp = width / math.hypot(width, sd) * math.exp(-((mean - goal) ** 2) / (2 * (width**2 + sd**2)))
    g = quad(lambda x: law.pdf(x) * (-((x - goal) ** 2) / (2 * width**2) - math.log(lp)), *ends)[0]
    r = quad(lambda x: law.pdf(x) * (law.logpdf(x) - norm.logpdf(x, mean, sd)), *ends)[0]
    assert pytest.approx((g, r), abs=1e-6) == (got.G, got.R)


def test_a_fine_grid_agrees_with_the_closed_form():
    x = np.linspace(-40, 140, 3601)
    px = norm.pdf(x, 50, 10)
    px /= px.sum()
    goal = truth_matrix([Gaussian(65, 5)], x, log=True)
    for s in (0.5, 2.0):
        got, want = controlled_distribution(px, goal, s, active=True, log=True), gaussian_control(50, 10, 65, 5, s)
        assert pytest.approx((want.G, want.R), abs=1e-8) == (got.G, got.R)


def test_two_goals_active_and_passive():
    px = norm.pdf(AGE, 50, 15)
    px /= px.sum()
    goals = truth_matrix([Logistic(40, -0.5), Logistic(60, 0.5)], AGE, log=True)
    for s, g, r in ((1, 1.5473, 1.5473), (5, 1.8907, 2.1922)):
        got = controlled_distribution(px, goals, s, active=True, log=True)
        assert got.G_per_goal.tolist() == pytest.approx([g, g], abs=1e-4)
        assert got.R_per_goal.tolist() == pytest.approx([r, r], abs=1e-4)
    means = AGE @ controlled_distribution(px, goals, active=True, log=True).px
    assert means.tolist() == pytest.approx([31.81, 68.19], abs=5e-3)
    passive = controlled_distribution(px, goals, active=False, log=True)
    assert pytest.approx((-0.16083, 0.87343), abs=2e-5) == (passive.G, passive.R)
    np.testing.assert_allclose(passive.px @ passive.shares, px, atol=1e-12)  # nothing but sorting


laws = st.integers(0, 2**32 - 1)


@given(laws, st.floats(0.05, 20))
def test_cost_is_at_least_what_is_achieved(seed, s):
    rng = np.random.default_rng(seed)
    px, truth = rng.dirichlet(np.ones(6)), rng.random((6, 2)) * 0.99 + 0.01
    got = controlled_distribution(px, truth / truth.max(0), s, active=True, shares=[0.3, 0.7])
    assert got.R >= got.G - 1e-10
    assert pytest.approx([0.3, 0.7] @ got.G_per_goal) == got.G
    # R - G is the divergence from what the goal predicts
    best = semantic_bayes(px, truth / truth.max(0))
    loss = np.sum(got.px * np.log2(got.px / best), axis=0) @ [0.3, 0.7]
    assert pytest.approx(loss, abs=1e-10) == got.R - got.G


@given(laws)
def test_stronger_control_achieves_more_and_efficiency_peaks_at_one(seed):
    rng = np.random.default_rng(seed)
    px, truth = rng.dirichlet(np.ones(6)), rng.random((6, 1))
    curve = control_curve(px, truth / truth.max(0), (0.3, 0.7, 1.0, 1.5, 3.0, 9.0), active=True)
    g, r = np.array([p.G for p in curve]), np.array([p.R for p in curve])
    assert (np.diff(g) >= -1e-12).all()
    assert (np.diff(r) >= -1e-12).all()
    efficiency = [p.efficiency for p in curve]
    assert (np.diff(efficiency[:3]) >= -1e-12).all()
    assert (np.diff(efficiency[2:]) <= 1e-12).all()
    # no law has more G for the price: R - s G is least
    other = rng.dirichlet(np.ones(6))
    information = np.log2(truth[:, 0] / (px @ truth[:, 0]))
    for point in curve:
        price = np.sum(other * np.log2(other / px)) - point.s * (other @ information)
        assert point.R - point.s * point.G <= price + 1e-10


def test_normal_laws_only():
    best = best_gaussian(DEATHS, AGE, OLD[:, 0], criterion="efficiency", sd=4.0, log=True)
    assert 0.9600 <= best.efficiency < 1
    assert AGE @ best.px[:, 0] == pytest.approx(64.33, abs=0.01)
    # no mean on a fine grid does better
    for mean in np.arange(55, 80, 0.05):
        law = norm.pdf(AGE, mean, 4)
        law /= law.sum()
        g = law @ (OLD[:, 0] - np.log(DEATHS @ np.exp(OLD[:, 0])))
        r = np.sum(law * np.log(law / DEATHS))
        assert g / r <= best.efficiency + 1e-9


def test_principles_differ_where_the_best_law_is_out_of_reach():
    found = {
        criterion: best_gaussian(DEATHS, AGE, OLD[:, 0], criterion=criterion, sd=4.0, log=True)
        for criterion in ("efficiency", "free_energy", "information")
    }
    loss = {name: point.R - point.G for name, point in found.items()}
    assert loss["free_energy"] <= min(loss.values()) + 1e-9
    assert found["efficiency"].efficiency >= max(p.efficiency for p in found.values()) - 1e-9
    assert max(p.G for p in found.values()) - 1e-9 <= found["information"].G
    means = {name: AGE @ point.px[:, 0] for name, point in found.items()}
    assert means["free_energy"] < means["efficiency"] < means["information"]


def test_principles_agree_where_it_is_within_reach():
    x = np.linspace(-40, 140, 721)
    px = norm.pdf(x, 50, 10)
    px /= px.sum()
    goal = Gaussian(65, 5).log(x)
    want = gaussian_control(50, 10, 65, 5)
    for criterion in ("efficiency", "free_energy"):
        got = best_gaussian(px, x, goal, criterion=criterion, log=True)
        assert x @ got.px[:, 0] == pytest.approx(want.mean, abs=1e-2)
        assert pytest.approx(0, abs=1e-6) == got.R - got.G


def test_goals_that_exclude_outcomes():
    got = controlled_distribution([0.5, 0.3, 0.2], [[0.0], [1.0], [1.0]], active=True)
    assert got.px[:, 0].tolist() == pytest.approx([0, 0.6, 0.4])
    assert got.G == pytest.approx(1) == got.R


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: controlled_distribution(DEATHS, OLD, 0.0, active=True), ParameterError, "`s` must be positive"),
        (lambda: controlled_distribution([0.5, 0.6], [[1], [1]], active=True), InvalidDistributionError, "`px` must"),
        (lambda: controlled_distribution([0.5, 0.5], [[0], [0]], active=True), InvalidDistributionError, "column 0"),
        (lambda: controlled_distribution([1.0], [[1]], active=False, shares=[1]), ParameterError, "leave them out"),
        (lambda: controlled_distribution([1.0], [[1]], active=True, shares=[0.5, 0.5]), ShapeError, "per goal, 1"),
        (lambda: controlled_distribution([1.0], [[1]], active=True, base=1), ParameterError, "`base`"),
        (lambda: control_curve([1.0], [[1]], (), active=True), ParameterError, "at least one strength"),
        (lambda: gaussian_control(0, 0, 1, 1), ParameterError, "`sd` must be positive and finite; got 0"),
        (lambda: gaussian_control(0, 1, math.inf, 1), ParameterError, "`goal` must be finite; got inf"),
        (lambda: best_gaussian([1.0], [0], [1], criterion="risk"), ParameterError, "`criterion` must be"),
        (lambda: best_gaussian([0.5, 0.5], [0], [1, 1], criterion="information"), ShapeError, "`x` must have one"),
        (lambda: best_gaussian([0.5, 0.5], [1, 0], [1, 1], criterion="information"), NonFiniteError, "rising order"),
        (lambda: best_gaussian([0.5, 0.5], [0, 1], [1, 1], criterion="information", sd=-1), ParameterError, "`sd`"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
