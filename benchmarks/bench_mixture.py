"""Mixtures by channel matching against scikit-learn's EM: time an iteration, iterations, and time to the same fit.

`python benchmarks/bench_mixture.py --json > benchmarks/results/mixture.jsonl`

100,000 rows in 8 columns from 5 normal components, apart or overlapping; every fit has the same start and tolerance of
1e-5 nats in the mean log likelihood. Titles tell iterations and the mean log likelihood reached. One thread.
"""

import time
import warnings

import numpy as np
from compare import arguments, in_turn, report
from sklearn.mixture import GaussianMixture

from gtheory.learning import CMMixture

K, D, N, TOL = 5, 8, 100_000, 1e-5


def sample(apart: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, and the means to start from."""
    means = rng.normal(0, apart, (K, D))
    counts = rng.multinomial(N, [0.4, 0.25, 0.2, 0.1, 0.05])
    x = np.concatenate([rng.normal(m, 1, (c, D)) for m, c in zip(means, counts, strict=True)])
    return x, means + rng.normal(0, 0.5, (K, D))


def main() -> None:
    """Fit in turn."""
    options = arguments(__doc__)
    warnings.simplefilter("ignore")
    for name, apart in (("apart", 2.0), ("overlapping", 1.0)):
        x, means = sample(apart, np.random.default_rng(0))
        shared = {"means_init": means, "weights_init": np.full(K, 1 / K), "tol": TOL, "max_iter": 300}
        models = {
            "CMMixture, n_inner=1 (EM)": CMMixture(K, n_inner=1, covariances_init=[np.eye(D)] * K, **shared),
            "CMMixture, n_inner=3 (E3M)": CMMixture(K, n_inner=3, covariances_init=[np.eye(D)] * K, **shared),
            "CMMixture, n_inner=10": CMMixture(K, n_inner=10, covariances_init=[np.eye(D)] * K, **shared),
            "scikit-learn GaussianMixture": GaussianMixture(K, precisions_init=[np.eye(D)] * K, **shared),
        }
        each, told = {}, []
        for label, model in models.items():
            model.fit(x)
            start = time.process_time()
            model.fit(x)
            each[label] = (time.process_time() - start) / model.n_iter_
            told.append(f"{label}: {model.n_iter_} iterations, {model.score(x):.6f}")
        first = next(iter(each.values()))
        told += [f"time an iteration over the first's: {', '.join(f'{t / first:.2f}' for t in each.values())}"]
        fits = {label: (lambda model=model, x=x: model.fit(x)) for label, model in models.items()}
        report(f"{name}; {'; '.join(told)}", in_turn(fits, 3), as_json=options.json)


if __name__ == "__main__":
    main()
