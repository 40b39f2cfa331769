"""The rate for a wanted G: closed forms, a convex solver, both branches and modes, flat and straight pieces."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import rate_fidelity, truth_matrix
from gtheory.fidelity import fidelity_range, rate_for_fidelity
from gtheory.truth import Gaussian, Logistic
from infocore.errors import ConvergenceWarning, InvalidDistributionError, ParameterError, ShapeError

AGE = np.arange(101.0)
PX = 1 / (1 + np.exp((AGE - 70) / 8))
PX /= PX.sum()
WORDS = truth_matrix([Logistic(18, -0.8), Gaussian(22, 6), Logistic(18, 0.8), Logistic(65, 0.4)], AGE)
AGES = np.log2(WORDS / (PX @ WORDS))


def entropy(p):
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p) if 0 < p < 1 else 0.0


@pytest.mark.parametrize("t", [0.2, 0.7])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_symmetric_labels(t, share):
    # two labels: G = log2(2 / (1 + t)) + (1 - p) log2 t, R = 1 - h(p)
    information = np.log2(np.array([[1, t], [t, 1]]) / ((1 + t) / 2))
    top = math.log2(2 / (1 + t))
    p = 0.5 + share / 2
    g = top + (1 - p) * math.log2(t)
    for mode in ("free", "fixed"):
        got = rate_for_fidelity([0.5, 0.5], information, g, mode=mode, py=[0.5, 0.5], tol=1e-11)
        assert pytest.approx(g, abs=1e-9) == got.G
        assert pytest.approx(1 - entropy(p), abs=1e-9) == got.R
        assert got.s == pytest.approx(math.log(p / (1 - p)) / -math.log(t), rel=1e-3)
    low = rate_for_fidelity([0.5, 0.5], information, top + p * math.log2(t), branch="lower", tol=1e-11)
    assert pytest.approx(1 - entropy(p), abs=1e-9) == low.R
    assert low.s < 0


def random_problem(seed):
    rng = np.random.default_rng(seed)
    m, n = rng.integers(2, 9, 2)
    px = rng.dirichlet(np.ones(m))
    kind = seed % 5
    if kind == 0:
        truth = rng.random((m, n))
    elif kind == 1:  # labels of one meaning, nearly
        truth = rng.random((m, 1)) * (1 - 1e-4 * rng.random((m, n)))
    elif kind == 2:  # narrow
        truth = np.exp(-0.5 * ((rng.random(m)[:, None] - rng.random(n)) / 0.05) ** 2)
    elif kind == 3:  # false of some
        truth = rng.random((m, n)) * (rng.random((m, n)) > 0.3)
        truth[:, 0] = np.maximum(truth[:, 0], 0.05)
    else:  # all but true
        truth = 1 - 1e-3 * rng.random((m, n))
    truth = truth[:, truth.max(0) > 1e-12]
    truth = truth / truth.max(0)
    with np.errstate(divide="ignore"):
        return px, np.log(truth) - np.log(px @ truth), rng


def solved(px, information, objective):
    """Minimise over channels with an exponential-cone solver; pairs that cannot be have no variable."""
    cvxpy = pytest.importorskip("cvxpy")
    joint = cvxpy.Variable(information.shape, nonneg=True)
    finite = np.where(np.isfinite(information), information, 0.0)
    limits = [cvxpy.sum(joint, axis=1) == px]
    if not np.isfinite(information).all():
        limits.append(cvxpy.multiply(joint, ~np.isfinite(information)) == 0)
    rate = cvxpy.sum(cvxpy.rel_entr(joint, px[:, None] @ cvxpy.sum(joint, axis=0, keepdims=True)))
    goal, more = objective(rate, cvxpy.sum(cvxpy.multiply(joint, finite)))
    problem = cvxpy.Problem(cvxpy.Minimize(goal), limits + more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    return float(problem.value)


@pytest.mark.parametrize("seed", range(50))
def test_slopes_against_a_convex_solver(seed):
    px, information, rng = random_problem(seed)
    s = float(rng.choice([0.05, 0.5, 1.0, 3.0, 20.0, -0.5, -3.0]))
    if s < 0 and not np.isfinite(information).all():
        s = -s
    got = rate_fidelity(px, information, s, base=math.e, tol=1e-9)
    want = solved(px, information, lambda rate, g: (rate - s * g, []))
    assert got.converged
    # the solver's own error scales with the terms of the objective
    scale = 1 + abs(s) * np.abs(information[np.isfinite(information)]).max()
    assert got.R - s * got.G == pytest.approx(want, abs=2e-7 * scale)
    assert got.R - s * got.G <= want + got.gap + 2e-7 * scale


@pytest.mark.parametrize("seed", range(30))
def test_wanted_information_against_a_convex_solver(seed):
    px, information, rng = random_problem(1000 + seed)
    ends = px @ np.where(np.isfinite(information), information, -50.0)
    best = float(px @ information.max(1))
    g = float(ends.max() + rng.random() * (best - ends.max()) * 0.98)
    got = rate_for_fidelity(px, information, g, base=math.e, tol=1e-8)
    assert g - 1e-9 <= got.G
    assert pytest.approx(solved(px, information, lambda rate, total: (rate, [total >= g])), abs=2e-6) == got.R
    if np.isfinite(information).all():
        worst = float(px @ information.min(1))
        g = float(ends.min() - rng.random() * (ends.min() - worst) * 0.98)
        low = rate_for_fidelity(px, information, g, branch="lower", base=math.e, tol=1e-8)
        assert g + 1e-9 >= low.G
        assert pytest.approx(solved(px, information, lambda rate, total: (rate, [total <= g])), abs=2e-6) == low.R


@pytest.mark.parametrize("g", [0.1, 0.5, 1.0, 1.249414, 1.376263])
def test_it_inverts_the_curve(g):
    got = rate_for_fidelity(PX, AGES, g, tol=1e-9)
    again = rate_fidelity(PX, AGES, got.s, tol=1e-11)
    assert got.R - got.s * got.G == pytest.approx(again.R - got.s * again.G, abs=5e-9)
    if g == 1.249414:
        assert pytest.approx(1.416995, abs=2e-6) == got.R
        assert got.s == pytest.approx(2, abs=1e-3)


def test_what_one_label_says_costs_nothing():
    ends = PX @ AGES
    for g in (ends.max(), ends.max() - 1.0, ends.min()):
        got = rate_for_fidelity(PX, AGES, g)
        assert (got.R, got.s, got.gap) == (0, 0, 0)
        assert g <= got.G
    low = rate_for_fidelity(PX, AGES, ends.min() + 0.1, branch="lower")
    assert (0, pytest.approx(ends.min())) == (low.R, low.G)


def test_the_end_of_the_curve():
    best = float(PX @ AGES.max(1))
    got = rate_for_fidelity(PX, AGES, best)
    assert pytest.approx(1.392114, abs=1e-6) == got.G
    assert got.s == math.inf
    assert pytest.approx(rate_fidelity(PX, AGES, 400).R, abs=1e-3) == got.R
    with pytest.raises(ParameterError, match=r"`G` must be at most 1\.39211.*got 1\.4"):
        rate_for_fidelity(PX, AGES, 1.4)
    with pytest.raises(ParameterError, match="`G` must be at least"):
        rate_for_fidelity(PX, AGES, -1e4, branch="lower")


@given(st.integers(0, 500), st.floats(-2, 2))
def test_a_held_law_of_labels(seed, share):
    px, information, rng = random_problem(5 * seed)
    law = rng.dirichlet(np.ones(information.shape[1]))
    want = rate_fidelity(px, information, share, "fixed", law, base=math.e)
    got = rate_for_fidelity(px, information, want.G, mode="fixed", py=law, base=math.e)
    assert pytest.approx((want.G, want.R), abs=1e-9) == (got.G, got.R)


def test_where_g_is_not_determined_the_range_says_so():
    # two labels that mean the same as two others do
    truth = np.array([[1, 0.2, 1, 0.2], [0.2, 1, 0.2, 1]])
    same = np.log2(truth / truth.mean(0))
    low, high = fidelity_range([0.5, 0.5], same, 2.0)
    assert high - low < 1e-3
    # at s = 1, where px is a mixture of predictions in many ways: a sharp pair and a vague pair
    truth = np.array([[1, 0.05, 1, 0.6], [0.05, 1, 0.6, 1]])
    information = np.log2(truth / truth.mean(0))
    low, high = fidelity_range([0.5, 0.5], information, 1.0)
    sharp, vague = (rate_fidelity([0.5, 0.5], information[:, part], 1.0).G for part in (slice(0, 2), slice(2, 4)))
    assert low == pytest.approx(vague, abs=1e-3)
    assert high == pytest.approx(sharp, abs=1e-3)
    assert high - low > 0.5
    # R - G is determined all the same
    for law in ([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0.25] * 4):
        point = rate_fidelity([0.5, 0.5], information, 1.0, "fixed", law)
        assert pytest.approx(0, abs=1e-9) == point.R - point.G


def test_the_ages_are_determined_at_each_slope():
    # "non-adult" and "adult" complement each other, and nothing else adds up to the prior
    for s, g in ((1.0, 0.746860), (2.0, 1.249414)):
        low, high = fidelity_range(PX, AGES, s)
        assert low - 1e-6 <= g <= high + 1e-6
        assert high - low < 2e-4
    point = rate_fidelity(PX, AGES, 1.0, tol=1e-9)
    assert point.py[[1, 3]].max() < 1e-5


def test_information_that_is_infinitely_negative():
    with np.errstate(divide="ignore"):
        information = np.log2(np.array([[1.0, 0.0], [0.5, 1.0]])) - np.log2([0.75, 0.5])
    got = rate_for_fidelity([0.5, 0.5], information, 0.6)
    assert got.G >= 0.6 - 1e-9
    assert got.ch[0].tolist() == [1, 0]
    with pytest.raises(ParameterError, match="-inf somewhere"):
        rate_for_fidelity([0.5, 0.5], information, -1, branch="lower")
    held = rate_for_fidelity([0.5, 0.5], information, 0.5, mode="fixed", py=[0.5, 0.5])
    assert pytest.approx(0.5) == held.G
    with pytest.raises(ParameterError, match="so a held law has G above"):
        rate_for_fidelity([0.5, 0.5], information, -3, mode="fixed", py=[0.5, 0.5])


def test_a_gap_that_is_left_is_told():
    with pytest.warns(ConvergenceWarning):
        got = rate_for_fidelity(PX, AGES, 1.3, max_iter=1, tol=1e-12)
    assert not got.converged
    assert got.gap > 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rate_for_fidelity(PX, AGES, 1, branch="left"), ParameterError, "`branch` must be"),
        (lambda: rate_for_fidelity(PX, AGES, 1, mode="held"), ParameterError, "`mode` must be"),
        (lambda: rate_for_fidelity(PX, AGES, 1, mode="fixed"), ParameterError, "needs `py`"),
        (lambda: rate_for_fidelity(PX, AGES, 1, mode="fixed", py=[1.0]), ShapeError, "one entry per label, 4; got 1"),
        (lambda: rate_for_fidelity(PX, AGES, 9, mode="fixed", py=[0.25] * 4), ParameterError, "must be from"),
        (lambda: rate_for_fidelity([1.0], AGES, 1), ShapeError, "one row per entry of `px`, 1; got 101"),
        (lambda: rate_for_fidelity(PX, AGES, math.nan), ParameterError, "`G` must be"),
        (
            lambda: rate_for_fidelity([0.5, 0.5], [[0.0, 1.0], [-math.inf, -math.inf]], 0.1),
            InvalidDistributionError,
            "every label is certainly false of x 1",
        ),
        (lambda: fidelity_range(PX, AGES, 0), ParameterError, "`s` must not be 0"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
