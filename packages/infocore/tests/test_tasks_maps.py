"""Maps that bend a law's columns: the reference implementation's values, and their inverses."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import cauchy, norm, pareto

from infocore.tasks import BMI_V1, task
from infocore.tasks._elliptical import Gaussian
from infocore.tasks._flows import Columns, Flow, Shear, Shuffle, cauchy_quantile
from infocore.tasks._flows import pareto as pareto_margin
from infocore.tasks._maps import Spiral, equicorrelated, half_cube, normal_cdf, swiss_roll

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


def test_some_columns_are_bent_and_the_others_left():
    a = np.random.default_rng(0).standard_normal((50, 3))
    assert Shear(5.0, 3.0)(a)[:, 0] == pytest.approx(a[:, 0] + 5 * np.sin(3 * a[:, 1]))
    assert np.array_equal(Shear(5.0, 3.0)(a)[:, 1:], a[:, 1:])
    bent = Columns(half_cube, (2, 0))(a)
    assert np.array_equal(bent[:, 1], a[:, 1])
    assert bent[:, [0, 2]] == pytest.approx(half_cube(a[:, [0, 2]]))
