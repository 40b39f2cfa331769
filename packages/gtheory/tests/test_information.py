"""G beside R: golden values, units, the forecast optimum, the hierarchy of bounds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from gtheory import optimal_truth, semantic_bayes, semantic_information, truth, truth_matrix
from gtheory.information import semantic_distortion
from infocore import bounds
from infocore.errors import InvalidDistributionError, NonFiniteError, ParameterError

PX = np.array([0.5, 0.5])
TRUTH = np.array([[1.0, 0.2], [0.2, 1.0]])
CH = np.array([[0.9, 0.1], [0.1, 0.9]])


@given(seed=st.integers(0, 10**6))
def test_identities_of_semantic_information(seed):
    rng = np.random.default_rng(seed)
    px, ch = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(4), 6)
    matrix = rng.uniform(0.01, 1.0, (6, 4))
    info = semantic_information(px, matrix, ch, base=math.e)
    joint = px[:, None] * ch
    assert info.semantic_entropy - info.fuzzy_entropy == pytest.approx(info.G, abs=1e-12)
    assert np.sum(joint * semantic_distortion(matrix, math.e)) == pytest.approx(info.fuzzy_entropy, abs=1e-12)
    assert info.py @ info.per_label == pytest.approx(info.G, abs=1e-12)
    predicted, actual = semantic_bayes(px, matrix), joint / info.py
    divergences = np.sum(actual * np.log(actual / predicted), axis=0)
    assert info.py @ divergences == pytest.approx(info.loss, abs=1e-12)
    assert info.loss >= -1e-12
    # most semantic information is most likelihood: they differ by the entropy of x
    assert np.sum(joint * np.log(predicted)) == pytest.approx(info.G + np.sum(px * np.log(px)), abs=1e-12)
    np.testing.assert_allclose(info.pointwise, np.log(predicted / px[:, None]), atol=1e-12)
    assert info.efficiency == pytest.approx(info.G / info.R)


def test_a_label_used_of_what_it_is_false_of_costs_everything():
    info = semantic_information(PX, np.eye(2), CH)
    assert (info.G, info.loss, info.efficiency, info.fuzzy_entropy) == (-math.inf, math.inf, -math.inf, math.inf)
    assert info.per_label.tolist() == [-math.inf, -math.inf]
    assert info.pointwise.tolist() == [[1.0, -math.inf], [-math.inf, 1.0]]
    # not where it is never so used
    assert semantic_information(PX, np.eye(2), np.eye(2)).G == 1.0


def test_a_label_false_everywhere_may_not_be_used():
    false = np.array([[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(InvalidDistributionError, match="label 1 false wherever"):
        semantic_information(PX, false, CH)
    unused = semantic_information(PX, false, [[1.0, 0.0], [1.0, 0.0]])
    assert unused.G == 0.0
    assert np.isnan(unused.pointwise[:, 1]).all() and math.isnan(unused.per_label[1])


def test_distortion_is_the_logarithm_of_truth_and_back():
    np.testing.assert_allclose(semantic_distortion(TRUTH), -np.log2(TRUTH))
    np.testing.assert_allclose(semantic_distortion(np.log(TRUTH), 10, log=True), -np.log10(TRUTH))
    np.testing.assert_allclose(truth.from_distortion(semantic_distortion(TRUTH, math.e)), TRUTH)
    assert semantic_distortion([[0.0, 1.0]]).tolist() == [[math.inf, 0.0]]
    assert not np.signbit(semantic_distortion([[1.0 + 1e-9]]))
    with pytest.raises(ParameterError, match="semantic_distortion: `base`"):
        semantic_distortion(TRUTH, 1)
    with pytest.raises(NonFiniteError, match="semantic_distortion: `truth`"):
        semantic_distortion([[math.nan]])
    with pytest.raises(InvalidDistributionError, match="semantic_distortion: `truth`"):
        semantic_distortion([[2.0]])


def test_units_are_carried_and_convert():
    bits, nats = semantic_information(PX, TRUTH, CH), semantic_information(PX, TRUTH, CH, base=math.e)
    assert (bits.unit, nats.unit, semantic_information(PX, TRUTH, CH, base=10).unit) == ("bits", "nats", "hartleys")
    assert semantic_information(PX, TRUTH, CH, base=3).unit == "units of log 3"
    for name in ("G", "R", "loss", "semantic_entropy", "fuzzy_entropy"):
        assert getattr(bits, name) * math.log(2) == pytest.approx(getattr(nats, name), abs=1e-15)
    np.testing.assert_allclose(bits.pointwise * math.log(2), nats.pointwise)
    np.testing.assert_allclose(bits.per_label * math.log(2), nats.per_label)
    assert bits.efficiency == pytest.approx(nats.efficiency)
    assert pytest.approx(bits.R - bits.loss) == bits.G
    with pytest.raises(ParameterError, match="`base` must be above 1"):
        semantic_information(PX, TRUTH, CH, base=1)


def test_efficiency_is_undefined_where_the_rate_is_zero():
    info = semantic_information(PX, TRUTH, [[0.3, 0.7], [0.3, 0.7]])
    assert math.isnan(info.efficiency)
    assert info.G < 0  # labels that say something and carry nothing mislead


def test_without_a_channel_a_partition_is_its_own_and_anything_else_is_refused():
    # three x in a crisp partition of two: G = R = H(py)
    info = semantic_information([0.25, 0.25, 0.5], [[1, 0], [1, 0], [0, 1]])
    assert pytest.approx(1.0) == info.G == pytest.approx(info.R)
    fuzzy = semantic_information(PX, np.log(CH), log=True)
    assert fuzzy.G == pytest.approx(fuzzy.R) == pytest.approx(semantic_information(PX, CH, CH).R)
    with pytest.raises(ParameterError, match="`ch` can be left out only where the rows of `truth` sum to 1"):
        semantic_information(PX, TRUTH)


@pytest.mark.parametrize(
    ("disbelief", "true", "false"),
    # grid 0..100 step 0.05, set |x - 50| < 5, in bits
    [(0.0, 3.32988, -math.inf), (0.001, 3.31688, -6.64891), (0.1, 2.39969, -0.92224), (0.5, 0.86322, -0.13678)],
)
def test_disbelief_makes_falsehood_affordable(disbelief, true, false):
    x = np.arange(2001) * 0.05
    inside = truth.Crisp(lambda v: np.abs(v - 50) < 5 - 1e-9)
    matrix = truth_matrix([truth.Disbelief(inside, disbelief)], x)
    info = semantic_information(np.full(2001, 1 / 2001), matrix, np.ones((2001, 1)))
    assert info.pointwise[1000, 0] == pytest.approx(true, abs=1e-4)
    assert info.pointwise[0, 0] == pytest.approx(false, abs=1e-4)


@pytest.mark.parametrize(("bias", "sd", "bits"), [(0.0, 2.0, 3.597482), (1.5, 2.5, 3.275554)])
def test_the_best_width_of_a_reading_is_its_root_mean_square_error(bias, sd, bits):
    x = np.arange(2001) * 0.05
    given_label = np.exp(-((x - 50 - bias) ** 2) / (2 * 2.0**2))
    ch = np.stack([given_label, 1 - given_label], 1)  # the other label takes the rest, and says nothing

    def information(width):
        matrix = np.stack([truth.Gaussian(50.0, width)(x), np.ones(2001)], 1)
        return semantic_information(np.full(2001, 1 / 2001), matrix, ch).per_label[0]

    best = minimize_scalar(lambda width: -information(width), bounds=(1.0, 5.0), options={"xatol": 1e-7})
    assert best.x == pytest.approx(sd, abs=1e-4)
    assert -best.fun == pytest.approx(bits, abs=1e-6)


@given(seed=st.integers(0, 10**6), size=st.integers(1, 8))
def test_a_critic_on_a_batch_has_the_information_of_the_score_matrix(seed, size):
    scores = 4 * np.random.default_rng(seed).standard_normal((size, size))
    g = semantic_information(np.full(size, 1 / size), truth.from_scores(scores), np.eye(size), base=math.e).G
    assert g == pytest.approx(float(bounds.semantic(scores)), abs=1e-12)
    assert g == pytest.approx(float(bounds.infonce(scores.T)), abs=1e-12)


RHO = 0.8
GRID = np.linspace(-7, 7, 351)


def hierarchy(scores):
    """G in the package, DV and NWJ by grid integration, for a critic on GRID x GRID under the bivariate normal."""
    px = np.exp(-(GRID**2) / 2)
    px /= px.sum()
    ch = np.exp(-((GRID - RHO * GRID[:, None]) ** 2) / (2 * (1 - RHO**2)))
    ch /= ch.sum(1, keepdims=True)
    info = semantic_information(px, truth.from_scores(scores, log=True), ch, base=math.e, log=True)
    mean, z, py = np.sum(px[:, None] * ch * scores), px @ np.exp(scores), px @ ch
    return mean - py @ z + 1, mean - math.log(py @ z), info


@pytest.mark.parametrize(
    ("slope", "sd", "nwj", "dv", "g"),
    [(RHO, 0.6, 0.0757, 0.3574, 0.3999), (RHO, 0.8, 0.1889, 0.3540, 0.3844), (1.0, 0.75, 0.1759, 0.4026, 0.4753)],
)
def test_hierarchy_of_bounds_for_one_critic(slope, sd, nwj, dv, g):
    got_nwj, got_dv, info = hierarchy(-((GRID[:, None] - slope * GRID) ** 2) / (2 * sd**2))
    assert (got_nwj, got_dv, info.G) == pytest.approx((nwj, dv, g), abs=1e-4)
    assert got_nwj <= got_dv <= info.G <= info.R
    assert pytest.approx(0.5108256, abs=1e-6) == info.R  # -log(1 - rho^2) / 2


def test_true_ratio_as_critic_reaches_the_mutual_information():
    ratio = RHO * GRID[:, None] * GRID - RHO**2 * (GRID[:, None] ** 2 + GRID**2) / 2
    _, _, info = hierarchy(ratio / (1 - RHO**2) - 0.5 * math.log(1 - RHO**2))
    assert pytest.approx(info.R, abs=1e-9) == info.G
    ch = np.exp(-((GRID - RHO * GRID[:, None]) ** 2) / (2 * (1 - RHO**2)))
    best = optimal_truth(ch / ch.max())
    px = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()
    assert (px @ best)[175] == pytest.approx(0.6, abs=1e-6)  # T*(theta_y) at y = 0


# means of 60 batches of 512, 5 seeds: bias -0.0004, 0.0011, 0.0018, s.d. 0.0018, 0.0014, 0.0015;
# tolerance: bias + 4 s.d.
def test_bounds_on_samples_meet_the_integrals():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(60):
        x = rng.standard_normal(512)
        y = RHO * x + 0.6 * rng.standard_normal(512)
        scores = -((x[:, None] - RHO * y) ** 2) / (2 * 0.6**2)
        rows.append(
            [float(bounds.semantic(scores)), float(bounds.donsker_varadhan(scores)), float(bounds.nwj(scores + 1))]
        )
    g, dv, nwj = np.mean(rows, axis=0)
    assert g == pytest.approx(0.3999, abs=0.0076)
    assert dv == pytest.approx(0.3574, abs=0.0067)
    assert nwj == pytest.approx(0.0757, abs=0.0078)
