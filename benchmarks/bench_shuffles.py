"""A thousand shuffles of KSG, k = 3, as `permutation_test` asks for them: `KSG.shuffler` against a call a shuffle.

`OMP_NUM_THREADS=1 python benchmarks/bench_shuffles.py --repeats 5 --json >> benchmarks/results/shuffles.jsonl`

Every shuffle is a new one: the branches of a search are guessed right when the same thousand rows are searched again,
and the same call then takes half the time. The values are compared before the clock starts; the ratio of the calls to
the shuffler is in the last row. Kernels are loaded before.
"""

import importlib
from collections.abc import Callable

import numpy as np
from compare import arguments, in_turn, report

from infocore.estimators import KSG, _neighbours, _orders

SHUFFLES = 1000
CASES = {"1+1": (1, 1, 1000), "1+1 few": (1, 1, 200), "1+1 many": (1, 1, 10_000), "3+3": (3, 3, 1000)}


def data(dx: int, dy: int, n: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(dx + dy + n)
    x, y = rng.standard_normal((n, dx)), rng.standard_normal((n, dy))
    y[:, 0] += x[:, 0]
    # what more rows take longer for needs no thousand shuffles to be timed
    return x, y, [rng.permutation(n) for _ in range(max(50, SHUFFLES * 1000 // max(n, 1000) // (1 + 2 * (dx > 1))))]


def without_numba(function: Callable[[], object]) -> Callable[[], object]:
    """Run a function with the kernels of numpy and scipy."""

    def run() -> object:
        real = _neighbours.has_numba
        _neighbours.has_numba = _orders.has_numba = lambda: False
        try:
            return function()
        finally:
            _neighbours.has_numba = _orders.has_numba = real

    return run


def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    forms = {"infocore": without_numba}
    if _neighbours.has_numba():
        importlib.import_module("infocore.estimators._fast_orders")
        forms = {"infocore[fast]": lambda f: f, **forms}
    estimator = KSG(3)
    for title, (dx, dy, n) in CASES.items():
        x, y, orders = data(dx, dy, n)
        for form, wrap in forms.items():

            def shuffler(x: np.ndarray = x, y: np.ndarray = y, orders: list[np.ndarray] = orders) -> list[float]:
                value = estimator.shuffler(x, y)
                return [value(order) for order in orders]

            def calls(x: np.ndarray = x, y: np.ndarray = y, orders: list[np.ndarray] = orders) -> list[float]:
                return [estimator.fit_estimate(x, y[order]).value for order in orders]

            same = np.abs(np.array(wrap(shuffler)()) - np.array(wrap(calls)())).max()
            assert same <= 1e-12, f"values differ by {same}"
            rows = in_turn({"shuffler": wrap(shuffler), "a call each": wrap(calls)}, options.repeats)
            report(f"{len(orders)} shuffles of KSG {title}, n = {n}, {form}", rows, as_json=options.json)


if __name__ == "__main__":
    main()
