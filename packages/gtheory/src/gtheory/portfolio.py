r"""Portfolios of greatest growth, and what a forecast is worth: the growth it adds.

The growth of capital, the mean logarithm of a portfolio's return, is an objective measure where mean and variance need
a taste for risk; its maximum is the log-optimal portfolio of Kelly and Cover. A forecast's value is the growth that a
portfolio made for it adds; in a complete market that is its semantic information.
"""

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from gtheory._growth import free_positions, long_only
from gtheory.information import nats_per_unit, unit_name
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.semantic import Floats, distribution, real

__all__ = ["Backtest", "InformationValue", "Portfolio", "backtest", "capital", "information_value", "log_optimal"]

Positions = Literal["long", "borrow", "any"]


@dataclasses.dataclass(frozen=True, eq=False)
class Portfolio:
    """A portfolio of greatest growth.

    Parameters
    ----------
    weights : ndarray of shape (K,)
        Share of capital in each asset, kept by trading every period.
    cash : float
        Share in cash, negative if borrowed; 0 where there is none. With `weights` it sums to 1.
    growth : float
        Mean logarithm of the return, per period, in the unit of `base`: 1 bit doubles the capital.
    gap : float
        No portfolio with the same positions allowed grows faster by more than this, in the unit of `base`.
    base : float
        Base of the logarithms: 2 for bits.
    n_iter : int
        Newton steps taken.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    weights: Floats
    cash: float
    growth: float
    gap: float
    base: float
    n_iter: int
    converged: bool

    @property
    def unit(self) -> str:
        """Name of the unit of `growth` and `gap`."""
        return unit_name(self.base)

    @property
    def multiple(self) -> float:
        """Geometric mean of the return: by how much capital is multiplied each period."""
        return self.base**self.growth


@dataclasses.dataclass(frozen=True, eq=False)
class InformationValue:
    r"""What a forecast is worth.

    Parameters
    ----------
    value : float
        Growth that the forecast adds, in the unit of `base`: :math:`\sum_i P(x_i|y) \log R_i(q^{**}) / R_i(q^*)`.
        Negative for a forecast that misleads.
    information : float
        Semantic information of the forecast, :math:`\sum_i P(x_i|y) \log P(x_i|\theta)/P(x_i)`. In a complete market
        `value` is equal to it.
    prior, informed : Portfolio
        Log-optimal without the forecast and with it.
    base : float
        Base of the logarithms: 2 for bits.
    """

    value: float
    information: float
    prior: Portfolio
    informed: Portfolio
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `value` and `information`."""
        return unit_name(self.base)


