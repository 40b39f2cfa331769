"""Differential entropy from nearest neighbours, with weights that cancel bias, and the information that follows."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from infocore._validate import Floats, Ints, Pair, sample
from infocore.errors import KindError, ParameterError
from infocore.estimators._base import FitFree, Terms
from infocore.estimators._doubts import about_neighbours, repeats
from infocore.estimators._ksg import Margins, check_k, check_workers, prepared
from infocore.estimators._neighbours import kth_distances

__all__ = ["KozachenkoLeonenkoMI", "kl_entropy", "kl_weights"]

Norm = Literal["max", "euclidean"]


def kl_weights(k: int, d: int) -> Floats:
    r"""Weights over the first to the k-th neighbour under which the leading terms of the bias cancel.

    The smallest :math:`w` with :math:`\sum_j w_j = 1` and, for :math:`l = 1, \dots, \lfloor d/4 \rfloor`,

    .. math:: \sum_{j=1}^k w_j \frac{\Gamma(j + 2l/d)}{\Gamma(j)} = 0,

    that is nonzero only at :math:`j = \lfloor k/d \rfloor, \lfloor 2k/d \rfloor, \dots, k`.

    Parameters
    ----------
    k : int
        The largest number of neighbours.
    d : int
        Columns.

    Returns
    -------
    array of shape (k,)
        Below four columns all weight is on k: there is no bias of an order that matters.

    Raises
    ------
    ParameterError
        If k is too small to meet the constraints.

    References
    ----------
    .. [1] T. B. Berrett, R. J. Samworth, M. Yuan, "Efficient multivariate entropy estimation via k-nearest neighbour
       distances", Ann. Statist. 47(1), 288-318, 2019.

    Examples
    --------
    >>> kl_weights(8, 4).round(3)
    array([ 0.   ,  1.656,  0.   ,  0.563,  0.   , -0.263,  0.   , -0.955])
    """
    from scipy.special import gammaln

    weights = np.zeros(k)
    if d < 4:
        weights[-1] = 1.0
        return weights
    places = np.unique([k * i // d for i in range(1, d + 1)])
    places = places[places > 0]
    orders = np.arange(d // 4 + 1)
    # rows are scaled by their size, for the smallest solution does not depend on that and its accuracy does
    rows = np.exp(gammaln(places + 2 * orders[:, None] / d) - gammaln(places))
    rows = rows / rows.max(axis=1, keepdims=True)
    if len(places) < len(orders):
        raise ParameterError(
            f"kl_weights: `k` must be at least {len(orders)} for weights in {d} columns, better {d} or more; got {k}."
        )
    target = np.zeros(len(orders))
    target[0] = 1.0
    weights[places - 1] = np.linalg.lstsq(rows, target, rcond=None)[0]
    return weights


def kl_entropy(
    x: Any,
    k: int = 3,
    *,
    weights: Literal["optimal"] | None = None,
    norm: Norm = "max",
    workers: int = 1,
) -> float:
    r"""Differential entropy by Kozachenko and Leonenko.

    .. math:: \hat h = \sum_j w_j \Bigl\langle \log\bigl((n - 1)\, V_d\, \rho_{j,i}^d\bigr) - \psi(j) \Bigr\rangle_i

    :math:`\rho_{j,i}` is the distance of row i to its j-th neighbour and :math:`V_d` the volume of the unit ball.

    Parameters
    ----------
    x : array-like of shape (n,) or (n, d)
        Numbers of a density; no column may repeat values so often that k neighbours coincide.
    k : int
        Neighbours.
    weights : {"optimal"}, optional
        Combine the first to the k-th neighbour as `kl_weights` says; take the k-th alone if not given. Matters in four
        columns and more; then k should be ten or more.
    norm : {"max", "euclidean"}
        Of the distances. The theory of the weights is for the second; by scaling, its constraints hold for both.
    workers : int
        Threads; -1 for all.

    Returns
    -------
    float
        Nats. It depends on the units: entropies of two scales differ by the logarithm of their ratio.

    Raises
    ------
    ShapeError, NonFiniteError, KindError, TooFewSamplesError, ParameterError
        If `x` is no sample of real numbers, a k-th neighbour coincides with its row (there is no density), or a setting
        is out of range.

    References
    ----------
    .. [1] L. F. Kozachenko, N. N. Leonenko, "Sample estimate of the entropy of a random vector", Probl. Inf. Transm.
       23, 1987.
    .. [2] T. B. Berrett, R. J. Samworth, M. Yuan, "Efficient multivariate entropy estimation via k-nearest neighbour
       distances", Ann. Statist. 47(1), 288-318, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(5000)
    >>> round(kl_entropy(x), 2)  # truth log sqrt(2 pi e) = 1.419
    1.44
    """
    if weights not in (None, "optimal"):
        raise ParameterError(f'kl_entropy: `weights` must be "optimal" or None; got {weights!r}.')
    side = sample(x, "kl_entropy", "x")
    check_k(k, len(side.values), "kl_entropy")
    check_workers(workers, "kl_entropy")
    return float(_entropy_terms(side.numbers("kl_entropy"), k, weights, norm, workers, "kl_entropy").mean())


@dataclasses.dataclass(frozen=True)
class KozachenkoLeonenkoMI(FitFree):
    r"""Mutual information as three entropies, :math:`h(X) + h(Y) - h(X, Y)`, each from k nearest neighbours.

    Parameters
    ----------
    k : int
        Neighbours, the same number in all three searches.
    weights : {"optimal"}, optional
        As in `kl_entropy`.
    margins : {"standard", "rank", "none"}
        Scale of each column, as in `KSG`.
    workers : int
        Threads; -1 for all.

    Notes
    -----
    The three searches look at different scales, so their biases do not cancel as those of `KSG` do; the weights are
    meant to remove each by itself. Its use is the comparison, and where the entropies are wanted anyway.

    References
    ----------
    .. [1] T. B. Berrett, R. J. Samworth, "Nonparametric independence testing via mutual information", Biometrika
       106(3), 2019.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> round(KozachenkoLeonenkoMI().estimate(x, x + rng.standard_normal(2000)).value, 2)  # truth 0.347
    0.39
    """

    k: int = 3
    weights: Literal["optimal"] | None = None
    margins: Margins = "standard"
    workers: int = 1

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "kozachenko-leonenko"

    @property
    def min_samples(self) -> int:
        """The smallest n the method accepts."""
        return 4

    def terms(self, pair: Pair) -> Terms:
        """Return the value and the pointwise terms, nats."""
        from scipy.special import polygamma

        if self.weights not in (None, "optimal"):
            raise ParameterError(f'{self.method}: `weights` must be "optimal" or None; got {self.weights!r}.')
        check_k(self.k, pair.n, self.method)
        check_workers(self.workers, self.method)
        x, y = prepared(pair, self.margins, self.method)
        parts = [
            _entropy_terms(a, self.k, self.weights, "max", self.workers, self.method)
            for a in (x, y, np.concatenate([x, y], axis=1))
        ]
        pointwise = parts[0] + parts[1] - parts[2]
        value, scaled = float(pointwise.mean()), self.margins == "standard"
        return Terms(
            value,
            pointwise,
            noise=float(polygamma(1, self.k)),
            strength="heuristic",
            doubts=lambda: repeats(pair) + about_neighbours(pair, x, y, self.k, value, scaled=scaled),
            diagnostics={"k": self.k, "entropies": [float(part.mean()) for part in parts]},
        )


def _entropy_terms(
    x: Floats, k: int, weights: Literal["optimal"] | None, norm: Norm, workers: int, caller: str
) -> Floats:
    """Terms of which the entropy is the mean, shape (n,)."""
    from scipy.special import digamma, gammaln

    n, d = x.shape
    if norm not in ("max", "euclidean"):
        raise ParameterError(f'{caller}: `norm` must be "max" or "euclidean"; got {norm!r}.')
    weight = kl_weights(k, d) if weights else np.eye(k)[-1]
    ks = np.flatnonzero(weight) + 1
    if norm == "max":
        distances, log_ball = kth_distances(x, ks, workers=workers), d * math.log(2)
    else:
        distances = _euclidean(x, ks, workers)
        log_ball = d / 2 * math.log(math.pi) - float(gammaln(1 + d / 2))
    at_once = int(np.count_nonzero(distances[:, 0] == 0))
    if at_once:
        raise KindError(
            f"{caller}: {at_once} of {n} rows coincide with their neighbour number {ks[0]}; there is no density, and "
            "the entropy would be minus infinity. Count what repeats instead."
        )
    return (math.log(n - 1) + log_ball + d * np.log(distances) - digamma(ks)) @ weight[ks - 1]


def _euclidean(x: Floats, ks: Ints, workers: int) -> Floats:
    from scipy.spatial import cKDTree

    tree: Any = cKDTree(x)
    return tree.query(x, k=(ks + 1).tolist(), workers=workers)[0]
