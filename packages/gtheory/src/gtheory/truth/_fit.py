"""Truth functions learned from examples of a label and the prior: logical Bayesian inference."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import functools
import math
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from gtheory.information import nats_per_unit, unit_name
from gtheory.truth._base import TruthFunction
from gtheory.truth._charts import Bounds, Chart, chart_about
from gtheory.truth._sample import Sample, sample_of
from gtheory.truth._shapes import Disbelief, Gaussian, Interval, Logistic, MultivariateGaussian
from gtheory.truth._starts import starts_of
from infocore.errors import ConvergenceWarning, ParameterError
from infocore.semantic import Floats

__all__ = ["TruthFit", "fit_truth"]

_FAMILIES = (Gaussian, MultivariateGaussian, Logistic, Interval)
_SAME = 1e-10  # nats; information that differs by less is not told apart
_ROUNDS = 6  # a chart is laid anew about the point reached, at most so often
_DEGREES = (0.02, 0.2)  # where a degree of disbelief is sought from


@dataclasses.dataclass(frozen=True, eq=False)
class TruthFit:
    """A truth function learned from examples.

    Parameters
    ----------
    truth : TruthFunction
        What was found.
    information : float
        Mean information that the label gives about its examples, in the unit of `base`. It is measured on the
        examples that were fitted, so with p parameters and n examples it is too large by about p / 2n nats.
    base : float
        Base of the logarithms: 2 for bits.
    converged : bool
        Whether a maximum was reached inside the family.
    at_bound : tuple of str
        Parameters that ran into a bound: the information has no maximum inside the family, or is the same for all
        values beyond some; `truth` then has the bound's value.
    n_iter : int
        Iterations taken, over all starts.
    """

    truth: TruthFunction
    information: float
    base: float
    converged: bool
    at_bound: tuple[str, ...]
    n_iter: int

    @property
    def unit(self) -> str:
        """Name of the unit of `information`."""
        return unit_name(self.base)


def fit_truth(
    family: type[TruthFunction],
    positives: ArrayLike,
    population: ArrayLike | None = None,
    *,
    positive_weights: ArrayLike | None = None,
    population_weights: ArrayLike | None = None,
    fixed: Mapping[str, Any] | None = None,
    disbelief: float | Literal["fit"] = 0.0,
    start: TruthFunction | None = None,
    base: float = 2,
    tol: float = 1e-6,
    max_iter: int = 1000,
) -> TruthFit:
    r"""Learn what a label means from where it is used and where x lies anyway (logical Bayesian inference).

    .. math:: \max_\phi \; \sum_i P(x_i|y) \log T_\phi(x_i) - \log \sum_k P(x_k)\, T_\phi(x_k)

    This is the information that the label gives about its examples. No examples that lack the label are needed, and
    how often the label is used does not matter: an unlabelled sample of x, or its law on a grid, is enough.

    Parameters
    ----------
    family : {Gaussian, MultivariateGaussian, Logistic, Interval}
        The class of truth function. `Interval` is fitted with two slopes, `Logistic` with a slope of either sign.
    positives : array of shape (n,), or (n, d) for MultivariateGaussian
        Values of x that carry the label, or a grid.
    population : array of shape (k,) or (k, d), optional
        Values of x whether they carry it or not. Left out, the same points as `positives`: a grid, with both weights
        given.
    positive_weights : array of shape (n,), optional
        How much each positive counts, such as ``P(x|y)`` on a grid; divided by their sum. Equal by default.
    population_weights : array of shape (k,), optional
        The same for the population, such as ``P(x)``.
    fixed : mapping from str to float, optional
        Parameters of the family that are known, such as ``{"mean": 50.0}`` for a pointer's reading.
    disbelief : float or "fit"
        Degree of `Disbelief` mixed in, known or to be fitted too. Where "fit" finds that none is best, the result is
        a `Disbelief` of degree 0.
    start : TruthFunction, optional
        Where to start, of the family (for a fit of disbelief, too). By default from moments, or a coarse search.
    base : float
        Base of the logarithms of the information: 2 for bits.
    tol : float
        Largest slope of the information to stop at, in nats for a step of one width of the truth function.
    max_iter : int
        Largest number of iterations from one start.

    Returns
    -------
    TruthFit
        Its `information` in the unit of `base`.

    Raises
    ------
    ParameterError
        If `family`, `fixed`, `disbelief`, `start` or `base` is not one of its values; if `population` and a weight
        are left out together; or if the population has a single value, or does not vary in some direction.
    ShapeError, KindError, NonFiniteError
        If the arrays do not fit together, are not real, or hold NaN or infinity.
    InvalidDistributionError
        If weights are negative or all 0.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came first, or a parameter is at a bound. Then the family holds no maximum: examples that a
        threshold separates make the best logistic step infinitely steep, examples as spread as the population make
        the best Gaussian infinitely wide. Bounds: a width (a standard deviation, or 1 over a slope) is at least 1/40
        of the smallest gap between data, which is as good as crisp, and at most 1000 times their range; centres and
        edges reach one range beyond the data; in several variables, a fit stops where it is 10^4 times narrower or 10^3
        times wider than the population in some direction.

    Notes
    -----
    For Gaussian shapes the objective is concave in the natural parameters and the maximum is the point where the mean
    and covariance of x under ``P(x|theta)`` are those of the examples; it is found from one start. For the others it
    is the best of several climbs.

    References
    ----------
    .. [1] C. Lu, "Semantic Information G Theory and Logical Bayesian Inference for Machine Learning", Information
       10:261, 2019 (objective recalled, gradients derived).

    Examples
    --------
    >>> import numpy as np
    >>> from gtheory.truth import Logistic
    >>> age = np.arange(101.0)
    >>> prior = np.exp(-((age - 40) ** 2) / 450)
    >>> used = 0.7 * Logistic(18.0, 0.5)(age)  # how often those of an age are called adult
    >>> found = fit_truth(Logistic, age, positive_weights=prior * used, population_weights=prior)
    >>> round(found.truth.centre, 3), round(found.truth.slope, 3)
    (18.0, 0.5)
    """
    caller = "fit_truth"
    nats = nats_per_unit(base, caller)
    if family not in _FAMILIES:
        raise ParameterError(
            f"{caller}: `family` must be one of {', '.join(f.__name__ for f in _FAMILIES)}; got {family!r}."
        )
    if disbelief != "fit" and not 0 <= disbelief < 1:
        raise ParameterError(f"{caller}: `disbelief` must be in [0, 1) or 'fit'; got {disbelief!r}.")
    if not (tol > 0 and max_iter >= 1):
        raise ParameterError(f"{caller}: `tol` and `max_iter` must be positive; got {tol!r} and {max_iter!r}.")
    sample = sample_of(family, positives, population, positive_weights, population_weights)
    held = _held(family, fixed)
    if start is not None:
        doubted = disbelief == "fit"
        believed = start.truth if doubted and isinstance(start, Disbelief) else start
        if doubted != isinstance(start, Disbelief) or not isinstance(believed, family):
            raise ParameterError(
                f"{caller}: `start` must be a {'Disbelief of a ' if doubted else ''}{family.__name__}; got {start!r}."
            )
        believed = dataclasses.replace(believed, **held)
        start = dataclasses.replace(start, truth=believed) if isinstance(start, Disbelief) else believed
    search = _Search(sample, tuple(held), tol, max_iter)
    degree = 0.0 if disbelief == "fit" else float(disbelief)
    starts: list[TruthFunction] = [start] if start is not None else starts_of(family, sample, held, search.information)
    if disbelief == "fit" and start is None:
        plain = search.best(starts)
        best = search.best([Disbelief(s, b) for s in [plain.truth, *starts[:3]] for b in _DEGREES])
        if best.value <= plain.value + _SAME:
            best = dataclasses.replace(plain, truth=Disbelief(plain.truth, 0.0))
    else:
        if degree:
            search.held = (*search.held, "degree")
            starts = [Disbelief(s, degree) for s in starts]
        best = search.best(starts)
    if best.at_bound:
        warnings.warn(
            f"{caller}: {' and '.join(best.at_bound)} at a bound; the {family.__name__} of most information about "
            f"these examples lies at infinity, or all beyond the bound are as good ({best.value / nats:.6g} "
            f"{unit_name(base)}).",
            ConvergenceWarning,
            stacklevel=2,
        )
    elif best.slope > tol:
        warnings.warn(
            f"{caller}: not converged; a slope of {best.slope:.2g} nats is left after {search.n_iter} iterations. "
            "Raise `max_iter`.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return TruthFit(
        truth=best.truth,
        information=best.value / nats,
        base=float(base),
        converged=not best.at_bound and best.slope <= tol,
        at_bound=best.at_bound,
        n_iter=search.n_iter,
    )


@dataclasses.dataclass(frozen=True)
class _Point:
    truth: TruthFunction
    value: float  # nats
    slope: float  # largest derivative that is not pressed against a bound
    at_bound: tuple[str, ...]


class _Search:
    """Climbs on one sample, counting iterations."""

    def __init__(self, sample: Sample, held: tuple[str, ...], tol: float, max_iter: int) -> None:
        self.sample, self.held, self.tol, self.max_iter = sample, held, tol, max_iter
        self.n_iter = 0

    def information(self, truth: TruthFunction) -> float:
        """Return what the label says of the positives, in nats."""
        s = self.sample
        return float(s.w @ truth.log(s.positives)) - _total(np.log(s.v) + truth.log(s.population))

    def best(self, starts: list[TruthFunction]) -> _Point:
        """Climb from each start, and look whether the best point could as well be at a bound."""
        found = max((self._climb(start) for start in starts), key=lambda point: point.value)
        return self._pressed(found)

    def _climb(self, truth: TruthFunction, pinned: str = "") -> _Point:
        value, slope, pressed, left = -math.inf, math.inf, (), self.max_iter
        for _ in range(_ROUNDS):
            chart, bounds = self._chart(truth, pinned)
            low, high = np.array(bounds).T
            z, free = np.clip(chart.origin, low, high), low < high
            if free.any():
                result = minimize(
                    functools.partial(self._objective_of, chart, z, free),
                    z[free],
                    jac=True,
                    method="L-BFGS-B",
                    bounds=[bound for bound, moves in zip(bounds, free, strict=True) if moves],
                    options={
                        "maxiter": self.max_iter,
                        "ftol": 1e-15,
                        "gtol": self.tol / 100,
                        "maxcor": 20,
                        "maxls": 40,
                    },
                )
                self.n_iter += int(result.nit)
                left -= int(result.nit)
                z[free] = result.x
            loss, descent = self._objective(chart, z)
            value, truth = -loss, chart.truth(z)
            pressed = chart.pressed(z, bounds)
            slope = _projected(z, descent, chart, bounds)
            if slope <= self.tol / 100 or pressed or left <= 0:
                break
        return _Point(truth, value, slope, pressed)

    def _pressed(self, point: _Point) -> _Point:
        """Move to a bound each parameter that loses nothing by it."""
        chart, bounds = self._chart(point.truth)
        for i, (low, high) in enumerate(bounds):
            if low == high or chart.names[i] in (*chart.soft, *point.at_bound):
                continue
            for edge in (low, high):
                z = chart.origin.copy()
                z[i] = edge
                if math.isinf(edge) or -self._objective(chart, z)[0] < point.value - 0.01:
                    continue
                pinned = self._climb(chart.truth(z), pinned=chart.names[i])
                if pinned.value >= point.value - _SAME:
                    at = tuple(dict.fromkeys((*point.at_bound, *pinned.at_bound, chart.names[i])))
                    return self._pressed(dataclasses.replace(pinned, at_bound=at))
        return point

    def _chart(self, truth: TruthFunction, pinned: str = "") -> tuple[Chart, Bounds]:
        held = (*self.held, pinned)
        chart = chart_about(truth, self.sample.extent, held)
        bounds = [
            (at, at) if name in held else bound
            for name, at, bound in zip(chart.names, chart.origin.tolist(), chart.bounds(), strict=True)
        ]
        return chart, bounds

    def _objective_of(self, chart: Chart, z: Floats, free: NDArray[np.bool_], values: Floats) -> tuple[float, Floats]:
        whole = z.copy()
        whole[free] = values
        loss, descent = self._objective(chart, whole)
        return loss, descent[free]

    def _objective(self, chart: Chart, z: Floats) -> tuple[float, Floats]:
        s = self.sample
        population, slopes = chart.log(z, s.population)
        positives, rises = chart.log(z, s.positives)
        weighted = np.log(s.v) + population
        total = _total(weighted)
        value = float(s.w @ positives) - total
        return -value, np.exp(weighted - total) @ slopes - s.w @ rises


def _total(logs: Floats) -> float:
    return float(np.asarray(logsumexp(logs), dtype=np.float64))


def _projected(z: Floats, descent: Floats, chart: Chart, bounds: Bounds) -> float:
    """Largest derivative, but for those that press against a bound."""
    soft = np.array([name in chart.soft for name in chart.names])
    low, high = np.array(bounds).T
    free = soft & (low < high)
    step = z - np.clip(z - descent, low, high)
    return float(np.abs(np.where(free, descent, step)).max())


def _held(family: type[TruthFunction], fixed: Mapping[str, Any] | None) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(family) if field.init]  # pyright: ignore[reportArgumentType]
    held = dict(fixed or {})
    unknown = sorted(held.keys() - set(names))
    if unknown:
        raise ParameterError(
            f"fit_truth: `fixed` must name parameters of {family.__name__} ({', '.join(names)}); got "
            f"{', '.join(unknown)}."
        )
    absent = [name for name, value in held.items() if value is None]
    if absent:
        raise ParameterError(f"fit_truth: `fixed` gives no value for {', '.join(absent)}; leave out what is not known.")
    return held
