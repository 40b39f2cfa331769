"""Readers of real tables. None is stored or fetched here: they are people's records, and a user brings the file."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from infocore.errors import DataError

__all__ = ["load_adult", "load_fair", "load_iwpc", "load_steak"]

_ADULT = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
)
_STEAK = (
    "respondent",
    "lottery",
    "smoke",
    "alcohol",
    "gamble",
    "skydiving",
    "speed",
    "cheated",
    "steak",
    "preparation",
    "gender",
    "age",
    "household_income",
    "education",
    "region",
)
_FAIR = (
    "rate_marriage",
    "age",
    "yrs_married",
    "children",
    "religious",
    "educ",
    "occupation",
    "occupation_husb",
    "affairs",
)
_IWPC_RACES = {"White": "White", "Asian": "Asian", "Black or African American": "Black", "Unknown": "unknown"}
_CYP2C9 = ("*1/*1", "*1/*2", "*1/*3", "*2/*2", "*2/*3", "*3/*3")
_DRUGS = ("Carbamazepine (Tegretol)", "Phenytoin (Dilantin)", "Rifampin or Rifampicin")
# what the genotype at a neighbouring site says of rs9923231; the last entry: only where the group is known, not Black
_NEIGHBOURS = (
    ("rs2359612", {"C/C": "G/G", "T/T": "A/A", "C/T": "A/G"}, True),
    ("rs9934438", {"C/C": "G/G", "T/T": "A/A", "C/T": "A/G"}, False),
    ("rs8050894", {"G/G": "G/G", "C/C": "A/A", "C/G": "A/G"}, True),
)


def load_adult(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Read the census table "Adult" as UCI distributes it (``adult.data`` or ``adult.test``).

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    table : data frame
        14 columns; rows with missing values ("?") are kept, with "?" as a category of its own.
    income : array of shape (n,)
        1 for more than 50,000 a year.

    Raises
    ------
    DataError
        If the file cannot be read or has other columns.
    """
    frame = _csv(path, header=None, skipinitialspace=True, comment="|")
    if frame.shape[1] != len(_ADULT):
        raise DataError(f"load_adult: {path} must have {len(_ADULT)} columns; got {frame.shape[1]}.")
    frame.columns = pd.Index(_ADULT)
    income = frame.pop("income").astype(str).str.startswith(">50K").to_numpy()
    return frame, income.astype(np.int64)


