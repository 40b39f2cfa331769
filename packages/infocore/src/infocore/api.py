"""`mutual_information`: one call for two columns or two blocks of columns, whatever they hold."""

import importlib
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import check_level, generator, paired, sample
from infocore.errors import MissingExtraError, ParameterError
from infocore.estimators import KSG, AutoMI, DiscreteMI, GaussianMI, MixedKSG
from infocore.result import MIEstimate, Units

__all__ = ["METHODS", "Method", "feature_scores", "mutual_information"]

Method = Literal["auto", "gaussian", "ksg", "discrete", "mixed", "infonce"]
METHODS: tuple[str, ...] = get_args(Method)

_FIT_FREE = {"auto": AutoMI, "gaussian": GaussianMI, "ksg": KSG, "discrete": DiscreteMI, "mixed": MixedKSG}
_EXTRA = ("torch", "safetensors", "jaxtyping")


def mutual_information(
    x: Any,
    y: Any,
    *,
    method: Method = "auto",
    units: Units = "nats",
    ci_level: float = 0.9,
    blocks: Any = None,
    rng: int | np.random.Generator = 0,
) -> MIEstimate:
    """Estimate the mutual information of x and y.

    Parameters
    ----------
    x, y : array-like of shape (n,), (n, dx) or (n, dy), or pandas Series or DataFrame
        Paired samples: numbers, booleans, text or categories, also mixed in one data frame.
    method : {"auto", "gaussian", "ksg", "discrete", "mixed", "infonce"}
        "auto" chooses by the kinds of the columns and says why in ``diagnostics["reason"]``; "infonce" trains a critic
        and reports on rows it neither trained nor stopped on (needs the torch extra).
    units : {"nats", "bits"}
        Of the answer.
    ci_level : float
        Nominal coverage of the interval; what it covers in fact is in the guide.
    blocks : int or array of shape (n,), optional
        For rows that depend on each other: a block length (series) or one group label a row. The standard error is
        then that of independent blocks. Not for "infonce".
    rng : int or numpy Generator
        Seed of the split and of the training; the fit-free methods draw nothing.

    Returns
    -------
    MIEstimate
        With value, interval, direction, cap and diagnostics. A negative value is never clipped.

    Raises
    ------
    ParameterError
        If `method`, `units`, `ci_level`, `blocks` or `rng` cannot be.
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        If the data are not two paired samples of a kind that the method reads.
    MissingExtraError
        If "infonce" is asked for and torch is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> print(mutual_information(x, x + rng.standard_normal(2000), units="bits"))  # truth 0.5
    0.493 bits (90% CI 0.435 to 0.551, n=2000, ksg)
    """
    caller = "mutual_information"
    if method not in METHODS:
        raise ParameterError(f"{caller}: `method` must be one of {', '.join(METHODS)}; got {method!r}.")
    if units not in get_args(Units):
        raise ParameterError(f"{caller}: `units` must be one of {', '.join(get_args(Units))}; got {units!r}.")
    check_level(ci_level, caller)
    generator(rng, caller)
    if method == "infonce":
        if blocks is not None:
            raise ParameterError(f'{caller}: `blocks` is not offered with method="infonce", which splits rows singly.')
        estimate = _infonce(x, y, ci_level, rng)
    else:
        estimate = _FIT_FREE[method]().fit_estimate(x, y, rng=rng, ci_level=ci_level, blocks=blocks)
    return estimate.to(units)


def feature_scores(
    X: Any, y: ArrayLike, *, method: Method = "auto", rng: int | np.random.Generator = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mutual information of each column of X with y, as a score function for scikit-learn's selectors.

    Parameters
    ----------
    X : array-like of shape (n, d), or pandas DataFrame
        Features.
    y : array-like of shape (n,)
        Target, continuous or discrete.
    method : str
        As in `mutual_information`, for each column alone.
    rng : int or numpy Generator
        As in `mutual_information`.

    Returns
    -------
    array of shape (d,)
        In nats; scores below zero are left as they are.

    Raises
    ------
    InfoError
        As `mutual_information`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((1000, 3))
    >>> feature_scores(X, X[:, 1] > 0).round(2).tolist()  # log 2 in the second
    [-0.0, 0.69, 0.02]
    """
    checked = sample(X, "feature_scores", "X")
    columns = (
        X.iloc if hasattr(X, "iloc") and getattr(X, "ndim", 1) == 2 else np.asarray(X).reshape(len(checked.values), -1)
    )
    return np.array(
        [mutual_information(columns[:, j], y, method=method, rng=rng).value for j in range(len(checked.names))],
        np.float64,
    )


def _infonce(x: Any, y: Any, ci_level: float, rng: int | np.random.Generator) -> MIEstimate:
    pair = paired(x, y, "mutual_information", min_samples=20)
    a, b = (side.numbers("mutual_information") for side in (pair.x, pair.y))
    try:
        variational = importlib.import_module("infocore.torch.variational")
    except MissingExtraError:
        raise
    except ImportError as e:
        if (e.name or "").split(".")[0] not in _EXTRA:
            raise
        raise MissingExtraError(
            'mutual_information: method="infonce" needs torch, which is not installed. In a checkout: '
            "pip install -c constraints.txt './packages/infocore[torch]'"
        ) from e
    return cast("MIEstimate", variational.VariationalMI().fit_estimate(a, b, rng=rng, ci_level=ci_level))
