"""Values that recur by rounding, copying and single precision, and what the automatic choice makes of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import xlogy
from scipy.stats import poisson

from infocore import mutual_information
from infocore._validate import paired, sample
from infocore.errors import DegenerateWarning, NonFiniteError
from infocore.estimators import AutoMI
from infocore.estimators._auto.rounded import spread


def normals(n: int, d: int, rho: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal((2, n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * noise


def test_a_column_with_hardly_a_repeat_is_continuous():
    a = np.random.default_rng(0).standard_normal(2000)
    for copies, kind in ((1, "continuous"), (2, "continuous"), (3, "mixed")):
        b = a.copy()
        b[1 : 1 + copies] = b[0]
        checked = sample(b, "c", "x")
        assert (checked.kinds, checked.recurring) == ((kind,), (True,)), copies
    for pairs, kind in ((100, "continuous"), (101, "mixed")):  # a tenth of the rows
        b = a.copy()
        b[:pairs] = b[1000 : 1000 + pairs]
        assert sample(b, "c", "x").kinds == (kind,), pairs
    assert sample(a, "c", "x").recurring == (False,)
    whole = np.arange(2000)
    whole[0] = 5
    assert sample(whole, "c", "x").kinds == ("continuous",)  # integers are counted another way


def test_copied_rows_are_counted_in_continuous_columns_too():
    x, y = normals(500, 1, 0.5)
    x[1], y[1] = x[0], y[0]
    assert paired(x, y, "who").flags == ("1 repeated rows",)
    y[1] += 1
    assert paired(x, y, "who").flags == ()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda a: np.concatenate([a[1:2], a[1:]]), id="a row twice"),
        pytest.param(lambda a: a.astype(np.float32), id="single precision"),
        pytest.param(lambda a: a.round(6), id="six decimals"),
        pytest.param(lambda a: a.round(2), id="two decimals"),
        pytest.param(lambda a: a.round(1), id="one decimal"),
        pytest.param(lambda a: np.vectorize(lambda v: float(f"{v:.3g}"))(a), id="three digits"),
        pytest.param(lambda a: np.rint(1000 * a).astype(int), id="whole numbers"),
    ],
)
def test_repeats_do_not_ruin_many_columns(spoil):
    x, y = normals(2000, 5, 0.7)
    clean = AutoMI(fast=True).estimate(x, y)
    e = AutoMI(fast=True).estimate(spoil(x), spoil(y))
    # neighbours and classes together read 0.4 to 0.5 nats less; a decimal loses 0.01 of 1.76 nats
    assert abs(e.value - clean.value) < 0.02
    assert e.method == clean.method == "t-copula"


def test_moving_rounded_numbers_can_be_undone_and_says_so():
    x, y = (a.round(1) for a in normals(1000, 2, 0.5))
    moved, names = spread(paired(x, y, "c"), np.random.default_rng(0))
    assert names == ["x0", "x1", "y0", "y1"]
    for before, after in ((x, moved.x), (y, moved.y)):
        assert after.kinds == ("continuous", "continuous")
        # cells end half way to the next value that occurs, so the nearest value of a column is what it was
        for j in (0, 1):
            values = np.unique(before[:, j])
            nearest = values[np.abs(after.values[:, j, None] - values).argmin(axis=1)]
            np.testing.assert_array_equal(nearest, before[:, j])
            assert len(np.unique(after.values[:, j])) == 1000
    e = AutoMI(fast=True).estimate(x, y)
    assert "moved at random within a step, which changes no information: x0, x1, y0, y1" in e.diagnostics["notes"][0]
    assert e.diagnostics["kinds"]["x"] == {"x0": "mixed", "x1": "mixed"}
    assert e.diagnostics["moved"] == ["x0", "x1", "y0", "y1"]
    assert AutoMI(fast=True).fit_estimate(x, y, rng=0).value == e.value


@pytest.mark.parametrize("kind", ["text", "atom", "copies", "class"])
def test_what_is_not_rounding_is_left_alone(kind):
    x, y = normals(1000, 1, 0.5)
    x = x[:, 0]
    odd = {
        "text": np.array([f"{v:.1f}" for v in x]),
        "atom": np.maximum(x, -0.8).round(2),  # a fifth of the rows
        "copies": np.repeat(x[:200], 5),
        "class": x > 0,
    }[kind]
    pair = paired(odd, y.round(1), "c")
    assert spread(pair, np.random.default_rng(0)) == (pair, [])
    assert AutoMI(fast=True).estimate(odd, y.round(1)).method == "mixed"


def test_information_of_counts_is_that_of_their_table():
    """Poisson numbers of which one holds the other: the sum over their table is the truth, moved or not."""
    a, b = np.arange(40, 180), np.arange(60, 280)
    joint = poisson.pmf(a, 100)[:, None] * poisson.pmf(b[None, :] - a[:, None], 50)
    truth = float(xlogy(joint, joint).sum() - sum(xlogy(p, p).sum() for p in (joint.sum(1), joint.sum(0))))
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(5):
        x = rng.poisson(100, 2000)
        e = AutoMI(fast=True).estimate(x, x + rng.poisson(50, 2000))
        assert e.diagnostics["moved"] == ["x", "y"]
        errors.append(e.value - truth)
    # bias 0.001 and spread 0.022 of one (40 other seeds), so 0.010 of the mean of five
    assert abs(np.mean(errors)) < 0.03, (truth, errors)


def test_neighbours_beside_a_class_in_many_columns_say_that_they_are_far():
    x, y = normals(1000, 12, 0.5)
    frame = pd.DataFrame(x).assign(kind=x[:, 0] > 0)
    with pytest.warns(DegenerateWarning, match="neighbours are too far in 25 columns .* extrapolated"):
        e = AutoMI(fast=True).estimate(frame, y)
    assert e.method == "mixed"
    assert e.strength == "heuristic"
    by_k = e.diagnostics["evidence"]["mixed"]["by_k"]
    assert by_k["3"] < 1.0 < e.value < 2.2  # of 12 times 0.144, 1.73; three samples are read as 1.33, 1.65 and 1.61


def test_labels_that_never_recur_are_no_certain_zero():
    y = np.random.default_rng(0).standard_normal(200)
    with pytest.warns(DegenerateWarning, match="100% of the rows are alone in their class"):
        e = mutual_information(np.arange(200).astype(str), y)
    assert e.strength == "heuristic"
    assert e.ci[1] > np.log(200)  # which is what a label could say


def test_symbols_that_depend_on_the_last_row_are_told():
    rng = np.random.default_rng(0)
    x, y = np.cumsum(rng.random((2, 1000)) < 0.02, axis=1) % 2
    with pytest.warns(DegenerateWarning, match="rows depend on each other in the order given"):
        e = mutual_information(x, y)
    assert (e.method, e.strength) == ("discrete", "heuristic")
    order = rng.permutation(1000)
    assert "rows depend" not in str(mutual_information(x[order], y[order]).diagnostics["notes"])


def test_masked_values_are_missing_values():
    x, y = normals(100, 1, 0.5)
    with pytest.raises(NonFiniteError, match="`x` is masked in 3 of 100 rows"):
        mutual_information(np.ma.array(x, mask=np.arange(100)[:, None] < 3), y)
    assert mutual_information(np.ma.array(x), y).value == mutual_information(x, y).value
