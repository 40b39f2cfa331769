r"""Thermodynamics in the words of the theory: energy levels as labels' truth, exergy as information.

A truth function ``exp(-e / T)`` over energy levels makes the Boltzmann distribution a semantic Bayes prediction and the
partition function a logical probability. What follows are exact identities of an analogy, not new physics. Boltzmann's
constant is 1: energies and temperatures are in one unit, entropies in nats.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import logsumexp, xlogy

from infocore.errors import InvalidDistributionError, ParameterError, ShapeError
from infocore.semantic import Floats, channel, distribution, real

__all__ = ["Boltzmann", "LocalEquilibrium", "boltzmann", "exergy", "local_equilibrium"]


@dataclasses.dataclass(frozen=True, eq=False)
class Boltzmann:
    r"""A system in equilibrium.

    Parameters
    ----------
    p : ndarray of shape (m,)
        Law of the levels, :math:`g_i e^{-e_i/T} / Z`: the semantic Bayes prediction from the prior ``g / sum g``.
    energy : float
        Mean energy E.
    entropy : float
        :math:`S = -\sum_i p_i \log p_i / g_i`, nats.
    free_energy : float
        :math:`F = -T \log Z = E - T S`.
    logical_probability : float
        ``Z / sum g``: how often the truth function ``exp(-e / T)`` is true of a random state.
    information : float
        :math:`\log \sum_i g_i - S`: what "at temperature T" says about the state, nats.
    temperature : float
        T.
    """

    p: Floats
    energy: float
    entropy: float
    free_energy: float
    logical_probability: float
    information: float
    temperature: float


@dataclasses.dataclass(frozen=True, eq=False)
class LocalEquilibrium:
    r"""Areas out of equilibrium with the environment, and what a description by local temperatures keeps of it.

    Parameters
    ----------
    R : float
        :math:`\sum_j P_j \mathrm{KL}(P(x|j) \| P_0)`, nats: all exergy there is is ``temperature * R``.
    G : float
        The same with each area replaced by the Boltzmann distribution of its mean energy.
    efficiency : float
        ``G / R``, the share of the exergy that local temperatures tell of; NaN where there is none.
    temperatures : ndarray of shape (n,)
        Of the areas; negative where the mean energy is above that of equal probabilities.
    exergy : float
        ``temperature * R``: the work that could be done, in the unit of energy.
    temperature : float
        Of the environment.
    """

    R: float
    G: float
    efficiency: float
    temperatures: Floats
    exergy: float
    temperature: float


def boltzmann(energy: ArrayLike, temperature: float, degeneracy: ArrayLike | None = None) -> Boltzmann:
    """Equilibrium of energy levels at a temperature.

    Parameters
    ----------
    energy : array of shape (m,)
        Energy of each level.
    temperature : float
        T, in the unit of `energy`; positive, or negative for an inverted population.
    degeneracy : array of shape (m,), optional
        Number of states of each level, positive; 1 each by default.

    Returns
    -------
    Boltzmann

    Raises
    ------
    ParameterError
        If `temperature` is 0, NaN or infinite.
    ShapeError, KindError, InvalidDistributionError
        If the arrays do not fit together, an energy is not finite, or a degeneracy not positive.

    Notes
    -----
    Truth functions have maximum 1, so energies are counted from the lowest (from the highest at negative temperature)
    in `logical_probability`.

    References
    ----------
    .. [1] E. Jaynes, "Information Theory and Statistical Mechanics", Physical Review 106:620, 1957.
    .. [2] C. Lu, "A Semantic Generalization of Shannon's Information Theory and Applications", Entropy 27:461, 2025
       (the analogy, from the abstract; identities derived).

    Examples
    --------
    >>> gas = boltzmann([0.0, 1.0, 2.0, 5.0], 1.3, [1, 2, 2, 3])
    >>> round(gas.logical_probability, 7), round(gas.information, 7)
    (0.3025308, 0.5262158)
    """
    e, g = _levels(energy, degeneracy, "boltzmann")
    return _equilibrium(e, g, _temperature(temperature, "boltzmann"))


def exergy(p: ArrayLike, energy: ArrayLike, temperature: float, degeneracy: ArrayLike | None = None) -> float:
    r"""Work that a system can do in an environment: its free energy above that of equilibrium.

    .. math:: E - T_0 S - F_0 = T_0\, \mathrm{KL}(P \,\|\, P_{T_0})

    Parameters
    ----------
    p : array of shape (m,)
        Law of the levels; sums to 1.
    energy : array of shape (m,)
        Energy of each level.
    temperature : float
        T0, of the environment; positive.
    degeneracy : array of shape (m,), optional
        Number of states of each level; 1 each by default.

    Returns
    -------
    float
        In the unit of `energy`.

    Raises
    ------
    ParameterError
        If `temperature` is not positive and finite.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together or `p` is no law.

    Examples
    --------
    >>> hot = boltzmann([0.0, 1.0, 2.0, 5.0], 1.3, [1, 2, 2, 3])
    >>> round(exergy(hot.p, [0.0, 1.0, 2.0, 5.0], 1.0, [1, 2, 2, 3]), 7)
    0.0233185
    """
    e, g = _levels(energy, degeneracy, "exergy")
    law = distribution(p, "exergy", "p")
    if len(law) != len(e):
        raise ShapeError(f"exergy: `p` must have one entry per level, {len(e)}; got {len(law)}.")
    environment = _equilibrium(e, g, _positive(temperature, "exergy"))
    return environment.temperature * _divergence(law, environment.p)


def local_equilibrium(
    p: ArrayLike,
    shares: ArrayLike,
    energy: ArrayLike,
    temperature: float,
    degeneracy: ArrayLike | None = None,
) -> LocalEquilibrium:
    r"""What a description of areas by their temperatures keeps of their exergy.

    Against the prior P0, the environment's equilibrium, each area's law has Shannon information and its Boltzmann
    distribution of the same mean energy has semantic information; the difference, ``R - G``, is
    :math:`\sum_j P_j \mathrm{KL}(P(x|j) \| \text{local})`, what is out of local equilibrium (Pythagoras).

    Parameters
    ----------
    p : array of shape (n, m)
        Law of the levels in each area; rows sum to 1.
    shares : array of shape (n,)
        Shares of the areas; sum to 1.
    energy : array of shape (m,)
        Energy of each level.
    temperature : float
        T0, of the environment; positive.
    degeneracy : array of shape (m,), optional
        Number of states of each level; 1 each by default.

    Returns
    -------
    LocalEquilibrium

    Raises
    ------
    ParameterError
        If `temperature` is not positive and finite.
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together or are no laws.

    References
    ----------
    .. [1] C. Lu, "A Semantic Generalization of Shannon's Information Theory and Applications", Entropy 27:461, 2025
       (the statement, from the abstract; form derived).

    Examples
    --------
    >>> areas = [[0.7, 0.1, 0.15, 0.05], [0.3, 0.25, 0.2, 0.25]]
    >>> found = local_equilibrium(areas, [0.4, 0.6], [0.0, 1.0, 2.0, 5.0], 1.0, [1, 2, 2, 3])
    >>> round(found.R, 7), round(found.G, 7), round(found.efficiency, 7)
    (0.4717021, 0.3608314, 0.764956)
    """
    caller = "local_equilibrium"
    e, g = _levels(energy, degeneracy, caller)
    weights = distribution(shares, caller, "shares")
    laws = channel(p, caller, "p", shape=(len(weights), len(e)))
    environment = _equilibrium(e, g, _positive(temperature, caller))
    near = [_of_energy(e, g, float(law @ e)) for law in laws]
    r = float(sum(w * _divergence(law, environment.p) for w, law in zip(weights, laws, strict=True)))
    kept = float(sum(w * _divergence(law, environment.p) for w, (law, _) in zip(weights, near, strict=True)))
    return LocalEquilibrium(
        R=r,
        G=kept,
        efficiency=kept / r if r > 1e-12 else math.nan,
        temperatures=np.array([t for _, t in near]),
        exergy=environment.temperature * r,
        temperature=environment.temperature,
    )


def _equilibrium(e: Floats, g: Floats, t: float) -> Boltzmann:
    shift = float(e.min() if t > 0 else e.max())
    log_weights = np.log(g) - (e - shift) / t
    log_z = _log_sum(log_weights)
    p = np.exp(log_weights - log_z)
    mean = float(p @ e)
    entropy = float(-np.sum(xlogy(p, p) - xlogy(p, g)))
    return Boltzmann(
        p=p,
        energy=mean,
        entropy=entropy,
        free_energy=shift - t * log_z,
        logical_probability=math.exp(log_z) / float(g.sum()),
        information=math.log(g.sum()) - entropy,
        temperature=t,
    )


def _of_energy(e: Floats, g: Floats, mean: float) -> tuple[Floats, float]:
    """Return the Boltzmann distribution of a mean energy, and its temperature."""
    low, high = float(e.min()), float(e.max())
    span = high - low
    if span == 0:
        return g / g.sum(), math.inf
    for level, t in ((low, 0.0), (high, -0.0)):  # at an end, all is in that level
        if abs(mean - level) <= 1e-14 * span:
            at = np.where(e == level, g, 0.0)
            return at / at.sum(), t

    def law(beta: float) -> Floats:
        weights = np.log(g) - beta * (e - (low if beta > 0 else high))
        return np.exp(weights - _log_sum(weights))

    edge = 1.0 / span
    while law(edge) @ e > mean or law(-edge) @ e < mean:
        edge *= 2

    def excess(beta: float) -> float:
        return float(law(beta) @ e) - mean

    beta: Any = brentq(excess, -edge, edge, xtol=1e-15 / span, rtol=np.float64(1e-15), maxiter=500)
    return law(beta), 1 / beta if beta != 0 else math.inf


def _log_sum(values: Floats) -> float:
    return float(np.asarray(logsumexp(values)))


def _divergence(p: Floats, q: Floats) -> float:
    with np.errstate(divide="ignore"):
        return float(np.sum(np.where(p > 0, xlogy(p, p) - p * np.log(q), 0.0)))


def _levels(energy: ArrayLike, degeneracy: ArrayLike | None, caller: str) -> tuple[Floats, Floats]:
    e = real(energy, caller, "energy", ndim=1)
    g = np.ones(len(e)) if degeneracy is None else real(degeneracy, caller, "degeneracy", ndim=1)
    if len(g) != len(e):
        raise ShapeError(f"{caller}: `degeneracy` must have one entry per level, {len(e)}; got {len(g)}.")
    for name, values, good in (("energy", e, np.isfinite(e)), ("degeneracy", g, np.isfinite(g) & (g > 0))):
        if not good.all():
            what = "finite" if name == "energy" else "positive and finite"
            raise InvalidDistributionError(f"{caller}: `{name}` must be {what}; got {values[~good][0]!r}.")
    return e, g


def _temperature(temperature: float, caller: str) -> float:
    if temperature == 0 or not math.isfinite(temperature):
        raise ParameterError(f"{caller}: `temperature` must be finite and not 0; got {temperature!r}.")
    return float(temperature)


def _positive(temperature: float, caller: str) -> float:
    if not temperature > 0:
        raise ParameterError(f"{caller}: `temperature` of an environment must be positive; got {temperature!r}.")
    return _temperature(temperature, caller)
