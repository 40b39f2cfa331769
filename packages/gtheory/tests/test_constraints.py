"""R(Theta) against rate-distortion, limits on errors, and laws of greatest entropy against a convex solver."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory.constraints import maximum_entropy, rate_of_truth
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.rate import rate_distortion

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.floats(0.1, 8))
def test_truth_from_distortion_is_rate_distortion(seed, s):
    rng = np.random.default_rng(seed)
    px, d = rng.dirichlet(np.ones(5)), 3 * rng.random((5, 4))
    got = rate_of_truth(px, np.exp(-d), s, base=math.e, tol=1e-10)
    want = rate_distortion(px, d, s, tol=1e-10)
    assert got.R + s * got.distortion == pytest.approx(want.rate + s * want.distortion, abs=1e-9)


@given(SEEDS)
def test_at_slope_one_the_least_information_is_a_semantic_one(seed):
    rng = np.random.default_rng(seed)
    px, truth = rng.dirichlet(np.ones(5)), rng.random((5, 4))
    got = rate_of_truth(px, truth, tol=1e-12)
    assert got.information == pytest.approx(got.R, abs=1e-5)  # the channel is a step beyond the law
    # written out
    lp = truth @ got.py
    assert got.information == pytest.approx(np.sum(px[:, None] * got.ch * np.log2(truth / lp[:, None])), abs=1e-12)


def test_hamming_distortion_in_closed_form():
    got = rate_of_truth([0.5, 0.5], np.exp(-(1 - np.eye(2))), tol=1e-12)
    assert got.distortion * math.log(2) == pytest.approx(0.2689414, abs=1e-6)
    assert pytest.approx(0.1600585, abs=1e-6) == got.R


def test_crisp_truth_limits_errors():
    # 8 levels, y may be off by one: three values of y do, and no fewer
    x = np.arange(8)
    truth = (np.abs(x[:, None] - x) <= 1).astype(float)
    px = np.full(8, 1 / 8)
    got = rate_of_truth(px, truth, tol=1e-10)
    assert got.distortion == 0
    assert (got.ch[truth == 0] == 0).all()
    other = rate_of_truth(px, truth, 5.0, tol=1e-10)
    assert pytest.approx(got.R, abs=1e-7) == other.R
    assert pytest.approx(got.information, abs=1e-6) == got.R
    assert math.log2(8 / 3) - 1e-9 <= got.R <= math.log2(3)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("s", [0.5, 1.0, 4.0])
def test_greatest_entropy_by_a_convex_solver(seed, s):
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    truth = rng.random(8)
    got = maximum_entropy(truth, s=s, base=math.e)
    assert got.entropy == pytest.approx(math.log(8) - got.information, abs=1e-12)
    p = cvxpy.Variable(8, nonneg=True)
    limits = [cvxpy.sum(p) == 1, p @ np.log(truth) >= got.mean_log_truth]
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(cvxpy.entr(p))), limits)
    problem.solve(solver="CLARABEL")
    assert got.entropy == pytest.approx(problem.value, abs=1e-6)


def test_a_prior_is_left_where_nothing_is_asked():
    px = [0.5, 0.25, 0.25]
    assert maximum_entropy([1.0, 0.0, 0.5], px, 0.0).px.tolist() == pytest.approx(px)
    assert maximum_entropy([1.0, 0.0, 0.5], px).px.tolist() == pytest.approx([0.8, 0, 0.2])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rate_of_truth([0.5, 0.5], np.eye(2), 0.0), ParameterError, "`s` must be positive"),
        (lambda: rate_of_truth([0.5, 0.5], np.eye(2), base=1), ParameterError, "`base` must be"),
        (lambda: rate_of_truth([0.5, 0.5], np.ones((3, 2))), ShapeError, "`truth` must have one row"),
        (lambda: rate_of_truth([0.5, 0.5], [[1, 1], [0, 0]]), InvalidDistributionError, "allows no y for x 1"),
        (lambda: maximum_entropy([1.0], s=-1), ParameterError, "`s` must be finite and not negative"),
        (lambda: maximum_entropy([0.0, 1.0], [1.0, 0.0]), InvalidDistributionError, "no law satisfies it"),
        (lambda: maximum_entropy([2.0]), InvalidDistributionError, "degrees of truth"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
