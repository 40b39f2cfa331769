"""What a model is worth on fresh records, by the answers it releases."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from mid.attacks.attribute import Records, SensitiveAttribute
from mid.attacks.predictor import Predictor

__all__ = ["utility_of"]


def utility_of(model: Any, attribute: SensitiveAttribute, records: Records, seed: int) -> tuple[float, float]:
    """R2 of a regressor or accuracy of a classifier, and that of the best constant.

    Parameters
    ----------
    model : estimator or Target
        Fitted.
    attribute : SensitiveAttribute
        Says in what form the model is asked.
    records : Records
        Fresh ones.
    seed : int
        Of the release's noise.

    Returns
    -------
    tuple of two floats
        Of the model, from one draw of each answer, and of the constant.
    """
    target = Predictor(model)
    asked = attribute.asked(records.X)
    if getattr(model, "classes_", None) is None:
        values = target.release(asked, output="values", queries=1, access="sampled", rng=seed)
        return float(r2_score(records.y, values)), 0.0
    labels = target.release(asked, output="labels", queries=1, access="sampled", rng=seed)
    _, counts = np.unique(records.y, return_counts=True)
    return float(accuracy_score(records.y, labels)), float(counts.max() / counts.sum())
