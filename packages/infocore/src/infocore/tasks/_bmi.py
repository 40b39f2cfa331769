"""The 40 laws of the BMI benchmark, version 1, under its identifiers.

P. Czyż, F. Grabowski, J. Vogt, N. Beerenwinkel, A. Marx, "Beyond Normal: On the Evaluation of Mutual Information
Estimators", NeurIPS 2023, arXiv:2306.11078. Parameters are those of benchmark-mi 0.1.3.
"""

import numpy as np

from infocore.tasks._elliptical import Additive, Gaussian, Student
from infocore.tasks._maps import (
    Chain,
    MixtureQuantile,
    Spiral,
    Wiggle,
    equicorrelated,
    half_cube,
    normal_cdf,
    swiss_roll,
)
from infocore.tasks._task import Map, Task, identity

__all__ = ["bmi_v1"]

GAUSSIAN = "canonical correlations of the Gaussian before the maps"
STUDENT = "entropies of the Student law in closed form (Arellano-Valle et al. 2013, eq. 7)"
UNIFORM = "entropies of a uniform and a trapezoid, in closed form"

WIGGLE_X = Wiggle(((0.4, 1.0, 0.0), (0.2, 1.7, 1.0), (0.03, 3.3, -2.5)))
WIGGLE_Y = Wiggle(((-0.4, 0.4, 0.0), (0.17, 1.3, 3.5), (0.02, 4.3, -2.5)))
BIMODAL_X = MixtureQuantile((0.3, 0.7), (0.0, 5.0))
BIMODAL_Y = MixtureQuantile((0.5, 0.5), (-1.0, 3.0))


def bmi_v1() -> list[Task]:
    """Return the 40 laws, in the order of the benchmark."""
    one = Gaussian(1, 1, (0.75,))
    pairs = {d: Gaussian(d, d, (0.8, 0.8)) for d in (2, 3, 5, 25)}
    bent = (3, 5, 25)
    return [
        _gaussian("1v1-normal-0.75", one),
        _gaussian("normal_cdf-1v1-normal-0.75", one, normal_cdf, normal_cdf),
        *(_additive(noise) for noise in (0.1, 0.75)),
        _gaussian("1v1-bimodal-0.75", one, BIMODAL_X, BIMODAL_Y),
        _gaussian("wiggly-1v1-normal-0.75", one, WIGGLE_X, WIGGLE_Y),
        _gaussian("half_cube-1v1-normal-0.75", one, half_cube, half_cube),
        _student(1, 1),
        _student(1, 1, asinh=True),
        _swiss_roll(one),
        *(_dense(d) for d in (2, 3, 5, 25, 50)),
        *(_gaussian(_sparse(d), pairs[d]) for d in pairs),
        *(_student(d, dof) for d, dof in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))),
        *(_gaussian(f"normal_cdf-{_sparse(d)}", pairs[d], normal_cdf, normal_cdf) for d in bent),
        *(_gaussian(f"half_cube-{_sparse(d)}", pairs[d], half_cube, half_cube) for d in bent),
        *(_spiral(f"spiral-{_sparse(d)}", pairs[d]) for d in bent),
        *(_spiral(f"spiral-normal_cdf-{_sparse(d)}", pairs[d], normal_cdf) for d in bent),
        *(_student(d, dof, asinh=True) for d, dof in ((2, 1), (3, 2), (5, 2))),
    ]


def _sparse(d: int) -> str:
    return f"multinormal-sparse-{d}-{d}-2-2.0"


def _gaussian(
    name: str, law: Gaussian, map_x: Map = identity, map_y: Map = identity, family: str = "gaussian copula"
) -> Task:
    return Task(name, family, law.dim_x, law.dim_y, law.information, law.spread, GAUSSIAN, law, map_x, map_y)


def _dense(d: int, correlation: float = 0.5) -> Task:
    """Every column correlates with every other, so the means of the two sides carry all the information."""
    law = Gaussian(d, d, (correlation * d / (1.0 + (d - 1) * correlation),))
    side = equicorrelated(d, correlation)
    return _gaussian(f"multinormal-dense-{d}-{d}-{correlation}", law, side, side)


def _spiral(name: str, law: Gaussian, before: Map = identity) -> Task:
    """Turn columns 0 and 1 of x, 1 and 2 of y, by squared length over dimension."""
    map_x: Map = Spiral(0, 1, 1.0 / law.dim_x)
    map_y: Map = Spiral(1, 2, 1.0 / law.dim_y)
    return _gaussian(name, law, Chain((before, map_x)), Chain((before, map_y)), "spiral")


def _swiss_roll(law: Gaussian) -> Task:
    name = "swissroll_x-normal_cdf-1v1-normal-0.75"
    roll = Chain((normal_cdf, swiss_roll))
    return Task(name, "swiss roll", 2, 1, law.information, law.spread, GAUSSIAN, law, roll, normal_cdf)


def _student(d: int, dof: int, *, asinh: bool = False) -> Task:
    law = Student(d, dof)
    name = f"student-identity-{d}-{d}-{dof}"
    side = np.arcsinh if asinh else identity
    return Task(
        f"asinh-{name}" if asinh else name, "student", d, d, law.information, law.spread, STUDENT, law, side, side
    )


def _additive(noise: float) -> Task:
    law = Additive(noise)
    return Task(f"1v1-additive-{noise}", "additive", 1, 1, law.information, law.spread, UNIFORM, law)
