r"""Simulated patients whose genotype a dose prediction gives away, with the best possible attack known.

The regression of the root of the weekly dose is the published pharmacogenetic one, the frequencies of VKORC1 within
groups are those of the consortium's table, and the residual's spread is the one measured there. **Design choices**,
made for this simulator and not taken from any table, are the frequencies of CYP2C9 and the laws of age, height,
weight and the two drugs.

Because the law is known, so is :math:`p(v | x_{ns}, y)`, and with it the accuracy that no attack can exceed.

References
----------
- International Warfarin Pharmacogenetics Consortium, "Estimation of the Warfarin Dose with Clinical and
  Pharmacogenetic Data", N Engl J Med 360:753, 2009.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from infocore.errors import ParameterError, ShapeError

__all__ = ["GENOTYPES", "WarfarinLaw", "design"]

Floats = NDArray[np.float64]

GENOTYPES = ("A/A", "A/G", "G/G")
_RACES = ("White", "Asian", "Black", "unknown")
_RACE_SHARE = (0.54, 0.29, 0.08, 0.09)
_VKORC1 = {
    "White": (0.15, 0.48, 0.37),
    "Asian": (0.79, 0.18, 0.03),
    "Black": (0.01, 0.22, 0.77),
    "unknown": (0.12, 0.48, 0.40),
}
_CYP2C9 = ("*1/*1", "*1/*2", "*1/*3", "*2/*2", "*2/*3", "*3/*3")
_CYP2C9_WHITE = (0.66, 0.19, 0.11, 0.015, 0.018, 0.007)  # design choice; of White and unknown
_CYP2C9_OTHER = (0.93, 0.01, 0.055, 0.001, 0.001, 0.003)  # design choice; of Asian and Black
_INTERCEPT, _AGE, _HEIGHT, _WEIGHT = 5.6044, -0.2614, 0.0087, 0.0128
_EFFECTS: dict[str, dict[str, float]] = {
    "vkorc1": {"A/A": -1.6974, "A/G": -0.8677, "G/G": 0.0},
    "cyp2c9": dict(zip(_CYP2C9, (0.0, -0.5211, -0.9357, -1.0616, -1.9206, -2.3312), strict=True)),
    "race": {"White": 0.0, "Asian": -0.1092, "Black": -0.2760, "unknown": -0.1032},
}
_INDUCER, _AMIODARONE = 1.1816, -0.5503


@dataclasses.dataclass(frozen=True)
class WarfarinLaw:
    """Law of simulated warfarin patients.

    Parameters
    ----------
    residual : float
        Standard deviation of the root of the weekly dose (mg) around its regression.

    Raises
    ------
    ParameterError
        If `residual` is not positive and finite.

    Notes
    -----
    Given the group, VKORC1 is independent of everything else that is known, so ``p(v | x_ns) = p(v | race)``.

    Examples
    --------
    >>> law = WarfarinLaw()
    >>> table, root_dose = law.sample(4, rng=0)
    >>> list(table.columns)
    ['race', 'age_decade', 'height', 'weight', 'cyp2c9', 'enzyme_inducer', 'amiodarone', 'vkorc1']
    >>> law.log_posterior(table, root_dose).shape  # log p(genotype | everything else, dose)
    (4, 3)
    """

    residual: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.residual < math.inf:
            raise ParameterError(f"WarfarinLaw: `residual` must be positive and finite; got {self.residual!r}.")

    def sample(self, n: int, rng: int | np.random.Generator) -> tuple[pd.DataFrame, Floats]:
        """Draw patients.

        Parameters
        ----------
        n : int
            How many.
        rng : int or numpy.random.Generator
            Seed.

        Returns
        -------
        table : data frame of n rows
            Text columns race, cyp2c9 and vkorc1; numbers age_decade, height (cm) and weight (kg); 0/1 columns
            enzyme_inducer and amiodarone.
        root_dose : array of shape (n,)
            Root of the weekly dose in mg.

        Raises
        ------
        ParameterError
            If `n` is less than 1.
        """
        if n < 1:
            raise ParameterError(f"WarfarinLaw.sample: `n` must be at least 1; got {n!r}.")
        gen = np.random.default_rng(rng)
        race = gen.choice(_RACES, size=n, p=_RACE_SHARE)
        small = race == "Asian"
        table = pd.DataFrame(
            {
                "race": race,
                "age_decade": np.clip(np.round(gen.normal(6.2, 1.4, n)), 2, 9).astype(np.int64),
                "height": np.round(gen.normal(np.where(small, 163.0, 171.0), 9.0), 1),
                "weight": np.round(np.exp(gen.normal(np.where(small, 4.12, 4.39), 0.2)), 1),
                "cyp2c9": _pick(
                    gen, np.where(np.isin(race, ("White", "unknown"))[:, None], _CYP2C9_WHITE, _CYP2C9_OTHER), _CYP2C9
                ),
                "enzyme_inducer": (gen.random(n) < 0.015).astype(np.int64),
                "amiodarone": (gen.random(n) < 0.06).astype(np.int64),
                "vkorc1": _pick(gen, np.stack([_VKORC1[r] for r in race]), GENOTYPES),
            }
        )
        return table, self.mean(table) + self.residual * gen.standard_normal(n)

    def mean(self, table: pd.DataFrame) -> Floats:
        """Expected root of the weekly dose, by the published regression.

        Parameters
        ----------
        table : data frame of n rows
            As `sample` returns it.

        Returns
        -------
        array of shape (n,)
            In root milligrams a week.

        Raises
        ------
        ParameterError
            If a column is absent or holds a value that the law does not know.
        """
        total = _INTERCEPT + _AGE * _column(table, "age_decade") + _HEIGHT * _column(table, "height")
        total = total + _WEIGHT * _column(table, "weight") + _INDUCER * _column(table, "enzyme_inducer")
        total = total + _AMIODARONE * _column(table, "amiodarone")
        for name, effects in _EFFECTS.items():
            total = total + _mapped(table, name, effects)
        return np.asarray(total, np.float64)

    def log_prior(self, table: pd.DataFrame) -> Floats:
        """Log-probability of each genotype given everything known but the dose.

        Parameters
        ----------
        table : data frame of n rows
            As `sample` returns it; vkorc1 is not read.

        Returns
        -------
        array of shape (n, 3)
            In the order of `GENOTYPES`.
        """
        return np.stack([_mapped(table, "race", {r: math.log(p[k]) for r, p in _VKORC1.items()}) for k in range(3)], 1)

    def log_posterior(self, table: pd.DataFrame, root_dose: ArrayLike) -> Floats:
        """Log-probability of each genotype given everything else and the true dose: the best attack that knows both.

        Parameters
        ----------
        table : data frame of n rows
            As `sample` returns it; vkorc1 is not read.
        root_dose : array of shape (n,)
            Root of the weekly dose.

        Returns
        -------
        array of shape (n, 3)
            In the order of `GENOTYPES`; ``exp`` of a row sums to 1.

        Raises
        ------
        ShapeError
            If there is not one dose per row.
        """
        y = np.asarray(root_dose, np.float64)
        if y.shape != (len(table),):
            raise ShapeError(
                f"WarfarinLaw.log_posterior: `root_dose` must hold one value per row, {len(table)}; got shape "
                f"{y.shape}."
            )
        means = np.stack([self.mean(table.assign(vkorc1=v)) for v in GENOTYPES], axis=1)
        return log_softmax(self.log_prior(table) - 0.5 * ((y[:, None] - means) / self.residual) ** 2, axis=1)


def design(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers for a linear model: text columns become 0/1 columns, without the one of the commonest value.

    Parameters
    ----------
    table : data frame of n rows
        As `WarfarinLaw.sample` or `load_iwpc` returns it.

    Returns
    -------
    data frame of n rows
        Floats; the sensitive attribute is the pair of columns ``vkorc1_A/A`` and ``vkorc1_A/G``.

    Raises
    ------
    ParameterError
        If a column is absent or holds a value that the law does not know.

    Examples
    --------
    >>> table, _ = WarfarinLaw().sample(3, rng=0)
    >>> [name for name in design(table).columns if name.startswith("vkorc1")]
    ['vkorc1_A/A', 'vkorc1_A/G']
    """
    numbers = ("age_decade", "height", "weight", "enzyme_inducer", "amiodarone")
    columns = {name: _column(table, name) for name in numbers}
    for name, effects in _EFFECTS.items():
        for value, effect in effects.items():
            if effect != 0.0:
                columns[f"{name}_{value}"] = _mapped(table, name, {v: float(v == value) for v in effects})
    return pd.DataFrame(columns, index=table.index).astype(np.float64)


def _pick(gen: np.random.Generator, shares: Floats, values: tuple[str, ...]) -> NDArray[Any]:
    """Draw one value a row, each row with shares of its own."""
    return np.array(values)[(gen.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(1)]


def _column(table: pd.DataFrame, name: str) -> Floats:
    if name not in table.columns:
        raise ParameterError(f"WarfarinLaw: `table` has no column {name}; it has {', '.join(map(str, table.columns))}.")
    return table[name].to_numpy(np.float64)


def _mapped(table: pd.DataFrame, name: str, values: dict[str, float]) -> Floats:
    if name not in table.columns:
        raise ParameterError(f"WarfarinLaw: `table` has no column {name}; it has {', '.join(map(str, table.columns))}.")
    strange = sorted({str(v) for v in table[name].unique()} - set(values))
    if strange:
        raise ParameterError(f"WarfarinLaw: column {name} must hold {', '.join(values)}; got {', '.join(strange)}.")
    column: Any = table[name]
    return column.map(values).to_numpy(np.float64)
