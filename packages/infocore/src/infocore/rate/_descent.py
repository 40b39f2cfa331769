r"""Minimise a convex function of a mixture over the simplex, by Newton's method on the few atoms that matter.

Both problems here are :math:`f(q) = \sum_i \varphi_i((C q)_i) - h \cdot q`, with many columns of C alike. The law is
kept as a background law that fades away and a short list of atoms; each step looks at every column once, lets in those
that the optimality conditions want most (in different rows, as neighbours say the same thing), and solves a small
non-negative least-squares problem. Nothing of this decides when to stop: the duality gap over all columns does.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from infocore.semantic import Floats

_SWEEPS = 10  # multiplicative steps first: they find the region in which Newton's model is good
_NEW = 64  # atoms let in at a time, or half of those there are if that is more
_LENGTHS = (1.0, 0.99, *(0.5 ** np.arange(1, 25)))  # of Newton's step
_PROXIMAL = 1e-10  # keeps atoms that do the same where they are
_PATIENCE = 60  # steps without a smaller gap after which rounding is to blame


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    r"""A convex function of a mixture, :math:`\sum_i \varphi_i(s_i) - h \cdot q` with ``s = columns @ q``.

    Parameters
    ----------
    columns : ndarray of shape (r, n)
        Non-negative, and each row has a positive entry.
    linear : ndarray of shape (n,)
        h.
    value, slope, bend : callable
        Of the state s, shape (r,): the sum of the phi, each one's derivative, and the root of its second derivative.
    gap : callable
        Of the merits ``linear - columns.T @ slope(s)`` and their mean under the law: how far f can be above its least.
    multiplier : callable
        Of the same two: by what Blahut-Arimoto's step multiplies the law.
    """

    columns: Floats
    linear: Floats
    value: Callable[[Floats], float]
    slope: Callable[[Floats], Floats]
    bend: Callable[[Floats], Floats]
    gap: Callable[[Floats, float], float]
    multiplier: Callable[[Floats, float], Floats]

    def merits(self, state: Floats) -> Floats:
        """Return minus the gradient, shape (n,): at the optimum the merit of what is used is the largest there is."""
        return self.linear - self.columns.T @ self.slope(state)

    def gap_at(self, law: Floats) -> float:
        """Return the duality gap of a law, from the law alone."""
        merits = self.merits(self.columns @ law)
        return max(0.0, self.gap(merits, float(law @ merits)))


@dataclasses.dataclass(frozen=True, eq=False)
class _Iterate:
    """A law as weights of atoms, where atom -1 is the background law and the others are columns."""

    atoms: NDArray[np.intp]
    weights: Floats
    columns: Floats
    linear: Floats
    state: Floats

    def kept(self, keep: NDArray[np.bool_]) -> "_Iterate":
        total = float(self.weights[keep].sum())
        weights, columns = self.weights[keep] / total, self.columns[:, keep]
        return _Iterate(self.atoms[keep], weights, columns, self.linear[keep], columns @ weights)

    def joined(self, problem: Problem, new: NDArray[np.intp]) -> "_Iterate":
        return _Iterate(
            np.append(self.atoms, new),
            np.append(self.weights, np.zeros(len(new))),
            np.concatenate([self.columns, problem.columns[:, new]], 1),
            np.append(self.linear, problem.linear[new]),
            self.state,
        )

    def moved(self, weights: Floats) -> "_Iterate":
        return dataclasses.replace(self, weights=weights, state=self.columns @ weights)

    def law(self, background: Floats) -> Floats:
        law = np.zeros(len(background))
        for atom, weight in zip(self.atoms, self.weights, strict=True):
            if atom < 0:
                law += weight * background
            else:
                law[atom] += weight
        return law / law.sum()


def descend(
    problem: Problem, background: Floats, start: Floats | None, tol: float, max_iter: int
) -> tuple[Floats, float, int]:
    """Descend on the simplex until the duality gap is `tol`.

    Parameters
    ----------
    problem : Problem
    background : ndarray of shape (n,)
        A law that gives every state a positive value.
    start : ndarray of shape (n,), optional
        A law near the solution.
    tol : float
        Gap to stop at.
    max_iter : int
        Largest number of looks at all columns.

    Returns
    -------
    law : ndarray of shape (n,)
        The one with the smallest gap that was met.
    gap : float
        Its duality gap.
    n_iter : int
        Steps taken.
    """
    n_iter = 0
    if start is None:
        background, n_iter, done = _sweeps(problem, background, tol, min(_SWEEPS, max_iter))
        if done or n_iter >= max_iter:
            return background, problem.gap_at(background), n_iter
    now = _begin(problem, background, start)
    best, best_gap, waited = now, np.inf, 0
    while True:
        merits = problem.merits(now.state)
        mean = float(now.weights @ (now.linear - now.columns.T @ problem.slope(now.state)))
        gap = problem.gap(merits, mean)
        waited += 1
        if gap < best_gap:
            best, best_gap, waited = now, gap, 0
        if gap <= tol or n_iter >= max_iter or waited > _PATIENCE:
            break
        n_iter += 1
        wide = now.joined(problem, _wanted(problem, now, merits, mean))
        after = _newton(problem, wide)
        after = _multiplied(problem, _towards_best(problem, wide) if after is None else after)
        now = after.kept(after.weights > 1e-14 * after.weights.max())
        if np.any(now.state < 0.5 * after.state):  # some state rests on little weight alone
            now = after.kept(after.weights > 0)
    law = best.law(background)
    return law, problem.gap_at(law), n_iter


def _sweeps(problem: Problem, law: Floats, tol: float, steps: int) -> tuple[Floats, int, bool]:
    """Take Blahut-Arimoto's own steps."""
    n_iter = 0
    while True:
        merits = problem.merits(problem.columns @ law)
        mean = float(law @ merits)
        done = problem.gap(merits, mean) <= tol
        if done or n_iter >= steps:
            return law, n_iter, done
        law = law * problem.multiplier(merits, mean)
        law /= law.sum()
        n_iter += 1


