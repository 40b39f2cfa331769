"""Laws with exact information: their values against second sources, their maps against the reference implementation."""

import math
import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import k0, ndtr
from scipy.stats import cauchy, chi, geom, kstest, multivariate_normal, multivariate_t, norm, pareto, poisson

from infocore.errors import ParameterError
from infocore.tasks import BMI_V1, MORE, TASKS, Task, task
from infocore.tasks._elliptical import Gaussian, Student
from infocore.tasks._flows import Columns, Flow, Shear, Shuffle, cauchy_quantile
from infocore.tasks._flows import pareto as pareto_margin
from infocore.tasks._maps import Spiral, equicorrelated, half_cube, normal_cdf, swiss_roll

N = 20_000
NAMES = list(TASKS)

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


def test_registry():
    assert list(BMI_V1) == list(GOLDEN)
    assert list(TASKS) == [*BMI_V1, *MORE]
    assert all(name == law.name and law.family and law.source for name, law in TASKS.items())
    assert task("1v1-normal-0.75") is BMI_V1["1v1-normal-0.75"]
    with pytest.raises(ParameterError, match=r"task: `name`.*'1v1-normal-0.57'.*did you mean.*1v1-normal-0.75"):
        task("1v1-normal-0.57")
    with pytest.raises(ParameterError, match=r"see `infocore\.tasks\.TASKS`"):
        task("?")


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


X3 = np.array([[0.3, -1.2, 0.7]])
X5 = np.array([[0.3, -1.2, 0.7, 2.0, -0.1]])


# computed with benchmark-mi 0.1.3, in float64
@pytest.mark.parametrize(
    ("transform", "at", "want"),
    [
        (Spiral(0, 1, 1 / 3), X3, [0.982838533957523, -0.7510182528861911, 0.7]),
        (Spiral(1, 2, 1 / 3), X3, [0.3, -1.3746135240516617, -0.20109117209432942]),
        (Spiral(1, 2, 1 / 5), X5, [0.3, -1.0820483472702538, -0.8713044095892734, 2.0, -0.1]),
        (half_cube, X3, [0.1643167672515498, -1.3145341380123985, 0.5856620185738528]),
        (normal_cdf, X3, [0.6179114221889526, 0.11506967022170833, 0.758036347776927]),
        (BMI_V1["wiggly-1v1-normal-0.75"].map_x, X3, [0.587894002989119, -1.7505733246189927, 1.1148894865309404]),
        (BMI_V1["wiggly-1v1-normal-0.75"].map_y, X3, [0.11772246030488652, -0.87636866712092, 0.43693456432977573]),
        (BMI_V1["1v1-bimodal-0.75"].map_x, X3, [4.884840617802695, -0.2961299284831398, 5.397057998720527]),
        (BMI_V1["1v1-bimodal-0.75"].map_y, X3, [2.2818696227940904, -1.7383915850265907, 3.040366119344924]),
        (swiss_roll, np.array([[0.37]]), [-0.13226194410133646, 0.36737168244799207]),
        (swiss_roll, np.array([[0.0]]), [0.0, -0.2243994752564138]),
    ],
)
def test_maps_of_the_reference_implementation(transform, at, want):
    assert transform(at)[0] == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("d", [3, 5, 25])
def test_a_spiral_can_be_undone(d):
    name = f"spiral-normal_cdf-multinormal-sparse-{d}-{d}-2-2.0"
    bent, base = task(name).draw(500, rng=5), task(name.removeprefix("spiral-")).draw(500, rng=5)
    x, y = Spiral(0, 1, 1 / d).inverse(bent.x), Spiral(1, 2, 1 / d).inverse(bent.y)
    assert np.abs(bent.x - base.x).max() > 0.5 / d
    assert np.abs(x - base.x).max() < 1e-12 and np.abs(y - base.y).max() < 1e-12
    assert np.array_equal(bent.pointwise, base.pointwise)