def load_steak(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Read FiveThirtyEight's survey of steak eaters, ``steak-risk-survey.csv``: the set of Fredrikson et al. 2015.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    table : data frame
        Answers of those who eat steak and answered everything; ``cheated`` (Yes or No) is the sensitive one.
    preparation : array of shape (n,)
        How they like it: the label.

    Raises
    ------
    DataError
        If the file cannot be read or has other columns.
    """
    frame = _csv(path, skiprows=[1])
    if frame.shape[1] != len(_STEAK):
        raise DataError(f"load_steak: {path} must have {len(_STEAK)} columns; got {frame.shape[1]}.")
    frame.columns = pd.Index(_STEAK)
    whole: Any = frame[frame["steak"] == "Yes"].dropna().drop(columns=["respondent", "steak"]).reset_index(drop=True)
    return whole.drop(columns="preparation"), whole["preparation"].to_numpy(str)


def load_fair(path: str | os.PathLike[str] | None = None) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Read Fair's survey of married women as statsmodels ships it, ``fair.csv``.

    Parameters
    ----------
    path : path, optional
        The file; left out, the one of the statsmodels that is installed, if one is.

    Returns
    -------
    table : data frame
        8 columns of numbers; ``affairs`` (1 for any time spent in one, else 0) is the sensitive one.
    rate_marriage : array of shape (n,)
        How they rate their marriage, 1 (very poor) to 5 (very good): the label.

    Raises
    ------
    DataError
        If no path is given and statsmodels is not installed, or the file cannot be read or has other columns.

    References
    ----------
    .. [1] R. C. Fair, "A Theory of Extramarital Affairs", Journal of Political Economy 86:45, 1978.
    """
    frame = _csv(_installed_fair() if path is None else path)
    absent = [name for name in _FAIR if name not in frame.columns]
    if absent:
        raise DataError(f"load_fair: the file has no column {', '.join(absent)}.")
    table = frame.loc[:, list(_FAIR[1:])].assign(affairs=(frame["affairs"] > 0).astype(np.int64))
    return table, frame["rate_marriage"].to_numpy(np.int64)


def load_iwpc(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Read a user's own copy of the IWPC table of warfarin patients; it is never fetched and never stored.

    Parameters
    ----------
    path : path
        CSV with the consortium's column names ("Race" or "Race (OMB)", "Age", "Height (cm)", ...).

    Returns
    -------
    table : data frame
        The columns of `WarfarinLaw.sample`. Patients without a dose, an age, one of the six common CYP2C9 genotypes or
        a known VKORC1 are left out; a missing rs9923231 is filled from its neighbours by the consortium's rules;
        missing heights and weights are medians of sex and group. ``table.attrs["left_out"]`` counts the rows left out
        by reason.
    root_dose : array of shape (n,)
        Root of the weekly dose in mg.

    Raises
    ------
    DataError
        If the file cannot be read, or a column is absent.
    """
    frame = _csv(path, low_memory=False)
    race = _named(frame, "Race", "Race (OMB)").map(_IWPC_RACES).fillna("unknown")
    dose = _numbers(_named(frame, "Therapeutic Dose of Warfarin"))
    # spreadsheets read the age group "10 - 19" as a date
    ages = _named(frame, "Age").astype("string").str.replace("19-Oct", "10 - 19")
    decade = _numbers(ages.str[0])
    vkorc1 = _genotype(frame, "rs9923231")
    known = ~race.isin(["Black", "unknown"])
    for site, says, needs_group in _NEIGHBOURS:
        guess = _genotype(frame, site).map(says)
        vkorc1 = vkorc1.fillna(guess.where(known) if needs_group else guess)
    cyp2c9 = _named(frame, "Cyp2C9 genotypes", "CYP2C9 consensus")
    groups = [_named(frame, "Gender").fillna("unknown"), race]
    table = pd.DataFrame(
        {
            "race": race,
            "age_decade": decade,
            "height": _filled(_named(frame, "Height (cm)"), groups),
            "weight": _filled(_named(frame, "Weight (kg)"), groups),
            "cyp2c9": cyp2c9,
            "enzyme_inducer": sum((_taken(frame, drug) for drug in _DRUGS), pd.Series(0, frame.index)).clip(upper=1),
            "amiodarone": _taken(frame, "Amiodarone (Cordarone)"),
            "vkorc1": vkorc1,
        }
    )
    reasons = {
        "no dose": ~(dose > 0),
        "no age": decade.isna(),
        "uncommon or missing CYP2C9": ~cyp2c9.isin(_CYP2C9),
        "unknown VKORC1": ~vkorc1.isin(["A/A", "A/G", "G/G"]),
    }
    left: Any = pd.Series(False, frame.index)
    counts: dict[str, int] = {}
    for reason, rows in reasons.items():
        counts[reason] = int((rows & ~left).sum())
        left |= rows
    kept: Any = table[~left].reset_index(drop=True)
    kept["age_decade"] = kept["age_decade"].astype(np.int64)
    kept.attrs["left_out"] = counts
    return kept, np.sqrt(dose[~left].to_numpy(np.float64))


def _installed_fair() -> Path:
    found = importlib.util.find_spec("statsmodels")
    if found is None or not found.submodule_search_locations:
        raise DataError("load_fair: statsmodels, which ships the file, is not installed; pass `path`.")
    return Path(found.submodule_search_locations[0]) / "datasets" / "fair" / "fair.csv"


def _csv(path: str | os.PathLike[str], **how: Any) -> Any:
    try:
        return pd.read_csv(Path(path), **how)
    except (OSError, ValueError) as e:
        raise DataError(f"mid.data: {path} cannot be read as CSV: {e}") from e


def _named(frame: Any, *names: str) -> Any:
    for name in names:
        if name in frame.columns:
            return frame[name]
    raise DataError(f"load_iwpc: the file has no column {' or '.join(names)}.")


def _numbers(column: Any) -> Any:
    return pd.to_numeric(column, errors="coerce")


def _genotype(frame: Any, site: str) -> Any:
    """Return the genotypes at a site; its column is the one whose name holds the site's and is not the laboratory's."""
    found = [c for c in frame.columns if site in str(c) and str(c).startswith("VKORC1 genotype")]
    if not found:
        raise DataError(f"load_iwpc: the file has no column of VKORC1 genotypes at {site}.")
    return frame[found[0]].astype("string").str.replace(" ", "").astype(object).where(lambda s: s.notna(), None)


def _taken(frame: Any, drug: str) -> Any:
    return (_numbers(_named(frame, drug)) == 1).astype(np.int64)


def _filled(column: Any, groups: list[Any]) -> Any:
    numbers = _numbers(column)
    return numbers.fillna(numbers.groupby(groups).transform("median")).fillna(numbers.median())