def _begin(problem: Problem, background: Floats, start: Floats | None) -> _Iterate:
    column, linear = (problem.columns @ background)[:, None], np.array([problem.linear @ background])
    first = _Iterate(np.array([-1]), np.ones(1), column, linear, column[:, 0])
    if start is None:
        return first
    atoms = np.flatnonzero(start > 1e-4 * start.max())
    wide = first.joined(problem, atoms)
    return wide.moved(np.append(0.001, 0.999 * start[atoms] / start[atoms].sum()))


def _wanted(problem: Problem, now: _Iterate, merits: Floats, mean: float) -> NDArray[np.intp]:
    """Columns to let in: the best of each row, as the best of all are each other's neighbours."""
    excess = merits - mean
    excess[now.atoms[now.atoms >= 0]] = 0.0
    better = np.flatnonzero(excess > 0)
    if len(better) == 0:
        return better
    votes = np.argmax(problem.columns[:, better] * excess[better], 1)
    weight = (problem.bend(now.state) * now.state) ** 2
    mass = np.bincount(votes, weights=weight, minlength=len(better)) * excess[better]
    mass[np.argmax(excess[better])] = np.inf
    order = np.argsort(-mass, kind="stable")[: max(_NEW, len(now.atoms) // 2)]
    return better[order[mass[order] > 0]]


def _newton(problem: Problem, now: _Iterate) -> _Iterate | None:
    """Go towards the minimum of the quadratic model over non-negative weights, as far as the function falls."""
    target = _model_minimum(problem, now)
    if target is None:
        return None
    value = _value(problem, now)
    gradient = now.columns.T @ problem.slope(now.state) - now.linear
    fall = float(gradient @ (target - now.weights))
    rounding = 4e-16 * (1.0 + abs(value))
    for length in _LENGTHS:
        trial = now.moved((1.0 - length) * now.weights + length * target)
        # a state that falls to nothing takes many steps to come back, as the model there is good for twofold rises
        if np.all(trial.state >= 0.01 * now.state) and (
            _value(problem, trial) <= value + 1e-4 * length * fall + rounding
        ):
            return trial
    return None


def _model_minimum(problem: Problem, now: _Iterate) -> Floats | None:
    from scipy.linalg import LinAlgError, cholesky, solve_triangular
    from scipy.optimize import nnls

    bend = problem.bend(now.state)
    factor = bend[:, None] * now.columns
    hessian = factor.T @ factor
    minus_gradient = now.linear - now.columns.T @ problem.slope(now.state)
    minus_gradient -= now.weights @ minus_gradient  # the sum of the weights is then 1 at the optimum by itself
    # states, and so atoms, can differ by many orders of magnitude
    scale = 1.0 / np.sqrt(np.maximum(hessian.diagonal(), 1e-200))
    hessian *= scale[:, None] * scale
    hessian[np.diag_indices(len(hessian))] += _PROXIMAL
    aim = scale * (factor.T @ (bend * now.state) + minus_gradient) + _PROXIMAL * now.weights / scale
    try:
        lower = cholesky(hessian, lower=True)
        aim = solve_triangular(lower, aim, lower=True)
        target = solve_triangular(lower, aim, lower=True, trans=1)
        if target.min() < 0:
            target, _ = nnls(lower.T, aim)
        target *= scale
    except (LinAlgError, RuntimeError, ValueError):  # not positive definite to rounding, or no end in sight
        return None
    total = float(target.sum())
    return target / total if np.isfinite(total) and total > 0 else None


def _towards_best(problem: Problem, now: _Iterate) -> _Iterate:
    """Go some way to the best single atom, where Newton's model is of no use: slow, and it cannot fail."""
    value = _value(problem, now)
    best = np.zeros(len(now.weights))
    best[np.argmax(now.linear - now.columns.T @ problem.slope(now.state))] = 1.0
    for length in _LENGTHS[2:]:
        trial = now.moved((1.0 - length) * now.weights + length * best)
        if trial.state.min() > 0 and _value(problem, trial) < value:
            return trial
    return now


def _multiplied(problem: Problem, now: _Iterate) -> _Iterate:
    """Take Blahut-Arimoto's step on the atoms: it never ascends, and lifts in one go what Newton left far too small."""
    merits = now.linear - now.columns.T @ problem.slope(now.state)
    weights = now.weights * problem.multiplier(merits, float(now.weights @ merits))
    return now.moved(weights / weights.sum())


def _value(problem: Problem, now: _Iterate) -> float:
    return problem.value(now.state) - float(now.linear @ now.weights)
