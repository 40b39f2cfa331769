"""Laws of our own, family by family, each hard for a reason of its own.

Only the independent ones and the three ``high-normal`` have an elliptical copula.
"""

import math
from typing import Protocol

import numpy as np

from infocore._validate import Floats
from infocore.tasks._channels import Curve, Modulated, Parity, Product, Ring, parabola, sine
from infocore.tasks._copulas import Checkerboard, Clayton, Frank, Gumbel
from infocore.tasks._discrete import Censored, Classes, Counts, Dropout, Table
from infocore.tasks._elliptical import Gaussian, Student
from infocore.tasks._flows import Columns, Flow, Shear, Shuffle, cauchy_quantile, pareto
from infocore.tasks._joint import Padded, Stack
from infocore.tasks._maps import Chain, Linear, Spiral, normal_cdf
from infocore.tasks._mixtures import Inliers, Mixture, mixture
from infocore.tasks._task import Law, Map, Task, identity

__all__ = ["more"]

# Information and spread, nats, of laws without a closed form, by quadrature of their joint density; 8 digits.
VALUES = {
    "x": (0.408442550, 0.746294597),
    "ai": (0.775952616, 0.869572626),
    "waves": (1.307017366, 0.383439656),
    "galaxy": (0.494297697, 0.510832441),
    "concentric": (0.312744667, 0.588037005),
    "inliers": (0.635758902, 1.156704308),
    "clayton": (0.431945622, 0.867490155),
    "gumbel": (0.375389346, 0.820500962),
    "frank": (0.490255667, 0.740053014),
    "parabola": (1.029418544, 0.763739933),
    "sine": (1.154235763, 0.653759516),
    "ring": (0.438156946, 0.615143164),
    "modulated": (0.420341321, 0.751777302),
    "product": (1.127038337, 1.221629240),
    "classes": (0.880987257, 0.811874919),
    "planes": (0.409117706, 0.565127708),
    "counts": (0.806046022, 0.863072237),
    "censored": (0.518399231, 0.759957048),
}
QUADRATURE = "quadrature of the joint density"
CLOSED = "closed form"
ADDED = "sum over independent blocks, each by quadrature or closed form"


class Known(Protocol):
    """A law that knows its value."""

    @property
    def information(self) -> float: ...

    @property
    def spread(self) -> float: ...

    def __call__(self, n: int, rng: np.random.Generator, /) -> tuple[Floats, Floats, Floats]: ...


def more() -> list[Task]:
    """Return the laws, family by family."""
    return [*_mixtures(), *_flows(), *_copulas(), *_hidden(), *_atoms(), *_tails(), *_high(), *_wide()]


def _mixtures() -> list[Task]:
    waves = Chain((Shear(5.0, 3.0), Linear(np.diag([0.1, 0.5]))))
    return [
        _valued("mixture-x", "mixture", 1, 1, _x(), "x"),
        _valued("mixture-ai", "mixture", 1, 1, _ai(), "ai"),
        _valued("mixture-waves-2-1", "mixture", 2, 1, _waves(), "waves", waves),
        _valued("mixture-galaxy-2-1", "mixture", 2, 1, _galaxy(), "galaxy", Spiral(0, 1, 0.5)),
        _valued("mixture-concentric-3-1", "mixture", 3, 1, _concentric(), "concentric"),
        _valued("mixture-inliers-5-5", "mixture", 5, 5, Inliers(Gaussian(5, 5, (0.8, 0.8)), 0.2), "inliers"),
    ]