def test_each_side_is_bent_alone():
    """The pointwise information of the sample as it is drawn, from the inverse maps, is the one that comes with it."""
    drawn = task("multinormal-dense-5-5-0.5").draw(200, rng=1)
    side = equicorrelated(5, 0.5)
    law = Gaussian(5, 5, (5 / 6,))
    assert law.pointwise(side.inverse(drawn.x), side.inverse(drawn.y)) == pytest.approx(drawn.pointwise, abs=1e-9)
    bimodal = BMI_V1["1v1-bimodal-0.75"]
    base = BMI_V1["1v1-normal-0.75"].draw(200, rng=1)
    assert bimodal.map_x.cdf(bimodal.draw(200, rng=1).x) == pytest.approx(ndtr(base.x), abs=1e-12)


def test_a_task_of_ones_own():
    law = Gaussian(1, 1, (0.5,))
    own = Task("own", "gaussian", 1, 1, law.information, law.spread, "closed form", law, map_y=np.exp)
    assert own.draw(10).y.min() > 0
    assert "law=" not in repr(own)


def moments(table):
    """Mean and standard deviation of the pointwise information of a table: of a law, by quadrature of its density."""
    p = table / table.sum()
    log_p, log_x, log_y = (np.log(np.where(a > 0, a, 1.0)) for a in (p, p.sum(1, keepdims=True), p.sum(0)))
    i = log_p - log_x - log_y  # where p is 0 this is wrong and has no weight
    mean = (p * i).sum()
    return mean, math.sqrt((p * (i - mean) ** 2).sum())


def plane(a, b, r=0.0):
    return np.array([[a, r * math.sqrt(a * b)], [r * math.sqrt(a * b), b]])


def gaussians(xs, ys, means, covariances):
    points = np.stack(np.meshgrid(xs, ys, indexing="ij"), -1)
    return sum(multivariate_normal(m, c).pdf(points) for m, c in zip(means, covariances, strict=True))


def by_table_x():
    t = np.linspace(-9, 9, 400)
    return gaussians(t, t, [(0, 0)] * 2, [plane(1, 1, r) for r in (0.9, -0.9)])


def by_table_ai():
    means = [(1, 0), (1, 1), (1, -1), (-0.8, -0.2), (-1.2, 0), (-0.4, 0)]
    shapes = [plane(0.01, 0.2), plane(0.05, 0.001), plane(0.05, 0.001), plane(0.03, 0.001)]
    shapes += [plane(0.04, 0.2, r) for r in (0.95, -0.95)]
    return gaussians(np.linspace(-3, 3, 400), np.linspace(-4, 4, 900), means, shapes)


def by_table_waves():  # the column that the sine shifts by is independent of everything before the shift
    means = [(1.5 * k, 1.5 * (k % 4)) for k in range(12)]
    return gaussians(np.linspace(-3, 19.5, 400), np.linspace(-3, 7.5, 200), means, [plane(0.1, 0.1)] * 12)


def by_table_galaxy():  # across the line between the two centres there is only noise
    t, far = np.linspace(-12, 12, 200), 1.5 * math.sqrt(2)
    return gaussians(t, t, [(-far, -1.5), (far, 1.5)], [plane(1, 1)] * 2)


def by_table_concentric():  # the distance from the centre is sufficient
    r, y = np.linspace(0, 30, 2000)[1:], np.linspace(-3, 7, 300)
    return sum(np.outer(chi(3, scale=k).pdf(r), norm(k, 0.3).pdf(y)) for k in (1, 2, 3))


def by_table_parabola():
    x, weight = np.polynomial.legendre.leggauss(300)
    return norm.pdf(np.linspace(-1.2, 2.2, 800) - x[:, None] ** 2, scale=0.1) * weight[:, None]


def by_table_sine():
    x, weight = np.polynomial.legendre.leggauss(300)
    return norm.pdf(np.linspace(-3, 3, 600) - np.sin(2 * np.pi * x[:, None]), scale=0.2) * weight[:, None]


def by_table_ring():
    t, g = 2 * np.pi * np.arange(500) / 500, np.linspace(-2.8, 2.8, 400)
    return norm.pdf(g[:, None] - np.cos(t), scale=0.15) @ norm.pdf(g - np.sin(t)[:, None], scale=0.15)


def by_table_modulated():  # signs are coins; logarithms of the absolute values on the grid
    x, y = np.exp(np.linspace(-30, 2.6, 900))[:, None], np.exp(np.linspace(-45, 4.6, 1400))
    return norm.pdf(x) * norm.pdf(y / x) * y


