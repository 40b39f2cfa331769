r"""Search for the information bottleneck's encoder: the self-consistent equations, extrapolated, from several starts.

They only find local optima, so starts compete. One comes from a convex problem: if the clusters could only speak of the
laws of y in a list, the bottleneck would be rate distortion with the divergence from those laws, which is solved for
good.

References
----------
.. [1] N. Tishby, F. Pereira, W. Bialek, "The Information Bottleneck Method", arXiv:physics/0004057, 2000.
.. [2] R. Varadhan, C. Roland, "Simple and Globally Convergent Methods for Accelerating the Convergence of Any EM
   Algorithm", Scand. J. Stat. 35:335, 2008 (the extrapolation).
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import warnings

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ConvergenceWarning
from infocore.rate._bottleneck_bounds import critical_beta, line_coordinates
from infocore.rate._solver import solve
from infocore.semantic import Floats

_JOINED = 400  # clusters of the convex problem that are looked at, the heaviest; pairs cost their square


@dataclasses.dataclass(frozen=True, eq=False)
class Law:
    """The law of x and y without the x that never happen."""

    joint: Floats
    happens: NDArray[np.bool_]
    px: Floats
    w: Floats
    py: Floats
    noise: Floats  # H(Y|x)
    information: float
    critical_beta: float
    place: Floats | None

    @staticmethod
    def of(joint: Floats) -> "Law":
        from scipy.special import xlogy

        happens = np.asarray(joint.any(1))
        table = joint[happens]
        px = table.sum(1)
        w = table / px[:, None]
        py = px @ w
        noise = -xlogy(w, w).sum(1)
        information = max(0.0, float(-xlogy(py, py).sum() - px @ noise))
        return Law(table, happens, px, w, py, noise, information, critical_beta(joint), line_coordinates(w))

    def measured(self, encoder: Floats) -> tuple[float, float, Floats, Floats]:
        """Return I(X; T), I(T; Y), P(t) and P(y|t)."""
        from scipy.special import xlogy

        pt = self.px @ encoder
        safe = np.where(pt > 0, pt, 1.0)
        decoder = encoder.T @ self.joint / safe[:, None]
        rate = float(self.px @ (xlogy(encoder, encoder) - xlogy(encoder, safe)).sum(1))
        kept = -xlogy(self.py, self.py).sum() + float(pt @ xlogy(decoder, decoder).sum(1))
        return max(0.0, rate), max(0.0, float(kept)), pt, decoder

    def exponents(self, encoder: Floats, beta: float) -> Floats:
        """Return the logarithms of the encoder that the equations give next, up to a constant in each row."""
        _, _, pt, decoder = self.measured(encoder)
        tiny = 1e-300
        return np.log(np.maximum(pt, tiny)) + beta * (self.w @ np.log(np.maximum(decoder, tiny)).T)


def _softmax(exponents: Floats) -> Floats:
    mass = np.exp(exponents - exponents.max(1, keepdims=True))
    return mass / mass.sum(1, keepdims=True)


def _objective(law: Law, beta: float, encoder: Floats) -> float:
    rate, relevance, _, _ = law.measured(encoder)
    return rate - beta * relevance


def best_encoder(law: Law, beta: float, starts: list[Floats], tol: float, max_iter: int) -> tuple[Floats, float, int]:
    """Return the encoder of the smallest objective; the one that tells nothing is always a candidate."""
    best, residual, total = np.ones((len(law.px), 1)), 0.0, 0
    lowest = 0.0
    for start in starts:
        encoder, moved, n_iter = _polished(law, beta, start, tol, max_iter)
        total += n_iter
        value = _objective(law, beta, encoder)
        if value < lowest - 1e-12 * (1.0 + beta):
            best, residual, lowest = encoder, moved, value
    return best, residual, total


def _polished(law: Law, beta: float, encoder: Floats, tol: float, max_iter: int) -> tuple[Floats, float, int]:
    """Repeat the self-consistent equations, extrapolated where that goes lower, until they change nothing."""
    n_iter = 0
    while True:
        encoder = _merged(law, encoder)
        first = law.exponents(encoder, beta)
        after = _softmax(first)
        n_iter += 1
        residual = 0.5 * float(np.abs(after - encoder).sum(1).max())
        if residual <= tol or n_iter + 4 > max_iter:
            return encoder, residual, n_iter
        second = law.exponents(after, beta)
        third = law.exponents(_softmax(second), beta)
        n_iter += 2
        step, turn = second - first, third - 2.0 * second + first
        step, turn = (a - a.mean(1, keepdims=True) for a in (step, turn))
        length = float(np.linalg.norm(step) / max(np.linalg.norm(turn), 1e-300))
        plain = _softmax(third)
        encoder, lowest = plain, _objective(law, beta, plain)
        if length > 1.0:
            bold = _softmax(law.exponents(_softmax(first + 2.0 * length * step + length**2 * turn), beta))
            n_iter += 1
            if _objective(law, beta, bold) <= lowest:
                encoder = bold


def _merged(law: Law, encoder: Floats) -> Floats:
    """Drop empty clusters and join those that say the same of y, which lowers the rate and keeps the relevance."""
    _, _, pt, decoder = law.measured(encoder)
    groups: list[int] = []
    label = np.full(len(pt), -1)
    for t in np.argsort(-pt, kind="stable"):
        if pt[t] <= 1e-13:
            continue
        near = [g for g, leader in enumerate(groups) if np.abs(decoder[leader] - decoder[t]).sum() <= 1e-7]
        if not near:
            groups.append(int(t))
        label[t] = near[0] if near else len(groups) - 1
    joined = np.zeros((len(encoder), len(groups)))
    for t in np.flatnonzero(label >= 0):
        joined[:, label[t]] += encoder[:, t]
    return joined / joined.sum(1, keepdims=True)


def convex_start(law: Law, beta: float, limit: int) -> Floats:
    """Solve the convex problem in which clusters may only have laws of y from a list."""
    from scipy.special import xlogy

    if law.place is not None:
        places = np.sin(np.linspace(0.0, 0.5 * np.pi, 301)) ** 2
        low, high = law.w[np.argmin(law.place)], law.w[np.argmax(law.place)]
        laws = np.outer(1.0 - places, low) + np.outer(places, high)
    else:
        shares = (1.0, 0.75, 0.5, 0.25)
        laws = np.concatenate([law.py[None], *[a * law.w + (1.0 - a) * law.py for a in shares]])
    cross = law.w @ np.log(np.maximum(laws, 1e-300)).T
    cross[(law.w > 0).astype(float) @ (laws <= 0).T > 0] = -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is only where to begin
        ch = solve(law.px, cross + xlogy(law.w, law.w).sum(1)[:, None], beta, 1e-7, 200, None, "blahut_arimoto").ch
    encoder = ch[:, law.px @ ch > 1e-9]
    encoder = _joined(law, encoder[:, np.argsort(-(law.px @ encoder), kind="stable")[: max(limit, _JOINED)]], limit)
    return encoder / encoder.sum(1, keepdims=True)


def _joined(law: Law, encoder: Floats, limit: int) -> Floats:
    """Join, two by two, the clusters whose union loses the least information on y, until `limit` are left."""
    _, _, pt, decoder = law.measured(encoder)
    loss = np.full((len(pt), len(pt)), np.inf)
    excess = len(pt) - limit
    if excess <= 0:
        return encoder
    encoder, mass = encoder.copy(), pt[:, None] * decoder
    for t in range(len(pt)):
        loss[t, :t] = _losses(mass, t)[:t]
    for _ in range(excess):
        a, b = np.unravel_index(np.argmin(loss), loss.shape)
        encoder[:, a] += encoder[:, b]
        mass[a] += mass[b]
        encoder[:, b], mass[b] = 0.0, 0.0
        renewed = np.where(mass.sum(1) > 0, _losses(mass, int(a)), np.inf)
        loss[a, :a], loss[a + 1 :, a] = renewed[:a], renewed[a + 1 :]
        loss[b, :], loss[:, b] = np.inf, np.inf
    return encoder[:, mass.sum(1) > 0]


def _losses(mass: Floats, t: int) -> Floats:
    """Return the information on y that is lost when cluster t is joined with each."""
    from scipy.special import xlogy

    def joint_entropy(table: Floats) -> Floats:
        return xlogy(table, table).sum(1) - xlogy(table.sum(1), table.sum(1))

    own = joint_entropy(mass)
    return own + own[t] - joint_entropy(mass + mass[t])