def _flows() -> list[Task]:
    """Each side through its own random map; the base is Gaussian, Student, or what no single map makes Gaussian."""
    two, four, eight = (0.9, 0.5), (0.9, 0.7, 0.5, 0.3), (0.8, 0.8, 0.8, 0.8)
    stack = Padded(Stack((_x(), Ring(0.15))), 2, 2)
    wide = Padded(Stack((_x(), Ring(0.15), Curve(parabola, 0.1), Frank(8.0))), 4, 4)
    tail = Flow(3, 7), Flow(3, 8)
    return [
        _closed("flow-normal-2-2", "flow", 2, 2, Gaussian(2, 2, two), Flow(2, 1), Flow(2, 2)),
        _closed("flow-normal-4-4", "flow", 4, 4, Gaussian(4, 4, four), Flow(4, 3), Flow(4, 4)),
        _closed("flow-normal-8-8", "flow", 8, 8, Gaussian(8, 8, eight), Flow(8, 5), Flow(8, 6)),
        _closed("flow-student-3-3", "flow", 3, 3, Student(3, 2), *(Chain((np.arcsinh, f)) for f in tail)),
        _valued("flow-x-2-2", "flow", 2, 2, Padded(_x(), 1, 1), "x", Flow(2, 9), Flow(2, 10)),
        _added("flow-blocks-4-4", "flow", 4, 4, stack, ("x", "ring"), Flow(4, 11), Flow(4, 12)),
        _added("flow-blocks-8-8", "flow", 8, 8, wide, ("x", "ring", "parabola", "frank"), Flow(8, 13), Flow(8, 14)),
    ]


def _copulas() -> list[Task]:
    return [
        _valued("copula-clayton", "copula", 1, 1, Clayton(2.0), "clayton"),
        _valued("copula-gumbel", "copula", 1, 1, Gumbel(2.0), "gumbel"),
        _valued("copula-frank", "copula", 1, 1, Frank(8.0), "frank"),
        _closed("copula-checkerboard", "copula", 1, 1, Checkerboard(_cells())),
    ]


def _hidden() -> list[Task]:
    return [
        _valued("curve-parabola", "no correlation", 1, 1, Curve(parabola, 0.1), "parabola"),
        _valued("curve-sine", "no correlation", 1, 1, Curve(sine, 0.2), "sine"),
        _valued("curve-ring", "no correlation", 1, 1, Ring(0.15), "ring"),
        _valued("scale-modulated", "no correlation", 1, 1, Modulated(), "modulated"),
        _valued("interaction-product-2-1", "interaction", 2, 1, Product(0.3), "product"),
        _closed("interaction-parity-2-1", "interaction", 2, 1, Parity(2, 0.1)),
    ]


def _atoms() -> list[Task]:
    return [
        _valued("classes-5-1", "classes", 1, 1, Classes(_classes()), "classes"),
        _valued("classes-3-2", "classes", 1, 2, Classes(_planes()), "planes"),
        _closed("table-6-6", "discrete", 1, 1, Table(_table())),
        _valued("counts-poisson", "counts", 1, 1, Counts(5.0), "counts"),
        _valued("mixed-censored", "mixed", 1, 1, Censored(0.9, 0.3), "censored"),
        _closed("mixed-zeros", "mixed", 1, 1, Dropout(0.9, 1.0, 0.6), identity, np.exp),
        _closed("mixed-dropout", "mixed", 1, 1, Dropout(0.95, 0.7, 0.6)),
    ]


def _tails() -> list[Task]:
    cauchy = Chain((normal_cdf, cauchy_quantile))
    return [
        _independent("tails-cauchy-0", 1, 1, cauchy, cauchy),
        _independent("tails-pareto-0", 3, 3, pareto, pareto),
        _valued("tails-frank-cauchy", "heavy tails", 1, 1, Frank(8.0), "frank", cauchy_quantile, cauchy_quantile),
    ]


def _high() -> list[Task]:
    """3, 5 and 8 nats: plain, cut to pieces, and spread unevenly over three pairs that are then bent."""
    cut = Shuffle((2, 0, 3, 1)), Shuffle((1, 3, 2, 0))
    laws: list[Task] = []
    for nats in (3, 5, 8):
        one = Gaussian(1, 1, (_correlation(nats),))
        three = Gaussian(3, 3, tuple(_correlation(nats * share) for share in (0.5, 0.3, 0.2)))
        laws += [
            _closed(f"high-normal-{nats}", "high, Gaussian", 1, 1, one),
            _closed(f"high-cut-{nats}", "high, bent", 1, 1, one, *cut),
            _closed(f"high-flow-3-3-{nats}", "high, bent", 3, 3, three, Flow(3, 15), Flow(3, 16)),
        ]
    return laws


