"""Mutual information of discrete variables, by counting."""

import dataclasses

import numpy as np

from infocore._validate import Pair, Sample, codes
from infocore.discrete import Correction, check_correction
from infocore.errors import KindError
from infocore.estimators._base import FitFree, Terms

__all__ = ["DiscreteMI"]


@dataclasses.dataclass(frozen=True)
class DiscreteMI(FitFree):
    r"""Plug-in mutual information of counted pairs, with the Miller-Madow correction.

    .. math:: \hat I = \sum_{xy} \frac{c_{xy}}{n} \log \frac{n\, c_{xy}}{c_x c_y} - \frac{K_{xy} - K_x - K_y + 1}{2n}

    Parameters
    ----------
    correction : {"miller-madow", "none"}
        Whether the last term, with the numbers of cells, rows and columns seen, is there.

    Notes
    -----
    Several columns on a side form one variable. The cap is ``min(log Kx, log Ky)`` plus the most the correction can
    add, ``(min(Kx, Ky) - 1) / 2n``. The correction removes the bias to first order; where most cells hold one
    count or none it removes too little, and ``diagnostics["mean_count"]`` says so.

    References
    ----------
    .. [1] G. Miller, "Note on the bias of information estimates", in Information Theory in Psychology, 1955.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.repeat(["a", "b", "c"], 100)
    >>> round(DiscreteMI("none").estimate(x, x).value, 6)  # log 3
    1.098612
    """

    correction: Correction = "miller-madow"

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "discrete"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts."""
        return 2

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the pointwise information of each row, nats."""
        check_correction(self.correction, self.method)
        for side in (pair.x, pair.y):
            _refuse_continuous(side, self.method)
        n = pair.n
        (x, size_x), (y, size_y) = codes(pair.x.values), codes(pair.y.values)
        if size_x * size_y <= max(4 * n, 1 << 20):
            joint = x * size_y + y
            cxy = np.bincount(joint, minlength=size_x * size_y)
        else:
            _, joint, cxy = np.unique(x * size_y + y, return_inverse=True, return_counts=True)
        log_xy, log_x, log_y = (
            np.log(np.maximum(c, 1)) for c in (cxy, np.bincount(x), np.bincount(y))
        )  # a cell that is empty has no row to ask for it
        pointwise = np.log(n) + log_xy[joint] - log_x[x] - log_y[y]
        kx, ky, kxy = (int(np.count_nonzero(c)) for c in (np.bincount(x), np.bincount(y), cxy))
        shift = 0.0 if self.correction == "none" else (kxy - kx - ky + 1) / (2 * n)
        cap = np.log(min(kx, ky)) + (0.0 if self.correction == "none" else (min(kx, ky) - 1) / (2 * n))
        return Terms(
            float(pointwise.mean()) - shift,
            pointwise,
            degrees=(kx - 1) * (ky - 1),
            cap=float(cap),
            diagnostics={
                "alphabets": [kx, ky],
                "cells": kxy,
                "mean_count": n / kxy,
                "correction": self.correction,
                "bias_removed": shift,
            },
        )


def _refuse_continuous(side: Sample, caller: str) -> None:
    names = [name for name, kind in zip(side.names, side.kinds, strict=True) if kind == "continuous"]
    if names:
        raise KindError(
            f"{caller}: no value of column(s) {', '.join(names)} occurs twice, so there is nothing to count; use "
            'method="ksg" or "mixed", or bin them first.'
        )
