"""Every law draws what it says: samples by seed, and the information of each pair against its densities."""

import math
import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import geom, multivariate_normal, norm, poisson

from infocore.errors import ParameterError
from infocore.tasks import BMI_V1, MORE, TASKS, Task
from infocore.tasks._elliptical import Gaussian

N = 20_000
NAMES = list(TASKS)


@pytest.mark.parametrize("name", NAMES)
def test_law(name):
    law = TASKS[name]
    drawn = law.draw(N, rng=7)
    assert drawn.x.shape == (N, law.dim_x)
    assert drawn.y.shape == (N, law.dim_y)
    assert drawn.pointwise.shape == (N,)
    assert drawn.x.dtype == drawn.y.dtype == np.float64
    assert np.isfinite(drawn.x).all() and np.isfinite(drawn.y).all() and np.isfinite(drawn.pointwise).all()
    z = (drawn.pointwise.mean() - law.information) * math.sqrt(N)
    assert abs(z) <= 4.5 * law.spread
    # the fourth moment of the pointwise information gives the standard error of its standard deviation
    error = np.sqrt(np.var((drawn.pointwise - law.information) ** 2) / N) / (2 * law.spread) if law.spread else 0.0
    assert abs(drawn.pointwise.std() - law.spread) <= 5.0 * error + 1e-12
    if law.information == 0:
        assert not drawn.pointwise.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_sample(name):
    law = TASKS[name]
    first, again, other = law.draw(50, rng=3), law.draw(50, rng=np.random.default_rng(3)), law.draw(50, rng=4)
    assert np.array_equal(first.x, again.x) and np.array_equal(first.y, again.y)
    assert np.array_equal(first.pointwise, again.pointwise)
    assert not np.array_equal(first.x, other.x)
    x, y = law.sample(50, rng=3)
    assert np.array_equal(first.x, x) and np.array_equal(first.y, y)
    copy = pickle.loads(pickle.dumps(law))  # noqa: S301 - our own bytes; a sweep sends laws to other processes
    assert np.array_equal(copy.draw(50, rng=3).x, x)


def test_settings_are_checked():
    law = BMI_V1["1v1-normal-0.75"]
    for n in (0, 2.5, True):
        with pytest.raises(ParameterError, match=r"1v1-normal-0.75.draw: `n`"):
            law.draw(n)
        with pytest.raises(ParameterError, match=r"1v1-normal-0.75.floor: `n`"):
            law.floor(n)
    with pytest.raises(ParameterError, match="`rng`"):
        law.sample(10, rng=None)


def test_floor_by_hand():
    # sqrt(2 / pi) * 0.75 / 100
    assert BMI_V1["1v1-normal-0.75"].floor(10_000) == pytest.approx(0.0059841, abs=1e-7)


def test_a_task_of_ones_own():
    law = Gaussian(1, 1, (0.5,))
    own = Task("own", "gaussian", 1, 1, law.information, law.spread, "closed form", law, map_y=np.exp)
    assert own.draw(10).y.min() > 0
    assert "law=" not in repr(own)


def plane(a, b, r=0.0):
    return np.array([[a, r * math.sqrt(a * b)], [r * math.sqrt(a * b), b]])


# under the product of the margins the density ratio has mean 1, whatever the law of y
@pytest.mark.parametrize(
    "name",
    [
        "mixture-waves-2-1",
        "mixture-galaxy-2-1",
        "mixture-concentric-3-1",
        "mixture-inliers-5-5",
        "copula-frank",
        "curve-parabola",
        "curve-sine",
        "curve-ring",
        "classes-5-1",
        "classes-3-2",
        "mixed-censored",
    ],
)
def test_density_ratio_integrates_to_one(name):
    law = MORE[name]
    x, y, _ = law.law(N, np.random.default_rng(13))
    ratio = np.exp(law.law.pointwise(x, np.roll(y, 1, axis=0)))
    assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / math.sqrt(N)


def integral(f, ends=(-12.0, 12.0), points=None):
    return quad(f, *ends, epsabs=1e-13, epsrel=1e-11, limit=500, points=points)[0]


def inliers(x, y):
    joint = norm.pdf(x).prod() * norm.pdf(y[:2], 0.8 * x[:2], 0.6).prod() * norm.pdf(y[2:]).prod()
    apart = norm.pdf(x).prod() * norm.pdf(y).prod()
    return math.log((0.8 * joint + 0.2 * apart) / apart)


def crossing(x, y):
    joint = sum(multivariate_normal((0, 0), plane(1, 1, r)).pdf((x[0], y[0])) for r in (0.9, -0.9)) / 2
    return math.log(joint / (norm.pdf(x[0]) * norm.pdf(y[0])))


def curve(function, noise):
    def log_ratio(x, y):
        # the substitution spreads the nodes; the ends of [-1, 1] are where the angle is 0 and pi
        of_y = integral(lambda a: 0.5 * math.sin(a) * norm.pdf(y[0], function(math.cos(a)), noise), (0, math.pi))
        return norm.logpdf(y[0], function(x[0]), noise) - math.log(of_y)

    return log_ratio


def ring(x, y):
    angle = 2 * np.pi * np.arange(1000) / 1000
    of_x, of_y = norm.pdf(x[0], np.cos(angle), 0.15), norm.pdf(y[0], np.sin(angle), 0.15)
    return math.log((of_x * of_y).mean() / (of_x.mean() * of_y.mean()))


def modulated(x, y):
    of_y = 2 * integral(lambda s: norm.pdf(math.exp(s)) * norm.pdf(y[0] / math.exp(s)), (-20.0, 3.0))
    return norm.logpdf(y[0], 0, abs(x[0])) - math.log(of_y)


def product(x, y):
    of_y = integral(lambda t: norm.pdf(t) * norm.pdf(y[0], 0, math.hypot(t, 0.3)))
    return norm.logpdf(y[0], x[0] * x[1], 0.3) - math.log(of_y)


def counts(x, y):
    return poisson.logpmf(y[0], 5 * x[0]) - geom.logpmf(y[0] + 1, 1 / 6)


def censored(x, y):
    scale = math.sqrt(1 - 0.9**2)
    if y[0] == 0:
        return norm.logcdf(0.3, 0.9 * x[0], scale) - norm.logcdf(0.3)
    return norm.logpdf(y[0] + 0.3, 0.9 * x[0], scale) - norm.logpdf(y[0] + 0.3)


def classes(x, y):
    parts = zip((0.35, 0.25, 0.2, 0.15, 0.05), (0, 2, -1.5, 0.5, 4), (1, 0.5, 0.5**0.5, 0.2, 2**0.5), strict=True)
    densities = [(w, norm.pdf(y[0], m, s)) for w, m, s in parts]
    return math.log(densities[int(x[0])][1] / sum(w * d for w, d in densities))


@pytest.mark.parametrize(
    ("name", "log_ratio"),
    [
        ("mixture-inliers-5-5", inliers),
        ("mixture-x", crossing),
        ("curve-parabola", curve(lambda t: t**2, 0.1)),
        ("curve-sine", curve(lambda t: math.sin(2 * math.pi * t), 0.2)),
        ("curve-ring", ring),
        ("scale-modulated", modulated),
        ("interaction-product-2-1", product),
        ("counts-poisson", counts),
        ("mixed-censored", censored),
        ("classes-5-1", classes),
    ],
)
def test_pointwise_information_by_densities(name, log_ratio):
    drawn = MORE[name].draw(8, rng=16)
    want = [log_ratio(x, y) for x, y in zip(drawn.x, drawn.y, strict=True)]
    assert drawn.pointwise == pytest.approx(want, abs=1e-8)
