"""KSG in many orders of y: to the bit what a call for each order gives, with any kernel, on data of any kind."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infocore.errors import KindError, NonFiniteError, ParameterError, TooFewSamplesError
from infocore.estimators import KSG, _neighbours, _orders
from infocore.estimators._neighbours import joint_counts
from infocore.permutation import permutation_test

numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs the extra [fast]")
RNG = np.random.default_rng(0)
N = 300
NORMAL = RNG.standard_normal((2, N))
DATA = {
    "normal": NORMAL,
    "heavy tails": RNG.standard_cauchy((2, N)),
    "uniform and exponential": (RNG.random(N), RNG.standard_exponential(N)),
    "a copy": (NORMAL[0], NORMAL[0].copy()),
    "ranks": (RNG.permutation(N), RNG.permutation(N)),
    "tenths": np.round(NORMAL, 1),
    "counts": RNG.poisson(2.0, (2, N)),
    "few values": (RNG.integers(3, size=N), NORMAL[1]),
    "huge and tiny": (1e200 * NORMAL[0], 1e-200 * NORMAL[1]),
    "three and two columns": (RNG.standard_normal((N, 3)), RNG.standard_normal((N, 2))),
    "one and two columns": (NORMAL[0], RNG.standard_normal((N, 2))),
    "five and five columns": RNG.standard_normal((2, N, 5)),
    "with a constant": (np.stack([NORMAL[0], np.ones(N)], 1), NORMAL[1]),
}
SETTINGS = [
    KSG(),
    KSG(k=1, margins="rank"),
    KSG(k=8, margins="none"),
    KSG(extrapolate="k"),
    KSG(extrapolate="n"),
    KSG(variant=2),
]


@pytest.fixture(params=["numpy", pytest.param("compiled", marks=numba)])
def kernel(request, monkeypatch):
    """Whether compiled kernels are there; they are taken at any size."""
    monkeypatch.setattr(_neighbours, "has_numba", lambda: request.param == "compiled")
    monkeypatch.setattr(_orders, "has_numba", lambda: request.param == "compiled")
    monkeypatch.setattr(_neighbours, "WORTH_COMPILED", 0)
    return request.param


@pytest.mark.filterwarnings("ignore::infocore.errors.DegenerateWarning", "ignore::infocore.errors.SaturationWarning")
@pytest.mark.parametrize("estimator", SETTINGS, ids=str)
@pytest.mark.parametrize("data", DATA)
def test_to_the_bit_what_a_call_gives(data, estimator, kernel):
    x, y = DATA[data]
    value = estimator.shuffler(x, y)
    rng = np.random.default_rng(1)
    orders = [np.arange(N), np.arange(N)[::-1], np.roll(np.arange(N), 7), *(rng.permutation(N) for _ in range(4))]
    for order in orders:
        assert value(order) == estimator.fit_estimate(x, y[order]).value


def test_frames_are_taken_by_row_number():
    x = pd.Series(NORMAL[0], index=np.arange(N)[::-1])
    y = pd.DataFrame({"a": NORMAL[1], "b": NORMAL[0] ** 2}, index=np.arange(N) + 5)
    order = np.random.default_rng(2).permutation(N)
    assert KSG().shuffler(x, y)(order) == KSG().estimate(x.to_numpy(), y.to_numpy()[order]).value


def test_a_side_that_never_changes_says_nothing_in_any_order():
    value = KSG().shuffler(NORMAL[0], np.ones(N))
    assert value(np.arange(N)) == KSG().shuffler(np.ones((N, 2)), NORMAL[0])(np.arange(N)) == 0.0


def test_refusals_are_those_of_the_estimate():
    x, y = NORMAL
    with pytest.raises(NonFiniteError, match="`y`"):
        KSG().shuffler(x, np.where(y > 2, np.nan, y))
    with pytest.raises(KindError, match="text"):
        KSG().shuffler(x, np.where(y > 0, "a", "b"))
    with pytest.raises(TooFewSamplesError, match="k \\+ 2"):
        KSG(k=N).shuffler(x, y)
    with pytest.raises(ParameterError, match="`margins`"):
        KSG(margins="log").shuffler(x, y)


class Plain:
    """KSG without its shuffler."""

    method = "ksg"

    def fit_estimate(self, x, y, rng=0):
        return KSG().fit_estimate(x, y, rng=rng)


@pytest.mark.parametrize("blocks", [None, 20, "circular"])
def test_permutation_test_is_the_same(blocks, kernel):
    x, y = NORMAL[0], NORMAL[1] + 0.3 * NORMAL[0]
    fast, plain = (permutation_test(x, y, e, n=30, rng=3, blocks=blocks) for e in (KSG(), Plain()))
    assert fast.null.tolist() == plain.null.tolist()
    assert fast.p_value == plain.p_value


@numba
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 80), k=st.integers(1, 6), values=st.sampled_from([0, 2, 7, 40]))
def test_compiled_counts_are_those_of_the_tree(seed, n, k, values):
    from infocore.estimators import _fast_orders

    rng = np.random.default_rng(seed)
    k = min(k, n - 2)
    x, y = rng.standard_normal((2, n)) if not values else rng.integers(values, size=(2, n)).astype(float)
    y = np.where(rng.random(n) < rng.random(), x, y)  # also nearly a line, or two
    want = joint_counts(x[:, None], y[:, None], np.array([k]), kernel="tree")
    for kind in ("quicksort", "stable"):  # any of the orders that sort
        orders = np.argsort(x, kind=kind), np.argsort(y, kind=kind)
        nx, ny = _fast_orders.counts(x, y, orders, k)
        assert np.maximum(nx, 0).tolist() == want.nx[:, 0].tolist()
        assert np.maximum(ny, 0).tolist() == want.ny[:, 0].tolist()


@numba
def test_compiled_counts_of_many_rows_and_what_no_window_holds():
    from infocore.estimators import _fast_orders

    rng = np.random.default_rng(0)
    x = rng.standard_normal(3000)
    # strips of one value in y beside which the nearest in x is far off in y: nothing is settled by a window in x
    y = np.where(rng.random(3000) < 0.5, 0.0, 1.0) + 1e-9 * rng.standard_normal(3000)
    for a, b in ((x, y), (y, x), (x, x[::-1].copy())):
        want = joint_counts(a[:, None], b[:, None], np.array([3]), kernel="tree")
        nx, ny = _fast_orders.counts(a, b, (np.argsort(a), np.argsort(b)), 3)
        assert nx.tolist() == want.nx[:, 0].tolist()
        assert ny.tolist() == want.ny[:, 0].tolist()


@numba
def test_compiled_kernels_are_loaded_once_they_pay(monkeypatch):
    used = []
    real = _orders._module()

    class Spy:
        worth = staticmethod(real.worth)

        @staticmethod
        def counts(*args):
            used.append(1)
            return real.counts(*args)

    monkeypatch.setattr(_orders, "_module", lambda: Spy)
    monkeypatch.setattr(_orders, "kernel_for", lambda n, columns: "tree")
    monkeypatch.setattr(_orders, "WORTH_LOADING", 3 * N)
    value = KSG().shuffler(*NORMAL)
    order = np.arange(N)
    found = [value(order) for _ in range(5)]
    assert len(used) == 2  # the fourth and the fifth
    assert len(set(found)) == 1
    # more neighbours in more rows than they are faster for
    monkeypatch.setattr(_orders, "WORTH_LOADING", 0)
    many = KSG(k=60)
    assert many.shuffler(*NORMAL)(order) == many.estimate(*NORMAL).value
    assert len(used) == 2
