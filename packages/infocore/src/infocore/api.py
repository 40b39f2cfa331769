"""`mutual_information`: one call for two columns or two blocks of columns, whatever they hold."""

import dataclasses
import importlib
import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from infocore._settings import check_flag
from infocore._validate import check_level, generator, paired, sample
from infocore.errors import MissingExtraError, ParameterError
from infocore.estimators import (
    KSG,
    LNC,
    AutoMI,
    DiscreteMI,
    GaussianCopulaMI,
    GaussianMI,
    HistogramMI,
    KozachenkoLeonenkoMI,
    MixedKSG,
    RossMI,
    SlicedMI,
    TCopulaMI,
)
from infocore.estimators._base import MIEstimator
from infocore.result import MIEstimate, Units

__all__ = ["METHODS", "Method", "estimator_of", "feature_scores", "mutual_information"]

Method = Literal[
    "auto",
    "gaussian",
    "gaussian-copula",
    "t-copula",
    "ksg",
    "lnc",
    "kozachenko-leonenko",
    "mixed",
    "ross",
    "discrete",
    "histogram",
    "sliced",
    "crossfit",
    "infonce",
    "density",
    "club",
    "l1out",
    "copula-critic",
    "latent",
    "flow",
    "diffusion",
]
METHODS: tuple[str, ...] = get_args(Method)

_FIT_FREE: dict[str, Callable[[], Any]] = {
    "gaussian": GaussianMI,
    "gaussian-copula": GaussianCopulaMI,
    "t-copula": TCopulaMI,
    "ksg": KSG,
    "lnc": LNC,
    "kozachenko-leonenko": KozachenkoLeonenkoMI,
    "mixed": MixedKSG,
    "ross": RossMI,
    "discrete": DiscreteMI,
    "histogram": HistogramMI,
    "sliced": SlicedMI,
}
# Trained, with torch: module and class under infocore.torch, and settings that are not the default.
_TRAINED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "crossfit": ("crossfit", "CrossFittedMI", {}),
    "infonce": ("variational", "VariationalMI", {}),
    "density": ("density", "DensityMI", {}),
    "club": ("density", "DensityMI", {"reading": "club"}),
    "l1out": ("density", "DensityMI", {"reading": "l1out"}),
    "copula-critic": ("copula_critic", "CopulaCritic", {}),
    "latent": ("latent", "LatentMI", {}),
    "flow": ("flow", "FlowMI", {}),
    "diffusion": ("diffusion", "DiffusionMI", {}),
}
# Those whose standard error knows of no blocks.
_SINGLY = {"sliced", *_TRAINED}
_EXTRA = ("torch", "safetensors", "jaxtyping")


