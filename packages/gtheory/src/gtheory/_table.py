"""What a 2 x 2 table of evidence and hypothesis says, by every measure of confirmation: for one table or many."""

import numpy as np
from numpy.typing import ArrayLike

from infocore.semantic import Floats

__all__ = ["LOGARITHMS", "MARGINS", "measures"]

LOGARITHMS = ("R", "L")
# The margins that must not be empty for a measure to be defined.
MARGINS: dict[str, tuple[str, ...]] = {
    "b1": ("h1", "h0", "e1"), "b0": ("h1", "h0", "e0"), "c1": ("e1",), "c0": ("e0",),
    "F1": ("h1", "h0", "e1"), "F0": ("h1", "h0", "e0"),
    "D": ("e1",), "M": ("h1",), "R": ("h1", "e1"), "C": (), "Z": ("h1", "h0", "e1"), "S": ("e1", "e0"),
    "N": ("h1", "h0"), "L": ("h1", "h0", "e1"),
    "sensitivity": ("h1",), "specificity": ("h0",), "ppv": ("e1",), "npv": ("e0",), "lr": ("h1", "h0", "e1"),
}  # fmt: skip


def measures(a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike) -> dict[str, Floats]:
    """Return each measure by name; NaN where undefined, logarithms in nats.

    Parameters
    ----------
    a, b, c, d : arrays of one shape
        Counts or probabilities of (e1, h1), (e0, h1), (e1, h0), (e0, h0); finite, not negative, not all 0.

    Returns
    -------
    dict of str to ndarray of that shape
    """
    a, b, c, d = (np.asarray(cell, dtype=np.float64) for cell in (a, b, c, d))
    n, h1, h0, e1, e0 = a + b + c + d, a + b, c + d, a + c, b + d
    cross = a * d - b * c
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = cross / n / e1
        found = {
            "b1": cross / np.maximum(a * h0, c * h1),
            "b0": cross / np.maximum(d * h1, b * h0),
            "c1": (a - c) / np.maximum(a, c),
            "c0": (d - b) / np.maximum(d, b),
            "F1": cross / (a * h0 + c * h1),
            "F0": cross / (d * h1 + b * h0),
            "D": gain,
            "M": cross / n / h1,
            "R": np.log(a * n / (e1 * h1)),
            "C": cross / n**2,
            "Z": gain * n / np.where(cross >= 0, h0, h1),
            "S": a / e1 - b / e0,
            "N": a / h1 - c / h0,
            "L": np.log(a * h0 / (c * h1)),
            "sensitivity": a / h1,
            "specificity": d / h0,
            "ppv": a / e1,
            "npv": d / e0,
            "lr": a * h0 / (c * h1),
        }
    empty = {"h1": h1 == 0, "h0": h0 == 0, "e1": e1 == 0, "e0": e0 == 0}
    for name, margins in MARGINS.items():
        for margin in margins:
            found[name] = np.where(empty[margin], np.nan, found[name])
    return found