@dataclasses.dataclass(frozen=True, eq=False)
class Backtest:
    """A rolling log-optimal portfolio, judged on what it had not seen.

    Parameters
    ----------
    capital : ndarray of shape (T + 1,)
        Capital from 1, over the T periods after the first window.
    weights : ndarray of shape (n, K)
        Weights of each fit.
    starts : tuple of int, of length n
        Period from which each was held.
    growth : float
        Mean logarithm of the return, per period, in the unit of `base`.
    base : float
        Base of the logarithms: 2 for bits.
    """

    capital: Floats
    weights: Floats
    starts: tuple[int, ...]
    growth: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `growth`."""
        return unit_name(self.base)


def log_optimal(
    returns: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    cash: float | None = None,
    positions: Positions = "long",
    base: float = 2,
    tol: float = 1e-11,
    max_iter: int = 200,
) -> Portfolio:
    r"""Portfolio whose capital grows fastest, with a proof of how close it is.

    .. math:: \max_q \sum_s P_s \log \sum_k q_k R_{sk}

    Parameters
    ----------
    returns : array of shape (S, K)
        Gross return of each asset in each scenario, or period: 1.02 is a gain of 2 %. Not negative.
    probabilities : array of shape (S,), optional
        Of the scenarios. Equal by default, as for periods of the past.
    cash : float, optional
        Gross return of cash, positive; there is none if left out.
    positions : {"long", "borrow", "any"}
        "long": no weight is negative. "borrow": cash may be negative, at the same return. "any": assets may be sold
        short too. The last two need `cash`.
    base : float
        Base of the logarithms: 2 for bits.
    tol : float
        Largest `gap` to stop at, in nats.
    max_iter : int
        Largest number of Newton steps.

    Returns
    -------
    Portfolio
        Where assets are redundant, weights are not unique; growth is.

    Raises
    ------
    ParameterError
        If `positions`, `cash` or `base` is none of its values; or with borrowing some portfolio never loses against
        cash and sometimes wins, so that growth has no bound.
    ShapeError, KindError
        If the arrays do not fit together or are not real.
    InvalidDistributionError
        If a return is negative or not finite, `probabilities` is no law, or a scenario that can happen leaves nothing
        of any portfolio.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first.

    References
    ----------
    .. [1] J. Kelly, "A New Interpretation of Information Rate", Bell System Technical J. 35:917, 1956.
    .. [2] T. Cover, "An Algorithm for Maximizing Expected Log Investment Return", IEEE Trans. Information Theory
       30:369, 1984 (the certificate: no portfolio gains more than ``log max_k E[R_k / R]``).
    .. [3] C. Lu, "Entropy Theory of Portfolio and Information Value", 1997 (geometric mean as criterion; recalled).

    Examples
    --------
    A coin that doubles a stake or halves it: half of the capital each time.

    >>> coin = log_optimal([[2.0], [0.5]], cash=1.0)
    >>> coin.weights.round(6).tolist(), round(coin.multiple, 6), coin.gap < 1e-9
    ([0.5], 1.06066, True)
    """
    caller = "log_optimal"
    nats = nats_per_unit(base, caller)
    r, p = _scenarios(returns, probabilities, caller)
    if positions not in ("long", "borrow", "any"):
        raise ParameterError(f"{caller}: `positions` must be 'long', 'borrow' or 'any'; got {positions!r}.")
    if cash is not None and not (math.isfinite(cash) and cash > 0):
        raise ParameterError(f"{caller}: `cash` must be a gross return, positive and finite; got {cash!r}.")
    if positions == "long":
        all_assets = r if cash is None else np.column_stack([r, np.full(len(r), cash)])
        ruined = np.flatnonzero((all_assets.max(1) == 0) & (p > 0))
        if len(ruined):
            raise InvalidDistributionError(
                f"{caller}: `returns` are all 0 in scenario {ruined[0]}, which can happen ({len(ruined)} such): every "
                "portfolio is ruined. Give `cash`, or leave the scenario out."
            )
        found = long_only(all_assets, p, tol=tol, max_iter=max_iter)
        weights = found.weights[: r.shape[1]]
        held = float(found.weights[-1]) if cash is not None else 0.0
    else:
        if cash is None:
            raise ParameterError(f"{caller}: `positions` {positions!r} lends and borrows, so it needs `cash`.")
        found = free_positions(r, p, cash, short=positions == "any", tol=tol, max_iter=max_iter)
        weights, held = found.weights, 1.0 - float(found.weights.sum())
    return Portfolio(
        weights=weights,
        cash=held,
        growth=found.growth / nats,
        gap=found.gap / nats,
        base=float(base),
        n_iter=found.n_iter,
        converged=found.gap <= tol,
    )


def information_value(
    returns: ArrayLike,
    prior: ArrayLike,
    model: ArrayLike,
    actual: ArrayLike | None = None,
    *,
    cash: float | None = None,
    positions: Positions = "long",
    base: float = 2,
) -> InformationValue:
    r"""Growth that a forecast adds: its worth to an investor who believes it.

    Parameters
    ----------
    returns : array of shape (S, K)
        Gross return of each asset in each scenario.
    prior : array of shape (S,)
        ``P(x)``, without the forecast.
    model : array of shape (S,)
        ``P(x|theta)``, what the forecast says.
    actual : array of shape (S,), optional
        ``P(x|y)``, how things go when it is made; `model` by default: a forecast that is right.
    cash, positions, base
        As in `log_optimal`.

    Returns
    -------
    InformationValue

    Raises
    ------
    ParameterError, ShapeError, KindError, InvalidDistributionError
        As `log_optimal` does.

    Notes
    -----
    The value of a right forecast is at most its information, ``KL(P(x|y) || P(x))``, and equal to it in a complete
    market, where any scenario can be bet on (derived; Barron and Cover 1988 for the bound).

    References
    ----------
    .. [1] A. Barron, T. Cover, "A Bound on the Financial Value of Information", IEEE Trans. Information Theory 34:1097,
       1988.

    Examples
    --------
    A race of three horses at odds that are fair by the prior, and a forecast that is right:

    >>> import numpy as np
    >>> prior = np.array([0.5, 0.3, 0.2])
    >>> worth = information_value(np.diag(1 / prior), prior, [0.7, 0.2, 0.1])
    >>> round(worth.value, 6), round(worth.information, 6)
    (0.122806, 0.122806)
    """
    caller = "information_value"
    nats = nats_per_unit(base, caller)
    r, p = _scenarios(returns, prior, caller)
    said = distribution(model, caller, "model")
    seen = said if actual is None else distribution(actual, caller, "actual")
    for name, law in (("model", said), ("actual", seen)):
        if len(law) != len(p):
            raise ShapeError(f"{caller}: `{name}` must have one entry per scenario, {len(p)}; got {len(law)}.")
    before, after = (log_optimal(r, law, cash=cash, positions=positions, base=base) for law in (p, said))
    wealth = [_wealth(r, portfolio, cash) for portfolio in (after, before)]
    with np.errstate(divide="ignore"):
        gained = np.where(seen > 0, np.log(wealth[0]) - np.log(wealth[1]), 0.0)
        told = np.where(seen > 0, np.log(said) - np.log(p), 0.0)
    return InformationValue(float(seen @ gained) / nats, float(seen @ told) / nats, before, after, float(base))


def capital(returns: ArrayLike, weights: ArrayLike, *, cash: float | None = None) -> Floats:
    """Capital over time of a portfolio that is brought back to its weights every period.

    Parameters
    ----------
    returns : array of shape (S, K)
        Gross return of each asset in each period.
    weights : array of shape (K,)
        Share of capital in each asset; what is missing to 1 is in cash.
    cash : float, optional
        Gross return of cash. Left out, `weights` must sum to 1.

    Returns
    -------
    ndarray of shape (S + 1,)
        From 1 on. Without fees.

    Raises
    ------
    ShapeError, KindError, InvalidDistributionError
        If the arrays do not fit together or are no returns, or weights without cash do not sum to 1.

    Examples
    --------
    >>> capital([[2.0, 1.0], [0.5, 1.0]], [0.5, 0.5]).tolist()
    [1.0, 1.5, 1.125]
    """
    caller = "capital"
    r, _ = _scenarios(returns, None, caller)
    q = real(weights, caller, "weights", ndim=1)
    if len(q) != r.shape[1]:
        raise ShapeError(f"{caller}: `weights` must have one entry per asset, {r.shape[1]}; got {len(q)}.")
    rest = 1.0 - float(q.sum())
    if cash is None and abs(rest) > 1e-8:
        raise InvalidDistributionError(
            f"{caller}: `weights` must sum to 1 where there is no `cash`; got {q.sum():.9g}."
        )
    return np.concatenate([[1.0], np.cumprod(r @ q + rest * (cash or 0.0))])


def backtest(
    returns: ArrayLike,
    *,
    window: int,
    every: int = 1,
    cash: float | None = None,
    positions: Positions = "long",
    base: float = 2,
) -> Backtest:
    """Hold the log-optimal portfolio of the past, and see what it does next.

    Parameters
    ----------
    returns : array of shape (S, K)
        Gross return of each asset in each period, in the order of time.
    window : int
        Periods of the past that each fit sees.
    every : int
        Periods between fits.
    cash, positions, base
        As in `log_optimal`.

    Returns
    -------
    Backtest
        Without fees.

    Raises
    ------
    ParameterError
        If `window` or `every` is below 1 or leaves no period to judge, and as `log_optimal` does.
    ShapeError, KindError, InvalidDistributionError
        As `log_optimal` does.

    Examples
    --------
    >>> import numpy as np
    >>> past = np.tile([[2.0, 1.0], [0.5, 1.0]], (50, 1))
    >>> run = backtest(past, window=20, every=10)
    >>> len(run.capital), run.weights[0].round(3).tolist(), round(run.growth, 5)
    (81, [0.5, 0.5], 0.08496)
    """
    caller = "backtest"
    nats = nats_per_unit(base, caller)
    r, _ = _scenarios(returns, None, caller)
    if every < 1 or not 1 <= window < len(r):
        raise ParameterError(
            f"{caller}: `window` must be at least 1 and below the {len(r)} periods, and `every` at least 1; got "
            f"{window!r} and {every!r}."
        )
    starts = tuple(range(window, len(r), every))
    fits = [log_optimal(r[t - window : t], cash=cash, positions=positions, tol=1e-8) for t in starts]
    gained = np.concatenate([_wealth(r[t : t + every], fit, cash) for t, fit in zip(starts, fits, strict=True)])
    with np.errstate(divide="ignore"):
        growth = float(np.log(gained).mean()) / nats
    path = np.concatenate([[1.0], np.cumprod(gained)])
    return Backtest(path, np.stack([fit.weights for fit in fits]), starts, growth, float(base))


def _wealth(returns: Floats, portfolio: Portfolio, cash: float | None) -> Floats:
    return returns @ portfolio.weights + portfolio.cash * (cash or 0.0)


def _scenarios(returns: ArrayLike, probabilities: ArrayLike | None, caller: str) -> tuple[Floats, Floats]:
    r = real(returns, caller, "returns", ndim=2)
    if not np.isfinite(r).all() or r.min() < 0:
        raise InvalidDistributionError(
            f"{caller}: `returns` must be gross returns, finite and not negative (0.98 for a loss of 2 %); got "
            f"{np.nanmin(r):.6g} as smallest entry and {int((~np.isfinite(r)).sum())} that are not finite."
        )
    if probabilities is None:
        return r, np.full(len(r), 1 / len(r))
    p = distribution(probabilities, caller, "probabilities" if caller == "log_optimal" else "prior")
    if len(p) != len(r):
        raise ShapeError(f"{caller}: `returns` must have one row per scenario, {len(p)}; got {len(r)}.")
    return r, p
