"""What both trees do before and after growing: settings, weights, columns, and what leaves say of an attribute."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.defences.tree._bins import Column, bin_columns, encode
from mid.defences.tree._criteria import CRITERIA, entropy
from mid.defences.tree._grow import Growth, Labels, Statistic, grow
from mid.defences.tree._structure import Tree
from mid.defences.tree.settings import Priority, SensitivePenalty

__all__ = [
    "Coding",
    "Rows",
    "check_settings",
    "conditional_information",
    "grow_tree",
    "leaf_information",
    "prepare",
    "weights",
]

Floats = NDArray[np.float64]
_ATTRIBUTE_VALUES = 1000  # joint values of the sensitive attribute; its histograms have a column for each


@dataclasses.dataclass(frozen=True, eq=False)
class Coding:
    """How records are coded, which columns (dx,) form the sensitive attribute, and the codes of its values (m, k)."""

    columns: list[Column]
    sensitive: NDArray[np.bool_]
    values: NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Training rows: their codes (n, dx), and the joint value of the sensitive attribute in each."""

    coding: Coding
    codes: NDArray[np.int32]
    attribute: Labels


def check_settings(model: Any, defences: tuple[type, ...], criteria: tuple[str, ...]) -> None:
    """Refuse settings that both trees have and that are outside what they can do."""
    who = type(model).__name__
    if model.criterion not in criteria:
        raise ParameterError(f"{who}: `criterion` must be one of {criteria}; got {model.criterion!r}.")
    if model.defence is not None and not isinstance(model.defence, defences):
        names = ", ".join(kind.__name__ for kind in defences)
        raise ParameterError(f"{who}: `defence` must be None or one of {names}; got {model.defence!r}.")
    if isinstance(model.defence, SensitivePenalty | Priority) and model.sensitive_features is None:
        raise ParameterError(
            f"{who}: `sensitive_features` must name the columns of the sensitive attribute for {model.defence!r}."
        )
    for name, least in (("max_depth", 1), ("min_samples_leaf", 1), ("max_bins", 2)):
        value = getattr(model, name)
        if value is not None and value < least:
            raise ParameterError(f"{who}: `{name}` must be at least {least}; got {value!r}.")


def weights(sample_weight: ArrayLike | None, n: int, caller: str) -> Floats:
    """Check the weights of n rows; ones without any."""
    if sample_weight is None:
        return np.ones(n)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise ShapeError(f"{caller}: `sample_weight` must have shape ({n},), one per row; got {weight.shape}.")
    if not np.isfinite(weight).all():
        bad = int((~np.isfinite(weight)).sum())
        raise NonFiniteError(f"{caller}: `sample_weight` holds NaN or infinity in {bad} of {n} rows.")
    if (weight < 0).any() or not weight.sum() > 0:
        raise ParameterError(
            f"{caller}: `sample_weight` must not be negative, nor zero in every row; got values from "
            f"{float(weight.min())} to {float(weight.max())}."
        )
    return weight


def prepare(model: Any, x: Floats, weight: Floats) -> Rows:
    """Code the rows (n, dx), all of positive weight."""
    who = type(model).__name__
    categorical = _columns(model, "categorical_features")
    columns = bin_columns(x, weight, categorical, model.max_bins, who)
    codes = encode(columns, x)
    sensitive = _columns(model, "sensitive_features")
    values, joint = np.unique(codes[:, sensitive], axis=0, return_inverse=True)
    if len(values) > _ATTRIBUTE_VALUES:
        raise ParameterError(
            f"{who}: `sensitive_features` together take {len(values)} values, more than {_ATTRIBUTE_VALUES}. Join "
            "values, or name fewer columns."
        )
    counted = None if (weight == 1.0).all() else weight
    return Rows(Coding(columns, sensitive, values), codes, Labels(joint.ravel(), len(values), counted))


def grow_tree(model: Any, rows: Rows, target: Statistic, unit: float = 1.0) -> Tree:
    """Grow with the settings of `model`; `unit` is what one unit of the target's impurity is worth in units of lam."""
    defence = model.defence
    priority = None
    if isinstance(defence, Priority):
        priority = math.inf if defence.depth is None else defence.depth
    growth = Growth(
        impurity=CRITERIA[model.criterion],
        lam=defence.lam / unit if isinstance(defence, SensitivePenalty) else 0.0,
        sensitive=rows.coding.sensitive,
        priority=priority,
        max_depth=math.inf if model.max_depth is None else model.max_depth,
        min_samples_leaf=model.min_samples_leaf,
    )
    return grow(rows.codes, rows.coding.columns, target, rows.attribute, growth)


def leaf_information(tree: Tree) -> float:
    """I(X_s; leaf) of the training rows, eq. 27 without a condition, in nats."""
    joint = tree.joint[tree.leaves]
    return max(0.0, float(entropy(joint.sum(0)) - entropy(joint).sum()) / float(joint.sum()))


def conditional_information(
    tree: Tree, rows: NDArray[np.int32], weight: Floats, prior: Floats, coding: Coding
) -> float:
    """I(X_s; leaf | X_ns) in nats if X_s had the law `prior` (m,) independently of the rest of `rows` (n, dx)."""
    keys = np.empty((len(rows), len(prior)), dtype=np.int64)
    changed = rows.copy()
    for v, value in enumerate(coding.values):
        changed[:, coding.sensitive] = value
        keys[:, v] = tree.apply(changed)
    keys += np.arange(len(rows))[:, None] * len(tree.leaves)
    _, reached = np.unique(keys, return_inverse=True)
    share = weight / weight.sum()
    mass = np.bincount(reached.ravel(), (prior * share[:, None]).ravel()).astype(np.float64)
    return max(0.0, float(entropy(mass) - entropy(share)))


def _columns(model: Any, argument: str) -> NDArray[np.bool_]:
    """Mask (dx,) of the columns named or numbered by a setting."""
    who, given, width = type(model).__name__, getattr(model, argument), model.n_features_in_
    mask = np.zeros(width, dtype=bool)
    if given is None:
        return mask
    names = list(getattr(model, "feature_names_in_", ()))
    for item in [given] if isinstance(given, str | int) else list(given):
        if isinstance(item, str):
            if item not in names:
                raise ParameterError(
                    f"{who}: `{argument}` names {item!r}, which is not a column of `X`; its columns are "
                    f"{names or 'without names'}."
                )
            mask[names.index(item)] = True
        elif isinstance(item, int | np.integer) and 0 <= item < width:
            mask[item] = True
        else:
            raise ParameterError(
                f"{who}: `{argument}` must hold column names or numbers from 0 to {width - 1}; got {item!r}."
            )
    if not mask.any():
        raise ParameterError(f"{who}: `{argument}` is empty; name at least one column, or leave it out.")
    return mask
