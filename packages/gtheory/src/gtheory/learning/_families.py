r"""Truth functions learned from a label's positives and the population: log-linear in a basis, or a table.

``log T(x) = eta . t(x) - max`` with the maximum over the population that was learned from. Logical Bayesian inference
maximises ``mean of log T over positives - log mean of T over the population``, which is concave in eta; the ridge
``alpha / 2W |eta|^2``, with W the weight of the positives, pulls towards T = 1, a label that says nothing.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import abc
import dataclasses
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from gtheory.truth import TruthFunction
from infocore.errors import ConvergenceWarning, ParameterError, ShapeError
from infocore.semantic import Floats

__all__ = ["GivenTruth", "RadialBasis", "TruthOfRows", "learn", "log_linear", "log_mean"]

_GAP = 1e-10  # nats of the objective below which one more Newton step ends the search
_MAX_STEPS = 200


@dataclasses.dataclass(frozen=True)
class RadialBasis:
    r"""Log-linear truth in Gaussian bumps at some of the label's positives.

    .. math:: \log T(x) = \sum_l \eta_l\, e^{-\gamma |z - z_l|^2} - \max

    with z the columns of x scaled to variance 1. Learned by logical Bayesian inference this is the log-linear form of
    KLIEP, an estimator of the density ratio ``P(x|y) / P(x)``.

    Parameters
    ----------
    n_centres : int
        Most bumps a label may have; where it has more distinct positives, that many are drawn from them.
    gamma : float, optional
        Narrowness; 1 / (number of columns) if left out.
    seed : int
        Of the draw.

    Raises
    ------
    ParameterError
        If `n_centres` is below 1 or `gamma` not positive.

    References
    ----------
    .. [1] M. Sugiyama et al., "Direct Importance Estimation for Covariate Shift Adaptation", Ann. Inst. Stat. Math.
       60:699, 2008 (KLIEP; recalled).
    .. [2] Y. Tsuboi et al., "Direct Density Ratio Estimation for Large-scale Covariate Shift Adaptation", J. Inf.
       Process. 17:138, 2009 (its log-linear form; recalled).
    """

    n_centres: int = 100
    gamma: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_centres < 1:
            raise ParameterError(f"RadialBasis: `n_centres` must be at least 1; got {self.n_centres!r}.")
        if self.gamma is not None and not 0 < self.gamma < np.inf:
            raise ParameterError(f"RadialBasis: `gamma` must be positive and finite; got {self.gamma!r}.")


class TruthOfRows(abc.ABC):
    """A truth function of the rows of a matrix."""

    @abc.abstractmethod
    def log(self, x: Floats) -> Floats:
        """Return log T at each row of `x`; above 0 only beyond all rows that T was learned from."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Scale:
    """Columns brought to mean 0 and variance 1 under weights; a constant column to 0."""

    mean: Floats
    sd: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> "_Scale":
        mean = weights @ values / weights.sum()
        sd = np.sqrt(weights @ (values - mean) ** 2 / weights.sum())
        constant = sd <= 1e-12 * np.abs(values).max(0)
        return cls(mean, np.where(constant, np.inf, sd))

    def __call__(self, values: Floats) -> Floats:
        return (values - self.mean) / self.sd


@dataclasses.dataclass(frozen=True, eq=False)
class _Basis:
    """Features of scaled columns, themselves scaled: products of pairs, or bumps at centres."""

    columns: _Scale
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]] | None
    centres: Floats | None
    gamma: float
    features: _Scale | None = None

    def raw(self, x: Floats) -> Floats:
        z = self.columns(x)
        if self.centres is not None:
            return np.exp(-self.gamma * cdist(z, self.centres, "sqeuclidean"))
        return z if self.pairs is None else np.hstack([z, z[:, self.pairs[0]] * z[:, self.pairs[1]]])

    def __call__(self, x: Floats) -> Floats:
        return self.raw(x) if self.features is None else self.features(self.raw(x))