def mutual_information(
    x: Any,
    y: Any,
    *,
    method: Method | MIEstimator = "auto",
    fast: bool = False,
    units: Units = "nats",
    ci_level: float = 0.9,
    blocks: Any = None,
    rng: int | np.random.Generator = 0,
    progress: bool = False,
) -> MIEstimate:
    """Estimate the mutual information of x and y.

    Parameters
    ----------
    x, y : array-like of shape (n,), (n, dx) or (n, dy), or pandas Series or DataFrame
        Paired samples: numbers, booleans, text or categories, also mixed in one data frame.
    method : str or estimator
        "auto" lets methods compete on held-out rows and says why in ``diagnostics["reason"]`` (`AutoMI`). By name,
        each with its default settings: without training (`infocore.estimators`) "gaussian", "gaussian-copula",
        "t-copula", "ksg", "lnc", "kozachenko-leonenko", "mixed", "ross", "discrete", "histogram", and "sliced", which
        is a quantity of its own, at most the information; trained, and read on rows that the training has not seen
        (`infocore.torch`, with the torch extra), critics ("crossfit", "infonce", "copula-critic"), densities of y given
        x ("density", the Barber-Agakov form, "club", "l1out"), "latent" codes, a "flow" of each side, and denoisers
        ("diffusion"). With other settings, the estimator itself: ``KSG(k=5)``.
    fast : bool
        For "auto" only: train no critic, so that n = 10,000 takes a few seconds at most.
    units : {"nats", "bits"}
        Of the answer.
    ci_level : float
        Nominal coverage of the interval; what it covers in fact is in the guide.
    blocks : int or array of shape (n,), optional
        For rows that depend on each other: a block length (series) or one group label a row. The standard error is
        then that of independent blocks. Not for "sliced" and what is trained.
    rng : int or numpy Generator
        Seed of the folds, of the training and of the directions of "sliced"; the other methods draw nothing.
    progress : bool
        Whether to draw progress bars of training, on stderr. Not with an estimator, which has its own settings.

    Returns
    -------
    MIEstimate
        With value, interval, direction, cap and diagnostics. A negative value is never clipped.

    Raises
    ------
    ParameterError
        If `method`, `fast`, `units`, `ci_level`, `blocks`, `rng` or `progress` cannot be.
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        If the data are not two paired samples of a kind that the method reads.
    MissingExtraError
        If a method that is trained is asked for and torch is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> print(mutual_information(x, x + rng.standard_normal(2000), units="bits"))  # truth 0.5
    0.488 bits (90% CI 0.450 to 0.526, n=2000, t-copula)
    """
    caller = "mutual_information"
    named = isinstance(method, str)
    if method not in METHODS if named else isinstance(method, type) or not hasattr(method, "fit_estimate"):
        raise ParameterError(
            f"{caller}: `method` must be one of {', '.join(METHODS)}, or an estimator such as KSG(k=5); got {method!r}."
        )
    if units not in get_args(Units):
        raise ParameterError(f"{caller}: `units` must be one of {', '.join(get_args(Units))}; got {units!r}.")
    check_level(ci_level, caller)
    generator(rng, caller)
    check_flag(fast, caller, "fast")
    check_flag(progress, caller, "progress")
    if fast and not (named and method == "auto"):
        raise ParameterError(f'{caller}: `fast` is for method="auto"; got it with {method!r}.')
    if progress and not named:
        raise ParameterError(f"{caller}: `progress` is for methods by name; give it to the estimator, {method!r}.")
    blocked = method not in _SINGLY if named else "blocks" in inspect.signature(method.fit_estimate).parameters
    if blocks is not None and not blocked:
        shown = f'"{method}"' if named else repr(method)
        raise ParameterError(f"{caller}: `blocks` is not offered with method={shown}, which takes rows singly.")
    if named and method in _TRAINED:
        paired(x, y, caller, min_samples=20, warn=False)  # bad data is named before torch is looked for
    estimator: Any = estimator_of(method, fast=fast, progress=progress) if named else method
    options = {"blocks": blocks} if blocked else {}
    estimate: MIEstimate = estimator.fit_estimate(x, y, rng=rng, ci_level=ci_level, **options)
    return estimate.to(units)


def feature_scores(
    X: Any, y: ArrayLike, *, method: Method | MIEstimator = "auto", rng: int | np.random.Generator = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mutual information of each column of X with y, as a score function for scikit-learn's selectors.

    Parameters
    ----------
    X : array-like of shape (n, d), or pandas DataFrame
        Features.
    y : array-like of shape (n,)
        Target, continuous or discrete.
    method : str or estimator
        As in `mutual_information`, for each column alone. `AutoMI(fast=True)` trains nothing.
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
    [0.01, 0.69, 0.0]
    """
    checked = sample(X, "feature_scores", "X")
    columns = (
        X.iloc if hasattr(X, "iloc") and getattr(X, "ndim", 1) == 2 else np.asarray(X).reshape(len(checked.values), -1)
    )
    return np.array(
        [mutual_information(columns[:, j], y, method=method, rng=rng).value for j in range(len(checked.names))],
        np.float64,
    )


def estimator_of(method: str, *, fast: bool = False, progress: bool = False) -> Any:
    """Return the estimator of a method's name, with its default settings.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    fast, progress : bool
        As in `mutual_information`.

    Returns
    -------
    estimator

    Raises
    ------
    MissingExtraError
        If it needs torch and torch is not installed.
    """
    if method == "auto":
        return AutoMI(fast=fast, progress=progress)
    if method in _FIT_FREE:
        return _FIT_FREE[method]()
    module, name, settings = _TRAINED[method]
    try:
        found = importlib.import_module(f"infocore.torch.{module}")
    except MissingExtraError:
        raise
    except ImportError as e:
        if (e.name or "").split(".")[0] not in _EXTRA:
            raise
        raise MissingExtraError(
            f'mutual_information: method="{method}" needs torch, which is not installed. In a checkout: '
            "pip install -c constraints.txt './packages/infocore[torch]'"
        ) from e
    estimator = getattr(found, name)(**settings)
    if hasattr(estimator, "training"):  # settings of the training are a group of their own
        estimator.training = dataclasses.replace(estimator.training, progress=progress)
    else:
        estimator.progress = progress
    return estimator
