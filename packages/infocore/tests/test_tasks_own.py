"""Laws of our own: their values by quadrature, counting, closed forms and their distribution functions."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import k0, ndtr
from scipy.stats import chi, kstest, multivariate_normal, norm, poisson

from infocore.tasks import MORE
from infocore.tasks._elliptical import Student

N = 20_000


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
