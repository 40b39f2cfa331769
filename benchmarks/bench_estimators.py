"""The torch-free estimators beside scikit-learn's: same samples, same k, in turn; values printed beside times."""

import numpy as np
from compare import arguments, in_turn, report
from sklearn.feature_selection import mutual_info_regression
from sklearn.metrics import mutual_info_score

from infocore.estimators import KSG, DiscreteMI


def bivariate(n: int, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a bivariate normal sample."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)


def zipf(n: int, symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two dependent series of Zipf symbols."""
    rng = np.random.default_rng(0)
    law = 1 / np.arange(1, symbols + 1)
    x = rng.choice(symbols, n, p=law / law.sum())
    return x, np.where(rng.random(n) < 0.7, x, rng.permutation(x))


def bare_bincount(x: np.ndarray, y: np.ndarray, symbols: int) -> float:
    """Return plug-in MI by one bincount of the joint code: the least that reading the data can cost."""
    p = np.bincount(x * symbols + y, minlength=symbols**2).reshape(symbols, symbols) / len(x)
    q = p.sum(1, keepdims=True) * p.sum(0)
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / q[seen])))


if __name__ == "__main__":
    options = arguments(__doc__)
    for n in (1_000, 10_000, 100_000):
        x, y = bivariate(n, 0.6)
        runs = {
            "infocore KSG(k=3)": lambda x=x, y=y: KSG(k=3).estimate(x, y),
            "scikit-learn mutual_info_regression": lambda x=x, y=y: mutual_info_regression(
                x[:, None], y, n_neighbors=3, random_state=0
            ),
        }
        values = f"{KSG(k=3).estimate(x, y).value:.4f} and {runs['scikit-learn mutual_info_regression']()[0]:.4f}"
        truth = -0.5 * np.log(1 - 0.36)
        report(
            f"KSG 1+1, n = {n}: {values}; true {truth:.4f} nats", in_turn(runs, options.repeats), as_json=options.json
        )
    for symbols in (16, 1_000):
        x, y = zipf(1_000_000, symbols)
        runs = {
            "infocore DiscreteMI": lambda x=x, y=y: DiscreteMI(correction="none").estimate(x, y),
            "one bincount": lambda x=x, y=y, symbols=symbols: bare_bincount(x, y, symbols),
            "scikit-learn mutual_info_score": lambda x=x, y=y: mutual_info_score(x, y),
        }
        values = f"{DiscreteMI(correction='none').estimate(x, y).value:.6f} and {mutual_info_score(x, y):.6f} nats"
        report(
            f"discrete MI, n = 10^6, {symbols} symbols: {values}", in_turn(runs, options.repeats), as_json=options.json
        )
