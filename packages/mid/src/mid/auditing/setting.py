"""What must be known to get the numbers of an audit or an attack again: model, split, costs, seeds, versions."""

import platform
import time
from typing import Any, cast

import numpy as np

from infocore.report import versions
from mid.attacks.attribute import Records, SensitiveAttribute
from mid.attacks.predictor import Predictor
from mid.attacks.protocols import Output
from mid.auditing.split import Split
from mid.auditing.suite import Facts

__all__ = ["setting_of"]

_TIMED_ROWS = 1000


def setting_of(
    model: Any, attribute: SensitiveAttribute, facts: Facts, split: Split, *, seed: int, ci_level: float
) -> dict[str, Any]:
    """Collect what must be known to get the numbers again.

    Parameters
    ----------
    model : estimator
        The attacked one.
    attribute : SensitiveAttribute
        What is guessed.
    facts : Facts
        Of the model.
    split : Split
        Of the records.
    seed : int
        Of the split and all noise.
    ci_level : float
        Of the intervals.

    Returns
    -------
    dict
        Of plain types; ``"seconds per 1000 answers"`` is the cost of inference, ``"split"`` the rows of each part.
    """
    return {
        "model": repr(model),
        "kind": facts.kind,
        "released": facts.output,
        "noisy": facts.noisy,
        "sensitive": [str(c) for c in attribute.columns],
        "candidates": list(attribute.labels),
        "known records": len(split.known),
        "attacked records": len(split.attacked),
        "attacked training records": 0 if split.members is None else len(split.members),
        "repeated records": split.repeated,
        "seconds per 1000 answers": _cost(model, attribute, split.attacked),
        "seed": seed,
        "ci_level": ci_level,
        "python": platform.python_version(),
        "versions": versions(),
        "split": split.rows,
    }


def _cost(model: Any, attribute: SensitiveAttribute, records: Records) -> float:
    """Median time of 1000 answers at inference."""
    rows = attribute.asked(records.X.head(_TIMED_ROWS))
    target = Predictor(model)
    output = cast("Output", "values" if getattr(model, "classes_", None) is None else "labels")
    seconds: list[float] = []
    for i in range(3):
        began = time.perf_counter()
        target.release(rows, output=output, queries=1, access="sampled", rng=i)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)) * 1000.0 / len(rows)
