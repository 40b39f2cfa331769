r"""Judging reconstructions: errors, floors to beat, and intervals over classes.

Nothing here is learned or shared with an attack, so an attack cannot flatter itself.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.attacks.protocols import Access, AttackResult, Output

__all__ = ["bootstrap_over_classes", "floors", "judge", "psnr", "squared_error"]

Floats = NDArray[np.float64]


def squared_error(x: ArrayLike, reconstructions: ArrayLike) -> Floats:
    """Mean squared error of each record.

    Parameters
    ----------
    x, reconstructions : array of shape (n, dx)
        The records and the guesses.

    Returns
    -------
    array of shape (n,)
        Mean over features.

    Raises
    ------
    ShapeError
        If the two are not matrices of one shape.
    NonFiniteError
        If either holds NaN or infinity.

    Examples
    --------
    >>> squared_error([[0.0, 1.0]], [[0.0, 0.0]]).tolist()
    [0.5]
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(reconstructions, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape:
        raise ShapeError(
            f"squared_error: `x` and `reconstructions` must be matrices of one shape; got {a.shape} and {b.shape}."
        )
    for name, array in (("x", a), ("reconstructions", b)):
        bad = int((~np.isfinite(array).all(1)).sum())
        if bad:
            raise NonFiniteError(f"squared_error: `{name}` holds NaN or infinity in {bad} of {len(array)} rows.")
    return ((a - b) ** 2).mean(1)


def psnr(mse: float, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio, ``10 log10(peak^2 / mse)``.

    Parameters
    ----------
    mse : float
        Mean squared error, not negative.
    peak : float
        Largest value a feature can take.

    Returns
    -------
    float
        In dB; infinite if `mse` is 0.

    Raises
    ------
    ParameterError
        If `mse` is negative.

    Examples
    --------
    >>> psnr(0.01)
    20.0
    """
    if not mse >= 0:
        raise ParameterError(f"psnr: `mse` must not be negative; got {mse!r}.")
    return math.inf if mse == 0 else 10.0 * math.log10(peak**2 / mse)


def floors(x: ArrayLike, y: ArrayLike, x_known: ArrayLike, y_known: ArrayLike) -> tuple[float, float]:
    """Error of the two guesses that need no model: the mean of the record's class, and the mean of all.

    Parameters
    ----------
    x : array of shape (n, dx)
        Records to reconstruct.
    y : array of shape (n,)
        Their classes.
    x_known, y_known : array of shape (m, dx), array of shape (m,)
        The attacker's own records and classes, from which the means are taken.

    Returns
    -------
    tuple of two floats
        Mean squared error of the class means and of the global mean.

    Raises
    ------
    ParameterError
        If a class of `y` is missing from `y_known`.

    Examples
    --------
    >>> floors([[0.0], [2.0]], [0, 1], [[0.0], [2.0]], [0, 1])
    (0.0, 1.0)
    """
    x, y, x_known, y_known = np.asarray(x), np.asarray(y), np.asarray(x_known), np.asarray(y_known)
    classes, index = np.unique(y, return_inverse=True)
    absent = classes[~np.isin(classes, y_known)]
    if len(absent):
        raise ParameterError(
            f"floors: `y_known` has no record of class {', '.join(map(str, absent))}; the attacker needs auxiliary "
            "data of every class that is attacked."
        )
    means = np.stack([x_known[y_known == c].mean(0) for c in classes])
    everyone = np.broadcast_to(x_known.mean(0), x.shape)
    return float(squared_error(x, means[index]).mean()), float(squared_error(x, everyone).mean())


def bootstrap_over_classes(
    errors: ArrayLike, y: ArrayLike, rng: int | np.random.Generator, *, ci_level: float = 0.9, draws: int = 2000
) -> tuple[float, float]:
    """Percentile interval of a mean, with whole classes drawn instead of records.

    Parameters
    ----------
    errors : array of shape (n,)
        One number per record.
    y : array of shape (n,)
        Classes: records of one class stand or fall together, so they are drawn together.
    rng : int or numpy.random.Generator
        Seed of the draws.
    ci_level : float
        Nominal coverage, in (0, 1).
    draws : int
        Bootstrap draws.

    Returns
    -------
    tuple of two floats
        The interval. With about ten classes its coverage is a few points below nominal.

    Raises
    ------
    ParameterError
        If `ci_level` is not in (0, 1).

    Examples
    --------
    >>> bootstrap_over_classes([1.0, 1.0, 3.0], [0, 0, 1], rng=0)
    (1.0, 3.0)
    """
    if not 0 < ci_level < 1:
        raise ParameterError(f"bootstrap_over_classes: `ci_level` must be in (0, 1); got {ci_level!r}.")
    _, index = np.unique(np.asarray(y), return_inverse=True)
    total, count = np.bincount(index, weights=np.asarray(errors, dtype=np.float64)), np.bincount(index)
    picks = np.random.default_rng(rng).integers(len(count), size=(draws, len(count)))
    low, high = np.quantile(total[picks].sum(1) / count[picks].sum(1), [(1 - ci_level) / 2, (1 + ci_level) / 2])
    return float(low), float(high)


def judge(
    reconstructions: NDArray[np.floating[Any]],
    x: ArrayLike,
    y: ArrayLike,
    *,
    x_known: ArrayLike,
    y_known: ArrayLike,
    output: Output,
    queries: int,
    access: Access,
    rng: int | np.random.Generator = 0,
    ci_level: float = 0.9,
) -> AttackResult:
    """Score reconstructions against the records, beside the floors, with an interval over classes.

    Parameters
    ----------
    reconstructions : array of shape (n, dx)
        The attacker's guesses.
    x, y : array of shape (n, dx), array of shape (n,)
        The records and their classes.
    x_known, y_known : array of shape (m, dx), array of shape (m,)
        The attacker's auxiliary data: the floors are taken from them, and records of `x` among them are counted.
    output, queries, access : str, int, str
        How the answers were obtained, for the record.
    rng : int or numpy.random.Generator
        Seed of the bootstrap.
    ci_level : float
        Nominal coverage of the interval.

    Returns
    -------
    AttackResult
        The verdict.

    Examples
    --------
    >>> x, y = np.array([[0.0], [0.2], [1.0]]), np.array([0, 0, 1])
    >>> print(judge(x + 0.1, x, y, x_known=x, y_known=y, output="logits", queries=1, access="mean"))
    reconstruction MSE 0.0100 (90% CI 0.0100 to 0.0100 over 2 classes; PSNR 20.0 dB) from logits, without noise, n=3.
    3 of these records were in the attacker's own data.
    The class mean alone gives 0.0067, the global mean 0.1867.
    """
    errors = squared_error(x, reconstructions)
    class_mean, global_mean = floors(x, y, x_known, y_known)
    known = {row.tobytes() for row in np.asarray(x_known, dtype=np.float64)}
    mse = float(errors.mean())
    return AttackResult(
        reconstructions=reconstructions,
        mse=mse,
        mse_ci=bootstrap_over_classes(errors, y, rng, ci_level=ci_level),
        ci_level=ci_level,
        psnr=psnr(mse),
        class_mean_floor=class_mean,
        global_mean_floor=global_mean,
        output=output,
        queries=queries,
        access=access,
        n=len(errors),
        classes=len(np.unique(np.asarray(y))),
        overlap=sum(row.tobytes() in known for row in np.asarray(x, dtype=np.float64)),
    )
