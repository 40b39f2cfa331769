"""The k-nearest-neighbour estimator of Kraskov, Stögbauer and Grassberger."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from infocore._validate import Floats, Ints, Pair, paired
from infocore.errors import DegenerateWarning, ParameterError
from infocore.estimators._base import Doubt, FitFree, Terms
from infocore.estimators._doubts import EXACT, FEW_COLUMNS, about_neighbours, repeats
from infocore.estimators._ksg import (
    Margins,
    bias_power,
    check_k,
    check_workers,
    extrapolation_weights,
    ksg_terms,
    ksg_values,
    prepared,
)
from infocore.estimators._neighbours import (
    Searched,
    counts_within,
    joint_counts,
    k_nearest,
    kernel_for,
    standardised,
)
from infocore.estimators._orders import mean_of_order
from infocore.estimators._theiler import check_theiler, joint_apart, lost

__all__ = ["KSG", "Extrapolation", "Margins", "ksg_values"]

Extrapolation = Literal["none", "k", "n"]

# Share of rows whose k nearest in a margin are their k nearest jointly, above which a relation looks exact.
LOOKS_EXACT = 0.95
# Multiples of k at which the extrapolation to k = 0 looks, and parts into which that to n = infinity cuts the rows.
MULTIPLES = (1, 2, 4, 7)
PARTS = 2


@dataclasses.dataclass(frozen=True)
class KSG(FitFree):
    r"""Mutual information of continuous variables from k-nearest-neighbour counts.

    .. math::
        \hat I_1 &= \psi(k) + \psi(n) - \langle \psi(n_x + 1) + \psi(n_y + 1) \rangle \\
        \hat I_2 &= \psi(k) - 1/k + \psi(n) - \langle \psi(n_x) + \psi(n_y) \rangle

    Variant 1 counts the others strictly within the joint distance to the k-th neighbour; variant 2 counts within the
    two sides of the box around the k neighbours, its boundary included.

    Parameters
    ----------
    k : int
        Neighbours. Fewer: less bias, more spread.
    variant : {1, 2}
        Formula.
    margins : {"standard", "rank", "none"}
        "standard": every column is scaled to standard deviation 1, so that units do not matter. "rank": every column is
        replaced by the normal scores of its ranks, so that no increasing map of a column matters and heavy tails do no
        harm. "none": the columns as they are.
    extrapolate : {"none", "k", "n"}
        "k": the intercept of a line through the estimates at k, 2 k, 4 k and 7 k, over a power of k / n that
        `diagnostics` gives. "n": the same through the estimates of all rows and of halves, over 1 / n. Both take away
        bias and add spread, "n" much more. They need variant 1.
    workers : int
        Threads of the searches; -1 for all.
    theiler : int
        For series, rows in the order of time: rows this many steps from a row or nearer are no neighbours of it and are
        not counted [2]_, and n is, for each row, one more than the others that are left. 0 leaves none out. More
        needs variant 1 and no extrapolation.

    Notes
    -----
    The standard error adds :math:`\psi'(k)` to the variance of a term, for neighbours share their fluctuations. This is
    measured, not proved: on Gaussian laws at n = 1000 and k = 3 it is 0.98 to 1.09 of the true spread, where the terms
    alone give 0.7 to 0.9 and so does subsampling. It knows nothing of bias.

    Extrapolation, measured (bias / spread in nats, k = 3; n = 1000 with 60 seeds, n = 10 000 with 10):

    ==================  =====  =======  ================  ================  ================
    law                 truth  n        none              "k"               "n"
    ==================  =====  =======  ================  ================  ================
    normal 1 + 1        0.830  1000     +0.008 / 0.034    +0.015 / 0.038    +0.004 / 0.064
    uniform noise       1.709  1000     -0.052 / 0.026    +0.006 / 0.031    +0.001 / 0.068
    (half-width 0.1)           10 000   -0.014 / 0.010    +0.004 / 0.011    +0.009 / 0.027
    normal 2 + 2        1.661  1000     -0.032 / 0.046    +0.023 / 0.047    +0.040 / 0.065
    normal 3 + 3        0.669  1000     -0.064 / 0.042    +0.004 / 0.046    +0.014 / 0.082
    normal 3 + 3        2.491  1000     -0.326 / 0.050    -0.056 / 0.057    +0.012 / 0.085
    .                          10 000   -0.076 / 0.016    +0.041 / 0.019    +0.056 / 0.024
    normal 5 + 5        1.116  1000     -0.331 / 0.037    -0.061 / 0.055    -0.032 / 0.118
    .                          10 000   -0.180 / 0.011    -0.014 / 0.013    -0.001 / 0.029
    normal 5 + 5        4.152  1000     -1.513 / 0.043    -0.538 / 0.068    -0.362 / 0.134
    .                          10 000   -0.826 / 0.015    -0.123 / 0.020    -0.049 / 0.030
    ==================  =====  =======  ================  ================  ================

    It helps at hard edges of the support and from 3 + 3 columns on, costs a tenth of the spread in 1 + 1, and is no use
    for normal 2 + 2, where there is little bias to take away. Its powers were chosen on these laws.

    Never above :math:`\psi(n) - \psi(k)` (variant 1; variant 2 at most :math:`\psi(n) - \psi(k) - 1/k`), which is its
    cap. Low in many dimensions and for strong dependence: 0.87 of 2.23 nats in 10 + 10 dimensions at n = 1000. Values
    that occur twice break it: use `MixedKSG`.

    In more than four columns, and for large values, k is compared with 2 k neighbours: ``diagnostics["notes"]`` and a
    warning say where the relation looks deterministic, monotone or not, and where the value reads low.

    Rows that follow each other in a series are near each other in every column, which reads as information. A window of
    about the lag at which autocorrelations have fallen to 1/e takes that away. What is left reads a little low, for
    neighbours bring along rows that follow them. A window mends no interval: give `blocks` besides. Two autoregressive
    series, bias in nats over 200 samples without, and with ``theiler=10``, whose spread is up to a seventh larger:

    ===========  ===========  =====  ================  ================
    coefficient  correlation  truth  n = 1000          n = 300
    ===========  ===========  =====  ================  ================
    0.9          0.6          0.223  +0.036, -0.007    +0.067, -0.030
    0.8          0.6          0.223  +0.010, -0.003    +0.019, -0.016
    0.8          0            0      +0.010, -0.005    +0.027, -0.009
    ===========  ===========  =====  ================  ================

    With a window, 2 `theiler` more neighbours are looked for, by scipy's tree, compiled kernels or not.

    With numba, the extra ``[fast]``, the searches of variant 1 are compiled, with equal results: from 2000 rows on, or
    at any size once it is loaded. Loading takes about a second, and the first search of a machine in a new number of
    columns some 2 to 5 s of compiling, which numba keeps on disk.

    References
    ----------
    .. [1] A. Kraskov, H. Stögbauer, P. Grassberger, "Estimating mutual information", Phys. Rev. E 69, 066138, 2004,
       eq. 8 and 9.
    .. [2] J. Theiler, "Spurious dimension from correlation algorithms applied to limited time-series data", Phys. Rev.
       A 34, 2427, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> print(KSG().estimate(x, x + rng.standard_normal(2000)))  # truth 0.347
    0.342 nats (90% CI 0.301 to 0.382, n=2000, ksg)
    """

    k: int = 3
    variant: Literal[1, 2] = 1
    margins: Margins = "standard"
    extrapolate: Extrapolation = "none"
    workers: int = 1
    theiler: int = 0

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "ksg"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts."""
        return 4

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the pointwise terms, nats."""
        from scipy.special import digamma, polygamma

        self._check(pair.n)
        x, y = prepared(pair, self.margins, self.method)
        n, k = pair.n, self.k
        apart = lost(n, self.theiler)
        cap, noise, extra = digamma(n) - digamma(k) + apart.mean(), float(polygamma(1, k)), dict[str, Any]()
        falls: tuple[float, float] | None = None
        plain: Floats | None = None
        kept: list[Searched] = []
        if self.variant == 1:
            ks = [k * m for m in MULTIPLES] if self.extrapolate == "k" else [k]
            kernel = kernel_for(n, x.shape[1] + y.shape[1])
            # what twice the neighbours say is looked at in many columns, and costs little here if all distances are
            # formed anyway; else `doubts` asks for it at some rows
            if self.theiler or (kernel.endswith("distances") and self.extrapolate == "none" and n >= 2 * k + 2):
                ks = [k, 2 * k]
            if self.theiler:
                joint = joint_apart(x, y, np.array(ks), self.theiler, workers=self.workers)
                extra["theiler"] = self.theiler
            else:
                joint = joint_counts(x, y, np.array(ks), workers=self.workers, kept=kept)
                extra["kernel"] = kernel
            every = ksg_terms(joint, np.array(ks)) + apart[:, None]
            pointwise, radii = every[:, 0], joint.radii[:, 0]
            plain = pointwise
            nx, ny = (np.maximum(a[:, 0], 1) for a in (joint.nx, joint.ny))
            falls = (float(every[:, 0].mean()), float(every[:, 1].mean())) if len(ks) > 1 else None
            if self.extrapolate == "k":
                weights = extrapolation_weights(np.array(ks), n, x.shape[1] + y.shape[1])
                pointwise = every @ weights
                noise = float(weights @ polygamma(1, np.maximum.outer(ks, ks)) @ weights)
                extra["values"] = dict(zip(ks, every.mean(axis=0).tolist(), strict=True))
                extra["power"] = bias_power(x.shape[1] + y.shape[1])
            elif self.extrapolate == "n":
                pointwise, extra["values"] = _to_infinity(x, y, _halves(pair), k, pointwise, self.workers)
                extra["power"] = bias_power(x.shape[1] + y.shape[1])
        else:
            distances, rows = k_nearest(np.concatenate([x, y], axis=1), k, self.workers)
            radii = distances[:, -1]
            sides = (np.abs(a[rows] - a[:, None, :]).max(axis=(1, 2)) for a in (x, y))
            nx, ny = (
                counts_within(a, side, strict=False, workers=self.workers) - 1
                for a, side in zip((x, y), sides, strict=True)
            )
            pointwise = digamma(k) - 1 / k + digamma(n) - digamma(nx) - digamma(ny)
            cap = cap - 1 / k
        ties = int(np.count_nonzero(radii == 0))
        value, exact = float(pointwise.mean()), float(np.mean(np.minimum(nx, ny) <= k))
        # the first alone also holds where the units differ wildly, and both where values repeat
        looks_exact = exact > LOOKS_EXACT and value > cap / 2 and pair.kinds == {"continuous"}
        low = self.extrapolate == "none" and not looks_exact
        return Terms(
            value,
            pointwise,
            noise=noise,
            cap=None if ties or self.extrapolate != "none" else float(cap),
            strength="heuristic" if x.shape[1] + y.shape[1] > FEW_COLUMNS else "asymptotic",
            diagnostics={
                "k": k,
                "variant": self.variant,
                "margins": self.margins,
                "extrapolate": self.extrapolate,
                "exact_share": exact,
                "rows_with_copies": ties,
                **extra,
            },
            doubts=lambda: _with_exact(
                repeats(pair)
                + about_neighbours(
                    pair,
                    x,
                    y,
                    k,
                    value,
                    low=low,
                    falls=falls,
                    pointwise=plain,
                    kept=kept,
                    scaled=self.margins == "standard",
                ),
                looks_exact,
            ),
        )

    def shuffler(self, x: Any, y: Any) -> Callable[[Ints], float]:
        """Prepare the value as a function of the order of the rows of y, for `infocore.permutation_test`.

        Parameters
        ----------
        x, y : array-like of shape (n,) or (n, d)
            Paired samples.

        Returns
        -------
        callable
            ``f(order)``, with a permutation of 0 .. n-1, is ``estimate(x, y[order]).value``, without what the calls
            would do again: checks, sorted margins, digamma, a standard error.

        Raises
        ------
        ShapeError, NonFiniteError, KindError, TooFewSamplesError, ParameterError
            As `estimate`.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal((2, 500))
        >>> order = rng.permutation(500)
        >>> KSG().shuffler(x, y)(order) == KSG().estimate(x, y[order]).value
        True
        """
        found = paired(x, y, self.method, min_samples=self.min_samples, warn=False)
        self._check(found.n)
        pair = Pair(found.x.informative(), found.y.informative(), found.flags)
        if not (pair.x.names and pair.y.names):
            return lambda order: 0.0  # noqa: ARG005 - a side that never changes says nothing in any order
        if self.variant != 1 or self.extrapolate == "n" or self.theiler:
            side = pair.y
            return lambda order: (
                self.terms(Pair(pair.x, dataclasses.replace(side, values=side.values[order]), pair.flags)).value
            )
        given, (a, b) = pair.y.numbers(self.method), prepared(pair, self.margins, self.method)

        def moved(order: Ints) -> Floats:
            # sums round with the order of the rows, and on a grid the last bit says who is within
            return standardised(given[order]) if self.margins == "standard" else b[order]

        ks = np.array([self.k * m for m in MULTIPLES] if self.extrapolate == "k" else [self.k])
        weights = extrapolation_weights(ks, pair.n, a.shape[1] + b.shape[1]) if len(ks) > 1 else np.ones(1)
        return mean_of_order(a, b, moved, ks, weights, self.workers)

    def _check(self, n: int) -> None:
        if self.variant not in (1, 2):
            raise ParameterError(f"ksg: `variant` must be 1 or 2; got {self.variant!r}.")
        if self.extrapolate not in get_args(Extrapolation):
            raise ParameterError(f'ksg: `extrapolate` must be "none", "k" or "n"; got {self.extrapolate!r}.')
        if self.extrapolate != "none" and self.variant != 1:
            raise ParameterError("ksg: `extrapolate` needs variant=1; got variant=2.")
        check_k(self.k, n, self.method)
        check_workers(self.workers, self.method)
        check_theiler(self.theiler, self.k, n, self.method)
        if self.theiler and (self.variant != 1 or self.extrapolate != "none"):
            raise ParameterError(
                f'ksg: `theiler` needs variant=1 and extrapolate="none"; got {self.variant} and {self.extrapolate!r}.'
            )
        if self.extrapolate == "k":
            check_k(self.k * MULTIPLES[-1], n, 'ksg, extrapolate="k"')
        elif self.extrapolate == "n":
            check_k(self.k, n // PARTS, 'ksg, extrapolate="n", each part')


def _with_exact(found: list[Doubt], exact: bool) -> list[Doubt]:
    """Add that a relation looks exact, if its own sign says so and nothing else did."""
    said = any(doubt.text == EXACT for doubt in found)
    return [*found, Doubt(EXACT, DegenerateWarning)] if exact and not said else found


def _to_infinity(
    x: Floats, y: Floats, parts: tuple[Ints, ...], k: int, whole: Floats, workers: int
) -> tuple[Floats, dict[int, float]]:
    """Terms, and values at each n, of the intercept of a line in ``n ** -power`` through the whole and its halves."""
    gain = 1 / (len(parts) ** bias_power(x.shape[1] + y.shape[1]) - 1)
    terms = np.empty_like(whole)
    for rows in parts:
        terms[rows] = ksg_terms(joint_counts(x[rows], y[rows], np.array([k]), workers=workers), np.array([k]))[:, 0]
    values = {len(whole): float(whole.mean()), len(whole) // len(parts): float(terms.mean())}
    return whole + gain * (whole - terms), values


def _halves(pair: Pair) -> tuple[Ints, ...]:
    """Rows of each half, by a hash of their values, so that neither their order nor that of the sides matters."""
    bits = np.concatenate([side.numbers("ksg") for side in (pair.x, pair.y)], axis=1).view(np.uint64)
    odd = np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(31))) * odd
    order = np.argsort(((bits ^ (bits >> np.uint64(29))) * odd).sum(axis=1))
    return tuple(order[first::PARTS] for first in range(PARTS))
