"""Laws of the benchmark: their values and spreads against its own, entropies, integrals and another program."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_t

from infocore.errors import ParameterError
from infocore.tasks import BMI_V1, MORE, TASKS, task
from infocore.tasks._elliptical import Gaussian, Student
from infocore.tasks._maps import equicorrelated

# The benchmark's own values, computed with benchmark-mi 0.1.3 (additive-0.1 in float32 there).
GAUSS, PAIRS = 0.41333928659223396, 1.0216512475319819
GOLDEN = {
    "1v1-normal-0.75": GAUSS,
    "normal_cdf-1v1-normal-0.75": GAUSS,
    "1v1-additive-0.1": 1.7094379663467407,
    "1v1-additive-0.75": 1 / 3,
    "1v1-bimodal-0.75": GAUSS,
    "wiggly-1v1-normal-0.75": GAUSS,
    "half_cube-1v1-normal-0.75": GAUSS,
    "student-identity-1-1-1": 0.22417142752923613,
    "asinh-student-identity-1-1-1": 0.22417142752923613,
    "swissroll_x-normal_cdf-1v1-normal-0.75": GAUSS,
    "multinormal-dense-2-2-0.5": 0.2938933324510593,
    "multinormal-dense-3-3-0.5": 0.41333928659223407,
    "multinormal-dense-5-5-0.5": 0.5928118328288701,
    "multinormal-dense-25-25-0.5": 1.2921837216593204,
    "multinormal-dense-50-50-0.5": 1.6242653743036897,
    "multinormal-sparse-2-2-2-2.0": PAIRS,
    "multinormal-sparse-3-3-2-2.0": PAIRS,
    "multinormal-sparse-5-5-2-2.0": PAIRS,
    "multinormal-sparse-25-25-2-2.0": PAIRS,
    "student-identity-2-2-1": 0.43194562200144127,
    "student-identity-2-2-2": 0.1931471805599454,
    "student-identity-3-3-2": 0.29092192268276484,
    "student-identity-3-3-3": 0.17871185309236282,
    "student-identity-5-5-2": 0.44815067691532917,
    "student-identity-5-5-3": 0.29854362265275824,
    "normal_cdf-multinormal-sparse-3-3-2-2.0": PAIRS,
    "normal_cdf-multinormal-sparse-5-5-2-2.0": PAIRS,
    "normal_cdf-multinormal-sparse-25-25-2-2.0": PAIRS,
    "half_cube-multinormal-sparse-3-3-2-2.0": PAIRS,
    "half_cube-multinormal-sparse-5-5-2-2.0": PAIRS,
    "half_cube-multinormal-sparse-25-25-2-2.0": PAIRS,
    "spiral-multinormal-sparse-3-3-2-2.0": PAIRS,
    "spiral-multinormal-sparse-5-5-2-2.0": PAIRS,
    "spiral-multinormal-sparse-25-25-2-2.0": PAIRS,
    "spiral-normal_cdf-multinormal-sparse-3-3-2-2.0": PAIRS,
    "spiral-normal_cdf-multinormal-sparse-5-5-2-2.0": PAIRS,
    "spiral-normal_cdf-multinormal-sparse-25-25-2-2.0": PAIRS,
    "asinh-student-identity-2-2-1": 0.43194562200144127,
    "asinh-student-identity-3-3-2": 0.29092192268276484,
    "asinh-student-identity-5-5-2": 0.44815067691532917,
}

# Standard deviation of the pointwise information, from 10^6 to 2 * 10^6 draws of an independent program.
SPREADS = {
    "1v1-additive-0.1": 0.3013,
    "1v1-additive-0.75": 0.4715,
    "student-identity-1-1-1": 0.7060,
    "student-identity-2-2-1": 0.8660,
    "student-identity-2-2-2": 0.6392,
    "student-identity-3-3-2": 0.7377,
    "student-identity-3-3-3": 0.6046,
    "student-identity-5-5-2": 0.8420,
    "student-identity-5-5-3": 0.7233,
}


def test_registry():
    assert list(BMI_V1) == list(GOLDEN)
    assert list(TASKS) == [*BMI_V1, *MORE]
    assert all(name == law.name and law.family and law.source for name, law in TASKS.items())
    assert task("1v1-normal-0.75") is BMI_V1["1v1-normal-0.75"]
    with pytest.raises(ParameterError, match=r"task: `name`.*'1v1-normal-0.57'.*did you mean.*1v1-normal-0.75"):
        task("1v1-normal-0.57")
    with pytest.raises(ParameterError, match=r"see `infocore\.tasks\.TASKS`"):
        task("?")


@pytest.mark.parametrize("name", GOLDEN)
def test_values_of_the_benchmark(name):
    assert BMI_V1[name].information == pytest.approx(GOLDEN[name], abs=1e-6)


# two spreads from Monte Carlo of 2 * 10^5 draws or more: standard error below 0.25 %
@pytest.mark.parametrize("name", SPREADS)
def test_spreads_of_an_independent_program(name):
    assert BMI_V1[name].spread == pytest.approx(SPREADS[name], rel=0.008)


def test_gaussian_values_by_determinants():
    for d in (2, 3, 5, 25, 50):
        joint = 0.5 + 0.5 * np.eye(2 * d)
        value = np.linalg.slogdet(joint[:d, :d])[1] - 0.5 * np.linalg.slogdet(joint)[1]
        assert BMI_V1[f"multinormal-dense-{d}-{d}-0.5"].information == pytest.approx(value, abs=1e-12)
        side = equicorrelated(d, 0.5).matrix
        assert np.abs(side @ side.T - joint[:d, :d]).max() < 1e-12
        # the covariance across the sides, from the canonical pair
        assert np.outer(side[:, 0], side[:, 0]) * d / (d + 1) == pytest.approx(np.full((d, d), 0.5), abs=1e-12)
    assert equicorrelated(1, 0.5).matrix == pytest.approx(1.0)


@pytest.mark.parametrize(("d", "dof"), [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)])
def test_student_values_by_entropies(d, dof):
    def entropy(k):
        return multivariate_t(np.zeros(k), np.eye(k), df=dof).entropy()

    assert Student(d, dof).information == pytest.approx(2 * entropy(d) - entropy(2 * d), abs=1e-9)


def test_student_pointwise_by_densities():
    x, y, pointwise = Student(3, 2)(100, np.random.default_rng(0))
    one, two = multivariate_t(np.zeros(3), np.eye(3), df=2), multivariate_t(np.zeros(6), np.eye(6), df=2)
    assert pointwise == pytest.approx(two.logpdf(np.hstack([x, y])) - one.logpdf(x) - one.logpdf(y), abs=1e-9)


@pytest.mark.parametrize("noise", [0.1, 0.75])
def test_additive_values_by_integration(noise):
    def minus_p_log_p(y):
        p = (min(1.0, y + noise) - max(0.0, y - noise)) / (2 * noise)
        return -p * math.log(p) if p > 0 else 0.0

    entropy = quad(minus_p_log_p, -noise, 1 + noise, points=[noise, 1 - noise], epsabs=1e-10)[0]
    law = BMI_V1[f"1v1-additive-{noise}"]
    assert law.information == pytest.approx(entropy - math.log(2 * noise), abs=1e-8)


def grid_moments(pointwise, log_joint, ends, m=1201):
    """Mean and standard deviation of the pointwise information by the trapezoidal rule on a square grid."""
    t = np.linspace(-ends, ends, m)
    x, y = np.meshgrid(t, t, indexing="ij")
    mass = np.exp(log_joint(x, y)) * (t[1] - t[0]) ** 2
    i = pointwise(x.ravel()[:, None], y.ravel()[:, None]).reshape(x.shape)
    mean = (mass * i).sum()
    return mass.sum(), mean, math.sqrt((mass * (i - mean) ** 2).sum())


def test_one_by_one_values_by_quadrature():
    rest = 1 - 0.75**2
    total, mean, spread = grid_moments(
        Gaussian(1, 1, (0.75,)).pointwise,
        lambda x, y: -(x**2 - 1.5 * x * y + y**2) / (2 * rest) - math.log(2 * math.pi * math.sqrt(rest)),
        10.0,
    )
    assert (total, mean, spread) == pytest.approx((1.0, GAUSS, 0.75), abs=1e-9)

    # Cauchy in the plane, in coordinates x = sinh s, y = sinh t; the rest beyond 22 is below exp(-22)
    def density(s, t):
        a, b = np.sinh(s), np.sinh(t)
        return np.log(np.cosh(s) * np.cosh(t)) - math.log(2 * math.pi) - 1.5 * np.log1p(a**2 + b**2)

    law = Student(1, 1)
    total, mean, spread = grid_moments(lambda s, t: law.pointwise(np.sinh(s), np.sinh(t)), density, 22.0)
    assert (total, mean, spread) == pytest.approx((1.0, law.information, law.spread), abs=1e-6)