def by_table_product():  # the product is sufficient; its sign is a coin, its size on a grid of logarithms
    w, y = np.exp(np.linspace(-35, 3.4, 1000))[:, None], np.linspace(-24, 24, 500)
    return np.concatenate([norm.pdf(y - sign * w, scale=0.3) * k0(w) * w for sign in (1, -1)])


def by_table_classes():
    y, parts = np.linspace(-15, 20, 3000), zip([0, 2, -1.5, 0.5, 4], [1, 0.5, 0.5**0.5, 0.2, 2**0.5], strict=True)
    return np.array([norm(m, s).pdf(y) for m, s in parts]) * np.array([0.35, 0.25, 0.2, 0.15, 0.05])[:, None]


def by_table_planes():
    t, shapes = np.linspace(-9, 9, 400), (plane(1, 1, 0.9), plane(1, 1, -0.9), plane(0.25, 0.25))
    rows = [w * gaussians(t, t, [(0, 0)], [c]).ravel() for w, c in zip((0.4, 0.35, 0.25), shapes, strict=True)]
    return np.array(rows)


def by_table_counts():
    rate = np.exp(np.linspace(-40, 4, 1500))[:, None]
    return np.exp(-rate) * rate * poisson(5 * rate).pmf(np.arange(400))


def by_table_censored():
    x, (node, weight) = np.linspace(-9, 9, 500)[:, None], np.polynomial.legendre.leggauss(200)
    scale = math.sqrt(1 - 0.9**2)
    seen = norm.pdf(4.5 * (1 + node) + 0.3 - 0.9 * x, scale=scale) * 4.5 * weight
    return np.hstack([norm.cdf((0.3 - 0.9 * x) / scale), seen]) * norm.pdf(x)


# twice the nodes change no value by 1e-7; the values are given to 1e-9
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("mixture-x", by_table_x),
        ("mixture-ai", by_table_ai),
        ("mixture-waves-2-1", by_table_waves),
        ("mixture-galaxy-2-1", by_table_galaxy),
        ("mixture-concentric-3-1", by_table_concentric),
        ("curve-parabola", by_table_parabola),
        ("curve-sine", by_table_sine),
        ("curve-ring", by_table_ring),
        ("scale-modulated", by_table_modulated),
        ("interaction-product-2-1", by_table_product),
        ("classes-5-1", by_table_classes),
        ("classes-3-2", by_table_planes),
        ("counts-poisson", by_table_counts),
        ("mixed-censored", by_table_censored),
    ],
)
def test_values_by_quadrature(name, table):
    assert moments(table()) == pytest.approx((MORE[name].information, MORE[name].spread), abs=2e-7)


# computed with benchmark-mi 0.1.3, means over 10^6 draws
@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("mixture-x", 0.4095672),
        ("mixture-ai", 0.7770559),
        ("mixture-waves-2-1", 1.3069863),
        ("mixture-galaxy-2-1", 0.4940857),
        ("mixture-inliers-5-5", 0.6370615),
    ],
)
def test_mixtures_of_the_reference_implementation(name, mean):
    assert abs(MORE[name].information - mean) < 4 * MORE[name].spread / 1000


def test_inliers_by_integration():
    """A pair of rows with quadratic forms is a difference of exponentials: Laplace if they belong together."""
    r, constant = 0.8, -math.log1p(-(0.8**2))
    a, b = r / (1 + r), r / (1 - r)

    def expect(f):
        def integral(density, step):
            return quad(
                lambda z: density * math.exp(-z) * f(np.logaddexp(math.log(0.8) + constant + step * z, math.log(0.2))),
                0,
                60,
            )[0]

        signal = integral(0.5, r) + integral(0.5, -r)
        return 0.8 * signal + 0.2 * (integral(a / (a + b), a) + integral(b / (a + b), -b))

    law = MORE["mixture-inliers-5-5"]
    mean = expect(lambda i: i)
    assert law.information == pytest.approx(mean, abs=1e-7)
    assert law.spread == pytest.approx(math.sqrt(expect(lambda i: (i - mean) ** 2)), abs=1e-7)


def clayton(u, v):
    return (u**-2.0 + v**-2.0 - 1) ** -0.5


