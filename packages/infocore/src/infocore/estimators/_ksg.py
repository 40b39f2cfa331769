"""The formula of k-nearest-neighbour estimates, what it takes, and what can be made of several k."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from collections.abc import Sequence
from numbers import Real
from typing import Literal, get_args

import numpy as np

from infocore._validate import Floats, Ints, Pair
from infocore.errors import ParameterError, ShapeError, TooFewSamplesError
from infocore.estimators._neighbours import Joint, joint_counts, normal_scores, standardised

__all__ = [
    "Margins",
    "bias_power",
    "check_k",
    "check_workers",
    "extrapolation_weights",
    "ksg_terms",
    "ksg_values",
    "prepared",
    "scaled",
]

Margins = Literal["standard", "rank", "none"]


def ksg_values(x: Floats, y: Floats, ks: Sequence[int], *, workers: int = 1) -> dict[int, tuple[float, Floats]]:
    r"""KSG, variant 1, for several k from one search.

    Parameters
    ----------
    x, y : arrays of shape (n,) or (n, d), float64
        Paired samples of finite numbers, at the scale at which they are to be compared: nothing is checked or scaled.
    ks : sequence of int
        Neighbours, each in 1 .. n - 2.
    workers : int
        Threads; -1 for all.

    Returns
    -------
    dict
        For each k, in the order given, the estimate in nats and the terms of which it is the mean, shape (n,).

    Raises
    ------
    ShapeError
        If the arrays are not paired.
    ParameterError, TooFewSamplesError
        If there is no k, or one or `workers` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> {k: round(v, 3) for k, (v, _) in ksg_values(x, x + rng.standard_normal(2000), [3, 10]).items()}  # truth 0.347
    {3: 0.335, 10: 0.341}
    """
    first, second = (np.ascontiguousarray(a[:, None] if a.ndim == 1 else a, dtype=np.float64) for a in (x, y))
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        raise ShapeError(f"ksg_values: `x` and `y` must be (n,) or (n, d) of one n; got {x.shape} and {y.shape}.")
    if not len(ks):
        raise ParameterError("ksg_values: `ks` must name at least one number of neighbours; got none.")
    check_workers(workers, "ksg_values")
    for k in ks:
        check_k(k, len(first), "ksg_values")
    searched = np.unique(np.array(ks, np.int64))
    terms = ksg_terms(joint_counts(first, second, searched, workers=workers), searched)
    at = {int(k): terms[:, c] for c, k in enumerate(searched)}
    return {int(k): (float(at[int(k)].mean()), at[int(k)]) for k in ks}


def prepared(pair: Pair, margins: Margins, caller: str) -> tuple[Floats, Floats]:
    """Return both sides as numbers, at the scale asked for; errors as `scaled`, and KindError for text."""
    return scaled(pair.x.numbers(caller), margins, caller), scaled(pair.y.numbers(caller), margins, caller)


def scaled(a: Floats, margins: Margins, caller: str) -> Floats:
    """Return columns at the scale asked for.

    Raises
    ------
    ParameterError
        If `margins` is none of the three.
    """
    if margins not in get_args(Margins):
        raise ParameterError(f'{caller}: `margins` must be "standard", "rank" or "none"; got {margins!r}.')
    if margins == "none":
        return a
    return standardised(a) if margins == "standard" else normal_scores(a)


def check_k(k: int, n: int, caller: str) -> None:
    """Refuse a number of neighbours that is not in 1 .. n - 2."""
    if isinstance(k, bool) or not isinstance(k, Real) or not float(k).is_integer() or k < 1:
        raise ParameterError(f"{caller}: `k` must be a whole number >= 1; got {k!r}.")
    if n < k + 2:
        raise TooFewSamplesError(f"{caller}: needs at least k + 2 = {k + 2} rows; got {n}.")


def check_workers(workers: int, caller: str) -> None:
    """Refuse a number of threads that is neither 1, 2, ... nor -1, which stands for all cores."""
    if isinstance(workers, bool) or not hasattr(workers, "__index__") or (workers < 1 and workers != -1):
        raise ParameterError(f"{caller}: `workers` must be at least 1, or -1; got {workers!r}.")


def ksg_terms(joint: Joint, ks: Ints) -> Floats:
    """Terms of variant 1, shape (n, len(ks))."""
    from scipy.special import digamma

    # with copies the radius is 0 and nothing is strictly inside, not even the point itself
    nx, ny = np.maximum(joint.nx, 1), np.maximum(joint.ny, 1)
    psi = digamma(np.arange(1, 1 + max(int(nx.max()), int(ny.max()))))
    return digamma(ks) + digamma(len(nx)) - psi[nx - 1] - psi[ny - 1]


def bias_power(columns: int) -> float:
    """Power of k / n with which bias is taken to grow.

    Chosen on normal laws and on uniform noise. In two columns what is left of bias comes from edges of the support, as
    the radius goes; in more, smooth densities take over, at 2 / columns in theory, which overshoots at these n.
    """
    return 0.5 if columns == 2 else min(1.0, 3 / columns)


def extrapolation_weights(ks: Ints, n: int, columns: int, power: float | None = None) -> Floats:
    """Weights of the estimates at several k: the intercept of a line in ``(k / n) ** power``."""
    power = bias_power(columns) if power is None else power
    size = np.sqrt(ks)  # the variance of an estimate falls about as 1 / k
    design = np.stack([np.ones(len(ks)), (ks / n) ** power], axis=1) * size[:, None]
    return np.linalg.pinv(design)[0] * size
