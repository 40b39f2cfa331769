"""The estimators that need no training, what they say, and pairs of normal columns."""

import math
import warnings

import numpy as np

from infocore.estimators import (
    KSG,
    LNC,
    AutoMI,
    DiscreteMI,
    GaussianCopulaMI,
    GaussianMI,
    HistogramMI,
    KozachenkoLeonenkoMI,
    MixedKSG,
    RossMI,
    SlicedMI,
    TCopulaMI,
)

FIT_FREE = {
    "auto": AutoMI(fast=True),
    "gaussian": GaussianMI(),
    "gaussian-copula": GaussianCopulaMI(),
    "t-copula": TCopulaMI(),
    "ksg": KSG(),
    "lnc": LNC(),
    "kozachenko-leonenko": KozachenkoLeonenkoMI(),
    "mixed": MixedKSG(),
    "ross": RossMI(),
    "discrete": DiscreteMI(),
    "histogram": HistogramMI(),
    "sliced": SlicedMI(projections=5),
}


def said(estimator, x, y):
    """The estimate, and everything it says in words: notes, and warnings with their categories."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        e = estimator.fit_estimate(x, y)
    return e, " | ".join(e.diagnostics["notes"]), [(w.category, str(w.message)) for w in caught]


def normal(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x, e = rng.standard_normal((2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * e