def gumbel(u, v):
    return np.exp(-np.sqrt(np.log(u) ** 2 + np.log(v) ** 2))


def frank(u, v):
    return -np.log1p(np.expm1(-8 * u) * np.expm1(-8 * v) / np.expm1(-8.0)) / 8


COPULAS = [
    ("copula-clayton", clayton, None),
    ("copula-gumbel", gumbel, lambda x: np.exp(-np.exp(-x))),
    ("copula-frank", frank, None),
]


# cells of 0.011 standard deviations lose less than 1e-4 nats, and more where the density peaks in a corner
@pytest.mark.parametrize(("name", "cdf", "margin"), COPULAS)
def test_copulas_by_their_distribution_functions(name, cdf, margin):
    ends = ndtr(np.linspace(-7.5, 7.5, 1400))
    corners = cdf(ends[:, None], ends)
    cells = np.maximum(np.diff(np.diff(corners, axis=0), axis=1), 0.0)
    law = MORE[name]
    assert moments(cells) == pytest.approx((law.information, law.spread), abs=2e-4)
    drawn = law.draw(N, rng=11)
    u, v = (drawn.x, drawn.y) if margin is None else (margin(drawn.x), margin(drawn.y))
    for a, b in ((0.1, 0.1), (0.3, 0.6), (0.9, 0.9), (0.7, 0.2)):
        p = cdf(a, b)
        assert abs(((u < a) & (v < b)).mean() - p) < 4.5 * math.sqrt(p * (1 - p) / N)
        assert abs((u < a).mean() - a) < 4.5 * math.sqrt(a * (1 - a) / N)
        assert abs((v < b).mean() - b) < 4.5 * math.sqrt(b * (1 - b) / N)


def test_clayton_and_frailty_in_closed_form():
    # log 3 - 2 / 3; the lengths of a Student law with two columns a side and one degree of freedom have this copula
    assert MORE["copula-clayton"].information == pytest.approx(math.log(3) - 2 / 3, abs=1e-9)
    assert MORE["copula-clayton"].spread == pytest.approx(Student(2, 1).spread, abs=1e-8)


