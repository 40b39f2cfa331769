"""KSG mutual information, k = 3: ours, compiled and not, beside every peer that can be imported, in one process.

Run it with OMP_NUM_THREADS=1. Appends a line of JSON for each case to ``benchmarks/results/ksg.jsonl``. Kernels are
loaded, or compiled where numba has not kept them, before the clock starts; what that took is in the line (``load_s``).
"""

import argparse
import datetime
import importlib
import json
import os
import pathlib
import statistics
import sys
import time
import warnings

import numpy as np
import scipy
from compare import in_turn, report

from infocore.estimators import _neighbours
from infocore.estimators.ksg import KSG
from infocore.estimators.pairs import ksg_matrix

K = 3
RESULTS = pathlib.Path(__file__).parent / "results" / "ksg.jsonl"
CASES = {"1+1": (1, 100_000), "3+3": (3, 10_000), "10+10": (10, 10_000), "3+3 large": (3, 100_000)}


def data(d, n):
    rng = np.random.default_rng(1234 + 17 * d + n)
    x = rng.standard_normal((n, d))
    return x, 0.6 * x + 0.8 * rng.standard_normal((n, d))


def without_numba(function):
    """Run a function with the kernels of numpy and scipy."""

    def run(*args):
        real = _neighbours.has_numba
        _neighbours.has_numba = lambda: False
        try:
            return function(*args)
        finally:
            _neighbours.has_numba = real

    return run


def ours(x, y):
    return KSG(K).estimate(x, y).value


def scipy_reference(x, y):
    """What the tree of scipy needs: a search of the joint space and the counts in the margins, and nothing else."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    z = np.hstack([x, y])
    r = cKDTree(z).query(z, k=K + 1, p=np.inf)[0][:, K] * (1 - 1e-10)

    def count(a):
        if a.shape[1] > 1:
            return cKDTree(a).query_ball_point(a, r, p=np.inf, return_length=True)
        ordered, v = np.sort(a[:, 0]), a[:, 0]
        return np.searchsorted(ordered, v + r, "right") - np.searchsorted(ordered, v - r, "left")

    return float(digamma(K) + digamma(len(x)) - np.mean(digamma(count(x)) + digamma(count(y))))


def sklearn(x, y):
    from sklearn.feature_selection import mutual_info_regression

    return float(mutual_info_regression(x, y[:, 0], n_neighbors=K, random_state=0)[0])


def ennemi(x, y):
    import ennemi

    return float(ennemi.estimate_mi(y[:, 0], x[:, 0], k=K)[0, 0])


def infomeasure(x, y):
    import infomeasure

    return float(infomeasure.mutual_information(x, y, approach="ksg", k=K))


def dit(x, y):
    from dit.inference.knn_estimators import total_correlation_ksg

    d = x.shape[1]
    return float(total_correlation_ksg(np.hstack([x, y]), [list(range(d)), list(range(d, 2 * d))], k=K)) * np.log(2)


PEERS = {
    "sklearn": ("sklearn", sklearn),
    "ennemi": ("ennemi", ennemi),
    "infomeasure": ("infomeasure", infomeasure),
    "dit": ("dit", dit),
    "scipy tree (reference)": ("scipy", scipy_reference),
}
ONE_COLUMN = {"sklearn", "ennemi"}
# slower than ten times the fastest at these sizes; a single call would take minutes
TOO_SLOW = {"3+3 large": {"infomeasure", "scipy tree (reference)"}}


def usable(module):
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def record(title, rows, values, **more):
    """Keep a comparison: ratios are our CPU time over the fastest peer's, the target column of the docs."""
    best = min((row["cpu_s"], name) for name, row in rows.items() if name in PEERS and "reference" not in name)
    line = {
        "title": title,
        "date": datetime.date.today().isoformat(),
        "rows": rows,
        "values": values,
        "fastest_peer": best[1],
        "ratio_to_fastest_peer": {n: row["cpu_s"] / best[0] for n, row in rows.items() if n not in PEERS},
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        **more,
    }
    keep(line)


def keep(line):
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as f:
        f.write(json.dumps(line) + "\n")


def one_case(title, repeats):
    d, n = CASES[title]
    x, y = data(d, n)
    forms = {}
    load = None
    if _neighbours.has_numba():
        forms["infocore[fast]"] = ours
        start = time.perf_counter()
        ours(x[:3000], y[:3000])
        _neighbours.joint_counts(x[:3000], y[:3000], np.array([K]), kernel=_neighbours.kernel_for(n, 2 * d))
        load = time.perf_counter() - start
    forms["infocore"] = without_numba(ours)
    for name, (module, function) in PEERS.items():
        if usable(module) and (d == 1 or name not in ONE_COLUMN) and name not in TOO_SLOW.get(title, ()):
            forms[name] = function
    values = {name: float(form(x, y)) for name, form in forms.items()}
    runs = {name: (lambda form=form: form(x, y)) for name, form in forms.items()}
    rows = in_turn(runs, repeats)
    report(f"KSG {title}, n = {n}", rows, as_json=False)
    print("values", {name: round(value, 4) for name, value in values.items()})
    if any(name in rows for name in PEERS if "reference" not in name):
        record(f"KSG {title}, n = {n}, one thread", rows, values, load_s=load)


def all_pairs(repeats, d=100, n=10_000, sampled=100):
    """All pairs at once on two threads; one call a pair is timed on some and multiplied."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((n, d)) + rng.standard_normal((n, 1))
    pairs = [(i, j) for i in range(d) for j in range(i)]
    some = [pairs[i] for i in rng.choice(len(pairs), sampled, replace=False)]
    forms = {"infocore[fast]": lambda f: f} if _neighbours.has_numba() else {}
    for name, wrap in {**forms, "infocore": without_numba}.items():
        matrix, single = wrap(lambda: ksg_matrix(table, K, n_jobs=2)), wrap(ours)
        single(table[:, 0], table[:, 1])
        times = {"matrix": [], "single": [], "sklearn": []}
        for _ in range(repeats):
            start = time.perf_counter()
            matrix()
            times["matrix"].append(time.perf_counter() - start)
            start = time.perf_counter()
            for i, j in some:
                single(table[:, i], table[:, j])
            times["single"].append((time.perf_counter() - start) * len(pairs) / sampled)
            start = time.perf_counter()
            for i, j in some[:20]:
                sklearn(table[:, i, None], table[:, j, None])
            times["sklearn"].append((time.perf_counter() - start) * len(pairs) / 20)
        ratio = {
            name: statistics.median(a / b for a, b in zip(times["matrix"], times[name], strict=True))
            for name in ("single", "sklearn")
        }
        line = {k: statistics.median(v) for k, v in times.items()}
        print(f"\nall pairs of {d} columns, n = {n}, two threads, {name}: {line}, ratio {ratio}")
        keep(
            {
                "title": f"all pairs of {d} columns, n = {n}, two threads",
                "date": datetime.date.today().isoformat(),
                "form": name,
                "wall_s": line,
                "ratio": ratio,
                "load": os.getloadavg()[0],
            }
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each function (default 5)")
    parser.add_argument("--cases", nargs="+", default=[*CASES, "pairs"], choices=[*CASES, "pairs"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for case in options.cases:
        if case == "pairs":
            all_pairs(max(1, options.repeats // 2))
        else:
            one_case(case, options.repeats if CASES[case][0] * CASES[case][1] <= 100_000 else 1)