@dataclasses.dataclass(frozen=True, eq=False)
class _LogLinear(TruthOfRows):
    basis: _Basis
    eta: Floats
    top: float

    def log(self, x: Floats) -> Floats:
        return self.basis(x) @ self.eta - self.top


@dataclasses.dataclass(frozen=True, eq=False)
class _Table(TruthOfRows):
    rows: dict[tuple[float, ...], int]
    values: Floats

    def log(self, x: Floats) -> Floats:
        place = [self.rows.get(tuple(row), -1) for row in x.tolist()]
        if -1 in place:
            first = tuple(x[place.index(-1)].tolist())
            raise ParameterError(
                f"SemanticBayesClassifier: `X` holds {place.count(-1)} rows whose values were never seen in `fit`, the "
                f"first {first}. truth='tabulated' does not say what is true of them; use a family such as 'gaussian'."
            )
        return self.values[place]


@dataclasses.dataclass(frozen=True)
class GivenTruth(TruthOfRows):
    """A truth function that was given: of the column where there is one, of rows where there are several."""

    function: TruthFunction

    def log(self, x: Floats) -> Floats:
        log_truth = np.asarray(self.function.log(x[:, 0] if x.shape[1] == 1 else x), dtype=np.float64)
        if log_truth.shape != (len(x),):
            raise ShapeError(
                f"SemanticBayesClassifier: {type(self.function).__name__}.log must return one value per row, {len(x)}; "
                f"got shape {log_truth.shape}. For {x.shape[1]} columns it must be a truth function of rows."
            )
        return log_truth


def learn(
    truth: str | RadialBasis,
    x: Floats,
    weights: Floats,
    positive: Floats,
    population: Floats,
    alpha: float,
) -> list[TruthOfRows]:
    """Learn one truth function per label from the weights that rows have as its positives and in its population.

    Parameters
    ----------
    truth : {"linear", "diagonal", "gaussian", "tabulated"} or RadialBasis
        The family.
    x : array of shape (n, d)
        Rows.
    weights : array of shape (n,)
        Positive weights of the rows among everybody, which set the scale of columns.
    positive, population : arrays of shape (n, L)
        Weights of the rows for each label.
    alpha : float
        Ridge; positive. Not used by "tabulated".

    Returns
    -------
    list of TruthOfRows

    Raises
    ------
    ParameterError
        With "tabulated", if a label is known for no row with certain values of x.
    """
    labels = range(positive.shape[1])
    if truth == "tabulated":
        distinct, inverse = np.unique(x, axis=0, return_inverse=True)
        rows = {tuple(row): k for k, row in enumerate(distinct.tolist())}
        return [_table(distinct, rows, inverse.ravel(), positive[:, j], population[:, j], j) for j in labels]
    columns = _Scale.of(x, weights)
    if isinstance(truth, RadialBasis):
        bases = [_radial(truth, columns, x, weights, positive[:, j] > 0) for j in labels]
    else:
        d = x.shape[1]
        pairs = {"linear": None, "diagonal": (np.arange(d), np.arange(d)), "gaussian": np.triu_indices(d)}[truth]
        bases = [_scaled(_Basis(columns, pairs, None, 0.0), x, weights)] * len(labels)
    functions: list[TruthOfRows] = []
    features = bases[0](x)
    for j in labels:
        if isinstance(truth, RadialBasis):
            features = bases[j](x)
        eta = log_linear(features, positive[:, j], population[:, j], alpha)
        functions.append(_LogLinear(bases[j], eta, float((features @ eta).max())))
    return functions