def test_tables_by_counting():
    # joint probabilities from the draws themselves: cell shares against exp(pointwise) times margins
    law = MORE["table-6-6"]
    drawn = law.draw(N, rng=12)
    codes = (drawn.x * 6 + drawn.y).astype(int)[:, 0]
    for code in np.unique(codes):
        here = codes == code
        product = (drawn.x[:, 0] == code // 6).mean() * (drawn.y[:, 0] == code % 6).mean()
        assert here.mean() == pytest.approx(
            math.exp(drawn.pointwise[here][0]) * product, abs=5 * math.sqrt(here.mean() / N)
        )
    # by hand: sum of p log 4p over (0.7, 0.15, 0.1, 0.05)
    shares = (0.70, 0.15, 0.10, 0.05)
    by_hand = sum(p * math.log(4 * p) for p in shares)
    assert MORE["copula-checkerboard"].information == pytest.approx(by_hand, abs=1e-12)
    spread = math.sqrt(sum(p * math.log(4 * p) ** 2 for p in shares) - by_hand**2)
    assert MORE["copula-checkerboard"].spread == pytest.approx(spread, abs=1e-12)


def test_parity_and_zeros_by_hand():
    # log 2 - H(0.1), and 0.6 of the Gaussian's -log(1 - 0.81) / 2
    assert moments(np.array([[0.45, 0.05], [0.05, 0.45]])) == pytest.approx(
        (MORE["interaction-parity-2-1"].information, MORE["interaction-parity-2-1"].spread), abs=1e-12
    )
    assert MORE["mixed-zeros"].information == pytest.approx(-0.3 * math.log(0.19), abs=1e-12)
    # dropout as a table: an atom and a grid on each side
    t = np.linspace(-9, 9, 500)
    pair = (
        0.42 * multivariate_normal((0, 0), plane(1, 1, 0.95)).pdf(np.stack(np.meshgrid(t, t), -1)) * (t[1] - t[0]) ** 2
    )
    one = norm.pdf(t) * (t[1] - t[0])
    table = np.block([[np.array([[0.12]]), 0.18 * one[None]], [0.28 * one[:, None], pair]])
    assert moments(table) == pytest.approx((MORE["mixed-dropout"].information, MORE["mixed-dropout"].spread), abs=1e-8)


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


@pytest.mark.parametrize("d", [2, 3, 8])
def test_a_flow_can_be_undone(d):
    a = np.random.default_rng(0).standard_normal((2000, d))
    flow = Flow(d, seed=4)
    b = flow(a)
    assert np.abs(flow.inverse(b) - a).max() < 1e-10
    assert np.array_equal(Flow(d, seed=4)(a), b) and not np.allclose(Flow(d, seed=5)(a), b)
    # not near any linear map: the best one leaves a share of the variance
    rest = (
        b
        - np.hstack([a, np.ones((len(a), 1))]) @ np.linalg.lstsq(np.hstack([a, np.ones((len(a), 1))]), b, rcond=None)[0]
    )
    assert rest.var() > 0.05 * b.var()


def test_pieces_are_put_in_another_order():
    normal = norm.ppf([[0.1], [0.3], [0.6], [0.99]])
    assert Shuffle((2, 0, 3, 1))(normal)[:, 0] == pytest.approx([0.6, 0.05, 0.85, 0.49])


def test_margins_of_the_tails():
    u = np.array([[0.1], [0.5], [0.999]])
    assert cauchy_quantile(u)[:, 0] == pytest.approx(cauchy.ppf(u[:, 0]), abs=1e-9)
    assert pareto_margin(norm.ppf(u))[:, 0] == pytest.approx(pareto.ppf(u[:, 0], 1.1), rel=1e-9)


def test_own_laws_are_not_gaussian_copulas():
    """The information of the normal scores falls short of the truth by more than their noise, or there is none."""
    for name, law in MORE.items():
        if law.dim_x > 5 or name.startswith(("high-normal", "tails-", "table", "wide")):
            continue
        drawn = law.draw(N, rng=14)
        scores = norm.ppf((np.hstack([drawn.x, drawn.y]).argsort(0).argsort(0) + 0.5) / N)
        r = np.corrcoef(scores.T)
        d = law.dim_x
        gauss = 0.5 * (np.linalg.slogdet(r[:d, :d])[1] + np.linalg.slogdet(r[d:, d:])[1] - np.linalg.slogdet(r)[1])
        assert law.information - gauss > 4 * law.spread / math.sqrt(N), name


def test_some_columns_are_bent_and_the_others_left():
    a = np.random.default_rng(0).standard_normal((50, 3))
    assert Shear(5.0, 3.0)(a)[:, 0] == pytest.approx(a[:, 0] + 5 * np.sin(3 * a[:, 1]))
    assert np.array_equal(Shear(5.0, 3.0)(a)[:, 1:], a[:, 1:])
    bent = Columns(half_cube, (2, 0))(a)
    assert np.array_equal(bent[:, 1], a[:, 1])
    assert bent[:, [0, 2]] == pytest.approx(half_cube(a[:, [0, 2]]))


def slope(cdf, u, v, h=1e-5):
    """Law of v given u, from the distribution function."""
    return (cdf(u + h, v) - cdf(u - h, v)) / (2 * h)


@pytest.mark.parametrize(("name", "cdf", "margin"), COPULAS)
def test_copulas_by_derivatives(name, cdf, margin):
    law = MORE[name]
    drawn = law.draw(200_000, rng=15)
    u, v = (a[:, 0] if margin is None else margin(a[:, 0]) for a in (drawn.x, drawn.y))
    inside = (np.minimum(u, v) > 0.02) & (np.maximum(u, v) < 0.98)
    u, v, pointwise = u[inside], v[inside], drawn.pointwise[inside]
    # v given u is uniform after its own law; u was cut, and v with it, so the ends of the law of v are known too
    low, high = slope(cdf, u, 0.02), slope(cdf, u, 0.98)
    assert kstest((slope(cdf, u, v) - low) / (high - low), "uniform").pvalue > 1e-4
    h = 1e-4
    density = (slope(cdf, u, v + h) - slope(cdf, u, v - h)) / (2 * h)
    assert np.abs(np.log(density) - pointwise).max() < 1e-3


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