def _wide() -> list[Task]:
    pair = Gaussian(20, 2, (0.8, 0.8))
    ends = Columns(Flow(2, 19), (0, 1))
    return [
        _independent("wide-flow-10-10-0", 10, 10, Flow(10, 17), Flow(10, 18)),
        _closed("sparse-flow-20-2", "sparse", 20, 2, pair, ends, Flow(2, 20)),
        _valued("sparse-x-20-1", "sparse", 20, 1, Padded(_x(), 19, 0), "x"),
    ]


def _closed(name: str, family: str, dx: int, dy: int, law: Known, map_x: Map = identity, map_y: Map = identity) -> Task:
    return Task(name, family, dx, dy, law.information, law.spread, CLOSED, law, map_x, map_y)


def _valued(
    name: str, family: str, dx: int, dy: int, law: Law, key: str, map_x: Map = identity, map_y: Map = identity
) -> Task:
    return Task(name, family, dx, dy, *VALUES[key], QUADRATURE, law, map_x, map_y)


def _added(name: str, family: str, dx: int, dy: int, law: Law, keys: tuple[str, ...], map_x: Map, map_y: Map) -> Task:
    information = math.fsum(VALUES[key][0] for key in keys)
    spread = math.sqrt(math.fsum(VALUES[key][1] ** 2 for key in keys))
    return Task(name, family, dx, dy, information, spread, ADDED, law, map_x, map_y)


def _independent(name: str, dx: int, dy: int, map_x: Map, map_y: Map) -> Task:
    return Task(
        name, "independence", dx, dy, 0.0, 0.0, "independent by construction", Gaussian(dx, dy, ()), map_x, map_y
    )


def _correlation(nats: float) -> float:
    return math.sqrt(-math.expm1(-2.0 * nats))


def _plane(variance_x: float, variance_y: float, correlation: float = 0.0) -> Floats:
    across = correlation * math.sqrt(variance_x * variance_y)
    return np.array([[variance_x, across], [across, variance_y]])


def _x() -> Mixture:
    return mixture(1, [(0.0, 0.0)] * 2, [_plane(1.0, 1.0, r) for r in (-0.9, 0.9)])


def _ai() -> Mixture:
    means = [(1.0, 0.0), (1.0, 1.0), (1.0, -1.0), (-0.8, -0.2), (-1.2, 0.0), (-0.4, 0.0)]
    bar, serif, rung = _plane(0.01, 0.2), _plane(0.05, 0.001), _plane(0.03, 0.001)
    return mixture(1, means, [bar, serif, serif, rung, *(_plane(0.04, 0.2, r) for r in (0.95, -0.95))])


def _waves() -> Mixture:
    return mixture(2, [(1.5 * k, 0.0, 1.5 * (k % 4)) for k in range(12)], [np.diag([0.1, 1.0, 0.1])] * 12)


def _galaxy() -> Mixture:
    return mixture(2, [(-1.5,) * 3, (1.5,) * 3], [np.eye(3)] * 2)


def _concentric() -> Mixture:
    return mixture(
        3, [(0.0, 0.0, 0.0, k) for k in (1.0, 2.0, 3.0)], [np.diag([k**2] * 3 + [0.09]) for k in (1.0, 2.0, 3.0)]
    )


def _cells() -> Floats:
    """Every column says which rows are likely, and the order of the columns says nothing."""
    shares = np.array([0.70, 0.15, 0.10, 0.05])
    return np.array([np.roll(shares, shift) for shift in (2, 0, 3, 1)]) / 4.0


def _classes() -> Mixture:
    weights = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
    means = np.array([[0.0], [2.0], [-1.5], [0.5], [4.0]])
    return Mixture(0, weights, means, np.array([1.0, 0.25, 0.5, 0.04, 2.0])[:, None, None])


def _planes() -> Mixture:
    """Three classes of one mean, which only the shape of the cloud tells apart."""
    shapes = np.array([_plane(1.0, 1.0, 0.9), _plane(1.0, 1.0, -0.9), _plane(0.25, 0.25)])
    return Mixture(0, np.array([0.4, 0.35, 0.25]), np.zeros((3, 2)), shapes)


def _table() -> Floats:
    cells = np.random.default_rng(21).dirichlet(np.full(36, 0.6)).reshape(6, 6)
    return 0.95 * cells + 0.05 / 36.0