def log_linear(features: Floats, positive: Floats, population: Floats, alpha: float) -> Floats:
    r"""Maximise the objective of logical Bayesian inference over eta, less a ridge, by Newton's method.

    .. math:: \sum_k p_k\, \eta \cdot t_k - \log \sum_k q_k e^{\eta \cdot t_k} - \frac{\alpha}{2W} |\eta|^2

    with p and q the normalised weights and W the total weight of the positives.

    Parameters
    ----------
    features : array of shape (n, p)
        ``t_k``.
    positive, population : arrays of shape (n,)
        Weights, not negative and not all 0.
    alpha : float
        Ridge; positive, as without it the optimum is at infinity where positives lie on one side.

    Returns
    -------
    ndarray of shape (p,)
        The optimum, to within 1e-10 nats of the objective (in practice to rounding).

    Warns
    -----
    ConvergenceWarning
        If 200 steps were not enough.
    """
    ridge = alpha / positive.sum()
    target = positive @ features / positive.sum()
    inside = population > 0
    t, log_q = features[inside], np.log(population[inside] / population.sum())

    def objective(eta: Floats) -> float:
        return float(target @ eta - logsumexp(log_q + t @ eta) - 0.5 * ridge * eta @ eta)

    eta = np.zeros(t.shape[1])
    value, gap = objective(eta), np.inf
    for _ in range(_MAX_STEPS):
        log_tilted = log_q + t @ eta
        tilted = np.exp(log_tilted - logsumexp(log_tilted))
        mean = tilted @ t
        gradient = target - mean - ridge * eta
        centred = t - mean
        curvature = (centred * tilted[:, None]).T @ centred
        curvature[np.diag_indices_from(curvature)] += ridge
        step = cho_solve(cho_factor(curvature), gradient)
        gap = 0.5 * float(gradient @ step)
        if gap < _GAP:
            return eta + step
        length = 1.0
        while (new := objective(eta + length * step)) < value + 0.2 * length * gap and length > 1e-10:
            length *= 0.5
        eta, value = eta + length * step, new
    warnings.warn(
        f"SemanticBayesClassifier: a truth function was still {gap:.2g} nats from its optimum after {_MAX_STEPS} "
        "steps. A larger `alpha` is easier.",
        ConvergenceWarning,
        stacklevel=4,
    )
    return eta


def log_mean(log_values: Floats, weights: Floats) -> Floats:
    """Logarithm of the weighted mean of each column.

    Parameters
    ----------
    log_values : array of shape (n, L)
        Logarithms.
    weights : array of shape (n,)
        Not negative and not all 0.

    Returns
    -------
    ndarray of shape (L,)
    """
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights / weights.sum())
    return np.asarray(logsumexp(log_values + log_weights[:, None], axis=0), dtype=np.float64)


def _scaled(basis: _Basis, x: Floats, weights: Floats) -> _Basis:
    return dataclasses.replace(basis, features=_Scale.of(basis.raw(x), weights))


def _radial(truth: RadialBasis, columns: _Scale, x: Floats, weights: Floats, positives: NDArray[np.bool_]) -> _Basis:
    # distinct rows in sorted order, so that a row repeated and a row weighted are the same draw
    centres = columns(np.unique(x[positives], axis=0))
    if len(centres) > truth.n_centres:
        chosen = np.random.default_rng(truth.seed).choice(len(centres), truth.n_centres, replace=False)
        centres = centres[np.sort(chosen)]
    gamma = 1.0 / x.shape[1] if truth.gamma is None else truth.gamma
    return _scaled(_Basis(columns, None, centres, gamma), x, weights)


def _table(
    distinct: Floats,
    rows: dict[tuple[float, ...], int],
    inverse: NDArray[np.intp],
    positive: Floats,
    population: Floats,
    label: int,
) -> _Table:
    size = len(rows)
    given = np.bincount(inverse, positive, size)
    seen = np.bincount(inverse, population, size)
    if not seen.all():
        raise ParameterError(
            f"SemanticBayesClassifier: label {label} is known for no row with values {tuple(distinct[seen == 0][0])} "
            f"({int((seen == 0).sum())} such values), so truth='tabulated' cannot say whether it is true there."
        )
    with np.errstate(divide="ignore"):
        log_rate = np.log(given) - np.log(seen)
    return _Table(rows, log_rate - log_rate.max())
